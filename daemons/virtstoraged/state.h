/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The file in /run that says that a pool runs, as libvirt writes it: <poolstate> around the definition. */

#include "model/storage-pool.h"

/* The caller frees it. */
char *storage_state_format(const VhPoolDef *def);
/* Returns 0, or negative errno with *err. */
int storage_state_parse(const char *text, VhPoolDef **ret, VhError **err);
