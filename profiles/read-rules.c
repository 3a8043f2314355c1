/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* access.rules: who may do what with which object. */

#include "read-priv.h"

/* What rules of polkit can look at, besides the driver of the connection. */
static const char *const attributes[] = {
        "connect_driver",
        "domain_name",
        "domain_uuid",
        "interface_macaddr",
        "interface_name",
        "network_name",
        "network_uuid",
        "node_device_name",
        "nwfilter_binding_filter",
        "nwfilter_binding_linkdev",
        "nwfilter_binding_portdev",
        "nwfilter_name",
        "nwfilter_uuid",
        "pool_name",
        "pool_uuid",
        "port_uuid",
        "secret_usage_ceph",
        "secret_usage_name",
        "secret_usage_target",
        "secret_usage_volume",
        "secret_uuid",
        "vol_key",
        "vol_name",
        NULL,
};

void vh_reader_where(Reader *r, const VhYamlNode *map, const char *path, VhRule *rule)
{
        const VhYamlNode *key;
        const char *const *a = attributes;

        if (!vh_reader_is_map(r, map, path))
                return;
        if (map->n != 1) {
                vh_profile_error(r->f, r->p, "rule-where", map, path, "must name one attribute");
                return;
        }
        key = vh_yaml_key(map, 0);
        while (*a && !vh_streq(*a, key->text))
                a++;
        if (!*a)
                vh_reader_unknown(r, key, vh_reader_path(r, path, key), vh_reader_word, attributes);
        else if (vh_profile_text(r->p, vh_yaml_value(map, 0), vh_reader_path(r, path, key), &rule->where_value, r->f))
                rule->where_key = *a;
}

/* A rule that fits nobody, or says nothing, is a mistake and not a way to switch it off. */
static void check_rule(Reader *r, const VhRule *rule)
{
        if (rule->users.n + rule->groups.n == 0)
                vh_finding_hint(
                        r->f,
                        vh_profile_error(r->f, r->p, "rule-nobody", rule->node, rule->path, "the rule is for nobody"),
                        "name users or groups");
        if (rule->allow.n + rule->deny.n == 0)
                vh_finding_hint(
                        r->f,
                        vh_profile_error(r->f, r->p, "rule-nothing", rule->node, rule->path, "the rule says nothing"),
                        "give it allow or deny");
}

static void read_rule(Reader *r, const VhYamlNode *node, const char *path)
{
        VhRule *rule = vh_arena_new(r->p->arena, VhRule, 1);
        unsigned before = r->f->errors;

        rule->node = node;
        rule->path = path;
        vh_reader_section(r, vh_lang_rule_keys, node, path, rule);
        if (r->f->errors == before)
                check_rule(r, rule);
        if (r->p->last_rule)
                r->p->last_rule->next = rule;
        else
                r->p->rules = rule;
        r->p->last_rule = rule;
}

void vh_reader_rules(Reader *r, const VhYamlNode *node, const char *path)
{
        if (node->kind != VH_YAML_LIST) {
                vh_profile_error(r->f, r->p, "profile-type", node, path, "must be a list of rules, not %s",
                                 vh_yaml_kind_name(node));
                return;
        }
        for (size_t i = 0; i < node->n; i++)
                read_rule(r, node->items[i], vh_arena_printf(r->p->arena, "%s[%zu]", path, i));
}
