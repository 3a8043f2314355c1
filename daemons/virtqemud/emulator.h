/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which QEMU programs this host has, and what a guest gets from them that its definition leaves open. */

#include "base/buf.h"
#include "caps.h"
#include "event/pool.h"
#include "model/domain.h"

typedef struct QemuEmulators QemuEmulators;

/* path: colon-separated directories to search; NULL: $PATH. The search is made when it is needed first.
 * cache_dir, child_files: see VhDriverEnv. */
QemuEmulators *qemu_emulators_new(const char *path, const char *cache_dir, uint64_t child_files);
/* Accepts NULL, returns NULL. */
QemuEmulators *qemu_emulators_free(QemuEmulators *emulators);

/* Architecture of guests that name none. */
const char *qemu_emulators_host_arch(const QemuEmulators *emulators);
/* Program for guests of an architecture, NULL if there is none. */
const char *qemu_emulators_find(QemuEmulators *emulators, const char *arch);
/* Gives a definition its emulator, and refuses what no emulator here can run: VIR_ERR_CONFIG_UNSUPPORTED. */
int qemu_emulators_fill(QemuEmulators *emulators, VhDomainDef *def, VhError **err);
/* The i-th program of this host, in the order of their architectures' names, and the architecture that it is for (arch
 * may be NULL); NULL behind the last one. */
const char *qemu_emulators_program(QemuEmulators *emulators, unsigned i, const char **arch);
/* Appends the <guest> elements of the capabilities document, for the programs of which something is known. */
void qemu_emulators_format(QemuEmulators *emulators, VhBuf *buf);
/* Bits in a word of an architecture's guests; 0: it is not known. */
unsigned qemu_arch_bits(const char *arch);
/* Whether guests of an architecture run on a host of another (or the same) one without emulation. */
bool qemu_arch_is_native(const char *guest, const char *host);
/* While may is true the functions below that say so refuse to run a program, with -EAGAIN. */
void qemu_emulators_may_refuse(QemuEmulators *emulators, bool may);
/* The program that was refused to run since the last time that was set; NULL: none. */
const char *qemu_emulators_refused(const QemuEmulators *emulators);
/* Version of the host architecture's emulator as major * 1000000 + minor * 1000 + release; runs it if it is not known,
 * or refuses to. */
int qemu_emulators_version(QemuEmulators *emulators, uint64_t *version, VhError **err);

/* What is known already, in memory or on disk, of a program that has not changed; NULL: nothing. The result belongs to
 * emulators, take a reference to keep it. */
QemuCaps *qemu_emulators_recall(QemuEmulators *emulators, const char *binary);
/* The same, asking the program if need be: blocks then. */
int qemu_emulators_caps(QemuEmulators *emulators, const char *binary, QemuCaps **ret, VhError **err);

/* What is known of a program, NULL if nothing is: r is -EAGAIN with *err then if it may not be run now (above), else 0.
 */
int qemu_emulators_need(QemuEmulators *emulators, const char *binary, QemuCaps **ret, VhError **err);
/* Refuses a definition that its program cannot run, as far as is known of it: where a program was never asked, and may
 * not be run now (above), with -EAGAIN. */
int qemu_emulators_check(QemuEmulators *emulators, const VhDomainDef *def, VhError **err);

/* r < 0: caps is NULL and err (borrowed) says why. */
typedef void (*QemuCapsFn)(void *data, QemuCaps *caps, int r, const VhError *err);
/* The same, asking on a worker of pool, once for all who ask meanwhile; fn is called at once if all is known. */
void qemu_emulators_ask(QemuEmulators *emulators, VhPool *pool, const char *binary, QemuCapsFn fn, void *data);
