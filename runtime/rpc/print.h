/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Frames for people, for debugging. Not shown are values that the description calls secret, strings that speak of a
 * password, and typed parameters whose name speaks of a password, secret or token. Long values and lists are cut. */

#include "base/buf.h"
#include "rpc/codec.h"
#include "rpc/proc.h"

/* Environment variable: every connection prints its frames to stderr if it is set to something other than "" or "0". */
#define VH_RPC_DEBUG_ENV "VIRTHOST_RPC_DEBUG"

/* Adds one line without newline for a complete frame (from the length word on), such as
 *   remote DOMAIN_LOOKUP_BY_NAME call serial=4 {name="web"}
 * bytes may be anything; what cannot be read is said to be so. programs is NULL-terminated (vh_programs). */
void vh_print_frame(VhBuf *out, const VhProgram *const *programs, const uint8_t *bytes, size_t len);

/* True if VH_RPC_DEBUG_ENV asks for it. */
bool vh_print_wanted(void);
/* Writes a line with a frame that came ('<') or goes ('>') on a connection to stderr. */
void vh_print_traced(int fd, char direction, const uint8_t *bytes, size_t len);

/* Adds a value: {name="web", flags=0x1}. */
void vh_print_value(VhBuf *out, const VhXdrType *type, const void *p);
