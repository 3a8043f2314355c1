/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Models of networks, storage, interfaces, node devices, moments, secrets: their tables, round trips, refusals, and
 * changes of networks. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "api.h"
#include "model/backup.h"
#include "model/filter-binding.h"
#include "model/interface.h"
#include "model/moment.h"
#include "model/network-port.h"
#include "model/network.h"
#include "model/nodedev.h"
#include "model/secret.h"
#include "model/storage-vol.h"

static const VhModel *const models[] = {
        &vh_network_model,   &vh_network_port_model, &vh_storage_pool_model,   &vh_storage_vol_model,
        &vh_interface_model, &vh_nodedev_model,      &vh_snapshot_model,       &vh_checkpoint_model,
        &vh_backup_model,    &vh_secret_model,       &vh_filter_binding_model,
};

static void tables_are_sound(void **state)
{
        for (unsigned i = 0; i < VH_ARRAY_SIZE(models); i++) {
                _vh_free_ char *wrong = vh_xml_bind_lint(models[i]->table);

                if (wrong)
                        fail_msg("%s: %s", models[i]->table->name, wrong);
        }
}

#define U "<uuid>11111111-2222-3333-4444-555555555555</uuid>"

/* Documents that come out as they went in, strictly read. */
static const struct {
        const VhModel *model;
        const char *xml;
} documents[] = {
        { &vh_network_model,
          "<network ipv6='yes'>\n  <name>n</name>\n  " U "\n  <forward dev='eth0' mode='nat'>\n    <nat>\n"
          "      <address start='1.2.3.4' end='1.2.3.9'/>\n      <port start='1024' end='65535'/>\n    </nat>\n"
          "    <interface dev='eth0'/>\n  </forward>\n  <bridge name='virbr9' stp='off' delay='2'/>\n  <mtu "
          "size='9000'/>\n"
          "  <mac address='52:54:00:01:02:03'/>\n  <domain name='lan' localOnly='yes'/>\n  <dns>\n"
          "    <forwarder addr='8.8.8.8'/>\n    <txt name='a' value='b'/>\n    <host ip='10.0.0.9'>\n"
          "      <hostname>h</hostname>\n    </host>\n  </dns>\n  <vlan trunk='yes'>\n"
          "    <tag id='42' nativeMode='untagged'/>\n  </vlan>\n  <bandwidth>\n    <inbound average='100' "
          "peak='200'/>\n"
          "  </bandwidth>\n  <ip address='10.0.0.1' prefix='24'>\n    <dhcp>\n      <range start='10.0.0.2' "
          "end='10.0.0.9'>\n"
          "        <lease expiry='5' unit='hours'/>\n      </range>\n      <host mac='52:54:00:00:00:01' "
          "ip='10.0.0.5'/>\n"
          "    </dhcp>\n  </ip>\n  <route address='10.9.0.0' prefix='16' gateway='10.0.0.7'/>\n"
          "  <portgroup name='p' default='yes'/>\n</network>\n" },
        { &vh_network_port_model,
          "<networkport>\n  " U
          "\n  <owner>\n    <name>vm</name>\n    <uuid>99999999-2222-3333-4444-555555555555</uuid>\n"
          "  </owner>\n  <group>g</group>\n  <mac address='52:54:00:01:02:03'/>\n  <rxfilters trustGuest='yes'/>\n"
          "  <plug type='bridge' bridge='br0' macTableManager='libvirt'/>\n</networkport>\n" },
        { &vh_storage_pool_model,
          "<pool type='netfs'>\n  <name>p</name>\n  " U "\n  <capacity unit='bytes'>0</capacity>\n"
          "  <allocation unit='bytes'>0</allocation>\n  <available unit='bytes'>0</available>\n  <source>\n"
          "    <host name='h' port='111'/>\n    <dir path='/d'/>\n    <format type='nfs'/>\n  </source>\n  <target>\n"
          "    <path>/p</path>\n    <permissions>\n      <mode>0711</mode>\n      <owner>0</owner>\n      "
          "<group>-1</group>\n"
          "    </permissions>\n  </target>\n</pool>\n" },
        { &vh_storage_vol_model,
          "<volume type='file'>\n  <name>v</name>\n  <key>/p/v</key>\n  <capacity unit='bytes'>10</capacity>\n"
          "  <allocation unit='bytes'>5</allocation>\n  <target>\n    <path>/p/v</path>\n    <format type='qcow2'/>\n"
          "    <compat>1.1</compat>\n  </target>\n  <backingStore>\n    <path>/b</path>\n    <format type='raw'/>\n"
          "  </backingStore>\n</volume>\n" },
        { &vh_interface_model, "<interface type='bridge' name='br0'>\n  <start mode='onboot'/>\n  <mtu size='1500'/>\n "
                               " <protocol family='ipv4'>\n"
                               "    <dhcp peerdns='no'/>\n  </protocol>\n  <bridge stp='on' delay='0.1'>\n"
                               "    <interface type='bond' name='bond0'>\n      <bond mode='active-backup'>\n"
                               "        <miimon freq='100' carrier='netif'/>\n        <interface type='ethernet' "
                               "name='eth1'/>\n      </bond>\n"
                               "    </interface>\n  </bridge>\n</interface>\n" },
        { &vh_nodedev_model,
          "<device>\n  <name>scsi_host1</name>\n  <parent>computer</parent>\n  <capability type='scsi_host'>\n"
          "    <host>1</host>\n    <unique_id>0</unique_id>\n    <capability type='fc_host'>\n      <wwnn>1</wwnn>\n"
          "      <wwpn>2</wwpn>\n    </capability>\n    <capability type='vport_ops'>\n      "
          "<max_vports>0</max_vports>\n"
          "      <vports>0</vports>\n    </capability>\n  </capability>\n</device>\n" },
        { &vh_snapshot_model,
          "<domainsnapshot>\n  <name>s</name>\n  <description>d</description>\n  <state>running</state>\n  <parent>\n"
          "    <name>p</name>\n  </parent>\n  <creationTime>5</creationTime>\n  <memory snapshot='internal'/>\n  "
          "<disks>\n"
          "    <disk name='vda' snapshot='external' type='file'>\n      <driver type='qcow2'/>\n      <source "
          "file='/x'/>\n"
          "    </disk>\n  </disks>\n</domainsnapshot>\n" },
        { &vh_checkpoint_model,
          "<domaincheckpoint>\n  <name>c</name>\n  <creationTime>5</creationTime>\n  <disks>\n"
          "    <disk name='vda' checkpoint='bitmap' bitmap='c'/>\n  </disks>\n</domaincheckpoint>\n" },
        { &vh_backup_model,
          "<domainbackup mode='pull'>\n  <incremental>c</incremental>\n  <server transport='unix' tls='no' "
          "socket='/s'/>\n"
          "  <disks>\n    <disk name='vda' backup='yes' type='file' backupmode='incremental' incremental='c' "
          "exportname='x' exportbitmap='b' index='5'>\n      <driver type='qcow2'/>\n      <scratch file='/x'/>\n"
          "    </disk>\n    <disk name='vdb' backup='no'/>\n  </disks>\n</domainbackup>\n" },
        { &vh_secret_model,
          "<secret ephemeral='no' private='yes'>\n  " U "\n  <description>d</description>\n  <usage type='iscsi'>\n"
          "    <target>t</target>\n  </usage>\n</secret>\n" },
        { &vh_filter_binding_model,
          "<filterbinding>\n  <owner>\n    <name>vm</name>\n    <uuid>99999999-2222-3333-4444-555555555555</uuid>\n"
          "  </owner>\n  <portdev name='vnet0'/>\n  <linkdev name='eth0'/>\n  <mac address='52:54:00:01:02:03'/>\n"
          "  <filterref filter='f'>\n    <parameter name='IP' value='10.0.0.1'/>\n  </filterref>\n</filterbinding>\n" },
};

