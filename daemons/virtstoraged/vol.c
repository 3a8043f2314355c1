/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Volumes as objects, which there are, and what they are. */

#include "job.h"

#include <errno.h>

#include "dir.h"
#include "storage-ops.h"

/* ---- objects ---- */

StorageVol *storage_vol_new(StoragePool *pool, VhVolDef *def)
{
        StorageVol *vol = vh_new(StorageVol, 1);

        vh_reg_node_init(&vol->node, def->name, NULL);
        vol->def = def;
        vh_registry_add(&pool->vols, &vol->node);
        return vol;
}

void storage_vol_remove(StoragePool *pool, StorageVol *vol)
{
        vh_registry_remove(&pool->vols, &vol->node);
        vh_storage_vol_free(vol->def);
        free(vol->node.name);
        free(vol);
}

void storage_vol_wire(const StoragePool *pool, const StorageVol *vol, remote_nonnull_storage_vol *wire)
{
        wire->pool = pool->node.name;
        wire->name = vol->node.name;
        wire->key = vol->def->key;
}

int storage_vol_find(const StoragePool *pool, const char *name, StorageVol **ret, VhError **err)
{
        *ret = storage_vol_of(vh_registry_by_name(&pool->vols, name));
        if (*ret)
                return 0;
        return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_NO_STORAGE_VOL, "no storage vol with matching name '%s'",
                            name);
}

int storage_vol(VhCall *call, const remote_nonnull_storage_vol *wire, StorageWant want, StoragePool **pool,
                StorageVol **vol, VhError **err)
{
        int r = storage_pool_named(call, wire->pool, want, pool, err);

        if (r == 0)
                r = storage_pool_check_active(*pool, err);
        return r == 0 ? storage_vol_find(*pool, wire->name, vol, err) : r;
}

int storage_vol_check_free(const StorageVol *vol, VhError **err)
{
        if (vol->in_use && !vol->building)
                return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_OPERATION_INVALID, "volume '%s' is still in use.",
                                    vol->node.name);
        if (vol->building)
                return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_OPERATION_INVALID,
                                    "volume '%s' is still being allocated.", vol->node.name);
        return 0;
}

/* ---- lists ---- */

static bool is_built(const VhRegNode *node)
{
        const StorageVol *vol = VH_CONTAINER_OF(node, StorageVol, node);

        return !vol->building;
}

STORAGE_OP_RET(storage_pool_num_of_volumes)
{
        StoragePool *pool = NULL;
        int r = storage_active_pool(call, &args->pool, STORAGE_SHARE, &pool, err);

        if (r == 0)
                ret->num = (int)vh_registry_count_picked(&pool->vols, is_built);
        return r;
}

STORAGE_OP_RET(storage_pool_list_volumes)
{
        StoragePool *pool = NULL;
        int r = storage_active_pool(call, &args->pool, STORAGE_SHARE, &pool, err);

        if (r == 0)
                ret->names.val =
                        vh_registry_names(&pool->vols, is_built, args->maxnames, &call->arena, &ret->names.len);
        return r;
}

STORAGE_OP_RET(storage_pool_list_all_volumes)
{
        StoragePool *pool = NULL;
        remote_nonnull_storage_vol *val;
        int r = vh_check_flags(args->flags, 0, VIR_FROM_STORAGE, "storagePoolListAllVolumes", err);

        if (r == 0)
                r = storage_active_pool(call, &args->pool, STORAGE_SHARE, &pool, err);
        if (r != 0)
                return r;
        val = vh_call_new(call, remote_nonnull_storage_vol, vh_registry_count(&pool->vols));
        VH_REGISTRY_FOREACH(&pool->vols, node)
        if (is_built(node))
                storage_vol_wire(pool, storage_vol_of(node), &val[ret->ret++]);
        if (args->need_results) {
                ret->vols.len = ret->ret;
                ret->vols.val = val;
        }
        return 0;
}

/* ---- lookups ---- */

STORAGE_OP_RET(storage_vol_lookup_by_name)
{
        StoragePool *pool = NULL;
        StorageVol *vol = NULL;
        int r = storage_active_pool(call, &args->pool, STORAGE_SHARE, &pool, err);

        if (r == 0)
                r = storage_vol_find(pool, args->name, &vol, err);
        if (r == 0)
                storage_vol_wire(pool, vol, &ret->vol);
        return r;
}

/* Looks through all running pools for a volume with that key, or (by_path) that path. */
static bool search(StorageDriver *driver, const char *text, bool by_path, remote_nonnull_storage_vol *wire)
{
        VH_REGISTRY_FOREACH(&driver->pools, pnode)
        {
                const StoragePool *pool = storage_pool_of(pnode);

                if (!pool->active)
                        continue;
                VH_REGISTRY_FOREACH(&pool->vols, vnode)
                {
                        const StorageVol *vol = storage_vol_of(vnode);

                        if (vh_streq(by_path ? vol->def->target.path : vol->def->key, text)) {
                                storage_vol_wire(pool, vol, wire);
                                return true;
                        }
                }
        }
        return false;
}

