/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The binding engine by itself: every type and every shape of row, on structs of its own. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "base/uuid.h"
#include "xml/rows.h"

enum { KIND_NONE, KIND_A, KIND_B };

typedef struct Item {
        uint32_t n;
        char *text;
} Item;

/* A field for each type. */
typedef struct Values {
        char *string, *version;
        int32_t i;
        uint32_t u;
        uint64_t u64, hex64, kib, mib, bytes, size;
        VhOptInt opt_int;
        VhOptUint opt_uint, natural, opt_hex, opt_id;
        VhOptU64 opt_u64, opt_hex64;
        VhOptInt64 opt_i64;
        char usb_port[16];
        uint8_t hex4, hex8, word, yes, on;
        uint16_t hex16;
        uint8_t uuid[VH_UUID_LEN], mac[6];
        VhCpuset *cpuset;
} Values;

/* A field for each shape. */
typedef struct Shapes {
        uint8_t kind;
        bool flag;
        uint32_t inner, a_only, b_only, limited, ruled, live, secret, def;
        char *leaf, *raw;
        Item group, *ptr;
        VH_LIST(Item) items, shy;
        Item *foreign;
} Shapes;

#define S Values
static const VhXmlTable table_values = {
        "values",
        sizeof(S),
        ROWS(ATTR("string", string, string), ATTR("version", version, usb_version), ATTR("int", i, int),
             ATTR("uint", u, uint), ATTR("u64", u64, u64), ATTR("hex64", hex64, hex64),
             ATTR("opt_int", opt_int, opt_int), ATTR("opt_uint", opt_uint, opt_uint),
             ATTR("natural", natural, opt_natural), ATTR("opt_hex", opt_hex, opt_hex), ATTR("opt_id", opt_id, opt_id),
             ATTR("opt_u64", opt_u64, opt_u64), ATTR("opt_hex64", opt_hex64, opt_hex64),
             ATTR("opt_i64", opt_i64, opt_i64), ATTR("usb_port", usb_port, usb_port), ATTR("hex4", hex4, hex4),
             ATTR("hex8", hex8, hex8), ATTR("hex16", hex16, hex16), WORD("word", word, NAMES("one", "two")),
             YESNO("yes", yes), ONOFF("on", on), ATTR("uuid", uuid, uuid), ATTR("mac", mac, mac),
             ATTR("cpuset", cpuset, cpuset), LEAF("kib", kib, kib), LEAF("mib", mib, mib), LEAF("bytes", bytes, bytes),
             LEAF("size", size, size)),
};
#undef S

#define S Item
static const VhXmlTable table_item = { "item", sizeof(S),
                                       ROWS(ATTR("n", n, uint), TEXT(text, string, .flags = VH_XML_NONEMPTY)) };
static const VhXmlRow rows_group[] = { ATTR("n", n, uint, REQUIRED), LEAF("text", text, string), {} };
#undef S

#define S Shapes
static const VhXmlNs test_ns = { "t", "http://test" };

static const VhXmlRow rows_inner[] = { ATTR("inner", inner, uint), {} };

static const VhXmlTable table_shapes = {
        "shapes",
        sizeof(S),
        ROWS(WORD("kind", kind, NAMES("a", "b"), KEY), EMBED(rows_inner),
             ATTR("own", a_only, uint, WHEN(kind, BIT(KIND_A))), ATTR("own", b_only, uint, WHEN(kind, BIT(KIND_B))),
             ATTR("limited", limited, uint, .min = 2, .max = 5),
             ATTR("ruled", ruled, uint, .min = 2, .max = 5, FAULT(VIR_ERR_INVALID_ARG, "bad '", "'"),
                  .range = SAY(VIR_ERR_OVERFLOW, "far ", NULL)),
             ATTR("live", live, uint, LIVE), ATTR("secret", secret, uint, .show = VH_XML_SECURE),
             ATTR("def", def, uint, .def = 7), FLAG("flag", flag), LEAF("leaf", leaf, string),
             GROUP_AT("group", group, rows_group),
             PTR("ptr", ptr, table_item, .twice = SAY_PLAIN(VIR_ERR_INTERNAL_ERROR, "only one")),
             LIST("item", items, table_item), LIST("shy", shy, table_item, .flags = VH_XML_NONEMPTY), RAW("raw", raw),
             PTR("foreign", foreign, table_item, .ns = &test_ns), DROPPED("later"),
             UNKNOWN(VIR_ERR_CONFIG_UNSUPPORTED, "no '", "' here")),
};
#undef S

