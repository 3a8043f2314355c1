/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Calls that need a running guest, and are not there yet for one. */

#include "qemu-ops.h"

#include <errno.h>

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
