/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The domain model: the tables themselves, and definitions that are wrong. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/domain-tables.h"

static void tables_are_sound(void **state)
{
        char *fault = vh_xml_bind_lint(&vh_table_domain);

        assert_null(fault);
        for (int kind = VH_DEVICE_NONE + 1; kind < VH_DEVICE_MAX; kind++) {
                fault = vh_xml_bind_lint(vh_device_class(kind)->table);
                if (fault)
                        print_error("%s\n", fault);
                assert_null(fault);
                assert_string_equal(vh_device_class(kind)->element, vh_device_class(kind)->table->name);
        }
}

#define DOMAIN(more, devices)                                                                                          \
        "<domain type='test'><name>x</name><memory>1024</memory><os><type>hvm</type></os>" more "<devices>" devices    \
        "</devices></domain>"

/* Codes and texts are those of the reference; behind the text of a bad value comes its place. */
static const struct {
        const char *xml;
        int code;
        const char *text;
} mistakes[] = {
        { "<foo/>", VIR_ERR_XML_ERROR, "XML error: expecting root element of 'domain', not 'foo'" },
        { "<domain type='test'><memory>1</memory><os><type>hvm</type></os></domain>", VIR_ERR_NO_NAME,
          "missing name information" },
        { "<domain type='test'><name>x</name><os><type>hvm</type></os></domain>", VIR_ERR_XML_ERROR,
          "XML error: Memory size must be specified via <memory> or in the <numa> configuration" },
        { "<domain type='test'><name>x</name><memory unit='foo'>1</memory><os><type>hvm</type></os></domain>",
          VIR_ERR_INVALID_ARG, "invalid argument: unknown suffix 'foo' at /domain/memory (line 1)" },
        { "<domain type='test'><name>x</name><memory>1</memory></domain>", VIR_ERR_XML_ERROR,
          "XML error: an os <type> must be specified" },
        { "<domain type='test'><name>a/b</name><memory>1</memory><os><type>hvm</type></os></domain>", VIR_ERR_XML_ERROR,
          "XML error: name a/b cannot contain '/'" },
        { DOMAIN("<uuid>zz</uuid>", ""), VIR_ERR_INTERNAL_ERROR,
          "internal error: malformed uuid element at /domain/uuid (line 1)" },
        { DOMAIN("<clock offset='x'/>", ""), VIR_ERR_CONFIG_UNSUPPORTED,
          "unsupported configuration: unknown clock offset 'x' at /domain/clock (line 1)" },
        { DOMAIN("<vcpu current='3'>2</vcpu>", ""), VIR_ERR_CONFIG_UNSUPPORTED,
          "unsupported configuration: maximum vCPU count must not be less than current vCPU count" },
        { DOMAIN("<zzz/>", ""), VIR_ERR_XML_ERROR, "XML error: unknown element 'zzz' at /domain/zzz (line 1)" },
        { DOMAIN("", "<disk zzz='1'><target dev='sda'/></disk>"), VIR_ERR_XML_ERROR,
          "XML error: unknown attribute 'zzz' at /domain/devices/disk (line 1)" },
        { DOMAIN("", "<disk><source file='/a'/><target dev='sda' bus='x'/></disk>"), VIR_ERR_XML_ERROR,
          "XML error: Invalid value for attribute 'bus' in element 'target': 'x'. at /domain/devices/disk/target (line "
          "1)" },
        { DOMAIN("", "<disk><source file='/a'/><target dev='sda'/></disk><disk><source file='/b'/><target "
                     "dev='sda'/></disk>"),
          VIR_ERR_XML_ERROR, "XML error: target 'sda' duplicated for disk sources '/a' and '/b'" },
        { DOMAIN("", "<disk><target dev='sda'/></disk>"), VIR_ERR_NO_SOURCE,
          "missing source information for device sda" },
        { DOMAIN("", "<interface type='network'/>"), VIR_ERR_XML_ERROR,
          "XML error: interface type='network' requires a 'source' element" },
        { DOMAIN("", "<controller type='scsi' index='0'/><controller type='scsi' index='0'/>"), VIR_ERR_XML_ERROR,
          "XML error: Multiple 'scsi' controllers with index '0'" },
        { DOMAIN("",
                 "<disk><source file='/a'/><target dev='sda'/><address type='drive' controller='4000000000'/></disk>"),
          VIR_ERR_XML_ERROR, "XML error: controller '4000000000' of a drive address is too large" },
        { DOMAIN("<vcpu>0</vcpu>", ""), VIR_ERR_INTERNAL_ERROR,
          "internal error: CPU IDs in <numa> exceed the <vcpu> count at /domain/vcpu (line 1)" },
        { DOMAIN("<vcpu cpuset='x'>1</vcpu>", ""), VIR_ERR_INVALID_ARG,
          "invalid argument: Failed to parse bitmap 'x' at /domain/vcpu (line 1)" },
        { DOMAIN("<currentMemory>x</currentMemory>", ""), VIR_ERR_XML_ERROR,
          "XML error: Invalid value 'x' for element or attribute './currentMemory[1]' at /domain/currentMemory (line "
          "1)" },
        { DOMAIN("<features><foo/></features>", ""), VIR_ERR_CONFIG_UNSUPPORTED,
          "unsupported configuration: unexpected feature 'foo' at /domain/features/foo (line 1)" },
        { DOMAIN("", "<watchdog model='ib700'/><watchdog model='ib700'/>"), VIR_ERR_INTERNAL_ERROR,
          "internal error: only a single watchdog device is supported at /domain/devices/watchdog[2] (line 1)" },
        { DOMAIN("", "<rng model='virtio'/>"), VIR_ERR_XML_ERROR,
          "XML error: only one RNG backend is supported at /domain/devices/rng (line 1)" },
        { DOMAIN("", "<disk><source file='/a'/><target dev='vda'/><address type='pci' slot='0x20'/></disk>"),
          VIR_ERR_XML_ERROR,
          "XML error: Invalid PCI address slot='0x20', must be <= 0x1F at /domain/devices/disk/address (line 1)" },
        { DOMAIN("", "<disk><source file='/a'/><target dev='vda'/><address type='pci' function='8'/></disk>"),
          VIR_ERR_XML_ERROR,
          "XML error: Invalid PCI address function=0x8, must be <= 7 at /domain/devices/disk/address (line 1)" },
        { DOMAIN("", "<controller type='scsi' index='x'/>"), VIR_ERR_XML_ERROR,
          "XML error: Invalid value for attribute 'index' in element 'controller': 'x'. Expected integer value at "
          "/domain/devices/controller (line 1)" },
        { DOMAIN("", "<controller type='scsi' index='-1'/>"), VIR_ERR_XML_ERROR,
          "XML error: Invalid value for attribute 'index' in element 'controller': '-1'. Expected non-negative value "
          "at "
          "/domain/devices/controller (line 1)" },
};

