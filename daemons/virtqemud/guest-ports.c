/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Ports of networks as items of work. */

#include "guest-ports.h"

#include <errno.h>

#include "api.h"
#include "base/log.h"
#include "client_calls.h"
#include "host-net.h"
#include "model/domain-tables.h"
#include "model/network-port.h"
#include "peer.h"

VH_LOG_SOURCE("qemu.net");

typedef struct Port {
        QemuHostItem item;
        const VhDriverEnv *env;
        char *guest; /* the owner, for messages */
        char *network;
        VhNetworkPortDef *wanted; /* NULL: it is there already */
        uint8_t uuid[VH_UUID_LEN];
        unsigned flags;        /* of its making */
        VhNetworkPortDef *got; /* as the network has it */
        VhVirtualPort *virtport;
        VhNet *net; /* to plug in; NULL: nobody */
} Port;

bool qemu_net_wants_port(const VhNet *net)
{
        return net->type == VH_NET_NETWORK && !net->defined;
}

bool qemu_net_has_port(const VhNet *net)
{
        return net->defined != NULL;
}

/* ---- from the interface to the port ---- */

static char *virtualport_text(const VhVirtualPort *virtport)
{
        VhBuf b = { 0 };

        if (virtport)
                vh_xml_bind_format(&vh_table_virtualport, NULL, virtport, 0, &b);
        return virtport ? vh_buf_take(&b) : NULL;
}

/* What the interface asks of the network, or has of it. */
static VhNetworkPortDef *describe(const VhDomainDef *def, const VhNet *net)
{
        VhNetworkPortDef *port = vh_new(VhNetworkPortDef, 1);

        memcpy(port->uuid, net->portid, VH_UUID_LEN);
        port->owner_name = vh_xstrdup(def->name);
        memcpy(port->owner_uuid, def->uuid, VH_UUID_LEN);
        port->group = vh_xstrdup(net->portgroup);
        memcpy(port->mac, net->mac, VH_MAC_LEN);
        port->isolated = net->isolated;
        port->rx_filters_trust = net->trust_guest_rx;
        port->virtualport = virtualport_text(net->virtport);
        port->bandwidth = net->bandwidth ? vh_xml_bind_dup(&vh_table_bandwidth, net->bandwidth) : NULL;
        port->vlan = net->vlan ? vh_xml_bind_dup(&vh_table_vlan, net->vlan) : NULL;
        return port;
}

/* The types of plugs as those of interfaces. */
static const VhNetType plug_types[] = {
        [VH_PLUG_NETWORK] = VH_NET_NETWORK,
        [VH_PLUG_BRIDGE] = VH_NET_BRIDGE,
        [VH_PLUG_DIRECT] = VH_NET_DIRECT,
        [VH_PLUG_HOSTDEV_PCI] = VH_NET_HOSTDEV,
};

/* What an interface is plugged into. */
static VhNetworkPlug *describe_plug(const VhNet *net)
{
        VhNetworkPlug *plug = vh_new(VhNetworkPlug, 1);
        const VhPciAddress *pci = &net->hostdev.pci;

        for (size_t i = 0; i < VH_ARRAY_SIZE(plug_types); i++)
                if (plug_types[i] == net->type)
                        plug->type = (uint8_t)i;
        plug->bridge = vh_xstrdup(net->bridge);
        plug->mac_table_manager = net->mac_table_manager;
        plug->dev = vh_xstrdup(net->source_dev);
        plug->mode = net->direct_mode;
        plug->managed = net->hostdev_managed;
        if (net->type == VH_NET_HOSTDEV) {
                plug->domain = (VhOptUint){ pci->domain, true };
                plug->bus = (VhOptUint){ pci->bus, true };
                plug->slot = (VhOptUint){ pci->slot, true };
                plug->function = (VhOptUint){ pci->function, true };
        }
        return plug;
}

/* ---- the network daemon, on a worker ---- */

static int find_network(VhRemote *remote, const char *name, remote_nonnull_network *ret, VhArena *arena, VhError **err)
{
        const remote_network_lookup_by_name_args args = { .name = (char *)(uintptr_t)name };
        remote_network_lookup_by_name_ret found = { 0 };
        int r = vh_call_remote_network_lookup_by_name(remote, &args, &found, arena, err);

        *ret = found.net;
        return r;
}

