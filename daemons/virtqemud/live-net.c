/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Counters of network interfaces, from the kernel. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "live-stats.h"
#include "qemu-ops.h"

/* The line of an interface: "name: RX bytes packets errs drop fifo frame compressed multicast TX bytes ...". */
static bool parse_line(const char *line, const char *ifname, long long v[8])
{
        const char *rest;

        line += strspn(line, " ");
        rest = vh_startswith(line, ifname);
        return rest && *rest == ':' &&
               sscanf(rest + 1, "%lld %lld %lld %lld %*d %*d %*d %*d %lld %lld %lld %lld", &v[0], &v[1], &v[2], &v[3],
                      &v[4], &v[5], &v[6], &v[7]) == 8;
}

bool qemu_net_stats(const char *ifname, bool swapped, remote_domain_interface_stats_ret *s)
{
        FILE *f = fopen("/proc/net/dev", "re");
        char line[512];
        long long v[8];
        bool found = false;

        while (f && !found && fgets(line, sizeof(line), f))
                found = parse_line(line, ifname, v);
        if (f)
                fclose(f);
        if (!found)
                return false;
        if (swapped)
                *s = (remote_domain_interface_stats_ret){ v[4], v[5], v[6], v[7], v[0], v[1], v[2], v[3] };
        else
                *s = (remote_domain_interface_stats_ret){ v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7] };
        return true;
}

/* The interface that a client names by its host side or its MAC address. */
static const VhNet *find_net(const VhDomainDef *def, const char *device)
{
        for (uint32_t i = 0; i < def->nets.n; i++) {
                const VhNet *net = def->nets.items[i];
                char mac[sizeof("00:00:00:00:00:00")];

                snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", net->mac[0], net->mac[1], net->mac[2],
                         net->mac[3], net->mac[4], net->mac[5]);
                if (vh_streq(net->target, device) || strcasecmp(mac, device) == 0)
                        return net;
        }
        return NULL;
}

QEMU_OP_RET(domain_interface_stats)
{
        VhDomainObj *dom = qemu_domain(call, &args->dom, err);
        const VhNet *net;

        if (!dom || vh_domain_obj_check_active(dom, VIR_FROM_DOMAIN, err) < 0)
                return dom ? -EINVAL : -ENOENT;
        net = find_net(dom->def, args->device);
        if (!net)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG, "'%s' is not a known interface",
                                    args->device);
        if (!net->target || !qemu_net_stats(net->target, net->type != VH_NET_DIRECT, ret))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR, "Interface '%s' not found",
                                    args->device);
        return 0;
}
