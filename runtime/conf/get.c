/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Typed look-up in a read configuration. Which kinds and values a type accepts is libvirt's rule: a minus sign makes a
 * number signed and unfit for unsigned keys, a number is no string and a string no list. */

#include "conf/check.h"
#include "conf/conf-priv.h"

#include <limits.h>

typedef struct Found {
        const VhConf *conf; /* the file, or its defaults */
        const VhConfEntry *entry;
} Found;

static bool find(const VhConf *conf, const char *key, Found *f)
{
        for (; conf; conf = conf->defaults) {
                f->conf = conf;
                f->entry = vh_conf_find(conf, key);
                if (f->entry)
                        return true;
        }
        return false;
}

static int wrong_type(const Found *f, const VhConfValue *v, const char *expected, VhError **err)
{
        vh_error_set(err, VIR_FROM_CONF, VIR_ERR_INTERNAL_ERROR, "%s:%u:%u: expected a %s for '%s' parameter",
                     f->conf->name, v->line, v->column, expected, f->entry->name);
        return -EINVAL;
}

static int out_of_range(const Found *f, const char *range, VhError **err)
{
        vh_error_set(err, VIR_FROM_CONF, VIR_ERR_INTERNAL_ERROR, "%s:%u:%u: value for '%s' parameter must be %s",
                     f->conf->name, f->entry->value.line, f->entry->value.column, f->entry->name, range);
        return -ERANGE;
}

/* An unsigned number up to max: 1, 0 if absent, or an error. */
static int get_unsigned(const VhConf *conf, const char *key, uint64_t max, const char *expected, const char *range,
                        uint64_t *value, VhError **err)
{
        Found f;

        if (!find(conf, key, &f))
                return 0;
        if (f.entry->value.kind != VH_CONF_UINT)
                return wrong_type(&f, &f.entry->value, expected, err);
        if (f.entry->value.u > max)
                return out_of_range(&f, range, err);
        *value = f.entry->value.u;
        return 1;
}

int vh_conf_get_bool(const VhConf *conf, const char *key, bool *value, VhError **err)
{
        uint64_t u;
        int r = get_unsigned(conf, key, 1, "bool (0 or 1)", "0 or 1", &u, err);

        if (r == 1)
                *value = u;
        return r;
}

int vh_conf_get_uint(const VhConf *conf, const char *key, unsigned *value, VhError **err)
{
        uint64_t u;
        int r = get_unsigned(conf, key, UINT_MAX, "unsigned integer", "in range 0:4294967295", &u, err);

        if (r == 1)
                *value = (unsigned)u;
        return r;
}

int vh_conf_get_u64(const VhConf *conf, const char *key, uint64_t *value, VhError **err)
{
        return get_unsigned(conf, key, UINT64_MAX, "unsigned integer", "", value, err);
}

int vh_conf_get_int(const VhConf *conf, const char *key, int *value, VhError **err)
{
        const VhConfValue *v;
        Found f;

        if (!find(conf, key, &f))
                return 0;
        v = &f.entry->value;
        if (v->kind != VH_CONF_UINT && v->kind != VH_CONF_INT)
                return wrong_type(&f, v, "integer", err);
        if (v->kind == VH_CONF_UINT ? v->u > INT_MAX : v->i < INT_MIN)
                return out_of_range(&f, "in range -2147483648:2147483647", err);
        *value = v->kind == VH_CONF_UINT ? (int)v->u : (int)v->i;
        return 1;
}

int vh_conf_get_string(const VhConf *conf, const char *key, const char **value, VhError **err)
{
        Found f;

        if (!find(conf, key, &f))
                return 0;
        if (f.entry->value.kind != VH_CONF_STRING)
                return wrong_type(&f, &f.entry->value, "string", err);
        *value = f.entry->value.str;
        return 1;
}

static int take_strings(const Found *f, const VhConfValue *items, size_t n, const char *const **list, size_t *ret_n,
                        VhError **err)
{
        /* Reading out does not change what the configuration says, so the arena may grow behind const. */
        const char **strings = vh_arena_new((VhArena *)&f->conf->arena, const char *, n + 1);

        for (size_t i = 0; i < n; i++) {
                if (items[i].kind != VH_CONF_STRING)
                        return wrong_type(f, &items[i], "string in the list", err);
                strings[i] = items[i].str;
        }
        *list = strings;
        if (ret_n)
                *ret_n = n;
        return 1;
}

static int get_list(const VhConf *conf, const char *key, bool one_is_list, const char *const **list, size_t *n,
                    VhError **err)
{
        const VhConfValue *v;
        Found f;

        if (!find(conf, key, &f))
                return 0;
        v = &f.entry->value;
        if (v->kind == VH_CONF_LIST)
                return take_strings(&f, v->list.items, v->list.n, list, n, err);
        if (one_is_list && v->kind == VH_CONF_STRING)
                return take_strings(&f, v, 1, list, n, err);
        return wrong_type(&f, v, one_is_list ? "string or list" : "list", err);
}

int vh_conf_get_strings(const VhConf *conf, const char *key, const char *const **list, size_t *n, VhError **err)
{
        return get_list(conf, key, false, list, n, err);
}

int vh_conf_get_string_or_list(const VhConf *conf, const char *key, const char *const **list, size_t *n, VhError **err)
{
        return get_list(conf, key, true, list, n, err);
}

int vh_conf_get_mode(const VhConf *conf, const char *key, unsigned *value, VhError **err)
{
        const char *text;
        int r = vh_conf_get_string(conf, key, &text, err);
        Found f;

        if (r != 1)
                return r;
        if (!vh_format_matches(VH_FORMAT_MODE, text) && find(conf, key, &f))
                return out_of_range(&f, vh_format_wanted(VH_FORMAT_MODE), err);
        *value = (unsigned)strtoul(text, NULL, 8);
        return 1;
}
