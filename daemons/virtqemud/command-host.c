/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a guest shares with the host: devices and folders. */

#include <errno.h>
#include <stdio.h>

#include "command-parts.h"
#include "model/domain-tables.h"

/* ---- folders ---- */

enum { FS_MOUNT = 1 };
enum { FSDRIVER_PATH = 1, FSDRIVER_HANDLE, FSDRIVER_VIRTIOFS = 6 };
enum { ACCESS_PASSTHROUGH = 1, ACCESS_MAPPED, ACCESS_SQUASH };

static void build_fsdev(QemuBuild *b, const VhFilesystem *fs)
{
        static const char *const models[] = { "passthrough", "passthrough", "mapped", "none" };
        static const char *const multidevs[] = { NULL, NULL, "remap", "forbid", "warn" };
        _vh_buf_ VhBuf o = {};

        if (fs->driver == FSDRIVER_HANDLE)
                vh_buf_adds(&o, "handle");
        else
                vh_buf_printf(&o, "local,security_model=%s", models[fs->accessmode]);
        if (fs->multidevs && multidevs[fs->multidevs])
                vh_buf_printf(&o, ",multidevs=%s", multidevs[fs->multidevs]);
        if (fs->fmode)
                vh_buf_printf(&o, ",fmode=%s", fs->fmode);
        if (fs->dmode)
                vh_buf_printf(&o, ",dmode=%s", fs->dmode);
        if (fs->wrpolicy)
                vh_buf_adds(&o, ",writeout=immediate");
        vh_buf_printf(&o, ",id=fsdev-%s,path=", fs->info.alias);
        qemu_opt_escape(&o, fs->source ? fs->source : "");
        if (fs->readonly)
                vh_buf_adds(&o, ",readonly");
        qemu_build_arg(b, "-fsdev", "%s", o.data);
}

static int build_9p(QemuBuild *b, const VhFilesystem *fs)
{
        _vh_free_ char *driver = qemu_virtio_driver("virtio-9p", &fs->info, fs->model);
        json_t *o = json_object();

        build_fsdev(b, fs);
        qj_str(o, "driver", driver);
        qemu_virtio_props(&fs->virtio, o);
        qj_str(o, "id", fs->info.alias);
        qj_fmt(o, "fsdev", "fsdev-%s", fs->info.alias);
        qj_str(o, "mount_tag", fs->target);
        return qemu_build_device(b, qemu_placed_device(b, &fs->info, o));
}

bool qemu_is_virtiofs(const VhFilesystem *fs)
{
        return fs->driver == FSDRIVER_VIRTIOFS;
}

char *qemu_virtiofs_socket(const QemuBuild *b, const VhFilesystem *fs)
{
        return fs->socket ? vh_xstrdup(fs->socket) : vh_xasprintf("%s/%s-fs.sock", b->launch->lib_dir, fs->info.alias);
}

json_t *qemu_virtiofs_device(const QemuBuild *b, const VhFilesystem *fs)
{
        json_t *o = json_object();

        qj_str(o, "driver", "vhost-user-fs-pci");
        qj_str(o, "id", fs->info.alias);
        qj_fmt(o, "chardev", "chr-vu-%s", fs->info.alias);
        qj_uint(o, "queue-size", fs->queue);
        qj_str(o, "tag", fs->target);
        qemu_virtio_props(&fs->virtio, o);
        qj_uint(o, "bootindex", fs->info.boot_order);
        return qemu_placed_device(b, &fs->info, o);
}

static int build_virtiofs(QemuBuild *b, const VhFilesystem *fs)
{
        _vh_free_ char *socket = qemu_virtiofs_socket(b, fs);
        _vh_buf_ VhBuf path = {};

        qemu_opt_escape(&path, socket);
        qemu_build_arg(b, "-chardev", "socket,id=chr-vu-%s,path=%s", fs->info.alias, path.data);
        return qemu_build_device(b, qemu_virtiofs_device(b, fs));
}

