/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "audit.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/audit.h"
#include "net/link.h"

enum {
        SHMEM_DOORBELL = 3, /* words of the models and types */
        TPM_EMULATOR = 2,
        TPM_EXTERNAL = 3,
        RNG_EGD = 2,
        SMARTCARD_HOST = 1,
        SMARTCARD_CERTIFICATES = 2,
        SHMEM_SIZE = 4096, /* KiB, of one that names none */
        KIB = 1024,
};

static bool is_wanted(const QemuProcess *proc)
{
        return vh_audit_wanted(proc->driver->env.audit);
}

/* ---- records ---- */

/* The fields that all have: what is first, then whose it is. */
static void begin(const QemuProcess *proc, VhBuf *text, const char *fmt, ...) _vh_printf_(3, 4);
static void begin(const QemuProcess *proc, VhBuf *text, const char *fmt, ...)
{
        const VhDomainDef *def = proc->dom->def;
        char uuid[VH_UUID_TEXT_LEN + 1], what[64];
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(what, sizeof(what), fmt, ap);
        va_end(ap);
        vh_uuid_format(def->uuid, uuid);
        vh_buf_printf(text, "virt=%s%s%s", vh_xml_names_text(&vh_virt_type_names, def->virt_type), *what ? " " : "",
                      what);
        vh_audit_add(text, "vm", def->name);
        vh_buf_printf(text, " uuid=%s", uuid);
}

static void emit(const QemuProcess *proc, VhAuditType type, bool success, const VhBuf *text)
{
        vh_audit_send(proc->driver->env.audit, type, success, text->data);
}

/* A field that the reference writes without quotes. What could pass for another field is written as elsewhere. */
static void add_bare(VhBuf *text, const char *name, const char *value)
{
        bool is_plain = value && *value;

        for (const char *c = value; is_plain && *c; c++)
                is_plain = *c > ' ' && *c < 0x7f && *c != '"' && *c != '=';
        if (is_plain)
                vh_buf_printf(text, " %s=%s", name, value);
        else
                vh_audit_add(text, name, value);
}

/* One that has one thing before and another, or none, afterwards. */
static void send_change(const QemuProcess *proc, const char *what, const char *reason, const char *before,
                        const char *after, bool success)
{
        _vh_buf_ VhBuf text = { 0 };
        char name[32];

        begin(proc, &text, "resrc=%s reason=%s", what, reason);
        snprintf(name, sizeof(name), "old-%s", what);
        vh_audit_add(&text, name, before);
        snprintf(name, sizeof(name), "new-%s", what);
        vh_audit_add(&text, name, after);
        emit(proc, VH_AUDIT_RESOURCE, success, &text);
}

/* A device of which there is one, of whatever kind. */
static void send_device(const QemuProcess *proc, const char *what, const char *reason, const char *bus,
                        const char *device, bool success)
{
        _vh_buf_ VhBuf text = { 0 };

        begin(proc, &text, "resrc=%s reason=%s", what, reason);
        if (bus)
                vh_buf_printf(&text, " bus=%s", bus);
        vh_audit_add(&text, "device", device);
        emit(proc, VH_AUDIT_RESOURCE, success, &text);
}

/* ---- devices ---- */

/* Where a character device leads on this host; NULL: nowhere that counts. */
static const char *chr_path(const VhChrSource *source)
{
        static const bool has_path[VH_CHR_DBUS + 1] = {
                [VH_CHR_PTY] = true,  [VH_CHR_DEV] = true,  [VH_CHR_FILE] = true,
                [VH_CHR_PIPE] = true, [VH_CHR_UNIX] = true, [VH_CHR_NMDM] = true,
        };

        return has_path[source->type] ? source->path : NULL;
}

static const char *image_path(const VhDiskSource *source)
{
        bool is_local = source && (source->type == VH_DISK_TYPE_FILE || source->type == VH_DISK_TYPE_BLOCK ||
                                   source->type == VH_DISK_TYPE_DIR);

        return is_local ? source->path : NULL;
}

