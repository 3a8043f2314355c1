/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Structs by their tables without any XML: defaults, free, copy, compare, and the check of the tables themselves. */

#include "xml/bind.h"

#include <stdio.h>

/* ---- lists ---- */

void vh_list_insert_raw(void *list, uint32_t i, void *p)
{
        VhXmlList *l = list;

        /* Grows by one: lists are short and live long. */
        l->items = vh_xrealloc(l->items, l->n + 1, sizeof(*l->items));
        memmove(l->items + i + 1, l->items + i, (l->n - i) * sizeof(*l->items));
        l->items[i] = p;
        l->n++;
}

void *vh_list_take_raw(void *list, uint32_t i)
{
        VhXmlList *l = list;
        void *p = l->items[i];

        l->n--;
        memmove(l->items + i, l->items + i + 1, (l->n - i) * sizeof(*l->items));
        if (l->n == 0) {
                free(l->items);
                l->items = NULL;
        }
        return p;
}

static bool is_scalar(const VhXmlRow *row)
{
        return row->place == VH_XML_ATTR || row->place == VH_XML_TEXT || row->place == VH_XML_LEAF;
}

static bool has_rows(const VhXmlRow *row)
{
        return row->place == VH_XML_GROUP || row->place == VH_XML_EMBED;
}

/* ---- defaults ---- */

static void set_default(const VhXmlRow *row, void *field)
{
        char text[24];

        if (row->names) {
                *(uint8_t *)field = (uint8_t)row->def;
                return;
        }
        snprintf(text, sizeof(text), "%lld", (long long)row->def);
        row->type->parse(row, text, NULL, field, NULL);
}

/* Rows inside a child element get theirs when the element is met. */
void vh_xml_bind_defaults(const VhXmlRow *rows, void *base)
{
        for (const VhXmlRow *row = rows; row->place != VH_XML_END; row++) {
                if (row->place == VH_XML_EMBED)
                        vh_xml_bind_defaults(row->rows, (uint8_t *)base + row->offset);
                else if (row->def && is_scalar(row))
                        set_default(row, (uint8_t *)base + row->offset);
        }
}

void *vh_xml_bind_new(const VhXmlTable *table)
{
        void *obj = vh_xcalloc(1, table->size);

        vh_xml_bind_defaults(table->rows, obj);
        return obj;
}

/* ---- free ---- */

static void clear_list(const VhXmlTable *table, VhXmlList *list)
{
        for (uint32_t i = 0; i < list->n; i++)
                vh_xml_bind_free(table, list->items[i]);
        free(list->items);
        *list = (VhXmlList){};
}

static void clear_rows(const VhXmlRow *rows, uint8_t *base);

/* Several rows may mean the same field: each leaves NULL behind. */
static void clear_row(const VhXmlRow *row, uint8_t *base)
{
        void *field = base + row->offset;

        if (has_rows(row)) {
                clear_rows(row->rows, field);
        } else if (row->place == VH_XML_PTR) {
                *(VhXmlPtr *)field = vh_xml_bind_free(row->table, *(VhXmlPtr *)field);
        } else if (row->place == VH_XML_LIST) {
                clear_list(row->table, field);
        } else if (row->place == VH_XML_RAW) {
                free(*(VhXmlPtr *)field);
                *(VhXmlPtr *)field = NULL;
        } else if (is_scalar(row) && row->type->clear) {
                row->type->clear(field);
        }
}

static void clear_rows(const VhXmlRow *rows, uint8_t *base)
{
        for (const VhXmlRow *row = rows; row->place != VH_XML_END; row++)
                clear_row(row, base);
}

void vh_xml_bind_clear(const VhXmlTable *table, void *obj)
{
        clear_rows(table->rows, obj);
        memset(obj, 0, table->size);
}

void *vh_xml_bind_free(const VhXmlTable *table, void *obj)
{
        if (obj) {
                clear_rows(table->rows, obj);
                free(obj);
        }
        return NULL;
}

/* ---- copy ---- */

static void copy_rows(const VhXmlRow *rows, uint8_t *dst, const uint8_t *src);

static void copy_list(const VhXmlTable *table, VhXmlList *dst, const VhXmlList *src)
{
        if (dst->items || !src->n)
                return;
        dst->items = vh_xcalloc(src->n, sizeof(*dst->items));
        dst->n = src->n;
        for (uint32_t i = 0; i < src->n; i++)
                dst->items[i] = vh_xml_bind_dup(table, src->items[i]);
}

static void copy_scalar(const VhXmlRow *row, void *dst, const void *src)
{
        if (!row->type->copy)
                memcpy(dst, src, row->type->size);
        else if (!*(VhXmlPtr *)dst)
                row->type->copy(dst, src);
}

/* A field that several rows mean is copied by the first of them. */
static void copy_row(const VhXmlRow *row, uint8_t *dst_base, const uint8_t *src_base)
{
        void *dst = dst_base + row->offset;
        const void *src = src_base + row->offset;

        if (has_rows(row))
                copy_rows(row->rows, dst, src);
        else if (is_scalar(row))
                copy_scalar(row, dst, src);
        else if (row->place == VH_XML_FLAG)
                *(bool *)dst = *(const bool *)src;
        else if (row->place == VH_XML_LIST)
                copy_list(row->table, dst, src);
        else if (row->place == VH_XML_PTR && !*(VhXmlPtr *)dst)
                *(VhXmlPtr *)dst = vh_xml_bind_dup(row->table, *(const VhXmlPtr *)src);
        else if (row->place == VH_XML_RAW && !*(VhXmlPtr *)dst)
                *(VhXmlPtr *)dst = vh_xstrdup(*(const VhXmlPtr *)src);
}

