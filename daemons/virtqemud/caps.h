/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What one QEMU program can do: asked over QMP once, kept on disk, asked again when the program changed. */

#include <jansson.h>

#include "base/buf.h"
#include "base/error.h"
#include "cpu/cpu.h"

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

/* The CPU that guests get if they take all there is: "host" or "max". */
typedef struct QemuFullCpu {
        json_t *facts; /* as the cache keeps them, see caps-cpu.c; NULL: not known */
        VhCpu *all,
                *migratable; /* described by a model; the second without what depends on the host; NULL: not known */
        VhX86Bits known, host_only; /* features that can be asked for; those of a guest that stays on this host */
} QemuFullCpu;

typedef enum QemuAccel { QEMU_ACCEL_TCG, QEMU_ACCEL_KVM, QEMU_ACCEL_MAX } QemuAccel;

typedef struct QemuCaps {
        unsigned refs;
        char *binary;
        char *arch;                  /* as guests name it: "x86_64" */
        unsigned version;            /* major * 1000000 + minor * 1000 + micro */
        char *package;               /* "Debian 1:7.2+dfsg-7", may be "" */
        bool accels[QEMU_ACCEL_MAX]; /* usable on this host now */
        QemuCpuModels cpus[QEMU_ACCEL_MAX];
        QemuFullCpu full_cpu[QEMU_ACCEL_MAX];
        QemuMachine *machines;
        size_t n_machines;
        /* Sorted words "type:virtio-net-pci", "prop:virtio-blk-pci.packed", "command:getfd", "event:RESET",
         * "option:sandbox", "option:sandbox.elevateprivileges", "display:sdl", "gic:3:kernel". */
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
/* The machine of guests that name none; NULL: there is none. */
const QemuMachine *qemu_caps_default_machine(const QemuCaps *caps);
/* The CPU model that a machine has if nothing is said; NULL: one without a name, or none is known. */
const char *qemu_caps_default_cpu(const QemuCaps *caps, QemuAccel accel, const QemuMachine *machine);
/* The version of the interrupt controller of ARM guests that say none: a word of <gic version=>. */
uint8_t qemu_caps_default_gic(const QemuCaps *caps, QemuAccel accel);
const QemuCpuModel *qemu_caps_cpu(const QemuCaps *caps, QemuAccel accel, const char *name);

/* caps-cpu.c. Takes what QEMU told of the CPU with everything, and describes it. facts is borrowed. */
void qemu_caps_set_full_cpu(QemuCaps *caps, QemuAccel accel, json_t *facts);
void qemu_caps_full_cpu_done(QemuFullCpu *cpu);
/* Makes the facts from the answers of query-cpu-model-expansion: for a guest that may move, for one that stays, and
 * with everything for Windows guests; the last may be NULL. NULL if there is nothing in them. */
json_t *qemu_caps_cpu_facts(const json_t *moving, const json_t *staying, const json_t *hyperv);
/* Whether a feature of the platform for Windows guests ("vapic") can be had. */
bool qemu_caps_has_hyperv(const QemuCaps *caps, QemuAccel accel, const char *name);
/* The models that can be had, for choosing one. Free with qemu_caps_offers_done(). */
VhCpuOffers qemu_caps_offers(const QemuCaps *caps, QemuAccel accel);
void qemu_caps_offers_done(VhCpuOffers *offers);
/* Another name that QEMU has for a feature, or the same one. */
const char *qemu_cpu_feature_to_qemu(const char *name);
const char *qemu_cpu_feature_from_qemu(const char *name);

/* For those who fill it: takes a word over; sorts when all are there. */
void qemu_caps_add_word(QemuCaps *caps, char *word);
void qemu_caps_sort_words(QemuCaps *caps);
