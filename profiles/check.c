/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What no single value shows. A mistake in a value that several daemons share is reported once, at its place. */

#include "check-priv.h"

#include <inttypes.h>

enum { OTHERS_MAY_CONNECT = 0002 }; /* connecting takes the right to write */

/* Is there a finding of this kind at this place already? */
static bool is_known(const VhFindings *f, const char *code, const VhYamlNode *node)
{
        for (const VhFinding *n = f->first; n; n = n->next)
                if (vh_streq(n->code, code) && n->line == node->line && n->column == node->column &&
                    vh_streq(n->file, node->file))
                        return true;
        return false;
}

static VhFinding *once(VhFindings *f, const VhProfile *p, const char *code, const VhSetting *s, const char *text)
{
        return is_known(f, code, s->node) ? NULL : vh_profile_error(f, p, code, s->node, s->path, "%s", text);
}

void vh_check_warn(VhFindings *f, const VhProfile *p, const char *code, const VhYamlNode *node, const char *path,
                   const char *text)
{
        VhFinding *n;

        if (is_known(f, code, node))
                return;
        n = vh_findings_add(f, VH_SEVERITY_WARNING, code, node->file, node->line, node->column, "%s", text);
        if (n) {
                n->width = node->width;
                n->path = vh_arena_strdup(&f->arena, path);
        }
}

static void warn(VhFindings *f, const VhProfile *p, const char *code, const VhSetting *s, const char *text)
{
        vh_check_warn(f, p, code, s->node, s->path, text);
}

const VhSetting *vh_check_any_setting(const VhProfile *p, const char *option)
{
        const VhSetting *found = NULL;

        for (const VhDaemonDesc **d = p->daemons; *d && !found; d++)
                if (vh_conf_desc_option((*d)->conf, option))
                        found = vh_profile_setting(p, *d, option);
        return found;
}

static bool is_string(const VhSetting *s, const char *value)
{
        return s && s->value.kind == VH_CONF_STRING && vh_streq(s->value.str, value);
}

static bool is_on(const VhSetting *s)
{
        return s && s->value.kind == VH_CONF_UINT && s->value.u == 1;
}

/* A setting that no daemon of the profile would read. */
static void check_used(const VhProfile *p, const VhSetting *s, VhFindings *f)
{
        VhFinding *n;

        for (const VhDaemonDesc **d = p->daemons; *d; d++)
                if (vh_conf_desc_option((*d)->conf, s->option->name))
                        return;
        n = once(f, p, "profile-unused", s, "no daemon of this profile can do that");
        if (vh_startswith(s->path, "$.remote"))
                vh_finding_hint(f, n, "remote access needs virtproxyd: leave out 'proxy: false'");
}

/* Sockets of one daemon */

static unsigned mode_of(const VhProfile *p, const VhDaemonDesc *d, const VhSocketDesc *socket)
{
        const VhSetting *s = vh_profile_setting(p, d, socket->mode_key);

        if (s)
                return (unsigned)strtoul(s->value.str, NULL, 8);
        return p->startup == VH_STARTUP_ACTIVATION ? socket->unit_mode : socket->mode;
}

static void check_open_socket(const VhProfile *p, const VhDaemonDesc *d, VhFindings *f)
{
        const VhSocketDesc *socket = vh_daemon_desc_socket(d, VH_SOCKET_RW);
        const VhSetting *auth = socket->auth_key ? vh_profile_setting(p, d, socket->auth_key) : NULL;
        VhFinding *n;

        if (!is_string(auth, "none") || !(mode_of(p, d, socket) & OTHERS_MAY_CONNECT))
                return;
        n = once(f, p, "access-open", auth,
                 "every local user would control all guests: no authentication, and a socket open to all");
        vh_finding_hint(f, n, "set access.read_write.mode to \"0600\", or to \"0660\" with a group");
}

static void check_admin_socket(const VhProfile *p, const VhDaemonDesc *d, VhFindings *f)
{
        const VhSocketDesc *socket = vh_daemon_desc_socket(d, VH_SOCKET_ADMIN);
        const VhSetting *mode = socket->mode_key ? vh_profile_setting(p, d, socket->mode_key) : NULL;

        if (mode && (mode_of(p, d, socket) & OTHERS_MAY_CONNECT))
                warn(f, p, "access-admin", mode, "only root is let in on the admin socket: an open mode gains nothing");
}

