/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Host interfaces of the test driver, with begin, commit and rollback of changes. */

#include "testdriver/test.h"
#include <strings.h>

static TestIface *of_node(VhRegNode *node)
{
        return VH_REG_OBJECT(node, TestIface, node);
}

static bool is_active(const VhRegNode *node)
{
        return VH_CONTAINER_OF(node, TestIface, node)->active;
}

static bool is_inactive(const VhRegNode *node)
{
        return !is_active(node);
}

static int find(VhCall *call, const char *name, TestIface **ret, VhError **err)
{
        *ret = of_node(vh_registry_by_name(&test_host(call)->ifaces, name));
        if (*ret)
                return 0;
        return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_NO_INTERFACE, "no interface with matching name '%s'", name);
}

static void iface_remove(VhRegistry *reg, TestIface *iface)
{
        vh_registry_remove(reg, &iface->node);
        vh_interface_free(iface->def);
        free(iface->node.name);
        free(iface);
}

void test_ifaces_clear(VhRegistry *reg)
{
        VH_REGISTRY_FOREACH(reg, node)
        iface_remove(reg, of_node(node));
}

/* Takes def over; an interface of that name gets the new definition. */
static TestIface *adopt(VhRegistry *reg, VhIfaceDef *def)
{
        TestIface *iface = of_node(vh_registry_by_name(reg, def->name));

        if (!iface) {
                iface = vh_new(TestIface, 1);
                vh_reg_node_init(&iface->node, def->name, NULL);
                vh_registry_add(reg, &iface->node);
        }
        vh_interface_free(iface->def);
        iface->def = def;
        return iface;
}

int test_iface_load(TestHost *host, const char *xml, VhError **err)
{
        VhIfaceDef *def;
        int r = vh_interface_parse(xml, 0, &def, err);

        if (r == 0)
                adopt(&host->ifaces, def)->active = true;
        return r;
}

static const char *mac_of(const TestIface *iface)
{
        return iface->def->mac ? iface->def->mac : "";
}

static void set_wire(const TestIface *iface, remote_nonnull_interface *wire)
{
        wire->name = iface->node.name;
        wire->mac = (char *)mac_of(iface);
}

TEST_OP(interface_define_xml)
{
        VhIfaceDef *def;
        int r = test_check_flags(args->flags, VIR_INTERFACE_DEFINE_VALIDATE, "testInterfaceDefineXML", err);

        if (r == 0)
                r = vh_interface_parse(args->xml, VH_XML_STRICT, &def, err);
        if (r == 0)
                set_wire(adopt(&test_host(call)->ifaces, def), &ret->iface);
        return r;
}

TEST_OP_DO(interface_undefine)
{
        TestIface *iface;
        int r = find(call, args->iface.name, &iface, err);

        if (r == 0)
                iface_remove(&test_host(call)->ifaces, iface);
        return r;
}

static int set_active(VhCall *call, const char *name, bool active, VhError **err)
{
        TestIface *iface;
        int r = find(call, name, &iface, err);

        if (r < 0)
                return r;
        if (iface->active == active)
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_OPERATION_INVALID, NULL);
        iface->active = active;
        return 0;
}

TEST_OP_DO(interface_create)
{
        int r = test_check_flags(args->flags, 0, "testInterfaceCreate", err);

        return r < 0 ? r : set_active(call, args->iface.name, true, err);
}

TEST_OP_DO(interface_destroy)
{
        int r = test_check_flags(args->flags, 0, "testInterfaceDestroy", err);

        return r < 0 ? r : set_active(call, args->iface.name, false, err);
}

TEST_OP(interface_get_xml_desc)
{
        TestIface *iface;
        int r = test_check_flags(args->flags, 0, "testInterfaceGetXMLDesc", err);

        if (r == 0)
                r = find(call, args->iface.name, &iface, err);
        if (r == 0)
                ret->xml = vh_call_own(call, vh_interface_format(iface->def, 0));
        return r;
}

TEST_OP(interface_is_active)
{
        TestIface *iface;
        int r = find(call, args->iface.name, &iface, err);

        if (r == 0)
                ret->active = iface->active;
        return r;
}

TEST_OP(interface_lookup_by_name)
{
        TestIface *iface;
        int r = find(call, args->name, &iface, err);

        if (r == 0)
                set_wire(iface, &ret->iface);
        return r;
}

TEST_OP(interface_lookup_by_mac_string)
{
        const TestIface *found = NULL;

        VH_REGISTRY_FOREACH(&test_host(call)->ifaces, node)
        {
                if (strcasecmp(mac_of(of_node(node)), args->mac) != 0)
                        continue;
                if (found)
                        return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_MULTIPLE_INTERFACES, NULL);
                found = of_node(node);
        }
        if (!found)
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_NO_INTERFACE, "no interface with matching mac '%s'",
                                    args->mac);
        set_wire(found, &ret->iface);
        return 0;
}