static void documents_come_out_as_they_went_in(void **state)
{
        for (unsigned i = 0; i < VH_ARRAY_SIZE(documents); i++) {
                const VhModel *model = documents[i].model;
                _vh_error_ VhError *err = NULL;
                _vh_free_ char *text = NULL;
                void *obj, *copy;

                if (vh_model_parse(model, documents[i].xml, VH_XML_STRICT, NULL, &obj, &err) < 0)
                        fail_msg("%s: %s", model->table->name, vh_error_text(err, 0));
                copy = vh_xml_bind_dup(model->table, obj);
                assert_true(vh_xml_bind_equal(model->table, obj, copy, NULL));
                vh_xml_bind_free(model->table, obj);
                text = vh_model_format(model, copy, 0);
                assert_string_equal(text, documents[i].xml);
                vh_xml_bind_free(model->table, copy);
        }
}

static const struct {
        const VhModel *model;
        const char *xml;
        int domain, code;
        const char *part; /* of the message */
} mistakes[] = {
        { &vh_network_model, "<network/>", VIR_FROM_NETWORK, VIR_ERR_NO_NAME, "missing name" },
        { &vh_network_model, "<netwok/>", VIR_FROM_XML, VIR_ERR_XML_ERROR,
          "expecting root element of 'network', not 'netwok'" },
        { &vh_network_model, "<network><name>a/b</name></network>", VIR_FROM_XML, VIR_ERR_XML_DETAIL,
          "invalid char in name" },
        { &vh_network_model, "<network><name>a</name><foo/></network>", VIR_FROM_XML, VIR_ERR_XML_ERROR, "foo" },
        { &vh_network_model, "<network", VIR_FROM_NETWORK, VIR_ERR_XML_DETAIL, "(network_definition):1" },
        { &vh_network_model, "<network><name>a</name><ip address='bad'/></network>", VIR_FROM_XML, VIR_ERR_XML_ERROR,
          "/network/ip" },
        { &vh_storage_pool_model, "<pool type='dir'><name>a</name></pool>", VIR_FROM_STORAGE, VIR_ERR_XML_ERROR,
          "missing storage pool target path" },
        { &vh_storage_pool_model, "<pool type='dir'/>", VIR_FROM_STORAGE, VIR_ERR_XML_ERROR,
          "missing pool source name" },
        { &vh_storage_pool_model, "<pool><name>a</name></pool>", VIR_FROM_XML, VIR_ERR_XML_ERROR,
          "'type' in element 'pool'" },
        { &vh_storage_pool_model,
          "<pool type='fs'><name>a</name><source><device path='/d'/><format type='x'/></source>"
          "<target><path>/p</path></target></pool>",
          VIR_FROM_STORAGE, VIR_ERR_CONFIG_UNSUPPORTED, "unknown pool format type x" },
        { &vh_storage_vol_model, "<volume><name>a</name></volume>", VIR_FROM_STORAGE, VIR_ERR_XML_ERROR, "capacity" },
        { &vh_interface_model, "<interface type='ethernet'/>", VIR_FROM_INTERFACE, VIR_ERR_XML_ERROR,
          "interface has no name" },
        { &vh_nodedev_model, "<device/>", VIR_FROM_NODEDEV, VIR_ERR_INTERNAL_ERROR,
          "no device capabilities for 'new device'" },
        { &vh_snapshot_model, "<domainsnapshot><disks><disk name='a'/><disk name='a'/></disks></domainsnapshot>",
          VIR_FROM_XML, VIR_ERR_CONFIG_UNSUPPORTED, "specified twice" },
        { &vh_backup_model, "<domainbackup><server name='h'/></domainbackup>", VIR_FROM_XML, VIR_ERR_XML_ERROR,
          "requires pull mode" },
        { &vh_backup_model, "<domainbackup><disks><disk name='a' type='network'/></disks></domainbackup>", VIR_FROM_XML,
          VIR_ERR_CONFIG_UNSUPPORTED, "unsupported backup disk type" },
};

