/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Network interfaces: the host's end and the card. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "command-parts.h"
#include "guest-platform.h"
#include "model/domain-tables.h"

enum { VHOST_CLIENT = 1, VHOST_SERVER = 2 };

static bool is_virtio(const VhNet *net)
{
        return net->model && vh_startswith(net->model, "virtio");
}

/* ---- host side ---- */

static void socket_props(const VhNet *net, json_t *o)
{
        qj_str(o, "type", "socket");
        switch (net->type) {
        case VH_NET_SERVER:
                qj_fmt(o, "listen", "%s:%u", net->source_address ? net->source_address : "", net->source_port);
                break;
        case VH_NET_CLIENT:
                qj_fmt(o, "connect", "%s:%u", net->source_address, net->source_port);
                break;
        case VH_NET_MCAST:
                qj_fmt(o, "mcast", "%s:%u", net->source_address, net->source_port);
                break;
        default:
                qj_fmt(o, "udp", "%s:%u", net->source_address, net->source_port);
                qj_fmt(o, "localaddr", "%s:%u", net->source_local_address ? net->source_local_address : "",
                       net->source_local_port);
        }
}

static void user_props(const VhNet *net, json_t *o)
{
        qj_str(o, "type", "user");
        for (uint32_t i = 0; i < net->ips.n; i++) {
                const VhNetIp *ip = net->ips.items[i];

                if (!strchr(ip->address, ':')) {
                        if (ip->prefix.set)
                                qj_fmt(o, "net", "%s/%u", ip->address, ip->prefix.val);
                        else
                                qj_str(o, "net", ip->address);
                } else {
                        qj_str(o, "ipv6-prefix", ip->address);
                        if (ip->prefix.set)
                                qj_int(o, "ipv6-prefixlen", ip->prefix.val);
                }
        }
}

char *qemu_fd_name(QemuFdRole role, const char *alias, unsigned nth)
{
        return vh_xasprintf("%s-%s-%u", role == QEMU_FD_VHOST ? "vhostfd" : "fd", alias, nth);
}

/* "3" for one descriptor, "3:4" for several; for a running guest their names. */
static char *fd_list(const QemuBuild *b, QemuFdRole role, const char *alias)
{
        VhBuf text = {};
        int fd;

        for (unsigned i = 0; (fd = qemu_launch_fd(b->launch, role, alias, i)) >= 0; i++) {
                _vh_free_ char *name = b->cmd ? vh_xasprintf("%d", fd) : qemu_fd_name(role, alias, i);

                vh_buf_printf(&text, "%s%s", i ? ":" : "", name);
        }
        return text.len ? vh_buf_take(&text) : NULL;
}

static void fd_props(json_t *o, const char *one, const char *many, const char *list)
{
        qj_str(o, strchr(list, ':') ? many : one, list);
}

/* A tap device that somebody else made and cares for. */
static bool is_ready_tap(const VhNet *net)
{
        return net->type == VH_NET_ETHERNET && net->target && net->target_managed == VH_NO;
}

/* vhost without a descriptor is QEMU's to open, which it only may where it runs without confinement. */
static int tap_props(const QemuBuild *b, const VhNet *net, json_t *o)
{
        _vh_free_ char *fds = fd_list(b, QEMU_FD_TAP, net->info.alias);
        _vh_free_ char *vhost = fd_list(b, QEMU_FD_VHOST, net->info.alias);

        if (!fds && !b->launch->standalone && !is_ready_tap(net))
                return qemu_unsupported(b,
                                        "interfaces of type '%s' are not supported yet: nobody makes their tap device",
                                        vh_xml_names_text(&vh_net_type_names, net->type));
        qj_str(o, "type", "tap");
        if (fds) {
                fd_props(o, "fd", "fds", fds);
        } else {
                qj_str(o, "ifname", net->target);
                qj_str(o, "script", "no");
                qj_str(o, "downscript", "no");
        }
        if (vhost) {
                qj_true(o, "vhost", true);
                fd_props(o, "vhostfd", "vhostfds", vhost);
        }
        if (net->sndbuf.set)
                qj_int(o, "sndbuf", (json_int_t)net->sndbuf.val);
        return 0;
}

static int backend_props(const QemuBuild *b, const VhNet *net, json_t *o)
{
        switch (net->type) {
        case VH_NET_USER:
                user_props(net, o);
                return 0;
        case VH_NET_SERVER:
        case VH_NET_CLIENT:
        case VH_NET_MCAST:
        case VH_NET_UDP:
                socket_props(net, o);
                return 0;
        case VH_NET_NETWORK:
        case VH_NET_BRIDGE:
        case VH_NET_ETHERNET:
        case VH_NET_DIRECT:
                return tap_props(b, net, o);
        case VH_NET_VHOSTUSER:
                qj_str(o, "type", "vhost-user");
                qj_fmt(o, "chardev", "char%s", net->info.alias);
                qj_uint(o, "queues", net->queues > 1 ? net->queues : 0);
                return 0;
        case VH_NET_VDPA:
                qj_str(o, "type", "vhost-vdpa");
                qj_fmt(o, "vhostdev", "/dev/fdset/%d", qemu_launch_fd(b->launch, QEMU_FD_VDPA, net->info.alias, 0));
                return 0;
        default:
                return qemu_unsupported(b, "interface type '%s' is not supported",
                                        vh_xml_names_text(&vh_net_type_names, net->type));
        }
}

json_t *qemu_net_backend(const QemuBuild *b, const VhNet *net)
{
        json_t *o = json_object();

        if (backend_props(b, net, o) < 0) {
                json_decref(o);
                return NULL;
        }
        qj_fmt(o, "id", "host%s", net->info.alias);
        return o;
}

/* ---- the card ---- */

