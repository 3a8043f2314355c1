/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Status files, ours and the reference's, as text that is read. */

#include "status.h"

#include "backup.h"
#include "base/file.h"
#include "base/log.h"
#include "block-job.h"
#include "caps-flags.h"
#include "command.h"
#include "migrate.h"
#include "taint.h"

VH_LOG_SOURCE("qemu.status");

typedef struct Attr {
        xmlChar *text;
} Attr;

static void attr_done(Attr *attr)
{
        xmlFree(attr->text);
}
#define _attr_ _vh_cleanup_(attr_done)

static Attr attr(const xmlNode *node, const char *name)
{
        return (Attr){ node ? xmlGetProp((xmlNode *)node, (const xmlChar *)name) : NULL };
}

static int attr_int(const xmlNode *node, const char *name)
{
        _attr_ Attr a = attr(node, name);
        int value = 0;

        if (a.text)
                (void)vh_parse_int((const char *)a.text, &value);
        return value;
}

/* Replaces *field by an attribute if it is there. */
static void attr_set(char **field, const xmlNode *root, const char *element, const char *name)
{
        _attr_ Attr a = attr(vh_xml_child(root, element), name);

        if (a.text)
                vh_strset(field, (const char *)a.text);
}

/* A folder of the run, which goes with it and all that is in it: a file that says otherwise is not believed. */
static void set_folder(char **field, const xmlNode *root, const char *element)
{
        _attr_ Attr a = attr(vh_xml_child(root, element), "path");
        const char *path = (const char *)a.text, *name = path ? strrchr(path, '/') : NULL;

        if (!path)
                return;
        if (*path == '/' && vh_startswith(name, "/domain-") && !strstr(path, "/../"))
                vh_strset(field, path);
        else
                vh_log_warning("'%s' is no folder of a guest, '%s' is taken", path, *field);
}

static int parse_state(const xmlNode *root)
{
        _attr_ Attr a = attr(root, "state");

        for (size_t i = 0; a.text && i < qemu_n_state_names; i++)
                if (strcmp(qemu_state_names[i], (const char *)a.text) == 0)
                        return (int)i;
        return VIR_DOMAIN_NOSTATE;
}

static void read_vcpus(QemuProcess *proc, const xmlNode *root)
{
        const xmlNode *vcpus = vh_xml_child(root, "vcpus");

        if (!vcpus)
                return;
        proc->n_vcpus = proc->dom->def->vcpus;
        proc->vcpus = vh_new(QemuVcpu, proc->n_vcpus);
        for (const xmlNode *n = vcpus->children; n; n = n->next) {
                int id = n->type == XML_ELEMENT_NODE ? attr_int(n, "id") : -1;

                if (id >= 0 && (size_t)id < proc->n_vcpus)
                        proc->vcpus[id].tid = attr_int(n, "pid");
        }
}

static void read_cpu(QemuProcess *proc, const xmlNode *root)
{
        const xmlNode *node = vh_xml_child(root, "cpu");
        _vh_error_ VhError *err = NULL;
        int r = node ? vh_cpu_parse_node(&proc->cpu_wanted, node, &err) : 0;

        if (r < 0)
                vh_log_warning("domain '%s': what CPU it asked for is lost: %s", proc->dom->node.name,
                               vh_error_text(err, r));
}

static void read_agent_timeout(QemuProcess *proc, const xmlNode *root)
{
        const xmlNode *node = vh_xml_child(root, "agentTimeout");
        _attr_ Attr content = { node ? xmlNodeGetContent((xmlNode *)node) : NULL };

        if (content.text)
                (void)vh_parse_int((const char *)content.text, &qemu_domain_priv(proc->dom)->agent_timeout);
}

/* New images get higher numbers than any that is there, whatever the file says. */
static void read_last_node(QemuProcess *proc, const xmlNode *root)
{
        int said = attr_int(vh_xml_child(root, "nodename"), "index");

        proc->last_node = VH_MAX(qemu_highest_node(proc->dom->def), (unsigned)VH_MAX(said, 0));
}

