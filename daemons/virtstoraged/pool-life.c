/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pools are built, started, looked through, stopped and deleted. */

#include "job.h"
#include "procs.h"

#include <errno.h>

#include "base/log.h"
#include "dir.h"
#include "model/domain-tables.h"
#include "storage-ops.h"

VH_LOG_SOURCE("storage.pool");

enum {
        BUILD_FLAGS = VIR_STORAGE_POOL_CREATE_WITH_BUILD | VIR_STORAGE_POOL_CREATE_WITH_BUILD_OVERWRITE |
                      VIR_STORAGE_POOL_CREATE_WITH_BUILD_NO_OVERWRITE,
        FORMAT_FLAGS = VIR_STORAGE_POOL_BUILD_OVERWRITE | VIR_STORAGE_POOL_BUILD_NO_OVERWRITE,
};

/* All jobs of this file. */
typedef struct PoolJob {
        StorageJob job;
        VhPoolDef *def; /* a copy */
        bool build;
        StorageScan scan;
} PoolJob;

static void pool_job_free(StorageJob *job)
{
        PoolJob *p = (PoolJob *)job;

        vh_storage_pool_free(p->def);
        storage_scan_done(&p->scan);
}

static PoolJob *pool_job(StorageDriver *driver, StoragePool *pool, VhCall *call, const StorageJobClass *class)
{
        PoolJob *p = storage_job_new(driver, pool, call, class);

        p->def = vh_storage_pool_copy(pool->def);
        return p;
}

/* Volumes that are being worked on are never among those that go: nobody looks through a pool then. */
static void take_scan(StoragePool *pool, StorageScan *scan)
{
        VhPoolDef *def = pool->def;

        storage_vols_clear(pool);
        for (uint32_t i = 0; i < scan->vols.n; i++)
                storage_vol_new(pool, VH_TAKE_PTR(scan->vols.items[i]));
        def->capacity = scan->capacity;
        def->allocation = scan->allocation;
        def->available = scan->available;
        vh_xml_bind_free(&vh_permissions_table, def->permissions);
        def->permissions = VH_TAKE_PTR(scan->permissions);
}

/* ---- start ---- */

int storage_check_build_flags(uint32_t flags, const char *func, VhError **err)
{
        const uint32_t both =
                VIR_STORAGE_POOL_CREATE_WITH_BUILD_OVERWRITE | VIR_STORAGE_POOL_CREATE_WITH_BUILD_NO_OVERWRITE;
        int r = vh_check_flags(flags, BUILD_FLAGS, VIR_FROM_STORAGE, func, err);

        if (r == 0 && (flags & both) == both)
                r = vh_error_plain(err, VIR_FROM_STORAGE, VIR_ERR_INVALID_ARG,
                                   "Flags 'VIR_STORAGE_POOL_CREATE_WITH_BUILD_OVERWRITE' and "
                                   "'VIR_STORAGE_POOL_CREATE_WITH_BUILD_NO_OVERWRITE' are mutually exclusive");
        return r;
}

/* Folders are not formatted. */
static int refuse_format(const StoragePool *pool, VhError **err)
{
        return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_OPERATION_INVALID,
                            "No source device specified when formatting pool '%s'", pool->node.name);
}

static int start_work(StorageJob *job)
{
        PoolJob *p = (PoolJob *)job;
        int r = p->build ? storage_dir_build(p->def, &job->err) : 0;

        return r < 0 ? r : storage_dir_scan(p->def->target_path, &p->scan, &job->err);
}

static int start_done(StorageJob *job, int r)
{
        PoolJob *p = (PoolJob *)job;
        StoragePool *pool = job->pool;

        pool->starting = false;
        if (r == 0)
                r = storage_state_write(job->driver, pool, &job->err);
        if (r < 0)
                return r;
        take_scan(pool, &p->scan);
        storage_pool_started(job->driver, pool);
        if (job->call && job->call->proc->number == REMOTE_PROC_STORAGE_POOL_CREATE_XML)
                storage_pool_wire(pool, &((remote_storage_pool_create_xml_ret *)job->call->ret)->pool);
        return 0;
}