/* One of the kinds that are known by a path or an address; NULL: it has none. */
static const char *value_of(VhDeviceKind kind, const void *dev)
{
        const VhRng *rng = dev;

        switch (kind) {
        case VH_DEVICE_DISK:
                return image_path(&((const VhDisk *)dev)->src);
        case VH_DEVICE_FILESYSTEM:
                return ((const VhFilesystem *)dev)->source;
        case VH_DEVICE_RNG:
                return rng->backend == RNG_EGD ? chr_path(&rng->source) : rng->device;
        default:
                return vh_device_is_chr(kind) ? chr_path(&((const VhChr *)dev)->source) : NULL;
        }
}

typedef struct Record {
        const QemuProcess *proc;
        VhDeviceKind kind; /* only of this kind */
        const char *what;
        const char *reason;
        bool leaves;
        bool success;
} Record;

static void tell_change(const Record *r, const char *value)
{
        if (value)
                send_change(r->proc, r->what, r->reason, r->leaves ? value : NULL, r->leaves ? NULL : value,
                            r->success);
}

static void tell_by_value(const Record *r, const void *dev)
{
        tell_change(r, value_of(r->kind, dev));
}

static void tell_net(const Record *r, const void *dev)
{
        const VhNet *net = dev;
        char mac[VH_MAC_TEXT_LEN + 1];

        vh_mac_text(net->mac, mac);
        tell_change(r, mac);
}

static void tell_hostdev(const Record *r, const void *dev)
{
        static const char *const buses[] = {
                [VH_HOSTDEV_USB] = "usb",   [VH_HOSTDEV_PCI] = "pci",
                [VH_HOSTDEV_SCSI] = "scsi", [VH_HOSTDEV_SCSI_HOST] = "scsi_host",
                [VH_HOSTDEV_MDEV] = "mdev",
        };
        const VhHostdev *h = dev;
        const VhPciAddress *pci = &h->pci;
        char text[256] = "";

        if (h->mode != VH_HOSTDEV_SUBSYSTEM || h->type >= VH_ARRAY_SIZE(buses) || !buses[h->type])
                return;
        if (h->type == VH_HOSTDEV_USB)
                snprintf(text, sizeof(text), "%03u.%03u", h->usb_bus.val, h->usb_device.val);
        else if (h->type == VH_HOSTDEV_PCI)
                snprintf(text, sizeof(text), "%04x:%02x:%02x.%x", pci->domain, pci->bus, pci->slot, pci->function);
        else if (h->type == VH_HOSTDEV_MDEV)
                vh_uuid_format(h->mdev, text);
        else if (h->type == VH_HOSTDEV_SCSI_HOST)
                snprintf(text, sizeof(text), "%s", h->wwpn);
        else if (h->adapter)
                snprintf(text, sizeof(text), "%s:%u:%u:%llu", h->adapter, h->scsi_bus.val, h->scsi_target.val,
                         (unsigned long long)h->scsi_unit.val);
        if (*text) /* iSCSI is not of this host */
                send_device(r->proc, r->what, r->reason, buses[h->type], text, r->success);
}

static void tell_redirdev(const Record *r, const void *dev)
{
        send_device(r->proc, r->what, r->reason, "usb", "USB redirdev", r->success);
}

static void tell_smartcard(const Record *r, const void *dev)
{
        const VhSmartcard *card = dev;

        if (card->mode == SMARTCARD_HOST)
                tell_change(r, "nss-smartcard-device");
        else if (card->mode == SMARTCARD_CERTIFICATES) {
                for (uint32_t i = 0; i < card->certificates.n; i++)
                        tell_change(r, card->certificates.items[i]->value);
                tell_change(r, card->database);
        } else
                tell_change(r, chr_path(&card->source));
}

static void tell_tpm(const Record *r, const void *dev)
{
        const VhTpm *tpm = dev;

        if (tpm->type == TPM_EMULATOR)
                send_device(r->proc, "tpm-emulator", r->reason, NULL, tpm->source.path, r->success);
        else if (tpm->type == TPM_EXTERNAL)
                send_device(r->proc, "tpm-external", r->reason, NULL, tpm->source.path, r->success);
        else
                send_device(r->proc, "tpm", r->reason, NULL, tpm->path, r->success);
}

