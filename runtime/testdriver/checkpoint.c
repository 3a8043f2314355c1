/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Checkpoints of the test driver's domains. */

#include "testdriver/domain-ops.h"
#include "testdriver/moments.h"
#include <errno.h>

static void checkpoint_free(void *p)
{
        TestCheckpoint *cp = p;

        vh_checkpoint_free(cp->def);
        vh_domain_def_free(cp->dom);
        free(cp);
}

void test_checkpoints_init(VhDomainObj *dom)
{
        dom->checkpoints.def_free = checkpoint_free;
}

static int find(VhDomainObj *dom, const char *name, VhMoment **ret, VhError **err)
{
        *ret = vh_moment_find(&dom->checkpoints, name);
        if (*ret)
                return 0;
        return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_NO_DOMAIN_CHECKPOINT,
                            "no domain checkpoint with matching name '%s'", name);
}

static int lookup(VhCall *call, const remote_nonnull_domain_checkpoint *wire, VhDomainObj **dom, VhMoment **ret,
                  VhError **err)
{
        int r = test_domain(call, &wire->dom, dom, err);

        return r < 0 ? r : find(*dom, wire->name, ret, err);
}

static void set_wire(const VhDomainObj *dom, const VhMoment *m, remote_nonnull_domain_checkpoint *wire)
{
        wire->name = m->name;
        vh_domain_obj_wire(dom, &wire->dom);
}

static int check_create(const VhDomainObj *dom, uint32_t flags, VhError **err)
{
        if (dom->snapshots.all)
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "cannot create checkpoint while snapshot exists");
        if (!(flags & VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE) && !vh_domain_obj_active(dom))
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "cannot create checkpoint for inactive domain");
        return 0;
}

static VhCheckpointDisk *entry_of(const VhCheckpointDef *def, const VhDisk *disk)
{
        for (uint32_t i = 0; i < def->disks.n; i++)
                if (vh_streq(def->disks.items[i]->name, disk->target))
                        return def->disks.items[i];
        return NULL;
}

/* Every disk has an entry; one with a bitmap has its name. Disks that nobody named get one only if none was named. */
static int align_disks(const VhDomainDef *dom, VhCheckpointDef *def, VhError **err)
{
        bool all = !def->disks.n;

        for (uint32_t i = 0; i < def->disks.n; i++)
                if (!test_find_disk(dom, def->disks.items[i]->name))
                        return vh_error_set(err, VIR_FROM_DOMAIN_CHECKPOINT, VIR_ERR_CONFIG_UNSUPPORTED,
                                            "no disk named '%s'", def->disks.items[i]->name);
        for (uint32_t i = 0; i < dom->disks.n; i++) {
                const VhDisk *disk = dom->disks.items[i];
                VhCheckpointDisk *entry = entry_of(def, disk);

                if (!entry) {
                        entry = vh_checkpoint_disk_new(disk->target,
                                                       all && disk->src.path ? VH_CHECKPOINT_BITMAP : VH_CHECKPOINT_NO);
                        vh_list_add(&def->disks, entry);
                }
                if (!entry->mode)
                        entry->mode = VH_CHECKPOINT_BITMAP;
                if (entry->mode == VH_CHECKPOINT_BITMAP && !entry->bitmap)
                        entry->bitmap = vh_xstrdup(def->name);
        }
        return 0;
}

static int check_redefined(const VhDomainObj *dom, TestCheckpoint *cp, VhError **err)
{
        VhCheckpointDef *def = cp->def;
        int r;

        r = test_moment_check_name(def->name, "checkpoint", VIR_FROM_DOMAIN_CHECKPOINT, err);
        if (r < 0)
                return r;
        if (!def->creation_time.set)
                return vh_error_set(err, VIR_FROM_DOMAIN_CHECKPOINT, VIR_ERR_INTERNAL_ERROR,
                                    "missing creationTime from existing checkpoint");
        if (def->parent && !vh_moment_find(&dom->checkpoints, def->parent))
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG, "parent %s for moment %s not found",
                                    def->parent, def->name);
        if (!def->domain)
                return vh_error_set(err, VIR_FROM_DOMAIN_CHECKPOINT, VIR_ERR_INTERNAL_ERROR,
                                    "missing domain in checkpoint redefinition");
        r = test_domain_parse(def->domain, 0, &cp->dom, err);
        return r < 0 ? r
                     : test_moment_check_domain(dom, cp->dom, def->name, "checkpoint", VIR_FROM_DOMAIN_CHECKPOINT, err);
}