/* A pool whose volumes are not known yet. */
static StoragePool *starting_pool(StorageDriver *driver)
{
        VH_REGISTRY_FOREACH(&driver->pools, node)
        if (storage_pool_of(node)->starting)
                return storage_pool_of(node);
        return NULL;
}

/* What is not found may be in a pool that is being looked through for the first time. */
static int not_found(VhCall *call, const char *what, VhError **err)
{
        StoragePool *pool = starting_pool(storage_driver(call));

        if (pool)
                return storage_wait(pool, call);
        return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_NO_STORAGE_VOL, "no storage vol with matching %s", what);
}

STORAGE_OP_RET(storage_vol_lookup_by_key)
{
        if (search(storage_driver(call), args->key, false, &ret->vol))
                return 0;
        return not_found(call, vh_call_printf(call, "key %s", args->key), err);
}

STORAGE_OP_RET(storage_vol_lookup_by_path)
{
        _vh_free_ char *path = storage_clean_path(args->path);

        if (search(storage_driver(call), path, true, &ret->vol))
                return 0;
        return not_found(call, vh_call_printf(call, "path '%s'", args->path), err);
}

STORAGE_OP_RET(storage_vol_get_path)
{
        StoragePool *pool = NULL;
        StorageVol *vol = NULL;
        int r = storage_vol(call, &args->vol, STORAGE_SHARE, &pool, &vol, err);

        if (r == 0)
                ret->name = vol->def->target.path;
        return r;
}

/* ---- what they are ---- */

/* The file is asked each time: guests write to it. */
typedef struct LookJob {
        StorageJob job;
        VhVolDef *def; /* a copy */
        StorageVol *of;
        uint32_t flags;
        void (*answer)(const struct LookJob *look);
} LookJob;

static int look_work(StorageJob *job)
{
        return storage_vol_update(((LookJob *)job)->def, &job->err);
}

/* Volumes stay while short jobs are under way. */
static int look_done(StorageJob *job, int r)
{
        LookJob *look = (LookJob *)job;

        if (r < 0)
                return r;
        vh_storage_vol_free(look->of->def);
        look->of->def = VH_TAKE_PTR(look->def);
        if (job->call)
                look->answer(look);
        return 0;
}

static void look_free(StorageJob *job)
{
        vh_storage_vol_free(((LookJob *)job)->def);
}

static const StorageJobClass look_class = {
        .kind = STORAGE_JOB_SHORT,
        .size = sizeof(LookJob),
        .work = look_work,
        .done = look_done,
        .free = look_free,
};

static int look(VhCall *call, const remote_nonnull_storage_vol *wire, uint32_t flags,
                void (*answer)(const LookJob *look), VhError **err)
{
        StoragePool *pool = NULL;
        StorageVol *vol = NULL;
        LookJob *job;
        int r = storage_vol(call, wire, STORAGE_SHARE, &pool, &vol, err);

        if (r == 0 && vol->building)
                r = storage_vol_check_free(vol, err);
        if (r != 0)
                return r;
        job = storage_job_new(storage_driver(call), pool, call, &look_class);
        job->def = vh_storage_vol_copy(vol->def);
        job->of = vol;
        job->flags = flags;
        job->answer = answer;
        return storage_job_go(&job->job, err);
}

/* Of the protocol. */
static int wire_type(const VhVolDef *def)
{
        return def->type - VH_VOL_FILE;
}

static void answer_info(const LookJob *look)
{
        remote_storage_vol_get_info_ret *ret = look->job.call->ret;
        const VhVolDef *def = look->of->def;

        ret->type = (char)wire_type(def);
        ret->capacity = def->capacity;
        ret->allocation = def->allocation;
}

static void answer_info_flags(const LookJob *look)
{
        remote_storage_vol_get_info_flags_ret *ret = look->job.call->ret;
        const VhVolDef *def = look->of->def;

        ret->type = (char)wire_type(def);
        ret->capacity = def->capacity;
        ret->allocation = look->flags & VIR_STORAGE_VOL_GET_PHYSICAL ? def->physical : def->allocation;
}

static void answer_xml(const LookJob *look)
{
        remote_storage_vol_get_xml_desc_ret *ret = look->job.call->ret;

        ret->xml = vh_call_own(look->job.call, vh_storage_vol_format(look->of->def, 0));
}

STORAGE_OP_RET(storage_vol_get_info)
{
        return look(call, &args->vol, 0, answer_info, err);
}

STORAGE_OP_RET(storage_vol_get_info_flags)
{
        int r = vh_check_flags(args->flags, VIR_STORAGE_VOL_GET_PHYSICAL, VIR_FROM_STORAGE, "storageVolGetInfoFlags",
                               err);

        return r < 0 ? r : look(call, &args->vol, args->flags, answer_info_flags, err);
}

STORAGE_OP_RET(storage_vol_get_xml_desc)
{
        int r = vh_check_flags(args->flags, 0, VIR_FROM_STORAGE, "storageVolGetXMLDesc", err);

        return r < 0 ? r : look(call, &args->vol, 0, answer_xml, err);
}
