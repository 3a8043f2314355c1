/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What test:///default has. Names, uuids and figures are those that clients of the reference find there. */

#include "testdriver/test.h"

static const char domain_xml[] =
        "<domain type='test'>"
        "<name>test</name><uuid>6695eb01-f6a4-8304-79aa-97f2502e193f</uuid>"
        "<memory unit='KiB'>8388608</memory><currentMemory unit='KiB'>2097152</currentMemory><vcpu>2</vcpu>"
        "<os><type>hvm</type></os>"
        "<devices>"
        "<disk type='file'><source file='/guest/diskimage1'/><target dev='vda' bus='virtio'/>"
        "<address type='pci' bus='0x01' slot='0'/></disk>"
        "<interface type='network'><mac address='aa:bb:cc:dd:ee:ff'/><source network='default'/>"
        "<target dev='testnet0'/><address type='pci' bus='0' slot='0x01'/></interface>"
        "<memballoon model='virtio'><address type='pci' bus='0' slot='0x02'/></memballoon>"
        "</devices></domain>";

static const char network_xml[] = "<network><name>default</name><uuid>dd8fe884-6c02-601e-7551-cca97df1c5df</uuid>"
                                  "<forward mode='nat'/><bridge name='virbr0'/>"
                                  "<ip address='192.168.122.1' netmask='255.255.255.0'>"
                                  "<dhcp><range start='192.168.122.2' end='192.168.122.254'/></dhcp></ip></network>";

static const char interface_xml[] =
        "<interface type='ethernet' name='eth1'><start mode='onboot'/><mac address='aa:bb:cc:dd:ee:ff'/>"
        "<mtu size='1492'/><protocol family='ipv4'><ip address='192.168.0.5' prefix='24'/>"
        "<route gateway='192.168.0.1'/></protocol></interface>";

static const char pool_xml[] =
        "<pool type='dir'><name>default-pool</name><uuid>dfe224cb-28fb-8dd0-c4b2-64eb3f0f4566</uuid>"
        "<target><path>/default-pool</path></target></pool>";

#define SCSI_HOST(name, parent, host, id, wwnn, wwpn, fabric, vports)                                                  \
        "<device><name>" name "</name><parent>" parent "</parent><capability type='scsi_host'><host>" host "</host>"   \
        "<unique_id>" id "</unique_id><capability type='fc_host'><wwnn>" wwnn "</wwnn><wwpn>" wwpn "</wwpn>"           \
        "<fabric_wwn>" fabric "</fabric_wwn></capability>" vports "</capability></device>"
#define VPORTS "<capability type='vport_ops'><max_vports>0</max_vports><vports>0</vports></capability>"

/* Parents before children. */
static const char *const device_xmls[] = {
        "<device><name>computer</name><capability type='system'>"
        "<hardware><vendor>Libvirt</vendor><version>Test driver</version><serial>123456</serial>"
        "<uuid>11111111-2222-3333-4444-555555555555</uuid></hardware>"
        "<firmware><vendor>Libvirt</vendor><version>Test "
        "Driver</version><release_date>01/22/2007</release_date></firmware>"
        "</capability></device>",
        SCSI_HOST("scsi_host1", "computer", "1", "0", "2000000012341234", "1000000012341234", "2000000043214321",
                  VPORTS),
        SCSI_HOST("scsi_host2", "computer", "2", "1", "2000000056785678", "1000000056785678", "2000000087658765",
                  VPORTS),
        SCSI_HOST("scsi_host11", "scsi_host1", "11", "10", "2000000034563456", "1000000034563456", "2000000043214321",
                  ""),
};

static int load_domain(TestHost *host, VhError **err)
{
        VhDomainDef *def;
        VhDomainObj *dom;
        int r = test_domain_parse(domain_xml, VH_XML_INACTIVE, &def, err);

        if (r < 0)
                return r;
        dom = test_domain_add(host, def);
        dom->persistent = true;
        test_domain_start(host, dom, VIR_DOMAIN_RUNNING_UNKNOWN);
        return 0;
}

int test_host_load_default(TestHost *host, VhError **err)
{
        int r;

        host->n_cells = TEST_CELLS;
        r = load_domain(host, err);
        if (r == 0)
                r = test_network_load(host, network_xml, err);
        if (r == 0)
                r = test_iface_load(host, interface_xml, err);
        if (r == 0)
                r = test_pool_load(host, pool_xml, NULL, err);
        for (unsigned i = 0; r == 0 && i < VH_ARRAY_SIZE(device_xmls); i++)
                r = test_device_load(host, device_xmls[i], err);
        return r;
}
