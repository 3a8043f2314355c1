/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From a definition to rules. */

#include "aa-rules.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "image/head.h"
#include "ram-dir.h"
#include "short-name.h"

#define LOG_DIR   "/var/log"
#define STATE_DIR "/var/lib/libvirt"
#define RUN_DIR   "/run/libvirt"
#define BELOW     "/{,**}"

enum {
        /* Words of the model. */
        FS_MOUNT = 1,
        TPM_EMULATOR = 2,
        TPM_2_0 = 2,
        SMARTCARD_CERTIFICATES = 2,
        NVDIMM = 2,
        DRIVER_VFIO = 2,
};

/* ---- which files there may be rules for ---- */

/* Beginnings of paths. */
static const char *const never[] = { "/bin/",           "/etc/",           "/lib",           "/lost+found/",
                                     "/proc/",          "/sbin/",          "/selinux/",      "/sys/",
                                     "/usr/bin/",       "/usr/lib",        "/usr/sbin/",     "/usr/share/",
                                     "/usr/local/bin/", "/usr/local/etc/", "/usr/local/lib", "/usr/local/sbin/" };
static const char *const only_read[] = { "/boot/",
                                         "/vmlinuz",
                                         "/initrd",
                                         "/usr/share/OVMF/",
                                         "/usr/share/ovmf/",
                                         "/usr/share/AAVMF/",
                                         "/usr/share/qemu-efi/" };
static const char *const ever[] = { "/sys/devices/pci", "/sys/kernel/config/target/vhost",
                                    "/etc/libvirt-sandbox/services/" };

#define BEGINS(path, list) begins(path, list, VH_ARRAY_SIZE(list))
static bool begins(const char *path, const char *const *list, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (vh_startswith(path, list[i]))
                        return true;
        return false;
}

static bool may_have(const char *path, bool read_only)
{
        if (strpbrk(path, "\"\n"))
                return false;
        if (BEGINS(path, ever))
                return true;
        if (BEGINS(path, only_read))
                return read_only;
        return !BEGINS(path, never);
}

/* Where a path leads, as far as it exists: profiles are about files, not about links to them. */
static char *resolve(const char *path)
{
        _vh_free_ char *folder = vh_xstrdup(path);
        char *name = strrchr(folder, '/');
        char real[PATH_MAX];

        if (realpath(path, real) || !name)
                return vh_xstrdup(name ? real : path);
        *name++ = '\0';
        return realpath(*folder ? folder : "/", real) ? vh_path_join(real, name) : vh_xstrdup(path);
}

/* A name in quotes is still a pattern. */
static void add_quoted(const char *path, const char *below, VhBuf *out)
{
        vh_buf_addc(out, '"');
        for (; *path; path++) {
                if (strchr("*?[]{}^\\@", *path))
                        vh_buf_addc(out, '\\');
                vh_buf_addc(out, *path);
        }
        vh_buf_printf(out, "%s\"", below);
}

int vh_aa_rule(const char *path, const char *perms, VhBuf *out, VhError **err)
{
        bool read_only = !strpbrk(perms, "wR");
        const char *below = vh_endswith(path, BELOW) ? BELOW : "";
        _vh_free_ char *plain = vh_xasprintf("%.*s", (int)(strlen(path) - strlen(below)), path), *real = NULL;

        if (*path != '/')
                return 0;
        real = resolve(plain);
        if (!may_have(real, read_only))
                return vh_error_set(err, VIR_FROM_SECURITY, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "no guest may have '%s': it belongs to the system", real);
        vh_buf_adds(out, "  ");
        add_quoted(real, below, out);
        vh_buf_printf(out, " %s,\n", perms);
        if (read_only) {
                vh_buf_adds(out, "  # writing to it is refused in silence\n  deny ");
                add_quoted(real, below, out);
                vh_buf_adds(out, " w,\n");
        }
        return 0;
}

