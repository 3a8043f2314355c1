/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Lock, journal and history on disk. The order of operations is what makes it safe: contents are synced before names,
 * the journal is there before the first step and gone after the last. */

#include "apply/journal.h"
#include "apply/boot-unit.h"
#include "apply/connection.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#define LOCK     "lock"
#define JOURNAL  "journal"
#define PROGRESS "progress"
#define RESERVE  "reserve"
#define HISTORY  "generations"

enum {
        PRIVATE_MODE = 0600,
        PRIVATE_DIR_MODE = 0700,
        JOURNAL_MAX = 256 * 1024 * 1024,
        /* Room for folders and names besides contents. */
        RESERVE_MIN = 256 * 1024,
};

static int state_dir(const VhTree *tree, bool make)
{
        return vh_tree_dir(tree->fd, VH_STATE_DIR, make);
}

static int busy(int fd, VhError **err)
{
        _vh_free_ char *pid = NULL;
        size_t len;

        if (vh_file_read_fd(fd, 64, &pid, &len) < 0 || len == 0)
                return vh_error_plain(err, VIR_FROM_CONF, VIR_ERR_OPERATION_INVALID,
                                      "another virthost is changing this host; wait for it");
        return vh_error_plain(err, VIR_FROM_CONF, VIR_ERR_OPERATION_INVALID,
                              "another virthost (process %s) is changing this host; wait for it", pid);
}

int vh_store_lock(VhStore *store, const VhTree *tree, VhError **err)
{
        _vh_close_ int dir = state_dir(tree, true), fd = -1;

        *store = (VhStore){ .tree = tree, .lock = -1 };
        if (dir >= 0)
                fd = openat(dir, LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, PRIVATE_MODE);
        if (dir < 0 || fd < 0)
                return vh_error_sys(err, VIR_FROM_CONF, dir < 0 ? dir : -errno, "cannot open %s/" VH_STATE_DIR "/" LOCK,
                                    tree->root);
        if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                busy(fd, err);
                return -EBUSY;
        }
        /* For the message of the next one only. */
        if (ftruncate(fd, 0) == 0)
                dprintf(fd, "%lld", (long long)getpid());
        store->lock = VH_TAKE_FD(fd);
        return 0;
}

void vh_store_unlock(VhStore *store)
{
        vh_closep(&store->lock);
        store->lock = -1;
}

uint64_t vh_ticks_now(void)
{
        struct timespec t;

        clock_gettime(CLOCK_BOOTTIME, &t);
        return (uint64_t)t.tv_sec * (uint64_t)sysconf(_SC_CLK_TCK) +
               (uint64_t)t.tv_nsec * (uint64_t)sysconf(_SC_CLK_TCK) / 1000000000;
}

static void take_progress(VhJournal *j, const char *line)
{
        unsigned long long a, b;
        char connection[128];
        size_t step;

        if (sscanf(line, "begin %zu", &step) == 1)
                j->begun = step + 1;
        else if (sscanf(line, "done %zu", &step) == 1)
                j->done = step + 1;
        else if (vh_streq(line, "back"))
                j->phase = VH_PHASE_BACK;
        else if (sscanf(line, "wait %llu %llu %127s", &a, &b, connection) == 3) {
                j->phase = VH_PHASE_WAITING;
                j->deadline = a;
                j->applied = b;
                memcpy(j->connection, connection, sizeof(connection));
        }
}

static int read_at(int dir, const char *name, size_t max, char **text, size_t *len)
{
        _vh_close_ int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

        return fd < 0 ? -errno : vh_file_read_fd(fd, max, text, len);
}

static void load_progress(int dir, VhJournal *j)
{
        _vh_free_ char *text = NULL;
        char *rest, *line;
        size_t len;

        if (read_at(dir, PROGRESS, JOURNAL_MAX, &text, &len) < 0)
                return;
        rest = text;
        /* What has no line end was being written when it all stopped; the step it names had not begun. */
        while ((line = strsep(&rest, "\n")) && rest)
                take_progress(j, line);
}

int vh_journal_load(const VhTree *tree, VhJournal *j, VhError **err)
{
        _vh_close_ int dir = state_dir(tree, false);
        _vh_free_ char *text = NULL;
        size_t len;
        int r;

        *j = (VhJournal){ 0 };
        if (dir == -ENOENT)
                return 0;
        r = dir < 0 ? dir : read_at(dir, JOURNAL, JOURNAL_MAX, &text, &len);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return vh_error_sys(err, VIR_FROM_CONF, r, "cannot read %s/" VH_STATE_DIR "/" JOURNAL, tree->root);
        r = vh_changes_parse(&j->set, VH_STATE_DIR "/" JOURNAL, text, len, err);
        if (r < 0)
                return r;
        load_progress(dir, j);
        return 1;
}

void vh_journal_done(VhJournal *j)
{
        vh_changes_done(&j->set);
}

static int journal_error(const VhStore *store, int r, VhError **err)
{
        return r < 0 ? vh_error_sys(err, VIR_FROM_CONF, r, "cannot write the journal in %s/" VH_STATE_DIR,
                                    store->tree->root)
                     : 0;
}

static int set_aside(int dir, const VhChangeSet *set)
{
        _vh_close_ int fd = openat(dir, RESERVE, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, PRIVATE_MODE);
        off_t room = RESERVE_MIN;

        if (fd < 0)
                return -errno;
        for (size_t i = 0; i < set->n_changes; i++)
                room += (off_t)set->changes[i].old.len;
        /* What cannot set room aside has none to promise; the run may still go well. */
        return fallocate(fd, 0, 0, room) < 0 && errno == ENOSPC ? -ENOSPC : 0;
}

