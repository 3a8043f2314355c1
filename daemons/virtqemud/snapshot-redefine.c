/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A client hands back the metadata of a snapshot: one that the driver forgot, or does not know yet, or knows better
 * now.
 */

#include <errno.h>

#include "model/domain-tables.h"
#include "moment.h"

static bool has_memory(const VhSnapshotDef *def)
{
        return def->state == VH_SNAPSHOT_RUNNING || def->state == VH_SNAPSHOT_PAUSED;
}

/* What a snapshot is of does not change. */
static int check_kind(const VhSnapshotDef *old, const VhSnapshotDef *def, VhError **err)
{
        if (has_memory(old) != has_memory(def))
                return vh_error_set(err, VIR_FROM_DOMAIN_SNAPSHOT, VIR_ERR_INVALID_ARG,
                                    "cannot change between online and offline snapshot state in snapshot %s",
                                    def->name);
        if ((old->state == VH_SNAPSHOT_DISK_SNAPSHOT) != (def->state == VH_SNAPSHOT_DISK_SNAPSHOT))
                return vh_error_set(err, VIR_FROM_DOMAIN_SNAPSHOT, VIR_ERR_INVALID_ARG,
                                    "cannot change between disk only and full system in snapshot %s", def->name);
        return 0;
}

static int parse_domains(QemuDriver *driver, const VhDomainObj *dom, VhSnapshot *snap, VhError **err)
{
        VhSnapshotDef *def = snap->def;
        int r = qemu_parse(driver, def->domain, 0, &snap->dom, err);

        if (r == 0)
                r = vh_moment_check_domain(dom, snap->dom, def->name, "snapshot", VIR_FROM_DOMAIN_SNAPSHOT, err);
        if (r == 0 && def->inactive_domain)
                r = qemu_moment_parse_inactive(driver, def->inactive_domain, &snap->inactive, err);
        return r;
}

/* That of the snapshot that is known stays if the client tells none. */
static int take_domains(QemuDriver *driver, const VhDomainObj *dom, const VhSnapshot *old, VhSnapshot *snap,
                        VhError **err)
{
        if (snap->def->domain)
                return parse_domains(driver, dom, snap, err);
        if (!old || !old->dom)
                return vh_error_set(err, VIR_FROM_DOMAIN_SNAPSHOT, VIR_ERR_INTERNAL_ERROR,
                                    "missing domain in snapshot");
        snap->dom = vh_domain_def_copy(old->dom);
        snap->inactive = old->inactive ? vh_domain_def_copy(old->inactive) : NULL;
        return 0;
}

/* A snapshot with its memory inside has nothing outside, and the other way round. */
static int check_locations(const VhSnapshotDef *def, VhError **err)
{
        if (def->state == VH_SNAPSHOT_DISK_SNAPSHOT || def->memory->location == VH_LOCATION_EXTERNAL)
                return 0;
        for (uint32_t i = 0; i < def->disks.n; i++)
                if (def->disks.items[i]->location && def->disks.items[i]->location != VH_LOCATION_INTERNAL)
                        return vh_error_set(err, VIR_FROM_DOMAIN_SNAPSHOT, VIR_ERR_CONFIG_UNSUPPORTED,
                                            "disk '%s' must use snapshot mode 'internal'", def->disks.items[i]->name);
        return 0;
}

static void set_memory(VhSnapshotDef *def)
{
        if (!def->memory)
                def->memory = vh_snapshot_memory_new(VH_LOCATION_UNSET);
        if (!def->memory->location)
                def->memory->location = def->memory->file ? VH_LOCATION_EXTERNAL
                                        : has_memory(def) ? VH_LOCATION_INTERNAL
                                                          : VH_LOCATION_NONE;
}

static int complete(VhDomainObj *dom, VhSnapshot *snap, VhError **err)
{
        int r;

        set_memory(snap->def);
        r = check_locations(snap->def, err);
        return r < 0 ? r : qemu_snapshot_align_known(snap->dom, snap->def, err);
}

int qemu_snapshot_redefine(VhCall *call, VhDomainObj *dom, VhSnapshot **snap, uint32_t flags,
                           remote_domain_snapshot_create_xml_ret *ret, VhError **err)
{
        QemuDriver *driver = qemu_driver(call);
        VhSnapshotDef *def = (*snap)->def;
        const VhMoment *known;
        VhMoment *m;
        int r = vh_snapshot_check_redefined(dom, def, err);

        if (r < 0)
                return r;
        known = vh_moment_find(&dom->snapshots, def->name);
        r = take_domains(driver, dom, known ? vh_snapshot_of(known) : NULL, *snap, err);
        if (r == 0 && known)
                r = check_kind(vh_snapshot_of(known)->def, def, err);
        if (r == 0)
                r = complete(dom, *snap, err);
        if (r == 0)
                r = qemu_snapshot_add(driver, dom, VH_TAKE_PTR(*snap), flags, &m, err);
        if (r == 0)
                vh_snapshot_wire(dom, m, &ret->snap);
        return r;
}
