/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Walks the codec's tables and prints what it finds. */

#include "rpc/print.h"
#include "base/uuid.h"
#include "message_protocol.h"
#include "procs.h"
#include "rpc/limits.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <inttypes.h>

enum {
        /* What is shown of one value: enough to recognise it, little enough to keep a frame on a screen. */
        STRING_SHOWN = 160,
        BYTES_SHOWN = 32,
        ITEMS_SHOWN = 16,
};

#define HIDDEN "<hidden>"

static void print_one(VhBuf *out, const VhXdrType *type, const void *p);

/* Strings. */

/* XML, monitor commands and the like: all of it is hidden, finding the password in it is not worth being wrong. */
static bool is_sensitive_text(const char *s)
{
        return strcasestr(s, "passw") != NULL;
}

static bool is_sensitive_name(const char *name)
{
        return is_sensitive_text(name) || strcasestr(name, "secret") || strcasestr(name, "token");
}

static void print_char(VhBuf *out, unsigned char c)
{
        if (c == '"' || c == '\\')
                vh_buf_printf(out, "\\%c", c);
        else if (c == '\n')
                vh_buf_adds(out, "\\n");
        else if (c < ' ' || c == 0x7f)
                vh_buf_printf(out, "\\x%02x", c);
        else
                vh_buf_addc(out, (char)c);
}

static void print_text(VhBuf *out, const char *s, size_t len)
{
        size_t shown = VH_MIN(len, (size_t)STRING_SHOWN);

        vh_buf_addc(out, '"');
        for (size_t i = 0; i < shown; i++)
                print_char(out, (unsigned char)s[i]);
        vh_buf_addc(out, '"');
        if (shown < len)
                vh_buf_printf(out, "...(%zu bytes)", len);
}

static void print_string(VhBuf *out, const char *s)
{
        if (!s)
                vh_buf_adds(out, "null");
        else if (is_sensitive_text(s))
                vh_buf_printf(out, HIDDEN "(%zu bytes)", strlen(s));
        else
                print_text(out, s, strlen(s));
}

/* Arrays. */

static void print_bytes(VhBuf *out, const uint8_t *p, size_t n)
{
        char text[VH_UUID_TEXT_LEN + 1];

        if (n == VH_UUID_LEN) {
                vh_buf_adds(out, vh_uuid_format(p, text));
                return;
        }
        vh_buf_printf(out, "%zu bytes", n);
        for (size_t i = 0; i < VH_MIN(n, (size_t)BYTES_SHOWN); i++)
                vh_buf_printf(out, "%s%02x", i == 0 ? ":" : "", p[i]);
        if (n > BYTES_SHOWN)
                vh_buf_adds(out, "...");
}

static void print_items(VhBuf *out, const VhXdrType *type, const char *p, size_t n)
{
        if (type->kind == VH_XDR_OPAQUE) {
                print_bytes(out, (const uint8_t *)p, n);
                return;
        }
        if (type->kind == VH_XDR_CHAR) {
                print_text(out, p, p ? strnlen(p, n) : 0);
                return;
        }
        vh_buf_addc(out, '[');
        for (size_t i = 0; i < VH_MIN(n, (size_t)ITEMS_SHOWN); i++) {
                vh_buf_adds(out, i ? ", " : "");
                print_one(out, type, p + i * type->size);
        }
        if (n > ITEMS_SHOWN)
                vh_buf_printf(out, ", ...(%zu items)", n);
        vh_buf_addc(out, ']');
}

static void print_optional(VhBuf *out, const VhXdrType *type, const void *p)
{
        void *value;

        memcpy(&value, p, sizeof(value));
        if (!value)
                vh_buf_adds(out, "null");
        else
                print_one(out, type, type->kind == VH_XDR_STRING ? p : value);
}

/* Structs. */

static void print_field(VhBuf *out, const VhXdrField *f, const void *base)
{
        const char *p = (const char *)base + f->offset;
        VhXdrArray array;

        if (f->secret) {
                vh_buf_adds(out, HIDDEN);
                return;
        }
        switch ((VhXdrShape)f->shape) {
        case VH_XDR_ONE:
                if (f->type->kind == VH_XDR_UINT && vh_streq(f->name, "flags"))
                        vh_buf_printf(out, "0x%x", vh_proc_arg(p, 0));
                else
                        print_one(out, f->type, p);
                break;
        case VH_XDR_OPTIONAL:
                print_optional(out, f->type, p);
                break;
        case VH_XDR_FIXED:
                print_items(out, f->type, p, f->count);
                break;
        case VH_XDR_VARIABLE:
                memcpy(&array, p, sizeof(array));
                print_items(out, f->type, array.val, array.len);
                break;
        }
}

