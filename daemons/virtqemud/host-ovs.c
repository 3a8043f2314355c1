/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ports of Open vSwitch: its own tool enters them into its database. */

#include <errno.h>
#include <stdio.h>

#include "base/log.h"
#include "host-net.h"
#include "program.h"

VH_LOG_SOURCE("qemu.ovs");

enum { OVS_SECONDS = 10 };

static int run_tool(QemuCommand *cmd, VhError **err)
{
        QemuProgram program = { .cmd = cmd, .seconds = OVS_SECONDS };

        return qemu_program_must(&program, err);
}

static int begin(QemuCommand *cmd, VhError **err)
{
        char *tool = vh_tool_find("ovs-vsctl");

        if (!tool)
                return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_INTERNAL_ERROR,
                                    "Cannot find 'ovs-vsctl' in path: install Open vSwitch for virtualport "
                                    "type='openvswitch'");
        qemu_command_take(cmd, tool);
        qemu_command_add(cmd, "--timeout=5");
        return 0;
}

static void add_words(QemuCommand *cmd, const char *const *words)
{
        for (; *words; words++)
                qemu_command_add(cmd, *words);
}

/* "--", "set", "Interface", NAME, "external-ids:KEY=VALUE" */
static void set_id(QemuCommand *cmd, const char *ifname, const char *key, const char *value)
{
        add_words(cmd, (const char *const[]){ "--", "set", "Interface", ifname, NULL });
        qemu_command_addf(cmd, "external-ids:%s=%s", key, value);
}

/* In the order of the words of <tag nativeMode=>. One tag without a trunk, or the native one, is the port's own. */
static void add_vlan(QemuCommand *cmd, const VhVlan *vlan)
{
        static const char *const modes[] = { NULL, "native-tagged", "native-untagged" };
        bool trunk = vlan->trunk == VH_YES || vlan->tags.n > 1;
        _vh_buf_ VhBuf trunks = { 0 };

        for (uint32_t i = 0; i < vlan->tags.n; i++) {
                const VhVlanTag *tag = vlan->tags.items[i];

                if (tag->mode)
                        qemu_command_addf(cmd, "vlan_mode=%s", modes[tag->mode]);
                if (tag->mode || !trunk)
                        qemu_command_addf(cmd, "tag=%u", tag->id);
                vh_buf_printf(&trunks, "%s%u", i ? "," : "", tag->id);
        }
        if (trunk)
                qemu_command_addf(cmd, "trunk=%s", trunks.data);
}

static void add_ids(QemuCommand *cmd, const QemuHostNet *h)
{
        const VhNet *net = h->net;
        const char *name = net->target;
        char uuid[VH_UUID_TEXT_LEN + 1], mac[VH_MAC_TEXT_LEN + 1];
        _vh_free_ char *quoted = vh_xasprintf("\"%s\"", vh_mac_text(net->mac, mac));
        _vh_free_ char *id = vh_xasprintf("\"%s\"", net->virtport->interfaceid ? net->virtport->interfaceid : "");
        _vh_free_ char *vm = vh_xasprintf("\"%s\"", vh_uuid_format(h->guest_uuid, uuid));

        set_id(cmd, name, "attached-mac", quoted);
        set_id(cmd, name, "iface-id", id);
        set_id(cmd, name, "vm-id", vm);
        if (net->virtport->profileid) {
                _vh_free_ char *profile = vh_xasprintf("\"%s\"", net->virtport->profileid);

                _vh_free_ char *ifname = vh_xasprintf("\"%s\"", name);

                set_id(cmd, name, "port-profile", profile);
                set_id(cmd, name, "ifname", ifname);
        }
        set_id(cmd, name, "iface-status", "active");
}

int qemu_ovs_add_port(const QemuHostNet *h, VhError **err)
{
        _qemu_command_ QemuCommand cmd = { 0 };
        const VhNet *net = h->net;
        int r = begin(&cmd, err);

        if (r < 0)
                return r;
        add_words(&cmd, (const char *const[]){ "--", "--may-exist", "add-port", net->bridge, net->target, NULL });
        if (net->vlan)
                add_vlan(&cmd, net->vlan);
        add_ids(&cmd, h);
        r = run_tool(&cmd, err);
        if (r < 0)
                vh_error_prefix(err, "Unable to add port %s to OVS bridge %s", net->target, net->bridge);
        return r;
}

void qemu_ovs_remove_port(const char *ifname)
{
        _qemu_command_ QemuCommand cmd = { 0 };
        _vh_error_ VhError *err = NULL;

        if (begin(&cmd, &err) < 0)
                return;
        add_words(&cmd, (const char *const[]){ "--", "--if-exists", "del-port", ifname, NULL });
        if (run_tool(&cmd, &err) < 0)
                vh_log_warning("Unable to delete port %s from OVS: %s", ifname, vh_error_text(err, -EIO));
}
