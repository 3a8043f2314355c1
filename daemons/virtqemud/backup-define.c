/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From a client's backup XML to one that can be started. */

#include <errno.h>
#include <sys/stat.h>
#include <time.h>

#include "backup.h"
#include "driver/moment-ops.h"
#include "model/domain-tables.h"
#include "transient.h"

VhBackupDisk *qemu_backup_disk(const VhBackupDef *def, const char *target)
{
        for (uint32_t i = 0; i < def->disks.n; i++)
                if (vh_streq(def->disks.items[i]->name, target))
                        return def->disks.items[i];
        return NULL;
}

static VhBackupStore *store_of(const VhBackupDisk *bd)
{
        return bd->target ? bd->target : bd->scratch;
}

VhDiskSource *qemu_backup_store(const VhBackupDisk *bd)
{
        const VhBackupStore *store = store_of(bd);
        VhDiskSource src = {
                .type = bd->type,
                .path = store->file ? store->file : store->dev,
                .format = bd->format,
                .encryption = store->encryption,
        };

        return qemu_source_copy(&src);
}

/* ---- the whole ---- */

/* QEMU would take what is left of a number that is too large. */
static int check_port(const char *text, VhError **err)
{
        unsigned port;

        if (vh_parse_uint(text, &port) < 0)
                return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_INVALID_ARG, "failed to parse port number '%s'", text);
        if (port > UINT16_MAX)
                return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_INVALID_ARG, "port '%s' out of range", text);
        return 0;
}

static int set_server(VhBackupDef *def, VhError **err)
{
        VhBackupServer *server = def->server;

        if (def->mode != VH_BACKUP_PULL)
                return 0;
        if (!server)
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_INTERNAL_ERROR,
                                    "<domainbackup> must specify TCP server");
        if (!server->transport)
                server->transport = VH_BACKUP_TCP;
        if (server->transport == VH_BACKUP_UNIX && (!server->socket || *server->socket != '/'))
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR, "backup socket path '%s' must be absolute",
                                    server->socket ? server->socket : "");
        if (server->transport == VH_BACKUP_TCP && !server->name)
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR, "missing 'name' attribute of <server>");
        if (server->transport == VH_BACKUP_TCP && !server->port)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "<domainbackup> must specify TCP port for now");
        return server->transport == VH_BACKUP_TCP ? check_port(server->port, err) : 0;
}

/* ---- disks ---- */

static int set_increment(const VhDomainObj *dom, const VhBackupDef *def, VhBackupDisk *bd, VhError **err)
{
        const VhMoment *m;
        const VhCheckpointDef *cp;

        if (!bd->incremental && bd->mode != VH_BACKUP_FULL && def->incremental && *def->incremental)
                bd->incremental = vh_xstrdup(def->incremental);
        if (bd->mode == VH_BACKUP_FULL && bd->incremental)
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR,
                                    "disk '%s' has a checkpoint to start from, which a full backup does not use",
                                    bd->name);
        if (bd->mode == VH_BACKUP_INCREMENTAL && !bd->incremental)
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "'incremental' backup mode of disk '%s' requires setting 'incremental' field for "
                                    "disk or backup",
                                    bd->name);
        bd->mode = bd->incremental ? VH_BACKUP_INCREMENTAL : VH_BACKUP_FULL;
        if (!bd->incremental)
                return 0;
        m = vh_moment_find(&dom->checkpoints, bd->incremental);
        if (!m)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_NO_DOMAIN_CHECKPOINT,
                                    "Checkpoint '%s' for incremental backup of disk '%s' not found", bd->incremental,
                                    bd->name);
        cp = vh_checkpoint_of(m)->def;
        for (uint32_t i = 0; i < cp->disks.n; i++) {
                if (!vh_streq(cp->disks.items[i]->name, bd->name))
                        continue;
                if (cp->disks.items[i]->mode == VH_CHECKPOINT_BITMAP)
                        return 0;
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CHECKPOINT_INCONSISTENT,
                                    "missing or broken bitmap '%s' for disk '%s'", bd->incremental, bd->name);
        }
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CHECKPOINT_INCONSISTENT,
                            "disk '%s' not found in checkpoint '%s'", bd->name, bd->incremental);
}

/* Beside the image, with the time as its name. */
static int set_store(const VhDisk *disk, const VhBackupDef *def, VhBackupDisk *bd, VhError **err)
{
        VhBackupStore **store = def->mode == VH_BACKUP_PULL ? &bd->scratch : &bd->target;

        if (def->mode == VH_BACKUP_PULL ? bd->target != NULL : bd->scratch != NULL)
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR,
                                    "disk '%s' has a <%s>, which a backup of this mode does not use", bd->name,
                                    bd->target ? "target" : "scratch");
        if (!bd->type)
                bd->type = VH_DISK_TYPE_FILE;
        if (*store && ((*store)->file || (*store)->dev))
                return 0;
        if (disk->src.type != VH_DISK_TYPE_FILE || bd->type != VH_DISK_TYPE_FILE)
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "refusing to generate file name for disk '%s'", bd->name);
        if (!*store)
                *store = vh_backup_store_new();
        (*store)->file = vh_xasprintf("%s.%lld", disk->src.path, (long long)time(NULL));
        return 0;
}

