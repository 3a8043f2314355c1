/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From libyaml's events to a tree.
 *
 * Aliases are not copied but share the node of their anchor, so a few lines cannot grow into gigabytes; an alias inside
 * its own anchor is refused, so the tree has no cycles. */

#include "yaml-tree.h"

#include <uthash.h>
#include <yaml.h>

typedef struct Anchor {
        UT_hash_handle hh;
        VhYamlNode *node; /* NULL while its content is being read */
} Anchor;

typedef struct Builder {
        yaml_parser_t parser;
        VhArena *arena;
        VhFindings *findings;
        const char *file;
        const char *data;
        size_t len;
        Anchor *anchors;
        unsigned nodes;
        unsigned depth;
        bool failed;
} Builder;

static VhYamlNode *build(Builder *b, const yaml_event_t *event);

static VhFinding *refuse_at(Builder *b, const char *code, yaml_mark_t mark, const char *text)
{
        b->failed = true;
        return vh_findings_add(b->findings, VH_SEVERITY_ERROR, code, b->file, (unsigned)mark.line + 1,
                               (unsigned)mark.column + 1, "%s", text);
}

/* The reader reports a byte offset only. */
static yaml_mark_t mark_of_offset(const Builder *b, size_t offset)
{
        yaml_mark_t mark = { 0 };

        for (size_t i = 0; i < offset && i < b->len; i++) {
                bool continuation = ((unsigned char)b->data[i] & 0xc0) == 0x80;

                if (b->data[i] == '\n') {
                        mark.line++;
                        mark.column = 0;
                } else if (!continuation) {
                        mark.column++;
                }
        }
        return mark;
}

static void report_parser_error(Builder *b)
{
        const yaml_parser_t *p = &b->parser;
        /* What is missing at the end of the file is best shown where it began. */
        bool at_end = p->problem && p->context && strstr(p->problem, "unexpected end of stream");
        VhFinding *n;

        if (p->error == YAML_READER_ERROR) {
                refuse_at(b, "yaml-encoding", mark_of_offset(b, p->problem_offset), "not valid UTF-8 text");
                return;
        }
        n = refuse_at(b, "yaml-syntax", at_end ? p->context_mark : p->problem_mark,
                      p->problem ? p->problem : "cannot be read as YAML");
        if (p->problem && strstr(p->problem, "cannot start any token"))
                vh_finding_hint(b->findings, n,
                                "indent with blanks, not tabs, and put texts with special characters in quotes");
        else if (p->context)
                vh_finding_hint(b->findings, n, "%s that begins in line %zu, column %zu", p->context,
                                p->context_mark.line + 1, p->context_mark.column + 1);
}

static bool next_event(Builder *b, yaml_event_t *event)
{
        if (b->failed)
                return false;
        if (yaml_parser_parse(&b->parser, event))
                return true;
        report_parser_error(b);
        return false;
}

static VhYamlNode *new_node(Builder *b, VhYamlKind kind, const yaml_event_t *event)
{
        VhYamlNode *node = vh_arena_new(b->arena, VhYamlNode, 1);
        yaml_mark_t start = event->start_mark, end = event->end_mark;

        node->kind = kind;
        node->file = b->file;
        node->line = (unsigned)start.line + 1;
        node->column = (unsigned)start.column + 1;
        node->width = end.line == start.line && end.column > start.column ? (unsigned)(end.column - start.column) : 1;
        return node;
}

static void add_item(Builder *b, VhYamlNode *node, size_t used, VhYamlNode *item)
{
        /* Grows at powers of two; what is outgrown stays in the arena, at most as much again. */
        if ((used & (used - 1)) == 0) {
                VhYamlNode **items = vh_arena_new(b->arena, VhYamlNode *, used ? used * 2 : 1);

                if (used > 0)
                        memcpy(items, node->items, used * sizeof(*items));
                node->items = items;
        }
        node->items[used] = item;
}

static Anchor *declare_anchor(Builder *b, const yaml_char_t *name, yaml_mark_t mark)
{
        Anchor *a;

        if (!name)
                return NULL;
        HASH_FIND_STR(b->anchors, (const char *)name, a);
        if (a) {
                refuse_at(b, "yaml-alias", mark, "this anchor is already defined");
                return NULL;
        }
        a = vh_arena_new(b->arena, Anchor, 1);
        name = (const yaml_char_t *)vh_arena_strdup(b->arena, (const char *)name);
        HASH_ADD_KEYPTR(hh, b->anchors, (const char *)name, strlen((const char *)name), a);
        return a;
}

