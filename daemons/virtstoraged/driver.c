/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The storage driver as the daemon sees it: start, reload, stop, open. */

#include "job.h"

#include <errno.h>
#include <sys/eventfd.h>

#include "base/file.h"
#include "driver/uri.h"
#include "drivers.h"
#include "storage-ops.h"

enum {
        DIR_MODE = 0755,
        WORKERS_MAX = 8, /* copies and the like take long, and others wait for a worker */
};

static const VhPersistKind pool_files = { VIR_FROM_STORAGE, "storage pool", "virsh pool-edit", DIR_MODE };

static void *driver_free(StorageDriver *driver)
{
        static const uint64_t one = 1;

        if (!driver)
                return NULL;
        driver->stopping = true;
        if (driver->stop_fd >= 0)
                (void)!write(driver->stop_fd, &one, sizeof(one));
        vh_pool_free(driver->workers);
        VH_REGISTRY_FOREACH(&driver->pools, node)
        storage_pool_remove(driver, storage_pool_of(node));
        vh_closep(&driver->stop_fd);
        vh_event_hub_free(driver->hub);
        vh_persist_free(driver->persist);
        if (driver->lock_fd >= 0)
                vh_pid_file_release(driver->lock_path, driver->lock_fd);
        free(driver->lock_path);
        free(driver->run_dir);
        free(driver);
        return NULL;
}

static int take_lock(StorageDriver *driver, VhError **err)
{
        int r = vh_mkdir_p(driver->run_dir, DIR_MODE);

        if (r == 0)
                r = vh_pid_file_acquire(driver->lock_path, &driver->lock_fd);
        if (r == -EAGAIN)
                return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_OPERATION_FAILED,
                                    "another daemon holds '%s': stop it first, two must not work on the same pools",
                                    driver->lock_path);
        return r < 0 ? vh_error_sys(err, VIR_FROM_STORAGE, r, "cannot acquire '%s'", driver->lock_path) : 0;
}

static void autostart_failed(void *data, const char *name, bool autostart)
{
        StorageDriver *driver = data;
        StoragePool *pool = storage_pool_of(vh_registry_by_name(&driver->pools, name));

        if (pool)
                pool->autostart = !autostart;
}

static int open_files(StorageDriver *driver, VhError **err)
{
        _vh_free_ char *dir = vh_path_join(driver->env.config_dir, "storage");
        _vh_free_ char *autostart = vh_path_join(dir, "autostart");
        int r = vh_persist_open(&driver->persist, &pool_files, dir, autostart, err);

        if (r == 0)
                vh_persist_set_loop(driver->persist, driver->env.loop, autostart_failed, driver);
        return r;
}

static int open_stop_fd(StorageDriver *driver, VhError **err)
{
        driver->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        return driver->stop_fd < 0 ? vh_error_sys(err, VIR_FROM_STORAGE, errno, "cannot make an eventfd") : 0;
}

static int start(void **state, const VhDriverEnv *env, VhError **err)
{
        StorageDriver *driver = vh_new(StorageDriver, 1);
        int r;

        xmlInitParser(); /* it may only be used by several threads after this */
        driver->env = *env;
        driver->run_dir = vh_path_join(env->run_dir, "storage");
        driver->lock_path = vh_path_join(driver->run_dir, "driver.pid");
        driver->lock_fd = driver->stop_fd = -1;
        driver->hub = vh_event_hub_new();
        driver->workers = vh_pool_new(env->loop, 0, WORKERS_MAX);
        r = open_stop_fd(driver, err);
        if (r == 0)
                r = take_lock(driver, err);
        if (r == 0)
                r = open_files(driver, err);
        if (r == 0)
                r = storage_load(driver, err);
        if (r < 0)
                driver_free(driver);
        else
                *state = driver;
        return r;
}

static int reload(void *state, VhError **err)
{
        StorageDriver *driver = state;
        int r = storage_load_definitions(driver, err);

        VH_REGISTRY_FOREACH(&driver->pools, node)
        {
                StoragePool *pool = storage_pool_of(node);

                if (pool->autostart && !pool->active && !pool->busy && !pool->readers)
                        storage_pool_wake(driver, pool);
        }
        return r;
}

/* Pools do not need a daemon; who works on them does. */
static bool busy(void *state)
{
        return ((StorageDriver *)state)->n_jobs > 0;
}

static void stop(void *state)
{
        driver_free(state);
}

static void before_call(void *state, const VhCall *call)
{
        vh_persist_before_call(((StorageDriver *)state)->persist);
}

static int after_call(void *state, VhCall *call, int r, VhError **err)
{
        return r == 0 ? vh_persist_after_call(((StorageDriver *)state)->persist, call, err) : r;
}

static int open_conn(void *state, VhConn *conn, const char *path, const char *query, VhError **err)
{
        StorageDriver *driver = state;
        VhUriPathRule rule = {
                .scheme = "storage",
                .domain = VIR_FROM_STORAGE,
                .privileged = driver->env.privileged,
                .session_ok = true,
        };
        int r = vh_uri_check_path(&rule, path, err);

        if (r == 0)
                conn->hub = driver->hub;
        return r;
}

static void close_conn(VhConn *conn)
{
        vh_event_hub_drop(conn->hub, conn);
}

const VhDriver vh_driver_storage = {
        .name = "storage",
        .scheme = "storage",
        .domain = VIR_FROM_STORAGE,
        .session_ok = true,
        .start = start,
        .reload = reload,
        .busy = busy,
        .stop = stop,
        .open = open_conn,
        .close = close_conn,
        .before_call = before_call,
        .after_call = after_call,
        .hypervisor = &storage_hypervisor_ops,
        .storage = &storage_ops,
};
