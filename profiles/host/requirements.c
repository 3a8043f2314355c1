/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Names and files of a profile against the host; lint does the same for hosts without one. */

#include "host/requirements.h"
#include "apply/ids.h"
#include "host/certificates.h"

typedef struct Check {
        const VhProfile *p;
        const VhTree *tree;
        VhFindings *f;
        VhSeverity severity; /* of what keeps a daemon from starting */
} Check;

/* A value that several daemons share is told once. */
static bool is_known(const VhFindings *f, const VhYamlNode *node, const char *message)
{
        for (const VhFinding *n = f->first; n; n = n->next)
                if (n->line == node->line && n->column == node->column && vh_streq(n->file, node->file) &&
                    vh_streq(n->message, message))
                        return true;
        return false;
}

static VhFinding *add(const Check *c, VhSeverity severity, const char *code, const VhYamlNode *node, const char *path,
                      const char *text)
{
        VhFinding *n;

        if (is_known(c->f, node, text))
                return NULL;
        n = vh_findings_add(c->f, severity, code, node->file, node->line, node->column, "%s", text);
        if (n) {
                n->width = node->width;
                n->path = vh_arena_strdup(&c->f->arena, path);
        }
        return n;
}

/* Accounts */

static void lacks(const Check *c, VhSeverity severity, bool group, const char *name, const VhYamlNode *node,
                  const char *path, const char *hint)
{
        _vh_free_ char *text = NULL;

        if (!(group ? vh_ids_lacks_group : vh_ids_lacks_user)(c->tree, name))
                return;
        text = vh_xasprintf("there is no %s %s %s", group ? "group" : "user", name,
                            c->tree->live ? "on this host" : "in this image, and no sysusers.d makes it");
        vh_finding_hint(c->f, add(c, severity, group ? "host-no-group" : "host-no-user", node, path, text), "%s", hint);
}

static void check_socket_groups(const Check *c)
{
        _vh_free_ char *hint =
                vh_xasprintf("the sockets cannot be made; access.create_group: true makes it, packages of %s make %s",
                             c->p->distro->title, c->p->distro->access_group);

        for (const VhDaemonDesc **d = c->p->daemons; *d; d++) {
                const VhSetting *s = vh_profile_setting(c->p, *d, "unix_sock_group");

                if (s && !c->p->access.create_group.on)
                        lacks(c, c->severity, true, s->value.str, s->node, s->path, hint);
        }
}

static void check_list(const Check *c, const VhGiven *list, bool groups, const char *hint)
{
        for (size_t i = 0; i < list->n; i++)
                lacks(c, VH_SEVERITY_WARNING, groups, list->items[i], list->node->items[i], list->path, hint);
}

static void check_lists(const Check *c)
{
        static const char nobody[] = "until there is, the rule is for nobody";
        static const char made[] = "systemd-sysusers would make a system account of this name";

        check_list(c, &c->p->access.members, false, made);
        check_list(c, &c->p->remote.ssh_users, false, made);
        check_list(c, &c->p->access.manage_users, false, nobody);
        check_list(c, &c->p->access.manage_groups, true, nobody);
        check_list(c, &c->p->access.monitor_users, false, nobody);
        check_list(c, &c->p->access.monitor_groups, true, nobody);
        for (const VhRule *r = c->p->rules; r; r = r->next) {
                check_list(c, &r->users, false, nobody);
                check_list(c, &r->groups, true, nobody);
        }
}

/* Options of drivers that name accounts: the driver does not start without them. */
static void check_driver_accounts(const Check *c)
{
        static const struct {
                const char *option;
                bool group;
        } rows[] = { { "user", false }, { "group", true }, { "swtpm_user", false }, { "swtpm_group", true } };
        const VhConfDesc *conf = vh_conf_desc_find("qemu.conf");
        const VhDistro *distro = c->p->distro;
        _vh_free_ char *hint = vh_xasprintf("the QEMU driver does not start without it; guests of %s run as %s:%s",
                                            distro->title, distro->qemu_user, distro->qemu_group);

        for (size_t i = 0; i < VH_ARRAY_SIZE(rows); i++) {
                const VhSetting *s = vh_profile_conf_setting(c->p, conf, rows[i].option);

                if (s && *s->value.str)
                        lacks(c, c->severity, rows[i].group, s->value.str, s->node, s->path, hint);
        }
}

