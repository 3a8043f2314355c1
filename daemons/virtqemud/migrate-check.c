/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which guests stay where they are, and what could harm those that go. */

#include "api.h"
#include "base/file.h"
#include "command-parts.h"
#include "migrate-blockers.h"
#include "migrate-resume.h"
#include "migrate-storage.h"
#include "migrate.h"
#include "shared-fs.h"

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

static bool stopped_by_error(VhDomainObj *dom)
{
        return dom->state == VIR_DOMAIN_PAUSED && dom->reason == VIR_DOMAIN_PAUSED_IOERROR;
}

static int check_allowed(VhDomainObj *dom, const QemuMigrateParams *p, VhError **err)
{
        const QemuProcess *proc = qemu_process(dom);

        if (dom->snapshots.all)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID,
                                    "cannot migrate domain with %u snapshots", HASH_COUNT(dom->snapshots.all));
        if (proc && proc->autodestroy)
                return refuse(err, VIR_ERR_OPERATION_INVALID, "domain is marked for auto destroy");
        if (p->flags & VIR_MIGRATE_ABORT_ON_ERROR && !(p->flags & VIR_MIGRATE_OFFLINE) && stopped_by_error(dom))
                return refuse(err, VIR_ERR_OPERATION_INVALID, "cannot migrate domain with I/O error");
        return 0;
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

static int check_disk_to_copy(const VhDomainDef *def, const char *target, VhError **err)
{
        for (uint32_t i = 0; i < def->disks.n; i++) {
                const VhDisk *disk = def->disks.items[i];

                if (!vh_streq(disk->target, target))
                        continue;
                if (!disk->readonly && !qemu_disk_is_empty(disk))
                        return 0;
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "Cannot migrate empty or read-only disk %s", target);
        }
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG, "disk target %s not found", target);
}

/* Disks that are copied need a way of their own; those that the client names must be there. */
static int check_storage(const VhDomainDef *def, const QemuMigrateParams *p, VhError **err)
{
        int r = 0;

        if (p->flags & QEMU_MIGRATE_STORAGE && p->flags & VIR_MIGRATE_TUNNELLED)
                return refuse(err, VIR_ERR_OPERATION_UNSUPPORTED,
                              "NBD in tunnelled migration is currently not supported");
        for (const char **d = p->disks; r == 0 && d && *d; d++)
                r = check_disk_to_copy(def, *d, err);
        return r;
}

int qemu_migrate_check_postcopy(const VhDomainObj *dom, const QemuMigrateParams *p, VhError **err)
{
        if (!(p->flags & VIR_MIGRATE_POSTCOPY))
                return 0;
        if (!(p->flags & VIR_MIGRATE_LIVE) || dom->state != VIR_DOMAIN_RUNNING)
                return refuse(err, VIR_ERR_ARGUMENT_UNSUPPORTED,
                              "post-copy migration is not supported with non-live or paused migration");
        if (p->flags & VIR_MIGRATE_TUNNELLED)
                return refuse(err, VIR_ERR_ARGUMENT_UNSUPPORTED, "post-copy is not supported with tunnelled migration");
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
        return r < 0 ? r : check_allowed(dom, p, err);
}

int qemu_migrate_check_guest(VhDomainObj *dom, const QemuMigrateParams *p, const json_t *answer, VhError **err)
{
        int r = p->flags & VIR_MIGRATE_OFFLINE ? 0 : qemu_migrate_check_blockers(dom, answer, err);

        if (r == 0)
                r = check_safe(dom, p, err);
        if (r == 0)
                r = qemu_migrate_check_postcopy(dom, p, err);
        return r < 0 ? r : check_storage(dom->def, p, err);
}
