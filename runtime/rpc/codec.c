/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The codec: walks the tables of a type along an XDR handle of libtirpc. */

#include "rpc/codec.h"
#include <errno.h>
#include <rpc/rpc.h> /* libtirpc's */

#define UNIT BYTES_PER_XDR_UNIT
/* Of a buffer that grows: most values are smaller. */
enum { FIRST_ROOM = 256 };

#define PRIMITIVE(n, k, t, w)                                                                                          \
        const VhXdrType vh_xdr_##n = { .name = #n, .kind = VH_XDR_##k, .size = sizeof(t), .wire = (w) }

PRIMITIVE(int, INT, int, 4);
PRIMITIVE(uint, UINT, unsigned, 4);
PRIMITIVE(hyper, HYPER, int64_t, 8);
PRIMITIVE(uhyper, UHYPER, uint64_t, 8);
PRIMITIVE(double, DOUBLE, double, 8);
PRIMITIVE(char, CHAR, char, 4);
PRIMITIVE(uchar, UCHAR, unsigned char, 4);
PRIMITIVE(short, SHORT, short, 4);
PRIMITIVE(ushort, USHORT, unsigned short, 4);
PRIMITIVE(opaque, OPAQUE, uint8_t, 1);

/* What the handle's x_public points to. */
typedef struct Codec {
        VhArena *arena;          /* decoding */
        uint8_t *buf;            /* decoding */
        size_t len;              /* of buf */
        VhBuf *out;              /* encoding: grows where it has no room; NULL: there is only so much room */
        size_t cap, max;         /* encoding: room there is, and may be */
        int r;                   /* encoding: why a value is refused, 0: none is */
        bool array;              /* too many items of an array, else bytes of a string */
        size_t count;            /* how many, */
        uint32_t limit;          /* and how many are allowed */
        const VhXdrType *owner;  /* innermost struct with the refused field, */
        const VhXdrField *field; /* NULL if the whole value is refused */
} Codec;

static inline Codec *codec(XDR *x)
{
        return (Codec *)(void *)x->x_public;
}

static size_t padded(size_t n)
{
        return (n + UNIT - 1) / UNIT * UNIT;
}

const VhXdrField *vh_xdr_union_arm(const VhXdrType *type, const void *p)
{
        int selector;

        memcpy(&selector, p, sizeof(selector));
        for (unsigned i = 1; i < type->n_fields; i++)
                if (type->fields[i].selector == selector)
                        return &type->fields[i];
        return NULL;
}

/* A counted array as the codec sees it; val is moved with memcpy() because its real type is a pointer to the item. */
static void *array_val(const VhXdrArray *p)
{
        void *val;

        memcpy(&val, &p->val, sizeof(val));
        return val;
}

static void *array_set(VhXdrArray *p, void *val)
{
        memcpy(&p->val, &val, sizeof(val));
        return val;
}

/* Words go straight to the handle's functions: this is where the time is spent. */
static inline bool get_word(XDR *x, uint32_t *v)
{
        long l;

        if (!XDR_GETLONG(x, &l))
                return false;
        *v = (uint32_t)l;
        return true;
}

/* Room for n more bytes where the handle has none: what is written stays. */
static bool grow(XDR *x, size_t n)
{
        Codec *c = codec(x);
        size_t pos = XDR_GETPOS(x);

        if (!c->out || pos + n > c->max)
                return false;
        c->cap = VH_MIN(VH_MAX(c->cap * 4, pos + n), c->max);
        xdrmem_create(x, (char *)vh_buf_reserve(c->out, c->cap), (u_int)c->cap, XDR_ENCODE);
        x->x_public = (char *)c;
        return XDR_SETPOS(x, (u_int)pos);
}

static inline bool put_word(XDR *x, uint32_t v)
{
        long l = (int32_t)v;

        return XDR_PUTLONG(x, &l) || (grow(x, UNIT) && XDR_PUTLONG(x, &l));
}

static inline bool get_hyper(XDR *x, uint64_t *v)
{
        uint32_t high, low;

        if (!get_word(x, &high) || !get_word(x, &low))
                return false;
        *v = (uint64_t)high << 32 | low;
        return true;
}

static inline bool put_hyper(XDR *x, uint64_t v)
{
        return put_word(x, (uint32_t)(v >> 32)) && put_word(x, (uint32_t)v);
}

/* Decoding. */

static bool decode_value(XDR *x, const VhXdrType *type, void *p);

static size_t bytes_left(XDR *x)
{
        return codec(x)->len - XDR_GETPOS(x);
}

