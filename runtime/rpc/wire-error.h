/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The error object and its form on the wire, virNetMessageError. */

#include "base/buf.h"
#include "base/error.h"

/* Adds the payload that tells of err (NULL: of the errno r). */
void vh_wire_error_encode(VhBuf *b, const VhError *err, int r);
/* Reads a payload. Returns 0 with *err made, or -EBADMSG. */
int vh_wire_error_decode(const uint8_t *payload, size_t len, VhError **err);
