/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Block jobs in status files, and what has become of them when a daemon takes a guest over. */

#include <stdio.h>
#include <stdlib.h>

#include "backup.h"
#include "base/log.h"
#include "block-bitmap.h"
#include "block-job.h"
#include "model/domain-tables.h"
#include "status.h"
#include "xml/rows.h"

VH_LOG_SOURCE("qemu.blockjob");

static const char *const type_words[QEMU_BLOCK_JOB_TYPE_MAX] = {
        "", "pull", "copy", "commit", "active-commit", "backup", "create", "broken",
};
static const char *const state_words[QEMU_BLOCK_JOB_STATE_MAX] = {
        "new", "running", "ready", "aborting", "pivoting", "pending", "concluded", "completed", "failed", "cancelled",
};

/* ---- writing ---- */

static void format_node(VhBuf *b, const char *element, unsigned index)
{
        if (index)
                vh_buf_printf(b, "      <%s node='libvirt-%u-format'/>\n", element, index);
}

#define S VhDiskSource
static const VhXmlTable store_table = {
        "store",
        sizeof(S),
        ROWS(EMBED(vh_rows_disk_type), WORD("format", format, &vh_storage_format_names), EMBED(vh_rows_disk_source),
             EMBED(vh_rows_disk_backing)),
};
#undef S

static void format_job(VhBuf *b, const QemuBlockJob *job)
{
        const VhDisk *disk = qemu_block_job_disk(job);

        vh_buf_adds(b, "    <blockjob name='");
        vh_buf_xml_escape(b, job->name);
        vh_buf_printf(b, "' type='%s' state='%s' jobflags='0x%x'%s>\n", type_words[job->type], state_words[job->state],
                      job->flags, job->shallow_new ? " shallownew='yes'" : "");
        if (job->error) {
                vh_buf_adds(b, "      <errmsg>");
                vh_buf_xml_escape(b, job->error);
                vh_buf_adds(b, "</errmsg>\n");
        }
        if (job->disk) {
                vh_buf_adds(b, "      <disk dst='");
                vh_buf_xml_escape(b, job->disk);
                vh_buf_printf(b, "'%s/>\n",
                              job->type == QEMU_BLOCK_JOB_COPY && disk && disk->mirror ? " mirror='yes'" : "");
        }
        format_node(b, "base", job->base);
        format_node(b, "top", job->top);
        format_node(b, "topparent", job->top_parent);
        if (job->delete_images)
                vh_buf_adds(b, "      <deleteCommittedImages/>\n");
        if (job->snapshot_delete)
                vh_buf_adds(b, "      <snapshotDelete/>\n");
        if (job->bitmap) {
                vh_buf_adds(b, "      <bitmap name='");
                vh_buf_xml_escape(b, job->bitmap);
                vh_buf_adds(b, "'/>\n");
        }
        if (job->store)
                qemu_status_format_source(&store_table, job->store, b);
        vh_buf_adds(b, "    </blockjob>\n");
}

void qemu_block_jobs_format(const QemuProcess *proc, VhBuf *b)
{
        const QemuBlockJob *job;

        if (!proc->block_jobs) {
                vh_buf_adds(b, "  <blockjobs active='no'/>\n");
                return;
        }
        vh_buf_adds(b, "  <blockjobs active='yes'>\n");
        LL_FOREACH (proc->block_jobs, job)
                format_job(b, job);
        vh_buf_adds(b, "  </blockjobs>\n");
}

/* ---- reading ---- */

static char *attr(const xmlNode *node, const char *name)
{
        xmlChar *text = node ? xmlGetProp((xmlNode *)node, (const xmlChar *)name) : NULL;
        char *copy = vh_xstrdup((const char *)text);

        xmlFree(text);
        return copy;
}

static unsigned word(const char *const *words, unsigned n, const char *text, unsigned fallback)
{
        for (unsigned i = 0; text && i < n; i++)
                if (strcmp(words[i], text) == 0)
                        return i;
        return fallback;
}

static unsigned read_node(const xmlNode *job, const char *element)
{
        _vh_free_ char *name = attr(vh_xml_child(job, element), "node");
        unsigned index = 0;

        return name && sscanf(name, "libvirt-%u-format", &index) == 1 ? index : 0;
}

static VhDiskSource *read_store(const xmlNode *job)
{
        const xmlNode *node = vh_xml_child(job, "store");
        void *src = NULL;

        if (node)
                (void)vh_xml_bind_parse_new(&store_table, node, &src, VH_XML_STATUS, NULL, NULL);
        return src;
}

static void read_job(QemuProcess *proc, const xmlNode *node)
{
        _vh_free_ char *name = attr(node, "name"), *type = attr(node, "type"), *state = attr(node, "state"),
                       *flags = attr(node, "jobflags"), *shallow = attr(node, "shallownew"),
                       *disk = attr(vh_xml_child(node, "disk"), "dst");
        QemuBlockJob *job;

        if (!name || qemu_block_job_find(proc, name))
                return;
        job = qemu_block_job_add(proc,
                                 word(type_words, QEMU_BLOCK_JOB_TYPE_MAX, type ? type : "-", QEMU_BLOCK_JOB_BROKEN),
                                 NULL, VH_TAKE_PTR(name));
        job->state = word(state_words, QEMU_BLOCK_JOB_STATE_MAX, state, QEMU_BLOCK_JOB_RUNNING);
        job->disk = VH_TAKE_PTR(disk);
        job->flags = flags ? (unsigned)strtoul(flags, NULL, 0) : 0;
        job->shallow_new = shallow && strcmp(shallow, "yes") == 0;
        job->base = read_node(node, "base");
        job->top = read_node(node, "top");
        job->top_parent = read_node(node, "topparent");
        job->delete_images = vh_xml_child(node, "deleteCommittedImages") != NULL;
        job->snapshot_delete = vh_xml_child(node, "snapshotDelete") != NULL;
        job->bitmap = attr(vh_xml_child(node, "bitmap"), "name");
        job->store = read_store(node);
        if (!qemu_block_job_disk(job) && job->disk)
                job->type = QEMU_BLOCK_JOB_BROKEN;
        qemu_block_job_set_perilous(job, true);
}

