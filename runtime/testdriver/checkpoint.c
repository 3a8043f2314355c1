/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Checkpoints of the test driver's domains. */

#include "testdriver/domain-ops.h"
#include "testdriver/moments.h"
#include <errno.h>

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

static int check_redefined(const VhDomainObj *dom, VhCheckpoint *cp, VhError **err)
{
        VhCheckpointDef *def = cp->def;
        int r = vh_checkpoint_check_redefined(dom, def, err);

        if (r < 0)
                return r;
        if (!def->domain)
                return vh_error_set(err, VIR_FROM_DOMAIN_CHECKPOINT, VIR_ERR_INTERNAL_ERROR,
                                    "missing domain in checkpoint redefinition");
        r = test_domain_parse(def->domain, 0, &cp->dom, err);
        return r < 0 ? r
                     : vh_moment_check_domain(dom, cp->dom, def->name, "checkpoint", VIR_FROM_DOMAIN_CHECKPOINT, err);
}

static int prepare(const VhDomainObj *dom, VhCheckpoint *cp, uint32_t flags, VhError **err)
{
        VhCheckpointDef *def = cp->def;

        if (flags & VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE)
                return check_redefined(dom, cp, err);
        def->creation_time = (VhOptU64){ .val = test_clock_ns() / UINT64_C(1000000000), .set = true };
        if (!def->name)
                def->name = vh_xasprintf("%llu", (unsigned long long)def->creation_time.val);
        cp->dom = vh_domain_def_copy(dom->def);
        return vh_checkpoint_align(cp->dom, def, err);
}

/* Links a prepared checkpoint; takes it over. */
static int add(VhDomainObj *dom, VhCheckpoint *cp, uint32_t flags, VhMoment **ret, VhError **err)
{
        bool redefine = flags & VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE;
        VhMoment *parent = dom->checkpoints.current;

        if (redefine)
                parent = cp->def->parent ? vh_moment_find(&dom->checkpoints, cp->def->parent) : NULL;
        *ret = vh_moment_add(&dom->checkpoints, cp->def->name, parent, cp);
        if (*ret)
                return 0;
        vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_OPERATION_FAILED, "domain moment %s already exists", cp->def->name);
        vh_checkpoint_obj_free(cp);
        return -EEXIST;
}

TEST_OP_SHARED(domain_checkpoint_create_xml)
{
        const uint32_t known = VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE | VIR_DOMAIN_CHECKPOINT_CREATE_QUIESCE;
        VhCheckpoint *cp;
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
        cp = vh_new(VhCheckpoint, 1);
        r = vh_checkpoint_parse(args->xml_desc, VH_XML_STRICT, &cp->def, err);
        if (r == 0)
                r = prepare(dom, cp, args->flags, err);
        if (r < 0) {
                vh_checkpoint_obj_free(cp);
                return r;
        }
        r = add(dom, cp, args->flags, &m, err);
        if (r < 0)
                return r;
        dom->checkpoints.current = m;
        vh_checkpoint_wire(dom, m, &ret->checkpoint);
        return 0;
}

TEST_OP_SHARED(domain_checkpoint_get_xml_desc)
{
        const uint32_t known =
                VIR_DOMAIN_CHECKPOINT_XML_SECURE | VIR_DOMAIN_CHECKPOINT_XML_NO_DOMAIN | VIR_DOMAIN_CHECKPOINT_XML_SIZE;
        VhDomainObj *dom;
        VhMoment *m;
        int r = test_check_flags(args->flags, known, "testDomainCheckpointGetXMLDesc", err);

        if (r == 0)
                r = vh_checkpoint_lookup(&test_moments, call, &args->checkpoint, &dom, &m, err);
        if (r < 0)
                return r;
        ret->xml = vh_call_own(call,
                               vh_checkpoint_text(m, vh_checkpoint_of(m)->def,
                                                  !(args->flags & VIR_DOMAIN_CHECKPOINT_XML_NO_DOMAIN),
                                                  args->flags & VIR_DOMAIN_CHECKPOINT_XML_SECURE ? VH_XML_SECURE : 0));
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
                r = vh_checkpoint_lookup(&test_moments, call, &args->checkpoint, &dom, &m, err);
        if (r < 0)
                return r;
        if (args->flags & (VIR_DOMAIN_CHECKPOINT_DELETE_CHILDREN | VIR_DOMAIN_CHECKPOINT_DELETE_CHILDREN_ONLY))
                vh_moment_remove_below(&dom->checkpoints, m);
        if (!(args->flags & VIR_DOMAIN_CHECKPOINT_DELETE_CHILDREN_ONLY))
                vh_moment_remove(&dom->checkpoints, m);
        return 0;
}
