/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From a survey to the text of a profile: layout and drivers from the units that are enabled, settings from the files
 * that somebody reads, the rest from drop-ins and environment files. */

#include "host/import.h"
#include "conf/check.h"
#include "plan.h"

#include <inttypes.h>

enum { SERVICES_MAX = 32 }; /* there are 15 daemons */

typedef struct Import {
        VhSurvey *host;
        VhBuf *out;
        VhFindings *lost;
        bool activation;
} Import;

static VhFinding *lose(const Import *im, const char *code, const char *file, unsigned line, unsigned column,
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
        return lose(im, code, c->path, e->line, e->column, (unsigned)strlen(e->name), text);
}

static VhFinding *lose_line(const Import *im, const VhUnitLine *u, const char *text)
{
        return lose(im, "import-lost", u->file, u->line, u->column, u->width, text);
}

/* Texts in double quotes are the same in all versions of YAML. */
static void put_text(const Import *im, const char *s)
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
                put_text(im, v->str);
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

/* Layout */

static bool has_role(const Import *im, VhDaemonRole role)
{
        for (const VhDaemonDesc *const *d = vh_daemon_descs; *d; d++)
                if ((*d)->role == role && vh_survey_has(im->host, *d))
                        return true;
        return false;
}

static bool is_modular(const Import *im)
{
        return has_role(im, VH_ROLE_HYPERVISOR) || has_role(im, VH_ROLE_PROXY) || has_role(im, VH_ROLE_SECONDARY);
}

/* Will the profile have this daemon? The helpers come with those that need them. */
static bool is_taken(const Import *im, const VhDaemonDesc *d)
{
        if (d->role == VH_ROLE_MONOLITHIC)
                return !is_modular(im);
        if (d->role == VH_ROLE_LOG || d->role == VH_ROLE_LOCK) {
                for (const VhDaemonDesc *const *o = vh_daemon_descs; *o; o++)
                        for (const char *const *need = (*o)->needs; *need; need++)
                                if (vh_streq(*need, d->name) && (*o)->units && is_taken(im, *o))
                                        return true;
                return false;
        }
        return is_modular(im) && vh_survey_has(im->host, d);
}

static const VhSurveyUnit *service_of(const Import *im, const VhDaemonDesc *d)
{
        return vh_survey_unit(im->host, d->service);
}

/* Units that our packages install have our text. */
static bool is_ours(const Import *im)
{
        for (const VhUnitText *t = vh_unit_texts; t->name; t++) {
                const VhSurveyUnit *u = vh_survey_unit(im->host, t->name);
                _vh_free_ char *path = u && !u->socket && u->fragment ? vh_xasprintf("/%s", u->fragment) : NULL;
                const char *text = path ? vh_survey_source(im->host, path) : NULL;

                if (text && strstr(text, t->text))
                        return true;
        }
        return false;
}

static void put_drivers(const Import *im, const char *key, VhDaemonRole role)
{
        bool any = false;

        vh_buf_printf(im->out, "%s: [", key);
        for (const VhDaemonDesc *const *d = vh_daemon_descs; *d; d++) {
                if ((*d)->role != role || !is_taken(im, *d))
                        continue;
                vh_buf_printf(im->out, "%s%s", any ? ", " : "",
                              vh_streq((*d)->drivers[0], "libxl") ? "xen" : (*d)->drivers[0]);
                any = true;
        }
        vh_buf_adds(im->out, "]\n");
}

/* Services without WantedBy= start with their sockets and are never enabled by themselves. */
static bool can_be_enabled(const VhSurveyUnit *u)
{
        return u && u->fragment && vh_unit_next(&u->lines, "Install", "WantedBy", NULL);
}

static bool all_services_enabled(const Import *im)
{
        for (const VhDaemonDesc *const *d = vh_daemon_descs; *d; d++)
                if ((*d)->units && is_taken(im, *d) && can_be_enabled(service_of(im, *d)) &&
                    !vh_survey_unit_wanted(service_of(im, *d)))
                        return false;
        return true;
}

static void lose_states(const Import *im, bool lean)
{
        for (size_t i = 0; i < im->host->n_units; i++) {
                const VhSurveyUnit *u = &im->host->units[i];
                _vh_free_ char *text = NULL;
                bool wanted = vh_survey_unit_wanted(u);
                bool expected = u->socket ? u->socket->file != NULL : !lean || u->daemon->boot;

                if (!is_taken(im, u->daemon) || !can_be_enabled(u) || wanted || !expected || !im->activation)
                        continue;
                text = vh_xasprintf("%s is %s here; with the profile it is enabled", u->name,
                                    u->mask ? "masked" : "not enabled");
                lose(im, "import-lost", u->name, 0, 0, 1, text);
        }
}

