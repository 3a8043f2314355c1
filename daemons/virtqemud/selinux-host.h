/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the host's SELinux policy says, and the labels of processes, files and sockets. libselinux is loaded where the
 * kernel has SELinux in force only: what it finds in the policy takes memory. */

#include <sys/types.h>

#include "base/error.h"

/* Contexts of the host's policy. */
typedef struct QemuSelinux {
        char *domain;     /* of guests */
        char *domain_tcg; /* of those without KVM */
        char *file;       /* of images that guests write to */
        char *content;    /* of what they only read */
        char *own;        /* the daemon's */
        struct QemuSelinuxLib *lib;
} QemuSelinux;

/* Whether the kernel has SELinux in force. */
bool qemu_selinux_works(void);

/* Reads the host's policy. Returns 0, or negative errno with *err if it does not know guests. */
int qemu_selinux_open(QemuSelinux **ret, VhError **err);
/* Accepts NULL, returns NULL. */
QemuSelinux *qemu_selinux_free(QemuSelinux *s);

/* Whether the policy knows a context. */
bool qemu_selinux_knows(const QemuSelinux *s, const char *context);
/* Whether what the policy forbids is refused, not only logged. */
bool qemu_selinux_enforces(void);
/* The context that the policy has for a path, as a file with this mode. Returns a new string, NULL: none. */
char *qemu_selinux_default(QemuSelinux *s, const char *path, mode_t mode);

/* The context of a process; a new string, NULL: it is gone. */
char *qemu_selinux_process(pid_t pid);
/* The context of a file; a new string, or NULL with errno. */
char *qemu_selinux_get(const char *path);
/* Sets it. A file that has it is left alone, and file systems that know no labels, or are read-only, are no failure.
 * Returns 0, or negative errno with *err. */
int qemu_selinux_set(const char *path, const char *context, VhError **err);

/* The context of sockets that this thread makes from now on; NULL: the policy's own choice again. Returns 0 or negative
 * errno. */
int qemu_selinux_sockets(const char *context);
/* Between fork and exec: the context after exec. Only system calls. Returns 0 or negative errno. */
int qemu_selinux_at_exec(const char *context);
