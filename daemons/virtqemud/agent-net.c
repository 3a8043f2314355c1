/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Addresses of a guest's network interfaces: told by its agent, given by networks, or seen by this host. */

#include "agent-net.h"

#include <errno.h>
#include <stdio.h>

#include "agent.h"
#include "base/file.h"
#include "net-leases.h"
#include "qemu-ops.h"

static remote_domain_interface *find_interface(remote_domain_interface_addresses_ret *list, const char *name, size_t n)
{
        for (uint32_t i = 0; i < list->ifaces.len; i++)
                if (strncmp(list->ifaces.val[i].name, name, n) == 0 && !list->ifaces.val[i].name[n])
                        return &list->ifaces.val[i];
        return NULL;
}

static int read_address(VhCall *call, json_t *item, remote_domain_interface *iface, VhError **err)
{
        const char *type = json_string_value(json_object_get(item, "ip-address-type"));
        const char *addr = json_string_value(json_object_get(item, "ip-address"));
        const json_t *prefix = json_object_get(item, "prefix");

        if (!type)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR,
                                    "qemu agent didn't provide 'ip-address-type' field for interface '%s'",
                                    iface->name);
        if (strcmp(type, "ipv4") != 0 && strcmp(type, "ipv6") != 0)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR, "unknown ip address type '%s'", type);
        if (!addr)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR,
                                    "qemu agent didn't provide 'ip-address' field for interface '%s'", iface->name);
        if (!json_is_integer(prefix))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR, "malformed 'prefix' field");
        iface->addrs.val[iface->addrs.len++] = (remote_domain_ip_addr){
                .type = strcmp(type, "ipv4") == 0 ? VIR_IP_ADDR_TYPE_IPV4 : VIR_IP_ADDR_TYPE_IPV6,
                .addr = vh_call_strdup(call, addr),
                .prefix = (unsigned)json_integer_value(prefix),
        };
        return 0;
}

static int read_interface(VhCall *call, json_t *item, remote_domain_interface_addresses_ret *list, VhError **err)
{
        const char *name = json_string_value(json_object_get(item, "name"));
        const char *hwaddr = json_string_value(json_object_get(item, "hardware-address"));
        json_t *addrs = json_object_get(item, "ip-addresses"), *addr;
        remote_domain_interface *iface;
        remote_domain_ip_addr *grown;
        size_t i, stem = name ? strcspn(name, ":") : 0;
        int r = 0;

        if (!name)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR,
                                    "qemu agent didn't provide 'name' field");
        iface = find_interface(list, name, stem);
        if (!iface) {
                iface = &list->ifaces.val[list->ifaces.len++];
                iface->name = vh_call_printf(call, "%.*s", (int)stem, name);
                if (hwaddr)
                        iface->hwaddr = vh_call_strdup(call, hwaddr);
        }
        grown = vh_call_new(call, remote_domain_ip_addr, iface->addrs.len + json_array_size(addrs) + 1);
        if (iface->addrs.len)
                memcpy(grown, iface->addrs.val, iface->addrs.len * sizeof(*grown));
        iface->addrs.val = grown;
        for (i = 0; r == 0 && i < json_array_size(addrs); i++) {
                addr = json_array_get(addrs, i);
                r = read_address(call, addr, iface, err);
        }
        return r;
}

int qemu_agent_interfaces(VhCall *call, json_t *ret, remote_domain_interface_addresses_ret *list, VhError **err)
{
        int r = 0;

        if (!json_is_array(ret))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR,
                                    "qemu agent didn't return an array of interfaces");
        list->ifaces.val = vh_call_new(call, remote_domain_interface, json_array_size(ret) + 1);
        for (size_t i = 0; r == 0 && i < json_array_size(ret); i++)
                r = read_interface(call, json_array_get(ret, i), list, err);
        return r;
}

static void got_interfaces(QemuTask *task, json_t *ret)
{
        VhError *err = NULL;
        int r = qemu_agent_interfaces(task->call, ret, task->call->ret, &err);

        qemu_task_end(task, r, err);
}

