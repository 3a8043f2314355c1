/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The CPU that guests can have at most from a QEMU program, as QEMU tells of it and as a description by a model.
 *
 * Facts are an object { "vendor", "family", "model", "stepping", "on": [names], "host-only": [names], "hyperv": [names]
 * } with QEMU's names of features; host-only ones are on too, but only for guests that stay. */

#include <stdio.h>

#include "caps.h"

/* Features that QEMU knows under another name. */
static const struct {
        const char *ours, *qemu;
} renamed[] = {
        { "cmp_legacy", "cmp-legacy" },       { "ds_cpl", "ds-cpl" },
        { "fxsr_opt", "fxsr-opt" },           { "kvm_pv_eoi", "kvm-pv-eoi" },
        { "kvm_pv_unhalt", "kvm-pv-unhalt" }, { "lahf_lm", "lahf-lm" },
        { "nodeid_msr", "nodeid-msr" },       { "pclmuldq", "pclmulqdq" },
        { "perfctr_core", "perfctr-core" },   { "perfctr_nb", "perfctr-nb" },
        { "tsc_adjust", "tsc-adjust" },
};

const char *qemu_cpu_feature_to_qemu(const char *name)
{
        for (size_t i = 0; i < VH_ARRAY_SIZE(renamed); i++)
                if (strcmp(renamed[i].ours, name) == 0)
                        return renamed[i].qemu;
        return name;
}

const char *qemu_cpu_feature_from_qemu(const char *name)
{
        for (size_t i = 0; i < VH_ARRAY_SIZE(renamed); i++)
                if (strcmp(renamed[i].qemu, name) == 0)
                        return renamed[i].ours;
        return name;
}

/* ---- facts ---- */

static json_t *props_of(const json_t *expansion)
{
        return json_object_get(json_object_get(expansion, "model"), "props");
}

/* Names that are features, by any of the names that QEMU gives them. */
static bool is_feature(const char *name)
{
        return vh_x86_feature_find(qemu_cpu_feature_from_qemu(name)) != NULL;
}

static void add_features(json_t *facts, json_t *moving, json_t *staying)
{
        json_t *on = json_array(), *host_only = json_array(), *known = json_array(), *value;
        const char *name;

        json_object_foreach(staying, name, value)
        {
                if (!json_is_boolean(value) || !is_feature(name))
                        continue;
                json_array_append_new(known, json_string(name));
                if (!json_is_true(value))
                        continue;
                json_array_append_new(on, json_string(name));
                if (!json_is_true(json_object_get(moving, name)))
                        json_array_append_new(host_only, json_string(name));
        }
        json_object_set_new(facts, "on", on);
        json_object_set_new(facts, "host-only", host_only);
        json_object_set_new(facts, "known", known);
}

/* A switch that is on, or a value: then there is always something to be had. */
static void add_hyperv(json_t *facts, json_t *props)
{
        json_t *list = json_array(), *value;
        const char *name, *rest;

        json_object_foreach(props, name, value)
        {
                rest = vh_startswith(name, "hv-");
                if (rest && !json_is_false(value))
                        json_array_append_new(list, json_string(rest));
        }
        json_object_set_new(facts, "hyperv", list);
}

json_t *qemu_caps_cpu_facts(const json_t *moving, const json_t *staying, const json_t *hyperv)
{
        static const char *const identity[] = { "vendor", "family", "model", "stepping" };
        json_t *props = props_of(staying), *facts;

        if (!props)
                return NULL;
        facts = json_object();
        for (size_t i = 0; i < VH_ARRAY_SIZE(identity); i++)
                if (json_object_get(props, identity[i]))
                        json_object_set(facts, identity[i], json_object_get(props, identity[i]));
        add_features(facts, props_of(moving), props);
        add_hyperv(facts, props_of(hyperv));
        return facts;
}

static bool has_name(const json_t *list, const char *name)
{
        const json_t *item;
        size_t i;

        json_array_foreach((json_t *)list, i, item)
        {
                if (vh_streq(json_string_value(item), name))
                        return true;
        }
        return false;
}

bool qemu_caps_has_hyperv(const QemuCaps *caps, QemuAccel accel, const char *name)
{
        return has_name(json_object_get(caps->full_cpu[accel].facts, "hyperv"), name);
}

/* ---- models ---- */

static size_t count_words(const char *words)
{
        size_t n = 0;

        for (; words && *words; words += strcspn(words, " "), words += strspn(words, " "))
                n++;
        return n;
}

