/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes structs as elements by their tables. */

#include "xml/bind.h"

#include <libxml/xmlsave.h>

enum {
        INDENT = 2,
        RAW_DEPTH = 1, /* raw subtrees stand directly inside the root element */
};

/* What becomes of an element without content and attributes. */
typedef enum Empty {
        EMPTY_LEFT_OUT,
        EMPTY_ONE_TAG,
        EMPTY_TWO_TAGS,
} Empty;

static void format_element(const char *prefix, const char *name, const VhXmlRow *rows, const uint8_t *base,
                           unsigned flags, Empty empty, VhBuf *b);

bool vh_xml_scalar_is_set(const VhXmlRow *row, const void *field)
{
        const uint8_t *byte = field;

        if (row->type->is_set)
                return row->type->is_set(row, field);
        for (size_t i = 0; i < row->type->size; i++)
                if (byte[i])
                        return true;
        return false;
}

static bool is_shown(const VhXmlRow *row, const uint8_t *base, unsigned flags)
{
        return !(row->flags & VH_XML_PARSE_ONLY) && (!row->show || (row->show & flags)) && !(row->hide & flags) &&
               vh_xml_row_active(row, base);
}

static bool scalar_shown(const VhXmlRow *row, const uint8_t *base)
{
        return (row->flags & VH_XML_ALWAYS) || vh_xml_scalar_is_set(row, base + row->offset);
}

static void rewind_to(VhBuf *b, size_t len)
{
        b->len = len;
        b->data[len] = 0;
}

/* ---- start tag ---- */

static void add_attr_name(VhBuf *b, const char *name)
{
        size_t n = strlen(name);
        char *at = vh_buf_reserve(b, n + 3);

        at[0] = ' ';
        memcpy(mempcpy(at + 1, name, n), "='", 3);
        b->len += n + 3;
}

static void format_unit(const VhXmlRow *row, const void *field, VhBuf *b)
{
        if (row->type->unit)
                vh_buf_printf(b, " unit='%s'", row->type->unit_of ? row->type->unit_of(field) : row->type->unit);
}

static void format_attr(const VhXmlRow *row, const uint8_t *base, VhBuf *b)
{
        if (!scalar_shown(row, base))
                return;
        add_attr_name(b, row->name);
        row->type->format(row, base + row->offset, b);
        vh_buf_addc(b, '\'');
        format_unit(row, base + row->offset, b);
}

/* Declares a namespace at the element whose children use it. */
static void format_ns(const VhXmlRow *row, const uint8_t *base, VhBuf *b)
{
        const VhXmlPtr *field = (const VhXmlPtr *)(base + row->offset);
        _vh_free_ char *attr = NULL;

        if (!*field)
                return;
        attr = vh_xasprintf(" xmlns:%s='%s'", row->ns->prefix, row->ns->uri);
        if (!strstr(b->data, attr))
                vh_buf_adds(b, attr);
}

static void format_attrs(const VhXmlRow *rows, const uint8_t *base, unsigned flags, VhBuf *b)
{
        for (const VhXmlRow *row = rows; row->place != VH_XML_END; row++) {
                if (row->place != VH_XML_ATTR && row->place != VH_XML_EMBED && row->place != VH_XML_TEXT && !row->ns)
                        continue;
                if (!is_shown(row, base, flags))
                        continue;
                if (row->place == VH_XML_EMBED)
                        format_attrs(row->rows, base + row->offset, flags, b);
                else if (row->place == VH_XML_ATTR)
                        format_attr(row, base, b);
                else if (row->place == VH_XML_TEXT && scalar_shown(row, base))
                        format_unit(row, base + row->offset, b);
                else if (row->ns && (row->place == VH_XML_PTR || row->place == VH_XML_LIST))
                        format_ns(row, base, b);
        }
}

/* ---- content ---- */

static void open_tag(const char *prefix, const char *name, VhBuf *b)
{
        vh_buf_indent(b);
        vh_buf_addc(b, '<');
        if (prefix) {
                vh_buf_adds(b, prefix);
                vh_buf_addc(b, ':');
        }
        vh_buf_adds(b, name);
}

static void close_tag(const char *prefix, const char *name, VhBuf *b)
{
        vh_buf_addc(b, '<');
        vh_buf_addc(b, '/');
        if (prefix) {
                vh_buf_adds(b, prefix);
                vh_buf_addc(b, ':');
        }
        vh_buf_adds(b, name);
        vh_buf_add(b, ">\n", 2);
}

static void format_leaf(const VhXmlRow *row, const uint8_t *base, VhBuf *b)
{
        if (!scalar_shown(row, base))
                return;
        open_tag(NULL, row->name, b);
        format_unit(row, base + row->offset, b);
        vh_buf_addc(b, '>');
        row->type->format(row, base + row->offset, b);
        close_tag(NULL, row->name, b);
}

static void format_flag(const VhXmlRow *row, const uint8_t *base, VhBuf *b)
{
        if (!base[row->offset])
                return;
        open_tag(NULL, row->name, b);
        vh_buf_add(b, "/>\n", 3);
}

