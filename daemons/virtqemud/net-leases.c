/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Leases of networks, which the network daemon knows. */

#include "net-leases.h"

#include <errno.h>

#include "api.h"
#include "client_calls.h"
#include "peer.h"

typedef remote_network_get_dhcp_leases_ret Leases;

/* An interface in a network. */
typedef struct Plug {
        char *network, *target, *mac;
        Leases leases;
} Plug;

typedef struct Query {
        VhCall *call;
        const VhDriverEnv *env;
        int (*answer)(const struct Query *q, VhError **err);
        char *guest;
        Plug *plugs;
        uint32_t n;
        VhArena arena; /* of leases */
        VhError *err;
} Query;

/* ---- on a worker ---- */

static int ask_leases(VhRemote *remote, Plug *plug, VhArena *arena, VhError **err)
{
        const remote_network_lookup_by_name_args name = { plug->network };
        remote_network_lookup_by_name_ret found = { 0 };
        remote_network_get_dhcp_leases_args args = { .mac = plug->mac, .need_results = 1 };
        int r = vh_call_remote_network_lookup_by_name(remote, &name, &found, arena, err);

        args.net = found.net;
        return r < 0 ? r : vh_call_remote_network_get_dhcp_leases(remote, &args, &plug->leases, arena, err);
}

static int ask_all(void *data)
{
        Query *q = data;
        _vh_cleanup_(qemu_peers_freep) QemuPeers *peers = qemu_peers_new(q->env);
        VhRemote *remote = q->n ? qemu_peer(peers, VH_KIND_NETWORK, &q->err) : NULL;
        int r = remote || !q->n ? 0 : -ENOTCONN;

        for (uint32_t i = 0; r >= 0 && i < q->n; i++)
                r = ask_leases(remote, &q->plugs[i], &q->arena, &q->err);
        return VH_MIN(r, 0);
}

/* ---- answers ---- */

static void add_interface(VhCall *call, const Plug *plug, remote_domain_interface *iface)
{
        *iface = (remote_domain_interface){
                .name = vh_call_strdup(call, plug->target),
                .hwaddr = vh_call_strdup(call, plug->mac),
                .addrs = { plug->leases.leases.len, vh_call_new(call, remote_domain_ip_addr, plug->leases.leases.len) },
        };
        for (uint32_t i = 0; i < plug->leases.leases.len; i++) {
                const remote_network_dhcp_lease *lease = &plug->leases.leases.val[i];

                iface->addrs.val[i] =
                        (remote_domain_ip_addr){ lease->type, vh_call_strdup(call, lease->ipaddr), lease->prefix };
        }
}

static int answer_addresses(const Query *q, VhError **err)
{
        remote_domain_interface_addresses_ret *ret = q->call->ret;

        ret->ifaces.val = vh_call_new(q->call, remote_domain_interface, q->n);
        for (uint32_t i = 0; i < q->n; i++)
                if (q->plugs[i].leases.leases.len)
                        add_interface(q->call, &q->plugs[i], &ret->ifaces.val[ret->ifaces.len++]);
        return 0;
}

static int answer_hostname(const Query *q, VhError **err)
{
        remote_domain_get_hostname_ret *ret = q->call->ret;

        for (uint32_t i = 0; i < q->n; i++)
                for (uint32_t j = 0; j < q->plugs[i].leases.leases.len; j++) {
                        const remote_network_dhcp_lease *lease = &q->plugs[i].leases.leases.val[j];

                        if (!lease->hostname)
                                continue;
                        ret->hostname = vh_call_strdup(q->call, lease->hostname);
                        return 0;
                }
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_NO_HOSTNAME, "no hostname found for domain %s", q->guest);
}

static void asked(void *data, int r)
{
        Query *q = data;

        if (r == 0)
                r = q->answer(q, &q->err);
        vh_call_finish(q->call, r, q->err);
        for (uint32_t i = 0; i < q->n; i++) {
                free(q->plugs[i].network);
                free(q->plugs[i].target);
                free(q->plugs[i].mac);
        }
        free(q->plugs);
        free(q->guest);
        vh_arena_done(&q->arena);
        free(q);
}

/* ---- the question ---- */

static bool is_in_network(const VhNet *net)
{
        return net->type == VH_NET_NETWORK || net->defined;
}

static int ask(VhCall *call, const VhDomainObj *dom, int (*answer)(const Query *q, VhError **err))
{
        const VhDomainDef *def = dom->def;
        Query *q = vh_new(Query, 1);

        q->call = call;
        q->env = &qemu_driver(call)->env;
        q->answer = answer;
        q->guest = vh_xstrdup(dom->node.name);
        q->plugs = vh_new(Plug, VH_MAX(def->nets.n, 1));
        for (uint32_t i = 0; i < def->nets.n; i++) {
                const VhNet *net = def->nets.items[i];
                const uint8_t *m = net->mac;

                if (!is_in_network(net))
                        continue;
                q->plugs[q->n++] = (Plug){
                        .network = vh_xstrdup(net->network),
                        .target = vh_xstrdup(net->target ? net->target : ""),
                        .mac = vh_xasprintf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]),
                };
        }
        vh_pool_submit(qemu_driver(call)->pool, ask_all, asked, q);
        return VH_LATER;
}

int qemu_lease_addresses(VhCall *call, const VhDomainObj *dom)
{
        return ask(call, dom, answer_addresses);
}

int qemu_lease_hostname(VhCall *call, const VhDomainObj *dom)
{
        return ask(call, dom, answer_hostname);
}
