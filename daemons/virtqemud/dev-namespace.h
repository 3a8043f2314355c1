/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The mount namespace of a guest: a /dev of its own with the nodes that it uses and no others (namespaces = ["mount"]
 * in qemu.conf, the default of the system daemon). It is put together before the fork, as a mount that is nowhere yet;
 * the child only has to move it into place. Nodes that come later are made through /proc/PID/root. */

#include "process.h"

extern const QemuRunHooks qemu_namespace_hooks;

/* The running guest may use the node from now on; it belongs to the guest's account there. What is no node below /dev,
 * or is there, is left alone; nothing to do for a guest without a namespace. */
int qemu_namespace_add(const QemuProcess *proc, const char *path, VhError **err);
void qemu_namespace_remove(const QemuProcess *proc, const char *path);

/* The guest's mount namespace for a helper program that is to see what the guest sees: a descriptor for setns(2), to be
 * used between fork and exec. -ENOENT for a guest without one. */
int qemu_namespace_open(const QemuProcess *proc);

/* Whether path is the namespace's business in this guest, so that the host's own node stays untouched. */
bool qemu_namespace_covers(const QemuProcess *proc, const char *path);

/* Where the guest's own copy of a node is for the daemon, before the guest's process is there and while it runs; NULL:
 * it has none of its own. The caller frees it. */
char *qemu_namespace_path(const QemuProcess *proc, const char *path);

typedef struct QemuDevTree QemuDevTree;
/* Accepts NULL, returns NULL. */
QemuDevTree *qemu_dev_tree_free(QemuDevTree *tree);
