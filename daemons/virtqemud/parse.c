/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Domain XML as this driver takes it. A client's text is checked by the tables of the model, which refuse whatever they do not
 * know; VIR_DOMAIN_DEFINE_VALIDATE asks for no more than that, and no schema file is needed. */

#include "guest-defaults.h"
#include "qemu.h"

static int post_parse(VhDomainDef *def, void *opaque, VhError **err)
{
        QemuEmulators *emulators = ((QemuDriver *)opaque)->emulators;
        uint64_t version = 0;
        int r = qemu_emulators_fill(emulators, def, err);

        if (r < 0)
                return r;
        /* An emulator that does not tell its version keeps the names of machines as they are. */
        (void)qemu_emulators_version(emulators, &version, NULL);
        return qemu_domain_fill_defaults(def, version, err);
}

static int assign_addresses(VhDomainDef *def, void *opaque, VhError **err)
{
        return qemu_domain_assign_addresses(def, err);
}

const VhDomainParseEnv *qemu_parse_env(QemuDriver *driver, VhDomainParseEnv *env)
{
        *env = (VhDomainParseEnv){
                .virt_types = 1u << VH_VIRT_QEMU | 1u << VH_VIRT_KQEMU | 1u << VH_VIRT_KVM,
                .arch = qemu_emulators_host_arch(driver->emulators),
                .error_domain = VIR_FROM_QEMU,
                .post_parse = post_parse,
                .assign_addresses = assign_addresses,
                .opaque = driver,
        };
        return env;
}

int qemu_parse(QemuDriver *driver, const char *xml, unsigned flags, VhDomainDef **def, VhError **err)
{
        VhDomainParseEnv env;

        return vh_domain_def_parse(def, xml, flags | VH_XML_INACTIVE, qemu_parse_env(driver, &env), err);
}
