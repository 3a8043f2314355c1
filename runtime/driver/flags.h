/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Every call with flags refuses those that it does not know: a client that asks for something new must not get the old
 * thing. */

#include "base/error.h"

/* Returns 0, or -EINVAL with VIR_ERR_INVALID_ARG from domain (VIR_FROM_*) naming func, the function that the reference
 * names. */
static inline int vh_check_flags(uint32_t flags, uint32_t allowed, int domain, const char *func, VhError **err)
{
        if (!(flags & ~allowed))
                return 0;
        return vh_error_plain(err, domain, VIR_ERR_INVALID_ARG, "unsupported flags (0x%x) in function %s",
                              flags & ~allowed, func);
}
