/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Small devices: input, balloon, random numbers, watchdog, panic, TPM, vsock, shared memory, IOMMU, crypto. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "command-parts.h"
#include "guest-defaults.h"
#include "model/domain-cpu.h"
#include "model/domain-tune.h"

/* Adds where the device sits. NULL with *b->err on failure; o is taken over. */
static json_t *placed(const QemuBuild *b, const VhDeviceInfo *info, json_t *o)
{
        if (qemu_address_props(b, info, o) == 0)
                return o;
        json_decref(o);
        return NULL;
}

/* ---- input ---- */

static char *virtio_input(const VhInput *input)
{
        static const char *const types[] = {
                [VH_INPUT_MOUSE] = "virtio-mouse",
                [VH_INPUT_TABLET] = "virtio-tablet",
                [VH_INPUT_KEYBOARD] = "virtio-keyboard",
                [VH_INPUT_PASSTHROUGH] = "virtio-input-host",
        };

        return qemu_virtio_driver(types[input->type], &input->info, input->model);
}

json_t *qemu_input_device(const QemuBuild *b, const VhInput *input)
{
        static const char *const usb[] = {
                [VH_INPUT_MOUSE] = "usb-mouse", [VH_INPUT_TABLET] = "usb-tablet", [VH_INPUT_KEYBOARD] = "usb-kbd"
        };
        json_t *o = json_object();

        if (input->bus == VH_INPUT_BUS_VIRTIO) {
                _vh_free_ char *driver = virtio_input(input);

                qj_str(o, "driver", driver);
        } else {
                qj_str(o, "driver",
                       input->type < VH_ARRAY_SIZE(usb) && usb[input->type] ? usb[input->type] : "usb-mouse");
        }
        qj_str(o, "id", input->info.alias);
        qemu_virtio_props(&input->virtio, o);
        if (input->type == VH_INPUT_PASSTHROUGH)
                qj_str(o, "evdev", input->source);
        return placed(b, &input->info, o);
}

static int build_evdev(QemuBuild *b, const VhInput *input)
{
        static const char *const toggles[] = { NULL,        "ctrl-ctrl",  "alt-alt",        "shift-shift",
                                               "meta-meta", "scrolllock", "ctrl-scrolllock" };
        json_t *o = json_object();

        qj_str(o, "qom-type", "input-linux");
        qj_str(o, "id", input->info.alias);
        qj_str(o, "evdev", input->source);
        qj_switch(o, "repeat", input->source_repeat);
        qj_true(o, "grab_all", input->source_grab);
        qj_str(o, "grab-toggle", toggles[input->source_grab_toggle]);
        return qemu_build_object(b, o);
}

int qemu_build_inputs(QemuBuild *b)
{
        int r = 0;

        for (uint32_t i = 0; r == 0 && i < b->def->inputs.n; i++) {
                const VhInput *input = b->def->inputs.items[i];

                if (input->type == VH_INPUT_EVDEV)
                        r = build_evdev(b, input);
                else if (input->bus == VH_INPUT_BUS_USB || input->bus == VH_INPUT_BUS_VIRTIO)
                        r = qemu_build_device(b, qemu_input_device(b, input));
        }
        return r;
}

/* ---- balloon ---- */

int qemu_build_balloon(QemuBuild *b)
{
        static const uint8_t models[] = { [VH_MEMBALLOON_VIRTIO] = 1,
                                          [VH_MEMBALLOON_VIRTIO_TRANSITIONAL] = 2,
                                          [VH_MEMBALLOON_VIRTIO_NON_TRANSITIONAL] = 3 };
        const VhMemballoon *m = b->def->memballoon;
        _vh_free_ char *driver = NULL;
        json_t *o;

        if (!m || m->model == VH_MEMBALLOON_NONE)
                return 0;
        if (m->model >= VH_ARRAY_SIZE(models) || !models[m->model])
                return qemu_unsupported(b, "memory balloon device type is not supported by this version of qemu");
        driver = qemu_virtio_driver("virtio-balloon", &m->info, models[m->model]);
        o = json_object();
        qj_str(o, "driver", driver);
        qemu_virtio_props(&m->virtio, o);
        qj_str(o, "id", m->info.alias);
        qj_switch(o, "deflate-on-oom", m->autodeflate);
        qj_switch(o, "free-page-reporting", m->free_page_reporting);
        return qemu_build_device(b, placed(b, &m->info, o));
}

/* ---- random numbers ---- */

