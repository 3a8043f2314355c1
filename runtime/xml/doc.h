/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Reading XML text with limits: no network, no document type (and so no entities of its own), bounded size and depth.
 * A document lives only as long as it takes to fill structs from it (xml/bind.h). */

#include "base/error.h"
#include <libxml/tree.h>

enum {
        /* Text that we read at most: what fits into a string on the wire. */
        VH_XML_SIZE_MAX = 4 * 1024 * 1024,
};

/* Parses len bytes. name is how messages call the text ("(domain_definition)", or a file's name). On failure *docp is
 * untouched and *err is VIR_ERR_XML_DETAIL of domain, "NAME:LINE: what\nexcerpt\n---^", for text that is not well
 * formed, or VIR_ERR_XML_ERROR. Returns 0 or negative errno. The caller frees the document with xmlFreeDoc(). */
int vh_xml_doc_parse(xmlDoc **docp, const char *text, size_t len, const char *name, int domain, VhError **err);

/* Parses text (NUL-terminated) whose root element must be root (without namespace). Otherwise VIR_ERR_XML_ERROR
 * "expecting root element of 'root', not 'x'". *nodep is the root; its document is the caller's to free through
 * (*nodep)->doc. Returns 0 or negative errno. */
int vh_xml_doc_parse_root(xmlNode **nodep, const char *text, const char *name, int domain, const char *root,
                          VhError **err);

/* Frees the document that node belongs to; accepts NULL, returns NULL. */
xmlNode *vh_xml_free_root(xmlNode *node);
VH_DEFINE_CLEANUP(xmlNode *, vh_xml_free_root)
#define _vh_xml_root_ _vh_cleanup_(vh_xml_free_rootp)

/* The first child element of that name (any namespace if name carries none), NULL if there is none. */
xmlNode *vh_xml_child(const xmlNode *node, const char *name);

/* Makes the error for something wrong at node: the finished detail gets " at PATH (line N)" behind it. Returns negative
 * errno. */
int vh_xml_error(const xmlNode *node, int code, VhError **err, const char *fmt, ...) _vh_printf_(4, 5);
