/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fills structs from elements by their tables. */

#include "base/arena.h"
#include "xml/bind.h"

#include <errno.h>

enum {
        ROWS_MAX = 128, /* rows of one table whose repetition is noticed; vh_xml_bind_lint() checks it */
};

/* A row and the struct that its offset counts from. */
typedef struct Found {
        const VhXmlRow *row;
        uint8_t *base;
        const VhXmlRow *top; /* the row itself, or the one that embeds it, in the table that was searched */
        bool rows_exist;     /* nothing found, but rows of that name exist for another kind of this element */
} Found;

static int parse_rows(const VhXmlParse *p, const VhXmlRow *rows, const xmlNode *node, uint8_t *base);

static const char *name_of(const void *node)
{
        return (const char *)((const xmlNode *)node)->name;
}

/* The text of an attribute or element whose children are list; "" if there are none. */
static const char *text_of(const VhXmlParse *p, xmlDoc *doc, xmlNode *list)
{
        xmlChar *joined;
        char *copy;

        if (!list)
                return "";
        if (!list->next && (list->type == XML_TEXT_NODE || list->type == XML_CDATA_SECTION_NODE))
                return list->content ? (const char *)list->content : "";
        joined = xmlNodeListGetString(doc, list, 1);
        copy = vh_arena_strdup(p->scratch, joined ? (const char *)joined : "");
        xmlFree(joined);
        return copy;
}

static bool is_blank(const char *s)
{
        return !s[strspn(s, " \t\r\n")];
}

static const xmlAttr *find_attr(const xmlNode *node, const char *name)
{
        for (const xmlAttr *a = node->properties; a; a = a->next)
                if (!a->ns && strcmp(name_of(a), name) == 0)
                        return a;
        return NULL;
}

/* ---- rows by name ---- */

static bool same_ns(const VhXmlNs *ns, const xmlNs *seen)
{
        if (!ns || !seen)
                return !ns && !seen;
        return strcmp(ns->uri, (const char *)seen->href) == 0;
}

static bool row_takes(const VhXmlRow *row, bool attr)
{
        return attr ? row->place == VH_XML_ATTR || row->place == VH_XML_DROPPED_ATTR : row->place > VH_XML_TEXT;
}

static void try_row(const VhXmlRow *row, const char *name, const xmlNs *ns, bool attr, uint8_t *base, Found *f)
{
        if (row->place == VH_XML_EMBED) {
                if (vh_xml_row_active(row, base))
                        for (const VhXmlRow *inner = row->rows; inner->place != VH_XML_END && !f->row; inner++)
                                try_row(inner, name, ns, attr, base + row->offset, f);
                return;
        }
        if (!row_takes(row, attr) || strcmp(row->name, name) != 0 || (!attr && !same_ns(row->ns, ns)))
                return;
        f->rows_exist = true;
        if (vh_xml_row_active(row, base)) {
                f->row = row;
                f->base = base;
        }
}

/* Starts at hint, the row after the one found last: what we wrote ourselves is found at once. */
static Found find_row(const VhXmlRow *rows, const VhXmlRow *hint, const char *name, const xmlNs *ns, bool attr,
                      uint8_t *base)
{
        Found f = {};

        for (f.top = hint; f.top->place != VH_XML_END; f.top++) {
                try_row(f.top, name, ns, attr, base, &f);
                if (f.row)
                        return f;
        }
        for (f.top = rows; f.top != hint; f.top++) {
                try_row(f.top, name, ns, attr, base, &f);
                if (f.row)
                        return f;
        }
        return f;
}

/* ---- what is wrong ---- */

/* Puts where it is behind the detail of the error that stands in *err. */
static int add_place(const VhXmlParse *p, const xmlNode *node, int domain, int code, const char *detail)
{
        int r = vh_xml_error(node, code, p->err, "%s", detail);

        if (p->err && *p->err)
                (*p->err)->domain = domain;
        return r;
}

/* The error in a row's own words. value: what is wrong. */
static int fault_error(const VhXmlParse *p, const VhXmlFault *fault, const xmlNode *node, const char *value)
{
        _vh_free_ char *detail = vh_xasprintf("%s%s%s", fault->before, fault->without_value ? "" : value,
                                              fault->after ? fault->after : "");

        return add_place(p, node, fault->domain, fault->code, detail);
}

