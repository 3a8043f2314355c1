/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What networks gave a guest's interfaces: the network daemon is asked, by a worker. */

#include "qemu.h"

/* Ends the call with the addresses of interfaces in networks. Returns VH_LATER. */
int qemu_lease_addresses(VhCall *call, const VhDomainObj *dom);
/* Ends the call with the name that came with the first lease that has one. Returns VH_LATER. */
int qemu_lease_hostname(VhCall *call, const VhDomainObj *dom);
