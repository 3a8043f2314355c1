/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Owners of files, and the memory of them. */

#include "dac.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/file.h"

#define ATTR_OWNER "trusted.libvirt.security.dac"           /* "+0:+0" */
#define ATTR_COUNT "trusted.libvirt.security.ref_dac"       /* "1" */
#define ATTR_BOOT  "trusted.libvirt.security.timestamp_dac" /* seconds */

enum {
        VALUE_MAX = 64,
        BOOT_SLACK = 2,         /* seconds */
        STAT_MAX = 1024 * 1024, /* of /proc/stat on hosts with many processors */
};

/* What the attributes say. */
typedef struct Memory {
        uint64_t count; /* 0: nothing is remembered */
        char owner[VALUE_MAX];
} Memory;

static int get_value(const char *path, const char *name, char value[VALUE_MAX])
{
        ssize_t n = getxattr(path, name, value, VALUE_MAX - 1);

        if (n < 0)
                return -errno;
        value[n] = '\0';
        return 0;
}

static int set_value(const char *path, const char *name, const char *value)
{
        return setxattr(path, name, value, strlen(value), 0) < 0 ? -errno : 0;
}

static int boot_time(char value[VALUE_MAX])
{
        _vh_free_ char *text = NULL;
        const char *line;
        uint64_t seconds;
        size_t n;
        int r = vh_file_read("/proc/stat", STAT_MAX, &text, &n);

        if (r < 0)
                return r;
        line = strstr(text, "\nbtime ");
        if (!line || sscanf(line, "\nbtime %" SCNu64, &seconds) != 1)
                return -EINVAL;
        snprintf(value, VALUE_MAX, "%" PRIu64, seconds);
        return 0;
}

/* The kernel counts the moment of the boot back from the clock: it moves a little when the clock is set right. */
static bool is_same_boot(const char *then, const char *now)
{
        uint64_t a, b;

        if (vh_parse_u64(then, 10, &a) < 0 || vh_parse_u64(now, 10, &b) < 0)
                return false;
        return (a > b ? a - b : b - a) <= BOOT_SLACK;
}

static void forget(const char *path)
{
        removexattr(path, ATTR_OWNER);
        removexattr(path, ATTR_COUNT);
        removexattr(path, ATTR_BOOT);
}

/* -ENOTSUP where files have no such attributes. */
static int recall(const char *path, Memory *m)
{
        char count[VALUE_MAX], then[VALUE_MAX], now[VALUE_MAX];
        int r = get_value(path, ATTR_COUNT, count);

        *m = (Memory){ 0 };
        if (r == -ENODATA)
                return 0;
        if (r >= 0)
                r = boot_time(now);
        if (r < 0)
                return r;
        if (get_value(path, ATTR_BOOT, then) < 0 || !is_same_boot(then, now) ||
            vh_parse_u64(count, 10, &m->count) < 0 || get_value(path, ATTR_OWNER, m->owner) < 0) {
                forget(path);
                *m = (Memory){ 0 };
        }
        return 0;
}

static int note(const char *path, const Memory *m)
{
        char count[VALUE_MAX], now[VALUE_MAX];
        int r = boot_time(now);

        snprintf(count, sizeof(count), "%" PRIu64, m->count);
        if (r >= 0)
                r = set_value(path, ATTR_OWNER, m->owner);
        if (r >= 0)
                r = set_value(path, ATTR_COUNT, count);
        if (r >= 0)
                r = set_value(path, ATTR_BOOT, now);
        if (r < 0)
                forget(path);
        return r;
}

static bool is_owned(const struct stat *st, const QemuAccount *account)
{
        return st->st_uid == account->uid && st->st_gid == account->gid;
}

/* Counts one guest more. Where nothing can be noted, nothing is remembered. */
static int remember_owner(const char *path, const struct stat *st, const QemuAccount *account, VhError **err)
{
        Memory m;
        int r = recall(path, &m);

        if (r < 0)
                return 0;
        if (m.count > 0 && !is_owned(st, account))
                return vh_error_set(err, VIR_FROM_SECURITY, VIR_ERR_OPERATION_INVALID,
                                    "Setting different DAC user or group on %s which is already in use", path);
        if (m.count++ == 0)
                snprintf(m.owner, sizeof(m.owner), "+%u:+%u", st->st_uid, st->st_gid);
        (void)note(path, &m);
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
        Memory m;
        int r = recall(path, &m);

        if (r >= 0 && m.count == 0)
                return 0;
        if (m.count > 1) {
                m.count--;
                return note(path, &m);
        }
        if (r < 0 && !belongs_to(path, account))
                return 0;
        if (m.count == 1 && sscanf(m.owner, "+%u:+%u", &uid, &gid) != 2)
                uid = gid = 0;
        forget(path);
        if (chown(path, uid, gid) == 0 || errno == ENOENT || errno == EROFS || errno == EOPNOTSUPP)
                return 0;
        return vh_error_sys(err, VIR_FROM_SECURITY, errno, "unable to give '%s' back to '%u:%u'", path, uid, gid);
}
