/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What clients of virtlogd can send, and what a program before it can leave. */

#include "calls.h"
#include "helper.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        fuzz_helper(&log_helper, "virtlogd", "max_size = 64\nmax_backups = 2\n", data, size);
        return 0;
}
