/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Devices come, go and change in stored definitions. After a change the whole definition is read anew, as if a client
 * had sent it: so addresses and controllers that are missing are filled in, and what does not fit together is refused,
 * by the same code and with the same words as for a new definition. */

#include "hotplug.h"
#include "qemu-ops.h"

#include <errno.h>

enum {
        DEVICE_FLAGS = QEMU_AFFECT,
        UPDATE_FLAGS = QEMU_AFFECT | VIR_DOMAIN_DEVICE_MODIFY_FORCE,
};

int qemu_device_parse(QemuDriver *driver, const char *xml, VhDevice *dev, VhError **err)
{
        VhDomainParseEnv env;

        return vh_device_parse(dev, xml, VH_XML_STRICT | VH_XML_INACTIVE, qemu_parse_env(driver, &env), err);
}

static int reread(QemuEdit *edit, VhError **err)
{
        _vh_free_ char *xml = vh_domain_def_format(edit->def, QEMU_STORED_XML);
        VhDomainDef *def = NULL;
        int r = qemu_parse(edit->driver, xml, VH_XML_STRICT, &def, err);

        if (r < 0)
                return r;
        vh_domain_def_free(edit->def);
        edit->def = def;
        return 0;
}

/* A serial port's other face, which comes and goes with it. */
static bool is_serial_console(const VhDevice *dev)
{
        return dev->kind == VH_DEVICE_CONSOLE && ((const VhChr *)dev->dev)->target_type != VH_CHR_TARGET_VIRTIO;
}

static int check_config_attach(const VhDomainDef *def, const VhDevice *dev, VhError **err)
{
        /* Nobody can put these into a definition but who writes it anew. */
        static const bool stays_away[VH_DEVICE_MAX] = {
                [VH_DEVICE_MEMBALLOON] = true, [VH_DEVICE_HUB] = true, [VH_DEVICE_AUDIO] = true,
                [VH_DEVICE_GRAPHICS] = true,   [VH_DEVICE_TPM] = true, [VH_DEVICE_PANIC] = true,
                [VH_DEVICE_VIDEO] = true,
        };
        const VhDisk *disk = dev->dev;
        const VhController *c = dev->dev;

        if (stays_away[dev->kind])
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "persistent attach of device '%s' is not supported", qemu_device_word(dev->kind));
        if (is_serial_console(dev))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "attaching serial console is not supported");
        if (dev->kind == VH_DEVICE_SHMEM && vh_domain_find_device(def, dev, NULL) >= 0)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID,
                                    "device is already in the domain configuration");
        if (dev->kind == VH_DEVICE_CONTROLLER && c->index.set && vh_domain_find_controller(def, c->type, c->index.val))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID,
                                    "controller index='%u' already exists", c->index.val);
        for (uint32_t i = 0; dev->kind == VH_DEVICE_DISK && i < def->disks.n; i++)
                if (vh_streq(def->disks.items[i]->target, disk->target))
                        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID, "target %s already exists",
                                            disk->target ? disk->target : "");
        return 0;
}

int qemu_config_attach(QemuEdit *edit, const char *xml, VhError **err)
{
        _vh_cleanup_(vh_device_done) VhDevice dev = { 0 };
        int r = qemu_device_parse(edit->driver, xml, &dev, err);

        if (r == 0)
                r = check_config_attach(edit->def, &dev, err);
        if (r == 0)
                r = vh_domain_add_device(edit->def, &dev, err);
        return r < 0 ? r : reread(edit, err);
}

/* The text of a device as an argument, or its alias. */
typedef struct DeviceCall {
        const remote_nonnull_domain *dom;
        const char *xml, *alias;
        uint32_t flags;
} DeviceCall;

typedef int (*ConfigFn)(QemuEdit *edit, const DeviceCall *args, VhError **err);

