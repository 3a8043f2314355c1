/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Guests as machines of the host's service manager: systemd-machined where it is, else a scope of systemd itself. All
 * over one bus connection that is made when it is needed first and belongs to the loop; no call blocks. */

#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "event/loop.h"

typedef struct QemuMachines QemuMachines;
typedef struct QemuMachineCall QemuMachineCall;

QemuMachines *qemu_machines_new(VhLoop *loop);
/* Calls that go on are forgotten. Accepts NULL, returns NULL. */
QemuMachines *qemu_machines_free(QemuMachines *machines);

typedef struct QemuScope {
        const char *name; /* "qemu-1-NAME" */
        const char *unit; /* "machine-qemu\x2d1\x2dNAME.scope" */
        const uint8_t *uuid;
        pid_t pid;          /* of the leader */
        const char *slice;  /* "machine.slice" */
        uint64_t max_tasks; /* 0: what the service manager allows */
} QemuScope;

/* registered: the machine manager knows it. r = -ENOSYS: there is no service manager that could. */
typedef void (*QemuMachineDone)(void *data, bool registered, int r, const VhError *err);

/* Makes the scope with pid in it. done() is called once, later, unless the call is freed before. */
QemuMachineCall *qemu_machine_make(QemuMachines *machines, const QemuScope *machine, QemuMachineDone done, void *data);
/* Forgets a call. Accepts NULL, returns NULL. */
QemuMachineCall *qemu_machine_call_free(QemuMachineCall *call);

/* Ends the machine (registered), or only its scope. Nobody waits for it; failures are logged. */
void qemu_machine_end(QemuMachines *machines, const char *name, const char *unit, bool registered);
/* Sets a number of the scope ("CPUWeight"), so that the service manager does not take it back. Failures are logged. */
void qemu_machine_set(QemuMachines *machines, const char *unit, const char *property, uint64_t value);

/* "qemu-ID-NAME" with only what machine names may have; the caller frees it. */
char *qemu_machine_name(int id, const char *name);
