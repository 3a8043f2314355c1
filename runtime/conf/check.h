/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One value against the description of its option, for every place values come from. */

#include "conf/conf.h"

typedef enum VhValueFault {
        VH_VALUE_OK,
        VH_VALUE_TYPE,
        VH_VALUE_RANGE,
        VH_VALUE_CHOICE,
        VH_VALUE_FORMAT,
} VhValueFault;

/* *culprit becomes the value itself or the list element that is wrong. */
VhValueFault vh_option_check(const VhOptionDesc *o, const VhConfValue *v, const VhConfValue **culprit);
/* The option of desc that name may have meant, or NULL. */
const char *vh_option_suggest(const VhConfDesc *desc, const char *name);
/* Does a text look as the format wants? vh_option_expects() has the words for it. */
bool vh_format_matches(VhOptionFormat format, const char *s);