static int parse(const VhXmlTable *table, const char *xml, unsigned flags, void **objp, VhError **err)
{
        _vh_xml_root_ xmlNode *root = NULL;

        assert_int_equal(vh_xml_doc_parse_root(&root, xml, "test", VIR_FROM_XML, table->name, NULL), 0);
        return vh_xml_bind_parse_new(table, root, objp, flags, NULL, err);
}

static void *parse_well(const VhXmlTable *table, const char *xml, unsigned flags)
{
        _vh_error_ VhError *err = NULL;
        void *obj = NULL;

        if (parse(table, xml, flags, &obj, &err) < 0)
                fail_msg("%s: %s", xml, err ? err->message : "no reason");
        return obj;
}

/* What comes out, and that it reads back to the same object. */
static void assert_comes_out(const VhXmlTable *table, const char *xml, unsigned flags, const char *expected)
{
        void *obj = parse_well(table, xml, VH_XML_STRICT), *again, *copy;
        _vh_buf_ VhBuf b = {};

        vh_xml_bind_format(table, NULL, obj, flags, &b);
        assert_string_equal(b.data, expected);
        again = parse_well(table, b.data, VH_XML_STRICT);
        copy = vh_xml_bind_dup(table, obj);
        assert_true(vh_xml_bind_equal(table, obj, again, NULL));
        assert_true(vh_xml_bind_equal(table, obj, copy, NULL));
        vh_xml_bind_free(table, again);
        vh_xml_bind_free(table, copy);
        vh_xml_bind_free(table, obj);
}

#define PCI_ZERO " hex4='0x0' hex8='0x00' hex16='0x0000'"

static void tables_are_checked(void **state)
{
        const VhXmlTable outside = { "x", 2, table_item.rows };
        _vh_free_ char *fault = vh_xml_bind_lint(&outside);

        assert_null(vh_xml_bind_lint(&table_values));
        assert_null(vh_xml_bind_lint(&table_shapes));
        assert_non_null(fault);
}

/* Attribute in, attribute out. */
static const struct {
        const char *in, *out;
} values[] = {
        { "string='a&amp;b'", "string='a&amp;b'" },
        { "version='1.2'", "version='1.20'" },
        { "int='-2147483648'", "int='-2147483648'" },
        { "uint=' 4294967295 '", "uint='4294967295'" },
        { "u64='18446744073709551615'", "u64='18446744073709551615'" },
        { "hex64='0xfF'", "hex64='0xff'" },
        { "opt_int='0'", "opt_int='0'" },
        { "opt_uint='0'", "opt_uint='0'" },
        { "natural='0'", "natural='0'" },
        { "opt_hex='10'", "opt_hex='0x0a'" },
        { "opt_id='10'", "opt_id='0x0A'" },
        { "opt_u64='0'", "opt_u64='0'" },
        { "opt_hex64='0'", "opt_hex64='0x0'" },
        { "opt_i64='-1'", "opt_i64='-1'" },
        { "usb_port='1.2'", "usb_port='1.2'" },
        { "word='two'", "word='two'" },
        { "yes='no'", "yes='no'" },
        { "on='on'", "on='on'" },
        { "uuid='c7a5fdbd-edaf-9455-926a-d65c16db1809'", "uuid='c7a5fdbd-edaf-9455-926a-d65c16db1809'" },
        { "mac='52:54:0:1:2:AF'", "mac='52:54:00:01:02:af'" },
        { "cpuset='3,0-4,^2'", "cpuset='0-1,3-4'" },
};

