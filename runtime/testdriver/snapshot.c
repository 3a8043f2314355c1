/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Snapshots of the test driver's domains. */

#include "testdriver/domain-ops.h"
#include "testdriver/moments.h"
#include <errno.h>

static const VhSnapshotDef *def_of(const VhMoment *m)
{
        return ((const TestSnapshot *)m->def)->def;
}

static void snapshot_free(void *p)
{
        TestSnapshot *snap = p;

        vh_snapshot_free(snap->def);
        vh_domain_def_free(snap->dom);
        free(snap);
}

void test_snapshots_init(VhDomainObj *dom)
{
        dom->snapshots.def_free = snapshot_free;
}

static int find(VhDomainObj *dom, const char *name, VhMoment **ret, VhError **err)
{
        *ret = vh_moment_find(&dom->snapshots, name);
        if (*ret)
                return 0;
        return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_NO_DOMAIN_SNAPSHOT,
                            "no domain snapshot with matching name '%s'", name);
}

static int lookup(VhCall *call, const remote_nonnull_domain_snapshot *wire, VhDomainObj **dom, VhMoment **ret,
                  VhError **err)
{
        int r = test_domain(call, &wire->dom, dom, err);

        return r < 0 ? r : find(*dom, wire->name, ret, err);
}

static void set_wire(const VhDomainObj *dom, const VhMoment *m, remote_nonnull_domain_snapshot *wire)
{
        wire->name = m->name;
        vh_domain_obj_wire(dom, &wire->dom);
}

/* A snapshot of the domain as it is. */
static void take(VhDomainObj *dom, TestSnapshot *snap, uint32_t flags)
{
        VhSnapshotDef *def = snap->def;

        vh_domain_def_free(snap->dom);
        snap->dom = vh_domain_def_copy(dom->def);
        def->state = flags & VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY ? VH_SNAPSHOT_DISK_SNAPSHOT : dom->state + 1;
        def->creation_time = (VhOptU64){ .val = test_clock_ns() / UINT64_C(1000000000), .set = true };
        if (!def->name)
                def->name = vh_xasprintf("%llu", (unsigned long long)def->creation_time.val);
        if (!def->memory)
                def->memory =
                        vh_snapshot_memory_new(vh_domain_obj_active(dom) ? VH_LOCATION_INTERNAL : VH_LOCATION_NONE);
}

static bool has_disk(const VhSnapshotDef *def, const VhDisk *disk)
{
        for (uint32_t i = 0; i < def->disks.n; i++)
                if (vh_streq(def->disks.items[i]->name, disk->target) ||
                    (disk->src.path && vh_streq(def->disks.items[i]->name, disk->src.path)))
                        return true;
        return false;
}

/* Every disk of the domain has an entry: those that the client left out are taken inside the image. */
static int align_disks(const VhDomainDef *dom, VhSnapshotDef *def, VhError **err)
{
        for (uint32_t i = 0; i < def->disks.n; i++)
                if (!test_find_disk(dom, def->disks.items[i]->name))
                        return vh_error_set(err, VIR_FROM_DOMAIN_SNAPSHOT, VIR_ERR_CONFIG_UNSUPPORTED,
                                            "no disk named '%s'", def->disks.items[i]->name);
        for (uint32_t i = 0; i < dom->disks.n; i++)
                if (!has_disk(def, dom->disks.items[i]))
                        vh_list_add(&def->disks,
                                    vh_snapshot_disk_new(dom->disks.items[i]->target, VH_LOCATION_INTERNAL));
        return 0;
}

