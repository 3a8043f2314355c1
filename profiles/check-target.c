/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Combinations that go beyond single daemons: what the target can do, listeners together, boot, guests. */

#include "check-priv.h"

#include <inttypes.h>

static VhFinding *refuse(VhFindings *f, const VhProfile *p, const char *code, const VhGiven *at, const char *text)
{
        return vh_profile_error(f, p, code, at->node, at->path, "%s", text);
}

static void warn(VhFindings *f, const VhProfile *p, const char *code, const VhGiven *at, const char *text)
{
        if (at->node)
                vh_check_warn(f, p, code, at->node, at->path, text);
}

/* Target */

static bool has_layout(const VhDistro *d, const char *layout)
{
        for (const char *const *l = d->libvirt_layouts; *l; l++)
                if (vh_streq(*l, layout))
                        return true;
        return false;
}

static void check_layout(const VhProfile *p, VhFindings *f)
{
        const char *layout = p->layout == VH_LAYOUT_MODULAR ? "modular" : "monolithic";
        const VhGiven *at = p->layout_given.node ? &p->layout_given : &p->software_given;
        _vh_free_ char *text = NULL;

        if (p->software != VH_SOFTWARE_LIBVIRT || has_layout(p->distro, layout))
                return;
        text = vh_xasprintf("the libvirt packages of %s have no %s daemons", p->distro->title, layout);
        vh_finding_hint(f, refuse(f, p, "target-layout", at, text), "use layout: %s, or our daemons",
                        p->distro->libvirt_layouts[0]);
}

/* The reference's own units of modular daemons require their sockets; drop-ins cannot take that back. */
static void check_startup(const VhProfile *p, VhFindings *f)
{
        if (p->startup == VH_STARTUP_DAEMON && p->software == VH_SOFTWARE_LIBVIRT && p->layout == VH_LAYOUT_MODULAR)
                vh_finding_hint(f,
                                refuse(f, p, "target-startup", &p->startup_given,
                                       "the units of libvirt's modular daemons do not start without their sockets"),
                                "use startup: socket-activation");
}

/* Access */

static bool has_polkit(const VhSetting *drivers)
{
        for (size_t i = 0; drivers && i < drivers->value.list.n; i++)
                if (vh_streq(drivers->value.list.items[i].str, "polkit"))
                        return true;
        return false;
}

static void check_rules(const VhProfile *p, VhFindings *f)
{
        const VhGiven at = { .node = p->rules ? p->rules->node : NULL, .path = p->rules ? p->rules->path : NULL };
        bool asked = false;

        if (!p->rules)
                return;
        for (const VhDaemonDesc **d = p->daemons; *d; d++)
                asked = asked || has_polkit(vh_profile_setting(p, *d, "access_drivers"));
        if (p->software == VH_SOFTWARE_OURS)
                refuse(f, p, "access-not-built", &at,
                       "the daemons of this version have no access control of single calls");
        else if (!asked)
                vh_finding_hint(f, refuse(f, p, "access-rules-unused", &at, "no daemon asks polkit about single calls"),
                                "add permissions: [polkit] to $.access");
}

static bool asks_polkit(const VhProfile *p, const char *key)
{
        for (const VhDaemonDesc **d = p->daemons; *d; d++) {
                const VhSetting *auth = vh_profile_setting(p, *d, key);

                if (!vh_conf_desc_option((*d)->conf, key))
                        continue;
                if (!auth || vh_streq(auth->value.str, "polkit"))
                        return true;
        }
        return false;
}

static void check_connect_rules(const VhProfile *p, VhFindings *f)
{
        static const char unused[] = "no socket of this kind asks polkit";
        const VhGiven *manage = p->access.manage_users.node ? &p->access.manage_users : &p->access.manage_groups;
        const VhGiven *monitor = p->access.monitor_users.node ? &p->access.monitor_users : &p->access.monitor_groups;

        if (!asks_polkit(p, "auth_unix_rw"))
                warn(f, p, "access-polkit-unused", manage, unused);
        if (!asks_polkit(p, "auth_unix_ro"))
                warn(f, p, "access-polkit-unused", monitor, unused);
}

