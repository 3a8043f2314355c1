/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Heads of image files. Only files and block devices are read: to open another kind of file can hang, or do something.
 */

#include "image/header.h"

typedef struct VhImageHead {
        uint8_t format;       /* words: as it was asked for, or what it looks like */
        VhImageHeader header; /* as of that format */
        char *name;           /* of the image behind as it stands there; NULL: there is none */
} VhImageHead;

enum {
        /* Images of one chain: more than that is a circle. */
        VH_IMAGE_CHAIN_MAX = 200,
};

/* Reads the head of a file as that of an image; format 0: of what it looks like. It may block. Returns 0, or negative
 * errno; ret is to be freed either way. A device that is none of blocks is raw to who asks, and says nothing. */
int vh_image_head_read(const char *path, uint8_t format, VhImageHead *ret);
void vh_image_head_done(VhImageHead *head);

/* What is neither a path nor relative to an image: it begins with a protocol. */
bool vh_backing_has_protocol(const char *name);
/* The path of an image behind, which may be relative to the folder of the one that names it. The caller frees it. */
char *vh_backing_path(const char *image, const char *name);

typedef struct VhBacking {
        char *path; /* of a file; NULL: there is none, or it is no file */
        bool qcow2; /* it is said to be qcow2 itself */
} VhBacking;

/* What a qcow2 image says about the file behind it. Returns 0, or negative errno (-EINVAL: it is not qcow2, or lies).
 * The path is the caller's. */
int vh_backing_read(const char *image, VhBacking *ret);
