/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Definitions as a whole: from text, to text, copy, compare. */

#include "model/domain.h"

#include "api.h"

VhDomainDef *vh_domain_def_new(void)
{
        return vh_xml_bind_new(&vh_table_domain);
}

VhDomainDef *vh_domain_def_free(VhDomainDef *def)
{
        return vh_xml_bind_free(&vh_table_domain, def);
}

VhDomainDef *vh_domain_def_copy(const VhDomainDef *def)
{
        VhDomainDef *copy = vh_xml_bind_dup(&vh_table_domain, def);

        for (uint32_t i = 0; i < def->iothread_list.n; i++)
                copy->iothread_list.items[i]->made = def->iothread_list.items[i]->made;
        return copy;
}

bool vh_domain_def_equal(const VhDomainDef *a, const VhDomainDef *b, VhBuf *where)
{
        return vh_xml_bind_equal(&vh_table_domain, a, b, where);
}

static int finish(VhDomainDef *def, unsigned flags, const VhDomainParseEnv *env, VhError **err)
{
        int r;

        if (flags & VH_DOMAIN_NO_DEFAULTS)
                return 0;
        vh_domain_sort(def);
        if (flags & VH_DOMAIN_TRUSTED)
                return 0;
        vh_domain_clean_metadata(def);
        r = vh_domain_defaults(def, env, err);
        if (r < 0 || !env || !env->post_parse)
                return r;
        return env->post_parse(def, env->opaque, err);
}

int vh_domain_def_parse_node(VhDomainDef **defp, const xmlNode *node, unsigned flags, const VhDomainParseEnv *env,
                             VhError **err)
{
        _vh_domain_def_ VhDomainDef *def = vh_domain_def_new();
        unsigned bind_flags = flags & VH_DOMAIN_TRUSTED ? flags & ~(unsigned)VH_XML_STRICT : flags;
        int r = vh_xml_bind_parse(&vh_table_domain, node, def, bind_flags, env, err);

        if (r == 0)
                r = finish(def, flags, env, err);
        if (r == 0)
                *defp = VH_TAKE_PTR(def);
        return r;
}

int vh_domain_def_parse(VhDomainDef **defp, const char *xml, unsigned flags, const VhDomainParseEnv *env, VhError **err)
{
        _vh_xml_root_ xmlNode *root = NULL;
        int r = vh_xml_doc_parse_root(&root, xml, "(domain_definition)", VIR_FROM_DOMAIN, "domain", err);

        return r < 0 ? r : vh_domain_def_parse_node(defp, root, flags, env, err);
}

char *vh_domain_def_format(const VhDomainDef *def, unsigned flags)
{
        VhBuf b = {};

        vh_domain_def_format_to(def, flags, &b);
        return vh_buf_take(&b);
}

unsigned vh_domain_format_flags(uint32_t xml_flags, bool active)
{
        unsigned flags = 0;

        if (xml_flags & VIR_DOMAIN_XML_SECURE)
                flags |= VH_XML_SECURE;
        if (xml_flags & VIR_DOMAIN_XML_INACTIVE || !active)
                flags |= VH_XML_INACTIVE;
        if (xml_flags & VIR_DOMAIN_XML_MIGRATABLE)
                flags |= VH_XML_MIGRATABLE | VH_XML_INACTIVE | VH_XML_SECURE;
        return flags;
}
