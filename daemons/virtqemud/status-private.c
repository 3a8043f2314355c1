/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What status files have inside a definition that no client sees: the names of images inside QEMU, and of disks in its
 * object tree. The reference needs them to take a guest over. */

#include <libxml/tree.h>

#include "status.h"

static xmlNode *add(xmlNode *parent, const char *name)
{
        return xmlNewChild(parent, NULL, (const xmlChar *)name, NULL);
}

static void add_node_name(xmlNode *nodenames, const char *type, const char *index)
{
        _vh_free_ char *name = vh_xasprintf("libvirt-%s-%s", index, type);
        xmlNode *node = add(nodenames, "nodename");

        xmlNewProp(node, (const xmlChar *)"type", (const xmlChar *)type);
        xmlNewProp(node, (const xmlChar *)"name", (const xmlChar *)name);
}

static void add_node_names(xmlNode *source, const char *index)
{
        xmlNode *nodenames = add(add(source, "privateData"), "nodenames");

        add_node_name(nodenames, "storage", index);
        add_node_name(nodenames, "format", index);
}

/* An image and those below it. The index is an attribute of the source of the top, and of <backingStore> below. */
static void add_chain(xmlNode *holder)
{
        for (; holder; holder = vh_xml_child(holder, "backingStore")) {
                xmlNode *source = vh_xml_child(holder, "source");
                xmlChar *index = xmlGetProp(holder, (const xmlChar *)"index");

                if (!index && source)
                        index = xmlGetProp(source, (const xmlChar *)"index");
                if (index && source)
                        add_node_names(source, (const char *)index);
                xmlFree(index);
        }
}

/* Under which a disk's errors and statistics are told. */
static char *qom_name(const VhDisk *disk)
{
        const char *alias = disk->info.alias;

        switch (disk->bus) {
        case VH_DISK_BUS_VIRTIO:
                return vh_xasprintf("/machine/peripheral/%s/virtio-backend", alias);
        case VH_DISK_BUS_USB:
                return vh_xasprintf("/machine/peripheral/%s/%s.0/legacy[0]", alias, alias);
        default:
                return vh_xstrdup(alias);
        }
}

static void add_qom(xmlNode *disk, const VhDisk *def)
{
        _vh_free_ char *name = NULL;
        xmlNode *qom;

        if (!def->info.alias)
                return;
        name = qom_name(def);
        qom = add(add(disk, "privateData"), "qom");
        xmlNewProp(qom, (const xmlChar *)"name", (const xmlChar *)name);
}

static void add_disks(xmlNode *devices, const VhDomainDef *def)
{
        uint32_t i = 0;

        for (xmlNode *n = devices ? devices->children : NULL; n && i < def->disks.n; n = n->next) {
                if (n->type != XML_ELEMENT_NODE || strcmp((const char *)n->name, "disk") != 0)
                        continue;
                add_chain(n);
                add_chain(vh_xml_child(n, "mirror"));
                add_qom(n, def->disks.items[i++]);
        }
}

static void dump(xmlNode *root, VhBuf *b)
{
        xmlBuffer *out = xmlBufferCreate();

        if (!out || xmlNodeDump(out, root->doc, root, 0, 0) < 0)
                abort();
        vh_buf_adds(b, (const char *)xmlBufferContent(out));
        vh_buf_addc(b, '\n');
        xmlBufferFree(out);
}

void qemu_status_format_source(const VhXmlTable *table, const VhDiskSource *src, VhBuf *b)
{
        VhBuf text = { 0 };
        _vh_xml_root_ xmlNode *root = NULL;

        vh_xml_bind_format(table, NULL, src, VH_XML_SECURE | VH_XML_STATUS, &text);
        if (vh_xml_doc_parse_root(&root, text.data, "status", VIR_FROM_QEMU, table->name, NULL) == 0) {
                add_chain(root);
                dump(root, b);
        }
        vh_buf_done(&text);
}

void qemu_status_format_backup(const char *text, bool tls, VhBuf *b)
{
        _vh_xml_root_ xmlNode *root = NULL;
        xmlNode *disks;

        if (vh_xml_doc_parse_root(&root, text, "status", VIR_FROM_QEMU, "domainbackup", NULL) < 0)
                return;
        disks = vh_xml_child(root, "disks");
        for (xmlNode *n = disks ? disks->children : NULL; n; n = n->next) {
                xmlNode *store = n->type == XML_ELEMENT_NODE ? vh_xml_child(n, "scratch") : NULL;
                xmlChar *index = n->type == XML_ELEMENT_NODE ? xmlGetProp(n, (const xmlChar *)"index") : NULL;

                if (!store && n->type == XML_ELEMENT_NODE)
                        store = vh_xml_child(n, "target");
                if (store && index)
                        add_node_names(store, (const char *)index);
                xmlFree(index);
        }
        if (tls)
                xmlNewProp(add(add(add(root, "privateData"), "objects"), "TLSx509"), (const xmlChar *)"alias",
                           (const xmlChar *)QEMU_BACKUP_TLS);
        dump(root, b);
}

void qemu_status_format_def(const VhDomainDef *def, VhBuf *b)
{
        _vh_free_ char *text = vh_domain_def_format(def, VH_XML_SECURE | VH_XML_STATUS);
        _vh_xml_root_ xmlNode *root = NULL;

        if (!def->disks.n || vh_xml_doc_parse_root(&root, text, "status", VIR_FROM_QEMU, "domain", NULL) < 0) {
                vh_buf_adds(b, text);
                return;
        }
        add_disks(vh_xml_child(root, "devices"), def);
        dump(root, b);
}