static VhYamlNode *resolve_alias(Builder *b, const yaml_event_t *event)
{
        Anchor *a;

        HASH_FIND_STR(b->anchors, (const char *)event->data.alias.anchor, a);
        if (a && a->node)
                return a->node;
        refuse_at(b, "yaml-alias", event->start_mark,
                  a ? "an alias inside its own anchor would never end" : "there is no anchor of this name");
        return NULL;
}

static void refuse_tag(Builder *b, const yaml_char_t *tag, yaml_mark_t mark)
{
        const char *rest;
        VhFinding *n;

        if (!tag)
                return;
        n = refuse_at(b, "yaml-tag", mark, "tags are not used in profiles");
        rest = vh_startswith((const char *)tag, "tag:yaml.org,2002:");
        vh_finding_hint(b->findings, n, "leave %s%s out", rest ? "!!" : "", rest ? rest : (const char *)tag);
}

static VhYamlNode *build_scalar(Builder *b, const yaml_event_t *event)
{
        VhYamlNode *node = new_node(b, VH_YAML_SCALAR, event);
        size_t len = event->data.scalar.length;
        char *text = vh_arena_memdup(b->arena, event->data.scalar.value, len + 1);

        refuse_tag(b, event->data.scalar.tag, event->start_mark);
        if (memchr(text, '\0', len))
                refuse_at(b, "yaml-syntax", event->start_mark, "a text must not hold a NUL character");
        node->text = text;
        node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
        return node;
}

static VhYamlNode *build_list(Builder *b, const yaml_event_t *start)
{
        VhYamlNode *node = new_node(b, VH_YAML_LIST, start);
        yaml_event_t event;

        refuse_tag(b, start->data.sequence_start.tag, start->start_mark);
        while (next_event(b, &event)) {
                bool end = event.type == YAML_SEQUENCE_END_EVENT;
                VhYamlNode *item = end ? NULL : build(b, &event);

                yaml_event_delete(&event);
                if (end || !item)
                        break;
                add_item(b, node, node->n++, item);
        }
        return node;
}

typedef struct SeenKey {
        UT_hash_handle hh;
        unsigned line;
} SeenKey;

static bool check_key(Builder *b, SeenKey **seen, const VhYamlNode *key)
{
        yaml_mark_t mark = { .line = key->line - 1, .column = key->column - 1 };
        _vh_free_ char *text = NULL;
        VhFinding *n;
        SeenKey *s;

        if (key->kind != VH_YAML_SCALAR) {
                refuse_at(b, "yaml-key", mark, "a key must be a text");
                return false;
        }
        if (key->plain && strcmp(key->text, "<<") == 0) {
                refuse_at(b, "yaml-key", mark, "merge keys are not used in profiles");
                return false;
        }
        HASH_FIND_STR(*seen, key->text, s);
        if (!s) {
                s = vh_arena_new(b->arena, SeenKey, 1);
                s->line = key->line;
                HASH_ADD_KEYPTR(hh, *seen, key->text, strlen(key->text), s);
                return true;
        }
        text = vh_xasprintf("key '%s' is already there in line %u", key->text, s->line);
        n = refuse_at(b, "yaml-duplicate-key", mark, text);
        if (n)
                n->width = key->width;
        /* The rest can still be looked at. */
        b->failed = false;
        return false;
}

static VhYamlNode *build_map(Builder *b, const yaml_event_t *start)
{
        VhYamlNode *node = new_node(b, VH_YAML_MAP, start), *key = NULL;
        SeenKey *seen = NULL;
        yaml_event_t event;

        refuse_tag(b, start->data.mapping_start.tag, start->start_mark);
        while (next_event(b, &event)) {
                bool end = event.type == YAML_MAPPING_END_EVENT;
                VhYamlNode *item = end ? NULL : build(b, &event);

                yaml_event_delete(&event);
                if (end || !item)
                        break;
                if (!key) {
                        key = item;
                        continue;
                }
                if (check_key(b, &seen, key)) {
                        add_item(b, node, 2 * node->n, key);
                        add_item(b, node, 2 * node->n + 1, item);
                        node->n++;
                }
                key = NULL;
        }
        HASH_CLEAR(hh, seen);
        return node;
}

