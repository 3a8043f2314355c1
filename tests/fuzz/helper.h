/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* virtlogd and virtlockd as fuzz targets. An input is the state that a program before left, as JSON (may be empty), a
 * NUL, and calls: each a byte that says what happens (FuzzStep), a byte for the client, two with the length of what
 * follows (high one first), and that. */

#include "service/helper.h"

typedef enum FuzzStep {
        FUZZ_HAND_OVER = 0xf0, /* everything goes to a fresh copy of the program, which must then have it all */
        FUZZ_WRITE = 0xf1,     /* into the descriptor that a call of this client brought last */
        FUZZ_CLOSE = 0xf2,     /* that descriptor */
        FUZZ_HANG_UP = 0xf3,   /* of the client */
        /* All others are the numbers of procedures, and the payload follows. */
} FuzzStep;

/* The state's descriptors have these numbers: pipes with something in them, sockets of clients, files that can be
 * locked. */
enum { FUZZ_FD_PIPE = 200, FUZZ_FD_CLIENT = 202, FUZZ_FD_FILE = 204, FUZZ_FD_END = 206 };

/* conf: of the daemon. name: the one in the state. */
void fuzz_helper(const VhHelper *helper, const char *name, const char *conf, const uint8_t *data, size_t size);