/* Our own patterns need no such care. */
static void pattern(VhBuf *out, const char *perms, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void pattern(VhBuf *out, const char *perms, const char *fmt, ...)
{
        char *text = NULL;
        va_list ap;
        int n;

        va_start(ap, fmt);
        n = vasprintf(&text, fmt, ap);
        va_end(ap);
        if (n < 0)
                abort();
        vh_buf_printf(out, "  \"%s\" %s,\n", text, perms);
        free(text);
}

/* ---- parts of a definition ---- */

typedef struct Rules {
        const VhDomainDef *def;
        VhBuf *out;
        VhError **err;
        bool vfio, gl; /* some device needs it */
} Rules;

static int file(Rules *r, const char *path, const char *perms)
{
        return path && *path ? vh_aa_rule(path, perms, r->out, r->err) : 0;
}

static int images_behind(Rules *r, const char *image)
{
        _vh_free_ char *at = vh_xstrdup(image);
        int ret = 0;

        for (int depth = 0; ret == 0 && depth < VH_IMAGE_CHAIN_MAX; depth++) {
                VhBacking backing = { 0 };

                if (vh_backing_read(at, &backing) < 0 || !backing.path)
                        break;
                ret = file(r, backing.path, "rk");
                free(at);
                at = backing.path;
                if (!backing.qcow2)
                        break;
        }
        return ret;
}

/* Only of qcow2 images is it believed what they say about others. */
static int chain(Rules *r, const VhDiskSource *top, bool qcow2, const char *perms)
{
        const VhDiskSource *last = top;
        int ret = 0;

        for (const VhDiskSource *src = top; ret == 0 && src && src->type != VH_DISK_TYPE_NONE; src = src->backing) {
                ret = file(r, src->path, src == top ? perms : "rk");
                last = src;
        }
        return ret == 0 && !last->backing && last == top && qcow2 && last->path ? images_behind(r, last->path) : ret;
}

static int disk(Rules *r, const VhDisk *d)
{
        int ret = chain(r, &d->src, d->format == VH_STORAGE_FORMAT_QCOW2, d->readonly ? "rk" : "rwk");

        return ret == 0 && d->mirror ? chain(r, &d->mirror->src, false, "rwk") : ret;
}

static int chr_source(Rules *r, const VhChrSource *src)
{
        static const char *const ends[] = { "in", "out" };
        int ret = 0;

        switch (src->type) {
        case VH_CHR_DEV:
        case VH_CHR_FILE:
        case VH_CHR_PTY:
        case VH_CHR_UNIX:
                return file(r, src->path, "rw");
        case VH_CHR_PIPE:
                for (size_t i = 0; ret == 0 && src->path && i < VH_ARRAY_SIZE(ends); i++) {
                        _vh_free_ char *path = vh_xasprintf("%s.%s", src->path, ends[i]);

                        ret = file(r, path, "rw");
                }
                return ret;
        default:
                return 0;
        }
}

static void filesystem(Rules *r, const VhFilesystem *fs, int *ret)
{
        _vh_free_ char *real = NULL;

        if (!fs->source || fs->type > FS_MOUNT)
                return;
        real = resolve(fs->source);
        if (!may_have(real, fs->readonly)) {
                *ret = vh_error_set(r->err, VIR_FROM_SECURITY, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "no guest may have '%s': it belongs to the system", real);
                return;
        }
        pattern(r->out, fs->readonly ? "r" : "rwl", "%s/**", real);
        pattern(r->out, "r", "%s/", real);
}

static int pci_files(Rules *r, const VhPciAddress *a)
{
        static const char *const names[] = { "config", "device", "resource", "vendor" };
        int ret = 0;

        for (size_t i = 0; ret == 0 && i < VH_ARRAY_SIZE(names); i++) {
                _vh_free_ char *path = vh_xasprintf("/sys/bus/pci/devices/%04x:%02x:%02x.%x/%s", a->domain, a->bus,
                                                    a->slot, a->function, names[i]);
                char real[PATH_MAX];

                if (realpath(path, real)) /* else there is no such device: QEMU will tell */
                        ret = file(r, real, "rw");
        }
        return ret;
}

static int hostdev(Rules *r, const VhHostdev *h)
{
        _vh_free_ char *node = NULL;

        if (h->mode != VH_HOSTDEV_SUBSYSTEM)
                return 0;
        switch (h->type) {
        case VH_HOSTDEV_USB:
                if (!h->usb_bus.set || !h->usb_device.set)
                        return 0;
                node = vh_xasprintf("/dev/bus/usb/%03u/%03u", h->usb_bus.val, h->usb_device.val);
                return access(node, F_OK) == 0 ? file(r, node, "rw") : 0;
        case VH_HOSTDEV_PCI:
                r->vfio |= !h->driver || h->driver == DRIVER_VFIO;
                return pci_files(r, &h->pci);
        case VH_HOSTDEV_MDEV:
                r->vfio = true;
                return 0;
        default:
                return 0;
        }
}

static int graphics(Rules *r, const VhGraphics *g)
{
        int ret = file(r, g->socket, "rw");

        for (uint32_t i = 0; ret == 0 && i < g->listens.n; i++)
                ret = file(r, g->listens.items[i]->socket, "rw");
        if (ret == 0)
                ret = file(r, g->rendernode, "rw");
        r->gl |= g->rendernode || (g->type == VH_GRAPHICS_SPICE && g->gl == VH_YES) ||
                 g->type == VH_GRAPHICS_EGL_HEADLESS;
        return ret;
}

static void tpm(Rules *r, const VhTpm *t)
{
        char uuid[VH_UUID_TEXT_LEN + 1];
        const char *folder = t->version == TPM_2_0 ? "tpm2" : "tpm1.2";
        int id = r->def->id.set ? r->def->id.val : -1;

        if (t->type != TPM_EMULATOR)
                return;
        vh_uuid_format(r->def->uuid, uuid);
        pattern(r->out, "rw", RUN_DIR "/qemu/swtpm/" QEMU_SHORT_NAME "-swtpm.sock", id, r->def->name);
        pattern(r->out, "r", STATE_DIR "/swtpm/%s/%s/", uuid, folder);
        pattern(r->out, "rwk", STATE_DIR "/swtpm/%s/%s/**", uuid, folder);
        pattern(r->out, "w", LOG_DIR "/swtpm/libvirt/qemu/%s-swtpm.log", r->def->name);
        pattern(r->out, "rw", RUN_DIR "/qemu/swtpm/" QEMU_SHORT_NAME "-swtpm.pid", id, r->def->name);
}

static int shmem(Rules *r, const VhShmem *s)
{
        _vh_free_ char *path = s->name ? vh_xasprintf("/dev/shm/%s", s->name) : NULL;

        return file(r, s->server_path ? s->server_path : path, "rw");
}

static int smartcard(Rules *r, const VhSmartcard *s)
{
        if (s->mode == SMARTCARD_CERTIFICATES)
                pattern(r->out, "rk", "%s/{,*}", s->database ? s->database : "/etc/pki/nssdb");
        return chr_source(r, &s->source);
}

static int device(VhDeviceKind kind, void *dev, VhDeviceInfo *info, void *opaque)
{
        Rules *r = opaque;
        int ret = 0;

        (void)info;
        switch (kind) {
        case VH_DEVICE_DISK:
                return disk(r, dev);
        case VH_DEVICE_SERIAL:
        case VH_DEVICE_PARALLEL:
        case VH_DEVICE_CONSOLE:
        case VH_DEVICE_CHANNEL:
                return chr_source(r, &((const VhChr *)dev)->source);
        case VH_DEVICE_REDIRDEV:
                return chr_source(r, &((const VhRedirdev *)dev)->source);
        case VH_DEVICE_RNG:
                return chr_source(r, &((const VhRng *)dev)->source);
        case VH_DEVICE_FILESYSTEM:
                filesystem(r, dev, &ret);
                return ret;
        case VH_DEVICE_NET:
                return ((const VhNet *)dev)->type == VH_NET_VHOSTUSER ? file(r, ((const VhNet *)dev)->source_path, "rw")
                                                                      : 0;
        case VH_DEVICE_HOSTDEV:
                return hostdev(r, dev);
        case VH_DEVICE_GRAPHICS:
                return graphics(r, dev);
        case VH_DEVICE_INPUT:
                return file(r, ((const VhInput *)dev)->source, "rw");
        case VH_DEVICE_TPM:
                tpm(r, dev);
                return 0;
        case VH_DEVICE_SMARTCARD:
                return smartcard(r, dev);
        case VH_DEVICE_MEMORY:
                return ((const VhMemdev *)dev)->model == NVDIMM ? file(r, ((const VhMemdev *)dev)->path, "rw") : 0;
        case VH_DEVICE_SHMEM:
                return shmem(r, dev);
        default:
                return 0;
        }
}

/* ---- the whole ---- */

static int boot_files(Rules *r)
{
        const VhDomainOs *os = &r->def->os;
        int ret = file(r, os->kernel, "r");

        ret = ret < 0 ? ret : file(r, os->initrd, "r");
        ret = ret < 0 ? ret : file(r, os->dtb, "r");
        if (ret == 0 && os->loader)
                ret = file(r, os->loader->path, "rk");
        if (ret == 0 && os->nvram)
                ret = file(r, os->nvram->path, "rwk");
        return ret;
}

/* Files of the run that carry the guest's name. */
static void own_files(Rules *r)
{
        const char *name = r->def->name;
        int id = r->def->id.set ? r->def->id.val : -1;

        pattern(r->out, "w", LOG_DIR "/libvirt/**/%s.log", name);
        pattern(r->out, "rw", STATE_DIR "/qemu/domain-%s/monitor.sock", name);
        pattern(r->out, "rw", STATE_DIR "/qemu/domain-" QEMU_SHORT_NAME "/*", id, name);
        pattern(r->out, "rwk", STATE_DIR "/qemu/domain-" QEMU_SHORT_NAME "" BELOW, id, name);
        pattern(r->out, "rwk", STATE_DIR "/qemu/channel/target/domain-" QEMU_SHORT_NAME "" BELOW, id, name);
        if (qemu_may_have_ram_files(r->def))
                pattern(r->out, "rwk", STATE_DIR "/qemu/ram/" QEMU_SHORT_NAME "" BELOW, id, name);
        if (qemu_wants_hugepages(r->def))
                pattern(r->out, "rwk", "/dev/hugepages*/libvirt/qemu/" QEMU_SHORT_NAME "" BELOW, id, name);
        pattern(r->out, "rwk", RUN_DIR "/**/%s.pid", name);
        pattern(r->out, "rw", RUN_DIR "/**/*.tunnelmigrate.dest.%s", name);
}

/* Drawing with the host's GPU: the drivers' libraries and what they ask about the devices. */
static void gl_files(Rules *r)
{
        static const char *const rules[][2] = {
                { "/usr/lib{,32,64}/dri/*.so*", "mr" },
                { "/usr/lib/@{multiarch}/dri/*.so*", "mr" },
                { "/usr/lib/fglrx/dri/*.so*", "mr" },
                { "/etc/drirc", "r" },
                { "/usr/share/drirc.d/{,*.conf}", "r" },
                { "/etc/glvnd/egl_vendor.d/{,*}", "r" },
                { "/usr/share/glvnd/egl_vendor.d/{,*}", "r" },
                { "/usr/share/egl/egl_external_platform.d/", "r" },
                { "/usr/share/egl/egl_external_platform.d/*", "r" },
                { "/proc/modules", "r" },
                { "/proc/driver/nvidia/params", "r" },
                { "/dev/nvidiactl", "rw" },
                { "/dev/dri/", "r" },
                { "/sys/devices/**/{uevent,vendor,device,subsystem_vendor,subsystem_device,config,revision}", "r" },
        };

        for (size_t i = 0; i < VH_ARRAY_SIZE(rules); i++)
                pattern(r->out, rules[i][1], "%s", rules[i][0]);
        vh_buf_adds(r->out, "  deny \"" STATE_DIR "/.cache/\" w,\n");
}

static int check_name(const char *name, VhError **err)
{
        if (*name && !strpbrk(name, "/[]{}?^,\"*"))
                return 0;
        return vh_error_set(err, VIR_FROM_SECURITY, VIR_ERR_CONFIG_UNSUPPORTED,
                            "the name '%s' cannot stand in a profile: it has one of /[]{}?^,\"*", name);
}

int vh_aa_rules(const VhDomainDef *def, VhBuf *out, VhError **err)
{
        Rules r = { .def = def, .out = out, .err = err };
        int ret = check_name(def->name, err);

        if (ret < 0)
                return ret;
        own_files(&r);
        ret = vh_domain_each_device(def, device, &r);
        if (ret == 0)
                ret = boot_files(&r);
        if (r.vfio) {
                pattern(out, "rw", "/dev/vfio/vfio");
                pattern(out, "rw", "/dev/vfio/[0-9]*");
        }
        if (r.gl)
                gl_files(&r);
        return ret;
}
