/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The tables of <pool>, and what each pool type needs. */

#include "model/storage-pool.h"
#include "xml/doc.h"
#include "xml/rows.h"

static const char *const type_names[VH_POOL_TYPE_MAX] = {
        [VH_POOL_DIR] = "dir",           [VH_POOL_FS] = "fs",
        [VH_POOL_NETFS] = "netfs",       [VH_POOL_LOGICAL] = "logical",
        [VH_POOL_DISK] = "disk",         [VH_POOL_ISCSI] = "iscsi",
        [VH_POOL_SCSI] = "scsi",         [VH_POOL_MPATH] = "mpath",
        [VH_POOL_RBD] = "rbd",           [VH_POOL_SHEEPDOG] = "sheepdog",
        [VH_POOL_GLUSTER] = "gluster",   [VH_POOL_ZFS] = "zfs",
        [VH_POOL_VSTORAGE] = "vstorage", [VH_POOL_ISCSI_DIRECT] = "iscsi-direct",
};
static const VhXmlNames type_table = { VH_POOL_TYPE_MAX, type_names };

/* What a type asks for beyond the schema. The first of the formats is the default, unless another is named. */
typedef struct PoolRule {
        bool host, device, dir, adapter, source_name, initiator;
        bool no_target;               /* has no path on this host */
        const char *target_from_name; /* target path is this and the source name */
        const char *formats[16];      /* NULL-terminated */
        const char *default_format;
} PoolRule;

static const PoolRule rules[VH_POOL_TYPE_MAX] = {
        [VH_POOL_FS] = { .device = true,
                         .formats = { "auto", "ext2", "ext3", "ext4", "ufs", "iso9660", "udf", "gfs", "gfs2", "vfat",
                                      "hfs+", "xfs", "ocfs2", "vmfs" } },
        [VH_POOL_NETFS] = { .host = true, .dir = true, .formats = { "auto", "nfs", "glusterfs", "cifs" } },
        [VH_POOL_LOGICAL] = { .target_from_name = "/dev/", .default_format = "lvm2", .formats = { "unknown", "lvm2" } },
        [VH_POOL_DISK] = { .device = true,
                           .formats = { "unknown", "dos", "dvh", "gpt", "mac", "bsd", "pc98", "sun", "lvm2" } },
        [VH_POOL_ISCSI] = { .host = true, .device = true },
        [VH_POOL_SCSI] = { .adapter = true },
        [VH_POOL_RBD] = { .source_name = true, .no_target = true },
        [VH_POOL_SHEEPDOG] = { .host = true, .source_name = true, .no_target = true },
        [VH_POOL_GLUSTER] = { .host = true, .source_name = true, .no_target = true },
        [VH_POOL_ZFS] = { .source_name = true, .target_from_name = "/dev/zvol/" },
        [VH_POOL_VSTORAGE] = { .source_name = true },
        [VH_POOL_ISCSI_DIRECT] = { .host = true, .device = true, .initiator = true, .no_target = true },
};

const char *vh_pool_type_name(unsigned type)
{
        return vh_xml_names_text(&type_table, type);
}

int vh_pool_type_find(const char *name)
{
        return vh_xml_names_find(&type_table, name);
}

const char *vh_pool_type_format(unsigned type)
{
        return rules[type].default_format ? rules[type].default_format : rules[type].formats[0];
}

const char *const *vh_pool_type_formats(unsigned type)
{
        return rules[type].formats;
}

#define S VhPoolHost
static const VhXmlTable host_table = { "host", sizeof(S),
                                       ROWS(ATTR("name", name, string, REQUIRED), ATTR("port", port, uint)), NULL };
#undef S

#define S VhPoolExtent
static const VhXmlTable extent_table = { "freeExtent", sizeof(S),
                                         ROWS(ATTR("start", start, u64), ATTR("end", end, u64)), NULL };
#undef S

#define S VhPoolDevice
static const VhXmlTable device_table = { "device", sizeof(S),
                                         ROWS(ATTR("path", path, string, REQUIRED),
                                              YESNO("part_separator", part_separator),
                                              LIST("freeExtent", free_extents, extent_table)),
                                         NULL };
#undef S