static char *card_driver(const VhNet *net)
{
        enum { VIRTIO = 1, TRANSITIONAL, NON_TRANSITIONAL };

        if (vh_streq(net->model, "virtio"))
                return qemu_virtio_driver("virtio-net", &net->info, VIRTIO);
        if (vh_streq(net->model, "virtio-transitional"))
                return qemu_virtio_driver("virtio-net", &net->info, TRANSITIONAL);
        if (vh_streq(net->model, "virtio-non-transitional"))
                return qemu_virtio_driver("virtio-net", &net->info, NON_TRANSITIONAL);
        return vh_xstrdup(vh_streq(net->model, "netfront") ? "xen-net" : net->model);
}

static void offload_props(const VhNet *net, json_t *o)
{
        const VhNetOffload *h = net->host_offload, *g = net->guest_offload;

        if (h) {
                qj_switch(o, "csum", h->csum);
                qj_switch(o, "gso", h->gso);
                qj_switch(o, "host_tso4", h->tso4);
                qj_switch(o, "host_tso6", h->tso6);
                qj_switch(o, "host_ecn", h->ecn);
                qj_switch(o, "host_ufo", h->ufo);
                qj_switch(o, "mrg_rxbuf", h->mrg_rxbuf);
        }
        if (g) {
                qj_switch(o, "guest_csum", g->csum);
                qj_switch(o, "guest_tso4", g->tso4);
                qj_switch(o, "guest_tso6", g->tso6);
                qj_switch(o, "guest_ecn", g->ecn);
                qj_switch(o, "guest_ufo", g->ufo);
        }
}

/* Two vectors a queue and two more. */
static void queue_props(const VhNet *net, json_t *o)
{
        if (net->queues > 1) {
                qj_true(o, "mq", true);
                qj_int(o, "vectors", 2 * net->queues + 2);
        }
        qj_uint(o, "rx_queue_size", net->rx_queue_size);
        qj_uint(o, "tx_queue_size", net->tx_queue_size);
}

static void virtio_card_props(const VhNet *net, json_t *o)
{
        static const char *const tx[] = { NULL, "bh", "timer" };

        qj_str(o, "tx", tx[net->txmode]);
        qj_switch(o, "ioeventfd", net->ioeventfd);
        qj_switch(o, "event_idx", net->event_idx);
        qj_switch(o, "rss", net->rss);
        qj_switch(o, "hash", net->rss_hash_report);
        offload_props(net, o);
        queue_props(net, o);
        qj_uint(o, "host_mtu", net->mtu);
        if (net->teaming)
                qj_true(o, "failover", net->teaming->type == 1);
        qemu_virtio_props(&net->virtio, o);
}

json_t *qemu_net_device(const QemuBuild *b, const VhNet *net)
{
        _vh_free_ char *driver = card_driver(net);
        json_t *o = json_object();

        qj_str(o, "driver", driver);
        if (is_virtio(net))
                virtio_card_props(net, o);
        qj_fmt(o, "netdev", "host%s", net->info.alias);
        qj_str(o, "id", net->info.alias);
        qj_fmt(o, "mac", "%02x:%02x:%02x:%02x:%02x:%02x", net->mac[0], net->mac[1], net->mac[2], net->mac[3],
               net->mac[4], net->mac[5]);
        qj_uint(o, "bootindex", qemu_boot_index(b, &net->info));
        if (qemu_address_props(b, &net->info, o) < 0) {
                json_decref(o);
                return NULL;
        }
        qemu_rom_props(&net->info, o);
        return o;
}

static void vhostuser_chardev(QemuBuild *b, const VhNet *net)
{
        _vh_buf_ VhBuf path = {};

        qemu_opt_escape(&path, net->source_path);
        if (net->vhost_mode == VHOST_SERVER)
                vh_buf_adds(&path, ",server=on");
        else if (net->vhost_reconnect)
                vh_buf_printf(&path, ",reconnect=%u",
                              net->vhost_reconnect == VH_YES ? net->vhost_reconnect_timeout : 0);
        qemu_build_arg(b, "-chardev", "socket,id=char%s,path=%s", net->info.alias, path.data);
}

/* A card of the board, which only waits for its other end. */
static void build_own_card(QemuBuild *b, const VhNet *net)
{
        qemu_build_arg(b, "-net", "nic,macaddr=%02x:%02x:%02x:%02x:%02x:%02x,netdev=host%s,model=%s,id=%s", net->mac[0],
                       net->mac[1], net->mac[2], net->mac[3], net->mac[4], net->mac[5], net->info.alias, net->model,
                       net->info.alias);
}

static int build_net(QemuBuild *b, const VhNet *net)
{
        json_t *backend;

        if (net->type == VH_NET_HOSTDEV)
                return 0; /* among the host devices */
        if (net->type == VH_NET_VHOSTUSER)
                vhostuser_chardev(b, net);
        if (net->type == VH_NET_VDPA) {
                int fd = qemu_launch_fd(b->launch, QEMU_FD_VDPA, net->info.alias, 0);

                qemu_build_arg(b, "-add-fd", "set=%d,fd=%d,opaque=%s", fd, fd, net->source_dev);
        }
        backend = qemu_net_backend(b, net);
        if (!backend)
                return -EINVAL;
        qemu_build_json(b, "-netdev", backend);
        if (qemu_platform_has(b->def, QEMU_HAS_OWN_NETS) && !is_virtio(net)) {
                build_own_card(b, net);
                return 0;
        }
        return qemu_build_device(b, qemu_net_device(b, net));
}

int qemu_build_nets(QemuBuild *b)
{
        int r = 0;

        for (uint32_t i = 0; r == 0 && i < b->def->nets.n; i++)
                r = build_net(b, b->def->nets.items[i]);
        return r;
}
