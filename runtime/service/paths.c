/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* System and session places. */

#include <pwd.h>

#include "base/file.h"
#include "service/paths.h"

#define SYSTEM_CONFIG_DIR "/etc/libvirt"
#define SYSTEM_RUN_DIR    "/run/libvirt"
#define SYSTEM_STATE_DIR  "/var/lib/libvirt"
#define SYSTEM_CACHE_DIR  "/var/cache/libvirt"
#define SYSTEM_LOG_DIR    "/var/log/libvirt"
#define SYSTEM_PID_DIR    "/run"

static char *home_dir(void)
{
        const char *home = getenv("HOME");
        const struct passwd *pw;

        if (home && *home)
                return vh_xstrdup(home);
        pw = getpwuid(geteuid());
        return vh_xstrdup(pw && pw->pw_dir ? pw->pw_dir : "/");
}

/* $variable/libvirt, or HOME/fallback/libvirt. */
static char *user_dir(const char *variable, const char *fallback)
{
        const char *base = getenv(variable);
        _vh_free_ char *home = NULL;
        _vh_free_ char *parent = NULL;

        if (base && *base == '/')
                return vh_path_join(base, "libvirt");
        home = home_dir();
        parent = vh_path_join(home, fallback);
        return vh_path_join(parent, "libvirt");
}

static void system_paths(VhPaths *p, const VhDaemonDesc *desc)
{
        p->config_dir = vh_xstrdup(SYSTEM_CONFIG_DIR);
        p->run_dir = vh_xstrdup(SYSTEM_RUN_DIR);
        p->state_dir = vh_xstrdup(SYSTEM_STATE_DIR);
        p->cache_dir = vh_xstrdup(SYSTEM_CACHE_DIR);
        p->log_dir = vh_xstrdup(SYSTEM_LOG_DIR);
        p->pid_file = vh_path_join(SYSTEM_PID_DIR, desc->pid_file);
}

static void session_paths(VhPaths *p, const VhDaemonDesc *desc)
{
        p->config_dir = user_dir("XDG_CONFIG_HOME", ".config");
        p->cache_dir = user_dir("XDG_CACHE_HOME", ".cache");
        /* Without a runtime directory the cache has to do. */
        p->run_dir = getenv("XDG_RUNTIME_DIR") ? user_dir("XDG_RUNTIME_DIR", ".cache") : vh_xstrdup(p->cache_dir);
        p->state_dir = vh_xstrdup(p->config_dir);
        p->log_dir = vh_xstrdup(p->cache_dir);
        p->pid_file = vh_path_join(p->run_dir, desc->pid_file);
}

void vh_paths_init(VhPaths *paths, const VhDaemonDesc *desc)
{
        *paths = (VhPaths){ .privileged = geteuid() == 0 };
        if (paths->privileged)
                system_paths(paths, desc);
        else
                session_paths(paths, desc);
        paths->config_file = vh_path_join(paths->config_dir, desc->conf->file);
}

void vh_paths_done(VhPaths *p)
{
        char *const all[] = { p->config_dir, p->run_dir,     p->state_dir, p->cache_dir,
                              p->log_dir,    p->config_file, p->pid_file };

        for (size_t i = 0; i < VH_ARRAY_SIZE(all); i++)
                free(all[i]);
        *p = (VhPaths){ 0 };
}
