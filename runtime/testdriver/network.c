/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Networks of the test driver. */

#include "testdriver/test.h"
#include <errno.h>

static TestNetwork *of_node(VhRegNode *node)
{
        return VH_REG_OBJECT(node, TestNetwork, node);
}

static bool is_active(const VhRegNode *node)
{
        return VH_CONTAINER_OF(node, TestNetwork, node)->active;
}

static bool is_inactive(const VhRegNode *node)
{
        return !is_active(node);
}

static int find_name(VhCall *call, const char *name, TestNetwork **ret, VhError **err)
{
        *ret = of_node(vh_registry_by_name(&test_host(call)->networks, name));
        if (*ret)
                return 0;
        return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_NO_NETWORK, "no network with matching name '%s'", name);
}

static int find_uuid(VhCall *call, const uint8_t uuid[VH_UUID_LEN], TestNetwork **ret, VhError **err)
{
        char text[VH_UUID_TEXT_LEN + 1];

        *ret = of_node(vh_registry_by_uuid(&test_host(call)->networks, uuid));
        if (*ret)
                return 0;
        return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_NO_NETWORK, "no network with matching uuid '%s'",
                            vh_uuid_format(uuid, text));
}

static void network_remove(TestHost *host, TestNetwork *net)
{
        vh_registry_remove(&host->networks, &net->node);
        vh_network_free(net->def);
        vh_network_free(net->new_def);
        free(net->node.name);
        free(net);
}

void test_networks_clear(TestHost *host)
{
        VH_REGISTRY_FOREACH(&host->networks, node)
        network_remove(host, of_node(node));
}

static void set_wire(const TestNetwork *net, remote_nonnull_network *wire)
{
        wire->name = net->node.name;
        memcpy(wire->uuid, net->node.uuid, VH_UUID_LEN);
}

static void emit(TestHost *host, const TestNetwork *net, int event)
{
        remote_nonnull_network wire;

        set_wire(net, &wire);
        vh_event_network_lifecycle(host->hub, &wire, event);
}

/* Takes def over. must_stand: a running network of the same name and uuid is refused. */
static int adopt(TestHost *host, VhNetworkDef *def, bool must_stand, TestNetwork **ret, VhError **err)
{
        VhRegNode *same;
        TestNetwork *net;
        int r = vh_registry_check_identity(&host->networks, "network", VIR_FROM_NETWORK, def->name, def->uuid, &same,
                                           err);

        net = of_node(same);
        if (r == 0 && net && net->active && must_stand)
                r = vh_error_set(err, VIR_FROM_NETWORK, VIR_ERR_OPERATION_INVALID, "network is already active as '%s'",
                                 net->node.name);
        if (r < 0) {
                vh_network_free(def);
                return r;
        }
        if (!net) {
                net = vh_new(TestNetwork, 1);
                vh_reg_node_init(&net->node, def->name, def->uuid);
                vh_registry_add(&host->networks, &net->node);
        }
        VhNetworkDef **place = net->active ? &net->new_def : &net->def;

        vh_network_free(*place);
        *place = def;
        *ret = net;
        return 0;
}

int test_network_load(TestHost *host, const char *xml, VhError **err)
{
        VhNetworkDef *def;
        TestNetwork *net;
        int r = vh_network_parse(xml, 0, &def, err);

        if (r == 0)
                r = adopt(host, def, false, &net, err);
        if (r == 0)
                net->active = net->persistent = true;
        return r;
}

static int create(VhCall *call, const char *xml, remote_nonnull_network *wire, VhError **err)
{
        TestHost *host = test_host(call);
        VhNetworkDef *def;
        TestNetwork *net;
        int r = vh_network_parse(xml, VH_XML_STRICT, &def, err);

        if (r == 0)
                r = adopt(host, def, true, &net, err);
        if (r < 0)
                return r;
        net->active = true;
        emit(host, net, VIR_NETWORK_EVENT_STARTED);
        set_wire(net, wire);
        return 0;
}

static int define(VhCall *call, const char *xml, remote_nonnull_network *wire, VhError **err)
{
        TestHost *host = test_host(call);
        VhNetworkDef *def;
        TestNetwork *net;
        int r = vh_network_parse(xml, VH_XML_STRICT, &def, err);

        if (r == 0)
                r = adopt(host, def, false, &net, err);
        if (r < 0)
                return r;
        net->persistent = true;
        emit(host, net, VIR_NETWORK_EVENT_DEFINED);
        set_wire(net, wire);
        return 0;
}

TEST_OP(network_create_xml)
{
        return create(call, args->xml, &ret->net, err);
}

