/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Documents to structs and back. */

#include "model/model.h"
#include "xml/doc.h"

int vh_model_parse(const VhModel *model, const char *xml, unsigned flags, const void *env, void **ret, VhError **err)
{
        _vh_xml_root_ xmlNode *root = NULL;
        int r = vh_xml_doc_parse_root(&root, xml, model->doc_name, model->domain, model->table->name, err);

        if (r < 0)
                return r;
        return vh_xml_bind_parse_new(model->table, root, ret, flags, env, err);
}

char *vh_model_format(const VhModel *model, const void *obj, unsigned flags)
{
        VhBuf b = {};

        vh_xml_bind_format(model->table, NULL, obj, flags, &b);
        return vh_buf_take(&b);
}