/* The stored definition alone, at once; or a task, where the running guest changes too. */
static int change_device(VhCall *call, const DeviceCall *args, const QemuTaskClass *live, ConfigFn config,
                         VhError **err)
{
        _qemu_edit_ QemuEdit edit = { 0 };
        VhDomainObj *dom = qemu_domain(call, args->dom, err);
        uint32_t affect = args->flags & QEMU_AFFECT;
        int r;

        if (!dom)
                return -ENOENT;
        r = vh_domain_obj_affect(dom, &affect, VIR_FROM_DOMAIN, err);
        if (r < 0)
                return r;
        if (affect & VIR_DOMAIN_AFFECT_LIVE)
                return qemu_change_start(call, dom, live, args->xml, args->alias, affect, args->flags);
        r = qemu_edit_begin(&edit, call, args->dom, affect, err);
        if (r == 0)
                r = config(&edit, args, err);
        return r < 0 ? r : qemu_edit_commit(&edit, err);
}

static int attach_config(QemuEdit *edit, const DeviceCall *args, VhError **err)
{
        return qemu_config_attach(edit, args->xml, err);
}

static int attach(VhCall *call, const remote_nonnull_domain *wire, const char *xml, uint32_t flags, VhError **err)
{
        const DeviceCall args = { .dom = wire, .xml = xml, .flags = flags };
        int r = vh_check_flags(flags, DEVICE_FLAGS, VIR_FROM_QEMU, "qemuDomainAttachDeviceLiveAndConfig", err);

        return r < 0 ? r : change_device(call, &args, &qemu_attach_class, attach_config, err);
}

QEMU_OP(domain_attach_device)
{
        return attach(call, &args->dom, args->xml, VIR_DOMAIN_AFFECT_LIVE, err);
}

QEMU_OP(domain_attach_device_flags)
{
        return attach(call, &args->dom, args->xml, args->flags, err);
}

/* A search by alias: where the device is. */
typedef struct AliasSearch {
        const char *alias;
        VhDeviceKind kind;
        unsigned count[VH_DEVICE_MAX]; /* devices met so far, by kind */
        unsigned place;
} AliasSearch;

static int match_alias(VhDeviceKind kind, void *dev, VhDeviceInfo *info, void *opaque)
{
        AliasSearch *search = opaque;

        if (info && vh_streq(info->alias, search->alias)) {
                search->kind = kind;
                search->place = search->count[kind];
                return 1;
        }
        search->count[kind]++;
        return 0;
}

bool qemu_device_by_alias(const VhDomainDef *def, const char *alias, VhDeviceKind *kind, unsigned *place)
{
        AliasSearch search = { .alias = alias };

        if (!vh_domain_each_device(def, match_alias, &search))
                return false;
        *kind = search.kind;
        *place = search.place;
        return true;
}

/* Which device of the stored definition a text or an alias means. */
static int find_config(const QemuEdit *edit, const char *xml, const char *alias, VhDeviceKind *kind, unsigned *place,
                       VhError **err)
{
        /* Nobody can take these out of a definition but who writes it anew. */
        static const bool stays[VH_DEVICE_MAX] = {
                [VH_DEVICE_MEMBALLOON] = true, [VH_DEVICE_VIDEO] = true, [VH_DEVICE_GRAPHICS] = true,
                [VH_DEVICE_TPM] = true,        [VH_DEVICE_PANIC] = true, [VH_DEVICE_HUB] = true,
                [VH_DEVICE_SMARTCARD] = true,  [VH_DEVICE_IOMMU] = true, [VH_DEVICE_AUDIO] = true,
                [VH_DEVICE_NVRAM] = true,
        };
        _vh_cleanup_(vh_device_done) VhDevice like = { 0 };
        int r;

        if (alias) {
                if (qemu_device_by_alias(edit->def, alias, kind, place))
                        return 0;
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_INTERNAL_ERROR, "no device found with alias %s",
                                    alias);
        }
        r = qemu_device_parse(edit->driver, xml, &like, err);
        if (r < 0)
                return r;
        *kind = like.kind;
        if (stays[like.kind])
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "persistent detach of device '%s' is not supported", qemu_device_word(like.kind));
        if (is_serial_console(&like))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID,
                                    "detaching serial console is not supported");
        r = qemu_device_find(edit->def, &like, QEMU_CONFIG_DETACH, err);
        *place = (unsigned)r;
        return r < 0 ? r : 0;
}

