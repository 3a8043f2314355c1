/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Devices come, go and change in stored definitions. After a change the whole definition is read anew, as if a client
 * had sent it: so addresses and controllers that are missing are filled in, and what does not fit together is refused,
 * by the same code and with the same words as for a new definition. */

#include "qemu-ops.h"

#include <errno.h>

enum {
        DEVICE_FLAGS = QEMU_AFFECT,
        UPDATE_FLAGS = QEMU_AFFECT | VIR_DOMAIN_DEVICE_MODIFY_FORCE,
};

static int parse_device(QemuDriver *driver, const char *xml, VhDevice *dev, VhError **err)
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
        return qemu_edit_commit(edit, err);
}

static int check_target_free(const VhDomainDef *def, const VhDevice *dev, VhError **err)
{
        const VhDisk *disk = dev->dev;

        for (uint32_t i = 0; dev->kind == VH_DEVICE_DISK && i < def->disks.n; i++)
                if (vh_streq(def->disks.items[i]->target, disk->target))
                        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID, "target %s already exists",
                                            disk->target ? disk->target : "");
        return 0;
}

static int attach(VhCall *call, const remote_nonnull_domain *wire, const char *xml, uint32_t flags, VhError **err)
{
        _qemu_edit_ QemuEdit edit = { 0 };
        _vh_cleanup_(vh_device_done) VhDevice dev = { 0 };
        int r = vh_check_flags(flags, DEVICE_FLAGS, VIR_FROM_QEMU, "qemuDomainAttachDeviceLiveAndConfig", err);

        if (r == 0)
                r = qemu_edit_begin(&edit, call, wire, flags, err);
        if (r == 0)
                r = parse_device(edit.driver, xml, &dev, err);
        if (r == 0)
                r = check_target_free(edit.def, &dev, err);
        if (r == 0)
                r = vh_domain_add_device(edit.def, &dev, err);
        return r < 0 ? r : reread(&edit, err);
}

QEMU_OP(domain_attach_device)
{
        return attach(call, &args->dom, args->xml, VIR_DOMAIN_AFFECT_LIVE, err);
}

QEMU_OP(domain_attach_device_flags)
{
        return attach(call, &args->dom, args->xml, args->flags, err);
}

static int detach(VhCall *call, const remote_nonnull_domain *wire, const char *xml, uint32_t flags, VhError **err)
{
        _qemu_edit_ QemuEdit edit = { 0 };
        _vh_cleanup_(vh_device_done) VhDevice like = { 0 }, gone = { 0 };
        int i, r = vh_check_flags(flags, DEVICE_FLAGS, VIR_FROM_QEMU, "qemuDomainDetachDeviceLiveAndConfig", err);

        if (r == 0)
                r = qemu_edit_begin(&edit, call, wire, flags, err);
        if (r == 0)
                r = parse_device(edit.driver, xml, &like, err);
        if (r < 0)
                return r;
        i = vh_domain_find_device(edit.def, &like, err);
        if (i < 0)
                return i;
        vh_domain_take_device(edit.def, like.kind, (unsigned)i, &gone);
        return reread(&edit, err);
}

QEMU_OP(domain_detach_device)
{
        return detach(call, &args->dom, args->xml, VIR_DOMAIN_AFFECT_LIVE, err);
}

QEMU_OP(domain_detach_device_flags)
{
        return detach(call, &args->dom, args->xml, args->flags, err);
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

QEMU_OP(domain_detach_device_alias)
{
        _qemu_edit_ QemuEdit edit = { 0 };
        _vh_cleanup_(vh_device_done) VhDevice gone = { 0 };
        AliasSearch search = { .alias = args->alias };
        int r = vh_check_flags(args->flags, DEVICE_FLAGS, VIR_FROM_QEMU, "qemuDomainDetachDeviceAliasLiveAndConfig",
                               err);

        if (r == 0)
                r = qemu_edit_begin(&edit, call, &args->dom, args->flags, err);
        if (r < 0)
                return r;
        if (!vh_domain_each_device(edit.def, match_alias, &search))
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_INTERNAL_ERROR, "no device found with alias %s",
                                    args->alias);
        vh_domain_take_device(edit.def, search.kind, search.place, &gone);
        return reread(&edit, err);
}

/* The place of an existing device in the definition. */
static void **device_slot(VhDomainDef *def, VhDeviceKind kind, unsigned i)
{
        typedef VH_LIST(void) AnyList;
        const VhDeviceClass *class = vh_device_class(kind);
        char *field = (char *)def + class->offset;

        return class->single ? (void **)field : &((AnyList *)field)->items[i];
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

QEMU_OP(domain_update_device_flags)
{
        _qemu_edit_ QemuEdit edit = { 0 };
        _vh_cleanup_(vh_device_done) VhDevice dev = { 0 };
        void **slot, *old;
        int i, r = vh_check_flags(args->flags, UPDATE_FLAGS, VIR_FROM_QEMU, "qemuDomainUpdateDeviceFlags", err);

        if (r == 0)
                r = qemu_edit_begin(&edit, call, &args->dom, args->flags, err);
        if (r == 0)
                r = parse_device(edit.driver, args->xml, &dev, err);
        if (r < 0)
                return r;
        if (dev.kind != VH_DEVICE_DISK && dev.kind != VH_DEVICE_NET && dev.kind != VH_DEVICE_GRAPHICS)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "persistent update of device '%s' is not supported",
                                    vh_device_class(dev.kind)->element);
        i = vh_domain_find_device(edit.def, &dev, err);
        if (i < 0)
                return i;
        slot = device_slot(edit.def, dev.kind, (unsigned)i);
        old = *slot;
        keep_address(dev.kind, old, dev.dev);
        *slot = dev.dev;
        dev.dev = old;
        return reread(&edit, err);
}