/* What a client must give when it hands back the metadata of a snapshot. */
static int check_redefined(const VhDomainObj *dom, TestSnapshot *snap, VhError **err)
{
        VhSnapshotDef *def = snap->def;
        int r;

        r = test_moment_check_name(def->name, "snapshot", VIR_FROM_DOMAIN_SNAPSHOT, err);
        if (r < 0)
                return r;
        if (!def->creation_time.set)
                return vh_error_set(err, VIR_FROM_DOMAIN_SNAPSHOT, VIR_ERR_INTERNAL_ERROR,
                                    "missing creationTime from existing snapshot");
        if (!def->state)
                return vh_error_set(err, VIR_FROM_DOMAIN_SNAPSHOT, VIR_ERR_INTERNAL_ERROR,
                                    "missing state from existing snapshot");
        if (def->parent && !vh_moment_find(&dom->snapshots, def->parent))
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG, "parent %s for moment %s not found",
                                    def->parent, def->name);
        if (!def->domain)
                return vh_error_set(err, VIR_FROM_DOMAIN_SNAPSHOT, VIR_ERR_INTERNAL_ERROR,
                                    "missing domain in snapshot");
        r = test_domain_parse(def->domain, 0, &snap->dom, err);
        return r < 0 ? r
                     : test_moment_check_domain(dom, snap->dom, def->name, "snapshot", VIR_FROM_DOMAIN_SNAPSHOT, err);
}

static int prepare(VhDomainObj *dom, TestSnapshot *snap, uint32_t flags, VhError **err)
{
        if (flags & VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE)
                return check_redefined(dom, snap, err);
        take(dom, snap, flags);
        return align_disks(snap->dom, snap->def, err);
}

static int check_create(const VhDomainObj *dom, uint32_t flags, VhError **err)
{
        if (dom->checkpoints.all)
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "cannot create snapshot while checkpoint exists");
        if (!dom->persistent && (flags & VIR_DOMAIN_SNAPSHOT_CREATE_HALT))
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_OPERATION_INVALID,
                                    "cannot halt after transient domain snapshot");
        return 0;
}

/* Links a prepared snapshot; takes it over. */
static int add(VhDomainObj *dom, TestSnapshot *snap, uint32_t flags, VhMoment **ret, VhError **err)
{
        bool redefine = flags & VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE;
        VhMoment *parent = dom->snapshots.current;
        VhMoment *old = vh_moment_find(&dom->snapshots, snap->def->name);

        if (redefine)
                parent = snap->def->parent ? vh_moment_find(&dom->snapshots, snap->def->parent) : NULL;
        if (old && redefine) {
                snapshot_free(old->def);
                old->def = snap;
                *ret = old;
                return 0;
        }
        *ret = vh_moment_add(&dom->snapshots, snap->def->name, parent, snap);
        if (*ret)
                return 0;
        vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_OPERATION_FAILED, "domain moment %s already exists",
                     snap->def->name);
        snapshot_free(snap);
        return -EEXIST;
}

static void finish_create(TestHost *host, VhDomainObj *dom, VhMoment *m, uint32_t flags)
{
        bool redefine = flags & VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE;

        if (!redefine || (flags & VIR_DOMAIN_SNAPSHOT_CREATE_CURRENT))
                dom->snapshots.current = m;
        if (!redefine && (flags & VIR_DOMAIN_SNAPSHOT_CREATE_HALT) && vh_domain_obj_active(dom))
                test_domain_halt(host, dom, VIR_DOMAIN_SHUTOFF_FROM_SNAPSHOT, VIR_DOMAIN_EVENT_STOPPED_FROM_SNAPSHOT);
}

int test_snapshot_load(VhDomainObj *dom, const char *xml, VhError **err)
{
        TestSnapshot *snap = vh_new(TestSnapshot, 1);
        VhMoment *m;
        int r = vh_snapshot_parse(xml, 0, &snap->def, err);

        if (r == 0)
                r = test_moment_check_name(snap->def->name, "snapshot", VIR_FROM_DOMAIN_SNAPSHOT, err);
        if (r == 0 && !snap->def->active.set)
                r = vh_error_set(err, VIR_FROM_DOMAIN_SNAPSHOT, VIR_ERR_INTERNAL_ERROR,
                                 "Could not find 'active' element");
        if (r == 0 && snap->def->active.val && dom->snapshots.current)
                r = vh_error_set(err, VIR_FROM_TEST, VIR_ERR_INTERNAL_ERROR,
                                 "more than one snapshot claims to be active");
        if (r == 0 && snap->def->domain)
                r = test_domain_parse(snap->def->domain, 0, &snap->dom, err);
        if (r < 0) {
                snapshot_free(snap);
                return r;
        }
        r = add(dom, snap, VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE, &m, err);
        if (r == 0 && ((const TestSnapshot *)m->def)->def->active.val)
                dom->snapshots.current = m;
        return r;
}

