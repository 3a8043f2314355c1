/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A read configuration against its description. */

#include "conf/check.h"
#include "conf/conf-priv.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

static const char *const fault_codes[] = {
        [VH_VALUE_TYPE] = "conf-type",
        [VH_VALUE_RANGE] = "conf-range",
        [VH_VALUE_CHOICE] = "conf-choice",
        [VH_VALUE_FORMAT] = "conf-format",
};

static VhValueFault check_number(const VhOptionDesc *o, const VhConfValue *v)
{
        if (v->kind == VH_CONF_INT) {
                if (o->type != VH_OPTION_INT)
                        return VH_VALUE_TYPE;
                return v->i < o->min ? VH_VALUE_RANGE : VH_VALUE_OK;
        }
        if (v->kind != VH_CONF_UINT)
                return VH_VALUE_TYPE;
        if (v->u > o->max || (o->min > 0 && v->u < (uint64_t)o->min))
                return VH_VALUE_RANGE;
        return VH_VALUE_OK;
}

static bool is_choice(const VhOptionDesc *o, const char *s)
{
        for (const char *const *c = o->choices; *c; c++)
                if (vh_streq(*c, s))
                        return true;
        return false;
}

static VhValueFault check_string(const VhOptionDesc *o, const VhConfValue *v)
{
        if (v->kind != VH_CONF_STRING)
                return VH_VALUE_TYPE;
        if (o->choices && !is_choice(o, v->str))
                return VH_VALUE_CHOICE;
        return vh_format_matches(o->format, v->str) ? VH_VALUE_OK : VH_VALUE_FORMAT;
}

static VhValueFault check_list(const VhOptionDesc *o, const VhConfValue *v, const VhConfValue **culprit)
{
        if (v->kind != VH_CONF_LIST)
                return VH_VALUE_TYPE;
        for (size_t i = 0; i < v->list.n; i++) {
                VhValueFault fault = check_string(o, &v->list.items[i]);

                if (fault != VH_VALUE_OK) {
                        *culprit = &v->list.items[i];
                        return fault;
                }
        }
        return VH_VALUE_OK;
}

VhValueFault vh_option_check(const VhOptionDesc *o, const VhConfValue *v, const VhConfValue **culprit)
{
        *culprit = v;
        switch (o->type) {
        case VH_OPTION_BOOL:
        case VH_OPTION_INT:
        case VH_OPTION_UINT:
        case VH_OPTION_U64:
                return check_number(o, v);
        case VH_OPTION_STRING:
        case VH_OPTION_ENUM:
                return check_string(o, v);
        case VH_OPTION_STRING_LIST:
                return check_list(o, v, culprit);
        case VH_OPTION_STRING_OR_LIST:
                return v->kind == VH_CONF_STRING ? check_string(o, v) : check_list(o, v, culprit);
        case VH_OPTION_U64_OR_STRING:
                return v->kind == VH_CONF_STRING ? check_string(o, v) : check_number(o, v);
        }
        return VH_VALUE_TYPE;
}

static const char *option_name(const void *desc, size_t i)
{
        const VhConfDesc *d = desc;

        return i < d->n_options ? d->options[i]->name : NULL;
}

const char *vh_option_suggest(const VhConfDesc *desc, const char *name)
{
        return vh_did_you_mean(name, option_name, desc);
}

static void report_unknown(VhFindings *f, const VhConf *conf, const VhConfDesc *desc, const VhConfEntry *e)
{
        const char *near = vh_option_suggest(desc, e->name);
        VhFinding *n = vh_findings_add(f, VH_SEVERITY_WARNING, "conf-unknown-key", conf->name, e->line, e->column,
                                       "unknown key '%s' is ignored", e->name);

        if (n)
                n->width = (unsigned)strlen(e->name);
        if (near)
                vh_finding_hint(f, n, "did you mean '%s'?", near);
}

