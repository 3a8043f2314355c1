/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where a definition names device nodes. */

#include "guest-nodes.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

enum {
        PATH_SIZE = 512,
        TPM_PASSTHROUGH = 1, /* words of the model */
        RNG_RANDOM = 1,
};

/* ---- devices of the host ---- */

/* "/dev/vfio/12" of a device in sysfs. */
static int vfio_node(const char *sysfs, QemuNodeFn fn, void *data, VhError **err)
{
        _vh_free_ char *link = vh_xasprintf("%s/iommu_group", sysfs);
        char target[PATH_SIZE], path[PATH_SIZE + sizeof("/dev/vfio/")];
        ssize_t n = readlink(link, target, sizeof(target) - 1);
        int r;

        if (n < 0)
                return 0; /* QEMU will tell what it misses */
        target[n] = '\0';
        snprintf(path, sizeof(path), "/dev/vfio/%s", strrchr(target, '/') ? strrchr(target, '/') + 1 : target);
        r = fn(data, path, QEMU_DEVICE_RW, err);
        return r < 0 ? r : fn(data, "/dev/vfio/vfio", QEMU_DEVICE_RW, err);
}

static int pci_nodes(const VhHostdev *h, QemuNodeFn fn, void *data, VhError **err)
{
        _vh_free_ char *sysfs = vh_xasprintf("/sys/bus/pci/devices/%04x:%02x:%02x.%x", h->pci.domain, h->pci.bus,
                                             h->pci.slot, h->pci.function);

        return vfio_node(sysfs, fn, data, err);
}

static int mdev_nodes(const VhHostdev *h, QemuNodeFn fn, void *data, VhError **err)
{
        char uuid[VH_UUID_TEXT_LEN + 1];
        _vh_free_ char *sysfs = NULL;

        vh_uuid_format(h->mdev, uuid);
        sysfs = vh_xasprintf("/sys/bus/mdev/devices/%s", uuid);
        return vfio_node(sysfs, fn, data, err);
}

static int usb_nodes(const VhHostdev *h, QemuNodeFn fn, void *data, VhError **err)
{
        char path[PATH_SIZE];

        if (!h->usb_bus.set || !h->usb_device.set)
                return 0;
        snprintf(path, sizeof(path), "/dev/bus/usb/%03u/%03u", h->usb_bus.val, h->usb_device.val);
        return fn(data, path, QEMU_DEVICE_RW, err);
}

/* "/dev/sg3" of host:bus:target:unit. */
static int scsi_nodes(const VhHostdev *h, QemuNodeFn fn, void *data, VhError **err)
{
        unsigned host;
        _vh_free_ char *folder = NULL;
        struct dirent *entry;
        int r = 0;
        DIR *dir;

        if (!h->adapter || sscanf(h->adapter, "scsi_host%u", &host) != 1)
                return 0;
        folder = vh_xasprintf("/sys/bus/scsi/devices/%u:%u:%u:%llu/scsi_generic", host, h->scsi_bus.val,
                              h->scsi_target.val, (unsigned long long)h->scsi_unit.val);
        dir = opendir(folder);
        while (r == 0 && dir && (entry = readdir(dir))) {
                _vh_free_ char *path = vh_xasprintf("/dev/%s", entry->d_name);

                if (entry->d_name[0] != '.')
                        r = fn(data, path, h->readonly ? QEMU_DEVICE_READ : QEMU_DEVICE_RW, err);
        }
        if (dir)
                closedir(dir);
        return r;
}

int qemu_hostdev_nodes(const VhHostdev *hostdev, QemuNodeFn fn, void *data, VhError **err)
{
        if (hostdev->mode != VH_HOSTDEV_SUBSYSTEM)
                return 0;
        switch (hostdev->type) {
        case VH_HOSTDEV_USB:
                return usb_nodes(hostdev, fn, data, err);
        case VH_HOSTDEV_PCI:
                return pci_nodes(hostdev, fn, data, err);
        case VH_HOSTDEV_SCSI:
                return scsi_nodes(hostdev, fn, data, err);
        case VH_HOSTDEV_MDEV:
                return mdev_nodes(hostdev, fn, data, err);
        case VH_HOSTDEV_SCSI_HOST:
                return fn(data, "/dev/vhost-scsi", QEMU_DEVICE_RW, err);
        default:
                return 0;
        }
}

/* ---- the rest ---- */

