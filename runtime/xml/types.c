/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The scalar types that tables use. Blanks around anything but strings are ignored. */

#include "xml/types.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

#include "base/uuid.h"

enum { NUMBER_TEXT_MAX = 32 }; /* longest number with its blanks that we read */

/* Copies text without surrounding blanks into buf; false if it does not fit. */
static bool trim(const char *text, char buf[NUMBER_TEXT_MAX])
{
        size_t n;

        text += strspn(text, " \t\r\n");
        n = strlen(text);
        while (n && strchr(" \t\r\n", text[n - 1]))
                n--;
        if (n >= NUMBER_TEXT_MAX)
                return false;
        memcpy(buf, text, n);
        buf[n] = 0;
        return true;
}

static int read_i64(const VhXmlRow *row, const char *text, int64_t low, int64_t high, int64_t *ret)
{
        char buf[NUMBER_TEXT_MAX];
        int64_t v;

        if (!trim(text, buf) || vh_parse_i64(buf, 10, &v) < 0 || v < low || v > high)
                return -EINVAL;
        if ((row->min || row->max) && (v < row->min || v > row->max))
                return -EDOM;
        *ret = v;
        return 0;
}

/* base 0: decimal, or hexadecimal after 0x. */
static int read_u64(const VhXmlRow *row, const char *text, int base, uint64_t high, uint64_t *ret)
{
        char buf[NUMBER_TEXT_MAX];
        const char *digits = buf;
        uint64_t v;

        if (!trim(text, buf))
                return -EINVAL;
        if (base == 0) {
                const char *hex = strncasecmp(buf, "0x", 2) == 0 ? buf + 2 : NULL;

                base = hex ? 16 : 10;
                digits = hex ? hex : buf;
        }
        if (vh_parse_u64(digits, base, &v) < 0 || v > high)
                return -EINVAL;
        if ((row->min || row->max) && (v < (uint64_t)row->min || v > (uint64_t)row->max))
                return -EDOM;
        *ret = v;
        return 0;
}

/* ---- strings ---- */

static int parse_string(const VhXmlRow *row, const char *text, const char *unit, void *field, VhError **err)
{
        vh_strset(field, text);
        return 0;
}

static bool string_is_set(const VhXmlRow *row, const void *field)
{
        return *(char *const *)field;
}

static void format_string(const VhXmlRow *row, const void *field, VhBuf *b)
{
        const char *s = *(char *const *)field;

        if (s)
                vh_buf_xml_escape(b, s);
}

static void clear_pointer(void *field)
{
        free(*(void **)field);
        *(void **)field = NULL;
}

static void copy_string(void *dst, const void *src)
{
        *(char **)dst = vh_xstrdup(*(char *const *)src);
}

static bool string_equal(const void *a, const void *b)
{
        return vh_streq(*(char *const *)a, *(char *const *)b);
}

const VhXmlType vh_xml_string = {
        .size = sizeof(char *),
        .parse = parse_string,
        .is_set = string_is_set,
        .format = format_string,
        .clear = clear_pointer,
        .copy = copy_string,
        .equal = string_equal,
};

/* "MAJOR.MINOR" of two digits at most each, as the device descriptor has it. */
static int parse_usb_version(const VhXmlRow *row, const char *text, const char *unit, void *field, VhError **err)
{
        size_t major = strspn(text, "0123456789");
        const char *minor = text + major + 1;
        size_t n;

        if (!major || major > 2 || text[major] != '.')
                return -EINVAL;
        n = strspn(minor, "0123456789");
        if (!n || n > 2 || minor[n])
                return -EINVAL;
        free(*(char **)field);
        *(char **)field = vh_xasprintf("%s%s", text, n == 1 ? "0" : "");
        return 0;
}

const VhXmlType vh_xml_usb_version = {
        .expected = "USB version",
        .size = sizeof(char *),
        .parse = parse_usb_version,
        .is_set = string_is_set,
        .format = format_string,
        .clear = clear_pointer,
        .copy = copy_string,
        .equal = string_equal,
};

/* ---- numbers ---- */

