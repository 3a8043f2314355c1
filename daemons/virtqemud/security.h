/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Mandatory access control of guests (security_driver of qemu.conf): an AppArmor profile or a SELinux label for each,
 * in addition to the account and the ownership that isolation.h sees to. One kind is in force for all guests of a
 * daemon, or none. */

#include "process.h"

enum { QEMU_SECLABEL_NONE = 1, QEMU_SECLABEL_DYNAMIC, QEMU_SECLABEL_STATIC }; /* words of <seclabel type=> */

/* A kind; members may be NULL but name and works. */
typedef struct QemuSecurity {
        const char *name; /* in qemu.conf and in <seclabel model=> */
        /* Whether this host has it. */
        bool (*works)(const QemuDriver *driver);
        /* Once it is chosen; returns 0 or negative errno with *err. close() undoes it, and what came of a failure. */
        int (*open)(QemuDriver *driver, VhError **err);
        void (*close)(QemuDriver *driver);
        /* What dynamic labels of guests with or without KVM begin with; belongs to the driver. */
        const char *(*base_label)(const QemuDriver *driver, bool kvm);
        /* Makes label and imagelabel of a dynamic <seclabel>, or checks and completes a static one. Returns 0 or
         * negative errno with *err. */
        int (*make_label)(QemuProcess *proc, VhSeclabel *label, VhError **err);
        /* Before the process: makes what the label is about. May return VH_LATER (QemuRunHooks). */
        int (*prepare)(QemuProcess *proc, const VhSeclabel *label, const QemuLaunch *launch, VhError **err);
        /* In the child between fork and exec, as the guest's account: only what is safe there. */
        int (*child)(const char *label);
        /* The label that the kernel has for a guest's process, confined or not; NULL: none. The caller frees it. */
        char *(*process_label)(const QemuProcess *proc);
        /* Whether the kernel enforces what a label stands for. */
        bool (*enforces)(const char *label);
        /* A file more for a guest that runs. files: of the device that joins; the same returns. */
        int (*add)(QemuProcess *proc, const VhSeclabel *label, const VhDevice *dev, VhError **err);
        /* A device left the guest, whose definition is without it by now. */
        void (*remove)(QemuProcess *proc, const VhSeclabel *label, const VhDevice *dev);
        /* A file that is the guest's alone, or that it only reads. Returns 0 or negative errno with *err. */
        int (*label_path)(const QemuProcess *proc, const VhSeclabel *label, const char *path, bool reads,
                          VhError **err);
        /* A file that a guest that runs gets open, where label_path() does not do for that. Commands to QEMU that
         * follow wait until it may have it. */
        void (*give_file)(QemuProcess *proc, const VhSeclabel *label, int fd);
        /* Sockets that are made until sockets_end() are to be the guest's (it inherits them), or the daemon's for
         * talking to the guest. Returns 0 or negative errno. */
        int (*sockets)(const QemuProcess *proc, const VhSeclabel *label, bool of_guest);
        void (*sockets_end)(void);
        /* After the process. May return VH_LATER. */
        int (*ended)(QemuProcess *proc, const VhSeclabel *label, VhError **err);
        /* Nobody waits for prepare() or ended() any more. */
        void (*cancel)(QemuProcess *proc);
        /* The process object goes: nothing of the kind may use it any more. */
        void (*forget)(QemuProcess *proc);
} QemuSecurity;

extern const QemuSecurity qemu_security_apparmor;
extern const QemuSecurity qemu_security_selinux;

/* Chooses the kind by qemu.conf and the host: driver->security (NULL: none). Returns 0, or negative errno with *err if
 * qemu.conf asks for what the host lacks. */
int qemu_security_open(QemuDriver *driver, VhError **err);
void qemu_security_close(QemuDriver *driver);

/* Its name, "none" for none. */
const char *qemu_security_name(const QemuDriver *driver);

/* What dynamic labels of guests begin with; NULL: they are names. Belongs to the driver. */
const char *qemu_security_base_label(const QemuDriver *driver, bool kvm);

/* The kind's label of a guest; NULL: it has none, it is not confined. */
const VhSeclabel *qemu_security_label(const QemuProcess *proc);

/* Gives a label that names no model the one in force; not where it is one of several, or static. Returns 0 or negative
 * errno with *err. */
int qemu_security_default_models(const QemuDriver *driver, VhDomainDef *def, VhError **err);

/* A definition's label for a model, NULL: none. */
VhSeclabel *qemu_security_label_of(const VhDomainDef *def, const char *model);

extern const QemuRunHooks qemu_security_hooks;

/* The process object is about to go. */
void qemu_security_forget(QemuProcess *proc);

/* A device joins or leaves a running guest; called by isolation.h. Commands to QEMU that follow it wait until it can
 * open what joined. */
int qemu_security_add(QemuProcess *proc, const VhDevice *dev, VhError **err);
void qemu_security_remove(QemuProcess *proc, const VhDevice *dev);

/* The SELinux context for programs that run beside the guest; NULL: they have none of their own. The caller frees it.
 */
char *qemu_security_helper_label(const QemuProcess *proc);

/* A file that was made for the guest alone, or that it only reads; one that it gets open while it runs: commands to
 * QEMU that follow wait until it may have it. They keep their labels. Returns 0 or negative errno with *err. */
int qemu_security_label_path(const QemuProcess *proc, const char *path, bool reads, VhError **err);
int qemu_security_label_fd(QemuProcess *proc, int fd, bool reads, VhError **err);

/* A UNIX socket that the guest inherits, or one of the daemon that talks to it. flags: SOCK_NONBLOCK or 0; it is closed
 * at exec in any case. Returns it or negative errno. */
int qemu_security_socket(const QemuProcess *proc, int flags, bool of_guest);