static void check_directory(const VhProfile *p, const VhDaemonDesc *d, VhFindings *f)
{
        const VhSetting *dir = vh_profile_setting(p, d, "unix_sock_dir");

        if (dir && p->startup == VH_STARTUP_ACTIVATION)
                warn(f, p, "access-directory", dir, "clients look for sockets in the usual place only");
}

/* Remote access */

/* An absent list lets everybody pass, an empty one nobody. */
static void check_nobody(const VhProfile *p, const VhDaemonDesc *d, const char *option, VhFindings *f)
{
        const VhSetting *s = vh_profile_setting(p, d, option);

        if (s && s->value.kind == VH_CONF_LIST && s->value.list.n == 0)
                warn(f, p, "access-nobody", s, "an empty list lets nobody in; null takes the list away");
}

static void check_remote_auth(const VhProfile *p, const VhDaemonDesc *d, VhFindings *f)
{
        const VhSetting *tcp = vh_profile_setting(p, d, "auth_tcp"), *tls = vh_profile_setting(p, d, "auth_tls");
        const VhSetting *unchecked = vh_profile_setting(p, d, "tls_no_verify_certificate");
        static const char polkit[] = "polkit cannot judge clients on other hosts";
        VhFinding *n;

        if (is_string(tcp, "polkit"))
                once(f, p, "remote-polkit", tcp, polkit);
        if (is_string(tls, "polkit"))
                once(f, p, "remote-polkit", tls, polkit);
        if (is_on(unchecked) && vh_profile_setting(p, d, "tls_allowed_dn_list"))
                vh_finding_hint(f,
                                once(f, p, "remote-names-unchecked", unchecked,
                                     "without the check of certificates, allowed_names is not looked at either"),
                                "leave skip_client_check out");
        check_nobody(p, d, "tls_allowed_dn_list", f);
        check_nobody(p, d, "sasl_allowed_username_list", f);
        if (is_on(vh_profile_setting(p, d, "listen_tcp")) && is_string(tcp, "none")) {
                n = once(f, p, "remote-open", tcp, "everybody in the network would control all guests");
                vh_finding_hint(f, n, "use \"sasl\", or TLS");
        }
        if (is_on(vh_profile_setting(p, d, "listen_tls")) && is_on(unchecked) && !is_string(tls, "sasl")) {
                n = once(f, p, "remote-open", unchecked, "everybody in the network would control all guests");
                vh_finding_hint(f, n, "check certificates, or set remote.tls.auth to \"sasl\"");
        }
}

static void check_remote_ports(const VhProfile *p, const VhDaemonDesc *d, VhFindings *f)
{
        const VhSetting *tcp = vh_profile_setting(p, d, "tcp_port"), *tls = vh_profile_setting(p, d, "tls_port");
        const char *tcp_port = tcp ? tcp->value.str : "16509", *tls_port = tls ? tls->value.str : "16514";

        if (vh_streq(tcp_port, tls_port) && (tcp || tls))
                once(f, p, "remote-port", tls ? tls : tcp, "TLS and TCP cannot share a port");
}

/* Socket units take numbers only. */
static void check_remote_literals(const VhProfile *p, const VhDaemonDesc *d, VhFindings *f)
{
        static const char *const ports[] = { "tls_port", "tcp_port" };
        const VhSetting *address = vh_profile_setting(p, d, "listen_addr");

        if (p->startup != VH_STARTUP_ACTIVATION)
                return;
        if (address && !vh_format_matches(VH_FORMAT_ADDRESS, address->value.str))
                once(f, p, "remote-literal", address, "systemd listens on addresses, not on host names");
        for (size_t i = 0; i < VH_ARRAY_SIZE(ports); i++) {
                const VhSetting *s = vh_profile_setting(p, d, ports[i]);

                if (s && s->value.str[strspn(s->value.str, "0123456789")] != '\0')
                        once(f, p, "remote-literal", s, "systemd listens on port numbers, not on service names");
        }
}

/* Addresses and ports of listeners that stay closed. */
static void check_remote_used(const VhProfile *p, const VhDaemonDesc *d, VhFindings *f)
{
        static const struct {
                const char *option, *listener, *other;
        } rows[] = {
                { "listen_addr", "listen_tls", "listen_tcp" },
                { "tls_port", "listen_tls", NULL },
                { "tcp_port", "listen_tcp", NULL },
        };

        for (size_t i = 0; i < VH_ARRAY_SIZE(rows); i++) {
                const VhSetting *s = vh_profile_setting(p, d, rows[i].option);

                if (s && !is_on(vh_profile_setting(p, d, rows[i].listener)) &&
                    !(rows[i].other && is_on(vh_profile_setting(p, d, rows[i].other))))
                        warn(f, p, "remote-closed", s, "this listener is not enabled");
        }
}