static int parse_int(const VhXmlRow *row, const char *text, const char *unit, void *field, VhError **err)
{
        int64_t v;
        int r = read_i64(row, text, INT32_MIN, INT32_MAX, &v);

        if (r == 0)
                *(int32_t *)field = (int32_t)v;
        return r;
}

static int parse_uint(const VhXmlRow *row, const char *text, const char *unit, void *field, VhError **err)
{
        uint64_t v;
        int r = read_u64(row, text, 10, UINT32_MAX, &v);

        if (r == 0)
                *(uint32_t *)field = (uint32_t)v;
        return r;
}

static int parse_u64(const VhXmlRow *row, const char *text, const char *unit, void *field, VhError **err)
{
        return read_u64(row, text, 10, UINT64_MAX, field);
}

static int parse_hex64(const VhXmlRow *row, const char *text, const char *unit, void *field, VhError **err)
{
        return read_u64(row, text, 0, UINT64_MAX, field);
}

static void add_u64(VhBuf *b, uint64_t v)
{
        char digits[20];
        size_t at = sizeof(digits);

        do
                digits[--at] = (char)('0' + v % 10);
        while (v /= 10);
        vh_buf_add(b, digits + at, sizeof(digits) - at);
}

static void format_int(const VhXmlRow *row, const void *field, VhBuf *b)
{
        int32_t v = *(const int32_t *)field;

        if (v < 0)
                vh_buf_addc(b, '-');
        add_u64(b, v < 0 ? -(int64_t)v : v);
}

static void format_uint(const VhXmlRow *row, const void *field, VhBuf *b)
{
        add_u64(b, *(const uint32_t *)field);
}

static void format_u64(const VhXmlRow *row, const void *field, VhBuf *b)
{
        add_u64(b, *(const uint64_t *)field);
}

static void format_hex64(const VhXmlRow *row, const void *field, VhBuf *b)
{
        vh_buf_printf(b, "0x%" PRIx64, *(const uint64_t *)field);
}

const VhXmlType vh_xml_int = { "integer value", .size = sizeof(int32_t), .parse = parse_int, .format = format_int };
const VhXmlType vh_xml_uint = { "non-negative integer value", .size = sizeof(uint32_t), .parse = parse_uint,
                                .format = format_uint };
const VhXmlType vh_xml_u64 = { "non-negative integer value", .size = sizeof(uint64_t), .parse = parse_u64,
                               .format = format_u64 };
const VhXmlType vh_xml_hex64 = { "non-negative integer value", .size = sizeof(uint64_t), .parse = parse_hex64,
                                 .format = format_hex64 };

/* ---- numbers for which zero can be given ---- */

static int parse_opt_int(const VhXmlRow *row, const char *text, const char *unit, void *field, VhError **err)
{
        VhOptInt *o = field;
        int r = parse_int(row, text, unit, &o->val, err);

        o->set = r == 0;
        return r;
}

static int parse_opt_i64(const VhXmlRow *row, const char *text, const char *unit, void *field, VhError **err)
{
        VhOptInt64 *o = field;
        int r = read_i64(row, text, INT64_MIN, INT64_MAX, &o->val);

        o->set = r == 0;
        return r;
}

static int parse_opt_uint(const VhXmlRow *row, const char *text, const char *unit, void *field, VhError **err)
{
        VhOptUint *o = field;
        int r = parse_uint(row, text, unit, &o->val, err);

        o->set = r == 0;
        return r;
}

static int parse_opt_natural(const VhXmlRow *row, const char *text, const char *unit, void *field, VhError **err)
{
        VhOptUint *o = field;
        int32_t v;
        int r = parse_int(row, text, unit, &v, err);

        if (r == 0 && v < 0)
                r = -EDOM;
        o->val = r == 0 ? (uint32_t)v : 0;
        o->set = r == 0;
        return r;
}

static int parse_opt_hex(const VhXmlRow *row, const char *text, const char *unit, void *field, VhError **err)
{
        VhOptUint *o = field;
        uint64_t v;
        int r = read_u64(row, text, 0, UINT32_MAX, &v);

        o->val = r == 0 ? (uint32_t)v : 0;
        o->set = r == 0;
        return r;
}

