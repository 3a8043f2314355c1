/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The log itself: who wants a message, and writing it to the outputs. One lock guards the lists; the check whether a
 * message is wanted takes none, it compares a generation number that changes with the lists. */

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/uio.h>
#include <syslog.h>
#include <time.h>

#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "base/log-spec.h"
#include "base/log.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

enum { LOG_FILE_MODE = 0600, LEVEL_DEFAULT = VH_LOG_WARNING };

/* One message on its way to the outputs. */
typedef struct Message {
        const VhLogSource *source;
        VhLogLevel level;
        const char *file;
        int line;
        const char *func;
        const char *text;
        const char *stamped; /* the whole line for stderr and files */
        int stamped_len;
} Message;

static struct {
        pthread_mutex_t lock;
        int level;
        VhLogFilters filters;
        VhLogOutputs outputs; /* none: stderr */
        char *name;           /* of the defaults */
        char *dir;
        bool daemonized;
        char *syslog_ident; /* syslog keeps a pointer to it */
} state = { .lock = PTHREAD_MUTEX_INITIALIZER, .level = LEVEL_DEFAULT };

unsigned vh_log_generation = 1;

static const int syslog_levels[] = { 0, LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERR };

static void write_stderr(VhLogOutput *o, const Message *m)
{
        (void)!write(STDERR_FILENO, m->stamped, (size_t)m->stamped_len);
}

static void write_file(VhLogOutput *o, const Message *m)
{
        (void)!write(o->fd, m->stamped, (size_t)m->stamped_len);
}

static void write_syslog(VhLogOutput *o, const Message *m)
{
        syslog(syslog_levels[m->level], "%s", m->text);
}

static void write_journald(VhLogOutput *o, const Message *m)
{
        sd_journal_send("MESSAGE=%s", m->text, "PRIORITY=%d", syslog_levels[m->level], "LIBVIRT_SOURCE=%s",
                        m->source->name, "CODE_FILE=%s", m->file, "CODE_LINE=%d", m->line, "CODE_FUNC=%s", m->func,
                        "SYSLOG_IDENTIFIER=%s", state.name ? state.name : "virthost", NULL);
}

static void (*const writers[VH_LOG_TO_MAX])(VhLogOutput *, const Message *) = {
        [VH_LOG_TO_STDERR] = write_stderr,
        [VH_LOG_TO_JOURNALD] = write_journald,
        [VH_LOG_TO_SYSLOG] = write_syslog,
        [VH_LOG_TO_FILE] = write_file,
};

static int level_for(const char *source)
{
        for (unsigned i = 0; i < state.filters.n; i++)
                if (fnmatch(state.filters.items[i].match, source, 0) == 0)
                        return state.filters.items[i].level;
        return state.level;
}

void vh_log_update(VhLogSource *source)
{
        pthread_mutex_lock(&state.lock);
        __atomic_store_n(&source->level, level_for(source->name), __ATOMIC_RELAXED);
        __atomic_store_n(&source->generation, vh_log_generation, __ATOMIC_RELEASE);
        pthread_mutex_unlock(&state.lock);
}

/* Called with the lock held. */
static void invalidate_sources(void)
{
        __atomic_add_fetch(&vh_log_generation, 1, __ATOMIC_RELEASE);
}

static int stamp(char **ret, const Message *m)
{
        char when[32];
        struct timespec now;
        struct tm tm;
        int n;

        clock_gettime(CLOCK_REALTIME, &now);
        gmtime_r(&now.tv_sec, &tm);
        strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
        n = asprintf(ret, "%s.%03ld+0000: %d: %s : %s:%d : %s\n", when, now.tv_nsec / 1000000, gettid(),
                     vh_log_level_name((int)m->level), m->func, m->line, m->text);
        return n;
}

