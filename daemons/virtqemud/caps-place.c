/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Emulator, architecture, machine and virtualization type that a caller means. */

#include <errno.h>
#include <stdio.h>

#include "caps-call.h"
#include "cpu/arch.h"

/* Words for virtualization types that the driver has an accelerator for; others are known to the protocol only. */
static int find_accel(const char *virt_type)
{
        return vh_streq(virt_type, "kvm") ? QEMU_ACCEL_KVM : vh_streq(virt_type, "qemu") ? QEMU_ACCEL_TCG : -1;
}

static int check_words(const QemuPlace *place, VhError **err)
{
        if (place->virt_type && vh_xml_names_find(&vh_virt_type_names, place->virt_type) < 0)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG, "unknown virttype: %s", place->virt_type);
        if (place->arch && vh_cpu_family(place->arch) < 0)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG, "unknown architecture: %s", place->arch);
        return 0;
}

const char *qemu_place_emulator(const QemuPlace *place, QemuEmulators *emulators, VhError **err)
{
        const char *arch = place->arch ? place->arch : qemu_emulators_host_arch(emulators), *found;

        if (check_words(place, err) < 0)
                return NULL;
        if (place->emulator) {
                if (access(place->emulator, X_OK) == 0)
                        return place->emulator;
                (void)vh_error_sys(err, VIR_FROM_QEMU, errno, "Cannot check QEMU binary %s", place->emulator);
                return NULL;
        }
        found = qemu_emulators_find(emulators, arch);
        if (!found)
                (void)vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                   "unable to find any emulator to serve '%s' architecture", arch);
        return found;
}

/* Some programs run guests of related architectures as well. */
static bool serves(const QemuCaps *caps, const char *arch)
{
        static const struct {
                const char *program, *guest;
        } related[] = {
                { "x86_64", "i686" },
                { "armv7l", "armv6l" },
                { "aarch64", "armv7l" },
                { "ppc64", "ppc64le" },
        };

        if (strcmp(caps->arch, arch) == 0)
                return true;
        for (size_t i = 0; i < VH_ARRAY_SIZE(related); i++)
                if (strcmp(related[i].program, caps->arch) == 0 && strcmp(related[i].guest, arch) == 0)
                        return true;
        return false;
}

static int resolve_accel(const QemuPlace *place, const QemuCaps *caps, QemuAccel *accel, VhError **err)
{
        int wanted = place->virt_type ? find_accel(place->virt_type)
                                      : (caps->accels[QEMU_ACCEL_KVM] ? QEMU_ACCEL_KVM : QEMU_ACCEL_TCG);

        if (wanted < 0 && caps->accels[QEMU_ACCEL_KVM])
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG,
                                    "Emulator '%s' does not support virt type '%s'", caps->binary, place->virt_type);
        if (wanted < 0 || !caps->accels[wanted])
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG,
                                    "the accel '%s' is not supported by '%s' on this host",
                                    wanted == QEMU_ACCEL_KVM ? "kvm" : "tcg", caps->binary);
        *accel = (QemuAccel)wanted;
        return 0;
}

int qemu_place_resolve(const QemuPlace *place, const QemuCaps *caps, QemuOffer *offer, VhError **err)
{
        int r;

        *offer = (QemuOffer){ .caps = caps, .arch = place->arch ? place->arch : caps->arch };
        if (!serves(caps, offer->arch))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG, "Emulator '%s' does not support arch '%s'",
                                    caps->binary, offer->arch);
        r = resolve_accel(place, caps, &offer->accel, err);
        if (r < 0)
                return r;
        offer->machine = place->machine ? qemu_caps_machine(caps, place->machine) : qemu_caps_default_machine(caps);
        if (!offer->machine || strcmp(offer->machine->name, "none") == 0)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG,
                                    "the machine '%s' is not supported by emulator '%s'",
                                    place->machine ? place->machine : "", caps->binary);
        return 0;
}
