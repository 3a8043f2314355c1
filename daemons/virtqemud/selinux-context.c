/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Contexts are put together and taken apart. */

#include "selinux-context.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

enum {
        CATEGORIES_MAX = 1024,
        DISTANCE_MIN = 8, /* of the first category from the last: what is less keeps hardly any guests apart */
        RANGE_SIZE = 64,
};

/* The n-th part, from 0; the last one, the range, has colons of its own. */
static const char *part(const char *context, int n)
{
        for (; n > 0 && context; n--) {
                context = strchr(context, ':');
                context = context ? context + 1 : NULL;
        }
        return context;
}

const char *qemu_context_range(const char *context)
{
        return part(context, 3);
}

static int length(const char *text)
{
        return (int)strcspn(text, ":");
}

char *qemu_context_make(const char *base, const char *own, bool object, const char *range)
{
        const char *type = part(base, 2);
        const char *role = part(object ? base : own, 1);

        if (!type || !role || !part(own, 1))
                return NULL;
        return vh_xasprintf("%.*s:%.*s:%.*s%s%s", length(own), own, length(role), role, length(type), type,
                            range ? ":" : "", range ? range : "");
}

/* "c0.c1023" */
static int parse_categories(const char *text, QemuMcs *mcs)
{
        int end = 0;

        if (sscanf(text, "c%u.c%u%n", &mcs->min, &mcs->max, &end) != 2 || text[end] != '\0')
                return -EINVAL;
        if (mcs->max >= CATEGORIES_MAX || mcs->max < mcs->min || mcs->max - mcs->min < DISTANCE_MIN)
                return -EINVAL;
        return 0;
}

int qemu_mcs_parse(const char *context, QemuMcs *mcs)
{
        const char *range = qemu_context_range(context);
        const char *high = range ? strchr(range, '-') : NULL;
        const char *categories = range ? strchr(high ? high : range, ':') : NULL;

        *mcs = (QemuMcs){ .max = CATEGORIES_MAX - 1 };
        if (!range || strcspn(range, "-:") >= sizeof(mcs->sensitivity))
                return -EINVAL;
        memcpy(mcs->sensitivity, range, strcspn(range, "-:"));
        return categories ? parse_categories(categories + 1, mcs) : 0;
}

char *qemu_mcs_pick(const QemuMcs *mcs, bool (*taken)(void *data, const char *range), void *data)
{
        unsigned n = mcs->max - mcs->min + 1, first = 0;
        char range[RANGE_SIZE];

        if (getrandom(&first, sizeof(first), 0) != sizeof(first))
                return NULL;
        for (unsigned i = 0; i < n * n; i++) {
                unsigned at = (first % (n * n) + i) % (n * n), low = at / n, high = at % n;

                if (low == high)
                        continue;
                snprintf(range, sizeof(range), "%s:c%u,c%u", mcs->sensitivity, mcs->min + VH_MIN(low, high),
                         mcs->min + VH_MAX(low, high));
                if (!taken(data, range))
                        return vh_xstrdup(range);
        }
        return NULL;
}
