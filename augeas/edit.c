/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A file's text becomes a tree of libaugeas, the tree is changed, and becomes text again: what was not touched keeps
 * its bytes. Nodes hold values as written, with their quotes. */

#include "edit.h"
#include "lens-dir.h"

#include <augeas.h>
#include <errno.h>

/* Where the text, the tree and the result are within libaugeas. */
#define NODE_TEXT   "/virthost/text"
#define NODE_TREE   "/virthost/tree"
#define NODE_RESULT "/virthost/result"
#define LENS        "Virthost.lns"

/* libaugeas marks the borders of nodes with them and stops the process when a text has them; NUL ends its texts. */
static const char unfit_bytes[] = "\003\004";

struct VhConfEditor {
        augeas *aug;
};

static int lens_error(augeas *aug, VhError **err, const char *what)
{
        const char *detail = aug_error_details(aug);

        return vh_error_set(err, VIR_FROM_CONF, VIR_ERR_INTERNAL_ERROR, "%s: libaugeas: %s%s%s", what,
                            aug_error_message(aug), detail ? ": " : "", detail ? detail : "");
}

/* NODE_TEXT to NODE_TREE; a lens that cannot be loaded and a text that it does not take both fail here. */
static int store(augeas *aug)
{
        return aug_text_store(aug, LENS, NODE_TEXT, NODE_TREE);
}

int vh_conf_editor_open(VhConfEditor **ret, VhError **err)
{
        _vh_conf_editor_ VhConfEditor *e = vh_new(VhConfEditor, 1);

        e->aug = aug_init(NULL, VH_LENS_DIR, AUG_NO_STDINC | AUG_NO_LOAD | AUG_NO_MODL_AUTOLOAD | AUG_NO_ERR_CLOSE);
        if (!e->aug)
                return vh_error_sys(err, VIR_FROM_CONF, ENOMEM, "cannot start libaugeas");
        if (aug_error(e->aug) != AUG_NOERROR)
                return lens_error(e->aug, err, "cannot start");
        if (aug_set(e->aug, NODE_TEXT, "") < 0 || store(e->aug) < 0)
                return lens_error(e->aug, err, "cannot load the lens " LENS " (is it in " VH_LENS_DIR "?)");
        *ret = VH_TAKE_PTR(e);
        return 0;
}

VhConfEditor *vh_conf_editor_close(VhConfEditor *e)
{
        if (e && e->aug)
                aug_close(e->aug);
        free(e);
        return NULL;
}

/* A value as it is written in a file. False if no kind of quotes can hold it. */
static bool format_string(VhBuf *b, const char *s)
{
        const char *quote = NULL;

        if (!strpbrk(s, "\"\r\n"))
                quote = "\"";
        else if (!strpbrk(s, "'\r\n"))
                quote = "'";
        else if (!strstr(s, "\"\"\"") && !vh_endswith(s, "\""))
                quote = "\"\"\"";
        if (!quote || strpbrk(s, unfit_bytes))
                return false;
        vh_buf_printf(b, "%s%s%s", quote, s, quote);
        return true;
}

static bool format_scalar(VhBuf *b, const VhConfValue *v)
{
        switch (v->kind) {
        case VH_CONF_UINT:
                vh_buf_printf(b, "%llu", (unsigned long long)v->u);
                return true;
        case VH_CONF_INT:
                vh_buf_printf(b, "%lld", (long long)v->i);
                return true;
        case VH_CONF_STRING:
                return format_string(b, v->str);
        case VH_CONF_LIST:
                return false; /* no key has lists in lists */
        }
        return false;
}

static int set_scalar(augeas *aug, const char *path, const VhConfValue *v, VhError **err)
{
        _vh_buf_ VhBuf b = { 0 };

        if (!format_scalar(&b, v))
                return vh_error_set(err, VIR_FROM_CONF, VIR_ERR_INVALID_ARG, "a .conf file cannot hold this value: %s",
                                    v->kind == VH_CONF_STRING ? v->str : "a list in a list");
        return aug_set(aug, path, b.data) < 0 ? lens_error(aug, err, path) : 0;
}

