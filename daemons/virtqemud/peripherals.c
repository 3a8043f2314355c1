/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* QEMU's list of a guest's devices. */

#include "peripherals.h"

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
        case VH_DEVICE_FILESYSTEM: /* 9p has the same name */
                return true;
        default:
                return false;
        }
}

/* ---- the list ---- */

QemuPeripherals *qemu_peripherals_free(QemuPeripherals *list)
{
        for (size_t i = 0; list && i < list->n; i++)
                free(list->names[i]);
        if (list)
                free(list->names);
        free(list);
        return NULL;
}

static bool has(const QemuPeripherals *list, const char *alias)
{
        for (size_t i = 0; list && i < list->n; i++)
                if (strcmp(list->names[i], alias) == 0)
                        return true;
        return false;
}

void qemu_peripherals_set(QemuProcess *proc, json_t *ret)
{
        QemuPeripherals *list = vh_new(QemuPeripherals, 1);
        json_t *item;
        size_t i;

        list->names = vh_new(char *, json_array_size(ret) + 1);
        json_array_foreach(ret, i, item)
        {
                const char *type = json_string_value(json_object_get(item, "type"));
                const char *name = json_string_value(json_object_get(item, "name"));

                if (name && type && vh_startswith(type, "child<"))
                        list->names[list->n++] = vh_xstrdup(name);
        }
        qemu_peripherals_free(proc->peripherals);
        proc->peripherals = list;
}

void qemu_peripherals_add(QemuProcess *proc, const char *alias)
{
        QemuPeripherals *list = proc->peripherals;

        if (!list || !alias || has(list, alias))
                return;
        list->names = vh_xrealloc(list->names, list->n + 1, sizeof(char *));
        list->names[list->n++] = vh_xstrdup(alias);
}

void qemu_peripherals_remove(QemuProcess *proc, const char *alias)
{
        QemuPeripherals *list = proc->peripherals;
        size_t kept = 0;

        for (size_t i = 0; list && i < list->n; i++)
                if (strcmp(list->names[i], alias) == 0)
                        free(list->names[i]);
                else
                        list->names[kept++] = list->names[i];
        if (list)
                list->n = kept;
}

/* ---- in status files ---- */

typedef struct Format {
        const QemuPeripherals *known;
        VhBuf *b;
} Format;

static void add(VhBuf *b, const char *alias)
{
        vh_buf_adds(b, "    <device alias='");
        vh_buf_xml_escape(b, alias);
        vh_buf_adds(b, "'/>\n");
}

/* What has joined since QEMU was asked, or is about to. */
static int add_new(VhDeviceKind kind, void *dev, VhDeviceInfo *info, void *opaque)
{
        const Format *format = opaque;

        if (info && info->alias && qemu_device_is_listed(kind, dev) && !has(format->known, info->alias))
                add(format->b, info->alias);
        return 0;
}

static void add_new_vcpus(const QemuProcess *proc, VhBuf *b)
{
        for (size_t i = 0; i < proc->n_vcpus; i++) {
                _vh_free_ char *alias = proc->vcpus[i].plugged ? vh_xasprintf("vcpu%zu", i) : NULL;

                if (alias && !has(proc->peripherals, alias))
                        add(b, alias);
        }
}

void qemu_peripherals_format(const QemuProcess *proc, const VhDomainDef *def, VhBuf *b)
{
        Format format = { proc->peripherals, b };

        vh_buf_adds(b, "  <devices>\n");
        for (size_t i = 0; proc->peripherals && i < proc->peripherals->n; i++)
                add(b, proc->peripherals->names[i]);
        add_new_vcpus(proc, b);
        vh_domain_each_device(def, add_new, &format);
        vh_buf_adds(b, "  </devices>\n");
}
