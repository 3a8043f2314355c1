/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Folders and files of a guest's control groups. */

#include "cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>

#include "base/buf.h"
#include "base/file.h"

enum {
        VALUE_MAX = 64 * 1024,
        DIR_MODE = 0755,
        REMOVE_TRIES = 500,         /* the kernel takes a moment until a process that ended is gone from its group */
        REMOVE_PAUSE = 1000 * 1000, /* nanoseconds */
};

static const struct {
        const char *name; /* in qemu.conf and messages */
        const char *file; /* in cgroup.controllers; NULL: not a controller there */
        bool threads;     /* may differ between the threads of a process */
} controllers[] = {
        [QEMU_CG_CPU] = { "cpu", "cpu", true },    [QEMU_CG_CPUSET] = { "cpuset", "cpuset", true },
        [QEMU_CG_MEMORY] = { "memory", "memory" }, [QEMU_CG_IO] = { "blkio", "io" },
        [QEMU_CG_DEVICES] = { "devices" },         [QEMU_CG_CPUACCT] = { "cpuacct" },
};

const char *qemu_controller_name(QemuController c)
{
        return controllers[c].name;
}

unsigned qemu_controller_bit(const char *name)
{
        for (size_t i = 0; i < VH_ARRAY_SIZE(controllers); i++)
                if (strcmp(controllers[i].name, name) == 0)
                        return 1u << i;
        return 0;
}

