/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Owners of files. */

#include "dac.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "label-memory.h"

#define MODEL "dac"

static bool is_owned(const struct stat *st, const QemuAccount *account)
{
        return st->st_uid == account->uid && st->st_gid == account->gid;
}

/* Counts one guest more. Where nothing can be noted, nothing is remembered. */
static int remember_owner(const char *path, const struct stat *st, const QemuAccount *account, VhError **err)
{
        QemuLabelMemory m;
        int r = qemu_memory_recall(path, MODEL, &m);

        if (r < 0)
                return 0;
        if (m.count > 0 && !is_owned(st, account))
                return vh_error_set(err, VIR_FROM_SECURITY, VIR_ERR_OPERATION_INVALID,
                                    "Setting different DAC user or group on %s which is already in use", path);
        if (m.count++ == 0)
                snprintf(m.value, sizeof(m.value), "+%u:+%u", st->st_uid, st->st_gid);
        (void)qemu_memory_note(path, MODEL, &m);
        return 0;
}

int qemu_dac_give(const char *path, const QemuAccount *account, bool remember, VhError **err)
{
        struct stat st;
        int r;

        if (stat(path, &st) < 0)
                return vh_error_sys(err, VIR_FROM_SECURITY, errno, "unable to stat: %s", path);
        r = remember ? remember_owner(path, &st, account, err) : 0;
        if (r < 0 || is_owned(&st, account))
                return r;
        if (chown(path, account->uid, account->gid) == 0)
                return 0;
        r = -errno;
        /* Network file systems may have it right by other means: QEMU will tell if not. */
        if (r == -EROFS || r == -EOPNOTSUPP)
                return 0;
        if (remember)
                qemu_dac_restore(path, account, NULL);
        return vh_error_sys(err, VIR_FROM_SECURITY, r, "unable to set user and group to '%u:%u' on '%s'", account->uid,
                            account->gid, path);
}

static bool belongs_to(const char *path, const QemuAccount *account)
{
        struct stat st;

        return stat(path, &st) == 0 && is_owned(&st, account);
}

int qemu_dac_restore(const char *path, const QemuAccount *account, VhError **err)
{
        unsigned uid = 0, gid = 0;
        QemuLabelMemory m;
        int r = qemu_memory_recall(path, MODEL, &m);

        if (r >= 0 && m.count == 0)
                return 0;
        if (m.count > 1) {
                m.count--;
                return qemu_memory_note(path, MODEL, &m);
        }
        if (r < 0 && !belongs_to(path, account))
                return 0;
        if (m.count == 1 && sscanf(m.value, "+%u:+%u", &uid, &gid) != 2)
                uid = gid = 0;
        qemu_memory_forget(path, MODEL);
        if (chown(path, uid, gid) == 0 || errno == ENOENT || errno == EROFS || errno == EOPNOTSUPP)
                return 0;
        return vh_error_sys(err, VIR_FROM_SECURITY, errno, "unable to give '%s' back to '%u:%u'", path, uid, gid);
}

void qemu_dac_drop(const char *path, const QemuAccount *account)
{
        QemuLabelMemory m;

        if (belongs_to(path, account) && qemu_memory_recall(path, MODEL, &m) == 0 && m.count == 1)
                qemu_memory_forget(path, MODEL);
}