/* A typed parameter is a field name and a value; the name tells if the value may be shown. */
static bool is_hidden_parameter(const VhXdrType *type, const void *p)
{
        const char *name;

        if (type->n_fields != 2 || !vh_streq(type->fields[0].name, "field") ||
            type->fields[0].type->kind != VH_XDR_STRING)
                return false;
        memcpy(&name, (const char *)p + type->fields[0].offset, sizeof(name));
        return name && is_sensitive_name(name);
}

static void print_struct(VhBuf *out, const VhXdrType *type, const void *p)
{
        if (is_hidden_parameter(type, p)) {
                vh_buf_adds(out, HIDDEN);
                return;
        }
        vh_buf_addc(out, '{');
        for (unsigned i = 0; i < type->n_fields; i++) {
                vh_buf_printf(out, "%s%s=", i ? ", " : "", type->fields[i].name);
                print_field(out, &type->fields[i], p);
        }
        vh_buf_addc(out, '}');
}

static void print_union(VhBuf *out, const VhXdrType *type, const void *p)
{
        const VhXdrField *arm = vh_xdr_union_arm(type, p);

        if (arm)
                print_field(out, arm, p);
        else
                vh_buf_adds(out, "<no value>");
}

/* Scalars. */

#define READ(type, p)                                                                                                  \
        ({                                                                                                             \
                type _v;                                                                                               \
                memcpy(&_v, (p), sizeof(_v));                                                                          \
                _v;                                                                                                    \
        })

static void print_scalar(VhBuf *out, VhXdrKind kind, const void *p)
{
        switch (kind) {
        case VH_XDR_INT:
                vh_buf_printf(out, "%d", READ(int, p));
                break;
        case VH_XDR_UINT:
                vh_buf_printf(out, "%u", READ(unsigned, p));
                break;
        case VH_XDR_HYPER:
                vh_buf_printf(out, "%" PRId64, READ(int64_t, p));
                break;
        case VH_XDR_UHYPER:
                vh_buf_printf(out, "%" PRIu64, READ(uint64_t, p));
                break;
        case VH_XDR_DOUBLE:
                vh_buf_printf(out, "%g", READ(double, p));
                break;
        case VH_XDR_CHAR:
                vh_buf_printf(out, "%d", READ(char, p));
                break;
        case VH_XDR_SHORT:
                vh_buf_printf(out, "%d", READ(short, p));
                break;
        case VH_XDR_USHORT:
                vh_buf_printf(out, "%u", READ(unsigned short, p));
                break;
        default:
                vh_buf_printf(out, "%u", READ(unsigned char, p));
                break;
        }
}

static void print_one(VhBuf *out, const VhXdrType *type, const void *p)
{
        switch (type->kind) {
        case VH_XDR_STRING:
                print_string(out, READ(const char *, p));
                break;
        case VH_XDR_STRUCT:
                print_struct(out, type, p);
                break;
        case VH_XDR_UNION:
                print_union(out, type, p);
                break;
        default:
                print_scalar(out, type->kind, p);
                break;
        }
}

void vh_print_value(VhBuf *out, const VhXdrType *type, const void *p)
{
        print_one(out, type, p);
}

/* Frames. */

typedef struct Frame {
        uint32_t prog, vers;
        int32_t proc;
        uint32_t type, serial, status;
        const uint8_t *payload;
        size_t len;
        const VhProgram *program; /* NULL: unknown */
        const VhProc *row;        /* NULL: unknown */
} Frame;

static uint32_t take_word(const uint8_t **p)
{
        uint32_t v;

        memcpy(&v, *p, sizeof(v));
        *p += sizeof(v);
        return ntohl(v);
}

static const VhProgram *find_program(const VhProgram *const *programs, uint32_t number)
{
        for (; *programs; programs++)
                if ((*programs)->number == number)
                        return *programs;
        return NULL;
}

