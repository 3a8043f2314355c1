/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Node devices of the test driver, with virtual host adapters that clients make and remove; and the part of the secret
 * interface that answers without secrets. */

#include "testdriver/test.h"

/* The adapter that new virtual ones are modelled on, and the name that they all get. */
#define TEMPLATE_ADAPTER "scsi_host11"
#define NEW_ADAPTER      "scsi_host12"

static TestDevice *of_node(VhRegNode *node)
{
        return VH_REG_OBJECT(node, TestDevice, node);
}

static TestDevice *by_name(const TestHost *host, const char *name)
{
        return of_node(vh_registry_by_name(&host->devices, name));
}

static int find(VhCall *call, const char *name, TestDevice **ret, VhError **err)
{
        *ret = by_name(test_host(call), name);
        if (*ret)
                return 0;
        return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_NO_NODE_DEVICE, "no node device with matching name '%s'", name);
}

void test_device_remove(TestHost *host, TestDevice *dev)
{
        vh_registry_remove(&host->devices, &dev->node);
        vh_nodedev_free(dev->def);
        free(dev->node.name);
        free(dev);
}

void test_devices_clear(TestHost *host)
{
        VH_REGISTRY_FOREACH(&host->devices, node)
        test_device_remove(host, of_node(node));
}

/* Takes def over. */
static TestDevice *adopt(TestHost *host, VhNodeDevDef *def)
{
        TestDevice *dev = by_name(host, def->name);

        if (!dev) {
                dev = vh_new(TestDevice, 1);
                vh_reg_node_init(&dev->node, def->name, NULL);
                vh_registry_add(&host->devices, &dev->node);
        }
        vh_nodedev_free(dev->def);
        dev->def = def;
        return dev;
}

int test_device_load(TestHost *host, const char *xml, VhError **err)
{
        VhNodeDevDef *def;
        const VhNodeDevCap *system;
        int r = vh_nodedev_parse(xml, 0, &def, err);

        if (r < 0)
                return r;
        if (!def->name) {
                vh_nodedev_free(def);
                return vh_error_set(err, VIR_FROM_NODEDEV, VIR_ERR_NO_NAME, NULL);
        }
        system = vh_nodedev_cap(def, VH_NODECAP_SYSTEM);
        if (system && !vh_uuid_is_valid(system->system.uuid)) {
                r = vh_error_set(err, VIR_FROM_NODEDEV, VIR_ERR_INTERNAL_ERROR, "no system UUID supplied for '%s'",
                                 def->name);
                vh_nodedev_free(def);
                return r;
        }
        adopt(host, def);
        return 0;
}

TestDevice *test_vport_find(const TestHost *host, const char *wwnn, const char *wwpn)
{
        VH_REGISTRY_FOREACH(&host->devices, node)
        {
                const VhNodeDevCap *fc = vh_nodedev_cap(of_node(node)->def, VH_NODECAP_FC_HOST);

                if (fc && vh_streq(fc->fc_host.wwnn, wwnn) && vh_streq(fc->fc_host.wwpn, wwpn) &&
                    vh_streq(node->name, NEW_ADAPTER))
                        return of_node(node);
        }
        return NULL;
}

TestDevice *test_vport_create(TestHost *host, const char *parent, const char *wwnn, const char *wwpn)
{
        const TestDevice *model = by_name(host, TEMPLATE_ADAPTER);
        VhNodeDevDef *def;
        VhNodeDevCap *fc;
        TestDevice *dev;

        if (!model || !vh_nodedev_cap(model->def, VH_NODECAP_FC_HOST))
                return NULL;
        def = vh_nodedev_copy(model->def);
        vh_strset(&def->name, NEW_ADAPTER);
        if (parent)
                vh_strset(&def->parent, parent);
        fc = vh_nodedev_cap(def, VH_NODECAP_FC_HOST);
        vh_strset(&fc->fc_host.wwnn, wwnn);
        vh_strset(&fc->fc_host.wwpn, wwpn);
        dev = adopt(host, def);
        vh_event_node_device_lifecycle(host->hub, dev->node.name, VIR_NODE_DEVICE_EVENT_CREATED);
        return dev;
}

