/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a definition may say, but no guest can have: refused when it is to start, as the reference does. */

#include <unistd.h>

#include "guest-check.h"
#include "guest-platform.h"
#include "model/domain-tune.h"

static int check_displays(const VhDomainDef *def, VhError **err)
{
        static const bool once[] = {
                [VH_GRAPHICS_SDL] = true,          [VH_GRAPHICS_VNC] = true,  [VH_GRAPHICS_SPICE] = true,
                [VH_GRAPHICS_EGL_HEADLESS] = true, [VH_GRAPHICS_DBUS] = true,
        };
        uint32_t seen = 0;

        for (uint32_t i = 0; i < def->graphics.n; i++) {
                VhGraphicsType type = def->graphics.items[i]->type;

                if (type < VH_ARRAY_SIZE(once) && once[type] && seen >> type & 1)
                        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                            "only 1 graphics device of each type (sdl, vnc, spice, headless, dbus) is "
                                            "supported");
                seen |= UINT32_C(1) << type;
        }
        return 0;
}

static int check_keywrap(const VhDomainDef *def, VhError **err)
{
        enum { AES = 1 };

        if (!def->keywrap.n || qemu_platform_has(def, QEMU_HAS_CCW))
                return 0;
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                            "%s-key-wrap is not available with this QEMU binary",
                            def->keywrap.items[0]->name == AES ? "aes" : "dea");
}

static int check_shmems(const VhDomainDef *def, VhError **err)
{
        for (uint32_t i = 0; i < def->shmems.n; i++) {
                uint64_t size = def->shmems.items[i]->size;

                if (size & (size - 1))
                        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_XML_ERROR, "shmem size must be a power of two");
        }
        return 0;
}

static int check_hostdevs(const VhDomainDef *def, VhError **err)
{
        enum { VFIO = 2 };
        static const char *const names[] = { "default", "kvm", "vfio", "xen" };

        for (uint32_t i = 0; i < def->hostdevs.n; i++) {
                const VhHostdev *d = def->hostdevs.items[i];

                if (d->mode == VH_HOSTDEV_SUBSYSTEM && d->type == VH_HOSTDEV_PCI && d->driver && d->driver != VFIO)
                        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR,
                                            "invalid PCI passthrough type '%s'", names[d->driver]);
        }
        return 0;
}

int qemu_check_start(const VhDomainDef *def, VhError **err)
{
        static int (*const checks[])(const VhDomainDef *def, VhError **err) = {
                check_displays,
                check_keywrap,
                check_shmems,
                check_hostdevs,
        };
        int r = 0;

        for (size_t i = 0; r == 0 && i < VH_ARRAY_SIZE(checks); i++)
                r = checks[i](def, err);
        return r;
}

int qemu_check_placement(const VhDomainDef *def, VhError **err)
{
        enum { AUTO = 2 };

        if (def->vcpu_placement != AUTO && !(def->numatune && def->numatune->placement == AUTO))
                return 0;
        if (access("/usr/bin/numad", X_OK) < 0)
                return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_OPERATION_FAILED,
                                    "Failed to query numad for the advisory nodeset");
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                            "numad is not asked: name processors and nodes instead of placement='auto'");
}
