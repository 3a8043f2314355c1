/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The table of <secret>. */

#include "api.h"
#include "model/secret.h"
#include "xml/rows.h"

static const char *const usage_names[] = {
        [VIR_SECRET_USAGE_TYPE_NONE] = NULL,   [VIR_SECRET_USAGE_TYPE_VOLUME] = "volume",
        [VIR_SECRET_USAGE_TYPE_CEPH] = "ceph", [VIR_SECRET_USAGE_TYPE_ISCSI] = "iscsi",
        [VIR_SECRET_USAGE_TYPE_TLS] = "tls",   [VIR_SECRET_USAGE_TYPE_VTPM] = "vtpm",
};
static const VhXmlNames usage_types = { VH_ARRAY_SIZE(usage_names), usage_names };

static int check_secret(void *obj, const VhXmlParse *p, const xmlNode *node)
{
        VhSecretDef *def = obj;

        if (!vh_uuid_is_valid(def->uuid))
                vh_uuid_generate(def->uuid);
        if (!def->ephemeral)
                def->ephemeral = VH_NO;
        if (!def->is_private)
                def->is_private = VH_NO;
        if (def->usage_type && !def->usage_id)
                return vh_xml_error(node, VIR_ERR_XML_ERROR, p->err, "%s usage specified, but its name is missing",
                                    usage_names[def->usage_type]);
        return 0;
}

#define S          VhSecretDef
#define USAGE(...) WHEN(usage_type, __VA_ARGS__)
static const VhXmlTable secret_table = {
        "secret", sizeof(S),
        ROWS(YESNO("ephemeral", ephemeral), YESNO("private", is_private), LEAF("uuid", uuid, uuid),
             LEAF("description", description, string),
             GROUP("usage", ROWS(ENUM("type", usage_type, usage_types, .flags = VH_XML_KEY | VH_XML_REQUIRED),
                                 LEAF("volume", usage_id, string, USAGE(BIT(VIR_SECRET_USAGE_TYPE_VOLUME))),
                                 LEAF("name", usage_id, string,
                                      USAGE(BIT(VIR_SECRET_USAGE_TYPE_CEPH) | BIT(VIR_SECRET_USAGE_TYPE_TLS) |
                                            BIT(VIR_SECRET_USAGE_TYPE_VTPM))),
                                 LEAF("target", usage_id, string, USAGE(BIT(VIR_SECRET_USAGE_TYPE_ISCSI)))))),
        check_secret
};
#undef S

const VhModel vh_secret_model = { &secret_table, "(definition_of_secret)", VIR_FROM_SECRET };
VH_MODEL_DEFINE(secret, VhSecretDef)
