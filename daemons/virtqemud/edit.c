/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reading and changing stored definitions. */

#include "qemu.h"

#include <errno.h>

VhDomainObj *qemu_domain(VhCall *call, const remote_nonnull_domain *wire, VhError **err)
{
        return vh_domain_find(&qemu_driver(call)->domains, wire, VIR_FROM_QEMU, err);
}

int qemu_need_running(VhCall *call, const remote_nonnull_domain *wire, VhError **err)
{
        VhDomainObj *dom = qemu_domain(call, wire, err);

        return dom ? vh_domain_obj_check_active(dom, VIR_FROM_DOMAIN, err) : -ENOENT;
}

const VhDomainDef *qemu_config(VhCall *call, const remote_nonnull_domain *wire, uint32_t flags, VhError **err)
{
        VhDomainObj *dom = qemu_domain(call, wire, err);
        uint32_t affect = flags & QEMU_AFFECT;

        if (!dom || vh_domain_obj_affect(dom, &affect, VIR_FROM_DOMAIN, err) < 0)
                return NULL;
        return vh_domain_obj_def_for(dom, affect);
}

int qemu_store(QemuDriver *driver, const VhDomainDef *def, VhError **err)
{
        _vh_free_ char *xml = vh_domain_def_format(def, QEMU_STORED_XML);

        return vh_persist_save(driver->persist, def->name, xml, err);
}

/* A file with content that is unknown to us stays as it is. */
static int check_not_foreign(VhDomainObj *dom, VhError **err)
{
        const char *foreign = qemu_domain_priv(dom)->foreign;

        if (!foreign)
                return 0;
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                            "the definition of domain '%s' cannot be changed without loss: %s", dom->node.name,
                            foreign);
}

int qemu_edit_begin(QemuEdit *edit, VhCall *call, const remote_nonnull_domain *wire, uint32_t flags, VhError **err)
{
        uint32_t affect = flags & QEMU_AFFECT;
        int r;

        *edit = (QemuEdit){ .driver = qemu_driver(call) };
        edit->dom = qemu_domain(call, wire, err);
        if (!edit->dom)
                return -ENOENT;
        r = vh_domain_obj_affect(edit->dom, &affect, VIR_FROM_DOMAIN, err);
        if (r == 0 && affect & VIR_DOMAIN_AFFECT_LIVE)
                r = vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                 "this cannot be changed while the domain runs, only in its stored definition");
        if (r == 0)
                r = check_not_foreign(edit->dom, err);
        if (r < 0)
                return r;
        edit->def = vh_domain_def_copy(vh_domain_obj_persistent_def(edit->dom));
        return 0;
}

/* A list that is stored names each of its threads, those too that were only counted before. */
static void name_iothreads(VhDomainDef *def)
{
        bool named = false;

        for (uint32_t i = 0; i < def->iothread_list.n; i++)
                named |= !def->iothread_list.items[i]->made;
        for (uint32_t i = 0; named && i < def->iothread_list.n; i++)
                def->iothread_list.items[i]->made = false;
}

int qemu_edit_commit(QemuEdit *edit, VhError **err)
{
        int r = qemu_store(edit->driver, edit->def, err);

        if (r == 0)
                name_iothreads(edit->def);
        if (r == 0)
                qemu_set_def(edit->driver, edit->dom, VH_TAKE_PTR(edit->def));
        return r;
}

void qemu_edit_done(QemuEdit *edit)
{
        edit->def = vh_domain_def_free(edit->def);
}
