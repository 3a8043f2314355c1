/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What systemd gets: drop-ins for sockets and services, the preset, and on demand the units.
 *
 * Once systemd makes the sockets, the daemons' own keys for them are dead. Their values become settings of the socket
 * units here. */

#include "plan.h"
#include "dirs.h"

enum { UNIT_FILE_MODE = 0644 };

/* Directives of one unit, by section. */
typedef struct DropIn {
        const VhProfile *p;
        const VhDaemonDesc *daemon;
        const char *unit;
        VhDraft draft;
        const char *section; /* that was written last */
} DropIn;

static void begin_section(DropIn *d, const char *section)
{
        if (vh_streq(d->section, section))
                return;
        vh_draft_from(&d->draft, NULL, NULL);
        vh_buf_printf(&d->draft.text, "%s[%s]\n", d->section ? "\n" : "", section);
        d->section = section;
}

/* The value that it comes from goes with it. */
static void put(DropIn *d, const VhYamlNode *node, const char *path, const char *section, const char *key,
                const char *value)
{
        begin_section(d, section);
        vh_draft_from(&d->draft, node, path);
        vh_buf_printf(&d->draft.text, "%s=%s\n", key, value);
}

static void put_setting(DropIn *d, const VhSetting *s, const char *key, const char *value)
{
        put(d, s->node, s->path, "Socket", key, value);
}

static void put_profile_directives(DropIn *d, const char *section)
{
        for (const VhDirective *x = d->p->directives; x; x = x->next) {
                if (!vh_streq(x->unit, d->unit) || !vh_streq(x->section, section))
                        continue;
                put(d, x->node, x->path, section, x->key, x->value);
        }
}

/* The header goes in front once it is clear that there is something to say. */
static DropIn begin(const VhProfile *p, const VhDaemonDesc *d, const char *unit)
{
        DropIn drop = { .p = p, .daemon = d, .unit = unit };

        vh_emit_header(&drop.draft.text, p);
        return drop;
}

static void finish(DropIn *d, VhPlan *plan)
{
        if (d->section) {
                char *path = vh_xasprintf("%s/systemd/system/%s.d/50-virthost.conf", VH_SYSCONFDIR, d->unit);
                VhPlanFile *f = vh_plan_add(plan, VH_PLAN_DROP_IN, path, UNIT_FILE_MODE, &d->draft);

                f->daemon = d->daemon;
                f->unit = d->unit;
        }
        vh_draft_done(&d->draft);
}

static void put_unix_socket(DropIn *drop, const VhDaemonDesc *d, const VhSocketDesc *s)
{
        const VhSetting *mode = s->mode_key ? vh_profile_setting(drop->p, d, s->mode_key) : NULL;
        const VhSetting *dir = vh_profile_setting(drop->p, d, "unix_sock_dir");
        const VhSetting *group = vh_profile_setting(drop->p, d, "unix_sock_group");

        if (dir) {
                _vh_free_ char *place = vh_xasprintf("%s/%s", dir->value.str, s->file);

                /* An empty one takes back what the unit lists. */
                put_setting(drop, dir, "ListenStream", "");
                put_setting(drop, dir, "ListenStream", place);
        }
        if (mode)
                put_setting(drop, mode, "SocketMode", mode->value.str);
        if (group)
                put_setting(drop, group, "SocketGroup", group->value.str + (*group->value.str == '+'));
}

static void put_given(DropIn *d, const VhGiven *given, const char *section, const char *key, const char *value)
{
        put(d, given->node, given->path, section, key, value);
}

/* The addresses of one listener: its own list, that of all listeners, or the one address; empty: everywhere. */
static VhGiven addresses_of(const VhProfile *p, const VhDaemonDesc *d, const VhSocketDesc *s)
{
        const VhGiven *own = s->kind == VH_SOCKET_TLS ? &p->remote.tls_addresses : &p->remote.tcp_addresses;
        const VhSetting *one = vh_profile_setting(p, d, "listen_addr");
        VhGiven given = own->node ? *own : p->remote.addresses;

        if (!given.node && one) {
                given = (VhGiven){ .node = one->node, .path = one->path, .n = 1 };
                given.items = vh_arena_new(p->arena, const char *, 1);
                given.items[0] = one->value.str;
        }
        return given;
}

static void put_address(DropIn *drop, const VhGiven *addresses, size_t i, const char *port)
{
        const char *host = addresses->items[i];
        bool v6 = strchr(host, ':');
        _vh_free_ char *place = vh_xasprintf("%s%s%s:%s", v6 ? "[" : "", host, v6 ? "]" : "", port);

        put_given(drop, addresses, "Socket", "ListenStream", place);
}

