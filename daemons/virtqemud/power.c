/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Switching off, restarting and sleeping with the guest's help: by its agent, or by the power button. */

#include <errno.h>

#include "agent.h"
#include "process.h"
#include "qemu-ops.h"

enum {
        AGENT_SHUTDOWN_SECONDS = 60
}; /* that a guest may take to go down once its agent was told, as in the reference */

/* ---- shutdown, reboot ---- */

typedef struct PowerTask {
        QemuTask task;
        bool reboot;
        bool button; /* try the power button when the agent cannot */
} PowerTask;

static void pressed(QemuTask *task, json_t *ret)
{
        qemu_status_save(task->dom);
        qemu_task_end(task, 0, NULL);
}

static void press_run(QemuTask *task)
{
        const PowerTask *power = (PowerTask *)task;
        QemuProcess *proc = qemu_process(task->dom);

        proc->fake_reboot = power->reboot || task->dom->def->on_poweroff == VH_LIFECYCLE_RESTART;
        qemu_task_qmp(task, qmp_command("system_powerdown", NULL), pressed);
}

static const QemuTaskClass press_class = {
        .api = "remoteDispatchDomainShutdownFlags",
        .size = sizeof(PowerTask),
        .job = QEMU_JOB_MODIFY,
        .need_active = true,
        .run = press_run,
};

/* The button is another job: the call goes on to its task. */
static void press_instead(PowerTask *power)
{
        QemuTask *task = &power->task;
        PowerTask *press = (PowerTask *)qemu_task_new(task->driver, task->dom, VH_TAKE_PTR(task->call), &press_class);

        press->reboot = power->reboot;
        qemu_task_end(task, 0, NULL);
        qemu_task_go(&press->task);
}

static void agent_answered(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        PowerTask *power = (PowerTask *)task;

        if (r < 0 && power->button)
                press_instead(power);
        else
                qemu_task_end(task, r, vh_error_copy(err));
}

static void agent_run(QemuTask *task)
{
        const PowerTask *power = (PowerTask *)task;
        bool reboot = power->reboot || task->dom->def->on_poweroff == VH_LIFECYCLE_RESTART;
        QemuProcess *proc = qemu_process(task->dom);

        proc->fake_reboot = false;
        qemu_task_ask_event(task, qmp_command("guest-shutdown", "{s:s}", "mode", reboot ? "reboot" : "powerdown"),
                            AGENT_SHUTDOWN_SECONDS, reboot ? QEMU_AGENT_RESETS : QEMU_AGENT_SHUTS_DOWN, agent_answered);
}

static const QemuTaskClass agent_class = {
        .api = "remoteDispatchDomainShutdownFlags",
        .size = sizeof(PowerTask),
        .agent = true,
        .job = QEMU_JOB_MODIFY,
        .need_active = true,
        .run = agent_run,
};

/* flags: bits of virDomainShutdownFlagValues, whose first two those of reboots share. Without any the agent is asked if
 * it is there, and the button pressed if not. */
static int start(VhCall *call, const remote_nonnull_domain *wire, bool reboot, uint32_t flags, VhError **err)
{
        VhDomainObj *dom = qemu_domain(call, wire, err);
        bool agent, button = !flags || flags & VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN;
        PowerTask *power;
        int r = dom ? vh_domain_obj_check_active(dom, VIR_FROM_DOMAIN, err) : -ENOENT;

        if (r == 0 && !reboot && dom->state != VIR_DOMAIN_RUNNING)
                r = vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID, "domain is not running");
        if (r < 0)
                return r;
        agent = flags ? flags & VIR_DOMAIN_SHUTDOWN_GUEST_AGENT : qemu_process(dom)->agent != NULL;
        if (agent)
                r = qemu_agent_check(dom, button ? NULL : err);
        if (r < 0 && !button)
                return r;
        agent = agent && r == 0;
        power = (PowerTask *)qemu_task_new(qemu_driver(call), dom, call, agent ? &agent_class : &press_class);
        power->reboot = reboot;
        power->button = button;
        return qemu_task_go(&power->task);
}

