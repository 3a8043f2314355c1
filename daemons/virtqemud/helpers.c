/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The list of programs beside a guest. */

#include "helpers.h"

#include <utlist.h>

void qemu_helpers_each(const QemuProcess *proc, void (*fn)(void *data, pid_t pid), void *data)
{
        const QemuHelper *h;

        LL_FOREACH (proc->helpers, h)
                if (h->pid > 0)
                        fn(data, h->pid);
}

void qemu_helpers_free(QemuProcess *proc)
{
        QemuHelper *h, *next;

        LL_FOREACH_SAFE(proc->helpers, h, next)
        {
                LL_DELETE(proc->helpers, h);
                free(h->pid_path);
                free(h);
        }
}
