/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Nodes of a file system below a root that nothing leads out of. */

#include "apply/tree.h"
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

enum {
        DIR_MODE = 0755,
        LABEL_MAX = 1024,
        TARGET_MAX = 4096,
        TEMP_DIGITS = 16,
        LINKS_MAX = 16, /* that are followed */
};

static const char label_name[] = "security.selinux";

int vh_tree_open(VhTree *tree, const char *root, bool make, VhError **err)
{
        struct stat own, given;
        int r = make ? vh_mkdir_p(root, DIR_MODE) : 0;

        *tree = (VhTree){ .fd = -1 };
        if (r == 0) {
                tree->fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                r = tree->fd < 0 ? -errno : 0;
        }
        if (r < 0)
                return vh_error_sys(err, VIR_FROM_CONF, r, "cannot open folder %s", root);
        tree->root = vh_xstrdup(root);
        tree->live = fstat(tree->fd, &given) == 0 && stat("/", &own) == 0 && given.st_dev == own.st_dev &&
                     given.st_ino == own.st_ino;
        return 0;
}

void vh_tree_done(VhTree *tree)
{
        vh_closep(&tree->fd);
        free(tree->root);
        *tree = (VhTree){ .fd = -1 };
}

int vh_tree_dir(int rootfd, const char *dir, bool make)
{
        struct open_how how = { .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT };
        _vh_free_ char *parent = NULL;
        _vh_close_ int up = -1;
        const char *slash = strrchr(dir, '/');
        int fd = (int)syscall(SYS_openat2, rootfd, dir, &how, sizeof(how));

        if (fd >= 0 || errno != ENOENT || !make)
                return fd >= 0 ? fd : -errno;
        parent = slash ? vh_xstrndup(dir, (size_t)(slash - dir)) : vh_xstrdup(".");
        up = vh_tree_dir(rootfd, parent, make);
        if (up < 0)
                return up;
        if (mkdirat(up, slash ? slash + 1 : dir, DIR_MODE) < 0 && errno != EEXIST)
                return -errno;
        fd = (int)syscall(SYS_openat2, rootfd, dir, &how, sizeof(how));
        return fd >= 0 ? fd : -errno;
}

int vh_tree_parent(int rootfd, const char *path, bool make, const char **name)
{
        const char *slash = strrchr(path, '/');
        _vh_free_ char *dir = slash ? vh_xstrndup(path, (size_t)(slash - path)) : vh_xstrdup(".");

        *name = slash ? slash + 1 : path;
        return vh_tree_dir(rootfd, dir, make);
}

static void read_label(int fd, VhNode *node)
{
        char text[LABEL_MAX];
        ssize_t n = fgetxattr(fd, label_name, text, sizeof(text));

        if (n > 0)
                node->label = vh_xstrndup(text, (size_t)n);
}

static int read_link(int dirfd, const char *name, VhNode *node)
{
        char target[TARGET_MAX];
        ssize_t n = readlinkat(dirfd, name, target, sizeof(target));

        if (n < 0 || n == TARGET_MAX)
                return n < 0 ? -errno : -ENAMETOOLONG;
        node->kind = VH_NODE_LINK;
        node->data = vh_xstrndup(target, (size_t)n);
        node->len = (size_t)n;
        return 0;
}

static int read_file(int dirfd, const char *name, VhNode *node)
{
        _vh_close_ int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        struct stat st;
        int r;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode)) {
                node->kind = VH_NODE_OTHER;
                return 0;
        }
        r = vh_file_read_fd(fd, VH_TREE_FILE_MAX, &node->data, &node->len);
        if (r < 0)
                return r;
        node->kind = VH_NODE_FILE;
        node->mode = st.st_mode & 07777;
        node->uid = st.st_uid;
        node->gid = st.st_gid;
        read_label(fd, node);
        return 0;
}

int vh_tree_read(const VhTree *tree, const char *path, VhNode *node)
{
        const char *name;
        _vh_close_ int dirfd = vh_tree_parent(tree->fd, path, false, &name);
        struct stat st;

        *node = (VhNode){ 0 };
        if (dirfd < 0)
                return dirfd == -ENOENT ? 0 : dirfd;
        if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : -errno;
        if (S_ISLNK(st.st_mode))
                return read_link(dirfd, name, node);
        if (S_ISREG(st.st_mode))
                return read_file(dirfd, name, node);
        node->kind = VH_NODE_OTHER;
        return 0;
}

static char *link_target(const char *path, const char *target)
{
        const char *slash = strrchr(path, '/');

        return *target == '/' ? vh_xstrdup(target + 1)
                              : vh_xasprintf("%.*s/%s", slash ? (int)(slash - path) : 0, path, target);
}

int vh_tree_read_followed(const VhTree *tree, const char *start, VhNode *node)
{
        _vh_free_ char *path = vh_xstrdup(start);
        int r = vh_tree_read(tree, path, node);

        for (int i = 0; r == 0 && node->kind == VH_NODE_LINK && i < LINKS_MAX; i++) {
                char *next = link_target(path, node->data);

                free(path);
                path = next;
                vh_node_done(node);
                r = vh_tree_read(tree, path, node);
        }
        return r;
}

