/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* CPU documents: reading, comparing, baseline, description of a CPU that is there. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "api.h"
#include "cpu/arch.h"
#include "cpu/cpu.h"

#define X86 "<arch>x86_64</arch>"

static void read_doc(VhCpuDoc *doc, const char *xml)
{
        VhError *err = NULL;

        if (vh_cpu_doc_parse(doc, xml, VH_CPU_DOC_ANY, &err) < 0)
                fail_msg("%s: %s", xml, vh_error_text(err, 0));
}

static void tables_hold_together(void **state)
{
        for (unsigned i = 0; i < vh_x86_n_features; i++)
                assert_ptr_equal(vh_x86_feature_find(vh_x86_features[i].name), &vh_x86_features[i]);
        for (unsigned i = 0; i < vh_x86_n_models; i++) {
                assert_ptr_equal(vh_x86_model_find(vh_x86_models[i].name), &vh_x86_models[i]);
                assert_string_equal(vh_cpu_model_name("x86_64", i), vh_x86_models[i].name);
        }
        assert_null(vh_cpu_model_name("x86_64", vh_x86_n_models));
        assert_null(vh_cpu_model_name("aarch64", 0));
        assert_null(vh_x86_model_find("Haswell-v1"));
        assert_string_equal(vh_x86_vendor_by_id("GenuineIntel")->name, "Intel");
        assert_int_equal(vh_cpu_family("mips"), VH_CPU_FAMILY_OTHER);
        assert_true(vh_cpu_family("z80") < 0);
}

static void wrong_documents_are_refused(void **state)
{
        static const struct {
                const char *xml;
                int code;
        } cases[] = {
                { "<cpu", VIR_ERR_XML_DETAIL },
                { "<domain/>", VIR_ERR_XML_ERROR },
                { "<cpu>" X86 "</cpu>", VIR_ERR_XML_ERROR },
                { "<cpu mode='custom'>" X86 "<model>486</model></cpu>", VIR_ERR_CONFIG_UNSUPPORTED },
                { "<cpu match='exact'>" X86 "<model>486</model></cpu>", VIR_ERR_XML_ERROR },
                { "<cpu><arch>z80</arch><model>486</model></cpu>", VIR_ERR_CONFIG_UNSUPPORTED },
                { "<cpu><feature policy='require' name='aes'/></cpu>", VIR_ERR_XML_ERROR },
                { "<cpu><vendor>Intel</vendor></cpu>", VIR_ERR_XML_ERROR },
                { "<cpu migratable='on'><model>486</model></cpu>", VIR_ERR_CONFIG_UNSUPPORTED },
                { "<cpu><model vendor_id='short'>486</model></cpu>", VIR_ERR_XML_ERROR },
                { "<cpu>" X86 "<model>486</model><microcode version='x'/></cpu>", VIR_ERR_CONFIG_UNSUPPORTED },
                { "<cpu>" X86 "<model>486</model><signature family='6'/></cpu>", VIR_ERR_XML_ERROR },
                { "<cpu><model>486</model><feature name='aes'/><feature name='aes'/></cpu>", VIR_ERR_XML_ERROR },
        };

        for (size_t i = 0; i < VH_ARRAY_SIZE(cases); i++) {
                _vh_error_ VhError *err = NULL;
                _vh_cpu_doc_ VhCpuDoc doc = {};

                assert_true(vh_cpu_doc_parse(&doc, cases[i].xml, VH_CPU_DOC_ANY, &err) < 0);
                if (!err || err->code != cases[i].code)
                        fail_msg("%s: %s", cases[i].xml, vh_error_text(err, 0));
        }
}

#define HOST "<cpu>" X86 "<model>Haswell</model><vendor>Intel</vendor><feature name='vmx'/></cpu>"

static void comparing_finds_what_is_missing(void **state)
{
        static const struct {
                const char *xml;
                int result;
                const char *why;
        } cases[] = {
                { HOST, VIR_CPU_COMPARE_IDENTICAL, NULL },
                { "<cpu><model>Nehalem</model></cpu>", VIR_CPU_COMPARE_SUPERSET, NULL },
                { "<cpu mode='host-model'/>", VIR_CPU_COMPARE_SUPERSET, NULL },
                { "<cpu><arch>aarch64</arch><model>x</model></cpu>", VIR_CPU_COMPARE_INCOMPATIBLE,
                  "CPU arch aarch64 does not match host arch" },
                { "<cpu><model>486</model><vendor>AMD</vendor></cpu>", VIR_CPU_COMPARE_INCOMPATIBLE,
                  "host CPU vendor does not match required CPU vendor AMD" },
                { "<cpu><model>Broadwell</model></cpu>", VIR_CPU_COMPARE_INCOMPATIBLE,
                  "Host CPU does not provide required features: rdseed, adx, smap, 3dnowprefetch" },
                { "<cpu><model>Haswell</model><feature policy='forbid' name='aes'/></cpu>",
                  VIR_CPU_COMPARE_INCOMPATIBLE, "Host CPU provides forbidden features: aes" },
                { "<cpu><model>486</model><feature policy='disable' name='vme'/></cpu>", VIR_CPU_COMPARE_SUPERSET,
                  NULL },
                { "<cpu><model>Haswell</model><feature policy='force' name='svm'/></cpu>", VIR_CPU_COMPARE_SUPERSET,
                  NULL },
                { "<cpu match='strict'><model>Haswell</model></cpu>", VIR_CPU_COMPARE_INCOMPATIBLE,
                  "Host CPU does not strictly match guest CPU: Extra features: vmx" },
        };
        _vh_cpu_doc_ VhCpuDoc host = {};

        read_doc(&host, HOST);
        for (size_t i = 0; i < VH_ARRAY_SIZE(cases); i++) {
                _vh_cpu_doc_ VhCpuDoc doc = {};
                VhBuf why = { 0 };

                read_doc(&doc, cases[i].xml);
                assert_int_equal(vh_cpu_compare(&host, &doc, &why, NULL), cases[i].result);
                if (cases[i].why)
                        assert_string_equal(why.data, cases[i].why);
                vh_buf_done(&why);
        }
}

