/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From the YAML tree to a profile, along the table of the language (lang.c). */

#include "base/error.h"
#include "layers.h"
#include "read-priv.h"

#include <limits.h>

enum { LANGUAGE_VERSION = 1 };

const char *vh_reader_path(const Reader *r, const char *path, const VhYamlNode *key)
{
        return vh_arena_printf(r->p->arena, "%s.%s", path, key->text);
}

bool vh_reader_is_map(Reader *r, const VhYamlNode *node, const char *path)
{
        VhFinding *n;

        if (node->kind == VH_YAML_MAP)
                return true;
        n = vh_profile_error(r->f, r->p, "profile-type", node, path, "must be a map of keys and values, not %s",
                             vh_yaml_kind_name(node));
        if (node->kind == VH_YAML_SCALAR && node->plain && !*node->text)
                vh_finding_hint(r->f, n, "indent its keys below it, or leave it out");
        return false;
}

VhFinding *vh_reader_unknown(Reader *r, const VhYamlNode *key, const char *path, VhCandidateFn next,
                             const void *candidates)
{
        const char *near = vh_did_you_mean(key->text, next, candidates);
        VhFinding *n = vh_profile_error(r->f, r->p, "profile-unknown-key", key, path, "unknown key '%s'", key->text);

        if (near)
                vh_finding_hint(r->f, n, "did you mean '%s'?", near);
        return n;
}

/* Settings */

static VhSetting *append_setting(Reader *r, const VhSetting *setting)
{
        VhSetting *s = vh_arena_memdup(r->p->arena, setting, sizeof(*setting));

        if (r->p->last_setting)
                r->p->last_setting->next = s;
        else
                r->p->settings = s;
        r->p->last_setting = s;
        return s;
}

VhSetting *vh_reader_add_setting(Reader *r, VhScope scope, const VhOptionDesc *o, const VhYamlNode *node,
                                 const char *path)
{
        VhSetting s = { .scope = scope, .option = o, .node = node, .path = path, .left = vh_yaml_is_null(node) };

        if (!s.left && !vh_profile_value(r->p, o, node, path, &s.value, r->f))
                return NULL;
        return append_setting(r, &s);
}

/* "a b c" of a list of texts, as one node in the list's place; NULL with findings if it is no such list. */
static const VhYamlNode *join_words(Reader *r, const VhYamlNode *list, const char *path)
{
        VhYamlNode *joined = vh_arena_memdup(r->p->arena, list, sizeof(*list));
        _vh_buf_ VhBuf b = { 0 };
        const char *word;

        if (list->kind != VH_YAML_LIST) {
                vh_profile_error(r->f, r->p, "profile-type", list, path, "must be a list of texts, not %s",
                                 vh_yaml_kind_name(list));
                return NULL;
        }
        for (size_t i = 0; i < list->n; i++) {
                if (!vh_profile_text(r->p, list->items[i], path, &word, r->f))
                        return NULL;
                vh_buf_printf(&b, "%s%s", i ? " " : "", word);
        }
        joined->kind = VH_YAML_SCALAR;
        joined->plain = false;
        joined->text = vh_arena_strdup(r->p->arena, b.data ? b.data : "");
        return joined;
}

static void read_option(Reader *r, const VhKey *key, const VhYamlNode *value, const char *path)
{
        bool words = key->kind == VH_KEY_WORDS && !vh_yaml_is_null(value);
        const VhYamlNode *node = words ? join_words(r, value, path) : value;

        if (node)
                vh_reader_add_setting(r, key->scope, vh_lang_option(key), node, path);
}

void vh_reader_idle(Reader *r, const VhDaemonDesc *d, const VhYamlNode *node, const char *path)
{
        const VhKey *key = vh_lang_find(vh_lang_keys, "idle_timeout");
        VhIdle *idle = vh_arena_new(r->p->arena, VhIdle, 1);
        uint64_t seconds = 0;

        idle->daemon = d;
        idle->left = vh_yaml_is_null(node);
        if (!idle->left && !(node->kind == VH_YAML_SCALAR && vh_streq(node->text, "never")) &&
            !vh_profile_number(r->p, node, path, key->max, &seconds, r->f))
                return;
        idle->seconds = (unsigned)seconds;
        idle->node = node;
        idle->path = path;
        if (r->p->last_idle)
                r->p->last_idle->next = idle;
        else
                r->p->idles = idle;
        r->p->last_idle = idle;
}