TEST_OP_SHARED(domain_snapshot_create_xml)
{
        const uint32_t known = VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE | VIR_DOMAIN_SNAPSHOT_CREATE_CURRENT |
                               VIR_DOMAIN_SNAPSHOT_CREATE_HALT | VIR_DOMAIN_SNAPSHOT_CREATE_QUIESCE |
                               VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC | VIR_DOMAIN_SNAPSHOT_CREATE_LIVE |
                               VIR_DOMAIN_SNAPSHOT_CREATE_VALIDATE;
        VhDomainObj *dom;
        TestSnapshot *snap;
        VhMoment *m;
        int r = test_check_flags(args->flags, known, "testDomainSnapshotCreateXML", err);

        if (r == 0)
                r = test_domain(call, &args->dom, &dom, err);
        if (r == 0)
                r = check_create(dom, args->flags, err);
        if (r < 0)
                return r;
        snap = vh_new(TestSnapshot, 1);
        r = vh_snapshot_parse(args->xml_desc, VH_XML_STRICT, &snap->def, err);
        if (r == 0)
                r = prepare(dom, snap, args->flags, err);
        if (r < 0) {
                snapshot_free(snap);
                return r;
        }
        r = add(dom, snap, args->flags, &m, err);
        if (r < 0)
                return r;
        set_wire(dom, m, &ret->snap);
        finish_create(test_host(call), dom, m, args->flags);
        return 0;
}

TEST_OP_SHARED(domain_snapshot_get_xml_desc)
{
        VhSnapshotDef *copy;
        VhDomainObj *dom;
        VhMoment *m;
        int r = test_check_flags(args->flags, VIR_DOMAIN_SNAPSHOT_XML_SECURE, "testDomainSnapshotGetXMLDesc", err);

        if (r == 0)
                r = lookup(call, &args->snap, &dom, &m, err);
        if (r < 0)
                return r;
        copy = vh_snapshot_copy(def_of(m));
        vh_strset(&copy->parent, m->parent ? m->parent->name : NULL);
        free(VH_TAKE_PTR(copy->domain));
        if (((const TestSnapshot *)m->def)->dom)
                copy->domain = test_moment_domain_xml(((const TestSnapshot *)m->def)->dom,
                                                      args->flags & VIR_DOMAIN_SNAPSHOT_XML_SECURE ? VH_XML_SECURE : 0);
        ret->xml = vh_call_own(call, vh_snapshot_format(copy, 0));
        vh_snapshot_free(copy);
        return 0;
}

/* What is true of a snapshot in the bits of virDomainSnapshotListFlags. */
static uint32_t facts(const VhMoment *m)
{
        const VhSnapshotDef *def = def_of(m);
        uint32_t bits = VIR_DOMAIN_SNAPSHOT_LIST_METADATA | VIR_DOMAIN_SNAPSHOT_LIST_INTERNAL;

        bits |= m->first_child ? VIR_DOMAIN_SNAPSHOT_LIST_NO_LEAVES : VIR_DOMAIN_SNAPSHOT_LIST_LEAVES;
        if (def->state == VH_SNAPSHOT_DISK_SNAPSHOT)
                bits |= VIR_DOMAIN_SNAPSHOT_LIST_DISK_ONLY;
        else
                bits |= def->state == VH_SNAPSHOT_SHUTOFF ? VIR_DOMAIN_SNAPSHOT_LIST_INACTIVE
                                                          : VIR_DOMAIN_SNAPSHOT_LIST_ACTIVE;
        return bits;
}

