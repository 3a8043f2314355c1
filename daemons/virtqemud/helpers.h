/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Programs that run beside a guest for its devices: swtpm, virtiofsd, qemu-pr-helper. They start before its QEMU does
 * and end with it; a daemon that starts later finds them by their pid files. */

#include "host-work.h"
#include "process.h"
#include "program.h"

/* One that runs; a list hangs on QemuProcess.helpers. */
typedef struct QemuHelper QemuHelper;
struct QemuHelper {
        QemuHelper *next;
        char *pid_path;
        pid_t pid;
};

/* Calls fn with the pid of each that runs now: for the guest's control group. */
void qemu_helpers_each(const QemuProcess *proc, void (*fn)(void *data, pid_t pid), void *data);
/* Forgets the one of an item, which ends while the guest goes on. */
void qemu_helper_forget(QemuProcess *proc, const char *pid_path);
/* Forgets them all, without an end to the programs. */
void qemu_helpers_free(QemuProcess *proc);

/* A program as an item of work. Strings are owned. */
typedef struct QemuHelperItem QemuHelperItem;
struct QemuHelperItem {
        QemuHostItem item;
        QemuCommand cmd; /* descriptors in it are inherited */
        char *pid_path, *log_path;
        char *socket; /* that the program makes, and is ready then */
        bool listens; /* the socket is ours: the program inherits it, its number stands in the command */
        char *label;  /* its SELinux context; NULL: as the policy has it */
        bool drop;    /* the program runs as: */
        uid_t uid;
        gid_t gid;
        uid_t guest_uid; /* who connects to the socket, and owns it */
        gid_t guest_gid;
        pid_t pid;
        /* Before the program, on the worker; NULL: nothing. data is freed with the item. */
        int (*prepare)(QemuHelperItem *helper, VhError **err);
        void *data;
        void (*free_data)(void *data);
};

/* pid_name: of its pid file, below RUN/qemu. */
QemuHelperItem *qemu_helper_new(const QemuProcess *proc, const char *pid_name);
/* The program is to be confined as its guest is. */
void qemu_helper_confine(QemuHelperItem *helper, const QemuProcess *proc);
/* "ID-NAME" of a guest, as it stands in names of files. The caller frees it. */
char *qemu_helper_prefix(const QemuProcess *proc);

/* The state that a guest's TPM leaves when its definition goes: NULL: it has none, or it is to stay. flags:
 * VIR_DOMAIN_UNDEFINE_*. The caller frees it. helper-tpm.c */
char *qemu_tpm_state_to_remove(const QemuDriver *driver, const VhDomainDef *def, uint32_t flags);

/* One kind each: adds what the guest needs to work, or what is to be ended. Return 0 or negative errno with *err. */
int qemu_tpms_want(QemuProcess *proc, QemuHostWork *work, VhError **err);        /* helper-tpm.c */
int qemu_filesystems_want(QemuProcess *proc, QemuHostWork *work, VhError **err); /* helper-fs.c */
/* The same for one folder; nothing to do if it is not virtiofsd's, or somebody else runs that. */
int qemu_filesystem_want(QemuProcess *proc, VhFilesystem *fs, QemuHostWork *work, VhError **err);
/* A folder that leaves a running guest: its program ends. One that did not join: its program is taken back. */
void qemu_filesystem_leave(QemuProcess *proc, VhFilesystem *fs);
void qemu_filesystem_forget(QemuProcess *proc, const VhFilesystem *fs);
int qemu_reservations_want(QemuProcess *proc, QemuHostWork *work, VhError **err); /* helper-pr.c */
