/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Devices one by one: from text, into and out of a definition. */

#include "model/domain.h"

#include <errno.h>
#include <stdio.h>

#include "model/domain-tables.h"

enum { PLACE_TEXT = 32 }; /* room for a PCI address */

#define LIST_OF(kind, element, T, field, tbl)                                                                          \
        [kind] = { element, &(tbl), offsetof(VhDomainDef, field), false, true, offsetof(T, info) }
#define LIST_WITHOUT_INFO(kind, element, field, tbl)                                                                   \
        [kind] = { element, &(tbl), offsetof(VhDomainDef, field), false, false, 0 }
#define SINGLE(kind, element, T, field, tbl)                                                                           \
        [kind] = { element, &(tbl), offsetof(VhDomainDef, field), true, true, offsetof(T, info) }

static const VhDeviceClass classes[VH_DEVICE_MAX] = {
        LIST_OF(VH_DEVICE_DISK, "disk", VhDisk, disks, vh_table_disk),
        LIST_OF(VH_DEVICE_CONTROLLER, "controller", VhController, controllers, vh_table_controller),
        LIST_WITHOUT_INFO(VH_DEVICE_LEASE, "lease", leases, vh_table_lease),
        LIST_OF(VH_DEVICE_FILESYSTEM, "filesystem", VhFilesystem, filesystems, vh_table_filesystem),
        LIST_OF(VH_DEVICE_NET, "interface", VhNet, nets, vh_table_net),
        LIST_OF(VH_DEVICE_SMARTCARD, "smartcard", VhSmartcard, smartcards, vh_table_smartcard),
        LIST_OF(VH_DEVICE_SERIAL, "serial", VhChr, serials, vh_table_serial),
        LIST_OF(VH_DEVICE_PARALLEL, "parallel", VhChr, parallels, vh_table_parallel),
        LIST_OF(VH_DEVICE_CONSOLE, "console", VhChr, consoles, vh_table_console),
        LIST_OF(VH_DEVICE_CHANNEL, "channel", VhChr, channels, vh_table_channel),
        LIST_OF(VH_DEVICE_INPUT, "input", VhInput, inputs, vh_table_input),
        LIST_OF(VH_DEVICE_TPM, "tpm", VhTpm, tpms, vh_table_tpm),
        LIST_WITHOUT_INFO(VH_DEVICE_GRAPHICS, "graphics", graphics, vh_table_graphics),
        LIST_OF(VH_DEVICE_SOUND, "sound", VhSound, sounds, vh_table_sound),
        LIST_WITHOUT_INFO(VH_DEVICE_AUDIO, "audio", audios, vh_table_audio),
        LIST_OF(VH_DEVICE_VIDEO, "video", VhVideo, videos, vh_table_video),
        LIST_OF(VH_DEVICE_HOSTDEV, "hostdev", VhHostdev, hostdevs, vh_table_hostdev),
        LIST_OF(VH_DEVICE_REDIRDEV, "redirdev", VhRedirdev, redirdevs, vh_table_redirdev),
        LIST_OF(VH_DEVICE_HUB, "hub", VhHub, hubs, vh_table_hub),
        SINGLE(VH_DEVICE_WATCHDOG, "watchdog", VhWatchdog, watchdog, vh_table_watchdog),
        SINGLE(VH_DEVICE_MEMBALLOON, "memballoon", VhMemballoon, memballoon, vh_table_memballoon),
        LIST_OF(VH_DEVICE_RNG, "rng", VhRng, rngs, vh_table_rng),
        SINGLE(VH_DEVICE_NVRAM, "nvram", VhNvram, nvram_device, vh_table_nvram),
        LIST_OF(VH_DEVICE_SHMEM, "shmem", VhShmem, shmems, vh_table_shmem),
        LIST_OF(VH_DEVICE_MEMORY, "memory", VhMemdev, memdevs, vh_table_memdev),
        LIST_OF(VH_DEVICE_PANIC, "panic", VhPanic, panics, vh_table_panic),
        SINGLE(VH_DEVICE_IOMMU, "iommu", VhIommu, iommu, vh_table_iommu),
        SINGLE(VH_DEVICE_VSOCK, "vsock", VhVsock, vsock, vh_table_vsock),
        LIST_OF(VH_DEVICE_CRYPTO, "crypto", VhCrypto, cryptos, vh_table_crypto),
};

const VhDeviceClass *vh_device_class(VhDeviceKind kind)
{
        return &classes[kind];
}

static VhDeviceKind kind_of(const char *element)
{
        for (int kind = VH_DEVICE_NONE + 1; kind < VH_DEVICE_MAX; kind++)
                if (strcmp(classes[kind].element, element) == 0)
                        return (VhDeviceKind)kind;
        return VH_DEVICE_NONE;
}

static VhXmlPtr *single_of(const VhDomainDef *def, const VhDeviceClass *class)
{
        return (VhXmlPtr *)((uint8_t *)def + class->offset);
}

