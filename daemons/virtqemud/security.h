/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Mandatory access control of guests (security_driver of qemu.conf): an AppArmor profile or a SELinux label for each,
 * in addition to the account and the ownership that isolation.h sees to. One kind is in force for all guests of a
 * daemon, or none. */

#include "process.h"

/* A kind; members may be NULL but name and works. */
typedef struct QemuSecurity {
        const char *name; /* in qemu.conf and in <seclabel model=> */
        /* Whether this host has it. */
        bool (*works)(const QemuDriver *driver);
        /* Makes label and imagelabel of a dynamic <seclabel>. Returns 0 or negative errno with *err. */
        int (*make_label)(QemuProcess *proc, VhSeclabel *label, VhError **err);
        /* Before the process: makes what the label is about. May return VH_LATER (QemuRunHooks). */
        int (*prepare)(QemuProcess *proc, const VhSeclabel *label, VhError **err);
        /* In the child between fork and exec, as the guest's account: only what is safe there. */
        int (*child)(const char *label);
        /* Whether the kernel enforces what a label stands for. */
        bool (*enforces)(const char *label);
        /* A file more for a guest that runs. files: of the device that joins; the same returns. */
        int (*add)(QemuProcess *proc, const VhSeclabel *label, const VhDevice *dev, VhError **err);
        /* A device left the guest, whose definition is without it by now. */
        void (*remove)(QemuProcess *proc, const VhSeclabel *label, const VhDevice *dev);
        /* After the process. May return VH_LATER. */
        int (*ended)(QemuProcess *proc, const VhSeclabel *label, VhError **err);
        /* Nobody waits for prepare() or ended() any more. */
        void (*cancel)(QemuProcess *proc);
} QemuSecurity;

extern const QemuSecurity qemu_security_apparmor;

/* Chooses the kind by qemu.conf and the host: driver->security (NULL: none). Returns 0, or negative errno with *err if
 * qemu.conf asks for what the host lacks. */
int qemu_security_open(QemuDriver *driver, VhError **err);

/* Its name, "none" for none. */
const char *qemu_security_name(const QemuDriver *driver);

/* The kind's label of a guest; NULL: it has none, it is not confined. */
const VhSeclabel *qemu_security_label(const QemuProcess *proc);

/* Gives a label that names no model the one in force; not where it is one of several, or static. Returns 0 or negative
 * errno with *err. */
int qemu_security_default_models(const QemuDriver *driver, VhDomainDef *def, VhError **err);

/* A definition's label for a model, NULL: none. */
VhSeclabel *qemu_security_label_of(const VhDomainDef *def, const char *model);

extern const QemuRunHooks qemu_security_hooks;

/* A device joins or leaves a running guest; called by isolation.h. */
int qemu_security_add(QemuProcess *proc, const VhDevice *dev, VhError **err);
void qemu_security_remove(QemuProcess *proc, const VhDevice *dev);
