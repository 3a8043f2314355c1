/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* -smbios and -fw_cfg: what the firmware tells the guest about its machine. */

#include <stdio.h>

#include "command-parts.h"
#include "model/domain-tune.h"

enum { MODE_NONE = 1, MODE_EMULATE, MODE_HOST, MODE_SYSINFO };
enum { SYSINFO_SMBIOS = 1, SYSINFO_FWCFG };

/* One entry of a block: its name in the XML, the key for QEMU, and whether it is there even if it is empty. */
typedef struct SmbiosKey {
        const char *entry, *key;
        bool always;
} SmbiosKey;

static const SmbiosKey bios_keys[] = {
        { "vendor", "vendor" }, { "version", "version" }, { "date", "date" }, { "release", "release" }, {}
};
static const SmbiosKey system_keys[] = { { "manufacturer", "manufacturer" },
                                         { "product", "product" },
                                         { "version", "version" },
                                         { "serial", "serial" },
                                         { "uuid", "uuid" },
                                         { "sku", "sku" },
                                         { "family", "family" },
                                         {} };
static const SmbiosKey board_keys[] = { { "manufacturer", "manufacturer", true },
                                        { "product", "product" },
                                        { "version", "version" },
                                        { "serial", "serial" },
                                        { "asset", "asset" },
                                        { "location", "location" },
                                        {} };
static const SmbiosKey chassis_keys[] = { { "manufacturer", "manufacturer", true },
                                          { "version", "version" },
                                          { "serial", "serial" },
                                          { "asset", "asset" },
                                          { "sku", "sku" },
                                          {} };

static const char *find_entry(const VhSysinfoBlock *block, const char *name)
{
        for (uint32_t i = 0; i < block->entries.n; i++)
                if (vh_streq(block->entries.items[i]->name, name))
                        return block->entries.items[i]->value;
        return NULL;
}

static void build_block(QemuBuild *b, unsigned type, const SmbiosKey *keys, const VhSysinfoBlock *block)
{
        _vh_buf_ VhBuf opts = {};

        vh_buf_printf(&opts, "type=%u", type);
        for (; keys->entry; keys++) {
                const char *value = find_entry(block, keys->entry);

                if (!value && !keys->always)
                        continue;
                vh_buf_printf(&opts, ",%s=", keys->key);
                qemu_opt_escape(&opts, value ? value : "");
        }
        qemu_build_arg(b, "-smbios", "%s", opts.data);
}

static void build_oem_strings(QemuBuild *b, const VhSysinfoBlock *block)
{
        _vh_buf_ VhBuf opts = {};

        vh_buf_adds(&opts, "type=11");
        for (uint32_t i = 0; i < block->entries.n; i++) {
                vh_buf_adds(&opts, ",value=");
                qemu_opt_escape(&opts, block->entries.items[i]->value);
        }
        qemu_build_arg(b, "-smbios", "%s", opts.data);
}

static void build_smbios(QemuBuild *b, const VhSysinfo *info)
{
        if (info->bios)
                build_block(b, 0, bios_keys, info->bios);
        if (info->system)
                build_block(b, 1, system_keys, info->system);
        for (uint32_t i = 0; i < info->base_boards.n; i++)
                build_block(b, 2, board_keys, info->base_boards.items[i]);
        if (info->chassis)
                build_block(b, 3, chassis_keys, info->chassis);
        if (info->oem_strings)
                build_oem_strings(b, info->oem_strings);
}

static void build_fw_cfg(QemuBuild *b, const VhSysinfo *info)
{
        for (uint32_t i = 0; i < info->entries.n; i++) {
                const VhSysinfoEntry *e = info->entries.items[i];
                _vh_buf_ VhBuf opts = {};

                vh_buf_adds(&opts, "name=");
                qemu_opt_escape(&opts, e->name);
                vh_buf_adds(&opts, e->file ? ",file=" : ",string=");
                qemu_opt_escape(&opts, e->file ? e->file : e->value ? e->value : "");
                qemu_build_arg(b, "-fw_cfg", "%s", opts.data);
        }
}

static const VhSysinfo *find_sysinfo(const VhDomainDef *def, uint8_t type)
{
        for (uint32_t i = 0; i < def->sysinfos.n; i++)
                if (def->sysinfos.items[i]->type == type)
                        return def->sysinfos.items[i];
        return NULL;
}

int qemu_build_smbios(QemuBuild *b)
{
        const VhSysinfo *info = find_sysinfo(b->def, SYSINFO_SMBIOS);

        switch (b->def->os.smbios) {
        case MODE_HOST:
                return qemu_unsupported(b, "the host's SMBIOS tables in a guest are not supported");
        case MODE_SYSINFO:
                if (!info)
                        return vh_error_set(b->err, VIR_FROM_QEMU, VIR_ERR_XML_ERROR,
                                            "Domain '%s' sysinfo are not available", b->def->name);
                if (info->base_boards.n > 1)
                        return qemu_unsupported(b,
                                                "qemu does not support more than one entry to Type 2 in SMBIOS table");
                build_smbios(b, info);
        }
        for (uint32_t i = 0; i < b->def->sysinfos.n; i++)
                if (b->def->sysinfos.items[i]->type == SYSINFO_FWCFG)
                        build_fw_cfg(b, b->def->sysinfos.items[i]);
        return 0;
}
