/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an interface may not be, whatever the hypervisor. */

#include "model/domain-check.h"

#include <arpa/inet.h>

enum {
        VIRTUALPORT_8021QBG = 2,
        VIRTUALPORT_8021QBH = 3,
        VIRTUALPORT_OPENVSWITCH = 4,
        TEAMING_TRANSIENT = 2,
        FAMILY_IPV6 = 2,
        IPV4_BITS = 32,
        IPV6_BITS = 128,
};

static bool is_virtio(const VhNet *net)
{
        return vh_streq(net->model, "virtio") || vh_streq(net->model, "virtio-transitional") ||
               vh_streq(net->model, "virtio-non-transitional");
}

static const char model_chars[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-";

static int check_model(const VhNet *net, VhError **err)
{
        return VH_CHECK_RULES(
                VIR_FROM_DOMAIN, err,
                { net->model && net->model[strspn(net->model, model_chars)], VIR_ERR_INVALID_ARG,
                  "Model name contains invalid characters" },
                { net->type == VH_NET_VHOSTUSER && !is_virtio(net), VIR_ERR_INTERNAL_ERROR,
                  "Wrong or no <model> 'type' attribute specified with <interface type='vhostuser'/>. vhostuser "
                  "requires the virtio-net* frontend" },
                { net->model && !is_virtio(net) && vh_virtio_opts_set(&net->virtio), VIR_ERR_CONFIG_UNSUPPORTED, "",
                  vh_virtio_opts_first(&net->virtio), " option is only supported for virtio devices" }, );
}

static bool is_address(const char *text)
{
        unsigned char bytes[sizeof(struct in6_addr)];

        return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

static uint32_t bits_of(const VhNetIp *ip)
{
        return ip->family == FAMILY_IPV6 || strchr(ip->address, ':') ? IPV6_BITS : IPV4_BITS;
}

static int check_ips(const VhNet *net, VhError **err)
{
        for (uint32_t i = 0; i < net->ips.n; i++) {
                const VhNetIp *ip = net->ips.items[i];

                if (!is_address(ip->address))
                        return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR, "Invalid address '%s' in <ip>",
                                            ip->address);
                if (ip->prefix.set && ip->prefix.val > bits_of(ip))
                        return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR,
                                            "Invalid prefix value '%u' in <ip>", ip->prefix.val);
        }
        return 0;
}

static int check_routes(const VhNet *net, VhError **err)
{
        for (uint32_t i = 0; i < net->routes.n; i++) {
                const VhNetRoute *route = net->routes.items[i];
                int r = VH_CHECK_RULES(
                        VIR_FROM_NETWORK, err,
                        { !route->gateway, VIR_ERR_XML_ERROR,
                          "guest interface: Missing required gateway attribute in route definition" },
                        { route->gateway && !is_address(route->gateway), VIR_ERR_XML_ERROR,
                          "guest interface: Bad gateway address '", route->gateway, "' in route definition" },
                        { route->address && !is_address(route->address), VIR_ERR_XML_ERROR,
                          "guest interface: Bad network address '", route->address, "' in route definition" }, );

                if (r < 0)
                        return r;
        }
        return 0;
}

static int check_rate(const VhBandwidthRate *rate, bool inbound, VhError **err)
{
        if (!rate)
                return 0;
        return VH_CHECK_RULES(
                VIR_FROM_NONE, err,
                { !rate->average && !rate->floor, VIR_ERR_XML_DETAIL, "Missing mandatory average or floor attributes" },
                { (rate->peak || rate->burst) && !rate->average, VIR_ERR_XML_DETAIL,
                  "'peak' and 'burst' require 'average' attribute" },
                { rate->floor && !inbound, VIR_ERR_CONFIG_UNSUPPORTED,
                  "'floor' attribute allowed only in <inbound> element" }, );
}

static int check_bandwidth(const VhBandwidth *bandwidth, VhError **err)
{
        int r = check_rate(bandwidth->in, true, err);

        return r < 0 ? r : check_rate(bandwidth->out, false, err);
}

static int check_virtualport(const VhVirtualPort *port, VhError **err)
{
        const bool qbg = port->type == VIRTUALPORT_8021QBG, qbh = port->type == VIRTUALPORT_8021QBH;
        uint8_t uuid[VH_UUID_LEN];

        return VH_CHECK_RULES(
                VIR_FROM_NONE, err,
                { port->interfaceid && vh_uuid_parse(port->interfaceid, uuid) < 0, VIR_ERR_XML_ERROR,
                  "cannot parse interfaceid parameter as a uuid" },
                { port->instanceid && vh_uuid_parse(port->instanceid, uuid) < 0, VIR_ERR_XML_ERROR,
                  "cannot parse instanceid parameter as a uuid" },
                { qbg && !port->managerid.set, VIR_ERR_XML_ERROR,
                  "missing managerid in <virtualport type='802.1Qbg'>" },
                { qbg && !port->typeid.set, VIR_ERR_XML_ERROR, "missing typeid in <virtualport type='802.1Qbg'>" },
                { qbg && !port->typeidversion.set, VIR_ERR_XML_ERROR,
                  "missing typeidversion in <virtualport type='802.1Qbg'>" },
                { qbh && !port->profileid, VIR_ERR_XML_ERROR, "missing profileid in <virtualport type='802.1Qbh'>" }, );
}

static int check_kind(const VhNet *net, VhError **err)
{
        const bool ports = net->type == VH_NET_BRIDGE || net->type == VH_NET_NETWORK;
        char mac[sizeof("00:00:00:00:00:00")];

        snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", net->mac[0], net->mac[1], net->mac[2], net->mac[3],
                 net->mac[4], net->mac[5]);
        if (net->isolated == VH_YES && !ports)
                return vh_error_set(
                        err, VIR_FROM_DOMAIN, VIR_ERR_CONFIG_UNSUPPORTED,
                        "interface %s - <port isolated='yes'/> is not supported for network interfaces with "
                        "type='%s'",
                        mac, vh_xml_names_text(&vh_net_type_names, net->type));
        return VH_CHECK_RULES(
                VIR_FROM_DOMAIN, err,
                { net->type == VH_NET_DIRECT && !net->source_dev, VIR_ERR_XML_ERROR,
                  "interface type='direct' requires a 'source' element" },
                { net->type == VH_NET_UDP && !net->source_local_port, VIR_ERR_XML_ERROR,
                  "'<local>' element missing for 'udp' socket interface" },
                { (net->type == VH_NET_CLIENT || net->type == VH_NET_MCAST) && !net->source_address, VIR_ERR_XML_ERROR,
                  "Missing required attribute 'address' in element 'source'" },
                { net->vlan && net->vlan->trunk == VH_NO && net->vlan->tags.n > 1, VIR_ERR_XML_ERROR,
                  "invalid \"trunk='no'\" in <vlan> - trunk='yes' is required for more than one vlan tag" },
                { net->teaming && net->teaming->type == TEAMING_TRANSIENT && !net->teaming->persistent,
                  VIR_ERR_CONFIG_UNSUPPORTED,
                  "teaming persistent attribute must be set if teaming type is 'transient'" }, );
}

int vh_domain_check_net(const VhNet *net, VhError **err)
{
        int r = check_model(net, err);

        if (r == 0)
                r = check_kind(net, err);
        if (r == 0)
                r = check_ips(net, err);
        if (r == 0)
                r = check_routes(net, err);
        if (r == 0 && net->virtport)
                r = check_virtualport(net->virtport, err);
        return r < 0 || !net->bandwidth ? r : check_bandwidth(net->bandwidth, err);
}