static void values_come_out(void **state)
{
        for (size_t i = 0; i < VH_ARRAY_SIZE(values); i++) {
                _vh_free_ char *xml = vh_xasprintf("<values %s/>", values[i].in);
                void *obj = parse_well(&table_values, xml, VH_XML_STRICT);
                _vh_buf_ VhBuf b = {};

                vh_xml_bind_format(&table_values, NULL, obj, 0, &b);
                if (!strstr(b.data, values[i].out) || !strstr(b.data, "hex16='0x0000'"))
                        fail_msg("%s gives %s", xml, b.data);
                assert_comes_out(&table_values, xml, 0, b.data);
                vh_xml_bind_free(&table_values, obj);
        }
        assert_comes_out(&table_values, "<values hex4='7' hex8='0x1F' hex16='0xffff'/>", 0,
                         "<values hex4='0x7' hex8='0x1f' hex16='0xffff'/>\n");
}

static void units_are_read_and_written(void **state)
{
        assert_comes_out(&table_values,
                         "<values><kib unit='MiB'>2</kib><mib>3145728</mib><bytes unit='KB'>4</bytes><size>2048</size>"
                         "</values>",
                         0,
                         "<values" PCI_ZERO ">\n  <kib unit='KiB'>2048</kib>\n  <mib unit='M'>3</mib>\n"
                         "  <bytes unit='bytes'>4000</bytes>\n  <size unit='GiB'>2</size>\n</values>\n");
        /* Rounded up, never down. */
        assert_comes_out(&table_values, "<values><kib unit='b'>1025</kib></values>", 0,
                         "<values" PCI_ZERO ">\n  <kib unit='KiB'>2</kib>\n</values>\n");
}

typedef struct Mistake {
        const char *xml;
        int code;
        const char *text;
} Mistake;

static void assert_mistakes(const VhXmlTable *table, const Mistake *mistakes, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                _vh_error_ VhError *err = NULL;
                void *obj = NULL;

                if (parse(table, mistakes[i].xml, VH_XML_STRICT, &obj, &err) == 0)
                        fail_msg("%s is taken", mistakes[i].xml);
                assert_non_null(err);
                assert_string_equal(err->detail, mistakes[i].text);
                assert_int_equal(err->code, mistakes[i].code);
                assert_null(obj);
                /* Without a place for the reason as well. */
                assert_true(parse(table, mistakes[i].xml, VH_XML_STRICT, &obj, NULL) < 0);
        }
}

#define VALUE_AT(name, value, expected)                                                                                \
        {                                                                                                              \
                "<values " name "='" value "'/>", VIR_ERR_XML_ERROR,                                                   \
                        "Invalid value for attribute '" name "' in element 'values': '" value "'." expected            \
                        " at /values (line 1)"                                                                         \
        }
#define NUMBER " Expected non-negative integer value"

