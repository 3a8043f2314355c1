/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Libraries that are loaded once they are needed, because few daemons need them and each would carry them. Who uses one
 * lists its functions in a macro FUNCTIONS(X), and has a struct that begins with
 *
 *         void *handle;
 *         FUNCTIONS(VH_DYNLIB_MEMBER)
 *
 * so that each function is a member of its own name and type. */

#include <stddef.h>

#define VH_DYNLIB_MEMBER(name) __typeof__(name) *name;
#define VH_DYNLIB_NAME(name)   #name,

/* Opens a library (its soname) and finds the functions; names ends with NULL, as many pointers stand behind *handle.
 * Returns 0, or -ENOENT with *handle NULL: dlerror(3) says why. */
int vh_dynlib_load(void **handle, const char *library, const char *const *names);
/* Accepts a NULL *handle, leaves one. */
void vh_dynlib_unload(void **handle);

#define VH_DYNLIB_LOAD(table, library, FUNCTIONS)                                                                      \
        vh_dynlib_load(&(table)->handle, (library), (const char *const[]){ FUNCTIONS(VH_DYNLIB_NAME) NULL })
