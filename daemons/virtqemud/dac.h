/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Files of guests belong to the guests' account while they run; who owned a file before is remembered (label-memory.h).
 */

#include <sys/types.h>

#include "base/error.h"

typedef struct QemuAccount {
        uid_t uid;
        gid_t gid;
} QemuAccount;

/* Gives path to the account. remember: qemu_dac_restore() will follow. A file that others have remembered for another
 * account is refused. Returns 0 or negative errno with *err. */
int qemu_dac_give(const char *path, const QemuAccount *account, bool remember, VhError **err);
/* One guest of the account less: the last one gives the file back to whom it belonged. A file for which nothing is
 * remembered is left alone, unless it cannot have a memory: then it becomes root's if it is the account's. A file that
 * is gone is no failure. */
int qemu_dac_restore(const char *path, const QemuAccount *account, VhError **err);
/* The account's only guest wrote to it until another image came in front: it stays as it is, and nothing is remembered.
 */
void qemu_dac_drop(const char *path, const QemuAccount *account);
