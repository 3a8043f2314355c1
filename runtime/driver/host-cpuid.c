/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The host's x86 CPU, as its instructions and registers tell. MSRs are read through /dev/cpu, or through KVM, which
 * shows those that describe features. */

#include "driver/host-private.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "driver/host-cpuid.h"

enum { BASIC = 0, EXTENDED = (int)0x80000000u };

#if defined(__x86_64__) || defined(__i386__)

#include <cpuid.h>

static uint32_t read_register(const VhX86Word *word)
{
        unsigned r[4] = {}; /* as VhX86Register counts them */

        /* Compilers do not agree on the sign of the result. */
        if (word->leaf <= (uint32_t)__get_cpuid_max(word->leaf & (unsigned)EXTENDED, NULL))
                __cpuid_count(word->leaf, word->subleaf, r[VH_X86_EAX], r[VH_X86_EBX], r[VH_X86_ECX], r[VH_X86_EDX]);
        return r[word->from];
}

static void read_identity(VhX86Cpu *cpu)
{
        enum { FAMILY_EXTENDED = 15, FAMILY_P6 = 6 };
        unsigned a, max, text[3];
        char id[sizeof(text) + 1] = "";

        __cpuid(BASIC, max, text[0], text[2], text[1]);
        memcpy(id, text, sizeof(text));
        cpu->vendor = vh_x86_vendor_by_id(id);
        if (max < 1)
                return;
        __cpuid(1, a, text[0], text[1], text[2]);
        cpu->family = a >> 8 & 0xf;
        cpu->model = a >> 4 & 0xf;
        cpu->stepping = a & 0xf;
        if (cpu->family == FAMILY_P6 || cpu->family == FAMILY_EXTENDED)
                cpu->model |= a >> 12 & 0xf0;
        if (cpu->family == FAMILY_EXTENDED)
                cpu->family += a >> 20 & 0xff;
        cpu->has_signature = true;
}

static int msr_of_cpu(const VhHost *host, uint32_t number, uint64_t *value)
{
        _vh_close_ int fd = openat(host->rootfd, "dev/cpu/0/msr", O_RDONLY | O_CLOEXEC);

        return fd >= 0 && pread(fd, value, sizeof(*value), number) == sizeof(*value) ? 0 : -ENOENT;
}

static int msr_of_kvm(const VhHost *host, uint32_t number, uint64_t *value)
{
        _vh_close_ int fd = openat(host->rootfd, "dev/kvm", O_RDWR | O_CLOEXEC);
        union {
                struct kvm_msrs list;
                char room[sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)];
        } msrs = { .list.nmsrs = 1 };

        msrs.list.entries[0].index = number;
        if (fd < 0 || ioctl(fd, KVM_GET_MSRS, &msrs) < 1)
                return -ENOENT;
        *value = msrs.list.entries[0].data;
        return 0;
}

static uint32_t read_msr(const VhHost *host, uint32_t number)
{
        uint64_t value = 0;

        if (msr_of_cpu(host, number, &value) < 0 && msr_of_kvm(host, number, &value) < 0)
                return 0;
        return (uint32_t)value;
}

/* Processors whose transactional memory is broken say they have it all the same (Intel erratum HSD136). */
static void hide_broken_tsx(VhX86Cpu *cpu)
{
        static const struct {
                uint8_t model, fixed_stepping; /* 0: none */
        } broken[] = { { 60, 0 }, { 63, 4 }, { 69, 0 }, { 70, 0 } };

        if (!cpu->vendor || strcmp(cpu->vendor->name, "Intel") != 0 || cpu->family != 6)
                return;
        for (size_t i = 0; i < VH_ARRAY_SIZE(broken); i++)
                if (broken[i].model == cpu->model &&
                    (!broken[i].fixed_stepping || cpu->stepping < broken[i].fixed_stepping)) {
                        vh_x86_bit_set(&cpu->bits, vh_x86_feature_find("hle"), false);
                        vh_x86_bit_set(&cpu->bits, vh_x86_feature_find("rtm"), false);
                }
}

int vh_host_x86_cpu(const VhHost *host, VhX86Cpu *cpu)
{
        *cpu = (VhX86Cpu){};
        read_identity(cpu);
        for (unsigned i = 0; i < VH_X86_WORDS; i++)
                cpu->bits.words[i] = vh_x86_words[i].from == VH_X86_MSR ? read_msr(host, vh_x86_words[i].leaf)
                                                                        : read_register(&vh_x86_words[i]);
        hide_broken_tsx(cpu);
        return 0;
}

#else

int vh_host_x86_cpu(const VhHost *host, VhX86Cpu *cpu)
{
        return -ENOTSUP;
}

#endif

static void ask_tsc(VhHost *host)
{
        _vh_close_ int fd = openat(host->rootfd, "dev/kvm", O_RDWR | O_CLOEXEC);
        _vh_close_ int vm = fd < 0 ? -1 : ioctl(fd, KVM_CREATE_VM, 0);
        _vh_close_ int vcpu = vm < 0 ? -1 : ioctl(vm, KVM_CREATE_VCPU, 0);
        enum { HZ_PER_KHZ = 1000 };
        int khz = vcpu < 0 ? -1 : ioctl(vcpu, KVM_GET_TSC_KHZ, 0);

        host->tsc_asked = true;
        if (khz <= 0)
                return;
        host->tsc_hz = (uint64_t)khz * HZ_PER_KHZ;
        host->tsc_scaling = ioctl(vm, KVM_CHECK_EXTENSION, KVM_CAP_TSC_CONTROL) > 0;
}

int vh_host_tsc(VhHost *host, uint64_t *hz, bool *scaling)
{
        if (!host->tsc_asked)
                ask_tsc(host);
        *hz = host->tsc_hz;
        *scaling = host->tsc_scaling;
        return host->tsc_hz ? 0 : -ENOTSUP;
}