static int set_list(augeas *aug, const char *path, const VhConfValue *v, VhError **err)
{
        _vh_free_ char *none = vh_xasprintf("%s/#list", path);

        if (aug_set(aug, path, NULL) < 0 || (v->list.n == 0 && aug_set(aug, none, NULL) < 0))
                return lens_error(aug, err, path);
        for (size_t i = 0; i < v->list.n; i++) {
                _vh_free_ char *item = vh_xasprintf("%s/%zu", path, i + 1);
                int r = set_scalar(aug, item, &v->list.items[i], err);

                if (r < 0)
                        return r;
        }
        return 0;
}

/* Everything below path goes; a comment behind the value comes back once the new value is there. */
static int set_value(augeas *aug, const char *path, const VhConfValue *v, VhError **err)
{
        _vh_free_ char *children = vh_xasprintf("%s/*", path);
        _vh_free_ char *remark_path = vh_xasprintf("%s/#comment", path);
        _vh_free_ char *remark = NULL;
        const char *text = NULL;
        int r;

        if (aug_get(aug, remark_path, &text) > 0)
                remark = vh_xstrdup(text);
        aug_rm(aug, children);
        r = v->kind == VH_CONF_LIST ? set_list(aug, path, v, err) : set_scalar(aug, path, v, err);
        if (r < 0)
                return r;
        return remark && aug_set(aug, remark_path, remark) < 0 ? lens_error(aug, err, path) : 0;
}

/* The part behind the = of a comment that shows how key is set, or NULL. */
static const char *sample_of(const char *comment, const char *key)
{
        const char *rest = vh_startswith(comment, key);

        if (!rest)
                return NULL;
        rest += strspn(rest, " \t");
        return *rest == '=' ? rest + 1 + strspn(rest + 1, " \t") : NULL;
}

/* The index of the last line of the last sample of key, or n. */
static size_t find_sample(augeas *aug, char **nodes, size_t n, const char *key)
{
        size_t found = n;
        bool open = false; /* in a list that goes on in the comments below */

        for (size_t i = 0; i < n; i++) {
                const char *comment = NULL, *value;

                if (!strstr(nodes[i], "/#comment") || aug_get(aug, nodes[i], &comment) != 1 || !comment) {
                        open = false;
                        continue;
                }
                value = sample_of(comment, key);
                if (!value && !open)
                        continue;
                found = i;
                open = (open || *value == '[') && !strchr(comment, ']');
        }
        return found;
}

/* Makes the node of a key that is not there yet. */
static int insert_key(augeas *aug, const char *key, VhError **err)
{
        char **nodes = NULL;
        int n = aug_match(aug, NODE_TREE "/*", &nodes);
        int r = 0;
        size_t at;

        if (n < 0)
                return lens_error(aug, err, key);
        at = find_sample(aug, nodes, (size_t)n, key);
        if (at < (size_t)n && aug_insert(aug, nodes[at], key, false) < 0)
                r = lens_error(aug, err, key);
        for (int i = 0; i < n; i++)
                free(nodes[i]);
        free(nodes);
        return r; /* without a sample, setting the node makes it at the end */
}

static int apply_edit(augeas *aug, const VhConfEdit *edit, bool there, VhError **err)
{
        _vh_free_ char *all = vh_xasprintf(NODE_TREE "/%s", edit->key);
        _vh_free_ char *first = vh_xasprintf(NODE_TREE "/%s[1]", edit->key);
        int r;

        if (!edit->value)
                return aug_rm(aug, all) < 0 ? lens_error(aug, err, edit->key) : 0;
        if (there)
                return set_value(aug, first, edit->value, err);
        r = insert_key(aug, edit->key, err);
        return r < 0 ? r : set_value(aug, all, edit->value, err);
}

static bool is_needed(const VhConf *old, const VhConfEdit *edit)
{
        const VhConfEntry *e = vh_conf_find(old, edit->key);

        return edit->value ? !e || !vh_conf_value_equal(&e->value, edit->value) : e != NULL;
}

