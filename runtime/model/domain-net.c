/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables of network interfaces. */

#include "model/domain-tables.h"
#include "xml/rows.h"

const VhXmlNames vh_net_type_names = {
        VH_NET_NULL + 1,
        (const char *const[]){
                [VH_NET_NETWORK] = "network",
                [VH_NET_BRIDGE] = "bridge",
                [VH_NET_ETHERNET] = "ethernet",
                [VH_NET_VHOSTUSER] = "vhostuser",
                [VH_NET_USER] = "user",
                [VH_NET_SERVER] = "server",
                [VH_NET_CLIENT] = "client",
                [VH_NET_MCAST] = "mcast",
                [VH_NET_UDP] = "udp",
                [VH_NET_INTERNAL] = "internal",
                [VH_NET_DIRECT] = "direct",
                [VH_NET_HOSTDEV] = "hostdev",
                [VH_NET_VDPA] = "vdpa",
                [VH_NET_VDS] = "vds",
                [VH_NET_NULL] = "null",
        },
};

#define FAMILIES NAMES("ipv4", "ipv6")

#define S VhNetIp
const VhXmlTable vh_table_net_ip = {
        "ip",
        sizeof(S),
        ROWS(ATTR("address", address, string, REQUIRED), WORD("family", family, FAMILIES),
             ATTR("prefix", prefix, opt_uint), ATTR("peer", peer, string)),
};
#undef S

#define S VhNetRoute
const VhXmlTable vh_table_net_route = {
        "route",
        sizeof(S),
        ROWS(WORD("family", family, FAMILIES), ATTR("address", address, string), ATTR("netmask", netmask, string),
             ATTR("prefix", prefix, opt_uint), ATTR("gateway", gateway, string), ATTR("metric", metric, opt_uint)),
};
#undef S

#define S VhNetOffload
static const VhXmlTable table_host_offload = {
        "host",
        sizeof(S),
        ROWS(ONOFF("csum", csum), ONOFF("gso", gso), ONOFF("tso4", tso4), ONOFF("tso6", tso6), ONOFF("ecn", ecn),
             ONOFF("ufo", ufo), ONOFF("mrg_rxbuf", mrg_rxbuf)),
};
static const VhXmlTable table_guest_offload = {
        "guest",
        sizeof(S),
        ROWS(ONOFF("csum", csum), ONOFF("tso4", tso4), ONOFF("tso6", tso6), ONOFF("ecn", ecn), ONOFF("ufo", ufo)),
};
#undef S

#define S VhVirtualPort
const VhXmlTable vh_table_virtualport = {
        "virtualport",
        sizeof(S),
        ROWS(WORD("type", type, NAMES("none", "802.1Qbg", "802.1Qbh", "openvswitch", "midonet"),
                  FAULT(VIR_ERR_CONFIG_UNSUPPORTED, "unknown virtualport type ", NULL)),
             GROUP("parameters", ROWS(ATTR("managerid", managerid, opt_uint, .max = 0xff),
                                      ATTR("typeid", typeid, opt_uint, .max = 0xffffff),
                                      ATTR("typeidversion", typeidversion, opt_uint, .max = 0xff),
                                      ATTR("instanceid", instanceid, string), ATTR("interfaceid", interfaceid, string),
                                      ATTR("profileid", profileid, string)))),
};
#undef S

#define S VhBandwidthRate
static const VhXmlTable table_rate = {
        "inbound",
        sizeof(S),
        ROWS(ATTR("average", average, uint), ATTR("peak", peak, uint), ATTR("floor", floor, uint),
             ATTR("burst", burst, uint)),
};
#undef S

#define S VhBandwidth
const VhXmlTable vh_table_bandwidth = {
        "bandwidth",
        sizeof(S),
        ROWS(PTR("inbound", in, table_rate), PTR("outbound", out, table_rate)),
};
#undef S

#define S VhFilterParam
const VhXmlTable vh_table_filter_param = {
        "parameter",
        sizeof(S),
        ROWS(ATTR("name", name, string, REQUIRED), ATTR("value", value, string, REQUIRED)),
};
#undef S

#define S VhVlanTag
static const VhXmlTable table_vlan_tag = {
        "tag",
        sizeof(S),
        ROWS(ATTR("id", id, uint, .flags = VH_XML_REQUIRED | VH_XML_ALWAYS, .max = 4095),
             WORD("nativeMode", mode, NAMES("tagged", "untagged"))),
};
#undef S

#define S VhVlan
const VhXmlTable vh_table_vlan = {
        "vlan",
        sizeof(S),
        ROWS(YESNO("trunk", trunk), LIST("tag", tags, table_vlan_tag)),
};
#undef S

#define S VhTeaming
const VhXmlTable vh_table_teaming = {
        "teaming",
        sizeof(S),
        ROWS(WORD("type", type, NAMES("persistent", "transient"), REQUIRED,
                  FAULT(VIR_ERR_CONFIG_UNSUPPORTED, "unknown teaming type '", "'")),
             ATTR("persistent", persistent, string)),
};
#undef S

