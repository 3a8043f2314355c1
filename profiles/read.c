/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From the YAML tree to a profile. Tables say which keys there are and which option each one sets; the type and range
 * of a value are the option's own (daemons/). */

#include "base/error.h"
#include "conf/check.h"
#include "read-priv.h"

#include <limits.h>
#include <uthash.h>

enum {
        /* systemd takes more, but nobody means a service that idles for a year. */
        IDLE_MAX = 365 * 24 * 3600,
};

/* A key that sets an option for all daemons that have it. */
typedef struct Leaf {
        const char *key;
        const char *option;
        bool words; /* a list here, one text with blanks in the file */
} Leaf;

typedef struct Section {
        const char *key;
        VhScope scope;
        const Leaf *leaves;
        const struct Section *sections;
} Section;

static const Leaf read_write_leaves[] = { { "mode", "unix_sock_rw_perms" }, { "auth", "auth_unix_rw" }, { 0 } };
static const Leaf read_only_leaves[] = { { "mode", "unix_sock_ro_perms" }, { "auth", "auth_unix_ro" }, { 0 } };
static const Leaf admin_leaves[] = { { "mode", "unix_sock_admin_perms" }, { 0 } };
static const Leaf access_leaves[] = {
        { "group", "unix_sock_group" },
        { "permissions", "access_drivers" },
        { "sasl_users", "sasl_allowed_username_list" },
        { 0 },
};
static const Section access_sections[] = {
        { "read_write", VH_SCOPE_API, read_write_leaves, NULL },
        { "read_only", VH_SCOPE_API, read_only_leaves, NULL },
        { "admin", VH_SCOPE_API, admin_leaves, NULL },
        { 0 },
};
static const Leaf tls_leaves[] = {
        { "enabled", "listen_tls" },
        { "port", "tls_port" },
        { "auth", "auth_tls" },
        { "key", "key_file" },
        { "certificate", "cert_file" },
        { "authorities", "ca_file" },
        { "revoked", "crl_file" },
        { "allowed_names", "tls_allowed_dn_list" },
        { "priority", "tls_priority" },
        { "skip_client_check", "tls_no_verify_certificate" },
        { "skip_own_check", "tls_no_sanity_certificate" },
        { 0 },
};
static const Leaf tcp_leaves[] = {
        { "enabled", "listen_tcp" },
        { "port", "tcp_port" },
        { "auth", "auth_tcp" },
        { "min_ssf", "tcp_min_ssf" },
        { 0 },
};
static const Leaf remote_leaves[] = { { "address", "listen_addr" }, { 0 } };
static const Section remote_sections[] = {
        { "tls", VH_SCOPE_API, tls_leaves, NULL },
        { "tcp", VH_SCOPE_API, tcp_leaves, NULL },
        { 0 },
};
static const Leaf limit_leaves[] = {
        { "max_clients", "max_clients" },
        { "max_queued_clients", "max_queued_clients" },
        { "max_anonymous_clients", "max_anonymous_clients" },
        { "min_workers", "min_workers" },
        { "max_workers", "max_workers" },
        { "prio_workers", "prio_workers" },
        { "max_client_requests", "max_client_requests" },
        { "admin_min_workers", "admin_min_workers" },
        { "admin_max_workers", "admin_max_workers" },
        { "admin_max_clients", "admin_max_clients" },
        { "admin_max_queued_clients", "admin_max_queued_clients" },
        { "admin_max_client_requests", "admin_max_client_requests" },
        { 0 },
};
static const Leaf logging_leaves[] = {
        { "level", "log_level" },
        { "filters", "log_filters", true },
        { "outputs", "log_outputs", true },
        { 0 },
};
static const Leaf audit_leaves[] = { { "level", "audit_level" }, { "to_log", "audit_logging" }, { 0 } };
static const Leaf host_leaves[] = { { "uuid", "host_uuid" }, { "uuid_source", "host_uuid_source" }, { 0 } };
static const Leaf keepalive_leaves[] = {
        { "interval", "keepalive_interval" },
        { "count", "keepalive_count" },
        { "admin_interval", "admin_keepalive_interval" },
        { "admin_count", "admin_keepalive_count" },
        { 0 },
};
static const Section sections[] = {
        { "access", VH_SCOPE_API, access_leaves, access_sections },
        { "remote", VH_SCOPE_API, remote_leaves, remote_sections },
        { "limits", VH_SCOPE_API, limit_leaves, NULL },
        { "logging", VH_SCOPE_ALL, logging_leaves, NULL },
        { "audit", VH_SCOPE_API, audit_leaves, NULL },
        { "host", VH_SCOPE_API, host_leaves, NULL },
        { "keepalive", VH_SCOPE_API, keepalive_leaves, NULL },
        { 0 },
};

