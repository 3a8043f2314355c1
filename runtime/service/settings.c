/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Keys and the fields that they fill are rows. What one key alone can say wrong is checked against its description by
 * runtime/conf; here are the rules between keys, and what this build does not have. */

#include <errno.h>
#include <grp.h>
#include <stdarg.h>
#include <stdio.h>
#include <systemd/sd-id128.h>

#include "service/settings.h"

enum { SESSION_SOCKET_MODE = 0700 };

typedef enum FieldType {
        FIELD_UINT,
        FIELD_BOOL,
        FIELD_INT,
        FIELD_STRING,
        FIELD_STRINGS,
} FieldType;

typedef struct Field {
        const char *key;
        FieldType type;
        size_t offset;
} Field;

#define FIELD(key, type, member)                                                                                       \
        {                                                                                                              \
                (key), (type), offsetof(VhSettings, member)                                                            \
        }

static const Field fields[] = {
        FIELD("log_level", FIELD_UINT, log_level),
        FIELD("log_filters", FIELD_STRING, log_filters),
        FIELD("log_outputs", FIELD_STRING, log_outputs),
        FIELD("max_clients", FIELD_UINT, main.limits.max_clients),
        FIELD("max_anonymous_clients", FIELD_UINT, main.limits.max_anonymous_clients),
        FIELD("max_client_requests", FIELD_UINT, main.limits.max_client_requests),
        FIELD("max_queued_clients", FIELD_UINT, main.max_queued_clients),
        FIELD("min_workers", FIELD_UINT, main.limits.min_workers),
        FIELD("max_workers", FIELD_UINT, main.limits.max_workers),
        FIELD("prio_workers", FIELD_UINT, main.limits.prio_workers),
        FIELD("keepalive_interval", FIELD_INT, main.limits.keepalive_interval),
        FIELD("keepalive_count", FIELD_UINT, main.limits.keepalive_count),
        FIELD("admin_max_clients", FIELD_UINT, admin.limits.max_clients),
        FIELD("admin_max_client_requests", FIELD_UINT, admin.limits.max_client_requests),
        FIELD("admin_max_queued_clients", FIELD_UINT, admin.max_queued_clients),
        FIELD("admin_min_workers", FIELD_UINT, admin.limits.min_workers),
        FIELD("admin_max_workers", FIELD_UINT, admin.limits.max_workers),
        FIELD("admin_keepalive_interval", FIELD_INT, admin.limits.keepalive_interval),
        FIELD("admin_keepalive_count", FIELD_UINT, admin.limits.keepalive_count),
        FIELD("unix_sock_dir", FIELD_STRING, unix_sock_dir),
        FIELD("listen_addr", FIELD_STRING, listen_addr),
        FIELD("audit_level", FIELD_UINT, audit_level),
        FIELD("audit_logging", FIELD_BOOL, audit_logging),
        FIELD("access_drivers", FIELD_STRINGS, access_drivers),
};

/* For daemons whose file does not know the key: virtlogd and virtlockd have no workers, never ping, and ask for no
 * login. */
static const VhSettings built_in = {
        .main = { .limits = { .max_client_requests = 1, .keepalive_interval = -1 }, .max_queued_clients = 1000 },
        .admin = { .limits = { .max_client_requests = 1, .keepalive_interval = -1 }, .max_queued_clients = 20 },
};

static int load_field(VhSettings *s, const Field *f, VhError **err)
{
        void *place = (char *)s + f->offset;

        switch (f->type) {
        case FIELD_UINT:
                return vh_conf_get_uint(s->conf, f->key, place, err);
        case FIELD_BOOL:
                return vh_conf_get_bool(s->conf, f->key, place, err);
        case FIELD_INT:
                return vh_conf_get_int(s->conf, f->key, place, err);
        case FIELD_STRING:
                return vh_conf_get_string(s->conf, f->key, place, err);
        case FIELD_STRINGS:
                return vh_conf_get_strings(s->conf, f->key, place, NULL, err);
        }
        return -EINVAL;
}

static int bad(VhError **err, const char *path, const char *fmt, ...) _vh_printf_(3, 4);
static int bad(VhError **err, const char *path, const char *fmt, ...)
{
        char text[512];
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        return vh_error_set(err, VIR_FROM_CONF, VIR_ERR_CONF_SYNTAX, "%s: %s", path, text);
}

static int check_limits(const VhSettings *s, const char *path, VhError **err)
{
        const VhServerLimits *l = &s->main.limits;

        if (l->min_workers > l->max_workers)
                return bad(err, path, "min_workers (%u) must not be over max_workers (%u)", l->min_workers,
                           l->max_workers);
        if (s->admin.limits.min_workers > s->admin.limits.max_workers)
                return bad(err, path, "admin_min_workers (%u) must not be over admin_max_workers (%u)",
                           s->admin.limits.min_workers, s->admin.limits.max_workers);
        return 0;
}

static int check_access(const VhSettings *s, const char *path, VhError **err)
{
        for (const char *const *d = s->access_drivers; d && *d; d++)
                if (strcmp(*d, "none") != 0)
                        return bad(err, path, "access_drivers: this build has no access driver '%s', only 'none'", *d);
        return 0;
}

