/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a definition leaves open and the settings decide when the guest starts, or when a device joins it. From then on
 * it stands in the live definition, and in the status file that it was not the definition who said so. */

#include "settle.h"

#include "backing-name.h"
#include "tls-objects.h"

static void settle_graphics(const VhConf *conf, VhGraphics *g)
{
        const char *address = "127.0.0.1";

        if (!g->listens.n || g->listens.items[0]->type != VH_LISTEN_ADDRESS || g->listens.items[0]->address)
                return;
        if (conf)
                (void)vh_conf_get_string(conf, g->type == VH_GRAPHICS_SPICE ? "spice_listen" : "vnc_listen", &address,
                                         NULL);
        vh_strset(&g->listens.items[0]->address, address);
        g->listens.items[0]->from_config = true;
        vh_strset(&g->listen, address);
}

static void settle_tcp(const VhConf *conf, VhChrSource *src)
{
        enum { RAW = 1 };

        if (src->type == VH_CHR_TCP && !src->protocol)
                src->protocol = RAW;
        for (uint32_t i = 0; src->type == VH_CHR_TCP && i < src->ends.n; i++) {
                VhChrEnd *end = src->ends.items[i];

                if (end->tls_origin)
                        continue;
                end->tls_origin = end->tls ? VH_TLS_FROM_GUEST : VH_TLS_FROM_CONFIG;
                if (!end->tls)
                        end->tls = qemu_tls_settings(conf, QEMU_TLS_CHARDEV).wanted ? VH_YES : VH_NO;
        }
}

static void settle_image(const VhConf *conf, VhDiskSource *src)
{
        VhNetworkSource *net = src->network;

        if (src->type != VH_DISK_TYPE_NETWORK || net->protocol != QEMU_PROTOCOL_NBD || net->tls_origin)
                return;
        net->tls_origin = net->tls ? VH_TLS_FROM_GUEST : VH_TLS_FROM_CONFIG;
        if (!net->tls)
                net->tls = qemu_tls_settings(conf, QEMU_TLS_NBD).wanted ? VH_YES : VH_NO;
}

static void settle_disk(const VhConf *conf, VhDisk *disk)
{
        for (VhDiskSource *src = &disk->src; src; src = src->backing)
                settle_image(conf, src);
}

const VhChrSource *qemu_chr_source(VhDeviceKind kind, const void *dev)
{
        if (vh_device_is_chr(kind))
                return &((const VhChr *)dev)->source;
        if (kind == VH_DEVICE_REDIRDEV)
                return &((const VhRedirdev *)dev)->source;
        if (kind == VH_DEVICE_RNG)
                return &((const VhRng *)dev)->source;
        return kind == VH_DEVICE_SMARTCARD ? &((const VhSmartcard *)dev)->source : NULL;
}

void qemu_settle_device(const VhConf *conf, VhDeviceKind kind, void *dev)
{
        VhChrSource *src = (VhChrSource *)qemu_chr_source(kind, dev); /* a part of dev */

        if (kind == VH_DEVICE_GRAPHICS)
                settle_graphics(conf, dev);
        else if (kind == VH_DEVICE_DISK)
                settle_disk(conf, dev);
        else if (src)
                settle_tcp(conf, src);
}

static int settle(VhDeviceKind kind, void *dev, VhDeviceInfo *info, void *opaque)
{
        qemu_settle_device(opaque, kind, dev);
        return 0;
}

/* QEMU tells changes of the guest's clock against what it had at its start; none is 0. */
static void settle_clock(VhClock *clock)
{
        int64_t seconds = 0;

        if (clock->offset != VH_CLOCK_VARIABLE || !clock->adjustment)
                return;
        (void)vh_parse_i64(clock->adjustment, 10, &seconds);
        clock->adjustment0 = (VhOptInt64){ seconds, seconds != 0 };
}

void qemu_settle_live(const VhConf *conf, VhDomainDef *def)
{
        settle_clock(&def->clock);
        vh_domain_each_device(def, settle, (void *)conf);
}
