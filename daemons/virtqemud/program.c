/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Programs for guests: those that run to their end, and those that go on in the background. */

#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>

#include "base/child.h"
#include "selinux-host.h"
#include "spawn.h"

enum { LOG_MODE = 0600 };

static VhTool plain(const QemuProgram *program)
{
        const QemuCommand *cmd = program->cmd;

        return (VhTool){
                .domain = VIR_FROM_QEMU,
                .argv = cmd->argv,
                .env = cmd->env,
                .fds = cmd->fds,
                .n_fds = cmd->n_fds,
                .input = program->input,
                .seconds = program->seconds,
                .drop = program->drop,
                .uid = program->uid,
                .gid = program->gid,
        };
}

int qemu_program_run(const QemuProgram *program, VhToolEnd *end, VhError **err)
{
        const VhTool p = plain(program);

        return vh_tool_run(&p, end, err);
}

int qemu_program_must(const QemuProgram *program, VhError **err)
{
        const VhTool p = plain(program);

        return vh_tool_must(&p, err);
}

/* ---- in the background ---- */

/* Does not return. */
static void become(const QemuBackground *program, const int fds[VH_CHILD_STREAMS], int report)
{
        const QemuCommand *cmd = program->cmd;
        int r = vh_child_take_place(fds, cmd->fds, cmd->n_fds);

        if (r == 0 && program->pid_path)
                r = qemu_spawn_pid_file(program->pid_path); /* behind the others: it stays open */
        if (r == 0 && program->drop)
                r = vh_child_drop_to(program->uid, program->gid);
        if (r == 0 && program->label)
                r = qemu_selinux_at_exec(program->label);
        if (r == 0) {
                execve(cmd->argv[0], cmd->argv, cmd->env ? cmd->env : vh_child_env);
                r = -errno;
        }
        r = -r;
        (void)!write(report, &r, sizeof(r));
        _exit(127);
}

int qemu_program_background(const QemuBackground *program, pid_t *pid, VhError **err)
{
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        int log = open(program->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, LOG_MODE);
        int report[2] = { -1, -1 }, status, r = null < 0 || log < 0 || pipe2(report, O_CLOEXEC) < 0 ? -errno : 0;
        const int fds[VH_CHILD_STREAMS] = { null, log, log };
        pid_t child = r < 0 ? -1 : fork();

        if (child == 0) {
                vh_child_reset();
                if (fork() == 0) {
                        child = getpid();
                        (void)!write(report[1], &child, sizeof(child));
                        become(program, fds, report[1]);
                }
                _exit(0);
        }
        if (r == 0 && child < 0)
                r = -errno;
        if (child > 0)
                while (waitpid(child, &status, 0) < 0 && errno == EINTR)
                        ;
        vh_closep(&report[1]);
        if (r == 0 && read(report[0], pid, sizeof(*pid)) != sizeof(*pid))
                r = -ECHILD;
        if (r == 0)
                r = vh_child_wait_exec(report[0]);
        vh_closep(&report[0]);
        vh_closep(&log);
        vh_closep(&null);
        return r < 0 ? vh_error_sys(err, VIR_FROM_QEMU, r, "cannot run '%s'", program->cmd->argv[0]) : 0;
}
