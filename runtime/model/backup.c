/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The table of <domainbackup>. */

#include "model/backup.h"
#include "model/domain-tables.h"
#include "xml/rows.h"

#define S VhBackupStore
static const VhXmlTable store_table = {
        "target", sizeof(S),
        ROWS(ATTR("file", file, string, .flags = VH_XML_NONEMPTY), ATTR("dev", dev, string, .flags = VH_XML_NONEMPTY),
             LIST("seclabel", seclabels, vh_table_device_seclabel),
             PTR("encryption", encryption, vh_table_storage_encryption), DROPPED("privateData")),
        NULL
};
#undef S

/* What the whole document says of a disk is checked where the disk is known. */
static int check_disk(void *obj, const VhXmlParse *p, const xmlNode *node)
{
        const VhBackupDisk *disk = obj;

        if (disk->type && disk->type != VH_DISK_TYPE_FILE && disk->type != VH_DISK_TYPE_BLOCK)
                return vh_xml_error(node, VIR_ERR_CONFIG_UNSUPPORTED, p->err,
                                    "unsupported backup disk type '%s' of disk '%s'",
                                    disk->type == VH_DISK_TYPE_NETWORK ? "network" : "other", disk->name);
        if (disk->target && disk->scratch)
                return vh_xml_error(node, VIR_ERR_XML_ERROR, p->err, "disk '%s' has a target and a scratch file",
                                    disk->name);
        return 0;
}

#define S VhBackupDisk
static const VhXmlTable disk_table = {
        "disk", sizeof(S),
        ROWS(ATTR("name", name, string, REQUIRED), YESNO("backup", backup),
             WORD("state", state, NAMES("running", "complete", "failed", "cancelling", "cancelled"),
                  .show = VH_XML_STATUS),
             WORD("type", type, NAMES("file", "block", "dir", "network", "volume", "nvme", "vhostuser")),
             WORD("backupmode", mode, NAMES("full", "incremental")), ATTR("incremental", incremental, string),
             ATTR("exportname", export_name, string), ATTR("exportbitmap", export_bitmap, string),
             ATTR("index", index, opt_uint, LIVE),
             GROUP("driver", ROWS(WORD("type", format, &vh_storage_format_names))), PTR("target", target, store_table),
             PTR("scratch", scratch, store_table)),
        check_disk
};
#undef S

#define S VhBackupServer
static const VhXmlTable server_table = { "server", sizeof(S),
                                         ROWS(WORD("transport", transport, NAMES("tcp", "unix")), YESNO("tls", tls),
                                              ATTR("name", name, string), ATTR("port", port, string),
                                              ATTR("socket", socket, string)),
                                         NULL };
#undef S

static int check_backup(void *obj, const VhXmlParse *p, const xmlNode *node)
{
        VhBackupDef *def = obj;

        if (!def->mode)
                def->mode = VH_BACKUP_PUSH;
        if (def->server && def->mode == VH_BACKUP_PUSH)
                return vh_xml_error(node, VIR_ERR_XML_ERROR, p->err, "use of <server> requires pull mode backup");
        for (uint32_t i = 0; i < def->disks.n; i++)
                for (uint32_t k = 0; k < i; k++)
                        if (vh_streq(def->disks.items[i]->name, def->disks.items[k]->name))
                                return vh_xml_error(node, VIR_ERR_CONFIG_UNSUPPORTED, p->err,
                                                    "disk '%s' specified twice", def->disks.items[i]->name);
        return 0;
}

#define S VhBackupDef
static const VhXmlTable backup_table = {
        "domainbackup", sizeof(S),
        ROWS(WORD("mode", mode, NAMES("push", "pull")), LEAF("incremental", incremental, string),
             PTR("server", server, server_table), GROUP("disks", ROWS(LIST("disk", disks, disk_table))),
             DROPPED("privateData")),
        check_backup
};
#undef S

const VhModel vh_backup_model = { &backup_table, "(domain_backup)", VIR_FROM_DOMAIN };
VH_MODEL_DEFINE(backup, VhBackupDef)

VhBackupDisk *vh_backup_disk_new(const char *name)
{
        VhBackupDisk *disk = vh_xml_bind_new(&disk_table);

        disk->name = vh_xstrdup(name);
        return disk;
}

VhBackupStore *vh_backup_store_new(void)
{
        return vh_xml_bind_new(&store_table);
}