static int parse_opt_u64(const VhXmlRow *row, const char *text, const char *unit, void *field, VhError **err)
{
        VhOptU64 *o = field;
        int r = parse_hex64(row, text, unit, &o->val, err);

        o->set = r == 0;
        return r;
}

static bool opt_int_is_set(const VhXmlRow *row, const void *field)
{
        return ((const VhOptInt *)field)->set;
}

static bool opt_uint_is_set(const VhXmlRow *row, const void *field)
{
        return ((const VhOptUint *)field)->set;
}

static bool opt_u64_is_set(const VhXmlRow *row, const void *field)
{
        return ((const VhOptU64 *)field)->set;
}

static bool opt_i64_is_set(const VhXmlRow *row, const void *field)
{
        return ((const VhOptInt64 *)field)->set;
}

/* Not byte by byte: the structs have padding. */
#define DEFINE_OPT_EQUAL(name, T)                                                                                      \
        static bool name(const void *a, const void *b)                                                                 \
        {                                                                                                              \
                const T *x = a, *y = b;                                                                                \
                                                                                                                       \
                return x->set == y->set && (!x->set || x->val == y->val);                                              \
        }
DEFINE_OPT_EQUAL(opt_int_equal, VhOptInt)
DEFINE_OPT_EQUAL(opt_uint_equal, VhOptUint)
DEFINE_OPT_EQUAL(opt_u64_equal, VhOptU64)
DEFINE_OPT_EQUAL(opt_i64_equal, VhOptInt64)

static void format_opt_i64(const VhXmlRow *row, const void *field, VhBuf *b)
{
        vh_buf_printf(b, "%" PRId64, ((const VhOptInt64 *)field)->val);
}

static void format_opt_hex(const VhXmlRow *row, const void *field, VhBuf *b)
{
        int digits = row->max > UINT16_MAX ? 8 : row->max > UINT8_MAX ? 4 : 2;

        vh_buf_printf(b, "0x%0*x", digits, ((const VhOptUint *)field)->val);
}

static void format_register(const VhXmlRow *row, const void *field, VhBuf *b)
{
        vh_buf_printf(b, "0x%08" PRIx64, ((const VhOptU64 *)field)->val);
}

static void format_opt_short_hex(const VhXmlRow *row, const void *field, VhBuf *b)
{
        vh_buf_printf(b, "0x%x", ((const VhOptUint *)field)->val);
}

static void format_opt_id(const VhXmlRow *row, const void *field, VhBuf *b)
{
        vh_buf_printf(b, row->max > UINT8_MAX ? "0x%04X" : "0x%02X", ((const VhOptUint *)field)->val);
}

/* The value stands first in each of the structs, so the plain formatters serve. */
const VhXmlType vh_xml_opt_int = { "integer value",          .size = sizeof(VhOptInt), .parse = parse_opt_int,
                                   .is_set = opt_int_is_set, .format = format_int,     .equal = opt_int_equal };
const VhXmlType vh_xml_opt_i64 = { "integer value",          .size = sizeof(VhOptInt64), .parse = parse_opt_i64,
                                   .is_set = opt_i64_is_set, .format = format_opt_i64,   .equal = opt_i64_equal };
const VhXmlType vh_xml_opt_uint = { "non-negative integer value", .size = sizeof(VhOptUint), .parse = parse_opt_uint,
                                    .is_set = opt_uint_is_set,    .format = format_uint,     .equal = opt_uint_equal };
const VhXmlType vh_xml_opt_hex = { "non-negative integer value", .size = sizeof(VhOptUint), .parse = parse_opt_hex,
                                   .is_set = opt_uint_is_set,    .format = format_opt_hex,  .equal = opt_uint_equal };
const VhXmlType vh_xml_opt_short_hex = { "non-negative integer value",   .size = sizeof(VhOptUint),
                                         .parse = parse_opt_hex,         .is_set = opt_uint_is_set,
                                         .format = format_opt_short_hex, .equal = opt_uint_equal };
const VhXmlType vh_xml_opt_id = { "non-negative integer value", .size = sizeof(VhOptUint), .parse = parse_opt_hex,
                                  .is_set = opt_uint_is_set,    .format = format_opt_id,   .equal = opt_uint_equal };