bool qemu_cgroup_mounted(const char *root)
{
        struct statfs fs;

        return statfs(root, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

/* ---- files ---- */

static int write_file(const char *dir, const char *file, const char *value)
{
        _vh_free_ char *path = vh_path_join(dir, file);
        _vh_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        return write(fd, value, strlen(value)) < 0 ? -errno : 0;
}

static int read_file(const char *dir, const char *file, char **ret)
{
        _vh_free_ char *path = vh_path_join(dir, file);
        size_t n;
        int r = vh_file_read(path, VALUE_MAX, ret, &n);

        while (r == 0 && n > 0 && (*ret)[n - 1] == '\n')
                (*ret)[--n] = '\0';
        return r;
}

char *qemu_cgroup_dir(const QemuCgroup *group, const char *sub)
{
        if (!sub)
                return vh_xstrdup(group->top);
        return *sub ? vh_path_join(group->inner, sub) : vh_xstrdup(group->inner);
}

int qemu_cgroup_write(const QemuCgroup *group, const char *sub, const char *file, const char *value, VhError **err)
{
        _vh_free_ char *dir = qemu_cgroup_dir(group, sub);
        int r = write_file(dir, file, value);

        return r < 0 ? vh_error_sys(err, VIR_FROM_CGROUP, r, "Unable to write to '%s/%s'", dir, file) : 0;
}

int qemu_cgroup_writef(const QemuCgroup *group, VhError **err, const char *sub, const char *file, const char *fmt, ...)
{
        _vh_free_ char *value = NULL;
        va_list ap;
        int n;

        va_start(ap, fmt);
        n = vasprintf(&value, fmt, ap);
        va_end(ap);
        if (n < 0)
                abort();
        return qemu_cgroup_write(group, sub, file, value, err);
}

int qemu_cgroup_read(const QemuCgroup *group, const char *sub, const char *file, char **ret, VhError **err)
{
        _vh_free_ char *dir = qemu_cgroup_dir(group, sub);
        int r = read_file(dir, file, ret);

        return r < 0 ? vh_error_sys(err, VIR_FROM_CGROUP, r, "Unable to read from '%s/%s'", dir, file) : 0;
}

/* ---- controllers ---- */

/* Whether a list of words has one. */
static bool has_word(const char *list, const char *word)
{
        size_t n = strlen(word);

        for (const char *p = list; p && *p; p = strchr(p, ' ')) {
                p += *p == ' ';
                if (strncmp(p, word, n) == 0 && (p[n] == '\0' || p[n] == ' '))
                        return true;
        }
        return false;
}

/* Gives the groups below dir what of wanted there is; threads: only what threads may have each for themselves. */
static void hand_down(const char *dir, unsigned wanted, bool threads)
{
        _vh_free_ char *there = NULL, *given = NULL;

        if (read_file(dir, "cgroup.controllers", &there) < 0 || read_file(dir, "cgroup.subtree_control", &given) < 0)
                return;
        for (size_t i = 0; i < VH_ARRAY_SIZE(controllers); i++) {
                char order[16];

                if (!(wanted & 1u << i) || !controllers[i].file || (threads && !controllers[i].threads) ||
                    !has_word(there, controllers[i].file) || has_word(given, controllers[i].file))
                        continue;
                snprintf(order, sizeof(order), "+%s", controllers[i].file);
                (void)write_file(dir, "cgroup.subtree_control", order); /* what is not given is not usable */
        }
}

/* The same for every folder from the mount point to the parent of dir. */
static void hand_down_to(const char *root, const char *dir, unsigned wanted)
{
        _vh_free_ char *path = vh_xstrdup(dir);
        char *end = path + strlen(root);

        while (end) {
                char c = *end;

                *end = '\0';
                hand_down(path, wanted, false);
                *end = c;
                end = c ? strchr(end + 1, '/') : NULL;
        }
}

static unsigned usable(const char *dir, unsigned wanted)
{
        _vh_free_ char *there = NULL;
        unsigned bits = 0;

        if (read_file(dir, "cgroup.controllers", &there) < 0)
                return 0;
        for (size_t i = 0; i < VH_ARRAY_SIZE(controllers); i++)
                if (wanted & 1u << i && (!controllers[i].file || has_word(there, controllers[i].file)))
                        bits |= 1u << i;
        return bits;
}

/* ---- the guest's group ---- */

QemuCgroup *qemu_cgroup_free(QemuCgroup *group)
{
        if (!group)
                return NULL;
        free(group->root);
        free(group->top);
        free(group->inner);
        free(group->unit);
        free(group->machine);
        free(group);
        return NULL;
}

static QemuCgroup *group_new(const char *root, const char *top, bool is_scope, unsigned wanted)
{
        QemuCgroup *group = vh_new(QemuCgroup, 1);

        group->root = vh_xstrdup(root);
        group->top = vh_xstrdup(top);
        group->inner = is_scope ? vh_path_join(top, "libvirt") : vh_xstrdup(top);
        group->unit = is_scope ? vh_xstrdup(strrchr(top, '/') + 1) : NULL;
        group->usable = usable(top, wanted);
        return group;
}

/* "/a/b" of a process; the caller frees it. */
static char *path_of(pid_t pid)
{
        _vh_free_ char *file = pid ? vh_xasprintf("/proc/%d/cgroup", (int)pid) : vh_xstrdup("/proc/self/cgroup");
        _vh_free_ char *text = NULL;
        char *line, *end;
        size_t n;

        if (vh_file_read(file, VALUE_MAX, &text, &n) < 0)
                return NULL;
        line = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
        if (!line)
                return NULL;
        line = strchr(line, '/');
        end = line ? strchr(line, '\n') : NULL;
        return line ? strndup(line, end ? (size_t)(end - line) : strlen(line)) : NULL;
}

/* Cuts the guest's inner groups off. */
static void cut_inner(char *path)
{
        char *last = strrchr(path, '/');

        if (last && strcmp(last, "/emulator") == 0)
                *last = '\0';
        last = strrchr(path, '/');
        if (last && strcmp(last, "/libvirt") == 0)
                *last = '\0';
}

/* "qemu-1-a" as in "machine-qemu\x2d1\x2da.scope". */
static char *escape_unit(const char *name)
{
        VhBuf b = { 0 };

        vh_buf_adds(&b, "machine-");
        for (; *name; name++)
                if (*name == '-')
                        vh_buf_adds(&b, "\\x2d");
                else
                        vh_buf_addc(&b, *name);
        vh_buf_adds(&b, ".scope");
        return vh_buf_take(&b);
}

char *qemu_cgroup_unit(const char *name)
{
        return escape_unit(name);
}

static char *folder_name(const char *name)
{
        return vh_xasprintf("%s.libvirt-qemu", name);
}

int qemu_cgroup_find(QemuCgroup **ret, const char *root, pid_t pid, const char *name, unsigned wanted)
{
        _vh_free_ char *path = path_of(pid), *unit = escape_unit(name), *folder = folder_name(name), *top = NULL;
        const char *last;
        bool is_scope;

        if (!path)
                return -ENOENT;
        cut_inner(path);
        last = strrchr(path, '/');
        is_scope = last && strcmp(last + 1, unit) == 0;
        if (!last || (!is_scope && strcmp(last + 1, folder) != 0))
                return -ENOENT;
        top = vh_xasprintf("%s%s", root, path);
        *ret = group_new(root, top, is_scope, wanted);
        return 0;
}

static int make_dir(const char *path)
{
        return mkdir(path, DIR_MODE) < 0 && errno != EEXIST ? -errno : 0;
}

/* What the folder of a guest without a scope is in; the caller frees it. */
static char *parent_dir(const char *root, const char *parent)
{
        _vh_free_ char *own = parent ? NULL : path_of(0);

        return vh_xasprintf("%s%s", root, parent ? parent : vh_streq(own, "/") || !own ? "" : own);
}

int qemu_cgroup_find_left(QemuCgroup **ret, const char *root, const char *parent, const char *name)
{
        _vh_free_ char *dir = parent_dir(root, parent), *folder = folder_name(name), *top = vh_path_join(dir, folder);

        if (access(top, F_OK) < 0)
                return -ENOENT;
        *ret = group_new(root, top, false, 0);
        return 0;
}

int qemu_cgroup_make(QemuCgroup **ret, const char *root, pid_t pid, const char *parent, const char *name,
                     unsigned wanted, VhError **err)
{
        _vh_free_ char *folder = folder_name(name), *dir = parent_dir(root, parent), *top = vh_path_join(dir, folder),
                       *text = NULL;
        int r = vh_mkdir_p(dir, DIR_MODE);

        if (r == 0)
                r = make_dir(top);
        if (r < 0)
                return vh_error_sys(err, VIR_FROM_CGROUP, r, "Failed to create v2 cgroup '%s'", top);
        hand_down_to(root, top, wanted);
        text = vh_xasprintf("%d", (int)pid);
        r = write_file(top, "cgroup.procs", text);
        if (r < 0) {
                rmdir(top);
                return vh_error_sys(err, VIR_FROM_CGROUP, r, "Unable to write to '%s/cgroup.procs'", top);
        }
        *ret = group_new(root, top, false, wanted);
        return 0;
}

/* Makes a group for threads. */
static int make_sub(const char *dir, VhError **err)
{
        int r = make_dir(dir);

        if (r == 0)
                r = write_file(dir, "cgroup.type", "threaded");
        return r < 0 && r != -EOPNOTSUPP ? vh_error_sys(err, VIR_FROM_CGROUP, r, "Failed to create v2 cgroup '%s'", dir)
                                         : 0;
}

int qemu_cgroup_settle(QemuCgroup *group, pid_t pid, VhError **err)
{
        unsigned all = group->usable;
        int r = make_dir(group->inner);

        if (r < 0)
                return vh_error_sys(err, VIR_FROM_CGROUP, r, "Failed to create v2 cgroup '%s'", group->inner);
        /* A group that has processes of its own cannot give controllers to those below. */
        if (strcmp(group->top, group->inner) != 0) {
                _vh_free_ char *text = vh_xasprintf("%d", (int)pid);

                r = write_file(group->inner, "cgroup.procs", text);
                if (r < 0)
                        return vh_error_sys(err, VIR_FROM_CGROUP, r, "Unable to write to '%s/cgroup.procs'",
                                            group->inner);
                hand_down_to(group->root, group->inner, all);
                group->usable = usable(group->inner, all);
        }
        r = qemu_cgroup_add_process(group, "emulator", pid, err);
        hand_down(group->inner, all, true);
        return r;
}

int qemu_cgroup_add_process(const QemuCgroup *group, const char *name, pid_t pid, VhError **err)
{
        _vh_free_ char *dir = qemu_cgroup_dir(group, name);
        int r = make_sub(dir, err);

        return r < 0 ? r : qemu_cgroup_writef(group, err, name, "cgroup.procs", "%d", (int)pid);
}

int qemu_cgroup_add_thread(const QemuCgroup *group, const char *name, pid_t tid, VhError **err)
{
        _vh_free_ char *dir = qemu_cgroup_dir(group, name);
        int r = make_sub(dir, err);

        return r < 0 ? r : qemu_cgroup_writef(group, err, name, "cgroup.threads", "%d", (int)tid);
}

static void remove_below(const char *dir)
{
        DIR *d = opendir(dir);
        struct dirent *entry;

        while (d && (entry = readdir(d))) {
                _vh_free_ char *path = NULL;

                if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
                        continue;
                path = vh_path_join(dir, entry->d_name);
                remove_below(path);
                (void)rmdir(path);
        }
        if (d)
                closedir(d);
}

void qemu_cgroup_remove_empty(const QemuCgroup *group)
{
        remove_below(group->inner);
}

void qemu_cgroup_remove(const QemuCgroup *group)
{
        const struct timespec pause = { 0, REMOVE_PAUSE };

        (void)write_file(group->top, "cgroup.kill", "1");
        for (int i = 0; i < REMOVE_TRIES; i++) {
                remove_below(group->top);
                if (rmdir(group->top) == 0 || errno == ENOENT)
                        return;
                nanosleep(&pause, NULL);
        }
}
