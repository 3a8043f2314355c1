/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Headers of qcow2 images, as docs/interop/qcow2.txt of QEMU describes them. */

#include "image-backing.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>

enum {
        MAGIC = 0x514649fb,
        BACKING_OFFSET_AT = 8,
        BACKING_SIZE_AT = 16,
        CAPACITY_AT = 24,
        HEADER_LENGTH_AT = 100, /* from version 3 on */
        HEADER_LENGTH_V2 = 72,
        VERSION_AT = 4,
        EXTENSION_FORMAT = (int)0xe2792aca,
        EXTENSION_HEAD = 8,
        NAME_MAX_LEN = 1023,
        HEAD_SIZE = 64 * 1024, /* what header, extensions and name fit into: the smallest usual cluster */
};

typedef struct Head {
        uint8_t data[HEAD_SIZE];
        size_t n;
} Head;

static uint32_t be32(const Head *h, size_t at)
{
        uint32_t v = 0;

        if (at + sizeof(v) <= h->n)
                memcpy(&v, h->data + at, sizeof(v));
        return be32toh(v);
}

static uint64_t be64(const Head *h, size_t at)
{
        return (uint64_t)be32(h, at) << 32 | be32(h, at + sizeof(uint32_t));
}

static int read_head(const char *path, Head *h)
{
        _vh_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        ssize_t n = fd < 0 ? -1 : pread(fd, h->data, sizeof(h->data), 0);

        if (n < 0)
                return -errno;
        h->n = (size_t)n;
        return be32(h, 0) == (uint32_t)MAGIC ? 0 : -EINVAL;
}

/* The extension that names the backing format. */
static void read_format(const Head *h, QemuBacking *ret)
{
        size_t at = be32(h, VERSION_AT) >= 3 ? be32(h, HEADER_LENGTH_AT) : HEADER_LENGTH_V2;

        while (at + EXTENSION_HEAD <= h->n && be32(h, at)) {
                uint32_t len = be32(h, at + 4);

                at += EXTENSION_HEAD;
                if (len > h->n - at)
                        return;
                if (be32(h, at - EXTENSION_HEAD) == (uint32_t)EXTENSION_FORMAT) {
                        if (len < sizeof(ret->format))
                                memcpy(ret->format, h->data + at, len);
                        return;
                }
                at += (len + 7) & ~(size_t)7;
        }
}

/* Relative names are relative to the image's folder; with a protocol it is no file. */
static char *resolve(const char *image, const char *name)
{
        const char *slash = strrchr(image, '/'), *colon = strchr(name, ':');

        if (colon && (!strchr(name, '/') || colon < strchr(name, '/')))
                return NULL;
        if (*name == '/' || !slash)
                return vh_xstrdup(name);
        return vh_xasprintf("%.*s/%s", (int)(slash - image), image, name);
}

int qemu_backing_read(const char *image, QemuBacking *ret)
{
        _vh_free_ Head *h = vh_new(Head, 1);
        _vh_free_ char *name = NULL;
        uint64_t offset;
        uint32_t len;
        int r = read_head(image, h);

        if (r < 0)
                return r;
        *ret = (QemuBacking){ 0 };
        offset = be64(h, BACKING_OFFSET_AT);
        len = be32(h, BACKING_SIZE_AT);
        if (!offset || !len)
                return 0;
        if (len > NAME_MAX_LEN || offset > h->n || len > h->n - offset)
                return -EINVAL;
        name = vh_xstrndup((const char *)h->data + offset, len);
        ret->path = resolve(image, name);
        ret->elsewhere = !ret->path;
        read_format(h, ret);
        ret->qcow2 = strcmp(ret->format, "qcow2") == 0;
        return 0;
}

int qemu_qcow2_capacity(const char *image, uint64_t *ret)
{
        _vh_free_ Head *h = vh_new(Head, 1);
        int r = read_head(image, h);

        if (r < 0)
                return r;
        *ret = be64(h, CAPACITY_AT);
        return 0;
}

bool qemu_image_looks_qcow2(const char *image)
{
        _vh_free_ Head *h = vh_new(Head, 1);

        return read_head(image, h) == 0;
}