const VhXmlType vh_xml_opt_natural = {
        .expected = "integer value",
        .expected_range = "non-negative value",
        .size = sizeof(VhOptUint),
        .parse = parse_opt_natural,
        .is_set = opt_uint_is_set,
        .format = format_uint,
        .equal = opt_uint_equal,
};
const VhXmlType vh_xml_opt_u64 = { "non-negative integer value", .size = sizeof(VhOptU64), .parse = parse_opt_u64,
                                   .is_set = opt_u64_is_set,     .format = format_u64,     .equal = opt_u64_equal };
const VhXmlType vh_xml_opt_hex64 = { "non-negative integer value", .size = sizeof(VhOptU64), .parse = parse_opt_u64,
                                     .is_set = opt_u64_is_set,     .format = format_hex64,   .equal = opt_u64_equal };
const VhXmlType vh_xml_opt_register = {
        "non-negative integer value", .size = sizeof(VhOptU64),  .parse = parse_opt_u64,
        .is_set = opt_u64_is_set,     .format = format_register, .equal = opt_u64_equal
};

/* ---- parts of PCI addresses ---- */

/* A number that is too large lies outside of the PCI address space, and is told so. */
static int read_pci(const VhXmlRow *row, const char *text, unsigned most, unsigned *ret, VhError **err)
{
        unsigned limit = row->max ? (unsigned)row->max : most;
        uint64_t v;
        int r = read_u64(&(const VhXmlRow){}, text, 0, UINT32_MAX, &v);

        if (r < 0)
                return r;
        *ret = (unsigned)v;
        if (v <= limit)
                return 0;
        if (most < UINT8_MAX)
                vh_error_set(err, VIR_FROM_NONE, VIR_ERR_XML_ERROR, "Invalid PCI address %s=0x%x, must be <= %u",
                             row->name, *ret, limit);
        else
                vh_error_set(err, VIR_FROM_NONE, VIR_ERR_XML_ERROR, "Invalid PCI address %s='0x%x', must be <= 0x%X",
                             row->name, *ret, limit);
        return -ERANGE;
}

static int parse_hex4(const VhXmlRow *row, const char *text, const char *unit, void *field, VhError **err)
{
        unsigned v;
        int r = read_pci(row, text, 0xf, &v, err);

        if (r == 0)
                *(uint8_t *)field = (uint8_t)v;
        return r;
}

static int parse_hex8(const VhXmlRow *row, const char *text, const char *unit, void *field, VhError **err)
{
        unsigned v;
        int r = read_pci(row, text, UINT8_MAX, &v, err);

        if (r == 0)
                *(uint8_t *)field = (uint8_t)v;
        return r;
}

static int parse_hex16(const VhXmlRow *row, const char *text, const char *unit, void *field, VhError **err)
{
        unsigned v;
        int r = read_pci(row, text, UINT16_MAX, &v, err);

        if (r == 0)
                *(uint16_t *)field = (uint16_t)v;
        return r;
}

static bool always_set(const VhXmlRow *row, const void *field)
{
        return true;
}

static void add_hex(VhBuf *b, unsigned v, unsigned digits)
{
        char text[6] = "0x";

        for (unsigned i = 0; i < digits; i++)
                text[2 + i] = "0123456789abcdef"[v >> (4 * (digits - 1 - i)) & 15];
        vh_buf_add(b, text, 2 + digits);
}

static void format_hex4(const VhXmlRow *row, const void *field, VhBuf *b)
{
        add_hex(b, *(const uint8_t *)field, 1);
}

static void format_hex8(const VhXmlRow *row, const void *field, VhBuf *b)
{
        add_hex(b, *(const uint8_t *)field, 2);
}

static void format_hex16(const VhXmlRow *row, const void *field, VhBuf *b)
{
        add_hex(b, *(const uint16_t *)field, 4);
}

const VhXmlType vh_xml_hex4 = { "non-negative integer value", .size = 1, .parse = parse_hex4, .is_set = always_set,
                                .format = format_hex4 };
const VhXmlType vh_xml_hex8 = { "non-negative integer value", .size = 1, .parse = parse_hex8, .is_set = always_set,
                                .format = format_hex8 };