static char *describe_value(const VhXmlRow *row, const xmlNode *node, const char *text, int r)
{
        const char *expected =
                r == -EDOM && row->type->expected_range ? row->type->expected_range : row->type->expected;

        if (row->place != VH_XML_ATTR && row->type->unit)
                return vh_xasprintf("Invalid value '%s' for element or attribute './%s[1]'", text, name_of(node));
        if (row->place != VH_XML_ATTR)
                return vh_xasprintf("Invalid value for element '%s': '%s'.%s%s", name_of(node), text,
                                    expected ? " Expected " : "", expected ? expected : "");
        if (row->min == 1 && strcmp(text, "0") == 0)
                return vh_xasprintf("Invalid value for attribute '%s' in element '%s': Zero is not permitted",
                                    row->name, name_of(node));
        return vh_xasprintf("Invalid value for attribute '%s' in element '%s': '%s'.%s%s", row->name, name_of(node),
                            text, expected ? " Expected " : "", expected ? expected : "");
}

/* The error that a type made itself, with the place behind it. */
static int bad_value_told(const VhXmlParse *p, const xmlNode *node, int r)
{
        _vh_free_ char *detail = NULL;

        if (!p->err || !*p->err || !(*p->err)->detail)
                return r;
        detail = vh_xstrdup((*p->err)->detail);
        return add_place(p, node, (*p->err)->domain, (*p->err)->code, detail);
}

static int bad_value(const VhXmlParse *p, const VhXmlRow *row, const xmlNode *node, const char *text, int r)
{
        const VhXmlFault *fault = r == -EDOM && row->range ? row->range : row->fault;
        _vh_free_ char *detail = NULL;

        if (r != -EINVAL && r != -EDOM)
                return bad_value_told(p, node, r);
        if (fault)
                return fault_error(p, fault, node, text);
        detail = describe_value(row, node, text, r);
        return add_place(p, node, VIR_FROM_XML, VIR_ERR_XML_ERROR, detail);
}

static int refuse_unknown(const VhXmlParse *p, const Found *f, const char *what, const char *name, const xmlNode *at)
{
        if (!(p->flags & VH_XML_STRICT))
                return 0;
        if (f->rows_exist)
                return vh_xml_error(at, VIR_ERR_XML_ERROR, p->err, "%s '%s' does not fit this kind of element", what,
                                    name);
        return vh_xml_error(at, VIR_ERR_XML_ERROR, p->err, "unknown %s '%s'", what, name);
}

static int refuse_unknown_element(const VhXmlParse *p, const Found *f, const VhXmlRow *rows, const xmlNode *node)
{
        while (rows->place != VH_XML_END)
                rows++;
        if (p->flags & VH_XML_STRICT && rows->fault && !f->rows_exist)
                return fault_error(p, rows->fault, node, name_of(node));
        return refuse_unknown(p, f, "element", name_of(node), node);
}

/* ---- scalars ---- */

/* node is the element that holds the value (and its unit). */
static int parse_scalar(const VhXmlParse *p, const VhXmlRow *row, const xmlNode *node, const char *text, void *field)
{
        const char *unit = NULL;
        int r;

        if (row->type->unit) {
                const xmlAttr *a = find_attr(node, "unit");

                unit = a ? text_of(p, node->doc, a->children) : NULL;
        }
        if ((row->flags & VH_XML_NONEMPTY) && !*text)
                return 0;
        r = row->type->parse(row, text, unit, field, p->err);
        return r < 0 ? bad_value(p, row, node, text, r) : 0;
}

static int parse_attr(const VhXmlParse *p, const VhXmlRow *row, const xmlNode *node, const xmlAttr *a, uint8_t *base)
{
        if (p->flags & row->hide || row->place == VH_XML_DROPPED_ATTR)
                return 0;
        return parse_scalar(p, row, node, text_of(p, node->doc, a->children), base + row->offset);
}

static bool is_unit_attr(const VhXmlRow *rows, const char *name)
{
        if (strcmp(name, "unit") != 0)
                return false;
        for (; rows->place != VH_XML_END; rows++) {
                if (rows->type && rows->type->unit && rows->place != VH_XML_LEAF)
                        return true;
                if (rows->place == VH_XML_EMBED && is_unit_attr(rows->rows, name))
                        return true;
        }
        return false;
}

