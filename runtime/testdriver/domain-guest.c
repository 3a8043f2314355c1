/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Domains: what a guest's agent or console would do. */

#include "rpc/stream.h"
#include "testdriver/domain-ops.h"
#include <arpa/inet.h>
#include <errno.h>

enum { FILE_SYSTEMS = TEST_FILESYSTEMS };

static const char *const mount_points[FILE_SYSTEMS] = { "/", "/boot" };
static const char *const partitions[FILE_SYSTEMS] = { "vda1", "vda2" };

TEST_OP_SHARED(domain_get_hostname)
{
        VhDomainObj *dom;
        int r = test_check_flags(args->flags, 0, "testDomainGetHostname", err);

        if (r == 0)
                r = test_active_domain(call, &args->dom, &dom, err);
        if (r == 0)
                ret->hostname = vh_call_printf(call, "%shost", dom->node.name);
        return r;
}

TEST_OP_SHARED(domain_get_time)
{
        VhDomainObj *dom;
        int r = test_check_flags(args->flags, 0, "testDomainGetTime", err);

        if (r == 0)
                r = test_active_domain(call, &args->dom, &dom, err);
        if (r < 0)
                return r;
        ret->seconds = (int64_t)test_domain_priv(dom)->time_seconds;
        ret->nseconds = test_domain_priv(dom)->time_nseconds;
        return 0;
}

TEST_OP_SHARED_DO(domain_set_time)
{
        VhDomainObj *dom;
        int r = test_check_flags(args->flags, VIR_DOMAIN_TIME_SYNC, "testDomainSetTime", err);

        if (r == 0)
                r = test_active_domain(call, &args->dom, &dom, err);
        if (r < 0)
                return r;
        test_domain_priv(dom)->time_seconds = (uint64_t)args->seconds;
        test_domain_priv(dom)->time_nseconds = args->nseconds;
        return 0;
}

/* Freezes or thaws what is named, everything if nothing is; tells how many changed. */
static int set_frozen(VhDomainObj *dom, char **names, uint32_t n, bool frozen, int *changed, VhError **err)
{
        TestDomain *priv = test_domain_priv(dom);
        bool wanted[FILE_SYSTEMS] = {};

        for (uint32_t i = 0; i < n; i++) {
                unsigned k = 0;

                while (k < FILE_SYSTEMS && !vh_streq(mount_points[k], names[i]))
                        k++;
                if (k == FILE_SYSTEMS)
                        return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_OPERATION_INVALID, "mount point not found: %s",
                                            names[i]);
                wanted[k] = true;
        }
        for (unsigned k = 0; k < FILE_SYSTEMS; k++) {
                if ((n && !wanted[k]) || priv->frozen[k] == frozen)
                        continue;
                priv->frozen[k] = frozen;
                (*changed)++;
        }
        return 0;
}

TEST_OP_SHARED(domain_fsfreeze)
{
        VhDomainObj *dom;
        int r = test_check_flags(args->flags, 0, "testDomainFSFreeze", err);

        if (r == 0)
                r = test_active_domain(call, &args->dom, &dom, err);
        if (r == 0)
                r = set_frozen(dom, args->mountpoints.val, args->mountpoints.len, true, &ret->filesystems, err);
        return r;
}

TEST_OP_SHARED(domain_fsthaw)
{
        VhDomainObj *dom;
        int r = test_check_flags(args->flags, 0, "testDomainFSThaw", err);

        if (r == 0)
                r = test_active_domain(call, &args->dom, &dom, err);
        if (r == 0)
                r = set_frozen(dom, args->mountpoints.val, args->mountpoints.len, false, &ret->filesystems, err);
        return r;
}

TEST_OP_SHARED_DO(domain_fstrim)
{
        VhDomainObj *dom;
        int r = test_check_flags(args->flags, 0, "testDomainFSTrim", err);

        if (r == 0)
                r = test_active_domain(call, &args->dom, &dom, err);
        if (r == 0 && args->mountPoint)
                r = vh_error_set(err, VIR_FROM_TEST, VIR_ERR_OPERATION_INVALID,
                                 "Specifying mount point is not supported for now");
        return r;
}

TEST_OP_SHARED(domain_get_fsinfo)
{
        const VhDisk *disk;
        VhDomainObj *dom;
        int r = test_check_flags(args->flags, 0, "testDomainGetFSInfo", err);

        if (r == 0)
                r = test_active_domain(call, &args->dom, &dom, err);
        if (r < 0)
                return r;
        disk = test_find_disk(dom->def, "vda"); /* where the file systems are */
        if (!disk)
                return 0;
        ret->info.val = vh_call_new(call, remote_domain_fsinfo, FILE_SYSTEMS);
        ret->info.len = ret->ret = FILE_SYSTEMS;
        for (unsigned i = 0; i < FILE_SYSTEMS; i++) {
                remote_domain_fsinfo *info = &ret->info.val[i];

                info->mountpoint = (char *)mount_points[i];
                info->name = (char *)partitions[i];
                info->fstype = (char *)"ext4";
                info->dev_aliases.len = 1;
                info->dev_aliases.val = vh_call_new(call, char *, 1);
                info->dev_aliases.val[0] = disk->target;
        }
        return 0;
}

