/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whether all of a running guest can leave its host. */

#include "process.h"

/* All of it. answer: QEMU's to query-migrate; NULL: it is not asked. Returns 0 or negative errno with *err. */
int qemu_migrate_check_blockers(VhDomainObj *dom, const json_t *answer, VhError **err);