TEST_OP(network_create_xml_flags)
{
        int r = test_check_flags(args->flags, VIR_NETWORK_CREATE_VALIDATE, "testNetworkCreateXMLFlags", err);

        return r < 0 ? r : create(call, args->xml, &ret->net, err);
}

TEST_OP(network_define_xml)
{
        return define(call, args->xml, &ret->net, err);
}

TEST_OP(network_define_xml_flags)
{
        int r = test_check_flags(args->flags, VIR_NETWORK_DEFINE_VALIDATE, "testNetworkDefineXMLFlags", err);

        return r < 0 ? r : define(call, args->xml, &ret->net, err);
}

TEST_OP_DO(network_create)
{
        TestNetwork *net;
        int r = find_name(call, args->net.name, &net, err);

        if (r < 0)
                return r;
        if (net->active)
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_OPERATION_INVALID, "Network '%s' is already running",
                                    net->node.name);
        net->active = true;
        emit(test_host(call), net, VIR_NETWORK_EVENT_STARTED);
        return 0;
}

TEST_OP_DO(network_destroy)
{
        TestNetwork *net;
        int r = find_name(call, args->net.name, &net, err);

        if (r < 0)
                return r;
        net->active = false;
        emit(test_host(call), net, VIR_NETWORK_EVENT_STOPPED);
        if (!net->persistent)
                network_remove(test_host(call), net);
        return 0;
}

TEST_OP_DO(network_undefine)
{
        TestNetwork *net;
        int r = find_name(call, args->net.name, &net, err);

        if (r < 0)
                return r;
        if (net->active)
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_OPERATION_INVALID, "Network '%s' is still running",
                                    net->node.name);
        emit(test_host(call), net, VIR_NETWORK_EVENT_UNDEFINED);
        network_remove(test_host(call), net);
        return 0;
}

/* Resolves VIR_NETWORK_UPDATE_AFFECT_*. */
static int update_targets(const TestNetwork *net, uint32_t *flags, VhError **err)
{
        if (!(*flags & (VIR_NETWORK_UPDATE_AFFECT_LIVE | VIR_NETWORK_UPDATE_AFFECT_CONFIG)))
                *flags |= net->active ? VIR_NETWORK_UPDATE_AFFECT_LIVE : VIR_NETWORK_UPDATE_AFFECT_CONFIG;
        if ((*flags & VIR_NETWORK_UPDATE_AFFECT_LIVE) && !net->active)
                return vh_error_set(err, VIR_FROM_NETWORK, VIR_ERR_OPERATION_INVALID, "network is not running");
        if ((*flags & VIR_NETWORK_UPDATE_AFFECT_CONFIG) && !net->persistent)
                return vh_error_set(err, VIR_FROM_NETWORK, VIR_ERR_OPERATION_INVALID,
                                    "cannot change persistent config of a transient network");
        return 0;
}

TEST_OP_DO(network_update)
{
        TestNetwork *net = NULL;
        uint32_t flags = args->flags;
        VhNetworkDef *live = NULL;
        int r = test_check_flags(flags, VIR_NETWORK_UPDATE_AFFECT_LIVE | VIR_NETWORK_UPDATE_AFFECT_CONFIG,
                                 "testNetworkUpdate", err);

        if (r == 0)
                r = find_uuid(call, args->net.uuid, &net, err);
        if (r == 0)
                r = update_targets(net, &flags, err);
        if (r < 0)
                return r;
        if (flags & VIR_NETWORK_UPDATE_AFFECT_LIVE) {
                live = vh_network_copy(net->def);
                r = vh_network_update(live, args->command, args->section, args->parentIndex, args->xml, err);
        }
        if (r == 0 && (flags & VIR_NETWORK_UPDATE_AFFECT_CONFIG)) {
                if (net->active && !net->new_def)
                        net->new_def = vh_network_copy(net->def);
                r = vh_network_update(net->active ? net->new_def : net->def, args->command, args->section,
                                      args->parentIndex, args->xml, err);
        }
        if (r < 0 || !live) {
                vh_network_free(live);
                return r;
        }
        vh_network_free(net->def);
        net->def = live;
        return 0;
}

TEST_OP(network_get_xml_desc)
{
        TestNetwork *net;
        int r = test_check_flags(args->flags, 0, "testNetworkGetXMLDesc", err);

        if (r == 0)
                r = find_name(call, args->net.name, &net, err);
        if (r == 0)
                ret->xml = vh_call_own(call, vh_network_format(net->def, 0));
        return r;
}

TEST_OP(network_get_autostart)
{
        TestNetwork *net;
        int r = find_name(call, args->net.name, &net, err);

        if (r == 0)
                ret->autostart = net->autostart;
        return r;
}

