/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Inside of the storage driver: pools that are folders of this host, and the volumes in them.
 *
 * The loop owns pools and volumes. What touches a disk is a job (job.h) that works on copies. */

#include "api.h"
#include "driver/driver.h"
#include "driver/event-hub.h"
#include "driver/flags.h"
#include "driver/persist.h"
#include "driver/registry.h"
#include "event/pool.h"
#include "model/storage-vol.h"

/* The one instance of the driver. */
typedef struct StorageDriver {
        VhDriverEnv env;
        char *run_dir; /* RUN/storage: which pools run */
        char *lock_path;
        int lock_fd; /* of driver.pid: no second daemon works on the same files */
        int stop_fd; /* can be read once the driver stops: what takes long gives up */
        bool stopping;
        VhPersist *persist;
        VhRegistry pools;
        VhEventHub *hub;
        VhPool *workers;
        unsigned n_jobs;
} StorageDriver;

typedef struct StorageVol {
        VhRegNode node; /* by name */
        VhVolDef *def;
        bool building;   /* its file is being made */
        unsigned in_use; /* jobs that read or write it for long */
} StorageVol;

typedef struct StoragePool {
        VhRegNode node; /* name and uuid */
        VhPoolDef *def;
        VhPoolDef *new_def; /* stored definition of a running pool that was defined again; else NULL */
        VhRegistry vols;
        bool active, persistent, autostart;
        bool arriving;       /* a transient one whose start is not over: nobody sees it in lists */
        bool starting;       /* what is in it is not known yet */
        bool waking;         /* nor is whether it runs: the daemon has just started */
        bool refresh_wanted; /* and not done yet */
        /* Jobs: */
        bool busy;                     /* one has the pool to itself; calls wait for it */
        unsigned readers;              /* short ones that change nothing: who wants the pool to himself waits */
        unsigned long_jobs;            /* on single volumes: who wants it to himself is refused */
        struct StorageWaiter *waiters; /* calls, in their order */
} StoragePool;

#define STORAGE_OP(name) int storage_##name(VhCall *call, const remote_##name##_args *args, VhError **err)
#define STORAGE_OP_RET(name)                                                                                           \
        int storage_##name(VhCall *call, const remote_##name##_args *args, remote_##name##_ret *ret, VhError **err)
#define STORAGE_OP_NOARGS(name) int storage_##name(VhCall *call, remote_##name##_ret *ret, VhError **err)

static inline StorageDriver *storage_driver(const VhCall *call)
{
        return vh_call_conn(call)->state;
}

/* ---- pool.c ---- */

static inline StoragePool *storage_pool_of(VhRegNode *node)
{
        return VH_REG_OBJECT(node, StoragePool, node);
}

/* How a call wants the pool. */
typedef enum StorageWant {
        STORAGE_LOOK, /* as it is now */
        STORAGE_SHARE,
        STORAGE_ALONE, /* refused while jobs on volumes are under way */
} StorageWant;

/* The pool of a call, by uuid or by name. Returns 0; VH_LATER if the call will be served anew when a job on the pool is
 * over; negative with *err. */
int storage_pool(VhCall *call, const remote_nonnull_storage_pool *wire, StorageWant want, StoragePool **ret,
                 VhError **err);
int storage_pool_named(VhCall *call, const char *name, StorageWant want, StoragePool **ret, VhError **err);
/* The same; it must run, or must not. */
int storage_active_pool(VhCall *call, const remote_nonnull_storage_pool *wire, StorageWant want, StoragePool **ret,
                        VhError **err);
int storage_inactive_pool(VhCall *call, const remote_nonnull_storage_pool *wire, StorageWant want, StoragePool **ret,
                          VhError **err);
int storage_pool_check_active(const StoragePool *pool, VhError **err);
/* For calls about all pools: VH_LATER while it is not known which run. */
int storage_pools_known(VhCall *call);
/* Refuses pools with jobs on their volumes. */
int storage_pool_check_idle(const StoragePool *pool, VhError **err);

/* Makes an object around def (taken over) and links it. */
StoragePool *storage_pool_new(StorageDriver *driver, VhPoolDef *def);
/* Unlinks and frees; there must be no job on it. */
void storage_pool_remove(StorageDriver *driver, StoragePool *pool);
/* Puts def in the place of the definition that counts when nothing runs; it is taken over. */
void storage_pool_set_def(StoragePool *pool, VhPoolDef *def);
void storage_pool_wire(const StoragePool *pool, remote_nonnull_storage_pool *wire);
void storage_pool_tell(StorageDriver *driver, const StoragePool *pool, int event);
void storage_pool_tell_refresh(StorageDriver *driver, const StoragePool *pool);
/* The pool runs, or runs no more: without volumes, with the stored definition; a transient one is removed. */
void storage_pool_started(StorageDriver *driver, StoragePool *pool);
void storage_pool_stopped(StorageDriver *driver, StoragePool *pool);
void storage_vols_clear(StoragePool *pool);

/* ---- pool-define.c ---- */

/* Whether the driver has pools of that type. */
int storage_check_type(unsigned type, VhError **err);
/* The types in the order in which libvirt counts them, from 0; VH_POOL_UNSET behind the last. */
VhPoolType storage_type_of_number(int number);
/* Paths without double slashes and without one at the end. */
char *storage_clean_path(const char *path);
/* Reads the definition of a pool that is to be one of this driver. */
int storage_parse_pool(const char *xml, unsigned flags, VhPoolDef **ret, VhError **err);

/* ---- load.c ---- */

/* Reads which pools ran, and all definitions, and wakes them: as with libvirt, a pool whose folder is there runs once
 * the daemon has started. */
int storage_load(StorageDriver *driver, VhError **err);
/* Reads the definitions again. */
int storage_load_definitions(StorageDriver *driver, VhError **err);
/* The file that says that a pool runs. */
int storage_state_write(StorageDriver *driver, const StoragePool *pool, VhError **err);
void storage_state_remove(StorageDriver *driver, const StoragePool *pool);

/* ---- pool-life.c ---- */

/* Starts a pool without a call, when the daemon has started: one that ran before, one that is to start with the host,
 * or any whose folder is there. */
void storage_pool_wake(StorageDriver *driver, StoragePool *pool);
/* For storage_pool_create_xml(): builds (flags) and starts a pool that was just made. */
int storage_pool_start(VhCall *call, StoragePool *pool, uint32_t flags, VhError **err);
/* Looks a running pool through again if a volume was written to, once there is no job on it. */
void storage_pool_refresh_if_wanted(StorageDriver *driver, StoragePool *pool);

/* ---- vol.c ---- */

static inline StorageVol *storage_vol_of(VhRegNode *node)
{
        return VH_REG_OBJECT(node, StorageVol, node);
}

StorageVol *storage_vol_new(StoragePool *pool, VhVolDef *def);
void storage_vol_remove(StoragePool *pool, StorageVol *vol);
void storage_vol_wire(const StoragePool *pool, const StorageVol *vol, remote_nonnull_storage_vol *wire);
/* The volume of a call and its pool, which must run. Returns as storage_pool() does. */
int storage_vol(VhCall *call, const remote_nonnull_storage_vol *wire, StorageWant want, StoragePool **pool,
                StorageVol **vol, VhError **err);
int storage_vol_find(const StoragePool *pool, const char *name, StorageVol **ret, VhError **err);
/* Refuses volumes that are being made or worked on. */
int storage_vol_check_free(const StorageVol *vol, VhError **err);
