/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What devices may not be by themselves, whatever the hypervisor. */

#include <inttypes.h>
#include "model/domain-check.h"
#include "model/domain-tables.h"

enum {
        SCSI_ISCSI = 1,
        TPM_EXTERNAL = 3,
        TPM_VERSION_2_0 = 2,
        RNG_EGD = 2,
        SMARTCARD_CERTIFICATES = 2,
        SMARTCARD_PASSTHROUGH = 3,
        N_CERTIFICATES = 3,
        PCI_BUS_MAX = 255,
        MEMDEV_NVDIMM = 2,
        MEMDEV_VIRTIO_PMEM = 3,
        MEMDEV_VIRTIO_MEM = 4,
        NVDIMM_LABEL_MIN = 128, /* KiB */
        BIND = 2,
};

int vh_domain_check_chr_source(const VhChrSource *source, VhError **err)
{
        const bool path = source->type == VH_CHR_FILE || source->type == VH_CHR_DEV || source->type == VH_CHR_PIPE;
        const bool tcp = source->type == VH_CHR_TCP, udp = source->type == VH_CHR_UDP;
        const VhChrEnd none = {}, *end = source->ends.n ? source->ends.items[0] : &none;
        const bool at_end = source->type != VH_CHR_UNIX;
        const uint8_t mode = at_end ? end->mode : source->mode;
        const uint8_t reconnect = at_end ? end->reconnect : source->reconnect;

        return VH_CHECK_RULES(
                VIR_FROM_DOMAIN, err,
                { reconnect == VH_YES && mode == BIND, VIR_ERR_INTERNAL_ERROR,
                  "chardev reconnect is possible only for connect mode" },
                { path && !source->path, VIR_ERR_INTERNAL_ERROR, "Missing source path attribute for char device" },
                { tcp && !end->host, VIR_ERR_INTERNAL_ERROR, "Missing source host attribute for char device" },
                { (tcp || udp) && !end->service, VIR_ERR_INTERNAL_ERROR,
                  "Missing source service attribute for char device" },
                { source->type == VH_CHR_SPICEPORT && !source->channel, VIR_ERR_CONFIG_UNSUPPORTED,
                  "Missing source channel attribute for char device" }, );
}

static int check_chr(const VhChr *chr, VhError **err)
{
        const bool guestfwd = chr->target_type == VH_CHR_TARGET_GUESTFWD;
        const bool virtio_channel = chr->target_type == VH_CHR_TARGET_VIRTIO;
        int r = vh_domain_check_chr_source(&chr->source, err);

        if (r < 0)
                return r;
        return VH_CHECK_RULES(
                VIR_FROM_DOMAIN, err,
                { guestfwd && !chr->target_address, VIR_ERR_XML_ERROR,
                  "guestfwd channel does not define a target address" },
                { guestfwd && chr->target_address && strchr(chr->target_address, ':'), VIR_ERR_CONFIG_UNSUPPORTED,
                  "guestfwd channel only supports IPv4 addresses" },
                { guestfwd && !chr->port.set, VIR_ERR_XML_ERROR, "guestfwd channel does not define a target port" },
                { chr->source.type == VH_CHR_SPICEVMC && !virtio_channel, VIR_ERR_CONFIG_UNSUPPORTED,
                  "spicevmc device type only supports virtio" }, );
}

static int check_controller(const VhController *c, VhError **err)
{
        const bool scsi = c->type == VH_CONTROLLER_SCSI;
        const bool virtio_scsi =
                scsi && (c->model == VH_CTRL_VIRTIO_SCSI || !c->model || c->model == VH_CTRL_VIRTIO_TRANSITIONAL ||
                         c->model == VH_CTRL_VIRTIO_NON_TRANSITIONAL);

        if (c->type == VH_CONTROLLER_PCI && c->index.val > PCI_BUS_MAX)
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "PCI controller index %u too high, maximum is %d", c->index.val, PCI_BUS_MAX);
        return VH_CHECK_RULES(VIR_FROM_DOMAIN, err,
                              { c->iothread.set && scsi && !virtio_scsi, VIR_ERR_XML_ERROR,
                                "'iothread' attribute only supported for virtio scsi controllers" }, );
}

