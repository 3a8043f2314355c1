/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What other daemons resolve of a definition while the domain runs: interfaces that networks gave a bridge or a device,
 * volumes that pools gave a path. In memory the devices are what they were resolved to; here they become again what
 * their definition says, to be written. */

#include <string.h>

#include "model/domain-tables.h"
#include "model/domain.h"

/* ---- interfaces ---- */

static VhNetEnd end_of(const VhNet *net)
{
        return (VhNetEnd){
                .type = net->type,
                .mac_table_manager = net->mac_table_manager,
                .direct_mode = net->direct_mode,
                .hostdev_managed = net->hostdev_managed,
                .isolated = net->isolated,
                .trust_guest_rx = net->trust_guest_rx,
                .bridge = net->bridge,
                .source_dev = net->source_dev,
                .hostdev = net->hostdev,
                .virtport = net->virtport,
                .vlan = net->vlan,
                .bandwidth = net->bandwidth,
        };
}

/* What the interface is plugged into, and end, change places. */
static void swap_end(VhNet *net, VhNetEnd *end)
{
        VhNetEnd old = end_of(net);

        net->type = end->type;
        net->mac_table_manager = end->mac_table_manager;
        net->direct_mode = end->direct_mode;
        net->hostdev_managed = end->hostdev_managed;
        net->isolated = end->isolated;
        net->trust_guest_rx = end->trust_guest_rx;
        net->bridge = end->bridge;
        net->source_dev = end->source_dev;
        net->hostdev = end->hostdev;
        net->virtport = end->virtport;
        net->vlan = end->vlan;
        net->bandwidth = end->bandwidth;
        *end = old;
}

void vh_net_plug(VhNet *net, VhNetEnd *end)
{
        swap_end(net, end);
        if (net->defined) {
                vh_xml_bind_clear(&vh_table_net_end, end);
                return;
        }
        net->defined = vh_new(VhNetEnd, 1);
        *net->defined = *end;
        *end = (VhNetEnd){ 0 };
}

int vh_net_read_plug(void *obj, const VhXmlParse *p, const xmlNode *node)
{
        VhNet *net = obj;

        if (net->actual && net->type == VH_NET_NETWORK && p->flags & VH_XML_STATUS)
                vh_net_plug(net, net->actual);
        net->actual = vh_xml_bind_free(&vh_table_net_end, net->actual);
        return 0;
}

/* ---- views ---- */

/* A definition that shares everything with another, but for what differs. */
typedef struct View {
        VhDomainDef def;
        VhDisk *disks;
        VhDisk **disk_items;
        VhNet *nets;
        VhNet **net_items;
        VhNetEnd *ends;
} View;

static bool is_found_volume(const VhDisk *disk)
{
        return disk->src.pool && disk->src.type != VH_DISK_TYPE_VOLUME;
}

/* Names that are made for one run. */
static bool has_made_name(const VhNet *net)
{
        return net->target && (vh_startswith(net->target, "vnet") || vh_startswith(net->target, "macvtap"));
}

/* A drive that never had a medium since its start: its number is none of an image. */
static bool is_numbered_drive(const VhDisk *disk)
{
        return disk->src.type == VH_DISK_TYPE_FILE && !disk->src.path && !disk->format && disk->src.index.set;
}

static bool shows_other_disks(const VhDomainDef *def)
{
        for (uint32_t i = 0; i < def->disks.n; i++)
                if (is_found_volume(def->disks.items[i]) || is_numbered_drive(def->disks.items[i]))
                        return true;
        return false;
}

/* The path of a volume is the pool's affair. */
static void show_disks(View *v)
{
        uint32_t n = v->def.disks.n;

        v->disks = vh_new(VhDisk, n);
        v->disk_items = vh_new(VhDisk *, n);
        for (uint32_t i = 0; i < n; i++) {
                v->disks[i] = *v->def.disks.items[i];
                v->disk_items[i] = &v->disks[i];
                if (is_found_volume(&v->disks[i]))
                        v->disks[i].src.type = VH_DISK_TYPE_VOLUME;
                if (is_numbered_drive(&v->disks[i]))
                        v->disks[i].src.index.set = false;
        }
        v->def.disks.items = v->disk_items;
}

/* Nobody but us has said which there are. */
static bool has_only_made_iothreads(const VhDomainDef *def)
{
        for (uint32_t i = 0; i < def->iothread_list.n; i++)
                if (!def->iothread_list.items[i]->made)
                        return false;
        return true;
}

static bool shows_other_nets(const VhDomainDef *def, unsigned flags)
{
        for (uint32_t i = 0; flags & (VH_XML_INACTIVE | VH_XML_STATUS) && i < def->nets.n; i++)
                if (def->nets.items[i]->defined || has_made_name(def->nets.items[i]))
                        return true;
        return false;
}

/* The interface as its definition says; in status files what the network gave it stands inside. */
static void show_defined(VhNet *net, VhNetEnd *end, unsigned flags)
{
        *end = *net->defined;
        swap_end(net, end);
        net->defined = NULL;
        if (flags & VH_XML_STATUS)
                net->actual = end;
}

static void show_nets(View *v, unsigned flags)
{
        uint32_t n = v->def.nets.n;

        v->nets = vh_new(VhNet, n);
        v->net_items = vh_new(VhNet *, n);
        v->ends = vh_new(VhNetEnd, n);
        for (uint32_t i = 0; i < n; i++) {
                v->nets[i] = *v->def.nets.items[i];
                v->net_items[i] = &v->nets[i];
                if (v->nets[i].defined)
                        show_defined(&v->nets[i], &v->ends[i], flags);
                if (flags & VH_XML_INACTIVE && has_made_name(&v->nets[i]))
                        v->nets[i].target = NULL;
        }
        v->def.nets.items = v->net_items;
}

void vh_domain_def_format_to(const VhDomainDef *def, unsigned flags, VhBuf *b)
{
        View v = { .def = *def };

        if (shows_other_disks(def))
                show_disks(&v);
        if (has_only_made_iothreads(def))
                v.def.iothread_list.n = 0;
        if (shows_other_nets(def, flags))
                show_nets(&v, flags);
        vh_xml_bind_format(&vh_table_domain, NULL, &v.def, flags, b);
        free(v.disks);
        free(v.disk_items);
        free(v.nets);
        free(v.net_items);
        free(v.ends);
}
