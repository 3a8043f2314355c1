/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The JSON Schema of profiles, for editors: out of the table of the language and the descriptions of options. It is as
 * strict as a schema can be; what takes several values together is left to check. */

#include "schema.h"
#include "apply/json.h"
#include "lang.h"

#include <inttypes.h>

static void words(VhJson *w, const char *key, const char *const *list)
{
        vh_json_open(w, key, '[');
        for (; *list; list++)
                vh_json_string(w, NULL, *list);
        vh_json_close(w, ']');
}

static void null_row(VhJson *w)
{
        vh_json_open(w, NULL, '{');
        vh_json_raw(w, "type", "\"null\"");
        vh_json_close(w, '}');
}

/* Options */

static const char *const format_patterns[] = {
        [VH_FORMAT_ANY] = NULL,
        [VH_FORMAT_MODE] = "^0*[0-7]{1,4}$",
        [VH_FORMAT_UUID] = "^[0-9a-fA-F-]{32,36}$",
        [VH_FORMAT_PATH] = "^(/.*)?$",
        [VH_FORMAT_ALIAS] = "^[A-Za-z0-9_-]+=.+$",
};

static void put_text_rules(VhJson *w, const VhOptionDesc *o)
{
        size_t format = (size_t)o->format;
        bool loose = o->format == VH_FORMAT_MODE || o->format == VH_FORMAT_PORT || o->format == VH_FORMAT_ID;

        vh_json_raw(w, "type", loose ? "[\"string\", \"integer\"]" : "\"string\"");
        if (o->choices)
                words(w, "enum", o->choices);
        else if (format < VH_ARRAY_SIZE(format_patterns) && format_patterns[format])
                vh_json_string(w, "pattern", format_patterns[format]);
}

static void put_number_rules(VhJson *w, const VhOptionDesc *o)
{
        _vh_free_ char *low = NULL;

        vh_json_raw(w, "type", "\"integer\"");
        if (o->min == 0 && o->max == 0)
                return;
        low = vh_xasprintf("%" PRId64, o->min);
        vh_json_raw(w, "minimum", low);
        vh_json_number(w, "maximum", o->max);
}

static void put_list_rules(VhJson *w, const VhOptionDesc *o)
{
        vh_json_raw(w, "type", "\"array\"");
        vh_json_open(w, "items", '{');
        put_text_rules(w, o);
        vh_json_close(w, '}');
}

static void put_row(VhJson *w, const VhOptionDesc *o, void (*put)(VhJson *w, const VhOptionDesc *o))
{
        vh_json_open(w, NULL, '{');
        put(w, o);
        vh_json_close(w, '}');
}

static void put_bool_rules(VhJson *w, const VhOptionDesc *o)
{
        vh_json_raw(w, "type", "\"boolean\"");
}

static void put_list_edit(VhJson *w)
{
        vh_json_open(w, NULL, '{');
        vh_json_string(w, "$ref", "#/$defs/list-edit");
        vh_json_close(w, '}');
}

static void put_secret_rules(VhJson *w, const VhOptionDesc *o)
{
        vh_json_string(w, "$ref", "#/$defs/secret");
}

static void put_option_rows(VhJson *w, const VhOptionDesc *o, bool as_words)
{
        bool list = as_words || o->type == VH_OPTION_STRING_LIST || o->type == VH_OPTION_STRING_OR_LIST;

        if (o->secret)
                put_row(w, o, put_secret_rules);
        else if (o->type == VH_OPTION_BOOL)
                put_row(w, o, put_bool_rules);
        else if (o->type == VH_OPTION_INT || o->type == VH_OPTION_UINT || o->type == VH_OPTION_U64 ||
                 o->type == VH_OPTION_U64_OR_STRING)
                put_row(w, o, put_number_rules);
        if (list) {
                put_row(w, o, put_list_rules);
                put_list_edit(w);
        }
        if (!o->secret && !as_words &&
            (o->type == VH_OPTION_STRING || o->type == VH_OPTION_ENUM || o->type == VH_OPTION_STRING_OR_LIST ||
             o->type == VH_OPTION_U64_OR_STRING))
                put_row(w, o, put_text_rules);
}

static void put_option(VhJson *w, const char *key, const VhOptionDesc *o, bool as_words)
{
        vh_json_open(w, key, '{');
        vh_json_string(w, "description", o->help);
        if (o->obsolete)
                vh_json_raw(w, "deprecated", "true");
        vh_json_open(w, "anyOf", '[');
        null_row(w);
        put_option_rows(w, o, as_words);
        vh_json_close(w, ']');
        vh_json_close(w, '}');
}

/* Keys */

static void put_keys(VhJson *w, const VhKey *keys);

static void put_map_begin(VhJson *w)
{
        vh_json_raw(w, "type", "[\"object\", \"null\"]");
        vh_json_raw(w, "additionalProperties", "false");
}

static void put_ref_list(VhJson *w, const char *key, const char *ref)
{
        vh_json_open(w, key, '{');
        vh_json_string(w, "$ref", ref);
        vh_json_close(w, '}');
}

