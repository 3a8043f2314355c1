/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The text form of log filters and outputs. Pure text work: nothing is opened here. */

#include "base/log.h"

typedef struct VhLogFilter {
        int level;
        char *match; /* shell pattern for the source's name */
} VhLogFilter;

typedef struct VhLogFilters {
        VhLogFilter *items;
        unsigned n;
} VhLogFilters;

typedef enum VhLogDest {
        VH_LOG_TO_STDERR,
        VH_LOG_TO_JOURNALD,
        VH_LOG_TO_SYSLOG,
        VH_LOG_TO_FILE,
        VH_LOG_TO_MAX,
} VhLogDest;

typedef struct VhLogOutput {
        int level;
        VhLogDest dest;
        char *target; /* syslog identifier or absolute file path, else NULL */
        int fd;       /* of an open file, else -1 */
} VhLogOutput;

typedef struct VhLogOutputs {
        VhLogOutput *items;
        unsigned n;
} VhLogOutputs;

/* Parse "LEVEL:MATCH LEVEL:MATCH ..." and "LEVEL:DEST[:TARGET] ...". Of two outputs with the same destination and
 * target the last one counts. *ret must be empty; it stays empty on failure. */
int vh_log_filters_parse(VhLogFilters *ret, const char *text, VhError **err);
int vh_log_outputs_parse(VhLogOutputs *ret, const char *text, VhError **err);

/* The inverse; the caller frees it; NULL if there are none. */
char *vh_log_filters_format(const VhLogFilters *f);
char *vh_log_outputs_format(const VhLogOutputs *o);

/* Adds an output; target is copied. */
void vh_log_outputs_add(VhLogOutputs *o, int level, VhLogDest dest, const char *target);

/* "debug" to "error"; level must be one of VhLogLevel. */
const char *vh_log_level_name(int level);
/* "debug", "info", "warning", "error" or 1 to 4. Returns the level or -EINVAL. */
int vh_log_level_parse(const char *text);

void vh_log_filters_done(VhLogFilters *f);
/* Closes files too. */
void vh_log_outputs_done(VhLogOutputs *o);
