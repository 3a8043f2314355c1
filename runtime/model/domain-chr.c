/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables of serial, parallel, console and channel devices, and of other devices with a character source. */

#include "model/domain-tables.h"
#include "xml/rows.h"

/* Each kind knows some of the targets. */
static const VhXmlNames serial_targets = {
        VH_CHR_TARGET_ISA_DEBUG + 1,
        (const char *const[]){
                [VH_CHR_TARGET_ISA_SERIAL] = "isa-serial",
                [VH_CHR_TARGET_USB_SERIAL] = "usb-serial",
                [VH_CHR_TARGET_PCI_SERIAL] = "pci-serial",
                [VH_CHR_TARGET_SPAPR_VIO_SERIAL] = "spapr-vio-serial",
                [VH_CHR_TARGET_SYSTEM_SERIAL] = "system-serial",
                [VH_CHR_TARGET_SCLP_SERIAL] = "sclp-serial",
                [VH_CHR_TARGET_ISA_DEBUG] = "isa-debug",
        },
};

static const VhXmlNames console_targets = {
        VH_CHR_TARGET_SCLPLM + 1,
        (const char *const[]){
                [VH_CHR_TARGET_SERIAL] = "serial",
                [VH_CHR_TARGET_XEN] = "xen",
                [VH_CHR_TARGET_UML] = "uml",
                [VH_CHR_TARGET_VIRTIO] = "virtio",
                [VH_CHR_TARGET_LXC] = "lxc",
                [VH_CHR_TARGET_OPENVZ] = "openvz",
                [VH_CHR_TARGET_SCLP] = "sclp",
                [VH_CHR_TARGET_SCLPLM] = "sclplm",
        },
};

static const VhXmlNames channel_targets = {
        VH_CHR_TARGET_GUESTFWD + 1,
        (const char *const[]){
                [VH_CHR_TARGET_XEN] = "xen",
                [VH_CHR_TARGET_VIRTIO] = "virtio",
                [VH_CHR_TARGET_GUESTFWD] = "guestfwd",
        },
};

#define S VhChr
#define SOURCE_TYPE                                                                                                    \
        EMBED(ROWS(ENUM(                                                                                               \
                "type", source.type, vh_chr_type_names, .flags = VH_XML_KEY | VH_XML_REQUIRED,                         \
                FAULT(VIR_ERR_CONFIG_UNSUPPORTED, "unknown type presented to host for character device: ", NULL))))
#define SOURCE EMBED_AT(source, vh_rows_chr_source)
#define INFO   EMBED_AT(info, vh_rows_device_info)
/* Older tools and running domains have the terminal also as an attribute of the console; status files only where the
 * console is a serial port. */
#define TTY                                                                                                            \
        EMBED(ROWS(ATTR("tty", source.path, string, .hide = VH_XML_INACTIVE | VH_XML_STATUS),                          \
                   ATTR("tty", source.path, string, LIVE, .show = VH_XML_STATUS,                                       \
                        WHEN(target_type, BIT(VH_CHR_TARGET_SERIAL)))),                                                \
              WHEN(source.type, BIT(VH_CHR_PTY))),                                                                     \
                DROPPED_ATTR("tty")

const VhXmlTable vh_table_serial = {
        "serial",
        sizeof(S),
        ROWS(SOURCE_TYPE, SOURCE,
             GROUP("target",
                   ROWS(ENUM("type", target_type, serial_targets,
                             FAULT(VIR_ERR_CONFIG_UNSUPPORTED, "unknown target type '",
                                   "' specified for character device")),
                        ATTR("port", port, opt_uint),
                        GROUP("model", ROWS(WORD("name", target_model,
                                                 NAMES("isa-serial", "usb-serial", "pci-serial", "spapr-vty", "pl011",
                                                       "sclpconsole", "sclplmconsole", "16550a", "isa-debugcon"),
                                                 FAULT(VIR_ERR_CONFIG_UNSUPPORTED, "unknown target model '",
                                                       "' specified for character device"))))),
                   .flags = VH_XML_ALWAYS),
             DROPPED_ATTR("tty"), INFO),
};

