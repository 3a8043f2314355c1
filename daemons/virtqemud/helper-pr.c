/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* qemu-pr-helper: reservations of SCSI disks, which need rights that a guest's QEMU does not have. */

#include <errno.h>
#include <stdio.h>

#include "base/file.h"
#include "helpers.h"

#define DEFAULT_HELPER "/usr/bin/qemu-pr-helper"

static bool needs(const VhDomainDef *def)
{
        for (uint32_t i = 0; i < def->disks.n; i++) {
                const VhStorageReservations *pr = def->disks.items[i]->src.reservations;

                if (pr && pr->managed == VH_YES)
                        return true;
        }
        return false;
}

int qemu_reservations_want(QemuProcess *proc, QemuHostWork *work, VhError **err)
{
        const char *program = DEFAULT_HELPER;
        QemuHelperItem *h;
        _vh_free_ char *prefix = NULL, *pid_name = NULL;

        if (!needs(proc->dom->def))
                return 0;
        if (proc->driver->conf)
                (void)vh_conf_get_string(proc->driver->conf, "pr_helper", &program, NULL);
        if (access(program, X_OK) < 0)
                return vh_error_sys(err, VIR_FROM_QEMU, errno, "'%s' is not a suitable pr helper", program);
        prefix = qemu_helper_prefix(proc);
        pid_name = vh_xasprintf("%s-pr-helper0.pid", prefix);
        h = qemu_helper_new(proc, pid_name);
        h->socket = vh_path_join(proc->lib_dir, "pr-helper0.sock");
        h->log_path = vh_xasprintf("%s/qemu/%s-pr-helper0.log", proc->driver->env.log_dir, proc->dom->node.name);
        qemu_command_add(&h->cmd, program);
        qemu_command_add(&h->cmd, "-k");
        qemu_command_add(&h->cmd, h->socket);
        qemu_host_work_add(work, &h->item);
        return 0;
}
