/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Disks: their images, and the devices that the guest sees. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "command-parts.h"
#include "guest-defaults.h"
#include "model/domain-tables.h"
#include "transient.h"

enum { POLICY_DEFAULT = 1, POLICY_STOP, POLICY_REPORT, POLICY_IGNORE, POLICY_ENOSPACE };
enum { CACHE_DEFAULT = 1, CACHE_NONE, CACHE_WRITETHROUGH, CACHE_WRITEBACK, CACHE_DIRECTSYNC, CACHE_UNSAFE };

/* ---- what all disks have ---- */

static bool is_writable_disk(const VhDisk *disk)
{
        return disk->device == VH_DISK_DEVICE_DISK;
}

/* Whether the guest has to flush: said aloud once the cache is not QEMU's choice. */
static void write_cache_props(const VhDisk *disk, json_t *o)
{
        bool shared = disk->shareable && !disk->readonly && disk->cache <= CACHE_DEFAULT;

        if (!is_writable_disk(disk) || (disk->cache <= CACHE_DEFAULT && !shared))
                return;
        qj_str(o, "write-cache", disk->cache == CACHE_WRITETHROUGH || disk->cache == CACHE_DIRECTSYNC ? "off" : "on");
}

static void error_props(const VhDisk *disk, json_t *o)
{
        static const char *const policies[] = { NULL, NULL, "stop", "report", "ignore", "enospc" };
        uint8_t read = disk->rerror_policy;

        if (!read && disk->error_policy && disk->error_policy != POLICY_ENOSPACE)
                read = disk->error_policy;
        qj_str(o, "werror", policies[disk->error_policy]);
        qj_str(o, "rerror", policies[read]);
}

static void backend_props(const VhDisk *disk, json_t *o)
{
        if (qemu_disk_is_empty(disk))
                return;
        if (disk->copy_on_read == VH_ON)
                qj_fmt(o, "drive", "libvirt-CoR-%s", disk->target);
        else
                qj_fmt(o, "drive", "libvirt-%u-format", disk->src.index.val);
}

static void blockio_props(const VhDisk *disk, json_t *o)
{
        if (!disk->blockio)
                return;
        qj_uint(o, "logical_block_size", disk->blockio->logical);
        qj_uint(o, "physical_block_size", disk->blockio->physical);
        qj_opt(o, "discard_granularity", disk->blockio->discard_granularity);
}

static void geometry_props(const VhDiskGeometry *g, json_t *o)
{
        static const char *const trans[] = { NULL, "none", "auto", "lba" };

        if (!g || !g->cyls)
                return;
        qj_int(o, "cyls", g->cyls);
        qj_int(o, "heads", g->heads);
        qj_int(o, "secs", g->secs);
        qj_str(o, "bios-chs-trans", trans[g->trans]);
}

/* ---- buses ---- */

static int virtio_props(const QemuBuild *b, const VhDisk *disk, json_t *o)
{
        _vh_free_ char *driver = qemu_virtio_driver(
                disk->src.type == VH_DISK_TYPE_VHOST_USER ? "vhost-user-blk" : "virtio-blk", &disk->info, disk->model);

        qj_str(o, "driver", driver);
        if (disk->iothread.set)
                qj_fmt(o, "iothread", "iothread%u", disk->iothread.val);
        qj_switch(o, "ioeventfd", disk->ioeventfd);
        qj_switch(o, "event_idx", disk->event_idx);
        qemu_virtio_props(&disk->virtio, o);
        qj_uint(o, "num-queues", disk->queues);
        qj_uint(o, "queue-size", disk->queue_size);
        qj_true(o, "scsi", disk->device == VH_DISK_DEVICE_LUN);
        return qemu_address_props(b, &disk->info, o);
}

static const char *cd_or(const VhDisk *disk, const char *cd, const char *hd)
{
        return disk->device == VH_DISK_DEVICE_CDROM ? cd : hd;
}

static const char *scsi_driver(const VhDisk *disk)
{
        return disk->device == VH_DISK_DEVICE_LUN ? "scsi-block" : cd_or(disk, "scsi-cd", "scsi-hd");
}