const VhXmlTable vh_table_parallel = {
        "parallel",
        sizeof(S),
        ROWS(SOURCE_TYPE, SOURCE,
             GROUP("target", ROWS(ATTR("type", target_name, string, .flags = VH_XML_PARSE_ONLY),
                                  ATTR("port", port, opt_uint), DROPPED("model"))),
             DROPPED_ATTR("tty"), INFO),
};

const VhXmlTable vh_table_console = {
        "console",
        sizeof(S),
        ROWS(SOURCE_TYPE, TTY, SOURCE,
             GROUP("target", ROWS(ENUM("type", target_type, console_targets,
                                       FAULT(VIR_ERR_CONFIG_UNSUPPORTED, "unknown target type '",
                                             "' specified for character device")),
                                  ATTR("port", port, opt_uint), DROPPED("model"))),
             INFO),
};

const VhXmlTable vh_table_channel = {
        "channel",
        sizeof(S),
        ROWS(SOURCE_TYPE, SOURCE,
             GROUP("target",
                   ROWS(ENUM("type", target_type, channel_targets, .flags = VH_XML_KEY | VH_XML_REQUIRED),
                        ATTR("name", target_name, string,
                             WHEN(target_type, BIT(VH_CHR_TARGET_VIRTIO) | BIT(VH_CHR_TARGET_XEN))),
                        WORD("state", target_state, NAMES("connected", "disconnected"), LIVE,
                             WHEN(target_type, BIT(VH_CHR_TARGET_VIRTIO))),
                        ATTR("address", target_address, string, WHEN(target_type, BIT(VH_CHR_TARGET_GUESTFWD))),
                        ATTR("port", port, opt_uint, WHEN(target_type, BIT(VH_CHR_TARGET_GUESTFWD)))),
                   REQUIRED),
             INFO),
};
#undef S

#define S VhFilterParam
static const VhXmlTable table_certificate = { "certificate", sizeof(S), ROWS(TEXT(value, string)) };
#undef S

#define S VhSmartcard
enum { SMARTCARD_HOST_CERTIFICATES = 2, SMARTCARD_PASSTHROUGH = 3 };
const VhXmlTable vh_table_smartcard = {
        "smartcard",
        sizeof(S),
        ROWS(WORD("mode", mode, NAMES("host", "host-certificates", "passthrough"),
                  .flags = VH_XML_KEY | VH_XML_REQUIRED),
             EMBED(ROWS(ENUM("type", source.type, vh_chr_type_names, KEY)), WHEN(mode, BIT(SMARTCARD_PASSTHROUGH))),
             LIST("certificate", certificates, table_certificate, WHEN(mode, BIT(SMARTCARD_HOST_CERTIFICATES))),
             LEAF("database", database, string, WHEN(mode, BIT(SMARTCARD_HOST_CERTIFICATES))),
             EMBED_AT(source, vh_rows_chr_source, WHEN(mode, BIT(SMARTCARD_PASSTHROUGH))), DROPPED("target"), INFO),
};
#undef S

#define S VhRedirdev
const VhXmlTable vh_table_redirdev = {
        "redirdev",
        sizeof(S),
        ROWS(WORD("bus", bus, NAMES("usb"), .def = 1, FAULT(VIR_ERR_CONFIG_UNSUPPORTED, "unknown redirdev bus '", "'")),
             EMBED(ROWS(ENUM("type", source.type, vh_chr_type_names, .flags = VH_XML_KEY | VH_XML_REQUIRED,
                             .missing = SAY_PLAIN(VIR_ERR_INTERNAL_ERROR, "missing type in redirdev"),
                             FAULT(VIR_ERR_CONFIG_UNSUPPORTED, "unknown redirdev character device type '", "'")))),
             SOURCE, EMBED_AT(info, vh_rows_device_boot), INFO),
};
#undef S

