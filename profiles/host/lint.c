/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Checks of a host's files and units against each other. Each check is a function that looks at one thing; the table at
 * the end has them all. */

#include "host/lint.h"
#include "apply/ids.h"
#include "conf/check.h"
#include "host/certificates.h"

#include <sys/stat.h>

typedef struct Lint {
        VhSurvey *host;
        VhFindings *f;
} Lint;

static const VhConfEntry *entry_of(const Lint *l, const VhDaemonDesc *d, const char *key)
{
        const VhSurveyConf *c = vh_survey_conf(l->host, d->conf);

        return c && c->conf && key ? vh_conf_find(c->conf, key) : NULL;
}

static VhFinding *at_key(const Lint *l, VhSeverity severity, const char *code, const VhSurveyConf *c,
                         const VhConfEntry *e, const char *text)
{
        VhFinding *n = vh_findings_add(l->f, severity, code, c->path, e->line, e->column, "%s", text);

        if (n)
                n->width = (unsigned)strlen(e->name);
        return n;
}

static VhFinding *at_line(const Lint *l, VhSeverity severity, const char *code, const VhUnitLine *u, const char *text)
{
        VhFinding *n = vh_findings_add(l->f, severity, code, u->file, u->line, u->column, "%s", text);

        if (n)
                n->width = u->width;
        return n;
}

/* A finding about a unit as a whole: at the link or file that makes it so. */
static VhFinding *at_path(const Lint *l, VhSeverity severity, const char *code, const char *path, const char *text)
{
        return vh_findings_add(l->f, severity, code, path, 0, 0, "%s", text);
}

static bool is_one(const VhConfEntry *e)
{
        return e && e->value.kind == VH_CONF_UINT && e->value.u == 1;
}

static bool has_argument(const Lint *l, const VhDaemonDesc *d, const char *word, const char *letter)
{
        _vh_free_ char *name = vh_xasprintf("%s.service", d->name);
        const VhSurveyUnit *u = vh_survey_unit(l->host, name);
        const char *const *words = u ? vh_survey_arguments(l->host, u) : NULL;

        for (; words && *words; words++)
                if (vh_streq(*words, word) || vh_streq(*words, letter))
                        return true;
        return false;
}

static bool listens(const Lint *l, const VhDaemonDesc *d)
{
        return d->listen_option && has_argument(l, d, "--listen", "-l");
}

/* Files of their own */

/* The file that a key belongs to which this one does not know; what serves here is named first. */
static const VhConfDesc *home_of(const Lint *l, const VhConfDesc *not_here, const char *key)
{
        const VhConfDesc *found = NULL;

        for (const VhDaemonDesc *const *d = vh_daemon_descs; *d; d++)
                if ((*d)->conf != not_here && vh_conf_desc_option((*d)->conf, key) && vh_survey_has(l->host, *d))
                        return (*d)->conf;
        for (const VhConfDesc *const *c = vh_conf_descs; *c && !found; c++)
                if (*c != not_here && vh_conf_desc_option(*c, key))
                        found = *c;
        return found;
}

static VhFinding *unknown_at(const Lint *l, const VhSurveyConf *c, const VhConfEntry *e)
{
        for (VhFinding *n = l->f->first; n; n = n->next)
                if (vh_streq(n->code, "conf-unknown-key") && n->line == e->line && n->column == e->column &&
                    vh_streq(n->file, c->path))
                        return n;
        return NULL;
}

static void check_conf(const Lint *l, const VhSurveyConf *c)
{
        vh_conf_check(c->conf, c->desc, l->f);
        for (const VhConfEntry *e = vh_conf_first(c->conf); e; e = e->next) {
                const VhConfDesc *home = vh_conf_desc_option(c->desc, e->name) ? NULL : home_of(l, c->desc, e->name);
                VhFinding *n = home ? unknown_at(l, c, e) : NULL;

                if (!n)
                        continue;
                n->code = "conf-wrong-file";
                vh_finding_hint(l->f, n, "it belongs to %s", home->file);
        }
}

