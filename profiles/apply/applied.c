/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The record as text: a line an item. */

#include "apply/applied.h"

#include <stdio.h>

static const char magic[] = "virthost-applied 1";

#define FNV_START UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

static uint64_t mix(uint64_t h, const void *data, size_t len)
{
        const unsigned char *p = data;

        for (size_t i = 0; i < len; i++)
                h = (h ^ p[i]) * FNV_PRIME;
        return h;
}

/* Tells changes by hand, not attacks: only root writes here. */
uint64_t vh_node_fingerprint(const VhNode *node)
{
        uint64_t h = mix(FNV_START, &node->kind, sizeof(node->kind));

        if (node->kind == VH_NODE_FILE)
                h = mix(h, &node->mode, sizeof(node->mode));
        return mix(h, node->data, node->len);
}

char *vh_applied_original(const char *path)
{
        return vh_xasprintf("var/lib/virthost/originals/%s", path);
}

static bool take_item(VhApplied *a, const char *line)
{
        unsigned long long fingerprint;
        unsigned edited, original;
        VhAppliedItem *item;
        char kind[8];
        int used = 0;

        if (sscanf(line, "%7s %16llx %u %u %n", kind, &fingerprint, &edited, &original, &used) != 4 ||
            line[used] == '\0')
                return false;
        a->items = vh_xrealloc(a->items, a->n + 1, sizeof(*a->items));
        item = &a->items[a->n++];
        *item = (VhAppliedItem){ .path = vh_xstrdup(line + used),
                                 .kind = vh_streq(kind, "link") ? VH_NODE_LINK : VH_NODE_FILE,
                                 .fingerprint = fingerprint,
                                 .edited = edited,
                                 .original = original };
        return true;
}

static bool parse(VhApplied *a, char *text)
{
        char *rest = text, *line = strsep(&rest, "\n");
        bool ok = vh_streq(line, magic);

        while (ok && rest && (line = strsep(&rest, "\n")) && *line) {
                const char *value;

                if ((value = vh_startswith(line, "profile ")))
                        vh_strset(&a->profile, value);
                else if ((value = vh_startswith(line, "generation ")))
                        ok = vh_parse_uint(value, &a->generation) == 0;
                else
                        ok = take_item(a, line);
        }
        return ok;
}

int vh_applied_load(const VhTree *tree, VhApplied *a, VhError **err)
{
        _vh_node_ VhNode node = { 0 };
        int r = vh_tree_read(tree, VH_APPLIED_PATH, &node);

        *a = (VhApplied){ 0 };
        if (r < 0)
                return vh_error_sys(err, VIR_FROM_CONF, r, "cannot read %s/%s", tree->root, VH_APPLIED_PATH);
        if (node.kind == VH_NODE_NONE)
                return 0;
        if (node.kind == VH_NODE_FILE && parse(a, node.data))
                return 0;
        vh_applied_done(a);
        return vh_error_plain(err, VIR_FROM_CONF, VIR_ERR_CONF_SYNTAX,
                              "%s is not a record of this version; move it away to begin anew", VH_APPLIED_PATH);
}

void vh_applied_done(VhApplied *a)
{
        for (size_t i = 0; i < a->n; i++)
                free(a->items[i].path);
        free(a->items);
        free(a->profile);
        *a = (VhApplied){ 0 };
}

const VhAppliedItem *vh_applied_find(const VhApplied *a, const char *path)
{
        for (size_t i = 0; i < a->n; i++)
                if (vh_streq(a->items[i].path, path))
                        return &a->items[i];
        return NULL;
}

VhAppliedItem *vh_applied_add(VhApplied *a, const char *path, const VhNode *node)
{
        VhAppliedItem *item;

        a->items = vh_xrealloc(a->items, a->n + 1, sizeof(*a->items));
        item = &a->items[a->n++];
        *item = (VhAppliedItem){ .path = vh_xstrdup(path),
                                 .kind = node->kind,
                                 .fingerprint = vh_node_fingerprint(node) };
        return item;
}

void vh_applied_format(const VhApplied *a, VhBuf *b)
{
        vh_buf_printf(b, "%s\nprofile %s\ngeneration %u\n", magic, a->profile, a->generation);
        for (size_t i = 0; i < a->n; i++) {
                const VhAppliedItem *item = &a->items[i];

                vh_buf_printf(b, "%s %016llx %u %u %s\n", item->kind == VH_NODE_LINK ? "link" : "file",
                              (unsigned long long)item->fingerprint, item->edited, item->original, item->path);
        }
}
