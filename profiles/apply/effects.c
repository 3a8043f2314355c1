/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From changed files to effects. Comments, order and spacing never cause anything. */

#include "apply/effects.h"
#include "apply/unit-file.h"

static const char *text_of(const VhNode *n)
{
        return n->kind == VH_NODE_FILE && n->data ? n->data : "";
}

static const char *base_name(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

static void because(VhEffects *e, const char *what, const char *path)
{
        free(e->why);
        e->why = what ? vh_xasprintf("%s in /%s", what, path) : vh_xasprintf("/%s", path);
}

static void need_restart(VhEffects *e, const char *what, const char *path)
{
        if (!e->restart)
                because(e, what, path);
        e->restart = true;
}

static void need_reload(VhEffects *e, const char *what, const char *path)
{
        if (!e->restart && !e->reload)
                because(e, what, path);
        e->reload = true;
}

/* A value as a file says it; NULL if the key is not there. */
static char *value_text(const VhConf *conf, const char *key)
{
        const VhConfEntry *entry = conf ? vh_conf_find(conf, key) : NULL;
        _vh_free_ const char **items = NULL;
        _vh_buf_ VhBuf b = { 0 };
        const char *equals;

        if (!entry)
                return NULL;
        switch (entry->value.kind) {
        case VH_CONF_UINT:
                vh_conf_write_uint(&b, key, entry->value.u);
                break;
        case VH_CONF_INT:
                vh_conf_write_int(&b, key, entry->value.i);
                break;
        case VH_CONF_STRING:
                vh_conf_write_string(&b, key, entry->value.str);
                break;
        case VH_CONF_LIST:
                items = vh_new(const char *, entry->value.list.n + 1);
                for (size_t i = 0; i < entry->value.list.n; i++)
                        items[i] =
                                entry->value.list.items[i].kind == VH_CONF_STRING ? entry->value.list.items[i].str : "";
                vh_conf_write_strings(&b, key, items, entry->value.list.n);
                break;
        }
        equals = b.data ? strchr(b.data, '=') : NULL;
        return equals ? vh_xstrndup(equals + 2, strcspn(equals + 2, "\n")) : vh_xstrdup("");
}

static void add_live(VhEffects *e, const char *option, const char *value)
{
        e->live = vh_xrealloc(e->live, e->n_live + 1, sizeof(*e->live));
        e->live[e->n_live++] = (VhLiveSetting){ vh_xstrdup(option), vh_xstrdup(value) };
}

static void option_changed(VhEffects *e, const VhDaemonDesc *d, const VhOptionDesc *o, const char *path,
                           const char *value)
{
        if (o->obsolete || o->change == VH_CHANGE_NONE)
                return;
        if (vh_live_can(d, o->name))
                add_live(e, o->name, value);
        else if (o->change == VH_CHANGE_RELOAD || d->role == VH_ROLE_LOG || d->role == VH_ROLE_LOCK)
                /* The helpers hold pipes and locks of guests: they start anew by replacing themselves. */
                need_reload(e, o->name, path);
        else
                need_restart(e, o->name, path);
}

static void conf_changed(VhEffects *e, const VhDaemonDesc *d, const VhConfDesc *desc, const VhChange *c)
{
        const char *a = text_of(&c->old), *b = text_of(&c->new);
        _vh_conf_ VhConf *old = NULL, *new = NULL;

        if (vh_conf_parse(&old, c->path, a, strlen(a), NULL, NULL) < 0 ||
            vh_conf_parse(&new, c->path, b, strlen(b), NULL, NULL) < 0) {
                need_restart(e, NULL, c->path);
                return;
        }
        for (size_t i = 0; i < desc->n_options; i++) {
                _vh_free_ char *before = value_text(old, desc->options[i]->name);
                _vh_free_ char *after = value_text(new, desc->options[i]->name);

                if (!vh_streq(before, after))
                        option_changed(e, d, desc->options[i], c->path, after);
        }
}

/* Lines that mean something; of unit files only those that matter to a process that runs. */
static char *essence(const char *text, bool unit)
{
        _vh_free_ char *copy = vh_xstrdup(text);
        char *rest = copy, *line;
        bool counts = true;
        VhBuf b = { 0 };

        while ((line = strsep(&rest, "\n"))) {
                line += strspn(line, " \t");
                if (*line == '[' && unit)
                        counts = !vh_startswith(line, "[Unit]") && !vh_startswith(line, "[Install]");
                if (counts && *line && *line != '#' && *line != ';')
                        vh_buf_printf(&b, "%s\n", line);
        }
        return vh_buf_take(&b);
}

static bool means_the_same(const VhChange *c, bool unit)
{
        _vh_free_ char *old = essence(text_of(&c->old), unit), *new = essence(text_of(&c->new), unit);

        return vh_streq(old, new);
}

/* Whose unit or drop-in a path is: "virtqemud.socket" for .../virtqemud.socket.d/x.conf; the caller frees it. */
static char *unit_of(const char *path)
{
        const char *system = strstr(path, "systemd/system/"), *end;

        if (!system)
                return NULL;
        system += strlen("systemd/system/");
        end = strchr(system, '/');
        if (!end)
                return vh_xstrdup(system);
        /* Links in .wants folders say when a unit starts, not what it is. */
        return end - system > 2 && strncmp(end - 2, ".d", 2) == 0 ? vh_xstrndup(system, (size_t)(end - system) - 2)
                                                                  : NULL;
}

static bool is_socket_of(const VhDaemonDesc *d, const char *unit)
{
        for (size_t i = 0; i < d->n_sockets; i++)
                if (vh_streq(d->sockets[i].unit, unit))
                        return true;
        return false;
}

static void unit_changed(VhEffects *e, const VhDaemonDesc *d, const VhChange *c)
{
        _vh_free_ char *unit = unit_of(c->path);

        if (!unit || c->old.kind == VH_NODE_LINK || c->new.kind == VH_NODE_LINK || means_the_same(c, true))
                return;
        if (vh_streq(unit, d->service))
                need_restart(e, NULL, c->path);
        if (is_socket_of(d, unit)) {
                if (!e->restart)
                        because(e, NULL, c->path);
                e->sockets = true;
        }
}

static void file_changed(VhEffects *e, const VhDaemonDesc *d, const VhChange *c)
{
        const char *name = base_name(c->path);
        bool in_libvirt = strstr(c->path, "etc/libvirt/") && !strchr(strstr(c->path, "etc/libvirt/") + 12, '/');

        if (in_libvirt && vh_streq(name, d->conf->file))
                conf_changed(e, d, d->conf, c);
        for (const VhConfDesc *const *driver = d->driver_confs; in_libvirt && *driver; driver++)
                if (vh_streq(name, (*driver)->file))
                        conf_changed(e, d, *driver, c);
        if ((strstr(c->path, "etc/default/") || strstr(c->path, "etc/sysconfig/")) && vh_streq(name, d->name) &&
            !means_the_same(c, false))
                need_restart(e, NULL, c->path);
        unit_changed(e, d, c);
}

void vh_effects_find(VhEffects *e, const VhChangeSet *set, const VhDaemonDesc *d)
{
        *e = (VhEffects){ 0 };
        for (size_t i = 0; i < set->n_changes; i++)
                if (!vh_startswith(set->changes[i].path, "var/lib/virthost/"))
                        file_changed(e, d, &set->changes[i]);
}

void vh_effects_done(VhEffects *e)
{
        for (size_t i = 0; i < e->n_live; i++) {
                free((char *)e->live[i].option);
                free((char *)e->live[i].value);
        }
        free(e->live);
        free(e->why);
        *e = (VhEffects){ 0 };
}

bool vh_effects_reload_manager(const VhChangeSet *set)
{
        for (size_t i = 0; i < set->n_changes; i++) {
                const VhChange *c = &set->changes[i];

                if (vh_startswith(c->path, "var/lib/virthost/") || !strstr(c->path, "systemd/system/"))
                        continue;
                if (c->old.kind != VH_NODE_FILE || c->new.kind != VH_NODE_FILE || !means_the_same(c, false))
                        return true;
        }
        return false;
}