static void report_value(VhFindings *f, const VhConf *conf, const VhOptionDesc *o, const VhConfValue *v,
                         VhValueFault fault)
{
        /* What the type forbids stops every daemon; the rest depends on whether libvirt's looked at it. */
        VhSeverity severity = o->lax && fault != VH_VALUE_TYPE ? VH_SEVERITY_WARNING : VH_SEVERITY_ERROR;
        _vh_free_ char *expects = vh_option_expects(o);
        VhFinding *n = vh_findings_add(f, severity, fault_codes[fault], conf->name, v->line, v->column,
                                       "'%s' must be %s", o->name, expects);

        if (n)
                n->width = v->width;
        if (n && o->type == VH_OPTION_STRING && v->kind == VH_CONF_UINT)
                vh_finding_hint(f, n, "put the number in quotes");
}

static void check_entry(const VhConf *conf, const VhConfDesc *desc, const VhConfEntry *e, VhFindings *f)
{
        const VhOptionDesc *o = vh_conf_desc_option(desc, e->name);
        const VhConfValue *culprit;
        VhValueFault fault;

        if (!o) {
                report_unknown(f, conf, desc, e);
                return;
        }
        if (e->shadowed) {
                vh_findings_add(f, VH_SEVERITY_WARNING, "conf-duplicate", conf->name, e->line, e->column,
                                "'%s' is set again; the first one, in line %u, counts", e->name,
                                vh_conf_find(conf, e->name)->line);
                return;
        }
        if (o->obsolete)
                vh_findings_add(f, VH_SEVERITY_WARNING, "conf-obsolete", conf->name, e->line, e->column,
                                "'%s' is obsolete and has no effect", e->name);
        fault = vh_option_check(o, &e->value, &culprit);
        if (fault != VH_VALUE_OK)
                report_value(f, conf, o, culprit, fault);
}

/* The number that counts for a key: of the file or the default. False if it has none or it is no plain number. */
static bool effective_number(const VhConf *conf, const VhConfDesc *desc, const char *key, uint64_t *ret)
{
        const VhConfEntry *e = vh_conf_find(conf, key);
        const VhOptionDesc *o = vh_conf_desc_option(desc, key);

        if (!e)
                return o && o->value && vh_parse_u64(o->value, 10, ret) == 0;
        if (e->value.kind != VH_CONF_UINT)
                return false;
        *ret = e->value.u;
        return true;
}

static void check_bound(const VhConf *conf, const VhConfDesc *desc, const VhOptionDesc *o, VhFindings *f)
{
        const VhConfEntry *e = vh_conf_find(conf, o->name);
        const VhConfEntry *place = e ? e : vh_conf_find(conf, o->at_most);
        uint64_t value, bound;

        if (!place || !effective_number(conf, desc, o->name, &value) ||
            !effective_number(conf, desc, o->at_most, &bound) || value <= bound)
                return;
        vh_findings_add(f, o->lax ? VH_SEVERITY_WARNING : VH_SEVERITY_ERROR, "conf-bound", conf->name,
                        place->value.line, place->value.column,
                        "'%s' (%" PRIu64 ") must not be above '%s' (%" PRIu64 ")", o->name, value, o->at_most, bound);
}

static void check_together(const VhConf *conf, const VhOptionDesc *o, VhFindings *f)
{
        const VhConfEntry *e = vh_conf_find(conf, o->name);

        for (const char *const *other = o->together; e && *other; other++)
                if (!vh_conf_find(conf, *other))
                        vh_findings_add(f, o->lax ? VH_SEVERITY_WARNING : VH_SEVERITY_ERROR, "conf-together",
                                        conf->name, e->line, e->column, "'%s' needs '%s' to be set as well", o->name,
                                        *other);
}

unsigned vh_conf_check(const VhConf *conf, const VhConfDesc *desc, VhFindings *findings)
{
        unsigned before = findings->errors;

        for (const VhConfEntry *e = conf->first; e; e = e->next)
                check_entry(conf, desc, e, findings);
        for (size_t i = 0; i < desc->n_options; i++) {
                const VhOptionDesc *o = desc->options[i];

                if (o->at_most)
                        check_bound(conf, desc, o, findings);
                if (o->together)
                        check_together(conf, o, findings);
        }
        return findings->errors - before;
}