static const StorageJobClass start_class = {
        .kind = STORAGE_JOB_ALONE,
        .size = sizeof(PoolJob),
        .work = start_work,
        .done = start_done,
        .free = pool_job_free,
};

int storage_pool_start(VhCall *call, StoragePool *pool, uint32_t flags, VhError **err)
{
        StorageDriver *driver = storage_driver(call);
        PoolJob *p;
        int r = 0;

        if (flags & (uint32_t)(BUILD_FLAGS & ~VIR_STORAGE_POOL_CREATE_WITH_BUILD))
                r = refuse_format(pool, err);
        if (r < 0) {
                if (pool->arriving)
                        storage_pool_remove(driver, pool);
                return r;
        }
        p = pool_job(driver, pool, call, &start_class);
        p->build = flags & BUILD_FLAGS;
        pool->starting = true;
        return storage_job_go(&p->job, err);
}

STORAGE_OP(storage_pool_create)
{
        StoragePool *pool = NULL;
        int r = storage_check_build_flags(args->flags, "storagePoolCreate", err);

        if (r == 0)
                r = storage_pool(call, &args->pool, STORAGE_ALONE, &pool, err);
        if (r == 0 && pool->active)
                r = vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_OPERATION_INVALID,
                                 "storage pool '%s' is already active", pool->node.name);
        return r == 0 ? storage_pool_start(call, pool, args->flags, err) : r;
}

/* ---- without a call ---- */

/* That a folder is not there is no news of a pool that nobody wants to run. */
static void wake_failed(StorageJob *job, int r)
{
        StoragePool *pool = job->pool;

        if (pool->active || pool->autostart)
                vh_log_error("storage pool '%s' cannot be started: %s", pool->node.name, vh_error_text(job->err, r));
        if (pool->active)
                storage_pool_stopped(job->driver, pool);
}

static int wake_done(StorageJob *job, int r)
{
        StoragePool *pool = job->pool;

        pool->waking = false;
        if (r < 0)
                wake_failed(job, r);
        if (r < 0 || !pool->active)
                return start_done(job, r);
        pool->starting = false;
        take_scan(pool, &((PoolJob *)job)->scan);
        return 0;
}

static const StorageJobClass wake_class = {
        .kind = STORAGE_JOB_ALONE,
        .size = sizeof(PoolJob),
        .work = start_work,
        .done = wake_done,
        .free = pool_job_free,
};

void storage_pool_wake(StorageDriver *driver, StoragePool *pool)
{
        PoolJob *p = pool_job(driver, pool, NULL, &wake_class);

        pool->starting = pool->waking = true;
        (void)storage_job_go(&p->job, NULL);
}

/* ---- looked through again ---- */

static int refresh_work(StorageJob *job)
{
        PoolJob *p = (PoolJob *)job;

        return storage_dir_scan(p->def->target_path, &p->scan, &job->err);
}

/* A folder that cannot be read is no pool that runs. */
static int refresh_done(StorageJob *job, int r)
{
        if (r < 0) {
                storage_pool_stopped(job->driver, job->pool);
                return r;
        }
        take_scan(job->pool, &((PoolJob *)job)->scan);
        storage_pool_tell_refresh(job->driver, job->pool);
        return 0;
}

static const StorageJobClass refresh_class = {
        .kind = STORAGE_JOB_ALONE,
        .size = sizeof(PoolJob),
        .work = refresh_work,
        .done = refresh_done,
        .free = pool_job_free,
};

STORAGE_OP(storage_pool_refresh)
{
        StoragePool *pool = NULL;
        int r = vh_check_flags(args->flags, 0, VIR_FROM_STORAGE, "storagePoolRefresh", err);

        if (r == 0)
                r = storage_active_pool(call, &args->pool, STORAGE_ALONE, &pool, err);
        if (r == 0)
                r = storage_pool_check_idle(pool, err);
        if (r != 0)
                return r;
        return storage_job_go(&pool_job(storage_driver(call), pool, call, &refresh_class)->job, err);
}

