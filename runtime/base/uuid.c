/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* UUID parsing and formatting. */

#include "base/uuid.h"

#include <ctype.h>
#include <errno.h>
#include <sys/random.h>

void vh_uuid_generate(uint8_t uuid[VH_UUID_LEN])
{
        if (getrandom(uuid, VH_UUID_LEN, 0) != VH_UUID_LEN)
                abort();
        uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x40);
        uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
}

static int hex_value(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        c = (char)tolower((unsigned char)c);
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int vh_uuid_parse(const char *s, uint8_t uuid[VH_UUID_LEN])
{
        unsigned digits = 0;

        while (isspace((unsigned char)*s))
                s++;
        for (; digits < 2 * VH_UUID_LEN; s++) {
                int v = hex_value(*s);

                if (*s == '-' && digits)
                        continue;
                if (v < 0)
                        return -EINVAL;
                if (digits % 2 == 0)
                        uuid[digits / 2] = (uint8_t)(v << 4);
                else
                        uuid[digits / 2] |= (uint8_t)v;
                digits++;
        }
        while (isspace((unsigned char)*s))
                s++;
        return *s ? -EINVAL : 0;
}

char *vh_uuid_format(const uint8_t uuid[VH_UUID_LEN], char text[VH_UUID_TEXT_LEN + 1])
{
        static const char hex[] = "0123456789abcdef";
        char *p = text;

        for (unsigned i = 0; i < VH_UUID_LEN; i++) {
                if (i == 4 || i == 6 || i == 8 || i == 10)
                        *p++ = '-';
                *p++ = hex[uuid[i] >> 4];
                *p++ = hex[uuid[i] & 15];
        }
        *p = 0;
        return text;
}

bool vh_uuid_is_valid(const uint8_t uuid[VH_UUID_LEN])
{
        uint8_t all_or = 0, all_and = 0xff;

        for (unsigned i = 0; i < VH_UUID_LEN; i++) {
                all_or |= uuid[i];
                all_and &= uuid[i];
        }
        return all_or != 0 && all_and != 0xff;
}
