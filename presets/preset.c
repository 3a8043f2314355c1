/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Asks a policy about a unit. */

#include "preset.h"

static bool fits(VhPresetAnswer wanted, bool is)
{
        return wanted == VH_PRESET_ANY || (wanted == VH_PRESET_YES) == is;
}

const VhPresetPolicy *vh_preset_policy_find(const char *name)
{
        for (const VhPresetPolicy *p = vh_preset_policies; p->name; p++)
                if (vh_streq(p->name, name))
                        return p;
        return NULL;
}

bool vh_preset_enables(const VhPresetPolicy *policy, const VhPresetCase *c)
{
        const VhPresetRule *rule = policy->rules;

        /* The generator has made sure that the last rule fits everything. */
        while ((rule->unit != VH_PRESET_ANY_UNIT && rule->unit != c->unit) || !fits(rule->wanted, c->wanted) ||
               !fits(rule->open, c->open) || !fits(rule->activated, c->activated) || !fits(rule->boot, c->boot))
                rule++;
        return rule->enable;
}