static int scsi_props(const QemuBuild *b, const VhDisk *disk, json_t *o)
{
        const VhController *c =
                vh_domain_find_controller(b->def, VH_CONTROLLER_SCSI, disk->info.address.drive.controller);

        if (!c)
                return vh_error_set(b->err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR,
                                    "unable to find a SCSI controller for the disk '%s'", disk->target);
        qj_str(o, "driver", scsi_driver(disk));
        qj_fmt(o, "bus", "%s.%u", c->info.alias, c->model == VH_CTRL_LSILOGIC ? disk->info.address.drive.bus : 0);
        if (c->model == VH_CTRL_LSILOGIC) {
                qj_int(o, "scsi-id", disk->info.address.drive.unit);
        } else {
                qj_int(o, "channel", disk->info.address.drive.bus);
                qj_int(o, "scsi-id", disk->info.address.drive.target);
                qj_int(o, "lun", disk->info.address.drive.unit);
        }
        if (disk->device == VH_DISK_DEVICE_LUN)
                return 0;
        if (disk->serial)
                qj_str(o, "device_id", disk->serial);
        else
                qj_fmt(o, "device_id", "drive-%s", disk->info.alias);
        return 0;
}

static int ide_props(const QemuBuild *b, const VhDisk *disk, json_t *o)
{
        const VhAddress *a = &disk->info.address;

        qj_str(o, "driver", cd_or(disk, "ide-cd", "ide-hd"));
        qj_fmt(o, "bus", "ide.%u", a->drive.bus);
        qj_int(o, "unit", a->drive.unit);
        return 0;
}

static int sata_props(const QemuBuild *b, const VhDisk *disk, json_t *o)
{
        _vh_free_ char *bus = qemu_controller_alias(b->def, VH_CONTROLLER_SATA, disk->info.address.drive.controller);

        qj_str(o, "driver", cd_or(disk, "ide-cd", "ide-hd"));
        qj_fmt(o, "bus", "%s.%u", bus ? bus : "ide", disk->info.address.drive.unit);
        return 0;
}

static int usb_props(const QemuBuild *b, const VhDisk *disk, json_t *o)
{
        qj_str(o, "driver", "usb-storage");
        return qemu_address_props(b, &disk->info, o);
}

static int fdc_props(const QemuBuild *b, const VhDisk *disk, json_t *o)
{
        qj_str(o, "driver", "floppy");
        qj_int(o, "unit", disk->info.address.drive.unit);
        return 0;
}

static int (*const bus_props[])(const QemuBuild *, const VhDisk *, json_t *) = {
        [VH_DISK_BUS_IDE] = ide_props,       [VH_DISK_BUS_FDC] = fdc_props, [VH_DISK_BUS_SCSI] = scsi_props,
        [VH_DISK_BUS_VIRTIO] = virtio_props, [VH_DISK_BUS_USB] = usb_props, [VH_DISK_BUS_SATA] = sata_props,
};

/* Guests know their disks by what the reference makes of a space. */
static void serial_props(const VhDisk *disk, json_t *o)
{
        _vh_buf_ VhBuf text = {};

        for (const char *s = disk->serial; s && *s; s++)
                vh_buf_printf(&text, *s == ' ' ? "\\%c" : "%c", *s);
        qj_str(o, "serial", text.data);
}

static int disk_props(const QemuBuild *b, const VhDisk *disk, json_t *o)
{
        uint64_t wwn;
        int r;

        if (disk->bus >= VH_ARRAY_SIZE(bus_props) || !bus_props[disk->bus])
                return qemu_unsupported(b, "unsupported disk bus '%s' with device setup",
                                        vh_xml_names_text(&vh_disk_bus_names, disk->bus));
        r = bus_props[disk->bus](b, disk, o);
        if (r < 0)
                return r;
        qj_true(o, "share-rw", disk->shareable && !disk->readonly);
        if (disk->src.type == VH_DISK_TYPE_VHOST_USER)
                qj_fmt(o, "chardev", "chr-vu-%s", disk->info.alias);
        else
                backend_props(disk, o);
        qj_str(o, "id", disk->info.alias);
        if (disk->bus != VH_DISK_BUS_FDC)
                qj_uint(o, "bootindex", qemu_boot_index(b, &disk->info));
        blockio_props(disk, o);
        if (disk->wwn && vh_parse_u64(vh_startswith(disk->wwn, "0x") ? disk->wwn + 2 : disk->wwn, 16, &wwn) == 0)
                qj_int(o, "wwn", (json_int_t)wwn);
        qj_uint(o, "rotation_rate", disk->rotation_rate);
        qj_str(o, "vendor", disk->vendor);
        qj_str(o, "product", disk->product);
        if (disk->bus == VH_DISK_BUS_USB)
                json_object_set_new(o, "removable", json_boolean(disk->removable == VH_ON));
        write_cache_props(disk, o);
        geometry_props(disk->geometry, o);
        serial_props(disk, o);
        error_props(disk, o);
        return 0;
}