static void put_ip_socket(DropIn *drop, const VhDaemonDesc *d, const VhSocketDesc *s)
{
        const VhGiven addresses = addresses_of(drop->p, d, s);
        const VhGiven *free_bind = &drop->p->remote.free_bind, *v6 = &drop->p->remote.ipv6_only;
        const VhSetting *port = vh_profile_setting(drop->p, d, s->port_key);
        const char *number = port ? port->value.str : s->port;

        if (addresses.node)
                put_given(drop, &addresses, "Socket", "ListenStream", "");
        for (size_t i = 0; i < addresses.n; i++)
                put_address(drop, &addresses, i, number);
        if (port && !addresses.node) {
                put_setting(drop, port, "ListenStream", "");
                put_setting(drop, port, "ListenStream", number);
        }
        /* An address may come up later than the socket. */
        if (addresses.node && (!free_bind->node || free_bind->on))
                put_given(drop, free_bind->node ? free_bind : &addresses, "Socket", "FreeBind", "yes");
        if (v6->node)
                put_given(drop, v6, "Socket", "BindIPv6Only", v6->on ? "ipv6-only" : "both");
}

/* Daemons that start guests, networks and the like wait for what those need. */
static void put_wait_for(DropIn *drop, const VhDaemonDesc *d)
{
        const VhGiven *units = &drop->p->boot.wait_for;

        for (size_t i = 0; d->boot && i < units->n; i++) {
                put_given(drop, units, "Unit", "Wants", units->items[i]);
                put_given(drop, units, "Unit", "After", units->items[i]);
        }
}

static void emit_socket(VhPlan *plan, const VhProfile *p, const VhDaemonDesc *d, const VhSocketDesc *s)
{
        DropIn drop = begin(p, d, s->unit);

        if (!vh_profile_is_activated(p, d))
                return vh_draft_done(&drop.draft);
        put_profile_directives(&drop, "Unit");
        if (s->file)
                put_unix_socket(&drop, d, s);
        else if (vh_profile_wants_socket(p, d, s))
                put_ip_socket(&drop, d, s);
        put_profile_directives(&drop, "Socket");
        put_profile_directives(&drop, "Install");
        finish(&drop, plan);
}

static void emit_service(VhPlan *plan, const VhProfile *p, const VhDaemonDesc *d)
{
        static const char *const sections[] = { "Unit", "Service", "Install" };
        DropIn drop = begin(p, d, d->service);

        put_wait_for(&drop, d);
        for (size_t i = 0; i < VH_ARRAY_SIZE(sections); i++)
                put_profile_directives(&drop, sections[i]);
        finish(&drop, plan);
}

void vh_emit_drop_ins(VhPlan *plan, const VhProfile *p)
{
        for (const VhDaemonDesc **d = p->daemons; *d; d++) {
                emit_service(plan, p, *d);
                for (size_t i = 0; i < (*d)->n_sockets; i++)
                        emit_socket(plan, p, *d, &(*d)->sockets[i]);
        }
}

static bool is_listed(const VhGiven *list, const char *word)
{
        for (size_t i = 0; i < list->n; i++)
                if (vh_streq(list->items[i], word))
                        return true;
        return false;
}

/* The value that decides over a unit, or an empty one: the policy does. */
static VhGiven decided_by(const VhProfile *p, const VhDaemonDesc *d, const VhSocketDesc *socket)
{
        const VhSetting *enable = socket && socket->enable_key ? vh_profile_setting(p, d, socket->enable_key) : NULL;

        if (enable)
                return (VhGiven){ .node = enable->node, .path = enable->path };
        if (!socket && is_listed(&p->boot.services, d->name))
                return p->boot.services;
        if (p->boot.mask_others.on && vh_profile_is_other_layout(p, d))
                return p->boot.mask_others;
        if (vh_profile_has(p, d) && !vh_profile_is_activated(p, d))
                return p->startup_given;
        return (VhGiven){ 0 };
}

/* The unit of a daemon that makes its sockets asks for those of systemd: being disabled would not keep them away. */
static bool is_masked(const VhProfile *p, const VhDaemonDesc *d, const VhSocketDesc *socket)
{
        return (p->boot.mask_others.on && vh_profile_is_other_layout(p, d)) ||
               (socket && vh_profile_has(p, d) && !vh_profile_is_activated(p, d));
}