json_t *qemu_rng_object(const QemuBuild *b, const VhRng *rng)
{
        static const char *const backends[] = { "rng-random", "rng-random", "rng-egd", "rng-builtin" };
        enum { RANDOM = 1, EGD };
        json_t *o = json_object();

        qj_str(o, "qom-type", backends[rng->backend]);
        qj_fmt(o, "id", "obj%s", rng->info.alias);
        if (rng->backend == RANDOM)
                qj_str(o, "filename", rng->device);
        else if (rng->backend == EGD)
                qj_fmt(o, "chardev", "char%s", rng->info.alias);
        return o;
}

json_t *qemu_rng_device(const QemuBuild *b, const VhRng *rng)
{
        enum { DEFAULT_PERIOD = 1000 /* ms */ };
        _vh_free_ char *driver = qemu_virtio_driver("virtio-rng", &rng->info, rng->model);
        json_t *o = json_object();

        qj_str(o, "driver", driver);
        qemu_virtio_props(&rng->virtio, o);
        qj_fmt(o, "rng", "obj%s", rng->info.alias);
        qj_str(o, "id", rng->info.alias);
        if (rng->rate_bytes) {
                qj_int(o, "max-bytes", rng->rate_bytes);
                qj_int(o, "period", rng->rate_period ? rng->rate_period : DEFAULT_PERIOD);
        }
        return placed(b, &rng->info, o);
}

