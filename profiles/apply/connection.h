/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Over which connection this process was started: a confirmation that comes over the old one proves nothing about
 * listeners that changed. */

#include "base/util.h"

/* What sshd says of the connection, without blanks; NULL if there is no ssh. The caller frees it. */
char *vh_connection_name(void);
/* Clock ticks since boot at which the session of this process began; 0 if that cannot be found out. */
uint64_t vh_connection_start(void);
