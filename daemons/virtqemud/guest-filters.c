/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Bindings of network filters as items of work. */

#include "guest-filters.h"

#include <errno.h>

#include "api.h"
#include "base/log.h"
#include "client_calls.h"
#include "model/domain-tables.h"
#include "model/filter-binding.h"
#include "net/link.h"
#include "peer.h"

VH_LOG_SOURCE("qemu.net");

typedef struct Filter {
        QemuHostItem item;
        const VhDriverEnv *env;
        VhFilterBindingDef *before; /* of a change: what is bound; NULL: nothing */
        VhFilterBindingDef *def;    /* what is to be bound; NULL: nothing */
} Filter;

bool qemu_net_can_filter(const VhNet *net)
{
        return net->type == VH_NET_BRIDGE || net->type == VH_NET_NETWORK || net->type == VH_NET_ETHERNET;
}

static bool has_parameter(const VhNet *net, const VhFilterParam *param)
{
        for (uint32_t i = 0; i < net->filter_params.n; i++)
                if (vh_xml_bind_equal(&vh_table_filter_param, net->filter_params.items[i], param, NULL))
                        return true;
        return false;
}

bool qemu_net_same_filter(const VhNet *a, const VhNet *b)
{
        if (!vh_streq(a->filter, b->filter) || a->filter_params.n != b->filter_params.n)
                return false;
        for (uint32_t i = 0; i < a->filter_params.n; i++)
                if (!has_parameter(b, a->filter_params.items[i]))
                        return false;
        return true;
}

static VhFilterBindingDef *describe(const VhDomainDef *guest, const VhNet *net)
{
        VhFilterBindingDef *def;

        if (!net->filter)
                return NULL;
        def = vh_new(VhFilterBindingDef, 1);
        def->owner_name = vh_xstrdup(guest->name);
        memcpy(def->owner_uuid, guest->uuid, VH_UUID_LEN);
        def->port_dev = vh_xstrdup(net->target);
        memcpy(def->mac, net->mac, VH_MAC_LEN);
        def->filter = vh_xstrdup(net->filter);
        def->filter_params.n = net->filter_params.n;
        def->filter_params.items = vh_new(VhFilterParam *, VH_MAX(net->filter_params.n, 1));
        for (uint32_t i = 0; i < net->filter_params.n; i++)
                def->filter_params.items[i] = vh_xml_bind_dup(&vh_table_filter_param, net->filter_params.items[i]);
        return def;
}

/* ---- the filter daemon, on a worker ---- */

static int bind_filter(VhRemote *remote, const VhFilterBindingDef *def, VhError **err)
{
        _vh_cleanup_(vh_arena_done) VhArena arena = { 0 };
        _vh_free_ char *xml = vh_filter_binding_format(def, 0);
        const remote_nwfilter_binding_create_xml_args args = { .xml = xml };
        remote_nwfilter_binding_create_xml_ret ret = { 0 };

        return vh_call_remote_nwfilter_binding_create_xml(remote, &args, &ret, &arena, err);
}

/* What is not bound needs no removal. */
static void unbind_filter(VhRemote *remote, const VhFilterBindingDef *def)
{
        _vh_cleanup_(vh_arena_done) VhArena arena = { 0 };
        _vh_error_ VhError *err = NULL;
        const remote_nwfilter_binding_delete_args args = { { .portdev = def->port_dev, .filtername = def->filter } };
        int r = vh_call_remote_nwfilter_binding_delete(remote, &args, &arena, &err);

        if (r < 0 && (!err || err->code != VIR_ERR_NO_NWFILTER_BINDING))
                vh_log_warning("domain '%s': the network filter of '%s' could not be removed: %s", def->owner_name,
                               def->port_dev, vh_error_text(err, r));
}

static int make(QemuHostItem *item, VhError **err)
{
        Filter *f = (Filter *)item;
        _vh_cleanup_(qemu_peers_freep) QemuPeers *peers = qemu_peers_new(f->env);
        VhRemote *remote = qemu_peer(peers, VH_KIND_NWFILTER, err);

        return remote ? bind_filter(remote, f->def, err) : -ENOTCONN;
}