static void read_header(Frame *f, const VhProgram *const *programs, const uint8_t *bytes, size_t len)
{
        f->payload = bytes + VH_FRAME_LEN_SIZE;
        f->prog = take_word(&f->payload);
        f->vers = take_word(&f->payload);
        f->proc = (int32_t)take_word(&f->payload);
        f->type = take_word(&f->payload);
        f->serial = take_word(&f->payload);
        f->status = take_word(&f->payload);
        f->len = len - VH_FRAME_MIN;
        f->program = find_program(programs, f->prog);
        f->row = f->program ? vh_program_find(f->program, f->proc) : NULL;
}

static void print_name(VhBuf *out, const Frame *f)
{
        if (f->program)
                vh_buf_adds(out, f->program->name);
        else
                vh_buf_printf(out, "program=0x%x", f->prog);
        if (f->vers != (f->program ? f->program->version : 1))
                vh_buf_printf(out, " version=%u", f->vers);
        if (f->row)
                vh_buf_printf(out, " %s", f->row->name);
        else
                vh_buf_printf(out, " procedure=%d", f->proc);
}

static void print_number_or_name(VhBuf *out, const char *const *names, size_t n, uint32_t v, const char *what)
{
        if (v < n)
                vh_buf_printf(out, " %s", names[v]);
        else
                vh_buf_printf(out, " %s=%u", what, v);
}

static void print_kind(VhBuf *out, const Frame *f)
{
        static const char *const types[] = { "call", "reply", "message", "stream", "call", "reply", "hole" };
        static const char *const statuses[] = { "ok", "error", "continue" };

        print_number_or_name(out, types, VH_ARRAY_SIZE(types), f->type, "type");
        if (f->status != VIR_NET_OK)
                print_number_or_name(out, statuses, VH_ARRAY_SIZE(statuses), f->status, "status");
        vh_buf_printf(out, " serial=%u", f->serial);
}

/* The struct that the payload should hold, NULL if it is empty or not structured. */
static const VhXdrType *payload_type(const Frame *f)
{
        if (f->type == VIR_NET_STREAM_HOLE)
                return VH_XDR(virNetStreamHole);
        if (f->status == VIR_NET_ERROR)
                return f->len > 0 ? VH_XDR(virNetMessageError) : NULL;
        if (f->type == VIR_NET_STREAM || !f->row)
                return NULL;
        return f->type == VIR_NET_REPLY || f->type == VIR_NET_REPLY_WITH_FDS ? f->row->ret_xdr : f->row->args_xdr;
}

static void print_payload(VhBuf *out, const Frame *f)
{
        const VhXdrType *type = payload_type(f);
        VhArena arena = { 0 };
        uint8_t *copy;
        void *value;

        if (!type) {
                if (f->len)
                        vh_buf_printf(out, " %zu bytes", f->len);
                return;
        }
        copy = vh_arena_memdup(&arena, f->payload, f->len);
        value = vh_arena_alloc(&arena, type->size);
        vh_buf_addc(out, ' ');
        if (vh_xdr_decode(type, value, copy, f->len, &arena) == 0)
                vh_print_value(out, type, value);
        else
                vh_buf_printf(out, "<%zu bytes that are no %s>", f->len, type->name);
        vh_arena_done(&arena);
}

void vh_print_frame(VhBuf *out, const VhProgram *const *programs, const uint8_t *bytes, size_t len)
{
        Frame f = { 0 };

        if (len < VH_FRAME_MIN) {
                vh_buf_printf(out, "<%zu bytes that are no frame>", len);
                return;
        }
        read_header(&f, programs, bytes, len);
        print_name(out, &f);
        print_kind(out, &f);
        if ((f.type == VIR_NET_CALL_WITH_FDS || f.type == VIR_NET_REPLY_WITH_FDS) && f.len >= sizeof(uint32_t)) {
                f.len -= sizeof(uint32_t);
                vh_buf_printf(out, " fds=%u", take_word(&f.payload));
        }
        print_payload(out, &f);
}

bool vh_print_wanted(void)
{
        const char *value = getenv(VH_RPC_DEBUG_ENV);

        return value && *value && !vh_streq(value, "0");
}

void vh_print_traced(int fd, char direction, const uint8_t *bytes, size_t len)
{
        _vh_buf_ VhBuf line = { 0 };
        ssize_t r;

        vh_buf_printf(&line, "rpc %d %c ", fd, direction);
        vh_print_frame(&line, vh_programs, bytes, len);
        vh_buf_addc(&line, '\n');
        r = write(STDERR_FILENO, line.data, line.len);
        (void)r; /* nowhere to complain */
}
