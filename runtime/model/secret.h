/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Secrets: <secret>. The value is not part of the definition. */

#include "base/uuid.h"
#include "model/model.h"
#include "xml/types.h"

typedef struct VhSecretDef {
        uint8_t ephemeral; /* VH_YES, VH_NO */
        uint8_t is_private;
        uint8_t uuid[VH_UUID_LEN];
        char *description;
        uint8_t usage_type; /* VIR_SECRET_USAGE_TYPE_*; 0: none */
        char *usage_id;
} VhSecretDef;

VH_MODEL_DECLARE(secret, VhSecretDef)