static void check_confs(const Lint *l)
{
        for (size_t i = 0; i < l->host->n_confs; i++)
                if (l->host->confs[i].conf)
                        check_conf(l, &l->host->confs[i]);
}

/* Keys that nobody obeys */

static const char *setting_name(const VhOptionDesc *o)
{
        switch (o->replaced_by) {
        case VH_REPLACED_SOCKET_MODE:
                return "SocketMode=";
        case VH_REPLACED_SOCKET_GROUP:
                return "SocketGroup=";
        case VH_REPLACED_LISTEN_STREAM:
        case VH_REPLACED_LISTEN_STREAMS:
                return "ListenStream=";
        case VH_REPLACED_UNIT:
        case VH_REPLACED_NOT:
                return NULL;
        }
        return NULL;
}

/* The first unit whose kind is among the words. */
static const char *replacing_unit(const VhDaemonDesc *d, const char *kinds)
{
        for (size_t i = 0; kinds && i < d->n_sockets; i++) {
                const char *kind = vh_socket_kind_name(d->sockets[i].kind);
                const char *at = strstr(kinds, kind);

                if (at && strchr(" ", at[strlen(kind)]))
                        return d->sockets[i].unit;
        }
        return d->sockets[0].unit;
}

static void check_dead_keys(const Lint *l, const VhDaemonDesc *d)
{
        const VhSurveyConf *c = vh_survey_conf(l->host, d->conf);

        if (!vh_survey_is_activated(l->host, d))
                return;
        for (const VhConfEntry *e = c->conf ? vh_conf_first(c->conf) : NULL; e; e = e->next) {
                const VhOptionDesc *o = vh_conf_desc_option(d->conf, e->name);
                const char *unit = o && o->replaced_by ? replacing_unit(d, o->replaced_unit) : NULL;
                VhFinding *n;

                /* With --listen the daemon makes its network sockets; that it then fails is said elsewhere. */
                if (!unit || e->shadowed || (o->replaced_by == VH_REPLACED_UNIT && e->value.u == 0))
                        continue;
                n = at_key(l, VH_SEVERITY_WARNING, "host-dead-key", c, e,
                           "this key has no effect: systemd makes the sockets of this daemon");
                if (setting_name(o))
                        vh_finding_hint(l->f, n, "set %s in a drop-in of %s", setting_name(o), unit);
                else
                        vh_finding_hint(l->f, n, "enable %s", unit);
        }
}

/* Without --listen and without the socket units nobody listens. */
static void check_closed_listener(const Lint *l, const VhDaemonDesc *d)
{
        static const char *const keys[] = { "listen_tls", "listen_tcp" };
        const VhSurveyConf *c = vh_survey_conf(l->host, d->conf);

        if (!vh_survey_has(l->host, d) || vh_survey_is_activated(l->host, d) || listens(l, d))
                return;
        for (size_t i = 0; i < VH_ARRAY_SIZE(keys); i++) {
                const VhConfEntry *e = entry_of(l, d, keys[i]);
                VhFinding *n;

                if (!is_one(e) || !d->listen_option)
                        continue;
                n = at_key(l, VH_SEVERITY_WARNING, "host-dead-key", c, e,
                           "this key has no effect: the daemon runs without --listen");
                vh_finding_hint(l->f, n, "enable the socket unit instead; --listen is for hosts without systemd");
        }
}

/* libvirtd.conf on a modular host and the like. */
static void check_unread_file(const Lint *l, const VhDaemonDesc *d)
{
        const VhSurveyConf *c = vh_survey_conf(l->host, d->conf);
        const VhConfEntry *e = c->conf ? vh_conf_first(c->conf) : NULL;
        const VhSurveyUnit *any = vh_survey_socket(l->host, d, VH_SOCKET_RW);
        bool others = false;
        VhFinding *n;

        for (const VhDaemonDesc *const *o = vh_daemon_descs; *o; o++)
                others = others ||
                         ((*o)->role != VH_ROLE_LOG && (*o)->role != VH_ROLE_LOCK && vh_survey_has(l->host, *o));
        if (!e || !others || vh_survey_has(l->host, d) || !any)
                return;
        n = at_key(l, VH_SEVERITY_WARNING, "host-unread-file", c, e,
                   "nobody reads this file: none of the daemon's units is enabled");
        vh_finding_hint(l->f, n, "move what still counts to the files of the daemons that run, and remove it");
}

