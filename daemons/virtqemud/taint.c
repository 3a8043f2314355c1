/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "taint.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/cdrom.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "isolation.h"
#include "model/domain-cpu.h"
#include "model/domain-tune.h"
#include "qemu-ops.h"
#include "run-log.h"
#include "status.h"

/* Words of the status file and the log, and what clients are told. */
static const struct {
        const char *word, *message;
} taints[QEMU_TAINTS] = {
        [QEMU_TAINT_CUSTOM_ARGV] = { "custom-argv", "custom configuration parameters specified" },
        [QEMU_TAINT_CUSTOM_MONITOR] = { "custom-monitor", "custom monitor control commands issued" },
        [QEMU_TAINT_HIGH_PRIVILEGES] = { "high-privileges", "running with undesirable elevated privileges" },
        [QEMU_TAINT_SHELL_SCRIPTS] = { "shell-scripts", "network configuration using opaque shell scripts" },
        [QEMU_TAINT_DISK_PROBING] = { "disk-probing", "potentially unsafe disk format probing" },
        [QEMU_TAINT_EXTERNAL_LAUNCH] = { "external-launch", "managing externally launched configuration" },
        [QEMU_TAINT_HOST_CPU] = { "host-cpu", "potentially unsafe use of host CPU passthrough" },
        [QEMU_TAINT_HOOK] = { "hook-script", "configuration potentially modified by hook script" },
        [QEMU_TAINT_CDROM_PASSTHROUGH] = { "cdrom-passthrough", "use of host cdrom passthrough" },
        [QEMU_TAINT_CUSTOM_DTB] = { "custom-dtb", "custom device tree blob used" },
        [QEMU_TAINT_CUSTOM_GA_COMMAND] = { "custom-ga-command", "custom guest agent control commands issued" },
        [QEMU_TAINT_CUSTOM_HYPERVISOR_FEATURE] = { "custom-hypervisor-feature",
                                                   "hypervisor feature autodetection override" },
        [QEMU_TAINT_DEPRECATED_CONFIG] = { "deprecated-config", "use of deprecated configuration settings" },
        [QEMU_TAINT_CUSTOM_DEVICE] = { "custom-device", "custom device configuration" },
};

static void add(QemuProcess *proc, QemuTaint taint, const char *detail)
{
        const char *word = taints[taint].word;
        _vh_free_ char *text = NULL;

        if (proc->taints & 1u << taint)
                return;
        proc->taints |= 1u << taint;
        text = detail ? vh_xasprintf("Domain id=%d is tainted: %s (%s)\n", proc->dom->id, word, detail)
                      : vh_xasprintf("Domain id=%d is tainted: %s\n", proc->dom->id, word);
        qemu_run_log_say(proc, text);
        if (!proc->starting)
                qemu_status_save(proc->dom);
}

void qemu_taint(QemuProcess *proc, QemuTaint taint)
{
        add(proc, taint, NULL);
}

/* detail is taken over. */
static void deprecated(QemuProcess *proc, char *detail)
{
        add(proc, QEMU_TAINT_DEPRECATED_CONFIG, detail);
        proc->deprecations = vh_xrealloc(proc->deprecations, proc->n_deprecations + 1, sizeof(char *));
        proc->deprecations[proc->n_deprecations++] = detail;
}

static void check_privileges(QemuProcess *proc)
{
        const QemuIdentity *id = proc->identity;

        if (id && (id->keep_capabilities || id->account.uid == 0 || id->account.gid == 0))
                qemu_taint(proc, QEMU_TAINT_HIGH_PRIVILEGES);
}

/* What the definition tells QEMU past us. */
static void check_passed_on(QemuProcess *proc, const VhDomainDef *def)
{
        const VhQemuCapabilities *caps = def->qemu_capabilities;

        if (def->qemu_commandline && (def->qemu_commandline->args.n || def->qemu_commandline->envs.n))
                qemu_taint(proc, QEMU_TAINT_CUSTOM_ARGV);
        if (caps && (caps->adds.n || caps->dels.n))
                qemu_taint(proc, QEMU_TAINT_CUSTOM_HYPERVISOR_FEATURE);
        if (def->qemu_override)
                qemu_taint(proc, QEMU_TAINT_CUSTOM_DEVICE);
}

static void check_deprecated(QemuProcess *proc, const VhDomainDef *def)
{
        QemuAccel accel = def->virt_type == VH_VIRT_KVM ? QEMU_ACCEL_KVM : QEMU_ACCEL_TCG;
        const QemuMachine *machine = qemu_caps_machine(proc->caps, def->os.machine);
        const VhCpu *cpu = def->cpu;
        const QemuCpuModel *model = cpu && cpu->model ? qemu_caps_cpu(proc->caps, accel, cpu->model) : NULL;

        if (machine && machine->deprecated)
                deprecated(proc, vh_xasprintf("machine type '%s'", def->os.machine));
        if (cpu && cpu->mode == VH_CPU_MODE_HOST_PASSTHROUGH)
                qemu_taint(proc, QEMU_TAINT_HOST_CPU);
        if (model && model->deprecated)
                deprecated(proc, vh_xasprintf("CPU model '%s'", cpu->model));
}

static bool is_drive(const char *path)
{
        _vh_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

        return fd >= 0 && ioctl(fd, CDROM_DRIVE_STATUS, CDSL_CURRENT) >= 0;
}