const VhXmlType vh_xml_hex16 = { "non-negative integer value", .size = 2, .parse = parse_hex16, .is_set = always_set,
                                 .format = format_hex16 };

/* ---- words ---- */

int vh_xml_names_find(const VhXmlNames *names, const char *text)
{
        for (unsigned i = 0; i < names->n; i++)
                if (names->text[i] && strcmp(names->text[i], text) == 0)
                        return (int)i;
        return -1;
}

const char *vh_xml_names_text(const VhXmlNames *names, unsigned value)
{
        return value < names->n ? names->text[value] : NULL;
}

static int parse_enum(const VhXmlRow *row, const char *text, const char *unit, void *field, VhError **err)
{
        int v = vh_xml_names_find(row->names, text);

        if (v < 0)
                return -EINVAL;
        *(uint8_t *)field = (uint8_t)v;
        return 0;
}

static bool enum_is_set(const VhXmlRow *row, const void *field)
{
        return vh_xml_names_text(row->names, *(const uint8_t *)field);
}

static void format_enum(const VhXmlRow *row, const void *field, VhBuf *b)
{
        const char *text = vh_xml_names_text(row->names, *(const uint8_t *)field);

        if (text)
                vh_buf_adds(b, text);
}

const VhXmlType vh_xml_enum = { NULL, .size = 1, .parse = parse_enum, .is_set = enum_is_set, .format = format_enum };

const VhXmlNames vh_xml_yes_no = { 3, (const char *const[]){ NULL, "yes", "no" } };
const VhXmlNames vh_xml_on_off = { 3, (const char *const[]){ NULL, "on", "off" } };

/* ---- identifiers ---- */

static int parse_uuid(const VhXmlRow *row, const char *text, const char *unit, void *field, VhError **err)
{
        return vh_uuid_parse(text, field);
}

static void format_uuid(const VhXmlRow *row, const void *field, VhBuf *b)
{
        char text[VH_UUID_TEXT_LEN + 1];

        vh_buf_adds(b, vh_uuid_format(field, text));
}

const VhXmlType vh_xml_uuid = { "UUID", .size = VH_UUID_LEN, .parse = parse_uuid, .format = format_uuid };

static int hex_digit(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        c |= 0x20;
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Six groups of one or two hex digits with colons between. */
static int parse_mac(const VhXmlRow *row, const char *text, const char *unit, void *field, VhError **err)
{
        uint8_t mac[6];

        for (unsigned i = 0; i < sizeof(mac); i++) {
                int high = hex_digit(*text), low;

                if (high < 0)
                        return -EINVAL;
                low = hex_digit(*++text);
                if (low >= 0)
                        text++;
                mac[i] = (uint8_t)(low < 0 ? high : high << 4 | low);
                if (*text++ != (i < 5 ? ':' : 0))
                        return -EINVAL;
        }
        memcpy(field, mac, sizeof(mac));
        return 0;
}

static void format_mac(const VhXmlRow *row, const void *field, VhBuf *b)
{
        const uint8_t *mac = field;
        char text[18];

        snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
        vh_buf_adds(b, text);
}

const VhXmlType vh_xml_mac = { "MAC address", .size = 6, .parse = parse_mac, .format = format_mac };

/* The dotted port numbers of a USB address, char[16]. */
static int parse_usb_port(const VhXmlRow *row, const char *text, const char *unit, void *field, VhError **err)
{
        size_t n = strlen(text), depth = 1;

        for (const char *dot = strchr(text, '.'); dot; dot = strchr(dot + 1, '.'))
                depth++;
        if (n == 0 || n >= 16 || depth > VH_USB_DEPTH_MAX || text[strspn(text, "0123456789.")] || text[0] == '.' ||
            text[n - 1] == '.' || strstr(text, ".."))
                return -EINVAL;
        memcpy(field, text, n + 1);
        return 0;
}

static void format_chars(const VhXmlRow *row, const void *field, VhBuf *b)
{
        vh_buf_adds(b, field);
}

const VhXmlType vh_xml_usb_port = { "USB port", .size = 16, .parse = parse_usb_port, .format = format_chars };
