/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The network filter of a guest's interface: <filterbinding>. */

#include "model/domain-devices.h"
#include "model/model.h"

typedef struct VhFilterBindingDef {
        char *owner_name;
        uint8_t owner_uuid[VH_UUID_LEN];
        char *port_dev; /* the host's end, "vnet0" */
        char *link_dev; /* that it is plugged into, where there is no bridge; NULL: none */
        uint8_t mac[6];
        char *filter;
        VH_LIST(VhFilterParam) filter_params;
} VhFilterBindingDef;

VH_MODEL_DECLARE(filter_binding, VhFilterBindingDef)
