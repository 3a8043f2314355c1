/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A host end that changes while its guest runs: other bridge, other limits. */

#include <errno.h>

#include "base/log.h"
#include "host-net.h"
#include "model/domain-tables.h"

VH_LOG_SOURCE("qemu.net");

typedef struct HostNetChange {
        QemuHostItem item;
        QemuHostNet *old, *new; /* old: NULL where nothing is left */
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

static int change_bridge(const QemuHostNet *from, const QemuHostNet *to, VhError **err)
{
        const VhLinkChange leave = { .master = "" };
        VhLink bridge;
        int r;

        if (vh_link_get(to->net->bridge, &bridge) < 0)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED, "bridge %s doesn't exist",
                                    to->net->bridge);
        r = vh_link_change(from->net->target, &leave);
        if (r < 0)
                return vh_error_sys(err, VIR_FROM_NONE, r, "Unable to remove bridge %s port %s", from->net->bridge,
                                    from->net->target);
        r = qemu_join_bridge(to, err);
        if (r < 0)
                (void)qemu_join_bridge(from, NULL);
        return r;
}

static int change_isolation(const QemuHostNet *to, VhError **err)
{
        int r = vh_link_isolate(to->net->target, to->net->isolated == VH_YES);

        return r < 0 ? vh_error_sys(err, VIR_FROM_NONE, r, "Unable to isolate port %s", to->net->target) : 0;
}

static int change_end(const QemuHostNet *from, const QemuHostNet *to, VhError **err)
{
        int r = 0;

        if (!vh_streq(from->net->bridge, to->net->bridge))
                r = change_bridge(from, to, err);
        else if (from->net->isolated != to->net->isolated)
                r = change_isolation(to, err);
        if (r == 0 && !qemu_same_bandwidth(from->net, to->net))
                r = qemu_bandwidth_set(to->net, err);
        if (r == 0 && (from->net->coalesce || to->net->coalesce))
                r = qemu_coalesce_set(to->net, err);
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

        if (c->old)
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

/* ---- after a daemon's absence ---- */

/* A network that was started anew has a new bridge, without ports. */
static int reattach(QemuHostItem *item, VhError **err)
{
        const QemuHostNet *h = ((HostNetChange *)item)->new;
        _vh_error_ VhError *why = NULL;
        VhLink bridge, link;
        int r = vh_link_get(h->net->target, &link);

        if (r < 0 || vh_link_get(h->net->bridge, &bridge) < 0 || link.master == bridge.index)
                return 0;
        r = qemu_join_bridge(h, &why);
        if (r < 0)
                vh_log_warning("%s", vh_error_text(why, r));
        return 0;
}

static const QemuHostItemClass reattach_class = {
        .make = reattach,
        .free = change_free,
};

QemuHostItem *qemu_host_net_reattach(const QemuDriver *driver, const VhDomainDef *def, const VhNet *net)
{
        HostNetChange *c = vh_new(HostNetChange, 1);

        c->item.class = &reattach_class;
        c->new = qemu_host_net_new(driver, def, net);
        return &c->item;
}
