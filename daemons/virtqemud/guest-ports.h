/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Interfaces in networks: each has a port there, which the network daemon makes and which says what the interface is
 * plugged into. */

#include "process.h"
#include "host-work.h"

/* Whether an interface needs a port, and whether it has one. */
bool qemu_net_wants_port(const VhNet *net);
bool qemu_net_has_port(const VhNet *net);
/* Adds an item that makes a port; adopted, net (which must last until then) is plugged in as the port says. */
void qemu_port_want(QemuProcess *proc, VhNet *net, QemuHostWork *work);
/* Adds an item that removes the port of an interface, which has one. */
void qemu_port_leave(QemuProcess *proc, const VhNet *net, QemuHostWork *work);
/* Adds an item that removes it when it is made: the end of a change in which the interface got another one. */
void qemu_port_drop(QemuProcess *proc, const VhNet *net, QemuHostWork *work);
/* Adds an item that makes the port of an interface again if the network daemon lost it; failure is logged. */
void qemu_port_reclaim(QemuProcess *proc, const VhNet *net, QemuHostWork *work);