static const char *const form_patterns[] = {
        [VH_TEXT_NAME] = "^[A-Za-z0-9._-]+$",
        [VH_TEXT_ACCOUNT] = "^[A-Za-z_][A-Za-z0-9._-]*$",
        [VH_TEXT_PATH] = "^/",
        [VH_TEXT_ADDRESS] = "^[0-9a-fA-F.:]+$",
        [VH_TEXT_UNIT] = "^[^ /]+\\.[a-z]+$",
        [VH_TEXT_URI] = "^[a-z0-9+]+:",
        [VH_TEXT_PERMISSION] = "^[a-z-]+\\.([a-z-]+|\\*)$",
};

static void put_form(VhJson *w, VhTextForm form)
{
        vh_json_raw(w, "type", "\"string\"");
        if (form_patterns[form])
                vh_json_string(w, "pattern", form_patterns[form]);
}

static void put_given_rules(VhJson *w, const VhKey *key)
{
        switch (key->kind) {
        case VH_KEY_BOOL:
                vh_json_raw(w, "type", "\"boolean\"");
                return;
        case VH_KEY_SECONDS:
                vh_json_open(w, "anyOf", '[');
                vh_json_open(w, NULL, '{');
                vh_json_raw(w, "const", "\"never\"");
                vh_json_close(w, '}');
                vh_json_open(w, NULL, '{');
                vh_json_raw(w, "type", "\"integer\"");
                vh_json_raw(w, "minimum", "0");
                vh_json_number(w, "maximum", key->max);
                vh_json_close(w, '}');
                vh_json_close(w, ']');
                return;
        case VH_KEY_NUMBER:
                vh_json_raw(w, "type", "\"integer\"");
                vh_json_raw(w, "minimum", "0");
                vh_json_number(w, "maximum", key->max);
                return;
        case VH_KEY_CHOICE:
                words(w, "enum", key->choices);
                return;
        default:
                put_form(w, key->form);
                return;
        }
}

static void put_given(VhJson *w, const VhKey *key)
{
        vh_json_open(w, "anyOf", '[');
        null_row(w);
        if (key->kind == VH_KEY_LIST || key->kind == VH_KEY_INCLUDE)
                put_list_edit(w);
        vh_json_open(w, NULL, '{');
        if (key->kind == VH_KEY_LIST || key->kind == VH_KEY_INCLUDE) {
                vh_json_raw(w, "type", "\"array\"");
                vh_json_open(w, "items", '{');
                put_form(w, key->form);
                vh_json_close(w, '}');
        } else {
                put_given_rules(w, key);
        }
        vh_json_close(w, '}');
        if (key->kind == VH_KEY_INCLUDE) {
                vh_json_open(w, NULL, '{');
                put_form(w, key->form);
                vh_json_close(w, '}');
        }
        vh_json_close(w, ']');
}

static void put_rules(VhJson *w)
{
        vh_json_open(w, "anyOf", '[');
        null_row(w);
        put_list_edit(w);
        vh_json_open(w, NULL, '{');
        vh_json_raw(w, "type", "\"array\"");
        vh_json_open(w, "items", '{');
        put_keys(w, vh_lang_rule_keys);
        vh_json_close(w, '}');
        vh_json_close(w, '}');
        vh_json_close(w, ']');
}

/* Maps by name */

static char *options_ref(const VhConfDesc *conf)
{
        return vh_xasprintf("#/$defs/%s", conf->file);
}

static bool is_daemon_conf(const VhConfDesc *conf)
{
        for (const VhDaemonDesc *const *d = vh_daemon_descs; *d; d++)
                if ((*d)->conf == conf)
                        return true;
        return false;
}

static void put_daemons(VhJson *w)
{
        const VhKey *idle = vh_lang_find(vh_lang_keys, "idle_timeout");

        put_map_begin(w);
        vh_json_open(w, "properties", '{');
        for (const VhDaemonDesc *const *d = vh_daemon_descs; *d; d++) {
                _vh_free_ char *ref = options_ref((*d)->conf);

                if (!(*d)->units)
                        continue;
                vh_json_open(w, (*d)->name, '{');
                vh_json_string(w, "description", (*d)->title);
                put_map_begin(w);
                vh_json_open(w, "properties", '{');
                put_ref_list(w, "settings", ref);
                vh_json_open(w, "idle_timeout", '{');
                put_given(w, idle);
                vh_json_close(w, '}');
                vh_json_close(w, '}');
                vh_json_close(w, '}');
        }
        vh_json_close(w, '}');
}

static void put_files(VhJson *w)
{
        put_map_begin(w);
        vh_json_open(w, "properties", '{');
        for (const VhConfDesc *const *c = vh_conf_descs; *c; c++) {
                _vh_free_ char *ref = options_ref(*c);

                if (!is_daemon_conf(*c))
                        put_ref_list(w, (*c)->file, ref);
        }
        vh_json_close(w, '}');
}

