/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sets of changes as text: a line a fact, contents with their length in front. */

#include "apply/changes.h"

#include <errno.h>
#include <limits.h>

static const char magic[] = "virthost-changes 1";

enum { FIELDS_MAX = 8 };

static void format_node(VhBuf *b, const char *which, const VhNode *n)
{
        static const char *const kinds[] = { "none", "file", "link", "other" };

        vh_buf_printf(b, "%s %s %04o %u %u %s %zu\n", which, kinds[n->kind], n->mode, (unsigned)n->uid,
                      (unsigned)n->gid, n->label ? n->label : "-", n->len);
        if (n->data) {
                vh_buf_add(b, n->data, n->len);
                vh_buf_addc(b, '\n');
        }
}

static void format_action(VhBuf *b, const VhAction *a)
{
        vh_buf_printf(b, "action %d %d %s %s\n", a->kind, a->before, a->unit ? a->unit : "-", a->key ? a->key : "-");
        vh_buf_printf(b, "value %s%s\nreason %s\n", a->value ? "=" : "", a->value ? a->value : "",
                      a->reason ? a->reason : "");
}

void vh_changes_format(const VhChangeSet *set, VhBuf *b)
{
        vh_buf_printf(b, "%s\nprofile %s\n", magic, set->profile ? set->profile : "");
        vh_buf_printf(b, "run %d %llu %u %u %d %d\n", set->kind, (unsigned long long)set->time, set->generation,
                      set->parent, set->live, set->new_connection);
        for (size_t i = 0; i < set->n_changes; i++) {
                const VhChange *c = &set->changes[i];

                vh_buf_printf(b, "path %d %d %s\n", c->secret, c->foreign, c->path);
                format_node(b, "old", &c->old);
                format_node(b, "new", &c->new);
        }
        for (size_t i = 0; i < set->n_reads; i++)
                vh_buf_printf(b, "read %016llx %s\n", (unsigned long long)set->reads[i].fingerprint,
                              set->reads[i].path);
        for (size_t i = 0; i < set->n_units; i++)
                vh_buf_printf(b, "unit %s %d %d\n", set->units[i].unit, set->units[i].was, set->units[i].wish);
        for (size_t i = 0; i < set->n_actions; i++)
                format_action(b, &set->actions[i]);
        vh_buf_adds(b, "end\n");
}

typedef struct Reader {
        const char *at, *end;
        const char *name;
        unsigned line;
        char *text; /* of the current line, cut into words */
        char *words[FIELDS_MAX];
        size_t n;
} Reader;

static int bad(const Reader *r, VhError **err)
{
        return vh_error_set(err, VIR_FROM_CONF, VIR_ERR_CONF_SYNTAX, "%s:%u: not a set of changes of this version",
                            r->name, r->line);
}

/* The next line, cut into at most max words; the last one is the rest. False at the end. */
static bool next_line(Reader *r, size_t max)
{
        const char *eol = r->at < r->end ? memchr(r->at, '\n', (size_t)(r->end - r->at)) : NULL;
        char *p;

        r->n = 0;
        if (!eol)
                return false;
        free(r->text);
        r->text = vh_xstrndup(r->at, (size_t)(eol - r->at));
        r->at = eol + 1;
        r->line++;
        p = r->text;
        while (p && r->n < max) {
                r->words[r->n++] = p;
                p = r->n < max ? strchr(p, ' ') : NULL;
                if (p)
                        *p++ = '\0';
        }
        return true;
}

static bool take_number(const char *word, int base, uint64_t max, uint64_t *value)
{
        return vh_parse_u64(word, base, value) == 0 && *value <= max;
}

/* "old file 0644 0 0 - 12" and 12 bytes behind it. */
static bool take_node(Reader *r, const char *which, VhNode *node)
{
        static const char *const kinds[] = { "none", "file", "link", NULL };
        uint64_t mode, uid, gid, len;
        size_t kind = 0;

        if (!next_line(r, 7) || r->n != 7 || !vh_streq(r->words[0], which))
                return false;
        while (kinds[kind] && !vh_streq(kinds[kind], r->words[1]))
                kind++;
        if (!kinds[kind] || !take_number(r->words[2], 8, 07777, &mode) ||
            !take_number(r->words[3], 10, UINT_MAX, &uid) || !take_number(r->words[4], 10, UINT_MAX, &gid) ||
            !take_number(r->words[6], 10, VH_TREE_FILE_MAX, &len))
                return false;
        *node = (VhNode){ .kind = (VhNodeKind)kind, .mode = (unsigned)mode, .uid = (uid_t)uid, .gid = (gid_t)gid };
        if (node->kind == VH_NODE_NONE)
                return len == 0;
        if ((uint64_t)(r->end - r->at) <= len || r->at[len] != '\n')
                return false;
        node->label = vh_streq(r->words[5], "-") ? NULL : vh_xstrdup(r->words[5]);
        node->data = vh_xcalloc(len + 1, 1);
        node->len = len;
        memcpy(node->data, r->at, len);
        r->at += len + 1;
        return true;
}

/* Paths go to the file system: nothing that leads elsewhere. */
static bool path_is_plain(const char *path)
{
        return *path && *path != '/' && !vh_startswith(path, "../") && !strstr(path, "/../") &&
               !vh_endswith(path, "/..");
}