static void deliver(const Message *m)
{
        VhLogOutput fallback = { .level = state.level, .dest = VH_LOG_TO_STDERR, .fd = -1 };

        if (state.outputs.n == 0 && (int)m->level >= fallback.level)
                write_stderr(&fallback, m);
        for (unsigned i = 0; i < state.outputs.n; i++)
                if ((int)m->level >= state.outputs.items[i].level)
                        writers[state.outputs.items[i].dest](&state.outputs.items[i], m);
}

void vh_log_write(const VhLogSource *source, VhLogLevel level, const char *file, int line, const char *func,
                  const char *fmt, ...)
{
        Message m = { .source = source, .level = level, .file = file, .line = line, .func = func };
        char *text = NULL;
        char *stamped = NULL;
        int saved = errno;
        va_list ap;

        va_start(ap, fmt);
        if (vasprintf(&text, fmt, ap) < 0)
                text = NULL;
        va_end(ap);
        m.text = text ? text : fmt;
        m.stamped_len = stamp(&stamped, &m);
        m.stamped = stamped;
        if (m.stamped_len > 0) {
                pthread_mutex_lock(&state.lock);
                deliver(&m);
                pthread_mutex_unlock(&state.lock);
                free(stamped);
        }
        free(text);
        errno = saved;
}

static void add_default_output(VhLogOutputs *o, int level)
{
        bool background = state.daemonized || !isatty(STDIN_FILENO);

        /* A journal drowned in debug messages drops those that matter. */
        if (background && access(JOURNAL_SOCKET, W_OK) == 0) {
                vh_log_outputs_add(o, VH_MAX(level, (int)VH_LOG_INFO), VH_LOG_TO_JOURNALD, NULL);
        } else if (state.daemonized && state.dir) {
                _vh_free_ char *path = vh_xasprintf("%s/%s.log", state.dir, state.name);

                vh_log_outputs_add(o, level, VH_LOG_TO_FILE, path);
        } else {
                vh_log_outputs_add(o, level, VH_LOG_TO_STDERR, NULL);
        }
}

static int open_files(VhLogOutputs *o, VhError **err)
{
        for (unsigned i = 0; i < o->n; i++) {
                VhLogOutput *x = &o->items[i];

                if (x->dest != VH_LOG_TO_FILE)
                        continue;
                x->fd = open(x->target, O_CREAT | O_APPEND | O_WRONLY | O_CLOEXEC | O_NOCTTY, LOG_FILE_MODE);
                if (x->fd < 0)
                        return vh_error_sys(err, VIR_FROM_NONE, errno, "failed to open %s", x->target);
        }
        return 0;
}

/* Makes ready-to-use outputs out of text ("" or NULL: the default). */
static int outputs_new(VhLogOutputs *ret, const char *text, int level, VhError **err)
{
        int r = vh_log_outputs_parse(ret, text ? text : "", err);

        if (r < 0)
                return r;
        if (ret->n == 0)
                add_default_output(ret, level);
        r = open_files(ret, err);
        if (r < 0)
                vh_log_outputs_done(ret);
        return r;
}

/* Takes the outputs over. Called with the lock held. */
static void install_outputs(VhLogOutputs *o)
{
        vh_log_outputs_done(&state.outputs);
        state.outputs = *o;
        for (unsigned i = 0; i < o->n; i++) {
                if (o->items[i].dest != VH_LOG_TO_SYSLOG)
                        continue;
                closelog();
                vh_strset(&state.syslog_ident, o->items[i].target);
                openlog(state.syslog_ident, LOG_PID, LOG_DAEMON);
        }
}

static void install_filters(VhLogFilters *f)
{
        vh_log_filters_done(&state.filters);
        state.filters = *f;
        invalidate_sources();
}

int vh_log_set_outputs(const char *text, VhError **err)
{
        VhLogOutputs o = { 0 };
        int r = outputs_new(&o, text, state.level, err);

        if (r < 0)
                return r;
        pthread_mutex_lock(&state.lock);
        install_outputs(&o);
        pthread_mutex_unlock(&state.lock);
        return 0;
}

