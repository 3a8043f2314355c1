/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What virtlogd does, as service/daemon.h wants it. */

#include "service/helper.h"

extern const VhHelper log_helper;