static const Mistake bad_values[] = {
        VALUE_AT("int", "2147483648", " Expected integer value"),
        VALUE_AT("int", "", " Expected integer value"),
        VALUE_AT("uint", "4294967296", NUMBER),
        VALUE_AT("uint", "-1", NUMBER),
        VALUE_AT("uint", "0x1", NUMBER),
        VALUE_AT("u64", "18446744073709551616", NUMBER),
        VALUE_AT("hex64", "g", NUMBER),
        VALUE_AT("opt_int", "x", " Expected integer value"),
        VALUE_AT("natural", "x", " Expected integer value"),
        VALUE_AT("natural", "-1", " Expected non-negative value"),
        VALUE_AT("opt_hex", "0x", NUMBER),
        VALUE_AT("opt_i64", "9223372036854775808", " Expected integer value"),
        VALUE_AT("usb_port", "1..2", " Expected USB port"),
        VALUE_AT("version", "2", " Expected USB version"),
        VALUE_AT("word", "three", ""),
        VALUE_AT("yes", "on", ""),
        VALUE_AT("uuid", "c7a5", " Expected UUID"),
        VALUE_AT("mac", "52:54:00:01:02", " Expected MAC address"),
        VALUE_AT("hex8", "x", NUMBER),
        { "<values hex4='16'/>", VIR_ERR_XML_ERROR,
          "Invalid PCI address hex4=0x10, must be <= 15 at /values (line 1)" },
        { "<values hex8='0x100'/>", VIR_ERR_XML_ERROR,
          "Invalid PCI address hex8='0x100', must be <= 0xFF at /values (line 1)" },
        { "<values hex16='0x10000'/>", VIR_ERR_XML_ERROR,
          "Invalid PCI address hex16='0x10000', must be <= 0xFFFF at /values (line 1)" },
        { "<values cpuset='2-1'/>", VIR_ERR_INVALID_ARG, "Failed to parse bitmap '2-1' at /values (line 1)" },
        { "<values cpuset='16384'/>", VIR_ERR_INVALID_ARG, "Failed to parse bitmap '16384' at /values (line 1)" },
        { "<values><kib>x</kib></values>", VIR_ERR_XML_ERROR,
          "Invalid value 'x' for element or attribute './kib[1]' at /values/kib (line 1)" },
        { "<values>\n<kib unit='q'>1</kib></values>", VIR_ERR_INVALID_ARG,
          "unknown suffix 'q' at /values/kib (line 2)" },
        { "<values><kib unit='E'>16</kib></values>", VIR_ERR_OVERFLOW, "value too large: 16E at /values/kib (line 1)" },
};

static void bad_values_are_told(void **state)
{
        assert_mistakes(&table_values, bad_values, VH_ARRAY_SIZE(bad_values));
}

static void shapes_come_out(void **state)
{
        assert_comes_out(&table_shapes,
                         "<shapes own='3' inner='1' kind='b'><item n='1'>x</item><raw>\n<y/>\n</raw><flag/>"
                         "<leaf>&lt;</leaf><ptr/><shy n='5'/><item/><group n='2'><text>t</text></group>"
                         "<t:foreign xmlns:t='http://test' n='4'/><o:other xmlns:o='http://o'/></shapes>",
                         0,
                         "<shapes kind='b' inner='1' own='3' def='7' xmlns:t='http://test'>\n  <flag/>\n"
                         "  <leaf>&lt;</leaf>\n  <group n='2'>\n    <text>t</text>\n  </group>\n  <ptr/>\n"
                         "  <item n='1'>x</item>\n  <item/>\n  <shy n='5'/>\n  <raw>\n    <y/>\n  </raw>\n  <t:foreign "
                         "n='4'/>\n</shapes>\n");
}

static void empty_items_may_be_left_out(void **state)
{
        Shapes *s = parse_well(&table_shapes, "<shapes def='0'><shy/><item/></shapes>", VH_XML_STRICT);
        _vh_buf_ VhBuf b = {};

        vh_xml_bind_format(&table_shapes, NULL, s, 0, &b);
        assert_int_equal(s->shy.n, 1);
        assert_string_equal(b.data, "<shapes>\n  <item/>\n</shapes>\n");
        vh_xml_bind_free(&table_shapes, s);
}

static void conditions_choose_the_field(void **state)
{
        Shapes *a = parse_well(&table_shapes, "<shapes own='3' kind='a'/>", VH_XML_STRICT);
        Shapes *b = parse_well(&table_shapes, "<shapes own='3' kind='b'/>", VH_XML_STRICT);

        assert_int_equal(a->a_only, 3);
        assert_int_equal(a->b_only, 0);
        assert_int_equal(b->b_only, 3);
        vh_xml_bind_free(&table_shapes, a);
        vh_xml_bind_free(&table_shapes, b);
}

