/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The tables of <domainsnapshot> and <domaincheckpoint>. */

#include "model/moment.h"
#include "model/domain-tables.h"
#include "xml/rows.h"

#define LOCATIONS NAMES("no", "internal", "external", "manual")
#define STATES                                                                                                         \
        NAMES("nostate", "running", "blocked", "paused", "shutdown", "shutoff", "crashed", "pmsuspended",              \
              "disk-snapshot")

#define S VhSnapshotMemory
static const VhXmlTable memory_table = { "memory", sizeof(S),
                                         ROWS(WORD("snapshot", location, LOCATIONS), ATTR("file", file, string)),
                                         NULL };
#undef S

/* A place without type is a file; a type without place says nothing. */
static int check_snapshot_disk(void *obj, const VhXmlParse *p, const xmlNode *node)
{
        VhDiskSource *src = &((VhSnapshotDisk *)obj)->src;

        if (src->type == VH_DISK_TYPE_NONE && (src->path || src->format))
                src->type = VH_DISK_TYPE_FILE;
        else if (!src->path && !src->format && !src->network)
                src->type = VH_DISK_TYPE_NONE;
        return 0;
}

#define S VhSnapshotDisk
static const VhXmlRow rows_snapshot_driver[] = {
        WORD("type", src.format, &vh_storage_format_names),
        GROUP("metadata_cache", ROWS(LEAF("max_size", src.metadata_cache, bytes))),
        {},
};

static const VhXmlTable snapshot_disk_table = {
        "disk", sizeof(S),
        ROWS(ATTR("name", name, string, REQUIRED), WORD("snapshot", location, LOCATIONS),
             FLAG("snapshotDeleteInProgress", deleting), EMBED_AT(src, vh_rows_disk_type),
             GROUP("driver", rows_snapshot_driver), EMBED_AT(src, vh_rows_disk_source),
             GROUP("source",
                   ROWS(ATTR("file", src.path, string), PTR("encryption", src.encryption, vh_table_storage_encryption)),
                   WHEN(src.type, BIT(VH_DISK_TYPE_NONE)))),
        check_snapshot_disk
};
#undef S

static int check_disks_once(const xmlNode *node, const VhXmlParse *p, const char *const *names, uint32_t n)
{
        for (uint32_t i = 0; i < n; i++)
                for (uint32_t k = 0; k < i; k++)
                        if (vh_streq(names[i], names[k]))
                                return vh_xml_error(node, VIR_ERR_CONFIG_UNSUPPORTED, p->err,
                                                    "disk '%s' specified twice", names[i]);
        return 0;
}

static int check_snapshot(void *obj, const VhXmlParse *p, const xmlNode *node)
{
        const VhSnapshotDef *def = obj;
        _vh_free_ const char **names = vh_new(const char *, def->disks.n + 1);

        for (uint32_t i = 0; i < def->disks.n; i++)
                names[i] = def->disks.items[i]->name;
        return check_disks_once(node, p, names, def->disks.n);
}

#define S VhSnapshotDef
static const VhXmlTable snapshot_table = {
        "domainsnapshot", sizeof(S),
        ROWS(LEAF("name", name, string), LEAF("description", description, string), LEAF_WORD("state", state, STATES),
             GROUP("parent", ROWS(LEAF("name", parent, string))), LEAF("creationTime", creation_time, opt_u64),
             LEAF("active", active, opt_int, .flags = VH_XML_PARSE_ONLY), PTR("memory", memory, memory_table),
             GROUP("disks", ROWS(LIST("disk", disks, snapshot_disk_table))), RAW("domain", domain),
             RAW("inactiveDomain", inactive_domain), RAW("cookie", cookie)),
        check_snapshot
};
#undef S

const VhModel vh_snapshot_model = { &snapshot_table, "(domain_snapshot)", VIR_FROM_DOMAIN_SNAPSHOT };
VH_MODEL_DEFINE(snapshot, VhSnapshotDef)

#define S VhCheckpointDisk
static const VhXmlTable checkpoint_disk_table = { "disk", sizeof(S),
                                                  ROWS(ATTR("name", name, string, REQUIRED),
                                                       WORD("checkpoint", mode, NAMES("no", "bitmap")),
                                                       ATTR("bitmap", bitmap, string), ATTR("size", size, opt_u64)),
                                                  NULL };
#undef S

static int check_checkpoint(void *obj, const VhXmlParse *p, const xmlNode *node)
{
        const VhCheckpointDef *def = obj;
        _vh_free_ const char **names = vh_new(const char *, def->disks.n + 1);

        for (uint32_t i = 0; i < def->disks.n; i++)
                names[i] = def->disks.items[i]->name;
        return check_disks_once(node, p, names, def->disks.n);
}

#define S VhCheckpointDef
static const VhXmlTable checkpoint_table = {
        "domaincheckpoint", sizeof(S),
        ROWS(LEAF("name", name, string), LEAF("description", description, string),
             GROUP("parent", ROWS(LEAF("name", parent, string))), LEAF("creationTime", creation_time, opt_u64),
             GROUP("disks", ROWS(LIST("disk", disks, checkpoint_disk_table))), RAW("domain", domain)),
        check_checkpoint
};
#undef S

const VhModel vh_checkpoint_model = { &checkpoint_table, "(domain_checkpoint)", VIR_FROM_DOMAIN_CHECKPOINT };
VH_MODEL_DEFINE(checkpoint, VhCheckpointDef)

VhSnapshotDisk *vh_snapshot_disk_new(const char *name, VhSnapshotLocation location)
{
        VhSnapshotDisk *disk = vh_xml_bind_new(&snapshot_disk_table);

        disk->name = vh_xstrdup(name);
        disk->location = location;
        return disk;
}

VhCheckpointDisk *vh_checkpoint_disk_new(const char *name, VhCheckpointMode mode)
{
        VhCheckpointDisk *disk = vh_xml_bind_new(&checkpoint_disk_table);

        disk->name = vh_xstrdup(name);
        disk->mode = mode;
        return disk;
}

VhSnapshotMemory *vh_snapshot_memory_new(VhSnapshotLocation location)
{
        VhSnapshotMemory *memory = vh_xml_bind_new(&memory_table);

        memory->location = location;
        return memory;
}
