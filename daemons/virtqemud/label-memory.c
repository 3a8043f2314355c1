/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Extended attributes with what a file was. */

#include "label-memory.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/xattr.h>

#include "base/file.h"

#define PREFIX "trusted.libvirt.security."

enum {
        NAME_SIZE = 64,
        NUMBER_SIZE = 64,
        BOOT_SLACK = 2,         /* seconds */
        STAT_MAX = 1024 * 1024, /* of /proc/stat on hosts with many processors */
};

/* The three attributes of a model, by what comes before its name. */
#define OWN   ""           /* "+0:+0" */
#define COUNT "ref_"       /* "1" */
#define BOOT  "timestamp_" /* seconds */

static const char *name_of(char name[NAME_SIZE], const char *what, const char *model)
{
        snprintf(name, NAME_SIZE, PREFIX "%s%s", what, model);
        return name;
}

static int get_value(const char *path, const char *what, const char *model, char *value, size_t size)
{
        char name[NAME_SIZE];
        ssize_t n = getxattr(path, name_of(name, what, model), value, size - 1);

        if (n < 0)
                return -errno;
        value[n] = '\0';
        return 0;
}

static int set_value(const char *path, const char *what, const char *model, const char *value)
{
        char name[NAME_SIZE];

        return setxattr(path, name_of(name, what, model), value, strlen(value), 0) < 0 ? -errno : 0;
}

static int boot_time(char value[NUMBER_SIZE])
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
        snprintf(value, NUMBER_SIZE, "%" PRIu64, seconds);
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

void qemu_memory_forget(const char *path, const char *model)
{
        static const char *const all[] = { OWN, COUNT, BOOT };
        char name[NAME_SIZE];

        for (size_t i = 0; i < VH_ARRAY_SIZE(all); i++)
                removexattr(path, name_of(name, all[i], model));
}

int qemu_memory_recall(const char *path, const char *model, QemuLabelMemory *m)
{
        char count[NUMBER_SIZE], then[NUMBER_SIZE], now[NUMBER_SIZE];
        int r = get_value(path, COUNT, model, count, sizeof(count));

        m->count = 0;
        m->value[0] = '\0';
        if (r == -ENODATA)
                return 0;
        if (r >= 0)
                r = boot_time(now);
        if (r < 0)
                return r;
        if (get_value(path, BOOT, model, then, sizeof(then)) < 0 || !is_same_boot(then, now) ||
            vh_parse_u64(count, 10, &m->count) < 0 || get_value(path, OWN, model, m->value, sizeof(m->value)) < 0) {
                qemu_memory_forget(path, model);
                m->count = 0;
        }
        return 0;
}

int qemu_memory_note(const char *path, const char *model, const QemuLabelMemory *m)
{
        char count[NUMBER_SIZE], now[NUMBER_SIZE];
        int r = boot_time(now);

        snprintf(count, sizeof(count), "%" PRIu64, m->count);
        if (r >= 0)
                r = set_value(path, OWN, model, m->value);
        if (r >= 0)
                r = set_value(path, COUNT, model, count);
        if (r >= 0)
                r = set_value(path, BOOT, model, now);
        if (r < 0)
                qemu_memory_forget(path, model);
        return r;
}

void qemu_memory_inherit(const char *from, const char *to)
{
        static const char *const models[] = { "dac", "selinux" };
        QemuLabelMemory m, own;

        for (size_t i = 0; i < VH_ARRAY_SIZE(models); i++) {
                if (qemu_memory_recall(from, models[i], &m) < 0 || m.count == 0 ||
                    qemu_memory_recall(to, models[i], &own) < 0 || own.count > 0)
                        continue;
                m.count = 1;
                (void)qemu_memory_note(to, models[i], &m);
        }
}
