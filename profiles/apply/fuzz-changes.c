/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whatever text comes as a plan or a journal: it is refused, or it means the same after being written and read again.
 */

#include "apply/changes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _vh_changes_ VhChangeSet set = { 0 }, again = { 0 }, inverse = { 0 };
        _vh_buf_ VhBuf first = { 0 }, second = { 0 };

        if (vh_changes_parse(&set, "fuzz", (const char *)data, size, NULL) < 0)
                return 0;
        vh_changes_format(&set, &first);
        if (vh_changes_parse(&again, "fuzz", first.data, first.len, NULL) < 0)
                abort();
        vh_changes_format(&again, &second);
        if (first.len != second.len || memcmp(first.data, second.data, first.len) != 0)
                abort();
        vh_changes_invert(&inverse, &set);
        return 0;
}
