/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the first bytes of an image say. They may have been written by anyone: lengths and places in them are not
 * believed, and nothing is followed here. */

#include "base/util.h"

enum {
        /* Bytes of a file that are looked at: what header, extensions and name fit into with the smallest usual
         * cluster, and where an ISO 9660 file system tells what it is. */
        VH_IMAGE_HEAD_SIZE = 64 * 1024,
        /* Longest name of an image behind that QEMU takes, bytes. */
        VH_IMAGE_NAME_MAX = 1023,
};

typedef enum VhImageCrypt { VH_IMAGE_PLAIN, VH_IMAGE_AES, VH_IMAGE_LUKS } VhImageCrypt;

typedef struct VhImageHeader {
        bool valid;             /* it is of that format at all */
        bool format_said;       /* the format of what is behind is said: backing_format */
        bool names_data;        /* the data are in files that it names */
        uint8_t backing_format; /* words of the storage formats; 0: "none" */
        uint64_t name_at;       /* where the name of the image behind is in the file */
        uint32_t name_len;      /* bytes, at most VH_IMAGE_NAME_MAX; 0: there is none that could be opened */
        uint64_t capacity;      /* bytes that a guest sees; 0: not known */
        uint64_t payload_at;    /* of luks: bytes in front of the data */
        VhImageCrypt crypt;     /* how the data are encrypted */
        /* Of qcow2: */
        bool is_v3; /* it has the header of compat 1.1, and may have: */
        bool lazy_refcounts, extended_l2;
        uint64_t cluster_size; /* bytes; 0: the header lies */
} VhImageHeader;

/* Reads n bytes as the head of an image of that format (words); formats that cannot stand on others say nothing. */
VhImageHeader vh_image_header(uint8_t format, const uint8_t *data, size_t n);

/* The format (words) that n bytes look like; raw if nothing is known of them. */
uint8_t vh_image_probe(const uint8_t *data, size_t n);