static VhXmlList *list_of(const VhDomainDef *def, const VhDeviceClass *class)
{
        return (VhXmlList *)((uint8_t *)def + class->offset);
}

int vh_device_parse(VhDevice *dev, const char *xml, unsigned flags, const VhDomainParseEnv *env, VhError **err)
{
        xmlDoc *doc;
        const xmlNode *root;
        VhDeviceKind kind;
        int r = vh_xml_doc_parse(&doc, xml, strlen(xml), "(device_definition)", VIR_FROM_DOMAIN, err);

        if (r < 0)
                return r;
        root = xmlDocGetRootElement(doc);
        kind = kind_of((const char *)root->name);
        if (kind == VH_DEVICE_NONE)
                r = vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_CONFIG_UNSUPPORTED, "unknown device type '%s'",
                                 root->name);
        else
                r = vh_xml_bind_parse_new(classes[kind].table, root, &dev->dev, flags, env, err);
        if (r == 0)
                dev->kind = kind;
        xmlFreeDoc(doc);
        return r;
}

void vh_device_format(const VhDevice *dev, unsigned flags, VhBuf *b)
{
        vh_xml_bind_format(classes[dev->kind].table, NULL, dev->dev, flags, b);
}

void vh_device_done(VhDevice *dev)
{
        if (dev->dev)
                dev->dev = vh_xml_bind_free(classes[dev->kind].table, dev->dev);
        dev->kind = VH_DEVICE_NONE;
}

VhDeviceInfo *vh_device_info(VhDeviceKind kind, void *dev)
{
        return classes[kind].has_info ? (VhDeviceInfo *)((uint8_t *)dev + classes[kind].info_offset) : NULL;
}

typedef int (*DeviceFunc)(VhDeviceKind kind, void *dev, VhDeviceInfo *info, void *opaque);

static int each_in_list(VhDeviceKind kind, const VhXmlList *list, DeviceFunc f, void *opaque)
{
        for (uint32_t i = 0; i < list->n; i++) {
                int r = f(kind, list->items[i], vh_device_info(kind, list->items[i]), opaque);

                if (r)
                        return r;
        }
        return 0;
}

int vh_domain_each_device(const VhDomainDef *def, DeviceFunc f, void *opaque)
{
        int r = 0;

        for (int kind = VH_DEVICE_NONE + 1; kind < VH_DEVICE_MAX && r == 0; kind++) {
                const VhDeviceClass *class = &classes[kind];

                if (!class->single)
                        r = each_in_list(kind, list_of(def, class), f, opaque);
                else if (*single_of(def, class))
                        r = f(kind, *single_of(def, class), vh_device_info(kind, *single_of(def, class)), opaque);
        }
        return r;
}

/* Controllers of one type stand together, in the order of their numbers. */
static uint32_t controller_place(const VhDomainDef *def, const VhController *c)
{
        uint32_t place = def->controllers.n;

        for (uint32_t i = def->controllers.n; i-- > 0;) {
                const VhController *other = def->controllers.items[i];

                if (other->type != c->type)
                        continue;
                if (!c->index.set || other->index.val <= c->index.val)
                        return place < def->controllers.n ? place : i + 1;
                place = i;
        }
        return place;
}

int vh_domain_add_device(VhDomainDef *def, VhDevice *dev, VhError **err)
{
        const VhDeviceClass *class = &classes[dev->kind];

        if (class->single && *single_of(def, class))
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_OPERATION_INVALID, "domain already has a %s",
                                    class->element);
        if (class->single)
                *single_of(def, class) = dev->dev;
        else if (dev->kind == VH_DEVICE_CONTROLLER)
                vh_list_insert_raw(list_of(def, class), controller_place(def, dev->dev), dev->dev);
        else
                vh_list_insert_raw(list_of(def, class), list_of(def, class)->n, dev->dev);
        dev->dev = NULL;
        return 0;
}

void vh_domain_take_device(VhDomainDef *def, VhDeviceKind kind, unsigned i, VhDevice *dev)
{
        const VhDeviceClass *class = &classes[kind];

        dev->kind = kind;
        if (class->single) {
                dev->dev = *single_of(def, class);
                *single_of(def, class) = NULL;
        } else {
                dev->dev = vh_list_take_raw(list_of(def, class), i);
        }
}

/* ---- which device is meant ---- */

enum { VH_MAC_TEXT = 18 }; /* characters of a MAC address as text */

static bool same_disk(const VhDisk *a, const VhDisk *b)
{
        return vh_streq(a->target, b->target);
}

static bool same_place(const VhAddress *a, const VhAddress *b)
{
        return a->type == b->type && a->pci.domain == b->pci.domain && a->pci.bus == b->pci.bus &&
               a->pci.slot == b->pci.slot && a->pci.function == b->pci.function;
}

/* "0000:00:03.0", or what the reference says where there is none. */
static const char *place_text(const VhAddress *a, char *text, size_t len)
{
        if (a->type != VH_ADDRESS_PCI)
                return "(<null>)";
        snprintf(text, len, "%04x:%02x:%02x.%u", a->pci.domain, a->pci.bus, a->pci.slot, a->pci.function);
        return text;
}