static const uint32_t groups[] = {
        VIR_DOMAIN_SNAPSHOT_LIST_METADATA | VIR_DOMAIN_SNAPSHOT_LIST_NO_METADATA,
        VIR_DOMAIN_SNAPSHOT_LIST_LEAVES | VIR_DOMAIN_SNAPSHOT_LIST_NO_LEAVES,
        VIR_DOMAIN_SNAPSHOT_LIST_INACTIVE | VIR_DOMAIN_SNAPSHOT_LIST_ACTIVE | VIR_DOMAIN_SNAPSHOT_LIST_DISK_ONLY,
        VIR_DOMAIN_SNAPSHOT_LIST_INTERNAL | VIR_DOMAIN_SNAPSHOT_LIST_EXTERNAL,
};
static const TestMomentKind kind = { { groups, VH_ARRAY_SIZE(groups) }, facts };

static const uint32_t list_flags = VIR_DOMAIN_SNAPSHOT_LIST_ROOTS | VIR_DOMAIN_SNAPSHOT_LIST_TOPOLOGICAL;

/* Snapshots that a call asked for. */
typedef struct Found {
        VhDomainObj *dom;
        VhMoment **moments;
        uint32_t n;
} Found;

static int check_list_flags(uint32_t flags, const char *func, VhError **err)
{
        return test_check_flags(flags, list_flags | vh_list_mask(&kind.filter), func, err);
}

static int collect(VhCall *call, const remote_nonnull_domain *handle, uint32_t flags, const char *func, Found *found,
                   VhError **err)
{
        int r = check_list_flags(flags, func, err);

        if (r == 0)
                r = test_domain(call, handle, &found->dom, err);
        if (r == 0)
                found->moments = test_moments(call, &found->dom->snapshots, &kind, NULL, flags, &found->n);
        return r;
}

static int collect_below(VhCall *call, const remote_nonnull_domain_snapshot *handle, uint32_t flags, const char *func,
                         Found *found, VhError **err)
{
        VhMoment *below;
        int r = check_list_flags(flags, func, err);

        if (r == 0)
                r = lookup(call, handle, &found->dom, &below, err);
        if (r == 0)
                found->moments = test_moments(call, &found->dom->snapshots, &kind, below, flags, &found->n);
        return r;
}

static char **names_of(VhCall *call, VhMoment **found, uint32_t n)
{
        char **names = vh_call_new(call, char *, n);

        for (uint32_t i = 0; i < n; i++)
                names[i] = found[i]->name;
        return names;
}

static remote_nonnull_domain_snapshot *wires_of(VhCall *call, const VhDomainObj *dom, VhMoment **found, uint32_t n)
{
        remote_nonnull_domain_snapshot *val = vh_call_new(call, remote_nonnull_domain_snapshot, n);

        for (uint32_t i = 0; i < n; i++)
                set_wire(dom, found[i], &val[i]);
        return val;
}

TEST_OP_SHARED(domain_snapshot_num)
{
        Found found = {};
        int r = collect(call, &args->dom, args->flags, "testDomainSnapshotNum", &found, err);

        if (r == 0)
                ret->num = (int)found.n;
        return r;
}

TEST_OP_SHARED(domain_snapshot_list_names)
{
        Found found = {};
        int r = collect(call, &args->dom, args->flags, "testDomainSnapshotListNames", &found, err);

        if (r < 0)
                return r;
        ret->names.len = VH_MIN(found.n, (uint32_t)VH_MAX(args->maxnames, 0));
        ret->names.val = names_of(call, found.moments, ret->names.len);
        return 0;
}

TEST_OP_SHARED(domain_list_all_snapshots)
{
        Found found = {};
        int r = collect(call, &args->dom, args->flags, "testDomainListAllSnapshots", &found, err);

        if (r < 0)
                return r;
        ret->ret = (int)found.n;
        if (args->need_results) {
                ret->snapshots.len = found.n;
                ret->snapshots.val = wires_of(call, found.dom, found.moments, found.n);
        }
        return 0;
}

TEST_OP_SHARED(domain_snapshot_num_children)
{
        Found found = {};
        int r = collect_below(call, &args->snap, args->flags, "testDomainSnapshotNumChildren", &found, err);

        if (r == 0)
                ret->num = (int)found.n;
        return r;
}