static void mistakes_are_told(void **state)
{
        for (size_t i = 0; i < VH_ARRAY_SIZE(mistakes); i++) {
                _vh_error_ VhError *err = NULL;
                _vh_domain_def_ VhDomainDef *def = NULL;

                assert_true(vh_domain_def_parse(&def, mistakes[i].xml, VH_XML_STRICT | VH_XML_INACTIVE, NULL, &err) <
                            0);
                assert_non_null(err);
                assert_string_equal(err->message, mistakes[i].text);
                assert_int_equal(err->code, mistakes[i].code);
        }
}

static void broken_text_is_shown(void **state)
{
        _vh_error_ VhError *err = NULL;
        VhDomainDef *def = NULL;

        assert_true(vh_domain_def_parse(&def, "<domain>\n<name>x</nome>\n</domain>", 0, NULL, &err) < 0);
        assert_int_equal(err->code, VIR_ERR_XML_DETAIL);
        assert_ptr_equal(strstr(err->message, "(domain_definition):2: "), err->message);
        assert_true(vh_domain_def_parse(&def, "<!DOCTYPE a [<!ENTITY b 'c'>]><domain/>", 0, NULL, &err) < 0);
        assert_int_equal(err->code, VIR_ERR_XML_ERROR);
}

static void live_values_are_not_stored(void **state)
{
        const char *xml = DOMAIN("", "<serial type='pty'><source path='/dev/pts/1'/><target port='0'/></serial>");
        _vh_domain_def_ VhDomainDef *def = NULL, *live = NULL;
        _vh_free_ char *text = NULL, *live_text = NULL;

        assert_int_equal(vh_domain_def_parse(&def, xml, VH_XML_STRICT | VH_XML_INACTIVE, NULL, NULL), 0);
        assert_int_equal(vh_domain_def_parse(&live, xml, VH_XML_STRICT, NULL, NULL), 0);
        text = vh_domain_def_format(def, 0);
        live_text = vh_domain_def_format(live, 0);
        assert_null(strstr(text, "/dev/pts/1"));
        assert_non_null(strstr(live_text, "/dev/pts/1"));
}

static void secrets_are_asked_for(void **state)
{
        const char *xml = DOMAIN("", "<graphics type='vnc' passwd='pass'/>");
        _vh_domain_def_ VhDomainDef *def = NULL;
        _vh_free_ char *plain = NULL, *secure = NULL;

        assert_int_equal(vh_domain_def_parse(&def, xml, VH_XML_STRICT | VH_XML_INACTIVE, NULL, NULL), 0);
        plain = vh_domain_def_format(def, VH_XML_INACTIVE);
        secure = vh_domain_def_format(def, VH_XML_INACTIVE | VH_XML_SECURE);
        assert_null(strstr(plain, "passwd"));
        assert_non_null(strstr(secure, "passwd='pass'"));
}

