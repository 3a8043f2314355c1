/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Running the administrator's scripts. */

#include "script.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/log.h"
#include "migrate.h"
#include "program.h"
#include "run-steps.h"

VH_LOG_SOURCE("qemu.script");

enum { SCRIPTS_AT_ONCE = 64 };

/* Belongs to the worker while it runs. */
struct QemuScript {
        char **paths;
        size_t n_paths;
        char *name, *operation, *suboperation;
        char *xml;
        char *output;
        VhError *err;
        QemuScriptDone done; /* NULL: nobody waits */
        void *data;
};

/* ---- which there are ---- */

static void add_path(QemuScript *script, char *path)
{
        if (access(path, X_OK) < 0) {
                free(path);
                return;
        }
        script->paths = vh_xrealloc(script->paths, script->n_paths + 1, sizeof(char *));
        script->paths[script->n_paths++] = path;
}

static int is_script(const struct dirent *entry)
{
        return entry->d_name[0] != '.' &&
               (entry->d_type == DT_REG || entry->d_type == DT_LNK || entry->d_type == DT_UNKNOWN);
}

static void find(QemuScript *script, const char *config_dir)
{
        _vh_free_ char *folder = vh_xasprintf("%s/hooks/qemu.d", config_dir);
        struct dirent **entries = NULL;
        int n;

        add_path(script, vh_xasprintf("%s/hooks/qemu", config_dir));
        n = scandir(folder, &entries, is_script, alphasort);
        for (int i = 0; i < n; i++) {
                add_path(script, vh_path_join(folder, entries[i]->d_name));
                free(entries[i]);
        }
        free(entries);
}

/* ---- running them ---- */

static QemuScript *script_free(QemuScript *script)
{
        for (size_t i = 0; i < script->n_paths; i++)
                free(script->paths[i]);
        free(script->paths);
        free(script->name);
        free(script->operation);
        free(script->suboperation);
        free(script->xml);
        free(script->output);
        vh_error_free(script->err);
        free(script);
        return NULL;
}

static int fail(QemuScript *script, const char *path, const VhToolEnd *end)
{
        if (WIFSIGNALED(end->status))
                return vh_error_set(&script->err, VIR_FROM_HOOK, VIR_ERR_HOOK_SCRIPT_FAILED,
                                    "%s %s %s %s: ended by signal %d", path, script->name, script->operation,
                                    script->suboperation, WTERMSIG(end->status));
        return vh_error_set(&script->err, VIR_FROM_HOOK, VIR_ERR_HOOK_SCRIPT_FAILED,
                            "%s %s %s %s: unexpected exit status %d%s%s", path, script->name, script->operation,
                            script->suboperation, WEXITSTATUS(end->status), *end->message ? ": " : "", end->message);
}

static int run_one(QemuScript *script, const char *path)
{
        _qemu_command_ QemuCommand cmd = { 0 };
        const QemuProgram program = { .cmd = &cmd, .input = *script->output ? script->output : script->xml };
        _vh_tool_end_ VhToolEnd end = { 0 };
        int r;

        qemu_command_add(&cmd, path);
        qemu_command_add(&cmd, script->name);
        qemu_command_add(&cmd, script->operation);
        qemu_command_add(&cmd, script->suboperation);
        qemu_command_add(&cmd, "-");
        r = qemu_program_run(&program, &end, &script->err);
        if (r < 0)
                return r;
        if (!WIFEXITED(end.status) || WEXITSTATUS(end.status) != 0)
                return fail(script, path, &end);
        if (*end.output)
                vh_strset(&script->output, end.output);
        return 0;
}

static int work(void *data)
{
        QemuScript *script = data;
        int r = 0;

        for (size_t i = 0; r == 0 && i < script->n_paths; i++)
                r = run_one(script, script->paths[i]);
        return r;
}

static void worked(void *data, int r)
{
        QemuScript *script = data;

        if (script->done)
                script->done(script->data, script->output, r, script->err);
        else if (r < 0)
                vh_log_warning("domain '%s': %s", script->name, vh_error_text(script->err, r));
        script_free(script);
}

QemuScript *qemu_script_run(QemuDriver *driver, const VhDomainDef *def, unsigned flags, const char *operation,
                            const char *suboperation, QemuScriptDone done, void *data)
{
        QemuScript *script;

        if (!driver->env.privileged)
                return NULL;
        script = vh_new(QemuScript, 1);
        find(script, driver->env.config_dir);
        if (!script->n_paths)
                return script_free(script);
        script->name = vh_xstrdup(def->name);
        script->operation = vh_xstrdup(operation);
        script->suboperation = vh_xstrdup(suboperation);
        script->xml = vh_domain_def_format(def, flags);
        script->output = vh_xstrdup("");
        script->done = done;
        script->data = data;
        if (!driver->scripts)
                driver->scripts = vh_pool_new(driver->env.loop, 0, SCRIPTS_AT_ONCE);
        vh_pool_submit(driver->scripts, work, worked, script);
        return script;
}

QemuScript *qemu_script_forget(QemuScript *script)
{
        if (script)
                script->done = NULL;
        return NULL;
}

void qemu_script_tell(QemuDriver *driver, const VhDomainDef *def, const char *operation, const char *suboperation)
{
        (void)qemu_script_run(driver, def, VH_XML_SECURE, operation, suboperation, NULL, NULL);
}

static void swap(VhDomainDef **a, VhDomainDef **b)
{
        VhDomainDef *kept = *a;

        *a = *b;
        *b = kept;
}

int qemu_script_take(QemuDriver *driver, const char *output, VhDomainDef **def, VhError **err)
{
        _vh_domain_def_ VhDomainDef *other = NULL;
        int r;

        if (output[strspn(output, " \t\r\n")] == '\0')
                return 0;
        r = qemu_parse(driver, output, 0, &other, err);
        if (r == 0)
                r = qemu_check_same_guest(*def, other, err);
        if (r == 0)
                swap(def, &other);
        return r;
}

/* ---- at the steps of a run ---- */

static void step_done(void *data, const char *output, int r, const VhError *err)
{
        QemuProcess *proc = data;

        proc->script = NULL;
        qemu_run_step_done(proc, r, vh_error_copy(err));
}

static int step(QemuProcess *proc, const char *operation, const char *suboperation)
{
        proc->script =
                qemu_script_run(proc->driver, proc->dom->def, VH_XML_SECURE, operation, suboperation, step_done, proc);
        return proc->script ? VH_LATER : 0;
}

static int prepare(QemuProcess *proc, QemuLaunch *launch, VhError **err)
{
        return step(proc, "prepare", "begin");
}

static int forked(QemuProcess *proc, VhError **err)
{
        return step(proc, "start", "begin");
}

static int started(QemuProcess *proc, VhError **err)
{
        return step(proc, "started", "begin");
}

static int ended(QemuProcess *proc, VhError **err)
{
        return step(proc, "stopped", "end");
}

static int released(QemuProcess *proc, VhError **err)
{
        return step(proc, "release", "end");
}

static void cancel(QemuProcess *proc)
{
        proc->script = qemu_script_forget(proc->script);
}

const QemuRunHooks qemu_script_hooks = {
        .name = "cannot run the administrator's scripts",
        .prepare = prepare,
        .forked = forked,
        .started = started,
        .ended = ended,
        .released = released,
        .cancel = cancel,
};
