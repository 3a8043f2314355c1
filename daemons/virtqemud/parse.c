/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Domain XML as this driver takes it. A client's text is checked by the tables of the model, which refuse whatever they do not
 * know; VIR_DOMAIN_DEFINE_VALIDATE asks for no more than that, and no schema file is needed. */

#include "qemu.h"

/* Called after the defaults that all hypervisors share. */
static int post_parse(VhDomainDef *def, void *opaque, VhError **err)
{
        return qemu_emulators_fill(((QemuDriver *)opaque)->emulators, def, err);
}

const VhDomainParseEnv *qemu_parse_env(QemuDriver *driver, VhDomainParseEnv *env)
{
        *env = (VhDomainParseEnv){
                .virt_types = 1u << VH_VIRT_QEMU | 1u << VH_VIRT_KQEMU | 1u << VH_VIRT_KVM,
                .arch = qemu_emulators_host_arch(driver->emulators),
                .error_domain = VIR_FROM_QEMU,
                .post_parse = post_parse,
                .opaque = driver,
        };
        return env;
}

int qemu_parse(QemuDriver *driver, const char *xml, unsigned flags, VhDomainDef **def, VhError **err)
{
        VhDomainParseEnv env;

        return vh_domain_def_parse(def, xml, flags | VH_XML_INACTIVE, qemu_parse_env(driver, &env), err);
}
