/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What would fail half-way is looked for before the first step. */

#include "apply/host-changes.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

/* what is a unit, or a path as in sets of changes. */
static void obstacle(VhFindings *findings, const char *code, const char *what, const char *text)
{
        _vh_free_ char *name = vh_xasprintf("%s%s", strchr(what, '/') ? "/" : "", what);

        vh_findings_add(findings, VH_SEVERITY_ERROR, code, name, 0, 0, "%s", text);
}

/* The nearest folder that is there. */
static int open_nearest(const VhTree *tree, const char *path)
{
        _vh_free_ char *dir = vh_xstrdup(path);
        char *slash;
        int fd = -ENOENT;

        while (fd == -ENOENT && (slash = strrchr(dir, '/'))) {
                *slash = '\0';
                fd = vh_tree_dir(tree->fd, dir, false);
        }
        return fd == -ENOENT ? vh_tree_dir(tree->fd, ".", false) : fd;
}

static bool is_frozen(int fd)
{
        int flags = 0;

        return ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 && (flags & (FS_IMMUTABLE_FL | FS_APPEND_FL));
}

static void check_file(const VhTree *tree, const char *path, VhFindings *findings)
{
        const char *name;
        _vh_close_ int dir = vh_tree_parent(tree->fd, path, false, &name), fd = -1;

        if (dir >= 0)
                fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
        if (fd >= 0 && is_frozen(fd))
                obstacle(findings, "apply-immutable", path, "is immutable (chattr +i) and has to change");
}

static void check_dir(const VhTree *tree, const char *path, VhFindings *findings)
{
        _vh_close_ int fd = open_nearest(tree, path);
        struct statvfs fs;

        if (fd == -ENOTDIR || fd == -ELOOP)
                obstacle(findings, "apply-in-the-way", path, "cannot be made: something on the way to it is no folder");
        else if (fd < 0)
                obstacle(findings, "apply-unreachable", path, strerror(-fd));
        else if (fstatvfs(fd, &fs) == 0 && (fs.f_flag & ST_RDONLY))
                obstacle(findings, "apply-read-only", path, "is on a file system that is mounted read-only");
        else if (is_frozen(fd))
                obstacle(findings, "apply-immutable", path, "is in a folder that is immutable (chattr +i)");
        else if (faccessat(fd, ".", W_OK, AT_EACCESS) < 0)
                obstacle(findings, "apply-no-right", path, "cannot be written: no right to change its folder");
}

/* A unit that runs from a file that is gone could not be started again. */
static int check_unit(const VhHost *host, const VhAction *a, VhFindings *findings, VhError **err)
{
        VhUnitInfo info;
        int r;

        if (a->kind != VH_ACTION_STOP && a->kind != VH_ACTION_RESTART)
                return 0;
        r = vh_systemd_unit(host->systemd, a->unit, &info, err);
        if (r < 0)
                return r;
        if (!info.loaded && info.active)
                obstacle(findings, "apply-unit-vanished", a->unit,
                         "runs, but its unit file is gone: once stopped it could not be started again");
        if (info.not_stopped)
                obstacle(findings, "apply-unit-refuses", a->unit,
                         "has to be stopped and refuses that (RefuseManualStop=)");
        return 0;
}

int vh_host_obstacles(const VhChangeSet *set, const VhHost *host, VhFindings *findings, VhError **err)
{
        int r = 0;

        for (size_t i = 0; i < set->n_changes; i++) {
                const VhChange *c = &set->changes[i];

                if (c->old.kind == VH_NODE_OTHER) {
                        obstacle(findings, "apply-in-the-way", c->path,
                                 "is no file; it is left alone and nothing is applied");
                        continue;
                }
                check_dir(&host->tree, c->path, findings);
                check_file(&host->tree, c->path, findings);
        }
        for (size_t i = 0; r >= 0 && host->systemd && i < set->n_actions; i++)
                if (set->actions[i].unit)
                        r = check_unit(host, &set->actions[i], findings, err);
        return r;
}
