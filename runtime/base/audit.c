/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "audit.h"

#include <errno.h>
#include <libaudit.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

VH_LOG_SOURCE("audit");

struct VhAudit {
        int fd; /* -1: the kernel takes none */
        bool to_log;
};

/* A kernel without auditing, or one that lets this user write none. */
static bool may_be_without(int e)
{
        return e == EINVAL || e == EPROTONOSUPPORT || e == EAFNOSUPPORT || e == EPERM;
}

int vh_audit_open(VhAudit **ret, unsigned level, bool to_log, VhError **err)
{
        VhAudit *audit = *ret = vh_new(VhAudit, 1);

        audit->to_log = to_log;
        audit->fd = level > 0 ? audit_open() : -1;
        if (level == 0 || audit->fd >= 0)
                return 0;
        if (level > 1)
                return vh_error_sys(err, VIR_FROM_AUDIT, errno,
                                    "audit_level = 2 demands auditing, which this host does not have");
        if (!may_be_without(errno))
                vh_log_warning("no audit records are written: %s", vh_error_text(NULL, -errno));
        return 0;
}

VhAudit *vh_audit_free(VhAudit *audit)
{
        if (audit && audit->fd >= 0)
                audit_close(audit->fd);
        free(audit);
        return NULL;
}

bool vh_audit_wanted(const VhAudit *audit)
{
        return audit && (audit->fd >= 0 || audit->to_log);
}

void vh_audit_send(VhAudit *audit, VhAuditType type, bool success, const char *text)
{
        if (!vh_audit_wanted(audit))
                return;
        if (audit->to_log && success)
                vh_log_info("success=yes %s", text);
        else if (audit->to_log)
                vh_log_warning("success=no %s", text);
        /* An ordinary user's daemon may not, and says so nowhere. */
        if (audit->fd >= 0 && audit_log_user_message(audit->fd, type, text, NULL, NULL, NULL, success) < 0 &&
            errno != EPERM)
                vh_log_warning("the kernel does not take the audit record '%s': %s", text, vh_error_text(NULL, -errno));
}

void vh_audit_add(VhBuf *text, const char *name, const char *value)
{
        char *field = audit_encode_nv_string(name, value ? value : "?", 0);

        vh_buf_printf(text, " %s", field ? field : name);
        free(field);
}
