/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which daemons a host has, what is enabled, and where it listens: out of its units. */

#include "conf/check.h"
#include "host/import-priv.h"
#include "plan.h"
#include "preset-files.h"

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

bool vh_import_takes(const Import *im, const VhDaemonDesc *d)
{
        if (d->role == VH_ROLE_MONOLITHIC)
                return !is_modular(im);
        if (d->role == VH_ROLE_LOG || d->role == VH_ROLE_LOCK) {
                for (const VhDaemonDesc *const *o = vh_daemon_descs; *o; o++)
                        for (const char *const *need = (*o)->needs; *need; need++)
                                if (vh_streq(*need, d->name) && (*o)->units && vh_import_takes(im, *o))
                                        return true;
                return false;
        }
        return is_modular(im) && vh_survey_has(im->host, d);
}

bool vh_import_is_ours(const VhSurvey *host)
{
        for (const VhUnitText *t = vh_unit_texts; t->name; t++) {
                const VhSurveyUnit *u = vh_survey_unit(host, t->name);
                _vh_free_ char *path = u && !u->socket && u->fragment ? vh_xasprintf("/%s", u->fragment) : NULL;
                const char *text = path ? vh_survey_source(host, path) : NULL;

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
                if ((*d)->role != role || !vh_import_takes(im, *d))
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
                if ((*d)->units && vh_import_takes(im, *d) && can_be_enabled(vh_survey_unit(im->host, (*d)->service)) &&
                    !vh_survey_unit_wanted(vh_survey_unit(im->host, (*d)->service)))
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

                if (!vh_import_takes(im, u->daemon) || !can_be_enabled(u) || wanted || !expected || !im->activation)
                        continue;
                text = vh_xasprintf("%s is %s here; with the profile it is enabled", u->name,
                                    u->mask ? "masked" : "not enabled");
                vh_import_lose(im, "import-lost", u->name, 0, 0, 1, text);
        }
}

/* Daemons that make their sockets are all up with the profile. */
static void lose_stopped(const Import *im)
{
        for (size_t i = 0; i < im->host->n_units; i++) {
                const VhSurveyUnit *u = &im->host->units[i];

                if (!u->socket && vh_import_takes(im, u->daemon) && can_be_enabled(u) && !vh_survey_unit_wanted(u))
                        vh_import_lose(im, "import-lost", u->name, 0, 0, 1,
                                       "the service is not enabled here; with the profile it is");
        }
}

/* Lines of the administrator's preset files that say something else than what is: the profile goes by what is. */
static void lose_presets(const Import *im)
{
        VhPresetLine *lines = NULL;

        if (vh_preset_lines(&im->host->tree, &im->host->arena, &lines, NULL) < 0)
                return;
        for (size_t i = 0; i < im->host->n_units; i++) {
                const VhSurveyUnit *u = &im->host->units[i];
                const VhPresetLine *l = vh_preset_line_for(lines, u->name);
                _vh_free_ char *path = NULL, *text = NULL;

                if (!l || l->ignore || !vh_startswith(l->path, "etc/") || !can_be_enabled(u) || u->mask ||
                    l->enable == vh_survey_unit_wanted(u))
                        continue;
                path = vh_xasprintf("/%s", l->path);
                text = vh_xasprintf("this preset would have %s %s, and it is not: the profile goes by what is", u->name,
                                    l->enable ? "enabled" : "disabled");
                vh_import_lose(im, "import-dropped", path, l->line, 1, 1, text);
        }
}

static void put_boot(const Import *im)
{
        bool lean = im->activation && !all_services_enabled(im), any = false, masked = false;

        if (lean)
                vh_buf_adds(im->out, "preset: lean\n");
        for (const VhDaemonDesc *const *d = vh_daemon_descs; lean && *d; d++) {
                if (!(*d)->units || (*d)->boot || !vh_import_takes(im, *d) ||
                    !vh_survey_unit_wanted(vh_survey_unit(im->host, (*d)->service)))
                        continue;
                vh_buf_printf(im->out, "%s%s", any ? ", " : "boot:\n  services: [", (*d)->name);
                any = true;
        }
        vh_buf_adds(im->out, any ? "]\n" : "");
        for (size_t i = 0; i < im->host->n_units; i++)
                masked = masked || (im->host->units[i].mask && !vh_import_takes(im, im->host->units[i].daemon));
        if (masked && im->activation)
                vh_buf_printf(im->out, "%s  mask_others: true\n", any ? "" : "boot:\n");
        lose_states(im, lean);
        if (!im->activation)
                lose_stopped(im);
        lose_presets(im);
}

void vh_import_layout(const Import *im, const char *name)
{
        bool modular = is_modular(im);

        vh_buf_printf(im->out, "profile: %s\ntarget:\n  daemons: %s\n  distribution: %s\n", name,
                      im->ours ? "virthost" : "libvirt", im->host->distro->name);
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

const VhUnitLine *vh_import_changed(const VhSurveyUnit *u, const char *section, const char *key)
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
                        vh_import_lose_line(im, l, "a listener of its own kind");
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
        const VhUnitLine *free_bind = vh_import_changed(u, "Socket", "FreeBind");
        bool addresses = false;

        vh_buf_printf(im->out, "%s  %s:\n    enabled: true\n", all->any ? "" : "remote:\n",
                      vh_socket_kind_name(u->socket->kind));
        if (vh_import_changed(u, "Socket", "ListenStream"))
                addresses = put_addresses(im, u);
        if (free_bind && !addresses)
                vh_import_lose_line(im, free_bind, "a listener on all addresses has no use for it");
        all->any = true;
        all->addresses = all->addresses || addresses;
        all->free_bind = all->free_bind || (free_bind && addresses);
}

void vh_import_remote(const Import *im)
{
        Listeners all = { 0 };

        for (size_t i = 0; im->activation && i < im->host->n_units; i++) {
                const VhSurveyUnit *u = &im->host->units[i];

                if (u->socket && u->socket->port && vh_import_takes(im, u->daemon) && vh_survey_unit_wanted(u))
                        put_listener(im, u, &all);
        }
        /* The compiler adds it to listeners with addresses unless told not to. */
        if (all.addresses && !all.free_bind)
                vh_buf_adds(im->out, "  free_bind: false\n");
}