/* Arguments */

static const VhUnitLine *arguments_place(const Lint *l, const VhDaemonDesc *d)
{
        _vh_free_ char *name = vh_xasprintf("%s.service", d->name);
        const VhSurveyUnit *u = vh_survey_unit(l->host, name);
        const VhUnitLine *v = u ? vh_survey_variable(u, d->args_variable) : NULL;

        return v ? v : u ? vh_unit_value(&u->lines, "Service", "ExecStart") : NULL;
}

static void check_listen(const Lint *l, const VhDaemonDesc *d)
{
        const VhUnitLine *place = arguments_place(l, d);
        VhFinding *n;

        if (!place || !vh_survey_has(l->host, d) || !has_argument(l, d, "--listen", "-l"))
                return;
        if (!d->listen_option) {
                at_line(l, VH_SEVERITY_ERROR, "host-listen", place,
                        "this daemon has no --listen and does not start with it");
        } else if (vh_survey_is_activated(l->host, d)) {
                n = at_line(l, VH_SEVERITY_ERROR, "host-listen", place,
                            "--listen and sockets from systemd exclude each other: the daemon does not start");
                vh_finding_hint(l->f, n, "remove --listen and enable %s-tls.socket or %s-tcp.socket", d->name, d->name);
        }
}

/* Variables of an environment file that nothing in the unit asks for. */
static void check_variables(const Lint *l, const VhSurveyUnit *u)
{
        const VhUnitLine *exec = vh_unit_value(&u->lines, "Service", "ExecStart");

        if (u->socket || !exec || !u->env_file)
                return;
        for (const VhUnitLine *v = u->variables.first; v; v = v->next) {
                VhFinding *n;

                if (!vh_streq(v->file, u->env_file) || strstr(exec->value, v->key) || !strstr(v->value, "-"))
                        continue;
                if (!vh_endswith(v->key, "_opts") && !vh_endswith(v->key, "_ARGS") && !vh_endswith(v->key, "_args"))
                        continue;
                n = at_line(l, VH_SEVERITY_WARNING, "host-unused-variable", v,
                            "the unit does not use this variable: its arguments do not reach the daemon");
                vh_finding_hint(l->f, n, "the unit reads %s", u->daemon->args_variable);
        }
}

/* Units */

static const VhSurveyUnit *wanted_unit(const Lint *l, VhDaemonRole role)
{
        for (size_t i = 0; i < l->host->n_units; i++) {
                const VhSurveyUnit *u = &l->host->units[i];

                if (u->daemon->role == role && vh_survey_unit_wanted(u))
                        return u;
        }
        return NULL;
}

static void check_layouts(const Lint *l)
{
        const VhSurveyUnit *mono = wanted_unit(l, VH_ROLE_MONOLITHIC);
        const VhSurveyUnit *modular = wanted_unit(l, VH_ROLE_HYPERVISOR);
        _vh_free_ char *text = NULL;
        VhFinding *n;

        if (!modular)
                modular = wanted_unit(l, VH_ROLE_PROXY);
        if (!mono || !modular)
                return;
        text = vh_xasprintf("both layouts are enabled: %s and %s; which one serves is decided anew at each boot",
                            mono->name, modular->name);
        n = at_path(l, VH_SEVERITY_ERROR, "host-mixed-layout", mono->enabled, text);
        vh_finding_hint(l->f, n, "disable and mask the units of one of them");
}

static void check_orphan(const Lint *l, const VhSurveyUnit *u)
{
        _vh_free_ char *text = NULL;

        if (u->fragment || !u->drop_in)
                return;
        text = vh_xasprintf("drop-in for %s, which is not installed", u->name);
        at_path(l, VH_SEVERITY_WARNING, "host-orphan-drop-in", u->drop_in, text);
}

