/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One layer over another.
 *
 * Maps are merged key by key; everything else of the upper layer replaces what is below. A list may instead change the
 * one below: a map of append, prepend, remove and replace stands where the list would. Trees are shared, never changed:
 * what comes out differs in new nodes, and each node remains in the file it was written in. */

#include "layers.h"

#include <uthash.h>

typedef struct Merge {
        VhArena *arena;
        VhFindings *findings;
        unsigned budget; /* steps left: aliases make small files large trees */
        bool failed;
} Merge;

static VhYamlNode *merge(Merge *m, VhYamlNode *below, VhYamlNode *above);

static VhFinding *refuse(Merge *m, const VhYamlNode *at, const char *code, const char *text)
{
        VhFinding *n =
                vh_findings_add(m->findings, VH_SEVERITY_ERROR, code, at->file, at->line, at->column, "%s", text);

        if (n)
                n->width = at->width;
        m->failed = true;
        return n;
}

static bool spend(Merge *m, const VhYamlNode *at, size_t steps)
{
        if (m->failed)
                return false;
        if (steps >= m->budget) {
                refuse(m, at, "yaml-size", "too many values once aliases are followed");
                return false;
        }
        m->budget -= (unsigned)steps;
        return true;
}

static VhYamlNode *copy_of(Merge *m, const VhYamlNode *node, size_t slots)
{
        VhYamlNode *copy = vh_arena_memdup(m->arena, node, sizeof(*node));

        copy->items = vh_arena_new(m->arena, VhYamlNode *, slots);
        copy->n = 0;
        return copy;
}

/* Lists */

static bool equal(Merge *m, const VhYamlNode *a, const VhYamlNode *b)
{
        size_t items = a->kind == VH_YAML_MAP ? 2 * a->n : a->n;

        if (!spend(m, b, 1) || a->kind != b->kind)
                return false;
        if (a->kind == VH_YAML_SCALAR)
                return vh_streq(a->text, b->text);
        for (size_t i = 0; a->n == b->n && i < items; i++)
                if (!equal(m, a->items[i], b->items[i]))
                        return false;
        return a->n == b->n;
}

static void remove_item(Merge *m, VhYamlNode *list, const VhYamlNode *item)
{
        size_t kept = 0, before = list->n;

        for (size_t i = 0; i < list->n; i++)
                if (!equal(m, list->items[i], item))
                        list->items[kept++] = list->items[i];
        list->n = kept;
        if (kept == before && !m->failed)
                vh_finding_hint(m->findings, refuse(m, item, "merge-remove", "this is not in the list below"),
                                "lists are compared item by item, as they are written");
}

static void add_items(VhYamlNode *list, size_t at, const VhYamlNode *more)
{
        memmove(list->items + at + more->n, list->items + at, (list->n - at) * sizeof(*list->items));
        if (more->n > 0)
                memcpy(list->items + at, more->items, more->n * sizeof(*list->items));
        list->n += more->n;
}

static void edit_list(Merge *m, VhYamlNode *list, const VhYamlNode *key, const VhYamlNode *items)
{
        if (items->kind != VH_YAML_LIST)
                refuse(m, items, "merge-list", "must be a list");
        else if (vh_streq(key->text, "prepend"))
                add_items(list, 0, items);
        else if (!vh_streq(key->text, "remove"))
                add_items(list, list->n, items);
        for (size_t i = 0; items->kind == VH_YAML_LIST && i < items->n && vh_streq(key->text, "remove"); i++)
                remove_item(m, list, items->items[i]);
}

static size_t items_in(const VhYamlNode *edit)
{
        size_t n = 0;

        for (size_t i = 0; i < edit->n; i++)
                n += vh_yaml_value(edit, i)->n;
        return n;
}

/* The list that comes out of an edit; remove goes first, so that an item can be moved. */
static VhYamlNode *apply_edit(Merge *m, const VhYamlNode *below, const VhYamlNode *edit)
{
        static const char *const order[] = { "replace", "remove", "prepend", "append" };
        size_t have = below && below->kind == VH_YAML_LIST ? below->n : 0;
        VhYamlNode *list;

        if (below && below->kind != VH_YAML_LIST && !vh_yaml_is_null(below)) {
                refuse(m, edit, "merge-list", "what is below is no list");
                return NULL;
        }
        if (!spend(m, edit, 1 + have + items_in(edit)))
                return NULL;
        list = copy_of(m, edit, have + items_in(edit));
        list->kind = VH_YAML_LIST;
        for (size_t i = 0; i < edit->n; i++)
                if (vh_streq(vh_yaml_key(edit, i)->text, "replace"))
                        have = 0;
        if (have > 0)
                add_items(list, 0, below);
        for (size_t o = 0; o < VH_ARRAY_SIZE(order); o++)
                for (size_t i = 0; i < edit->n; i++)
                        if (vh_streq(vh_yaml_key(edit, i)->text, order[o]))
                                edit_list(m, list, vh_yaml_key(edit, i), vh_yaml_value(edit, i));
        return list;
}

