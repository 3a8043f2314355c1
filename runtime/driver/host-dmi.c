/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The machine's SMBIOS tables as <sysinfo>. Layout: DMTF DSP0134, "System Management BIOS Reference Specification":
 * each structure is a header (type, length, handle), a formatted area of that length, and strings behind it, numbered
 * from 1, ended by an empty one. Only root may read the tables. */

#include "driver/host-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/file.h"

enum {
        DMI_MAX = 1024 * 1024,
        DMI_HEADER = 4,

        DMI_BIOS = 0,
        DMI_SYSTEM = 1,
        DMI_BASE_BOARD = 2,
        DMI_CHASSIS = 3,
        DMI_PROCESSOR = 4,
        DMI_OEM_STRINGS = 11,
        DMI_MEMORY_DEVICE = 17,
        DMI_END = 127,

        DMI_OEM_COUNT = 4, /* offset of the number of strings in OEM_STRINGS */
};

/* One structure of the table. */
typedef struct DmiEntry {
        uint8_t type;
        const uint8_t *data; /* formatted area, the header included */
        uint8_t len;
        const char *strings; /* first string; "" if there is none */
        const char *end;     /* of the table */
} DmiEntry;

/* Finds the structure at *pos and moves *pos behind it. False at the end, and where the table is broken. */
static bool next_entry(const uint8_t **pos, const uint8_t *end, DmiEntry *entry)
{
        const uint8_t *p = *pos;

        if (end - p < DMI_HEADER + 2 || p[1] < DMI_HEADER || p[1] > end - p - 2)
                return false;
        *entry = (DmiEntry){ p[0], p, p[1], (const char *)p + p[1], (const char *)end };
        for (p += p[1]; p + 1 < end && (p[0] || p[1]); p++)
                ;
        if (p + 1 >= end)
                return false;
        *pos = p + 2;
        return entry->type != DMI_END;
}

static const char *nth_string(const DmiEntry *entry, unsigned n)
{
        const char *s = entry->strings;

        for (; n > 1 && *s; n--)
                s += strlen(s) + 1;
        return n && *s ? s : NULL;
}

static void add_entry(VhBuf *buf, const char *name, const char *value, size_t len)
{
        _vh_free_ char *text = NULL;

        while (len && value[len - 1] == ' ')
                len--;
        if (!len)
                return;
        text = vh_xstrndup(value, len);
        vh_buf_printf(buf, "    <entry name='%s'>", name);
        vh_buf_xml_escape(buf, text);
        vh_buf_adds(buf, "</entry>\n");
}

/* Where a structure keeps the number of a string. */
typedef struct DmiRow {
        const char *name;
        uint8_t offset;
} DmiRow;

static void add_rows(const DmiEntry *entry, const DmiRow *rows, VhBuf *buf)
{
        for (; rows->name; rows++) {
                const char *s = rows->offset < entry->len ? nth_string(entry, entry->data[rows->offset]) : NULL;

                if (s)
                        add_entry(buf, rows->name, s, strlen(s));
        }
}

static unsigned word16(const DmiEntry *entry, unsigned offset)
{
        return offset + 1u < entry->len ? entry->data[offset] | entry->data[offset + 1] << 8 : 0;
}

/* The first three fields of the UUID are little-endian since version 2.6 of the specification. */
static void add_uuid(const DmiEntry *entry, VhBuf *buf)
{
        static const uint8_t order[VH_UUID_LEN] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };
        enum { UUID = 8 };
        char text[VH_UUID_TEXT_LEN + 1];
        uint8_t uuid[VH_UUID_LEN];

        if (entry->len < UUID + VH_UUID_LEN)
                return;
        for (size_t i = 0; i < VH_UUID_LEN; i++)
                uuid[i] = entry->data[UUID + order[i]];
        vh_uuid_format(uuid, text);
        add_entry(buf, "uuid", text, VH_UUID_TEXT_LEN);
}

