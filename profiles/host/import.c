/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From a survey to the text of a profile: layout and drivers from the units that are enabled, settings from the files
 * that somebody reads, the rest from drop-ins and environment files. */

#include "host/import-priv.h"
#include "conf/check.h"

#include <inttypes.h>

VhFinding *vh_import_lose(const Import *im, const char *code, const char *file, unsigned line, unsigned column,
                          unsigned width, const char *text)
{
        VhFinding *n = vh_findings_add(im->lost, VH_SEVERITY_WARNING, code, file, line, column, "%s", text);

        if (n)
                n->width = width;
        return n;
}

static VhFinding *lose_key(const Import *im, const char *code, const VhSurveyConf *c, const VhConfEntry *e,
                           const char *text)
{
        return vh_import_lose(im, code, c->path, e->line, e->column, (unsigned)strlen(e->name), text);
}

VhFinding *vh_import_lose_line(const Import *im, const VhUnitLine *u, const char *text)
{
        return vh_import_lose(im, "import-lost", u->file, u->line, u->column, u->width, text);
}

void vh_import_put_text(const Import *im, const char *s)
{
        vh_buf_addc(im->out, '"');
        for (; *s; s++) {
                if ((unsigned char)*s < 0x20 || *s == 0x7f)
                        vh_buf_printf(im->out, "\\x%02x", (unsigned char)*s);
                else if (*s == '"' || *s == '\\')
                        vh_buf_printf(im->out, "\\%c", *s);
                else
                        vh_buf_addc(im->out, *s);
        }
        vh_buf_addc(im->out, '"');
}

static void put_value(const Import *im, const VhOptionDesc *o, const VhConfValue *v)
{
        switch (v->kind) {
        case VH_CONF_UINT:
                if (o->type == VH_OPTION_BOOL)
                        vh_buf_adds(im->out, v->u ? "true" : "false");
                else
                        vh_buf_printf(im->out, "%" PRIu64, v->u);
                return;
        case VH_CONF_INT:
                vh_buf_printf(im->out, "%" PRId64, v->i);
                return;
        case VH_CONF_STRING:
                vh_import_put_text(im, v->str);
                return;
        case VH_CONF_LIST:
                vh_buf_addc(im->out, '[');
                for (size_t i = 0; i < v->list.n; i++) {
                        vh_buf_adds(im->out, i ? ", " : "");
                        put_value(im, o, &v->list.items[i]);
                }
                vh_buf_addc(im->out, ']');
                return;
        }
}

/* Daemons */

/* A setting, or why there is none. */
static bool is_expressible(const Import *im, const VhSurveyConf *c, const VhConfEntry *e, const VhOptionDesc *o)
{
        const VhConfValue *culprit;

        if (e->shadowed)
                lose_key(im, "import-dropped", c, e, "the key is set before; this has no effect");
        else if (!o)
                lose_key(im, "import-lost", c, e, "not a key of this file");
        else if (o->obsolete)
                lose_key(im, "import-dropped", c, e, "the key has no effect any more");
        else if (o->secret)
                vh_finding_hint(im->lost,
                                lose_key(im, "import-lost", c, e, "a password does not belong into a profile"),
                                "put it into a file of its own and write %s: {file: PATH}", o->name);
        else if (vh_option_check(o, &e->value, &culprit) != VH_VALUE_OK)
                lose_key(im, "import-lost", c, e, "the value does not fit its key");
        else
                return true;
        return false;
}

static void put_entries(const Import *im, const VhSurveyConf *c, const char *indent, const char *head, bool replaced)
{
        bool any = false;

        for (const VhConfEntry *e = c->conf ? vh_conf_first(c->conf) : NULL; e; e = e->next) {
                const VhOptionDesc *o = vh_conf_desc_option(c->desc, e->name);

                if (!is_expressible(im, c, e, o))
                        continue;
                if (replaced && o->replaced_by != VH_REPLACED_NOT) {
                        lose_key(im, "import-dropped", c, e, "it has no effect: systemd makes the sockets");
                        continue;
                }
                vh_buf_printf(im->out, "%s%s%s: ", any ? "" : head, indent, e->name);
                put_value(im, o, &e->value);
                vh_buf_addc(im->out, '\n');
                any = true;
        }
}