int vh_log_set_filters(const char *text, VhError **err)
{
        VhLogFilters f = { 0 };
        int r = vh_log_filters_parse(&f, text ? text : "", err);

        if (r < 0)
                return r;
        pthread_mutex_lock(&state.lock);
        install_filters(&f);
        pthread_mutex_unlock(&state.lock);
        return 0;
}

char *vh_log_get_filters(unsigned *n)
{
        char *text;

        pthread_mutex_lock(&state.lock);
        text = vh_log_filters_format(&state.filters);
        if (n)
                *n = state.filters.n;
        pthread_mutex_unlock(&state.lock);
        return text;
}

char *vh_log_get_outputs(unsigned *n)
{
        char *text;

        pthread_mutex_lock(&state.lock);
        text = vh_log_outputs_format(&state.outputs);
        if (n)
                *n = state.outputs.n;
        pthread_mutex_unlock(&state.lock);
        return text;
}

static void complain(const char *variable, VhError *e)
{
        VH_LOG_SOURCE("util.log");

        vh_log_warning("%s is ignored: %s", variable, vh_error_text(e, -EINVAL));
}

/* The value of an environment variable, NULL if it is unset or empty. */
static const char *env_get(const char *name)
{
        const char *v = getenv(name);

        return v && *v ? v : NULL;
}

static int effective_level(const VhLogSettings *s)
{
        int level = s->level ? (int)s->level : LEVEL_DEFAULT;
        const char *env = env_get("LIBVIRT_DEBUG");

        if (env) {
                int r = vh_log_level_parse(env);

                if (r > 0)
                        level = r;
                else
                        complain("LIBVIRT_DEBUG", NULL);
        }
        if (s->verbose && level > VH_LOG_INFO)
                level = VH_LOG_INFO;
        return level;
}

/* The variables come last, so that a bad one leaves what the file says in place. */
static void apply_environment(void)
{
        static const struct {
                const char *name;
                int (*set)(const char *text, VhError **err);
        } variables[] = {
                { "LIBVIRT_LOG_FILTERS", vh_log_set_filters },
                { "LIBVIRT_LOG_OUTPUTS", vh_log_set_outputs },
        };

        for (size_t i = 0; i < VH_ARRAY_SIZE(variables); i++) {
                _vh_error_ VhError *err = NULL;
                const char *v = env_get(variables[i].name);

                if (v && variables[i].set(v, &err) < 0)
                        complain(variables[i].name, err);
        }
}

int vh_log_setup(const VhLogSettings *s, VhError **err)
{
        VhLogFilters filters = { 0 };
        VhLogOutputs outputs = { 0 };
        int level = effective_level(s);
        int r;

        if (s->level > VH_LOG_ERROR)
                return vh_error_set(err, VIR_FROM_CONF, VIR_ERR_CONF_SYNTAX, "log_level must be 0 to %d, not %u",
                                    VH_LOG_ERROR, s->level);
        r = vh_log_filters_parse(&filters, s->filters ? s->filters : "", err);
        if (r < 0)
                return r;
        vh_strset(&state.name, s->defaults.name);
        vh_strset(&state.dir, s->defaults.dir);
        state.daemonized = s->defaults.daemonized;
        r = outputs_new(&outputs, s->outputs, level, err);
        if (r < 0) {
                vh_log_filters_done(&filters);
                return r;
        }
        pthread_mutex_lock(&state.lock);
        state.level = level;
        install_filters(&filters);
        install_outputs(&outputs);
        pthread_mutex_unlock(&state.lock);
        apply_environment();
        return 0;
}

void vh_log_done(void)
{
        pthread_mutex_lock(&state.lock);
        vh_log_filters_done(&state.filters);
        vh_log_outputs_done(&state.outputs);
        closelog();
        vh_strset(&state.name, NULL);
        vh_strset(&state.dir, NULL);
        vh_strset(&state.syslog_ident, NULL);
        invalidate_sources();
        pthread_mutex_unlock(&state.lock);
}
