/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Secrets on their way into QEMU: encrypted with a key that only this guest's QEMU has. */

#include <jansson.h>

#include "base/error.h"

enum { QEMU_MASTER_KEY_LEN = 32 };

/* value (n bytes) as the object `id` for -object and object-add, encrypted with the master key. Loads libgnutls the
 * first time. Returns 0 with *object (the caller's), or negative errno with *err. */
int qemu_secret_seal(const uint8_t key[QEMU_MASTER_KEY_LEN], const void *value, size_t n, const char *id,
                     json_t **object, VhError **err);