/* A line of the preset, and the unit itself. */
static void add_unit(VhPlan *plan, VhBuf *b, const VhProfile *p, const VhDaemonDesc *d, const VhSocketDesc *socket)
{
        const VhPresetCase what = { .unit = !socket        ? VH_PRESET_SERVICE
                                            : socket->file ? VH_PRESET_SOCKET
                                                           : VH_PRESET_LISTENER,
                                    .wanted = vh_profile_has(p, d),
                                    .open = socket && vh_profile_wants_socket(p, d, socket),
                                    .activated = vh_profile_is_activated(p, d),
                                    .boot = d->boot };
        bool always = !socket && is_listed(&p->boot.services, d->name);
        bool enabled = always || vh_preset_enables(p->preset, &what);
        const VhGiven by = decided_by(p, d, socket);
        VhPlanUnit unit = { .unit = socket ? socket->unit : d->service, .daemon = d, .socket = socket };

        unit.state = is_masked(p, d, socket) ? VH_PLAN_MASKED : enabled ? VH_PLAN_ENABLED : VH_PLAN_DISABLED;
        unit.stays = enabled && !socket && !what.activated;
        /* Services without anything to start wait for their first client. */
        unit.running = enabled && (socket || d->boot || always || unit.stays);
        unit.node = by.node;
        unit.path = by.path;
        vh_plan_add_unit(plan, &unit);
        vh_buf_printf(b, "%s %s\n", enabled ? "enable" : "disable", unit.unit);
}

static void add_guests_unit(VhPlan *plan, VhDraft *draft, const VhProfile *p)
{
        const VhGiven *first = vh_profile_guests(p);

        if (!first)
                return;
        vh_draft_from(draft, first->node, first->path);
        vh_buf_adds(&draft->text, "enable " VH_GUESTS_UNIT "\n");
        vh_plan_add_unit(plan, &(VhPlanUnit){ .unit = VH_GUESTS_UNIT,
                                              .state = VH_PLAN_ENABLED,
                                              .running = true,
                                              .stays = true,
                                              .node = first->node,
                                              .path = first->path });
}

static void add_daemon_units(VhPlan *plan, VhDraft *draft, const VhProfile *p, const VhDaemonDesc *d)
{
        for (size_t i = 0; i <= d->n_sockets; i++) {
                const VhSocketDesc *socket = i > 0 ? &d->sockets[i - 1] : NULL;
                const VhGiven by = decided_by(p, d, socket);

                vh_draft_from(draft, by.node, by.path);
                add_unit(plan, &draft->text, p, d, socket);
        }
}

void vh_emit_preset(VhPlan *plan, const VhProfile *p)
{
        VhDraft draft = { 0 };

        vh_emit_header(&draft.text, p);
        for (const VhDaemonDesc *const *d = vh_daemon_descs; *d; d++)
                if ((*d)->units)
                        add_daemon_units(plan, &draft, p, *d);
        add_guests_unit(plan, &draft, p);
        vh_plan_add(plan, VH_PLAN_PRESET, vh_xasprintf("%s/systemd/system-preset/50-virthost.preset", VH_SYSCONFDIR),
                    UNIT_FILE_MODE, &draft);
}

void vh_emit_masks(VhPlan *plan)
{
        for (size_t i = 0; i < plan->n_units; i++) {
                const VhPlanUnit *u = &plan->units[i];
                VhDraft draft = { 0 };

                if (u->state == VH_PLAN_MASKED)
                        vh_plan_add(plan, VH_PLAN_MASK, vh_xasprintf("%s/systemd/system/%s", VH_SYSCONFDIR, u->unit),
                                    UNIT_FILE_MODE, &draft)
                                ->unit = u->unit;
        }
}

static bool belongs(const VhProfile *p, const char *unit)
{
        for (const VhDaemonDesc **d = p->daemons; *d; d++) {
                const char *rest = vh_startswith(unit, (*d)->name);

                if (rest && (*rest == '.' || *rest == '-'))
                        return true;
        }
        return vh_endswith(unit, ".target");
}

/* Units name the folder of environment files that this build was made for. */
static void add_unit_text(VhBuf *b, const char *text, const VhProfile *p)
{
        static const char built[] = "/" VH_ENVDIR "/";
        const char *mark;

        while ((mark = strstr(text, built))) {
                vh_buf_add(b, text, (size_t)(mark - text));
                vh_buf_printf(b, "/%s/", p->distro->env_dir);
                text = mark + strlen(built);
        }
        vh_buf_adds(b, text);
}

void vh_emit_units(VhPlan *plan, const VhProfile *p)
{
        for (const VhUnitText *u = vh_unit_texts; u->name; u++) {
                VhDraft draft = { 0 };

                if (!belongs(p, u->name))
                        continue;
                vh_emit_header(&draft.text, p);
                add_unit_text(&draft.text, u->text, p);
                vh_plan_add(plan, VH_PLAN_UNIT, vh_xasprintf("%s/%s", VH_UNITDIR, u->name), UNIT_FILE_MODE, &draft)
                        ->unit = u->name;
        }
}