static int check_adapter(void *obj, const VhXmlParse *p, const xmlNode *node)
{
        VhPoolAdapter *a = obj;

        if (!a->type)
                a->type = a->wwnn || a->wwpn ? VH_ADAPTER_FC_HOST : VH_ADAPTER_SCSI_HOST;
        if (a->type == VH_ADAPTER_FC_HOST && (!a->wwnn || !a->wwpn))
                return vh_xml_error(node, VIR_ERR_XML_ERROR, p->err,
                                    "'wwnn' and 'wwpn' must be specified for adapter type 'fchost'");
        if (a->type == VH_ADAPTER_SCSI_HOST && !a->name && !a->parentaddr_unique_id.set)
                return vh_xml_error(node, VIR_ERR_XML_ERROR, p->err,
                                    "Either 'name' or 'parent' must be specified for the 'scsi_host' adapter");
        return 0;
}

#define S VhPoolAdapter
static const VhXmlTable adapter_table = {
        "adapter", sizeof(S),
        ROWS(WORD("type", type, NAMES("scsi_host", "fc_host")), ATTR("name", name, string),
             ATTR("parent", parent, string), ATTR("parent_wwnn", parent_wwnn, string),
             ATTR("parent_wwpn", parent_wwpn, string), ATTR("parent_fabric_wwn", parent_fabric_wwn, string),
             YESNO("managed", managed), ATTR("wwnn", wwnn, string), ATTR("wwpn", wwpn, string),
             GROUP("parentaddr", ROWS(ATTR("unique_id", parentaddr_unique_id, opt_uint),
                                      GROUP("address", ROWS(ATTR("domain", parentaddr_domain, opt_hex),
                                                            ATTR("bus", parentaddr_bus, opt_hex),
                                                            ATTR("slot", parentaddr_slot, opt_hex),
                                                            ATTR("function", parentaddr_function, opt_hex)))))),
        check_adapter
};
#undef S

#define S VhPoolAuth
static const VhXmlTable auth_table = {
        "auth", sizeof(S),
        ROWS(WORD("type", type, NAMES("chap", "ceph"), REQUIRED), ATTR("username", username, string, REQUIRED),
             GROUP("secret", ROWS(ATTR("uuid", secret_uuid, uuid), ATTR("usage", secret_usage, string)))),
        NULL
};
#undef S

#define S VhPoolSource
static const VhXmlRow source_rows[] = { LIST("host", hosts, host_table),
                                        LIST("device", devices, device_table),
                                        GROUP("dir", ROWS(ATTR("path", dir, string))),
                                        PTR("adapter", adapter, adapter_table),
                                        LEAF("name", name, string),
                                        GROUP("initiator",
                                              ROWS(GROUP("iqn", ROWS(ATTR("name", initiator_iqn, string))))),
                                        GROUP("format", ROWS(ATTR("type", format, string))),
                                        PTR("auth", auth, auth_table),
                                        GROUP("protocol", ROWS(ATTR("ver", protocol_ver, string))),
                                        GROUP("vendor", ROWS(ATTR("name", vendor, string))),
                                        GROUP("product", ROWS(ATTR("name", product, string))),
                                        {} };
static const VhXmlTable source_table = { "source", sizeof(S), source_rows, NULL };
#undef S

static int check_permissions(void *obj, const VhXmlParse *p, const xmlNode *node)
{
        const VhPermissions *perms = obj;
        uint64_t mode;

        if (perms->mode && (vh_parse_u64(perms->mode, 8, &mode) < 0 || mode > 07777))
                return vh_xml_error(node, VIR_ERR_XML_ERROR, p->err, "malformed octal mode");
        return 0;
}

#define S VhPermissions
const VhXmlTable vh_permissions_table = {
        "permissions", sizeof(S),
        ROWS(LEAF("mode", mode, string), LEAF("owner", owner, opt_int, MALFORMED("owner")),
             LEAF("group", group, opt_int, MALFORMED("group")), LEAF("label", label, string)),
        check_permissions
};
#undef S

static int check_format(VhPoolDef *def, VhError **err)
{
        const char *const *formats = rules[def->type].formats;

        if (!formats[0])
                return 0;
        if (!def->source.format) {
                def->source.format = vh_xstrdup(vh_pool_type_format(def->type));
                return 0;
        }
        for (unsigned i = 0; formats[i]; i++)
                if (vh_streq(formats[i], def->source.format))
                        return 0;
        return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_CONFIG_UNSUPPORTED, "unknown pool format type %s",
                            def->source.format);
}

