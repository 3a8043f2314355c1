/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Network filters of interfaces. The filter daemon keeps a binding for each interface that has one, by the name of its
 * device on the host. */

#include "host-work.h"
#include "process.h"

/* Whether interfaces of such a type can have filters. */
bool qemu_net_can_filter(const VhNet *net);
bool qemu_net_same_filter(const VhNet *a, const VhNet *b);
/* Adds an item that binds the interface, which has a filter and a device, and that removes the binding when it is taken
 * back. */
void qemu_filter_want(QemuProcess *proc, const VhNet *net, QemuHostWork *work);
/* Adds an item that gives the device of old the filter of new; either may have none. */
void qemu_filter_change(QemuProcess *proc, const VhNet *old, const VhNet *new, QemuHostWork *work);
/* Adds an item that binds the interface again if the filter daemon lost it; failure is logged. */
void qemu_filter_reclaim(QemuProcess *proc, const VhNet *net, QemuHostWork *work);
