/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* TCP ports of displays that leave theirs to us. A port is free if nothing listens on it now; QEMU says so if somebody
 * else was faster. */

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "ports.h"
#include "process.h"

typedef struct Range {
        unsigned min, max;
} Range;

static Range conf_range(const VhConf *conf, const char *min_key, const char *max_key, Range range)
{
        if (!conf)
                return range;
        (void)vh_conf_get_uint(conf, min_key, &range.min, NULL);
        (void)vh_conf_get_uint(conf, max_key, &range.max, NULL);
        return range;
}

/* Whether a display of a running guest has it: QEMU may not have bound it yet. */
static bool used_by(const VhDomainDef *def, int port)
{
        for (uint32_t i = 0; i < def->graphics.n; i++) {
                const VhGraphics *g = def->graphics.items[i];

                if ((g->port.set && g->port.val == port) || (g->tls_port.set && g->tls_port.val == port) ||
                    (g->websocket.set && g->websocket.val == port))
                        return true;
        }
        return false;
}

static bool used_by_guests(QemuDriver *driver, const VhDomainDef *self, int port)
{
        if (used_by(self, port))
                return true;
        VH_REGISTRY_FOREACH(&driver->domains.reg, node)
        {
                const VhDomainObj *dom = VH_REG_OBJECT(node, VhDomainObj, node);

                if (vh_domain_obj_active(dom) && used_by(dom->def, port))
                        return true;
        }
        return false;
}

static bool can_bind(int family, const void *addr, socklen_t len)
{
        static const int on = 1;
        _vh_close_ int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0)
                return true; /* no such protocol here, so nobody uses it */
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        if (family == AF_INET6)
                setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
        return bind(fd, addr, len) == 0 || errno != EADDRINUSE;
}

bool qemu_port_is_free(int port)
{
        struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
        struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };

        return can_bind(AF_INET, &v4, sizeof(v4)) && can_bind(AF_INET6, &v6, sizeof(v6));
}

static int take_port(QemuDriver *driver, const VhDomainDef *def, Range range, VhOptInt *port, const char *what,
                     VhError **err)
{
        for (unsigned p = range.min; p <= range.max; p++)
                if (!used_by_guests(driver, def, (int)p) && qemu_port_is_free((int)p)) {
                        *port = (VhOptInt){ (int)p, true };
                        return 0;
                }
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR,
                            "Unable to find an unused port in range '%s' (%u-%u)", what, range.min, range.max);
}

static bool is_open(VhOptInt port)
{
        return port.set && port.val == -1;
}

static bool wants_port(const VhGraphics *g)
{
        bool tcp = !g->socket && !(g->listens.n && (g->listens.items[0]->type == VH_LISTEN_SOCKET ||
                                                    g->listens.items[0]->type == VH_LISTEN_NONE));

        return tcp && (is_open(g->port) || (!g->port.set && g->autoport != VH_NO));
}

int qemu_ports_assign(QemuDriver *driver, VhDomainDef *def, VhError **err)
{
        Range displays =
                conf_range(driver->conf, "remote_display_port_min", "remote_display_port_max", (Range){ 5900, 65535 });
        Range websockets = conf_range(driver->conf, "remote_websocket_port_min", "remote_websocket_port_max",
                                      (Range){ 5700, 65535 });
        int r = 0;

        for (uint32_t i = 0; r == 0 && i < def->graphics.n; i++) {
                VhGraphics *g = def->graphics.items[i];
                bool remote = g->type == VH_GRAPHICS_VNC || g->type == VH_GRAPHICS_SPICE;
                const char *what = g->type == VH_GRAPHICS_VNC ? "vnc" : "spice";

                if (remote && wants_port(g))
                        r = take_port(driver, def, displays, &g->port, what, err);
                if (r == 0 && is_open(g->tls_port) && g->type == VH_GRAPHICS_SPICE)
                        r = take_port(driver, def, displays, &g->tls_port, what, err);
                if (r == 0 && is_open(g->websocket)) {
                        r = take_port(driver, def, websockets, &g->websocket, "vncWebsocket", err);
                        g->websocket_generated = true;
                }
        }
        return r;
}
