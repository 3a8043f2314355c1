/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Preset policies: which units are enabled on a host. Rows made from presets/policies.yaml. */

#include "base/util.h"

typedef enum VhPresetUnit {
        VH_PRESET_ANY_UNIT,
        VH_PRESET_SERVICE,
        VH_PRESET_SOCKET,   /* UNIX socket */
        VH_PRESET_LISTENER, /* TCP or TLS */
} VhPresetUnit;

typedef enum VhPresetAnswer {
        VH_PRESET_ANY,
        VH_PRESET_NO,
        VH_PRESET_YES,
} VhPresetAnswer;

typedef struct VhPresetRule {
        VhPresetAnswer wanted;    /* the daemon is one of the profile's */
        VhPresetAnswer open;      /* the profile opens this listener */
        VhPresetAnswer activated; /* systemd makes the daemon's sockets */
        VhPresetAnswer boot;      /* the daemon starts things with the host */
        VhPresetUnit unit;
        bool enable;
} VhPresetRule;

typedef struct VhPresetPolicy {
        const char *name;
        const char *title;
        const VhPresetRule *rules;
        size_t n_rules;
} VhPresetPolicy;

extern const VhPresetPolicy vh_preset_policies[]; /* ends with a NULL name */

/* NULL if there is none of this name. */
const VhPresetPolicy *vh_preset_policy_find(const char *name);
/* A unit, as rules see it. */
typedef struct VhPresetCase {
        VhPresetUnit unit;
        bool wanted, open, activated, boot;
} VhPresetCase;

/* What the policy says about a unit that is so. */
bool vh_preset_enables(const VhPresetPolicy *policy, const VhPresetCase *c);