static const yaml_char_t *anchor_of(const yaml_event_t *event)
{
        switch (event->type) {
        case YAML_SCALAR_EVENT:
                return event->data.scalar.anchor;
        case YAML_SEQUENCE_START_EVENT:
                return event->data.sequence_start.anchor;
        case YAML_MAPPING_START_EVENT:
                return event->data.mapping_start.anchor;
        default:
                return NULL;
        }
}

static VhYamlNode *build_content(Builder *b, const yaml_event_t *event)
{
        VhYamlNode *node = NULL;

        if (event->type == YAML_SCALAR_EVENT)
                return build_scalar(b, event);
        b->depth++;
        if (b->depth > VH_YAML_DEPTH_MAX)
                refuse_at(b, "yaml-depth", event->start_mark, "nested too deeply");
        else if (event->type == YAML_SEQUENCE_START_EVENT)
                node = build_list(b, event);
        else if (event->type == YAML_MAPPING_START_EVENT)
                node = build_map(b, event);
        b->depth--;
        return node;
}

/* The node that begins with event; NULL after a mistake that ends reading. */
static VhYamlNode *build(Builder *b, const yaml_event_t *event)
{
        VhYamlNode *node;
        Anchor *anchor;

        if (++b->nodes > VH_YAML_NODES_MAX) {
                refuse_at(b, "yaml-size", event->start_mark, "too many values");
                return NULL;
        }
        if (event->type == YAML_ALIAS_EVENT)
                return resolve_alias(b, event);
        anchor = declare_anchor(b, anchor_of(event), event->start_mark);
        node = build_content(b, event);
        if (anchor)
                anchor->node = node;
        return b->failed ? NULL : node;
}

/* Stream and document are wrapped around the content. */
static VhYamlNode *build_stream(Builder *b)
{
        VhYamlNode *root = NULL;
        yaml_event_t event;
        bool end = false;

        while (!end && next_event(b, &event)) {
                switch (event.type) {
                case YAML_STREAM_END_EVENT:
                        end = true;
                        break;
                case YAML_DOCUMENT_START_EVENT:
                        if (root)
                                refuse_at(b, "yaml-documents", event.start_mark, "a profile is one document");
                        break;
                case YAML_STREAM_START_EVENT:
                case YAML_DOCUMENT_END_EVENT:
                        break;
                default:
                        root = build(b, &event);
                        break;
                }
                yaml_event_delete(&event);
        }
        if (end && !root)
                refuse_at(b, "yaml-empty", (yaml_mark_t){ 0 }, "the file has no content");
        return b->failed ? NULL : root;
}

VhYamlNode *vh_yaml_parse(VhArena *arena, const char *file, const char *data, size_t len, VhFindings *findings)
{
        Builder b = { .arena = arena, .findings = findings, .file = file, .data = data, .len = len };
        VhYamlNode *root;

        if (len > VH_YAML_SIZE_MAX) {
                vh_findings_add(findings, VH_SEVERITY_ERROR, "yaml-size", file, 0, 0, "file is larger than %d bytes",
                                VH_YAML_SIZE_MAX);
                return NULL;
        }
        if (!yaml_parser_initialize(&b.parser))
                abort();
        yaml_parser_set_encoding(&b.parser, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(&b.parser, (const unsigned char *)data, len);
        root = build_stream(&b);
        yaml_parser_delete(&b.parser);
        HASH_CLEAR(hh, b.anchors);
        return root;
}

const char *vh_yaml_kind_name(const VhYamlNode *node)
{
        static const char *const names[] = {
                [VH_YAML_SCALAR] = "a single value",
                [VH_YAML_LIST] = "a list",
                [VH_YAML_MAP] = "a map",
        };

        return names[node->kind];
}

bool vh_yaml_is_null(const VhYamlNode *node)
{
        return node->kind == VH_YAML_SCALAR && node->plain &&
               (vh_streq(node->text, "null") || vh_streq(node->text, "~"));
}
