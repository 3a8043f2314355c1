/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/buf.h"

/* Adds the JSON Schema (2020-12) of the language. */
void vh_schema_write(VhBuf *b);
