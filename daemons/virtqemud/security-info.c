/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What clients see of the labels of running guests. */

#include <errno.h>

#include "qemu-ops.h"
#include "security.h"

/* The models of each guest, in the order of the capabilities. */
enum { MANDATORY, OWNER, N_MODELS };

typedef struct Shown {
        char *label; /* lives as long as the call */
        bool enforcing;
} Shown;

static char *mandatory_label(VhCall *call, const QemuProcess *proc)
{
        const QemuSecurity *kind = proc->driver->security;
        const VhSeclabel *label = qemu_security_label(proc);
        char *of_process = kind && kind->process_label ? kind->process_label(proc) : NULL;

        return of_process ? vh_call_own(call, of_process) : label ? label->label : NULL;
}

static Shown show(VhCall *call, const QemuProcess *proc, int model)
{
        static char none[] = "";
        const VhSeclabel *owner = qemu_security_label_of(proc->dom->def, "dac");
        char *label = model == MANDATORY ? mandatory_label(call, proc) : owner ? owner->label : NULL;
        bool enforcing = model == MANDATORY && label && proc->driver->security->enforces(label);

        return (Shown){ label ? label : none, enforcing };
}

/* The NUL counts on the wire. */
#define FILL(ret, shown)                                                                                               \
        do {                                                                                                           \
                (ret)->label.val = (shown).label;                                                                      \
                (ret)->label.len = (uint32_t)strlen((shown).label) + 1;                                                \
                (ret)->enforcing = (shown).enforcing;                                                                  \
        } while (0)

QEMU_OP_RET(domain_get_security_label)
{
        VhDomainObj *dom = qemu_domain(call, &args->dom, err);
        Shown shown = { (char *)"", false };

        if (!dom)
                return -ENOENT;
        if (qemu_process(dom))
                shown = show(call, qemu_process(dom), MANDATORY);
        FILL(ret, shown);
        return 0;
}

/* A failure is a good answer with a count of -1. */
QEMU_OP_RET(domain_get_security_label_list)
{
        VhDomainObj *dom = qemu_domain(call, &args->dom, NULL);
        const QemuProcess *proc = dom ? qemu_process(dom) : NULL;

        ret->ret = dom ? 0 : -1;
        if (!proc)
                return 0;
        ret->labels.val = vh_call_alloc(call, N_MODELS * sizeof(*ret->labels.val));
        ret->labels.len = proc->driver->env.privileged ? N_MODELS : 1;
        for (unsigned i = 0; i < ret->labels.len; i++) {
                Shown shown = show(call, proc, (int)i);

                FILL(&ret->labels.val[i], shown);
        }
        ret->ret = (int32_t)ret->labels.len;
        return 0;
}
