/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Core dumps. */

#include "process.h"

typedef void (*QemuAutoDumped)(QemuProcess *proc);
/* Dumps the memory of a guest that stands still into the folder of automatic dumps. then() goes on with the guest,
 * unless it ends meanwhile; a failure is only logged. */
void qemu_dump_automatically(QemuProcess *proc, QemuAutoDumped then);
