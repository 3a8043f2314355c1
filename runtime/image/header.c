/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Headers of images, as docs/interop of QEMU and the specifications of the other formats describe them. */

#include "image/header.h"

#include <endian.h>

#include "model/domain-tables.h"

/* Words of the storage formats that are known by their first bytes. */
enum {
        FORMAT_BOCHS = 3,
        FORMAT_CLOOP,
        FORMAT_ISO = 6,
        FORMAT_VPC,
        FORMAT_VDI,
        FORMAT_PLOOP = 10,
        FORMAT_QCOW = 12,
        FORMAT_QED = 14,
        FORMAT_VMDK,
        FORMAT_LUKS = 17,
};

typedef struct Head {
        const uint8_t *data;
        size_t n;
} Head;

/* ---- numbers: nought where the head is too short ---- */

static bool has(const Head *h, uint64_t at, uint64_t len)
{
        return at <= h->n && len <= h->n - at;
}

static uint32_t be32(const Head *h, uint64_t at)
{
        uint32_t v = 0;

        if (has(h, at, sizeof(v)))
                memcpy(&v, h->data + at, sizeof(v));
        return be32toh(v);
}

static uint32_t le32(const Head *h, uint64_t at)
{
        return __builtin_bswap32(be32(h, at));
}

static uint64_t be64(const Head *h, uint64_t at)
{
        return (uint64_t)be32(h, at) << 32 | be32(h, at + sizeof(uint32_t));
}

static uint64_t le64(const Head *h, uint64_t at)
{
        return (uint64_t)le32(h, at + sizeof(uint32_t)) << 32 | le32(h, at);
}

static void set_name(VhImageHeader *ret, uint64_t at, uint32_t len)
{
        if (!at || len > VH_IMAGE_NAME_MAX)
                return;
        ret->name_at = at;
        ret->name_len = len;
}

/* ---- qcow and qcow2 ---- */

enum {
        QCOW_MAGIC = 0x514649fb,
        QCOW_VERSION_AT = 4,
        QCOW_BACKING_AT = 8,
        QCOW_BACKING_LEN_AT = 16,
        QCOW_CLUSTER_BITS_AT = 20,
        QCOW_CAPACITY_AT = 24,
        QCOW2_CRYPT_AT = 32,
        QCOW_CRYPT_AT = 36,
        QCOW2_FEATURES_AT = 72, /* from version 3 on */
        QCOW2_HEADER_LENGTH_AT = 100,
        QCOW2_HEADER_LENGTH = 72, /* of version 2 */
        QCOW2_FEATURE_DATA_FILE = 1 << 2,
        QCOW2_FEATURE_EXTENDED_L2 = 1 << 4,
        QCOW2_COMPATIBLE_AT = 80, /* features that need not be known */
        QCOW2_COMPATIBLE_LAZY = 1,
        QCOW2_CLUSTER_BITS_MAX = 30,
        QCOW2_VERSION_MAX = 3,
        EXTENSION_FORMAT = (int)0xe2792aca,
        EXTENSION_HEAD = 8,
        EXTENSION_ALIGN = 8,
};

static void qcow_common(const Head *h, VhImageHeader *ret)
{
        ret->valid = true;
        ret->capacity = be64(h, QCOW_CAPACITY_AT);
        set_name(ret, be64(h, QCOW_BACKING_AT), be32(h, QCOW_BACKING_LEN_AT));
}

/* A word that is no format says nothing. */
static void set_format(const Head *h, uint64_t at, uint32_t len, VhImageHeader *ret)
{
        _vh_free_ char *word = vh_xstrndup((const char *)h->data + at, len);
        int format = vh_streq(word, "none") ? 0 : vh_xml_names_find(&vh_storage_format_names, word);

        if (format < 0)
                return;
        ret->format_said = true;
        ret->backing_format = (uint8_t)format;
}

static void qcow2_extensions(const Head *h, uint64_t at, VhImageHeader *ret)
{
        while (has(h, at, EXTENSION_HEAD) && be32(h, at)) {
                uint32_t type = be32(h, at), len = be32(h, at + sizeof(type));

                at += EXTENSION_HEAD;
                if (!has(h, at, len))
                        return;
                if (type == (uint32_t)EXTENSION_FORMAT) {
                        set_format(h, at, len, ret);
                        return;
                }
                at += ((uint64_t)len + EXTENSION_ALIGN - 1) & ~(uint64_t)(EXTENSION_ALIGN - 1);
        }
}

