/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* SHA-256 (FIPS 180-4), for names that are made from paths. */

#include "base/util.h"

enum { VH_SHA256_TEXT_LEN = 64 };

/* Hash of n bytes as hex digits with a NUL; returns text. */
char *vh_sha256_text(const void *data, size_t n, char text[VH_SHA256_TEXT_LEN + 1]);
