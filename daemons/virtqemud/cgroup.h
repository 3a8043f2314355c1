/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The control groups of one guest, in the unified hierarchy (version 2). A guest has a group of its own: a scope that
 * the service manager made for it, or a folder that we made. Below, as libvirt 9.0.0 lays them out:
 *
 *     TOP                     memory, block I/O and processor time of the whole guest
 *     TOP/libvirt             with a scope, whose own folder belongs to the service manager; else TOP itself
 *     .../emulator            threads of QEMU that are none of the following, and helper programs
 *     .../vcpu0, ...          one thread each
 *     .../iothread1, ...      one thread each
 *
 * Everything here is file access below the mount point, which does not block. */

#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

#define QEMU_CGROUP_ROOT "/sys/fs/cgroup"

typedef enum QemuController {
        QEMU_CG_CPU,
        QEMU_CG_CPUSET,
        QEMU_CG_MEMORY,
        QEMU_CG_IO,
        QEMU_CG_DEVICES, /* a program, no files */
        QEMU_CG_CPUACCT, /* always there */
        QEMU_CG_MAX,
} QemuController;

typedef struct QemuCgroup {
        char *root;      /* the mount point */
        char *top;       /* folder of the guest */
        char *inner;     /* what its threads' groups are in */
        char *unit;      /* the scope; NULL: none */
        char *machine;   /* its name with the machine manager; NULL: that does not know it */
        unsigned usable; /* bits 1 << QemuController: wanted and there */
} QemuCgroup;

/* Whether root is the unified hierarchy. */
bool qemu_cgroup_mounted(const char *root);

/* The group that pid is in, if it is a guest's with that name ("qemu-1-NAME"). wanted: bits of controllers. Returns 0
 * with *ret, or -ENOENT. */
int qemu_cgroup_find(QemuCgroup **ret, const char *root, pid_t pid, const char *name, unsigned wanted);
/* The folder that was made for a guest whose process is gone; a scope goes with its last process. parent as below.
 * Returns 0 with *ret, or -ENOENT. */
int qemu_cgroup_find_left(QemuCgroup **ret, const char *root, const char *parent, const char *name);
/* A folder for pid below parent ("/machine", made if need be; NULL: the group of this process). */
int qemu_cgroup_make(QemuCgroup **ret, const char *root, pid_t pid, const char *parent, const char *name,
                     unsigned wanted, VhError **err);
/* Makes the groups below and moves pid to "emulator". */
int qemu_cgroup_settle(QemuCgroup *group, pid_t pid, VhError **err);
/* Puts a thread into the sub-group name ("vcpu0"), which is made. */
int qemu_cgroup_add_thread(const QemuCgroup *group, const char *name, pid_t tid, VhError **err);
/* Puts a process into the sub-group name. */
int qemu_cgroup_add_process(const QemuCgroup *group, const char *name, pid_t pid, VhError **err);
/* Removes the groups of threads that are gone. */
void qemu_cgroup_remove_empty(const QemuCgroup *group);
/* Removes what is there; processes left in it are killed. */
void qemu_cgroup_remove(const QemuCgroup *group);
/* Accepts NULL, returns NULL; the groups stay. */
QemuCgroup *qemu_cgroup_free(QemuCgroup *group);

static inline bool qemu_cgroup_has(const QemuCgroup *group, QemuController c)
{
        return group && group->usable & 1u << c;
}
/* The name of a controller in qemu.conf and in messages. */
const char *qemu_controller_name(QemuController c);
/* The scope of a machine's name; the caller frees it. */
char *qemu_cgroup_unit(const char *name);
/* The bits of the names in qemu.conf; unknown ones are 0. */
unsigned qemu_controller_bit(const char *name);

/* Values. sub: "vcpu0"; "" for the inner group; NULL for the guest's own. Errors name the file. */
int qemu_cgroup_write(const QemuCgroup *group, const char *sub, const char *file, const char *value, VhError **err);
int qemu_cgroup_writef(const QemuCgroup *group, VhError **err, const char *sub, const char *file, const char *fmt, ...)
        _vh_printf_(5, 6);
/* The caller frees *ret, which has no line break at its end. */
int qemu_cgroup_read(const QemuCgroup *group, const char *sub, const char *file, char **ret, VhError **err);
/* The folder of sub; the caller frees it. */
char *qemu_cgroup_dir(const QemuCgroup *group, const char *sub);
