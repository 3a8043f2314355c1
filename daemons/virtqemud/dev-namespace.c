/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A guest's own /dev. */

#include "dev-namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/file.h"
#include "guest-files.h"
#include "guest-nodes.h"
#include "isolation.h"
#include "selinux-host.h"

#define DEV "/dev/"

enum {
        LINKS_MAX = 16, /* of links that point to each other */
        MOUNTS_MAX = 1024 * 1024,
        DIR_MODE = 0755,
};

/* A file system that is mounted below /dev, such as /dev/pts, or a file there that is no node. */
typedef struct Below {
        int fd;
        char *path;
} Below;

struct QemuDevTree {
        int fd; /* the mount */
        Below *below;
        size_t n_below;
        QemuAccount account;
};

QemuDevTree *qemu_dev_tree_free(QemuDevTree *tree)
{
        if (!tree)
                return NULL;
        vh_closep(&tree->fd);
        for (size_t i = 0; i < tree->n_below; i++) {
                vh_closep(&tree->below[i].fd);
                free(tree->below[i].path);
        }
        free(tree->below);
        free(tree);
        return NULL;
}

/* ---- nodes ---- */

static int make_parents(int dir, const char *name)
{
        _vh_free_ char *path = vh_xstrdup(name);

        for (char *p = strchr(path, '/'); p; p = strchr(p + 1, '/')) {
                *p = '\0';
                if (mkdirat(dir, path, DIR_MODE) < 0 && errno != EEXIST)
                        return -errno;
                *p = '/';
        }
        return 0;
}

/* "/dev/disk/../sda" without dots; false if it leaves /dev. */
static bool resolve(const char *path, const char *target, char out[PATH_MAX])
{
        char joined[PATH_MAX * 2];
        size_t n = 0;

        if (*target == '/')
                snprintf(joined, sizeof(joined), "%s", target);
        else
                snprintf(joined, sizeof(joined), "%.*s/%s", (int)(strrchr(path, '/') - path), path, target);
        for (char *save = NULL, *part = strtok_r(joined, "/", &save); part; part = strtok_r(NULL, "/", &save)) {
                size_t len = strlen(part);

                if (strcmp(part, ".") == 0)
                        continue;
                if (strcmp(part, "..") == 0) {
                        while (n > 0 && out[--n] != '/')
                                ;
                        continue;
                }
                if (n + len + 2 > PATH_MAX)
                        return false;
                out[n++] = '/';
                memcpy(out + n, part, len);
                n += len;
        }
        out[n] = '\0';
        return vh_startswith(out, DEV);
}

/* A new node would have the label of what the daemon makes. Without SELinux there is none. */
static void copy_label(int dir, const char *name)
{
        _vh_free_ char *from = vh_xasprintf("%s%s", DEV, name), *to = vh_xasprintf("/proc/self/fd/%d/%s", dir, name);
        _vh_free_ char *label = qemu_selinux_get(from);

        if (label)
                (void)qemu_selinux_set(to, label, NULL);
}

/* account NULL: the owner of the host's node. */
static int make_node(int dir, const char *name, const struct stat *st, const QemuAccount *account)
{
        uid_t uid = account ? account->uid : st->st_uid;
        gid_t gid = account ? account->gid : st->st_gid;

        if (mknodat(dir, name, st->st_mode, st->st_rdev) < 0)
                return errno == EEXIST ? 0 : -errno;
        copy_label(dir, name);
        /* The mode first lost what the umask takes. */
        if (fchownat(dir, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0 || fchmodat(dir, name, st->st_mode & 07777, 0) < 0)
                return -errno;
        return 0;
}

/* Copies what is at a path below /dev into dir, with the links on the way to it. */
static int copy_node(int dir, const char *path, const QemuAccount *account)
{
        char at[PATH_MAX];

        snprintf(at, sizeof(at), "%s", path);
        for (unsigned i = 0; i < LINKS_MAX && vh_startswith(at, DEV); i++) {
                const char *name = at + strlen(DEV);
                char target[PATH_MAX], next[PATH_MAX];
                struct stat st;
                ssize_t n;
                int r;

                if (lstat(at, &st) < 0)
                        return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
                if (!S_ISLNK(st.st_mode) && !S_ISBLK(st.st_mode) && !S_ISCHR(st.st_mode))
                        return 0;
                r = make_parents(dir, name);
                if (r < 0 || !S_ISLNK(st.st_mode))
                        return r < 0 ? r : make_node(dir, name, &st, account);
                n = readlink(at, target, sizeof(target) - 1);
                if (n < 0)
                        return -errno;
                target[n] = '\0';
                if (symlinkat(target, dir, name) < 0 && errno != EEXIST)
                        return -errno;
                if (!resolve(at, target, next))
                        return 0;
                memcpy(at, next, sizeof(at));
        }
        return 0;
}

/* ---- before the fork ---- */

static bool is_below(const QemuDevTree *tree, const char *path)
{
        for (size_t i = 0; i < tree->n_below; i++) {
                size_t n = strlen(tree->below[i].path);

                if (strncmp(path, tree->below[i].path, n) == 0 && (path[n] == '/' || path[n] == '\0'))
                        return true;
        }
        return false;
}

static int clone_below(QemuDevTree *tree, const char *path)
{
        int fd = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);

        if (fd < 0)
                return -errno;
        tree->below = vh_xrealloc(tree->below, tree->n_below + 1, sizeof(Below));
        tree->below[tree->n_below++] = (Below){ fd, vh_xstrdup(path) };
        return 0;
}