static int check_input(const VhInput *input, VhError **err)
{
        const bool usb = input->bus == VH_INPUT_BUS_USB, virtio = input->bus == VH_INPUT_BUS_VIRTIO;
        const VhAddressType at = input->info.address.type;

        return VH_CHECK_RULES(VIR_FROM_DOMAIN, err,
                              { input->bus == VH_INPUT_BUS_PS2 && input->type == VH_INPUT_TABLET,
                                VIR_ERR_INTERNAL_ERROR, "ps2 bus does not support tablet input device" },
                              { input->type == VH_INPUT_PASSTHROUGH && !virtio, VIR_ERR_CONFIG_UNSUPPORTED,
                                "only bus 'virtio' is supported for 'passthrough' input devices" },
                              { input->model && !virtio, VIR_ERR_CONFIG_UNSUPPORTED,
                                "only bus 'virtio' is supported for input model '", "virtio", "'" },
                              { usb && at != VH_ADDRESS_NONE && at != VH_ADDRESS_USB, VIR_ERR_XML_ERROR,
                                "Invalid address for a USB device" }, );
}

/* "2026-01-31T23:59:59" */
static bool is_time(const char *text)
{
        static const char pattern[] = "dddd-dd-ddTdd:dd:dd";

        if (strlen(text) != sizeof(pattern) - 1)
                return false;
        for (size_t i = 0; text[i]; i++)
                if (pattern[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != pattern[i])
                        return false;
        return true;
}

static const VhGraphicsListen *first_listen(const VhGraphics *g)
{
        static const VhGraphicsListen none;

        return g->listens.n ? g->listens.items[0] : &none;
}

static int check_listens(const VhGraphics *g, VhError **err)
{
        const VhGraphicsListen *first = first_listen(g);

        for (uint32_t i = 0; i < g->listens.n; i++)
                if (g->listens.items[i]->type == VH_LISTEN_NETWORK && !g->listens.items[i]->network)
                        return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR,
                                            "'network' attribute is required for listen type 'network'");
        if (g->listen && first->type == VH_LISTEN_ADDRESS && first->address && !vh_streq(g->listen, first->address))
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "graphics 'listen' attribute '%s' must match 'address' attribute of first listen "
                                    "element (found '%s')",
                                    g->listen, first->address);
        if (g->socket && first->type == VH_LISTEN_SOCKET && first->socket && !vh_streq(g->socket, first->socket))
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "graphics 'socket' attribute '%s' must match 'socket' attribute of first listen "
                                    "element (found '%s')",
                                    g->socket, first->socket);
        return 0;
}

static int check_graphics(const VhGraphics *g, VhError **err)
{
        enum { CONNECTED_FAIL = 1, CONNECTED_DISCONNECT = 2 };
        int r = VH_CHECK_RULES(
                VIR_FROM_DOMAIN, err,
                { g->passwd_valid_to && !is_time(g->passwd_valid_to), VIR_ERR_INTERNAL_ERROR,
                  "cannot parse password validity time '", g->passwd_valid_to, "', expect YYYY-MM-DDTHH:MM:SS" },
                { g->type == VH_GRAPHICS_VNC &&
                          (g->connected == CONNECTED_FAIL || g->connected == CONNECTED_DISCONNECT),
                  VIR_ERR_CONFIG_UNSUPPORTED, "VNC supports connected='keep' only" },
                { g->p2p == VH_YES && g->address, VIR_ERR_XML_ERROR, "D-Bus p2p with an address is not supported" }, );

        return r < 0 ? r : check_listens(g, err);
}

static int check_video(const VhVideo *v, VhError **err)
{
        return VH_CHECK_RULES(VIR_FROM_DOMAIN, err,
                              { !v->res_x != !v->res_y, VIR_ERR_CONFIG_UNSUPPORTED,
                                "video resolution values must be greater than 0" },
                              { v->type != VH_VIDEO_VIRTIO && vh_virtio_opts_set(&v->virtio),
                                VIR_ERR_CONFIG_UNSUPPORTED, "", vh_virtio_opts_first(&v->virtio),
                                " option is only supported for virtio devices" }, );
}

static int check_audio_io(const VhAudioIo *io, VhError **err)
{
        if (io && io->settings && io->fixed_settings != VH_YES)
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "audio settings specified without fixed settings flag");
        if (io && io->fixed_settings == VH_YES && io->mixing_engine != VH_YES)
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "fixed audio settings requires mixing engine");
        return 0;
}

static int check_audio(const VhAudio *a, VhError **err)
{
        int r = check_audio_io(a->input, err);

        return r < 0 ? r : check_audio_io(a->output, err);
}

