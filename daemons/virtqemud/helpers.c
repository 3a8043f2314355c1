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

static void drop(QemuProcess *proc, QemuHelper *h)
{
        LL_DELETE(proc->helpers, h);
        free(h->pid_path);
        free(h);
}

void qemu_helper_forget(QemuProcess *proc, const char *pid_path)
{
        QemuHelper *h, *next;

        LL_FOREACH_SAFE(proc->helpers, h, next)
        if (vh_streq(h->pid_path, pid_path))
                drop(proc, h);
}

void qemu_helpers_free(QemuProcess *proc)
{
        QemuHelper *h, *next;

        LL_FOREACH_SAFE(proc->helpers, h, next)
        drop(proc, h);
}
