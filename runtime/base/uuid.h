/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* UUIDs as 16 raw bytes, the form on the wire. */

#include "base/util.h"

enum { VH_UUID_LEN = 16, VH_UUID_TEXT_LEN = 36 };

/* Random version 4 UUID (RFC 4122) from getrandom(2). */
void vh_uuid_generate(uint8_t uuid[VH_UUID_LEN]);
/* Accepts 32 hex digits, dashes and surrounding blanks anywhere between them, as administrators' files have them.
 * Returns 0 or -EINVAL. */
int vh_uuid_parse(const char *s, uint8_t uuid[VH_UUID_LEN]);
/* Writes the 8-4-4-4-12 form in lower case with its NUL; returns text. */
char *vh_uuid_format(const uint8_t uuid[VH_UUID_LEN], char text[VH_UUID_TEXT_LEN + 1]);
/* False for all zeros and all ones, which no guest may have. */
bool vh_uuid_is_valid(const uint8_t uuid[VH_UUID_LEN]);
