/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Calls about CPUs, and about what guests can have. */

#include <errno.h>
#include <stdio.h>

#include "caps-call.h"
#include "cpu/arch.h"
#include "driver/cpu-ops.h"
#include "driver/host-cpuid.h"
#include "qemu-ops.h"

enum {
        COMPARE_FLAGS = VIR_CONNECT_COMPARE_CPU_FAIL_INCOMPATIBLE | VIR_CONNECT_COMPARE_CPU_VALIDATE_XML,
        BASELINE_FLAGS = VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES | VIR_CONNECT_BASELINE_CPU_MIGRATABLE,
};

QEMU_OP_RET(connect_get_cpu_model_names)
{
        int r = vh_check_flags(args->flags, 0, VIR_FROM_QEMU, "qemuConnectGetCPUModelNames", err);

        return r < 0 ? r : vh_cpu_op_model_names(call, args, ret, VIR_FROM_QEMU, err);
}

QEMU_OP_RET(connect_baseline_cpu)
{
        int r = vh_check_flags(args->flags, BASELINE_FLAGS, VIR_FROM_QEMU, "qemuConnectBaselineCPU", err);

        return r < 0 ? r : vh_cpu_op_baseline(call, args, ret, err);
}

static int compare(const VhCpuDoc *host, const char *xml, uint32_t flags, int32_t *result, VhError **err)
{
        _vh_cpu_doc_ VhCpuDoc wanted = {};
        _vh_buf_ VhBuf why = { 0 };
        int r = vh_cpu_doc_parse(&wanted, xml, VH_CPU_DOC_ANY, err);

        if (r == 0)
                r = vh_cpu_compare(host, &wanted, &why, err);
        if (r < 0)
                return r;
        if (r == VIR_CPU_COMPARE_INCOMPATIBLE && flags & VIR_CONNECT_COMPARE_CPU_FAIL_INCOMPATIBLE)
                return vh_error_set(err, VIR_FROM_CPU, VIR_ERR_CPU_INCOMPATIBLE, "%s", why.data);
        *result = r;
        return 0;
}

QEMU_OP_RET(connect_compare_cpu)
{
        _vh_cpu_doc_ VhCpuDoc host = {};
        int r = vh_check_flags(args->flags, COMPARE_FLAGS, VIR_FROM_QEMU, "qemuConnectCompareCPU", err);

        if (r == 0)
                r = vh_host_cpu_doc(qemu_driver(call)->host, &host, err);
        return r < 0 ? r : compare(&host, args->xml, args->flags, &ret->result, err);
}

/* ---- what a hypervisor offers ---- */

/* Asks the program that the call is about; answer() goes on with call->args. */
static int ask(VhCall *call, const QemuPlace *place, QemuAnswer answer, VhError **err)
{
        const char *binary;

        binary = qemu_place_emulator(place, qemu_driver(call)->emulators, err);
        return binary ? qemu_answer_with(call, binary, answer, err) : -EINVAL;
}

#define PLACE(args, emulator_)                                                                                         \
        {                                                                                                              \
                .emulator = (args)->emulator_, .arch = (args)->arch, .machine = (args)->machine,                       \
                .virt_type = (args)->virttype,                                                                         \
        }

static int answer_domain_capabilities(VhCall *call, QemuCaps *caps, VhError **err)
{
        const remote_connect_get_domain_capabilities_args *args = call->args;
        remote_connect_get_domain_capabilities_ret *ret = call->ret;
        QemuPlace place = PLACE(args, emulatorbin);
        QemuOffer offer;
        VhBuf buf = { 0 };
        int r;

        if (!place.arch)
                place.arch = qemu_emulators_host_arch(qemu_driver(call)->emulators);
        r = qemu_place_resolve(&place, caps, &offer, err);
        if (r < 0)
                return r;
        qemu_domcaps_format(&offer, qemu_driver(call)->conf, &buf);
        ret->capabilities = vh_call_own(call, vh_buf_take(&buf));
        return 0;
}

QEMU_OP_RET(connect_get_domain_capabilities)
{
        QemuPlace place = PLACE(args, emulatorbin);
        int r = vh_check_flags(args->flags, 0, VIR_FROM_QEMU, "qemuConnectGetDomainCapabilities", err);

        return r < 0 ? r : ask(call, &place, answer_domain_capabilities, err);
}

static int no_cpu(const QemuOffer *offer, VhError **err)
{
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                            "QEMU '%s' does not support reporting CPU model for virttype '%s'", offer->caps->binary,
                            offer->accel == QEMU_ACCEL_KVM ? "kvm" : "qemu");
}

