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
          VIR_ERR_INVALID_ARG, "invalid argument: unknown suffix 'foo'" },
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

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(tables_are_sound),      cmocka_unit_test(mistakes_are_told),
                cmocka_unit_test(broken_text_is_shown),  cmocka_unit_test(live_values_are_not_stored),
                cmocka_unit_test(secrets_are_asked_for), cmocka_unit_test(metadata_by_namespace),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