/* Each guest has a part of its network's addresses of its own. */
enum { ADDRESSES_PER_GUEST = 20, DEFAULT_PREFIX = 24 };

/* The network's first address for guests, or its own; NULL if it has none that we can count from. */
static const VhNetworkIp *first_address(VhCall *call, const VhNet *net, struct in_addr *addr)
{
        const VhRegNode *node = net->network ? vh_registry_by_name(&test_host(call)->networks, net->network) : NULL;
        const TestNetwork *network = node ? VH_CONTAINER_OF(node, TestNetwork, node) : NULL;
        const VhNetworkIp *ip = network && network->def->ips.n ? network->def->ips.items[0] : NULL;
        const char *text;

        if (!ip)
                return NULL;
        text = ip->dhcp && ip->dhcp->ranges.n ? ip->dhcp->ranges.items[0]->start : ip->address;
        return text && inet_pton(AF_INET, text, addr) == 1 ? ip : NULL;
}

/* Address of a guest's interface number i. */
static char *guest_address(VhCall *call, const VhDomainObj *dom, uint32_t i, uint32_t *prefix)
{
        struct in_addr addr, mask;
        char text[INET_ADDRSTRLEN];
        const VhNetworkIp *ip = first_address(call, dom->def->nets.items[i], &addr);

        *prefix = DEFAULT_PREFIX;
        if (!ip)
                return vh_call_printf(call, "192.168.0.%u", 1 + i);
        if (ip->prefix.set)
                *prefix = ip->prefix.val;
        else if (ip->netmask && inet_pton(AF_INET, ip->netmask, &mask) == 1)
                *prefix = (uint32_t)__builtin_popcount(mask.s_addr);
        addr.s_addr = htonl(ntohl(addr.s_addr) + ADDRESSES_PER_GUEST * (uint32_t)(dom->id - 1) + i + 1);
        return vh_call_strdup(call, inet_ntop(AF_INET, &addr, text, sizeof(text)));
}

TEST_OP_SHARED(domain_interface_addresses)
{
        VhDomainObj *dom;
        int r = test_check_flags(args->flags, 0, "testDomainInterfaceAddresses", err);

        if (r == 0 && args->source > VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_ARP)
                r = vh_error_set(err, VIR_FROM_TEST, VIR_ERR_ARGUMENT_UNSUPPORTED, "Unknown IP address data source %d",
                                 (int)args->source);
        if (r == 0)
                r = test_active_domain(call, &args->dom, &dom, err);
        if (r < 0)
                return r;
        ret->ifaces.val = vh_call_new(call, remote_domain_interface, dom->def->nets.n);
        for (uint32_t i = 0; i < dom->def->nets.n; i++) {
                const VhNet *net = dom->def->nets.items[i];
                remote_domain_interface *iface = &ret->ifaces.val[ret->ifaces.len++];

                iface->name = net->target;
                iface->hwaddr = vh_call_printf(call, "%02x:%02x:%02x:%02x:%02x:%02x", net->mac[0], net->mac[1],
                                               net->mac[2], net->mac[3], net->mac[4], net->mac[5]);
                iface->addrs.len = 1;
                iface->addrs.val = vh_call_new(call, remote_domain_ip_addr, 1);
                iface->addrs.val[0].type = VIR_IP_ADDR_TYPE_IPV4;
                iface->addrs.val[0].addr = guest_address(call, dom, i, &iface->addrs.val[0].prefix);
        }
        return 0;
}

TEST_OP_SHARED_DO(domain_inject_nmi)
{
        VhDomainObj *dom;
        int r = test_check_flags(args->flags, 0, "testDomainInjectNMI", err);

        return r < 0 ? r : test_active_domain(call, &args->dom, &dom, err);
}

/* Highest key code of each set, by virKeycodeSet. */
static const struct {
        const char *name;
        uint32_t max;
} key_sets[] = {
        [VIR_KEYCODE_SET_LINUX] = { "linux", 767 },      [VIR_KEYCODE_SET_XT] = { "xt", 0xff },
        [VIR_KEYCODE_SET_ATSET1] = { "atset1", 0xe0ff }, [VIR_KEYCODE_SET_ATSET2] = { "atset2", 0xe0ff },
        [VIR_KEYCODE_SET_ATSET3] = { "atset3", 0xff },   [VIR_KEYCODE_SET_OSX] = { "os_x", 0xff },
        [VIR_KEYCODE_SET_XT_KBD] = { "xt_kbd", 0xff },   [VIR_KEYCODE_SET_USB] = { "usb", 0xff },
        [VIR_KEYCODE_SET_WIN32] = { "win32", 0xff },     [VIR_KEYCODE_SET_QNUM] = { "qnum", 0xff },
};

