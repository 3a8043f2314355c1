/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What devices may not be towards each other. */

#include "model/domain.h"

#include <errno.h>

static const char *source_text(const VhDisk *disk)
{
        if (disk->src.path)
                return disk->src.path;
        return disk->src.network && disk->src.network->name ? disk->src.network->name : "(null)";
}

static int check_disk_targets(const VhDomainDef *def, VhError **err)
{
        for (uint32_t i = 1; i < def->disks.n; i++)
                for (uint32_t j = 0; j < i; j++)
                        if (vh_streq(def->disks.items[i]->target, def->disks.items[j]->target))
                                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR,
                                                    "target '%s' duplicated for disk sources '%s' and '%s'",
                                                    def->disks.items[i]->target, source_text(def->disks.items[j]),
                                                    source_text(def->disks.items[i]));
        return 0;
}

static int check_drive(VhDeviceKind kind, void *dev, VhDeviceInfo *info, void *opaque)
{
        if (info && info->address.type == VH_ADDRESS_DRIVE && info->address.drive.controller > VH_CONTROLLER_INDEX_MAX)
                return vh_error_set(opaque, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR,
                                    "controller '%u' of a drive address is too large", info->address.drive.controller);
        return 0;
}

/* The companions of one USB 2 controller share its index. */
static bool may_share_index(const VhController *c)
{
        return c->type == VH_CONTROLLER_USB && c->model >= VH_CTRL_ICH9_EHCI1 && c->model <= VH_CTRL_ICH9_UHCI3;
}

static int check_controllers(const VhDomainDef *def, VhError **err)
{
        static const char *const types[] = { "",     "ide", "fdc", "scsi",   "sata", "virtio-serial",
                                             "ccid", "usb", "pci", "xenbus", "isa" };

        for (uint32_t i = 0; i < def->controllers.n; i++) {
                const VhController *c = def->controllers.items[i];

                if (c->index.val > VH_CONTROLLER_INDEX_MAX)
                        return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR,
                                            "Invalid index '%u' for controller '%s'", c->index.val, types[c->type]);
                for (uint32_t j = 0; j < i; j++)
                        if (c->type == def->controllers.items[j]->type &&
                            c->index.val == def->controllers.items[j]->index.val &&
                            !(may_share_index(c) && may_share_index(def->controllers.items[j])))
                                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR,
                                                    "Multiple '%s' controllers with index '%u'", types[c->type],
                                                    c->index.val);
        }
        return 0;
}

typedef struct BootCheck {
        uint32_t *orders;
        uint32_t n;
        VhError **err;
} BootCheck;

static int check_boot_order(VhDeviceKind kind, void *dev, VhDeviceInfo *info, void *opaque)
{
        BootCheck *check = opaque;

        if (!info || !info->boot_order)
                return 0;
        for (uint32_t i = 0; i < check->n; i++)
                if (check->orders[i] == info->boot_order)
                        return vh_error_set(check->err, VIR_FROM_DOMAIN, VIR_ERR_CONFIG_UNSUPPORTED,
                                            "boot order '%u' used for more than one device", info->boot_order);
        check->orders = vh_xrealloc(check->orders, check->n + 1, sizeof(*check->orders));
        check->orders[check->n++] = info->boot_order;
        return 0;
}

static int check_boot_orders(const VhDomainDef *def, VhError **err)
{
        BootCheck check = { .err = err };
        int r = vh_domain_each_device(def, check_boot_order, &check);

        free(check.orders);
        return r;
}

int vh_domain_check(const VhDomainDef *def, VhError **err)
{
        int r = check_disk_targets(def, err);

        if (r == 0)
                r = check_controllers(def, err);
        if (r == 0)
                r = vh_domain_each_device(def, check_drive, err);
        return r < 0 ? r : check_boot_orders(def, err);
}
