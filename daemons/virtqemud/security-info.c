/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What clients see of the labels of running guests. */

#include <errno.h>

#include "qemu-ops.h"
#include "security.h"

/* The models of each guest, in the order of the capabilities. */
enum { MANDATORY, OWNER, N_MODELS };

typedef struct Shown {
        char *label; /* borrowed */
        bool enforcing;
} Shown;

static Shown show(const QemuProcess *proc, int model)
{
        static char none[] = "";
        Shown shown = { none, false };
        const VhSeclabel *label;

        if (model == MANDATORY) {
                label = qemu_security_label(proc);
                shown.enforcing = label && proc->driver->security->enforces(label->label);
        } else
                label = qemu_security_label_of(proc->dom->def, "dac");
        if (label && label->label)
                shown.label = label->label;
        return shown;
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
                shown = show(qemu_process(dom), MANDATORY);
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
                Shown shown = show(proc, (int)i);

                FILL(&ret->labels.val[i], shown);
        }
        ret->ret = (int32_t)ret->labels.len;
        return 0;
}
