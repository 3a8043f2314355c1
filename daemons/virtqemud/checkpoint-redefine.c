/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A client hands back the metadata of a checkpoint, whose bitmaps are in the images; QEMU is asked whether they are, if
 * the client wants to know. */

#include <errno.h>

#include "block-bitmap.h"
#include "block-ops.h"
#include "checkpoint.h"
#include "model/domain-tables.h"
#include "qemu-ops.h"

typedef struct RedefineTask {
        QemuTask task;
        VhCheckpoint *cp;
} RedefineTask;

static void redefine_cleanup(QemuTask *task)
{
        vh_checkpoint_obj_free(((RedefineTask *)task)->cp);
}

/* That of the checkpoint that is known stays if the client tells none. */
static int take_domain(QemuDriver *driver, const VhCheckpoint *known, VhCheckpoint *cp, VhError **err)
{
        if (!cp->def->domain && known && known->dom) {
                cp->dom = vh_domain_def_copy(known->dom);
                return 0;
        }
        if (!cp->def->domain)
                return vh_error_set(err, VIR_FROM_DOMAIN_CHECKPOINT, VIR_ERR_INTERNAL_ERROR,
                                    "missing domain in checkpoint redefinition");
        return qemu_parse(driver, cp->def->domain, 0, &cp->dom, err);
}

static int prepare(QemuDriver *driver, VhDomainObj *dom, const char *xml, VhCheckpoint *cp, VhError **err)
{
        const VhMoment *known;
        int r = vh_checkpoint_parse(xml, VH_XML_STRICT, &cp->def, err);

        if (r == 0)
                r = vh_checkpoint_check_redefined(dom, cp->def, err);
        if (r < 0)
                return r;
        known = vh_moment_find(&dom->checkpoints, cp->def->name);
        r = take_domain(driver, known ? vh_checkpoint_of(known) : NULL, cp, err);
        return r < 0 ? r : vh_checkpoint_align(cp->dom, cp->def, err);
}

/* It enters the tree; cp is taken over. */
static int commit(QemuDriver *driver, VhDomainObj *dom, VhCheckpoint *cp, remote_domain_checkpoint_create_xml_ret *ret,
                  VhError **err)
{
        VhMoment *m = vh_moment_find(&dom->checkpoints, cp->def->name);
        VhMoment *parent = cp->def->parent ? vh_moment_find(&dom->checkpoints, cp->def->parent) : NULL;
        int r;

        if (m) {
                vh_checkpoint_obj_free(m->def);
                m->def = cp;
        } else
                m = vh_moment_add(&dom->checkpoints, cp->def->name, parent, cp);
        r = qemu_moment_save(driver, dom, QEMU_CHECKPOINTS, m, err);
        if (r == 0 && (!dom->checkpoints.current || dom->checkpoints.current == m->parent))
                dom->checkpoints.current = m;
        if (ret)
                vh_checkpoint_wire(dom, m, &ret->checkpoint);
        return r;
}

static int check_bitmaps(const VhDomainDef *def, const VhCheckpoint *cp, const json_t *nodes, VhError **err)
{
        for (uint32_t i = 0; i < cp->def->disks.n; i++) {
                const VhCheckpointDisk *cd = cp->def->disks.items[i];
                const VhDisk *disk = qemu_disk_find(def, cd->name);
                json_t *found = disk && cd->mode == VH_CHECKPOINT_BITMAP
                                        ? qemu_bitmap_sources(nodes, &disk->src, 0, cd->bitmap, NULL)
                                        : NULL;
                bool good = found || cd->mode != VH_CHECKPOINT_BITMAP;

                json_decref(found);
                if (!good)
                        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CHECKPOINT_INCONSISTENT,
                                            "missing or broken bitmap '%s' for disk '%s'", cd->bitmap, cd->name);
        }
        return 0;
}

static void got_nodes(QemuTask *task, json_t *nodes)
{
        RedefineTask *t = (RedefineTask *)task;
        VhError *err = NULL;
        int r = check_bitmaps(task->dom->def, t->cp, nodes, &err);

        if (r == 0)
                r = commit(task->driver, task->dom, VH_TAKE_PTR(t->cp), task->call ? task->call->ret : NULL, &err);
        qemu_task_end(task, r, err);
}

static void redefine_run(QemuTask *task)
{
        qemu_task_qmp(task, qmp_command("query-named-block-nodes", "{s:b}", "flat", 1), got_nodes);
}

static const QemuTaskClass redefine_class = {
        .api = "remoteDispatchDomainCheckpointCreateXML",
        .size = sizeof(RedefineTask),
        .job = QEMU_JOB_MODIFY,
        .need_active = true,
        .run = redefine_run,
        .cleanup = redefine_cleanup,
};

int qemu_checkpoint_redefine(VhCall *call, VhDomainObj *dom, const char *xml, bool validate,
                             remote_domain_checkpoint_create_xml_ret *ret, VhError **err)
{
        _vh_checkpoint_obj_ VhCheckpoint *cp = vh_new(VhCheckpoint, 1);
        RedefineTask *t;
        int r = validate ? vh_domain_obj_check_active(dom, VIR_FROM_DOMAIN, err) : 0;

        if (r == 0)
                r = prepare(qemu_driver(call), dom, xml, cp, err);
        if (r < 0)
                return r;
        if (!validate)
                return commit(qemu_driver(call), dom, VH_TAKE_PTR(cp), ret, err);
        t = (RedefineTask *)qemu_task_new(qemu_driver(call), dom, call, &redefine_class);
        t->cp = VH_TAKE_PTR(cp);
        return qemu_task_go(&t->task);
}
