/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Scalar types with units, and sets of CPU numbers. */

#include "xml/types.h"

#include <errno.h>
#include <inttypes.h>
#include <strings.h>

enum {
        KIB = 1024,
};

/* "k", "M", ... as a power of base; 0 for an unknown letter. */
static uint64_t power_of(char letter, uint64_t base)
{
        static const char letters[] = "kmgtpe";
        const char *at = letter ? strchr(letters, letter | 0x20) : NULL;
        uint64_t v = 1;

        if (!at)
                return 0;
        for (long i = 0; i <= at - letters; i++)
                v *= base;
        return v;
}

/* Units: "b" and "bytes", a letter alone or with "iB" for powers of 1024, a letter with "B" for powers of 1000. */
static uint64_t factor_of(const char *unit)
{
        if (strcasecmp(unit, "b") == 0 || strcasecmp(unit, "byte") == 0 || strcasecmp(unit, "bytes") == 0)
                return 1;
        if (!unit[1] || strcasecmp(unit + 1, "ib") == 0)
                return power_of(unit[0], 1024);
        if (strcasecmp(unit + 1, "b") == 0)
                return power_of(unit[0], 1000);
        return 0;
}

int vh_scale_parse(uint64_t value, const char *unit, uint64_t scale, uint64_t limit, uint64_t *ret)
{
        if (unit && *unit) {
                scale = factor_of(unit);
                if (!scale)
                        return -EINVAL;
        }
        if (value > limit / scale)
                return -ERANGE;
        *ret = value * scale;
        return 0;
}

static int parse_scaled(const char *text, const char *unit, uint64_t scale, uint64_t *ret, VhError **err)
{
        uint64_t value;
        int r;

        text += strspn(text, " \t\r\n");
        r = vh_xml_u64.parse(&(const VhXmlRow){}, text, NULL, &value, err);
        if (r < 0)
                return r;
        r = vh_scale_parse(value, unit, scale, INT64_MAX, ret);
        if (r == -EINVAL) {
                vh_error_set(err, VIR_FROM_NONE, VIR_ERR_INVALID_ARG, "unknown suffix '%s'", unit);
                return -EBADMSG;
        }
        if (r == -ERANGE)
                vh_error_set(err, VIR_FROM_NONE, VIR_ERR_OVERFLOW, "value too large: %" PRIu64 "%s", value,
                             unit ? unit : "");
        return r;
}

/* Rounds up: a guest never gets less than was asked for. */
static int parse_kib(const VhXmlRow *row, const char *text, const char *unit, void *field, VhError **err)
{
        uint64_t bytes;
        int r = parse_scaled(text, unit, KIB, &bytes, err);

        if (r == 0)
                *(uint64_t *)field = bytes / KIB + (bytes % KIB != 0);
        return r;
}

static int parse_mib(const VhXmlRow *row, const char *text, const char *unit, void *field, VhError **err)
{
        uint64_t bytes;
        int r = parse_scaled(text, unit, 1, &bytes, err);

        if (r == 0)
                *(uint64_t *)field = bytes / KIB;
        return r;
}

static void format_mib(const VhXmlRow *row, const void *field, VhBuf *b)
{
        vh_buf_printf(b, "%" PRIu64, *(const uint64_t *)field / KIB);
}

static int parse_bytes(const VhXmlRow *row, const char *text, const char *unit, void *field, VhError **err)
{
        return parse_scaled(text, unit, 1, field, err);
}

static void format_number(const VhXmlRow *row, const void *field, VhBuf *b)
{
        vh_xml_u64.format(row, field, b);
}

/* ---- the largest unit that needs no fraction ---- */

static const char *const binary_units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };

static unsigned fitting_unit(uint64_t bytes)
{
        unsigned i = 0;

        for (; bytes && bytes % KIB == 0 && i + 1 < VH_ARRAY_SIZE(binary_units); i++)
                bytes /= KIB;
        return i;
}

static int parse_size(const VhXmlRow *row, const char *text, const char *unit, void *field, VhError **err)
{
        return parse_scaled(text, unit, KIB * KIB, field, err);
}

static const char *size_unit(const void *field)
{
        return binary_units[fitting_unit(*(const uint64_t *)field)];
}

static void format_size(const VhXmlRow *row, const void *field, VhBuf *b)
{
        uint64_t bytes = *(const uint64_t *)field;

        vh_buf_printf(b, "%" PRIu64, bytes >> (10 * fitting_unit(bytes)));
}

const VhXmlType vh_xml_size = { "scaled size",       .size = sizeof(uint64_t), .unit = "B",
                                .parse = parse_size, .unit_of = size_unit,     .format = format_size };
const VhXmlType vh_xml_kib = { "scaled size", .size = sizeof(uint64_t), .unit = "KiB", .parse = parse_kib,
                               .format = format_number };
const VhXmlType vh_xml_mib = { "scaled size", .size = sizeof(uint64_t), .unit = "M", .parse = parse_mib,
                               .format = format_mib };
const VhXmlType vh_xml_short_bytes = { "scaled size", .size = sizeof(uint64_t), .unit = "B", .parse = parse_bytes,
                                       .format = format_number };
const VhXmlType vh_xml_bytes = { "scaled size", .size = sizeof(uint64_t), .unit = "bytes", .parse = parse_bytes,
                                 .format = format_number };

/* ---- sets of numbers ---- */