static void check_disk(QemuProcess *proc, const VhDisk *disk)
{
        if (disk->rawio == VH_YES)
                qemu_taint(proc, QEMU_TAINT_HIGH_PRIVILEGES);
        if (disk->device == VH_DISK_DEVICE_CDROM && disk->src.type == VH_DISK_TYPE_BLOCK && disk->src.path &&
            is_drive(disk->src.path))
                qemu_taint(proc, QEMU_TAINT_CDROM_PASSTHROUGH);
}

static int check_device(VhDeviceKind kind, void *dev, VhDeviceInfo *info, void *opaque)
{
        qemu_taint_check_device(opaque, kind, dev);
        return 0;
}

void qemu_taint_check_device(QemuProcess *proc, VhDeviceKind kind, const void *dev)
{
        if (kind == VH_DEVICE_DISK)
                check_disk(proc, dev);
        else if (kind == VH_DEVICE_NET && ((const VhNet *)dev)->script)
                qemu_taint(proc, QEMU_TAINT_SHELL_SCRIPTS);
        else if (kind == VH_DEVICE_HOSTDEV && ((const VhHostdev *)dev)->rawio == VH_YES)
                qemu_taint(proc, QEMU_TAINT_HIGH_PRIVILEGES);
}

void qemu_taint_check(QemuProcess *proc)
{
        const VhDomainDef *def = proc->dom->def;

        check_privileges(proc);
        check_passed_on(proc, def);
        check_deprecated(proc, def);
        if (def->os.dtb)
                qemu_taint(proc, QEMU_TAINT_CUSTOM_DTB);
        vh_domain_each_device((VhDomainDef *)def, check_device, proc);
}

/* ---- the status file ---- */

void qemu_taints_format(const QemuProcess *proc, VhBuf *b)
{
        for (unsigned i = 0; i < QEMU_TAINTS; i++)
                if (proc->taints & 1u << i)
                        vh_buf_printf(b, "  <taint flag='%s'/>\n", taints[i].word);
        for (size_t i = 0; i < proc->n_deprecations; i++) {
                vh_buf_adds(b, "  <deprecation>");
                vh_buf_xml_escape(b, proc->deprecations[i]);
                vh_buf_adds(b, "</deprecation>\n");
        }
}

static void parse_taint(QemuProcess *proc, const xmlNode *node)
{
        xmlChar *flag = xmlGetProp((xmlNode *)node, (const xmlChar *)"flag");

        for (unsigned i = 0; flag && i < QEMU_TAINTS; i++)
                if (strcmp(taints[i].word, (const char *)flag) == 0)
                        proc->taints |= 1u << i;
        xmlFree(flag);
}

static void parse_deprecation(QemuProcess *proc, const xmlNode *node)
{
        xmlChar *text = xmlNodeGetContent((xmlNode *)node);

        proc->deprecations = vh_xrealloc(proc->deprecations, proc->n_deprecations + 1, sizeof(char *));
        proc->deprecations[proc->n_deprecations++] = vh_xstrdup(text ? (const char *)text : "");
        xmlFree(text);
}

void qemu_taints_parse(QemuProcess *proc, const xmlNode *root)
{
        for (const xmlNode *n = root->children; n; n = n->next)
                if (n->type == XML_ELEMENT_NODE && strcmp((const char *)n->name, "taint") == 0)
                        parse_taint(proc, n);
                else if (n->type == XML_ELEMENT_NODE && strcmp((const char *)n->name, "deprecation") == 0)
                        parse_deprecation(proc, n);
}

void qemu_taints_done(QemuProcess *proc)
{
        for (size_t i = 0; i < proc->n_deprecations; i++)
                free(proc->deprecations[i]);
        free(proc->deprecations);
}

/* ---- messages ---- */

QEMU_OP_RET(domain_get_messages)
{
        enum { KINDS = VIR_DOMAIN_MESSAGE_DEPRECATION | VIR_DOMAIN_MESSAGE_TAINTING };
        uint32_t wanted = args->flags ? args->flags : KINDS;
        const QemuProcess *proc;
        VhDomainObj *dom;
        char **msgs;
        uint32_t n = 0;
        int r = vh_check_flags(args->flags, KINDS, VIR_FROM_QEMU, "qemuDomainGetMessages", err);

        dom = r == 0 ? qemu_domain(call, &args->dom, err) : NULL;
        if (!dom)
                return r < 0 ? r : -ENOENT;
        proc = qemu_process(dom);
        if (!proc)
                return 0;
        msgs = vh_call_new(call, char *, QEMU_TAINTS + proc->n_deprecations);
        for (unsigned i = 0; i < QEMU_TAINTS && wanted & VIR_DOMAIN_MESSAGE_TAINTING; i++)
                if (proc->taints & 1u << i)
                        msgs[n++] = vh_call_own(call, vh_xasprintf("tainted: %s", taints[i].message));
        for (size_t i = 0; i < proc->n_deprecations && wanted & VIR_DOMAIN_MESSAGE_DEPRECATION; i++)
                msgs[n++] = vh_call_own(call, vh_xasprintf("deprecated configuration: %s", proc->deprecations[i]));
        ret->msgs.len = n;
        ret->msgs.val = msgs;
        return 0;
}
