/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* <cpu> documents. */

#include "cpu/cpu.h"

#include <errno.h>
#include <stdlib.h>

#include "cpu/arch.h"
#include "model/domain-tables.h"
#include "xml/doc.h"
#include "xml/rows.h"

void vh_cpu_doc_done(VhCpuDoc *doc)
{
        doc->cpu = vh_cpu_free(doc->cpu);
}

VhCpu *vh_cpu_free(VhCpu *cpu)
{
        return vh_xml_bind_free(&vh_table_cpu, cpu);
}

int vh_cpu_parse_node(VhCpu **ret, const xmlNode *node, VhError **err)
{
        return vh_xml_bind_parse_new(&vh_table_cpu, node, (void **)ret, 0, NULL, err);
}

VhCpu *vh_cpu_copy(const VhCpu *cpu)
{
        return vh_xml_bind_dup(&vh_table_cpu, cpu);
}

void vh_cpu_format(const VhCpu *cpu, unsigned indent, VhBuf *buf)
{
        unsigned before = buf->indent;

        buf->indent = indent;
        vh_xml_bind_format(&vh_table_cpu, NULL, cpu, 0, buf);
        buf->indent = before;
}

VhCpuFeature *vh_cpu_feature(const VhCpu *cpu, const char *name)
{
        for (uint32_t i = 0; i < cpu->features.n; i++)
                if (strcmp(cpu->features.items[i]->name, name) == 0)
                        return cpu->features.items[i];
        return NULL;
}

void vh_cpu_set_feature(VhCpu *cpu, const char *name, uint8_t policy)
{
        VhCpuFeature *f = vh_cpu_feature(cpu, name);

        if (!f) {
                f = vh_new(VhCpuFeature, 1);
                f->name = vh_xstrdup(name);
                vh_list_add(&cpu->features, f);
        }
        f->policy = policy;
}

static int compare_features(const void *a, const void *b)
{
        return strcmp((*(VhCpuFeature *const *)a)->name, (*(VhCpuFeature *const *)b)->name);
}

void vh_cpu_sort_features(VhCpu *cpu)
{
        if (cpu->features.n)
                qsort(cpu->features.items, cpu->features.n, sizeof(*cpu->features.items), compare_features);
}

/* ---- reading ---- */

/* What only a host's CPU has; read for its faults. */
typedef struct HostPart {
        uint32_t family, model, stepping;
} HostPart;

#define S HostPart
static const VhXmlTable table_host_part = {
        "cpu",
        sizeof(S),
        ROWS(GROUP("signature", ROWS(ATTR("family", family, uint, .flags = VH_XML_REQUIRED),
                                     ATTR("model", model, uint, .flags = VH_XML_REQUIRED),
                                     ATTR("stepping", stepping, uint, .flags = VH_XML_REQUIRED)))),
};
#undef S

static bool has_attr(const xmlNode *node, const char *name)
{
        return xmlHasProp(node, (const xmlChar *)name) != NULL;
}

static int check_microcode(const xmlNode *node, VhError **err)
{
        xmlNode *child = vh_xml_child(node, "microcode");
        xmlChar *text = child ? xmlGetProp(child, (const xmlChar *)"version") : NULL;
        char *end = (char *)text;

        if (text)
                (void)strtoul((const char *)text, &end, 10);
        if (child && (!text || !*text || *end)) {
                xmlFree(text);
                return vh_error_set(err, VIR_FROM_CPU, VIR_ERR_CONFIG_UNSUPPORTED, "invalid microcode version");
        }
        xmlFree(text);
        return 0;
}

static int check_kind(VhCpuDoc *doc, const xmlNode *node, VhCpuDocKind kind, VhError **err)
{
        HostPart part = {};
        int r;

        doc->host = kind == VH_CPU_DOC_HOST || vh_xml_child(node, "arch");
        if (kind == VH_CPU_DOC_ANY && doc->host && has_attr(node, "match"))
                return vh_error_set(err, VIR_FROM_CPU, VIR_ERR_XML_ERROR,
                                    "'arch' element cannot be used inside 'cpu' element with 'match' attribute'");
        if (doc->host && has_attr(node, "mode"))
                return vh_error_set(err, VIR_FROM_CPU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "Attribute mode is only allowed for guest CPU");
        if (!doc->host)
                return 0;
        if (!vh_xml_child(node, "arch"))
                return vh_error_set(err, VIR_FROM_CPU, VIR_ERR_XML_ERROR, "Missing CPU architecture");
        r = vh_xml_bind_parse(&table_host_part, node, &part, 0, NULL, err);
        return r < 0 ? r : check_microcode(node, err);
}

