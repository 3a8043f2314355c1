/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which keys to set, give back or remove; the edit itself is augeas/edit.c. */

#include "apply/edited.h"
#include "apply/applied.h"

char *vh_edited_memory(const char *path)
{
        return vh_xasprintf("var/lib/virthost/edited/%s", path);
}

typedef struct Edits {
        VhConfEdit *rows;
        size_t n;
} Edits;

static void add_edit(Edits *edits, const char *key, const VhConfValue *value)
{
        edits->rows = vh_xrealloc(edits->rows, edits->n + 1, sizeof(*edits->rows));
        edits->rows[edits->n++] = (VhConfEdit){ .key = key, .value = value };
}

/* A file that we keep; one that is not there is empty. */
static int load_conf(const VhTree *tree, char *path, VhConf **conf, VhError **err)
{
        _vh_free_ char *owned = path;
        _vh_node_ VhNode node = { 0 };
        int r = vh_tree_read(tree, path, &node);

        if (r < 0)
                return vh_error_sys(err, VIR_FROM_CONF, r, "cannot read %s", owned);
        return vh_conf_parse(conf, path, node.data ? node.data : "", node.len, NULL, err);
}

static void find_edits(Edits *edits, const VhConf *wanted, const VhConf *before, const VhConf *original)
{
        for (const VhConfEntry *entry = vh_conf_first(wanted); entry; entry = entry->next)
                if (!entry->shadowed)
                        add_edit(edits, entry->name, &entry->value);
        for (const VhConfEntry *entry = vh_conf_first(before); entry; entry = entry->next) {
                const VhConfEntry *theirs = vh_conf_find(original, entry->name);

                if (!entry->shadowed && !vh_conf_find(wanted, entry->name))
                        add_edit(edits, entry->name, theirs ? &theirs->value : NULL);
        }
}

int vh_edited_text(VhEditing *e, const char *path, const char *now, const char *wanted_text, char **text, VhError **err)
{
        _vh_conf_ VhConf *wanted = NULL, *before = NULL, *original = NULL;
        Edits edits = { 0 };
        VhBuf out = { 0 };
        int r = e->editor ? 0 : vh_conf_editor_open(&e->editor, err);

        if (r >= 0)
                r = vh_conf_parse(&wanted, path, wanted_text, strlen(wanted_text), NULL, err);
        if (r >= 0)
                r = load_conf(e->tree, vh_edited_memory(path), &before, err);
        if (r >= 0)
                r = load_conf(e->tree, vh_applied_original(path), &original, err);
        if (r >= 0) {
                find_edits(&edits, wanted, before, original);
                r = vh_conf_edit(e->editor, path, now, strlen(now), edits.rows, edits.n, &out, err);
        }
        if (r >= 0)
                *text = vh_buf_take(&out);
        vh_buf_done(&out);
        free(edits.rows);
        return r < 0 ? r : 0;
}

void vh_editing_done(VhEditing *e)
{
        e->editor = vh_conf_editor_close(e->editor);
}
