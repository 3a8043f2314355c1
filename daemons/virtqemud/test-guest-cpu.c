/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a definition says of a CPU after QEMU told what it became. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api.h"
#include "guest-cpu.h"

static VhCpu *parse(const char *xml)
{
        VhCpuDoc doc = {};

        assert_int_equal(vh_cpu_doc_parse(&doc, xml, VH_CPU_DOC_ANY, NULL), 0);
        return doc.cpu;
}

/* The registers of a model with a feature on and another off. */
static VhX86Bits registers(const char *model, const char *on, const char *off)
{
        VhX86Bits bits = vh_x86_model_find(model)->bits;

        vh_x86_bit_set(&bits, vh_x86_feature_find(on), true);
        vh_x86_bit_set(&bits, vh_x86_feature_find(off), false);
        return bits;
}

static void differences_are_named(void **state)
{
        _vh_cpu_ VhCpu *cpu = parse("<cpu><model>Nehalem</model><feature policy='forbid' name='svm'/></cpu>");
        VhX86Bits have = registers("Nehalem", "hypervisor", "popcnt"), missing = {};

        assert_int_equal(qemu_guest_cpu_update(cpu, &have, &missing, NULL), 1);
        assert_int_equal(cpu->features.n, 3);
        assert_int_equal(vh_cpu_feature(cpu, "svm")->policy, VH_CPU_POLICY_FORBID);
        assert_int_equal(vh_cpu_feature(cpu, "hypervisor")->policy, VH_CPU_POLICY_REQUIRE);
        assert_int_equal(vh_cpu_feature(cpu, "popcnt")->policy, VH_CPU_POLICY_DISABLE);
        assert_int_equal(qemu_guest_cpu_update(cpu, &have, &missing, NULL), 0);
}

static void the_exact_one_is_insisted_on(void **state)
{
        _vh_cpu_ VhCpu *cpu = parse("<cpu check='full'><model>Nehalem</model></cpu>");
        VhX86Bits have = registers("Nehalem", "hypervisor", "popcnt"), missing = {};
        _vh_error_ VhError *err = NULL;

        assert_true(qemu_guest_cpu_update(cpu, &have, &missing, &err) < 0);
        assert_string_equal(err->message, "operation failed: guest CPU doesn't match specification: extra features: "
                                          "hypervisor, missing features: popcnt");
        assert_int_equal(cpu->features.n, 0);
        have = vh_x86_model_find("Nehalem")->bits;
        assert_int_equal(qemu_guest_cpu_update(cpu, &have, &missing, NULL), 0);
}

static void a_clock_is_not_left_out(void **state)
{
        _vh_cpu_ VhCpu *cpu = parse("<cpu><model>Nehalem</model><feature policy='require' name='invtsc'/></cpu>");
        VhX86Bits have = registers("Nehalem", "hypervisor", "popcnt"), missing = {};
        _vh_error_ VhError *err = NULL;

        assert_true(qemu_guest_cpu_update(cpu, &have, &missing, &err) < 0);
        assert_int_equal(err->code, VIR_ERR_CONFIG_UNSUPPORTED);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(differences_are_named),
                cmocka_unit_test(the_exact_one_is_insisted_on),
                cmocka_unit_test(a_clock_is_not_left_out),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
