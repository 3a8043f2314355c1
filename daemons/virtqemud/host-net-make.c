/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Making the host's end of an interface, and taking it back. Runs on workers. */

#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <time.h>

#include "base/log.h"
#include "host-net.h"
#include "net/tap.h"
#include "program.h"

VH_LOG_SOURCE("qemu.net");

enum {
        SCRIPT_SECONDS = 60,
        NAME_TRIES = 50,               /* for a device of an earlier guest that still goes */
        NAME_PAUSE = 10 * 1000 * 1000, /* nanoseconds between them */
        DRIVER_QEMU = 1,
        DRIVER_VHOST = 2,
        TAP_MAC =
                0xfe, /* first byte of the host's end: higher than of any real card, so that no bridge takes it over */
        TAP_MAC_OTHER = 0xfa,
};

static bool is_virtio(const VhNet *net)
{
        return net->model && vh_startswith(net->model, "virtio");
}

/* ---- queues ---- */

static void no_fds(int **fds, unsigned n)
{
        *fds = vh_new(int, n);
        for (unsigned i = 0; i < n; i++)
                (*fds)[i] = -1;
}

static VhTap tap_of(QemuHostNet *h)
{
        const VhNet *net = h->net;

        return (VhTap){
                .device = net->backend_tap,
                .name = net->target,
                .vnet_hdr = is_virtio(net),
                .queues = is_virtio(net) ? VH_MAX(net->queues, 1) : 1,
        };
}

static int open_tap(QemuHostNet *h, int (*open_fn)(const VhTap *tap, int *fds), VhError **err)
{
        VhTap tap = tap_of(h);
        int r;

        h->n_fds = tap.queues;
        no_fds(&h->fds, h->n_fds);
        r = open_fn(&tap, h->fds);
        if (r < 0)
                h->n_fds = 0;
        return r < 0 ? vh_error_sys(err, VIR_FROM_NONE, r, "Unable to create tap device %s", tap.name) : 0;
}

/* The kernel's own virtio server, for KVM guests, and where it is asked for. */
static int open_vhost(QemuHostNet *h, VhError **err)
{
        const VhNet *net = h->net;
        const char *path = net->backend_vhost ? net->backend_vhost : QEMU_VHOST_DEVICE;
        bool asked = net->driver_name == DRIVER_VHOST;

        if (net->driver_name == DRIVER_QEMU || !h->kvm)
                return 0;
        if (!is_virtio(net))
                return asked ? vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                            "vhost-net is only supported for virtio network interfaces")
                             : 0;
        no_fds(&h->vhost, h->n_fds);
        for (unsigned i = 0; i < h->n_fds; i++) {
                h->vhost[i] = open(path, O_RDWR | O_CLOEXEC);
                if (h->vhost[i] < 0 && asked)
                        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                            "vhost-net was requested for an interface, but is unavailable: %s: %s",
                                            path, strerror(errno));
                if (h->vhost[i] < 0)
                        return 0;
                h->n_vhost = i + 1;
        }
        return 0;
}

/* ---- bridges ---- */

static void tap_mac(const VhNet *net, uint8_t mac[VH_MAC_LEN])
{
        memcpy(mac, net->mac, VH_MAC_LEN);
        mac[0] = mac[0] == TAP_MAC ? TAP_MAC_OTHER : TAP_MAC;
}

static int no_queue(const VhNet *net)
{
        int r = vh_link_no_queue(net->target);

        if (r < 0)
                vh_log_debug("%s: the queue of the device stays: %s", net->target, strerror(-r));
        return 0;
}

int qemu_join_bridge(const QemuHostNet *h, VhError **err)
{
        const VhNet *net = h->net;
        uint8_t mac[VH_MAC_LEN];
        VhLinkChange change = { .mac = mac, .mtu = net->mtu, .up = VH_LINK_UP };
        VhLink bridge;
        int r = qemu_net_is_ovs(net) ? 0 : vh_link_get(net->bridge, &bridge);

        tap_mac(net, mac);
        if (r < 0)
                return vh_error_sys(err, VIR_FROM_NONE, r, "Cannot get interface MTU on '%s'", net->bridge);
        if (!qemu_net_is_ovs(net)) {
                change.master = net->bridge;
                if (!change.mtu)
                        change.mtu = bridge.mtu;
        }
        r = vh_link_change(net->target, &change);
        if (r < 0)
                return vh_error_sys(err, VIR_FROM_NONE, r, "Unable to add bridge %s port %s", net->bridge, net->target);
        if (qemu_net_is_ovs(net))
                return qemu_ovs_add_port(h, err);
        r = net->isolated == VH_YES ? vh_link_isolate(net->target, true) : 0;
        return r < 0 ? vh_error_sys(err, VIR_FROM_NONE, r, "Unable to isolate port %s", net->target) : 0;
}

static int make_bridge(QemuHostNet *h, VhError **err)
{
        int r = open_tap(h, vh_tap_open, err);

        r = r < 0 || qemu_net_is_ovs(h->net) ? r : no_queue(h->net);
        return r < 0 ? r : qemu_join_bridge(h, err);
}

/* ---- a tap for the administrator's own network ---- */

static int run_script(const char *script, const char *ifname, VhError **err)
{
        _qemu_command_ QemuCommand cmd = { 0 };
        QemuProgram program = { .cmd = &cmd, .seconds = SCRIPT_SECONDS };

        qemu_command_add(&cmd, script);
        qemu_command_add(&cmd, ifname);
        return qemu_program_must(&program, err);
}