int qemu_build_rngs(QemuBuild *b)
{
        enum { EGD = 2 };

        for (uint32_t i = 0; i < b->def->rngs.n; i++) {
                const VhRng *rng = b->def->rngs.items[i];
                int r = rng->backend == EGD ? qemu_build_chardev(b, &rng->source, rng->info.alias) : 0;

                r = r < 0 ? r : qemu_build_object(b, qemu_rng_object(b, rng));
                r = r < 0 ? r : qemu_build_device(b, qemu_rng_device(b, rng));
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ---- watchdog and panic ---- */

json_t *qemu_watchdog_device(const QemuBuild *b, const VhWatchdog *watchdog)
{
        static const char *const models[] = { NULL, "i6300esb", "ib700", "diag288" };
        json_t *o = json_object();

        qj_str(o, "driver", models[watchdog->model]);
        qj_str(o, "id", watchdog->info.alias);
        return placed(b, &watchdog->info, o);
}

/* A dump is our work: QEMU only stops the guest for it. */
int qemu_build_watchdog(QemuBuild *b)
{
        static const char *const actions[] = { "reset", "reset", "shutdown", "poweroff",
                                               "pause", "pause", "none",     "inject-nmi" };
        const VhWatchdog *w = b->def->watchdog;
        int r;

        if (!w)
                return 0;
        r = qemu_build_device(b, qemu_watchdog_device(b, w));
        if (r == 0)
                qemu_build_arg(b, "-watchdog-action", "%s", actions[w->action]);
        return r;
}

/* Memory that a machine has anyway; where its registers are is all that can be said. */
int qemu_build_nvram(QemuBuild *b)
{
        const VhNvram *nvram = b->def->nvram_device;

        if (nvram && nvram->info.address.type == VH_ADDRESS_SPAPR_VIO)
                qemu_build_arg(b, "-global", "spapr-nvram.reg=0x%" PRIx64, nvram->info.address.spapr.reg.val);
        return 0;
}

int qemu_build_panics(QemuBuild *b)
{
        enum { PANIC_ISA = 1, PANIC_PVPANIC = 5 };

        for (uint32_t i = 0; i < b->def->panics.n; i++) {
                const VhPanic *panic = b->def->panics.items[i];
                json_t *o;
                int r;

                if (panic->model != PANIC_ISA && panic->model != PANIC_PVPANIC)
                        continue; /* a feature of the CPU, or of the machine */
                o = json_object();
                qj_str(o, "driver", panic->model == PANIC_ISA ? "pvpanic" : "pvpanic-pci");
                if (panic->model == PANIC_ISA && panic->info.address.type == VH_ADDRESS_ISA)
                        qj_opt(o, "ioport", panic->info.address.isa.iobase);
                else if (panic->model == PANIC_PVPANIC)
                        o = placed(b, &panic->info, o);
                r = qemu_build_device(b, o);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ---- TPM ---- */

enum { TPM_PASSTHROUGH = 1, TPM_EMULATOR, TPM_EXTERNAL };

static int tpm_backend(QemuBuild *b, const VhTpm *tpm)
{
        int fd = qemu_launch_fd(b->launch, QEMU_FD_TPM, tpm->info.alias, 0);
        int cancel = qemu_launch_fd(b->launch, QEMU_FD_TPM_CANCEL, tpm->info.alias, 0);
        _vh_buf_ VhBuf path = {};

        if (tpm->type != TPM_PASSTHROUGH) {
                qemu_opt_escape(&path, tpm->source.path ? tpm->source.path : "");
                qemu_build_arg(b, "-chardev", "socket,id=chrtpm,path=%s", path.data ? path.data : "");
                qemu_build_arg(b, "-tpmdev", "emulator,id=tpm-%s,chardev=chrtpm", tpm->info.alias);
                return 0;
        }
        if (fd >= 0)
                qemu_build_arg(b, "-tpmdev", "passthrough,id=tpm-%s,path=/dev/fdset/%d,cancel-path=/dev/fdset/%d",
                               tpm->info.alias, fd, cancel);
        else
                qemu_build_arg(b, "-tpmdev", "passthrough,id=tpm-%s,path=%s", tpm->info.alias,
                               tpm->path ? tpm->path : "/dev/tpm0");
        return 0;
}

/* Another way to a TPM of the host, without a backend. */
static int build_tpm_proxy(QemuBuild *b, const VhTpm *tpm)
{
        json_t *o = json_object();

        qj_str(o, "driver", "spapr-tpm-proxy");
        qj_str(o, "id", tpm->info.alias);
        qj_str(o, "host-path", tpm->path ? tpm->path : "/dev/tpmrm0");
        return qemu_build_device(b, o);
}

static int build_tpm(QemuBuild *b, const VhTpm *tpm)
{
        static const char *const models[] = { "tpm-tis", "tpm-tis", "tpm-crb", "tpm-spapr", "spapr-tpm-proxy" };
        bool on_board = tpm->model <= QEMU_TPM_TIS && !qemu_is_x86(b->def);
        json_t *o;
        int r;

        if (tpm->model == QEMU_TPM_SPAPR_PROXY)
                return build_tpm_proxy(b, tpm);
        r = tpm_backend(b, tpm);
        if (r < 0)
                return r;
        o = json_object();
        qj_str(o, "driver", on_board ? "tpm-tis-device" : models[tpm->model]);
        qj_fmt(o, "tpmdev", "tpm-%s", tpm->info.alias);
        qj_str(o, "id", tpm->info.alias);
        return qemu_build_device(b, placed(b, &tpm->info, o));
}

int qemu_build_tpms(QemuBuild *b)
{
        int r = 0;

        for (uint32_t i = 0; r == 0 && i < b->def->tpms.n; i++)
                r = build_tpm(b, b->def->tpms.items[i]);
        return r;
}

/* ---- vsock ---- */

json_t *qemu_vsock_device(const QemuBuild *b, const VhVsock *vsock)
{
        _vh_free_ char *driver = qemu_virtio_driver("vhost-vsock", &vsock->info, vsock->model);
        int fd = qemu_launch_fd(b->launch, QEMU_FD_VHOST, vsock->info.alias, 0);
        _vh_free_ char *name = b->cmd ? vh_xasprintf("%d", fd) : qemu_fd_name(QEMU_FD_VHOST, vsock->info.alias, 0);
        json_t *o = json_object();

        qj_str(o, "driver", driver);
        qemu_virtio_props(&vsock->virtio, o);
        qj_str(o, "id", vsock->info.alias);
        qj_int(o, "guest-cid", vsock->cid);
        if (fd >= 0)
                qj_str(o, "vhostfd", name);
        return placed(b, &vsock->info, o);
}

int qemu_build_vsock(QemuBuild *b)
{
        return b->def->vsock ? qemu_build_device(b, qemu_vsock_device(b, b->def->vsock)) : 0;
}

/* ---- shared memory ---- */

enum { SHMEM_PLAIN = 2, SHMEM_DOORBELL };

json_t *qemu_shmem_object(const VhShmem *shmem)
{
        enum { DEFAULT_SIZE = 4 << 20, KIB = 1024 };
        json_t *o = json_object();

        qj_str(o, "qom-type", "memory-backend-file");
        qj_fmt(o, "id", "shmmem-%s", shmem->info.alias);
        qj_fmt(o, "mem-path", "/dev/shm/%s", shmem->name);
        qj_int(o, "size", shmem->size ? (json_int_t)shmem->size * KIB : DEFAULT_SIZE);
        qj_true(o, "share", true);
        return o;
}

json_t *qemu_shmem_device(const QemuBuild *b, const VhShmem *shmem)
{
        enum { ROLE_MASTER = 1, ROLE_PEER };
        json_t *o;

        if (shmem->model != SHMEM_PLAIN && shmem->model != SHMEM_DOORBELL) {
                qemu_unsupported(b, "shmem model 'ivshmem' is not supported by this QEMU binary");
                return NULL;
        }
        o = json_object();
        qj_str(o, "driver", shmem->model == SHMEM_PLAIN ? "ivshmem-plain" : "ivshmem-doorbell");
        qj_str(o, "id", shmem->info.alias);
        if (shmem->model == SHMEM_PLAIN) {
                qj_fmt(o, "memdev", "shmmem-%s", shmem->info.alias);
                if (shmem->role) /* QEMU takes a word here */
                        qj_str(o, "master", shmem->role == ROLE_MASTER ? "on" : "off");
        } else {
                qj_fmt(o, "chardev", "char%s", shmem->info.alias);
                qj_opt(o, "vectors", shmem->msi_vectors);
                qj_switch(o, "ioeventfd", shmem->msi_ioeventfd);
        }
        return placed(b, &shmem->info, o);
}

static int build_shmem(QemuBuild *b, const VhShmem *shmem)
{
        json_t *device = qemu_shmem_device(b, shmem);
        int r = device ? 0 : -EINVAL;

        if (r == 0 && shmem->model == SHMEM_PLAIN)
                r = qemu_build_object(b, qemu_shmem_object(shmem));
        if (r < 0) {
                json_decref(device);
                return r;
        }
        r = qemu_build_device(b, device);
        if (r == 0 && shmem->model == SHMEM_DOORBELL)
                qemu_build_arg(b, "-chardev", "socket,id=char%s,path=%s", shmem->info.alias, shmem->server_path);
        return r;
}

int qemu_build_shmems(QemuBuild *b)
{
        int r = 0;

        for (uint32_t i = 0; r == 0 && i < b->def->shmems.n; i++)
                r = build_shmem(b, b->def->shmems.items[i]);
        return r;
}

/* ---- IOMMU, crypto, launch security ---- */

int qemu_build_iommu(QemuBuild *b)
{
        enum { IOMMU_INTEL = 1, IOMMU_SMMUV3, IOMMU_VIRTIO };
        const VhIommu *i = b->def->iommu;
        json_t *o;

        if (!i || i->model == IOMMU_SMMUV3)
                return 0;
        o = json_object();
        if (i->model == IOMMU_VIRTIO) {
                qj_str(o, "driver", "virtio-iommu");
                qj_str(o, "id", i->info.alias);
                return qemu_build_device(b, placed(b, &i->info, o));
        }
        qj_str(o, "driver", "intel-iommu");
        qj_str(o, "id", i->info.alias);
        qj_onoff(o, "intremap", i->intremap);
        qj_switch(o, "caching-mode", i->caching_mode);
        qj_onoff(o, "eim", i->eim);
        qj_switch(o, "device-iotlb", i->iotlb);
        qj_uint(o, "aw-bits", i->aw_bits);
        return qemu_build_device(b, o);
}

static int build_crypto(QemuBuild *b, const VhCrypto *c)
{
        enum { LKCF = 2 };
        _vh_free_ char *driver = qemu_virtio_driver("virtio-crypto", &c->info, c->model);
        json_t *object = json_object(), *o;
        int r;

        qj_str(object, "qom-type", c->backend == LKCF ? "cryptodev-backend-lkcf" : "cryptodev-backend-builtin");
        qj_fmt(object, "id", "obj%s", c->info.alias);
        qj_uint(object, "queues", c->queues);
        r = qemu_build_object(b, object);
        if (r < 0)
                return r;
        o = json_object();
        qj_str(o, "driver", driver);
        qj_fmt(o, "cryptodev", "obj%s", c->info.alias);
        qj_str(o, "id", c->info.alias);
        qemu_virtio_props(&c->virtio, o);
        return qemu_build_device(b, placed(b, &c->info, o));
}

int qemu_build_cryptos(QemuBuild *b)
{
        int r = 0;

        for (uint32_t i = 0; r == 0 && i < b->def->cryptos.n; i++)
                r = build_crypto(b, b->def->cryptos.items[i]);
        return r;
}

int qemu_build_security(QemuBuild *b)
{
        enum { SEV = 1 };
        const VhLaunchSecurity *s = b->def->launch_security;
        json_t *o;

        if (!s)
                return 0;
        o = json_object();
        qj_str(o, "qom-type", s->type == SEV ? "sev-guest" : "s390-pv-guest");
        qj_str(o, "id", "lsec0");
        if (s->type == SEV) {
                qj_opt(o, "cbitpos", s->cbitpos);
                qj_opt(o, "reduced-phys-bits", s->reduced_phys_bits);
                qj_opt(o, "policy", s->policy);
                if (s->dh_cert)
                        qj_fmt(o, "dh-cert-file", "%s/dh_cert.base64", b->launch->lib_dir);
                if (s->session)
                        qj_fmt(o, "session-file", "%s/session.base64", b->launch->lib_dir);
                if (s->kernel_hashes)
                        qj_switch(o, "kernel-hashes", s->kernel_hashes);
        }
        return qemu_build_object(b, o);
}
