/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Look-ups in descriptions, and their words for messages. */

#include "conf/desc.h"
#include "base/buf.h"
#include "conf/conf-priv.h"

#include <inttypes.h>

static const char *const type_names[] = {
        [VH_OPTION_BOOL] = "bool",
        [VH_OPTION_INT] = "int",
        [VH_OPTION_UINT] = "uint",
        [VH_OPTION_U64] = "u64",
        [VH_OPTION_STRING] = "string",
        [VH_OPTION_ENUM] = "enum",
        [VH_OPTION_STRING_LIST] = "string-list",
        [VH_OPTION_STRING_OR_LIST] = "string-or-list",
        [VH_OPTION_U64_OR_STRING] = "u64-or-string",
};

static const char *const socket_kind_names[] = {
        [VH_SOCKET_RW] = "rw",   [VH_SOCKET_RO] = "ro",   [VH_SOCKET_ADMIN] = "admin",
        [VH_SOCKET_TCP] = "tcp", [VH_SOCKET_TLS] = "tls",
};

const char *vh_option_type_name(VhOptionType type)
{
        return type_names[type];
}

const char *vh_socket_kind_name(VhSocketKind kind)
{
        return socket_kind_names[kind];
}

const VhSocketDesc *vh_daemon_desc_socket(const VhDaemonDesc *d, VhSocketKind kind)
{
        for (size_t i = 0; i < d->n_sockets; i++)
                if (d->sockets[i].kind == kind)
                        return &d->sockets[i];
        return NULL;
}

const VhOptionDesc *vh_conf_desc_option(const VhConfDesc *d, const char *name)
{
        for (size_t i = 0; i < d->n_options; i++)
                if (vh_streq(d->options[i]->name, name))
                        return d->options[i];
        return NULL;
}

static void add_choices(VhBuf *b, const VhOptionDesc *o)
{
        for (const char *const *c = o->choices; *c; c++)
                vh_buf_printf(b, "%s\"%s\"", c == o->choices ? "" : c[1] ? ", " : " or ", *c);
}

static void add_number(VhBuf *b, const VhOptionDesc *o)
{
        vh_buf_adds(b, "a whole number");
        if (o->max < UINT64_MAX)
                vh_buf_printf(b, " from %" PRId64 " to %" PRIu64, o->min, o->max);
}

static void add_string(VhBuf *b, const VhOptionDesc *o, const char *plain)
{
        const char *wanted = vh_format_wanted(o->format);

        if (o->choices) {
                vh_buf_adds(b, "one of ");
                add_choices(b, o);
        } else {
                vh_buf_adds(b, wanted ? wanted : plain);
        }
}

char *vh_option_expects(const VhOptionDesc *o)
{
        VhBuf b = { 0 };

        switch (o->type) {
        case VH_OPTION_BOOL:
                vh_buf_adds(&b, "0 or 1");
                break;
        case VH_OPTION_INT:
        case VH_OPTION_UINT:
        case VH_OPTION_U64:
                add_number(&b, o);
                break;
        case VH_OPTION_STRING:
        case VH_OPTION_ENUM:
                add_string(&b, o, "a string");
                break;
        case VH_OPTION_STRING_LIST:
        case VH_OPTION_STRING_OR_LIST:
                vh_buf_adds(&b, o->type == VH_OPTION_STRING_LIST ? "a list, each element " : "one, or a list of: ");
                add_string(&b, o, "a string");
                break;
        case VH_OPTION_U64_OR_STRING:
                vh_buf_adds(&b, "a whole number or ");
                add_choices(&b, o);
                break;
        }
        return vh_buf_take(&b);
}
