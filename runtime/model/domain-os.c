/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables of how a domain boots, and of its clock. */

#include "model/domain-tables.h"
#include "xml/rows.h"

/* ---- os ---- */

const VhXmlNames vh_os_type_names = {
        VH_OS_XENPVH + 1,
        (const char *const[]){
                [VH_OS_HVM] = "hvm",
                [VH_OS_XEN] = "xen",
                [VH_OS_LINUX] = "linux",
                [VH_OS_EXE] = "exe",
                [VH_OS_UML] = "uml",
                [VH_OS_XENPVH] = "xenpvh",
        },
};

#define S VhBoot
static const VhXmlTable table_boot = {
        "boot",
        sizeof(S),
        ROWS(WORD("dev", dev, NAMES("fd", "cdrom", "hd", "network"), REQUIRED)),
};
#undef S

#define S VhText
static const VhXmlTable table_initarg = { "initarg", sizeof(S), ROWS(TEXT(text, string)) };
static const VhXmlTable table_acpi_table = {
        "table",
        sizeof(S),
        ROWS(WORD("type", type, NAMES("slic"), REQUIRED), TEXT(text, string)),
};
#undef S

#define S VhInitEnv
static const VhXmlTable table_initenv = {
        "initenv",
        sizeof(S),
        ROWS(ATTR("name", name, string, REQUIRED), TEXT(value, string)),
};
#undef S

#define S VhFirmwareFeature
static const VhXmlTable table_firmware_feature = {
        "feature",
        sizeof(S),
        ROWS(YESNO("enabled", enabled, REQUIRED), ATTR("name", name, string, REQUIRED)),
};
#undef S

#define FIRMWARE_FORMATS NAMES("raw", "qcow2")
#define S                VhOsLoader
static const VhXmlTable table_loader = {
        "loader",
        sizeof(S),
        ROWS(YESNO("readonly", readonly), YESNO("secure", secure), WORD("type", type, NAMES("rom", "pflash")),
             YESNO("stateless", stateless), WORD("format", format, FIRMWARE_FORMATS),
             TEXT(path, string, .flags = VH_XML_NONEMPTY)),
};
#undef S

#define S VhOsNvram
static const VhXmlTable table_nvram = {
        "nvram",
        sizeof(S),
        ROWS(ATTR("template", template_, string), WORD("format", format, FIRMWARE_FORMATS),
             EMBED_AT(source, vh_rows_typed_source),
             TEXT(path, string, .flags = VH_XML_NONEMPTY, WHEN(source.type, BIT(VH_DISK_TYPE_NONE)))),
};
#undef S

#define S VhDomainOs
const VhXmlRow vh_rows_os[] = {
        WORD("firmware", firmware, NAMES("bios", "efi")),
        GROUP("type",
              ROWS(ATTR("arch", arch, string), ATTR("machine", machine, string),
                   TEXT_WORD(type, &vh_os_type_names, FAULT(VIR_ERR_CONFIG_UNSUPPORTED, "unknown OS type '", "'")))),
        GROUP("firmware", ROWS(WORD("type", firmware, NAMES("bios", "efi"), .flags = VH_XML_PARSE_ONLY),
                               LIST("feature", firmware_features, table_firmware_feature))),
        LEAF("init", init, string),
        LIST("initarg", initargs, table_initarg),
        LIST("initenv", initenvs, table_initenv),
        LEAF("initdir", initdir, string),
        LEAF("inituser", inituser, string),
        LEAF("initgroup", initgroup, string),
        PTR("loader", loader, table_loader),
        PTR("nvram", nvram, table_nvram),
        LEAF("kernel", kernel, string),
        LEAF("initrd", initrd, string),
        LEAF("cmdline", cmdline, string),
        LEAF("root", root, string),
        LEAF("dtb", dtb, string),
        GROUP("acpi", ROWS(LIST("table", acpi_tables, table_acpi_table))),
        LIST("boot", boots, table_boot),
        GROUP("bootmenu",
              ROWS(YESNO("enable", bootmenu),
                   ATTR("timeout", bootmenu_timeout, opt_uint, .max = 65535,
                        .range = SAY_PLAIN(VIR_ERR_CONFIG_UNSUPPORTED,
                                           "invalid value for boot menu timeout, must be in range [0,65535]")))),
        GROUP("bios", ROWS(YESNO("useserial", bios_useserial),
                           ATTR("rebootTimeout", bios_reboot_timeout, opt_int, .min = -1, .max = 65535,
                                .range = SAY_PLAIN(VIR_ERR_CONFIG_UNSUPPORTED,
                                                   "invalid value for rebootTimeout, must be in range [-1,65535]")))),
        GROUP("smbios", ROWS(WORD("mode", smbios, NAMES("none", "emulate", "host", "sysinfo"), REQUIRED,
                                  FAULT(VIR_ERR_CONFIG_UNSUPPORTED, "unknown smbios mode '", "'")))),
        {},
};
#undef S