static int no_net(const VhNet *net, VhError **err)
{
        const uint8_t *m = net->mac;
        char place[PLACE_TEXT];

        return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_DEVICE_MISSING,
                            "no device found at address '%s' matching MAC address '%02x:%02x:%02x:%02x:%02x:%02x' and "
                            "alias '%s'",
                            place_text(&net->info.address, place, sizeof(place)), m[0], m[1], m[2], m[3], m[4], m[5],
                            net->info.alias ? net->info.alias : "(<null>)");
}

static bool same_net(const VhNet *a, const VhNet *b)
{
        const VhAddress *at = &a->info.address;

        return memcmp(a->mac, b->mac, sizeof(a->mac)) == 0 &&
               (at->type != VH_ADDRESS_PCI || same_place(at, &b->info.address));
}

static bool same_controller(const VhController *wanted, const VhController *have)
{
        return wanted->type == have->type && wanted->index.set && wanted->index.val == have->index.val;
}

static bool same_graphics(const VhGraphics *a, const VhGraphics *b)
{
        return a->type == b->type;
}

static bool same_lease(const VhLease *a, const VhLease *b)
{
        return vh_streq(a->key, b->key) && vh_streq(a->lockspace, b->lockspace);
}

static bool same_filesystem(const VhFilesystem *a, const VhFilesystem *b)
{
        return vh_streq(a->target, b->target);
}

/* For the rest: what the given device says must agree, and an address or alias that it leaves out may be any. */
static bool same_otherwise(VhDeviceKind kind, void *wanted, void *have)
{
        const VhXmlTable *table = classes[kind].table;
        VhDeviceInfo *want_info = vh_device_info(kind, wanted), *have_info = vh_device_info(kind, have);
        void *copy = vh_xml_bind_dup(table, have);
        VhDeviceInfo *copy_info = vh_device_info(kind, copy);
        bool same;

        if (copy_info && want_info->address.type == VH_ADDRESS_NONE)
                copy_info->address = (VhAddress){};
        if (copy_info && have_info && !want_info->alias)
                vh_strset(&copy_info->alias, NULL);
        /* Consoles are numbered as they stand there. */
        if (kind == VH_DEVICE_CONSOLE && !((const VhChr *)wanted)->port.set)
                ((VhChr *)copy)->port = (VhOptUint){};
        same = vh_xml_bind_equal(table, wanted, copy, NULL);
        vh_xml_bind_free(table, copy);
        return same;
}

static bool same_device(VhDeviceKind kind, void *wanted, void *have)
{
        const VhDeviceInfo *want_info = vh_device_info(kind, wanted), *have_info = vh_device_info(kind, have);

        if (want_info && want_info->alias && have_info->alias && !vh_streq(want_info->alias, have_info->alias))
                return false;
        switch (kind) {
        case VH_DEVICE_DISK:
                return same_disk(wanted, have);
        case VH_DEVICE_NET:
                return same_net(wanted, have);
        case VH_DEVICE_CONTROLLER:
                return same_controller(wanted, have);
        case VH_DEVICE_GRAPHICS:
                return same_graphics(wanted, have);
        case VH_DEVICE_LEASE:
                return same_lease(wanted, have);
        case VH_DEVICE_FILESYSTEM:
                return same_filesystem(wanted, have);
        default:
                return same_otherwise(kind, wanted, have);
        }
}

static const char *mac_text(const VhNet *net, char text[VH_MAC_TEXT])
{
        snprintf(text, VH_MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", net->mac[0], net->mac[1], net->mac[2], net->mac[3],
                 net->mac[4], net->mac[5]);
        return text;
}

static int not_found(const VhDevice *dev, VhError **err)
{
        if (dev->kind == VH_DEVICE_NET)
                return no_net(dev->dev, err);
        return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_DEVICE_MISSING, "matching %s device not found",
                            classes[dev->kind].element);
}

static int find_in(const VhXmlList *list, const VhDevice *dev, uint32_t from)
{
        for (uint32_t i = from; i < list->n; i++)
                if (same_device(dev->kind, dev->dev, list->items[i]))
                        return (int)i;
        return -1;
}

int vh_domain_find_device(const VhDomainDef *def, const VhDevice *dev, VhError **err)
{
        const VhDeviceClass *class = &classes[dev->kind];
        const VhXmlList *list;
        char mac[VH_MAC_TEXT];
        int place;

        if (class->single)
                return *single_of(def, class) ? 0 : not_found(dev, err);
        list = list_of(def, class);
        place = find_in(list, dev, 0);
        if (place < 0)
                return not_found(dev, err);
        if (dev->kind == VH_DEVICE_NET && find_in(list, dev, (uint32_t)place + 1) >= 0)
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_OPERATION_FAILED,
                                    "multiple devices matching MAC address %s found", mac_text(dev->dev, mac));
        return place;
}
