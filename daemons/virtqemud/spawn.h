/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Starts a program that outlives the daemon: forked twice, so that nobody but init is its parent, and held before exec
 * until what has to be prepared for its pid is done. What goes wrong in the child comes back as an error. */

#include "event/loop.h"
#include "launch.h"

typedef struct QemuSpawn QemuSpawn;

typedef struct QemuSpawnArgs {
        const QemuCommand *cmd; /* used up when qemu_spawn() returns */
        int log_fd;             /* becomes its output and error output; -1: /dev/null */
        const char *pid_path;   /* written and locked by the child; NULL: none */
        uint64_t open_files;    /* its soft limit, see VhDriverEnv.child_files */
        /* In the child before it tells of itself; what this opens stays open in the program. As child below; NULL:
         * nothing to do. */
        int (*tie)(void *data, const char **what);
        /* In the child before exec: only what is safe between fork and exec. Returns 0, or negative errno with *what a
         * constant text. */
        int (*child)(void *data, const char **what);
        /* The child waits for exec until qemu_spawn_go(), which may be called inside. Returns negative errno to give
         * up. */
        int (*forked)(void *data, pid_t pid, VhError **err);
        /* The program runs (r = 0), or will not; err is borrowed. The spawn is freed afterwards. */
        void (*done)(void *data, pid_t pid, int r, const VhError *err);
        void *data;
} QemuSpawnArgs;

/* Returns NULL with *err if not even a child could be made; done() is not called then. */
QemuSpawn *qemu_spawn(VhLoop *loop, const QemuSpawnArgs *args, VhError **err);
/* Lets the child go on. */
void qemu_spawn_go(QemuSpawn *spawn);
/* Gives up: the child ends if it did not exec yet. No function is called. Accepts NULL, returns NULL. */
QemuSpawn *qemu_spawn_free(QemuSpawn *spawn);
/* In a child before exec: writes its pid into the file and locks that. Returns 0 or negative errno. */
int qemu_spawn_pid_file(const char *path);