/* What a drop-in of a socket says in the place of a key. */
static void put_socket_setting(const Import *im, const VhSurveyUnit *u, const char *key, const char *directive,
                               bool *begun)
{
        const VhUnitLine *l = vh_import_changed(u, "Socket", directive);

        if (!l)
                return;
        if (!key) {
                vh_import_lose_line(im, l, "this socket has no key for it");
                return;
        }
        vh_buf_printf(im->out, "%s      %s: ", *begun ? "" : "    settings:\n", key);
        vh_import_put_text(im, l->value);
        vh_buf_addc(im->out, '\n');
        *begun = true;
}

/* Modes are a key for each socket, the group is one for all: it is taken if all say the same. */
static void put_sockets(const Import *im, const VhDaemonDesc *d, bool *begun)
{
        const VhSurveyUnit *main_socket = vh_survey_socket(im->host, d, VH_SOCKET_RW);
        const VhUnitLine *group = vh_import_changed(main_socket, "Socket", "SocketGroup");
        bool has_key = vh_conf_desc_option(d->conf, "unix_sock_group");

        for (size_t i = 0; i < d->n_sockets; i++) {
                const VhSurveyUnit *u = vh_survey_unit(im->host, d->sockets[i].unit);
                const VhUnitLine *own = vh_import_changed(u, "Socket", "SocketGroup");

                if (!d->sockets[i].file)
                        continue;
                put_socket_setting(im, u, d->sockets[i].mode_key, "SocketMode", begun);
                if (own && (!group || !vh_streq(own->value, group->value)))
                        vh_import_lose_line(im, own, "the sockets of a daemon have one group");
                if (group && !own && u != main_socket && u->fragment)
                        vh_import_lose(im, "import-lost", u->name, 0, 0, 1,
                                       "the group of the main socket becomes that of this one too");
                if (vh_import_changed(u, "Socket", "ListenStream"))
                        vh_import_lose_line(im, vh_import_changed(u, "Socket", "ListenStream"),
                                            "a socket in another place");
        }
        put_socket_setting(im, main_socket, has_key ? "unix_sock_group" : NULL, "SocketGroup", begun);
}

static bool takes_seconds(const char *word, const char *next, unsigned *seconds, size_t *used)
{
        const char *value = vh_startswith(word, "--timeout=");

        *used = 1;
        if (!value && (vh_streq(word, "--timeout") || vh_streq(word, "-t")) && next) {
                value = next;
                *used = 2;
        }
        return value && vh_parse_uint(value, seconds) == 0;
}

/* The seconds of --timeout (0: none); all other arguments are lost, but those that the profile makes itself. */
static unsigned idle_of(const Import *im, const VhDaemonDesc *d, const VhSurveyUnit *service)
{
        const char *const *words = vh_survey_arguments(im->host, service);
        const VhUnitLine *place = vh_survey_variable(service, d->args_variable);
        unsigned seconds = 0;
        size_t used;

        for (; words && *words; words += used) {
                if (takes_seconds(words[0], words[1], &seconds, &used))
                        continue;
                used = 1;
                if (vh_streq(*words, "--listen") && !im->activation)
                        continue;
                if (place || (place = vh_unit_value(&service->lines, "Service", "ExecStart"))) {
                        _vh_free_ char *text = vh_xasprintf("an argument that profiles do not have: %s", *words);

                        vh_import_lose_line(im, place, text);
                }
        }
        return seconds;
}

static void put_idle(const Import *im, const VhDaemonDesc *d, const VhSurveyUnit *service)
{
        unsigned seconds = idle_of(im, d, service);

        if (seconds == d->idle_seconds)
                return;
        if (seconds > 0)
                vh_buf_printf(im->out, "    idle_timeout: %u\n", seconds);
        else
                vh_buf_adds(im->out, "    idle_timeout: never\n");
}