json_t *qemu_disk_device(const QemuBuild *b, const VhDisk *disk)
{
        json_t *o = json_object();

        if (disk_props(b, disk, o) == 0)
                return o;
        json_decref(o);
        return NULL;
}

/* ---- images ---- */

static int build_chain(QemuBuild *b, const VhDisk *disk, const VhDiskSource *src)
{
        QemuBlockLayers layers = {};
        int r = qemu_backing(src) ? build_chain(b, disk, qemu_backing(src)) : 0;

        r = r < 0 ? r : qemu_block_layers(b, disk, src, &layers);
        if (r == 0)
                r = qemu_build_objects(b, VH_TAKE_PTR(layers.objects));
        if (r == 0) {
                qemu_build_json(b, "-blockdev", VH_TAKE_PTR(layers.storage));
                if (layers.slice)
                        qemu_build_json(b, "-blockdev", VH_TAKE_PTR(layers.slice));
                qemu_build_json(b, "-blockdev", VH_TAKE_PTR(layers.format));
        }
        qemu_block_layers_done(&layers);
        return r;
}

static void build_copy_on_read(QemuBuild *b, const VhDisk *disk)
{
        enum { UNMAP = 1 };
        static const char *const discards[] = { NULL, "unmap", "ignore" };
        json_t *o;

        if (disk->copy_on_read != VH_ON)
                return;
        o = json_object();
        qj_str(o, "driver", "copy-on-read");
        qj_fmt(o, "node-name", "libvirt-CoR-%s", disk->target);
        qj_fmt(o, "file", "libvirt-%u-format", disk->src.index.val);
        qj_str(o, "discard", discards[disk->discard ? disk->discard : UNMAP]);
        qemu_build_json(b, "-blockdev", o);
}

static int build_backend(QemuBuild *b, const VhDisk *disk)
{
        int r;

        if (disk->src.type == VH_DISK_TYPE_VHOST_USER) {
                _vh_buf_ VhBuf path = {};

                qemu_opt_escape(&path, disk->src.path);
                if (disk->src.reconnect == VH_YES)
                        vh_buf_printf(&path, ",reconnect=%u", disk->src.reconnect_timeout);
                qemu_build_arg(b, "-chardev", "socket,id=chr-vu-%s,path=%s", disk->info.alias, path.data);
                return 0;
        }
        if (qemu_disk_is_empty(disk))
                return 0;
        r = build_chain(b, disk, &disk->src);
        if (r == 0)
                build_copy_on_read(b, disk);
        return r;
}

/* A card of the machine's own reader, which has no device to name. */
static int build_sd(QemuBuild *b, const VhDisk *disk, unsigned index)
{
        _vh_buf_ VhBuf file = {};

        qemu_opt_escape(&file, disk->src.path ? disk->src.path : "");
        qemu_build_arg(b, "-drive", "file=%s,format=raw,if=sd,index=%u", file.data, index);
        return 0;
}

static int build_disk(QemuBuild *b, const VhDisk *disk)
{
        int r;

        if (qemu_transient_is_shared(disk))
                return 0; /* it joins later */
        if (disk->bus == VH_DISK_BUS_SD)
                return build_sd(b, disk, (unsigned)(disk->target[strlen(disk->target) - 1] - 'a'));
        r = build_backend(b, disk);
        return r < 0 ? r : qemu_build_device(b, qemu_disk_device(b, disk));
}

/* Only PCs have a controller to tell. */
static int check_no_fdc(const QemuBuild *b)
{
        for (uint32_t i = 0; i < b->def->disks.n; i++)
                if (b->def->disks.items[i]->bus == VH_DISK_BUS_FDC && qemu_platform_has(b->def, QEMU_HAS_VIO))
                        return qemu_unsupported(b, "PowerPC pseries machines do not support floppy device");
        return 0;
}