static void copy_rows(const VhXmlRow *rows, uint8_t *dst, const uint8_t *src)
{
        for (const VhXmlRow *row = rows; row->place != VH_XML_END; row++)
                copy_row(row, dst, src);
}

void vh_xml_bind_copy(const VhXmlTable *table, void *dst, const void *src)
{
        memset(dst, 0, table->size);
        copy_rows(table->rows, dst, src);
}

void *vh_xml_bind_dup(const VhXmlTable *table, const void *src)
{
        void *dst;

        if (!src)
                return NULL;
        dst = vh_xcalloc(1, table->size);
        copy_rows(table->rows, dst, src);
        return dst;
}

/* ---- compare ---- */

/* Puts "name/" before what an inner difference added at where->data + at. */
static void prefix_where(VhBuf *where, size_t at, const char *name, uint32_t number)
{
        char *inner;

        if (!where || !*name)
                return;
        inner = vh_xstrdup(where->len > at ? where->data + at : "");
        where->len = at;
        vh_buf_adds(where, name);
        if (number)
                vh_buf_printf(where, "[%u]", number);
        if (*inner)
                vh_buf_printf(where, "/%s", inner);
        free(inner);
}

static bool rows_equal(const VhXmlRow *rows, const uint8_t *a, const uint8_t *b, VhBuf *where);

static bool structs_equal(const VhXmlTable *table, const void *a, const void *b, VhBuf *where)
{
        if (!a || !b)
                return a == b;
        return rows_equal(table->rows, a, b, where);
}

/* Sets *number to the first item (from 1) that differs. */
static bool lists_equal(const VhXmlTable *table, const VhXmlList *a, const VhXmlList *b, VhBuf *where, uint32_t *number)
{
        for (*number = 1; *number <= a->n && *number <= b->n; (*number)++)
                if (!structs_equal(table, a->items[*number - 1], b->items[*number - 1], where))
                        return false;
        return a->n == b->n;
}

static bool scalars_equal(const VhXmlRow *row, const void *a, const void *b)
{
        return row->type->equal ? row->type->equal(a, b) : memcmp(a, b, row->type->size) == 0;
}

static bool row_equal(const VhXmlRow *row, const void *a, const void *b, VhBuf *where, uint32_t *number)
{
        switch (row->place) {
        case VH_XML_GROUP:
        case VH_XML_EMBED:
                return rows_equal(row->rows, a, b, where);
        case VH_XML_PTR:
                return structs_equal(row->table, *(const VhXmlPtr *)a, *(const VhXmlPtr *)b, where);
        case VH_XML_LIST:
                return lists_equal(row->table, a, b, where, number);
        case VH_XML_RAW:
                return vh_streq(*(const VhXmlPtr *)a, *(const VhXmlPtr *)b);
        case VH_XML_FLAG:
                return *(const bool *)a == *(const bool *)b;
        default:
                return !is_scalar(row) || scalars_equal(row, a, b);
        }
}

static bool rows_equal(const VhXmlRow *rows, const uint8_t *a, const uint8_t *b, VhBuf *where)
{
        for (const VhXmlRow *row = rows; row->place != VH_XML_END; row++) {
                size_t at = where ? where->len : 0;
                uint32_t number = 0;

                if (!vh_xml_row_active(row, a) || !vh_xml_row_active(row, b))
                        continue;
                if (!row_equal(row, a + row->offset, b + row->offset, where, &number)) {
                        prefix_where(where, at, row->name, number);
                        return false;
                }
        }
        return true;
}

bool vh_xml_bind_equal(const VhXmlTable *table, const void *a, const void *b, VhBuf *where)
{
        return structs_equal(table, a, b, where);
}

/* ---- the tables themselves ---- */

static const char *row_fault(const VhXmlRow *row)
{
        if (!row->name)
                return "no name";
        if (is_scalar(row) && (!row->type || row->size != row->type->size))
                return "type and field differ in size";
        if (is_scalar(row) && row->type == NULL)
                return "no type";
        if (row->place == VH_XML_FLAG && row->size != sizeof(bool))
                return "flag is no bool";
        if (row->place == VH_XML_LIST && row->size != sizeof(VhXmlList))
                return "field is no list";
        if ((row->place == VH_XML_PTR || row->place == VH_XML_RAW) && row->size != sizeof(void *))
                return "field is no pointer";
        if ((row->place == VH_XML_PTR || row->place == VH_XML_LIST) && !row->table)
                return "no table";
        return NULL;
}

enum { LINT_DEPTH = 12 }; /* tables may contain themselves */

static char *lint_rows(const VhXmlRow *rows, const char *path, size_t size, unsigned depth)
{
        bool keys_over = false;

        for (const VhXmlRow *row = rows; row->place != VH_XML_END; row++) {
                const char *fault = row_fault(row);
                char *inner = NULL;

                if (!fault && row->offset + row->size > size)
                        fault = "field lies outside of the struct";
                if (!fault && row->flags & VH_XML_KEY && keys_over)
                        fault = "key row after others";
                if (!(row->flags & VH_XML_KEY) && row->place != VH_XML_EMBED)
                        keys_over = true;
                if (fault)
                        return vh_xasprintf("%s/%s: %s", path, row->name ? row->name : "?", fault);
                if (depth && (has_rows(row) || row->place == VH_XML_PTR || row->place == VH_XML_LIST)) {
                        _vh_free_ char *sub = vh_xasprintf("%s/%s", path, row->name);

                        inner = has_rows(row) ? lint_rows(row->rows, sub, size - row->offset, depth - 1)
                                              : lint_rows(row->table->rows, sub, row->table->size, depth - 1);
                }
                if (inner)
                        return inner;
        }
        return NULL;
}

char *vh_xml_bind_lint(const VhXmlTable *table)
{
        return lint_rows(table->rows, table->name, table->size, LINT_DEPTH);
}