static void put_daemon(const Import *im, const VhDaemonDesc *d)
{
        const VhSurveyConf *c = vh_survey_conf(im->host, d->conf);
        const VhSurveyUnit *service = vh_survey_unit(im->host, d->service);
        _vh_buf_ VhBuf body = { 0 };
        Import inner = *im;
        bool begun = false;

        inner.out = &body;
        if (service && service->fragment)
                put_idle(&inner, d, service);
        if (im->activation)
                put_sockets(&inner, d, &begun);
        put_entries(&inner, c, "      ", begun ? "" : "    settings:\n", im->activation);
        if (body.len)
                vh_buf_printf(im->out, "  %s:\n%s", d->name, body.data);
}

static void put_daemons(const Import *im)
{
        _vh_buf_ VhBuf body = { 0 };
        Import inner = *im;

        inner.out = &body;
        for (const VhDaemonDesc *const *d = vh_daemon_descs; *d; d++) {
                const VhSurveyConf *c = vh_survey_conf(im->host, (*d)->conf);

                if (vh_import_takes(im, *d))
                        put_daemon(&inner, *d);
                else if (c->conf && vh_conf_first(c->conf))
                        lose_key(im, "import-dropped", c, vh_conf_first(c->conf), "nobody reads this file");
        }
        if (body.len)
                vh_buf_printf(im->out, "daemons:\n%s", body.data);
}

static bool is_daemon_file(const VhConfDesc *conf)
{
        for (const VhDaemonDesc *const *d = vh_daemon_descs; *d; d++)
                if ((*d)->conf == conf)
                        return true;
        return false;
}

static void put_files(const Import *im)
{
        bool any = false;

        for (size_t i = 0; i < im->host->n_confs; i++) {
                const VhSurveyConf *c = &im->host->confs[i];
                _vh_free_ char *head = vh_xasprintf("%s  %s:\n", any ? "" : "files:\n", c->desc->file);
                size_t before = im->out->len;

                if (is_daemon_file(c->desc))
                        continue;
                put_entries(im, c, "    ", head, false);
                any = any || im->out->len > before;
        }
}

/* Units */

/* Directives that other keys of the profile write. */
static bool is_generated(const VhSurveyUnit *u, const VhUnitLine *l)
{
        static const char *const socket_keys[] = { "SocketMode", "SocketGroup", "ListenStream", "FreeBind", NULL };

        if (!u->socket || !vh_streq(l->section, "Socket"))
                return false;
        for (const char *const *k = socket_keys; *k; k++)
                if (vh_streq(*k, l->key))
                        return true;
        return false;
}

static bool is_repeated(const VhSurveyUnit *u, const VhUnitLine *l)
{
        for (const VhUnitLine *o = u->lines.first; o != l; o = o->next)
                if (vh_streq(o->section, l->section) && vh_streq(o->key, l->key) && !vh_streq(o->file + 1, u->fragment))
                        return true;
        return false;
}

/* All values that drop-ins give a key, in order. */
static void put_directive(const Import *im, const VhSurveyUnit *u, const VhUnitLine *first)
{
        bool any = false;

        vh_buf_printf(im->out, "      %s: [", first->key);
        for (const VhUnitLine *l = first; l; l = l->next) {
                if (!vh_streq(l->section, first->section) || !vh_streq(l->key, first->key))
                        continue;
                vh_buf_adds(im->out, any ? ", " : "");
                vh_import_put_text(im, l->value);
                any = true;
        }
        vh_buf_adds(im->out, "]\n");
}

static bool is_directive(const Import *im, const VhSurveyUnit *u, const VhUnitLine *l)
{
        if (vh_streq(l->file + 1, u->fragment) || is_generated(u, l))
                return false;
        if (!vh_streq(l->key, "ExecStart"))
                return true;
        vh_import_lose_line(im, l, "the program of a daemon is not a profile's business");
        return false;
}