static void baseline_is(const char *const *xmls, size_t n, const VhCpuBaseline *how, const char *expected)
{
        VhCpuDoc docs[3];
        _vh_error_ VhError *err = NULL;
        VhBuf text = { 0 };
        VhCpu *cpu;

        for (size_t i = 0; i < n; i++)
                read_doc(&docs[i], xmls[i]);
        if (vh_cpu_baseline(&cpu, docs, n, how, &err) < 0) {
                assert_string_equal(vh_error_text(err, 0), expected);
        } else {
                vh_cpu_format(cpu, 0, &text);
                vh_cpu_free(cpu);
                assert_string_equal(text.data, expected);
                vh_buf_done(&text);
        }
        for (size_t i = 0; i < n; i++)
                vh_cpu_doc_done(&docs[i]);
}

#define BASELINE(rest) "<cpu mode='custom' match='exact'>\n" rest "</cpu>\n"

static void baseline_is_what_all_have(void **state)
{
        static const char *const intel[] = { "<cpu>" X86 "<model>Haswell</model><vendor>Intel</vendor></cpu>",
                                             "<cpu>" X86 "<model>Nehalem</model><vendor>Intel</vendor></cpu>" };
        static const char *const vendors[] = { "<cpu>" X86 "<model>Haswell</model><vendor>Intel</vendor></cpu>",
                                               "<cpu>" X86 "<model>EPYC</model></cpu>" };
        static const char *const one[] = { "<cpu>" X86
                                           "<model>486</model><feature name='xsaves'/><feature name='de'/></cpu>" };
        const VhCpuBaseline plain = {}, migratable = { .migratable = true }, expanded = { .expand = true };

        baseline_is(intel, 2, &plain,
                    BASELINE("  <model fallback='allow'>Nehalem</model>\n  <vendor>Intel</vendor>\n"));
        baseline_is(vendors, 2, &plain, "operation failed: CPU vendors do not match");
        baseline_is(one, 1, &plain,
                    BASELINE("  <model fallback='forbid'>486</model>\n  <feature policy='require' name='de'/>\n"
                             "  <feature policy='require' name='xsaves'/>\n"));
        baseline_is(one, 1, &migratable,
                    BASELINE("  <model fallback='forbid'>486</model>\n  <feature policy='require' name='de'/>\n"));
        baseline_is(
                one, 1, &expanded,
                BASELINE("  <model fallback='forbid'>486</model>\n  <feature policy='require' name='de'/>\n"
                         "  <feature policy='require' name='fpu'/>\n  <feature policy='require' name='pse'/>\n"
                         "  <feature policy='require' name='vme'/>\n  <feature policy='require' name='xsaves'/>\n"));
}

/* A CPU of which only family and model number say which it is; the hypervisor's model lacks something. */
static void signature_and_blockers_decide(void **state)
{
        static const char *const blockers[] = { "arat", "nonsense", NULL };
        static const VhCpuOffer items[] = { { "Haswell", blockers }, { "IvyBridge", NULL } };
        static const VhCpuOffers offers = { items, VH_ARRAY_SIZE(items) };
        VhX86Cpu cpu = { .family = 6, .model = 60, .has_signature = true };
        VhX86Decode how = { .offers = &offers };
        _vh_cpu_ VhCpu *ret = NULL;

        cpu.bits = vh_x86_model_find("IvyBridge")->bits;
        cpu.vendor = vh_x86_vendor_find("Intel");
        assert_int_equal(vh_x86_decode(&ret, &cpu, &how, NULL), 0);
        assert_string_equal(ret->model, "Haswell");
        assert_string_equal(ret->vendor, "Intel");
        assert_int_equal(vh_cpu_feature(ret, "arat")->policy, VH_CPU_POLICY_DISABLE);
        assert_int_equal(vh_cpu_feature(ret, "f16c")->policy, VH_CPU_POLICY_REQUIRE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(tables_hold_together),
                cmocka_unit_test(wrong_documents_are_refused),
                cmocka_unit_test(comparing_finds_what_is_missing),
                cmocka_unit_test(baseline_is_what_all_have),
                cmocka_unit_test(signature_and_blockers_decide),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
