/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading XML text with limits. */

#include "xml/doc.h"

#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <stdarg.h>
#include <errno.h>
#include <stdio.h>

#include "base/buf.h"

typedef struct DocError {
        const char *name;
        int domain; /* of errors about text that is not well formed */
        VhError **err;
        bool reported; /* the first report is the one that explains */
} DocError;

enum {
        EXCERPT_MAX = 80, /* bytes of the faulty line that a message shows */
};

/* The line around cur, and how far into it cur is. */
static void find_excerpt(const xmlParserInput *in, const char **startp, size_t *lenp, size_t *columnp)
{
        const xmlChar *base = in->base, *cur = in->cur, *start, *end;

        while (cur > base && (*cur == '\n' || *cur == '\r'))
                cur--;
        start = cur;
        while (start > base && cur - start < EXCERPT_MAX && start[-1] != '\n' && start[-1] != '\r')
                start--;
        end = start;
        while (*end && *end != '\n' && *end != '\r' && end - start < EXCERPT_MAX)
                end++;
        *startp = (const char *)start;
        *lenp = (size_t)(end - start);
        *columnp = (size_t)(in->cur > start ? VH_MIN(in->cur - start, EXCERPT_MAX) : 0);
}

static void add_pointer(VhBuf *b, size_t column)
{
        for (size_t i = 0; i < column; i++)
                vh_buf_addc(b, '-');
        vh_buf_addc(b, '^');
}

static void report(DocError *de, xmlParserCtxt *ctxt, const xmlError *e)
{
        _vh_buf_ VhBuf b = {};
        const char *excerpt;
        size_t len, column;

        if (de->reported || e->level < XML_ERR_ERROR)
                return;
        de->reported = true;
        vh_buf_printf(&b, "%s:%d: %s", de->name, e->line, e->message ? e->message : "");
        if (ctxt->input && ctxt->input->base) {
                find_excerpt(ctxt->input, &excerpt, &len, &column);
                if (len > 0)
                        vh_buf_add(&b, excerpt, len);
                else
                        vh_buf_adds(&b, "(null)"); /* what the reference has for no text to point at */
                vh_buf_addc(&b, '\n');
                add_pointer(&b, column);
        }
        vh_error_set(de->err, de->domain, VIR_ERR_XML_DETAIL, "%s", b.data);
}

static void on_error(void *userdata, xmlErrorPtr e)
{
        xmlParserCtxt *ctxt = userdata;

        report(ctxt->_private, ctxt, e);
}

/* A document type could declare entities; none of our formats has one. */
static void on_doctype(void *userdata, const xmlChar *name, const xmlChar *external, const xmlChar *system)
{
        xmlParserCtxt *ctxt = userdata;
        DocError *de = ctxt->_private;

        if (!de->reported)
                vh_error_set(de->err, VIR_FROM_XML, VIR_ERR_XML_ERROR, "%s:%d: a document type is not allowed",
                             de->name, ctxt->input ? ctxt->input->line : 0);
        de->reported = true;
        xmlStopParser(ctxt);
}

static xmlDoc *read_memory(xmlParserCtxt *ctxt, const char *text, size_t len)
{
        ctxt->sax->serror = on_error;
        ctxt->sax->internalSubset = on_doctype;
        return xmlCtxtReadMemory(ctxt, text, (int)len, NULL, NULL,
                                 XML_PARSE_NONET | XML_PARSE_NOWARNING | XML_PARSE_NOBLANKS | XML_PARSE_COMPACT);
}

int vh_xml_doc_parse(xmlDoc **docp, const char *text, size_t len, const char *name, int domain, VhError **err)
{
        DocError de = { .name = name, .domain = domain, .err = err };
        xmlParserCtxt *ctxt;
        xmlDoc *doc;

        if (len > VH_XML_SIZE_MAX)
                return vh_error_set(err, VIR_FROM_XML, VIR_ERR_XML_ERROR, "%s: the text is longer than %d bytes", name,
                                    VH_XML_SIZE_MAX);
        ctxt = xmlNewParserCtxt();
        if (!ctxt)
                abort();
        ctxt->_private = &de;
        doc = read_memory(ctxt, text, len);
        xmlFreeParserCtxt(ctxt);
        if (doc && !de.reported && xmlDocGetRootElement(doc)) {
                *docp = doc;
                return 0;
        }
        xmlFreeDoc(doc);
        if (!de.reported)
                vh_error_set(err, VIR_FROM_XML, VIR_ERR_XML_ERROR, "%s: no root element", name);
        return -EINVAL;
}

int vh_xml_doc_parse_root(xmlNode **nodep, const char *text, const char *name, int domain, const char *root,
                          VhError **err)
{
        xmlDoc *doc = NULL;
        xmlNode *node;
        int r = vh_xml_doc_parse(&doc, text, strlen(text), name, domain, err);

        if (r < 0)
                return r;
        node = xmlDocGetRootElement(doc);
        if (strcmp((const char *)node->name, root) == 0) {
                *nodep = node;
                return 0;
        }
        r = vh_error_set(err, VIR_FROM_XML, VIR_ERR_XML_ERROR, "expecting root element of '%s', not '%s'", root,
                         (const char *)node->name);
        xmlFreeDoc(doc);
        return r;
}

xmlNode *vh_xml_free_root(xmlNode *node)
{
        if (node)
                xmlFreeDoc(node->doc);
        return NULL;
}

xmlNode *vh_xml_child(const xmlNode *node, const char *name)
{
        for (xmlNode *n = node->children; n; n = n->next)
                if (n->type == XML_ELEMENT_NODE && strcmp((const char *)n->name, name) == 0)
                        return n;
        return NULL;
}

int vh_xml_error(const xmlNode *node, int code, VhError **err, const char *fmt, ...)
{
        _vh_free_ char *detail = NULL;
        xmlChar *path = xmlGetNodePath(node);
        va_list ap;
        int r;

        va_start(ap, fmt);
        if (vasprintf(&detail, fmt, ap) < 0)
                abort();
        va_end(ap);
        r = vh_error_set(err, VIR_FROM_XML, code, "%s at %s (line %ld)", detail, path ? (const char *)path : "?",
                         xmlGetLineNo(node));
        xmlFree(path);
        return r;
}