static int make_ethernet(QemuHostNet *h, VhError **err)
{
        const VhNet *net = h->net;
        uint8_t mac[VH_MAC_LEN];
        VhLinkChange change = { .mac = mac, .mtu = net->mtu, .up = VH_LINK_UP };
        VhLink link;
        int r;

        tap_mac(net, mac);
        if (h->existing) {
                r = vh_link_get(net->target, &link);
                if (r < 0)
                        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR,
                                            "target managed='no' but specified dev doesn't exist");
                change = (VhLinkChange){ .mtu = net->mtu };
                r = open_tap(h, strcmp(link.kind, "macvtap") == 0 ? vh_macvtap_open : vh_tap_open, err);
        } else {
                r = open_tap(h, vh_tap_open, err);
        }
        r = r < 0 ? r : no_queue(net);
        if (r < 0)
                return r;
        r = vh_link_change(net->target, &change);
        if (r < 0)
                return vh_error_sys(err, VIR_FROM_NONE, r, "Cannot set up interface '%s'", net->target);
        return net->script ? run_script(net->script, net->target, err) : 0;
}

/* ---- macvtap ---- */

/* In the order of the words; 0: vepa. */
static const uint32_t macvtap_modes[] = { MACVLAN_MODE_VEPA, MACVLAN_MODE_VEPA, MACVLAN_MODE_PRIVATE,
                                          MACVLAN_MODE_BRIDGE, MACVLAN_MODE_PASSTHRU };

static int add_macvtap(const VhNet *net)
{
        const struct timespec pause = { .tv_nsec = NAME_PAUSE };
        const VhMacvtap macvtap = { net->target, net->source_dev, net->mac, macvtap_modes[net->direct_mode] };
        int r = vh_link_add_macvtap(&macvtap);

        for (unsigned tries = NAME_TRIES; r == -EEXIST && tries > 1; tries--) {
                nanosleep(&pause, NULL);
                r = vh_link_add_macvtap(&macvtap);
        }
        return r;
}

static int make_direct(QemuHostNet *h, VhError **err)
{
        const VhNet *net = h->net;
        VhLinkChange change = { .mtu = net->mtu, .up = h->running ? VH_LINK_UP : 0 };
        int r = h->saved_mac ? qemu_lower_mac_give(h, err) : 0;

        if (r < 0)
                return r;
        r = add_macvtap(net);
        if (r < 0 && h->saved_mac)
                qemu_lower_mac_restore(h);
        if (r < 0)
                return vh_error_sys(err, VIR_FROM_NONE, r,
                                    "error creating macvtap interface %s@%s (%02x:%02x:%02x:%02x:%02x:%02x)",
                                    net->target, net->source_dev, net->mac[0], net->mac[1], net->mac[2], net->mac[3],
                                    net->mac[4], net->mac[5]);
        r = vh_link_change(net->target, &change);
        if (r < 0)
                vh_error_sys(err, VIR_FROM_NONE, r, "Cannot set up interface '%s'", net->target);
        else {
                r = no_queue(net);
                r = open_tap(h, vh_macvtap_open, err);
        }
        if (r < 0)
                (void)vh_link_delete(net->target);
        return r;
}

/* ---- any ---- */

static int make_end(QemuHostNet *h, VhError **err)
{
        switch (h->net->type) {
        case VH_NET_ETHERNET:
                return make_ethernet(h, err);
        case VH_NET_DIRECT:
                return make_direct(h, err);
        default:
                return make_bridge(h, err);
        }
}

int qemu_coalesce_set(const VhNet *net, VhError **err)
{
        int r = vh_link_coalesce(net->target, net->coalesce ? net->coalesce->rx_frames_max : 0);

        return r < 0 ? vh_error_sys(err, VIR_FROM_NONE, r, "Cannot set coalesce info on '%s'", net->target) : 0;
}

int qemu_host_net_make(QemuHostItem *item, VhError **err)
{
        QemuHostNet *h = (QemuHostNet *)item;
        int r = make_end(h, err);

        r = r < 0 ? r : open_vhost(h, err);
        r = r < 0 || !h->net->bandwidth ? r : qemu_bandwidth_set(h->net, err);
        r = r < 0 || !h->net->coalesce ? r : qemu_coalesce_set(h->net, err);
        if (r < 0)
                qemu_host_net_remove(item);
        return r;
}

static void remove_macvtap(const VhNet *net)
{
        VhLink link;

        /* Another device may have the name by now. */
        if (vh_link_get(net->target, &link) == 0 && strcmp(link.kind, "macvtap") == 0 &&
            memcmp(link.mac, net->mac, VH_MAC_LEN) == 0)
                (void)vh_link_delete(net->target);
}

/* Taps go with their descriptors. */
void qemu_host_net_remove(QemuHostItem *item)
{
        QemuHostNet *h = (QemuHostNet *)item;
        _vh_error_ VhError *err = NULL;
        const VhNet *net = h->net;

        for (unsigned i = 0; i < h->n_fds; i++)
                vh_closep(&h->fds[i]);
        if (net->type == VH_NET_ETHERNET && net->downscript && run_script(net->downscript, net->target, &err) < 0)
                vh_log_warning("%s", vh_error_text(err, -EIO));
        if (h->existing && net->bandwidth)
                qemu_bandwidth_clear(net->target);
        if (net->type == VH_NET_DIRECT)
                remove_macvtap(net);
        if (h->saved_mac)
                qemu_lower_mac_restore(h);
        if (qemu_net_is_ovs(net))
                qemu_ovs_remove_port(net->target);
}
