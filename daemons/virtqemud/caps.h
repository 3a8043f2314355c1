/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What one QEMU program can do: asked over QMP once, kept on disk, asked again when the program changed. */

#include "base/buf.h"
#include "base/error.h"

typedef struct QemuMachine {
        char *name;
        char *alias; /* other name, NULL: none */
        char *default_cpu;
        char *default_ram_id; /* "pc.ram" */
        unsigned max_cpus;
        bool is_default, hotplug_cpus, numa_mem, deprecated;
} QemuMachine;

typedef struct QemuCpuModel {
        char *name;
        char *type;     /* of the QOM class: "Nehalem-x86_64-cpu" */
        char *blockers; /* features that this host lacks for it, separated by blanks; NULL: none or not known */
        bool usable, usable_known, deprecated;
} QemuCpuModel;

/* CPU models as one accelerator has them. */
typedef struct QemuCpuModels {
        QemuCpuModel *items;
        size_t n;
} QemuCpuModels;

typedef enum QemuAccel { QEMU_ACCEL_TCG, QEMU_ACCEL_KVM, QEMU_ACCEL_MAX } QemuAccel;

typedef struct QemuCaps {
        unsigned refs;
        char *binary;
        char *arch;                  /* as guests name it: "x86_64" */
        unsigned version;            /* major * 1000000 + minor * 1000 + micro */
        char *package;               /* "Debian 1:7.2+dfsg-7", may be "" */
        bool accels[QEMU_ACCEL_MAX]; /* usable on this host now */
        QemuCpuModels cpus[QEMU_ACCEL_MAX];
        QemuMachine *machines;
        size_t n_machines;
        /* Sorted words "type:virtio-net-pci", "prop:virtio-blk-pci.packed", "command:getfd", "event:RESET",
         * "option:sandbox", "option:sandbox.elevateprivileges", "schema:blockdev-add.file.aio.io_uring". */
        char **words;
        size_t n_words;
} QemuCaps;

QemuCaps *qemu_caps_ref(QemuCaps *caps);
/* Frees with the last reference; accepts NULL, returns NULL. */
QemuCaps *qemu_caps_unref(QemuCaps *caps);

/* One of the words as it is. */
bool qemu_caps_has_word(const QemuCaps *caps, const char *word);
/* A class of objects or devices that QEMU knows (qom-list-types). */
bool qemu_caps_has_type(const QemuCaps *caps, const char *type);
/* A property of a device class; known for the classes of caps-words.c. */
bool qemu_caps_has_prop(const QemuCaps *caps, const char *type, const char *prop);
bool qemu_caps_has_command(const QemuCaps *caps, const char *command);
/* An option of the command line, or one of its parameters (param not NULL): query-command-line-options. */
bool qemu_caps_has_option(const QemuCaps *caps, const char *option, const char *param);
/* The machine of that name or alias, NULL if there is none. */
const QemuMachine *qemu_caps_machine(const QemuCaps *caps, const char *name);
const QemuCpuModel *qemu_caps_cpu(const QemuCaps *caps, QemuAccel accel, const char *name);

/* For those who fill it: takes a word over; sorts when all are there. */
void qemu_caps_add_word(QemuCaps *caps, char *word);
void qemu_caps_sort_words(QemuCaps *caps);
