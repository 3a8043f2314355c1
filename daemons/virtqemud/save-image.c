/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Files with a saved guest. */

#include "save-image.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/buf.h"

#define MAGIC_DONE "LibvirtQemudSave"
#define MAGIC_PART "LibvirtQemudPart"

enum {
        VERSION = 2,
        MAGIC_LEN = sizeof(MAGIC_DONE) - 1,
        /* Room behind the definition, so that a longer one can take its place later. */
        ROOM = 64 * 1024,
};

/* In the byte order of the host that saved. */
typedef struct Header {
        char magic[MAGIC_LEN];
        uint32_t version;
        uint32_t data_len; /* bytes of the definition with its end and the room behind it */
        uint32_t was_running;
        uint32_t format;
        uint32_t cookie_offset; /* of a second document behind the definition; 0: none */
        uint32_t unused[14];
} Header;
_Static_assert(sizeof(Header) == 92, "the header has no holes");

static int write_all(int fd, const void *data, size_t n)
{
        const char *p = data;

        while (n) {
                ssize_t w = write(fd, p, n);

                if (w < 0 && errno != EINTR)
                        return -errno;
                if (w > 0) {
                        p += w;
                        n -= (size_t)w;
                }
        }
        return 0;
}

bool qemu_save_image_is_file(int fd)
{
        struct stat st;

        return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

int qemu_save_image_create(const char *path, const char *xml, const char *cookie, bool running, QemuImageFormat format,
                           VhError **err)
{
        size_t len = strlen(xml) + 1, more = cookie ? strlen(cookie) + 1 : 0;
        Header header = {
                .version = VERSION,
                .data_len = (uint32_t)(len + more + ROOM),
                .was_running = running,
                .format = format,
                .cookie_offset = cookie ? (uint32_t)len : 0,
        };
        _vh_free_ char *room = vh_xcalloc(1, ROOM);
        _vh_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        int r;

        if (fd < 0)
                return vh_error_sys(err, VIR_FROM_QEMU, errno, "Failed to create file '%s'", path);
        memcpy(header.magic, MAGIC_PART, MAGIC_LEN);
        r = write_all(fd, &header, sizeof(header));
        if (r == 0)
                r = write_all(fd, xml, len);
        if (r == 0 && cookie)
                r = write_all(fd, cookie, more);
        if (r == 0)
                r = write_all(fd, room, ROOM);
        if (r < 0 && qemu_save_image_is_file(fd))
                (void)unlink(path);
        return r < 0 ? vh_error_sys(err, VIR_FROM_QEMU, r, "failed to write header to domain save file '%s'", path)
                     : VH_TAKE_FD(fd);
}

int qemu_save_image_finish(int fd)
{
        if (pwrite(fd, MAGIC_DONE, MAGIC_LEN, 0) != MAGIC_LEN || fsync(fd) < 0)
                return -errno;
        return 0;
}

static int check_header(const Header *h, VhError **err)
{
        if (memcmp(h->magic, MAGIC_PART, MAGIC_LEN) == 0)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED, "save image is incomplete");
        if (memcmp(h->magic, MAGIC_DONE, MAGIC_LEN) != 0)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED, "image magic is incorrect");
        if (h->version > VERSION)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED,
                                    "image version is not supported (%u > %d)", h->version, VERSION);
        if (h->data_len == 0 || h->data_len > QEMU_SAVE_XML_MAX)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED, "invalid header data length: %u",
                                    h->data_len);
        if (h->format >= QEMU_IMAGE_FORMATS)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED, "Invalid compressed save format %u",
                                    h->format);
        return 0;
}

static int read_all(int fd, void *data, size_t n)
{
        for (char *p = data; n;) {
                ssize_t got = read(fd, p, n);

                if (got == 0)
                        return -EBADMSG;
                if (got < 0 && errno != EINTR)
                        return -errno;
                if (got > 0) {
                        p += got;
                        n -= (size_t)got;
                }
        }
        return 0;
}

/* Opens an image and reads what stands before the memory. */
static int read_head(const char *path, int flags, int *fdp, Header *header, char **xmlp, VhError **err)
{
        _vh_close_ int fd = open(path, flags | O_CLOEXEC);
        _vh_free_ char *xml = NULL;
        int r;

        if (fd < 0)
                return vh_error_sys(err, VIR_FROM_QEMU, errno, "Failed to open file '%s'", path);
        if (read_all(fd, header, sizeof(*header)) < 0)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED, "failed to read qemu header");
        r = check_header(header, err);
        if (r < 0)
                return r;
        xml = vh_xcalloc(1, (size_t)header->data_len + 1);
        if (read_all(fd, xml, header->data_len) < 0)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED, "failed to read domain XML");
        *fdp = VH_TAKE_FD(fd);
        *xmlp = VH_TAKE_PTR(xml);
        return 0;
}

/* The second document in the data of a file, NULL if there is none. */
static const char *cookie_in(const Header *header, const char *data)
{
        return header->cookie_offset && header->cookie_offset < header->data_len ? data + header->cookie_offset : NULL;
}

/* A relative path is one from the root, where a daemon works. */
int qemu_save_image_open(QemuSaveImage *image, const char *from, VhError **err)
{
        _vh_free_ char *path = *from == '/' ? vh_xstrdup(from) : vh_xasprintf("/%s", from);
        char *xml;
        Header header;
        int fd, r = read_head(path, O_RDONLY, &fd, &header, &xml, err);

        if (r < 0)
                return r;
        *image =
                (QemuSaveImage){ fd, xml, vh_xstrdup(cookie_in(&header, xml)), header.was_running != 0, header.format };
        return 0;
}

/* The data with another definition and the same second document behind it; NULL: they do not fit. */
static char *replace_xml(Header *header, const char *old, const char *xml)
{
        const char *cookie = cookie_in(header, old);
        size_t len = strlen(xml) + 1, more = cookie ? strlen(cookie) + 1 : 0;
        char *data;

        if (len + more > header->data_len)
                return NULL;
        data = vh_xcalloc(1, header->data_len);
        memcpy(data, xml, len);
        if (cookie)
                memcpy(data + len, cookie, more);
        header->cookie_offset = cookie ? (uint32_t)len : 0;
        return data;
}

int qemu_save_image_rewrite(const char *path, const char *xml, bool running, VhError **err)
{
        _vh_close_ int fd = -1;
        _vh_free_ char *old = NULL;
        _vh_free_ char *data = NULL;
        Header header;
        int r = read_head(path, O_RDWR, &fd, &header, &old, err);

        if (r < 0)
                return r;
        data = replace_xml(&header, old, xml);
        if (!data)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED, "new xml too large to fit in file");
        header.was_running = running;
        r = lseek(fd, 0, SEEK_SET) < 0 ? -errno : write_all(fd, &header, sizeof(header));
        if (r == 0)
                r = write_all(fd, data, header.data_len);
        if (r == 0 && fsync(fd) < 0)
                r = -errno;
        return r < 0 ? vh_error_sys(err, VIR_FROM_QEMU, r, "failed to write header to domain save file '%s'", path) : 0;
}

void qemu_save_image_done(QemuSaveImage *image)
{
        if (image->fd >= 0)
                close(image->fd);
        free(image->xml);
        free(image->cookie);
        *image = (QemuSaveImage){ .fd = -1 };
}
