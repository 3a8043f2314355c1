/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Scripts of the administrator that follow the lives of guests: /etc/libvirt/hooks/qemu and the executable files of
 * /etc/libvirt/hooks/qemu.d in the order of their names. Each gets the guest's name, the operation, "begin" or "end"
 * and
 * "-" as arguments and the definition on its standard input. Only the system daemon has them. They run on worker
 * threads of their own, so one that hangs holds up its guest and nobody else. */

#include "process.h"

extern const QemuRunHooks qemu_script_hooks;

typedef struct QemuScript QemuScript;
/* output: what the last script wrote that wrote something, "" for nothing (it may replace the definition in "migrate"
 * and "restore"); borrowed. */
typedef void (*QemuScriptDone)(void *data, const char *output, int r, const VhError *err);

/* Runs all scripts for an operation; the first that fails is the last. flags: of the definition's text. Returns NULL if
 * there are none: done() is not called then. */
QemuScript *qemu_script_run(QemuDriver *driver, const VhDomainDef *def, unsigned flags, const char *operation,
                            const char *suboperation, QemuScriptDone done, void *data);
/* What a client's definition looks like to them. */
enum { QEMU_SCRIPT_ARRIVING = VH_XML_SECURE | VH_XML_INACTIVE | VH_XML_MIGRATABLE };
/* The output for a guest that arrives ("migrate", "restore") takes the place of its definition, unless it is blank. It
 * must be of the same guest. Returns 0 or negative errno with *err. */
int qemu_script_take(QemuDriver *driver, const char *output, VhDomainDef **def, VhError **err);
/* Nobody waits any more; what runs runs to its end. Accepts NULL, returns NULL. */
QemuScript *qemu_script_forget(QemuScript *script);
/* Runs them without anybody waiting; failures are logged. */
void qemu_script_tell(QemuDriver *driver, const VhDomainDef *def, const char *operation, const char *suboperation);