const char *vh_reader_path(const Reader *r, const char *path, const VhYamlNode *key)
{
        return vh_arena_printf(r->p->arena, "%s.%s", path, key->text);
}

bool vh_reader_is_map(Reader *r, const VhYamlNode *node, const char *path)
{
        if (node->kind == VH_YAML_MAP)
                return true;
        vh_profile_error(r->f, r->p, "profile-type", node, path, "must be a map of keys and values, not %s",
                         vh_yaml_kind_name(node));
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

VhSetting *vh_reader_add_setting(Reader *r, VhScope scope, const VhOptionDesc *o, const VhYamlNode *node,
                                 const char *path)
{
        VhSetting *s = vh_arena_new(r->p->arena, VhSetting, 1);

        s->scope = scope;
        s->option = o;
        s->node = node;
        s->path = path;
        if (!vh_profile_value(r->p, o, node, path, &s->value, r->f))
                return NULL;
        if (r->p->last_setting)
                r->p->last_setting->next = s;
        else
                r->p->settings = s;
        r->p->last_setting = s;
        return s;
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

static const Leaf *find_leaf(const Section *s, const char *key)
{
        for (const Leaf *l = s->leaves; l && l->key; l++)
                if (vh_streq(l->key, key))
                        return l;
        return NULL;
}

static const Section *find_section(const Section *s, const char *key)
{
        for (; s && s->key; s++)
                if (vh_streq(s->key, key))
                        return s;
        return NULL;
}

static const char *section_word(const void *section, size_t i)
{
        const Section *s = section;
        size_t n = 0;

        for (const Leaf *l = s->leaves; l && l->key; l++)
                if (n++ == i)
                        return l->key;
        for (const Section *sub = s->sections; sub && sub->key; sub++)
                if (n++ == i)
                        return sub->key;
        return NULL;
}

static void read_leaf(Reader *r, const Section *s, const Leaf *leaf, const VhYamlNode *value, const char *path)
{
        /* libvirtd's file has every key that daemons share. */
        const VhOptionDesc *o = vh_conf_desc_option(vh_conf_desc_find("libvirtd.conf"), leaf->option);
        const VhYamlNode *node = leaf->words ? join_words(r, value, path) : value;

        if (node)
                vh_reader_add_setting(r, s->scope, o, node, path);
}

static void read_section(Reader *r, const Section *s, const VhYamlNode *map, const char *path)
{
        if (!vh_reader_is_map(r, map, path))
                return;
        for (size_t i = 0; i < map->n; i++) {
                const VhYamlNode *key = vh_yaml_key(map, i), *value = vh_yaml_value(map, i);
                const char *below = vh_reader_path(r, path, key);
                const Section *sub = find_section(s->sections, key->text);
                const Leaf *leaf = find_leaf(s, key->text);

                if (sub)
                        read_section(r, sub, value, below);
                else if (leaf)
                        read_leaf(r, s, leaf, value, below);
                else
                        vh_reader_unknown(r, key, below, section_word, s);
        }
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

static void read_name(Reader *r, const VhYamlNode *node, const char *path)
{
        static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
        const char *name;

        if (!vh_profile_text(r->p, node, path, &name, r->f))
                return;
        if (name[strspn(name, allowed)] != '\0' || strlen(name) > NAME_MAX)
                vh_profile_error(r->f, r->p, "profile-format", node, path,
                                 "a name has letters, digits, '.', '_' and '-' only");
        else
                r->p->name = name;
}

static void read_description(Reader *r, const VhYamlNode *node, const char *path)
{
        const char *text;

        vh_profile_text(r->p, node, path, &text, r->f);
}

static void read_layout(Reader *r, const VhYamlNode *node, const char *path)
{
        static const char *const words[] = { "modular", "monolithic", NULL };
        int i = read_choice(r, node, path, words);

        if (i >= 0)
                r->p->layout = (VhLayout)i;
}

static void read_startup(Reader *r, const VhYamlNode *node, const char *path)
{
        static const char *const words[] = { "socket-activation", "daemon", NULL };
        int i = read_choice(r, node, path, words);

        if (i >= 0)
                r->p->startup = (VhStartup)i;
}

static const char *policy_word(const void *unused, size_t i)
{
        return vh_preset_policies[i].name;
}

static void read_preset(Reader *r, const VhYamlNode *node, const char *path)
{
        const VhPresetPolicy *policy;
        const char *name, *near;
        VhFinding *n;

        if (!vh_profile_text(r->p, node, path, &name, r->f))
                return;
        policy = vh_preset_policy_find(name);
        if (policy) {
                r->p->preset = policy;
                return;
        }
        n = vh_profile_error(r->f, r->p, "profile-choice", node, path, "there is no policy '%s'", name);
        near = vh_did_you_mean(name, policy_word, NULL);
        if (near)
                vh_finding_hint(r->f, n, "did you mean '%s'?", near);
}

static void read_proxy(Reader *r, const VhYamlNode *node, const char *path)
{
        vh_profile_bool(r->p, node, path, &r->p->proxy, r->f);
}

void vh_reader_idle(Reader *r, const VhDaemonDesc *d, const VhYamlNode *node, const char *path)
{
        VhIdle *idle = vh_arena_new(r->p->arena, VhIdle, 1);
        uint64_t seconds = 0;

        idle->daemon = d;
        if (!(node->kind == VH_YAML_SCALAR && vh_streq(node->text, "never")) &&
            !vh_profile_number(r->p, node, path, IDLE_MAX, &seconds, r->f))
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

static void read_idle_timeout(Reader *r, const VhYamlNode *node, const char *path)
{
        vh_reader_idle(r, NULL, node, path);
}

static void read_hypervisors(Reader *r, const VhYamlNode *node, const char *path)
{
        vh_reader_drivers(r, VH_ROLE_HYPERVISOR, node, path);
}

static void read_drivers(Reader *r, const VhYamlNode *node, const char *path)
{
        vh_reader_drivers(r, VH_ROLE_SECONDARY, node, path);
}

/* In the order in which they are read: what comes later looks at what came before. */
static const struct {
        const char *key;
        void (*read)(Reader *r, const VhYamlNode *node, const char *path);
} keys[] = {
        { "profile", read_name },
        { "description", read_description },
        { "layout", read_layout },
        { "startup", read_startup },
        { "preset", read_preset },
        { "proxy", read_proxy },
        { "hypervisors", read_hypervisors },
        { "drivers", read_drivers },
        { "idle_timeout", read_idle_timeout },
        { "daemons", vh_reader_daemons },
        { "files", vh_reader_files },
        { "units", vh_reader_units },
};

static const char *top_word(const void *unused, size_t i)
{
        if (i < VH_ARRAY_SIZE(keys))
                return keys[i].key;
        return sections[i - VH_ARRAY_SIZE(keys)].key;
}

static const VhYamlNode *find_value(const VhYamlNode *map, const char *key)
{
        for (size_t i = 0; i < map->n; i++)
                if (vh_streq(vh_yaml_key(map, i)->text, key))
                        return vh_yaml_value(map, i);
        return NULL;
}

static bool is_top_key(const char *key)
{
        const char *word;

        for (size_t i = 0; (word = top_word(NULL, i)); i++)
                if (vh_streq(word, key))
                        return true;
        return false;
}

static void read_top(Reader *r, const VhYamlNode *root)
{
        for (size_t i = 0; i < root->n; i++) {
                const VhYamlNode *key = vh_yaml_key(root, i);

                if (!is_top_key(key->text))
                        vh_reader_unknown(r, key, vh_reader_path(r, "$", key), top_word, NULL);
        }
        for (size_t i = 0; i < VH_ARRAY_SIZE(keys); i++) {
                const VhYamlNode *node = find_value(root, keys[i].key);

                if (vh_streq(keys[i].key, "daemons"))
                        vh_reader_resolve_daemons(r);
                if (node)
                        keys[i].read(r, node, vh_arena_printf(r->p->arena, "$.%s", keys[i].key));
        }
        for (const Section *s = sections; s->key; s++) {
                const VhYamlNode *node = find_value(root, s->key);

                if (node)
                        read_section(r, s, node, vh_arena_printf(r->p->arena, "$.%s", s->key));
        }
}

VhProfile *vh_profile_read(VhArena *arena, const char *file, const char *data, size_t len, VhFindings *findings)
{
        VhYamlNode *root = vh_yaml_parse(arena, file, data, len, findings);
        VhProfile *p = vh_arena_new(arena, VhProfile, 1);
        Reader r = { .p = p, .f = findings };

        p->file = file;
        p->proxy = true;
        p->preset = &vh_preset_policies[0];
        p->arena = arena;
        if (!root || !vh_reader_is_map(&r, root, "$"))
                return NULL;
        read_top(&r, root);
        if (!p->name && !find_value(root, "profile"))
                vh_finding_hint(findings,
                                vh_profile_error(findings, p, "profile-missing", root, "$", "the profile has no name"),
                                "begin with: profile: NAME");
        return p;
}