static int delete_port(VhRemote *remote, const remote_nonnull_network_port *port, VhError **err)
{
        _vh_cleanup_(vh_arena_done) VhArena arena = { 0 };
        const remote_network_port_delete_args args = { .port = *port };

        return vh_call_remote_network_port_delete(remote, &args, &arena, err);
}

static int check_plug(const Port *p, VhError **err)
{
        const VhNetworkPlug *plug = p->got->plug;

        if (plug && plug->type != VH_PLUG_UNSET)
                return 0;
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR,
                            "network '%s' does not say what its port is plugged into", p->network);
}

static int read_virtport(Port *p, VhError **err)
{
        _vh_xml_root_ xmlNode *root = NULL;
        void *virtport = NULL;
        int r;

        if (!p->got->virtualport)
                return 0;
        r = vh_xml_doc_parse_root(&root, p->got->virtualport, "(networkport)", VIR_FROM_NETWORK, "virtualport", err);
        r = r < 0 ? r : vh_xml_bind_parse_new(&vh_table_virtualport, root, &virtport, 0, NULL, err);
        p->virtport = virtport;
        return r;
}

static int read_port(VhRemote *remote, Port *p, const remote_nonnull_network_port *port, VhError **err)
{
        _vh_cleanup_(vh_arena_done) VhArena arena = { 0 };
        const remote_network_port_get_xml_desc_args args = { .port = *port };
        remote_network_port_get_xml_desc_ret ret = { 0 };
        int r = vh_call_remote_network_port_get_xml_desc(remote, &args, &ret, &arena, err);

        r = r < 0 ? r : vh_network_port_parse(ret.xml, 0, &p->got, err);
        r = r < 0 ? r : read_virtport(p, err);
        return r < 0 ? r : check_plug(p, err);
}

static int make(QemuHostItem *item, VhError **err)
{
        Port *p = (Port *)item;
        _vh_cleanup_(qemu_peers_freep) QemuPeers *peers = qemu_peers_new(p->env);
        _vh_cleanup_(vh_arena_done) VhArena arena = { 0 };
        _vh_free_ char *xml = vh_network_port_format(p->wanted, 0);
        remote_network_port_create_xml_args args = { .xml = xml, .flags = p->flags };
        remote_network_port_create_xml_ret ret = { 0 };
        VhRemote *remote = qemu_peer(peers, VH_KIND_NETWORK, err);
        int r = remote ? find_network(remote, p->network, &args.network, &arena, err) : -ENOTCONN;

        r = r < 0 ? r : vh_call_remote_network_port_create_xml(remote, &args, &ret, &arena, err);
        if (r < 0)
                return r;
        memcpy(p->uuid, ret.port.uuid, VH_UUID_LEN);
        r = read_port(remote, p, &ret.port, err);
        if (r < 0)
                (void)delete_port(remote, &ret.port, NULL);
        return r;
}

/* A network that is gone has taken its ports along. */
static void remove_port(QemuHostItem *item)
{
        Port *p = (Port *)item;
        _vh_cleanup_(qemu_peers_freep) QemuPeers *peers = qemu_peers_new(p->env);
        _vh_cleanup_(vh_arena_done) VhArena arena = { 0 };
        _vh_error_ VhError *err = NULL;
        remote_nonnull_network_port port = { 0 };
        VhRemote *remote = qemu_peer(peers, VH_KIND_NETWORK, &err);
        int r = remote ? find_network(remote, p->network, &port.net, &arena, &err) : -ENOTCONN;

        memcpy(port.uuid, p->uuid, VH_UUID_LEN);
        r = r < 0 ? r : delete_port(remote, &port, &err);
        if (r < 0)
                vh_log_warning("domain '%s': its port in network '%s' could not be removed: %s", p->guest, p->network,
                               vh_error_text(err, r));
}

/* ---- the item ---- */

static VhNetEnd end_of(Port *p)
{
        const VhNetworkPlug *plug = p->got->plug;
        VhNetEnd end = {
                .type = plug_types[plug->type],
                .mac_table_manager = plug->mac_table_manager,
                .direct_mode = plug->mode,
                .hostdev_managed = plug->managed,
                .isolated = p->got->isolated,
                .trust_guest_rx = p->got->rx_filters_trust,
                .bridge = vh_xstrdup(plug->bridge),
                .source_dev = vh_xstrdup(plug->dev),
                .virtport = VH_TAKE_PTR(p->virtport),
                .vlan = VH_TAKE_PTR(p->got->vlan),
                .bandwidth = VH_TAKE_PTR(p->got->bandwidth),
        };

        if (plug->type == VH_PLUG_HOSTDEV_PCI) {
                end.hostdev.type = VH_ADDRESS_PCI;
                end.hostdev.pci = (VhPciAddress){
                        .domain = (uint16_t)plug->domain.val,
                        .bus = (uint8_t)plug->bus.val,
                        .slot = (uint8_t)plug->slot.val,
                        .function = (uint8_t)plug->function.val,
                };
        }
        return end;
}