static void add_release(const DmiEntry *entry, VhBuf *buf)
{
        enum { MAJOR = 0x14, MINOR = 0x15, NOT_GIVEN = 0xff };
        char text[8];

        if (entry->len <= MINOR || entry->data[MAJOR] == NOT_GIVEN)
                return;
        snprintf(text, sizeof(text), "%u.%u", entry->data[MAJOR], entry->data[MINOR]);
        add_entry(buf, "release", text, strlen(text));
}

/* Megabytes, or kilobytes with the top bit; large ones have a wider field. */
static void add_memory_size(const DmiEntry *entry, VhBuf *buf)
{
        enum { SIZE = 0x0c, EXTENDED = 0x1c, IS_KB = 0x8000, IN_EXTENDED = 0x7fff, KB_PER_MB = 1024 };
        unsigned size = word16(entry, SIZE), mb;
        char text[24];

        if (size == IN_EXTENDED)
                mb = word16(entry, EXTENDED) | word16(entry, EXTENDED + 2) << 16;
        else
                mb = size & IS_KB ? (size & ~(unsigned)IS_KB) / KB_PER_MB : size;
        if (mb && mb % KB_PER_MB == 0)
                snprintf(text, sizeof(text), "%u GB", mb / KB_PER_MB);
        else
                snprintf(text, sizeof(text), "%u MB", mb);
        add_entry(buf, "size", text, strlen(text));
}

static void add_number(VhBuf *buf, const char *name, unsigned n, const char *unit)
{
        char text[32];

        if (!n)
                return;
        snprintf(text, sizeof(text), "%u %s", n, unit);
        add_entry(buf, name, text, strlen(text));
}

static void add_memory_speed(const DmiEntry *entry, VhBuf *buf)
{
        enum { SPEED = 0x15, IN_EXTENDED = 0xffff };

        if (word16(entry, SPEED) != IN_EXTENDED)
                add_number(buf, "speed", word16(entry, SPEED), "MT/s");
}

static void add_clocks(const DmiEntry *entry, VhBuf *buf)
{
        enum { EXTERNAL = 0x12, MAX_SPEED = 0x14 };

        add_number(buf, "external_clock", word16(entry, EXTERNAL), "MHz");
        add_number(buf, "max_speed", word16(entry, MAX_SPEED), "MHz");
}

/* The number of the string stands behind a list of variable size. */
static void add_chassis_sku(const DmiEntry *entry, VhBuf *buf)
{
        enum { N_ELEMENTS = 0x13, ELEMENT_SIZE = 0x14, ELEMENTS = 0x15 };
        unsigned at;
        const char *s;

        if (entry->len <= ELEMENT_SIZE)
                return;
        at = ELEMENTS + (unsigned)entry->data[N_ELEMENTS] * entry->data[ELEMENT_SIZE];
        s = at < entry->len ? nth_string(entry, entry->data[at]) : NULL;
        if (s)
                add_entry(buf, "sku", s, strlen(s));
}

static bool memory_is_there(const DmiEntry *entry)
{
        enum { SIZE = 0x0c, UNKNOWN = 0xffff };

        return word16(entry, SIZE) != 0 && word16(entry, SIZE) != UNKNOWN;
}

static void add_oem_strings(const DmiEntry *entry, VhBuf *buf)
{
        unsigned n = entry->len > DMI_OEM_COUNT ? entry->data[DMI_OEM_COUNT] : 0;

        for (unsigned i = 1; i <= n; i++) {
                const char *s = nth_string(entry, i);

                if (!s)
                        continue;
                vh_buf_adds(buf, "    <entry>");
                vh_buf_xml_escape(buf, s);
                vh_buf_adds(buf, "</entry>\n");
        }
}

static const DmiRow bios_rows[] = { { "vendor", 4 }, { "version", 5 }, { "date", 8 }, { NULL, 0 } };
static const DmiRow system_rows[] = {
        { "manufacturer", 4 }, { "product", 5 }, { "version", 6 }, { "serial", 7 }, { NULL, 0 }
};
static const DmiRow system_tail[] = { { "sku", 0x19 }, { "family", 0x1a }, { NULL, 0 } };
static const DmiRow board_rows[] = { { "manufacturer", 4 }, { "product", 5 },     { "version", 6 }, { "serial", 7 },
                                     { "asset", 8 },        { "location", 0x0a }, { NULL, 0 } };