#define S VhRng
enum { RNG_RANDOM = 1, RNG_EGD = 2 };
static const VhXmlRow rows_rng_backend[] = {
        WORD("model", backend, NAMES("random", "egd", "builtin"), .flags = VH_XML_KEY | VH_XML_REQUIRED,
             FAULT(VIR_ERR_CONFIG_UNSUPPORTED, "unknown RNG backend model '", "'")),
        EMBED(ROWS(ENUM("type", source.type, vh_chr_type_names, KEY,
                        FAULT(VIR_ERR_CONFIG_UNSUPPORTED, "unknown backend type '", "' for egd"))),
              WHEN(backend, BIT(RNG_EGD))),
        TEXT(device, string, WHEN(backend, BIT(RNG_RANDOM)), .flags = VH_XML_NONEMPTY),
        EMBED_AT(source, vh_rows_chr_source, WHEN(backend, BIT(RNG_EGD))),
        {},
};

#define ONE_BACKEND SAY_PLAIN(VIR_ERR_XML_ERROR, "only one RNG backend is supported")
const VhXmlTable vh_table_rng = {
        "rng",
        sizeof(S),
        ROWS(WORD("model", model, NAMES("virtio", "virtio-transitional", "virtio-non-transitional"), REQUIRED,
                  .missing = SAY_PLAIN(VIR_ERR_XML_ERROR, "missing RNG device model"),
                  FAULT(VIR_ERR_CONFIG_UNSUPPORTED, "unknown RNG model '", "'")),
             GROUP("rate", ROWS(ATTR("bytes", rate_bytes, uint), ATTR("period", rate_period, uint))),
             GROUP("backend", rows_rng_backend, REQUIRED, .missing = ONE_BACKEND, .twice = ONE_BACKEND),
             GROUP_AT("driver", virtio, vh_rows_virtio_opts), INFO),
};
#undef S

#define S VhTpm
enum { TPM_PASSTHROUGH = 1, TPM_EMULATOR = 2, TPM_EXTERNAL = 3 };
static const VhXmlRow rows_tpm_backend[] = {
        WORD("type", type, NAMES("passthrough", "emulator", "external"), .flags = VH_XML_KEY | VH_XML_REQUIRED),
        WORD("version", version, NAMES("1.2", "2.0"), WHEN(type, BIT(TPM_EMULATOR))),
        YESNO("persistent_state", persistent_state, WHEN(type, BIT(TPM_EMULATOR))),
        ATTR("debug", debug_level, opt_uint, WHEN(type, BIT(TPM_EMULATOR))),
        GROUP("device", ROWS(ATTR("path", path, string)), WHEN(type, BIT(TPM_PASSTHROUGH))),
        GROUP("encryption", ROWS(ATTR("secret", secret, uuid, REQUIRED)), WHEN(type, BIT(TPM_EMULATOR))),
        GROUP("active_pcr_banks",
              ROWS(FLAG("sha1", sha1), FLAG("sha256", sha256), FLAG("sha384", sha384), FLAG("sha512", sha512)),
              WHEN(type, BIT(TPM_EMULATOR))),
        GROUP("source",
              ROWS(WORD("type", source.type, (&vh_chr_type_names), .flags = VH_XML_KEY | VH_XML_REQUIRED),
                   WORD("mode", source.mode, NAMES("connect", "bind")), ATTR("path", source.path, string)),
              WHEN(type, BIT(TPM_EXTERNAL))),
        {},
};

const VhXmlTable vh_table_tpm = {
        "tpm",
        sizeof(S),
        ROWS(WORD("model", model, NAMES("tpm-tis", "tpm-crb", "tpm-spapr", "spapr-tpm-proxy")),
             GROUP("backend", rows_tpm_backend, REQUIRED), INFO),
};
#undef S