static void put_units(VhJson *w)
{
        put_map_begin(w);
        vh_json_open(w, "properties", '{');
        for (const VhDaemonDesc *const *d = vh_daemon_descs; *d; d++) {
                if (!(*d)->units)
                        continue;
                put_ref_list(w, (*d)->service, "#/$defs/service");
                for (size_t i = 0; i < (*d)->n_sockets; i++)
                        put_ref_list(w, (*d)->sockets[i].unit, "#/$defs/socket");
        }
        vh_json_close(w, '}');
}

static void put_key_rules(VhJson *w, const VhKey *key)
{
        switch (key->kind) {
        case VH_KEY_SECTION:
                put_keys(w, key->keys);
                return;
        case VH_KEY_RULES:
                put_rules(w);
                return;
        case VH_KEY_WHERE:
                vh_json_raw(w, "type", "\"object\"");
                vh_json_raw(w, "additionalProperties", "{\"type\": \"string\"}");
                vh_json_raw(w, "maxProperties", "1");
                return;
        case VH_KEY_DAEMONS:
                put_daemons(w);
                return;
        case VH_KEY_FILES:
                put_files(w);
                return;
        case VH_KEY_UNITS:
                put_units(w);
                return;
        default:
                put_given(w, key);
        }
}

static void put_keys(VhJson *w, const VhKey *keys)
{
        put_map_begin(w);
        vh_json_open(w, "properties", '{');
        for (const VhKey *k = keys; k->name; k++) {
                if (k->kind == VH_KEY_OPTION || k->kind == VH_KEY_WORDS) {
                        put_option(w, k->name, vh_lang_option(k), k->kind == VH_KEY_WORDS);
                        continue;
                }
                vh_json_open(w, k->name, '{');
                vh_json_string(w, "description", k->help);
                put_key_rules(w, k);
                vh_json_close(w, '}');
        }
        vh_json_close(w, '}');
}

/* Definitions */

static void put_section_defs(VhJson *w)
{
        static const struct {
                const char *name, *sections[4];
        } rows[] = {
                { "service", { "Unit", "Service", "Install", NULL } },
                { "socket", { "Unit", "Socket", "Install", NULL } },
        };

        for (size_t i = 0; i < VH_ARRAY_SIZE(rows); i++) {
                vh_json_open(w, rows[i].name, '{');
                put_map_begin(w);
                vh_json_open(w, "properties", '{');
                for (const char *const *s = rows[i].sections; *s; s++)
                        put_ref_list(w, *s, "#/$defs/directives");
                vh_json_close(w, '}');
                vh_json_close(w, '}');
        }
        vh_json_open(w, "directives", '{');
        vh_json_raw(w, "type", "[\"object\", \"null\"]");
        vh_json_raw(w, "propertyNames", "{\"pattern\": \"^[A-Z][A-Za-z0-9]*$\"}");
        vh_json_raw(w, "additionalProperties",
                    "{\"anyOf\": [{\"type\": [\"string\", \"number\", \"boolean\", \"null\"]}, "
                    "{\"type\": \"array\", \"items\": {\"type\": [\"string\", \"number\", \"boolean\"]}}, "
                    "{\"$ref\": \"#/$defs/list-edit\"}]}");
        vh_json_close(w, '}');
}

static void put_defs(VhJson *w)
{
        vh_json_open(w, "$defs", '{');
        vh_json_raw(w, "list-edit",
                    "{\"description\": \"Changes the list of the layers below.\", \"type\": \"object\", "
                    "\"minProperties\": 1, "
                    "\"propertyNames\": {\"enum\": [\"append\", \"prepend\", \"remove\", \"replace\"]}, "
                    "\"additionalProperties\": {\"type\": \"array\"}}");
        vh_json_raw(w, "secret",
                    "{\"description\": \"A file that holds the password.\", \"type\": \"object\", \"required\": "
                    "[\"file\"], "
                    "\"properties\": {\"file\": {\"type\": \"string\"}}, \"additionalProperties\": false}");
        put_section_defs(w);
        for (const VhConfDesc *const *c = vh_conf_descs; *c; c++) {
                vh_json_open(w, (*c)->file, '{');
                vh_json_string(w, "description", (*c)->title);
                put_map_begin(w);
                vh_json_open(w, "properties", '{');
                for (size_t i = 0; i < (*c)->n_options; i++)
                        put_option(w, (*c)->options[i]->name, (*c)->options[i], false);
                vh_json_close(w, '}');
                vh_json_close(w, '}');
        }
        vh_json_close(w, '}');
}

void vh_schema_write(VhBuf *b)
{
        VhJson w = { 0 };

        vh_json_open(&w, NULL, '{');
        vh_json_string(&w, "$schema", "https://json-schema.org/draft/2020-12/schema");
        vh_json_string(&w, "title", "A profile of virthost");
        put_keys(&w, vh_lang_keys);
        put_defs(&w);
        vh_json_close(&w, '}');
        vh_buf_add(b, w.buf.data, w.buf.len);
        vh_buf_addc(b, '\n');
        vh_json_done(&w);
}
