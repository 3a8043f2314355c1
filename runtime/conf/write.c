/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Assignments as text, in the subset that libvirt's reader, ours and the lenses of Augeas all take: double quotes, one
 * assignment a line, plain decimals. The format has no escapes, so some strings cannot be written. */

#include "conf/conf.h"

#include <errno.h>
#include <inttypes.h>

static bool is_writable(const char *s)
{
        return s[strcspn(s, "\"\r\n")] == '\0';
}

int vh_conf_write_string(VhBuf *b, const char *key, const char *value)
{
        if (!is_writable(value))
                return -EINVAL;
        vh_buf_printf(b, "%s = \"%s\"\n", key, value);
        return 0;
}

int vh_conf_write_strings(VhBuf *b, const char *key, const char *const *list, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (!is_writable(list[i]))
                        return -EINVAL;
        vh_buf_printf(b, "%s = [", key);
        for (size_t i = 0; i < n; i++)
                vh_buf_printf(b, "%s \"%s\"", i ? "," : "", list[i]);
        vh_buf_adds(b, " ]\n");
        return 0;
}

void vh_conf_write_uint(VhBuf *b, const char *key, uint64_t value)
{
        vh_buf_printf(b, "%s = %" PRIu64 "\n", key, value);
}

void vh_conf_write_int(VhBuf *b, const char *key, int64_t value)
{
        vh_buf_printf(b, "%s = %" PRId64 "\n", key, value);
}
