/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Volumes as items of work. */

#include "guest-volumes.h"

#include <errno.h>
#include <stdio.h>

#include "api.h"
#include "base/log.h"
#include "client_calls.h"
#include "model/domain-tables.h"
#include "model/storage-pool.h"
#include "model/storage-vol.h"
#include "peer.h"

VH_LOG_SOURCE("qemu.disk");

enum { MODE_HOST = 1, MODE_DIRECT = 2, FORMAT_FAT = 16, PROTOCOL_ISCSI = 5, SECRET_ISCSI = 3 };

typedef struct Volume {
        QemuHostItem item;
        const VhDriverEnv *env;
        char *pool, *volume, *target;
        uint8_t mode, format; /* words of the disk */
        bool has_policy;      /* what happens without the source */
        VhDiskType type;      /* of the volume, once it is known */
        char *path;
        VhNetworkSource *network;
        VhDisk *disk; /* to be completed; NULL: the one of the guest with the target */
} Volume;

bool qemu_disk_wants_volume(const VhDisk *disk)
{
        return disk->src.type == VH_DISK_TYPE_VOLUME && disk->src.pool && disk->src.volume;
}

/* ---- what pools can give ---- */

static int xml_error(VhError **err, const char *text)
{
        return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR, "%s", text);
}

static int use_path(Volume *v, const VhPoolDef *pool, VhVolType type, char *path, VhError **err)
{
        static const VhDiskType types[] = {
                [VH_VOL_FILE] = VH_DISK_TYPE_FILE,
                [VH_VOL_BLOCK] = VH_DISK_TYPE_BLOCK,
                [VH_VOL_DIR] = VH_DISK_TYPE_DIR,
                [VH_VOL_PLOOP] = VH_DISK_TYPE_FILE,
        };

        if (v->mode)
                return xml_error(err, "disk source mode is only valid when storage pool is of iscsi type");
        v->type = type < VH_ARRAY_SIZE(types) ? types[type] : VH_DISK_TYPE_NONE;
        if (v->type == VH_DISK_TYPE_NONE)
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_INTERNAL_ERROR,
                                    "unexpected storage volume type for storage pool type '%s'",
                                    vh_pool_type_name(pool->type));
        if (v->has_policy && v->type != VH_DISK_TYPE_FILE)
                return xml_error(err, "'startupPolicy' is only valid for 'file' type volume");
        if (v->type == VH_DISK_TYPE_DIR && v->format != FORMAT_FAT)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "storage type 'dir' requires use of storage format 'fat'");
        v->path = vh_xstrdup(path);
        return 0;
}

static VhStorageAuth *auth_of(const VhPoolAuth *from)
{
        VhStorageAuth *auth = vh_new(VhStorageAuth, 1);

        auth->username = vh_xstrdup(from->username);
        auth->secret.type = SECRET_ISCSI;
        auth->secret.usage = vh_xstrdup(from->secret_usage);
        memcpy(auth->secret.uuid, from->secret_uuid, VH_UUID_LEN);
        return auth;
}

/* QEMU talks to the target itself: volumes are named "unit:HOST:BUS:LUN". */
static int use_target(Volume *v, const VhPoolDef *pool, VhError **err)
{
        const char *lun = strrchr(v->volume, ':');
        const VhPoolSource *source = &pool->source;
        VhStorageHost *host;

        if (!lun || !source->hosts.n || !source->devices.n)
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR,
                                    "volume '%s' of pool '%s' names no unit of an iSCSI target", v->volume, v->pool);
        v->type = VH_DISK_TYPE_NETWORK;
        v->network = vh_new(VhNetworkSource, 1);
        v->network->protocol = PROTOCOL_ISCSI;
        v->network->name = vh_xasprintf("%s/%s", source->devices.items[0]->path, lun + 1);
        host = vh_new(VhStorageHost, 1);
        host->name = vh_xstrdup(source->hosts.items[0]->name);
        host->port = source->hosts.items[0]->port ? vh_xasprintf("%u", source->hosts.items[0]->port) : NULL;
        vh_list_add(&v->network->hosts, host);
        if (source->auth)
                v->network->auth = auth_of(source->auth);
        return 0;
}

static int use_iscsi(Volume *v, const VhPoolDef *pool, char *path, VhError **err)
{
        if (v->has_policy)
                return xml_error(err, "'startupPolicy' is only valid for 'file' type volume");
        if (v->mode == MODE_DIRECT || pool->type == VH_POOL_ISCSI_DIRECT)
                return use_target(v, pool, err);
        v->type = VH_DISK_TYPE_BLOCK;
        v->path = vh_xstrdup(path);
        return 0;
}