/* What the daemons of this version refuse to start with. A row goes when its feature comes. */
static void check_built(const VhProfile *p, const VhDaemonDesc *d, VhFindings *f)
{
        static const char *const auth_keys[] = { "auth_unix_rw", "auth_unix_ro", "auth_tcp", "auth_tls" };
        static const char no_tls[] = "the daemons of this version have no TLS and do not start with it";
        static const char no_sasl[] = "the daemons of this version have no SASL and do not start with it";
        static const char no_polkit[] = "the daemons of this version have no access driver and do not start with one";
        const VhSetting *tls = vh_profile_setting(p, d, "listen_tls"), *tcp = vh_profile_setting(p, d, "listen_tcp");
        const VhSetting *drivers = vh_profile_setting(p, d, "access_drivers");

        if (p->software != VH_SOFTWARE_OURS)
                return;
        for (size_t i = 0; i < VH_ARRAY_SIZE(auth_keys); i++) {
                const VhSetting *s = vh_profile_setting(p, d, auth_keys[i]);

                if (is_string(s, "sasl") && vh_conf_desc_option(d->conf, auth_keys[i]))
                        warn(f, p, "not-built", s, no_sasl);
        }
        if (is_on(tls) && vh_daemon_desc_socket(d, VH_SOCKET_TLS))
                warn(f, p, "not-built", tls, no_tls);
        /* It is the default there. */
        if (is_on(tcp) && vh_daemon_desc_socket(d, VH_SOCKET_TCP) && !vh_profile_setting(p, d, "auth_tcp"))
                warn(f, p, "not-built", tcp, no_sasl);
        for (size_t i = 0; drivers && i < drivers->value.list.n; i++)
                if (!vh_streq(drivers->value.list.items[i].str, "none"))
                        warn(f, p, "not-built", drivers, no_polkit);
}

/* Options that depend on others */

static bool number_of(const VhProfile *p, const VhDaemonDesc *d, const VhConfDesc *conf, const char *option,
                      uint64_t *ret)
{
        const VhSetting *s = d ? vh_profile_setting(p, d, option) : vh_profile_conf_setting(p, conf, option);
        const VhOptionDesc *o = vh_conf_desc_option(conf, option);

        if (!s)
                return o->value && vh_parse_u64(o->value, 10, ret) == 0;
        *ret = s->value.u;
        return s->value.kind == VH_CONF_UINT;
}

static void check_bound(const VhProfile *p, const VhDaemonDesc *d, const VhConfDesc *conf, const VhOptionDesc *o,
                        VhFindings *f)
{
        const VhSetting *s = d ? vh_profile_setting(p, d, o->name) : vh_profile_conf_setting(p, conf, o->name);
        const VhSetting *other =
                d ? vh_profile_setting(p, d, o->at_most) : vh_profile_conf_setting(p, conf, o->at_most);
        _vh_free_ char *text = NULL;
        uint64_t value, bound;
        VhFinding *n;

        if ((!s && !other) || !number_of(p, d, conf, o->name, &value) || !number_of(p, d, conf, o->at_most, &bound) ||
            value <= bound)
                return;
        text = vh_xasprintf("%s (%" PRIu64 ") must not be above %s (%" PRIu64 ")", o->name, value, o->at_most, bound);
        n = once(f, p, "profile-bound", s ? s : other, text);
        if (!s)
                vh_finding_hint(f, n, "that is its default: set it as well");
}

static void check_together(const VhProfile *p, const VhDaemonDesc *d, const VhOptionDesc *o, VhFindings *f)
{
        const VhSetting *s = vh_profile_setting(p, d, o->name);
        _vh_buf_ VhBuf missing = { 0 };
        _vh_free_ char *text = NULL;

        for (const char *const *other = o->together; s && *other; other++)
                if (!vh_profile_setting(p, d, *other))
                        vh_buf_printf(&missing, "%s%s", missing.len ? " and " : "", *other);
        if (missing.len == 0)
                return;
        text = vh_xasprintf("%s needs %s to be set as well", o->name, missing.data);
        once(f, p, "profile-together", s, text);
}