/* Plain values */

static bool fits_form(VhTextForm form, const char *s)
{
        static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
        const char *dot = strrchr(s, '.');

        switch (form) {
        case VH_TEXT_ANY:
                return true;
        case VH_TEXT_NAME:
                return *s && s[strspn(s, letters)] == '\0' && strlen(s) <= NAME_MAX;
        case VH_TEXT_ACCOUNT:
                return *s && !strchr("-.0123456789", *s) && s[strspn(s, letters)] == '\0' && strlen(s) <= 31;
        case VH_TEXT_PATH:
                return *s == '/' && !strpbrk(s, "\r\n\"");
        case VH_TEXT_ADDRESS:
                return vh_format_matches(VH_FORMAT_ADDRESS, s);
        case VH_TEXT_UNIT:
                return dot && dot > s && dot[1] && !strpbrk(s, " \t\r\n\"/");
        case VH_TEXT_URI:
                return (strchr(s, ':') || vh_streq(s, "default")) && !strpbrk(s, " \t\r\n\"'$`\\");
        case VH_TEXT_PERMISSION:
                return vh_lang_is_permission(s);
        }
        return false;
}

const char *vh_reader_form_name(VhTextForm form)
{
        static const char *const names[] = {
                [VH_TEXT_ANY] = "a text",
                [VH_TEXT_NAME] = "a name of letters, digits, '.', '_' and '-'",
                [VH_TEXT_ACCOUNT] = "the name of a user or group",
                [VH_TEXT_PATH] = "an absolute path",
                [VH_TEXT_ADDRESS] = "an IPv4 or IPv6 address",
                [VH_TEXT_UNIT] = "the name of a unit, such as network-online.target",
                [VH_TEXT_URI] = "a connection URI, such as qemu:///system",
                [VH_TEXT_PERMISSION] = "a permission, such as domain.start or domain.*",
        };

        return names[form];
}

static bool read_text(Reader *r, const VhKey *key, const VhYamlNode *node, const char *path, const char **text)
{
        const char *near = NULL;
        VhFinding *n;

        if (!vh_profile_text(r->p, node, path, text, r->f))
                return false;
        if (fits_form(key->form, *text))
                return true;
        n = vh_profile_error(r->f, r->p, "profile-format", node, path, "must be %s", vh_reader_form_name(key->form));
        if (key->form == VH_TEXT_PERMISSION)
                near = vh_did_you_mean(*text, vh_reader_word, vh_lang_permissions);
        if (near)
                vh_finding_hint(r->f, n, "did you mean '%s'?", near);
        return false;
}

static bool read_list(Reader *r, const VhKey *key, const VhYamlNode *node, const char *path, VhGiven *given)
{
        bool good = true;

        if (node->kind != VH_YAML_LIST) {
                VhFinding *n = vh_profile_error(r->f, r->p, "profile-type", node, path, "must be a list, not %s",
                                                vh_yaml_kind_name(node));

                if (node->kind == VH_YAML_SCALAR)
                        vh_finding_hint(r->f, n, "write [%s]", node->text);
                return false;
        }
        given->n = node->n;
        given->items = vh_arena_new(r->p->arena, const char *, node->n + 1);
        for (size_t i = 0; i < node->n; i++)
                good = read_text(r, key, node->items[i], path, &given->items[i]) && good;
        return good;
}

/* Position of a word in a NULL-terminated list, or -1 with a finding. */
static int read_choice(Reader *r, const VhYamlNode *node, const char *path, const char *const *words)
{
        const char *near;
        VhFinding *n;

        if (node->kind != VH_YAML_SCALAR) {
                vh_profile_error(r->f, r->p, "profile-type", node, path, "must be one word, not %s",
                                 vh_yaml_kind_name(node));
                return -1;
        }
        for (int i = 0; words[i]; i++)
                if (vh_streq(words[i], node->text))
                        return i;
        n = vh_profile_error(r->f, r->p, "profile-choice", node, path, "'%s' is not known here", node->text);
        near = vh_did_you_mean(node->text, vh_reader_word, words);
        if (near)
                vh_finding_hint(r->f, n, "did you mean '%s'?", near);
        return -1;
}