static void qcow2_traits(const Head *h, VhImageHeader *ret)
{
        uint32_t bits = be32(h, QCOW_CLUSTER_BITS_AT), crypt = be32(h, QCOW2_CRYPT_AT);

        ret->cluster_size = bits && bits <= QCOW2_CLUSTER_BITS_MAX ? UINT64_C(1) << bits : 0;
        ret->crypt = crypt <= VH_IMAGE_LUKS ? (VhImageCrypt)crypt : VH_IMAGE_PLAIN;
        ret->is_v3 = be32(h, QCOW_VERSION_AT) > 2;
        if (!ret->is_v3)
                return;
        ret->extended_l2 = be64(h, QCOW2_FEATURES_AT) & QCOW2_FEATURE_EXTENDED_L2;
        ret->lazy_refcounts = be64(h, QCOW2_COMPATIBLE_AT) & QCOW2_COMPATIBLE_LAZY;
}

static void read_qcow2(const Head *h, VhImageHeader *ret)
{
        uint32_t version = be32(h, QCOW_VERSION_AT);

        if (be32(h, 0) != (uint32_t)QCOW_MAGIC || version < 2 || version > QCOW2_VERSION_MAX)
                return;
        qcow_common(h, ret);
        qcow2_traits(h, ret);
        ret->names_data = version > 2 && be64(h, QCOW2_FEATURES_AT) & QCOW2_FEATURE_DATA_FILE;
        qcow2_extensions(h, version > 2 ? be32(h, QCOW2_HEADER_LENGTH_AT) : QCOW2_HEADER_LENGTH, ret);
}

static void read_qcow(const Head *h, VhImageHeader *ret)
{
        if (be32(h, 0) != (uint32_t)QCOW_MAGIC || be32(h, QCOW_VERSION_AT) != 1)
                return;
        qcow_common(h, ret);
        ret->crypt = be32(h, QCOW_CRYPT_AT) ? VH_IMAGE_AES : VH_IMAGE_PLAIN;
}

/* ---- qed ---- */

enum {
        QED_MAGIC = 0x00444551,
        QED_FEATURES_AT = 16,
        QED_CAPACITY_AT = 48,
        QED_BACKING_AT = 56,
        QED_BACKING_LEN_AT = 60,
        QED_FEATURE_BACKING = 1,
        QED_FEATURE_RAW = 4, /* what is behind is raw */
};

static void read_qed(const Head *h, VhImageHeader *ret)
{
        uint64_t features = le64(h, QED_FEATURES_AT);

        if (le32(h, 0) != QED_MAGIC)
                return;
        ret->valid = true;
        ret->capacity = le64(h, QED_CAPACITY_AT);
        if (!(features & QED_FEATURE_BACKING))
                return;
        set_name(ret, le32(h, QED_BACKING_AT), le32(h, QED_BACKING_LEN_AT));
        ret->format_said = features & QED_FEATURE_RAW;
        ret->backing_format = VH_STORAGE_FORMAT_RAW;
}

/* ---- formats that stand on no other ---- */

enum {
        VDI_AT = 64,
        VDI_MAGIC = (int)0xbeda107f,
        VDI_CAPACITY_AT = 368,
        VPC_CAPACITY_AT = 40,
};

static const char vpc_mark[] = "conectix";

static void read_vdi(const Head *h, VhImageHeader *ret)
{
        ret->valid = le32(h, VDI_AT) == (uint32_t)VDI_MAGIC;
        ret->capacity = ret->valid ? le64(h, VDI_CAPACITY_AT) : 0;
}

static void read_vpc(const Head *h, VhImageHeader *ret)
{
        ret->valid = has(h, 0, strlen(vpc_mark)) && memcmp(h->data, vpc_mark, strlen(vpc_mark)) == 0;
        ret->capacity = ret->valid ? be64(h, VPC_CAPACITY_AT) : 0;
}

enum { LUKS_VERSION_AT = 6, LUKS_PAYLOAD_AT = 104, LUKS_SECTOR = 512 };

static const char luks_mark[] = "LUKS\xba\xbe";

static void read_luks(const Head *h, VhImageHeader *ret)
{
        static const char version[] = { 0, 1 };

        ret->valid = has(h, 0, LUKS_VERSION_AT + sizeof(version)) &&
                     memcmp(h->data, luks_mark, strlen(luks_mark)) == 0 &&
                     memcmp(h->data + LUKS_VERSION_AT, version, sizeof(version)) == 0;
        ret->crypt = ret->valid ? VH_IMAGE_LUKS : VH_IMAGE_PLAIN;
        ret->payload_at = ret->valid ? (uint64_t)be32(h, LUKS_PAYLOAD_AT) * LUKS_SECTOR : 0;
}

/* ---- vmdk: a text inside says what it stands on ---- */

enum {
        VMDK_MAGIC = 0x564d444b, /* as it is read in the order of the file's bytes: "KDMV" */
        VMDK_CAPACITY_AT = 12,   /* sectors */
        VMDK_TEXT_AT = 512,
        VMDK_TEXT_MAX = 20 * 512,
        SECTOR = 512,
};

/* NULL: not before the end of the text. */
static const char *find(const char *text, size_t n, const char *what)
{
        size_t len = strnlen(text, n);

        return memmem(text, len, what, strlen(what));
}

