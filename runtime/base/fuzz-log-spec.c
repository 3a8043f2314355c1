/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any text as filters and as outputs: what is accepted must survive being written and read again. */

#include "base/log-spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void round_trip_outputs(const char *text)
{
        VhLogOutputs a = { 0 };
        VhLogOutputs b = { 0 };

        if (vh_log_outputs_parse(&a, text, NULL) >= 0) {
                _vh_free_ char *once = vh_log_outputs_format(&a);

                if (once && vh_log_outputs_parse(&b, once, NULL) >= 0) {
                        _vh_free_ char *twice = vh_log_outputs_format(&b);

                        if (!vh_streq(once, twice))
                                abort();
                }
        }
        vh_log_outputs_done(&a);
        vh_log_outputs_done(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _vh_free_ char *text = vh_xstrndup((const char *)data, size);
        VhLogFilters f = { 0 };

        if (vh_log_filters_parse(&f, text, NULL) >= 0)
                free(vh_log_filters_format(&f));
        vh_log_filters_done(&f);
        round_trip_outputs(text);
        return 0;
}
