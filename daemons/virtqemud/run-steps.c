/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One step of all hooks of a run. */

#include "run-steps.h"

#include "base/log.h"

VH_LOG_SOURCE("qemu.run");

struct QemuStepWalk {
        QemuRunStep step;
        QemuLaunch *launch;
        size_t next; /* the hook whose turn comes, counted in the order of the walk */
        QemuStepDone done;
        void *data;
};

static size_t n_hooks(void)
{
        size_t n = 0;

        while (qemu_run_hooks[n])
                n++;
        return n;
}

static bool is_undoing(QemuRunStep step)
{
        return step == QEMU_STEP_ENDED || step == QEMU_STEP_RELEASED;
}

/* The hook with a place in the order of the walk. */
static const QemuRunHooks *hook_at(const QemuStepWalk *walk, size_t place)
{
        return qemu_run_hooks[is_undoing(walk->step) ? n_hooks() - 1 - place : place];
}

static int take_turn(const QemuRunHooks *hooks, QemuProcess *proc, const QemuStepWalk *walk, VhError **err)
{
        switch (walk->step) {
        case QEMU_STEP_RESOLVE:
                return hooks->resolve ? hooks->resolve(proc, err) : 0;
        case QEMU_STEP_PREPARE:
                return hooks->prepare ? hooks->prepare(proc, walk->launch, err) : 0;
        case QEMU_STEP_FORKED:
                return hooks->forked ? hooks->forked(proc, err) : 0;
        case QEMU_STEP_STARTED:
                return hooks->started ? hooks->started(proc, err) : 0;
        case QEMU_STEP_ENDED:
                return hooks->ended ? hooks->ended(proc, err) : 0;
        case QEMU_STEP_RELEASED:
                return hooks->released ? hooks->released(proc, err) : 0;
        }
        return 0;
}

static void end_walk(QemuProcess *proc, int r, const VhError *err)
{
        QemuStepWalk walk = *proc->walk;

        free(proc->walk);
        proc->walk = NULL;
        walk.done(walk.data, r, err);
}

/* A failure of undoing is told, and the rest is undone all the same. Returns what is left of r. */
static int outcome(const QemuProcess *proc, const QemuStepWalk *walk, int r, VhError **err)
{
        if (r >= 0 || !is_undoing(walk->step))
                return r;
        vh_log_warning("domain '%s': %s", proc->dom->node.name, vh_error_text(*err, r));
        *err = vh_error_free(*err);
        return 0;
}

static void go_on(QemuProcess *proc)
{
        QemuStepWalk *walk = proc->walk;
        _vh_error_ VhError *err = NULL;
        size_t n = n_hooks();
        int r = 0;

        while (r == 0 && walk->next < n) {
                const QemuRunHooks *hooks = hook_at(walk, walk->next++);

                r = outcome(proc, walk, take_turn(hooks, proc, walk, &err), &err);
        }
        if (r != VH_LATER)
                end_walk(proc, r, err);
}

void qemu_run_step(QemuProcess *proc, QemuRunStep step, QemuLaunch *launch, QemuStepDone done, void *data)
{
        qemu_run_step_cancel(proc);
        proc->walk = vh_new(QemuStepWalk, 1);
        *proc->walk = (QemuStepWalk){ .step = step, .launch = launch, .done = done, .data = data };
        go_on(proc);
}

void qemu_run_step_done(QemuProcess *proc, int r, VhError *err)
{
        r = outcome(proc, proc->walk, r, &err);
        if (r < 0)
                end_walk(proc, r, err);
        else
                go_on(proc);
        vh_error_free(err);
}

void qemu_run_step_cancel(QemuProcess *proc)
{
        QemuStepWalk *walk = proc->walk;
        const QemuRunHooks *hooks;

        if (!walk)
                return;
        hooks = hook_at(walk, walk->next - 1);
        if (hooks->cancel)
                hooks->cancel(proc);
        free(walk);
        proc->walk = NULL;
}
