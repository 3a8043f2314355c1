/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A change of values in definitions: of the stored one, of what runs, or of both alike. */

#include "driver/typedparam.h"
#include "hotplug.h"

typedef struct QemuValues {
        /* Changes a definition as args (of the call) say. Called for copies first, so that what is refused changes
         * nothing. */
        int (*edit)(VhDomainDef *def, const void *args, VhError **err);
        /* What QEMU is told of the running guest, whose definition becomes def; NULL: nothing. */
        int (*plan)(QemuPlan *plan, const VhDomainDef *def, const void *args, VhError **err);
        /* What the host has to do for it: old is what runs; NULL: nothing. */
        int (*host)(const QemuDriver *driver, struct QemuHostWork *work, const VhDomainDef *old, const VhDomainDef *def,
                    const void *args, VhError **err);
        /* What becomes true at once for the running guest's process, whose definition becomes def; NULL: nothing. */
        int (*touch)(QemuProcess *proc, const VhDomainDef *def, const void *args, VhError **err);
        /* The running guest's definition has changed; NULL: nothing follows. */
        void (*applied)(QemuProcess *proc);
        /* What who listens is told of it (VIR_DOMAIN_EVENT_ID_TUNABLE); def has changed. NULL: nothing. */
        void (*tell)(VhTypedList *list, const VhDomainDef *def, const void *args);
} QemuValues;

/* The parameters of a call under the names that such an event has for them: PREFIX and theirs. */
void qemu_tell_params(VhTypedList *list, const char *prefix, const remote_typed_param *params, uint32_t n);

/* flags: VIR_DOMAIN_AFFECT_*, others are ignored. Ends the call (returns 0 or negative errno), or returns VH_LATER. */
int qemu_values_change(VhCall *call, const remote_nonnull_domain *wire, uint32_t flags, const QemuValues *values,
                       const void *args, VhError **err);
