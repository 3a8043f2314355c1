/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables of the QEMU namespace: arguments, capabilities and properties past the model. */

#include "model/domain-tables.h"
#include "xml/rows.h"

const VhXmlNs vh_qemu_ns = { "qemu", "http://libvirt.org/schemas/domain/qemu/1.0" };
#define QEMU .ns = &vh_qemu_ns

#define S VhFilterParam
static const VhXmlTable table_arg = { "arg", sizeof(S), ROWS(ATTR("value", value, string, REQUIRED)) };
static const VhXmlTable table_env = {
        "env",
        sizeof(S),
        ROWS(ATTR("name", name, string, REQUIRED), ATTR("value", value, string)),
};
static const VhXmlTable table_capability = { "add", sizeof(S), ROWS(ATTR("capability", name, string, REQUIRED)) };
#undef S

#define S VhQemuCommandline
const VhXmlTable vh_table_qemu_commandline = {
        "commandline",
        sizeof(S),
        ROWS(LIST("arg", args, table_arg, QEMU), LIST("env", envs, table_env, QEMU)),
};
#undef S

#define S VhQemuCapabilities
const VhXmlTable vh_table_qemu_capabilities = {
        "capabilities",
        sizeof(S),
        ROWS(LIST("add", adds, table_capability, QEMU), LIST("del", dels, table_capability, QEMU)),
};
#undef S

#define S VhQemuDeprecation
const VhXmlTable vh_table_qemu_deprecation = { "deprecation", sizeof(S), ROWS(ATTR("behavior", behavior, string)) };
#undef S

#define S VhQemuProperty
static const VhXmlTable table_property = {
        "property",
        sizeof(S),
        ROWS(ATTR("name", name, string, REQUIRED),
             WORD("type", type, NAMES("string", "unsigned", "signed", "bool", "remove"), REQUIRED),
             ATTR("value", value, string)),
};
#undef S

#define S VhQemuFrontend
static const VhXmlTable table_frontend = { "frontend", sizeof(S),
                                           ROWS(LIST("property", properties, table_property, QEMU)) };
#undef S

#define S VhQemuDeviceOverride
static const VhXmlTable table_device = {
        "device",
        sizeof(S),
        ROWS(ATTR("alias", alias, string, REQUIRED), PTR("frontend", frontend, table_frontend, QEMU)),
};
#undef S

#define S VhQemuOverride
const VhXmlTable vh_table_qemu_override = { "override", sizeof(S), ROWS(LIST("device", devices, table_device, QEMU)) };
#undef S
