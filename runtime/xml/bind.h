/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Elements and structs bound by tables: the same rows parse, format, copy, compare and free.
 *
 * A row says where a value stands in the XML (an attribute, a text, a child element), where it lies in the struct, and
 * its type. The order of the rows is the order in which an element is written; it is read in any order. A struct that
 * is all zero is a valid empty one, and zero (NULL) means "not given" for every type besides the VhOpt ones.
 *
 * Unknown attributes, elements and texts are refused with their path and line when VH_XML_STRICT is set, else ignored.
 * Elements and attributes of foreign namespaces are always ignored (outside of raw subtrees, which keep everything). */

#include "base/buf.h"
#include "base/error.h"
#include "xml/doc.h"

/* Flags of parsing and formatting; a row's show and hide masks speak about them. The upper bits are the model's own. */
enum {
        VH_XML_STRICT = 1 << 0,     /* parse: refuse what no row knows */
        VH_XML_INACTIVE = 1 << 1,   /* only what belongs to the stored configuration */
        VH_XML_SECURE = 1 << 2,     /* format passwords too */
        VH_XML_MIGRATABLE = 1 << 3, /* format for another host: without what the host adds by itself */
        VH_XML_STATUS = 1 << 4,     /* our own state files: everything */
        VH_XML_USER = 1 << 8,       /* first bit for a model */
};

typedef struct VhXmlRow VhXmlRow;
typedef struct VhXmlTable VhXmlTable;

/* A scalar type. field points into the struct. */
typedef struct VhXmlType {
        const char *expected;       /* for messages: "non-negative integer value"; NULL: the bare message */
        const char *expected_range; /* the same for -EDOM; NULL: expected */
        size_t size;                /* of the field */
        const char *unit;           /* not NULL: the element has an attribute "unit"; this one is written */
        const char *(*unit_of)(const void *field); /* the unit that is written depends on the value; NULL: unit */
        /* Reads text (not NULL). Returns 0, -EINVAL (does not fit the type), -EDOM (fits, but lies outside of the row's
         * min..max), or another errno after setting *err itself; the place is added to it. */
        int (*parse)(const VhXmlRow *row, const char *text, const char *unit, void *field, VhError **err);
        bool (*is_set)(const VhXmlRow *row, const void *field); /* NULL: any byte is not zero */
        void (*format)(const VhXmlRow *row, const void *field, VhBuf *b);
        /* For types that own memory; NULL: plain bytes. */
        void (*clear)(void *field);
        void (*copy)(void *dst, const void *src);
        bool (*equal)(const void *a, const void *b);
} VhXmlType;

/* Texts of an enum: index = value, [0] is NULL ("not given") unless zero has a text of its own. */
typedef struct VhXmlNames {
        unsigned n;
        const char *const *text;
} VhXmlNames;

/* Finds the value of text; returns -1 if there is none. */
int vh_xml_names_find(const VhXmlNames *names, const char *text);
/* The text of value, NULL if there is none. */
const char *vh_xml_names_text(const VhXmlNames *names, unsigned value);

typedef struct VhXmlNs {
        const char *prefix;
        const char *uri;
} VhXmlNs;

/* What to say where the generic words do not serve: "BEFORE" value "AFTER". The value is what is wrong: a text, or the
 * name of an element. */
typedef struct VhXmlFault {
        int domain; /* VIR_FROM_* */
        int code;   /* VIR_ERR_* */
        const char *before;
        const char *after; /* NULL: nothing */
        bool without_value;
} VhXmlFault;

typedef enum VhXmlPlace {
        VH_XML_END,          /* closes a table */
        VH_XML_ATTR,         /* attribute of the element */
        VH_XML_DROPPED_ATTR, /* attribute that is accepted and not kept */
        VH_XML_TEXT,         /* the element's own text */
        VH_XML_LEAF,         /* child element that holds one text */
        VH_XML_FLAG,         /* empty child element, bool */
        VH_XML_GROUP,        /* child element whose rows fill the struct at offset (0: the same struct) */
        VH_XML_EMBED,        /* no element: more rows of this element, for the struct at offset */
        VH_XML_PTR,          /* child element with a struct of its own on the heap, NULL if absent */
        VH_XML_LIST,         /* child elements of the same name, VH_LIST() of structs on the heap */
        VH_XML_RAW,          /* child element kept as text (char *), with its tags */
        VH_XML_DROPPED,      /* child element that is accepted and not kept */
} __attribute__((packed)) VhXmlPlace;

enum {
        VH_XML_KEY = 1 << 0,        /* attribute that other rows' conditions look at; key rows come first in a table */
        VH_XML_REQUIRED = 1 << 1,   /* must be given where its condition holds */
        VH_XML_ALWAYS = 1 << 2,     /* GROUP: written, with both tags, even if empty; scalar: written even if zero */
        VH_XML_PARSE_ONLY = 1 << 3, /* another spelling of a field that has its row elsewhere */
        VH_XML_REPEAT = 1 << 4,     /* may be given again; the last one wins */
        VH_XML_NONEMPTY = 1 << 5,   /* an empty text counts as not given; LIST: empty items are not written */
};

enum {
        /* Items of one list: what is made of lists compares all with all. */
        VH_XML_LIST_MAX = 4096,
};