int qemu_config_detach(QemuEdit *edit, const char *xml, const char *alias, VhError **err)
{
        _vh_cleanup_(vh_device_done) VhDevice gone = { 0 };
        VhDeviceKind kind = VH_DEVICE_NONE;
        unsigned place = 0;
        int r = find_config(edit, xml, alias, &kind, &place, err);

        if (r < 0)
                return r;
        vh_domain_take_device(edit->def, kind, place, &gone);
        return reread(edit, err);
}

static int detach_config(QemuEdit *edit, const DeviceCall *args, VhError **err)
{
        return qemu_config_detach(edit, args->xml, args->alias, err);
}

static int detach(VhCall *call, const DeviceCall *args, const char *api, VhError **err)
{
        int r = vh_check_flags(args->flags, DEVICE_FLAGS, VIR_FROM_QEMU, api, err);

        return r < 0 ? r : change_device(call, args, &qemu_detach_class, detach_config, err);
}

QEMU_OP(domain_detach_device)
{
        const DeviceCall device = { .dom = &args->dom, .xml = args->xml, .flags = VIR_DOMAIN_AFFECT_LIVE };

        return detach(call, &device, "qemuDomainDetachDeviceLiveAndConfig", err);
}

QEMU_OP(domain_detach_device_flags)
{
        const DeviceCall device = { .dom = &args->dom, .xml = args->xml, .flags = args->flags };

        return detach(call, &device, "qemuDomainDetachDeviceLiveAndConfig", err);
}

QEMU_OP(domain_detach_device_alias)
{
        const DeviceCall device = { .dom = &args->dom, .alias = args->alias, .flags = args->flags };

        return detach(call, &device, "qemuDomainDetachDeviceAliasLiveAndConfig", err);
}

/* The place of an existing device in the definition. */
static void **device_slot(VhDomainDef *def, VhDeviceKind kind, unsigned i)
{
        typedef VH_LIST(void) AnyList;
        const VhDeviceClass *class = vh_device_class(kind);
        char *field = (char *)def + class->offset;

        return class->single ? (void **)field : &((AnyList *)field)->items[i];
}

/* A stored definition has no names but those that somebody thought of. */
static void forget_alias(const VhDevice *dev)
{
        VhDeviceInfo *info = vh_device_info(dev->kind, dev->dev);

        if (info && info->alias && !vh_startswith(info->alias, "ua-"))
                vh_strset(&info->alias, NULL);
}

/* Where the new text is silent, the device stays where it was. */
static void keep_address(VhDeviceKind kind, void *old, void *new)
{
        VhDeviceInfo *from = vh_device_info(kind, old), *to = vh_device_info(kind, new);

        if (!from || !to)
                return;
        if (to->address.type == VH_ADDRESS_NONE)
                to->address = from->address;
        if (!to->alias)
                to->alias = vh_xstrdup(from->alias);
        if (!to->boot_order)
                to->boot_order = from->boot_order;
}

static bool is_at(const VhAddress *have, const VhAddress *want)
{
        if (have->type != want->type)
                return false;
        if (want->type == VH_ADDRESS_DIMM)
                return want->dimm.slot.set && have->dimm.slot.set && have->dimm.slot.val == want->dimm.slot.val;
        return want->type == VH_ADDRESS_PCI && have->pci.domain == want->pci.domain && have->pci.bus == want->pci.bus &&
               have->pci.slot == want->pci.slot && have->pci.function == want->pci.function;
}

