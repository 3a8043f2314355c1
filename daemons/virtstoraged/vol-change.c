/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Volumes are deleted, resized and wiped. */

#include "job.h"

#include <errno.h>

#include "base/tool.h"
#include "dir.h"
#include "storage-ops.h"
#include "vol-build.h"

typedef struct ChangeJob {
        StorageJob job;
        VhVolDef *def; /* a copy */
        StorageVol *of;
        uint64_t capacity; /* wanted, bytes */
        bool allocate, shrink;
        unsigned algorithm; /* VIR_STORAGE_VOL_WIPE_ALG_* */
} ChangeJob;

static void change_free(StorageJob *job)
{
        vh_storage_vol_free(((ChangeJob *)job)->def);
}

static ChangeJob *change_job(VhCall *call, StoragePool *pool, StorageVol *vol, const StorageJobClass *class)
{
        ChangeJob *c = storage_job_new(storage_driver(call), pool, call, class);

        c->def = vh_storage_vol_copy(vol->def);
        c->of = vol;
        if (class->kind == STORAGE_JOB_LONG)
                c->job.vol = vol;
        return c;
}

/* By: what the volume takes more of the pool's room than before; negative: less. */
static void charge(StoragePool *pool, int64_t by)
{
        VhPoolDef *def = pool->def;

        def->allocation = by < 0 && def->allocation < (uint64_t)-by ? 0 : def->allocation + (uint64_t)by;
        def->available = by > 0 && def->available < (uint64_t)by ? 0 : def->available - (uint64_t)by;
}

static int take_change(StorageJob *job, int r)
{
        ChangeJob *c = (ChangeJob *)job;

        if (r < 0)
                return r;
        charge(job->pool, (int64_t)(c->def->allocation - c->of->def->allocation));
        vh_storage_vol_free(c->of->def);
        c->of->def = VH_TAKE_PTR(c->def);
        return 0;
}

/* ---- delete ---- */

static int delete_work(StorageJob *job)
{
        const VhVolDef *def = ((ChangeJob *)job)->def;
        bool dir = def->type == VH_VOL_DIR;

        if ((dir ? rmdir(def->target.path) : unlink(def->target.path)) == 0 || (errno == ENOENT && !dir))
                return 0;
        return vh_error_sys(&job->err, VIR_FROM_STORAGE, errno,
                            dir ? "cannot remove directory '%s'" : "cannot unlink file '%s'", def->target.path);
}

static int delete_done(StorageJob *job, int r)
{
        ChangeJob *c = (ChangeJob *)job;

        if (r < 0)
                return r;
        charge(job->pool, -(int64_t)c->of->def->allocation);
        storage_vol_remove(job->pool, c->of);
        return 0;
}

static const StorageJobClass delete_class = {
        .kind = STORAGE_JOB_ALONE,
        .size = sizeof(ChangeJob),
        .work = delete_work,
        .done = delete_done,
        .free = change_free,
};

STORAGE_OP(storage_vol_delete)
{
        StoragePool *pool = NULL;
        StorageVol *vol = NULL;
        int r = storage_vol(call, &args->vol, STORAGE_ALONE, &pool, &vol, err);

        if (r == 0)
                r = storage_vol_check_free(vol, err);
        if (r == 0)
                r = vh_check_flags(args->flags, 0, VIR_FROM_STORAGE, "virStorageBackendVolDeleteLocal", err);
        return r == 0 ? storage_job_go(&change_job(call, pool, vol, &delete_class)->job, err) : r;
}

/* ---- resize ---- */

static int resize_work(StorageJob *job)
{
        ChangeJob *c = (ChangeJob *)job;
        int r;

        if (vh_streq(c->def->target.format, "raw"))
                r = storage_resize_raw(c->def->target.path, c->capacity, c->allocate, &job->err);
        else
                r = storage_resize_image(c->def, c->capacity, c->shrink, job->driver->stop_fd, &job->err);
        return r < 0 ? r : storage_vol_update(c->def, &job->err);
}

static const StorageJobClass resize_class = {
        .kind = STORAGE_JOB_LONG,
        .size = sizeof(ChangeJob),
        .work = resize_work,
        .done = take_change,
        .free = change_free,
};

/* What the call asks for, in bytes. */
static int wanted_capacity(const StoragePool *pool, const VhVolDef *def, const remote_storage_vol_resize_args *args,
                           uint64_t *ret, VhError **err)
{
        bool shrink = args->flags & VIR_STORAGE_VOL_RESIZE_SHRINK;

        *ret = args->capacity;
        if (args->flags & VIR_STORAGE_VOL_RESIZE_DELTA)
                *ret = shrink ? def->capacity - VH_MIN(args->capacity, def->capacity) : def->capacity + args->capacity;
        if (*ret < args->capacity && args->flags & VIR_STORAGE_VOL_RESIZE_DELTA && !shrink)
                return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_INVALID_ARG, "the capacity is too large");
        if (*ret < def->allocation)
                return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_INVALID_ARG,
                                    "can't shrink capacity below existing allocation");
        if (*ret < def->capacity && !shrink)
                return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_INVALID_ARG,
                                    "Can't shrink capacity below current capacity unless shrink flag explicitly "
                                    "specified");
        if (args->flags & VIR_STORAGE_VOL_RESIZE_ALLOCATE && *ret > def->allocation + pool->def->available)
                return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_OPERATION_FAILED,
                                    "Not enough space left in storage pool");
        return 0;
}