static int begin(int dir, const VhChangeSet *set)
{
        _vh_buf_ VhBuf b = { 0 };
        int r;

        if (unlinkat(dir, PROGRESS, 0) < 0 && errno != ENOENT)
                return -errno;
        r = set_aside(dir, set);
        if (r < 0)
                return r;
        vh_changes_format(set, &b);
        return vh_file_write_at(dir, JOURNAL, b.data, b.len, PRIVATE_MODE, (uid_t)VH_FILE_SAME_OWNER,
                                (gid_t)VH_FILE_SAME_OWNER, 0);
}

/* What is only there beside a journal. A unit that stays finds no journal and does nothing. */
static void tidy(const VhStore *store, int dir)
{
        unlinkat(dir, PROGRESS, 0);
        unlinkat(dir, RESERVE, 0);
        vh_boot_unit_remove(store->tree);
}

int vh_journal_begin(const VhStore *store, const VhChangeSet *set, VhError **err)
{
        _vh_close_ int dir = state_dir(store->tree, true);
        int r = set->kind == VH_RUN_TRY ? vh_boot_unit_put(store->tree, err) : 0;

        if (r < 0)
                return r;
        /* One that was killed before its first step may have left a part. */
        vh_tree_sweep(store->tree, VH_STATE_DIR "/" JOURNAL);
        r = dir < 0 ? dir : begin(dir, set);
        if (r < 0 && dir >= 0)
                tidy(store, dir);
        return journal_error(store, r, err);
}

static int append(const VhStore *store, const char *line)
{
        _vh_close_ int dir = state_dir(store->tree, true), fd = -1;
        size_t len = strlen(line);

        if (dir < 0)
                return dir;
        fd = openat(dir, PROGRESS, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, PRIVATE_MODE);
        if (fd < 0)
                return -errno;
        if (write(fd, line, len) != (ssize_t)len)
                return errno ? -errno : -ENOSPC;
        return fsync(fd) < 0 ? -errno : 0;
}

int vh_journal_step(const VhStore *store, const char *what, size_t step, VhError **err)
{
        _vh_free_ char *line = vh_xasprintf("%s %zu\n", what, step);

        return journal_error(store, append(store, line), err);
}

int vh_journal_turn(const VhStore *store, VhError **err)
{
        _vh_close_ int dir = state_dir(store->tree, false);

        if (dir >= 0)
                unlinkat(dir, RESERVE, 0);
        return journal_error(store, append(store, "back\n"), err);
}

int vh_journal_wait(const VhStore *store, uint64_t deadline, VhError **err)
{
        _vh_free_ char *line = NULL, *connection = vh_connection_name();

        line = vh_xasprintf("wait %llu %llu %s\n", (unsigned long long)deadline, (unsigned long long)vh_ticks_now(),
                            connection ? connection : "-");
        return journal_error(store, append(store, line), err);
}

void vh_journal_tidy(const VhStore *store)
{
        _vh_close_ int dir = state_dir(store->tree, false);

        if (dir >= 0)
                tidy(store, dir);
}

int vh_journal_commit(const VhStore *store, const VhChangeSet *set, VhError **err)
{
        _vh_free_ char *name = vh_xasprintf("%u", set->generation);
        _vh_close_ int dir = state_dir(store->tree, false), history = -1;

        if (dir < 0 || (mkdirat(dir, HISTORY, PRIVATE_DIR_MODE) < 0 && errno != EEXIST))
                return journal_error(store, dir < 0 ? dir : -errno, err);
        history = openat(dir, HISTORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (history < 0 || renameat(dir, JOURNAL, history, name) < 0 || fsync(history) < 0 || fsync(dir) < 0)
                return journal_error(store, -errno, err);
        tidy(store, dir);
        return 0;
}

int vh_journal_drop(const VhStore *store, VhError **err)
{
        _vh_close_ int dir = state_dir(store->tree, false);

        if (dir < 0 || unlinkat(dir, JOURNAL, 0) < 0 || fsync(dir) < 0)
                return journal_error(store, dir < 0 ? dir : -errno, err);
        tidy(store, dir);
        return 0;
}

static int newest(void *data, const char *name)
{
        unsigned *last = data, number;

        if (vh_parse_uint(name, &number) == 0 && number > *last)
                *last = number;
        return 0;
}

unsigned vh_history_last(const VhTree *tree)
{
        unsigned last = 0;

        vh_tree_list(tree, VH_STATE_DIR "/" HISTORY, newest, &last);
        return last;
}

int vh_history_load(const VhTree *tree, unsigned generation, VhChangeSet *set, VhError **err)
{
        _vh_free_ char *path = vh_xasprintf(VH_STATE_DIR "/" HISTORY "/%u", generation), *text = NULL;
        const char *name;
        _vh_close_ int dir = vh_tree_parent(tree->fd, path, false, &name);
        size_t len;
        int r = dir < 0 ? dir : read_at(dir, name, JOURNAL_MAX, &text, &len);

        *set = (VhChangeSet){ 0 };
        if (r == -ENOENT)
                return vh_error_plain(err, VIR_FROM_CONF, VIR_ERR_INVALID_ARG,
                                      "there is no generation %u; virthost status lists them", generation);
        if (r < 0)
                return vh_error_sys(err, VIR_FROM_CONF, r, "cannot read %s/%s", tree->root, path);
        return vh_changes_parse(set, path, text, len, err);
}