bool vh_yaml_is_edit(const VhYamlNode *node)
{
        static const char *const words[] = { "append", "prepend", "remove", "replace" };

        for (size_t i = 0; node->kind == VH_YAML_MAP && i < node->n; i++) {
                const char *key = vh_yaml_key(node, i)->text;
                size_t w = 0;

                while (w < VH_ARRAY_SIZE(words) && !vh_streq(words[w], key))
                        w++;
                if (w == VH_ARRAY_SIZE(words))
                        return false;
        }
        return node->kind == VH_YAML_MAP && node->n > 0;
}

/* Maps */

typedef struct Slot {
        UT_hash_handle hh;
        size_t i;
} Slot;

static void put_pair(VhYamlNode *map, VhYamlNode *key, VhYamlNode *value)
{
        map->items[2 * map->n] = key;
        map->items[2 * map->n + 1] = value;
        map->n++;
}

static Slot *index_of(Merge *m, const VhYamlNode *map)
{
        Slot *slots = vh_arena_new(m->arena, Slot, map->n), *index = NULL;

        for (size_t i = 0; i < map->n; i++) {
                const char *key = vh_yaml_key(map, i)->text;

                slots[i].i = i;
                HASH_ADD_KEYPTR(hh, index, key, strlen(key), &slots[i]);
        }
        return index;
}

static VhYamlNode *merge_maps(Merge *m, VhYamlNode *below, VhYamlNode *above)
{
        VhYamlNode *map = copy_of(m, above, 2 * (below->n + above->n));
        Slot *index = index_of(m, below), *slot;

        for (size_t i = 0; i < below->n; i++)
                put_pair(map, vh_yaml_key(below, i), vh_yaml_value(below, i));
        for (size_t i = 0; i < above->n; i++) {
                VhYamlNode *key = vh_yaml_key(above, i), *value = vh_yaml_value(above, i);

                HASH_FIND_STR(index, key->text, slot);
                value = merge(m, slot ? vh_yaml_value(below, slot->i) : NULL, value);
                if (!slot) {
                        put_pair(map, key, value);
                        continue;
                }
                map->items[2 * slot->i] = key;
                map->items[2 * slot->i + 1] = value;
        }
        HASH_CLEAR(hh, index);
        return map;
}

/* A map that nothing is below: its edits have empty lists below them. */
static VhYamlNode *settle_map(Merge *m, VhYamlNode *above)
{
        VhYamlNode *map = above;

        for (size_t i = 0; i < above->n; i++) {
                VhYamlNode *value = merge(m, NULL, vh_yaml_value(above, i));

                if (value == vh_yaml_value(above, i))
                        continue;
                if (map == above) {
                        map = copy_of(m, above, 2 * above->n);
                        memcpy(map->items, above->items, 2 * above->n * sizeof(*map->items));
                        map->n = above->n;
                }
                map->items[2 * i + 1] = value;
        }
        return map;
}

/* Never NULL; below may be. */
static VhYamlNode *merge(Merge *m, VhYamlNode *below, VhYamlNode *above)
{
        VhYamlNode *list;

        if (above->kind != VH_YAML_MAP || !spend(m, above, 1 + above->n))
                return above;
        if (vh_yaml_is_edit(above)) {
                list = apply_edit(m, below, above);
                return list ? list : above;
        }
        if (!below || below->kind != VH_YAML_MAP)
                return settle_map(m, above);
        return spend(m, above, below->n) ? merge_maps(m, below, above) : above;
}

VhYamlNode *vh_layers_merge(VhArena *arena, VhYamlNode *const *layers, size_t n, VhFindings *findings)
{
        Merge m = { .arena = arena, .findings = findings, .budget = VH_YAML_NODES_MAX * 4 };
        VhYamlNode *root = NULL;

        for (size_t i = 0; i < n && !m.failed; i++)
                root = merge(&m, root, layers[i]);
        return m.failed ? NULL : root;
}
