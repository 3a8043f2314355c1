/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Starting the daemons' script, and reaping it. */

#include "service/hooks.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <utlist.h>

#include "base/log.h"

VH_LOG_SOURCE("service.hooks");

/* One that runs. */
typedef struct Script Script;
struct Script {
        Script *prev, *next;
        VhHooks *hooks;
        pid_t pid;
        int pidfd;
        VhSource *source;
};

struct VhHooks {
        VhLoop *loop;
        char *path; /* NULL: session daemons have none */
        Script *running;
};

VhHooks *vh_hooks_new(VhLoop *loop, const VhPaths *paths)
{
        VhHooks *hooks = vh_new(VhHooks, 1);

        hooks->loop = loop;
        if (paths->privileged)
                hooks->path = vh_xasprintf("%s/hooks/daemon", paths->config_dir);
        return hooks;
}

static void script_free(Script *script)
{
        DL_DELETE(script->hooks->running, script);
        vh_source_free(script->source);
        vh_closep(&script->pidfd);
        free(script);
}

VhHooks *vh_hooks_free(VhHooks *hooks)
{
        if (!hooks)
                return NULL;
        while (hooks->running)
                script_free(hooks->running);
        free(hooks->path);
        free(hooks);
        return NULL;
}

static void ended(void *data, uint32_t revents)
{
        Script *script = data;
        int status = 0;

        if (waitpid(script->pid, &status, 0) == script->pid && status != 0)
                vh_log_warning("%s failed: wait status %d", script->hooks->path, status);
        script_free(script);
}

static int spawn(const VhHooks *hooks, char *const argv[], pid_t *pid)
{
        static char *const env[] = { (char *)"LC_ALL=C",
                                     (char *)"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                                     NULL };
        posix_spawn_file_actions_t files;
        posix_spawnattr_t attr;
        sigset_t none;
        int r;

        posix_spawn_file_actions_init(&files);
        posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        posix_spawnattr_init(&attr);
        sigemptyset(&none);
        posix_spawnattr_setsigmask(&attr, &none);
        posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
        r = posix_spawn(pid, hooks->path, &files, &attr, argv, env);
        posix_spawnattr_destroy(&attr);
        posix_spawn_file_actions_destroy(&files);
        return -r;
}

void vh_hooks_run(VhHooks *hooks, const char *operation, const char *suboperation, const char *extra)
{
        char *const argv[] = { hooks->path, (char *)"-", (char *)operation, (char *)suboperation, (char *)extra, NULL };
        Script *script;
        pid_t pid;
        int r;

        if (!hooks->path || access(hooks->path, X_OK) < 0)
                return;
        r = spawn(hooks, argv, &pid);
        if (r < 0) {
                vh_log_warning("cannot run '%s': %s", hooks->path, strerror(-r));
                return;
        }
        script = vh_new(Script, 1);
        script->hooks = hooks;
        script->pid = pid;
        script->pidfd = pidfd_open(pid, 0);
        script->source = vh_loop_add_io(hooks->loop, script->pidfd, EPOLLIN, ended, script);
        DL_APPEND(hooks->running, script);
}
