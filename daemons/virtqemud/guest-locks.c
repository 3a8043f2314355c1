/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which locks a guest needs, and when it has them. */

#include "guest-locks.h"

#include <errno.h>

#include "base/file.h"
#include "base/sha256.h"
#include "lock-queue.h"
#include "run-steps.h"
#include "transient.h"

/* A guest that goes on once it has its locks. */
typedef struct Going Going;
struct Going {
        Going *next;
        QemuProcess *proc;
        int reason;
        QmpReplyFn fn; /* NULL: nobody wants it any more */
        void *data;
};

struct QemuLocks {
        QemuLockQueue queue;
        Going *going;
        QemuLifeline line;
        bool wanted;    /* by the settings */
        bool elsewhere; /* who sends the guest has them until it goes on here */
};

/* qemu-lockd.conf */
typedef struct Rules {
        VhConf *conf;
        bool auto_leases;
        bool need_lease;
        const char *folder;          /* of lock files, NULL: disks themselves */
        const char *volumes, *units; /* the same for logical volumes and SCSI units, NULL: as other disks */
} Rules;

static int read_rules(Rules *rules, const QemuDriver *driver, VhError **err)
{
        const VhConfDesc *desc = vh_conf_desc_find("qemu-lockd.conf");
        _vh_free_ char *path = vh_path_join(driver->env.config_dir, desc->file);
        int r = vh_conf_open(&rules->conf, desc, path, driver->env.privileged ? 0 : VH_CONF_SESSION, NULL, err);

        rules->auto_leases = true;
        if (r >= 0)
                r = vh_conf_get_bool(rules->conf, "auto_disk_leases", &rules->auto_leases, err);
        rules->need_lease = !rules->auto_leases;
        if (r >= 0)
                r = vh_conf_get_bool(rules->conf, "require_lease_for_disks", &rules->need_lease, err);
        if (r >= 0)
                r = vh_conf_get_string(rules->conf, "file_lockspace_dir", &rules->folder, err);
        if (r >= 0)
                r = vh_conf_get_string(rules->conf, "lvm_lockspace_dir", &rules->volumes, err);
        if (r >= 0)
                r = vh_conf_get_string(rules->conf, "scsi_lockspace_dir", &rules->units, err);
        return VH_MIN(r, 0);
}

static bool is_lockable(const VhDisk *disk)
{
        return disk->src.path && (disk->src.type == VH_DISK_TYPE_FILE || disk->src.type == VH_DISK_TYPE_BLOCK) &&
               !qemu_transient_is_shared(disk);
}

/* The lock of a disk goes into list. */
static void add_disk(QemuLockList *list, const Rules *rules, const VhDisk *disk)
{
        unsigned flags = disk->shareable ? QEMU_LOCK_SHARED : 0;
        const VhDiskSource *src = qemu_transient_own_image(disk);
        char name[VH_SHA256_TEXT_LEN + 1];
        QemuLock lock = { .space = (char *)"", .name = src->path, .flags = flags };

        if (rules->folder) {
                lock.space = (char *)rules->folder;
                lock.name = (char *)vh_sha256_text(src->path, strlen(src->path), name);
                lock.flags |= QEMU_LOCK_AUTO_CREATE;
                lock.make_space = true;
        }
        if (vh_startswith(src->path, "/dev/")) {
                lock.device = src->path;
                lock.volume_space = (char *)rules->volumes;
                lock.unit_space = (char *)rules->units;
        }
        qemu_lock_list_add(list, &lock);
}

static void add_lease(QemuLockList *list, const VhLease *lease)
{
        qemu_lock_list_add(list, &(QemuLock){ .space = lease->path, .name = lease->key, .make_space = true });
}

static int collect(QemuLockList *list, const Rules *rules, const VhDomainDef *def, VhError **err)
{
        bool unprotected = false;

        for (uint32_t i = 0; i < def->leases.n; i++)
                add_lease(list, def->leases.items[i]);
        for (uint32_t i = 0; i < def->disks.n; i++) {
                const VhDisk *disk = def->disks.items[i];

                if (disk->readonly || !is_lockable(disk))
                        continue;
                if (rules->auto_leases)
                        add_disk(list, rules, disk);
                else if (!disk->shareable)
                        unprotected = true;
        }
        if (!unprotected || !rules->need_lease || def->leases.n)
                return 0;
        return vh_error_set(err, VIR_FROM_LOCKING, VIR_ERR_CONFIG_UNSUPPORTED,
                            "Read/write, exclusive access, disks were present, but no leases specified");
}