/* Floppy drives get their place in the boot order from their controller. */
static int build_fdc(QemuBuild *b)
{
        json_t *o;
        bool any = false, q35 = qemu_domain_is_q35(b->def);

        if (!qemu_is_x86(b->def))
                return check_no_fdc(b);
        o = json_object();
        for (uint32_t i = 0; i < b->def->disks.n; i++) {
                const VhDisk *disk = b->def->disks.items[i];
                char unit = disk->info.address.drive.unit ? 'B' : 'A';
                uint32_t boot = disk->bus == VH_DISK_BUS_FDC ? qemu_boot_index(b, &disk->info) : 0;

                any |= disk->bus == VH_DISK_BUS_FDC;
                if (!boot)
                        continue;
                if (q35) {
                        _vh_free_ char *key = vh_xasprintf("bootindex%c", unit);

                        qj_int(o, key, boot);
                } else {
                        qemu_build_arg(b, "-global", "isa-fdc.bootindex%c=%u", unit, boot);
                }
        }
        if (any && q35) {
                json_t *fdc = json_object();

                qj_str(fdc, "driver", "isa-fdc");
                json_object_update(fdc, o);
                json_decref(o);
                return qemu_build_device(b, fdc);
        }
        json_decref(o);
        return 0;
}

/* Bridges for disks that other hosts reserve. */
static int build_pr_helper(QemuBuild *b)
{
        for (uint32_t i = 0; i < b->def->disks.n; i++) {
                const VhStorageReservations *pr = b->def->disks.items[i]->src.reservations;
                json_t *o;

                if (!pr || pr->managed != VH_YES)
                        continue;
                o = json_object();
                qj_str(o, "qom-type", "pr-manager-helper");
                qj_str(o, "id", "pr-helper0");
                qj_fmt(o, "path", "%s/pr-helper0.sock", b->launch->lib_dir);
                return qemu_build_object(b, o);
        }
        return 0;
}

int qemu_build_disks(QemuBuild *b)
{
        int r = build_fdc(b);

        for (uint32_t i = 0; r == 0 && i < b->def->disks.n; i++)
                r = build_disk(b, b->def->disks.items[i]);
        return r;
}

int qemu_build_helpers(QemuBuild *b)
{
        return build_pr_helper(b);
}

/* ---- throttling ---- */

json_t *qemu_throttle_props(const VhDisk *disk)
{
        const VhDiskIotune *t = disk->iotune;
        const struct {
                const char *key;
                uint64_t value;
                bool always;
        } rows[] = {
#define ROW(key, field, always) { key, t ? t->field : 0, always }
                ROW("bps", total_bytes_sec, true),
                ROW("bps_rd", read_bytes_sec, true),
                ROW("bps_wr", write_bytes_sec, true),
                ROW("iops", total_iops_sec, true),
                ROW("iops_rd", read_iops_sec, true),
                ROW("iops_wr", write_iops_sec, true),
                ROW("bps_max", total_bytes_sec_max, false),
                ROW("bps_rd_max", read_bytes_sec_max, false),
                ROW("bps_wr_max", write_bytes_sec_max, false),
                ROW("iops_max", total_iops_sec_max, false),
                ROW("iops_rd_max", read_iops_sec_max, false),
                ROW("iops_wr_max", write_iops_sec_max, false),
                ROW("iops_size", size_iops_sec, false),
                ROW("bps_max_length", total_bytes_sec_max_length, false),
                ROW("bps_rd_max_length", read_bytes_sec_max_length, false),
                ROW("bps_wr_max_length", write_bytes_sec_max_length, false),
                ROW("iops_max_length", total_iops_sec_max_length, false),
                ROW("iops_rd_max_length", read_iops_sec_max_length, false),
                ROW("iops_wr_max_length", write_iops_sec_max_length, false),
#undef ROW
        };
        json_t *o;

        if (!t)
                return NULL;
        o = json_object();
        /* A virtio disk's backend belongs to a device inside the one that has the name. */
        if (disk->bus == VH_DISK_BUS_VIRTIO)
                qj_fmt(o, "id", "/machine/peripheral/%s/virtio-backend", disk->info.alias);
        else
                qj_str(o, "id", disk->info.alias);
        for (size_t i = 0; i < VH_ARRAY_SIZE(rows); i++)
                if (rows[i].always || rows[i].value)
                        qj_int(o, rows[i].key, (json_int_t)rows[i].value);
        qj_str(o, "group", t->group_name);
        return o;
}
