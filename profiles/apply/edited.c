/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which keys to set, give back or remove; the edits themselves are augeas/edit.c and edit-lines.c. */

#include "apply/edited.h"
#include "apply/applied.h"
#include "apply/edit-lines.h"

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
static int load_kept(const VhTree *tree, char *path, VhNode *node, VhError **err)
{
        _vh_free_ char *owned = path;
        int r = vh_tree_read(tree, path, node);

        return r < 0 ? vh_error_sys(err, VIR_FROM_CONF, r, "cannot read %s", owned) : 0;
}

static const char *text_of(const VhNode *node)
{
        return node->data ? node->data : "";
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

/* The texts that an edit is made from. */
typedef struct Sources {
        const char *path, *now, *wanted;
        VhNode before, original;
} Sources;

static int edit_conf(VhEditing *e, const Sources *s, VhBuf *out, VhError **err)
{
        _vh_conf_ VhConf *wanted = NULL, *before = NULL, *original = NULL;
        Edits edits = { 0 };
        int r = e->editor ? 0 : vh_conf_editor_open(&e->editor, err);

        if (r >= 0)
                r = vh_conf_parse(&wanted, s->path, s->wanted, strlen(s->wanted), NULL, err);
        if (r >= 0)
                r = vh_conf_parse(&before, s->path, text_of(&s->before), s->before.len, NULL, err);
        if (r >= 0)
                r = vh_conf_parse(&original, s->path, text_of(&s->original), s->original.len, NULL, err);
        if (r >= 0) {
                find_edits(&edits, wanted, before, original);
                r = vh_conf_edit(e->editor, s->path, s->now, strlen(s->now), edits.rows, edits.n, out, err);
        }
        free(edits.rows);
        return r;
}

static int edit_lines(VhLinesKind kind, const Sources *s, VhBuf *out, VhError **err)
{
        int r = vh_lines_edit(kind, s->now, s->wanted, text_of(&s->before), text_of(&s->original), out);

        return r < 0 ? vh_error_plain(err, VIR_FROM_CONF, VIR_ERR_CONF_SYNTAX,
                                      "%s: it has lines that systemd does not understand", s->path)
                     : 0;
}

int vh_edited_text(VhEditing *e, const char *path, const char *now, const char *wanted, char **text, VhError **err)
{
        Sources s = { .path = path, .now = now, .wanted = wanted };
        VhBuf out = { 0 };
        int r = load_kept(e->tree, vh_edited_memory(path), &s.before, err);

        if (r >= 0)
                r = load_kept(e->tree, vh_applied_original(path), &s.original, err);
        if (r >= 0)
                r = strstr(path, "systemd/system/") ? edit_lines(VH_LINES_UNIT, &s, &out, err)
                    : strstr(path, "etc/libvirt/")  ? edit_conf(e, &s, &out, err)
                                                    : edit_lines(VH_LINES_ENVIRONMENT, &s, &out, err);
        if (r >= 0)
                *text = vh_buf_take(&out);
        vh_buf_done(&out);
        vh_node_done(&s.before);
        vh_node_done(&s.original);
        return r < 0 ? r : 0;
}

void vh_editing_done(VhEditing *e)
{
        e->editor = vh_conf_editor_close(e->editor);
}