#define S VhCoalesce
static const VhXmlTable table_coalesce = {
        "coalesce",
        sizeof(S),
        ROWS(GROUP("rx", ROWS(GROUP("frames", ROWS(ATTR("max", rx_frames_max, uint,
                                                        FAULT(VIR_ERR_XML_DETAIL, "cannot parse value '",
                                                              "' for coalesce parameter"))))))),
};
#undef S

#define S VhPortRange
static const VhXmlTable table_port_range = {
        "range",
        sizeof(S),
        ROWS(ATTR("start", start, uint, .flags = VH_XML_REQUIRED, .max = UINT16_MAX),
             ATTR("end", end, uint, .max = UINT16_MAX), ATTR("to", to, uint, .max = UINT16_MAX),
             YESNO("exclude", exclude)),
};
#undef S

#define S VhPortForward
static const VhXmlTable table_port_forward = {
        "portForward",
        sizeof(S),
        ROWS(WORD("proto", proto, NAMES("tcp", "udp"), REQUIRED), ATTR("address", address, string),
             ATTR("dev", dev, string), LIST("range", ranges, table_port_range)),
};
#undef S

#define S     VhNetEnd
#define IS(t) WHEN(type, BIT(VH_NET_##t))
const VhXmlTable vh_table_net_end = {
        "actual",
        sizeof(S),
        ROWS(ENUM("type", type, vh_net_type_names, .flags = VH_XML_KEY | VH_XML_REQUIRED),
             YESNO("managed", hostdev_managed, IS(HOSTDEV)), YESNO("trustGuestRxFilters", trust_guest_rx),
             GROUP("source",
                   ROWS(ATTR("bridge", bridge, string),
                        WORD("macTableManager", mac_table_manager, NAMES("kernel", "libvirt"))),
                   WHEN(type, BIT(VH_NET_NETWORK) | BIT(VH_NET_BRIDGE))),
             GROUP("source",
                   ROWS(ATTR("dev", source_dev, string),
                        WORD("mode", direct_mode, NAMES("vepa", "private", "bridge", "passthrough"))),
                   IS(DIRECT)),
             GROUP("source", ROWS(GROUP_AT("address", hostdev, vh_rows_address)), IS(HOSTDEV)),
             PTR("vlan", vlan, vh_table_vlan), PTR("virtualport", virtport, vh_table_virtualport),
             PTR("bandwidth", bandwidth, vh_table_bandwidth), GROUP("port", ROWS(YESNO("isolated", isolated)))),
};
#undef IS
#undef S

#define S     VhNet
#define IS(t) WHEN(type, BIT(VH_NET_##t))
/* Copied with the rest, but never read or written. */
#define NOWHERE WHEN(type, BIT(63))
#define SOCKETS (BIT(VH_NET_SERVER) | BIT(VH_NET_CLIENT) | BIT(VH_NET_MCAST))

static const VhXmlRow rows_source_ips[] = {
        LIST("ip", source_ips, vh_table_net_ip),
        LIST("route", source_routes, vh_table_net_route),
        {},
};

/* Of one that a network gave its bridge or device to. */
static const VhXmlRow rows_from_network[] = {
        ATTR("network", network, string, LIVE),
        ATTR("portgroup", portgroup, string, LIVE),
        ATTR("portid", portid, uuid, LIVE),
        {},
};

static const VhXmlRow rows_net_source[] = {
        GROUP("source",
              ROWS(ATTR("network", network, string, REQUIRED), ATTR("portgroup", portgroup, string),
                   ATTR("portid", portid, uuid, LIVE), ATTR("bridge", bridge, string, LIVE),
                   WORD("macTableManager", mac_table_manager, NAMES("kernel", "libvirt"), LIVE),
                   EMBED(rows_source_ips)),
              IS(NETWORK)),
        GROUP("source",
              ROWS(EMBED(rows_from_network), ATTR("bridge", bridge, string, REQUIRED), DROPPED_ATTR("macTableManager"),
                   EMBED(rows_source_ips)),
              IS(BRIDGE)),
        GROUP("source", ROWS(ATTR("dev", source_dev, string)), IS(USER)),
        GROUP("source", ROWS(ATTR("dev", source_dev, string), EMBED(rows_source_ips)), IS(ETHERNET)),
        GROUP("source",
              ROWS(WORD("type", vhost_type, NAMES("unix"), REQUIRED,
                        FAULT(VIR_ERR_CONFIG_UNSUPPORTED, "Type='", "' unsupported for <interface type='vhostuser'>")),
                   ATTR("path", source_path, string, REQUIRED),
                   WORD("mode", vhost_mode, NAMES("client", "server"), REQUIRED),
                   GROUP("reconnect",
                         ROWS(YESNO("enabled", vhost_reconnect), ATTR("timeout", vhost_reconnect_timeout, uint)))),
              IS(VHOSTUSER)),
        GROUP("source", ROWS(ATTR("address", source_address, string), ATTR("port", source_port, uint, REQUIRED)),
              WHEN(type, SOCKETS)),
        GROUP("source",
              ROWS(ATTR("address", source_address, string), ATTR("port", source_port, uint, REQUIRED),
                   GROUP("local",
                         ROWS(ATTR("address", source_local_address, string), ATTR("port", source_local_port, uint)))),
              IS(UDP)),
        GROUP("source", ROWS(ATTR("name", source_dev, string, REQUIRED)), IS(INTERNAL)),
        GROUP("source",
              ROWS(EMBED(rows_from_network), ATTR("dev", source_dev, string, REQUIRED),
                   WORD("mode", direct_mode, NAMES("vepa", "private", "bridge", "passthrough"))),
              IS(DIRECT)),
        GROUP("source", ROWS(GROUP_AT("address", hostdev, vh_rows_address, REQUIRED)), IS(HOSTDEV)),
        GROUP("source", ROWS(ATTR("dev", source_dev, string, REQUIRED)), IS(VDPA)),
        GROUP("source",
              ROWS(ATTR("switchid", source_switch, uuid, REQUIRED), ATTR("portid", source_portid, uint),
                   ATTR("portgroupid", source_portgroup, string), ATTR("connectionid", source_connection, uint)),
              IS(VDS)),
        {},
};