static bool read_given(Reader *r, const VhKey *key, const VhYamlNode *node, const char *path, VhGiven *given)
{
        int choice;

        switch (key->kind) {
        case VH_KEY_BOOL:
                return vh_profile_bool(r->p, node, path, &given->on, r->f);
        case VH_KEY_NUMBER:
                return vh_profile_number(r->p, node, path, key->max, &given->number, r->f);
        case VH_KEY_TEXT:
                return read_text(r, key, node, path, &given->text);
        case VH_KEY_LIST:
                return read_list(r, key, node, path, given);
        default:
                choice = read_choice(r, node, path, key->choices);
                given->choice = choice < 0 ? 0 : (unsigned)choice;
                given->text = choice < 0 ? NULL : key->choices[choice];
                return choice >= 0;
        }
}

/* Keys */

static const char *key_word(const void *keys, size_t i)
{
        return ((const VhKey *)keys)[i].name;
}

static void read_key(Reader *r, const VhKey *key, const VhYamlNode *value, const char *path, void *base)
{
        VhGiven given = { .node = value, .path = path };

        switch (key->kind) {
        case VH_KEY_OPTION:
        case VH_KEY_WORDS:
                read_option(r, key, value, path);
                return;
        case VH_KEY_SECONDS:
                vh_reader_idle(r, NULL, value, path);
                return;
        case VH_KEY_INCLUDE:
                return;
        default:
                break;
        }
        if (vh_yaml_is_null(value))
                return;
        switch (key->kind) {
        case VH_KEY_SECTION:
                vh_reader_section(r, key->keys, value, path, base);
                return;
        case VH_KEY_RULES:
                vh_reader_rules(r, value, path);
                return;
        case VH_KEY_WHERE:
                vh_reader_where(r, value, path, base);
                return;
        case VH_KEY_DAEMONS:
                vh_reader_daemons(r, value, path);
                return;
        case VH_KEY_FILES:
                vh_reader_files(r, value, path);
                return;
        case VH_KEY_UNITS:
                vh_reader_units(r, value, path);
                return;
        default:
                if (read_given(r, key, value, path, &given))
                        memcpy((char *)base + key->given, &given, sizeof(given));
        }
}

void vh_reader_section(Reader *r, const VhKey *keys, const VhYamlNode *map, const char *path, void *base)
{
        if (!vh_reader_is_map(r, map, path))
                return;
        for (size_t i = 0; i < map->n; i++) {
                const VhYamlNode *key = vh_yaml_key(map, i);
                const VhKey *known = vh_lang_find(keys, key->text);
                const char *below = vh_reader_path(r, path, key);

                if (known)
                        read_key(r, known, vh_yaml_value(map, i), below, base);
                else
                        vh_reader_unknown(r, key, below, key_word, keys);
        }
}

static const VhYamlNode *find_value(const VhYamlNode *map, const char *key)
{
        for (size_t i = 0; i < map->n; i++)
                if (vh_streq(vh_yaml_key(map, i)->text, key))
                        return vh_yaml_value(map, i);
        return NULL;
}

/* What a role sets comes first, so that everything else is stronger. */
static void add_role(Reader *r)
{
        const VhGiven *given = &r->p->role;
        const VhConfDesc *conf = vh_conf_desc_find("libvirtd.conf");

        for (const VhRoleLimit *l = given->node ? vh_limit_roles[given->choice].limits : NULL; l && l->option; l++) {
                VhSetting s = { .scope = VH_SCOPE_API, .node = given->node, .path = given->path };

                s.option = vh_conf_desc_option(conf, l->option);
                s.value = (VhConfValue){ .kind = VH_CONF_UINT, .u = l->value };
                s.next = r->p->settings;
                r->p->settings = vh_arena_memdup(r->p->arena, &s, sizeof(s));
                if (!r->p->last_setting)
                        r->p->last_setting = r->p->settings;
        }
}

