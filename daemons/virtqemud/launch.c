/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A program with its arguments, environment and descriptors. */

#include "launch.h"

#include "base/tool.h"

#include <stdarg.h>
#include <stdio.h>

static void append(char ***list, size_t *n, char *item)
{
        *list = vh_xrealloc(*list, *n + 2, sizeof(char *));
        (*list)[(*n)++] = item;
        (*list)[*n] = NULL;
}

void qemu_command_take(QemuCommand *cmd, char *arg)
{
        append(&cmd->argv, &cmd->n_argv, arg);
}

void qemu_command_add(QemuCommand *cmd, const char *arg)
{
        qemu_command_take(cmd, vh_xstrdup(arg));
}

void qemu_command_addf(QemuCommand *cmd, const char *fmt, ...)
{
        char *arg = NULL;
        va_list ap;
        int n;

        va_start(ap, fmt);
        n = vasprintf(&arg, fmt, ap);
        va_end(ap);
        if (n < 0)
                abort();
        qemu_command_take(cmd, arg);
}

void qemu_command_setenv(QemuCommand *cmd, const char *name, const char *value)
{
        append(&cmd->env, &cmd->n_env, vh_xasprintf("%s=%s", name, value));
}

int qemu_command_pass_fd(QemuCommand *cmd, int fd)
{
        cmd->fds = vh_xrealloc(cmd->fds, cmd->n_fds + 1, sizeof(int));
        cmd->fds[cmd->n_fds++] = fd;
        return fd;
}

static void free_list(char **list, size_t n)
{
        for (size_t i = 0; i < n; i++)
                free(list[i]);
        free(list);
}

void qemu_command_done(QemuCommand *cmd)
{
        free_list(cmd->argv, cmd->n_argv);
        free_list(cmd->env, cmd->n_env);
        for (size_t i = 0; i < cmd->n_fds; i++)
                close(cmd->fds[i]);
        free(cmd->fds);
        *cmd = (QemuCommand){ 0 };
}

char *qemu_command_text(const QemuCommand *cmd)
{
        return vh_tool_line(cmd->argv, cmd->env, " \\\n");
}

char *qemu_command_line(const QemuCommand *cmd)
{
        return vh_tool_line(cmd->argv, cmd->env, " ");
}

void qemu_launch_give_fd(QemuLaunch *launch, QemuFdRole role, const char *alias, int fd)
{
        launch->fds = vh_xrealloc(launch->fds, launch->n_fds + 1, sizeof(*launch->fds));
        launch->fds[launch->n_fds++] = (QemuLaunchFd){ role, vh_xstrdup(alias), fd };
}

void qemu_launch_done(QemuLaunch *launch)
{
        for (size_t i = 0; i < launch->n_fds; i++) {
                free(launch->fds[i].alias);
                vh_closep(&launch->fds[i].fd);
        }
        free(launch->fds);
        launch->fds = NULL;
        launch->n_fds = 0;
        json_decref(VH_TAKE_PTR(launch->secrets));
        vh_closep(&launch->monitor_fd);
}

void qemu_command_pass_launch(QemuCommand *cmd, QemuLaunch *launch)
{
        if (launch->monitor_fd >= 0)
                qemu_command_pass_fd(cmd, VH_TAKE_FD(launch->monitor_fd));
        for (size_t i = 0; i < launch->n_fds; i++)
                if (launch->fds[i].fd >= 0)
                        qemu_command_pass_fd(cmd, VH_TAKE_FD(launch->fds[i].fd));
}

unsigned qemu_launch_n_fdsets(const QemuLaunch *launch)
{
        unsigned n = 0;

        for (size_t i = 0; i < launch->n_fds; i++)
                n += qemu_fd_is_set(&launch->fds[i]);
        return n;
}

int qemu_launch_fd(const QemuLaunch *launch, QemuFdRole role, const char *alias, unsigned nth)
{
        for (size_t i = 0; i < launch->n_fds; i++)
                if (launch->fds[i].role == role && vh_streq(launch->fds[i].alias, alias) && nth-- == 0)
                        return launch->fds[i].fd;
        return -1;
}