static const VhXmlRow rows_net_driver[] = {
        WORD("name", driver_name, NAMES("qemu", "vhost", "kvm", "vfio", "xen")),
        WORD("txmode", txmode, NAMES("iothread", "timer")),
        ONOFF("ioeventfd", ioeventfd),
        ONOFF("event_idx", event_idx),
        ATTR("queues", queues, uint),
        ATTR("rx_queue_size", rx_queue_size, uint),
        ATTR("tx_queue_size", tx_queue_size, uint),
        ONOFF("rss", rss),
        ONOFF("rss_hash_report", rss_hash_report),
        EMBED_AT(virtio, vh_rows_virtio_opts),
        PTR("host", host_offload, table_host_offload),
        PTR("guest", guest_offload, table_guest_offload),
        {},
};

static const VhXmlRow rows_net_backend[] = {
        WORD("type", backend_type, NAMES("default", "passt")),
        ATTR("tap", backend_tap, string),
        ATTR("vhost", backend_vhost, string),
        ATTR("logFile", backend_log, string),
        {},
};

static const VhXmlRow rows_net_content[] = {
        GROUP("mac",
              ROWS(ATTR("address", mac, mac, FAULT(VIR_ERR_XML_ERROR, "unable to parse mac address '", "'")),
                   WORD("type", mac_type, NAMES("generated", "static")), WORD("check", mac_check, NAMES("yes", "no")))),
        EMBED(rows_net_source),
        PTR("actual", actual, vh_table_net_end, .show = VH_XML_STATUS),
        PTR("defined", defined, vh_table_net_end, NOWHERE),
        PTR("vlan", vlan, vh_table_vlan),
        LIST("portForward", port_forwards, table_port_forward, IS(USER)),
        PTR("virtualport", virtport, vh_table_virtualport),
        PTR("bandwidth", bandwidth, vh_table_bandwidth),
        GROUP("port", ROWS(YESNO("isolated", isolated))),
        LIST("ip", ips, vh_table_net_ip),
        LIST("route", routes, vh_table_net_route),
        GROUP("script", ROWS(ATTR("path", script, string))),
        GROUP("downscript", ROWS(ATTR("path", downscript, string))),
        GROUP("backenddomain", ROWS(ATTR("name", domain_name, string))),
        GROUP("target", ROWS(ATTR("dev", target, string), YESNO("managed", target_managed))),
        GROUP("guest", ROWS(ATTR("dev", ifname_guest, string), ATTR("actual", ifname_guest_actual, string))),
        GROUP("model", ROWS(ATTR("type", model, string))),
        GROUP("driver", rows_net_driver),
        GROUP("backend", rows_net_backend),
        GROUP("filterref",
              ROWS(ATTR("filter", filter, string, REQUIRED), LIST("parameter", filter_params, vh_table_filter_param))),
        GROUP("tune", ROWS(LEAF("sndbuf", sndbuf, opt_u64))),
        GROUP("link", ROWS(WORD("state", linkstate, NAMES("up", "down"),
                                FAULT(VIR_ERR_CONFIG_UNSUPPORTED, "unknown interface link state '", "'")))),
        GROUP("mtu", ROWS(ATTR("size", mtu, uint))),
        PTR("teaming", teaming, vh_table_teaming),
        PTR("coalesce", coalesce, table_coalesce),
        EMBED_AT(info, vh_rows_device_boot),
        EMBED_AT(info, vh_rows_device_info),
        {},
};

const VhXmlTable vh_table_net = {
        "interface",
        sizeof(S),
        ROWS(ENUM("type", type, vh_net_type_names, .flags = VH_XML_KEY | VH_XML_REQUIRED),
             YESNO("managed", hostdev_managed, IS(HOSTDEV)), YESNO("trustGuestRxFilters", trust_guest_rx),
             EMBED(rows_net_content)),
        vh_net_read_plug,
};
#undef NOWHERE
#undef IS
#undef S