static void read_vmdk(const Head *h, VhImageHeader *ret)
{
        static const char parent[] = "parentFileNameHint=\"", nobody[] = "parentCID=ffffffff";
        const char *text, *name, *end;
        size_t n;

        if (le32(h, 0) != VMDK_MAGIC || !has(h, VMDK_TEXT_AT, 1))
                return;
        ret->valid = true;
        ret->capacity = le64(h, VMDK_CAPACITY_AT) * SECTOR;
        ret->names_data = !ret->capacity;
        text = (const char *)h->data + VMDK_TEXT_AT;
        n = VH_MIN(h->n - VMDK_TEXT_AT, (size_t)VMDK_TEXT_MAX);
        name = find(text, n, nobody) ? NULL : find(text, n, parent);
        if (!name)
                return;
        name += strlen(parent);
        end = memchr(name, '"', n - (size_t)(name - text));
        if (end)
                set_name(ret, (uint64_t)(name - (const char *)h->data), (uint32_t)(end - name));
        ret->format_said = true;
        ret->backing_format = FORMAT_VMDK;
}

static const struct {
        uint8_t format;
        void (*read)(const Head *h, VhImageHeader *ret);
} readers[] = {
        { FORMAT_VPC, read_vpc },   { FORMAT_VDI, read_vdi },
        { FORMAT_QCOW, read_qcow }, { VH_STORAGE_FORMAT_QCOW2, read_qcow2 },
        { FORMAT_QED, read_qed },   { FORMAT_VMDK, read_vmdk },
        { FORMAT_LUKS, read_luks },
};

VhImageHeader vh_image_header(uint8_t format, const uint8_t *data, size_t n)
{
        const Head h = { data, n };
        VhImageHeader ret = { 0 };

        for (size_t i = 0; i < VH_ARRAY_SIZE(readers); i++)
                if (readers[i].format == format)
                        readers[i].read(&h, &ret);
        return ret;
}

/* ---- which format it is ---- */

typedef struct Mark {
        uint8_t format;
        uint16_t at;
        uint8_t len;
        const char *bytes;
        uint8_t version_at; /* 0: of any version */
        bool big;           /* the version's first byte is its highest */
        uint32_t version_min, version_max;
} Mark;

enum { ISO_AT = 0x8001 };

static const Mark marks[] = {
        { .format = FORMAT_BOCHS,
          .len = 21,
          .bytes = "Bochs Virtual HD Image",
          .version_at = 64,
          .version_min = 0x20000,
          .version_max = 0x20000 },
        { .format = FORMAT_CLOOP, .len = 29, .bytes = "#!/bin/sh\n#V2.0 Format\nmodpro" },
        { .format = FORMAT_ISO, .at = ISO_AT, .len = 5, .bytes = "CD001" },
        { .format = FORMAT_VPC,
          .len = sizeof(vpc_mark) - 1,
          .bytes = vpc_mark,
          .version_at = 12,
          .big = true,
          .version_min = 0x10000,
          .version_max = 0x10000 },
        { .format = FORMAT_VDI,
          .at = VDI_AT,
          .len = 4,
          .bytes = "\x7f\x10\xda\xbe",
          .version_at = 68,
          .version_min = 0x10001,
          .version_max = 0x10001 },
        { .format = FORMAT_PLOOP, .len = 16, .bytes = "WithoutFreeSpace" },
        { .format = FORMAT_PLOOP, .len = 16, .bytes = "WithouFreSpacExt" },
        { .format = FORMAT_QCOW,
          .len = 4,
          .bytes = "QFI\xfb",
          .version_at = QCOW_VERSION_AT,
          .big = true,
          .version_min = 1,
          .version_max = 1 },
        { .format = VH_STORAGE_FORMAT_QCOW2,
          .len = 4,
          .bytes = "QFI\xfb",
          .version_at = QCOW_VERSION_AT,
          .big = true,
          .version_min = 2,
          .version_max = UINT32_MAX },
        { .format = FORMAT_QED, .len = 4, .bytes = "QED" },
        { .format = FORMAT_VMDK, .len = 4, .bytes = "KDMV" },
        { .format = FORMAT_LUKS, .len = sizeof(luks_mark) - 1, .bytes = luks_mark },
};

static bool is_marked(const Head *h, const Mark *mark)
{
        uint32_t version;

        if (!has(h, mark->at, mark->len) || memcmp(h->data + mark->at, mark->bytes, mark->len) != 0)
                return false;
        if (!mark->version_at)
                return true;
        version = mark->big ? be32(h, mark->version_at) : le32(h, mark->version_at);
        return version >= mark->version_min && version <= mark->version_max;
}

uint8_t vh_image_probe(const uint8_t *data, size_t n)
{
        const Head h = { data, n };

        for (size_t i = 0; i < VH_ARRAY_SIZE(marks); i++)
                if (is_marked(&h, &marks[i]))
                        return marks[i].format;
        return VH_STORAGE_FORMAT_RAW;
}
