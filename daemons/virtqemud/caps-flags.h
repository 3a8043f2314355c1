/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Capabilities in status files. */

#include <libxml/tree.h>

#include "caps.h"

/* Appends <qemuCaps>, at an indent of two. */
void qemu_caps_flags_format(const QemuCaps *caps, VhBuf *b);
/* The same text from the element of a status file; the caller frees it. */
char *qemu_caps_flags_copy(const xmlNode *element);
