/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Network interfaces as a guest's agent tells them. */

#include "qemu.h"

#include <jansson.h>

/* The agent's answer as the wire has it, in memory of the call; addresses of "eth0:1" are those of "eth0". Returns 0,
 * or negative errno with *err for an answer that is none. */
int qemu_agent_interfaces(VhCall *call, json_t *ret, remote_domain_interface_addresses_ret *list, VhError **err);