/* ---- clock ---- */

#define S VhTimer
static const VhXmlNames timer_names = {
        VH_TIMER_ARMVTIMER + 1,
        (const char *const[]){
                [VH_TIMER_PLATFORM] = "platform",
                [VH_TIMER_PIT] = "pit",
                [VH_TIMER_RTC] = "rtc",
                [VH_TIMER_HPET] = "hpet",
                [VH_TIMER_TSC] = "tsc",
                [VH_TIMER_KVMCLOCK] = "kvmclock",
                [VH_TIMER_HYPERVCLOCK] = "hypervclock",
                [VH_TIMER_ARMVTIMER] = "armvtimer",
        },
};

static const VhXmlTable table_timer = {
        "timer",
        sizeof(S),
        ROWS(ENUM("name", name, timer_names, .flags = VH_XML_REQUIRED), YESNO("present", present),
             WORD("tickpolicy", tickpolicy, NAMES("delay", "catchup", "merge", "discard")),
             WORD("track", track, NAMES("boot", "guest", "wall", "realtime")), ATTR("frequency", frequency, u64),
             WORD("mode", mode, NAMES("auto", "native", "emulate", "paravirt", "smpsafe")),
             GROUP("catchup", ROWS(ATTR("threshold", catchup_threshold, opt_uint), ATTR("slew", catchup_slew, opt_uint),
                                   ATTR("limit", catchup_limit, opt_uint)))),
};
#undef S

#define S VhClock
static const VhXmlNames offset_names = {
        VH_CLOCK_ABSOLUTE + 1,
        (const char *const[]){
                [VH_CLOCK_UTC] = "utc",
                [VH_CLOCK_LOCALTIME] = "localtime",
                [VH_CLOCK_VARIABLE] = "variable",
                [VH_CLOCK_TIMEZONE] = "timezone",
                [VH_CLOCK_ABSOLUTE] = "absolute",
        },
};

const VhXmlRow vh_rows_clock[] = {
        ENUM("offset", offset, offset_names, KEY, FAULT(VIR_ERR_CONFIG_UNSUPPORTED, "unknown clock offset '", "'")),
        ATTR("adjustment", adjustment, string,
             WHEN(offset, BIT(VH_CLOCK_UTC) | BIT(VH_CLOCK_LOCALTIME) | BIT(VH_CLOCK_VARIABLE))),
        WORD("basis", basis, NAMES("utc", "localtime"), FAULT(VIR_ERR_CONFIG_UNSUPPORTED, "unknown clock basis '", "'"),
             WHEN(offset, BIT(VH_CLOCK_VARIABLE))),
        ATTR("adjustment0", adjustment0, opt_i64, WHEN(offset, BIT(VH_CLOCK_VARIABLE)), .show = VH_XML_STATUS),
        ATTR("timezone", timezone, string, WHEN(offset, BIT(VH_CLOCK_TIMEZONE))),
        ATTR("start", start, opt_u64, WHEN(offset, BIT(VH_CLOCK_ABSOLUTE))),
        LIST("timer", timers, table_timer),
        {},
};
#undef S
