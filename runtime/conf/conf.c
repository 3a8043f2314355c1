/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A read configuration: its entries in order and by key, reading from disk, and defaults behind it. */

#include "base/file.h"
#include "conf/conf-priv.h"

struct VhConfSlot {
        UT_hash_handle hh;
        VhConfEntry *entry;
};

VhConf *vh_conf_new(const char *name)
{
        VhConf *conf = vh_new(VhConf, 1);

        conf->name = vh_xstrdup(name);
        return conf;
}

VhConf *vh_conf_free(VhConf *conf)
{
        if (!conf)
                return NULL;
        HASH_CLEAR(hh, conf->slots);
        vh_conf_free(conf->defaults);
        vh_arena_done(&conf->arena);
        free(conf->name);
        free(conf);
        return NULL;
}

static VhConfSlot *find_slot(const VhConf *conf, const char *key)
{
        VhConfSlot *slot;

        HASH_FIND_STR(conf->slots, key, slot);
        return slot;
}

void vh_conf_add(VhConf *conf, VhConfEntry *e)
{
        VhConfSlot *slot = find_slot(conf, e->name);

        if (slot) {
                e->shadowed = true;
        } else {
                slot = vh_arena_new(&conf->arena, VhConfSlot, 1);
                slot->entry = e;
                HASH_ADD_KEYPTR(hh, conf->slots, e->name, strlen(e->name), slot);
        }
        if (conf->last)
                conf->last->next = e;
        else
                conf->first = e;
        conf->last = e;
}

const VhConfEntry *vh_conf_first(const VhConf *conf)
{
        return conf->first;
}

const VhConfEntry *vh_conf_find(const VhConf *conf, const char *key)
{
        const VhConfSlot *slot = find_slot(conf, key);

        return slot ? slot->entry : NULL;
}

const char *vh_conf_name(const VhConf *conf)
{
        return conf->name;
}

int vh_conf_too_large(const char *name, VhFindings *findings, VhError **err)
{
        if (findings)
                vh_findings_add(findings, VH_SEVERITY_ERROR, "conf-size", name, 0, 0, "file is larger than %d bytes",
                                VH_CONF_SIZE_MAX);
        vh_error_set(err, VIR_FROM_CONF, VIR_ERR_CONF_SYNTAX, "%s: file is larger than %d bytes", name,
                     VH_CONF_SIZE_MAX);
        return -EFBIG;
}

int vh_conf_load(VhConf **ret, const char *path, VhFindings *findings, VhError **err)
{
        _vh_free_ char *data = NULL;
        size_t len;
        int r = vh_file_read(path, VH_CONF_SIZE_MAX, &data, &len);

        if (r == -EFBIG)
                return vh_conf_too_large(path, findings, err);
        if (r < 0) {
                if (findings && r != -ENOENT)
                        vh_findings_add(findings, VH_SEVERITY_ERROR, "conf-read", path, 0, 0, "cannot be read: %s",
                                        strerror(-r));
                return vh_error_sys(err, VIR_FROM_CONF, r, "cannot read configuration file %s", path);
        }
        return vh_conf_parse(ret, path, data, len, findings, err);
}

static int load_or_empty(VhConf **ret, const char *path, VhConfOpenFlags flags, VhFindings *findings, VhError **err)
{
        int r = vh_conf_load(ret, path, findings, err);
        bool absent = r == -ENOENT && !(flags & VH_CONF_MUST_EXIST);
        /* Too large and bad syntax come from reading; only what the system refuses is lenient. */
        bool unreadable = r < 0 && r != -EINVAL && r != -EFBIG && (flags & VH_CONF_LENIENT);

        if (!absent && !unreadable)
                return r;
        if (err)
                vh_error_clear(err);
        *ret = vh_conf_new(path);
        return 0;
}

int vh_conf_open(VhConf **ret, const VhConfDesc *desc, const char *path, VhConfOpenFlags flags, VhFindings *findings,
                 VhError **err)
{
        _vh_findings_ VhFindings own = { 0 };
        _vh_conf_ VhConf *conf = NULL;
        VhFindings *f = findings ? findings : &own;
        int r = load_or_empty(&conf, path, flags, f, err);

        if (r < 0)
                return r;
        if (vh_conf_check(conf, desc, f) > 0)
                return vh_findings_to_error(f, err);
        vh_conf_use_defaults(conf, desc, flags & VH_CONF_SESSION);
        *ret = VH_TAKE_PTR(conf);
        return 0;
}

/* The description's defaults are conf text: they go through the same parser as files. */
void vh_conf_use_defaults(VhConf *conf, const VhConfDesc *desc, bool session)
{
        _vh_buf_ VhBuf text = { 0 };
        VhConf *defaults = NULL;

        for (size_t i = 0; i < desc->n_options; i++) {
                const VhOptionDesc *o = desc->options[i];
                const char *value = session && o->value_session ? o->value_session : o->value;

                if (value && *value)
                        vh_buf_printf(&text, "%s = %s\n", o->name, value);
        }
        /* The generator has checked that every default parses. */
        if (vh_conf_parse(&defaults, desc->file, text.data, text.len, NULL, NULL) < 0)
                abort();
        vh_conf_free(conf->defaults);
        conf->defaults = defaults;
}

bool vh_conf_value_equal(const VhConfValue *a, const VhConfValue *b)
{
        if (a->kind != b->kind)
                return false;
        switch (a->kind) {
        case VH_CONF_UINT:
                return a->u == b->u;
        case VH_CONF_INT:
                return a->i == b->i;
        case VH_CONF_STRING:
                return vh_streq(a->str, b->str);
        case VH_CONF_LIST:
                if (a->list.n != b->list.n)
                        return false;
                for (size_t i = 0; i < a->list.n; i++)
                        if (!vh_conf_value_equal(&a->list.items[i], &b->list.items[i]))
                                return false;
                return true;
        }
        return false;
}
