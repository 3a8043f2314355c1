/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Status files: their words and text (status.c), reading them (status-read.c), and what is done then (reconnect.c). */

#include "model/domain-devices.h"
#include "process.h"
#include "xml/bind.h"
#include "xml/doc.h"

extern const char *const qemu_state_names[]; /* by VIR_DOMAIN_* of virDomainState */
extern const size_t qemu_n_state_names;
/* Word of a reason within a state; "unknown" for a number without one. */
const char *qemu_reason_name(int state, int reason);
/* The number of a word, 0 if it is unknown or NULL. */
int qemu_reason_parse(int state, const char *name);

/* The definition as it stands in a status file. status-private.c */
void qemu_status_format_def(const VhDomainDef *def, VhBuf *b);
/* An image as it stands there: the table's element with the source in it. */
void qemu_status_format_source(const VhXmlTable *table, const VhDiskSource *src, VhBuf *b);

/* The credentials of a backup's server inside QEMU. */
#define QEMU_BACKUP_TLS "objlibvirt_backup_tls0"
/* A backup's text, with the names of its images inside QEMU and, if it has them, its credentials. */
void qemu_status_format_backup(const char *text, bool tls, VhBuf *b);

/* Everything of a running guest's file. def: its definition in it. The caller frees it. */
char *qemu_status_text(QemuProcess *proc, const VhDomainDef *def);

/* The text of a file: puts its domain into the list as active, with a process object that is connected to nothing yet
 * (the caller's to end), and tells the number of its process, 0 if there is none in it. name stands for it in messages.
 * Returns 0 or negative errno with *err; then nothing has changed. */
int qemu_status_read(QemuDriver *driver, const char *text, const char *name, VhDomainObj **dom, pid_t *pid,
                     VhError **err);

/* Finds the guests that an earlier daemon left running: reads all status files, puts their domains into the list as
 * active, and connects to their monitors. Those whose process is gone are ended. */
void qemu_reconnect_all(QemuDriver *driver);
