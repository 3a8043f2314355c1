/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Network devices over rtnetlink. */

#include "net/link.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/pkt_sched.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "net/netlink.h"

static void begin(VhNlMsg *m, int type, int flags, const char *name)
{
        struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC };

        vh_nl_begin(m, type, flags, &ifi, sizeof(ifi));
        vh_nl_put_str(m, IFLA_IFNAME, name);
}

/* ---- asking ---- */

static void copy_attr(const struct nlmsghdr *h, int type, void *to, size_t len)
{
        const struct rtattr *a = vh_nl_find(h, sizeof(struct ifinfomsg), type);

        if (a && RTA_PAYLOAD(a) >= len)
                memcpy(to, RTA_DATA(a), len);
}

static int read_link(void *data, const struct nlmsghdr *h)
{
        const struct ifinfomsg *ifi = NLMSG_DATA(h);
        const struct rtattr *info = vh_nl_find(h, sizeof(*ifi), IFLA_LINKINFO);
        const struct rtattr *kind = info ? vh_nl_find_in(info, IFLA_INFO_KIND) : NULL;
        VhLink *link = data;

        if (h->nlmsg_type != RTM_NEWLINK)
                return 0;
        link->index = ifi->ifi_index;
        link->flags = ifi->ifi_flags;
        copy_attr(h, IFLA_MTU, &link->mtu, sizeof(link->mtu));
        copy_attr(h, IFLA_MASTER, &link->master, sizeof(link->master));
        copy_attr(h, IFLA_ADDRESS, link->mac, sizeof(link->mac));
        if (kind)
                snprintf(link->kind, sizeof(link->kind), "%.*s", (int)RTA_PAYLOAD(kind), (const char *)RTA_DATA(kind));
        return 0;
}

int vh_link_get(const char *name, VhLink *link)
{
        VhNlMsg m = { 0 };
        int r;

        *link = (VhLink){ 0 };
        if (strlen(name) >= IFNAMSIZ)
                return -ENODEV;
        begin(&m, RTM_GETLINK, 0, name);
        r = vh_nl_ask(&m, read_link, link);
        return r == 0 && !link->index ? -ENODEV : r;
}

/* ---- changing ---- */

int vh_link_change(const char *name, const VhLinkChange *change)
{
        struct ifinfomsg ifi = {
                .ifi_family = AF_UNSPEC,
                .ifi_flags = change->up == VH_LINK_UP ? IFF_UP : 0,
                .ifi_change = change->up ? IFF_UP : 0,
        };
        VhLink master = { 0 };
        VhNlMsg m = { 0 };
        int r = change->master && *change->master ? vh_link_get(change->master, &master) : 0;

        if (r < 0)
                return r;
        vh_nl_begin(&m, RTM_NEWLINK, 0, &ifi, sizeof(ifi));
        vh_nl_put_str(&m, IFLA_IFNAME, name);
        if (change->mac)
                vh_nl_put(&m, IFLA_ADDRESS, change->mac, VH_MAC_LEN);
        if (change->mtu)
                vh_nl_put_u32(&m, IFLA_MTU, change->mtu);
        if (change->master)
                vh_nl_put_u32(&m, IFLA_MASTER, (uint32_t)master.index);
        return vh_nl_request(&m);
}

int vh_link_coalesce(const char *name, unsigned rx_frames)
{
        struct ethtool_coalesce coalesce = { .cmd = ETHTOOL_SCOALESCE, .rx_max_coalesced_frames = rx_frames };
        struct ifreq request = { .ifr_data = (void *)&coalesce };
        _vh_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        if (fd < 0)
                return -errno;
        snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
        return ioctl(fd, SIOCETHTOOL, &request) < 0 ? -errno : 0;
}

int vh_link_isolate(const char *name, bool isolated)
{
        struct ifinfomsg ifi = { .ifi_family = AF_BRIDGE };
        VhNlMsg m = { 0 };
        VhLink link;
        size_t port;
        int r = vh_link_get(name, &link);

        if (r < 0)
                return r;
        ifi.ifi_index = link.index;
        vh_nl_begin(&m, RTM_SETLINK, 0, &ifi, sizeof(ifi));
        port = vh_nl_nest(&m, IFLA_PROTINFO | NLA_F_NESTED);
        vh_nl_put_u8(&m, IFLA_BRPORT_ISOLATED, isolated);
        vh_nl_end(&m, port);
        return vh_nl_request(&m);
}

/* ---- making and deleting ---- */

int vh_link_add_macvtap(const VhMacvtap *macvtap)
{
        VhNlMsg m = { 0 };
        VhLink lower;
        size_t info, data;
        int r = vh_link_get(macvtap->lower, &lower);

        if (r < 0)
                return r;
        begin(&m, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, macvtap->name);
        vh_nl_put_u32(&m, IFLA_LINK, (uint32_t)lower.index);
        vh_nl_put(&m, IFLA_ADDRESS, macvtap->mac, VH_MAC_LEN);
        info = vh_nl_nest(&m, IFLA_LINKINFO);
        vh_nl_put(&m, IFLA_INFO_KIND, "macvtap", strlen("macvtap"));
        data = vh_nl_nest(&m, IFLA_INFO_DATA);
        vh_nl_put_u32(&m, IFLA_MACVLAN_MODE, macvtap->mode);
        vh_nl_end(&m, data);
        vh_nl_end(&m, info);
        return vh_nl_request(&m);
}

int vh_link_delete(const char *name)
{
        VhNlMsg m = { 0 };

        begin(&m, RTM_DELLINK, 0, name);
        return vh_nl_request(&m);
}

int vh_link_no_queue(const char *name)
{
        struct tcmsg tc = { .tcm_family = AF_UNSPEC, .tcm_parent = TC_H_ROOT };
        VhNlMsg m = { 0 };
        VhLink link;
        int r = vh_link_get(name, &link);

        if (r < 0)
                return r;
        tc.tcm_ifindex = link.index;
        vh_nl_begin(&m, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &tc, sizeof(tc));
        vh_nl_put_str(&m, TCA_KIND, "noqueue");
        return vh_nl_request(&m);
}

char *vh_mac_text(const uint8_t mac[VH_MAC_LEN], char *text)
{
        snprintf(text, VH_MAC_TEXT_LEN + 1, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
                 mac[5]);
        return text;
}
