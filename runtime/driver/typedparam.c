/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Building, checking and finding typed parameters. */

#include "driver/typedparam.h"
#include "api.h"
#include <stdarg.h>
#include <stdio.h>

enum { FIRST_CAPACITY = 8 };

static remote_typed_param_value *add(VhTypedList *l, const char *field, int type)
{
        remote_typed_param *p;

        if (l->len == l->cap) {
                remote_typed_param *grown;

                l->cap = l->cap ? l->cap * 2 : FIRST_CAPACITY;
                grown = vh_arena_new(l->arena, remote_typed_param, l->cap);
                if (l->len)
                        memcpy(grown, l->val, l->len * sizeof(*grown));
                l->val = grown;
        }
        p = &l->val[l->len++];
        p->field = (char *)field;
        p->value.type = type;
        return &p->value;
}

void vh_typed_add_int(VhTypedList *l, const char *field, int v)
{
        add(l, field, VIR_TYPED_PARAM_INT)->i = v;
}

void vh_typed_add_uint(VhTypedList *l, const char *field, unsigned v)
{
        add(l, field, VIR_TYPED_PARAM_UINT)->ui = v;
}

void vh_typed_add_llong(VhTypedList *l, const char *field, int64_t v)
{
        add(l, field, VIR_TYPED_PARAM_LLONG)->l = v;
}

void vh_typed_add_ullong(VhTypedList *l, const char *field, uint64_t v)
{
        add(l, field, VIR_TYPED_PARAM_ULLONG)->ul = v;
}

void vh_typed_add_double(VhTypedList *l, const char *field, double v)
{
        add(l, field, VIR_TYPED_PARAM_DOUBLE)->d = v;
}

void vh_typed_add_bool(VhTypedList *l, const char *field, bool v)
{
        add(l, field, VIR_TYPED_PARAM_BOOLEAN)->b = v;
}

void vh_typed_add_string(VhTypedList *l, const char *field, const char *v)
{
        add(l, field, VIR_TYPED_PARAM_STRING)->s = (char *)(v ? v : "");
}

const char *vh_typed_name(VhTypedList *l, const char *fmt, ...)
{
        va_list ap;
        char *s;

        va_start(ap, fmt);
        s = vh_arena_vprintf(l->arena, fmt, ap);
        va_end(ap);
        return s;
}

const char *vh_typed_numbered(VhTypedList *l, const char *prefix, unsigned number, const char *suffix)
{
        size_t before = strlen(prefix), behind = strlen(suffix) + 1, n = 1;
        char *s, *digit;

        for (unsigned rest = number; rest >= 10; rest /= 10)
                n++;
        s = vh_arena_alloc(l->arena, before + n + behind);
        stpcpy(s, prefix);
        digit = s + before + n;
        memcpy(digit, suffix, behind);
        do {
                *--digit = (char)('0' + number % 10);
                number /= 10;
        } while (number);
        return s;
}

void vh_typed_drop_strings(VhTypedList *l, uint32_t flags)
{
        uint32_t kept = 0;

        if (flags & VIR_TYPED_PARAM_STRING_OKAY)
                return;
        for (uint32_t i = 0; i < l->len; i++)
                if (l->val[i].value.type != VIR_TYPED_PARAM_STRING)
                        l->val[kept++] = l->val[i];
        l->len = kept;
}

const char *vh_typed_type_name(int type)
{
        static const char *const names[] = {
                [VIR_TYPED_PARAM_INT] = "int",       [VIR_TYPED_PARAM_UINT] = "uint",
                [VIR_TYPED_PARAM_LLONG] = "llong",   [VIR_TYPED_PARAM_ULLONG] = "ullong",
                [VIR_TYPED_PARAM_DOUBLE] = "double", [VIR_TYPED_PARAM_BOOLEAN] = "boolean",
                [VIR_TYPED_PARAM_STRING] = "string",
        };

        if (type < VIR_TYPED_PARAM_INT || type > VIR_TYPED_PARAM_STRING)
                return "unknown";
        return names[type];
}

static const VhTypedField *find_field(const VhTypedField *fields, unsigned n, const char *name)
{
        for (unsigned i = 0; i < n; i++)
                if (vh_streq(fields[i].name, name))
                        return &fields[i];
        return NULL;
}

static int check_one(const remote_typed_param *params, uint32_t i, const VhTypedField *fields, unsigned n_fields,
                     VhError **err)
{
        const remote_typed_param *p = &params[i];
        const VhTypedField *f = find_field(fields, n_fields, p->field);

        if (!f)
                return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_ARGUMENT_UNSUPPORTED, "parameter '%s' not supported",
                                    p->field);
        if (p->value.type != f->type)
                return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_INVALID_ARG,
                                    "invalid type '%s' for parameter '%s', expected '%s'",
                                    vh_typed_type_name(p->value.type), p->field, vh_typed_type_name(f->type));
        if (!f->multiple && vh_typed_find(params, i, p->field))
                return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_INVALID_ARG, "parameter '%s' occurs multiple times",
                                    p->field);
        return 0;
}

int vh_typed_validate(const remote_typed_param *params, uint32_t n, const VhTypedField *fields, unsigned n_fields,
                      VhError **err)
{
        for (uint32_t i = 0; i < n; i++) {
                int r = check_one(params, i, fields, n_fields, err);

                if (r < 0)
                        return r;
        }
        return 0;
}

const remote_typed_param *vh_typed_find(const remote_typed_param *params, uint32_t n, const char *name)
{
        for (uint32_t i = 0; i < n; i++)
                if (vh_streq(params[i].field, name))
                        return &params[i];
        return NULL;
}
