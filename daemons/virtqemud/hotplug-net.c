/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Interfaces of a running guest that change: their link, bridge and limits. */

#include <errno.h>

#include "guest-ports.h"
#include "host-net.h"
#include "hotplug.h"
#include "model/domain-tables.h"

enum { LINK_DOWN = 2 };

/* ---- what must stay ---- */

static bool same_model(const VhNet *a, const VhNet *b)
{
        return !b->model || vh_streq(a->model, b->model);
}

static bool same_driver(const VhNet *a, const VhNet *b)
{
        return a->driver_name == b->driver_name && a->txmode == b->txmode && a->ioeventfd == b->ioeventfd &&
               a->event_idx == b->event_idx && a->queues == b->queues && a->rx_queue_size == b->rx_queue_size &&
               a->tx_queue_size == b->tx_queue_size;
}

static bool same_script(const VhNet *a, const VhNet *b)
{
        return vh_streq(a->script, b->script);
}

static bool same_target(const VhNet *a, const VhNet *b)
{
        return !b->target || vh_streq(a->target, b->target);
}

static bool same_mtu(const VhNet *a, const VhNet *b)
{
        return !b->mtu || a->mtu == b->mtu;
}

static bool same_boot(const VhNet *a, const VhNet *b)
{
        return a->info.boot_order == b->info.boot_order;
}

/* Where the host's end leads, of kinds that have no bridge to change. */
static bool same_source(const VhNet *a, const VhNet *b)
{
        return vh_streq(a->source_dev, b->source_dev) && a->direct_mode == b->direct_mode &&
               vh_streq(a->source_path, b->source_path) && vh_streq(a->source_address, b->source_address) &&
               a->source_port == b->source_port && vh_streq(a->network, b->network);
}

static const struct {
        bool (*same)(const VhNet *a, const VhNet *b);
        const char *what;
} fixed[] = {
        { same_driver, "cannot modify virtio network device driver attributes" },
        { same_script, "cannot modify network device script attribute" },
        { same_target, "cannot modify network device tap name" },
        { same_mtu, "cannot modify MTU" },
        { same_boot, "cannot modify network device boot index setting" },
};

static int check(const QemuBuild *b, const VhNet *old, const VhNet *new)
{
        if (new->type != old->type)
                return vh_error_set(b->err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "cannot change network interface type from %s to %s",
                                    vh_xml_names_text(&vh_net_type_names, old->type),
                                    vh_xml_names_text(&vh_net_type_names, new->type));
        if (!same_model(old, new))
                return vh_error_set(b->err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "cannot modify network device model from %s to %s", old->model, new->model);
        for (size_t i = 0; i < VH_ARRAY_SIZE(fixed); i++)
                if (!fixed[i].same(old, new))
                        return vh_error_set(b->err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED, "%s", fixed[i].what);
        if (!same_source(old, new))
                return vh_error_set(b->err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "unable to change config on '%s' network type",
                                    vh_xml_names_text(&vh_net_type_names, old->type));
        return 0;
}

/* ---- the change ---- */

static bool host_changes(const VhNet *old, const VhNet *new)
{
        return qemu_net_needs_host(old) &&
               (!vh_streq(old->bridge, new->bridge) || old->isolated != new->isolated || qemu_net_is_ovs(old) ||
                qemu_net_is_ovs(new) || !qemu_same_bandwidth(old, new));
}

/* In the same network it keeps its port. */
static int stay_plugged(const QemuBuild *b, const VhNet *old, VhNet *new)
{
        if (!qemu_net_has_port(old) || !qemu_net_wants_port(new))
                return 0;
        if (!vh_streq(old->network, new->network) || !vh_streq(old->portgroup, new->portgroup))
                return vh_error_set(b->err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "the interface of a running guest cannot move from network '%s' to '%s'",
                                    old->network, new->network);
        vh_net_plug_like(new, old);
        return 0;
}

int qemu_update_net(QemuChange *change, const QemuBuild *b, void *have, void *want)
{
        const VhNet *old = have, *new = want;
        int r = stay_plugged(b, old, want);

        r = r < 0 ? r : check(b, old, new);

        if (r == 0 && qemu_net_needs_host(new))
                r = qemu_host_net_check(change->task.driver, new, b->err);
        if (r < 0)
                return r;
        if (host_changes(old, new)) {
                change->work = qemu_host_work_new();
                qemu_host_work_add(change->work, qemu_host_net_change(change->task.driver, b->def, old, new));
        }
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

void qemu_apply_net(void *have, void *want)
{
        VhNet *old = have, *new = want;

        old->linkstate = new->linkstate;
        old->isolated = new->isolated;
        SWAP(old->bridge, new->bridge);
        SWAP(old->virtport, new->virtport);
        SWAP(old->vlan, new->vlan);
        SWAP(old->bandwidth, new->bandwidth);
        SWAP(old->defined, new->defined);
}