static void check_group(const VhProfile *p, VhFindings *f)
{
        static const char *const need = "there is no access.group to put users into";
        const VhSetting *group = vh_check_any_setting(p, "unix_sock_group");
        const VhGiven *create = &p->access.create_group;

        if (!group) {
                if (p->access.members.n > 0)
                        refuse(f, p, "access-members", &p->access.members, need);
                if (p->remote.ssh_users.n > 0)
                        refuse(f, p, "access-members", &p->remote.ssh_users, need);
                if (create->on)
                        refuse(f, p, "access-members", create, "there is no access.group to make");
        } else if (create->on && *group->value.str == '+') {
                refuse(f, p, "access-members", create, "a group without a name cannot be made");
        }
}

/* Users that sshd lets in still need the right to open the socket. */
static void check_ssh(const VhProfile *p, VhFindings *f)
{
        enum { GROUP_MAY_CONNECT = 0020 };
        const VhSetting *mode = vh_check_any_setting(p, "unix_sock_rw_perms");

        if (p->remote.ssh_users.n == 0 || !mode || strtoul(mode->value.str, NULL, 8) & GROUP_MAY_CONNECT)
                return;
        vh_finding_hint(f, refuse(f, p, "remote-ssh", &p->remote.ssh_users, "the group may not open the socket"),
                        "set access.read_write.mode to \"0660\"");
}

/* Addresses */

static bool is_same_list(const VhGiven *list, size_t i)
{
        for (size_t j = 0; j < i; j++)
                if (vh_streq(list->items[i], list->items[j]))
                        return true;
        return false;
}

static bool has_item(const VhGiven *list, const char *word)
{
        for (size_t i = 0; i < list->n; i++)
                if (vh_streq(list->items[i], word))
                        return true;
        return false;
}

static void check_addresses(const VhProfile *p, const VhGiven *list, bool own, VhFindings *f)
{
        VhFinding *n;

        if (!list->node)
                return;
        if (list->n == 0)
                refuse(f, p, "remote-addresses", list, "a listener needs an address, or leave the key out");
        if (p->startup == VH_STARTUP_DAEMON && (list->n > 1 || own)) {
                n = refuse(f, p, "remote-addresses", list, "a daemon that makes its sockets itself takes one address");
                vh_finding_hint(f, n, "use startup: socket-activation");
        }
        for (size_t i = 0; i < list->n; i++)
                if (is_same_list(list, i))
                        vh_profile_error(f, p, "remote-address-twice", list->node->items[i], list->path,
                                         "this address is already there");
        if (has_item(list, "0.0.0.0") && has_item(list, "::") && !p->remote.ipv6_only.on)
                vh_finding_hint(f, refuse(f, p, "remote-address-twice", list, ":: takes IPv4 clients too"),
                                "leave 0.0.0.0 out, or set ipv6_only: true");
}

static void check_listeners(const VhProfile *p, VhFindings *f)
{
        const VhSetting *one = vh_check_any_setting(p, "listen_addr");
        bool own = p->startup == VH_STARTUP_DAEMON;

        check_addresses(p, &p->remote.addresses, false, f);
        check_addresses(p, &p->remote.tls_addresses, true, f);
        check_addresses(p, &p->remote.tcp_addresses, true, f);
        if (one && p->remote.addresses.node)
                refuse(f, p, "remote-addresses", &p->remote.addresses, "give address or addresses, not both");
        if (own && p->remote.free_bind.node)
                refuse(f, p, "remote-activation", &p->remote.free_bind, "only systemd can do that");
        if (own && p->remote.ipv6_only.node)
                refuse(f, p, "remote-activation", &p->remote.ipv6_only, "only systemd can do that");
}

static void check_closed(const VhProfile *p, VhFindings *f)
{
        static const char closed[] = "this listener is not enabled";
        const VhSetting *tls = vh_check_any_setting(p, "listen_tls"), *tcp = vh_check_any_setting(p, "listen_tcp");
        bool has_tls = tls && tls->value.u == 1, has_tcp = tcp && tcp->value.u == 1;

        if (!has_tls) {
                warn(f, p, "remote-closed", &p->remote.tls_addresses, closed);
                warn(f, p, "remote-closed", &p->remote.pki, closed);
        }
        if (!has_tcp)
                warn(f, p, "remote-closed", &p->remote.tcp_addresses, closed);
        if (!has_tls && !has_tcp) {
                warn(f, p, "remote-closed", &p->remote.addresses, closed);
                warn(f, p, "remote-closed", &p->remote.free_bind, closed);
                warn(f, p, "remote-closed", &p->remote.ipv6_only, closed);
        }
}