static void set_bit(VhCpuset *set, uint64_t cpu, bool on)
{
        uint64_t bit = UINT64_C(1) << (cpu % 64);

        if (cpu / 64 >= set->n_words)
                return;
        if (on)
                set->words[cpu / 64] |= bit;
        else
                set->words[cpu / 64] &= ~bit;
}

static const char *read_number(const char *s, uint64_t *ret)
{
        uint64_t v = 0;

        if (*s < '0' || *s > '9')
                return NULL;
        for (; *s >= '0' && *s <= '9'; s++) {
                v = v * 10 + (uint64_t)(*s - '0');
                if (v >= VH_CPUSET_MAX)
                        return NULL;
        }
        *ret = v;
        return s;
}

static const char *skip_blanks(const char *s)
{
        return s + strspn(s, " \t\r\n");
}

/* Reads "N", "N-M" or "^N" at s into set and returns what follows, NULL for anything else. */
static const char *read_range(const char *s, VhCpuset *set)
{
        bool on = *s != '^';
        uint64_t first, last;

        s = read_number(on ? s : s + 1, &first);
        if (!s)
                return NULL;
        last = first;
        s = skip_blanks(s);
        if (on && *s == '-') {
                s = read_number(skip_blanks(s + 1), &last);
                if (!s || last < first)
                        return NULL;
        }
        for (uint64_t cpu = first; cpu <= last; cpu++)
                set_bit(set, cpu, on);
        return skip_blanks(s);
}

static VhCpuset *shrink(VhCpuset *set)
{
        while (set->n_words && !set->words[set->n_words - 1])
                set->n_words--;
        return vh_xrealloc(set, 1, sizeof(*set) + set->n_words * sizeof(uint64_t));
}

int vh_cpuset_parse(const char *text, VhCpuset **setp)
{
        _vh_free_ VhCpuset *set = vh_xcalloc(1, sizeof(*set) + VH_CPUSET_MAX / 8);
        const char *s = skip_blanks(text);

        set->n_words = VH_CPUSET_MAX / 64;
        while (*s) {
                s = read_range(s, set);
                if (!s || (*s && *s != ','))
                        return -EINVAL;
                if (*s == ',')
                        s = skip_blanks(s + 1);
        }
        if (vh_cpuset_last(set) < 0)
                return -EINVAL;
        *setp = shrink(VH_TAKE_PTR(set));
        return 0;
}

void vh_cpuset_format(const VhCpuset *set, VhBuf *b)
{
        const char *comma = "";

        for (uint32_t cpu = 0; cpu < set->n_words * 64; cpu++) {
                uint32_t last = cpu;

                if (!vh_cpuset_has(set, cpu))
                        continue;
                while (vh_cpuset_has(set, last + 1))
                        last++;
                vh_buf_printf(b, last > cpu ? "%s%u-%u" : "%s%u", comma, cpu, last);
                comma = ",";
                cpu = last;
        }
}

int vh_cpuset_last(const VhCpuset *set)
{
        for (uint32_t i = set ? set->n_words : 0; i > 0; i--)
                if (set->words[i - 1])
                        return (int)(i * 64 - 1) - __builtin_clzll(set->words[i - 1]);
        return -1;
}

unsigned vh_cpuset_count(const VhCpuset *set)
{
        unsigned n = 0;

        for (uint32_t i = 0; set && i < set->n_words; i++)
                n += (unsigned)__builtin_popcountll(set->words[i]);
        return n;
}

static int parse_cpuset(const VhXmlRow *row, const char *text, const char *unit, void *field, VhError **err)
{
        VhCpuset *set;
        int r = vh_cpuset_parse(text, &set);

        if (r < 0) {
                vh_error_set(err, VIR_FROM_NONE, VIR_ERR_INVALID_ARG, "Failed to parse bitmap '%s'", text);
                return -EBADMSG;
        }
        free(*(VhCpuset **)field);
        *(VhCpuset **)field = set;
        return 0;
}

static void format_cpuset(const VhXmlRow *row, const void *field, VhBuf *b)
{
        if (*(VhCpuset *const *)field)
                vh_cpuset_format(*(VhCpuset *const *)field, b);
}

static void clear_cpuset(void *field)
{
        free(*(VhCpuset **)field);
        *(VhCpuset **)field = NULL;
}

static size_t cpuset_size(const VhCpuset *set)
{
        return sizeof(*set) + set->n_words * sizeof(uint64_t);
}

static void copy_cpuset(void *dst, const void *src)
{
        const VhCpuset *set = *(VhCpuset *const *)src;
        VhCpuset *copy = NULL;

        if (set) {
                copy = vh_xcalloc(1, cpuset_size(set));
                memcpy(copy, set, cpuset_size(set));
        }
        *(VhCpuset **)dst = copy;
}

static bool cpuset_equal(const void *a, const void *b)
{
        const VhCpuset *x = *(VhCpuset *const *)a, *y = *(VhCpuset *const *)b;

        if (!x || !y)
                return x == y;
        return x->n_words == y->n_words && memcmp(x, y, cpuset_size(x)) == 0;
}

const VhXmlType vh_xml_cpuset = {
        .size = sizeof(VhCpuset *),
        .parse = parse_cpuset,
        .format = format_cpuset,
        .clear = clear_cpuset,
        .copy = copy_cpuset,
        .equal = cpuset_equal,
};