static bool is_wwpn(const char *text)
{
        const char *digits = vh_startswith(text, "naa.");

        return digits && strlen(digits) == 16 && digits[strspn(digits, "0123456789abcdefABCDEF")] == '\0';
}

static int check_usb_hostdev(const VhHostdev *d, VhError **err)
{
        return VH_CHECK_RULES(
                VIR_FROM_DOMAIN, err,
                { !d->vendor.set && !d->usb_bus.set, VIR_ERR_XML_ERROR, "Missing <source> element in hostdev device" },
                { d->vendor.set && !d->vendor.val, VIR_ERR_XML_ERROR,
                  "Invalid value for attribute 'id' in element 'vendor': Zero is not permitted" },
                { d->vendor.set && !d->product.set, VIR_ERR_INTERNAL_ERROR, "missing product" },
                { d->product.set && !d->vendor.set, VIR_ERR_INTERNAL_ERROR, "missing vendor" }, );
}

static int check_hostdev(const VhHostdev *d, VhError **err)
{
        enum { SGIO_UNFILTERED = 2 };
        const bool scsi = d->type == VH_HOSTDEV_SCSI && d->scsi_protocol != SCSI_ISCSI;
        const bool vhost = d->type == VH_HOSTDEV_SCSI_HOST;

        if (d->mode == VH_HOSTDEV_SUBSYSTEM && d->type == VH_HOSTDEV_USB)
                return check_usb_hostdev(d, err);
        return VH_CHECK_RULES(
                VIR_FROM_DOMAIN, err,
                { d->sgio == SGIO_UNFILTERED, VIR_ERR_CONFIG_UNSUPPORTED, "unfiltered sgio is no longer supported" },
                { scsi && d->adapter && !d->scsi_bus.set, VIR_ERR_XML_ERROR,
                  "'address' must be specified for scsi hostdev source" },
                { scsi && !d->adapter, VIR_ERR_XML_ERROR, "'adapter' must be specified for scsi hostdev source" },
                { vhost && !d->wwpn, VIR_ERR_XML_ERROR, "missing vhost-scsi hostdev source wwpn" },
                { vhost && d->wwpn && !is_wwpn(d->wwpn), VIR_ERR_XML_ERROR, "malformed 'wwpn' value" }, );
}

/* Permissions in octal, as chmod takes them. */
static bool is_mode(const char *text)
{
        return !text || (strlen(text) <= 4 && *text && text[strspn(text, "01234567")] == '\0');
}

static int check_filesystem(const VhFilesystem *fs, VhError **err)
{
        const bool has_source = fs->source || fs->socket || fs->usage;

        return VH_CHECK_RULES(VIR_FROM_DOMAIN, err, { !has_source, VIR_ERR_NO_SOURCE, "", fs->target, NULL },
                              { !is_mode(fs->fmode), VIR_ERR_XML_ERROR,
                                "Invalid value for attribute 'fmode' in element 'filesystem': '", fs->fmode,
                                "'. Expected non-negative integer value" },
                              { !is_mode(fs->dmode), VIR_ERR_XML_ERROR,
                                "Invalid value for attribute 'dmode' in element 'filesystem': '", fs->dmode,
                                "'. Expected non-negative integer value" }, );
}

static int check_tpm(const VhTpm *tpm, VhError **err)
{
        const bool banks = tpm->sha1 || tpm->sha256 || tpm->sha384 || tpm->sha512;

        return VH_CHECK_RULES(VIR_FROM_DOMAIN, err,
                              { banks && tpm->version && tpm->version != TPM_VERSION_2_0, VIR_ERR_XML_ERROR,
                                "<active_pcr_banks/> requires TPM version '2.0'" },
                              { tpm->type == TPM_EXTERNAL && !tpm->source.type, VIR_ERR_XML_ERROR,
                                "missing external TPM backend type" }, );
}

static int check_rng(const VhRng *rng, VhError **err)
{
        if (rng->backend != RNG_EGD)
                return 0;
        if (!rng->source.type)
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR, "missing EGD backend type");
        return vh_domain_check_chr_source(&rng->source, err);
}