/* Skips n bytes and their padding; NULL if they are not all there. */
static uint8_t *take_bytes(XDR *x, size_t n)
{
        u_int pos = XDR_GETPOS(x);

        if (n > bytes_left(x) || !XDR_SETPOS(x, pos + padded(n)))
                return NULL;
        return codec(x)->buf + pos;
}

/* A string has its NUL in the padding, or where there is none is moved down over its length word. */
static bool decode_string(XDR *x, const VhXdrType *type, char **p)
{
        uint32_t len;
        uint8_t *s;

        if (!get_word(x, &len) || len > type->max)
                return false;
        s = take_bytes(x, len);
        if (!s)
                return false;
        if (len % UNIT == 0)
                s = memmove(s - UNIT, s, len);
        s[len] = '\0';
        *p = (char *)s;
        return true;
}

/* Items one after the other, as in fixed and counted arrays. */
static bool decode_items(XDR *x, const VhXdrType *type, char *p, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (!decode_value(x, type, p + i * type->size))
                        return false;
        return true;
}

/* Memory is only allocated for as many items as the bytes that are left can hold. */
static bool decode_variable(XDR *x, const VhXdrField *f, VhXdrArray *p)
{
        if (!get_word(x, &p->len) || p->len > f->count)
                return false;
        if (f->type->kind == VH_XDR_OPAQUE)
                return array_set(p, take_bytes(x, p->len));
        if (p->len > bytes_left(x) / f->type->wire)
                return false;
        if (p->len == 0)
                return true;
        array_set(p, vh_arena_calloc(codec(x)->arena, p->len, f->type->size));
        return decode_items(x, f->type, array_val(p), p->len);
}

static bool decode_optional(XDR *x, const VhXdrField *f, void *p)
{
        uint32_t present;
        void *value;

        if (!get_word(x, &present))
                return false;
        if (!present)
                return true;
        if (f->type->kind == VH_XDR_STRING)
                return decode_string(x, f->type, p);
        value = vh_arena_alloc(codec(x)->arena, f->type->size);
        memcpy(p, &value, sizeof(value));
        return decode_value(x, f->type, value);
}

static bool decode_field(XDR *x, const VhXdrField *f, void *base)
{
        char *p = (char *)base + f->offset;

        switch (f->shape) {
        case VH_XDR_ONE:
                return decode_value(x, f->type, p);
        case VH_XDR_OPTIONAL:
                return decode_optional(x, f, p);
        case VH_XDR_FIXED:
                if (f->type->kind == VH_XDR_OPAQUE)
                        return xdr_opaque(x, p, f->count);
                return decode_items(x, f->type, p, f->count);
        case VH_XDR_VARIABLE:
                return decode_variable(x, f, (VhXdrArray *)(void *)p);
        }
        return false;
}

static bool decode_struct(XDR *x, const VhXdrType *type, void *p)
{
        for (unsigned i = 0; i < type->n_fields; i++)
                if (!decode_field(x, &type->fields[i], p))
                        return false;
        return true;
}

static bool decode_union(XDR *x, const VhXdrType *type, void *p)
{
        const VhXdrField *arm;

        if (!decode_field(x, &type->fields[0], p))
                return false;
        arm = vh_xdr_union_arm(type, p);
        return arm && decode_field(x, arm, p);
}

static bool decode_scalar(XDR *x, VhXdrKind kind, void *p)
{
        uint32_t v;

        switch (kind) {
        case VH_XDR_HYPER:
        case VH_XDR_UHYPER:
                return get_hyper(x, p);
        case VH_XDR_DOUBLE:
                return xdr_double(x, p);
        default:
                break;
        }
        if (!get_word(x, &v))
                return false;
        switch (kind) {
        case VH_XDR_CHAR:
        case VH_XDR_UCHAR:
                *(uint8_t *)p = (uint8_t)v;
                break;
        case VH_XDR_SHORT:
        case VH_XDR_USHORT:
                *(uint16_t *)p = (uint16_t)v;
                break;
        default:
                *(uint32_t *)p = v;
                break;
        }
        return true;
}

static bool decode_value(XDR *x, const VhXdrType *type, void *p)
{
        switch (type->kind) {
        case VH_XDR_STRING:
                return decode_string(x, type, p);
        case VH_XDR_STRUCT:
                return decode_struct(x, type, p);
        case VH_XDR_UNION:
                return decode_union(x, type, p);
        default:
                return decode_scalar(x, type->kind, p);
        }
}