static int check_source(const VhPoolDef *def, VhError **err)
{
        const PoolRule *rule = &rules[def->type];
        const VhPoolSource *s = &def->source;
        const char *missing = NULL;

        if (rule->host && !s->hosts.n)
                missing = "missing storage pool source host name";
        else if (rule->device && !s->devices.n)
                missing = "missing storage pool source device path";
        else if (rule->dir && !s->dir)
                missing = "missing storage pool source path";
        else if (rule->adapter && !s->adapter)
                missing = "missing storage pool source adapter";
        else if (rule->source_name && !s->name)
                missing = "missing mandatory 'name' field for RBD pool name";
        else if (rule->initiator && !s->initiator_iqn)
                missing = "missing initiator IQN";
        return missing ? vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_XML_ERROR, "%s", missing) : 0;
}

static int check_target(VhPoolDef *def, VhError **err)
{
        const PoolRule *rule = &rules[def->type];

        if (rule->no_target)
                return 0;
        if (rule->target_from_name && (!def->target_path || def->type == VH_POOL_ZFS)) {
                free(def->target_path);
                def->target_path = vh_xasprintf("%s%s", rule->target_from_name, def->source.name);
        }
        if (!def->target_path)
                return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_XML_ERROR, "missing storage pool target path");
        return 0;
}

static int check_pool(void *obj, const VhXmlParse *p, const xmlNode *node)
{
        VhPoolDef *def = obj;
        int r;

        if (!def->name)
                def->name = vh_xstrdup(def->source.name);
        if (!def->name)
                return vh_error_set(p->err, VIR_FROM_STORAGE, VIR_ERR_XML_ERROR, "missing pool source name element");
        if (strchr(def->name, '/'))
                return vh_error_set(p->err, VIR_FROM_STORAGE, VIR_ERR_XML_ERROR, "name %s cannot contain '/'",
                                    def->name);
        if (def->type == VH_POOL_LOGICAL && !def->source.name)
                def->source.name = vh_xstrdup(def->name);
        if (!vh_uuid_is_valid(def->uuid))
                vh_uuid_generate(def->uuid);
        r = check_source(def, p->err);
        if (r == 0)
                r = check_format(def, p->err);
        return r < 0 ? r : check_target(def, p->err);
}

static const VhXmlNs ns_fs = { "fs", "http://libvirt.org/schemas/storagepool/fs/1.0" };
static const VhXmlNs ns_rbd = { "rbd", "http://libvirt.org/schemas/storagepool/rbd/1.0" };

#define S VhPoolDef
static const VhXmlTable pool_table = {
        "pool", sizeof(S),
        ROWS(ENUM("type", type, type_table, REQUIRED), LEAF("name", name, string), LEAF("uuid", uuid, uuid),
             LEAF("capacity", capacity, bytes, .flags = VH_XML_ALWAYS),
             LEAF("allocation", allocation, bytes, .flags = VH_XML_ALWAYS),
             LEAF("available", available, bytes, .flags = VH_XML_ALWAYS),
             GROUP("features", ROWS(GROUP("cow", ROWS(YESNO("state", cow))))),
             GROUP_AT("source", source, source_rows, .flags = VH_XML_ALWAYS),
             GROUP("target",
                   ROWS(LEAF("path", target_path, string), PTR("permissions", permissions, vh_permissions_table))),
             RAW("refresh", refresh), RAW("mount_opts", mount_opts, .ns = &ns_fs),
             RAW("config_opts", config_opts, .ns = &ns_rbd)),
        check_pool
};
#undef S

const VhModel vh_storage_pool_model = { &pool_table, "(storage_pool_definition)", VIR_FROM_STORAGE };
VH_MODEL_DEFINE(storage_pool, VhPoolDef)

int vh_pool_source_parse(const char *xml, VhPoolSource *ret, VhError **err)
{
        _vh_xml_root_ xmlNode *root = NULL;
        int r = vh_xml_doc_parse_root(&root, xml, "(storage_source_specification)", VIR_FROM_STORAGE, "source", err);

        return r < 0 ? r : vh_xml_bind_parse(&source_table, root, ret, 0, NULL, err);
}

void vh_pool_source_clear(VhPoolSource *source)
{
        vh_xml_bind_clear(&source_table, source);
}
