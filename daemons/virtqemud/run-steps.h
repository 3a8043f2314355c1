/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Walks all hooks of a run (process.h) through one step of its life. A hook that has to wait for somebody (a script,
 * the service manager, a helper program) returns VH_LATER and ends its turn with qemu_run_step_done(); the loop goes on
 * meanwhile. */

#include "process.h"

typedef enum QemuRunStep {
        QEMU_STEP_RESOLVE,
        QEMU_STEP_PREPARE,
        QEMU_STEP_FORKED,
        QEMU_STEP_STARTED,
        QEMU_STEP_ENDED,    /* in reverse order; failures are logged and stop nothing */
        QEMU_STEP_RELEASED, /* likewise */
} QemuRunStep;

typedef void (*QemuStepDone)(void *data, int r, const VhError *err);

/* Walks; done() is called once, inside or later, with the first failure. launch: with PREPARE. Only one walk of a
 * process goes on at a time: one that goes on already is cancelled. */
void qemu_run_step(QemuProcess *proc, QemuRunStep step, QemuLaunch *launch, QemuStepDone done, void *data);
/* The end of a turn that a hook left open: r and err (taken over). Never called for a turn that was cancelled. */
void qemu_run_step_done(QemuProcess *proc, int r, VhError *err);
/* Gives up a walk, if one goes on: the hook whose turn it is cancels its work, done() is not called. */
void qemu_run_step_cancel(QemuProcess *proc);
