/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The tables of <volume>. */

#include "model/storage-vol.h"
#include "xml/doc.h"
#include "xml/rows.h"

static const char *const file_formats[] = { "none", "raw", "dir",   "bochs", "cloop", "dmg",   "iso", "vpc",  "vdi",
                                            "fat",  "vhd", "ploop", "cow",   "qcow",  "qcow2", "qed", "vmdk", NULL };
static const char *const disk_formats[] = { "none",      "linux",      "fat16",    "fat32", "linux-swap",
                                            "linux-lvm", "linux-raid", "extended", NULL };
static const char *const no_formats[] = { NULL };

static const VhVolFormats files = { "raw", file_formats };
static const VhVolFormats partitions = { "none", disk_formats };
static const VhVolFormats images = { "raw", no_formats };
static const VhVolFormats *const formats_of_pool[VH_POOL_TYPE_MAX] = {
        [VH_POOL_DIR] = &files,     [VH_POOL_FS] = &files,   [VH_POOL_NETFS] = &files,    [VH_POOL_DISK] = &partitions,
        [VH_POOL_GLUSTER] = &files, [VH_POOL_RBD] = &images, [VH_POOL_VSTORAGE] = &files,
};

const VhVolFormats *vh_vol_formats(unsigned pool_type)
{
        return formats_of_pool[pool_type];
}

#define S VhVolTimestamps
static const VhXmlTable timestamps_table = { "timestamps", sizeof(S),
                                             ROWS(LEAF("atime", atime, string), LEAF("mtime", mtime, string),
                                                  LEAF("ctime", ctime, string), LEAF("btime", btime, string)),
                                             NULL };
#undef S

#define S VhVolBacking
static const VhXmlTable backing_table = {
        "backingStore", sizeof(S),
        ROWS(LEAF("path", path, string), GROUP("format", ROWS(ATTR("type", format, string))),
             PTR("permissions", permissions, vh_permissions_table), PTR("timestamps", timestamps, timestamps_table)),
        NULL
};
#undef S

#define S VhVolFeatures
static const VhXmlTable features_table = {
        "features", sizeof(S), ROWS(FLAG("lazy_refcounts", lazy_refcounts), FLAG("extended_l2", extended_l2)), NULL
};
#undef S

#define S VhVolTarget
static const VhXmlRow target_rows[] = { LEAF("path", path, string),
                                        GROUP("format", ROWS(ATTR("type", format, string))),
                                        PTR("permissions", permissions, vh_permissions_table),
                                        PTR("timestamps", timestamps, timestamps_table),
                                        RAW("encryption", encryption),
                                        LEAF("compat", compat, string),
                                        FLAG("nocow", nocow),
                                        LEAF("clusterSize", cluster_size, short_bytes),
                                        PTR("features", features, features_table),
                                        {} };
#undef S

static int check_vol(void *obj, const VhXmlParse *p, const xmlNode *node)
{
        VhVolDef *def = obj;

        if (!def->name || !*def->name)
                return vh_error_set(p->err, VIR_FROM_STORAGE, VIR_ERR_XML_ERROR, "missing volume name element");
        if (!vh_xml_child(node, "capacity") && !def->backing && !(p->flags & VH_VOL_ANY_CAPACITY))
                return vh_error_set(p->err, VIR_FROM_STORAGE, VIR_ERR_XML_ERROR, "missing capacity element");
        def->has_allocation = vh_xml_child(node, "allocation");
        if (!def->has_allocation)
                def->allocation = def->capacity;
        return 0;
}

#define S VhVolDef
static const VhXmlTable vol_table = {
        "volume", sizeof(S),
        ROWS(WORD("type", type, NAMES("file", "block", "dir", "network", "netdir", "ploop")),
             LEAF("name", name, string), LEAF("key", key, string), RAW("source", source),
             LEAF("capacity", capacity, bytes, .flags = VH_XML_ALWAYS, MALFORMED("capacity")),
             LEAF("allocation", allocation, bytes, .flags = VH_XML_ALWAYS, MALFORMED("allocation")),
             LEAF("physical", physical, bytes), GROUP_AT("target", target, target_rows),
             PTR("backingStore", backing, backing_table)),
        check_vol
};
#undef S

const VhModel vh_storage_vol_model = { &vol_table, "(storage_volume_definition)", VIR_FROM_STORAGE };
VH_MODEL_DEFINE(storage_vol, VhVolDef)

/* "none" is a format where it is the usual one only. */
static bool is_format(const VhVolFormats *formats, const char *name)
{
        if (vh_streq(name, "none"))
                return vh_streq(formats->standard, name);
        for (unsigned i = 0; formats->names[i]; i++)
                if (strcmp(formats->names[i], name) == 0)
                        return true;
        return vh_streq(formats->standard, name);
}

static int check_vol_format(VhVolDef *def, const VhVolFormats *formats, VhError **err)
{
        if (!def->target.format)
                def->target.format = vh_xstrdup(formats->standard);
        if (is_format(formats, def->target.format))
                return 0;
        return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_CONFIG_UNSUPPORTED, "unknown volume format type %s",
                            def->target.format);
}

int vh_storage_vol_parse_for(unsigned pool_type, const char *xml, unsigned flags, VhVolDef **ret, VhError **err)
{
        const VhVolFormats *formats = formats_of_pool[pool_type];
        VhVolDef *def;
        int r = vh_storage_vol_parse(xml, flags, &def, err);

        if (r < 0)
                return r;
        r = formats ? check_vol_format(def, formats, err) : 0;
        if (r < 0)
                vh_storage_vol_free(def);
        else
                *ret = def;
        return r;
}