/* Whether qemu.conf wants virtlockd: 1, 0, or negative errno for what there is not. */
static int lockd_wanted(const QemuDriver *driver, VhError **err)
{
        const char *manager = NULL;
        int r = driver->conf ? vh_conf_get_string(driver->conf, "lock_manager", &manager, err) : 0;

        if (r < 0 || !manager || strcmp(manager, "nop") == 0)
                return r;
        if (strcmp(manager, "lockd") == 0)
                return 1;
        return vh_error_set(err, VIR_FROM_LOCKING, VIR_ERR_CONFIG_UNSUPPORTED,
                            "lock_manager: there is no lock manager '%s' in this build, only \"lockd\"", manager);
}

QemuLocks *qemu_locks_free(QemuLocks *locks)
{
        if (!locks)
                return NULL;
        qemu_lock_queue_done(&locks->queue);
        qemu_lifeline_done(&locks->line);
        free(locks);
        return NULL;
}

/* The locks that the process needs, made when they are asked for first: a guest that another daemon started has them
 * while it runs. */
static int get(QemuProcess *proc, VhError **err)
{
        QemuLocks *locks = proc->locks;
        Rules rules = { 0 };
        int r;

        if (locks)
                return 0;
        proc->locks = locks = vh_new(QemuLocks, 1);
        locks->queue = (QemuLockQueue){ .driver = proc->driver, .dom = proc->dom };
        r = lockd_wanted(proc->driver, err);
        locks->wanted = r > 0;
        locks->queue.held = !proc->starting && proc->dom->state == VIR_DOMAIN_RUNNING;
        /* One that was killed may have stopped it, and not have given them back. */
        locks->queue.unsure = !proc->starting && !locks->queue.held;
        if (r > 0)
                r = read_rules(&rules, proc->driver, err);
        if (r >= 0 && locks->wanted)
                r = collect(&locks->queue.all, &rules, proc->dom->def, err);
        vh_conf_free(rules.conf);
        if (r < 0)
                proc->locks = qemu_locks_free(locks);
        return r;
}

/* Queues an act for a guest that needs locks. */
static void ask(QemuProcess *proc, QemuLockAct act, const QemuLock *one, QemuLockDone done, void *data)
{
        proc->locks->queue.pid = proc->pid;
        qemu_lock_queue_add(&proc->locks->queue, act, one, done, data);
}

void qemu_locks_release(QemuProcess *proc)
{
        if (!proc->killing && get(proc, NULL) == 0 && proc->locks->wanted)
                ask(proc, QEMU_UNLOCK_ALL, NULL, NULL, NULL);
}

bool qemu_locks_settle(QemuProcess *proc, QemuLockDone done, void *data)
{
        if (!proc->locks || !proc->locks->queue.tasks)
                return false;
        ask(proc, QEMU_LOCK_WAIT, NULL, done, data);
        return true;
}

void qemu_locks_forget(QemuProcess *proc, const void *data)
{
        Going *going;

        if (!proc->locks)
                return;
        LL_FOREACH (proc->locks->going, going)
                if (going->data == data)
                        going->fn = NULL;
        qemu_lock_queue_forget(&proc->locks->queue, data);
}

void qemu_locks_stop(QemuProcess *proc)
{
        if (!proc->locks)
                return;
        /* The end of one that became no QEMU frees them too, but nobody waits for that. */
        if (proc->starting && proc->locks->queue.held)
                ask(proc, QEMU_UNLOCK_ALL, NULL, NULL, NULL);
        qemu_lock_queue_stop(&proc->locks->queue);
}

/* ---- going on ---- */

static void go_on(QemuProcess *proc, int reason, QmpReplyFn fn, void *data)
{
        if (reason)
                proc->cont_reason = reason;
        qmp_send(proc->mon, qmp_command("cont", NULL), fn, data);
}

static void may_go_on(void *data, int r, const VhError *err)
{
        Going going = *(Going *)data;

        LL_DELETE(going.proc->locks->going, (Going *)data);
        free(data);
        if (going.fn && r < 0)
                going.fn(going.data, NULL, r, err);
        else if (going.fn)
                go_on(going.proc, going.reason, going.fn, going.data);
}

void qemu_locks_cont(QemuProcess *proc, int reason, QmpReplyFn fn, void *data)
{
        _vh_error_ VhError *err = NULL;
        int r = get(proc, &err);
        Going *going;

        if (r < 0)
                fn(data, NULL, r, err);
        else if (!proc->locks->wanted)
                go_on(proc, reason, fn, data);
        else {
                going = vh_new(Going, 1);
                *going = (Going){ .proc = proc, .reason = reason, .fn = fn, .data = data };
                LL_PREPEND(proc->locks->going, going);
                ask(proc, QEMU_LOCK_ALL, NULL, may_go_on, going);
        }
}

