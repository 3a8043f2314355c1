/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/nofile.h"

#include <errno.h>
#include <stddef.h>
#include <sys/resource.h>

int vh_nofile_raise(uint64_t *before, uint64_t *now)
{
        struct rlimit limit;

        *before = *now = 0;
        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return -errno;
        *before = *now = limit.rlim_cur;
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
                return -errno;
        *now = limit.rlim_cur;
        return 0;
}

int vh_nofile_give(pid_t pid, uint64_t soft)
{
        struct rlimit limit;

        if (soft == 0)
                return 0;
        if (prlimit(pid, RLIMIT_NOFILE, NULL, &limit) < 0)
                return -errno;
        limit.rlim_cur = soft < limit.rlim_max ? soft : limit.rlim_max;
        return prlimit(pid, RLIMIT_NOFILE, &limit, NULL) < 0 ? -errno : 0;
}
