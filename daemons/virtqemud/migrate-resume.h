/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Post-copy migrations that broke (qemu_migrate_postcopy_failed()) and are taken up again, by the same phases under
 * VIR_MIGRATE_POSTCOPY_RESUME. Confirm is that of any migration. */

#include "migrate.h"

static inline bool qemu_migrate_is_resume(const QemuMigrateParams *p)
{
        return p->flags & VIR_MIGRATE_POSTCOPY_RESUME;
}

/* Whether a migration can be taken up now; m NULL: there is none. Returns 0 or negative errno with *err. */
int qemu_migrate_check_resume(const VhDomainObj *dom, const QemuMigration *m, bool incoming, VhError **err);

extern const QemuTaskClass qemu_resume_begin_class;
extern const QemuTaskClass qemu_resume_prepare_class;
extern const QemuTaskClass qemu_resume_finish_class; /* waits for the last of the memory */

/* The memory is all there though nobody follows any more: the migration ends as it should. m may be gone then. */
void qemu_migrate_complete_alone(QemuMigration *m);
