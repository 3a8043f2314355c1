/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* NETWORK_UPDATE: one change of one section of a network's definition. */

#include "api.h"
#include "model/network.h"
#include "xml/doc.h"
#include <errno.h>
#include <strings.h>

typedef VH_LIST(void) AnyList;

/* A section whose entries stand in one list. */
typedef struct Section {
        const char *what;  /* word for texts */
        const char *field; /* wire name of the section, for those that cannot be changed */
        const VhXmlTable *table;
        bool (*same)(const void *a, const void *b);
        bool modify;
} Section;

static bool same_text(const char *a, const char *b)
{
        return a && b && strcasecmp(a, b) == 0;
}

static bool same_dhcp_host(const void *a, const void *b)
{
        const VhDhcpHost *x = a, *y = b;

        return same_text(x->mac, y->mac) || same_text(x->name, y->name) || same_text(x->ip, y->ip);
}

static bool same_dhcp_range(const void *a, const void *b)
{
        const VhDhcpRange *x = a, *y = b;

        return vh_streq(x->start, y->start) && vh_streq(x->end, y->end);
}

static bool same_forward_if(const void *a, const void *b)
{
        return vh_streq(((const VhNetworkForwardIf *)a)->dev, ((const VhNetworkForwardIf *)b)->dev);
}

static bool same_portgroup(const void *a, const void *b)
{
        return vh_streq(((const VhPortGroup *)a)->name, ((const VhPortGroup *)b)->name);
}

static bool same_dns_host(const void *a, const void *b)
{
        const VhDnsHost *x = a, *y = b;

        if (same_text(x->ip, y->ip))
                return true;
        for (uint32_t i = 0; i < x->names.n; i++)
                for (uint32_t k = 0; k < y->names.n; k++)
                        if (same_text(x->names.items[i]->text, y->names.items[k]->text))
                                return true;
        return false;
}

static bool same_dns_txt(const void *a, const void *b)
{
        return vh_streq(((const VhDnsTxt *)a)->name, ((const VhDnsTxt *)b)->name);
}

/* What the entry of a change leaves out fits everything. */
static bool same_dns_srv(const void *a, const void *b)
{
        const VhDnsSrv *x = a, *y = b;

        return (!x->domain || vh_streq(x->domain, y->domain)) && vh_streq(x->service, y->service) &&
               vh_streq(x->protocol, y->protocol) && (!x->target || vh_streq(x->target, y->target));
}

static const Section sections[] = {
        [VIR_NETWORK_SECTION_BRIDGE] = { .field = "bridge" },
        [VIR_NETWORK_SECTION_DOMAIN] = { .field = "domain" },
        [VIR_NETWORK_SECTION_IP] = { .field = "ip" },
        [VIR_NETWORK_SECTION_IP_DHCP_HOST] = { "dhcp host", NULL, &vh_dhcp_host_table, same_dhcp_host, true },
        [VIR_NETWORK_SECTION_IP_DHCP_RANGE] = { "dhcp range", NULL, &vh_dhcp_range_table, same_dhcp_range, false },
        [VIR_NETWORK_SECTION_FORWARD] = { .field = "forward" },
        [VIR_NETWORK_SECTION_FORWARD_INTERFACE] = { "forward interface", NULL, &vh_forward_if_table, same_forward_if,
                                                    false },
        [VIR_NETWORK_SECTION_FORWARD_PF] = { .field = "forward pf" },
        [VIR_NETWORK_SECTION_PORTGROUP] = { "portgroup", NULL, &vh_portgroup_table, same_portgroup, true },
        [VIR_NETWORK_SECTION_DNS_HOST] = { "DNS HOST", NULL, &vh_dns_host_table, same_dns_host, false },
        [VIR_NETWORK_SECTION_DNS_TXT] = { "DNS TXT", NULL, &vh_dns_txt_table, same_dns_txt, false },
        [VIR_NETWORK_SECTION_DNS_SRV] = { "DNS SRV", NULL, &vh_dns_srv_table, same_dns_srv, false },
};

/* The <ip> whose DHCP a change means: the parent's index, or the first with DHCP, or the first. */
static VhDhcp **dhcp_place(VhNetworkDef *def, int parent)
{
        if (parent >= 0)
                return (uint32_t)parent < def->ips.n ? &def->ips.items[parent]->dhcp : NULL;
        for (uint32_t i = 0; i < def->ips.n; i++)
                if (def->ips.items[i]->dhcp)
                        return &def->ips.items[i]->dhcp;
        return def->ips.n ? &def->ips.items[0]->dhcp : NULL;
}

static AnyList *dhcp_list(VhNetworkDef *def, unsigned section, int parent, VhError **err)
{
        VhDhcp **place = dhcp_place(def, parent);

        if (!place) {
                vh_error_set(err, VIR_FROM_NETWORK, VIR_ERR_OPERATION_INVALID,
                             "couldn't update dhcp host entry - no <ip> element found%s in network '%s'",
                             parent >= 0 ? " at the given index" : "", def->name);
                return NULL;
        }
        if (!*place)
                *place = vh_new(VhDhcp, 1);
        if (section == VIR_NETWORK_SECTION_IP_DHCP_HOST)
                return (AnyList *)&(*place)->hosts;
        return (AnyList *)&(*place)->ranges;
}

