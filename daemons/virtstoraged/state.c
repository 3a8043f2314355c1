/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* State files of pools. */

#include "state.h"

#include "base/buf.h"
#include "storage.h"
#include "xml/doc.h"

enum { INDENT = 2 };

char *storage_state_format(const VhPoolDef *def)
{
        VhBuf b = { 0 };

        vh_buf_adds(&b, "<poolstate>\n");
        b.indent = INDENT;
        vh_xml_bind_format(vh_storage_pool_model.table, NULL, def, 0, &b);
        vh_buf_adds(&b, "</poolstate>\n");
        return vh_buf_take(&b);
}

int storage_state_parse(const char *text, VhPoolDef **ret, VhError **err)
{
        _vh_xml_root_ xmlNode *root = NULL;
        const xmlNode *pool;
        _vh_free_ char *inner = NULL;
        int r = vh_xml_doc_parse_root(&root, text, "(pool state)", VIR_FROM_STORAGE, "poolstate", err);

        if (r < 0)
                return r;
        pool = vh_xml_child(root, "pool");
        if (!pool)
                return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_XML_ERROR, "missing pool element in pool state");
        inner = vh_xml_raw_text(pool);
        return storage_parse_pool(inner, 0, ret, err);
}