static void mistakes_are_named(void **state)
{
        for (unsigned i = 0; i < VH_ARRAY_SIZE(mistakes); i++) {
                _vh_error_ VhError *err = NULL;
                void *obj = NULL;

                assert_true(vh_model_parse(mistakes[i].model, mistakes[i].xml, VH_XML_STRICT, NULL, &obj, &err) < 0);
                if (err->domain != mistakes[i].domain || err->code != mistakes[i].code ||
                    !strstr(err->message, mistakes[i].part))
                        fail_msg("%s: %d/%d %s", mistakes[i].xml, err->code, err->domain, err->message);
        }
}

static const char base_network[] =
        "<network><name>n</name><ip address='10.0.0.1' prefix='24'><dhcp><range start='10.0.0.2' end='10.0.0.9'/>"
        "<host mac='52:54:00:00:00:01' name='a' ip='10.0.0.5'/></dhcp></ip></network>";

static const struct {
        unsigned command, section;
        const char *xml;
        int code;         /* 0: done */
        const char *part; /* of the resulting XML or of the error */
} updates[] = {
        { VIR_NETWORK_UPDATE_COMMAND_ADD_LAST, VIR_NETWORK_SECTION_IP_DHCP_HOST,
          "<host mac='52:54:00:00:00:02' ip='10.0.0.6'/>", 0,
          "name='a' ip='10.0.0.5'/>\n      <host mac='52:54:00:00:00:02'" },
        { VIR_NETWORK_UPDATE_COMMAND_ADD_FIRST, VIR_NETWORK_SECTION_IP_DHCP_HOST,
          "<host mac='52:54:00:00:00:02' ip='10.0.0.6'/>", 0, "ip='10.0.0.6'/>\n      <host mac='52:54:00:00:00:01'" },
        { VIR_NETWORK_UPDATE_COMMAND_ADD_LAST, VIR_NETWORK_SECTION_IP_DHCP_HOST, "<host mac='52:54:00:00:00:01'/>",
          VIR_ERR_OPERATION_INVALID, "there is an existing dhcp host entry in network 'n'" },
        { VIR_NETWORK_UPDATE_COMMAND_DELETE, VIR_NETWORK_SECTION_IP_DHCP_HOST, "<host name='a'/>", 0,
          "end='10.0.0.9'/>\n    </dhcp>" },
        { VIR_NETWORK_UPDATE_COMMAND_DELETE, VIR_NETWORK_SECTION_IP_DHCP_HOST, "<host name='b'/>",
          VIR_ERR_OPERATION_INVALID, "couldn't locate a matching dhcp host entry" },
        { VIR_NETWORK_UPDATE_COMMAND_MODIFY, VIR_NETWORK_SECTION_IP_DHCP_HOST,
          "<host mac='52:54:00:00:00:01' name='b' ip='10.0.0.7'/>", 0, "name='b' ip='10.0.0.7'" },
        { VIR_NETWORK_UPDATE_COMMAND_ADD_LAST, VIR_NETWORK_SECTION_DNS_TXT, "<txt name='x' value='y'/>", 0,
          "<txt name='x' value='y'/>" },
        { VIR_NETWORK_UPDATE_COMMAND_ADD_LAST, VIR_NETWORK_SECTION_PORTGROUP, "<portgroup name='x'/>", 0,
          "<portgroup name='x'/>" },
        { VIR_NETWORK_UPDATE_COMMAND_ADD_LAST, VIR_NETWORK_SECTION_BRIDGE, "<bridge/>", VIR_ERR_OPERATION_UNSUPPORTED,
          "can't update 'bridge' section" },
        { VIR_NETWORK_UPDATE_COMMAND_ADD_LAST, 77, "<bridge/>", VIR_ERR_OPERATION_UNSUPPORTED, "unrecognized section" },
        { VIR_NETWORK_UPDATE_COMMAND_ADD_LAST, VIR_NETWORK_SECTION_DNS_HOST, "<dns/>", VIR_ERR_XML_ERROR,
          "unexpected element <dns>, expecting <host>" },
};