static void metadata_by_namespace(void **state)
{
        _vh_domain_def_ VhDomainDef *def = NULL;
        _vh_error_ VhError *err = NULL;
        _vh_free_ char *text = NULL;

        assert_int_equal(vh_domain_def_parse(&def, DOMAIN("", ""), VH_XML_INACTIVE, NULL, NULL), 0);
        assert_int_equal(vh_domain_set_metadata(def, "http://a", "a", "<x y='1'/>", NULL), 0);
        assert_int_equal(vh_domain_set_metadata(def, "http://b", "b", "<z>t</z>", NULL), 0);
        assert_int_equal(vh_domain_get_metadata(def, "http://a", &text, NULL), 0);
        assert_string_equal(text, "<x y=\"1\"/>");
        assert_int_equal(vh_domain_set_metadata(def, "http://a", "a", NULL, NULL), 0);
        assert_true(vh_domain_get_metadata(def, "http://a", &text, &err) < 0);
        assert_int_equal(err->code, VIR_ERR_NO_DOMAIN_METADATA);
        assert_non_null(strstr(def->metadata, "<b:z xmlns:b=\"http://b\">t</b:z>"));
}

/* The first element of a namespace stays, and none without one. */
static void metadata_is_unique(void **state)
{
        const char *xml = DOMAIN("<metadata><a:x xmlns:a='http://a'/><c/><a:y xmlns:a='http://a'/></metadata>", "");
        _vh_domain_def_ VhDomainDef *def = NULL, *trusted = NULL, *none = NULL;

        assert_int_equal(vh_domain_def_parse(&def, xml, VH_XML_STRICT | VH_XML_INACTIVE, NULL, NULL), 0);
        assert_non_null(strstr(def->metadata, "<a:x"));
        assert_null(strstr(def->metadata, "<a:y"));
        assert_null(strstr(def->metadata, "<c"));
        assert_int_equal(vh_domain_def_parse(&trusted, xml, VH_DOMAIN_TRUSTED, NULL, NULL), 0);
        assert_non_null(strstr(trusted->metadata, "<a:y"));
        assert_int_equal(vh_domain_def_parse(&none, DOMAIN("<metadata><c/></metadata>", ""), 0, NULL, NULL), 0);
        assert_null(none->metadata);
}

#define SCSI_HOSTDEV                                                                                                   \
        "<hostdev type='scsi'><source><adapter name='scsi_host0'/><address bus='0' target='0' unit='0'/></source>"     \
        "</hostdev>"

/* A disk keeps its place, host devices fill the others, then the next controller. */
static void scsi_hostdevs_get_places(void **state)
{
        const char *xml = DOMAIN("", "<disk><source file='/a'/><target dev='sdc'/></disk>" SCSI_HOSTDEV SCSI_HOSTDEV
                                             SCSI_HOSTDEV SCSI_HOSTDEV SCSI_HOSTDEV SCSI_HOSTDEV SCSI_HOSTDEV);
        static const uint32_t units[] = { 0, 1, 3, 4, 5, 6, 0 };
        _vh_domain_def_ VhDomainDef *def = NULL;

        assert_int_equal(vh_domain_def_parse(&def, xml, VH_XML_STRICT | VH_XML_INACTIVE, NULL, NULL), 0);
        assert_int_equal(def->hostdevs.n, VH_ARRAY_SIZE(units));
        for (uint32_t i = 0; i < def->hostdevs.n; i++) {
                const VhAddress *a = &def->hostdevs.items[i]->info.address;

                assert_int_equal(a->type, VH_ADDRESS_DRIVE);
                assert_int_equal(a->drive.controller, i == 6);
                assert_int_equal(a->drive.unit, units[i]);
        }
        assert_non_null(vh_domain_find_controller(def, VH_CONTROLLER_SCSI, 1));
}

static void values_come_out_in_their_form(void **state)
{
        const char *xml = DOMAIN("<features><capabilities policy='deny'><mknod/><chown state='off'/></capabilities>"
                                 "<smm><tseg>48</tseg></smm></features>",
                                 "<panic/><redirfilter><usbdev class='0xe' vendor='0xabc' version='1.2' allow='yes'/>"
                                 "</redirfilter>");
        _vh_domain_def_ VhDomainDef *def = NULL;
        _vh_free_ char *text = NULL;

        assert_int_equal(vh_domain_def_parse(&def, xml, VH_XML_STRICT | VH_XML_INACTIVE, NULL, NULL), 0);
        text = vh_domain_def_format(def, VH_XML_INACTIVE);
        assert_non_null(strstr(text, "<tseg unit='MiB'>48</tseg>"));
        assert_non_null(strstr(text, "<usbdev class='0x0E' vendor='0x0ABC' version='1.20' allow='yes'/>"));
        assert_non_null(strstr(text, "<chown state='off'/>\n      <mknod state='on'/>"));
        assert_null(strstr(text, "<panic"));
        assert_int_equal(def->panics.n, 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(tables_are_sound),
                cmocka_unit_test(mistakes_are_told),
                cmocka_unit_test(broken_text_is_shown),
                cmocka_unit_test(live_values_are_not_stored),
                cmocka_unit_test(secrets_are_asked_for),
                cmocka_unit_test(metadata_by_namespace),
                cmocka_unit_test(metadata_is_unique),
                cmocka_unit_test(scsi_hostdevs_get_places),
                cmocka_unit_test(values_come_out_in_their_form),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
