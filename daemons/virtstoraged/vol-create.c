/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* New volumes. */

#include "job.h"

#include <errno.h>

#include "base/file.h"
#include "storage-ops.h"
#include "vol-build.h"

/* ---- the job ---- */

typedef struct BuildJob {
        StorageJob job;
        VhVolDef *def;    /* a copy */
        VhVolDef *origin; /* likewise */
        StoragePool *origin_pool;
        StorageVol *origin_vol;
        uint32_t flags;
} BuildJob;

static int build_work(StorageJob *job)
{
        BuildJob *b = (BuildJob *)job;
        StorageBuild build = { .def = b->def, .origin = b->origin, .flags = b->flags, .stop_fd = job->driver->stop_fd };

        return storage_build(&build, &job->err);
}

/* The file system tells how much there really is when the pool is looked through. */
static void charge(StoragePool *pool, const VhVolDef *def)
{
        pool->def->allocation += def->allocation;
        pool->def->available -= VH_MIN(def->allocation, pool->def->available);
}

static void release_origin(BuildJob *b)
{
        if (!b->origin_vol)
                return;
        b->origin_vol->in_use--;
        b->origin_pool->long_jobs--;
}

static int build_done(StorageJob *job, int r)
{
        BuildJob *b = (BuildJob *)job;
        StorageVol *vol = job->vol;

        release_origin(b);
        vol->building = false;
        if (r < 0) {
                storage_vol_remove(job->pool, vol);
                return r;
        }
        vh_storage_vol_free(vol->def);
        vol->def = VH_TAKE_PTR(b->def);
        charge(job->pool, vol->def);
        /* Both replies are the volume alone. */
        if (job->call)
                storage_vol_wire(job->pool, vol, &((remote_storage_vol_create_xml_ret *)job->call->ret)->vol);
        return 0;
}

static void build_free(StorageJob *job)
{
        BuildJob *b = (BuildJob *)job;

        vh_storage_vol_free(b->def);
        vh_storage_vol_free(b->origin);
}

static const StorageJobClass build_class = {
        .kind = STORAGE_JOB_LONG,
        .size = sizeof(BuildJob),
        .work = build_work,
        .done = build_done,
        .free = build_free,
};

static void use_origin(BuildJob *b, StoragePool *pool, StorageVol *vol)
{
        b->origin = vh_storage_vol_copy(vol->def);
        b->origin_pool = pool;
        b->origin_vol = vol;
        vol->in_use++;
        pool->long_jobs++;
}

/* def is taken over; it becomes the volume, which nobody sees before it is made. */
static int go(VhCall *call, StoragePool *pool, VhVolDef *def, StoragePool *origin_pool, StorageVol *origin,
              uint32_t flags, VhError **err)
{
        StorageVol *vol = storage_vol_new(pool, def);
        BuildJob *b = storage_job_new(storage_driver(call), pool, call, &build_class);
        int r;

        vol->building = true;
        b->job.vol = vol;
        b->def = vh_storage_vol_copy(def);
        b->flags = flags;
        if (origin)
                use_origin(b, origin_pool, origin);
        r = storage_job_go(&b->job, err);
        if (r < 0)
                storage_vol_remove(pool, vol);
        return r;
}

/* ---- what is asked for ---- */

/* What the pool says about a volume, whatever the client wrote. */
static void complete(const StoragePool *pool, VhVolDef *def)
{
        def->type = strcmp(def->target.format, "dir") == 0 ? VH_VOL_DIR : VH_VOL_FILE;
        free(def->target.path);
        def->target.path = vh_path_join(pool->def->target_path, def->name);
        vh_strset(&def->key, def->target.path);
        if (def->backing && !def->backing->format)
                def->backing->format = vh_xstrdup("raw");
        if (def->target.features && !def->target.compat)
                def->target.compat = vh_xstrdup("1.1");
}