/* Certificates */

typedef struct TlsPlace {
        const Check *check;
        const VhSetting *settings[VH_PKI_FILES]; /* that name the files, or NULL */
        const VhSetting *wanted_by;
        bool optional; /* daemons start without */
} TlsPlace;

static void add_tls_problem(void *data, const VhPkiProblem *p)
{
        const TlsPlace *at = data;
        const VhSetting *s = at->settings[p->file] ? at->settings[p->file] : at->wanted_by;
        VhSeverity severity = at->optional ? VH_SEVERITY_WARNING : VH_MIN(p->severity, at->check->severity);
        VhFinding *n = add(at->check, severity, p->code, s->node, s->path, p->text);

        if (p->hint)
                vh_finding_hint(at->check->f, n, "%s", p->hint);
}

static bool is_on(const VhSetting *s)
{
        return s && s->value.kind == VH_CONF_UINT && s->value.u == 1;
}

static void check_listener(const Check *c, const VhDaemonDesc *d)
{
        const VhSocketDesc *socket = vh_daemon_desc_socket(d, VH_SOCKET_TLS);
        TlsPlace at = { .check = c };
        VhPki pki = { .unchecked = is_on(vh_profile_setting(c->p, d, "tls_no_sanity_certificate")) };

        if (!socket || !vh_profile_wants_socket(c->p, d, socket))
                return;
        at.wanted_by = vh_profile_setting(c->p, d, socket->enable_key);
        for (VhPkiFile i = 0; i < VH_PKI_FILES; i++) {
                at.settings[i] = vh_profile_setting(c->p, d, vh_pki_options[i].option);
                pki.paths[i] = at.settings[i] ? at.settings[i]->value.str : vh_pki_options[i].usual;
        }
        vh_pki_check(c->tree, &pki, add_tls_problem, &at);
}

/* QEMU looks into a folder when a guest with such a display or device starts. */
static void check_guest_tls(const Check *c)
{
        static const struct {
                const char *on, *dir;
        } rows[] = { { "vnc_tls", "vnc_tls_x509_cert_dir" },
                     { "spice_tls", "spice_tls_x509_cert_dir" },
                     { "chardev_tls", "chardev_tls_x509_cert_dir" } };
        const VhConfDesc *conf = vh_conf_desc_find("qemu.conf");
        const VhSetting *usual = vh_profile_conf_setting(c->p, conf, "default_tls_x509_cert_dir");

        for (size_t i = 0; i < VH_ARRAY_SIZE(rows); i++) {
                const VhSetting *on = vh_profile_conf_setting(c->p, conf, rows[i].on);
                const VhSetting *own = vh_profile_conf_setting(c->p, conf, rows[i].dir), *named = own ? own : usual;
                const char *dir = named ? named->value.str : "/etc/pki/qemu";
                _vh_free_ char *key = vh_xasprintf("%s/server-key.pem", dir);
                _vh_free_ char *certificate = vh_xasprintf("%s/server-cert.pem", dir);
                _vh_free_ char *authorities = vh_xasprintf("%s/ca-cert.pem", dir);
                const VhPki pki = { .paths = { key, certificate, authorities } };

                if (is_on(on))
                        vh_pki_check(c->tree, &pki, add_tls_problem,
                                     &(TlsPlace){ c, { named, named, named, NULL }, on, true });
        }
}

void vh_profile_check_host(const VhProfile *p, const VhTree *tree, VhFindings *f)
{
        const Check c = { p, tree, f, tree->live ? VH_SEVERITY_ERROR : VH_SEVERITY_WARNING };

        check_socket_groups(&c);
        check_lists(&c);
        check_driver_accounts(&c);
        for (const VhDaemonDesc **d = p->daemons; *d; d++)
                check_listener(&c, *d);
        check_guest_tls(&c);
}
