/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/dynlib.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

int vh_dynlib_load(void **handle, const char *library, const char *const *names)
{
        *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
        if (!*handle)
                return -ENOENT;
        for (size_t i = 0; names[i]; i++) {
                void *function = dlsym(*handle, names[i]);

                if (!function) {
                        /* Without dlclose(): it would take dlerror()'s reason away. */
                        *handle = NULL;
                        return -ENOENT;
                }
                memcpy(handle + 1 + i, &function, sizeof(function));
        }
        return 0;
}

void vh_dynlib_unload(void **handle)
{
        if (*handle)
                dlclose(*handle);
        *handle = NULL;
}