static void flags_hide_values(void **state)
{
        Shapes *s = parse_well(&table_shapes, "<shapes live='1' secret='2'/>", VH_XML_INACTIVE);
        _vh_buf_ VhBuf plain = {}, secure = {};

        assert_int_equal(s->live, 0);
        s->live = 5;
        vh_xml_bind_format(&table_shapes, "other", s, VH_XML_INACTIVE, &plain);
        vh_xml_bind_format(&table_shapes, NULL, s, VH_XML_SECURE, &secure);
        assert_string_equal(plain.data, "<other def='7'/>\n");
        assert_string_equal(secure.data, "<shapes live='5' secret='2' def='7'/>\n");
        vh_xml_bind_free(&table_shapes, s);
}

static const Mistake bad_shapes[] = {
        { "<shapes zzz='1'/>", VIR_ERR_XML_ERROR, "unknown attribute 'zzz' at /shapes (line 1)" },
        { "<shapes>\n\n<zzz/></shapes>", VIR_ERR_CONFIG_UNSUPPORTED, "no 'zzz' here at /shapes/zzz (line 3)" },
        { "<shapes own='1'/>", VIR_ERR_XML_ERROR,
          "attribute 'own' does not fit this kind of element at /shapes (line 1)" },
        { "<shapes>text</shapes>", VIR_ERR_XML_ERROR, "element 'shapes' cannot hold text at /shapes (line 1)" },
        { "<shapes><leaf x='1'/></shapes>", VIR_ERR_XML_ERROR, "unknown attribute 'x' at /shapes/leaf (line 1)" },
        { "<shapes><leaf><x/></leaf></shapes>", VIR_ERR_XML_ERROR, "unknown element 'x' at /shapes/leaf/x (line 1)" },
        { "<shapes><flag x='1'/></shapes>", VIR_ERR_XML_ERROR, "unknown attribute 'x' at /shapes/flag (line 1)" },
        { "<shapes><leaf/><leaf/></shapes>", VIR_ERR_XML_ERROR,
          "element 'leaf' is given twice at /shapes/leaf[2] (line 1)" },
        { "<shapes><ptr/><ptr/></shapes>", VIR_ERR_INTERNAL_ERROR, "only one at /shapes/ptr[2] (line 1)" },
        { "<shapes><group/></shapes>", VIR_ERR_XML_ERROR,
          "Missing required attribute 'n' in element 'group' at /shapes/group (line 1)" },
        { "<shapes><item/><item n='x'/></shapes>", VIR_ERR_XML_ERROR,
          "Invalid value for attribute 'n' in element 'item': 'x'." NUMBER " at /shapes/item[2] (line 1)" },
        { "<shapes limited='6'/>", VIR_ERR_XML_ERROR,
          "Invalid value for attribute 'limited' in element 'shapes': '6'." NUMBER " at /shapes (line 1)" },
        { "<shapes ruled='x'/>", VIR_ERR_INVALID_ARG, "bad 'x' at /shapes (line 1)" },
        { "<shapes ruled='6'/>", VIR_ERR_OVERFLOW, "far 6 at /shapes (line 1)" },
};

static void bad_shapes_are_told(void **state)
{
        assert_mistakes(&table_shapes, bad_shapes, VH_ARRAY_SIZE(bad_shapes));
}

/* Without VH_XML_STRICT what is unknown is passed over, what is wrong is not. */
static void lenient_reading_passes_over(void **state)
{
        Shapes *s =
                parse_well(&table_shapes, "<shapes zzz='1'>t<zzz/><later/><leaf>a</leaf><leaf>b</leaf></shapes>", 0);
        void *none = NULL;

        assert_string_equal(s->leaf, "b");
        assert_true(parse(&table_shapes, "<shapes limited='6'/>", 0, &none, NULL) < 0);
        vh_xml_bind_free(&table_shapes, s);
}

