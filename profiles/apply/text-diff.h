/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is different between two texts, as people and patch(1) read it. */

#include "base/buf.h"

/* Adds the unified difference with three lines around; nothing if the texts are equal. NULL texts are files that are
 * not there. With mask, values of keys that look like passwords are not shown, only that they differ. */
void vh_text_diff(VhBuf *b, const char *path, const char *old, const char *new, bool mask);

/* A line of a .conf file without the secret in it, or NULL if there is none; the caller frees it. */
char *vh_text_mask(const char *line);
