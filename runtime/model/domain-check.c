/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What devices may not be towards each other. */

#include "model/domain-check.h"

int vh_rules_check(const VhRule *rules, size_t n, int domain, VhError **err)
{
        for (const VhRule *rule = rules; rule < rules + n; rule++)
                if (rule->broken)
                        return vh_error_set(err, domain, rule->code, "%s%s%s", rule->before,
                                            rule->value ? rule->value : "", rule->after ? rule->after : "");
        return 0;
}

static const char *source_text(const VhDisk *disk)
{
        if (disk->src.path)
                return disk->src.path;
        return disk->src.network && disk->src.network->name ? disk->src.network->name : "(null)";
}

int vh_domain_check_targets(const VhDomainDef *def, VhError **err)
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

static int check_drive_addresses(const VhDomainDef *def, VhError **err)
{
        for (uint32_t i = 1; i < def->disks.n; i++) {
                const VhDisk *d = def->disks.items[i];
                const VhAddress *a = &d->info.address;

                for (uint32_t j = 0; a->type == VH_ADDRESS_DRIVE && j < i; j++) {
                        const VhDisk *other = def->disks.items[j];

                        if (other->bus == d->bus && other->info.address.type == a->type &&
                            memcmp(&other->info.address.drive, &a->drive, sizeof(a->drive)) == 0)
                                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_CONFIG_UNSUPPORTED,
                                                    "Found duplicate drive address for disk with target name '%s' "
                                                    "controller='%u' bus='%u' target='%u' unit='%u'",
                                                    other->target, a->drive.controller, a->drive.bus, a->drive.target,
                                                    a->drive.unit);
                }
        }
        return 0;
}

/* ---- USB ---- */

static int check_usb(const VhDomainDef *def, VhError **err)
{
        bool disabled = false, master = false, companion = false;
        uint32_t controllers = 0, inputs = 0;

        for (uint32_t i = 0; i < def->controllers.n; i++) {
                const VhController *c = def->controllers.items[i];

                if (c->type != VH_CONTROLLER_USB)
                        continue;
                controllers++;
                disabled |= c->model == VH_CTRL_USB_NONE;
                master |= !c->info.master_startport.set;
                companion |= c->info.master_startport.set;
        }
        for (uint32_t i = 0; i < def->inputs.n; i++)
                inputs += def->inputs.items[i]->bus == VH_INPUT_BUS_USB;
        return VH_CHECK_RULES(
                VIR_FROM_DOMAIN, err,
                { disabled && controllers > 1, VIR_ERR_XML_DETAIL,
                  "Can't add another USB controller: USB is disabled for this domain" },
                { disabled && inputs, VIR_ERR_CONFIG_UNSUPPORTED, "Can't add USB input device. USB bus is disabled" },
                { disabled && def->hubs.n, VIR_ERR_CONFIG_UNSUPPORTED,
                  "Can't add USB hub: USB is disabled for this domain" },
                { disabled && def->redirdevs.n, VIR_ERR_CONFIG_UNSUPPORTED,
                  "Can't add redirected USB device: USB is disabled for this domain" },
                { companion && !master, VIR_ERR_XML_DETAIL, "No master USB controller specified" }, );
}

/* ---- displays, sound ---- */

static int check_videos(const VhDomainDef *def, VhError **err)
{
        uint32_t primary = 0, none = 0;

        for (uint32_t i = 0; i < def->videos.n; i++) {
                primary += def->videos.items[i]->primary == VH_YES;
                none += def->videos.items[i]->type == VH_VIDEO_NONE;
        }
        return VH_CHECK_RULES(
                VIR_FROM_DOMAIN, err,
                { none && def->videos.n > 1, VIR_ERR_CONFIG_UNSUPPORTED,
                  "a 'none' video type must be the only video device defined for the domain" },
                { primary > 1, VIR_ERR_CONFIG_UNSUPPORTED, "Only one primary video device is supported" }, );
}

static bool has_audio(const VhDomainDef *def, uint32_t id, uint32_t n)
{
        for (uint32_t i = 0; i < n; i++)
                if (def->audios.items[i]->id == id)
                        return true;
        return false;
}