static void format_list(const VhXmlRow *row, const VhXmlList *list, unsigned flags, VhBuf *b)
{
        for (uint32_t i = 0; i < list->n; i++)
                format_element(row->ns ? row->ns->prefix : NULL, row->name, row->table->rows, list->items[i], flags,
                               row->flags & VH_XML_NONEMPTY ? EMPTY_LEFT_OUT : EMPTY_ONE_TAG, b);
}

static void format_children(const VhXmlRow *rows, const uint8_t *base, unsigned flags, VhBuf *b);

static void format_child(const VhXmlRow *row, const uint8_t *base, unsigned flags, VhBuf *b)
{
        const char *prefix = row->ns ? row->ns->prefix : NULL;
        const void *field = base + row->offset;

        switch (row->place) {
        case VH_XML_LEAF:
                format_leaf(row, base, b);
                return;
        case VH_XML_FLAG:
                format_flag(row, base, b);
                return;
        case VH_XML_GROUP:
                format_element(prefix, row->name, row->rows, field, flags,
                               row->flags & VH_XML_ALWAYS ? EMPTY_TWO_TAGS : EMPTY_LEFT_OUT, b);
                return;
        case VH_XML_EMBED:
                format_children(row->rows, field, flags, b);
                return;
        case VH_XML_PTR:
                if (*(const VhXmlPtr *)field)
                        format_element(prefix, row->name, row->table->rows, *(const VhXmlPtr *)field, flags,
                                       EMPTY_ONE_TAG, b);
                return;
        case VH_XML_LIST:
                format_list(row, field, flags, b);
                return;
        case VH_XML_RAW:
                if (*(const VhXmlPtr *)field)
                        vh_xml_raw_format(*(const VhXmlPtr *)field, b);
                return;
        default:
                return;
        }
}

static void format_children(const VhXmlRow *rows, const uint8_t *base, unsigned flags, VhBuf *b)
{
        for (const VhXmlRow *row = rows; row->place != VH_XML_END; row++)
                if (is_shown(row, base, flags))
                        format_child(row, base, flags, b);
}

static const VhXmlRow *text_row(const VhXmlRow *rows, const uint8_t *base, unsigned flags)
{
        for (const VhXmlRow *row = rows; row->place != VH_XML_END; row++)
                if (row->place == VH_XML_TEXT && is_shown(row, base, flags) && scalar_shown(row, base))
                        return row;
        return NULL;
}

static void format_text_element(const char *prefix, const char *name, const VhXmlRow *row, const uint8_t *base,
                                VhBuf *b)
{
        vh_buf_addc(b, '>');
        row->type->format(row, base + row->offset, b);
        close_tag(prefix, name, b);
}

/* Writes the whole element and takes back what turned out to be empty. */
static void format_element(const char *prefix, const char *name, const VhXmlRow *rows, const uint8_t *base,
                           unsigned flags, Empty empty, VhBuf *b)
{
        size_t start = b->len, tag, content;
        const VhXmlRow *text;

        open_tag(prefix, name, b);
        tag = b->len;
        format_attrs(rows, base, flags, b);
        text = text_row(rows, base, flags);
        if (text) {
                format_text_element(prefix, name, text, base, b);
                return;
        }
        content = b->len;
        vh_buf_add(b, ">\n", 2);
        b->indent += INDENT;
        format_children(rows, base, flags, b);
        b->indent -= INDENT;
        if (b->len > content + 2 || (empty == EMPTY_TWO_TAGS && content == tag)) {
                vh_buf_indent(b);
                close_tag(prefix, name, b);
        } else if (content > tag || empty == EMPTY_ONE_TAG) {
                rewind_to(b, content);
                vh_buf_add(b, "/>\n", 3);
        } else {
                rewind_to(b, start);
        }
}

void vh_xml_bind_format(const VhXmlTable *table, const char *name, const void *obj, unsigned flags, VhBuf *b)
{
        format_element(NULL, name ? name : table->name, table->rows, obj, flags, EMPTY_ONE_TAG, b);
}

/* ---- raw subtrees ---- */

char *vh_xml_raw_text(const xmlNode *node)
{
        /* A copy carries the namespaces that it uses from outside. */
        xmlNode *copy = xmlDocCopyNode((xmlNode *)node, node->doc, 1);
        xmlBuffer *buffer = xmlBufferCreate();
        char *text;

        if (!copy || !buffer || xmlNodeDump(buffer, node->doc, copy, RAW_DEPTH, 1) < 0)
                abort();
        text = vh_xstrdup((const char *)xmlBufferContent(buffer));
        xmlBufferFree(buffer);
        xmlFreeNode(copy);
        return text;
}

/* Lines after the first are indented for RAW_DEPTH already. */
void vh_xml_raw_format(const char *raw, VhBuf *b)
{
        unsigned extra = b->indent > RAW_DEPTH * INDENT ? b->indent - RAW_DEPTH * INDENT : 0;

        vh_buf_indent(b);
        for (const char *end; (end = strchr(raw, '\n')); raw = end + 1) {
                vh_buf_add(b, raw, (size_t)(end - raw) + 1);
                for (unsigned i = 0; i < extra; i++)
                        vh_buf_addc(b, ' ');
        }
        vh_buf_adds(b, raw);
        vh_buf_addc(b, '\n');
}
