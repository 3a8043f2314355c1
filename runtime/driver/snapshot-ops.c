/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Calls about snapshots that every driver answers alike. */

#include "driver/moment-private.h"

#include <errno.h>

static int find(const VhMomentDriver *driver, VhDomainObj *dom, const char *name, VhMoment **ret, VhError **err)
{
        *ret = vh_moment_find(&dom->snapshots, name);
        if (*ret)
                return 0;
        return vh_error_set(err, driver->domain, VIR_ERR_NO_DOMAIN_SNAPSHOT,
                            "no domain snapshot with matching name '%s'", name);
}

int vh_snapshot_lookup(const VhMomentDriver *driver, VhCall *call, const remote_nonnull_domain_snapshot *wire,
                       VhDomainObj **dom, VhMoment **ret, VhError **err)
{
        int r = vh_moment_domain(driver, call, &wire->dom, dom, err);

        return r < 0 ? r : find(driver, *dom, wire->name, ret, err);
}

void vh_snapshot_wire(const VhDomainObj *dom, const VhMoment *m, remote_nonnull_domain_snapshot *wire)
{
        wire->name = m->name;
        vh_domain_obj_wire(dom, &wire->dom);
}

bool vh_snapshot_is_external(const VhSnapshotDef *def)
{
        if (def->memory && def->memory->location == VH_LOCATION_EXTERNAL)
                return true;
        for (uint32_t i = 0; i < def->disks.n; i++)
                if (def->disks.items[i]->location == VH_LOCATION_EXTERNAL)
                        return true;
        return false;
}

int vh_snapshot_check_redefined(const VhDomainObj *dom, const VhSnapshotDef *def, VhError **err)
{
        int r = vh_moment_check_name(def->name, "snapshot", VIR_FROM_DOMAIN_SNAPSHOT, err);

        if (r < 0)
                return r;
        if (!def->creation_time.set)
                return vh_error_set(err, VIR_FROM_DOMAIN_SNAPSHOT, VIR_ERR_INTERNAL_ERROR,
                                    "missing creationTime from existing snapshot");
        if (!def->state)
                return vh_error_set(err, VIR_FROM_DOMAIN_SNAPSHOT, VIR_ERR_XML_ERROR,
                                    "missing state from existing snapshot");
        if ((def->state == VH_SNAPSHOT_SHUTOFF || def->state == VH_SNAPSHOT_DISK_SNAPSHOT) && def->memory &&
            def->memory->location > VH_LOCATION_NONE)
                return vh_error_set(err, VIR_FROM_DOMAIN_SNAPSHOT, VIR_ERR_XML_ERROR,
                                    "memory state cannot be saved with offline or disk-only snapshot");
        return vh_moment_check_parent(&dom->snapshots, def->name, def->parent, err);
}

/* The same text as an element of another name. */
static char *renamed(char *text, const char *from, const char *to)
{
        char *tail = strrchr(text, '<'), *out;
        size_t n = strlen(from);

        out = vh_xasprintf("<%s%.*s</%s>", to, (int)(tail - text - 1 - (ptrdiff_t)n), text + 1 + n, to);
        free(text);
        return out;
}

char *vh_snapshot_text(const VhMoment *m, unsigned flags)
{
        const VhSnapshot *snap = vh_snapshot_of(m);
        VhSnapshotDef *copy = vh_snapshot_copy(snap->def);
        char *text;

        vh_strset(&copy->parent, m->parent ? m->parent->name : NULL);
        vh_strset(&copy->domain, NULL);
        vh_strset(&copy->inactive_domain, NULL);
        if (snap->dom)
                copy->domain = vh_moment_domain_xml(snap->dom, flags & VH_XML_SECURE);
        if (snap->inactive)
                copy->inactive_domain = renamed(vh_moment_domain_xml(snap->inactive, flags & VH_XML_SECURE), "domain",
                                                "inactiveDomain");
        text = vh_snapshot_format(copy, 0);
        vh_snapshot_free(copy);
        return text;
}