static void check_dangling(const Lint *l, const VhSurveyUnit *u)
{
        _vh_free_ char *text = NULL;
        VhFinding *n;

        if (u->fragment || !u->enabled || u->mask)
                return;
        text = vh_xasprintf("%s is enabled and not installed", u->name);
        n = at_path(l, VH_SEVERITY_WARNING, "host-not-installed", u->enabled, text);
        vh_finding_hint(l->f, n, "install its package, or remove the link");
}

static void masked(const Lint *l, const VhSurveyUnit *u, const char *who)
{
        _vh_free_ char *path = vh_xasprintf("/%s", u->mask);
        _vh_free_ char *text = vh_xasprintf("%s is masked, and %s needs it", u->name, who);
        VhFinding *n = at_path(l, VH_SEVERITY_ERROR, "host-masked", path, text);

        vh_finding_hint(l->f, n, "systemctl unmask %s", u->name);
}

/* A masked service behind an enabled socket, a masked unit that is enabled as well, a masked socket that others need.
 */
static void check_masked(const Lint *l, const VhSurveyUnit *u)
{
        if (!u->mask)
                return;
        for (size_t i = 0; i < l->host->n_units; i++) {
                const VhSurveyUnit *other = &l->host->units[i];

                if (!vh_survey_unit_wanted(other) || (other->daemon == u->daemon && u->socket))
                        continue;
                for (const char *const *need = other->daemon->needs; *need; need++)
                        if (vh_streq(*need, u->daemon->name) && !(u->socket && u->socket->kind != VH_SOCKET_RW)) {
                                masked(l, u, other->name);
                                return;
                        }
                if (other->daemon == u->daemon) {
                        masked(l, u, other->name);
                        return;
                }
        }
}

/* A daemon whose helper is neither enabled nor pulled in by its unit. */
static void check_needs(const Lint *l, const VhDaemonDesc *d)
{
        _vh_free_ char *name = vh_xasprintf("%s.service", d->name);
        const VhSurveyUnit *service = vh_survey_unit(l->host, name);

        for (const char *const *need = d->needs; vh_survey_has(l->host, d) && *need; need++) {
                const VhDaemonDesc *other = vh_daemon_desc_find(*need);
                const VhSurveyUnit *socket = vh_survey_socket(l->host, other, VH_SOCKET_RW);
                _vh_free_ char *text = vh_xasprintf("%s needs %s.socket, which is not installed", d->name, *need);

                if (socket && !socket->fragment && !socket->mask)
                        at_path(l, VH_SEVERITY_ERROR, "host-missing-need",
                                service && service->enabled ? service->enabled : d->sockets[0].unit, text);
        }
}

/* Groups and certificates */

static void check_socket_group(const Lint *l, const VhSurveyUnit *u)
{
        const VhUnitLine *group = u->socket ? vh_unit_value(&u->lines, "Socket", "SocketGroup") : NULL;
        _vh_free_ char *text = NULL;

        if (!group || !vh_survey_unit_wanted(u) || !vh_ids_lacks_group(&l->host->tree, group->value))
                return;
        text = vh_xasprintf("there is no group %s on this host: the socket unit fails", group->value);
        at_line(l, VH_SEVERITY_ERROR, "host-no-group", group, text);
}

/* Where a problem of the certificates is told: at the key that names the file, else at what wants TLS. */
typedef struct TlsPlace {
        const Lint *lint;
        const VhSurveyConf *conf;
        const VhConfEntry *entries[VH_PKI_FILES]; /* NULL: not named */
        const char *otherwise;
} TlsPlace;

static void add_tls_problem(void *data, const VhPkiProblem *p)
{
        const TlsPlace *at = data;
        const VhConfEntry *e = at->entries[p->file];
        VhFinding *n = e ? at_key(at->lint, p->severity, p->code, at->conf, e, p->text)
                         : at_path(at->lint, p->severity, p->code, at->otherwise, p->text);

        if (p->hint)
                vh_finding_hint(at->lint->f, n, "%s", p->hint);
}

