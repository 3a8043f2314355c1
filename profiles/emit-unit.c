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
        const char *unit;
        VhBuf text;
        const char *section; /* that was written last */
} DropIn;

static void put(DropIn *d, const char *section, const char *key, const char *value)
{
        if (!vh_streq(d->section, section)) {
                vh_buf_printf(&d->text, "%s[%s]\n", d->section ? "\n" : "", section);
                d->section = section;
        }
        vh_buf_printf(&d->text, "%s=%s\n", key, value);
}

static void put_profile_directives(DropIn *d, const char *section)
{
        for (const VhDirective *x = d->p->directives; x; x = x->next)
                if (vh_streq(x->unit, d->unit) && vh_streq(x->section, section))
                        put(d, section, x->key, x->value);
}

static void finish(DropIn *d, VhPlan *plan)
{
        VhBuf b = { 0 };

        if (d->section) {
                vh_emit_header(&b, d->p);
                vh_buf_add(&b, d->text.data, d->text.len);
                vh_plan_add(plan, vh_xasprintf("%s/systemd/system/%s.d/50-virthost.conf", VH_SYSCONFDIR, d->unit),
                            UNIT_FILE_MODE, &b);
        }
        vh_buf_done(&d->text);
}

static const char *text_of(const VhProfile *p, const VhDaemonDesc *d, const char *option)
{
        const VhSetting *s = option ? vh_profile_setting(p, d, option) : NULL;

        return s ? s->value.str : NULL;
}

static void put_unix_socket(DropIn *drop, const VhDaemonDesc *d, const VhSocketDesc *s)
{
        const char *mode = text_of(drop->p, d, s->mode_key), *dir = text_of(drop->p, d, "unix_sock_dir");
        const char *group = text_of(drop->p, d, "unix_sock_group");
        _vh_free_ char *place = dir ? vh_xasprintf("%s/%s", dir, s->file) : NULL;

        if (place) {
                /* An empty one takes back what the unit lists. */
                put(drop, "Socket", "ListenStream", "");
                put(drop, "Socket", "ListenStream", place);
        }
        if (mode)
                put(drop, "Socket", "SocketMode", mode);
        if (group)
                put(drop, "Socket", "SocketGroup", *group == '+' ? group + 1 : group);
}

static void put_ip_socket(DropIn *drop, const VhDaemonDesc *d, const VhSocketDesc *s)
{
        const char *address = text_of(drop->p, d, "listen_addr"), *port = text_of(drop->p, d, s->port_key);
        bool v6 = address && strchr(address, ':');
        _vh_free_ char *place = NULL;

        if (!address && !port)
                return;
        port = port ? port : s->port;
        place = address ? vh_xasprintf("%s%s%s:%s", v6 ? "[" : "", address, v6 ? "]" : "", port) : vh_xstrdup(port);
        put(drop, "Socket", "ListenStream", "");
        put(drop, "Socket", "ListenStream", place);
        /* The address may come up later than the socket. */
        if (address)
                put(drop, "Socket", "FreeBind", "yes");
}

static void emit_socket(VhPlan *plan, const VhProfile *p, const VhDaemonDesc *d, const VhSocketDesc *s)
{
        DropIn drop = { .p = p, .unit = s->unit };

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
        _vh_free_ char *unit = vh_xasprintf("%s.service", d->name);
        DropIn drop = { .p = p, .unit = unit };

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

static void preset_line(VhBuf *b, const VhProfile *p, const VhDaemonDesc *d, const VhSocketDesc *socket)
{
        VhPresetUnit kind = !socket ? VH_PRESET_SERVICE : socket->file ? VH_PRESET_SOCKET : VH_PRESET_LISTENER;
        bool open = socket && vh_profile_wants_socket(p, d, socket);
        bool enable = vh_preset_enables(p->preset, kind, vh_profile_has(p, d), open, d->boot);

        vh_buf_printf(b, "%s %s%s\n", enable ? "enable" : "disable", socket ? socket->unit : d->name,
                      socket ? "" : ".service");
}

void vh_emit_preset(VhPlan *plan, const VhProfile *p)
{
        VhBuf b = { 0 };

        vh_emit_header(&b, p);
        for (const VhDaemonDesc *const *d = vh_daemon_descs; *d; d++) {
                if (!(*d)->units)
                        continue;
                preset_line(&b, p, *d, NULL);
                for (size_t i = 0; i < (*d)->n_sockets; i++)
                        preset_line(&b, p, *d, &(*d)->sockets[i]);
        }
        vh_plan_add(plan, vh_xasprintf("%s/systemd/system-preset/50-virthost.preset", VH_SYSCONFDIR), UNIT_FILE_MODE,
                    &b);
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
                VhBuf b = { 0 };

                if (!belongs(p, u->name))
                        continue;
                vh_emit_header(&b, p);
                vh_buf_adds(&b, u->text);
                vh_plan_add(plan, vh_xasprintf("%s/%s", VH_UNITDIR, u->name), UNIT_FILE_MODE, &b);
        }
}
