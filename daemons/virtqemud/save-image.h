/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Files with a saved guest: a header, its definition, and QEMU's stream. The form is the reference's. */

#include "base/error.h"
#include "filter.h"

enum { QEMU_SAVE_XML_MAX = 8 * 1024 * 1024 };

/* Bytes a second: as fast as the disk takes them; the highest that QEMU accepts as the reference gives it. */
#define QEMU_NO_LIMIT INT64_C(9223372036853727232)

typedef struct QemuSaveImage {
        int fd; /* behind the definition, where QEMU's stream begins */
        char *xml;
        char *cookie; /* a second document, with what the guest had besides; NULL: none */
        bool was_running;
        QemuImageFormat format; /* of the stream */
} QemuSaveImage;

/* Makes the file (replacing what is there) and writes what comes before QEMU's stream, which will have that format,
 * with the mark of a file that is not finished. cookie: see QemuSaveImage. Returns a descriptor at the place of the
 * stream, or negative errno with *err: then no file is left. */
int qemu_save_image_create(const char *path, const char *xml, const char *cookie, bool running, QemuImageFormat format,
                           VhError **err);
/* Not a device that somebody saves to, which stays when it fails. */
bool qemu_save_image_is_file(int fd);
/* Marks it as finished, on disk. */
int qemu_save_image_finish(int fd);
/* Puts another definition into a finished file, which must have room for it; running: what a restore makes of it. */
int qemu_save_image_rewrite(const char *path, const char *xml, bool running, VhError **err);
/* Opens a file and reads it up to the stream. On success the caller frees with qemu_save_image_done(). */
int qemu_save_image_open(QemuSaveImage *image, const char *from, VhError **err);
void qemu_save_image_done(QemuSaveImage *image);
