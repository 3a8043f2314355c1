/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Inside of the calls about snapshots and checkpoints. */

#include "api.h"
#include "driver/flags.h"
#include "driver/moment-ops.h"

/* How a kind's moments are filtered. */
typedef struct VhMomentKind {
        VhListFilter filter;
        uint32_t (*facts)(const VhMoment *m);
} VhMomentKind;

/* Flags of both kinds have the same numbers: 1 is "roots only" for a domain and "all descendants" for a moment. */
enum { VH_MOMENTS_ROOTS = 1 << 0 };

/* The moments of a list, or those below one, that pass the filter; memory of the call. */
VhMoment **vh_moments(VhCall *call, const VhMomentList *list, const VhMomentKind *kind, const VhMoment *below,
                      uint32_t flags, uint32_t *n);