static void interfaces_run(QemuTask *task)
{
        qemu_task_ask(task, qmp_command("guest-network-get-interfaces", NULL), got_interfaces);
}

static const QemuTaskClass interfaces_class = {
        .api = "remoteDispatchDomainInterfaceAddresses",
        .size = sizeof(QemuTask),
        .agent = true,
        .job = QEMU_JOB_QUERY,
        .need_active = true,
        .run = interfaces_run,
};

/* ---- what this host saw ---- */

enum { ARP_MAX = 4 * 1024 * 1024, MAC_TEXT = 18 };

static void mac_text(const uint8_t mac[6], char text[MAC_TEXT])
{
        snprintf(text, MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

static void add_neighbour(VhCall *call, remote_domain_interface_addresses_ret *list, const VhNet *net, const char *mac,
                          const char *ip)
{
        remote_domain_interface *iface = &list->ifaces.val[list->ifaces.len++];

        iface->name = vh_call_strdup(call, net->target ? net->target : "");
        iface->hwaddr = vh_call_strdup(call, mac);
        iface->addrs.val = vh_call_new(call, remote_domain_ip_addr, 1);
        iface->addrs.val[0] = (remote_domain_ip_addr){ VIR_IP_ADDR_TYPE_IPV4, vh_call_strdup(call, ip), 0 };
        iface->addrs.len = 1;
}

/* The kernel's table: a line an address, the MAC in the fourth column. */
static void match_neighbours(VhCall *call, const VhDomainDef *def, char *table,
                             remote_domain_interface_addresses_ret *list)
{
        char *rest = NULL;

        for (char *line = strtok_r(table, "\n", &rest); line && list->ifaces.len < REMOTE_DOMAIN_INTERFACE_MAX;
             line = strtok_r(NULL, "\n", &rest)) {
                char ip[64], mac[MAC_TEXT];

                if (sscanf(line, "%63s %*s %*s %17s", ip, mac) != 2)
                        continue;
                for (uint32_t i = 0; i < def->nets.n && list->ifaces.len < REMOTE_DOMAIN_INTERFACE_MAX; i++) {
                        char own[MAC_TEXT];

                        mac_text(def->nets.items[i]->mac, own);
                        if (strcasecmp(own, mac) == 0)
                                add_neighbour(call, list, def->nets.items[i], own, ip);
                }
        }
}

static int from_neighbours(VhCall *call, const VhDomainObj *dom, remote_domain_interface_addresses_ret *ret,
                           VhError **err)
{
        _vh_free_ char *table = NULL;
        size_t n;
        int r = vh_file_read("/proc/net/arp", ARP_MAX, &table, &n);

        if (r < 0)
                return vh_error_sys(err, VIR_FROM_QEMU, r, "cannot read '/proc/net/arp'");
        ret->ifaces.val = vh_call_new(call, remote_domain_interface, REMOTE_DOMAIN_INTERFACE_MAX);
        match_neighbours(call, dom->def, table, ret);
        return 0;
}

QEMU_OP_RET(domain_interface_addresses)
{
        VhDomainObj *dom = qemu_domain(call, &args->dom, err);
        int r = dom ? vh_check_flags(args->flags, 0, VIR_FROM_QEMU, "qemuDomainInterfaceAddresses", err) : -ENOENT;

        if (r == 0)
                r = vh_domain_obj_check_active(dom, VIR_FROM_DOMAIN, err);
        if (r < 0)
                return r;
        switch (args->source) {
        case VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE:
                return qemu_lease_addresses(call, dom);
        case VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT:
                return qemu_task_start(call, &args->dom, &interfaces_class, NULL, err);
        case VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_ARP:
                return from_neighbours(call, dom, ret, err);
        default:
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_ARGUMENT_UNSUPPORTED,
                                    "Unknown IP address data source %d", (int)args->source);
        }
}
