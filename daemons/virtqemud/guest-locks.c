/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which locks a guest needs, and when it has them. */

#include "guest-locks.h"

#include <errno.h>

#include "base/file.h"
#include "base/log.h"
#include "base/sha256.h"
#include "lock-client.h"

VH_LOG_SOURCE("qemu.locks");

enum { SHARED = 1, AUTO_CREATE = 2 }; /* flags of the protocol */

struct QemuLocks {
        QemuLock *items;
        size_t n;
        QemuLifeline line;
        bool wanted; /* by the settings */
        bool held;
        bool elsewhere; /* who sends the guest has them until it goes on here */
};

/* qemu-lockd.conf */
typedef struct Rules {
        VhConf *conf;
        bool auto_leases;
        bool need_lease;
        const char *folder; /* of lock files, NULL: disks themselves */
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
        return VH_MIN(r, 0);
}

static void add(QemuLocks *locks, const char *space, const char *name, unsigned flags, bool make_space)
{
        locks->items = vh_xrealloc(locks->items, locks->n + 1, sizeof(QemuLock));
        locks->items[locks->n++] = (QemuLock){ vh_xstrdup(space), vh_xstrdup(name), flags, make_space };
}

static bool is_lockable(const VhDisk *disk)
{
        return disk->src.path && (disk->src.type == VH_DISK_TYPE_FILE || disk->src.type == VH_DISK_TYPE_BLOCK);
}

static void add_disk(QemuLocks *locks, const Rules *rules, const VhDisk *disk)
{
        unsigned flags = disk->shareable ? SHARED : 0;
        char name[VH_SHA256_TEXT_LEN + 1];

        if (rules->folder)
                add(locks, rules->folder, vh_sha256_text(disk->src.path, strlen(disk->src.path), name),
                    flags | AUTO_CREATE, true);
        else
                add(locks, "", disk->src.path, flags, false);
}

static int collect(QemuLocks *locks, const Rules *rules, const VhDomainDef *def, VhError **err)
{
        bool unprotected = false;

        for (uint32_t i = 0; i < def->leases.n; i++)
                add(locks, def->leases.items[i]->path, def->leases.items[i]->key, 0, true);
        for (uint32_t i = 0; i < def->disks.n; i++) {
                const VhDisk *disk = def->disks.items[i];

                if (disk->readonly || !is_lockable(disk))
                        continue;
                if (rules->auto_leases)
                        add_disk(locks, rules, disk);
                else if (!disk->shareable)
                        unprotected = true;
        }
        if (!unprotected || !rules->need_lease || def->leases.n)
                return 0;
        return vh_error_set(err, VIR_FROM_LOCKING, VIR_ERR_CONFIG_UNSUPPORTED,
                            "read/write, exclusive access, disks were present, but no leases specified");
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
        for (size_t i = 0; i < locks->n; i++) {
                free(locks->items[i].space);
                free(locks->items[i].name);
        }
        free(locks->items);
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
        r = lockd_wanted(proc->driver, err);
        locks->wanted = r > 0;
        locks->held = !proc->starting && proc->dom->state == VIR_DOMAIN_RUNNING;
        if (r > 0)
                r = read_rules(&rules, proc->driver, err);
        if (r >= 0 && locks->wanted)
                r = collect(locks, &rules, proc->dom->def, err);
        vh_conf_free(rules.conf);
        if (r < 0)
                proc->locks = qemu_locks_free(locks);
        return r;
}

static QemuLockOwner owner_of(const QemuProcess *proc)
{
        return (QemuLockOwner){ proc->driver, proc->dom->node.name, proc->dom->node.uuid, proc->dom->id, proc->pid };
}

int qemu_locks_acquire(QemuProcess *proc, VhError **err)
{
        const QemuLockOwner owner = owner_of(proc);
        int r = get(proc, err);

        if (r < 0 || !proc->locks->wanted || proc->locks->held)
                return r;
        r = qemu_lockd_acquire(&owner, proc->locks->items, proc->locks->n, err);
        proc->locks->held = r >= 0;
        return r;
}

