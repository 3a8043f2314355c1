/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The error contract (docs/ARCHITECTURE.md, "Errors").
 *
 * A function that can fail returns a negative errno. Where the reason is known it also makes a VhError: the function
 * takes a last parameter `VhError **err`, which may be NULL if the caller does not want the text. Callers forward the
 * number and leave the object alone, or add context with vh_error_prefix(). Nothing below service/ logs.
 *
 * Codes (VIR_ERR_*) and domains (VIR_FROM_*) are those of the wire; base/errors.yaml lists them with the text that
 * clients match on. rpc/wire-error.c is the one place that turns an object into bytes. */

#include "base/util.h"
#include "errcodes.h" /* generated from base/errors.yaml: enums, vh_error_template() */

typedef struct VhError {
        int domain;    /* VIR_FROM_*, the part of the system that reports */
        int code;      /* VIR_ERR_* */
        char *message; /* finished text: the code's template around the detail */
        char *detail;  /* the detail alone, NULL if none was given */
        int int1;      /* errno of a failed system call with VIR_ERR_SYSTEM_ERROR, else -1 */
        int int2;      /* -1 unless the code defines it */
} VhError;

/* Makes the error (an earlier one in *err is dropped) and returns the negative errno that fits the code, so that a
 * caller can write `return vh_error_set(...)`. fmt may be NULL: the code's bare text is used. err may be NULL. */
int vh_error_set(VhError **err, int domain, int code, const char *fmt, ...) _vh_printf_(4, 5);

/* The same for a failed system call: code VIR_ERR_SYSTEM_ERROR, the text of errnum behind the detail, int1 = errnum.
 * errnum may be positive or negative. Returns -|errnum|. */
int vh_error_sys(VhError **err, int domain, int errnum, const char *fmt, ...) _vh_printf_(4, 5);

/* The same with a message that is finished as it stands: the code's template is not put around it. So the reference
 * reports arguments that are refused before a driver sees them. */
int vh_error_plain(VhError **err, int domain, int code, const char *fmt, ...) _vh_printf_(4, 5);

/* Puts "context: " before the detail of an error that is there already; nothing happens otherwise. */
void vh_error_prefix(VhError **err, const char *fmt, ...) _vh_printf_(2, 3);

/* Text for people: the message, or the name of the errno r when no object was made. Never NULL; owned by err or static.
 */
const char *vh_error_text(const VhError *err, int r);

VhError *vh_error_copy(const VhError *err);
/* Frees; accepts NULL, returns NULL. */
VhError *vh_error_free(VhError *err);
/* Frees *err and makes it NULL. */
void vh_error_clear(VhError **err);

VH_DEFINE_CLEANUP(VhError *, vh_error_free)
#define _vh_error_ _vh_cleanup_(vh_error_freep)
