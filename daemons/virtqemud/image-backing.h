/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a qcow2 image says about the image behind it. Only files that are said to be qcow2 are asked: a raw image has
 * what its guest wrote, which may look like anything. */

#include "base/util.h"

typedef struct QemuBacking {
        char *path;      /* of a file; NULL: there is none, or it is no file */
        bool elsewhere;  /* there is one, but it is no file */
        bool qcow2;      /* it is said to be qcow2 itself */
        char format[16]; /* what it is said to be; "": nothing is said */
} QemuBacking;

enum {
        /* Images of one chain: more than that is a circle. */
        QEMU_CHAIN_MAX = 200,
};

/* Reads the header of the image. Returns 0, or negative errno (-EINVAL: it is not qcow2, or lies). The path is
 * the caller's. */
int qemu_backing_read(const char *image, QemuBacking *ret);

/* Bytes that a guest sees of a qcow2 image. Returns 0, or negative errno (-EINVAL: it is not qcow2). */
int qemu_qcow2_capacity(const char *image, uint64_t *ret);

/* Whether a file begins as qcow2 images do. */
bool qemu_image_looks_qcow2(const char *image);