/* Every image may be a node, also by a symbolic link; what is none is left alone by who asks. */
int qemu_disk_nodes(const VhDisk *disk, QemuNodeFn fn, void *data, VhError **err)
{
        unsigned access = disk->readonly ? QEMU_DEVICE_READ : QEMU_DEVICE_RW;
        int r = 0;

        for (const VhDiskSource *src = &disk->src; r == 0 && src; src = src->backing) {
                if (src->path && (src->type == VH_DISK_TYPE_BLOCK || src->type == VH_DISK_TYPE_FILE))
                        r = fn(data, src->path, access, err);
                access = QEMU_DEVICE_READ;
        }
        return r;
}

static int chr_nodes(const VhChr *chr, QemuNodeFn fn, void *data, VhError **err)
{
        return chr->source.type == VH_CHR_DEV && chr->source.path ? fn(data, chr->source.path, QEMU_DEVICE_RW, err) : 0;
}

static int path_nodes(const char *path, QemuNodeFn fn, void *data, VhError **err)
{
        return path ? fn(data, path, QEMU_DEVICE_RW, err) : 0;
}

int qemu_device_nodes(const VhDevice *dev, QemuNodeFn fn, void *data, VhError **err)
{
        switch (dev->kind) {
        case VH_DEVICE_DISK:
                return qemu_disk_nodes(dev->dev, fn, data, err);
        case VH_DEVICE_HOSTDEV:
                return qemu_hostdev_nodes(dev->dev, fn, data, err);
        case VH_DEVICE_SERIAL:
        case VH_DEVICE_PARALLEL:
        case VH_DEVICE_CONSOLE:
        case VH_DEVICE_CHANNEL:
                return chr_nodes(dev->dev, fn, data, err);
        case VH_DEVICE_TPM: {
                const VhTpm *tpm = dev->dev;

                return tpm->type == TPM_PASSTHROUGH ? path_nodes(tpm->path, fn, data, err) : 0;
        }
        case VH_DEVICE_RNG: {
                const VhRng *rng = dev->dev;

                return rng->backend == RNG_RANDOM ? path_nodes(rng->device, fn, data, err) : 0;
        }
        case VH_DEVICE_INPUT:
                return path_nodes(((const VhInput *)dev->dev)->source, fn, data, err);
        case VH_DEVICE_GRAPHICS:
                return path_nodes(((const VhGraphics *)dev->dev)->rendernode, fn, data, err);
        default:
                return 0;
        }
}

typedef struct Each {
        QemuNodeFn fn;
        void *data;
        VhError **err;
} Each;

static int each_device(VhDeviceKind kind, void *ptr, VhDeviceInfo *info, void *opaque)
{
        const Each *each = opaque;
        const VhDevice dev = { .kind = kind, .dev = ptr };

        return qemu_device_nodes(&dev, each->fn, each->data, each->err);
}

/* What qemu.conf names, else what QEMU needs in any case. */
static int basic_nodes(const QemuDriver *driver, QemuNodeFn fn, void *data, VhError **err)
{
        static const char *const basic[] = { "/dev/null",    "/dev/full", "/dev/zero", "/dev/random",
                                             "/dev/urandom", "/dev/ptmx", "/dev/kvm" };
        const VhConfEntry *entry = driver->conf ? vh_conf_find(driver->conf, "cgroup_device_acl") : NULL;
        int r = 0;

        if (!entry || entry->value.kind != VH_CONF_LIST) {
                for (size_t i = 0; r == 0 && i < VH_ARRAY_SIZE(basic); i++)
                        r = fn(data, basic[i], QEMU_DEVICE_RW, err);
                return r;
        }
        for (size_t i = 0; r == 0 && i < entry->value.list.n; i++)
                if (entry->value.list.items[i].kind == VH_CONF_STRING)
                        r = fn(data, entry->value.list.items[i].str, QEMU_DEVICE_RW, err);
        return r;
}

int qemu_guest_nodes(const QemuDriver *driver, const VhDomainDef *def, QemuNodeFn fn, void *data, VhError **err)
{
        Each each = { fn, data, err };
        int r = basic_nodes(driver, fn, data, err);

        if (r == 0 && def->launch_security)
                r = fn(data, "/dev/sev", QEMU_DEVICE_RW, err);
        if (r == 0 && def->os.nvram)
                r = path_nodes(def->os.nvram->path, fn, data, err);
        return r < 0 ? r : vh_domain_each_device(def, each_device, &each);
}
