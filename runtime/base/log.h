/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The daemon's log, the one global object of a process.
 *
 * A message has a level and comes from a source ("rpc.server"). Filters decide by source which levels are produced,
 * outputs decide by level where they go. Both are set as text in the syntax of the log_filters and log_outputs
 * options and can be changed while the daemon runs. A message that nobody wants costs two loads and a comparison: its
 * arguments are not evaluated.
 *
 * Only daemons and tools log; libraries return errors. Never log payloads, secrets or passwords. */

#include "base/error.h"

typedef enum VhLogLevel {
        VH_LOG_DEBUG = 1,
        VH_LOG_INFO,
        VH_LOG_WARNING,
        VH_LOG_ERROR,
} VhLogLevel;

/* Where messages come from: one static object a file, made by VH_LOG_SOURCE(). */
typedef struct VhLogSource {
        const char *name;
        unsigned generation; /* of the filters that level was computed from */
        int level;           /* lowest level that is produced */
} VhLogSource;

/* Declares this file's source; the log macros below need it. */
#define VH_LOG_SOURCE(source_name) static VhLogSource vh_log_self = { .name = (source_name) }

extern unsigned vh_log_generation;

/* Recomputes the level of source after the filters or the level changed. */
void vh_log_update(VhLogSource *source);

static inline bool vh_log_wants(VhLogSource *source, VhLogLevel level)
{
        if (__atomic_load_n(&source->generation, __ATOMIC_ACQUIRE) !=
            __atomic_load_n(&vh_log_generation, __ATOMIC_ACQUIRE))
                vh_log_update(source);
        return (int)level >= __atomic_load_n(&source->level, __ATOMIC_RELAXED);
}

void vh_log_write(const VhLogSource *source, VhLogLevel level, const char *file, int line, const char *func,
                  const char *fmt, ...) _vh_printf_(6, 7);

#define vh_log(level, ...)                                                                                             \
        do {                                                                                                           \
                if (vh_log_wants(&vh_log_self, (level)))                                                               \
                        vh_log_write(&vh_log_self, (level), __FILE__, __LINE__, __func__, __VA_ARGS__);                \
        } while (0)
#define vh_log_debug(...)   vh_log(VH_LOG_DEBUG, __VA_ARGS__)
#define vh_log_info(...)    vh_log(VH_LOG_INFO, __VA_ARGS__)
#define vh_log_warning(...) vh_log(VH_LOG_WARNING, __VA_ARGS__)
#define vh_log_error(...)   vh_log(VH_LOG_ERROR, __VA_ARGS__)

/* Where messages go when no outputs are configured. */
typedef struct VhLogDefaults {
        const char *name; /* of the daemon, the journal's identifier */
        const char *dir;  /* for a daemonized process without journal: dir/name.log */
        bool daemonized;
} VhLogDefaults;

/* Everything that start-up knows about logging. Strings may be NULL: not given. */
typedef struct VhLogSettings {
        VhLogDefaults defaults;
        unsigned level; /* 1 to 4, 0 = default (warning) */
        const char *filters;
        const char *outputs;
        bool verbose; /* at least info */
} VhLogSettings;

/* Sets up the log from the settings and from LIBVIRT_DEBUG, LIBVIRT_LOG_FILTERS and LIBVIRT_LOG_OUTPUTS, which are
 * stronger than the settings (verbose is stronger than both). Before this call the log goes to stderr at warning.
 * Returns 0, or a negative errno with *err; nothing has changed then. A variable that makes no sense is reported in
 * the log and otherwise ignored. */
int vh_log_setup(const VhLogSettings *settings, VhError **err);

/* Replace all filters or outputs. NULL or "": no filters, the default output. Return 0, or a negative errno with
 * *err; nothing has changed then. */
int vh_log_set_filters(const char *text, VhError **err);
int vh_log_set_outputs(const char *text, VhError **err);

/* The present filters ("1:*rpc* 3:*util*") and outputs ("3:stderr") as text that the setters accept; the caller frees
 * it. NULL if there are none. *n (if wanted) is their number. */
char *vh_log_get_filters(unsigned *n);
char *vh_log_get_outputs(unsigned *n);

/* Closes outputs and frees everything, at the end of main(). */
void vh_log_done(void);