/* What is true of a snapshot in the bits of virDomainSnapshotListFlags. */
static uint32_t facts(const VhMoment *m)
{
        const VhSnapshotDef *def = vh_snapshot_of(m)->def;
        uint32_t bits = VIR_DOMAIN_SNAPSHOT_LIST_METADATA;

        bits |= vh_snapshot_is_external(def) ? VIR_DOMAIN_SNAPSHOT_LIST_EXTERNAL : VIR_DOMAIN_SNAPSHOT_LIST_INTERNAL;
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
static const VhMomentKind kind = { { groups, VH_ARRAY_SIZE(groups) }, facts };

static const uint32_t list_flags = VIR_DOMAIN_SNAPSHOT_LIST_ROOTS | VIR_DOMAIN_SNAPSHOT_LIST_TOPOLOGICAL;

/* Snapshots that a call asked for. */
typedef struct Found {
        VhDomainObj *dom;
        VhMoment **moments;
        uint32_t n;
} Found;

static int check_list_flags(const VhMomentDriver *driver, uint32_t flags, const char *func, VhError **err)
{
        return vh_moment_check_flags(driver, flags, list_flags | vh_list_mask(&kind.filter), func, err);
}

static int collect(const VhMomentDriver *driver, VhCall *call, const remote_nonnull_domain *handle, uint32_t flags,
                   const char *func, Found *found, VhError **err)
{
        int r = check_list_flags(driver, flags, func, err);

        if (r == 0)
                r = vh_moment_domain(driver, call, handle, &found->dom, err);
        if (r == 0)
                found->moments = vh_moments(call, &found->dom->snapshots, &kind, NULL, flags, &found->n);
        return r;
}

static int collect_below(const VhMomentDriver *driver, VhCall *call, const remote_nonnull_domain_snapshot *handle,
                         uint32_t flags, const char *func, Found *found, VhError **err)
{
        VhMoment *below;
        int r = check_list_flags(driver, flags, func, err);

        if (r == 0)
                r = vh_snapshot_lookup(driver, call, handle, &found->dom, &below, err);
        if (r == 0)
                found->moments = vh_moments(call, &found->dom->snapshots, &kind, below, flags, &found->n);
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
                vh_snapshot_wire(dom, found[i], &val[i]);
        return val;
}

/* At most max names. */
static void give_names(VhCall *call, const Found *found, int32_t max, uint32_t *len, char ***val)
{
        *len = VH_MIN(found->n, (uint32_t)VH_MAX(max, 0));
        *val = names_of(call, found->moments, *len);
}

/* How many there are, and they themselves if the client asks for them. */
static void give_all(VhCall *call, const Found *found, bool wanted, int32_t *count, uint32_t *len,
                     remote_nonnull_domain_snapshot **val)
{
        *count = (int32_t)found->n;
        if (!wanted)
                return;
        *len = found->n;
        *val = wires_of(call, found->dom, found->moments, found->n);
}

int vh_op_domain_snapshot_get_xml_desc(const VhMomentDriver *driver, VhCall *call,
                                       const remote_domain_snapshot_get_xml_desc_args *args,
                                       remote_domain_snapshot_get_xml_desc_ret *ret, VhError **err)
{
        VhDomainObj *dom;
        VhMoment *m;
        int r = vh_moment_check_flags(driver, args->flags, VIR_DOMAIN_SNAPSHOT_XML_SECURE, "DomainSnapshotGetXMLDesc",
                                      err);

        if (r == 0)
                r = vh_snapshot_lookup(driver, call, &args->snap, &dom, &m, err);
        if (r == 0)
                ret->xml = vh_call_own(
                        call, vh_snapshot_text(m, args->flags & VIR_DOMAIN_SNAPSHOT_XML_SECURE ? VH_XML_SECURE : 0));
        return r;
}

int vh_op_domain_snapshot_num(const VhMomentDriver *driver, VhCall *call, const remote_domain_snapshot_num_args *args,
                              remote_domain_snapshot_num_ret *ret, VhError **err)
{
        Found found = {};
        int r = collect(driver, call, &args->dom, args->flags, "DomainSnapshotNum", &found, err);

        if (r == 0)
                ret->num = (int)found.n;
        return r;
}

int vh_op_domain_snapshot_list_names(const VhMomentDriver *driver, VhCall *call,
                                     const remote_domain_snapshot_list_names_args *args,
                                     remote_domain_snapshot_list_names_ret *ret, VhError **err)
{
        Found found = {};
        int r = collect(driver, call, &args->dom, args->flags, "DomainSnapshotListNames", &found, err);

        if (r == 0)
                give_names(call, &found, args->maxnames, &ret->names.len, &ret->names.val);
        return r;
}

int vh_op_domain_list_all_snapshots(const VhMomentDriver *driver, VhCall *call,
                                    const remote_domain_list_all_snapshots_args *args,
                                    remote_domain_list_all_snapshots_ret *ret, VhError **err)
{
        Found found = {};
        int r = collect(driver, call, &args->dom, args->flags, "DomainListAllSnapshots", &found, err);

        if (r == 0)
                give_all(call, &found, args->need_results, &ret->ret, &ret->snapshots.len, &ret->snapshots.val);
        return r;
}

int vh_op_domain_snapshot_num_children(const VhMomentDriver *driver, VhCall *call,
                                       const remote_domain_snapshot_num_children_args *args,
                                       remote_domain_snapshot_num_children_ret *ret, VhError **err)
{
        Found found = {};
        int r = collect_below(driver, call, &args->snap, args->flags, "DomainSnapshotNumChildren", &found, err);

        if (r == 0)
                ret->num = (int)found.n;
        return r;
}

int vh_op_domain_snapshot_list_children_names(const VhMomentDriver *driver, VhCall *call,
                                              const remote_domain_snapshot_list_children_names_args *args,
                                              remote_domain_snapshot_list_children_names_ret *ret, VhError **err)
{
        Found found = {};
        int r = collect_below(driver, call, &args->snap, args->flags, "DomainSnapshotListChildrenNames", &found, err);

        if (r == 0)
                give_names(call, &found, args->maxnames, &ret->names.len, &ret->names.val);
        return r;
}

int vh_op_domain_snapshot_list_all_children(const VhMomentDriver *driver, VhCall *call,
                                            const remote_domain_snapshot_list_all_children_args *args,
                                            remote_domain_snapshot_list_all_children_ret *ret, VhError **err)
{
        Found found = {};
        int r = collect_below(driver, call, &args->snapshot, args->flags, "DomainSnapshotListAllChildren", &found, err);

        if (r == 0)
                give_all(call, &found, args->need_results, &ret->ret, &ret->snapshots.len, &ret->snapshots.val);
        return r;
}

int vh_op_domain_snapshot_lookup_by_name(const VhMomentDriver *driver, VhCall *call,
                                         const remote_domain_snapshot_lookup_by_name_args *args,
                                         remote_domain_snapshot_lookup_by_name_ret *ret, VhError **err)
{
        VhDomainObj *dom;
        VhMoment *m;
        int r = vh_moment_check_flags(driver, args->flags, 0, "DomainSnapshotLookupByName", err);

        if (r == 0)
                r = vh_moment_domain(driver, call, &args->dom, &dom, err);
        if (r == 0)
                r = find(driver, dom, args->name, &m, err);
        if (r == 0)
                vh_snapshot_wire(dom, m, &ret->snap);
        return r;
}

int vh_op_domain_has_current_snapshot(const VhMomentDriver *driver, VhCall *call,
                                      const remote_domain_has_current_snapshot_args *args,
                                      remote_domain_has_current_snapshot_ret *ret, VhError **err)
{
        VhDomainObj *dom;
        int r = vh_moment_check_flags(driver, args->flags, 0, "DomainHasCurrentSnapshot", err);

        if (r == 0)
                r = vh_moment_domain(driver, call, &args->dom, &dom, err);
        if (r == 0)
                ret->result = dom->snapshots.current != NULL;
        return r;
}

int vh_op_domain_snapshot_current(const VhMomentDriver *driver, VhCall *call,
                                  const remote_domain_snapshot_current_args *args,
                                  remote_domain_snapshot_current_ret *ret, VhError **err)
{
        VhDomainObj *dom;
        int r = vh_moment_check_flags(driver, args->flags, 0, "DomainSnapshotCurrent", err);

        if (r == 0)
                r = vh_moment_domain(driver, call, &args->dom, &dom, err);
        if (r < 0)
                return r;
        if (!dom->snapshots.current)
                return vh_error_set(err, driver->domain, VIR_ERR_NO_DOMAIN_SNAPSHOT,
                                    "the domain does not have a current snapshot");
        vh_snapshot_wire(dom, dom->snapshots.current, &ret->snap);
        return 0;
}

int vh_op_domain_snapshot_get_parent(const VhMomentDriver *driver, VhCall *call,
                                     const remote_domain_snapshot_get_parent_args *args,
                                     remote_domain_snapshot_get_parent_ret *ret, VhError **err)
{
        VhDomainObj *dom;
        VhMoment *m;
        int r = vh_moment_check_flags(driver, args->flags, 0, "DomainSnapshotGetParent", err);

        if (r == 0)
                r = vh_snapshot_lookup(driver, call, &args->snap, &dom, &m, err);
        if (r < 0)
                return r;
        if (!m->parent)
                return vh_error_set(err, driver->domain, VIR_ERR_NO_DOMAIN_SNAPSHOT,
                                    "snapshot '%s' does not have a parent", m->name);
        vh_snapshot_wire(dom, m->parent, &ret->snap);
        return 0;
}

int vh_op_domain_snapshot_is_current(const VhMomentDriver *driver, VhCall *call,
                                     const remote_domain_snapshot_is_current_args *args,
                                     remote_domain_snapshot_is_current_ret *ret, VhError **err)
{
        VhDomainObj *dom;
        VhMoment *m;
        int r = vh_moment_check_flags(driver, args->flags, 0, "DomainSnapshotIsCurrent", err);

        if (r == 0)
                r = vh_snapshot_lookup(driver, call, &args->snap, &dom, &m, err);
        if (r == 0)
                ret->current = dom->snapshots.current == m;
        return r;
}

int vh_op_domain_snapshot_has_metadata(const VhMomentDriver *driver, VhCall *call,
                                       const remote_domain_snapshot_has_metadata_args *args,
                                       remote_domain_snapshot_has_metadata_ret *ret, VhError **err)
{
        VhDomainObj *dom;
        VhMoment *m;
        int r = vh_moment_check_flags(driver, args->flags, 0, "DomainSnapshotHasMetadata", err);

        if (r == 0)
                r = vh_snapshot_lookup(driver, call, &args->snap, &dom, &m, err);
        if (r == 0)
                ret->metadata = 1;
        return r;
}
