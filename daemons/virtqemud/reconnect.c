/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Guests that run when the daemon starts: left by a daemon before us, or by the reference's. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#include "base/file.h"
#include "base/log.h"
#include "backup.h"
#include "block-job.h"
#include "caps-flags.h"
#include "group.h"
#include "guest-host.h"
#include "guest-volumes.h"
#include "migrate.h"
#include "perf.h"
#include "refresh.h"
#include "script.h"
#include "status.h"
#include "taint.h"

VH_LOG_SOURCE("qemu.reconnect");

enum { STATUS_MAX = 8 * 1024 * 1024 };

/* ---- reading a file ---- */

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

/* What the file says of the process. */
static void read_process(QemuProcess *proc, const xmlNode *root)
{
        int state = parse_state(root);
        const xmlNode *namespaces = vh_xml_child(root, "namespaces");
        _attr_ Attr reason = attr(root, "reason");

        vh_domain_obj_set_state(proc->dom, state, qemu_reason_parse(state, (const char *)reason.text));
        attr_set(&proc->monitor_path, root, "monitor", "path");
        attr_set(&proc->lib_dir, root, "libDir", "path");
        attr_set(&proc->channel_dir, root, "channelTargetDir", "path");
        vh_strset(&proc->master_key, NULL);
        proc->master_key = vh_path_join(proc->lib_dir, QEMU_MASTER_KEY);
        proc->namespaced = namespaces && vh_xml_child(namespaces, "mount");
        proc->fake_reboot = vh_xml_child(root, "fakereboot") != NULL;
        proc->last_node = (unsigned)attr_int(vh_xml_child(root, "nodename"), "index");
        qemu_taints_parse(proc, root);
        read_agent_timeout(proc, root);
        read_vcpus(proc, root);
        read_cpu(proc, root);
        qemu_migrate_recover_read(proc, root);
        qemu_block_jobs_parse(proc, root);
        qemu_backup_parse(proc, root);
        proc->was_busy = vh_xml_child(root, "job") != NULL;
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
        for (uint32_t i = 0; i < def->graphics.n; i++)
                def->graphics.items[i]->websocket_generated = 0;
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

/* ---- finding the process ---- */

/* The process that holds the lock of the pid file is the guest's and no other that got its number. */
static bool holds_pid_file(const QemuProcess *proc, pid_t pid)
{
        struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };
        _vh_close_ int fd = open(proc->pid_path, O_RDWR | O_CLOEXEC);

        return fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK && lock.l_pid == pid;
}

static void refreshed(void *data, int r, const VhError *err)
{
        QemuProcess *proc = data;

        if (r < 0)
                vh_log_error("domain '%s': %s", proc->dom->node.name, vh_error_text(err, r));
        else {
                qemu_agent_follow(proc);
                qemu_status_save(proc->dom);
        }
}

static void got_status(void *data, json_t *ret, int r, const VhError *err)
{
        QemuProcess *proc = data;
        VhDomainObj *dom = proc->dom;
        bool running = json_is_true(json_object_get(ret, "running"));
        const char *status = json_string_value(json_object_get(ret, "status"));

        if (r < 0)
                return;
        if (vh_streq(status, "shutdown")) {
                qemu_process_event(proc, "SHUTDOWN", NULL, 0, 0);
                return;
        }
        if (running && dom->state != VIR_DOMAIN_RUNNING)
                vh_domain_obj_set_state(dom, VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_UNPAUSED);
        else if (!running && dom->state == VIR_DOMAIN_RUNNING)
                vh_domain_obj_set_state(dom, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_UNKNOWN);
        qemu_migrate_recover(proc);
        qemu_block_jobs_refresh(proc);
        qemu_guest_nets_reclaim(proc);
        qemu_volumes_find_again(proc);
        qemu_devices_refresh(proc);
}

static void ready(QemuProcess *proc)
{
        qemu_script_tell(proc->driver, proc->dom->def, "reconnect", "begin");
        qmp_send(proc->mon, qmp_command("query-status", NULL), got_status, proc);
        qemu_refresh(proc, refreshed, proc);
}