static int load_text(augeas *aug, const char *name, const char *text, size_t len, VhError **err)
{
        bool ended = len == 0 || text[len - 1] == '\n';
        _vh_free_ char *copy = vh_xasprintf("%s%s", text, ended ? "" : "\n");
        const char *line = NULL;

        if (aug_set(aug, NODE_TEXT, copy) < 0)
                return lens_error(aug, err, name);
        if (store(aug) == 0)
                return 0;
        aug_get(aug, "/augeas/text" NODE_TREE "/error/line", &line);
        return vh_error_set(err, VIR_FROM_CONF, VIR_ERR_CONF_SYNTAX,
                            "%s:%s: this is valid, but it cannot be edited without loss; write it in a simpler way",
                            name, line ? line : "1");
}

static bool was_edited(const VhConfEdit *edits, size_t n, const char *key)
{
        for (size_t i = 0; i < n; i++)
                if (vh_streq(edits[i].key, key))
                        return true;
        return false;
}

/* Does the new text say what it should, and the same as before for all other keys? */
static bool is_right(const VhConf *old, const VhConf *now, const VhConfEdit *edits, size_t n)
{
        const VhConfEntry *a = vh_conf_first(old), *b = vh_conf_first(now);

        for (size_t i = 0; i < n; i++)
                if (is_needed(now, &edits[i]))
                        return false;
        for (;; a = a->next, b = b->next) {
                while (a && was_edited(edits, n, a->name))
                        a = a->next;
                while (b && was_edited(edits, n, b->name))
                        b = b->next;
                if (!a || !b)
                        return !a && !b;
                if (!vh_streq(a->name, b->name) || !vh_conf_value_equal(&a->value, &b->value))
                        return false;
        }
}

static int take_result(augeas *aug, const char *name, const VhConf *old, const VhConfEdit *edits, size_t n, VhBuf *out,
                       VhError **err)
{
        _vh_conf_ VhConf *now = NULL;
        const char *result = NULL;
        int r;

        if (aug_text_retrieve(aug, LENS, NODE_TEXT, NODE_TREE, NODE_RESULT) < 0 ||
            aug_get(aug, NODE_RESULT, &result) != 1 || !result)
                return lens_error(aug, err, name);
        r = vh_conf_parse(&now, name, result, strlen(result), NULL, err);
        if (r < 0)
                return r;
        if (!is_right(old, now, edits, n))
                return vh_error_set(err, VIR_FROM_CONF, VIR_ERR_INTERNAL_ERROR,
                                    "%s: the edited text does not say what it should; nothing is changed", name);
        vh_buf_adds(out, result);
        return 1;
}

static int edit_tree(augeas *aug, const char *name, const VhConf *old, const VhConfEdit *edits, size_t n, VhBuf *out,
                     VhError **err)
{
        for (size_t i = 0; i < n; i++) {
                int r = 0;

                if (is_needed(old, &edits[i]))
                        r = apply_edit(aug, &edits[i], vh_conf_find(old, edits[i].key) != NULL, err);
                if (r < 0)
                        return r;
        }
        return take_result(aug, name, old, edits, n, out, err);
}

int vh_conf_edit(VhConfEditor *e, const char *name, const char *text, size_t len, const VhConfEdit *edits, size_t n,
                 VhBuf *out, VhError **err)
{
        _vh_conf_ VhConf *old = NULL;
        bool needed = false;
        int r = vh_conf_parse(&old, name, text, len, NULL, err);

        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++)
                needed = needed || is_needed(old, &edits[i]);
        if (!needed) {
                vh_buf_add(out, text, len);
                return 0;
        }
        if (strcspn(text, unfit_bytes) != len)
                return vh_error_set(err, VIR_FROM_CONF, VIR_ERR_CONF_SYNTAX,
                                    "%s: a file with the bytes 0, 3 or 4 cannot be edited", name);
        r = load_text(e->aug, name, text, len, err);
        if (r == 0)
                r = edit_tree(e->aug, name, old, edits, n, out, err);
        aug_rm(e->aug, "/virthost");
        return r;
}
