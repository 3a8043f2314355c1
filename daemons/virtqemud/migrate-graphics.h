/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Viewers of a SPICE display move along with the guest: the source's QEMU tells them where it will be. VNC has no way
 * to say so. */

#include "migrate.h"

/* Target: adds to a cookie where viewers will find the display; nothing if there is none for them. */
void qemu_migrate_cookie_graphics(QemuCookie *cookie, const QemuDriver *driver, const VhDomainDef *def);

/* Source: tells viewers where to go, as the client says, or the target's cookie. That it cannot be done is logged: the
 * guest moves all the same. */
void qemu_migrate_relocate(MigrateTask *t);
/* Source: calls then once QEMU has handed over its viewers; at once if it need not, in a few seconds at the latest.
 * t->timer must be freed with the task. */
void qemu_migrate_wait_relocated(MigrateTask *t, void (*then)(MigrateTask *t));
/* QEMU says that it has. */
void qemu_migrate_relocated(QemuMigration *m);
