/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What surrounds a guest, in the order in which it is prepared. */

#include "dev-namespace.h"
#include "group.h"
#include "guest-host.h"
#include "guest-locks.h"
#include "isolation.h"
#include "migrate.h"
#include "perf.h"
#include "script.h"
#include "security.h"
#include "transient.h"

/* Labels come before owners in the live definition; but what the child becomes last binds the rest of its way. */
const QemuRunHooks *const qemu_run_hooks[] = { &qemu_script_hooks,
                                               &qemu_migrate_hooks,
                                               &qemu_lock_hooks,
                                               &qemu_host_hooks,
                                               &qemu_group_hooks,
                                               &qemu_namespace_hooks,
                                               &qemu_isolation_hooks,
                                               &qemu_security_hooks,
                                               &qemu_perf_hooks,
                                               &qemu_transient_hooks,
                                               NULL };