/* What a client must give for a virtual adapter. */
static int check_vport(const TestHost *host, const VhNodeDevDef *def, const VhNodeDevCap *fc, VhError **err)
{
        if (!fc || !fc->fc_host.wwnn)
                return vh_error_set(err, VIR_FROM_NODEDEV, VIR_ERR_INTERNAL_ERROR,
                                    "no WWNN supplied for 'new device', and auto-generation failed");
        if (!fc->fc_host.wwpn)
                return vh_error_set(err, VIR_FROM_NODEDEV, VIR_ERR_INTERNAL_ERROR,
                                    "no WWPN supplied for 'new device', and auto-generation failed");
        if (def->parent && !by_name(host, def->parent))
                return vh_error_set(err, VIR_FROM_NODEDEV, VIR_ERR_INTERNAL_ERROR,
                                    "Could not find parent device for 'new device'");
        return 0;
}

/* The adapter that <parent wwnn= wwpn=/> means. */
static const char *parent_by_wwn(const TestHost *host, const VhNodeDevDef *def)
{
        VH_REGISTRY_FOREACH(&host->devices, node)
        {
                const VhNodeDevCap *fc = vh_nodedev_cap(of_node(node)->def, VH_NODECAP_FC_HOST);

                if (def->parent_wwnn && fc && vh_streq(fc->fc_host.wwnn, def->parent_wwnn) &&
                    vh_streq(fc->fc_host.wwpn, def->parent_wwpn))
                        return node->name;
        }
        return NULL;
}

TEST_OP(node_device_create_xml)
{
        TestHost *host = test_host(call);
        VhNodeDevDef *def;
        const VhNodeDevCap *fc;
        const TestDevice *dev;
        int r = test_check_flags(args->flags, VIR_NODE_DEVICE_CREATE_XML_VALIDATE, "testNodeDeviceCreateXML", err);

        if (r == 0)
                r = vh_nodedev_parse(args->xml_desc, VH_XML_STRICT, &def, err);
        if (r < 0)
                return r;
        fc = vh_nodedev_cap(def, VH_NODECAP_FC_HOST);
        r = check_vport(host, def, fc, err);
        if (r == 0) {
                dev = test_vport_create(host, def->parent ? def->parent : parent_by_wwn(host, def), fc->fc_host.wwnn,
                                        fc->fc_host.wwpn);
                if (dev)
                        ret->dev.name = dev->node.name;
                else
                        r = vh_error_set(err, VIR_FROM_TEST, VIR_ERR_NO_NODE_DEVICE,
                                         "no node device with matching name '%s'", TEMPLATE_ADAPTER);
        }
        vh_nodedev_free(def);
        return r;
}

TEST_OP_DO(node_device_destroy)
{
        TestHost *host = test_host(call);
        TestDevice *dev;
        int r = find(call, args->name, &dev, err);

        if (r < 0)
                return r;
        if (dev->def->parent && !by_name(host, dev->def->parent))
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_NO_NODE_DEVICE, "cannot find parent '%s' definition",
                                    dev->def->parent);
        vh_event_node_device_lifecycle(host->hub, dev->node.name, VIR_NODE_DEVICE_EVENT_DELETED);
        if (dev->def->parent)
                test_device_remove(host, dev);
        return 0;
}

TEST_OP(node_device_lookup_by_name)
{
        TestDevice *dev;
        int r = find(call, args->name, &dev, err);

        if (r == 0)
                ret->dev.name = dev->node.name;
        return r;
}

TEST_OP(node_device_get_xml_desc)
{
        TestDevice *dev;
        int r = test_check_flags(args->flags, 0, "testNodeDeviceGetXMLDesc", err);

        if (r == 0)
                r = find(call, args->name, &dev, err);
        if (r == 0)
                ret->xml = vh_call_own(call, vh_nodedev_format(dev->def, 0));
        return r;
}

TEST_OP(node_device_get_parent)
{
        TestDevice *dev;
        int r = find(call, args->name, &dev, err);

        if (r == 0)
                ret->parentName = dev->def->parent;
        return r;
}

TEST_OP(node_device_num_of_caps)
{
        TestDevice *dev;
        int r = find(call, args->name, &dev, err);

        if (r == 0)
                ret->num = dev->def->caps.n;
        return r;
}