/* Of other architectures QEMU's own models would have to be asked for. */
static int need_x86(const QemuOffer *offer, VhError **err)
{
        if (vh_cpu_family(offer->arch) == VH_CPU_FAMILY_X86)
                return 0;
        if (!offer->caps->cpus[offer->accel].n)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "QEMU '%s' does not support any CPU models for virttype '%s'", offer->caps->binary,
                                    offer->accel == QEMU_ACCEL_KVM ? "kvm" : "qemu");
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                            "computing baseline hypervisor CPU is not supported for arch %s", offer->arch);
}

static int answer_compare(VhCall *call, QemuCaps *caps, VhError **err)
{
        const remote_connect_compare_hypervisor_cpu_args *args = call->args;
        remote_connect_compare_hypervisor_cpu_ret *ret = call->ret;
        QemuPlace place = PLACE(args, emulator);
        QemuOffer offer;
        VhCpuDoc host = {};
        VhCpu cpu;
        int r = qemu_place_resolve(&place, caps, &offer, err);

        if (r < 0)
                return r;
        if (vh_cpu_family(offer.arch) != VH_CPU_FAMILY_X86 || !offer.caps->full_cpu[offer.accel].all)
                return no_cpu(&offer, err);
        cpu = *offer.caps->full_cpu[offer.accel].all; /* lent, with the architecture that it is asked for */
        cpu.arch = (char *)offer.arch;
        host.cpu = &cpu;
        return compare(&host, args->xmlCPU, args->flags, &ret->result, err);
}

QEMU_OP_RET(connect_compare_hypervisor_cpu)
{
        QemuPlace place = PLACE(args, emulator);
        int r = vh_check_flags(args->flags, COMPARE_FLAGS, VIR_FROM_QEMU, "qemuConnectCompareHypervisorCPU", err);

        return r < 0 ? r : ask(call, &place, answer_compare, err);
}

static int baseline(VhCall *call, const QemuOffer *offer, const remote_connect_baseline_hypervisor_cpu_args *args,
                    VhCpu **cpu, VhError **err)
{
        const QemuFullCpu *full = &offer->caps->full_cpu[offer->accel];
        VhCpuOffers offers = qemu_caps_offers(offer->caps, offer->accel);
        VhX86Bits limit = full->known;
        VhCpuBaseline how = {
                .arch = offer->arch,
                .offers = &offers,
                .limit = &limit,
                .expand = args->flags & VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES,
        };
        _vh_cpu_docs_ VhCpuDocs docs = {};
        int r = vh_cpu_docs_parse(&docs, call, args->xmlCPUs.val, args->xmlCPUs.len, VH_CPU_DOC_ANY, err);

        /* QEMU knows which features move; the table of models would guess. */
        if (args->flags & VIR_CONNECT_BASELINE_CPU_MIGRATABLE)
                vh_x86_bits_remove(&limit, &full->host_only);
        if (r == 0)
                r = need_x86(offer, err);
        if (r == 0)
                r = vh_cpu_baseline(cpu, docs.items, docs.n, &how, err);
        qemu_caps_offers_done(&offers);
        return r;
}

static int answer_baseline(VhCall *call, QemuCaps *caps, VhError **err)
{
        const remote_connect_baseline_hypervisor_cpu_args *args = call->args;
        remote_connect_baseline_hypervisor_cpu_ret *ret = call->ret;
        QemuPlace place = PLACE(args, emulator);
        QemuOffer offer;
        VhCpu *cpu;
        int r = qemu_place_resolve(&place, caps, &offer, err);

        if (r < 0)
                return r;
        if (vh_cpu_family(offer.arch) == VH_CPU_FAMILY_X86 && !offer.caps->full_cpu[offer.accel].facts)
                return no_cpu(&offer, err);
        r = baseline(call, &offer, args, &cpu, err);
        if (r < 0)
                return r;
        cpu->fallback = VH_CPU_FALLBACK_FORBID;
        ret->cpu = vh_cpu_op_text(call, cpu);
        return 0;
}

QEMU_OP_RET(connect_baseline_hypervisor_cpu)
{
        QemuPlace place = PLACE(args, emulator);
        _vh_cpu_docs_ VhCpuDocs docs = {};
        int r = vh_check_flags(args->flags, BASELINE_FLAGS, VIR_FROM_QEMU, "qemuConnectBaselineHypervisorCPU", err);

        /* What is wrong with them counts before the program. */
        if (r == 0)
                r = vh_cpu_docs_parse(&docs, call, args->xmlCPUs.val, args->xmlCPUs.len, VH_CPU_DOC_ANY, err);
        return r < 0 ? r : ask(call, &place, answer_baseline, err);
}