static int use_volume(Volume *v, const VhPoolDef *pool, VhVolType type, char *path, VhError **err)
{
        switch (pool->type) {
        case VH_POOL_DIR:
        case VH_POOL_FS:
        case VH_POOL_NETFS:
        case VH_POOL_LOGICAL:
        case VH_POOL_DISK:
        case VH_POOL_SCSI:
        case VH_POOL_ZFS:
        case VH_POOL_VSTORAGE:
                return use_path(v, pool, type, path, err);
        case VH_POOL_ISCSI:
        case VH_POOL_ISCSI_DIRECT:
                return use_iscsi(v, pool, path, err);
        default:
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "using '%s' pools for backing 'volume' disks isn't yet supported",
                                    vh_pool_type_name(pool->type));
        }
}

/* ---- the storage daemon, on a worker ---- */

static int find_pool(VhRemote *remote, const Volume *v, remote_nonnull_storage_pool *ret, VhArena *arena, VhError **err)
{
        const remote_storage_pool_lookup_by_name_args args = { .name = v->pool };
        remote_storage_pool_lookup_by_name_ret found = { 0 };
        remote_storage_pool_is_active_args active_args;
        remote_storage_pool_is_active_ret active = { 0 };
        int r = vh_call_remote_storage_pool_lookup_by_name(remote, &args, &found, arena, err);

        if (r < 0)
                return r;
        *ret = active_args.pool = found.pool;
        r = vh_call_remote_storage_pool_is_active(remote, &active_args, &active, arena, err);
        if (r == 0 && !active.active)
                r = vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_CONFIG_UNSUPPORTED,
                                 "storage pool '%s' containing volume '%s' is not active", v->pool, v->volume);
        return r;
}

static int read_pool(VhRemote *remote, const remote_nonnull_storage_pool *wire, VhPoolDef **ret, VhArena *arena,
                     VhError **err)
{
        const remote_storage_pool_get_xml_desc_args args = { .pool = *wire };
        remote_storage_pool_get_xml_desc_ret text = { 0 };
        int r = vh_call_remote_storage_pool_get_xml_desc(remote, &args, &text, arena, err);

        return r < 0 ? r : vh_storage_pool_parse(text.xml, 0, ret, err);
}

static int read_volume(VhRemote *remote, const Volume *v, const remote_nonnull_storage_pool *pool, VhVolType *type,
                       char **path, VhArena *arena, VhError **err)
{
        /* Of the protocol; in its order. */
        static const VhVolType types[] = { VH_VOL_FILE,    VH_VOL_BLOCK,  VH_VOL_DIR,
                                           VH_VOL_NETWORK, VH_VOL_NETDIR, VH_VOL_PLOOP };
        const remote_storage_vol_lookup_by_name_args args = { .pool = *pool, .name = v->volume };
        remote_storage_vol_lookup_by_name_ret found = { 0 };
        remote_storage_vol_get_info_args info_args;
        remote_storage_vol_get_info_ret info = { 0 };
        remote_storage_vol_get_path_args path_args;
        remote_storage_vol_get_path_ret place = { 0 };
        int r = vh_call_remote_storage_vol_lookup_by_name(remote, &args, &found, arena, err);

        info_args.vol = path_args.vol = found.vol;
        r = r < 0 ? r : vh_call_remote_storage_vol_get_info(remote, &info_args, &info, arena, err);
        r = r < 0 ? r : vh_call_remote_storage_vol_get_path(remote, &path_args, &place, arena, err);
        *type = (size_t)info.type < VH_ARRAY_SIZE(types) ? types[(size_t)info.type] : VH_VOL_UNSET;
        *path = place.name;
        return r;
}

static int make(QemuHostItem *item, VhError **err)
{
        Volume *v = (Volume *)item;
        _vh_cleanup_(qemu_peers_freep) QemuPeers *peers = qemu_peers_new(v->env);
        _vh_cleanup_(vh_arena_done) VhArena arena = { 0 };
        _vh_cleanup_(vh_storage_pool_freep) VhPoolDef *pool = NULL;
        remote_nonnull_storage_pool wire = { 0 };
        VhVolType type = VH_VOL_UNSET;
        char *path = NULL;
        VhRemote *remote = qemu_peer(peers, VH_KIND_STORAGE, err);
        int r = remote ? find_pool(remote, v, &wire, &arena, err) : -ENOTCONN;

        r = r < 0 ? r : read_volume(remote, v, &wire, &type, &path, &arena, err);
        r = r < 0 ? r : read_pool(remote, &wire, &pool, &arena, err);
        return r < 0 ? r : use_volume(v, pool, type, path, err);
}

