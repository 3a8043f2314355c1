/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Domain XML as this driver takes it. A client's text is checked by the tables of the model, which refuse whatever they
 * do not know; VIR_DOMAIN_DEFINE_VALIDATE asks for no more than that, and no schema file is needed. */

#include "firmware.h"
#include "guest-check.h"
#include "guest-defaults.h"
#include "qemu.h"
#include "security.h"

#include "model/domain-tune.h"

#include <errno.h>

/* The version matters only for machine types that follow it, so that the emulator is not run to load definitions: those
 * on disk have a type with a version. Returns -EAGAIN if it is not known, but will be (qemu_emulators_may_refuse()). */
static int ask_version(QemuDriver *driver, const VhDomainDef *def, QemuProgramFacts *facts)
{
        const char *machine = def->os.machine;
        int r;

        if (machine && strcmp(machine, "pc") != 0 && strcmp(machine, "q35") != 0)
                return 0;
        r = qemu_emulators_version(driver->emulators, &facts->version, NULL);
        return r == -EAGAIN ? r : 0;
}

/* On other architectures QEMU's own defaults count. */
static int ask_program(QemuDriver *driver, const VhDomainDef *def, QemuProgramFacts *facts)
{
        QemuAccel accel = def->virt_type == VH_VIRT_KVM ? QEMU_ACCEL_KVM : QEMU_ACCEL_TCG;
        const QemuMachine *machine;
        QemuCaps *caps = NULL;
        int r = qemu_emulators_need(driver->emulators, def->emulator, &caps, NULL);

        if (!caps)
                return r;
        machine = def->os.machine ? qemu_caps_machine(caps, def->os.machine) : qemu_caps_default_machine(caps);
        if (machine) {
                facts->machine = machine->name;
                facts->cpu = qemu_caps_default_cpu(caps, accel, machine);
        }
        facts->gic = qemu_caps_default_gic(caps, accel);
        return 0;
}

static int check_virt_type(const VhDomainDef *def, VhError **err)
{
        if (def->virt_type == VH_VIRT_QEMU || def->virt_type == VH_VIRT_KQEMU || def->virt_type == VH_VIRT_KVM)
                return 0;
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                            "Emulator '%s' does not support virt type '%s'", def->emulator ? def->emulator : "",
                            vh_xml_names_text(&vh_virt_type_names, def->virt_type));
}

/* A list that names some names all. */
static void complete_iothreads(VhDomainDef *def)
{
        if (!def->iothread_list.n)
                return;
        qemu_list_iothreads(def);
        for (uint32_t i = 0; i < def->iothread_list.n; i++)
                def->iothread_list.items[i]->made = false;
}

static int post_parse(VhDomainDef *def, void *opaque, VhError **err)
{
        QemuDriver *driver = opaque;
        QemuProgramFacts facts = { 0 };
        int r = qemu_emulators_fill(driver->emulators, def, err);

        if (r == 0)
                r = check_virt_type(def, err);
        if (r == 0)
                complete_iothreads(def);
        if (r == 0)
                r = qemu_security_default_models(driver, def, err);
        if (r == 0)
                r = qemu_is_x86(def) ? ask_version(driver, def, &facts) : ask_program(driver, def, &facts);
        if (r == 0)
                r = qemu_domain_fill_defaults(def, &facts, err);
        if (r == 0)
                qemu_firmware_default_nvram(def, driver->env.state_dir);
        return r;
}

static int assign_addresses(VhDomainDef *def, void *opaque, VhError **err)
{
        return qemu_domain_assign_addresses(def, err);
}

static int check_tls_port(QemuDriver *driver, const VhDomainDef *def, VhError **err)
{
        bool tls = false;

        (void)vh_conf_get_bool(driver->conf, "spice_tls", &tls, NULL);
        for (uint32_t i = 0; !tls && i < def->graphics.n; i++)
                if (def->graphics.items[i]->type == VH_GRAPHICS_SPICE && def->graphics.items[i]->tls_port.val > 0)
                        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                            "spice TLS port set in XML configuration, but TLS is disabled in "
                                            "qemu.conf");
        return 0;
}

static int check(const VhDomainDef *def, void *opaque, VhError **err)
{
        QemuDriver *driver = opaque;
        int r = qemu_domain_check(def, err);

        r = r < 0 ? r : check_tls_port(driver, def, err);
        return r < 0 ? r : qemu_emulators_check(driver->emulators, def, err);
}

const VhDomainParseEnv *qemu_parse_env(QemuDriver *driver, VhDomainParseEnv *env)
{
        *env = (VhDomainParseEnv){
                .arch = qemu_emulators_host_arch(driver->emulators),
                .error_domain = VIR_FROM_QEMU,
                .post_parse = post_parse,
                .assign_addresses = assign_addresses,
                .check = check,
                .opaque = driver,
        };
        return env;
}

int qemu_parse(QemuDriver *driver, const char *xml, unsigned flags, VhDomainDef **def, VhError **err)
{
        VhDomainParseEnv env;

        return vh_domain_def_parse(def, xml, flags | VH_XML_INACTIVE, qemu_parse_env(driver, &env), err);
}
