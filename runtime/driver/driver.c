/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Finding the functions of a driver. */

#include "driver/driver.h"

const void *vh_driver_ops(const VhDriver *d, VhKind kind)
{
        const void *const by_kind[VH_KIND_MAX] = {
                [VH_KIND_HYPERVISOR] = d->hypervisor, [VH_KIND_NETWORK] = d->network,
                [VH_KIND_INTERFACE] = d->interface,   [VH_KIND_NODEDEV] = d->nodedev,
                [VH_KIND_NWFILTER] = d->nwfilter,     [VH_KIND_SECRET] = d->secret,
                [VH_KIND_STORAGE] = d->storage,
        };

        return by_kind[kind];
}