static const DmiRow chassis_rows[] = {
        { "manufacturer", 4 }, { "version", 6 }, { "serial", 7 }, { "asset", 8 }, { NULL, 0 }
};
static const DmiRow processor_rows[] = {
        { "socket_destination", 4 }, { "manufacturer", 7 }, { "version", 0x10 }, { NULL, 0 }
};
static const DmiRow processor_tail[] = { { "serial_number", 0x20 }, { "part_number", 0x22 }, { NULL, 0 } };
static const DmiRow memory_rows[] = { { "locator", 0x10 }, { "bank_locator", 0x11 }, { NULL, 0 } };
static const DmiRow memory_tail[] = {
        { "manufacturer", 0x17 }, { "serial_number", 0x18 }, { "part_number", 0x1a }, { NULL, 0 }
};

/* The sections in the order of the document. */
static const struct {
        uint8_t type;
        const char *element;
        void (*first)(const DmiEntry *entry, VhBuf *buf);
        const DmiRow *rows;
        void (*then)(const DmiEntry *entry, VhBuf *buf);
        const DmiRow *tail;
        bool (*wanted)(const DmiEntry *entry);
        bool once;
} sections[] = {
        { DMI_BIOS, "bios", NULL, bios_rows, add_release, NULL, NULL, true },
        { DMI_SYSTEM, "system", NULL, system_rows, add_uuid, system_tail, NULL, true },
        { DMI_BASE_BOARD, "baseBoard", NULL, board_rows, NULL, NULL, NULL, false },
        { DMI_CHASSIS, "chassis", NULL, chassis_rows, add_chassis_sku, NULL, NULL, true },
        { DMI_PROCESSOR, "processor", NULL, processor_rows, add_clocks, processor_tail, NULL, false },
        { DMI_MEMORY_DEVICE, "memory_device", add_memory_size, memory_rows, add_memory_speed, memory_tail,
          memory_is_there, false },
        { DMI_OEM_STRINGS, "oemStrings", add_oem_strings, NULL, NULL, NULL, NULL, true },
};

static void format_entry(size_t section, const DmiEntry *entry, VhBuf *buf)
{
        VhBuf inner = { 0 };

        if (sections[section].first)
                sections[section].first(entry, &inner);
        if (sections[section].rows)
                add_rows(entry, sections[section].rows, &inner);
        if (sections[section].then)
                sections[section].then(entry, &inner);
        if (sections[section].tail)
                add_rows(entry, sections[section].tail, &inner);
        if (inner.len)
                vh_buf_printf(buf, "  <%s>\n%s  </%s>\n", sections[section].element, inner.data,
                              sections[section].element);
        vh_buf_done(&inner);
}

static void format_section(size_t section, const uint8_t *table, const uint8_t *end, VhBuf *buf)
{
        const uint8_t *pos = table;
        DmiEntry entry;

        while (next_entry(&pos, end, &entry)) {
                if (entry.type != sections[section].type ||
                    (sections[section].wanted && !sections[section].wanted(&entry)))
                        continue;
                format_entry(section, &entry, buf);
                if (sections[section].once)
                        return;
        }
}

int vh_host_sysinfo_xml(VhHost *host, char **xml, VhError **err)
{
        _vh_close_ int fd = openat(host->rootfd, "sys/firmware/dmi/tables/DMI", O_RDONLY | O_CLOEXEC);
        _vh_free_ char *table = NULL;
        VhBuf buf = { 0 };
        size_t len;

        if (fd < 0 || vh_file_read_fd(fd, DMI_MAX, &table, &len) < 0)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "Host SMBIOS information is not available");
        vh_buf_adds(&buf, "<sysinfo type='smbios'>\n");
        for (size_t i = 0; i < VH_ARRAY_SIZE(sections); i++)
                format_section(i, (const uint8_t *)table, (const uint8_t *)table + len, &buf);
        vh_buf_adds(&buf, "</sysinfo>\n");
        *xml = vh_buf_take(&buf);
        return 0;
}