/* Ports */

typedef struct PortRange {
        const char *conf;   /* NULL: of daemons */
        const char *enable; /* counts only if this is on, or NULL */
        const char *first, *last;
        unsigned from, to; /* filled in */
        const VhSetting *setting;
} PortRange;

static const VhSetting *range_setting(const VhProfile *p, const PortRange *r, const char *option)
{
        return r->conf ? vh_profile_conf_setting(p, vh_conf_desc_find(r->conf), option)
                       : vh_check_any_setting(p, option);
}

static unsigned port_of(const PortRange *r, const char *option, const VhSetting *s)
{
        const VhConfDesc *conf = vh_conf_desc_find(r->conf ? r->conf : "libvirtd.conf");
        const char *text = vh_conf_desc_option(conf, option)->value;

        if (s)
                return s->value.kind == VH_CONF_UINT ? (unsigned)s->value.u : (unsigned)strtoul(s->value.str, NULL, 10);
        return text ? (unsigned)strtoul(text + (*text == '"'), NULL, 10) : 0;
}

static bool fill_range(const VhProfile *p, PortRange *r)
{
        const VhSetting *enable = r->enable ? vh_check_any_setting(p, r->enable) : NULL;
        const VhSetting *first = range_setting(p, r, r->first), *last = range_setting(p, r, r->last);

        if (r->enable && !(enable && enable->value.u == 1))
                return false;
        r->from = port_of(r, r->first, first);
        r->to = port_of(r, r->last, last);
        r->setting = first ? first : last;
        return r->setting && r->from > 0;
}

static void report_ports(const VhProfile *p, const PortRange *a, const PortRange *b, VhFindings *f)
{
        unsigned from = VH_MAX(a->from, b->from), to = VH_MIN(a->to, b->to);
        _vh_free_ char *text = vh_xasprintf("ports %u to %u are in the range of %s too", from, to, a->first);

        vh_check_warn(f, p, "port-clash", b->setting->node, b->setting->path, text);
}

/* Guests' displays, migration and listeners take ports of the same host. The usual ranges overlap, and ports in use are
 * passed over; who chooses ranges wants them apart. */
static void check_ports(const VhProfile *p, VhFindings *f)
{
        PortRange rows[] = {
                { NULL, "listen_tls", "tls_port", "tls_port", 0, 0, NULL },
                { NULL, "listen_tcp", "tcp_port", "tcp_port", 0, 0, NULL },
                { "qemu.conf", NULL, "remote_display_port_min", "remote_display_port_max", 0, 0, NULL },
                { "qemu.conf", NULL, "remote_websocket_port_min", "remote_websocket_port_max", 0, 0, NULL },
                { "qemu.conf", NULL, "migration_port_min", "migration_port_max", 0, 0, NULL },
        };
        const size_t listeners = 2; /* these two are compared elsewhere */

        for (size_t i = 0; i < VH_ARRAY_SIZE(rows); i++)
                for (size_t j = VH_MAX(i + 1, listeners); j < VH_ARRAY_SIZE(rows); j++) {
                        if (!fill_range(p, &rows[i]) || !fill_range(p, &rows[j]))
                                continue;
                        if (rows[i].from <= rows[j].to && rows[j].from <= rows[i].to)
                                report_ports(p, &rows[i], &rows[j], f);
                }
}

/* Boot and guests */

static void check_service(const VhProfile *p, size_t i, VhFindings *f)
{
        const VhGiven *list = &p->boot.services;
        const VhDaemonDesc *d = vh_daemon_desc_find(list->items[i]);

        if (!d)
                vh_profile_error(f, p, "profile-choice", list->node->items[i], list->path, "there is no daemon '%s'",
                                 list->items[i]);
        else if (!vh_profile_has(p, d))
                vh_profile_error(f, p, "profile-not-in-layout", list->node->items[i], list->path,
                                 "%s is not among the daemons of this profile", d->name);
}

/* Directives for units that the daemon takes the place of. */
static void check_masked_sockets(const VhProfile *p, VhFindings *f)
{
        for (const VhDaemonDesc **d = p->daemons; *d; d++)
                for (size_t i = 0; !vh_profile_is_activated(p, *d) && i < (*d)->n_sockets; i++)
                        for (const VhDirective *x = p->directives; x; x = x->next)
                                if (vh_streq(x->unit, (*d)->sockets[i].unit))
                                        vh_check_warn(f, p, "boot-unused", x->node, x->path,
                                                      "the daemon makes its sockets itself: this unit is not used");
}