int vh_xdr_decode(const VhXdrType *type, void *p, uint8_t *buf, size_t len, VhArena *a)
{
        Codec c = { .arena = a, .buf = buf, .len = len };
        XDR x;

        if (len > UINT32_MAX)
                return -EBADMSG;
        xdrmem_create(&x, (char *)buf, (u_int)len, XDR_DECODE);
        x.x_public = (char *)&c;
        return decode_value(&x, type, p) ? 0 : -EBADMSG;
}

/* Encoding. */

static bool encode_value(XDR *x, const VhXdrType *type, const void *p);

/* The value itself cannot be encoded; encode_field() adds whose it is. */
static bool refuse(XDR *x, int r, size_t count, uint32_t limit)
{
        codec(x)->r = r;
        codec(x)->count = count;
        codec(x)->limit = limit;
        return false;
}

/* n bytes and their padding. The handle gives direct access only if the buffer is aligned. */
static bool put_bytes(XDR *x, const void *p, size_t n)
{
        size_t size = padded(n);
        uint32_t *to;

        if (n == 0)
                return true;
        if (size > codec(x)->cap - XDR_GETPOS(x) && !grow(x, size))
                return false;
        to = (uint32_t *)XDR_INLINE(x, (u_int)size);
        if (!to)
                return xdr_opaque(x, (char *)(uintptr_t)p, (u_int)n); /* which only reads p */
        to[size / UNIT - 1] = 0;
        memcpy(to, p, n);
        return true;
}

/* A string: its length and its bytes. In one piece: they are most of what large replies consist of. */
static bool put_counted(XDR *x, const char *s, size_t n)
{
        size_t size = UNIT + padded(n);
        uint32_t *to;

        if (size > codec(x)->cap - XDR_GETPOS(x) && !grow(x, size))
                return false;
        to = (uint32_t *)XDR_INLINE(x, (u_int)size);
        if (!to)
                return put_word(x, (uint32_t)n) && put_bytes(x, s, n);
        to[size / UNIT - 1] = 0;
        to[0] = htonl((uint32_t)n);
        memcpy(to + 1, s, n);
        return true;
}

static bool put_double(XDR *x, double v)
{
        uint64_t bits;

        memcpy(&bits, &v, sizeof(bits));
        return put_hyper(x, bits);
}

static bool encode_scalar(XDR *x, VhXdrKind kind, const void *p)
{
        switch (kind) {
        case VH_XDR_HYPER:
        case VH_XDR_UHYPER:
                return put_hyper(x, *(const uint64_t *)p);
        case VH_XDR_DOUBLE:
                return put_double(x, *(const double *)p);
        case VH_XDR_CHAR:
                return put_word(x, (uint32_t)(int)*(const char *)p);
        case VH_XDR_UCHAR:
                return put_word(x, *(const unsigned char *)p);
        case VH_XDR_SHORT:
                return put_word(x, (uint32_t)(int)*(const short *)p);
        case VH_XDR_USHORT:
                return put_word(x, *(const unsigned short *)p);
        default:
                return put_word(x, *(const uint32_t *)p);
        }
}

static bool encode_items(XDR *x, const VhXdrType *type, const char *p, size_t n)
{
        if (type->kind == VH_XDR_OPAQUE)
                return put_bytes(x, p, n);
        for (size_t i = 0; i < n; i++)
                if (!encode_value(x, type, p + i * type->size))
                        return false;
        return true;
}

static bool encode_string(XDR *x, const VhXdrType *type, const char *s)
{
        size_t len;

        if (!s)
                return refuse(x, -EINVAL, 0, 0);
        len = strnlen(s, (size_t)type->max + 1);
        if (len > type->max)
                return refuse(x, -E2BIG, strlen(s), type->max);
        return put_counted(x, s, len);
}

static bool encode_variable(XDR *x, const VhXdrField *f, const VhXdrArray *p)
{
        if (p->len > f->count) {
                codec(x)->array = true;
                return refuse(x, -E2BIG, p->len, f->count);
        }
        if (p->len && !array_val(p))
                return refuse(x, -EINVAL, 0, 0);
        return put_word(x, p->len) && encode_items(x, f->type, array_val(p), p->len);
}

static bool encode_optional(XDR *x, const VhXdrType *type, const void *p)
{
        void *value;

        memcpy(&value, p, sizeof(value));
        if (!put_word(x, value != NULL))
                return false;
        return !value || encode_value(x, type, type->kind == VH_XDR_STRING ? p : value);
}

