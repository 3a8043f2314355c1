/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Definitions as text for others: clients, other hosts, saved images. */

#include "model/domain.h"

/* Makes of a definition the one that older daemons read too: without the devices that every host adds by itself, with
 * controllers in order. */
void qemu_make_migratable(VhDomainDef *def);

/* The text of such a copy, with passwords, as it would be defined; the caller frees it. */
char *qemu_migratable_text(const VhDomainDef *def);