/* Only definitions are copied: what a rollback brings back is inactive. */
static void copy_all(VhRegistry *to, const VhRegistry *from)
{
        VH_REGISTRY_FOREACH(from, node)
        adopt(to, vh_interface_copy(of_node(node)->def));
}

TEST_OP_DO(interface_change_begin)
{
        TestHost *host = test_host(call);
        int r = test_check_flags(args->flags, 0, "testInterfaceChangeBegin", err);

        if (r < 0)
                return r;
        if (host->iface_change)
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_OPERATION_INVALID,
                                    "there is another transaction running.");
        host->iface_change = true;
        copy_all(&host->ifaces_backup, &host->ifaces);
        return 0;
}

TEST_OP_DO(interface_change_commit)
{
        TestHost *host = test_host(call);
        int r = test_check_flags(args->flags, 0, "testInterfaceChangeCommit", err);

        if (r < 0)
                return r;
        if (!host->iface_change)
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_OPERATION_INVALID,
                                    "no transaction running, nothing to be committed.");
        host->iface_change = false;
        test_ifaces_clear(&host->ifaces_backup);
        return 0;
}

TEST_OP_DO(interface_change_rollback)
{
        TestHost *host = test_host(call);
        int r = test_check_flags(args->flags, 0, "testInterfaceChangeRollback", err);

        if (r < 0)
                return r;
        if (!host->iface_change)
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_OPERATION_INVALID,
                                    "no transaction running, nothing to rollback.");
        host->iface_change = false;
        test_ifaces_clear(&host->ifaces);
        host->ifaces = host->ifaces_backup;
        host->ifaces_backup = (VhRegistry){};
        return 0;
}

TEST_OP_GET(connect_num_of_interfaces)
{
        ret->num = vh_registry_count_picked(&test_host(call)->ifaces, is_active);
        return 0;
}

TEST_OP_GET(connect_num_of_defined_interfaces)
{
        ret->num = vh_registry_count_picked(&test_host(call)->ifaces, is_inactive);
        return 0;
}

TEST_OP(connect_list_interfaces)
{
        ret->names.val =
                vh_registry_names(&test_host(call)->ifaces, is_active, args->maxnames, &call->arena, &ret->names.len);
        return 0;
}

TEST_OP(connect_list_defined_interfaces)
{
        ret->names.val =
                vh_registry_names(&test_host(call)->ifaces, is_inactive, args->maxnames, &call->arena, &ret->names.len);
        return 0;
}

TEST_OP(connect_list_all_interfaces)
{
        const VhRegistry *reg = &test_host(call)->ifaces;
        remote_nonnull_interface *val = vh_call_new(call, remote_nonnull_interface, vh_registry_count(reg));
        int r = test_check_flags(args->flags, vh_list_mask(&vh_filter_interfaces), "testConnectListAllInterfaces", err);

        if (r < 0)
                return r;
        VH_REGISTRY_FOREACH(reg, node)
        {
                uint32_t fact =
                        is_active(node) ? VIR_CONNECT_LIST_INTERFACES_ACTIVE : VIR_CONNECT_LIST_INTERFACES_INACTIVE;

                if (vh_list_match(&vh_filter_interfaces, args->flags, fact))
                        set_wire(of_node(node), &val[ret->ret++]);
        }
        if (args->need_results) {
                ret->ifaces.len = ret->ret;
                ret->ifaces.val = val;
        }
        return 0;
}

const VhInterfaceOps test_interface_ops = {
        .connect_num_of_interfaces = connect_num_of_interfaces,
        .connect_list_interfaces = connect_list_interfaces,
        .connect_num_of_defined_interfaces = connect_num_of_defined_interfaces,
        .connect_list_defined_interfaces = connect_list_defined_interfaces,
        .connect_list_all_interfaces = connect_list_all_interfaces,
        .interface_lookup_by_name = interface_lookup_by_name,
        .interface_lookup_by_mac_string = interface_lookup_by_mac_string,
        .interface_get_xml_desc = interface_get_xml_desc,
        .interface_define_xml = interface_define_xml,
        .interface_undefine = interface_undefine,
        .interface_create = interface_create,
        .interface_destroy = interface_destroy,
        .interface_is_active = interface_is_active,
        .interface_change_begin = interface_change_begin,
        .interface_change_commit = interface_change_commit,
        .interface_change_rollback = interface_change_rollback,
};