static void remove_binding(QemuHostItem *item)
{
        Filter *f = (Filter *)item;
        _vh_cleanup_(qemu_peers_freep) QemuPeers *peers = qemu_peers_new(f->env);
        _vh_error_ VhError *err = NULL;
        VhRemote *remote = qemu_peer(peers, VH_KIND_NWFILTER, &err);

        if (remote)
                unbind_filter(remote, f->def);
        else
                vh_log_warning("domain '%s': the network filter of '%s' could not be removed: %s", f->def->owner_name,
                               f->def->port_dev, vh_error_text(err, -ENOTCONN));
}

/* A device has one binding: the old one goes first, and comes back if the new one cannot be had. */
static int rebind(const Filter *f, const VhFilterBindingDef *old, const VhFilterBindingDef *new, VhError **err)
{
        _vh_cleanup_(qemu_peers_freep) QemuPeers *peers = qemu_peers_new(f->env);
        VhRemote *remote = qemu_peer(peers, VH_KIND_NWFILTER, err);
        int r = 0;

        if (!remote)
                return -ENOTCONN;
        if (old)
                unbind_filter(remote, old);
        if (new)
                r = bind_filter(remote, new, err);
        if (r < 0 && old)
                (void)bind_filter(remote, old, NULL);
        return r;
}

static int change(QemuHostItem *item, VhError **err)
{
        Filter *f = (Filter *)item;
        int r = rebind(f, f->before, f->def, err);

        if (r >= 0)
                return 0;
        vh_error_clear(err);
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED,
                            "failed to add new filter rules to '%s' - attempting to restore old rules",
                            f->def ? f->def->port_dev : f->before->port_dev);
}

static void change_back(QemuHostItem *item)
{
        Filter *f = (Filter *)item;

        (void)rebind(f, f->def, f->before, NULL);
}

static bool is_bound(VhRemote *remote, const char *port_dev, VhError **err)
{
        _vh_cleanup_(vh_arena_done) VhArena arena = { 0 };
        const remote_nwfilter_binding_lookup_by_port_dev_args args = { (char *)(uintptr_t)port_dev };
        remote_nwfilter_binding_lookup_by_port_dev_ret ret = { 0 };

        return vh_call_remote_nwfilter_binding_lookup_by_port_dev(remote, &args, &ret, &arena, err) >= 0;
}

static int reclaim(QemuHostItem *item, VhError **err)
{
        Filter *f = (Filter *)item;
        _vh_cleanup_(qemu_peers_freep) QemuPeers *peers = qemu_peers_new(f->env);
        _vh_error_ VhError *why = NULL;
        VhRemote *remote = qemu_peer(peers, VH_KIND_NWFILTER, &why);
        int r = remote ? 0 : -ENOTCONN;

        if (remote && !is_bound(remote, f->def->port_dev, &why)) {
                vh_error_clear(&why);
                r = bind_filter(remote, f->def, &why);
        }
        if (r < 0)
                vh_log_warning("domain '%s': '%s' has no network filter: %s", f->def->owner_name, f->def->port_dev,
                               vh_error_text(why, r));
        return 0;
}

/* ---- the items ---- */

static void filter_free(QemuHostItem *item)
{
        Filter *f = (Filter *)item;

        vh_filter_binding_free(f->before);
        vh_filter_binding_free(f->def);
        free(f);
}

static const QemuHostItemClass filter_class = { .make = make, .remove = remove_binding, .free = filter_free };
static const QemuHostItemClass change_class = { .make = change, .remove = change_back, .free = filter_free };
static const QemuHostItemClass reclaim_class = { .make = reclaim, .free = filter_free };

static Filter *add(QemuProcess *proc, const QemuHostItemClass *class, const VhNet *net, QemuHostWork *work)
{
        Filter *f = vh_new(Filter, 1);

        f->item.class = class;
        f->env = &proc->driver->env;
        f->def = describe(proc->dom->def, net);
        qemu_host_work_add(work, &f->item);
        return f;
}

void qemu_filter_want(QemuProcess *proc, const VhNet *net, QemuHostWork *work)
{
        add(proc, &filter_class, net, work);
}

void qemu_filter_change(QemuProcess *proc, const VhNet *old, const VhNet *new, QemuHostWork *work)
{
        Filter *f = add(proc, &change_class, new, work);

        f->before = describe(proc->dom->def, old);
        if (f->def)
                vh_strset(&f->def->port_dev, old->target);
}

void qemu_filter_reclaim(QemuProcess *proc, const VhNet *net, QemuHostWork *work)
{
        add(proc, &reclaim_class, net, work);
}