static void put_unit(const Import *im, const VhSurveyUnit *u)
{
        static const char *const sections[] = { "Unit", "Service", "Socket", "Install", NULL };

        for (const char *const *section = sections; *section; section++) {
                bool any = false;

                for (const VhUnitLine *l = u->lines.first; l; l = l->next) {
                        if (!vh_streq(l->section, *section) || !is_directive(im, u, l) || is_repeated(u, l))
                                continue;
                        vh_buf_printf(im->out, "%s%s%s", any ? "" : "    ", any ? "" : *section, any ? "" : ":\n");
                        put_directive(im, u, l);
                        any = true;
                }
        }
}

static void put_units(const Import *im)
{
        bool any = false;

        for (size_t i = 0; i < im->host->n_units; i++) {
                const VhSurveyUnit *u = &im->host->units[i];
                _vh_buf_ VhBuf body = { 0 };
                Import inner = *im;

                inner.out = &body;
                if (!u->drop_in)
                        continue;
                if (!u->fragment || !vh_import_takes(im, u->daemon)) {
                        vh_import_lose(im, "import-dropped", u->drop_in, 0, 0, 1,
                                       "a drop-in of a unit that is not used");
                        continue;
                }
                put_unit(&inner, u);
                if (body.len)
                        vh_buf_printf(im->out, "%s  %s:\n%s", any ? "" : "units:\n", u->name, body.data);
                any = any || body.len;
        }
}

static void lose_variables(const Import *im)
{
        for (size_t i = 0; i < im->host->n_units; i++) {
                const VhSurveyUnit *u = &im->host->units[i];

                for (const VhUnitLine *v = u->variables.first; v && vh_import_takes(im, u->daemon); v = v->next)
                        if (vh_streq(v->file, u->env_file) && !vh_streq(v->key, u->daemon->args_variable))
                                vh_finding_hint(im->lost,
                                                vh_import_lose_line(im, v, "a variable that profiles do not have"),
                                                "Environment= in units, %s", u->name);
        }
}

static void put_lost(const Import *im)
{
        for (const VhFinding *n = im->lost->first; n; n = n->next) {
                vh_buf_printf(im->out, "# %s: %s", vh_streq(n->code, "import-lost") ? "not here" : "left out", n->file);
                if (n->line)
                        vh_buf_printf(im->out, ":%u", n->line);
                vh_buf_printf(im->out, ": %s\n", n->message);
        }
}

static void put_access(const Import *im)
{
        _vh_buf_ VhBuf body = { 0 };
        Import inner = *im;

        inner.out = &body;
        vh_import_accounts(&inner);
        vh_import_polkit(&inner);
        if (body.len)
                vh_buf_printf(im->out, "access:\n%s", body.data);
}

/* Where no daemon is wanted at all, systemd would make the sockets as it does everywhere. */
static bool is_activated(const VhSurvey *host)
{
        bool any = false;

        for (const VhDaemonDesc *const *d = vh_daemon_descs; *d; d++) {
                if ((*d)->role == VH_ROLE_LOG || (*d)->role == VH_ROLE_LOCK)
                        continue;
                if (vh_survey_is_activated(host, *d))
                        return true;
                any = any || vh_survey_has(host, *d);
        }
        return !any;
}

void vh_import(VhSurvey *host, const char *name, VhBuf *out, VhFindings *lost)
{
        _vh_buf_ VhBuf body = { 0 };
        Import im = { .host = host, .out = &body, .lost = lost, .ours = vh_import_is_ours(host) };

        im.activation = is_activated(host);
        vh_import_layout(&im, name);
        vh_import_remote(&im);
        put_daemons(&im);
        put_files(&im);
        put_units(&im);
        vh_import_guests(&im);
        put_access(&im);
        lose_variables(&im);
        im.out = out;
        vh_buf_adds(out, "# What virthost import found on a host.\n");
        put_lost(&im);
        vh_buf_adds(out, body.data);
}
