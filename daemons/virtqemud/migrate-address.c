/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Addresses of migrations. */

#include "migrate-address.h"

#include <netdb.h>
#include <unistd.h>

#include "driver/uri.h"
#include "migrate.h"
#include "ports.h"

enum { PORT_MIN = 49152, PORT_MAX = 49215, HOSTNAME_SIZE = 256, PORT_LIMIT = 65535 };

static const char *const schemes[] = {
        [QEMU_MIGRATE_TCP] = "tcp",
        [QEMU_MIGRATE_UNIX] = "unix",
        [QEMU_MIGRATE_RDMA] = "rdma",
};

void qemu_migrate_address_done(QemuMigrateAddress *a)
{
        free(a->host);
        free(a->path);
        *a = (QemuMigrateAddress){ 0 };
}

/* "HOST:PORT", "[ADDRESS]:PORT", "HOST". */
static int parse_old_host(QemuMigrateAddress *a, const char *text, const char *uri, VhError **err)
{
        const char *colon = strrchr(text, ':'), *end = strchr(text, ']');
        bool bracket = *text == '[' && end;

        if (bracket)
                colon = end[1] == ':' ? end + 1 : NULL;
        if (colon && (vh_parse_int(colon + 1, &a->port) < 0 || a->port < 0 || a->port > PORT_LIMIT))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG, "invalid migration URI: %s", uri);
        if (bracket)
                a->host = vh_xstrndup(text + 1, (size_t)(end - text - 1));
        else
                a->host = colon ? vh_xstrndup(text, (size_t)(colon - text)) : vh_xstrdup(text);
        return 0;
}

static int parse_uri(QemuMigrateAddress *a, const char *text, VhError **err)
{
        _vh_uri_ VhUri *uri = NULL;
        int r = vh_uri_parse(&uri, text, err);

        if (r < 0)
                return r;
        while (a->scheme < VH_ARRAY_SIZE(schemes) && strcmp(uri->scheme, schemes[a->scheme]) != 0)
                a->scheme++;
        if (a->scheme == VH_ARRAY_SIZE(schemes))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_ARGUMENT_UNSUPPORTED,
                                    "unsupported scheme %s in migration URI %s", uri->scheme, text);
        a->host = vh_xstrdup(uri->server);
        a->port = uri->port;
        if (a->scheme == QEMU_MIGRATE_UNIX)
                a->path = vh_xstrdup(uri->path);
        return 0;
}

int qemu_migrate_address_parse(QemuMigrateAddress *a, const char *uri, VhError **err)
{
        const char *rest = vh_startswith(uri, "tcp:");
        int r;

        *a = (QemuMigrateAddress){ 0 };
        a->old_style = rest && !vh_startswith(rest, "//");
        r = a->old_style ? parse_old_host(a, rest, uri, err) : parse_uri(a, uri, err);
        if (r == 0 && a->scheme == QEMU_MIGRATE_UNIX && !(a->path && *a->path))
                r = vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG, "missing path in migration URI: %s", uri);
        if (r == 0 && a->scheme != QEMU_MIGRATE_UNIX && !(a->host && *a->host))
                r = vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG, "missing host in migration URI: %s", uri);
        if (r < 0)
                qemu_migrate_address_done(a);
        return r;
}

char *qemu_migrate_address_text(const QemuMigrateAddress *a)
{
        bool bracket = a->host && strchr(a->host, ':');

        if (a->scheme == QEMU_MIGRATE_UNIX)
                return vh_xasprintf("unix://%s", a->path);
        return vh_xasprintf("%s:%s%s%s%s:%d", schemes[a->scheme], a->old_style ? "" : "//", bracket ? "[" : "", a->host,
                            bracket ? "]" : "", a->port);
}

char *qemu_migrate_address_qemu(const QemuMigrateAddress *a)
{
        if (a->scheme == QEMU_MIGRATE_UNIX)
                return vh_xasprintf("unix:%s", a->path);
        return vh_xasprintf(strchr(a->host, ':') ? "%s:[%s]:%d" : "%s:%s:%d", schemes[a->scheme], a->host, a->port);
}

char *qemu_migrate_listen_text(const QemuMigrateAddress *a, const char *listen)
{
        static const char no_ipv6[] = "0.0.0.0";

        QemuMigrateAddress to = *a;

        if (!listen)
                listen = access("/proc/net/if_inet6", F_OK) == 0 ? "::" : no_ipv6;
        to.host = (char *)(uintptr_t)listen;
        return qemu_migrate_address_qemu(&to);
}

static bool is_taken(const QemuDriver *driver, unsigned port)
{
        VH_REGISTRY_FOREACH(&driver->domains.reg, node)
        {
                const QemuMigration *m = qemu_migration(VH_REG_OBJECT(node, VhDomainObj, node));

                if (m && (m->port == port || m->nbd_port == port))
                        return true;
        }
        return false;
}

int qemu_migrate_take_port(QemuDriver *driver, VhError **err)
{
        unsigned min = PORT_MIN, max = PORT_MAX;

        if (driver->conf) {
                (void)vh_conf_get_uint(driver->conf, "migration_port_min", &min, NULL);
                (void)vh_conf_get_uint(driver->conf, "migration_port_max", &max, NULL);
        }
        for (unsigned port = min; port <= max; port++)
                if (!is_taken(driver, port) && qemu_port_is_free((int)port))
                        return (int)port;
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR,
                            "Unable to find an unused port in range '%s' (%u-%u)", "migration", min, max);
}

char *qemu_migrate_hostname(const QemuDriver *driver, VhError **err)
{
        char name[HOSTNAME_SIZE] = "";
        const char *configured = NULL;

        if (driver->conf)
                (void)vh_conf_get_string(driver->conf, "migration_host", &configured, NULL);
        if (configured && *configured)
                return vh_xstrdup(configured);
        if (gethostname(name, sizeof(name) - 1) == 0 && !vh_startswith(name, "localhost"))
                return vh_xstrdup(name);
        vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR,
                     "hostname on destination resolved to localhost, but migration requires an FQDN");
        return NULL;
}