static int check_store(const VhBackupDisk *bd, bool reuse, VhError **err)
{
        const VhBackupStore *store = store_of(bd);
        const char *path = store->file ? store->file : store->dev;
        struct stat st;

        if (bd->type == VH_DISK_TYPE_FILE ? !store->file : !store->dev)
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR, "missing source for backup of disk '%s'",
                                    bd->name);
        if (*path != '/')
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR,
                                    "path '%s' for backup of disk '%s' must be absolute", path, bd->name);
        if (stat(path, &st) < 0)
                return reuse || bd->type == VH_DISK_TYPE_BLOCK
                               ? vh_error_sys(err, VIR_FROM_QEMU, errno, "unable to stat: %s", path)
                               : 0;
        if (bd->type == VH_DISK_TYPE_FILE && !reuse)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG, "store '%s' for backup of '%s' exists",
                                    path, bd->name);
        return 0;
}

static int check_disk(const QemuProcess *proc, const VhDisk *disk, const VhBackupDef *def, const VhBackupDisk *bd,
                      VhError **err)
{
        if (qemu_disk_is_empty(disk))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED, "disk '%s' is empty", bd->name);
        if (qemu_transient_refuse_job(disk, err) < 0)
                return -EINVAL;
        if (def->mode == VH_BACKUP_PUSH && (bd->export_name || bd->export_bitmap))
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR,
                                    "disk '%s' is exported, which only a backup in pull mode does", bd->name);
        if (qemu_block_job_of(proc, disk) || disk->mirror)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR, "disk '%s' has a blockjob assigned",
                                    disk->target);
        return 0;
}

static int align_disk(VhDomainObj *dom, const VhDisk *disk, const VhBackupDef *def, VhBackupDisk *bd, bool reuse,
                      VhError **err)
{
        int r;

        if (bd->backup == VH_NO)
                return 0;
        bd->backup = VH_YES;
        if (!bd->format)
                bd->format = VH_STORAGE_FORMAT_QCOW2;
        r = check_disk(qemu_process(dom), disk, def, bd, err);
        if (r == 0)
                r = set_increment(dom, def, bd, err);
        if (r == 0)
                r = set_store(disk, def, bd, err);
        if (r == 0)
                r = check_store(bd, reuse, err);
        if (r == 0 && def->mode == VH_BACKUP_PULL && bd->format != VH_STORAGE_FORMAT_QCOW2)
                r = vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                 "pull mode backup for disk '%s' requires qcow2 driver", bd->name);
        if (r == 0 && def->mode == VH_BACKUP_PULL) {
                if (!bd->export_name)
                        bd->export_name = vh_xstrdup(bd->name);
                if (bd->incremental && !bd->export_bitmap)
                        bd->export_bitmap = vh_xasprintf("backup-%s", bd->name);
        }
        return r;
}

/* Disks that nobody named are taken only if none was. */
static void add_missing(const VhDomainDef *dom, VhBackupDef *def)
{
        bool all = !def->disks.n;

        for (uint32_t i = 0; i < dom->disks.n; i++) {
                const VhDisk *disk = dom->disks.items[i];
                VhBackupDisk *bd;

                if (qemu_backup_disk(def, disk->target))
                        continue;
                bd = vh_backup_disk_new(disk->target);
                bd->backup = all && !disk->readonly && !qemu_disk_is_empty(disk) ? VH_YES : VH_NO;
                vh_list_add(&def->disks, bd);
        }
}

int qemu_backup_align(VhDomainObj *dom, VhBackupDef *def, bool reuse, VhError **err)
{
        unsigned n = 0;
        int r = set_server(def, err);

        for (uint32_t i = 0; r == 0 && i < def->disks.n; i++)
                if (!qemu_disk_find(dom->def, def->disks.items[i]->name))
                        r = vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED, "no disk named '%s'",
                                         def->disks.items[i]->name);
        if (r < 0)
                return r;
        add_missing(dom->def, def);
        for (uint32_t i = 0; r == 0 && i < def->disks.n; i++) {
                VhBackupDisk *bd = def->disks.items[i];

                r = align_disk(dom, qemu_disk_find(dom->def, bd->name), def, bd, reuse, err);
                n += bd->backup == VH_YES;
        }
        if (r == 0 && !n)
                r = vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED, "no disks selected for backup");
        return r;
}