/* ---- the item ---- */

static VhDisk *find_disk(const Volume *v, const VhDomainDef *def)
{
        for (uint32_t i = 0; i < def->disks.n; i++) {
                VhDisk *disk = def->disks.items[i];

                if (vh_streq(disk->target, v->target) && qemu_disk_wants_volume(disk) &&
                    strcmp(disk->src.pool, v->pool) == 0 && strcmp(disk->src.volume, v->volume) == 0)
                        return disk;
        }
        return NULL;
}

/* Pool and volume stay: by them the disk is known as one (domain-plug.c). */
static void adopt(QemuHostItem *item, QemuProcess *proc, QemuLaunch *launch)
{
        Volume *v = (Volume *)item;
        VhDisk *disk = v->disk ? v->disk : find_disk(v, proc->dom->def);

        if (!disk || v->type == VH_DISK_TYPE_NONE)
                return;
        disk->src.type = v->type;
        disk->src.path = VH_TAKE_PTR(v->path);
        disk->src.network = VH_TAKE_PTR(v->network);
        if (disk->src.network)
                disk->src.network->index = disk->src.index;
        if (!disk->format)
                disk->format = VH_STORAGE_FORMAT_RAW;
}

static void volume_free(QemuHostItem *item)
{
        Volume *v = (Volume *)item;

        if (v->network) {
                VhDiskSource src = { .type = VH_DISK_TYPE_NETWORK, .network = v->network };

                vh_xml_bind_clear(&vh_table_disk_source, &src);
        }
        free(v->pool);
        free(v->volume);
        free(v->target);
        free(v->path);
        free(v);
}

static const QemuHostItemClass volume_class = {
        .make = make,
        .adopt = adopt,
        .free = volume_free,
};

static Volume *volume_new(QemuProcess *proc, const VhDisk *disk)
{
        Volume *v = vh_new(Volume, 1);

        v->item.class = &volume_class;
        v->env = &proc->driver->env;
        v->pool = vh_xstrdup(disk->src.pool);
        v->volume = vh_xstrdup(disk->src.volume);
        v->target = vh_xstrdup(disk->target);
        v->mode = disk->src.mode;
        v->format = disk->format;
        v->has_policy = disk->src.startup_policy != 0;
        return v;
}

void qemu_volume_want(QemuProcess *proc, VhDisk *disk, QemuHostWork *work)
{
        Volume *v = volume_new(proc, disk);

        v->disk = disk;
        qemu_host_work_add(work, &v->item);
}

/* ---- after a daemon's absence ---- */

/* One that is not found does not keep the others from it. */
static int find_again(QemuHostItem *item, VhError **err)
{
        Volume *v = (Volume *)item;
        _vh_error_ VhError *why = NULL;
        int r = make(item, &why);

        if (r < 0) {
                v->type = VH_DISK_TYPE_NONE;
                vh_log_warning("volume '%s' of pool '%s', which is disk '%s' of a guest, is not known: %s", v->volume,
                               v->pool, v->target, vh_error_text(why, r));
        }
        return 0;
}

static const QemuHostItemClass again_class = {
        .make = find_again,
        .adopt = adopt,
        .free = volume_free,
};

static void found_again(void *data, int r, const VhError *err)
{
        QemuProcess *proc = data;

        if (r == 0)
                qemu_host_work_adopt(proc->volumes, proc, NULL);
        proc->volumes = qemu_host_work_drop(proc->volumes, false);
}

void qemu_volumes_find_again(QemuProcess *proc)
{
        const VhDomainDef *def = proc->dom->def;

        proc->volumes = qemu_host_work_new();
        for (uint32_t i = 0; i < def->disks.n; i++) {
                Volume *v;

                if (!qemu_disk_wants_volume(def->disks.items[i]))
                        continue;
                v = volume_new(proc, def->disks.items[i]);
                v->item.class = &again_class;
                qemu_host_work_add(proc->volumes, &v->item);
        }
        qemu_host_work_go(proc->volumes, proc->driver->pool, found_again, proc);
}