/* What the file says of the process. */
static void read_process(QemuProcess *proc, const xmlNode *root)
{
        int state = parse_state(root);
        const xmlNode *namespaces = vh_xml_child(root, "namespaces");
        _attr_ Attr reason = attr(root, "reason");

        vh_domain_obj_set_state(proc->dom, state, qemu_reason_parse(state, (const char *)reason.text));
        attr_set(&proc->monitor_path, root, "monitor", "path");
        set_folder(&proc->lib_dir, root, "libDir");
        set_folder(&proc->channel_dir, root, "channelTargetDir");
        vh_strset(&proc->master_key, NULL);
        proc->master_key = vh_path_join(proc->lib_dir, QEMU_MASTER_KEY);
        proc->namespaced = namespaces && vh_xml_child(namespaces, "mount");
        proc->fake_reboot = vh_xml_child(root, "fakereboot") != NULL;
        read_last_node(proc, root);
        proc->stdio_logd = vh_xml_child(root, "chardevStdioLogd") != NULL;
        proc->n_fdsets = (unsigned)VH_MAX(attr_int(vh_xml_child(root, "fdset"), "index"), 0);
        qemu_taints_parse(proc, root);
        read_agent_timeout(proc, root);
        read_vcpus(proc, root);
        read_cpu(proc, root);
        qemu_migrate_recover_read(proc, root);
        qemu_block_jobs_parse(proc, root);
        qemu_backup_parse(proc, root);
        if (vh_xml_child(root, "qemuCaps"))
                proc->caps_text = qemu_caps_flags_copy(vh_xml_child(root, "qemuCaps"));
}

/* The domain of a definition that runs. def is taken over on success. */
static int place(QemuDriver *driver, VhDomainDef **def, VhDomainObj **ret, VhError **err)
{
        VhDomainObj *dom = vh_domain_by_uuid(&driver->domains, (*def)->uuid);

        if (dom && strcmp(dom->node.name, (*def)->name) != 0)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR, "uuid of domain '%s' belongs to '%s'",
                                    (*def)->name, dom->node.name);
        if (dom) {
                qemu_drop_text(driver, dom);
                dom->new_def = dom->def;
                dom->def = VH_TAKE_PTR(*def);
        } else {
                dom = vh_domain_list_add(&driver->domains, *def);
                if (!dom)
                        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR,
                                            "the name of domain '%s' is taken", (*def)->name);
                (void)VH_TAKE_PTR(*def);
        }
        *ret = dom;
        return 0;
}

/* A source on the network tells its index itself. */
static void index_top(VhDiskSource *src)
{
        if (src->type == VH_DISK_TYPE_NETWORK && src->network && !src->index.set)
                src->index = src->network->index;
}

/* What only status files have. */
static void clean(VhDomainDef *def)
{
        for (uint32_t i = 0; i < def->disks.n; i++) {
                index_top(&def->disks.items[i]->src);
                if (def->disks.items[i]->mirror)
                        index_top(&def->disks.items[i]->mirror->src);
        }
}

static int read_domain(QemuDriver *driver, const xmlNode *root, VhDomainObj **ret, VhError **err)
{
        const xmlNode *node = vh_xml_child(root, "domain");
        _vh_domain_def_ VhDomainDef *def = NULL;
        VhDomainParseEnv env;
        int r, id;

        if (!node)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_XML_ERROR, "no domain in the status file");
        r = vh_domain_def_parse_node(&def, node, VH_DOMAIN_TRUSTED | VH_XML_STATUS, qemu_parse_env(driver, &env), err);
        if (r < 0)
                return r;
        clean(def);
        qemu_list_iothreads(def);
        id = def->id.set ? def->id.val : -1;
        if (id < 0 || vh_domain_by_id(&driver->domains, id))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_XML_ERROR, "id %d is none, or taken", id);
        r = place(driver, &def, ret, err);
        if (r == 0) {
                vh_domain_obj_set_id(*ret, id);
                driver->last_id = VH_MAX(driver->last_id, id);
        }
        return r;
}

int qemu_status_read(QemuDriver *driver, const char *text, const char *name, VhDomainObj **dom, pid_t *pid,
                     VhError **err)
{
        _vh_xml_root_ xmlNode *root = NULL;
        int r = vh_xml_doc_parse_root(&root, text, name, VIR_FROM_QEMU, "domstatus", err);

        if (r == 0)
                r = read_domain(driver, root, dom, err);
        if (r < 0)
                return r;
        read_process(qemu_process_new(driver, *dom), root);
        *pid = attr_int(root, "pid");
        return 0;
}
