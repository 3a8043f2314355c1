/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "apply/json.h"

/* Length of the UTF-8 sequence at s, 0 if it is none. */
static size_t utf8_length(const char *s)
{
        unsigned char c = (unsigned char)*s;
        size_t n = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3 : c >= 0xf0 && c < 0xf5 ? 4 : 0;

        for (size_t i = 1; i < n; i++)
                if (((unsigned char)s[i] & 0xc0) != 0x80)
                        return 0;
        return n;
}

static void put_text(VhBuf *b, const char *s)
{
        vh_buf_addc(b, '"');
        while (*s) {
                size_t n = utf8_length(s);

                if (n == 0)
                        vh_buf_adds(b, "\\ufffd");
                else if (*s == '"' || *s == '\\')
                        vh_buf_printf(b, "\\%c", *s);
                else if ((unsigned char)*s < 0x20)
                        vh_buf_printf(b, "\\u%04x", *s);
                else
                        vh_buf_add(b, s, n);
                s += n ? n : 1;
        }
        vh_buf_addc(b, '"');
}

static void begin_value(VhJson *j, const char *key)
{
        if (j->comma)
                vh_buf_addc(&j->buf, ',');
        if (key) {
                put_text(&j->buf, key);
                vh_buf_addc(&j->buf, ':');
        }
        j->comma = true;
}

void vh_json_open(VhJson *j, const char *key, char bracket)
{
        begin_value(j, key);
        vh_buf_addc(&j->buf, bracket);
        j->comma = false;
}

void vh_json_close(VhJson *j, char bracket)
{
        vh_buf_addc(&j->buf, bracket);
        j->comma = true;
}

void vh_json_string(VhJson *j, const char *key, const char *value)
{
        begin_value(j, key);
        if (value)
                put_text(&j->buf, value);
        else
                vh_buf_adds(&j->buf, "null");
}

void vh_json_number(VhJson *j, const char *key, uint64_t value)
{
        begin_value(j, key);
        vh_buf_printf(&j->buf, "%llu", (unsigned long long)value);
}

void vh_json_raw(VhJson *j, const char *key, const char *value)
{
        begin_value(j, key);
        vh_buf_adds(&j->buf, value);
}

void vh_json_bool(VhJson *j, const char *key, bool value)
{
        begin_value(j, key);
        vh_buf_adds(&j->buf, value ? "true" : "false");
}

void vh_json_done(VhJson *j)
{
        vh_buf_done(&j->buf);
}