static int check_name(const VhVolDef *def, VhError **err)
{
        if (!strchr(def->name, '/'))
                return 0;
        return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_OPERATION_INVALID, "volume name '%s' cannot contain '/'",
                            def->name);
}

/* The client's part of qemu-img's options. */
static int check_compat(const VhVolDef *def, VhError **err)
{
        if (!def->target.compat || strspn(def->target.compat, "0123456789.") == strlen(def->target.compat))
                return 0;
        return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_XML_ERROR, "forbidden characters in 'compat' attribute");
}

static int read_def(const StoragePool *pool, const char *xml, unsigned flags, VhVolDef **ret, VhError **err)
{
        int r = vh_storage_vol_parse_for(pool->def->type, xml, VH_XML_STRICT | flags, ret, err);

        return r < 0 ? r : check_compat(*ret, err);
}

STORAGE_OP_RET(storage_vol_create_xml)
{
        const uint32_t allowed = VIR_STORAGE_VOL_CREATE_PREALLOC_METADATA | VIR_STORAGE_VOL_CREATE_VALIDATE;
        _vh_cleanup_(vh_storage_vol_freep) VhVolDef *def = NULL;
        StoragePool *pool = NULL;
        int r = vh_check_flags(args->flags, allowed, VIR_FROM_STORAGE, "storageVolCreateXML", err);

        if (r == 0)
                r = storage_active_pool(call, &args->pool, STORAGE_SHARE, &pool, err);
        if (r == 0)
                r = read_def(pool, args->xml, 0, &def, err);
        if (r == 0 && vh_registry_by_name(&pool->vols, def->name))
                r = vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_STORAGE_VOL_EXIST, "'%s'", def->name);
        if (r == 0)
                r = check_name(def, err);
        if (r != 0)
                return r;
        complete(pool, def);
        return go(call, pool, VH_TAKE_PTR(def), NULL, NULL, args->flags, err);
}

/* The pool that the content comes from. */
static int find_origin(VhCall *call, const remote_nonnull_storage_vol *wire, StoragePool **pool, StorageVol **vol,
                       VhError **err)
{
        int r = storage_vol(call, wire, STORAGE_SHARE, pool, vol, err);

        if (r == 0 && (*vol)->building)
                r = storage_vol_check_free(*vol, err);
        return r;
}

/* A copy is not smaller than what it is of. */
static void inherit(const VhVolDef *from, VhVolDef *def)
{
        def->capacity = VH_MAX(def->capacity, from->capacity);
        if (!def->has_allocation)
                def->allocation = from->allocation;
}

STORAGE_OP_RET(storage_vol_create_xml_from)
{
        const uint32_t allowed = VIR_STORAGE_VOL_CREATE_PREALLOC_METADATA | VIR_STORAGE_VOL_CREATE_REFLINK |
                                 VIR_STORAGE_VOL_CREATE_VALIDATE;
        _vh_cleanup_(vh_storage_vol_freep) VhVolDef *def = NULL;
        StoragePool *pool = NULL, *origin_pool = NULL;
        StorageVol *origin = NULL;
        int r = vh_check_flags(args->flags, allowed, VIR_FROM_STORAGE, "storageVolCreateXMLFrom", err);

        if (r == 0)
                r = storage_active_pool(call, &args->pool, STORAGE_SHARE, &pool, err);
        if (r == 0)
                r = find_origin(call, &args->clonevol, &origin_pool, &origin, err);
        if (r == 0)
                r = read_def(pool, args->xml, VH_VOL_ANY_CAPACITY, &def, err);
        if (r == 0 && vh_registry_by_name(&pool->vols, def->name))
                r = vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_INTERNAL_ERROR,
                                 "storage volume name '%s' already in use.", def->name);
        if (r == 0)
                r = check_name(def, err);
        if (r != 0)
                return r;
        complete(pool, def);
        inherit(origin->def, def);
        return go(call, pool, VH_TAKE_PTR(def), origin_pool, origin, args->flags, err);
}