static void got_capabilities(void *data, QemuCaps *caps, int r, const VhError *err)
{
        VhDomainObj *dom = data;
        QemuProcess *proc = qemu_process(dom);

        if (r == 0 && proc)
                proc->caps = qemu_caps_ref(caps);
        else if (r < 0)
                vh_log_warning("domain '%s': %s", dom->node.name, vh_error_text(err, r));
        vh_domain_obj_unref(dom);
}

/* A guest that came only half way up is not what anybody asked for. */
static bool was_starting(const VhDomainObj *dom)
{
        return dom->state == VIR_DOMAIN_SHUTOFF ||
               (dom->state == VIR_DOMAIN_PAUSED && dom->reason == VIR_DOMAIN_PAUSED_STARTING_UP);
}

static int connect_process(QemuProcess *proc, pid_t pid)
{
        int fd, r;

        if (pid <= 0 || !holds_pid_file(proc, pid))
                return -ESRCH;
        r = qemu_process_watch(proc, pid);
        if (r < 0)
                return r;
        qemu_group_reconnect(proc);
        qemu_perf_reconnect(proc);
        if (was_starting(proc->dom) || qemu_migrate_left_waiting(proc)) {
                qemu_process_kill(proc, QEMU_KILL_NOW, VIR_DOMAIN_SHUTOFF_FAILED, VIR_DOMAIN_EVENT_STOPPED_FAILED);
                return 0;
        }
        fd = qemu_unix_connect(proc, proc->monitor_path);
        if (fd < 0)
                return fd;
        qemu_process_use_monitor(proc, fd, ready);
        return 0;
}

static void take_over(QemuDriver *driver, VhDomainObj *dom, const xmlNode *root)
{
        QemuProcess *proc = qemu_process_new(driver, dom);
        int r;

        read_process(proc, root);
        r = connect_process(proc, attr_int(root, "pid"));
        if (r < 0) {
                vh_log_info("domain '%s' ended while no daemon ran (%s)", dom->node.name, strerror(-r));
                if (proc->pidfd >= 0)
                        qemu_process_kill(proc, QEMU_KILL_NOW, VIR_DOMAIN_SHUTOFF_CRASHED,
                                          VIR_DOMAIN_EVENT_STOPPED_FAILED);
                else
                        qemu_process_stopped(dom,
                                             was_starting(dom) ? VIR_DOMAIN_SHUTOFF_FAILED : VIR_DOMAIN_SHUTOFF_CRASHED,
                                             VIR_DOMAIN_EVENT_STOPPED_FAILED);
                return;
        }
        qemu_emulators_ask(driver->emulators, driver->pool, dom->def->emulator, got_capabilities,
                           vh_domain_obj_ref(dom));
}

static int reconnect(QemuDriver *driver, const char *path, VhError **err)
{
        _vh_free_ char *text = NULL;
        _vh_xml_root_ xmlNode *root = NULL;
        VhDomainObj *dom = NULL;
        size_t n;
        int r = vh_file_read(path, STATUS_MAX, &text, &n);

        if (r < 0)
                return vh_error_sys(err, VIR_FROM_QEMU, r, "cannot read '%s'", path);
        r = vh_xml_doc_parse_root(&root, text, path, VIR_FROM_QEMU, "domstatus", err);
        if (r == 0)
                r = read_domain(driver, root, &dom, err);
        if (r == 0)
                take_over(driver, dom, root);
        return r;
}

void qemu_reconnect_all(QemuDriver *driver)
{
        DIR *dir = opendir(driver->run_dir);
        struct dirent *entry;

        while (dir && (entry = readdir(dir))) {
                _vh_free_ char *path = vh_path_join(driver->run_dir, entry->d_name);
                _vh_error_ VhError *err = NULL;
                int r = vh_endswith(entry->d_name, ".xml") ? reconnect(driver, path, &err) : 0;

                if (vh_persist_is_leftover(entry->d_name))
                        (void)unlink(path);
                if (r < 0)
                        vh_log_error("%s is no usable status of a guest: %s", path, vh_error_text(err, r));
        }
        if (dir)
                closedir(dir);
}