TEST_OP(node_device_list_caps)
{
        TestDevice *dev;
        int r = find(call, args->name, &dev, err);

        if (r < 0)
                return r;
        ret->names.val = vh_call_new(call, char *, dev->def->caps.n);
        for (uint32_t i = 0; i < dev->def->caps.n && (int)i < args->maxnames; i++)
                ret->names.val[ret->names.len++] = (char *)vh_nodedev_cap_name(dev->def->caps.items[i]->type);
        return 0;
}

/* Whether the device has a capability of that name, NULL: any. */
static bool has_cap(const TestDevice *dev, const char *cap)
{
        int type = cap ? vh_nodedev_cap_find(cap) : 0;

        if (!cap)
                return true;
        if (vh_streq(cap, "vports"))
                type = VH_NODECAP_VPORT_OPS;
        return type > 0 && vh_nodedev_cap(dev->def, type);
}

TEST_OP(node_num_of_devices)
{
        int r = test_check_flags(args->flags, 0, "testNodeNumOfDevices", err);

        if (r < 0)
                return r;
        VH_REGISTRY_FOREACH(&test_host(call)->devices, node)
        ret->num += has_cap(of_node(node), args->cap);
        return 0;
}

TEST_OP(node_list_devices)
{
        const VhRegistry *reg = &test_host(call)->devices;
        uint32_t room = VH_MIN((uint32_t)VH_MAX(args->maxnames, 0), vh_registry_count(reg));
        int r = test_check_flags(args->flags, 0, "testNodeListDevices", err);

        if (r < 0)
                return r;
        ret->names.val = vh_call_new(call, char *, room);
        VH_REGISTRY_FOREACH(reg, node)
        if (ret->names.len < room && has_cap(of_node(node), args->cap))
                ret->names.val[ret->names.len++] = node->name;
        return 0;
}

static uint32_t facts(const TestDevice *dev)
{
        uint32_t bits = VIR_CONNECT_LIST_NODE_DEVICES_ACTIVE;

        for (unsigned type = VH_NODECAP_SYSTEM; type < VH_NODECAP_TYPE_MAX; type++)
                if (vh_nodedev_cap(dev->def, type))
                        bits |= (uint32_t)VIR_CONNECT_LIST_NODE_DEVICES_CAP_SYSTEM << (type - VH_NODECAP_SYSTEM);
        return bits;
}

TEST_OP(connect_list_all_node_devices)
{
        const VhRegistry *reg = &test_host(call)->devices;
        const uint32_t caps =
                vh_list_mask(&vh_filter_node_devices) &
                ~(uint32_t)(VIR_CONNECT_LIST_NODE_DEVICES_ACTIVE | VIR_CONNECT_LIST_NODE_DEVICES_INACTIVE);
        remote_nonnull_node_device *val = vh_call_new(call, remote_nonnull_node_device, vh_registry_count(reg));
        int r = test_check_flags(args->flags, caps, "testConnectListAllNodeDevices", err);

        if (r < 0)
                return r;
        VH_REGISTRY_FOREACH(reg, node)
        if (vh_list_match(&vh_filter_node_devices, args->flags, facts(of_node(node))))
                val[ret->ret++].name = node->name;
        if (args->need_results) {
                ret->devices.len = ret->ret;
                ret->devices.val = val;
        }
        return 0;
}

const VhNodedevOps test_nodedev_ops = {
        .node_num_of_devices = node_num_of_devices,
        .node_list_devices = node_list_devices,
        .node_device_lookup_by_name = node_device_lookup_by_name,
        .node_device_get_xml_desc = node_device_get_xml_desc,
        .node_device_get_parent = node_device_get_parent,
        .node_device_num_of_caps = node_device_num_of_caps,
        .node_device_list_caps = node_device_list_caps,
        .node_device_create_xml = node_device_create_xml,
        .node_device_destroy = node_device_destroy,
        .connect_list_all_node_devices = connect_list_all_node_devices,
        .connect_node_device_event_register_any = vh_op_connect_node_device_event_register_any,
        .connect_node_device_event_deregister_any = vh_op_connect_node_device_event_deregister_any,
};

const VhSecretOps test_secret_ops = {
        .connect_secret_event_deregister_any = vh_op_connect_secret_event_deregister_any,
};