static void copies_are_deep(void **state)
{
        Shapes *s = parse_well(&table_shapes, "<shapes><ptr>p</ptr><item>i</item><raw/><leaf>l</leaf></shapes>", 0);
        Shapes copy = {};

        vh_xml_bind_copy(&table_shapes, &copy, s);
        assert_ptr_not_equal(copy.ptr, s->ptr);
        assert_ptr_not_equal(copy.items.items[0]->text, s->items.items[0]->text);
        assert_ptr_not_equal(copy.raw, s->raw);
        assert_true(vh_xml_bind_equal(&table_shapes, s, &copy, NULL));
        vh_xml_bind_clear(&table_shapes, &copy);
        assert_null(copy.ptr);
        assert_int_equal(copy.items.n, 0);
        assert_null(vh_xml_bind_free(&table_shapes, NULL));
        vh_xml_bind_free(&table_shapes, s);
}

static void assert_differs(const char *xml, const char *place)
{
        Shapes *a = parse_well(&table_shapes, "<shapes><item n='1'/><item n='2'/><group n='1'/><ptr/></shapes>", 0);
        Shapes *b = parse_well(&table_shapes, xml, 0);
        _vh_buf_ VhBuf where = {};

        assert_false(vh_xml_bind_equal(&table_shapes, a, b, &where));
        assert_string_equal(where.data, place);
        assert_false(vh_xml_bind_equal(&table_shapes, b, a, NULL));
        vh_xml_bind_free(&table_shapes, a);
        vh_xml_bind_free(&table_shapes, b);
}

static void differences_are_named(void **state)
{
        assert_differs("<shapes><item n='1'/><item n='3'/><group n='1'/><ptr/></shapes>", "item[2]/n");
        assert_differs("<shapes><item n='1'/><group n='1'/><ptr/></shapes>", "item[2]");
        assert_differs("<shapes><item n='1'/><item n='2'/><group n='2'/><ptr/></shapes>", "group/n");
        assert_differs("<shapes><item n='1'/><item n='2'/><group n='1'/></shapes>", "ptr");
        assert_differs("<shapes><item n='1'/><item n='2'/><group n='1'/><ptr/><flag/></shapes>", "flag");
}

static void lists_can_be_changed(void **state)
{
        Shapes s = {};
        Item *item = vh_new(Item, 1);

        vh_list_add(&s.items, vh_new(Item, 1));
        item->n = 9;
        vh_list_insert(&s.items, 0, item);
        assert_int_equal(s.items.n, 2);
        assert_int_equal(s.items.items[0]->n, 9);
        assert_ptr_equal(vh_list_take_raw(&s.items, 0), item);
        assert_int_equal(s.items.n, 1);
        vh_xml_bind_free(&table_item, item);
        vh_xml_bind_clear(&table_shapes, &s);
}

/* What libxml2 does not know itself is iconv's work. */
static void other_encodings_are_read(void **state)
{
        static const char latin9[] = "<?xml version='1.0' encoding='ISO-8859-15'?><item>\xa4</item>";
        static const char unknown[] = "<?xml version='1.0' encoding='nothing'?><item/>";
        _vh_error_ VhError *err = NULL;
        xmlNode *root;
        Item *item = parse_well(&table_item, latin9, VH_XML_STRICT);

        assert_string_equal(item->text, "\xe2\x82\xac");
        vh_xml_bind_free(&table_item, item);
        assert_int_equal(vh_xml_doc_parse_root(&root, unknown, "test", VIR_FROM_XML, "item", &err), -EINVAL);
        assert_non_null(strstr(err->message, "encoding"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(tables_are_checked),
                cmocka_unit_test(values_come_out),
                cmocka_unit_test(units_are_read_and_written),
                cmocka_unit_test(bad_values_are_told),
                cmocka_unit_test(shapes_come_out),
                cmocka_unit_test(conditions_choose_the_field),
                cmocka_unit_test(empty_items_may_be_left_out),
                cmocka_unit_test(flags_hide_values),
                cmocka_unit_test(bad_shapes_are_told),
                cmocka_unit_test(lenient_reading_passes_over),
                cmocka_unit_test(copies_are_deep),
                cmocka_unit_test(differences_are_named),
                cmocka_unit_test(lists_can_be_changed),
                cmocka_unit_test(other_encodings_are_read),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
