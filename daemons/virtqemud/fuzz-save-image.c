/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any bytes as a file with a saved guest: its header, both documents, and what its packing program makes of the rest.
 * What is read can be written in its place and is read as it was. */

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>

#include "guest-cpu.h"
#include "save-image.h"

enum { UNPACKED_MAX = 1024 * 1024, WAIT_MSEC = 10 * 1000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ended(void *data, int r, const VhError *err)
{
        if ((r < 0) != !!err)
                abort();
        *(bool *)data = true;
}

/* As QEMU does, which may lose interest. Returns whether all was read. */
static bool drain(int fd)
{
        static char buf[64 * 1024];
        size_t total = 0;
        ssize_t n = 1;

        while (n > 0 && total < UNPACKED_MAX) {
                n = read(fd, buf, sizeof(buf));
                total += n > 0 ? (size_t)n : 0;
        }
        close(fd);
        return n == 0;
}

static void unpack(const QemuSaveImage *image)
{
        VhLoop *loop;
        QemuFilter *filter;
        bool done = false;
        int pipe;

        if (vh_loop_new(&loop) < 0)
                abort();
        filter = qemu_filter_new(loop, image->format, true, image->fd, &pipe, NULL);
        if (filter && drain(pipe)) {
                qemu_filter_wait(filter, ended, &done);
                while (!done)
                        vh_loop_step(loop, WAIT_MSEC);
        }
        qemu_filter_free(filter);
        vh_loop_free(loop);
}

static bool same(const QemuSaveImage *a, const QemuSaveImage *b)
{
        return vh_streq(a->xml, b->xml) &&
               (a->cookie && *a->cookie ? vh_streq(a->cookie, b->cookie) : !b->cookie || !*b->cookie) &&
               a->was_running == b->was_running && a->format == b->format;
}

static void rewrite(const char *path, const QemuSaveImage *image)
{
        QemuSaveImage again = { .fd = -1 };

        if (qemu_save_image_rewrite(path, image->xml, image->was_running, NULL) == 0 &&
            (qemu_save_image_open(&again, path, NULL) < 0 || !same(image, &again)))
                abort();
        qemu_save_image_done(&again);
}

static void use(const char *path, const QemuSaveImage *image)
{
        _vh_domain_def_ VhDomainDef *def = NULL;
        _vh_error_ VhError *err = NULL;
        VhCpu *cpu = qemu_guest_cpu_of_cookie(image->cookie);

        if ((vh_domain_def_parse(&def, image->xml, VH_XML_INACTIVE, NULL, &err) < 0) != !!err)
                abort();
        if (image->format != QEMU_IMAGE_RAW)
                unpack(image);
        vh_cpu_free(cpu);
        rewrite(path, image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _vh_close_ int fd = memfd_create("image", MFD_CLOEXEC);
        _vh_free_ char *path = vh_xasprintf("/proc/self/fd/%d", fd);
        _vh_error_ VhError *err = NULL;
        QemuSaveImage image = { .fd = -1 };

        if (fd < 0 || write(fd, data, size) != (ssize_t)size)
                abort();
        if ((qemu_save_image_open(&image, path, &err) < 0) != !!err)
                abort();
        if (!err)
                use(path, &image);
        qemu_save_image_done(&image);
        return 0;
}
