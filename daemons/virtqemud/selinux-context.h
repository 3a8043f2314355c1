/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* SELinux contexts as text, "user:role:type:range", and the pairs of categories that keep guests apart. Nothing here
 * asks the kernel. */

#include "base/util.h"

/* Which ranges may be given out: a sensitivity with two of the categories min to max. */
typedef struct QemuMcs {
        char sensitivity[32];
        unsigned min, max;
} QemuMcs;

/* The range of a context; NULL: it has none. Points into context. */
const char *qemu_context_range(const char *context);

/* A context with the type of base, the user of own and, unless it is an object's, own's role; range: NULL, none.
 * Returns a new string, NULL if base or own is no context. */
char *qemu_context_make(const char *base, const char *own, bool object, const char *range);

/* What a process of the context may give out: its categories ("s0-s0:c0.c1023"), all of 1,024 if it names none. Returns
 * 0, or -EINVAL if the context names no range of categories, or one that is too small. */
int qemu_mcs_parse(const char *context, QemuMcs *mcs);

/* A range with two categories, by chance, that is not taken. Returns a new string, NULL: all are taken. */
char *qemu_mcs_pick(const QemuMcs *mcs, bool (*taken)(void *data, const char *range), void *data);
