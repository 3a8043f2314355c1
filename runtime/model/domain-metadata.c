/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Elements that applications keep in a domain, one a namespace. */

#include "model/domain.h"

#include <errno.h>
#include <libxml/xmlsave.h>

static const char metadata_name[] = "(metadata_xml)";

static xmlNode *find_ns(xmlNode *root, const char *uri)
{
        for (xmlNode *n = root->children; n; n = n->next)
                if (n->type == XML_ELEMENT_NODE && n->ns && n->ns->href && strcmp((const char *)n->ns->href, uri) == 0)
                        return n;
        return NULL;
}

static int no_metadata(VhError **err)
{
        return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_NO_DOMAIN_METADATA,
                            "Requested metadata element is not present");
}

/* Takes the namespace from everything below node that has it. */
static void clear_ns(xmlNode *node, const xmlChar *uri)
{
        for (xmlAttr *a = node->properties; a; a = a->next)
                if (a->ns && xmlStrEqual(a->ns->href, uri))
                        a->ns = NULL;
        if (node->ns && xmlStrEqual(node->ns->href, uri))
                node->ns = NULL;
        for (xmlNode *n = node->children; n; n = n->next)
                if (n->type == XML_ELEMENT_NODE)
                        clear_ns(n, uri);
}

static void remove_ns_definition(xmlNode *node, xmlNs *ns)
{
        for (xmlNs **p = &node->nsDef; *p; p = &(*p)->next)
                if (*p == ns) {
                        *p = ns->next;
                        xmlFreeNs(ns);
                        return;
                }
}

/* The namespace of a stored element is part of its place, not of the text that was given. */
static char *text_without_ns(xmlNode *node)
{
        xmlNode *copy = xmlDocCopyNode(node, node->doc, 1);
        xmlBuffer *buffer = xmlBufferCreate();
        xmlNs *ns;
        char *text;

        if (!copy || !buffer)
                abort();
        ns = copy->ns;
        clear_ns(copy, ns->href);
        remove_ns_definition(copy, ns);
        xmlNodeDump(buffer, node->doc, copy, 0, 1);
        text = vh_xstrdup((const char *)xmlBufferContent(buffer));
        xmlBufferFree(buffer);
        xmlFreeNode(copy);
        return text;
}

int vh_domain_get_metadata(const VhDomainDef *def, const char *uri, char **textp, VhError **err)
{
        _vh_xml_root_ xmlNode *root = NULL;
        xmlNode *node = NULL;

        if (def->metadata &&
            vh_xml_doc_parse_root(&root, def->metadata, metadata_name, VIR_FROM_DOMAIN, "metadata", NULL) == 0)
                node = find_ns(root, uri);
        if (!node)
                return no_metadata(err);
        *textp = text_without_ns(node);
        return 0;
}

static void remove_node(xmlNode *node)
{
        if (node) {
                xmlUnlinkNode(node);
                xmlFreeNode(node);
        }
}

/* Puts everything that has no namespace into ns; what has one of its own keeps it. */
static void give_ns(xmlNode *node, xmlNs *ns)
{
        if (!node->ns)
                xmlSetNs(node, ns);
        for (xmlNode *n = node->children; n; n = n->next)
                if (n->type == XML_ELEMENT_NODE)
                        give_ns(n, ns);
}

static int add_element(xmlNode *root, const char *uri, const char *key, const char *xml, VhError **err)
{
        xmlDoc *doc;
        xmlNode *node;
        xmlNs *ns;
        int r = vh_xml_doc_parse(&doc, xml, strlen(xml), metadata_name, VIR_FROM_DOMAIN, err);

        if (r < 0)
                return r;
        node = xmlDocCopyNode(xmlDocGetRootElement(doc), root->doc, 1);
        xmlFreeDoc(doc);
        if (!node)
                abort();
        ns = xmlNewNs(node, (const xmlChar *)uri, (const xmlChar *)key);
        if (!ns) {
                xmlFreeNode(node);
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_INTERNAL_ERROR,
                                    "failed to create a new XML namespace");
        }
        give_ns(node, ns);
        xmlAddChild(root, node);
        return 0;
}

void vh_domain_clean_metadata(VhDomainDef *def)
{
        _vh_xml_root_ xmlNode *root = NULL;
        bool changed = false;

        if (!def->metadata ||
            vh_xml_doc_parse_root(&root, def->metadata, metadata_name, VIR_FROM_DOMAIN, "metadata", NULL) < 0)
                return;
        for (xmlNode *n = root->children, *next; n; n = next) {
                next = n->next;
                if (n->type != XML_ELEMENT_NODE || (n->ns && find_ns(root, (const char *)n->ns->href) == n))
                        continue;
                remove_node(n);
                changed = true;
        }
        if (!changed)
                return;
        free(def->metadata);
        def->metadata = xmlFirstElementChild(root) ? vh_xml_raw_text(root) : NULL;
}

int vh_domain_set_metadata(VhDomainDef *def, const char *uri, const char *key, const char *xml, VhError **err)
{
        _vh_xml_root_ xmlNode *root = NULL;
        int r = vh_xml_doc_parse_root(&root, def->metadata ? def->metadata : "<metadata/>", metadata_name,
                                      VIR_FROM_DOMAIN, "metadata", err);

        if (r < 0)
                return r;
        if (xml) {
                xmlNode *old = find_ns(root, uri);

                r = add_element(root, uri, key, xml, err);
                if (r < 0)
                        return r;
                remove_node(old);
        } else {
                remove_node(find_ns(root, uri));
        }
        free(def->metadata);
        def->metadata = root->children ? vh_xml_raw_text(root) : NULL;
        return 0;
}