/* Key rows first: others depend on them. */
static int parse_keys(const VhXmlParse *p, const VhXmlRow *rows, const xmlNode *node, uint8_t *base)
{
        for (const VhXmlRow *row = rows; row->place != VH_XML_END; row++) {
                const xmlAttr *a;
                int r = 0;

                if (row->place == VH_XML_EMBED)
                        r = parse_keys(p, row->rows, node, base + row->offset);
                else if (row->flags & VH_XML_KEY && (a = find_attr(node, row->name)))
                        r = parse_attr(p, row, node, a, base);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int parse_attrs(const VhXmlParse *p, const VhXmlRow *rows, const xmlNode *node, uint8_t *base)
{
        const VhXmlRow *hint = rows;

        for (const xmlAttr *a = node->properties; a; a = a->next) {
                Found f;
                int r = 0;

                if (a->ns)
                        continue;
                f = find_row(rows, hint, name_of(a), NULL, true, base);
                if (f.row)
                        hint = f.top + 1;
                if (!f.row && !is_unit_attr(rows, name_of(a)))
                        r = refuse_unknown(p, &f, "attribute", name_of(a), node);
                else if (f.row && !(f.row->flags & VH_XML_KEY))
                        r = parse_attr(p, f.row, node, a, f.base);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int refuse_missing(const VhXmlParse *p, const VhXmlRow *row, const xmlNode *node)
{
        if (row->missing)
                return fault_error(p, row->missing, node, row->name);
        return vh_xml_error(node, VIR_ERR_XML_ERROR, p->err,
                            row->place == VH_XML_ATTR ? "Missing required attribute '%s' in element '%s'"
                                                      : "Missing required element '%s' in element '%s'",
                            row->name, name_of(node));
}

static int check_required(const VhXmlParse *p, const VhXmlRow *rows, const xmlNode *node, const uint8_t *base)
{
        for (const VhXmlRow *row = rows; row->place != VH_XML_END; row++) {
                bool attr = row->place == VH_XML_ATTR;

                if (row->place == VH_XML_EMBED && vh_xml_row_active(row, base)) {
                        int r = check_required(p, row->rows, node, base + row->offset);

                        if (r < 0)
                                return r;
                }
                if (!(row->flags & VH_XML_REQUIRED) || !vh_xml_row_active(row, base) || (p->flags & row->hide))
                        continue;
                if (attr ? !find_attr(node, row->name) : !vh_xml_child(node, row->name))
                        return refuse_missing(p, row, node);
        }
        return 0;
}

/* ---- elements ---- */

static int parse_struct(const VhXmlParse *p, const VhXmlTable *table, const xmlNode *node, void *obj)
{
        int r = parse_rows(p, table->rows, node, obj);

        return r < 0 || !table->check ? r : table->check(obj, p, node);
}

static int parse_new(const VhXmlParse *p, const VhXmlTable *table, const xmlNode *node, void **objp)
{
        void *obj = vh_xml_bind_new(table);
        int r = parse_struct(p, table, node, obj);

        if (r < 0)
                vh_xml_bind_free(table, obj);
        else
                *objp = obj;
        return r;
}

static int parse_list_item(const VhXmlParse *p, const VhXmlRow *row, const xmlNode *node, void *field)
{
        uint32_t n = ((VhXmlList *)field)->n, max = row->max ? (uint32_t)row->max : VH_XML_LIST_MAX;
        void *item;
        int r;

        if (n >= max)
                return vh_xml_error(node, VIR_ERR_XML_ERROR, p->err, "there are more than %u elements '%s'", max,
                                    name_of(node));
        r = parse_new(p, row->table, node, &item);
        if (r == 0)
                vh_list_insert_raw(field, n, item);
        return r;
}

static int parse_ptr(const VhXmlParse *p, const VhXmlRow *row, const xmlNode *node, VhXmlPtr *field)
{
        *field = vh_xml_bind_free(row->table, *field);
        return parse_new(p, row->table, node, (void **)field);
}

static int parse_leaf(const VhXmlParse *p, const VhXmlRow *row, const xmlNode *node, void *field)
{
        Found none = {};
        int r = 0;

        for (const xmlAttr *a = node->properties; a && r == 0; a = a->next)
                if (!a->ns && !(row->type->unit && strcmp(name_of(a), "unit") == 0))
                        r = refuse_unknown(p, &none, "attribute", name_of(a), node);
        for (const xmlNode *n = node->children; n && r == 0; n = n->next)
                if (n->type == XML_ELEMENT_NODE && !n->ns)
                        r = refuse_unknown(p, &none, "element", name_of(n), n);
        return r < 0 ? r : parse_scalar(p, row, node, text_of(p, node->doc, node->children), field);
}

static int parse_flag(const VhXmlParse *p, const xmlNode *node, bool *field)
{
        static const VhXmlRow nothing[] = { {} };

        *field = true;
        return parse_rows(p, nothing, node, (uint8_t *)field);
}

static int parse_raw(const xmlNode *node, char **field)
{
        free(*field);
        *field = vh_xml_raw_text(node);
        return 0;
}

static int parse_child(const VhXmlParse *p, const VhXmlRow *row, const xmlNode *node, uint8_t *base)
{
        void *field = base + row->offset;

        if (p->flags & row->hide)
                return 0;
        switch (row->place) {
        case VH_XML_LEAF:
                return parse_leaf(p, row, node, field);
        case VH_XML_FLAG:
                return parse_flag(p, node, field);
        case VH_XML_GROUP:
                vh_xml_bind_defaults(row->rows, field);
                return parse_rows(p, row->rows, node, field);
        case VH_XML_PTR:
                return parse_ptr(p, row, node, field);
        case VH_XML_LIST:
                return parse_list_item(p, row, node, field);
        case VH_XML_RAW:
                return parse_raw(node, field);
        default:
                return 0;
        }
}

/* Remembers that a row was met; refuses the second time what can be there only once. */
static int note_row(const VhXmlParse *p, const VhXmlRow *rows, const Found *f, const xmlNode *node, uint64_t *seen)
{
        ptrdiff_t i = f->row - rows;

        /* Rows of embedded tables are not counted. */
        if (f->row->place == VH_XML_LIST || f->row->place == VH_XML_DROPPED || (f->row->flags & VH_XML_REPEAT) ||
            f->row != f->top || i >= ROWS_MAX)
                return 0;
        if (seen[i / 64] >> (i % 64) & 1 && f->row->twice)
                return fault_error(p, f->row->twice, node, name_of(node));
        if (seen[i / 64] >> (i % 64) & 1 && p->flags & VH_XML_STRICT)
                return vh_xml_error(node, VIR_ERR_XML_ERROR, p->err, "element '%s' is given twice", name_of(node));
        seen[i / 64] |= UINT64_C(1) << (i % 64);
        return 0;
}

static int parse_text(const VhXmlParse *p, const VhXmlRow *rows, const xmlNode *node, uint8_t *base)
{
        const char *text = NULL;

        for (const VhXmlRow *row = rows; row->place != VH_XML_END; row++)
                if (row->place == VH_XML_TEXT && vh_xml_row_active(row, base))
                        return parse_scalar(p, row, node, text_of(p, node->doc, node->children), base + row->offset);
        for (const xmlNode *n = node->children; n; n = n->next)
                if ((n->type == XML_TEXT_NODE || n->type == XML_CDATA_SECTION_NODE) && n->content &&
                    !is_blank((const char *)n->content))
                        text = (const char *)n->content;
        if (text && p->flags & VH_XML_STRICT)
                return vh_xml_error(node, VIR_ERR_XML_ERROR, p->err, "element '%s' cannot hold text", name_of(node));
        return 0;
}

static int parse_children(const VhXmlParse *p, const VhXmlRow *rows, const xmlNode *node, uint8_t *base)
{
        const VhXmlRow *hint = rows;
        uint64_t seen[ROWS_MAX / 64] = {};

        for (const xmlNode *n = node->children; n; n = n->next) {
                Found f;
                int r = 0;

                if (n->type != XML_ELEMENT_NODE)
                        continue;
                f = find_row(rows, hint, name_of(n), n->ns, false, base);
                if (!f.row && !n->ns) {
                        r = refuse_unknown_element(p, &f, rows, n);
                } else if (f.row) {
                        hint = f.row->place == VH_XML_LIST ? f.top : f.top + 1;
                        r = note_row(p, rows, &f, n, seen);
                        if (r == 0)
                                r = parse_child(p, f.row, n, f.base);
                }
                if (r < 0)
                        return r;
        }
        return 0;
}

static int parse_rows(const VhXmlParse *p, const VhXmlRow *rows, const xmlNode *node, uint8_t *base)
{
        int r = parse_keys(p, rows, node, base);

        if (r == 0)
                r = parse_attrs(p, rows, node, base);
        if (r == 0)
                r = check_required(p, rows, node, base);
        if (r == 0)
                r = parse_text(p, rows, node, base);
        return r < 0 ? r : parse_children(p, rows, node, base);
}

int vh_xml_bind_parse(const VhXmlTable *table, const xmlNode *node, void *obj, unsigned flags, const void *env,
                      VhError **err)
{
        VhArena scratch = {};
        VhXmlParse p = { .flags = flags, .env = env, .err = err, .scratch = &scratch };
        int r;

        vh_xml_bind_defaults(table->rows, obj);
        r = parse_struct(&p, table, node, obj);
        vh_arena_done(&scratch);
        return r;
}

int vh_xml_bind_parse_new(const VhXmlTable *table, const xmlNode *node, void **objp, unsigned flags, const void *env,
                          VhError **err)
{
        void *obj = vh_xcalloc(1, table->size);
        int r = vh_xml_bind_parse(table, node, obj, flags, env, err);

        if (r < 0)
                vh_xml_bind_free(table, obj);
        else
                *objp = obj;
        return r;
}