static void networks_change_by_sections(void **state)
{
        for (unsigned i = 0; i < VH_ARRAY_SIZE(updates); i++) {
                _vh_error_ VhError *err = NULL;
                _vh_free_ char *text = NULL;
                VhNetworkDef *def;
                int r;

                assert_int_equal(vh_network_parse(base_network, VH_XML_STRICT, &def, NULL), 0);
                r = vh_network_update(def, updates[i].command, updates[i].section, -1, updates[i].xml, &err);
                assert_int_equal(r < 0, updates[i].code != 0);
                assert_int_equal(err ? err->code : 0, updates[i].code);
                text = err ? vh_xstrdup(err->message) : vh_network_format(def, 0);
                if (!strstr(text, updates[i].part))
                        fail_msg("%s gives %s", updates[i].xml, text);
                vh_network_free(def);
        }
}

static void volumes_get_the_format_of_their_pool(void **state)
{
        static const char xml[] = "<volume><name>v</name><capacity>1</capacity></volume>";
        _vh_error_ VhError *err = NULL;
        VhVolDef *def;

        assert_int_equal(vh_storage_vol_parse_for(VH_POOL_DIR, xml, 0, &def, NULL), 0);
        assert_string_equal(def->target.format, "raw");
        assert_int_equal(def->allocation, 1);
        vh_storage_vol_free(def);
        assert_int_equal(vh_storage_vol_parse_for(VH_POOL_LOGICAL, xml, 0, &def, NULL), 0);
        assert_null(def->target.format);
        vh_storage_vol_free(def);
        assert_true(vh_storage_vol_parse_for(VH_POOL_DIR,
                                             "<volume><name>v</name><capacity>1</capacity><target><format type='zzz'/>"
                                             "</target></volume>",
                                             0, &def, &err) < 0);
        assert_string_equal(err->message, "unsupported configuration: unknown volume format type zzz");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(tables_are_sound),
                cmocka_unit_test(documents_come_out_as_they_went_in),
                cmocka_unit_test(mistakes_are_named),
                cmocka_unit_test(networks_change_by_sections),
                cmocka_unit_test(volumes_get_the_format_of_their_pool),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