static AnyList *dns_list(VhNetworkDef *def, unsigned section)
{
        if (!def->dns)
                def->dns = vh_new(VhNetworkDns, 1);
        if (section == VIR_NETWORK_SECTION_DNS_HOST)
                return (AnyList *)&def->dns->hosts;
        if (section == VIR_NETWORK_SECTION_DNS_TXT)
                return (AnyList *)&def->dns->txts;
        return (AnyList *)&def->dns->srvs;
}

static AnyList *section_list(VhNetworkDef *def, unsigned section, int parent, VhError **err)
{
        switch (section) {
        case VIR_NETWORK_SECTION_IP_DHCP_HOST:
        case VIR_NETWORK_SECTION_IP_DHCP_RANGE:
                return dhcp_list(def, section, parent, err);
        case VIR_NETWORK_SECTION_PORTGROUP:
                return (AnyList *)&def->portgroups;
        case VIR_NETWORK_SECTION_FORWARD_INTERFACE:
                if (!def->forward)
                        def->forward = vh_new(VhNetworkForward, 1);
                return (AnyList *)&def->forward->interfaces;
        default:
                return dns_list(def, section);
        }
}

static int find_entry(const AnyList *list, const Section *s, const void *entry)
{
        for (uint32_t i = 0; i < list->n; i++)
                if (s->same(entry, list->items[i]))
                        return (int)i;
        return -1;
}

static int no_match(const VhNetworkDef *def, const Section *s, const char *xml, VhError **err)
{
        return vh_error_set(err, VIR_FROM_NETWORK, VIR_ERR_OPERATION_INVALID,
                            "couldn't locate a matching %s entry in network '%s' for \"%s\"", s->what, def->name, xml);
}

/* Does the command with an entry that was read; takes the entry over. */
static int apply(VhNetworkDef *def, AnyList *list, const Section *s, unsigned command, void *entry, const char *xml,
                 VhError **err)
{
        int at = find_entry(list, s, entry);
        bool add = command == VIR_NETWORK_UPDATE_COMMAND_ADD_FIRST || command == VIR_NETWORK_UPDATE_COMMAND_ADD_LAST;
        int r = 0;

        if (add && at >= 0)
                r = vh_error_set(err, VIR_FROM_NETWORK, VIR_ERR_OPERATION_INVALID,
                                 "there is an existing %s entry in network '%s' that matches \"%s\"", s->what,
                                 def->name, xml);
        else if (add)
                vh_list_insert_raw(list, command == VIR_NETWORK_UPDATE_COMMAND_ADD_FIRST ? 0 : list->n,
                                   VH_TAKE_PTR(entry));
        else if (at < 0)
                r = no_match(def, s, xml, err);
        else if (command == VIR_NETWORK_UPDATE_COMMAND_DELETE)
                vh_xml_bind_free(s->table, vh_list_take_raw(list, at));
        else {
                vh_xml_bind_free(s->table, vh_list_take_raw(list, at));
                vh_list_insert_raw(list, at, VH_TAKE_PTR(entry));
        }
        vh_xml_bind_free(s->table, entry);
        return r;
}

static int parse_entry(const VhNetworkDef *def, const Section *s, const char *xml, void **entry, VhError **err)
{
        xmlDoc *doc;
        const xmlNode *root;
        int r = vh_xml_doc_parse(&doc, xml, strlen(xml), "network_update_xml", VIR_FROM_NETWORK, err);

        if (r < 0)
                return r;
        root = xmlDocGetRootElement(doc);
        if (!vh_streq((const char *)root->name, s->table->name))
                r = vh_error_set(err, VIR_FROM_NETWORK, VIR_ERR_XML_ERROR,
                                 "unexpected element <%s>, expecting <%s>, while updating network '%s'",
                                 (const char *)root->name, s->table->name, def->name);
        else
                r = vh_xml_bind_parse_new(s->table, root, entry, 0, NULL, err);
        xmlFreeDoc(doc);
        return r;
}

static int check_command(const VhNetworkDef *def, unsigned command, unsigned section, VhError **err)
{
        const Section *s = section < VH_ARRAY_SIZE(sections) ? &sections[section] : NULL;

        if (!s || (!s->table && !s->field))
                return vh_error_set(err, VIR_FROM_NETWORK, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "can't update unrecognized section of network");
        if (!s->table)
                return vh_error_set(err, VIR_FROM_NETWORK, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "can't update '%s' section of network '%s'", s->field, def->name);
        if (command == VIR_NETWORK_UPDATE_COMMAND_NONE || command > VIR_NETWORK_UPDATE_COMMAND_ADD_FIRST)
                return vh_error_set(err, VIR_FROM_NETWORK, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "unrecognized network update command code");
        if (command == VIR_NETWORK_UPDATE_COMMAND_MODIFY && !s->modify)
                return vh_error_set(err, VIR_FROM_NETWORK, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "%s entries cannot be modified, only added or deleted", s->what);
        return 0;
}

int vh_network_update(VhNetworkDef *def, unsigned command, unsigned section, int parent, const char *xml, VhError **err)
{
        const Section *s;
        AnyList *list;
        void *entry = NULL;
        int r = check_command(def, command, section, err);

        if (r < 0)
                return r;
        s = &sections[section];
        list = section_list(def, section, parent, err);
        if (!list)
                return -EINVAL;
        r = parse_entry(def, s, xml, &entry, err);
        return r < 0 ? r : apply(def, list, s, command, entry, xml, err);
}