TEST_OP_SHARED(domain_snapshot_list_children_names)
{
        Found found = {};
        int r = collect_below(call, &args->snap, args->flags, "testDomainSnapshotListChildrenNames", &found, err);

        if (r < 0)
                return r;
        ret->names.len = VH_MIN(found.n, (uint32_t)VH_MAX(args->maxnames, 0));
        ret->names.val = names_of(call, found.moments, ret->names.len);
        return 0;
}

TEST_OP_SHARED(domain_snapshot_list_all_children)
{
        Found found = {};
        int r = collect_below(call, &args->snapshot, args->flags, "testDomainSnapshotListAllChildren", &found, err);

        if (r < 0)
                return r;
        ret->ret = (int)found.n;
        if (args->need_results) {
                ret->snapshots.len = found.n;
                ret->snapshots.val = wires_of(call, found.dom, found.moments, found.n);
        }
        return 0;
}

TEST_OP_SHARED(domain_snapshot_lookup_by_name)
{
        VhDomainObj *dom;
        VhMoment *m;
        int r = test_check_flags(args->flags, 0, "testDomainSnapshotLookupByName", err);

        if (r == 0)
                r = test_domain(call, &args->dom, &dom, err);
        if (r == 0)
                r = find(dom, args->name, &m, err);
        if (r == 0)
                set_wire(dom, m, &ret->snap);
        return r;
}

TEST_OP_SHARED(domain_has_current_snapshot)
{
        VhDomainObj *dom;
        int r = test_check_flags(args->flags, 0, "testDomainHasCurrentSnapshot", err);

        if (r == 0)
                r = test_domain(call, &args->dom, &dom, err);
        if (r == 0)
                ret->result = dom->snapshots.current != NULL;
        return r;
}

TEST_OP_SHARED(domain_snapshot_current)
{
        VhDomainObj *dom;
        int r = test_check_flags(args->flags, 0, "testDomainSnapshotCurrent", err);

        if (r == 0)
                r = test_domain(call, &args->dom, &dom, err);
        if (r < 0)
                return r;
        if (!dom->snapshots.current)
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_NO_DOMAIN_SNAPSHOT,
                                    "the domain does not have a current snapshot");
        set_wire(dom, dom->snapshots.current, &ret->snap);
        return 0;
}

TEST_OP_SHARED(domain_snapshot_get_parent)
{
        VhDomainObj *dom;
        VhMoment *m;
        int r = test_check_flags(args->flags, 0, "testDomainSnapshotGetParent", err);

        if (r == 0)
                r = lookup(call, &args->snap, &dom, &m, err);
        if (r < 0)
                return r;
        if (!m->parent)
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_NO_DOMAIN_SNAPSHOT,
                                    "snapshot '%s' does not have a parent", m->name);
        set_wire(dom, m->parent, &ret->snap);
        return 0;
}

TEST_OP_SHARED(domain_snapshot_is_current)
{
        VhDomainObj *dom;
        VhMoment *m;
        int r = test_check_flags(args->flags, 0, "testDomainSnapshotIsCurrent", err);

        if (r == 0)
                r = lookup(call, &args->snap, &dom, &m, err);
        if (r == 0)
                ret->current = dom->snapshots.current == m;
        return r;
}

TEST_OP_SHARED(domain_snapshot_has_metadata)
{
        VhDomainObj *dom;
        VhMoment *m;
        int r = test_check_flags(args->flags, 0, "testDomainSnapshotHasMetadata", err);

        if (r == 0)
                r = lookup(call, &args->snap, &dom, &m, err);
        if (r == 0)
                ret->metadata = 1;
        return r;
}

TEST_OP_SHARED_DO(domain_snapshot_delete)
{
        const uint32_t known = VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN | VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN_ONLY;
        VhDomainObj *dom;
        VhMoment *m;
        int r = test_check_flags(args->flags, known, "testDomainSnapshotDelete", err);

        if (r == 0)
                r = lookup(call, &args->snap, &dom, &m, err);
        if (r < 0)
                return r;
        if (args->flags)
                vh_moment_remove_below(&dom->snapshots, m);
        if (!(args->flags & VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN_ONLY))
                vh_moment_remove(&dom->snapshots, m);
        return 0;
}