/* A list of names in one allocation; words may be NULL. */
static const char **split_blockers(const char *words)
{
        size_t n = count_words(words), i = 0;
        const char **list = vh_new(const char *, n + 1);

        for (; words && *words; words += strspn(words, " ")) {
                size_t len = strcspn(words, " ");
                _vh_free_ char *word = vh_xstrndup(words, len);
                const VhX86Feature *f = vh_x86_feature_find(qemu_cpu_feature_from_qemu(word));

                if (f)
                        list[i++] = f->name;
                words += len;
        }
        return list;
}

VhCpuOffers qemu_caps_offers(const QemuCaps *caps, QemuAccel accel)
{
        const QemuCpuModels *cpus = &caps->cpus[accel];
        VhCpuOffer *items = vh_new(VhCpuOffer, cpus->n + 1);

        for (size_t i = 0; i < cpus->n; i++)
                items[i] = (VhCpuOffer){ .name = cpus->items[i].name,
                                         .blockers = split_blockers(cpus->items[i].blockers) };
        return (VhCpuOffers){ items, cpus->n };
}

void qemu_caps_offers_done(VhCpuOffers *offers)
{
        for (size_t i = 0; i < offers->n; i++)
                free((void *)offers->items[i].blockers);
        free((void *)offers->items);
        *offers = (VhCpuOffers){};
}

/* ---- the description ---- */

static VhX86Bits bits_of(const json_t *list)
{
        VhX86Bits bits = {};
        const json_t *item;
        size_t i;

        json_array_foreach((json_t *)list, i, item)
        {
                const char *name = json_string_value(item);
                const VhX86Feature *f = name ? vh_x86_feature_find(qemu_cpu_feature_from_qemu(name)) : NULL;

                if (f)
                        vh_x86_bit_set(&bits, f, true);
        }
        return bits;
}

/* What the kernel decides for a guest, or counts for the host as a whole, is no part of a guest's CPU. */
static void drop_host_features(VhCpu *cpu)
{
        static const char *const names[] = { "cmt", "mbm_total", "mbm_local", "osxsave", "ospke" };

        for (uint32_t i = cpu->features.n; i-- > 0;)
                for (size_t k = 0; k < VH_ARRAY_SIZE(names); k++)
                        if (strcmp(cpu->features.items[i]->name, names[k]) == 0) {
                                VhCpuFeature *f = vh_list_take(&cpu->features, i);

                                free(f->name);
                                free(f);
                                break;
                        }
}

static VhCpu *describe(const VhX86Cpu *cpu, const VhCpuOffers *offers)
{
        const VhX86Decode how = { .offers = offers };
        _vh_error_ VhError *none = NULL; /* a CPU that no model fits is not known, which is no failure */
        VhCpu *result;

        if (vh_x86_decode(&result, cpu, &how, &none) < 0)
                return NULL;
        drop_host_features(result);
        return result;
}

void qemu_caps_full_cpu_done(QemuFullCpu *cpu)
{
        json_decref(cpu->facts);
        vh_cpu_free(cpu->all);
        vh_cpu_free(cpu->migratable);
        *cpu = (QemuFullCpu){};
}

void qemu_caps_set_full_cpu(QemuCaps *caps, QemuAccel accel, json_t *facts)
{
        QemuFullCpu *full = &caps->full_cpu[accel];
        const char *vendor = json_string_value(json_object_get(facts, "vendor"));
        VhCpuOffers offers = qemu_caps_offers(caps, accel);
        VhX86Cpu cpu = {
                .vendor = vendor ? vh_x86_vendor_by_id(vendor) : NULL,
                .family = (unsigned)json_integer_value(json_object_get(facts, "family")),
                .model = (unsigned)json_integer_value(json_object_get(facts, "model")),
                .stepping = (unsigned)json_integer_value(json_object_get(facts, "stepping")),
                .has_signature = json_object_get(facts, "family") != NULL,
        };

        qemu_caps_full_cpu_done(full);
        if (facts) {
                full->facts = json_incref(facts);
                full->known = bits_of(json_object_get(facts, "known"));
                full->host_only = bits_of(json_object_get(facts, "host-only"));
                cpu.bits = bits_of(json_object_get(facts, "on"));
                full->all = describe(&cpu, &offers);
                vh_x86_bits_remove(&cpu.bits, &full->host_only);
                full->migratable = describe(&cpu, &offers);
        }
        qemu_caps_offers_done(&offers);
}