static void adopt(QemuHostItem *item, QemuProcess *proc, QemuLaunch *launch)
{
        Port *p = (Port *)item;
        VhNetEnd end;

        if (!p->net)
                return;
        end = end_of(p);
        vh_net_plug(p->net, &end);
        memcpy(p->net->portid, p->uuid, VH_UUID_LEN);
}

static void port_free(QemuHostItem *item)
{
        Port *p = (Port *)item;

        vh_network_port_free(p->wanted);
        vh_network_port_free(p->got);
        vh_xml_bind_free(&vh_table_virtualport, p->virtport);
        free(p->guest);
        free(p->network);
        free(p);
}

static const QemuHostItemClass port_class = {
        .make = make,
        .remove = remove_port,
        .adopt = adopt,
        .free = port_free,
};

static Port *port_new(QemuProcess *proc, const VhNet *net)
{
        Port *p = vh_new(Port, 1);

        p->item.class = &port_class;
        p->env = &proc->driver->env;
        p->guest = vh_xstrdup(proc->dom->node.name);
        p->network = vh_xstrdup(net->network);
        memcpy(p->uuid, net->portid, VH_UUID_LEN);
        return p;
}

void qemu_port_want(QemuProcess *proc, VhNet *net, QemuHostWork *work)
{
        Port *p = port_new(proc, net);

        p->wanted = describe(proc->dom->def, net);
        vh_uuid_generate(p->wanted->uuid);
        p->net = net;
        qemu_host_work_add(work, &p->item);
}

void qemu_port_leave(QemuProcess *proc, const VhNet *net, QemuHostWork *work)
{
        qemu_host_work_add(work, &port_new(proc, net)->item);
}

static int drop(QemuHostItem *item, VhError **err)
{
        remove_port(item);
        return 0;
}

static const QemuHostItemClass drop_class = {
        .make = drop,
        .free = port_free,
};

void qemu_port_drop(QemuProcess *proc, const VhNet *net, QemuHostWork *work)
{
        Port *p = port_new(proc, net);

        p->item.class = &drop_class;
        qemu_host_work_add(work, &p->item);
}

/* ---- after a daemon's absence ---- */

/* A network that was started anew has no ports. */
static int reclaim(QemuHostItem *item, VhError **err)
{
        Port *p = (Port *)item;
        _vh_cleanup_(qemu_peers_freep) QemuPeers *peers = qemu_peers_new(p->env);
        _vh_cleanup_(vh_arena_done) VhArena arena = { 0 };
        _vh_error_ VhError *why = NULL;
        remote_network_port_lookup_by_uuid_args args = { 0 };
        remote_network_port_lookup_by_uuid_ret ret = { 0 };
        VhRemote *remote = qemu_peer(peers, VH_KIND_NETWORK, &why);
        int r = remote ? find_network(remote, p->network, &args.network, &arena, &why) : -ENOTCONN;

        memcpy(args.uuid, p->uuid, VH_UUID_LEN);
        if (r == 0)
                r = vh_call_remote_network_port_lookup_by_uuid(remote, &args, &ret, &arena, &why);
        if (r < 0 && why && why->code == VIR_ERR_NO_NETWORK_PORT) {
                vh_error_clear(&why);
                r = make(item, &why);
        }
        if (r < 0)
                vh_log_warning("domain '%s': its port in network '%s' is not known: %s", p->guest, p->network,
                               vh_error_text(why, r));
        return 0;
}

static const QemuHostItemClass reclaim_class = {
        .make = reclaim,
        .free = port_free,
};

void qemu_port_reclaim(QemuProcess *proc, const VhNet *net, QemuHostWork *work)
{
        Port *p = port_new(proc, net);

        p->item.class = &reclaim_class;
        p->wanted = describe(proc->dom->def, net);
        p->wanted->plug = describe_plug(net);
        p->flags = VIR_NETWORK_PORT_CREATE_RECLAIM;
        qemu_host_work_add(work, &p->item);
}
