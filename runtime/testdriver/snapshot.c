/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Snapshots of the test driver's domains. */

#include "testdriver/domain-ops.h"
#include "testdriver/moments.h"
#include <errno.h>

/* A snapshot of the domain as it is. */
static void take(VhDomainObj *dom, VhSnapshot *snap, uint32_t flags)
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
static int check_redefined(const VhDomainObj *dom, VhSnapshot *snap, VhError **err)
{
        VhSnapshotDef *def = snap->def;
        int r = vh_snapshot_check_redefined(dom, def, err);

        if (r < 0)
                return r;
        if (!def->domain)
                return vh_error_set(err, VIR_FROM_DOMAIN_SNAPSHOT, VIR_ERR_INTERNAL_ERROR,
                                    "missing domain in snapshot");
        r = test_domain_parse(def->domain, 0, &snap->dom, err);
        return r < 0 ? r : vh_moment_check_domain(dom, snap->dom, def->name, "snapshot", VIR_FROM_DOMAIN_SNAPSHOT, err);
}

static int prepare(VhDomainObj *dom, VhSnapshot *snap, uint32_t flags, VhError **err)
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
static int add(VhDomainObj *dom, VhSnapshot *snap, uint32_t flags, VhMoment **ret, VhError **err)
{
        bool redefine = flags & VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE;
        VhMoment *parent = dom->snapshots.current;
        VhMoment *old = vh_moment_find(&dom->snapshots, snap->def->name);

        if (redefine)
                parent = snap->def->parent ? vh_moment_find(&dom->snapshots, snap->def->parent) : NULL;
        if (old && redefine) {
                vh_snapshot_obj_free(old->def);
                old->def = snap;
                *ret = old;
                return 0;
        }
        *ret = vh_moment_add(&dom->snapshots, snap->def->name, parent, snap);
        if (*ret)
                return 0;
        vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_OPERATION_FAILED, "domain moment %s already exists",
                     snap->def->name);
        vh_snapshot_obj_free(snap);
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
        VhSnapshot *snap = vh_new(VhSnapshot, 1);
        VhMoment *m;
        int r = vh_snapshot_parse(xml, 0, &snap->def, err);

        if (r == 0)
                r = vh_moment_check_name(snap->def->name, "snapshot", VIR_FROM_DOMAIN_SNAPSHOT, err);
        if (r == 0 && !snap->def->active.set)
                r = vh_error_set(err, VIR_FROM_DOMAIN_SNAPSHOT, VIR_ERR_INTERNAL_ERROR,
                                 "Could not find 'active' element");
        if (r == 0 && snap->def->active.val && dom->snapshots.current)
                r = vh_error_set(err, VIR_FROM_TEST, VIR_ERR_INTERNAL_ERROR,
                                 "more than one snapshot claims to be active");
        if (r == 0 && snap->def->domain)
                r = test_domain_parse(snap->def->domain, 0, &snap->dom, err);
        if (r < 0) {
                vh_snapshot_obj_free(snap);
                return r;
        }
        r = add(dom, snap, VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE, &m, err);
        if (r == 0 && ((const VhSnapshot *)m->def)->def->active.val)
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
        VhSnapshot *snap;
        VhMoment *m;
        int r = test_check_flags(args->flags, known, "testDomainSnapshotCreateXML", err);

        if (r == 0)
                r = test_domain(call, &args->dom, &dom, err);
        if (r == 0)
                r = check_create(dom, args->flags, err);
        if (r < 0)
                return r;
        snap = vh_new(VhSnapshot, 1);
        r = vh_snapshot_parse(args->xml_desc, VH_XML_STRICT, &snap->def, err);
        if (r == 0)
                r = prepare(dom, snap, args->flags, err);
        if (r < 0) {
                vh_snapshot_obj_free(snap);
                return r;
        }
        r = add(dom, snap, args->flags, &m, err);
        if (r < 0)
                return r;
        vh_snapshot_wire(dom, m, &ret->snap);
        finish_create(test_host(call), dom, m, args->flags);
        return 0;
}

TEST_OP_SHARED_DO(domain_snapshot_delete)
{
        const uint32_t known = VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN | VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN_ONLY;
        VhDomainObj *dom;
        VhMoment *m;
        int r = test_check_flags(args->flags, known, "testDomainSnapshotDelete", err);

        if (r == 0)
                r = vh_snapshot_lookup(&test_moments, call, &args->snap, &dom, &m, err);
        if (r < 0)
                return r;
        if (args->flags)
                vh_moment_remove_below(&dom->snapshots, m);
        if (!(args->flags & VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN_ONLY))
                vh_moment_remove(&dom->snapshots, m);
        return 0;
}

/* The domain runs again as it did: started, and paused if the snapshot was or the caller wants it. */
static void revert_running(TestHost *host, VhDomainObj *dom, const VhSnapshot *snap, uint32_t flags)
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
static void revert_off(TestHost *host, VhDomainObj *dom, const VhSnapshot *snap, uint32_t flags)
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
        const VhSnapshot *snap;
        VhDomainObj *dom;
        VhMoment *m;
        bool ran;
        int r = test_check_flags(args->flags, start | VIR_DOMAIN_SNAPSHOT_REVERT_FORCE, "testDomainRevertToSnapshot",
                                 err);
        if (r == 0)
                r = vh_snapshot_lookup(&test_moments, call, &args->snap, &dom, &m, err);
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