/* remote.tls.pki stands for three options, which win over it. */
static void add_pki(Reader *r)
{
        static const struct {
                const char *option, *file;
        } rows[] = {
                { "key_file", "private/serverkey.pem" },
                { "cert_file", "servercert.pem" },
                { "ca_file", "cacert.pem" },
        };
        const VhGiven *given = &r->p->remote.pki;
        const VhConfDesc *conf = vh_conf_desc_find("libvirtd.conf");

        for (size_t i = 0; given->node && i < VH_ARRAY_SIZE(rows); i++) {
                VhSetting s = { .scope = VH_SCOPE_API, .node = given->node, .path = given->path };

                s.option = vh_conf_desc_option(conf, rows[i].option);
                s.value.kind = VH_CONF_STRING;
                s.value.str = vh_arena_printf(r->p->arena, "%s/%s", given->text, rows[i].file);
                s.next = r->p->settings;
                r->p->settings = vh_arena_memdup(r->p->arena, &s, sizeof(s));
                if (!r->p->last_setting)
                        r->p->last_setting = r->p->settings;
        }
}

static void settle_outline(Reader *r)
{
        VhProfile *p = r->p;

        p->name = p->name_given.text;
        p->version = p->version_given.text;
        p->layout = (VhLayout)p->layout_given.choice;
        p->startup = (VhStartup)p->startup_given.choice;
        p->software = (VhSoftware)p->software_given.choice;
        if (p->distro_given.node)
                p->distro = vh_distro_find(p->distro_given.text);
        if (p->preset_given.node)
                p->preset = vh_preset_policy_find(p->preset_given.text);
        if (p->proxy_given.node)
                p->proxy = p->proxy_given.on;
        if (p->format.node && p->format.number != LANGUAGE_VERSION)
                vh_profile_error(r->f, p, "profile-version", p->format.node, p->format.path,
                                 "this version of virthost reads format %d", LANGUAGE_VERSION);
}

static bool is_by_name(const VhKey *key)
{
        return key->kind == VH_KEY_DAEMONS || key->kind == VH_KEY_FILES || key->kind == VH_KEY_UNITS;
}

/* Maps by name ask which daemons there are, so that must be clear before. */
static void read_top(Reader *r, const VhYamlNode *root)
{
        for (size_t i = 0; i < root->n; i++) {
                const VhYamlNode *key = vh_yaml_key(root, i);

                if (!vh_lang_find(vh_lang_keys, key->text))
                        vh_reader_unknown(r, key, vh_reader_path(r, "$", key), key_word, vh_lang_keys);
        }
        for (int by_name = 0; by_name <= 1; by_name++) {
                for (const VhKey *k = vh_lang_keys; k->name; k++) {
                        const VhYamlNode *node = is_by_name(k) == by_name ? find_value(root, k->name) : NULL;

                        if (node)
                                read_key(r, k, node, vh_arena_printf(r->p->arena, "$.%s", k->name), r->p);
                }
                if (by_name == 0) {
                        settle_outline(r);
                        vh_reader_drivers(r, VH_ROLE_HYPERVISOR, &r->p->hypervisors);
                        vh_reader_drivers(r, VH_ROLE_SECONDARY, &r->p->drivers);
                        vh_reader_resolve_daemons(r);
                }
        }
        add_pki(r);
        add_role(r);
}

VhProfile *vh_profile_read_tree(VhArena *arena, const char *file, const VhYamlNode *root, VhFindings *findings)
{
        VhProfile *p = vh_arena_new(arena, VhProfile, 1);
        Reader r = { .p = p, .f = findings };
        const VhYamlNode *name;

        p->file = file;
        p->proxy = true;
        p->preset = &vh_preset_policies[0];
        p->distro = vh_distro_default();
        p->arena = arena;
        if (!vh_reader_is_map(&r, root, "$"))
                return NULL;
        read_top(&r, root);
        name = find_value(root, "profile");
        if (!name || vh_yaml_is_null(name))
                vh_finding_hint(findings,
                                vh_profile_error(findings, p, "profile-missing", root, "$", "the profile has no name"),
                                "begin with: profile: NAME");
        return p;
}

VhProfile *vh_profile_read(VhArena *arena, const char *file, const char *data, size_t len, VhFindings *findings)
{
        VhLayers layers = { .arena = arena, .closed = true };
        VhYamlNode *root = vh_layers_load_text(&layers, arena, file, data, len, findings);

        vh_layers_done(&layers);
        return root ? vh_profile_read_tree(arena, file, root, findings) : NULL;
}