/* The domain runs again as it did: started, and paused if the snapshot was or the caller wants it. */
static void revert_running(TestHost *host, VhDomainObj *dom, const TestSnapshot *snap, uint32_t flags)
{
        bool paused = snap->def->state == VH_SNAPSHOT_PAUSED;

        if (vh_domain_obj_active(dom)) {
                test_domain_stop(dom, VIR_DOMAIN_SHUTOFF_FROM_SNAPSHOT);
                test_domain_event(host, dom, VIR_DOMAIN_EVENT_STOPPED, VIR_DOMAIN_EVENT_STOPPED_FROM_SNAPSHOT);
        }
        vh_domain_def_free(dom->def);
        dom->def = vh_domain_def_copy(snap->dom);
        test_domain_start(host, dom, VIR_DOMAIN_RUNNING_FROM_SNAPSHOT);
        test_domain_event(host, dom, VIR_DOMAIN_EVENT_STARTED, VIR_DOMAIN_EVENT_STARTED_FROM_SNAPSHOT);
        if (flags & VIR_DOMAIN_SNAPSHOT_REVERT_RUNNING)
                paused = false;
        if (!paused && !(flags & VIR_DOMAIN_SNAPSHOT_REVERT_PAUSED))
                return;
        vh_domain_obj_set_state(dom, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_FROM_SNAPSHOT);
        test_domain_event(host, dom, VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_FROM_SNAPSHOT);
}

/* Back to a snapshot that did not run. The reference reports a start that was asked for, but leaves the domain off. */
static void revert_off(TestHost *host, VhDomainObj *dom, const TestSnapshot *snap, uint32_t flags)
{
        if (vh_domain_obj_active(dom)) {
                test_domain_stop(dom, VIR_DOMAIN_SHUTOFF_FROM_SNAPSHOT);
                test_domain_event(host, dom, VIR_DOMAIN_EVENT_STOPPED, VIR_DOMAIN_EVENT_STOPPED_FROM_SNAPSHOT);
        }
        vh_domain_def_free(dom->def);
        dom->def = vh_domain_def_copy(snap->dom);
        vh_domain_obj_set_state(dom, VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_SHUTOFF_FROM_SNAPSHOT);
        if (flags & (VIR_DOMAIN_SNAPSHOT_REVERT_RUNNING | VIR_DOMAIN_SNAPSHOT_REVERT_PAUSED))
                test_domain_event(host, dom, VIR_DOMAIN_EVENT_STARTED, VIR_DOMAIN_EVENT_STARTED_FROM_SNAPSHOT);
        if (flags & VIR_DOMAIN_SNAPSHOT_REVERT_PAUSED)
                test_domain_event(host, dom, VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_FROM_SNAPSHOT);
}

TEST_OP_SHARED_DO(domain_revert_to_snapshot)
{
        const uint32_t start = VIR_DOMAIN_SNAPSHOT_REVERT_RUNNING | VIR_DOMAIN_SNAPSHOT_REVERT_PAUSED;
        const TestSnapshot *snap;
        VhDomainObj *dom;
        VhMoment *m;
        bool ran;
        int r = test_check_flags(args->flags, start | VIR_DOMAIN_SNAPSHOT_REVERT_FORCE, "testDomainRevertToSnapshot",
                                 err);
        if (r == 0)
                r = lookup(call, &args->snap, &dom, &m, err);
        if (r < 0)
                return r;
        snap = m->def;
        if (!snap->dom)
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_SNAPSHOT_REVERT_RISKY,
                                    "snapshot '%s' lacks domain '%s' rollback info", m->name, dom->node.name);
        ran = snap->def->state == VH_SNAPSHOT_RUNNING || snap->def->state == VH_SNAPSHOT_PAUSED;
        if (!dom->persistent && !ran && !(args->flags & start))
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_OPERATION_INVALID,
                                    "transient domain needs to request run or pause to revert to inactive snapshot");
        dom->snapshots.current = m;
        (ran ? revert_running : revert_off)(test_host(call), dom, snap, args->flags);
        test_domain_drop_if_gone(test_host(call), dom);
        return 0;
}
