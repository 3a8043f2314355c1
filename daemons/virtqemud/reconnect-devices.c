/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Devices of a guest whose daemon was killed while one of them came or went: the status file has every device that may
 * be inside QEMU, and those that are not there leave the definition with all that belongs to them. */

#include "base/log.h"
#include "hotplug.h"
#include "peripherals.h"

VH_LOG_SOURCE("qemu.reconnect");

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
