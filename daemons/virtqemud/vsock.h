/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "launch.h"
#include "model/domain.h"

/* Opens the host's device and claims the guest's number for as long as somebody holds the descriptor: the first free
 * one, which goes into vsock->cid, if the definition leaves it to the host. Returns the descriptor, the caller's, or
 * negative errno. */
int qemu_vsock_open(VhVsock *vsock, VhError **err);
/* The same for a guest that starts, if it has one; the descriptor goes into launch. Returns 0 or negative errno. */
int qemu_vsock_prepare(const VhDomainDef *def, QemuLaunch *launch, VhError **err);
