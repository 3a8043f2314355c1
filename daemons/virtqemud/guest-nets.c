/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Host ends of interfaces: which a guest needs, and which do not go by themselves when it ends. */

#include <string.h>

#include "base/log.h"
#include "guest-filters.h"
#include "guest-host.h"
#include "guest-ports.h"
#include "host-net.h"

VH_LOG_SOURCE("qemu.net");

int qemu_guest_net_want(QemuProcess *proc, VhNet *net, QemuHostWork *work, VhError **err)
{
        QemuHostNet *h;
        int r = qemu_net_check_plug(net, err);

        if (r < 0 || !qemu_net_needs_host(net))
                return r;
        r = qemu_host_net_check(proc->driver, net, err);
        if (r < 0)
                return r;
        qemu_host_net_name(proc->driver, net);
        h = qemu_host_net_new(proc->driver, proc->dom->def, net);
        h->running = proc->dom->state == VIR_DOMAIN_RUNNING;
        qemu_host_work_add(work, &h->item);
        if (net->filter)
                qemu_filter_want(proc, net, work);
        return 0;
}

int qemu_guest_nets_want(QemuProcess *proc, QemuHostWork *work, VhError **err)
{
        const VhDomainDef *def = proc->dom->def;
        int r = 0;

        for (uint32_t i = 0; r == 0 && i < def->nets.n; i++)
                r = qemu_guest_net_want(proc, def->nets.items[i], work, err);
        return r;
}

/* Other taps go with their descriptors. */
static bool stays(const VhNet *net)
{
        return net->type == VH_NET_DIRECT || qemu_net_is_ovs(net) ||
               (net->type == VH_NET_ETHERNET && (net->downscript || net->target_managed == VH_NO));
}

void qemu_guest_net_leave(QemuProcess *proc, const VhNet *net, QemuHostWork *work)
{
        if (!qemu_net_needs_host(net) || !net->target)
                return;
        if (stays(net))
                qemu_host_work_add(work, &qemu_host_net_new(proc->driver, proc->dom->def, net)->item);
        if (net->filter)
                qemu_filter_want(proc, net, work);
}

void qemu_guest_nets_leave(QemuProcess *proc, QemuHostWork *work)
{
        const VhDomainDef *def = proc->dom->def;

        for (uint32_t i = 0; i < def->nets.n; i++)
                qemu_guest_net_leave(proc, def->nets.items[i], work);
}

void qemu_guest_nets_reclaim(QemuProcess *proc)
{
        const VhDomainDef *def = proc->dom->def;
        QemuHostWork *work = qemu_host_work_new();

        for (uint32_t i = 0; i < def->nets.n; i++) {
                const VhNet *net = def->nets.items[i];

                if (qemu_net_has_port(net) && net->bridge && net->target)
                        qemu_host_work_add(work, qemu_host_net_reattach(proc->driver, def, net));
                if (qemu_net_has_port(net))
                        qemu_port_reclaim(proc, net, work);
                if (net->filter && net->target)
                        qemu_filter_reclaim(proc, net, work);
        }
        if (qemu_host_work_empty(work))
                qemu_host_work_drop(work, false);
        else
                qemu_host_work_go(work, proc->driver->pool, NULL, NULL); /* frees itself */
}

/* A macvtap has the guest's own address on the network, where it must not answer twice while a guest moves: it is up
 * while the guest's processors run. */
static void switch_macvtaps(const VhDomainDef *def, int up)
{
        const VhLinkChange change = { .up = up };

        for (uint32_t i = 0; i < def->nets.n; i++) {
                const VhNet *net = def->nets.items[i];
                int r = net->type == VH_NET_DIRECT && net->target ? vh_link_change(net->target, &change) : 0;

                if (r < 0)
                        vh_log_warning("domain '%s': cannot switch '%s': %s", def->name, net->target, strerror(-r));
        }
}

static void on_resume(QemuProcess *proc, json_t *args)
{
        switch_macvtaps(proc->dom->def, VH_LINK_UP);
}

static void on_stop(QemuProcess *proc, json_t *args)
{
        switch_macvtaps(proc->dom->def, VH_LINK_DOWN);
}

const QemuEventRow qemu_net_events[] = {
        { "RESUME", on_resume },
        { "STOP", on_stop },
        { NULL },
};
