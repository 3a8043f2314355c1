/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Interfaces of a running guest that change: their link, bridge, limits, filter. Those in networks get a port that is
 * made for the change, and what it says counts. */

#include <errno.h>

#include "guest-check.h"
#include "guest-filters.h"
#include "guest-ports.h"
#include "host-net.h"
#include "hotplug.h"
#include "model/domain-tables.h"

enum { LINK_DOWN = 2 };

/* ---- what must stay ---- */

static bool same_offload(const VhNetOffload *a, const VhNetOffload *b)
{
        static const VhNetOffload none;

        return memcmp(a ? a : &none, b ? b : &none, sizeof(none)) == 0;
}

static bool is_virtio(const VhNet *net)
{
        return net->model && vh_startswith(net->model, "virtio");
}

static bool same_driver_parts(const VhNet *a, const VhNet *b)
{
        return a->driver_name == b->driver_name && a->txmode == b->txmode && a->ioeventfd == b->ioeventfd &&
               a->event_idx == b->event_idx && a->queues == b->queues && a->rx_queue_size == b->rx_queue_size &&
               a->tx_queue_size == b->tx_queue_size && same_offload(a->host_offload, b->host_offload) &&
               same_offload(a->guest_offload, b->guest_offload);
}

static bool same_driver(const VhNet *a, const VhNet *b)
{
        return !is_virtio(a) || same_driver_parts(a, b);
}

/* Others than virtio have nothing to set there at all. */
static bool same_options(const VhNet *a, const VhNet *b)
{
        return memcmp(&a->virtio, &b->virtio, sizeof(a->virtio)) == 0 && (is_virtio(a) || same_driver_parts(a, b));
}

static bool same_script(const VhNet *a, const VhNet *b)
{
        return vh_streq(a->script, b->script);
}

static bool same_target(const VhNet *a, const VhNet *b)
{
        return !b->target || vh_streq(a->target, b->target);
}

/* What the change does not speak of stays. */
static VhDeviceRom rom_of(const VhNet *net)
{
        return net->info.rom ? *net->info.rom : (VhDeviceRom){ 0 };
}

static bool same_rom_bar(const VhNet *a, const VhNet *b)
{
        return !rom_of(b).bar || rom_of(a).bar == rom_of(b).bar;
}

static bool same_rom_file(const VhNet *a, const VhNet *b)
{
        return !rom_of(b).file || vh_streq(rom_of(a).file, rom_of(b).file);
}

static bool same_rom_enabled(const VhNet *a, const VhNet *b)
{
        return !rom_of(b).enabled || rom_of(a).enabled == rom_of(b).enabled;
}

static bool same_boot(const VhNet *a, const VhNet *b)
{
        return !b->info.boot_order || a->info.boot_order == b->info.boot_order;
}

static bool same_mtu(const VhNet *a, const VhNet *b)
{
        return a->mtu == b->mtu;
}

static bool same_acpi_index(const VhNet *a, const VhNet *b)
{
        return !b->info.acpi_index || a->info.acpi_index == b->info.acpi_index;
}

static const struct {
        bool (*same)(const VhNet *a, const VhNet *b);
        int code;
        const char *what;
} fixed[] = {
        { same_driver, VIR_ERR_OPERATION_UNSUPPORTED, "cannot modify virtio network device driver attributes" },
        { same_options, VIR_ERR_OPERATION_UNSUPPORTED, "cannot modify virtio network device driver options" },
        { same_script, VIR_ERR_OPERATION_UNSUPPORTED, "cannot modify network device script attribute" },
        { same_target, VIR_ERR_OPERATION_UNSUPPORTED, "cannot modify network device tap name" },
        { same_rom_bar, VIR_ERR_OPERATION_UNSUPPORTED, "cannot modify network device rom bar setting" },
        { same_rom_file, VIR_ERR_OPERATION_UNSUPPORTED, "cannot modify network rom file" },
        { same_boot, VIR_ERR_OPERATION_UNSUPPORTED, "cannot modify network device boot index setting" },
        { same_rom_enabled, VIR_ERR_OPERATION_UNSUPPORTED, "cannot modify network device rom enabled setting" },
        { same_mtu, VIR_ERR_OPERATION_UNSUPPORTED, "cannot modify MTU" },
};

int qemu_update_net_check(const VhNet *old, const VhNet *new, VhError **err)
{
        static const char default_model[] = "rtl8139";
        const char *model = new->model ? new->model : default_model;

        if (old->type == VH_NET_HOSTDEV)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "cannot change config of '%s' network type",
                                    vh_xml_names_text(&vh_net_type_names, old->type));
        if (!vh_streq(old->model, model))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "cannot modify network device model from %s to %s", old->model, model);
        if (!same_acpi_index(old, new))
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_OPERATION_DENIED,
                                    "changing device 'acpi index' is not allowed");
        for (size_t i = 0; i < VH_ARRAY_SIZE(fixed); i++)
                if (!fixed[i].same(old, new))
                        return vh_error_set(err, VIR_FROM_QEMU, fixed[i].code, "%s", fixed[i].what);
        return 0;
}