static void tell_shmem(const Record *r, const void *dev)
{
        const VhShmem *shmem = dev;
        uint64_t size = shmem->size ? shmem->size : SHMEM_SIZE;
        bool by_server = shmem->model == SHMEM_DOORBELL;
        _vh_free_ char *path = vh_xasprintf("/dev/shm/%s", shmem->name);
        _vh_buf_ VhBuf text = { 0 };

        begin(r->proc, &text, "resrc=%s reason=%s", by_server ? "ivshmem-socket" : "shmem", r->reason);
        if (!by_server)
                vh_buf_printf(&text, " size=%llu", (unsigned long long)size * KIB);
        add_bare(&text, "path", by_server ? shmem->server_path : path);
        emit(r->proc, VH_AUDIT_RESOURCE, r->success, &text);
}

static void tell_input(const Record *r, const void *dev)
{
        const VhInput *input = dev;
        _vh_buf_ VhBuf text = { 0 };

        if (!input->source)
                return;
        begin(r->proc, &text, "resrc=evdev reason=%s", r->reason);
        add_bare(&text, "path", input->source);
        emit(r->proc, VH_AUDIT_RESOURCE, r->success, &text);
}

/* In the order in which a start tells them. */
static const struct {
        VhDeviceKind kind;
        const char *what;
        void (*tell)(const Record *r, const void *dev);
} kinds[] = {
        { VH_DEVICE_DISK, "disk", tell_by_value },
        { VH_DEVICE_FILESYSTEM, "fs", tell_by_value },
        { VH_DEVICE_NET, "net", tell_net },
        { VH_DEVICE_HOSTDEV, "dev", tell_hostdev },
        { VH_DEVICE_REDIRDEV, "dev", tell_redirdev },
        { VH_DEVICE_SERIAL, "chardev", tell_by_value },
        { VH_DEVICE_PARALLEL, "chardev", tell_by_value },
        { VH_DEVICE_CHANNEL, "chardev", tell_by_value },
        { VH_DEVICE_CONSOLE, "chardev", tell_by_value },
        { VH_DEVICE_SMARTCARD, "smartcard", tell_smartcard },
        { VH_DEVICE_RNG, "rng", tell_by_value },
        { VH_DEVICE_TPM, "tpm", tell_tpm },
        { VH_DEVICE_SHMEM, "shmem", tell_shmem },
        { VH_DEVICE_INPUT, "evdev", tell_input },
};

/* The first console of a PC is its first serial port, told already. */
static bool is_told(const VhDomainDef *def, VhDeviceKind kind, const void *dev)
{
        const VhChr *chr = dev;

        return kind == VH_DEVICE_CONSOLE && def->serials.n > 0 && chr == def->consoles.items[0] &&
               chr->target_type == VH_CHR_TARGET_SERIAL;
}

void qemu_audit_device(const QemuProcess *proc, const char *reason, VhDeviceKind kind, const void *dev, bool success)
{
        if (!is_wanted(proc))
                return;
        for (size_t i = 0; i < VH_ARRAY_SIZE(kinds); i++)
                if (kinds[i].kind == kind && !is_told(proc->dom->def, kind, dev))
                        kinds[i].tell(
                                &(Record){ proc, kind, kinds[i].what, reason, vh_streq(reason, "detach"), success },
                                dev);
}

void qemu_audit_image(const QemuProcess *proc, const char *reason, const VhDiskSource *before,
                      const VhDiskSource *after, bool success)
{
        if (is_wanted(proc))
                send_change(proc, "disk", reason, image_path(before), image_path(after), success);
}

static void tell_number(const QemuProcess *proc, const char *what, const char *reason, uint64_t before, uint64_t after,
                        bool success)
{
        _vh_buf_ VhBuf text = { 0 };

        begin(proc, &text, "resrc=%s reason=%s", what, reason);
        vh_buf_printf(&text, " old-%s=%llu new-%s=%llu", what, (unsigned long long)before, what,
                      (unsigned long long)after);
        emit(proc, VH_AUDIT_RESOURCE, success, &text);
}

void qemu_audit_number(const QemuProcess *proc, const char *what, uint64_t before, uint64_t after, bool success)
{
        if (is_wanted(proc))
                tell_number(proc, what, "update", before, after, success);
}