static void check_options(const VhProfile *p, const VhDaemonDesc *d, const VhConfDesc *conf, VhFindings *f)
{
        for (size_t i = 0; i < conf->n_options; i++) {
                const VhOptionDesc *o = conf->options[i];

                if (o->at_most)
                        check_bound(p, d, conf, o, f);
                if (d && o->together)
                        check_together(p, d, o, f);
        }
}

/* Files */

static void check_log_file(const VhProfile *p, const VhSetting *s, VhFindings *f)
{
        VhFinding *n;

        if (!vh_streq(s->option->name, "log_outputs") || s->scope == VH_SCOPE_ONE || !strstr(s->value.str, ":file:") ||
            strstr(s->value.str, "{daemon}") || !p->daemons[0] || !p->daemons[1])
                return;
        n = once(f, p, "logging-shared-file", s, "several daemons would write to the same file");
        vh_finding_hint(f, n, "put {daemon} in its name: 3:file:/var/log/libvirt/{daemon}.log");
}

static void check_client_mode(const VhProfile *p, VhFindings *f)
{
        const VhSetting *s = vh_profile_conf_setting(p, vh_conf_desc_find("libvirt.conf"), "remote_mode");
        VhFinding *n;

        if (!s || p->layout != VH_LAYOUT_MODULAR || is_string(s, "direct"))
                return;
        n = once(f, p, "client-mode", s, "modular daemons could not reach each other: they read this file too");
        vh_finding_hint(f, n, "leave it out, or use \"direct\"");
}

static void check_uuid(const VhProfile *p, VhFindings *f)
{
        const VhSetting *uuid = vh_check_any_setting(p, "host_uuid"),
                        *source = vh_check_any_setting(p, "host_uuid_source");

        if (uuid && source)
                warn(f, p, "host-uuid", source, "host.uuid says which one it is: the source is not asked");
}

/* A unit that takes its whole group down takes guests down. */
static void check_kill_mode(const VhProfile *p, const VhDirective *d, VhFindings *f)
{
        VhFinding *n;

        if (!vh_streq(d->key, "KillMode") || vh_streq(d->value, "process") || vh_streq(d->value, "none"))
                return;
        n = vh_profile_error(f, p, "unit-kills", d->node, d->path,
                             "guests, dnsmasq and other helpers would end with the daemon");
        vh_finding_hint(f, n, "KillMode=process is what the unit has");
}

/* Directives that the compiler writes itself, from an option. */
static void check_directive(const VhProfile *p, const VhDirective *d, VhFindings *f)
{
        static const struct {
                const char *section, *key, *instead;
        } rows[] = {
                { "Socket", "SocketMode", "access" },
                { "Socket", "SocketGroup", "access.group" },
                { "Socket", "ListenStream", "remote, or unix_sock_dir" },
                { "Service", "ExecStart", "idle_timeout" },
        };

        for (size_t i = 0; i < VH_ARRAY_SIZE(rows); i++) {
                VhFinding *n;

                if (!vh_streq(d->section, rows[i].section) || !vh_streq(d->key, rows[i].key))
                        continue;
                n = vh_profile_error(f, p, "unit-generated", d->node, d->path, "%s= is set from other keys", d->key);
                vh_finding_hint(f, n, "use %s", rows[i].instead);
        }
}

void vh_profile_check(const VhProfile *p, VhFindings *f)
{
        for (const VhSetting *s = p->settings; s; s = s->next) {
                if (s->left)
                        continue;
                if (s->scope == VH_SCOPE_API || s->scope == VH_SCOPE_ALL)
                        check_used(p, s, f);
                check_log_file(p, s, f);
        }
        for (const VhDaemonDesc **d = p->daemons; *d; d++) {
                check_open_socket(p, *d, f);
                check_admin_socket(p, *d, f);
                check_directory(p, *d, f);
                check_built(p, *d, f);
                check_options(p, *d, (*d)->conf, f);
                if (vh_daemon_desc_socket(*d, VH_SOCKET_TLS)) {
                        check_remote_auth(p, *d, f);
                        check_remote_ports(p, *d, f);
                        check_remote_literals(p, *d, f);
                        check_remote_used(p, *d, f);
                }
        }
        for (const VhConfDesc *const *c = vh_conf_descs; *c; c++)
                check_options(p, NULL, *c, f);
        for (const VhDirective *d = p->directives; d; d = d->next) {
                check_directive(p, d, f);
                check_kill_mode(p, d, f);
        }
        check_client_mode(p, f);
        check_uuid(p, f);
        vh_check_target(p, f);
}
