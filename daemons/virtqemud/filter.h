/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Programs that pack and unpack what QEMU writes and reads: one runs between QEMU and the file. */

#include "base/error.h"
#include "conf/conf.h"
#include "event/loop.h"

/* Numbers as the header of a save image has them. */
typedef enum QemuImageFormat {
        QEMU_IMAGE_RAW,
        QEMU_IMAGE_GZIP,
        QEMU_IMAGE_BZIP2,
        QEMU_IMAGE_XZ,
        QEMU_IMAGE_LZOP,
        QEMU_IMAGE_FORMATS,
} QemuImageFormat;

typedef struct QemuFilter QemuFilter;

/* The format that a key of qemu.conf ("save_image_format") names and this machine has a program for. With fall_back raw
 * takes the place of one that it has not. what ("save", "dump") is for messages. */
int qemu_image_format(const VhConf *conf, const char *key, const char *what, bool fall_back, QemuImageFormat *format,
                      VhError **err);

/* Starts the program of a format that packs (unpacks) between file, which stays the caller's, and *pipe, which is the
 * caller's to close. NULL with *err. */
QemuFilter *qemu_filter_new(VhLoop *loop, QemuImageFormat format, bool unpack, int file, int *pipe, VhError **err);
/* Calls done() once, later, when the program has ended, which a packing one does when nobody holds the pipe any more:
 * r negative with err (borrowed) if it failed. */
void qemu_filter_wait(QemuFilter *filter, void (*done)(void *data, int r, const VhError *err), void *data);
/* Ends the program if it still runs; done() is not called any more. Accepts NULL, returns NULL. */
QemuFilter *qemu_filter_free(QemuFilter *filter);