static int check_smartcard(const VhSmartcard *card, VhError **err)
{
        const bool passthrough = card->mode == SMARTCARD_PASSTHROUGH;
        int r = VH_CHECK_RULES(VIR_FROM_DOMAIN, err,
                               { card->mode == SMARTCARD_CERTIFICATES && card->certificates.n != N_CERTIFICATES,
                                 VIR_ERR_XML_ERROR, "host-certificates mode needs exactly three certificates" },
                               { passthrough && !card->source.type, VIR_ERR_XML_ERROR,
                                 "passthrough mode requires a character device type attribute" }, );

        return r < 0 || !passthrough ? r : vh_domain_check_chr_source(&card->source, err);
}

static int check_shmem(const VhShmem *shmem, VhError **err)
{
        return VH_CHECK_RULES(VIR_FROM_DOMAIN, err,
                              { strchr(shmem->name, '/') != NULL, VIR_ERR_CONFIG_UNSUPPORTED,
                                "shmem name cannot include '/' character" },
                              { vh_streq(shmem->name, ".") || vh_streq(shmem->name, ".."), VIR_ERR_CONFIG_UNSUPPORTED,
                                "shmem name cannot be equal to '", shmem->name, "'" }, );
}

static bool is_power_of_two(uint64_t n)
{
        return n && !(n & (n - 1));
}

/* How much of it the guest is to have. */
static int check_requested(const VhMemdev *m, VhError **err)
{
        if (m->requested > m->size)
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_XML_DETAIL,
                                    "requested size must be smaller than or equal to @size (%" PRIu64 "KiB)", m->size);
        if (m->requested % m->block)
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_XML_DETAIL,
                                    "requested size must be an integer multiple of block size");
        return 0;
}

static int check_memdev(const VhMemdev *m, VhError **err)
{
        int r = VH_CHECK_RULES(
                VIR_FROM_DOMAIN, err,
                { m->model == MEMDEV_NVDIMM && !m->path, VIR_ERR_XML_DETAIL, "path is required for model 'nvdimm'" },
                { m->model == MEMDEV_NVDIMM && m->label_size && m->label_size < NVDIMM_LABEL_MIN, VIR_ERR_XML_ERROR,
                  "nvdimm label must be at least 128KiB" },
                { m->model == MEMDEV_VIRTIO_PMEM && !m->path, VIR_ERR_XML_DETAIL,
                  "path is required for model 'virtio-pmem'" },
                { m->model == MEMDEV_VIRTIO_MEM && !is_power_of_two(m->block), VIR_ERR_XML_DETAIL,
                  "block size must be a power of two" }, );

        return r == 0 && m->model == MEMDEV_VIRTIO_MEM ? check_requested(m, err) : r;
}

static int check_iommu(const VhIommu *iommu, VhError **err)
{
        return VH_CHECK_RULES(VIR_FROM_DOMAIN, err,
                              { iommu->eim == VH_ON && iommu->intremap != VH_ON, VIR_ERR_CONFIG_UNSUPPORTED,
                                "IOMMU eim requires interrupt remapping to be enabled" }, );
}

int vh_domain_check_device(VhDeviceKind kind, const void *dev, VhError **err)
{
        switch (kind) {
        case VH_DEVICE_DISK:
                return vh_domain_check_disk(dev, err);
        case VH_DEVICE_NET:
                return vh_domain_check_net(dev, err);
        case VH_DEVICE_SERIAL:
        case VH_DEVICE_PARALLEL:
        case VH_DEVICE_CONSOLE:
        case VH_DEVICE_CHANNEL:
                return check_chr(dev, err);
        case VH_DEVICE_CONTROLLER:
                return check_controller(dev, err);
        case VH_DEVICE_INPUT:
                return check_input(dev, err);
        case VH_DEVICE_GRAPHICS:
                return check_graphics(dev, err);
        case VH_DEVICE_VIDEO:
                return check_video(dev, err);
        case VH_DEVICE_AUDIO:
                return check_audio(dev, err);
        case VH_DEVICE_HOSTDEV:
                return check_hostdev(dev, err);
        case VH_DEVICE_FILESYSTEM:
                return check_filesystem(dev, err);
        case VH_DEVICE_TPM:
                return check_tpm(dev, err);
        case VH_DEVICE_RNG:
                return check_rng(dev, err);
        case VH_DEVICE_SMARTCARD:
                return check_smartcard(dev, err);
        case VH_DEVICE_SHMEM:
                return check_shmem(dev, err);
        case VH_DEVICE_MEMORY:
                return check_memdev(dev, err);
        case VH_DEVICE_IOMMU:
                return check_iommu(dev, err);
        default:
                return 0;
        }
}
