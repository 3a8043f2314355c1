/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Capabilities in status files. */

#include "caps.h"

/* Appends <qemuCaps>, at an indent of two. */
void qemu_caps_flags_format(const QemuCaps *caps, VhBuf *b);
