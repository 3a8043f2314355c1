/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The process of a running guest. */

#include "process.h"

QemuProcess *qemu_process(VhDomainObj *dom)
{
        return dom->priv ? qemu_domain_priv(dom)->proc : NULL;
}

QemuMonitor *qemu_process_monitor(VhDomainObj *dom)
{
        QemuProcess *proc = qemu_process(dom);

        return proc ? proc->mon : NULL;
}
