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

static void put(DropIn *d, const char *section, const char *key, const char *value)
{
        if (!vh_streq(d->section, section)) {
                vh_buf_printf(&d->draft.text, "%s[%s]\n", d->section ? "\n" : "", section);
                d->section = section;
        }
        vh_buf_printf(&d->draft.text, "%s=%s\n", key, value);
}

static void put_setting(DropIn *d, const VhSetting *s, const char *key, const char *value)
{
        vh_draft_from(&d->draft, s->node, s->path);
        put(d, "Socket", key, value);
}

static void put_profile_directives(DropIn *d, const char *section)
{
        for (const VhDirective *x = d->p->directives; x; x = x->next) {
                if (!vh_streq(x->unit, d->unit) || !vh_streq(x->section, section))
                        continue;
                vh_draft_from(&d->draft, x->node, x->path);
                put(d, section, x->key, x->value);
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

static void put_ip_socket(DropIn *drop, const VhDaemonDesc *d, const VhSocketDesc *s)
{
        const VhSetting *address = vh_profile_setting(drop->p, d, "listen_addr");
        const VhSetting *port = vh_profile_setting(drop->p, d, s->port_key);
        const char *host = address ? address->value.str : NULL, *number = port ? port->value.str : s->port;
        bool v6 = host && strchr(host, ':');
        _vh_free_ char *place = NULL;

        if (!address && !port)
                return;
        place = host ? vh_xasprintf("%s%s%s:%s", v6 ? "[" : "", host, v6 ? "]" : "", number) : vh_xstrdup(number);
        put_setting(drop, address ? address : port, "ListenStream", "");
        put_setting(drop, address ? address : port, "ListenStream", place);
        /* The address may come up later than the socket. */
        if (address)
                put_setting(drop, address, "FreeBind", "yes");
}

static void emit_socket(VhPlan *plan, const VhProfile *p, const VhDaemonDesc *d, const VhSocketDesc *s)
{
        DropIn drop = begin(p, d, s->unit);

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

/* A line of the preset, and the unit itself. */
static void add_unit(VhPlan *plan, VhBuf *b, const VhProfile *p, const VhDaemonDesc *d, const VhSocketDesc *socket)
{
        VhPresetUnit kind = !socket ? VH_PRESET_SERVICE : socket->file ? VH_PRESET_SOCKET : VH_PRESET_LISTENER;
        const VhSetting *enable = socket && socket->enable_key ? vh_profile_setting(p, d, socket->enable_key) : NULL;
        bool open = socket && vh_profile_wants_socket(p, d, socket);
        bool enabled = vh_preset_enables(p->preset, kind, vh_profile_has(p, d), open, d->boot);
        VhPlanUnit unit = { .unit = socket ? socket->unit : d->service, .daemon = d, .socket = socket };

        unit.state = enabled ? VH_PLAN_ENABLED : VH_PLAN_DISABLED;
        /* Services without anything to start wait for their first client. */
        unit.running = enabled && (socket || d->boot);
        unit.node = enable ? enable->node : NULL;
        unit.path = enable ? enable->path : NULL;
        vh_plan_add_unit(plan, &unit);
        vh_buf_printf(b, "%s %s\n", enabled ? "enable" : "disable", unit.unit);
}

void vh_emit_preset(VhPlan *plan, const VhProfile *p)
{
        VhDraft draft = { 0 };

        vh_emit_header(&draft.text, p);
        for (const VhDaemonDesc *const *d = vh_daemon_descs; *d; d++) {
                if (!(*d)->units)
                        continue;
                add_unit(plan, &draft.text, p, *d, NULL);
                for (size_t i = 0; i < (*d)->n_sockets; i++)
                        add_unit(plan, &draft.text, p, *d, &(*d)->sockets[i]);
        }
        vh_plan_add(plan, VH_PLAN_PRESET, vh_xasprintf("%s/systemd/system-preset/50-virthost.preset", VH_SYSCONFDIR),
                    UNIT_FILE_MODE, &draft);
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

void vh_emit_units(VhPlan *plan, const VhProfile *p)
{
        for (const VhUnitText *u = vh_unit_texts; u->name; u++) {
                VhDraft draft = { 0 };

                if (!belongs(p, u->name))
                        continue;
                vh_emit_header(&draft.text, p);
                vh_buf_adds(&draft.text, u->text);
                vh_plan_add(plan, VH_PLAN_UNIT, vh_xasprintf("%s/%s", VH_UNITDIR, u->name), UNIT_FILE_MODE, &draft)
                        ->unit = u->name;
        }
}