static void check_boot(const VhProfile *p, VhFindings *f)
{
        static const char unused[] = "without socket activation all daemons start with the host";

        for (size_t i = 0; i < p->boot.services.n; i++)
                check_service(p, i, f);
        if (p->startup != VH_STARTUP_DAEMON)
                return;
        warn(f, p, "boot-unused", &p->boot.services, unused);
        warn(f, p, "boot-unused", &p->preset_given, unused);
        check_masked_sockets(p, f);
        for (const VhIdle *i = p->idles; i; i = i->next)
                if (!i->left && i->seconds > 0)
                        vh_check_warn(f, p, "idle-gone", i->node, i->path,
                                      "without socket activation nobody starts a daemon again that was idle and left");
}

static void check_guests(const VhProfile *p, VhFindings *f)
{
        static const char not_shut_down[] = "guests are saved, not shut down, unless at_shutdown is shutdown";
        const VhGiven *end = &p->guests.at_shutdown, *boot = &p->guests.at_boot;
        bool shuts_down = vh_streq(end->node ? end->text : p->distro->guests_at_shutdown, "shutdown");

        if (!shuts_down) {
                warn(f, p, "guests-unused", &p->guests.parallel, not_shut_down);
                warn(f, p, "guests-unused", &p->guests.timeout, not_shut_down);
        } else {
                warn(f, p, "guests-unused", &p->guests.bypass_cache, "guests are shut down, not saved");
        }
        if (vh_streq(boot->node ? boot->text : p->distro->guests_at_boot, "ignore"))
                warn(f, p, "guests-unused", &p->guests.start_delay, "no guest is started at boot");
}

/* Files of drivers */

static void check_locks(const VhProfile *p, VhFindings *f)
{
        static const char *const managers[] = { "lockd", "sanlock" };
        const VhSetting *manager = vh_profile_conf_setting(p, vh_conf_desc_find("qemu.conf"), "lock_manager");

        for (const VhSetting *s = p->settings; s; s = s->next)
                for (size_t i = 0; s->scope == VH_SCOPE_CONF && i < VH_ARRAY_SIZE(managers); i++) {
                        _vh_free_ char *file = vh_xasprintf("qemu-%s.conf", managers[i]);

                        if (vh_streq(s->conf->file, file) && !(manager && vh_streq(manager->value.str, managers[i])))
                                vh_check_warn(f, p, "lock-unused", s->node, s->path,
                                              "read only with lock_manager of qemu.conf set to it");
                }
}

static void check_displays(const VhProfile *p, const char *listen, const char *const *guards, VhFindings *f)
{
        const VhConfDesc *conf = vh_conf_desc_find("qemu.conf");
        const VhSetting *s = vh_profile_conf_setting(p, conf, listen);

        if (!s || (!vh_streq(s->value.str, "0.0.0.0") && !vh_streq(s->value.str, "::")))
                return;
        for (; *guards; guards++) {
                const VhSetting *guard = vh_profile_conf_setting(p, conf, *guards);

                if (guard && (guard->value.kind == VH_CONF_STRING || guard->value.u == 1))
                        return;
        }
        vh_check_warn(
                f, p, "display-open", s->node, s->path,
                "everybody in the network could use the displays of guests: no password, no TLS with certificates");
}

static void check_files(const VhProfile *p, VhFindings *f)
{
        static const char *const vnc[] = { "vnc_password", "vnc_sasl", "vnc_tls_x509_verify", NULL };
        static const char *const spice[] = { "spice_password", "spice_sasl", NULL };

        check_locks(p, f);
        check_displays(p, "vnc_listen", vnc, f);
        check_displays(p, "spice_listen", spice, f);
}

void vh_check_target(const VhProfile *p, VhFindings *f)
{
        check_layout(p, f);
        check_startup(p, f);
        check_rules(p, f);
        check_connect_rules(p, f);
        check_group(p, f);
        check_ssh(p, f);
        check_listeners(p, f);
        check_closed(p, f);
        check_ports(p, f);
        check_boot(p, f);
        check_guests(p, f);
        check_files(p, f);
}
