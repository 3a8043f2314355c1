/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Host ends of interfaces as items of work: what they need, their names. */

#include "host-net.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>

#include "audit.h"
#include "base/file.h"
#include "guest-filters.h"
#include "model/domain-tables.h"
#include "net/tap.h"
#include "process.h"

enum { VIRTPORT_8021QBG = 2, VIRTPORT_8021QBH = 3, VIRTPORT_OPENVSWITCH = 4, VIRTPORT_MIDONET = 5 };
enum { MODE_PASSTHROUGH = 4 };

bool qemu_net_needs_host(const VhNet *net)
{
        return net->type == VH_NET_BRIDGE || net->type == VH_NET_NETWORK || net->type == VH_NET_ETHERNET ||
               net->type == VH_NET_DIRECT;
}

bool qemu_net_is_ovs(const VhNet *net)
{
        return net->virtport && net->virtport->type == VIRTPORT_OPENVSWITCH;
}

static int refuse(VhError **err, const char *what)
{
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED, "%s", what);
}

static int cannot(const VhNet *net, VhError **err, const char *what, const char *kind)
{
        const uint8_t *m = net->mac;

        return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_CONFIG_UNSUPPORTED,
                            "interface %02x:%02x:%02x:%02x:%02x:%02x - %s%s", m[0], m[1], m[2], m[3], m[4], m[5], what,
                            kind);
}

/* A switch, a virtual function, or the one guest that has a device, knows tags. */
static bool can_tag(const VhNet *net)
{
        return qemu_net_is_ovs(net) || net->type == VH_NET_HOSTDEV ||
               (net->type == VH_NET_DIRECT && net->direct_mode == MODE_PASSTHROUGH);
}

int qemu_net_check_plug(const VhNet *net, VhError **err)
{
        const char *type = vh_xml_names_text(&vh_net_type_names, net->type);

        if (net->vlan && net->vlan->tags.n && !can_tag(net))
                return cannot(net, err, "vlan tag not supported for this connection type", "");
        if (net->isolated == VH_YES &&
            (qemu_net_is_ovs(net) || (net->type != VH_NET_BRIDGE && net->type != VH_NET_NETWORK)))
                return cannot(net, err, "<port isolated='yes'/> is not supported for network interfaces of type ",
                              type);
        if (net->filter && !qemu_net_can_filter(net))
                return cannot(net, err, "filterref is not supported for network interfaces of type ", type);
        return 0;
}

int qemu_host_net_check(const QemuDriver *driver, const VhNet *net, VhError **err)
{
        unsigned port = net->virtport ? net->virtport->type : 0;

        if (!driver->env.privileged)
                return refuse(err, "interfaces that need a device of the host are for the system daemon: a session "
                                   "has networks of type 'user'");
        if (port == VIRTPORT_8021QBG || port == VIRTPORT_8021QBH || port == VIRTPORT_MIDONET)
                return refuse(err, "virtualport of this type is not supported, only openvswitch");
        if (net->vlan && net->vlan->tags.n && net->type == VH_NET_DIRECT)
                return refuse(err, "vlan tags of devices that are passed through are not supported");
        return 0;
}

/* ---- names ---- */

static bool taken(const char *name)
{
        VhLink link;

        return vh_link_get(name, &link) == 0;
}

void qemu_host_net_name(QemuDriver *driver, VhNet *net)
{
        bool direct = net->type == VH_NET_DIRECT;
        unsigned *next = direct ? &driver->next_macvtap : &driver->next_vnet;

        if (net->target && !strchr(net->target, '%'))
                return;
        do {
                free(net->target);
                net->target = vh_xasprintf("%s%u", direct ? "macvtap" : "vnet", (*next)++);
        } while (taken(net->target));
}

/* ---- items ---- */

static void close_all(int *fds, unsigned n)
{
        for (unsigned i = 0; i < n; i++)
                vh_closep(&fds[i]);
        free(fds);
}

static void host_net_free(QemuHostItem *item)
{
        QemuHostNet *h = (QemuHostNet *)item;

        close_all(h->fds, h->n_fds);
        close_all(h->vhost, h->n_vhost);
        vh_xml_bind_free(&vh_table_net, h->net);
        free(h->saved_mac);
        free(h);
}

/* Where the descriptors of its queues come from. */
static const char *tap_device(const VhNet *net, char *text, size_t size)
{
        if (net->type != VH_NET_DIRECT)
                return net->backend_tap ? net->backend_tap : VH_TUN_DEVICE;
        snprintf(text, size, "/dev/tap%u", if_nametoindex(net->target));
        return text;
}

static void audit(const QemuHostNet *h, const QemuProcess *proc)
{
        const VhNet *net = h->net;
        char macvtap[32];

        if (h->n_fds > 0)
                qemu_audit_net_open(proc, net, tap_device(net, macvtap, sizeof(macvtap)), true);
        if (h->n_vhost > 0)
                qemu_audit_net_open(proc, net, net->backend_vhost ? net->backend_vhost : QEMU_VHOST_DEVICE, true);
}

static void adopt(QemuHostItem *item, QemuProcess *proc, QemuLaunch *launch)
{
        QemuHostNet *h = (QemuHostNet *)item;

        audit(h, proc);
        for (unsigned i = 0; i < h->n_fds; i++)
                qemu_launch_give_fd(launch, QEMU_FD_TAP, h->net->info.alias, VH_TAKE_FD(h->fds[i]));
        for (unsigned i = 0; i < h->n_vhost; i++)
                qemu_launch_give_fd(launch, QEMU_FD_VHOST, h->net->info.alias, VH_TAKE_FD(h->vhost[i]));
}

static const QemuHostItemClass host_net_class = {
        .make = qemu_host_net_make,
        .remove = qemu_host_net_remove,
        .adopt = adopt,
        .free = host_net_free,
};

QemuHostNet *qemu_host_net_new(const QemuDriver *driver, const VhDomainDef *def, const VhNet *net)
{
        QemuHostNet *h = vh_new(QemuHostNet, 1);

        h->item.class = &host_net_class;
        h->net = vh_new(VhNet, 1);
        vh_xml_bind_copy(&vh_table_net, h->net, net);
        if (net->type == VH_NET_DIRECT && net->direct_mode == MODE_PASSTHROUGH)
                h->saved_mac = vh_path_join(driver->run_dir, net->source_dev);
        memcpy(h->guest_uuid, def->uuid, sizeof(h->guest_uuid));
        h->kvm = def->virt_type == VH_VIRT_KVM;
        h->existing = net->type == VH_NET_ETHERNET && net->target_managed == VH_NO;
        return h;
}