static int prepare(const VhDomainObj *dom, TestCheckpoint *cp, uint32_t flags, VhError **err)
{
        VhCheckpointDef *def = cp->def;

        if (flags & VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE)
                return check_redefined(dom, cp, err);
        def->creation_time = (VhOptU64){ .val = test_clock_ns() / UINT64_C(1000000000), .set = true };
        if (!def->name)
                def->name = vh_xasprintf("%llu", (unsigned long long)def->creation_time.val);
        cp->dom = vh_domain_def_copy(dom->def);
        return align_disks(cp->dom, def, err);
}

/* Links a prepared checkpoint; takes it over. */
static int add(VhDomainObj *dom, TestCheckpoint *cp, uint32_t flags, VhMoment **ret, VhError **err)
{
        bool redefine = flags & VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE;
        VhMoment *parent = dom->checkpoints.current;

        if (redefine)
                parent = cp->def->parent ? vh_moment_find(&dom->checkpoints, cp->def->parent) : NULL;
        *ret = vh_moment_add(&dom->checkpoints, cp->def->name, parent, cp);
        if (*ret)
                return 0;
        vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_OPERATION_FAILED, "domain moment %s already exists", cp->def->name);
        checkpoint_free(cp);
        return -EEXIST;
}

TEST_OP_SHARED(domain_checkpoint_create_xml)
{
        const uint32_t known = VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE | VIR_DOMAIN_CHECKPOINT_CREATE_QUIESCE;
        TestCheckpoint *cp;
        VhDomainObj *dom;
        VhMoment *m;
        int r;

        if ((args->flags & VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE_VALIDATE) &&
            !(args->flags & VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE))
                return vh_error_plain(err, VIR_FROM_DOMAIN_CHECKPOINT, VIR_ERR_INVALID_ARG,
                                      "Flag 'VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE' is required by flag "
                                      "'VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE_VALIDATE'");
        r = test_check_flags(args->flags, known, "testDomainCheckpointCreateXML", err);
        if (r == 0)
                r = test_domain(call, &args->dom, &dom, err);
        if (r == 0)
                r = check_create(dom, args->flags, err);
        if (r < 0)
                return r;
        cp = vh_new(TestCheckpoint, 1);
        r = vh_checkpoint_parse(args->xml_desc, VH_XML_STRICT, &cp->def, err);
        if (r == 0)
                r = prepare(dom, cp, args->flags, err);
        if (r < 0) {
                checkpoint_free(cp);
                return r;
        }
        r = add(dom, cp, args->flags, &m, err);
        if (r < 0)
                return r;
        dom->checkpoints.current = m;
        set_wire(dom, m, &ret->checkpoint);
        return 0;
}

TEST_OP_SHARED(domain_checkpoint_get_xml_desc)
{
        const uint32_t known =
                VIR_DOMAIN_CHECKPOINT_XML_SECURE | VIR_DOMAIN_CHECKPOINT_XML_NO_DOMAIN | VIR_DOMAIN_CHECKPOINT_XML_SIZE;
        const TestCheckpoint *cp;
        VhCheckpointDef *copy;
        VhDomainObj *dom;
        VhMoment *m;
        int r = test_check_flags(args->flags, known, "testDomainCheckpointGetXMLDesc", err);

        if (r == 0)
                r = lookup(call, &args->checkpoint, &dom, &m, err);
        if (r < 0)
                return r;
        cp = m->def;
        copy = vh_checkpoint_copy(cp->def);
        vh_strset(&copy->parent, m->parent ? m->parent->name : NULL);
        free(VH_TAKE_PTR(copy->domain));
        if (!(args->flags & VIR_DOMAIN_CHECKPOINT_XML_NO_DOMAIN))
                copy->domain = test_moment_domain_xml(
                        cp->dom, args->flags & VIR_DOMAIN_CHECKPOINT_XML_SECURE ? VH_XML_SECURE : 0);
        ret->xml = vh_call_own(call, vh_checkpoint_format(copy, 0));
        vh_checkpoint_free(copy);
        return 0;
}

static uint32_t facts(const VhMoment *m)
{
        return m->first_child ? VIR_DOMAIN_CHECKPOINT_LIST_NO_LEAVES : VIR_DOMAIN_CHECKPOINT_LIST_LEAVES;
}

