/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The scalar types that tables use. */

#include "xml/bind.h"

/* Numbers for which zero is a value that can be given. */
typedef struct VhOptInt {
        int32_t val;
        bool set;
} VhOptInt;

typedef struct VhOptUint {
        uint32_t val;
        bool set;
} VhOptUint;

typedef struct VhOptU64 {
        uint64_t val;
        bool set;
} VhOptU64;

typedef struct VhOptInt64 {
        int64_t val;
        bool set;
} VhOptInt64;

extern const VhXmlType vh_xml_string;        /* char * */
extern const VhXmlType vh_xml_int;           /* int32_t, not given = 0 */
extern const VhXmlType vh_xml_uint;          /* uint32_t, not given = 0 */
extern const VhXmlType vh_xml_u64;           /* uint64_t, not given = 0 */
extern const VhXmlType vh_xml_opt_int;       /* VhOptInt */
extern const VhXmlType vh_xml_opt_uint;      /* VhOptUint */
extern const VhXmlType vh_xml_opt_i64;       /* VhOptInt64 */
extern const VhXmlType vh_xml_opt_u64;       /* VhOptU64 */
extern const VhXmlType vh_xml_opt_hex;       /* VhOptUint read in any base, written as 0x and at least two digits */
extern const VhXmlType vh_xml_opt_short_hex; /* the same without leading zeroes */
extern const VhXmlType vh_xml_opt_id;        /* the same with upper case digits */
extern const VhXmlType vh_xml_opt_natural;   /* VhOptUint up to INT32_MAX; messages speak of an integer */
extern const VhXmlType vh_xml_opt_hex64;     /* VhOptU64 read in any base, written 0x%llx */
extern const VhXmlType vh_xml_opt_register;  /* the same as 0x%08llx */
extern const VhXmlType vh_xml_usb_port;      /* char[16], "1.2.3"; hubs behind hubs up to this depth: */
enum { VH_USB_DEPTH_MAX = 4 };
extern const VhXmlType vh_xml_hex8;        /* uint8_t of a pair of hex digits, 0x00; always written */
extern const VhXmlType vh_xml_hex16;       /* uint16_t, 0x0000; always written */
extern const VhXmlType vh_xml_hex4;        /* uint8_t, 0x0; always written */
extern const VhXmlType vh_xml_hex64;       /* uint64_t, written 0x%llx, not given = 0 */
extern const VhXmlType vh_xml_enum;        /* uint8_t (packed enum), row->names */
extern const VhXmlType vh_xml_uuid;        /* uint8_t[16], not given = all zero */
extern const VhXmlType vh_xml_mac;         /* uint8_t[6], not given = all zero */
extern const VhXmlType vh_xml_kib;         /* uint64_t KiB, read with a unit (KiB if none), written unit='KiB' */
extern const VhXmlType vh_xml_mib;         /* uint64_t KiB, read with a unit (bytes if none), written unit='M' */
extern const VhXmlType vh_xml_bytes;       /* uint64_t bytes, read with a unit (bytes if none), written unit='bytes' */
extern const VhXmlType vh_xml_short_bytes; /* the same, written with the unit "B" */
extern const VhXmlType
        vh_xml_size; /* uint64_t bytes, read with a unit (MiB if none), written in the largest that fits */
extern const VhXmlType vh_xml_usb_version; /* char *, "2.00"; a single digit behind the dot gets a zero */
extern const VhXmlType vh_xml_cpuset;      /* VhCpuset *, "0-3,^2,8", bounded by VH_CPUSET_MAX */

extern const VhXmlNames vh_xml_yes_no; /* VH_YES, VH_NO */
extern const VhXmlNames vh_xml_on_off; /* VH_ON, VH_OFF */
enum { VH_YES = 1, VH_NO = 2, VH_ON = 1, VH_OFF = 2 };

/* A set of CPU or node numbers. */
enum { VH_CPUSET_MAX = 16384 };
typedef struct VhCpuset {
        uint32_t n_words;
        uint64_t words[];
} VhCpuset;

/* Reads "0-3,^2,8". Returns 0 or -EINVAL. The caller frees the set with free(). */
int vh_cpuset_parse(const char *text, VhCpuset **setp);
/* Adds the text in the shortest form: "0-1,3". */
void vh_cpuset_format(const VhCpuset *set, VhBuf *b);
static inline bool vh_cpuset_has(const VhCpuset *set, uint32_t cpu)
{
        return set && cpu / 64 < set->n_words && (set->words[cpu / 64] >> (cpu % 64) & 1);
}
/* Highest number in the set, -1 if it is empty. */
int vh_cpuset_last(const VhCpuset *set);
unsigned vh_cpuset_count(const VhCpuset *set);

/* Scales value by a unit as the XML has it: "b", "bytes", "KB", "k", "KiB", "MB", "MiB", ... up to E. NULL means
 * `scale`. Returns 0, -EINVAL (unknown unit) or -ERANGE (more than limit). */
int vh_scale_parse(uint64_t value, const char *unit, uint64_t scale, uint64_t limit, uint64_t *ret);