/* ---- disks that come and go ---- */

/* The lock that a disk needs, in list; none if it needs none. */
static int lock_of(const QemuProcess *proc, const VhDisk *disk, QemuLockList *list, VhError **err)
{
        Rules rules = { 0 };
        int r;

        if (disk->readonly || !is_lockable(disk))
                return 0;
        r = read_rules(&rules, proc->driver, err);
        if (r == 0 && rules.auto_leases)
                add_disk(list, &rules, disk);
        vh_conf_free(rules.conf);
        return r;
}

/* list has the lock, or none if there is nothing to lock; it is freed. */
static void lock_one(QemuProcess *proc, QemuLockList *list, int r, const VhError *err, QemuLockDone done, void *data)
{
        if (list->n) {
                qemu_lock_list_add(&proc->locks->queue.all, &list->items[0]);
                ask(proc, QEMU_LOCK_ONE, &list->items[0], done, data);
        } else
                done(data, r, err);
        qemu_lock_list_done(list);
}

static void unlock_one(QemuProcess *proc, QemuLockList *list)
{
        if (list->n && qemu_lock_list_remove(&proc->locks->queue.all, &list->items[0]))
                ask(proc, QEMU_UNLOCK_ONE, &list->items[0], NULL, NULL);
        qemu_lock_list_done(list);
}

void qemu_locks_add_disk(QemuProcess *proc, const VhDisk *disk, QemuLockDone done, void *data)
{
        _vh_error_ VhError *err = NULL;
        QemuLockList one = { 0 };
        int r = get(proc, &err);

        if (r == 0 && proc->locks->wanted)
                r = lock_of(proc, disk, &one, &err);
        lock_one(proc, &one, r, err, done, data);
}

void qemu_locks_add_lease(QemuProcess *proc, const VhLease *lease, QemuLockDone done, void *data)
{
        _vh_error_ VhError *err = NULL;
        QemuLockList one = { 0 };
        int r = get(proc, &err);

        if (r == 0 && proc->locks->wanted)
                add_lease(&one, lease);
        lock_one(proc, &one, r, err, done, data);
}

void qemu_locks_remove_disk(QemuProcess *proc, const VhDisk *disk)
{
        QemuLockList one = { 0 };

        if (!proc->locks || !proc->locks->wanted)
                return;
        (void)lock_of(proc, disk, &one, NULL);
        unlock_one(proc, &one);
}

void qemu_locks_remove_lease(QemuProcess *proc, const VhLease *lease)
{
        QemuLockList one = { 0 };

        /* The list of a guest that another daemon started is made first. */
        if (get(proc, NULL) < 0 || !proc->locks->wanted)
                return;
        add_lease(&one, lease);
        unlock_one(proc, &one);
}

/* ---- hooks of the start ---- */

static int prepare(QemuProcess *proc, QemuLaunch *launch, VhError **err)
{
        const QemuLockOwner owner = { proc->driver->env.run_dir, proc->dom->node.name, proc->dom->node.uuid,
                                      proc->dom->id, 0 };
        int r = get(proc, err);

        if (r < 0 || !proc->locks->wanted)
                return r;
        proc->locks->elsewhere = launch->incoming != NULL;
        return qemu_lifeline_prepare(&proc->locks->line, &owner, err);
}

static void acquired(void *data, int r, const VhError *err)
{
        qemu_run_step_done(data, r, vh_error_copy(err));
}

static int forked(QemuProcess *proc, VhError **err)
{
        if (!proc->locks->wanted || proc->locks->elsewhere)
                return 0;
        ask(proc, QEMU_LOCK_ALL, NULL, acquired, proc);
        return VH_LATER;
}

static void given_back(void *data)
{
        qemu_run_step_done(data, 0, NULL);
}

/* Who hears of the guest's end may want its locks, on this host or on another. */
static int ended(QemuProcess *proc, VhError **err)
{
        return proc->locks && qemu_lock_queue_is_busy(&proc->locks->queue, given_back, proc) ? VH_LATER : 0;
}

static void cancel(QemuProcess *proc)
{
        qemu_locks_forget(proc, proc);
        if (proc->locks)
                (void)qemu_lock_queue_is_busy(&proc->locks->queue, NULL, NULL);
}

static int tie(QemuProcess *proc)
{
        return proc->locks->wanted ? qemu_lifeline_tie(&proc->locks->line) : 0;
}

const QemuRunHooks qemu_lock_hooks = {
        .name = "cannot register with the lock daemon",
        .prepare = prepare,
        .tie = tie,
        .forked = forked,
        .ended = ended,
        .cancel = cancel,
};