static bool take_path(Reader *r, VhChangeSet *set)
{
        _vh_node_ VhNode old = { 0 }, new = { 0 };
        _vh_free_ char *path = NULL;
        uint64_t secret, foreign;
        VhChange *c;

        if (r->n != 4 || !take_number(r->words[1], 10, 1, &secret) || !take_number(r->words[2], 10, 1, &foreign) ||
            !path_is_plain(r->words[3]))
                return false;
        path = vh_xstrdup(r->words[3]);
        if (!take_node(r, "old", &old) || !take_node(r, "new", &new))
                return false;
        c = vh_changes_add(set, VH_TAKE_PTR(path), &old, &new);
        c->secret = secret;
        c->foreign = foreign;
        return true;
}

static bool take_read(Reader *r, VhChangeSet *set)
{
        uint64_t fingerprint;

        if (r->n != 3 || !take_number(r->words[1], 16, UINT64_MAX, &fingerprint) || !path_is_plain(r->words[2]))
                return false;
        vh_changes_read(set, r->words[2], fingerprint);
        return true;
}

static bool take_unit(Reader *r, VhChangeSet *set)
{
        uint64_t was, wish;

        if (r->n != 4 || !take_number(r->words[2], 10, 1, &was) || !take_number(r->words[3], 10, VH_WISH_DOWN, &wish))
                return false;
        vh_changes_unit(set, r->words[1], was, (VhWish)wish);
        return true;
}

static bool take_action(Reader *r, VhChangeSet *set)
{
        uint64_t kind, before;
        VhAction *a;

        if (r->n != 5 || !take_number(r->words[1], 10, VH_ACTION_FOLDERS, &kind) ||
            !take_number(r->words[2], 10, 1, &before))
                return false;
        a = vh_changes_act(set, (VhActionKind)kind, vh_streq(r->words[3], "-") ? NULL : r->words[3], NULL);
        a->before = before;
        a->key = vh_streq(r->words[4], "-") ? NULL : vh_xstrdup(r->words[4]);
        if (!next_line(r, 2) || r->n != 2 || !vh_streq(r->words[0], "value"))
                return false;
        a->value = *r->words[1] == '=' ? vh_xstrdup(r->words[1] + 1) : NULL;
        if (!next_line(r, 2) || r->n != 2 || !vh_streq(r->words[0], "reason"))
                return false;
        a->reason = *r->words[1] ? vh_xstrdup(r->words[1]) : NULL;
        if (a->kind != VH_ACTION_RELOAD_MANAGER && !a->unit)
                return false;
        return a->kind != VH_ACTION_LIVE || a->key;
}

static bool take_head(Reader *r, VhChangeSet *set)
{
        uint64_t kind, when, generation, parent, live, fresh;

        if (!next_line(r, 1) || !vh_streq(r->words[0], magic) || !next_line(r, 2) || r->n != 2 ||
            !vh_streq(r->words[0], "profile"))
                return false;
        set->profile = vh_xstrdup(r->words[1]);
        if (!next_line(r, 7) || r->n != 7 || !vh_streq(r->words[0], "run") ||
            !take_number(r->words[1], 10, VH_RUN_ROLLBACK, &kind) || !take_number(r->words[2], 10, UINT64_MAX, &when) ||
            !take_number(r->words[3], 10, UINT_MAX, &generation) || !take_number(r->words[4], 10, UINT_MAX, &parent) ||
            !take_number(r->words[5], 10, 1, &live) || !take_number(r->words[6], 10, 1, &fresh))
                return false;
        set->kind = (VhRunKind)kind;
        set->time = when;
        set->generation = (unsigned)generation;
        set->parent = (unsigned)parent;
        set->live = live;
        set->new_connection = fresh;
        return true;
}

static bool take_line(Reader *r, VhChangeSet *set, bool *end)
{
        static const struct {
                const char *word;
                size_t words;
                bool (*take)(Reader *r, VhChangeSet *set);
        } rows[] = { { "path ", 4, take_path },
                     { "read ", 3, take_read },
                     { "unit ", 4, take_unit },
                     { "action ", 5, take_action } };
        size_t left = (size_t)(r->end - r->at);

        for (size_t i = 0; i < VH_ARRAY_SIZE(rows); i++) {
                size_t n = strlen(rows[i].word);

                if (left >= n && memcmp(r->at, rows[i].word, n) == 0)
                        return next_line(r, rows[i].words) && rows[i].take(r, set);
        }
        *end = next_line(r, 1) && vh_streq(r->words[0], "end") && r->at == r->end;
        return *end;
}

int vh_changes_parse(VhChangeSet *set, const char *name, const char *text, size_t len, VhError **err)
{
        Reader r = { .at = text, .end = text + len, .name = name };
        bool end = false, ok;

        *set = (VhChangeSet){ 0 };
        ok = take_head(&r, set);
        while (ok && !end)
                ok = take_line(&r, set, &end);
        if (!ok) {
                vh_changes_done(set);
                bad(&r, err);
        }
        free(r.text);
        return ok ? 0 : -EINVAL;
}
