/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Payloads: C structs to XDR and back, by tables that are generated from protocol/NAME.yaml.
 *
 * Decoding is done in place: strings and byte arrays point into the buffer, other arrays and optional structs come from
 * an arena. A string that holds NUL bytes is accepted, and to C it ends at the first, as in the reference. */

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include <sys/types.h>

typedef struct VhXdrType VhXdrType;

typedef enum VhXdrKind {
        VH_XDR_INT, /* and enums */
        VH_XDR_UINT,
        VH_XDR_HYPER,
        VH_XDR_UHYPER,
        VH_XDR_DOUBLE,
        VH_XDR_CHAR, /* this and the next three take 4 bytes each on the wire */
        VH_XDR_UCHAR,
        VH_XDR_SHORT,
        VH_XDR_USHORT,
        VH_XDR_OPAQUE, /* one byte of a byte array */
        VH_XDR_STRING, /* char * */
        VH_XDR_STRUCT,
        VH_XDR_UNION, /* a struct whose first field selects one of the others */
} VhXdrKind;

typedef enum VhXdrShape {
        VH_XDR_ONE,
        VH_XDR_OPTIONAL, /* pointer, NULL = absent; for strings the string itself */
        VH_XDR_FIXED,    /* array of `count` items */
        VH_XDR_VARIABLE, /* struct { uint32_t len; T *val; } with at most `count` items */
} VhXdrShape;

typedef struct VhXdrField {
        const char *name;
        const VhXdrType *type;
        uint32_t count;
        int32_t selector; /* arms of a union: value of the discriminant */
        uint16_t offset;  /* in the C struct */
        uint8_t shape;    /* VhXdrShape */
        bool secret;      /* never to be printed */
} VhXdrField;

struct VhXdrType {
        const char *name;
        VhXdrKind kind;
        uint32_t size; /* of the C type */
        uint32_t wire; /* least bytes that it takes on the wire */
        uint32_t max;  /* strings: most bytes */
        const VhXdrField *fields;
        unsigned n_fields;
};

/* The layout of every counted array. */
typedef struct VhXdrArray {
        uint32_t len;
        void *val;
} VhXdrArray;

/* Types that every program has. */
extern const VhXdrType vh_xdr_int, vh_xdr_uint, vh_xdr_hyper, vh_xdr_uhyper, vh_xdr_double, vh_xdr_char, vh_xdr_uchar,
        vh_xdr_short, vh_xdr_ushort, vh_xdr_opaque;

/* The type description of a struct of the protocol: VH_XDR(remote_domain_create_args). */
#define VH_XDR(name) (&vh_xdr_##name)

/* Reads a value of the type from buf (any alignment) into p, zeroed memory of type->size bytes. buf is changed and must
 * stay as long as the value is used. Bytes behind the value are ignored. Returns 0 or -EBADMSG (p is then undefined).
 */
int vh_xdr_decode(const VhXdrType *type, void *p, uint8_t *buf, size_t len, VhArena *a);

/* Writes the value to buf. Returns the bytes written, or
 *   -ENOBUFS  it does not fit: try again with a larger buffer;
 *   -E2BIG    a string or an array is over its limit, -EINVAL: a string that must be there is NULL, or a union has a
 *             discriminant that does not exist; *err names the field. */
ssize_t vh_xdr_encode(const VhXdrType *type, const void *p, uint8_t *buf, size_t cap, VhError **err);
/* Writes the value behind what is in buf, which gets room for it but keeps its length. The same, with -ENOBUFS for more
 * than max bytes. */
ssize_t vh_xdr_encode_buf(const VhXdrType *type, const void *p, VhBuf *buf, size_t max, VhError **err);

/* The field that a union's discriminant has selected, NULL if there is none. */
const VhXdrField *vh_xdr_union_arm(const VhXdrType *type, const void *p);
