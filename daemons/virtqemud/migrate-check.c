/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which guests stay where they are, and what could harm those that go. */

#include "api.h"
#include "base/file.h"
#include "migrate-resume.h"
#include "migrate-storage.h"
#include "migrate.h"
#include "shared-fs.h"
#include "transient.h"

static int refuse(VhError **err, int code, const char *why)
{
        return vh_error_set(err, VIR_FROM_QEMU, code, "%s", why);
}

static int check_flags(const QemuMigrateParams *p, VhError **err)
{
        if (!(p->flags & VIR_MIGRATE_OFFLINE))
                return 0;
        if (p->flags & QEMU_MIGRATE_STORAGE)
                return refuse(err, VIR_ERR_OPERATION_INVALID, "offline migration cannot handle non-shared storage");
        if (!(p->flags & VIR_MIGRATE_PERSIST_DEST))
                return refuse(err, VIR_ERR_OPERATION_INVALID,
                              "offline migration must be specified with the persistent flag set");
        if (p->flags & VIR_MIGRATE_TUNNELLED)
                return refuse(err, VIR_ERR_OPERATION_INVALID, "tunnelled offline migration does not make sense");
        return 0;
}

/* Devices with a state that only this host has. */
int qemu_migrate_check_devices(const VhDomainDef *def, VhError **err)
{
        enum { ROLE_MASTER = 1, VIRTIOFS = 6 };

        for (uint32_t i = 0; i < def->hostdevs.n; i++)
                if (def->hostdevs.items[i]->mode != VH_HOSTDEV_SUBSYSTEM ||
                    def->hostdevs.items[i]->type != VH_HOSTDEV_USB)
                        return refuse(err, VIR_ERR_OPERATION_INVALID, "domain has assigned non-USB host devices");
        for (uint32_t i = 0; i < def->shmems.n; i++)
                if (def->shmems.items[i]->role != ROLE_MASTER)
                        return refuse(err, VIR_ERR_OPERATION_INVALID, "shmem device cannot be migrated");
        for (uint32_t i = 0; i < def->filesystems.n; i++)
                if (def->filesystems.items[i]->driver == VIRTIOFS)
                        return refuse(err, VIR_ERR_OPERATION_INVALID,
                                      "migration with virtiofs device is not supported");
        return qemu_transient_refuse_move(def, err);
}

static int check_allowed(VhDomainObj *dom, const QemuMigrateParams *p, VhError **err)
{
        const QemuProcess *proc = qemu_process(dom);

        if (dom->snapshots.all)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID,
                                    "cannot migrate domain with %u snapshots", HASH_COUNT(dom->snapshots.all));
        if (proc && proc->autodestroy)
                return refuse(err, VIR_ERR_OPERATION_INVALID, "domain is marked for auto destroy");
        return p->flags & VIR_MIGRATE_OFFLINE ? 0 : qemu_migrate_check_devices(dom->def, err);
}

static int check_disk(const VhDisk *disk, const QemuCaps *caps, VhError **err)
{
        enum { CACHE_NONE = 2, CACHE_DIRECTSYNC = 5 };

        if (disk->src.type == VH_DISK_TYPE_NETWORK || !disk->src.path || disk->readonly)
                return 0;
        if (disk->src.type == VH_DISK_TYPE_FILE && !qemu_path_is_shared(disk->src.path))
                return refuse(err, VIR_ERR_MIGRATE_UNSAFE, "Migration without shared storage is unsafe");
        /* Such a QEMU lets go of what it has of the file before the other one opens it. */
        if (caps && qemu_caps_has_word(caps, "schema:blockdev-add.file.drop-cache"))
                return 0;
        if (disk->cache == CACHE_NONE || disk->cache == CACHE_DIRECTSYNC || disk->shareable)
                return 0;
        return refuse(err, VIR_ERR_MIGRATE_UNSAFE,
                      "Migration may lead to data corruption if disks use cache other than none or directsync");
}

static int check_safe(VhDomainObj *dom, const QemuMigrateParams *p, VhError **err)
{
        const QemuProcess *proc = qemu_process(dom);
        int r = 0;

        if (p->flags & (VIR_MIGRATE_UNSAFE | VIR_MIGRATE_OFFLINE))
                return 0;
        for (uint32_t i = 0; r == 0 && i < dom->def->disks.n; i++)
                if (!qemu_storage_is_copied(p, dom->def->disks.items[i]))
                        r = check_disk(dom->def->disks.items[i], proc ? proc->caps : NULL, err);
        return r;
}

/* A disk that the client names must be there. */
static int check_disks(const VhDomainDef *def, const QemuMigrateParams *p, VhError **err)
{
        for (const char **d = p->disks; d && *d; d++) {
                bool found = false;

                for (uint32_t i = 0; i < def->disks.n; i++)
                        found |= vh_streq(def->disks.items[i]->target, *d);
                if (!found)
                        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG, "disk target %s not found", *d);
        }
        return 0;
}

/* Jobs on images do not move; disks that are copied need a way of their own. */
static int check_jobs(VhDomainObj *dom, const QemuMigrateParams *p, VhError **err)
{
        const QemuProcess *proc = qemu_process(dom);

        if (proc && proc->block_jobs)
                return refuse(err, VIR_ERR_OPERATION_INVALID, "domain has active block job");
        if (p->flags & QEMU_MIGRATE_STORAGE && p->flags & VIR_MIGRATE_TUNNELLED)
                return refuse(err, VIR_ERR_OPERATION_UNSUPPORTED,
                              "NBD in tunnelled migration is currently not supported");
        return 0;
}

int qemu_migrate_check(VhDomainObj *dom, const QemuMigrateParams *p, VhError **err)
{
        const QemuMigration *m = qemu_migration(dom);
        int r = qemu_migrate_params_check_source(p, err);

        if (r == 0 && qemu_migrate_is_resume(p))
                return qemu_migrate_check_resume(dom, m, false, err);
        if (r == 0 && m && m->phase == QEMU_PHASE_POSTCOPY_FAILED)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID,
                                    "another migration job is already running for domain '%s'", dom->node.name);
        if (r == 0)
                r = check_flags(p, err);
        if (r == 0 && !(p->flags & VIR_MIGRATE_OFFLINE))
                r = vh_domain_obj_check_active(dom, VIR_FROM_DOMAIN, err);
        if (r == 0)
                r = check_allowed(dom, p, err);
        if (r == 0)
                r = check_jobs(dom, p, err);
        if (r == 0)
                r = check_disks(dom->def, p, err);
        return r < 0 ? r : check_safe(dom, p, err);
}