static const uint32_t groups[] = { VIR_DOMAIN_CHECKPOINT_LIST_LEAVES | VIR_DOMAIN_CHECKPOINT_LIST_NO_LEAVES };
static const TestMomentKind kind = { { groups, VH_ARRAY_SIZE(groups) }, facts };
static const uint32_t list_flags = VIR_DOMAIN_CHECKPOINT_LIST_ROOTS | VIR_DOMAIN_CHECKPOINT_LIST_TOPOLOGICAL |
                                   VIR_DOMAIN_CHECKPOINT_LIST_LEAVES | VIR_DOMAIN_CHECKPOINT_LIST_NO_LEAVES;

static remote_nonnull_domain_checkpoint *list(VhCall *call, VhDomainObj *dom, const VhMoment *below, uint32_t flags,
                                              uint32_t *n)
{
        VhMoment **found = test_moments(call, &dom->checkpoints, &kind, below, flags, n);
        remote_nonnull_domain_checkpoint *val = vh_call_new(call, remote_nonnull_domain_checkpoint, *n);

        for (uint32_t i = 0; i < *n; i++)
                set_wire(dom, found[i], &val[i]);
        return val;
}

TEST_OP_SHARED(domain_list_all_checkpoints)
{
        VhDomainObj *dom;
        uint32_t n;
        int r = test_check_flags(args->flags, list_flags, "testDomainListAllCheckpoints", err);

        if (r == 0)
                r = test_domain(call, &args->dom, &dom, err);
        if (r < 0)
                return r;
        ret->checkpoints.val = list(call, dom, NULL, args->flags, &n);
        ret->checkpoints.len = args->need_results ? n : 0;
        ret->ret = (int)n;
        return 0;
}

TEST_OP_SHARED(domain_checkpoint_list_all_children)
{
        VhDomainObj *dom;
        VhMoment *m;
        uint32_t n;
        int r = test_check_flags(args->flags, list_flags, "testDomainCheckpointListAllChildren", err);

        if (r == 0)
                r = lookup(call, &args->checkpoint, &dom, &m, err);
        if (r < 0)
                return r;
        ret->checkpoints.val = list(call, dom, m, args->flags, &n);
        ret->checkpoints.len = args->need_results ? n : 0;
        ret->ret = (int)n;
        return 0;
}

TEST_OP_SHARED(domain_checkpoint_lookup_by_name)
{
        VhDomainObj *dom;
        VhMoment *m;
        int r = test_check_flags(args->flags, 0, "testDomainCheckpointLookupByName", err);

        if (r == 0)
                r = test_domain(call, &args->dom, &dom, err);
        if (r == 0)
                r = find(dom, args->name, &m, err);
        if (r == 0)
                set_wire(dom, m, &ret->checkpoint);
        return r;
}

TEST_OP_SHARED(domain_checkpoint_get_parent)
{
        VhDomainObj *dom;
        VhMoment *m;
        int r = test_check_flags(args->flags, 0, "testDomainCheckpointGetParent", err);

        if (r == 0)
                r = lookup(call, &args->checkpoint, &dom, &m, err);
        if (r < 0)
                return r;
        if (!m->parent)
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_NO_DOMAIN_CHECKPOINT,
                                    "checkpoint '%s' does not have a parent", m->name);
        set_wire(dom, m->parent, &ret->parent);
        return 0;
}

TEST_OP_SHARED_DO(domain_checkpoint_delete)
{
        const uint32_t known = VIR_DOMAIN_CHECKPOINT_DELETE_CHILDREN | VIR_DOMAIN_CHECKPOINT_DELETE_METADATA_ONLY |
                               VIR_DOMAIN_CHECKPOINT_DELETE_CHILDREN_ONLY;
        VhDomainObj *dom;
        VhMoment *m;
        int r = test_check_flags(args->flags, known, "testDomainCheckpointDelete", err);

        if (r == 0)
                r = lookup(call, &args->checkpoint, &dom, &m, err);
        if (r < 0)
                return r;
        if (args->flags & (VIR_DOMAIN_CHECKPOINT_DELETE_CHILDREN | VIR_DOMAIN_CHECKPOINT_DELETE_CHILDREN_ONLY))
                vh_moment_remove_below(&dom->checkpoints, m);
        if (!(args->flags & VIR_DOMAIN_CHECKPOINT_DELETE_CHILDREN_ONLY))
                vh_moment_remove(&dom->checkpoints, m);
        return 0;
}