struct VhXmlRow {
        const char *name;
        const VhXmlNs *ns;
        VhXmlPlace place;
        uint8_t flags; /* VH_XML_KEY, ... */
        uint16_t size; /* of the field, for the check of the tables */
        uint32_t offset;
        const VhXmlType *type;
        union {
                const VhXmlNames *names; /* enums */
                const VhXmlRow *rows;    /* GROUP, EMBED */
                const VhXmlTable *table; /* PTR, LIST */
        };
        /* NULL: the generic message. */
        const VhXmlFault *fault;   /* bad value; in the row that closes a table: an element that no row knows */
        const VhXmlFault *range;   /* outside of min..max; NULL: as a bad value */
        const VhXmlFault *missing; /* required, but not given */
        const VhXmlFault *twice;   /* element given a second time */
        /* Numbers must lie in min..max; both 0: any. LIST: at most max items; 0: VH_XML_LIST_MAX. */
        int64_t min, max;
        /* Value of a scalar that is not given; 0: stays zero. */
        int64_t def;
        /* The row exists only if the byte at when_at (an enum of the same struct) has its bit in when; 0: always. */
        uint64_t when;
        uint32_t when_at;
        uint16_t show; /* formatted only if one of these flags is set; 0: always */
        uint16_t hide; /* neither formatted nor read if one of these flags is set */
};

typedef struct VhXmlParse {
        unsigned flags;
        const void *env; /* the model's own, for check functions */
        VhError **err;
        struct VhArena *scratch;
} VhXmlParse;

struct VhXmlTable {
        const char *name; /* of the element when it stands alone */
        size_t size;
        const VhXmlRow *rows;
        /* After all rows were read: derived values, conditions that no row can say. NULL: none. */
        int (*check)(void *obj, const VhXmlParse *p, const xmlNode *node);
};

/* A list field: pointers to structs, each on the heap. */
#define VH_LIST(T)                                                                                                     \
        struct {                                                                                                       \
                T **items;                                                                                             \
                uint32_t n;                                                                                            \
        }

/* Appends p (taken over) to a list / inserts it at place i / takes the one at place i out. */
#define vh_list_add(list, p) vh_list_insert((list), (list)->n, (p))
#define vh_list_insert(list, i, p)                                                                                     \
        ({                                                                                                             \
                typeof(*(list)->items) _p = (p);                                                                       \
                vh_list_insert_raw((list), (i), _p);                                                                   \
        })
#define vh_list_take(list, i) ((typeof(*(list)->items))vh_list_take_raw((list), (i)))
void vh_list_insert_raw(void *list, uint32_t i, void *p);
void *vh_list_take_raw(void *list, uint32_t i);

/* Fills obj (zeroed memory of table->size) from node. On failure obj holds what was read so far: clear it. Returns 0 or
 * negative errno with *err. env is handed to check functions. */
int vh_xml_bind_parse(const VhXmlTable *table, const xmlNode *node, void *obj, unsigned flags, const void *env,
                      VhError **err);
/* The same into new memory. */
int vh_xml_bind_parse_new(const VhXmlTable *table, const xmlNode *node, void **objp, unsigned flags, const void *env,
                          VhError **err);
/* Writes obj as element `name` (NULL: the table's) at the buffer's indent, with a final newline. */
void vh_xml_bind_format(const VhXmlTable *table, const char *name, const void *obj, unsigned flags, VhBuf *b);
/* A new struct with the rows' defaults. */
void *vh_xml_bind_new(const VhXmlTable *table);
/* Frees what obj owns and zeroes it. */
void vh_xml_bind_clear(const VhXmlTable *table, void *obj);
/* Clears and frees obj; accepts NULL, returns NULL. */
void *vh_xml_bind_free(const VhXmlTable *table, void *obj);
/* Deep copy; fields without a row are zero in the copy. */
void vh_xml_bind_copy(const VhXmlTable *table, void *dst, const void *src);
void *vh_xml_bind_dup(const VhXmlTable *table, const void *src);
/* Whether all rows agree. If not and where is not NULL, adds the path of the first difference to it ("devices/disk[2]/
 * target/dev"). */
bool vh_xml_bind_equal(const VhXmlTable *table, const void *a, const void *b, VhBuf *where);
/* Checks a table itself (sizes, order, conditions) for the unit tests: returns NULL, or what is wrong (caller frees).
 */
char *vh_xml_bind_lint(const VhXmlTable *table);

/* Internal to the engine, shared by its files. */
typedef struct VhXmlList {
        void **items;
        uint32_t n;
} __attribute__((may_alias)) VhXmlList;
typedef void *__attribute__((may_alias)) VhXmlPtr;

static inline bool vh_xml_row_active(const VhXmlRow *row, const void *base)
{
        return !row->when || (row->when >> ((const uint8_t *)base)[row->when_at] & 1);
}
bool vh_xml_scalar_is_set(const VhXmlRow *row, const void *field);
void vh_xml_bind_defaults(const VhXmlRow *rows, void *base);
void vh_xml_raw_format(const char *raw, VhBuf *b);
/* The subtree as text: what RAW keeps, written as an element at depth 1 of a document. The caller frees it. */
char *vh_xml_raw_text(const xmlNode *node);