void qemu_locks_release(QemuProcess *proc)
{
        const QemuLockOwner owner = owner_of(proc);
        _vh_error_ VhError *err = NULL;
        int r;

        if (proc->killing || get(proc, NULL) < 0 || !proc->locks->wanted || !proc->locks->held)
                return;
        r = qemu_lockd_release(&owner, proc->locks->items, proc->locks->n, &err);
        proc->locks->held = false;
        if (r < 0)
                vh_log_warning("domain '%s' is paused, but its locks could not be released: %s", proc->dom->node.name,
                               vh_error_text(err, r));
}

/* ---- disks that come and go ---- */

static void drop_last(QemuLocks *locks)
{
        QemuLock *last = &locks->items[--locks->n];

        free(last->space);
        free(last->name);
}

int qemu_locks_add_disk(QemuProcess *proc, const VhDisk *disk, VhError **err)
{
        const QemuLockOwner owner = owner_of(proc);
        Rules rules = { 0 };
        int r = get(proc, err);

        if (r < 0 || !proc->locks->wanted || disk->readonly || !is_lockable(disk))
                return r;
        r = read_rules(&rules, proc->driver, err);
        if (r == 0 && rules.auto_leases) {
                add_disk(proc->locks, &rules, disk);
                if (proc->locks->held)
                        r = qemu_lockd_acquire(&owner, &proc->locks->items[proc->locks->n - 1], 1, err);
                if (r < 0)
                        drop_last(proc->locks);
        }
        vh_conf_free(rules.conf);
        return r;
}

/* Its lock goes to the end of the list. False: it has none. */
static bool find_lock(QemuLocks *locks, const QemuLock *wanted)
{
        for (size_t i = locks->n; i-- > 0;) {
                QemuLock lock = locks->items[i];

                if (!vh_streq(lock.space, wanted->space) || !vh_streq(lock.name, wanted->name))
                        continue;
                locks->items[i] = locks->items[locks->n - 1];
                locks->items[locks->n - 1] = lock;
                return true;
        }
        return false;
}

void qemu_locks_remove_disk(QemuProcess *proc, const VhDisk *disk)
{
        const QemuLockOwner owner = owner_of(proc);
        _vh_error_ VhError *err = NULL;
        QemuLocks one = { 0 }, *locks = proc->locks;
        Rules rules = { 0 };
        int r = 0;

        if (!locks || !locks->wanted || disk->readonly || !is_lockable(disk))
                return;
        if (read_rules(&rules, proc->driver, NULL) == 0 && rules.auto_leases) {
                add_disk(&one, &rules, disk);
                if (find_lock(locks, &one.items[0])) {
                        if (locks->held)
                                r = qemu_lockd_release(&owner, &locks->items[locks->n - 1], 1, &err);
                        drop_last(locks);
                }
                drop_last(&one);
                free(one.items);
        }
        vh_conf_free(rules.conf);
        if (r < 0)
                vh_log_warning("domain '%s': the lock of a disk that left could not be released: %s",
                               proc->dom->node.name, vh_error_text(err, r));
}

/* Hooks of the start. */

static int prepare(QemuProcess *proc, QemuLaunch *launch, VhError **err)
{
        const QemuLockOwner owner = owner_of(proc);
        int r = get(proc, err);

        if (r < 0 || !proc->locks->wanted)
                return r;
        proc->locks->elsewhere = launch->incoming != NULL;
        return qemu_lifeline_prepare(&proc->locks->line, &owner, err);
}

static int forked(QemuProcess *proc, VhError **err)
{
        return proc->locks->elsewhere ? 0 : qemu_locks_acquire(proc, err);
}

static int child(QemuProcess *proc)
{
        return proc->locks->wanted ? qemu_lifeline_tie(&proc->locks->line) : 0;
}

const QemuRunHooks qemu_lock_hooks = {
        .name = "cannot register with the lock daemon",
        .prepare = prepare,
        .child = child,
        .forked = forked,
};