static int put_file(int dirfd, const char *name, const VhNode *node)
{
        VhFileAttrs attrs = { .mode = node->mode, .uid = node->uid, .gid = node->gid, .label = node->label };

        return vh_file_write_attrs_at(dirfd, name, node->data, node->len, &attrs, 0);
}

static bool is_unit_dir(const char *name)
{
        return vh_endswith(name, ".d") || vh_endswith(name, ".wants") || vh_endswith(name, ".requires");
}

/* Folders that exist only for what is in them go with the last file, as systemctl does it. */
static void remove_empty_dir(const VhTree *tree, const char *path)
{
        const char *slash = strrchr(path, '/'), *name;
        _vh_free_ char *dir = slash ? vh_xstrndup(path, (size_t)(slash - path)) : NULL;
        _vh_close_ int up = -1;

        if (!dir || !strstr(dir, "systemd/system/") || !is_unit_dir(dir))
                return;
        up = vh_tree_parent(tree->fd, dir, false, &name);
        if (up >= 0 && unlinkat(up, name, AT_REMOVEDIR) == 0)
                fsync(up);
}

static int remove_node(const VhTree *tree, const char *path)
{
        const char *name;
        _vh_close_ int dirfd = vh_tree_parent(tree->fd, path, false, &name);

        if (dirfd < 0)
                return dirfd == -ENOENT ? 0 : dirfd;
        if (unlinkat(dirfd, name, 0) < 0)
                return errno == ENOENT ? 0 : -errno;
        if (fsync(dirfd) < 0)
                return -errno;
        remove_empty_dir(tree, path);
        return 0;
}

int vh_tree_put(const VhTree *tree, const char *path, const VhNode *node)
{
        _vh_close_ int dirfd = -1;
        const char *name;

        if (node->kind == VH_NODE_OTHER)
                return -EINVAL;
        if (node->kind == VH_NODE_NONE)
                return remove_node(tree, path);
        dirfd = vh_tree_parent(tree->fd, path, true, &name);
        if (dirfd < 0)
                return dirfd;
        return node->kind == VH_NODE_LINK ? vh_symlink_replace_at(node->data, dirfd, name)
                                          : put_file(dirfd, name, node);
}

typedef struct Sweep {
        int dirfd;
        const char *name;
} Sweep;

/* ".NAME.0123456789abcdef", as vh_file_write_at() names its temporary files. */
static int sweep_entry(void *data, const char *entry)
{
        const Sweep *s = data;
        size_t len = strlen(s->name);

        if (*entry == '.' && strncmp(entry + 1, s->name, len) == 0 && entry[len + 1] == '.' &&
            strspn(entry + len + 2, "0123456789abcdef") == TEMP_DIGITS && entry[len + 2 + TEMP_DIGITS] == '\0')
                unlinkat(s->dirfd, entry, 0);
        return 0;
}

void vh_tree_sweep(const VhTree *tree, const char *path)
{
        const char *name, *slash = strrchr(path, '/');
        _vh_free_ char *dir = slash ? vh_xstrndup(path, (size_t)(slash - path)) : vh_xstrdup(".");
        _vh_close_ int dirfd = vh_tree_parent(tree->fd, path, false, &name);
        Sweep s = { dirfd, name };

        if (dirfd >= 0)
                vh_tree_list(tree, dir, sweep_entry, &s);
}

int vh_tree_list(const VhTree *tree, const char *dir, int (*fn)(void *data, const char *name), void *data)
{
        int fd = vh_tree_dir(tree->fd, dir, false), r = 0;
        struct dirent *entry;
        DIR *d;

        if (fd < 0)
                return fd == -ENOENT || fd == -ENOTDIR ? 0 : fd;
        d = fdopendir(fd);
        if (!d) {
                close(fd);
                return -ENOMEM;
        }
        while (r == 0 && (entry = readdir(d)))
                if (!vh_streq(entry->d_name, ".") && !vh_streq(entry->d_name, ".."))
                        r = fn(data, entry->d_name);
        closedir(d);
        return r;
}

bool vh_node_same_content(const VhNode *a, const VhNode *b)
{
        if (a->kind != b->kind)
                return false;
        if (a->kind == VH_NODE_NONE || a->kind == VH_NODE_OTHER)
                return true;
        return a->len == b->len && memcmp(a->data, b->data, a->len) == 0 &&
               (a->kind == VH_NODE_LINK || a->mode == b->mode);
}

bool vh_node_equal(const VhNode *a, const VhNode *b)
{
        return vh_node_same_content(a, b) &&
               (a->kind != VH_NODE_FILE || (a->uid == b->uid && a->gid == b->gid && vh_streq(a->label, b->label)));
}

void vh_node_copy(VhNode *to, const VhNode *from)
{
        *to = *from;
        to->label = vh_xstrdup(from->label);
        if (from->data) {
                to->data = vh_xcalloc(from->len + 1, 1);
                memcpy(to->data, from->data, from->len);
        }
}

void vh_node_done(VhNode *node)
{
        free(node->data);
        free(node->label);
        *node = (VhNode){ 0 };
}