/* Memory is known by its name or place: what it offers is what changes. */
static int find_memory(const VhDomainDef *def, const VhDevice *dev, VhError **err)
{
        const VhDeviceInfo *want = vh_device_info(dev->kind, dev->dev);

        for (uint32_t i = 0; i < def->memdevs.n; i++) {
                const VhDeviceInfo *have = &def->memdevs.items[i]->info;
                bool same_name = want->alias && vh_streq(have->alias, want->alias);

                if (same_name || is_at(&have->address, &want->address))
                        return (int)i;
        }
        return qemu_device_missing(QEMU_CONFIG_UPDATE, dev, err);
}

static int has_order(VhDeviceKind kind, void *dev, VhDeviceInfo *info, void *opaque)
{
        return info && info->boot_order == *(const uint32_t *)opaque;
}

int qemu_change_boot_check(const VhDomainDef *def, const VhDeviceInfo *old, const VhDeviceInfo *new, VhError **err)
{
        uint32_t order = new->boot_order;

        if (!order || order == old->boot_order || !vh_domain_each_device(def, has_order, &order))
                return 0;
        return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_CONFIG_UNSUPPORTED,
                            "boot order %u is already used by another device", order);
}

/* A disk that nobody has is still looked at first. The definition is not to be used afterwards. */
static int check_absent(QemuEdit *edit, const VhDevice *dev, VhError **err)
{
        VhDevice copy = { dev->kind, vh_xml_bind_dup(vh_device_class(dev->kind)->table, dev->dev) };
        int r;

        vh_device_info(copy.kind, copy.dev)->boot_order = 0;
        r = vh_domain_add_device(edit->def, &copy, err);
        return r < 0 ? r : reread(edit, err);
}

/* Where in the stored definition it is. */
static int find_changing(QemuEdit *edit, const VhDevice *dev, VhError **err)
{
        _vh_error_ VhError *absent = NULL;
        int i;

        if (dev->kind == VH_DEVICE_MEMORY)
                return find_memory(edit->def, dev, err);
        i = qemu_device_find(edit->def, dev, QEMU_CONFIG_UPDATE, &absent);
        if (i >= 0)
                return i;
        if (dev->kind == VH_DEVICE_DISK && check_absent(edit, dev, err) < 0)
                return -EINVAL;
        *err = VH_TAKE_PTR(absent);
        return i;
}

int qemu_config_update(QemuEdit *edit, const char *xml, VhError **err)
{
        _vh_cleanup_(vh_device_done) VhDevice dev = { 0 };
        void **slot, *old;
        int i, r = qemu_device_parse(edit->driver, xml, &dev, err);

        if (r < 0)
                return r;
        if (dev.kind != VH_DEVICE_DISK && dev.kind != VH_DEVICE_NET && dev.kind != VH_DEVICE_GRAPHICS &&
            dev.kind != VH_DEVICE_MEMORY)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "persistent update of device '%s' is not supported", qemu_device_word(dev.kind));
        forget_alias(&dev);
        i = find_changing(edit, &dev, err);
        if (i < 0)
                return i;
        slot = device_slot(edit->def, dev.kind, (unsigned)i);
        old = *slot;
        if (vh_device_info(dev.kind, old))
                r = qemu_change_boot_check(edit->def, vh_device_info(dev.kind, old), vh_device_info(dev.kind, dev.dev),
                                           err);
        if (r < 0)
                return r;
        if (dev.kind != VH_DEVICE_DISK)
                keep_address(dev.kind, old, dev.dev);
        *slot = dev.dev;
        dev.dev = old;
        return reread(edit, err);
}

static int update_config(QemuEdit *edit, const DeviceCall *args, VhError **err)
{
        return qemu_config_update(edit, args->xml, err);
}

QEMU_OP(domain_update_device_flags)
{
        const DeviceCall device = { .dom = &args->dom, .xml = args->xml, .flags = args->flags };
        int r = vh_check_flags(args->flags, UPDATE_FLAGS, VIR_FROM_QEMU, "qemuDomainUpdateDeviceFlags", err);

        return r < 0 ? r : change_device(call, &device, &qemu_update_class, update_config, err);
}
