/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Text to filters and outputs and back. Error texts are those that clients know. */

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/log-spec.h"

enum { FIELDS_MAX = 3 };

static const struct {
        const char *name;
        bool has_target;
} dests[VH_LOG_TO_MAX] = {
        [VH_LOG_TO_STDERR] = { "stderr", false },
        [VH_LOG_TO_JOURNALD] = { "journald", false },
        [VH_LOG_TO_SYSLOG] = { "syslog", true },
        [VH_LOG_TO_FILE] = { "file", true },
};

static const char *const level_names[] = { NULL, "debug", "info", "warning", "error" };

const char *vh_log_level_name(int level)
{
        return level_names[level];
}

/* One blank-separated entry, cut at its colons: fields point into word. */
typedef struct Entry {
        char *word;  /* untouched, for messages */
        char *parts; /* cut */
        char *field[FIELDS_MAX];
        unsigned n_fields; /* all of them, more than FIELDS_MAX if there are */
} Entry;

static void entry_done(Entry *e)
{
        free(e->word);
        free(e->parts);
}

static void entry_split(Entry *e)
{
        e->parts = vh_xstrdup(e->word);
        for (char *p = e->parts; p; e->n_fields++) {
                char *colon = strchr(p, ':');

                if (colon)
                        *colon++ = '\0';
                if (e->n_fields < FIELDS_MAX)
                        e->field[e->n_fields] = p;
                p = colon;
        }
}

/* Takes the next entry from *text; false at the end. The caller calls entry_done(). */
static bool entry_next(Entry *e, const char **text)
{
        const char *p = *text + strspn(*text, " ");
        size_t n = strcspn(p, " ");

        *e = (Entry){ 0 };
        *text = p + n;
        if (n == 0)
                return false;
        e->word = vh_xstrndup(p, n);
        entry_split(e);
        return true;
}

/* 1 to 4, or -EINVAL. */
static int level_number(const char *s)
{
        unsigned v;

        if (vh_parse_uint(s, &v) < 0 || v < VH_LOG_DEBUG || v > VH_LOG_ERROR)
                return -EINVAL;
        return (int)v;
}

int vh_log_level_parse(const char *text)
{
        for (int i = VH_LOG_DEBUG; i <= VH_LOG_ERROR; i++)
                if (vh_streq(text, level_names[i]))
                        return i;
        return level_number(text);
}

static int filter_parse(VhLogFilter *ret, const Entry *e, VhError **err)
{
        const char *level = e->field[0];
        const char *match = e->field[1];

        if (e->n_fields < 2)
                return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_INVALID_ARG, "Malformed format for filter '%s'",
                                    e->word);
        /* An old form asked for stack traces with a plus; it is still written and means nothing. */
        if (*level == '+')
                level++;
        ret->level = level_number(level);
        if (ret->level < 0)
                return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_INVALID_ARG, "Invalid priority '%s' for filter '%s'",
                                    level, e->word);
        if (*match == '+')
                match++;
        if (!*match)
                return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_INVALID_ARG, "Invalid match string '%s'", match);
        ret->match = vh_xasprintf("*%s*", match);
        return 0;
}

int vh_log_filters_parse(VhLogFilters *ret, const char *text, VhError **err)
{
        VhLogFilters f = { 0 };
        Entry e;
        int r = 0;

        while (r >= 0 && entry_next(&e, &text)) {
                VhLogFilter item = { 0 };

                r = filter_parse(&item, &e, err);
                if (r >= 0) {
                        f.items = vh_xrealloc(f.items, f.n + 1, sizeof(*f.items));
                        f.items[f.n++] = item;
                }
                entry_done(&e);
        }
        if (r < 0)
                vh_log_filters_done(&f);
        *ret = f;
        return r;
}

static int dest_find(const char *name)
{
        for (int i = 0; i < VH_LOG_TO_MAX; i++)
                if (vh_streq(dests[i].name, name))
                        return i;
        return -1;
}

static char *absolute_path(const char *path)
{
        char cwd[PATH_MAX];

        if (*path == '/' || !getcwd(cwd, sizeof(cwd)))
                return vh_xstrdup(path);
        return vh_xasprintf("%s%s%s", cwd, *path ? "/" : "", path);
}

