/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The parts of a profile that name daemons, their files and their units. */

#include "conf/check.h"
#include "read-priv.h"

#include <ctype.h>

const char *vh_reader_word(const void *words, size_t i)
{
        return ((const char *const *)words)[i];
}

/* Drivers */

static const VhDaemonDesc *daemon_of_driver(VhDaemonRole role, const char *driver)
{
        for (const VhDaemonDesc *const *d = vh_daemon_descs; *d; d++)
                if ((*d)->role == role && vh_streq((*d)->drivers[0], driver))
                        return *d;
        return NULL;
}

typedef struct DriverWords {
        VhDaemonRole role;
} DriverWords;

static const char *driver_word(const void *words, size_t i)
{
        const DriverWords *w = words;

        for (const VhDaemonDesc *const *d = vh_daemon_descs; *d; d++)
                if ((*d)->role == w->role && i-- == 0)
                        return (*d)->drivers[0];
        return NULL;
}

static void choose(Reader *r, const VhDaemonDesc *d)
{
        for (size_t i = 0; i < r->n_chosen; i++)
                if (r->chosen[i] == d)
                        return;
        if (r->n_chosen < VH_ARRAY_SIZE(r->chosen))
                r->chosen[r->n_chosen++] = d;
}

static void take_driver(Reader *r, VhDaemonRole role, const char *name, const VhYamlNode *node, const char *path)
{
        /* "xen" is what everybody calls it; the driver's own name is that of Xen's library. */
        const VhDaemonDesc *d = daemon_of_driver(role, vh_streq(name, "xen") ? "libxl" : name);
        const char *near;
        VhFinding *n;

        if (d && d->units) {
                choose(r, d);
                return;
        }
        n = vh_profile_error(r->f, r->p, "profile-choice", node, path,
                             d ? "driver '%s' has no units for systemd" : "there is no driver '%s'", name);
        near = d ? NULL : vh_did_you_mean(name, driver_word, &(DriverWords){ role });
        if (near)
                vh_finding_hint(r->f, n, "did you mean '%s'?", near);
}

void vh_reader_drivers(Reader *r, VhDaemonRole role, const VhGiven *list)
{
        if (!list->node)
                return;
        *(role == VH_ROLE_HYPERVISOR ? &r->hypervisors_chosen : &r->drivers_chosen) = true;
        if (r->p->layout == VH_LAYOUT_MONOLITHIC)
                vh_findings_add(r->f, VH_SEVERITY_WARNING, "profile-unused", list->node->file, list->node->line,
                                list->node->column, "libvirtd has all drivers: this list has no effect");
        for (size_t i = 0; i < list->n; i++)
                take_driver(r, role, list->items[i], list->node->items[i],
                            vh_arena_printf(r->p->arena, "%s[%zu]", list->path, i));
}

/* Which daemons the layout has before their needs are looked at. */
static void choose_by_role(Reader *r)
{
        for (const VhDaemonDesc *const *d = vh_daemon_descs; *d; d++) {
                bool modular = r->p->layout == VH_LAYOUT_MODULAR;

                if ((*d)->role == VH_ROLE_MONOLITHIC && !modular)
                        choose(r, *d);
                if ((*d)->role == VH_ROLE_PROXY && modular && r->p->proxy)
                        choose(r, *d);
                if ((*d)->role == VH_ROLE_SECONDARY && modular && !r->drivers_chosen)
                        choose(r, *d);
        }
        if (r->p->layout == VH_LAYOUT_MODULAR && !r->hypervisors_chosen)
                choose(r, vh_daemon_desc_find("virtqemud"));
}

static int by_name(const void *a, const void *b)
{
        return strcmp((*(const VhDaemonDesc *const *)a)->name, (*(const VhDaemonDesc *const *)b)->name);
}

void vh_reader_resolve_daemons(Reader *r)
{
        VhProfile *p = r->p;

        /* libvirtd has all drivers in it. */
        if (p->layout == VH_LAYOUT_MONOLITHIC)
                r->n_chosen = 0;
        choose_by_role(r);
        /* Grows while it runs: what is needed may need more. */
        for (size_t i = 0; i < r->n_chosen; i++)
                for (const char *const *need = r->chosen[i]->needs; *need; need++)
                        choose(r, vh_daemon_desc_find(*need));
        p->daemons = vh_arena_new(p->arena, const VhDaemonDesc *, r->n_chosen + 1);
        memcpy(p->daemons, r->chosen, r->n_chosen * sizeof(*p->daemons));
        qsort(p->daemons, r->n_chosen, sizeof(*p->daemons), by_name);
}