TEST_OP_DO(network_set_autostart)
{
        TestNetwork *net;
        int r = find_name(call, args->net.name, &net, err);

        if (r == 0)
                net->autostart = args->autostart;
        return r;
}

TEST_OP(network_get_bridge_name)
{
        TestNetwork *net;
        int r = find_name(call, args->net.name, &net, err);

        if (r < 0)
                return r;
        if (!net->def->bridge || !net->def->bridge->name)
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_INTERNAL_ERROR,
                                    "network '%s' does not have a bridge name.", net->node.name);
        ret->name = net->def->bridge->name;
        return 0;
}

TEST_OP(network_lookup_by_name)
{
        TestNetwork *net;
        int r = find_name(call, args->name, &net, err);

        if (r == 0)
                set_wire(net, &ret->net);
        return r;
}

TEST_OP(network_lookup_by_uuid)
{
        TestNetwork *net;
        int r = find_uuid(call, args->uuid, &net, err);

        if (r == 0)
                set_wire(net, &ret->net);
        return r;
}

TEST_OP(network_is_active)
{
        TestNetwork *net;
        int r = find_uuid(call, args->net.uuid, &net, err);

        if (r == 0)
                ret->active = net->active;
        return r;
}

TEST_OP(network_is_persistent)
{
        TestNetwork *net;
        int r = find_uuid(call, args->net.uuid, &net, err);

        if (r == 0)
                ret->persistent = net->persistent;
        return r;
}

TEST_OP(connect_list_networks)
{
        ret->names.val =
                vh_registry_names(&test_host(call)->networks, is_active, args->maxnames, &call->arena, &ret->names.len);
        return 0;
}

TEST_OP(connect_list_defined_networks)
{
        ret->names.val = vh_registry_names(&test_host(call)->networks, is_inactive, args->maxnames, &call->arena,
                                           &ret->names.len);
        return 0;
}

TEST_OP_GET(connect_num_of_networks)
{
        ret->num = vh_registry_count_picked(&test_host(call)->networks, is_active);
        return 0;
}

TEST_OP_GET(connect_num_of_defined_networks)
{
        ret->num = vh_registry_count_picked(&test_host(call)->networks, is_inactive);
        return 0;
}

static uint32_t facts(const TestNetwork *net)
{
        return (net->active ? VIR_CONNECT_LIST_NETWORKS_ACTIVE : VIR_CONNECT_LIST_NETWORKS_INACTIVE) |
               (net->persistent ? VIR_CONNECT_LIST_NETWORKS_PERSISTENT : VIR_CONNECT_LIST_NETWORKS_TRANSIENT) |
               (net->autostart ? VIR_CONNECT_LIST_NETWORKS_AUTOSTART : VIR_CONNECT_LIST_NETWORKS_NO_AUTOSTART);
}

TEST_OP(connect_list_all_networks)
{
        const VhRegistry *reg = &test_host(call)->networks;
        remote_nonnull_network *val = vh_call_new(call, remote_nonnull_network, vh_registry_count(reg));
        int r = test_check_flags(args->flags, vh_list_mask(&vh_filter_networks), "testConnectListAllNetworks", err);

        if (r < 0)
                return r;
        VH_REGISTRY_FOREACH(reg, node)
        if (vh_list_match(&vh_filter_networks, args->flags, facts(of_node(node))))
                set_wire(of_node(node), &val[ret->ret++]);
        if (args->need_results) {
                ret->nets.len = ret->ret;
                ret->nets.val = val;
        }
        return 0;
}

const VhNetworkOps test_network_ops = {
        .connect_list_networks = connect_list_networks,
        .connect_list_defined_networks = connect_list_defined_networks,
        .connect_num_of_networks = connect_num_of_networks,
        .connect_num_of_defined_networks = connect_num_of_defined_networks,
        .connect_list_all_networks = connect_list_all_networks,
        .connect_network_event_register_any = vh_op_connect_network_event_register_any,
        .connect_network_event_deregister_any = vh_op_connect_network_event_deregister_any,
        .network_create = network_create,
        .network_create_xml = network_create_xml,
        .network_create_xml_flags = network_create_xml_flags,
        .network_define_xml = network_define_xml,
        .network_define_xml_flags = network_define_xml_flags,
        .network_destroy = network_destroy,
        .network_undefine = network_undefine,
        .network_update = network_update,
        .network_get_xml_desc = network_get_xml_desc,
        .network_get_autostart = network_get_autostart,
        .network_set_autostart = network_set_autostart,
        .network_get_bridge_name = network_get_bridge_name,
        .network_lookup_by_name = network_lookup_by_name,
        .network_lookup_by_uuid = network_lookup_by_uuid,
        .network_is_active = network_is_active,
        .network_is_persistent = network_is_persistent,
};