void storage_pool_refresh_if_wanted(StorageDriver *driver, StoragePool *pool)
{
        if (!pool->refresh_wanted || pool->busy || pool->readers || pool->long_jobs)
                return;
        pool->refresh_wanted = false;
        if (pool->active)
                (void)storage_job_go(&pool_job(driver, pool, NULL, &refresh_class)->job, NULL);
}

/* ---- folders come and go ---- */

static int build_work(StorageJob *job)
{
        return storage_dir_build(((PoolJob *)job)->def, &job->err);
}

static int build_done(StorageJob *job, int r)
{
        if (r == 0)
                storage_pool_tell(job->driver, job->pool, VIR_STORAGE_POOL_EVENT_CREATED);
        return r;
}

static const StorageJobClass build_class = {
        .kind = STORAGE_JOB_ALONE,
        .size = sizeof(PoolJob),
        .work = build_work,
        .done = build_done,
        .free = pool_job_free,
};

static int check_format_flags(uint32_t flags, VhError **err)
{
        int r = vh_check_flags(flags, FORMAT_FLAGS, VIR_FROM_STORAGE, "virStorageBackendFileSystemBuild", err);

        if (r == 0 && (flags & FORMAT_FLAGS) == FORMAT_FLAGS)
                r = vh_error_plain(err, VIR_FROM_STORAGE, VIR_ERR_INVALID_ARG,
                                   "Flags 'VIR_STORAGE_POOL_BUILD_OVERWRITE' and "
                                   "'VIR_STORAGE_POOL_BUILD_NO_OVERWRITE' are mutually exclusive");
        return r;
}

STORAGE_OP(storage_pool_build)
{
        StoragePool *pool = NULL;
        int r = storage_pool(call, &args->pool, STORAGE_ALONE, &pool, err);

        if (r == 0 && pool->active)
                r = vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_OPERATION_INVALID,
                                 "storage pool '%s' is already active", pool->node.name);
        if (r == 0)
                r = check_format_flags(args->flags, err);
        if (r == 0 && args->flags)
                r = refuse_format(pool, err);
        if (r != 0)
                return r;
        return storage_job_go(&pool_job(storage_driver(call), pool, call, &build_class)->job, err);
}

static int delete_work(StorageJob *job)
{
        return storage_dir_remove(((PoolJob *)job)->def->target_path, &job->err);
}

static int delete_done(StorageJob *job, int r)
{
        if (r == 0)
                storage_pool_tell(job->driver, job->pool, VIR_STORAGE_POOL_EVENT_DELETED);
        return r;
}

static const StorageJobClass delete_class = {
        .kind = STORAGE_JOB_ALONE,
        .size = sizeof(PoolJob),
        .work = delete_work,
        .done = delete_done,
        .free = pool_job_free,
};

STORAGE_OP(storage_pool_delete)
{
        StoragePool *pool = NULL;
        int r = storage_inactive_pool(call, &args->pool, STORAGE_ALONE, &pool, err);

        if (r == 0)
                r = storage_pool_check_idle(pool, err);
        if (r == 0)
                r = vh_check_flags(args->flags, 0, VIR_FROM_STORAGE, "virStorageBackendDeleteLocal", err);
        if (r != 0)
                return r;
        return storage_job_go(&pool_job(storage_driver(call), pool, call, &delete_class)->job, err);
}

/* ---- stop ---- */

STORAGE_OP(storage_pool_destroy)
{
        StorageDriver *driver = storage_driver(call);
        StoragePool *pool = NULL;
        int r = storage_active_pool(call, &args->pool, STORAGE_ALONE, &pool, err);

        if (r == 0)
                r = storage_pool_check_idle(pool, err);
        if (r != 0)
                return r;
        storage_pool_stopped(driver, pool);
        if (!pool->persistent)
                storage_pool_remove(driver, pool);
        return 0;
}