void qemu_block_jobs_parse(QemuProcess *proc, const xmlNode *root)
{
        const xmlNode *jobs = vh_xml_child(root, "blockjobs");

        for (const xmlNode *n = jobs ? jobs->children : NULL; n; n = n->next)
                if (n->type == XML_ELEMENT_NODE && strcmp((const char *)n->name, "blockjob") == 0)
                        read_job(proc, n);
}

/* ---- what QEMU says ---- */

/* Whatever becomes of each of them. */
static void send_all(const QemuProcess *proc, QemuPlan *plan)
{
        for (size_t i = 0; i < plan->n; i++)
                qmp_send(proc->mon, VH_TAKE_PTR(plan->steps[i].cmd), NULL, NULL);
        qemu_plan_done(plan);
}

/* QEMU does not know the job: it was not started, or somebody else has ended it. What it would have left goes. */
static void job_lost(QemuBlockJob *job)
{
        VhDisk *disk = qemu_block_job_disk(job);
        QemuPlan plan = { 0 };

        vh_log_info("domain '%s': block job '%s' is not there any more", job->proc->dom->node.name, job->name);
        if (disk && disk->mirror) {
                if (job->type == QEMU_BLOCK_JOB_COPY) {
                        qemu_plan_forget_chain(&plan, &disk->mirror->src);
                        qemu_source_give_back(job->proc, &disk->mirror->src);
                }
                disk->mirror = vh_xml_bind_free(&vh_table_disk_mirror, disk->mirror);
        }
        if (disk && job->type == QEMU_BLOCK_JOB_BACKUP) {
                vh_strset(&job->error, "QEMU does not know the job");
                qemu_backup_disk_ended(job->proc, job, disk, &plan);
                qemu_backup_drop_scratch(job);
        }
        qemu_plan_forget_chain(&plan, job->store);
        qemu_source_give_back(job->proc, job->store);
        send_all(job->proc, &plan);
        qemu_block_job_drop(job);
}

static void cancel(const QemuBlockJob *job)
{
        qmp_send(job->proc->mon,
                 qmp_command("block-job-cancel", "{s:s,s:b}", "device", job->name, "force",
                             job->snapshot_delete || job->type == QEMU_BLOCK_JOB_BACKUP),
                 NULL, NULL);
}

static void complete(const QemuBlockJob *job)
{
        QemuPlan plan = { 0 };

        qemu_plan_watch_writes(&plan, qemu_block_job_disk(job));
        qemu_plan_add(&plan, qmp_command("job-complete", "{s:s}", "id", job->name), NULL);
        send_all(job->proc, &plan);
}

/* What was written down may not have been said to QEMU before the daemon was killed. Saying it twice does no harm. */
static void end_again(const QemuBlockJob *job, const char *status)
{
        if (job->state == QEMU_BLOCK_JOB_ABORTING)
                cancel(job);
        else if (job->state == QEMU_BLOCK_JOB_PIVOTING && vh_streq(status, "ready"))
                complete(job);
        else if (job->state == QEMU_BLOCK_JOB_PIVOTING && vh_streq(status, "pending"))
                qmp_send(job->proc->mon, qmp_command("job-finalize", "{s:s}", "id", job->name), NULL, NULL);
}

static void sync_job(QemuBlockJob *job, const json_t *known)
{
        const char *status = json_string_value(json_object_get(known, "status"));
        VhDisk *disk = qemu_block_job_disk(job);

        if (job->changed)
                return; /* who follows it sees to its end */
        if (!known) {
                job_lost(job);
                return;
        }
        if (vh_streq(status, "concluded")) {
                qemu_block_job_conclude(job);
                return;
        }
        qemu_block_job_set_perilous(job, false);
        /* Who deleted the snapshot is gone: it stays, unless its end was on the way. */
        if (job->snapshot_delete && job->state != QEMU_BLOCK_JOB_PIVOTING)
                job->state = QEMU_BLOCK_JOB_ABORTING;
        end_again(job, status);
        if (job->state == QEMU_BLOCK_JOB_NEW)
                job->state = QEMU_BLOCK_JOB_RUNNING;
        if (vh_streq(status, "ready") && job->state == QEMU_BLOCK_JOB_RUNNING) {
                job->state = QEMU_BLOCK_JOB_READY;
                if (disk && disk->mirror)
                        disk->mirror->ready = QEMU_MIRROR_READY;
                qemu_block_job_tell(job, VIR_DOMAIN_BLOCK_JOB_READY);
        }
}

static void got_jobs(void *data, json_t *ret, int r, const VhError *err)
{
        QemuProcess *proc = data;
        QemuBlockJob *job, *next;
        bool any = proc->block_jobs || proc->backup;

        for (job = r < 0 ? NULL : proc->block_jobs; job; job = next) {
                next = job->next;
                sync_job(job, qemu_job_find(ret, job->name));
        }
        if (r == 0 && any) {
                qemu_backup_job_ended(proc, NULL);
                qemu_status_save(proc->dom);
        }
        if (r == 0 && !qemu_block_dismiss_steps(proc, ret))
                qemu_block_recover(proc);
}

void qemu_block_jobs_refresh(QemuProcess *proc)
{
        qmp_send(proc->mon, qmp_command("query-jobs", NULL), got_jobs, proc);
}
