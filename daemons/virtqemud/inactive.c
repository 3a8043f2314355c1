/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Calls that start a guest, which this driver cannot yet, and calls that need a running one. */

#include "qemu-ops.h"

#include <errno.h>

static int no_start(VhError **err)
{
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                            "restoring with parameters is not supported yet");
}

#define NO_START(name)                                                                                                 \
        QEMU_OP(name)                                                                                                  \
        {                                                                                                              \
                return no_start(err);                                                                                  \
        }

NO_START(domain_restore_params)

/* A managed save image can exist (another daemon made it); without a guest to start it is only removed. */
QEMU_OP(domain_managed_save_remove)
{
        VhDomainObj *dom = qemu_domain(call, &args->dom, err);
        _vh_free_ char *path = NULL;

        if (!dom)
                return -ENOENT;
        path = vh_xasprintf("%s/%s.save", qemu_driver(call)->save_dir, dom->node.name);
        if (unlink(path) < 0)
                return vh_error_sys(err, VIR_FROM_QEMU, errno, "Failed to remove managed save file '%s'", path);
        dom->has_managed_save = false;
        return 0;
}

#define NEED_RUNNING(name)                                                                                             \
        QEMU_OP(name)                                                                                                  \
        {                                                                                                              \
                return qemu_need_running(call, &args->dom, err);                                                       \
        }
#define NEED_RUNNING_RET(name)                                                                                         \
        QEMU_OP_RET(name)                                                                                              \
        {                                                                                                              \
                return qemu_need_running(call, &args->dom, err);                                                       \
        }
#include "running-ops.h"