static void add_below(QemuDevTree *tree, const char *path)
{
        struct stat st;

        if (!is_below(tree, path) && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
                (void)clone_below(tree, path);
}

/* Mounts come in the order in which they were made, so those below others come later. */
static int find_below(QemuDevTree *tree)
{
        _vh_free_ char *text = NULL;
        size_t n;
        int r = vh_file_read("/proc/self/mounts", MOUNTS_MAX, &text, &n);

        if (r < 0)
                return r;
        for (char *save = NULL, *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                char path[PATH_MAX];

                if (sscanf(line, "%*s %4095s", path) == 1 && vh_startswith(path, DEV))
                        add_below(tree, path);
        }
        for (size_t i = 0; i < tree->n_below; i++) {
                const char *name = tree->below[i].path + strlen(DEV);

                r = make_parents(tree->fd, name);
                if (r == 0 && mkdirat(tree->fd, name, DIR_MODE) < 0 && errno != EEXIST)
                        r = -errno;
                if (r < 0)
                        return r;
        }
        return 0;
}

static int make_mount(void)
{
        _vh_close_ int fs = fsopen("tmpfs", FSOPEN_CLOEXEC);
        int fd;

        if (fs < 0 || fsconfig(fs, FSCONFIG_SET_STRING, "source", "devfs", 0) < 0 ||
            fsconfig(fs, FSCONFIG_SET_STRING, "mode", "755", 0) < 0 ||
            fsconfig(fs, FSCONFIG_SET_STRING, "size", "64k", 0) < 0 ||
            fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
                return -errno;
        fd = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID);
        return fd < 0 ? -errno : fd;
}

static int add_node(void *data, const char *path, unsigned access, VhError **err)
{
        const QemuDevTree *tree = data;
        struct stat st;
        bool shared; /* nodes that everybody may use stay as they are */
        int r;

        if (!vh_startswith(path, DEV) || is_below(tree, path))
                return 0;
        shared = stat(path, &st) == 0 && (st.st_mode & 0666) == 0666;
        r = copy_node(tree->fd, path, shared ? NULL : &tree->account);
        return r < 0 ? vh_error_sys(err, VIR_FROM_QEMU, r, "Unable to create device %s", path) : 0;
}

static int make_empty(int dir, const char *name)
{
        int r = make_parents(dir, name);

        if (r == 0 && mknodat(dir, name, S_IFREG, 0) < 0 && errno != EEXIST)
                r = -errno;
        return r;
}

/* Files, sockets and pipes below /dev are mounts of their own there: what is no node cannot be copied. */
static int add_file(void *data, const QemuFile *file, VhError **err)
{
        QemuDevTree *tree = data;
        char path[PATH_MAX];
        struct stat st;
        int r;

        if (!file->path || !vh_startswith(file->path, DEV) || !realpath(file->path, path) ||
            !vh_startswith(path, DEV) || is_below(tree, path) || stat(path, &st) < 0)
                return 0;
        if (!S_ISREG(st.st_mode) && !S_ISSOCK(st.st_mode) && !S_ISFIFO(st.st_mode))
                return 0;
        r = make_empty(tree->fd, path + strlen(DEV));
        if (r == 0)
                r = clone_below(tree, path);
        return r < 0 ? vh_error_sys(err, VIR_FROM_QEMU, r, "Unable to create device %s", path) : 0;
}

static bool is_wanted(const QemuDriver *driver)
{
        const VhConfEntry *entry = driver->conf ? vh_conf_find(driver->conf, "namespaces") : NULL;

        if (!driver->env.privileged)
                return false;
        if (!entry || entry->value.kind != VH_CONF_LIST)
                return true;
        for (size_t i = 0; i < entry->value.list.n; i++)
                if (entry->value.list.items[i].kind == VH_CONF_STRING &&
                    strcmp(entry->value.list.items[i].str, "mount") == 0)
                        return true;
        return false;
}

static int prepare(QemuProcess *proc, QemuLaunch *launch, VhError **err)
{
        QemuDevTree *tree;
        int r;

        if (!is_wanted(proc->driver))
                return 0;
        proc->dev_tree = tree = vh_new(QemuDevTree, 1);
        tree->fd = make_mount();
        if (tree->fd < 0)
                return vh_error_sys(err, VIR_FROM_QEMU, tree->fd, "cannot make a /dev for the guest");
        proc->namespaced = true;
        r = qemu_account_of(proc, &tree->account, err);
        if (r < 0)
                return r;
        r = find_below(tree);
        if (r < 0)
                return vh_error_sys(err, VIR_FROM_QEMU, r, "cannot see what is mounted below /dev");
        r = qemu_guest_nodes(proc->driver, proc->dom->def, add_node, tree, err);
        return r < 0 ? r : qemu_guest_files(proc->dom->def, add_file, tree, err);
}

static int child(QemuProcess *proc)
{
        const QemuDevTree *tree = proc->dev_tree;

        if (!tree)
                return 0;
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 ||
            move_mount(tree->fd, "", AT_FDCWD, "/dev", MOVE_MOUNT_F_EMPTY_PATH) < 0)
                return -errno;
        for (size_t i = 0; i < tree->n_below; i++)
                if (move_mount(tree->below[i].fd, "", AT_FDCWD, tree->below[i].path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
                        return -errno;
        return 0;
}

/* The child has moved the mounts: ours are not needed any more. */
static int started(QemuProcess *proc, VhError **err)
{
        proc->dev_tree = qemu_dev_tree_free(proc->dev_tree);
        return 0;
}

static void stopped(QemuProcess *proc)
{
        proc->dev_tree = qemu_dev_tree_free(proc->dev_tree);
}

/* ---- while it runs ---- */

bool qemu_namespace_covers(const QemuProcess *proc, const char *path)
{
        struct stat st;

        return proc->namespaced && vh_startswith(path, DEV) && stat(path, &st) == 0 &&
               (S_ISBLK(st.st_mode) || S_ISCHR(st.st_mode));
}

char *qemu_namespace_path(const QemuProcess *proc, const char *path)
{
        if (!qemu_namespace_covers(proc, path))
                return NULL;
        if (proc->dev_tree)
                return vh_xasprintf("/proc/self/fd/%d/%s", proc->dev_tree->fd, path + strlen(DEV));
        return vh_xasprintf("/proc/%d/root%s", (int)proc->pid, path);
}

static int open_dev(const QemuProcess *proc)
{
        _vh_free_ char *path = vh_xasprintf("/proc/%d/root/dev", (int)proc->pid);
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return fd < 0 ? -errno : fd;
}

int qemu_namespace_add(const QemuProcess *proc, const char *path, VhError **err)
{
        _vh_close_ int dir = -1;
        QemuAccount account;
        int r;

        if (!qemu_namespace_covers(proc, path))
                return 0;
        r = qemu_account_of(proc, &account, err);
        if (r < 0)
                return r;
        dir = open_dev(proc);
        r = dir < 0 ? dir : copy_node(dir, path, &account);
        return r < 0 ? vh_error_sys(err, VIR_FROM_QEMU, r, "Unable to create device %s", path) : 0;
}

void qemu_namespace_remove(const QemuProcess *proc, const char *path)
{
        _vh_close_ int dir = qemu_namespace_covers(proc, path) ? open_dev(proc) : -1;

        if (dir >= 0)
                (void)unlinkat(dir, path + strlen(DEV), 0);
}

int qemu_namespace_open(const QemuProcess *proc)
{
        _vh_free_ char *path = vh_xasprintf("/proc/%d/ns/mnt", (int)proc->pid);
        int fd;

        if (!proc->namespaced || !proc->pid)
                return -ENOENT;
        fd = open(path, O_RDONLY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

const QemuRunHooks qemu_namespace_hooks = {
        .name = "cannot enter the guest's mount namespace",
        .prepare = prepare,
        .child = child,
        .started = started,
        .stopped = stopped,
};