/* The first reason why the entry is no output; sets level and dest. */
static int output_check(VhLogOutput *ret, const Entry *e, VhError **err)
{
        int dest;

        if (e->n_fields < 2)
                return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_INVALID_ARG, "Malformed format for log output '%s'",
                                    e->word);
        ret->level = level_number(e->field[0]);
        if (ret->level < 0)
                return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_INVALID_ARG,
                                    "Invalid log priority '%s' for log output '%s'", e->field[0], e->word);
        dest = dest_find(e->field[1]);
        if (dest < 0)
                return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_INVALID_ARG,
                                    "Invalid log destination '%s' for log output '%s'", e->field[1], e->word);
        if (e->n_fields != (dests[dest].has_target ? 3 : 2))
                return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_INVALID_ARG,
                                    "Log output '%s' does not meet the format requirements for destination type '%s'",
                                    e->word, dests[dest].name);
        ret->dest = (VhLogDest)dest;
        return 0;
}

static void output_drop_same(VhLogOutputs *o, VhLogDest dest, const char *target)
{
        for (unsigned i = 0; i < o->n; i++) {
                if (o->items[i].dest != dest || !vh_streq(o->items[i].target, target))
                        continue;
                free(o->items[i].target);
                o->n--;
                memmove(&o->items[i], &o->items[i + 1], (o->n - i) * sizeof(*o->items));
                return;
        }
}

void vh_log_outputs_add(VhLogOutputs *o, int level, VhLogDest dest, const char *target)
{
        output_drop_same(o, dest, target);
        o->items = vh_xrealloc(o->items, o->n + 1, sizeof(*o->items));
        o->items[o->n++] = (VhLogOutput){ .level = level, .dest = dest, .target = vh_xstrdup(target), .fd = -1 };
}

int vh_log_outputs_parse(VhLogOutputs *ret, const char *text, VhError **err)
{
        VhLogOutputs o = { 0 };
        Entry e;
        int r = 0;

        while (r >= 0 && entry_next(&e, &text)) {
                VhLogOutput item = { .fd = -1 };

                r = output_check(&item, &e, err);
                if (r >= 0) {
                        _vh_free_ char *target = NULL;

                        if (item.dest == VH_LOG_TO_FILE)
                                target = absolute_path(e.field[2]);
                        else
                                target = vh_xstrdup(e.field[2]);
                        vh_log_outputs_add(&o, item.level, item.dest, target);
                }
                entry_done(&e);
        }
        if (r < 0)
                vh_log_outputs_done(&o);
        *ret = o;
        return r;
}

char *vh_log_filters_format(const VhLogFilters *f)
{
        VhBuf b = { 0 };

        if (f->n == 0)
                return NULL;
        /* The blank behind the last one is what clients have always been shown. */
        for (unsigned i = 0; i < f->n; i++)
                vh_buf_printf(&b, "%d:%s ", f->items[i].level, f->items[i].match);
        return vh_buf_take(&b);
}

char *vh_log_outputs_format(const VhLogOutputs *o)
{
        VhBuf b = { 0 };

        if (o->n == 0)
                return NULL;
        for (unsigned i = 0; i < o->n; i++) {
                const VhLogOutput *x = &o->items[i];

                vh_buf_printf(&b, "%s%d:%s", i ? " " : "", x->level, dests[x->dest].name);
                if (x->target)
                        vh_buf_printf(&b, ":%s", x->target);
        }
        return vh_buf_take(&b);
}

void vh_log_filters_done(VhLogFilters *f)
{
        for (unsigned i = 0; i < f->n; i++)
                free(f->items[i].match);
        free(f->items);
        *f = (VhLogFilters){ 0 };
}

void vh_log_outputs_done(VhLogOutputs *o)
{
        for (unsigned i = 0; i < o->n; i++) {
                vh_closep(&o->items[i].fd);
                free(o->items[i].target);
        }
        free(o->items);
        *o = (VhLogOutputs){ 0 };
}