enum { POWER_FLAGS = VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN | VIR_DOMAIN_SHUTDOWN_GUEST_AGENT };

QEMU_OP(domain_shutdown)
{
        return start(call, &args->dom, false, 0, err);
}

QEMU_OP(domain_shutdown_flags)
{
        int r = vh_check_flags(args->flags, POWER_FLAGS, VIR_FROM_QEMU, "qemuDomainShutdownFlags", err);

        return r < 0 ? r : start(call, &args->dom, false, args->flags, err);
}

QEMU_OP(domain_reboot)
{
        int r = vh_check_flags(args->flags, POWER_FLAGS, VIR_FROM_QEMU, "qemuDomainReboot", err);

        return r < 0 ? r : start(call, &args->dom, true, args->flags, err);
}

/* ---- sleep ---- */

static const char *const sleep_commands[] = {
        [VIR_NODE_SUSPEND_TARGET_MEM] = "guest-suspend-ram",
        [VIR_NODE_SUSPEND_TARGET_DISK] = "guest-suspend-disk",
        [VIR_NODE_SUSPEND_TARGET_HYBRID] = "guest-suspend-hybrid",
};

static void slept(QemuTask *task, json_t *ret, int r, const VhError *err)
{
        qemu_task_end(task, r, vh_error_copy(err));
}

static void sleep_run(QemuTask *task)
{
        const remote_domain_pm_suspend_for_duration_args *args = task->call->args;

        qemu_task_ask_event(task, qmp_command(sleep_commands[args->target], NULL),
                            qemu_domain_priv(task->dom)->agent_timeout, QEMU_AGENT_SUSPENDS, slept);
}

static const QemuTaskClass sleep_class = {
        .api = "remoteDispatchDomainPMSuspendForDuration",
        .size = sizeof(QemuTask),
        .agent = true,
        .job = QEMU_JOB_MODIFY,
        .need_active = true,
        .run = sleep_run,
};

/* Whether the guest's firmware lets it sleep that way. */
static int check_sleep(const VhDomainDef *def, unsigned target, VhError **err)
{
        bool ram = target != VIR_NODE_SUSPEND_TARGET_DISK, disk = target == VIR_NODE_SUSPEND_TARGET_DISK;

        if (ram && def->pm_suspend_to_mem == VH_NO)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "S3 state is disabled for this domain");
        if (disk && def->pm_suspend_to_disk == VH_NO)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "S4 state is disabled for this domain");
        return 0;
}

QEMU_OP(domain_pm_suspend_for_duration)
{
        VhDomainObj *dom = qemu_domain(call, &args->dom, err);
        int r = dom ? vh_check_flags(args->flags, 0, VIR_FROM_QEMU, "qemuDomainPMSuspendForDuration", err) : -ENOENT;

        if (r == 0 && args->duration)
                r = vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_ARGUMENT_UNSUPPORTED,
                                 "Duration not supported. Use 0 for now");
        if (r == 0 && args->target >= VH_ARRAY_SIZE(sleep_commands))
                r = vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG, "Unknown suspend target: %u", args->target);
        if (r == 0)
                r = vh_domain_obj_check_active(dom, VIR_FROM_DOMAIN, err);
        if (r == 0)
                r = check_sleep(dom->def, args->target, err);
        return r < 0 ? r : qemu_task_start(call, &args->dom, &sleep_class, NULL, err);
}

static void woken(QemuTask *task, json_t *ret)
{
        qemu_task_end(task, 0, NULL);
}

static void wakeup_run(QemuTask *task)
{
        qemu_task_qmp(task, qmp_command("system_wakeup", NULL), woken);
}

static const QemuTaskClass wakeup_class = {
        .api = "remoteDispatchDomainPMWakeup",
        .size = sizeof(QemuTask),
        .job = QEMU_JOB_MODIFY,
        .need_active = true,
        .run = wakeup_run,
};

QEMU_OP(domain_pm_wakeup)
{
        int r = vh_check_flags(args->flags, 0, VIR_FROM_QEMU, "qemuDomainPMWakeup", err);

        return r < 0 ? r : qemu_task_start(call, &args->dom, &wakeup_class, NULL, err);
}
