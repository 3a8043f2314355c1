/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Tasks that let QEMU write the state of a guest into a file, through a packing program if asked for. */

#include "filter.h"
#include "migrate-stats.h"
#include "task.h"

/* The name of the descriptor inside QEMU. */
#define QEMU_STREAM_FD "migrate"

/* Such a task begins with one of these; the processors of its guest must not run, unless it is to be a live copy. */
typedef struct QemuStreamTask {
        QemuTask task;
        int fd; /* the file; the task's owner closes it */
        QemuImageFormat format;
        QemuFilter *filter;
        const char *what; /* "save", for messages */
        int operation;    /* VIR_DOMAIN_JOB_OPERATION_* of the figures that are told at the end */
        QemuJobStats stats;
        bool watching; /* for the end of the process */
        void (*written)(struct QemuStreamTask *stream, int r, VhError *err);
} QemuStreamTask;

/* Writes. written() is called once, also when QEMU ends: r 0 if all is in the file, else the reason (err is the
 * function's). */
void qemu_stream_out(QemuStreamTask *stream, void (*written)(QemuStreamTask *stream, int r, VhError *err));
/* To be called from the task's cleanup(). */
void qemu_stream_done(QemuStreamTask *stream);
