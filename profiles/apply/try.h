/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Changes that are taken back unless somebody confirms them. */

#include "apply/session.h"

/* True if the set changes who can reach the host from outside: listeners, their certificates and their authentication.
 */
bool vh_try_needs_new_connection(const VhChangeSet *set);
/* Applies s->set, waits, and says how it ended; the exit status. */
int vh_try(VhSession *s);
/* Keeps what is being tried. The lock is held. */
int vh_try_keep(VhSession *s, const VhJournal *j);
/* Stops the timer, whether it runs or not. */
void vh_try_stop_timer(VhSession *s);