static void check_certificates(const Lint *l, const VhDaemonDesc *d)
{
        const VhSurveyUnit *socket = vh_survey_socket(l->host, d, VH_SOCKET_TLS);
        const VhConfEntry *on = entry_of(l, d, "listen_tls");
        bool by_daemon = listens(l, d) && (!on || is_one(on)); /* 1 is the default of --listen */
        TlsPlace at = { .lint = l, .conf = vh_survey_conf(l->host, d->conf) };
        VhPki pki = { .unchecked = is_one(entry_of(l, d, "tls_no_sanity_certificate")) };

        if (!socket || (!vh_survey_unit_wanted(socket) && !by_daemon))
                return;
        at.otherwise = socket->enabled ? socket->enabled : at.conf->path;
        for (VhPkiFile i = 0; i < VH_PKI_FILES; i++) {
                const VhConfEntry *e = entry_of(l, d, vh_pki_options[i].option);

                if (e && e->value.kind == VH_CONF_STRING)
                        at.entries[i] = e;
                pki.paths[i] = at.entries[i] ? e->value.str : vh_pki_options[i].usual;
        }
        vh_pki_check(&l->host->tree, &pki, add_tls_problem, &at);
}

static void check_open_tcp(const Lint *l, const VhDaemonDesc *d)
{
        const VhSurveyUnit *socket = vh_survey_socket(l->host, d, VH_SOCKET_TCP);
        const VhConfEntry *auth = entry_of(l, d, "auth_tcp");
        bool on = vh_survey_unit_wanted(socket) || (listens(l, d) && is_one(entry_of(l, d, "listen_tcp")));

        if (on && auth && auth->value.kind == VH_CONF_STRING && vh_streq(auth->value.str, "none"))
                at_key(l, VH_SEVERITY_ERROR, "host-open", vh_survey_conf(l->host, d->conf), auth,
                       "everybody in the network controls all guests: TCP without authentication");
}

/* All local users: no authentication and a socket that all may write to. */
static void check_open_socket(const Lint *l, const VhDaemonDesc *d)
{
        const VhSurveyUnit *socket = vh_survey_socket(l->host, d, VH_SOCKET_RW);
        const VhConfEntry *auth = entry_of(l, d, d->sockets[0].auth_key);
        const VhUnitLine *mode = socket ? vh_unit_value(&socket->lines, "Socket", "SocketMode") : NULL;

        if (!vh_survey_unit_wanted(socket) || !auth || auth->value.kind != VH_CONF_STRING ||
            !vh_streq(auth->value.str, "none"))
                return;
        if (!mode || strtoul(mode->value, NULL, 8) & S_IWOTH)
                at_key(l, VH_SEVERITY_ERROR, "host-open", vh_survey_conf(l->host, d->conf), auth,
                       "every local user controls all guests: no authentication, and a socket open to all");
}

static void (*const daemon_checks[])(const Lint *l, const VhDaemonDesc *d) = {
        check_dead_keys, check_closed_listener, check_unread_file, check_listen,
        check_needs,     check_certificates,    check_open_tcp,    check_open_socket,
};
static void (*const unit_checks[])(const Lint *l, const VhSurveyUnit *u) = {
        check_orphan, check_dangling, check_masked, check_variables, check_socket_group,
};

void vh_survey_lint(VhSurvey *host, VhFindings *findings)
{
        const Lint l = { host, findings };

        check_confs(&l);
        check_layouts(&l);
        for (const VhDaemonDesc *const *d = vh_daemon_descs; *d; d++)
                for (size_t i = 0; (*d)->units && i < VH_ARRAY_SIZE(daemon_checks); i++)
                        daemon_checks[i](&l, *d);
        for (size_t i = 0; i < host->n_units; i++)
                for (size_t j = 0; j < VH_ARRAY_SIZE(unit_checks); j++)
                        unit_checks[j](&l, &host->units[i]);
}