static int check_resize(const VhVolDef *def, bool allocate, VhError **err)
{
        if (def->target.encryption)
                return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_XML_ERROR, "no secret provided for luks encryption");
        if (allocate && !vh_streq(def->target.format, "raw"))
                return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "preallocate is only supported for raw type volume");
        return 0;
}

STORAGE_OP(storage_vol_resize)
{
        const uint32_t allowed =
                VIR_STORAGE_VOL_RESIZE_ALLOCATE | VIR_STORAGE_VOL_RESIZE_DELTA | VIR_STORAGE_VOL_RESIZE_SHRINK;
        bool allocate = args->flags & VIR_STORAGE_VOL_RESIZE_ALLOCATE;
        StoragePool *pool = NULL;
        StorageVol *vol = NULL;
        uint64_t capacity = 0;
        ChangeJob *c;
        int r = vh_check_flags(args->flags, allowed, VIR_FROM_STORAGE, "storageVolResize", err);

        if (r == 0)
                r = storage_vol(call, &args->vol, STORAGE_SHARE, &pool, &vol, err);
        if (r == 0)
                r = storage_vol_check_free(vol, err);
        if (r == 0)
                r = wanted_capacity(pool, vol->def, args, &capacity, err);
        if (r == 0)
                r = check_resize(vol->def, allocate, err);
        if (r != 0)
                return r;
        c = change_job(call, pool, vol, &resize_class);
        c->capacity = capacity;
        c->allocate = allocate;
        c->shrink = args->flags & VIR_STORAGE_VOL_RESIZE_SHRINK;
        return storage_job_go(&c->job, err);
}

/* ---- wipe ---- */

/* What scrub(1) calls the ways to wipe. */
static const char *const patterns[] = {
        [VIR_STORAGE_VOL_WIPE_ALG_NNSA] = "nnsa",
        [VIR_STORAGE_VOL_WIPE_ALG_DOD] = "dod",
        [VIR_STORAGE_VOL_WIPE_ALG_BSI] = "bsi",
        [VIR_STORAGE_VOL_WIPE_ALG_GUTMANN] = "gutmann",
        [VIR_STORAGE_VOL_WIPE_ALG_SCHNEIER] = "schneier",
        [VIR_STORAGE_VOL_WIPE_ALG_PFITZNER7] = "pfitzner7",
        [VIR_STORAGE_VOL_WIPE_ALG_PFITZNER33] = "pfitzner33",
        [VIR_STORAGE_VOL_WIPE_ALG_RANDOM] = "random",
};

static int scrub(const ChangeJob *c, VhError **err)
{
        _vh_free_ char *path = vh_tool_find("scrub");
        char *const argv[] = {
                path, (char *)"-f", (char *)"-p", (char *)patterns[c->algorithm], c->def->target.path, NULL,
        };
        const VhTool tool = { .domain = VIR_FROM_STORAGE, .argv = argv, .stop_fd = c->job.driver->stop_fd };

        if (!path)
                return vh_error_sys(err, VIR_FROM_STORAGE, ENOENT, "Cannot find 'scrub' in path");
        return vh_tool_must(&tool, err);
}

static int wipe_work(StorageJob *job)
{
        ChangeJob *c = (ChangeJob *)job;
        int r;

        if (c->algorithm == VIR_STORAGE_VOL_WIPE_ALG_ZERO)
                r = storage_wipe_raw(c->def->target.path, job->driver->stop_fd, &job->err);
        else
                r = scrub(c, &job->err);
        return r < 0 ? r : storage_vol_update(c->def, &job->err);
}

static const StorageJobClass wipe_class = {
        .kind = STORAGE_JOB_LONG,
        .size = sizeof(ChangeJob),
        .work = wipe_work,
        .done = take_change,
        .free = change_free,
};

static int check_algorithm(uint32_t algorithm, VhError **err)
{
        if (algorithm == VIR_STORAGE_VOL_WIPE_ALG_TRIM)
                return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_ARGUMENT_UNSUPPORTED,
                                    "'trim' algorithm not supported");
        if (algorithm > VIR_STORAGE_VOL_WIPE_ALG_TRIM)
                return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_INVALID_ARG, "wiping algorithm %u not supported",
                                    algorithm);
        return 0;
}

static int wipe(VhCall *call, const remote_nonnull_storage_vol *wire, uint32_t algorithm, uint32_t flags, VhError **err)
{
        StoragePool *pool = NULL;
        StorageVol *vol = NULL;
        ChangeJob *c;
        int r = vh_check_flags(flags, 0, VIR_FROM_STORAGE, "storageVolWipePattern", err);

        if (r == 0)
                r = check_algorithm(algorithm, err);
        if (r == 0)
                r = storage_vol(call, wire, STORAGE_SHARE, &pool, &vol, err);
        if (r == 0)
                r = storage_vol_check_free(vol, err);
        if (r != 0)
                return r;
        c = change_job(call, pool, vol, &wipe_class);
        c->algorithm = algorithm;
        return storage_job_go(&c->job, err);
}

STORAGE_OP(storage_vol_wipe)
{
        return wipe(call, &args->vol, VIR_STORAGE_VOL_WIPE_ALG_ZERO, args->flags, err);
}

STORAGE_OP(storage_vol_wipe_pattern)
{
        return wipe(call, &args->vol, args->algorithm, args->flags, err);
}