static void put_boot(const Import *im)
{
        bool lean = im->activation && !all_services_enabled(im), any = false, masked = false;

        if (lean)
                vh_buf_adds(im->out, "preset: lean\n");
        for (const VhDaemonDesc *const *d = vh_daemon_descs; lean && *d; d++) {
                if (!(*d)->units || (*d)->boot || !is_taken(im, *d) || !vh_survey_unit_wanted(service_of(im, *d)))
                        continue;
                vh_buf_printf(im->out, "%s%s", any ? ", " : "boot:\n  services: [", (*d)->name);
                any = true;
        }
        vh_buf_adds(im->out, any ? "]\n" : "");
        for (size_t i = 0; i < im->host->n_units; i++)
                masked = masked || (im->host->units[i].mask && !is_taken(im, im->host->units[i].daemon));
        if (masked && im->activation)
                vh_buf_printf(im->out, "%s  mask_others: true\n", any ? "" : "boot:\n");
        lose_states(im, lean);
}

static void put_layout(const Import *im, const char *name)
{
        bool modular = is_modular(im);

        vh_buf_printf(im->out, "profile: %s\ntarget:\n  daemons: %s\n  distribution: %s\n", name,
                      is_ours(im) ? "virthost" : "libvirt", im->host->distro->name);
        vh_buf_printf(im->out, "layout: %s\nstartup: %s\n", modular ? "modular" : "monolithic",
                      im->activation ? "socket-activation" : "daemon");
        if (modular) {
                vh_buf_printf(im->out, "proxy: %s\n", has_role(im, VH_ROLE_PROXY) ? "true" : "false");
                put_drivers(im, "hypervisors", VH_ROLE_HYPERVISOR);
                put_drivers(im, "drivers", VH_ROLE_SECONDARY);
        }
        put_boot(im);
}

/* Remote access: what socket units say */

/* The last assignment of a drop-in; what the unit itself says comes with the unit. */
static const VhUnitLine *changed(const VhSurveyUnit *u, const char *section, const char *key)
{
        const VhUnitLine *l = u ? vh_unit_value(&u->lines, section, key) : NULL;

        return l && u->fragment && !vh_streq(l->file + 1, u->fragment) ? l : NULL;
}

/* "192.0.2.1:16514", "[2001:db8::1]:16514" or "16514". */
static bool split_listen(const char *s, char **address, char **port)
{
        const char *colon = strrchr(s, ':');
        bool v6 = *s == '[' && colon && colon > s + 1 && colon[-1] == ']';

        *port = vh_xstrdup(colon ? colon + 1 : s);
        *address = !colon ? NULL
                   : v6   ? vh_xstrndup(s + 1, (size_t)(colon - s) - 2)
                          : vh_xstrndup(s, (size_t)(colon - s));
        return vh_format_matches(VH_FORMAT_PORT, *port) &&
               (!*address || vh_format_matches(VH_FORMAT_ADDRESS, *address));
}

/* Are there addresses among what it listens on? */
static bool put_addresses(const Import *im, const VhSurveyUnit *u)
{
        _vh_buf_ VhBuf addresses = { 0 };
        _vh_free_ char *first = NULL;

        for (const VhUnitLine *l = NULL; (l = vh_unit_next(&u->lines, "Socket", "ListenStream", l));) {
                _vh_free_ char *address = NULL, *port = NULL;

                if (!split_listen(l->value, &address, &port) || (first && !vh_streq(first, port))) {
                        lose_line(im, l, "a listener of its own kind");
                        continue;
                }
                if (address)
                        vh_buf_printf(&addresses, "%s\"%s\"", addresses.len ? ", " : "", address);
                if (!first)
                        first = VH_TAKE_PTR(port);
        }
        if (addresses.len)
                vh_buf_printf(im->out, "    addresses: [%s]\n", addresses.data);
        if (first && !vh_streq(first, u->socket->port))
                vh_buf_printf(im->out, "    port: \"%s\"\n", first);
        return addresses.len > 0;
}

typedef struct Listeners {
        bool any, addresses, free_bind;
} Listeners;

