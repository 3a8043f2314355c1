/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What only QEMU knows of a guest that started or was found again: its threads, its pseudo terminals, the state of its
 * agent channel, its balloon. */

#include "process.h"

/* Asks QEMU and puts the answers into the definition and the process object; done is called once, unless the monitor
 * goes first. */
void qemu_refresh(QemuProcess *proc, void (*done)(void *data, int r, const VhError *err), void *data);
/* reconnect-clock.c: how far a clock that may differ from the host's does. */
void qemu_refresh_clock(QemuProcess *proc);
/* The same for processors alone, with QEMU's answers to query-hotpluggable-cpus and, behind it, query-cpus-fast. */
void qemu_refresh_places(QemuProcess *proc, json_t *ret);
void qemu_refresh_vcpus(QemuProcess *proc, json_t *ret);
/* Where memory devices are, with QEMU's answer to query-memory-devices; how much the guest has, with query-balloon. */
void qemu_refresh_memory(QemuProcess *proc, json_t *ret);
void qemu_refresh_balloon(QemuProcess *proc, json_t *ret);
void qemu_refresh_iothreads(QemuProcess *proc, json_t *ret);
/* pin.c: the live definition gets those that QEMU has (proc->iothread_tids), and loses those that it does not have.
 * Returns whether it changed. */
bool qemu_iothreads_make_true(QemuProcess *proc);
