/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Records for the kernel's audit log about guests and what they get: who may read it sees in one place which guest had
 * which of the host's resources, and when. Forms of the records: linux-audit's "Virtualization records"; words as
 * libvirt 9.0.0 writes them. */

#include "base/buf.h"
#include "base/error.h"

typedef struct VhAudit VhAudit;

/* Types of records; numbers of linux/audit.h. */
typedef enum VhAuditType {
        VH_AUDIT_CONTROL = 2500,    /* a guest starts or stops */
        VH_AUDIT_RESOURCE = 2501,   /* it gets or loses something */
        VH_AUDIT_MACHINE_ID = 2502, /* its labels */
} VhAuditType;

/* level: 0 no records for the kernel, 1 if it takes them, 2 it has to. to_log: each record goes to the daemon's log
 * too. Returns 0, or negative errno with *err if the kernel has to and cannot. *ret is to be freed. */
int vh_audit_open(VhAudit **ret, unsigned level, bool to_log, VhError **err);
/* Accepts NULL, returns NULL. */
VhAudit *vh_audit_free(VhAudit *audit);

/* Whether anybody takes records. Accepts NULL: nobody does. */
bool vh_audit_wanted(const VhAudit *audit);

/* Sends a record; failure is logged. text: its fields, as vh_audit_add() makes those that others name. Accepts NULL. */
void vh_audit_send(VhAudit *audit, VhAuditType type, bool success, const char *text);

/* Adds name=value to the fields of a record, the value in quotes, or in hexadecimal digits if it has blanks or other
 * bytes that could pass for the end of a field. NULL: "?". */
void vh_audit_add(VhBuf *text, const char *name, const char *value);
