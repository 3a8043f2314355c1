/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Shared by persist.c and persist-load.c only. */

#include "driver/persist.h"

#define VH_PERSIST_SUFFIX ".xml"

struct VhPersist {
        const VhPersistKind *kind;
        char *dir;
        char *autostart_dir; /* NULL: none */
};

/* "dir/name.xml"; the caller frees it. */
char *vh_persist_entry(const char *dir, const char *name);

/* Gives a definition another file name, the autostart link included; -EEXIST if that file exists. */
int vh_persist_move(VhPersist *p, const char *from, const char *to, VhError **err);
