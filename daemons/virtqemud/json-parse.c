/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* JSON as QEMU writes it: unsigned numbers over 2^63 are in it, which jansson refuses. They are read as the highest
 * number there is; nothing that we look at is that large. */

#include "json-link.h"

#include <ctype.h>

enum { DIGITS_SAFE = 18 }; /* decimal digits that always fit into 63 bits */

/* Overwrites the digits of a number with nines of DIGITS_SAFE and blanks behind. */
static size_t shorten(char *digits)
{
        size_t n = 0;

        while (isdigit((unsigned char)digits[n]))
                n++;
        if (n > DIGITS_SAFE) {
                memset(digits, '9', DIGITS_SAFE);
                memset(digits + DIGITS_SAFE, ' ', n - DIGITS_SAFE);
        }
        return n;
}

/* All integers outside of strings that may be too large; a fraction or exponent of such length is none that QEMU
 * writes. */
static void shorten_all(char *text)
{
        bool in_string = false;

        while (*text) {
                if (in_string && *text == '\\' && text[1])
                        text++;
                else if (*text == '"')
                        in_string = !in_string;
                else if (!in_string && isdigit((unsigned char)*text)) {
                        text += shorten(text);
                        continue;
                }
                text++;
        }
}

json_t *qemu_json_parse(const char *text, size_t n, json_error_t *why)
{
        json_t *object = json_loadb(text, n, JSON_ALLOW_NUL, why);
        _vh_free_ char *copy = NULL;

        if (object || json_error_code(why) != json_error_numeric_overflow)
                return object;
        copy = vh_xstrndup(text, n);
        shorten_all(copy);
        return json_loads(copy, 0, why);
}
