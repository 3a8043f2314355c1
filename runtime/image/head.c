/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reading the heads of image files. */

#include "image/head.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "model/domain-tables.h"

enum { FD_PATH_SIZE = 32 };

/* A descriptor that can be read from; -errno: it cannot, -ENOTBLK: what it says is not asked for. */
static int open_data(const char *path)
{
        _vh_close_ int there = open(path, O_PATH | O_CLOEXEC);
        char again[FD_PATH_SIZE];
        struct stat st;
        int fd;

        if (there < 0 || fstat(there, &st) < 0)
                return -errno;
        if (S_ISDIR(st.st_mode))
                return -EISDIR;
        if (S_ISSOCK(st.st_mode) || S_ISFIFO(st.st_mode))
                return -ENXIO;
        if (S_ISCHR(st.st_mode))
                return -ENOTBLK;
        /* The very file that was looked at, whatever its path leads to by now. */
        snprintf(again, sizeof(again), "/proc/self/fd/%d", there);
        fd = open(again, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        return fd < 0 ? -errno : fd;
}

/* Its own bytes may be outside of the head. */
static void read_name(int fd, VhImageHead *ret)
{
        _vh_free_ char *name = NULL;

        if (!ret->header.name_len || ret->header.name_at > INT64_MAX)
                return;
        name = vh_new(char, ret->header.name_len + 1);
        if (pread(fd, name, ret->header.name_len, (off_t)ret->header.name_at) == (ssize_t)ret->header.name_len && *name)
                ret->name = VH_TAKE_PTR(name);
}

int vh_image_head_read(const char *path, uint8_t format, VhImageHead *ret)
{
        _vh_free_ uint8_t *data = NULL;
        _vh_close_ int fd = open_data(path);
        ssize_t n;

        *ret = (VhImageHead){ .format = format ? format : VH_STORAGE_FORMAT_RAW };
        if (fd < 0)
                return fd == -ENOTBLK ? 0 : fd;
        data = vh_new(uint8_t, VH_IMAGE_HEAD_SIZE);
        n = pread(fd, data, VH_IMAGE_HEAD_SIZE, 0);
        if (n < 0)
                return -errno;
        if (!format)
                ret->format = vh_image_probe(data, (size_t)n);
        ret->header = vh_image_header(ret->format, data, (size_t)n);
        read_name(fd, ret);
        return 0;
}

void vh_image_head_done(VhImageHead *head)
{
        free(head->name);
        head->name = NULL;
}

bool vh_backing_has_protocol(const char *name)
{
        const char *colon = strchr(name, ':'), *slash = strchr(name, '/');

        return colon && (!slash || colon < slash);
}

char *vh_backing_path(const char *image, const char *name)
{
        const char *slash = strrchr(image, '/');

        if (*name == '/' || !slash)
                return vh_xstrdup(name);
        return vh_xasprintf("%.*s/%s", (int)(slash - image), image, name);
}

int vh_backing_read(const char *image, VhBacking *ret)
{
        VhImageHead head;
        int r = vh_image_head_read(image, VH_STORAGE_FORMAT_QCOW2, &head);

        *ret = (VhBacking){ 0 };
        if (r == 0 && !head.header.valid)
                r = -EINVAL;
        if (r == 0 && head.name && !vh_backing_has_protocol(head.name)) {
                ret->path = vh_backing_path(image, head.name);
                ret->qcow2 = head.header.format_said && head.header.backing_format == VH_STORAGE_FORMAT_QCOW2;
        }
        vh_image_head_done(&head);
        return r;
}
