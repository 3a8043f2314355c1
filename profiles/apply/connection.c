/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The environment of this process or of one it descends from: sudo takes the variable away, the login shell has it. */

#include "apply/connection.h"
#include "base/file.h"

#include <stdio.h>

enum { ENVIRONMENT_MAX = 1024 * 1024, STAT_MAX = 4096, ANCESTORS_MAX = 64, FIELD_PARENT = 4, FIELD_START = 22 };

/* A field of /proc/PID/stat, counted from 1; the name in field 2 may hold anything. */
static uint64_t stat_field(pid_t pid, int field)
{
        _vh_free_ char *path = vh_xasprintf("/proc/%d/stat", (int)pid), *text = NULL;
        char *p;
        size_t len;

        if (vh_file_read(path, STAT_MAX, &text, &len) < 0)
                return 0;
        p = strrchr(text, ')');
        for (int i = 2; p && i < field; i++)
                p = strchr(p + 1, ' ');
        return p ? strtoull(p + 1, NULL, 10) : 0;
}

static char *ssh_of(pid_t pid)
{
        static const char name[] = "SSH_CONNECTION=";
        _vh_free_ char *path = vh_xasprintf("/proc/%d/environ", (int)pid), *text = NULL;
        size_t len = 0;

        if (vh_file_read(path, ENVIRONMENT_MAX, &text, &len) < 0)
                return NULL;
        for (char *p = text; p < text + len; p += strlen(p) + 1) {
                const char *value = vh_startswith(p, name);
                char *copy;

                if (!value)
                        continue;
                copy = vh_xstrdup(value);
                for (char *blank = copy; (blank = strchr(blank, ' '));)
                        *blank = '_';
                return copy;
        }
        return NULL;
}

char *vh_connection_name(void)
{
        pid_t pid = getpid();
        char *name = NULL;

        for (int i = 0; i < ANCESTORS_MAX && pid > 1 && !name; i++) {
                name = ssh_of(pid);
                pid = (pid_t)stat_field(pid, FIELD_PARENT);
        }
        return name;
}

uint64_t vh_connection_start(void)
{
        pid_t session = getsid(0);

        return stat_field(session > 0 ? session : getpid(), FIELD_START);
}