static int check_features(const VhCpu *cpu, VhError **err)
{
        for (uint32_t i = 0; i < cpu->features.n; i++)
                for (uint32_t j = 0; j < i; j++)
                        if (strcmp(cpu->features.items[i]->name, cpu->features.items[j]->name) == 0)
                                return vh_error_set(err, VIR_FROM_CPU, VIR_ERR_XML_ERROR,
                                                    "CPU feature '%s' specified more than once",
                                                    cpu->features.items[i]->name);
        return 0;
}

static bool has_own_model(const VhCpu *cpu)
{
        return cpu->mode == VH_CPU_MODE_NONE || cpu->mode == VH_CPU_MODE_CUSTOM;
}

static int check_host(const VhCpuDoc *doc, VhError **err)
{
        if (!doc->cpu->arch)
                return vh_error_set(err, VIR_FROM_CPU, VIR_ERR_XML_ERROR, "Missing CPU architecture");
        if (vh_cpu_family(doc->cpu->arch) < 0)
                return vh_error_set(err, VIR_FROM_CPU, VIR_ERR_CONFIG_UNSUPPORTED, "Unknown architecture %s",
                                    doc->cpu->arch);
        if (!doc->cpu->model)
                return vh_error_set(err, VIR_FROM_CPU, VIR_ERR_XML_ERROR, "Missing CPU model name");
        return 0;
}

static int check_guest(const VhCpu *cpu, VhError **err)
{
        if (cpu->migratable && cpu->mode != VH_CPU_MODE_HOST_PASSTHROUGH && cpu->mode != VH_CPU_MODE_MAXIMUM)
                return vh_error_set(err, VIR_FROM_CPU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "Attribute migratable is only allowed for 'host-passthrough' / 'maximum' CPU mode");
        if (cpu->vendor && !cpu->model)
                return vh_error_set(err, VIR_FROM_CPU, VIR_ERR_XML_ERROR, "CPU vendor specified without CPU model");
        if (cpu->features.n && !cpu->model && has_own_model(cpu))
                return vh_error_set(err, VIR_FROM_CPU, VIR_ERR_XML_ERROR,
                                    "Non-empty feature list specified without CPU model");
        return 0;
}

/* A host lists what it has: words about what to do with a feature say nothing there. */
static void forget_policies(VhCpu *cpu)
{
        for (uint32_t i = 0; i < cpu->features.n; i++)
                cpu->features.items[i]->policy = VH_CPU_POLICY_NONE;
}

static int check_doc(const VhCpuDoc *doc, VhError **err)
{
        enum { VENDOR_ID_LEN = 12 };
        const VhCpu *cpu = doc->cpu;
        int r;

        if (cpu->migratable && doc->host)
                r = check_guest(cpu, err);
        else
                r = doc->host ? check_host(doc, err) : check_guest(cpu, err);
        if (r < 0)
                return r;
        if (cpu->vendor_id && strlen(cpu->vendor_id) != VENDOR_ID_LEN)
                return vh_error_set(err, VIR_FROM_CPU, VIR_ERR_XML_ERROR,
                                    "vendor_id must be exactly %d characters long", VENDOR_ID_LEN);
        return check_features(cpu, err);
}

int vh_cpu_doc_parse(VhCpuDoc *doc, const char *xml, VhCpuDocKind kind, VhError **err)
{
        xmlDoc *parsed = NULL;
        const xmlNode *root;
        void *cpu = NULL;
        int r = vh_xml_doc_parse(&parsed, xml, strlen(xml), "(CPU_definition)", VIR_FROM_CPU, err);

        *doc = (VhCpuDoc){};
        if (r < 0)
                return r;
        root = xmlDocGetRootElement(parsed);
        if (!root || strcmp((const char *)root->name, "cpu") != 0)
                r = vh_error_set(err, VIR_FROM_CPU, VIR_ERR_XML_ERROR, "XML does not contain expected 'cpu' element");
        if (r == 0)
                r = check_kind(doc, root, kind, err);
        if (r == 0)
                r = vh_xml_bind_parse_new(&vh_table_cpu, root, &cpu, 0, NULL, err);
        doc->cpu = cpu;
        if (r == 0)
                r = check_doc(doc, err);
        if (r == 0 && doc->host)
                forget_policies(doc->cpu);
        if (r < 0)
                vh_cpu_doc_done(doc);
        xmlFreeDoc(parsed);
        return r;
}