static void put_listener(const Import *im, const VhSurveyUnit *u, Listeners *all)
{
        const VhUnitLine *free_bind = changed(u, "Socket", "FreeBind");
        bool addresses = false;

        vh_buf_printf(im->out, "%s  %s:\n    enabled: true\n", all->any ? "" : "remote:\n",
                      vh_socket_kind_name(u->socket->kind));
        if (changed(u, "Socket", "ListenStream"))
                addresses = put_addresses(im, u);
        if (free_bind && !addresses)
                lose_line(im, free_bind, "a listener on all addresses has no use for it");
        all->any = true;
        all->addresses = all->addresses || addresses;
        all->free_bind = all->free_bind || (free_bind && addresses);
}

static void put_remote(const Import *im)
{
        Listeners all = { 0 };

        for (size_t i = 0; im->activation && i < im->host->n_units; i++) {
                const VhSurveyUnit *u = &im->host->units[i];

                if (u->socket && u->socket->port && is_taken(im, u->daemon) && vh_survey_unit_wanted(u))
                        put_listener(im, u, &all);
        }
        /* The compiler adds it to listeners with addresses unless told not to. */
        if (all.addresses && !all.free_bind)
                vh_buf_adds(im->out, "  free_bind: false\n");
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
        const VhUnitLine *l = changed(u, "Socket", directive);

        if (!l)
                return;
        if (!key) {
                lose_line(im, l, "this socket has no key for it");
                return;
        }
        vh_buf_printf(im->out, "%s      %s: ", *begun ? "" : "    settings:\n", key);
        put_text(im, l->value);
        vh_buf_addc(im->out, '\n');
        *begun = true;
}

/* Modes are a key for each socket, the group is one for all: it is taken if all say the same. */
static void put_sockets(const Import *im, const VhDaemonDesc *d, bool *begun)
{
        const VhSurveyUnit *main_socket = vh_survey_socket(im->host, d, VH_SOCKET_RW);
        const VhUnitLine *group = changed(main_socket, "Socket", "SocketGroup");
        bool has_key = vh_conf_desc_option(d->conf, "unix_sock_group");

        for (size_t i = 0; i < d->n_sockets; i++) {
                const VhSurveyUnit *u = vh_survey_unit(im->host, d->sockets[i].unit);
                const VhUnitLine *own = changed(u, "Socket", "SocketGroup");

                if (!d->sockets[i].file)
                        continue;
                put_socket_setting(im, u, d->sockets[i].mode_key, "SocketMode", begun);
                if (own && (!group || !vh_streq(own->value, group->value)))
                        lose_line(im, own, "the sockets of a daemon have one group");
                if (group && !own && u != main_socket && u->fragment)
                        lose(im, "import-lost", u->name, 0, 0, 1,
                             "the group of the main socket becomes that of this one too");
                if (changed(u, "Socket", "ListenStream"))
                        lose_line(im, changed(u, "Socket", "ListenStream"), "a socket in another place");
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

                        lose_line(im, place, text);
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
        const VhSurveyUnit *service = service_of(im, d);
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

                if (is_taken(im, *d))
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
                put_text(im, l->value);
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
        lose_line(im, l, "the program of a daemon is not a profile's business");
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
                if (!u->fragment || !is_taken(im, u->daemon)) {
                        lose(im, "import-dropped", u->drop_in, 0, 0, 1, "a drop-in of a unit that is not used");
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

                for (const VhUnitLine *v = u->variables.first; v && is_taken(im, u->daemon); v = v->next)
                        if (vh_streq(v->file, u->env_file) && !vh_streq(v->key, u->daemon->args_variable))
                                vh_finding_hint(im->lost, lose_line(im, v, "a variable that profiles do not have"),
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

void vh_import(VhSurvey *host, const char *name, VhBuf *out, VhFindings *lost)
{
        _vh_buf_ VhBuf body = { 0 };
        Import im = { .host = host, .out = &body, .lost = lost };

        for (const VhDaemonDesc *const *d = vh_daemon_descs; *d; d++)
                im.activation = im.activation || ((*d)->role != VH_ROLE_LOG && (*d)->role != VH_ROLE_LOCK &&
                                                  vh_survey_is_activated(host, *d));
        put_layout(&im, name);
        put_remote(&im);
        put_daemons(&im);
        put_files(&im);
        put_units(&im);
        lose_variables(&im);
        im.out = out;
        vh_buf_adds(out, "# What virthost import found on a host.\n");
        put_lost(&im);
        vh_buf_adds(out, body.data);
}