bool vh_profile_has(const VhProfile *p, const VhDaemonDesc *d)
{
        for (const VhDaemonDesc **have = p->daemons; have && *have; have++)
                if (*have == d)
                        return true;
        return false;
}

/* Options of one file */

static const char *daemon_word(const void *unused, size_t i)
{
        return vh_daemon_descs[i] ? vh_daemon_descs[i]->name : NULL;
}

static const char *conf_word(const void *unused, size_t i)
{
        return vh_conf_descs[i] ? vh_conf_descs[i]->file : NULL;
}

static const char *option_word(const void *conf, size_t i)
{
        const VhConfDesc *c = conf;

        return i < c->n_options ? c->options[i]->name : NULL;
}

static bool is_daemon_file(const VhConfDesc *conf)
{
        for (const VhDaemonDesc *const *d = vh_daemon_descs; *d; d++)
                if ((*d)->conf == conf)
                        return true;
        return false;
}

/* Where an option that is unknown here belongs. */
static const VhConfDesc *other_home(const VhConfDesc *not_here, const char *option)
{
        for (const VhConfDesc *const *c = vh_conf_descs; *c; c++)
                if (*c != not_here && vh_conf_desc_option(*c, option))
                        return *c;
        return NULL;
}

static void report_option(Reader *r, const VhConfDesc *conf, const VhYamlNode *key, const char *path)
{
        const VhConfDesc *home = other_home(conf, key->text);
        VhFinding *n;

        if (!home) {
                vh_reader_unknown(r, key, path, option_word, conf);
                return;
        }
        n = vh_profile_error(r->f, r->p, "profile-wrong-file", key, path, "'%s' is not a key of %s", key->text,
                             conf->file);
        /* Remote keys are in libvirtd.conf too, but a modular host has virtproxyd for that. */
        if (vh_streq(home->file, "libvirtd.conf") && r->p->layout == VH_LAYOUT_MODULAR)
                home = vh_conf_desc_find("virtproxyd.conf");
        vh_finding_hint(r->f, n, "it belongs to %s", home->file);
}

static void read_settings(Reader *r, const VhConfDesc *conf, const VhDaemonDesc *d, const VhYamlNode *map,
                          const char *path)
{
        if (!vh_reader_is_map(r, map, path))
                return;
        for (size_t i = 0; i < map->n; i++) {
                const VhYamlNode *key = vh_yaml_key(map, i);
                const char *below = vh_reader_path(r, path, key);
                const VhOptionDesc *o = vh_conf_desc_option(conf, key->text);
                VhSetting *s;

                if (!o) {
                        report_option(r, conf, key, below);
                        continue;
                }
                if (o->obsolete)
                        vh_profile_error(r->f, r->p, "profile-obsolete", key, below, "'%s' has no effect any more",
                                         key->text);
                s = vh_reader_add_setting(r, d ? VH_SCOPE_ONE : VH_SCOPE_CONF, o, vh_yaml_value(map, i), below);
                if (s) {
                        s->daemon = d;
                        s->conf = d ? NULL : conf;
                }
        }
}

static void read_daemon(Reader *r, const VhDaemonDesc *d, const VhYamlNode *map, const char *path)
{
        static const char *const words[] = { "settings", "idle_timeout", NULL };

        if (!vh_reader_is_map(r, map, path))
                return;
        for (size_t i = 0; i < map->n; i++) {
                const VhYamlNode *key = vh_yaml_key(map, i), *value = vh_yaml_value(map, i);
                const char *below = vh_reader_path(r, path, key);

                if (vh_streq(key->text, "settings") && vh_yaml_is_null(value))
                        continue;
                if (vh_streq(key->text, "settings"))
                        read_settings(r, d->conf, d, value, below);
                else if (vh_streq(key->text, "idle_timeout"))
                        vh_reader_idle(r, d, value, below);
                else if (vh_conf_desc_option(d->conf, key->text))
                        vh_finding_hint(r->f, vh_reader_unknown(r, key, below, option_word, d->conf),
                                        "keys of %s go below 'settings'", d->conf->file);
                else
                        vh_reader_unknown(r, key, below, vh_reader_word, words);
        }
}

