/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Bandwidth of one network interface. */

#include "qemu-ops.h"

#include <errno.h>
#include <stdio.h>

#include "host-net.h"
#include "live-edit.h"

static const struct {
        const char *name;
        bool out;
        size_t offset; /* in VhBandwidthRate */
} rows[] = {
        { "inbound.average", false, offsetof(VhBandwidthRate, average) },
        { "inbound.peak", false, offsetof(VhBandwidthRate, peak) },
        { "inbound.burst", false, offsetof(VhBandwidthRate, burst) },
        { "inbound.floor", false, offsetof(VhBandwidthRate, floor) },
        { "outbound.average", true, offsetof(VhBandwidthRate, average) },
        { "outbound.peak", true, offsetof(VhBandwidthRate, peak) },
        { "outbound.burst", true, offsetof(VhBandwidthRate, burst) },
};

/* By MAC address, or by the name of the host's device. */
static VhNet *find_net(const VhDomainDef *def, const char *device, VhError **err)
{
        uint8_t mac[6];
        bool is_mac = sscanf(device, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx", &mac[0], &mac[1], &mac[2], &mac[3], &mac[4],
                             &mac[5]) == 6;

        for (uint32_t i = 0; i < def->nets.n; i++) {
                VhNet *net = def->nets.items[i];

                if (is_mac ? memcmp(net->mac, mac, sizeof(mac)) == 0 : vh_streq(net->target, device))
                        return net;
        }
        vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG, "'%s' is not a known interface", device);
        return NULL;
}

QEMU_OP_RET(domain_get_interface_parameters)
{
        static const VhBandwidthRate none;
        VhTypedList list = VH_TYPED_LIST(call);
        const VhDomainDef *def;
        const VhNet *net = NULL;
        int r = vh_check_flags(args->flags, QEMU_AFFECT | VIR_TYPED_PARAM_STRING_OKAY, VIR_FROM_QEMU,
                               "qemuDomainGetInterfaceParameters", err);

        if (r < 0)
                return r;
        def = qemu_config(call, &args->dom, args->flags, err);
        if (!def)
                return -EINVAL;
        /* A client that asks for the number of parameters need not name an interface. */
        if (args->nparams) {
                net = find_net(def, args->device, err);
                if (!net)
                        return -EINVAL;
        }
        for (size_t i = 0; i < VH_ARRAY_SIZE(rows); i++) {
                const VhBandwidthRate *rate = !net || !net->bandwidth ? NULL
                                              : rows[i].out           ? net->bandwidth->out
                                                                      : net->bandwidth->in;

                vh_typed_add_uint(&list, rows[i].name,
                                  *(const uint32_t *)((const char *)(rate ? rate : &none) + rows[i].offset));
        }
        VH_TYPED_ANSWER(args, ret, &list);
        return 0;
}

/* One direction; an average of zero removes it. */
static void set_rate(VhBandwidthRate **rate, bool out, const remote_typed_param *params, uint32_t n)
{
        const remote_typed_param *average = vh_typed_find(params, n, out ? "outbound.average" : "inbound.average");

        if (!average && !*rate)
                return;
        if (average && !average->value.ui) {
                free(*rate);
                *rate = NULL;
                return;
        }
        if (!*rate)
                *rate = vh_new(VhBandwidthRate, 1);
        for (size_t i = 0; i < VH_ARRAY_SIZE(rows); i++) {
                const remote_typed_param *p = rows[i].out == out ? vh_typed_find(params, n, rows[i].name) : NULL;

                if (p)
                        *(uint32_t *)((char *)*rate + rows[i].offset) = p->value.ui;
        }
}

static int set_bandwidth(VhNet *net, const remote_typed_param *params, uint32_t n, VhError **err)
{
        if (net->type != VH_NET_NETWORK && net->type != VH_NET_BRIDGE && net->type != VH_NET_ETHERNET &&
            net->type != VH_NET_DIRECT)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "setting bandwidth on interfaces of type '%s' is not implemented yet",
                                    vh_xml_names_text(&vh_net_type_names, net->type));
        if (!net->bandwidth)
                net->bandwidth = vh_new(VhBandwidth, 1);
        set_rate(&net->bandwidth->in, false, params, n);
        set_rate(&net->bandwidth->out, true, params, n);
        if (!net->bandwidth->in && !net->bandwidth->out) {
                free(net->bandwidth);
                net->bandwidth = NULL;
        }
        return 0;
}

/* ---- setting ---- */

static int edit_bandwidth(VhDomainDef *def, const void *data, VhError **err)
{
        const remote_domain_set_interface_parameters_args *args = data;
        VhNet *net = find_net(def, args->device, err);

        return net ? set_bandwidth(net, args->params.val, args->params.len, err) : -EINVAL;
}

static int limit_device(const QemuDriver *driver, QemuHostWork *work, const VhDomainDef *old, const VhDomainDef *def,
                        const void *data, VhError **err)
{
        const remote_domain_set_interface_parameters_args *args = data;

        qemu_host_work_add(work, qemu_host_net_change(driver, old, find_net(old, args->device, NULL),
                                                      find_net(def, args->device, NULL)));
        return 0;
}

static const QemuValues bandwidth = { .edit = edit_bandwidth, .host = limit_device };

QEMU_OP(domain_set_interface_parameters)
{
        VhTypedField fields[VH_ARRAY_SIZE(rows)];
        int r = vh_check_flags(args->flags, QEMU_AFFECT, VIR_FROM_QEMU, "qemuDomainSetInterfaceParameters", err);

        for (size_t i = 0; i < VH_ARRAY_SIZE(rows); i++)
                fields[i] = (VhTypedField){ rows[i].name, VIR_TYPED_PARAM_UINT, false };
        if (r == 0)
                r = vh_typed_validate(args->params.val, args->params.len, fields, VH_ARRAY_SIZE(fields), err);
        return r < 0 ? r : qemu_values_change(call, &args->dom, args->flags, &bandwidth, args, err);
}
