/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Base64 of RFC 4648, with padding. */

#include "base/util.h"

/* n bytes as text; the caller frees it. */
char *vh_base64_encode(const void *data, size_t n);
