/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Three bytes are four letters. */

#include "base/base64.h"

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* One group of n (1 to 3) bytes. */
static void encode_group(const uint8_t *in, size_t n, char *out)
{
        uint32_t bits = (uint32_t)in[0] << 16 | (n > 1 ? (uint32_t)in[1] << 8 : 0) | (n > 2 ? in[2] : 0);

        out[0] = letters[bits >> 18];
        out[1] = letters[bits >> 12 & 63];
        out[2] = n > 1 ? letters[bits >> 6 & 63] : '=';
        out[3] = n > 2 ? letters[bits & 63] : '=';
}

char *vh_base64_encode(const void *data, size_t n)
{
        char *text = vh_new(char, (n + 2) / 3 * 4 + 1);

        for (size_t i = 0; i < n; i += 3)
                encode_group((const uint8_t *)data + i, VH_MIN(n - i, (size_t)3), text + i / 3 * 4);
        return text;
}