static int take_host_uuid(VhSettings *s, const char *path, VhError **err)
{
        const char *text = NULL;
        const char *source = NULL;
        sd_id128_t machine;
        int r = vh_conf_get_string(s->conf, "host_uuid", &text, err);

        if (r >= 0)
                r = vh_conf_get_string(s->conf, "host_uuid_source", &source, err);
        if (r < 0)
                return r;
        if (text && (vh_uuid_parse(text, s->host_uuid) < 0 || !vh_uuid_is_valid(s->host_uuid)))
                return bad(err, path, "host_uuid: '%s' is not the UUID of a host", text);
        if (!text && vh_streq(source, "machine-id")) {
                r = sd_id128_get_machine(&machine);
                if (r < 0)
                        return vh_error_sys(err, VIR_FROM_CONF, r, "host_uuid_source: cannot read /etc/machine-id");
                memcpy(s->host_uuid, machine.bytes, VH_UUID_LEN);
                text = source;
        }
        s->has_host_uuid = text != NULL;
        return 0;
}

/* Where nobody logs in, clients are never anonymous for long: one limit is enough. */
static int load_fields(VhSettings *s, bool has_login, VhError **err)
{
        for (size_t i = 0; i < VH_ARRAY_SIZE(fields); i++) {
                int r = load_field(s, &fields[i], err);

                if (r < 0)
                        return r;
        }
        if (!has_login) {
                s->main.limits.max_anonymous_clients = s->main.limits.max_clients;
                s->admin.limits.max_anonymous_clients = s->admin.limits.max_clients;
        }
        return 0;
}

int vh_settings_load(VhSettings *s, const VhDaemonDesc *desc, const char *path, VhConfOpenFlags flags,
                     VhFindings *findings, VhError **err)
{
        static int (*const checks[])(const VhSettings *, const char *, VhError **) = {
                check_limits,
                check_access,
        };
        int r;

        *s = built_in;
        s->session = flags & VH_CONF_SESSION;
        r = vh_conf_open(&s->conf, desc->conf, path, flags, findings, err);
        if (r >= 0)
                r = load_fields(s, vh_conf_desc_option(desc->conf, "max_anonymous_clients") != NULL, err);
        for (size_t i = 0; r >= 0 && i < VH_ARRAY_SIZE(checks); i++)
                r = checks[i](s, path, err);
        return r < 0 ? r : take_host_uuid(s, path, err);
}

void vh_settings_done(VhSettings *s)
{
        vh_conf_free(s->conf);
        *s = (VhSettings){ 0 };
}

int vh_settings_auth(const VhSettings *s, const VhSocketDesc *socket, VhAuth *auth, VhError **err)
{
        static const struct {
                const char *word;
                VhAuth auth;
        } words[] = { { "none", VH_AUTH_NONE }, { "sasl", VH_AUTH_SASL }, { "polkit", VH_AUTH_POLKIT } };
        const char *word = "none";
        int r = socket->auth_key ? vh_conf_get_string(s->conf, socket->auth_key, &word, err) : 0;

        if (r < 0)
                return r;
        for (size_t i = 0; i < VH_ARRAY_SIZE(words); i++)
                if (vh_streq(words[i].word, word))
                        *auth = words[i].auth;
        if (*auth == VH_AUTH_SASL)
                return bad(err, vh_conf_name(s->conf), "%s: this build has no SASL; set it to \"none\"%s",
                           socket->auth_key, socket->file ? " or \"polkit\"" : "");
        return 0;
}

int vh_settings_group(const VhSettings *s, gid_t *group, VhError **err)
{
        const char *name = NULL;
        const struct group *gr;
        unsigned gid;
        int r = vh_conf_get_string(s->conf, "unix_sock_group", &name, err);

        *group = (gid_t)-1;
        if (r <= 0 || !*name)
                return r;
        gr = *name == '+' ? NULL : getgrnam(name);
        if (gr) {
                *group = gr->gr_gid;
                return 0;
        }
        if (vh_parse_uint(*name == '+' ? name + 1 : name, &gid) < 0)
                return bad(err, vh_conf_name(s->conf), "unix_sock_group: there is no group '%s'", name);
        *group = gid;
        return 0;
}

int vh_settings_mode(const VhSettings *s, const VhSocketDesc *socket, unsigned *mode, VhError **err)
{
        int r;

        /* Polkit guards the system's sockets; a user's are his alone. */
        *mode = s->session ? SESSION_SOCKET_MODE : socket->mode;
        r = socket->mode_key ? vh_conf_get_mode(s->conf, socket->mode_key, mode, err) : 0;
        return VH_MIN(r, 0);
}

int vh_settings_listener(const VhSettings *s, const VhSocketDesc *socket, bool *enabled, const char **port,
                         VhError **err)
{
        int r;

        *enabled = false;
        *port = socket->port;
        r = socket->enable_key ? vh_conf_get_bool(s->conf, socket->enable_key, enabled, err) : 0;
        if (r >= 0 && socket->port_key)
                r = vh_conf_get_string(s->conf, socket->port_key, port, err);
        return VH_MIN(r, 0);
}