void qemu_audit_net_open(const QemuProcess *proc, const VhNet *net, const char *path, bool success)
{
        _vh_buf_ VhBuf text = { 0 };
        char mac[VH_MAC_TEXT_LEN + 1], rdev[32] = "?";
        struct stat st;

        if (!is_wanted(proc))
                return;
        if (stat(path, &st) == 0 && S_ISCHR(st.st_mode))
                snprintf(rdev, sizeof(rdev), "%02X:%02X", major(st.st_rdev), minor(st.st_rdev));
        vh_mac_text(net->mac, mac);
        begin(proc, &text, "resrc=net reason=open");
        vh_buf_printf(&text, " net=%s", mac);
        vh_audit_add(&text, "path", path);
        vh_buf_printf(&text, " rdev=%s", rdev);
        emit(proc, VH_AUDIT_RESOURCE, success, &text);
}

/* ---- a guest's life ---- */

static void tell_labels(const QemuProcess *proc)
{
        const VhDomainDef *def = proc->dom->def;

        for (uint32_t i = 0; i < def->seclabels.n; i++) {
                const VhSeclabel *label = def->seclabels.items[i];
                _vh_buf_ VhBuf text = { 0 };

                if (!label->label || !label->model)
                        continue;
                begin(proc, &text, "%s", "");
                add_bare(&text, "vm-ctx", label->label);
                add_bare(&text, "img-ctx", label->imagelabel ? label->imagelabel : "?");
                add_bare(&text, "model", label->model);
                emit(proc, VH_AUDIT_MACHINE_ID, true, &text);
        }
}

static int tell_kind(VhDeviceKind kind, void *dev, VhDeviceInfo *info, void *opaque)
{
        const Record *r = opaque;

        if (kind == r->kind)
                qemu_audit_device(r->proc, "start", kind, dev, true);
        return 0;
}

static void tell_life(const QemuProcess *proc, const char *op, const char *reason, pid_t pid, bool success)
{
        _vh_buf_ VhBuf text = { 0 };

        begin(proc, &text, "op=%s reason=%s", op, reason);
        vh_buf_printf(&text, " vm-pid=%d", (int)pid);
        emit(proc, VH_AUDIT_CONTROL, success, &text);
}

void qemu_audit_start(const QemuProcess *proc, int detail, bool success)
{
        static const char *const reasons[] = {
                [VIR_DOMAIN_EVENT_STARTED_BOOTED] = "booted",
                [VIR_DOMAIN_EVENT_STARTED_MIGRATED] = "migrated",
                [VIR_DOMAIN_EVENT_STARTED_RESTORED] = "restored",
                [VIR_DOMAIN_EVENT_STARTED_FROM_SNAPSHOT] = "from-snapshot",
        };
        const VhDomainDef *def = proc->dom->def;

        if (!is_wanted(proc))
                return;
        tell_labels(proc);
        for (size_t i = 0; i < VH_ARRAY_SIZE(kinds); i++)
                vh_domain_each_device(def, tell_kind, &(Record){ .proc = proc, .kind = kinds[i].kind });
        tell_number(proc, "mem", "start", 0, def->memory, true);
        tell_number(proc, "vcpu", "start", 0, vh_domain_def_vcpus_current(def), true);
        if (def->iothreads)
                tell_number(proc, "iothread", "start", 0, def->iothreads, true);
        tell_life(proc, "start", reasons[detail], success ? proc->pid : 0, success);
}

void qemu_audit_stop(const QemuProcess *proc, int detail)
{
        static const char *const reasons[] = {
                [VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN] = "shutdown",
                [VIR_DOMAIN_EVENT_STOPPED_DESTROYED] = "destroyed",
                [VIR_DOMAIN_EVENT_STOPPED_CRASHED] = "crashed",
                [VIR_DOMAIN_EVENT_STOPPED_MIGRATED] = "migrated",
                [VIR_DOMAIN_EVENT_STOPPED_SAVED] = "saved",
                [VIR_DOMAIN_EVENT_STOPPED_FAILED] = "failed",
                [VIR_DOMAIN_EVENT_STOPPED_FROM_SNAPSHOT] = "from-snapshot",
        };

        if (is_wanted(proc))
                tell_life(proc, "stop", reasons[detail], 0, true);
}