static bool encode_shaped(XDR *x, const VhXdrField *f, const char *p)
{
        switch (f->shape) {
        case VH_XDR_ONE:
                return encode_value(x, f->type, p);
        case VH_XDR_OPTIONAL:
                return encode_optional(x, f->type, p);
        case VH_XDR_FIXED:
                return encode_items(x, f->type, p, f->count);
        case VH_XDR_VARIABLE:
                return encode_variable(x, f, (const VhXdrArray *)(const void *)p);
        }
        return false;
}

static bool encode_field(XDR *x, const VhXdrType *owner, const VhXdrField *f, const void *base)
{
        if (encode_shaped(x, f, (const char *)base + f->offset))
                return true;
        if (codec(x)->r && !codec(x)->field) {
                codec(x)->field = f;
                codec(x)->owner = owner;
        }
        return false;
}

static bool encode_struct(XDR *x, const VhXdrType *type, const void *p)
{
        for (unsigned i = 0; i < type->n_fields; i++)
                if (!encode_field(x, type, &type->fields[i], p))
                        return false;
        return true;
}

static bool encode_union(XDR *x, const VhXdrType *type, const void *p)
{
        const VhXdrField *arm = vh_xdr_union_arm(type, p);

        if (!arm)
                return refuse(x, -EINVAL, 0, 0);
        return encode_field(x, type, &type->fields[0], p) && encode_field(x, type, arm, p);
}

static bool encode_value(XDR *x, const VhXdrType *type, const void *p)
{
        char *s;

        switch (type->kind) {
        case VH_XDR_STRING:
                memcpy(&s, p, sizeof(s));
                return encode_string(x, type, s);
        case VH_XDR_STRUCT:
                return encode_struct(x, type, p);
        case VH_XDR_UNION:
                return encode_union(x, type, p);
        default:
                return encode_scalar(x, type->kind, p);
        }
}

/* Lists of objects and of parameters can become too long by what a driver finds: the reference has words for them. */
static void too_many(const Codec *c, VhError **err)
{
        const char *item = c->field->type->name, *object = strstr(item, "_nonnull_");

        if (object)
                vh_error_set(err, VIR_FROM_RPC, VIR_ERR_INTERNAL_ERROR, "Too many %ss '%zu' for limit '%u'",
                             object + strlen("_nonnull_"), c->count, c->limit);
        else if (vh_endswith(item, "_typed_param"))
                vh_error_set(err, VIR_FROM_RPC, VIR_ERR_RPC, "too many parameters '%zu' for limit '%u'", c->count,
                             c->limit);
        else
                vh_error_set(err, VIR_FROM_RPC, VIR_ERR_RPC,
                             "Unable to encode message payload: %s.%s has %zu items of at most %u", c->owner->name,
                             c->field->name, c->count, c->limit);
}

static int encode_error(const Codec *c, VhError **err)
{
        const char *owner = c->owner->name, *name = c->field ? c->field->name : "value";

        if (c->r == -EINVAL)
                vh_error_set(err, VIR_FROM_RPC, VIR_ERR_RPC,
                             "Unable to encode message payload: %s.%s has no valid value", owner, name);
        else if (c->r == -E2BIG && c->array)
                too_many(c, err);
        else if (c->r == -E2BIG)
                vh_error_set(err, VIR_FROM_RPC, VIR_ERR_RPC,
                             "Unable to encode message payload: %s.%s has %zu bytes of at most %u", owner, name,
                             c->count, c->limit);
        return c->r;
}

static ssize_t encode(Codec *c, uint8_t *buf, const VhXdrType *type, const void *p, VhError **err)
{
        XDR x;

        c->owner = type;
        xdrmem_create(&x, (char *)buf, (u_int)c->cap, XDR_ENCODE);
        x.x_public = (char *)c;
        if (encode_value(&x, type, p))
                return XDR_GETPOS(&x);
        if (!c->r)
                c->r = -ENOBUFS;
        return encode_error(c, err);
}

ssize_t vh_xdr_encode(const VhXdrType *type, const void *p, uint8_t *buf, size_t cap, VhError **err)
{
        Codec c = { .cap = VH_MIN(cap, UINT32_MAX) };

        return encode(&c, buf, type, p, err);
}

ssize_t vh_xdr_encode_buf(const VhXdrType *type, const void *p, VhBuf *buf, size_t max, VhError **err)
{
        Codec c = { .out = buf, .cap = VH_MIN(FIRST_ROOM, max), .max = VH_MIN(max, UINT32_MAX) };

        return encode(&c, vh_buf_reserve(buf, c.cap), type, p, err);
}
