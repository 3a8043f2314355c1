/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Viewers of SPICE displays. */

#include "migrate-graphics.h"

#include "api.h"
#include "base/log.h"
#include "driver/uri.h"

VH_LOG_SOURCE("qemu.migrate");

enum {
        NO_PORT = -1,
        HAND_OVER_TIME = 10 * 1000 * 1000, /* microseconds: QEMU waits no longer for viewers that do not answer */
};

/* ---- target ---- */

static const char *listen_address(const QemuDriver *driver, const VhGraphics *g)
{
        const char *address = g->listens.n ? g->listens.items[0]->address : g->listen;

        if (!address && driver->conf)
                (void)vh_conf_get_string(driver->conf, "spice_listen", &address, NULL);
        return address ? address : "127.0.0.1";
}

static int port_of(const VhOptInt *port)
{
        return port->set && port->val > 0 ? port->val : NO_PORT;
}

void qemu_migrate_cookie_graphics(QemuCookie *cookie, const QemuDriver *driver, const VhDomainDef *def)
{
        for (uint32_t i = 0; i < def->graphics.n; i++) {
                const VhGraphics *g = def->graphics.items[i];

                if (g->type != VH_GRAPHICS_SPICE)
                        continue;
                cookie->graphics.type = vh_xstrdup("spice");
                cookie->graphics.listen = vh_xstrdup(listen_address(driver, g));
                cookie->graphics.port = port_of(&g->port);
                cookie->graphics.tls_port = port_of(&g->tls_port);
                return;
        }
}

/* ---- source: where to ---- */

typedef struct Place {
        char *host, *tls_subject;
        int port, tls_port; /* NO_PORT: none */
} Place;

static void place_done(Place *place)
{
        free(place->host);
        free(place->tls_subject);
}

static bool is_any(const char *address)
{
        return !address || !*address || strcmp(address, "0.0.0.0") == 0 || strcmp(address, "::") == 0;
}

/* What the client says: spice://HOST:PORT?tlsPort=PORT&tlsSubject=TEXT. Returns false if it says nothing of use. */
static bool place_of_uri(const char *text, Place *place)
{
        _vh_uri_ VhUri *uri = NULL;
        _vh_free_ char *tls_port = NULL;

        if (vh_uri_parse(&uri, text, NULL) < 0 || strcmp(uri->scheme, "spice") != 0 || !uri->server)
                return false;
        place->host = vh_xstrdup(uri->server);
        place->port = uri->port ? uri->port : NO_PORT;
        tls_port = vh_uri_query(uri, "tlsPort");
        if (tls_port && vh_parse_int(tls_port, &place->tls_port) < 0)
                return false;
        place->tls_subject = vh_uri_query(uri, "tlsSubject");
        return true;
}

static bool place_of_cookie(const QemuCookie *cookie, Place *place)
{
        const QemuCookieGraphics *g = &cookie->graphics;

        if (!vh_streq(g->type, "spice"))
                return false;
        place->host = vh_xstrdup(is_any(g->listen) ? cookie->hostname : g->listen);
        place->port = g->port > 0 ? g->port : NO_PORT;
        place->tls_port = g->tls_port > 0 ? g->tls_port : NO_PORT;
        place->tls_subject = vh_xstrdup(g->tls_subject);
        return true;
}

/* ---- source: telling it ---- */

static bool has_spice(const VhDomainDef *def)
{
        for (uint32_t i = 0; i < def->graphics.n; i++)
                if (def->graphics.items[i]->type == VH_GRAPHICS_SPICE)
                        return true;
        return false;
}

static void told(void *data, json_t *ret, int r, const VhError *err)
{
        QemuMigration *m = data;

        m->relocating = r == 0;
        if (r < 0)
                vh_log_warning("domain '%s': viewers are not told where it goes: %s", m->dom->node.name,
                               vh_error_text(err, r));
}

static json_t *relocate_command(const Place *place)
{
        json_t *args = json_pack("{s:s, s:s}", "protocol", "spice", "hostname", place->host);

        if (place->port != NO_PORT)
                json_object_set_new(args, "port", json_integer(place->port));
        if (place->tls_port != NO_PORT)
                json_object_set_new(args, "tls-port", json_integer(place->tls_port));
        if (place->tls_subject)
                json_object_set_new(args, "cert-subject", json_string(place->tls_subject));
        return qmp_command_args("client_migrate_info", args);
}

void qemu_migrate_relocate(MigrateTask *t)
{
        QemuMigration *m = qemu_migration(t->task.dom);
        QemuMonitor *mon = qemu_process_monitor(t->task.dom);
        const char *uri = t->params.graphics_uri;
        Place place = { .port = NO_PORT, .tls_port = NO_PORT };

        if (mon && has_spice(t->task.dom->def) && (uri ? place_of_uri(uri, &place) : place_of_cookie(&t->in, &place)))
                qmp_send(mon, relocate_command(&place), told, m);
        place_done(&place);
}

/* ---- source: the end ---- */

static void too_late(void *data)
{
        MigrateTask *t = data;
        QemuMigration *m = qemu_migration(t->task.dom);

        vh_log_warning("domain '%s': its viewers were not handed over in time", t->task.dom->node.name);
        if (m)
                qemu_migrate_relocated(m);
}

void qemu_migrate_wait_relocated(MigrateTask *t, void (*then)(MigrateTask *t))
{
        QemuMigration *m = qemu_migration(t->task.dom);

        if (!m->relocating || m->relocated) {
                then(t);
                return;
        }
        t->handed_over = then;
        m->handing_over = t;
        t->timer = vh_loop_add_timer(t->task.driver->env.loop, HAND_OVER_TIME, too_late, t);
}

void qemu_migrate_relocated(QemuMigration *m)
{
        MigrateTask *t = VH_TAKE_PTR(m->handing_over);

        m->relocated = true;
        if (t) {
                t->timer = vh_source_free(t->timer);
                t->handed_over(t);
        }
}