void vh_reader_daemons(Reader *r, const VhYamlNode *map, const char *path)
{
        if (!vh_reader_is_map(r, map, path))
                return;
        for (size_t i = 0; i < map->n; i++) {
                const VhYamlNode *key = vh_yaml_key(map, i);
                const VhDaemonDesc *d = vh_daemon_desc_find(key->text);
                const char *below = vh_reader_path(r, path, key);

                if (!d)
                        vh_reader_unknown(r, key, below, daemon_word, NULL);
                else if (!vh_profile_has(r->p, d))
                        vh_profile_error(r->f, r->p, "profile-not-in-layout", key, below,
                                         "%s is not among the daemons of this profile", d->name);
                else if (!vh_yaml_is_null(vh_yaml_value(map, i)))
                        read_daemon(r, d, vh_yaml_value(map, i), below);
        }
}

/* Files of drivers */

/* Does a daemon of the profile read this file? libvirt.conf and the like are for clients, and always there. */
static bool is_read(const VhProfile *p, const VhConfDesc *conf)
{
        bool by_any = false;

        for (const VhDaemonDesc *const *d = vh_daemon_descs; *d; d++)
                for (const VhConfDesc *const *c = (*d)->driver_confs; *c; c++)
                        if (*c == conf) {
                                by_any = true;
                                if (vh_profile_has(p, *d))
                                        return true;
                        }
        return !by_any;
}

static void read_file(Reader *r, const VhConfDesc *conf, const VhYamlNode *key, const VhYamlNode *value,
                      const char *path)
{
        VhFinding *n;

        if (is_daemon_file(conf)) {
                n = vh_profile_error(r->f, r->p, "profile-wrong-file", key, path, "%s is the file of a daemon",
                                     conf->file);
                vh_finding_hint(r->f, n, "put its keys below $.daemons.%.*s.settings", (int)strlen(conf->file) - 5,
                                conf->file);
        } else if (!is_read(r->p, conf)) {
                vh_profile_error(r->f, r->p, "profile-not-in-layout", key, path, "no daemon of this profile reads %s",
                                 conf->file);
        } else if (!vh_yaml_is_null(value)) {
                read_settings(r, conf, NULL, value, path);
        }
}

void vh_reader_files(Reader *r, const VhYamlNode *map, const char *path)
{
        if (!vh_reader_is_map(r, map, path))
                return;
        for (size_t i = 0; i < map->n; i++) {
                const VhYamlNode *key = vh_yaml_key(map, i);
                const VhConfDesc *conf = vh_conf_desc_find(key->text);
                const char *below = vh_reader_path(r, path, key);

                if (conf)
                        read_file(r, conf, key, vh_yaml_value(map, i), below);
                else
                        vh_reader_unknown(r, key, below, conf_word, NULL);
        }
}

/* Units */

/* Finds the daemon whose unit this is. */
static const VhDaemonDesc *daemon_of_unit(const char *unit)
{
        for (const VhDaemonDesc *const *d = vh_daemon_descs; *d; d++) {
                const char *rest = vh_startswith(unit, (*d)->name);

                if (rest && vh_streq(rest, ".service"))
                        return *d;
                for (size_t i = 0; i < (*d)->n_sockets; i++)
                        if (vh_streq((*d)->sockets[i].unit, unit))
                                return *d;
        }
        return NULL;
}

static const char *unit_word(const void *profile, size_t i)
{
        const VhProfile *p = profile;

        for (const VhDaemonDesc **d = p->daemons; *d; d++) {
                if (i == 0)
                        return vh_arena_printf(p->arena, "%s.service", (*d)->name);
                if (i <= (*d)->n_sockets)
                        return (*d)->sockets[i - 1].unit;
                i -= 1 + (*d)->n_sockets;
        }
        return NULL;
}