/* ---- what cannot change without new wires ---- */

static bool is_bridged(const VhNet *net)
{
        return net->type == VH_NET_BRIDGE || net->type == VH_NET_NETWORK;
}

static VhNetType defined_type(const VhNet *net)
{
        return net->defined ? net->defined->type : net->type;
}

/* Where the host's end leads, but for its bridge. */
static bool same_source(const VhNet *a, const VhNet *b)
{
        return vh_streq(a->source_dev, b->source_dev) && a->direct_mode == b->direct_mode &&
               vh_streq(a->source_path, b->source_path) && vh_streq(a->source_address, b->source_address) &&
               a->source_port == b->source_port && vh_streq(a->source_local_address, b->source_local_address) &&
               a->source_local_port == b->source_local_port && a->sndbuf.set == b->sndbuf.set &&
               a->sndbuf.val == b->sndbuf.val;
}

static bool same_part(const VhXmlTable *table, const void *a, const void *b)
{
        return a && b ? vh_xml_bind_equal(table, a, b, NULL) : a == b;
}

static bool same_wires(const VhNet *a, const VhNet *b)
{
        bool same_bridge = vh_streq(a->bridge, b->bridge) && vh_streq(a->network, b->network);

        if (a->type != b->type && !(is_bridged(a) && is_bridged(b)))
                return false;
        return (same_bridge || (is_bridged(b) && !b->virtport)) && same_source(a, b) &&
               same_part(&vh_table_virtualport, a->virtport, b->virtport) &&
               same_part(&vh_table_vlan, a->vlan, b->vlan);
}

/* ---- the change ---- */

static uint32_t frames_of(const VhNet *net)
{
        return net->coalesce ? net->coalesce->rx_frames_max : 0;
}

static bool same_host_end(const VhNet *a, const VhNet *b)
{
        return vh_streq(a->bridge, b->bridge) && a->isolated == b->isolated && qemu_same_bandwidth(a, b) &&
               frames_of(a) == frames_of(b);
}

static bool is_replaced(const VhNet *old, const VhNet *new)
{
        return !same_host_end(old, new) || !qemu_net_same_filter(old, new) || old->type != new->type ||
               defined_type(old) != defined_type(new) || !vh_streq(old->network, new->network);
}

static int check_change(QemuChange *change, const VhNet *old, const VhNet *new, VhError **err)
{
        int r = qemu_net_check_plug(new, err);

        if (r < 0)
                return r;
        if (!same_wires(old, new))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "unable to change config on '%s' network type",
                                    vh_xml_names_text(&vh_net_type_names, defined_type(new)));
        if (!qemu_net_needs_host(new))
                return qemu_same_bandwidth(old, new)
                               ? 0
                               : vh_error_set(err, VIR_FROM_NONE, VIR_ERR_OPERATION_UNSUPPORTED,
                                              "Unable to set bandwidth for interface because device name is unknown");
        return qemu_host_net_check(change->task.driver, new, err);
}

/* Of two ports only one stays. */
static void plan_ports(QemuChange *change, const VhNet *old, const VhNet *new)
{
        const VhNet *gone = change->replaced ? old : new;

        if (qemu_net_has_port(gone))
                qemu_port_drop(qemu_process(change->task.dom), gone, change->work);
}

int qemu_update_net(QemuChange *change, const QemuBuild *b, void *have, void *want)
{
        const VhNet *old = have, *new = want;
        int r = check_change(change, old, new, b->err);

        if (r < 0)
                return r;
        change->replaced = is_replaced(old, new);
        change->work = qemu_host_work_new();
        if (qemu_net_needs_host(old) && !same_host_end(old, new))
                qemu_host_work_add(change->work, qemu_host_net_change(change->task.driver, b->def, old, new));
        if (!qemu_net_same_filter(old, new))
                qemu_filter_change(qemu_process(change->task.dom), old, new, change->work);
        plan_ports(change, old, new);
        if ((old->linkstate == LINK_DOWN) != (new->linkstate == LINK_DOWN))
                qemu_plan_add(&change->plan,
                              qmp_command("set_link", "{s:s,s:b}", "name", old->info.alias, "up",
                                          new->linkstate != LINK_DOWN),
                              NULL);
        return 0;
}

/* Both keep what they are freed with. */
#define SWAP(a, b)                                                                                                     \
        do {                                                                                                           \
                __typeof__(a) swapped = (a);                                                                           \
                (a) = (b);                                                                                             \
                (b) = swapped;                                                                                         \
        } while (0)

void qemu_apply_net(QemuChange *change, void *have, void *want)
{
        VhNet *old = have, *new = want;

        old->linkstate = new->linkstate;
        if (!change->replaced)
                return;
        SWAP(*old, *new);
        SWAP(old->info, new->info);
        SWAP(old->target, new->target);
}
