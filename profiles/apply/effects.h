/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a changed file means for one daemon, by the descriptions of the options in it. */

#include "apply/changes.h"
#include "apply/live.h"

typedef struct VhEffects {
        bool restart, reload;
        bool sockets; /* socket units have other settings: they have to be made anew */
        char *why;    /* what made the strongest of them necessary, or NULL */
        VhLiveSetting *live;
        size_t n_live; /* strings belong to the struct */
} VhEffects;

/* Of all of a set's changes on a daemon that runs. */
void vh_effects_find(VhEffects *e, const VhChangeSet *set, const VhDaemonDesc *d);
void vh_effects_done(VhEffects *e);
/* True if systemd has to read its units again. */
bool vh_effects_reload_manager(const VhChangeSet *set);