static void add_directive(Reader *r, const char *unit, const char *section, const VhYamlNode *key, const char *value,
                          const VhYamlNode *node, const char *path)
{
        VhDirective *d = vh_arena_new(r->p->arena, VhDirective, 1);

        d->unit = unit;
        d->section = section;
        d->key = key->text;
        d->value = value;
        d->node = node;
        d->path = path;
        if (r->p->last_directive)
                r->p->last_directive->next = d;
        else
                r->p->directives = d;
        r->p->last_directive = d;
}

static bool is_directive_name(const char *s)
{
        if (!isupper((unsigned char)*s))
                return false;
        while (isalnum((unsigned char)*s))
                s++;
        return *s == '\0';
}

/* One value of a directive. Numbers, yes and no are systemd's own words here, so quotes are not asked for. */
static void read_directive_value(Reader *r, const char *unit, const char *section, const VhYamlNode *key,
                                 const VhYamlNode *node, const char *path)
{
        if (node->kind != VH_YAML_SCALAR)
                vh_profile_error(r->f, r->p, "profile-type", node, path, "must be a text or a list of texts, not %s",
                                 vh_yaml_kind_name(node));
        else if (strpbrk(node->text, "\r\n"))
                vh_profile_error(r->f, r->p, "profile-unwritable", node, path, "a directive has no line breaks");
        else
                add_directive(r, unit, section, key, node->text, node, path);
}

static void read_directive(Reader *r, const char *unit, const char *section, const VhYamlNode *key,
                           const VhYamlNode *value, const char *path)
{
        if (!is_directive_name(key->text)) {
                vh_profile_error(r->f, r->p, "profile-format", key, path, "'%s' is not a name of a directive",
                                 key->text);
                return;
        }
        if (vh_yaml_is_null(value))
                return;
        if (value->kind != VH_YAML_LIST) {
                read_directive_value(r, unit, section, key, value, path);
                return;
        }
        for (size_t i = 0; i < value->n; i++)
                read_directive_value(r, unit, section, key, value->items[i], path);
}

static void read_unit_section(Reader *r, const char *unit, const char *section, const VhYamlNode *map, const char *path)
{
        if (!vh_reader_is_map(r, map, path))
                return;
        for (size_t i = 0; i < map->n; i++)
                read_directive(r, unit, section, vh_yaml_key(map, i), vh_yaml_value(map, i),
                               vh_reader_path(r, path, vh_yaml_key(map, i)));
}

static void read_unit(Reader *r, const char *unit, const VhYamlNode *map, const char *path)
{
        static const char *const of_service[] = { "Unit", "Service", "Install", NULL };
        static const char *const of_socket[] = { "Unit", "Socket", "Install", NULL };
        const char *const *words = vh_endswith(unit, ".service") ? of_service : of_socket;

        if (!vh_reader_is_map(r, map, path))
                return;
        for (size_t i = 0; i < map->n; i++) {
                const VhYamlNode *key = vh_yaml_key(map, i);
                const char *below = vh_reader_path(r, path, key);
                const char *const *word = words;

                while (*word && !vh_streq(*word, key->text))
                        word++;
                if (*word && vh_yaml_is_null(vh_yaml_value(map, i)))
                        continue;
                if (*word)
                        read_unit_section(r, unit, *word, vh_yaml_value(map, i), below);
                else
                        vh_reader_unknown(r, key, below, vh_reader_word, words);
        }
}

void vh_reader_units(Reader *r, const VhYamlNode *map, const char *path)
{
        if (!vh_reader_is_map(r, map, path))
                return;
        for (size_t i = 0; i < map->n; i++) {
                const VhYamlNode *key = vh_yaml_key(map, i);
                const VhDaemonDesc *d = daemon_of_unit(key->text);
                const char *below = vh_reader_path(r, path, key);

                if (!d)
                        vh_reader_unknown(r, key, below, unit_word, r->p);
                else if (!vh_profile_has(r->p, d))
                        vh_profile_error(r->f, r->p, "profile-not-in-layout", key, below,
                                         "%s is not among the daemons of this profile", d->name);
                else if (!vh_yaml_is_null(vh_yaml_value(map, i)))
                        read_unit(r, key->text, vh_yaml_value(map, i), below);
        }
}
