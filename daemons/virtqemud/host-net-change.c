/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A host end that changes while its guest runs: other bridge, other limits. */

#include <errno.h>

#include "host-net.h"
#include "model/domain-tables.h"

typedef struct HostNetChange {
        QemuHostItem item;
        QemuHostNet *old, *new;
} HostNetChange;

static bool same_rate(const VhBandwidthRate *a, const VhBandwidthRate *b)
{
        return a && b ? a->average == b->average && a->peak == b->peak && a->burst == b->burst && a->floor == b->floor
                      : a == b;
}

bool qemu_same_bandwidth(const VhNet *a, const VhNet *b)
{
        static const VhBandwidth none;
        const VhBandwidth *x = a->bandwidth ? a->bandwidth : &none, *y = b->bandwidth ? b->bandwidth : &none;

        return same_rate(x->in, y->in) && same_rate(x->out, y->out);
}

static int leave_bridge(const QemuHostNet *h)
{
        const VhLinkChange change = { .master = "" };

        if (!qemu_net_is_ovs(h->net))
                return vh_link_change(h->net->target, &change);
        qemu_ovs_remove_port(h->net->target);
        return 0;
}

static int change_bridge(const QemuHostNet *from, const QemuHostNet *to, VhError **err)
{
        VhLink bridge;
        int r = 0;

        if (!qemu_net_is_ovs(to->net) && vh_link_get(to->net->bridge, &bridge) < 0)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED, "bridge %s doesn't exist",
                                    to->net->bridge);
        r = leave_bridge(from);
        if (r < 0)
                return vh_error_sys(err, VIR_FROM_NONE, r, "Unable to remove bridge %s port %s", from->net->bridge,
                                    from->net->target);
        r = qemu_join_bridge(to, err);
        if (r < 0)
                (void)qemu_join_bridge(from, NULL);
        return r;
}

static bool same_bridge(const VhNet *a, const VhNet *b)
{
        return vh_streq(a->bridge, b->bridge) && qemu_net_is_ovs(a) == qemu_net_is_ovs(b) &&
               a->isolated == b->isolated && !qemu_net_is_ovs(a);
}

static int change_end(const QemuHostNet *from, const QemuHostNet *to, VhError **err)
{
        int r = same_bridge(from->net, to->net) ? 0 : change_bridge(from, to, err);

        if (r == 0 && !qemu_same_bandwidth(from->net, to->net))
                r = qemu_bandwidth_set(to->net, err);
        return r;
}

static int change_make(QemuHostItem *item, VhError **err)
{
        HostNetChange *c = (HostNetChange *)item;
        int r = change_end(c->old, c->new, err);

        if (r < 0)
                (void)change_end(c->new, c->old, NULL);
        return r;
}

static void change_remove(QemuHostItem *item)
{
        HostNetChange *c = (HostNetChange *)item;

        (void)change_end(c->new, c->old, NULL);
}

static void change_free(QemuHostItem *item)
{
        HostNetChange *c = (HostNetChange *)item;

        c->old->item.class->free(&c->old->item);
        c->new->item.class->free(&c->new->item);
        free(c);
}

static const QemuHostItemClass change_class = {
        .make = change_make,
        .remove = change_remove,
        .free = change_free,
};

QemuHostItem *qemu_host_net_change(const QemuDriver *driver, const VhDomainDef *def, const VhNet *old, const VhNet *new)
{
        HostNetChange *c = vh_new(HostNetChange, 1);

        c->item.class = &change_class;
        c->old = qemu_host_net_new(driver, def, old);
        c->new = qemu_host_net_new(driver, def, new);
        vh_strset(&c->new->net->target, old->target);
        return &c->item;
}