static int check_audio_ids(const VhDomainDef *def, VhError **err)
{
        for (uint32_t i = 0; i < def->audios.n; i++)
                if (has_audio(def, def->audios.items[i]->id, i))
                        return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR,
                                            "audio ID %u is used multiple times", def->audios.items[i]->id);
        for (uint32_t i = 0; i < def->sounds.n; i++) {
                uint32_t id = def->sounds.items[i]->audio_id;

                if (id && !has_audio(def, id, def->audios.n))
                        return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR, "no audio device with ID %u", id);
        }
        return 0;
}

static int check_consoles(const VhDomainDef *def, VhError **err)
{
        for (uint32_t i = 1; i < def->consoles.n; i++)
                if (def->consoles.items[i]->target_type == VH_CHR_TARGET_SERIAL)
                        return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_CONFIG_UNSUPPORTED,
                                            "Only the first console can be a serial port");
        return 0;
}

/* ---- devices of which there may be one of a kind ---- */

static int check_panics(const VhDomainDef *def, VhError **err)
{
        static const char *const models[] = { "default", "isa", "pseries", "hyperv", "s390", "pvpanic" };
        uint32_t seen = 0;

        for (uint32_t i = 0; i < def->panics.n; i++) {
                uint32_t bit = UINT32_C(1) << def->panics.items[i]->model;

                if (seen & bit)
                        return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR,
                                            "Multiple panic devices with model '%s'",
                                            models[def->panics.items[i]->model]);
                seen |= bit;
        }
        return 0;
}

static bool same_host_pci(const VhHostdev *a, const VhHostdev *b)
{
        return a->type == VH_HOSTDEV_PCI && b->type == VH_HOSTDEV_PCI && a->pci.domain == b->pci.domain &&
               a->pci.bus == b->pci.bus && a->pci.slot == b->pci.slot && a->pci.function == b->pci.function;
}

static int check_hostdevs(const VhDomainDef *def, VhError **err)
{
        for (uint32_t i = 1; i < def->hostdevs.n; i++)
                for (uint32_t j = 0; j < i; j++)
                        if (same_host_pci(def->hostdevs.items[i], def->hostdevs.items[j]))
                                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR,
                                                    "Hostdev already exists in the domain configuration");
        return 0;
}

typedef struct AliasCheck {
        const char **seen;
        uint32_t n;
        VhError **err;
} AliasCheck;

static int check_alias(VhDeviceKind kind, void *dev, VhDeviceInfo *info, void *opaque)
{
        AliasCheck *check = opaque;

        /* Only names that users gave: some of ours stand for several, such as companions of a USB controller. A paired
         * console shows the serial port's name once more. */
        if (!info || !info->alias || !vh_startswith(info->alias, "ua-") || kind == VH_DEVICE_CONSOLE)
                return 0;
        for (uint32_t i = 0; i < check->n; i++)
                if (strcmp(check->seen[i], info->alias) == 0)
                        return vh_error_set(check->err, VIR_FROM_DOMAIN, VIR_ERR_CONFIG_UNSUPPORTED,
                                            "non unique alias detected: %s", info->alias);
        check->seen = vh_xrealloc(check->seen, check->n + 1, sizeof(*check->seen));
        check->seen[check->n++] = info->alias;
        return 0;
}

static int check_aliases(const VhDomainDef *def, VhError **err)
{
        AliasCheck check = { .err = err };
        int r = vh_domain_each_device(def, check_alias, &check);

        free(check.seen);
        return r;
}

static int check_device(VhDeviceKind kind, void *dev, VhDeviceInfo *info, void *opaque)
{
        int r = check_drive(kind, dev, info, opaque);

        return r < 0 ? r : vh_domain_check_device(kind, dev, opaque);
}

int vh_domain_check(const VhDomainDef *def, VhError **err)
{
        static int (*const checks[])(const VhDomainDef *def, VhError **err) = {
                vh_domain_check_targets, check_controllers, check_usb,
                check_drive_addresses,   check_boot_orders, check_videos,
                check_audio_ids,         check_hostdevs,    check_panics,
                check_consoles,          check_aliases,
        };
        int r = vh_domain_each_device(def, check_device, err);

        for (size_t i = 0; r == 0 && i < VH_ARRAY_SIZE(checks); i++)
                r = checks[i](def, err);
        return r;
}