int qemu_build_filesystems(QemuBuild *b)
{
        for (uint32_t i = 0; i < b->def->filesystems.n; i++) {
                const VhFilesystem *fs = b->def->filesystems.items[i];
                int r;

                if (fs->type > FS_MOUNT)
                        r = qemu_unsupported(b, "only supports mount filesystem type");
                else
                        r = qemu_is_virtiofs(fs) ? build_virtiofs(b, fs) : build_9p(b, fs);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ---- devices ---- */

static void pci_props(const QemuBuild *b, const VhPciAddress *host, const VhDeviceInfo *info, json_t *o)
{
        qj_str(o, "driver", "vfio-pci");
        qj_fmt(o, "host", "%04x:%02x:%02x.%x", host->domain, host->bus, host->slot, host->function);
        qj_str(o, "id", info->alias);
        qj_uint(o, "bootindex", qemu_boot_index(b, info));
}

static void usb_props(const VhHostdev *h, json_t *o)
{
        qj_str(o, "driver", "usb-host");
        if (h->usb_bus.set && h->usb_device.set && (h->usb_bus.val || h->usb_device.val)) {
                qj_fmt(o, "hostdevice", "/dev/bus/usb/%03u/%03u", h->usb_bus.val, h->usb_device.val);
        } else {
                qj_opt(o, "vendorid", h->vendor);
                qj_opt(o, "productid", h->product);
        }
}

static void usb_reset_props(const VhHostdev *h, json_t *o)
{
        enum { RESET_OFF = 2, RESET_UNINITIALIZED };

        if (h->guest_reset == RESET_OFF)
                qj_take(o, "guest-reset", json_false());
        else if (h->guest_reset)
                qj_take(o, "guest-reset", json_true());
        if (h->guest_reset == RESET_UNINITIALIZED)
                qj_take(o, "guest-resets-all", json_false());
}

static void mdev_props(const VhHostdev *h, json_t *o)
{
        static const char *const models[] = { "vfio-pci", "vfio-pci", "vfio-ccw", "vfio-ap" };
        char uuid[VH_UUID_TEXT_LEN + 1];

        vh_uuid_format(h->mdev, uuid);
        qj_str(o, "driver", h->mdev_model <= 1 && h->ramfb == VH_ON ? "vfio-pci-nohotplug" : models[h->mdev_model]);
        qj_str(o, "id", h->info.alias);
        qj_fmt(o, "sysfsdev", "/sys/bus/mdev/devices/%s", uuid);
        qj_onoff(o, "display", h->display);
        if (h->ramfb)
                qj_switch(o, "ramfb", h->ramfb);
}

static int scsi_place(const QemuBuild *b, const VhHostdev *h, json_t *o)
{
        const VhController *c = vh_domain_find_controller(b->def, VH_CONTROLLER_SCSI, h->info.address.drive.controller);

        if (!c)
                return vh_error_set(b->err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR,
                                    "unable to find a SCSI controller for the host device");
        if (c->model == VH_CTRL_LSILOGIC) {
                qj_fmt(o, "bus", "%s.%u", c->info.alias, h->info.address.drive.bus);
                qj_int(o, "scsi-id", h->info.address.drive.unit);
        } else {
                qj_fmt(o, "bus", "%s.0", c->info.alias);
                qj_int(o, "channel", h->info.address.drive.bus);
                qj_int(o, "scsi-id", h->info.address.drive.target);
                qj_int(o, "lun", h->info.address.drive.unit);
        }
        return 0;
}

/* Nodes of host devices are counted on after those of images. The caller frees it. */
static char *scsi_node(const VhDomainDef *def, const VhHostdev *h)
{
        uint32_t number = qemu_highest_node(def) + 1;

        for (uint32_t i = 0; i < def->hostdevs.n && def->hostdevs.items[i] != h; i++)
                number += def->hostdevs.items[i]->type == VH_HOSTDEV_SCSI;
        return vh_xasprintf("libvirt-%u-backend", number);
}

char *qemu_hostdev_secret(const VhDomainDef *def, const VhHostdev *h)
{
        _vh_free_ char *node = scsi_node(def, h);

        return qemu_secret_alias(node);
}

static int scsi_props(const QemuBuild *b, const VhHostdev *h, json_t *o)
{
        _vh_free_ char *node = scsi_node(b->def, h);
        int r;

        qj_str(o, "driver", "scsi-generic");
        qj_true(o, "share-rw", h->shareable);
        r = scsi_place(b, h, o);
        qj_str(o, "drive", node);
        qj_str(o, "id", h->info.alias);
        qj_uint(o, "bootindex", qemu_boot_index(b, &h->info));
        return r;
}

static void vhost_scsi_props(const QemuBuild *b, const VhHostdev *h, json_t *o)
{
        _vh_free_ char *driver = qemu_virtio_driver("vhost-scsi", &h->info, h->vhost_model);
        int fd = qemu_launch_fd(b->launch, QEMU_FD_VHOST, h->info.alias, 0);

        qj_str(o, "driver", driver);
        qj_str(o, "wwpn", h->wwpn);
        if (fd >= 0)
                qj_fmt(o, "vhostfd", "%d", fd);
        qj_str(o, "id", h->info.alias);
}

json_t *qemu_hostdev_device(const QemuBuild *b, const VhHostdev *h)
{
        json_t *o = json_object();
        int r = 0;

        switch (h->type) {
        case VH_HOSTDEV_PCI:
                pci_props(b, &h->pci, &h->info, o);
                break;
        case VH_HOSTDEV_USB:
                usb_props(h, o);
                qj_str(o, "id", h->info.alias);
                usb_reset_props(h, o);
                qj_uint(o, "bootindex", qemu_boot_index(b, &h->info));
                break;
        case VH_HOSTDEV_MDEV:
                mdev_props(h, o);
                break;
        case VH_HOSTDEV_SCSI:
                r = scsi_props(b, h, o);
                break;
        case VH_HOSTDEV_SCSI_HOST:
                vhost_scsi_props(b, h, o);
                break;
        default:
                r = qemu_unsupported(b, "this type of host device is not supported by QEMU");
        }
        if (r == 0 && h->type != VH_HOSTDEV_SCSI)
                r = qemu_address_props(b, &h->info, o);
        if (r == 0 && h->type == VH_HOSTDEV_PCI)
                qemu_rom_props(&h->info, o);
        if (r == 0)
                return o;
        json_decref(o);
        return NULL;
}

/* The node of a SCSI device that a guest talks to itself. */
static int build_scsi_node(QemuBuild *b, const VhHostdev *h)
{
        _vh_free_ char *name = scsi_node(b->def, h), *secret = qemu_hostdev_secret(b->def, h);
        json_t *objects = NULL;
        VhNetworkSource net = {
                .protocol = 5, .name = h->scsi_name, .initiator_iqn = h->initiator_iqn, .auth = h->auth
        };
        VhDiskSource src = { .type = VH_DISK_TYPE_NETWORK, .network = &net };
        QemuBlockLayers layers = {};
        int r;

        if (!h->scsi_name)
                return qemu_unsupported(b, "a SCSI device of host adapter '%s' has no generic device node here",
                                        h->adapter ? h->adapter : "");
        net.hosts.items = h->hosts.items;
        net.hosts.n = h->hosts.n;
        r = qemu_block_layers(b, NULL, &src, &layers);
        if (r == 0 && h->auth)
                r = qemu_use_secret(b, secret, &objects);
        r = r < 0 ? r : qemu_build_objects(b, VH_TAKE_PTR(objects));
        if (r == 0) {
                json_t *o = json_incref(layers.storage);

                if (h->auth)
                        json_object_set_new(o, "password-secret", json_string(secret));
                qj_str(o, "node-name", name);
                json_object_del(o, "auto-read-only");
                json_object_del(o, "discard");
                qj_take(o, "read-only", json_boolean(h->readonly));
                qemu_build_json(b, "-blockdev", o);
        }
        json_decref(objects);
        qemu_block_layers_done(&layers);
        return r;
}

static int build_net_hostdev(QemuBuild *b, const VhNet *net)
{
        json_t *o;

        if (net->type != VH_NET_HOSTDEV)
                return 0;
        if (net->hostdev.type != VH_ADDRESS_PCI)
                return qemu_unsupported(b, "only PCI network devices of the host can be given to a guest");
        o = json_object();
        pci_props(b, &net->hostdev.pci, &net->info, o);
        if (qemu_address_props(b, &net->info, o) < 0) {
                json_decref(o);
                return -EINVAL;
        }
        qemu_rom_props(&net->info, o);
        return qemu_build_device(b, o);
}

int qemu_build_hostdevs(QemuBuild *b)
{
        int r = 0;

        for (uint32_t i = 0; r == 0 && i < b->def->nets.n; i++)
                r = build_net_hostdev(b, b->def->nets.items[i]);
        for (uint32_t i = 0; r == 0 && i < b->def->hostdevs.n; i++) {
                const VhHostdev *h = b->def->hostdevs.items[i];

                if (h->type == VH_HOSTDEV_SCSI)
                        r = build_scsi_node(b, h);
                r = r < 0 ? r : qemu_build_device(b, qemu_hostdev_device(b, h));
        }
        return r;
}