TEST_OP_SHARED_DO(domain_send_key)
{
        VhDomainObj *dom;
        int r = test_check_flags(args->flags, 0, "testDomainSendKey", err);

        if (r == 0)
                r = test_active_domain(call, &args->dom, &dom, err);
        if (r < 0)
                return r;
        for (uint32_t i = 0; i < args->keycodes.len; i++)
                if (args->keycodes.val[i] > key_sets[args->codeset].max)
                        return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_INTERNAL_ERROR,
                                            "invalid keycode %u of %s codeset", args->keycodes.val[i],
                                            key_sets[args->codeset].name);
        return 0;
}

TEST_OP_SHARED_DO(domain_send_process_signal)
{
        VhDomainObj *dom;
        int r = test_check_flags(args->flags, 0, "testDomainSendProcessSignal", err);

        if (r < 0)
                return r;
        if (args->pid_value != 1)
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_INVALID_ARG,
                                    "only sending a signal to pid 1 is supported");
        if (args->signum > VIR_DOMAIN_PROCESS_SIGNAL_RT32)
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_INVALID_ARG, "signum value %d is out of range",
                                    (int)args->signum);
        return test_active_domain(call, &args->dom, &dom, err);
}

TEST_OP_SHARED_DO(domain_set_user_password)
{
        VhDomainObj *dom;
        int r = test_check_flags(args->flags, VIR_DOMAIN_PASSWORD_ENCRYPTED, "testDomainSetUserPassword", err);

        return r < 0 ? r : test_active_domain(call, &args->dom, &dom, err);
}

TEST_OP_SHARED(domain_get_messages)
{
        VhDomainObj *dom;
        int r = test_check_flags(args->flags, VIR_DOMAIN_MESSAGE_DEPRECATION | VIR_DOMAIN_MESSAGE_TAINTING,
                                 "testDomainGetMessages", err);

        return r < 0 ? r : test_domain(call, &args->dom, &dom, err);
}

TEST_OP_SHARED(domain_get_launch_security_info)
{
        VhDomainObj *dom;
        int r = test_check_flags(args->flags, 0, "testDomainGetLaunchSecurityInfo", err);

        return r < 0 ? r : test_domain(call, &args->dom, &dom, err);
}

#define LABEL "libvirt-test"

TEST_OP_SHARED(domain_get_security_label)
{
        VhDomainObj *dom;
        int r = test_domain(call, &args->dom, &dom, err);

        if (r < 0)
                return r;
        if (!vh_domain_obj_active(dom))
                return 0;
        ret->label.len = sizeof(LABEL);
        ret->label.val = (char *)LABEL;
        ret->enforcing = 1;
        return 0;
}

static int security_label(VhCall *call, const remote_nonnull_domain *wire, remote_domain_get_security_label_ret *label,
                          VhError **err)
{
        const remote_domain_get_security_label_args args = { .dom = *wire };

        return test_op_domain_get_security_label(call, &args, label, err);
}

/* A failure is a good answer with a count of -1. */
TEST_OP_SHARED(domain_get_security_label_list)
{
        ret->labels.val = vh_call_new(call, remote_domain_get_security_label_ret, 1);
        ret->labels.len = security_label(call, &args->dom, ret->labels.val, NULL) == 0;
        ret->ret = ret->labels.len ? 1 : -1;
        return 0;
}

/* The smallest picture there is: one black pixel as PNG. */
static const uint8_t picture[] = {
        0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52, 0x00,
        0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x00, 0x00, 0x00, 0x00, 0x3a, 0x7e, 0x9b, 0x55, 0x00,
        0x00, 0x00, 0x0a, 0x49, 0x44, 0x41, 0x54, 0x78, 0x9c, 0x63, 0x60, 0x00, 0x00, 0x00, 0x02, 0x00, 0x01,
        0x48, 0xaf, 0xa4, 0x71, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
};

TEST_OP_SHARED(domain_screenshot)
{
        int r = test_check_flags(args->flags, 0, "testDomainScreenshot", err);
        uint8_t *copy;

        if (r < 0)
                return r;
        copy = vh_new(uint8_t, sizeof(picture));
        memcpy(copy, picture, sizeof(picture));
        vh_stream_serve_memory(call->stream, copy, sizeof(picture));
        ret->mime = (char *)"image/png";
        return 0;
}
