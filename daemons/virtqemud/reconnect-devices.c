/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Devices of a guest whose daemon was killed while one of them came or went: the status file has every device that may
 * be inside QEMU, and those that are not there leave the definition with all that belongs to them. */

#include "base/log.h"
#include "hotplug.h"

VH_LOG_SOURCE("qemu.reconnect");

/* Those that can come and go, and always stand in QEMU's list under their alias. */
bool qemu_device_is_listed(VhDeviceKind kind, const void *dev)
{
        const VhController *c = dev;
        const VhDisk *disk = dev;
        const VhChr *chr = dev;

        switch (kind) {
        case VH_DEVICE_DISK:
                return disk->bus == VH_DISK_BUS_VIRTIO || disk->bus == VH_DISK_BUS_SCSI || disk->bus == VH_DISK_BUS_USB;
        case VH_DEVICE_CONTROLLER:
                return c->type == VH_CONTROLLER_SCSI || c->type == VH_CONTROLLER_VIRTIO_SERIAL;
        case VH_DEVICE_CHANNEL:
                return chr->info.address.type == VH_ADDRESS_VIRTIO_SERIAL;
        case VH_DEVICE_NET:
        case VH_DEVICE_RNG:
        case VH_DEVICE_REDIRDEV:
                return true;
        default:
                return false;
        }
}

typedef struct Search {
        const json_t *list;
        const char *missing; /* an alias; the definition's */
} Search;

static bool is_in(const json_t *list, const char *alias)
{
        const json_t *item;
        size_t i;

        json_array_foreach((json_t *)list, i, item)
        {
                if (vh_streq(json_string_value(json_object_get(item, "name")), alias))
                        return true;
        }
        return false;
}

static int find_missing(VhDeviceKind kind, void *dev, VhDeviceInfo *info, void *opaque)
{
        Search *search = opaque;

        if (!info || !info->alias || !qemu_device_is_listed(kind, dev) || is_in(search->list, info->alias))
                return 0;
        search->missing = info->alias;
        return 1;
}

static void got_devices(void *data, json_t *ret, int r, const VhError *err)
{
        QemuProcess *proc = data;
        Search search = { .list = ret };

        if (r < 0 || !json_array_size(ret))
                return;
        while (vh_domain_each_device(proc->dom->def, find_missing, &search)) {
                _vh_free_ char *alias = vh_xstrdup(search.missing);

                vh_log_info("domain '%s': device '%s' is not there any more", proc->dom->node.name, alias);
                qemu_device_gone(proc, alias);
        }
}

void qemu_devices_refresh(QemuProcess *proc)
{
        qmp_send(proc->mon, qmp_command("qom-list", "{s:s}", "path", "/machine/peripheral"), got_devices, proc);
}
