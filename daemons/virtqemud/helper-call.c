/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Calls to virtlogd and virtlockd. */

#include "helper-call.h"

#include "base/file.h"

enum {
        ANSWER_USEC = 5 * 1000 * 1000,
        CALLS_AT_ONCE = 20,
};

int qemu_line_open(QemuLine *line, const char *run_dir, const char *socket, VhError **err)
{
        _vh_free_ char *path = vh_path_join(run_dir, socket);
        int r = vh_loop_new(&line->loop);

        if (r < 0)
                return vh_error_sys(err, VIR_FROM_QEMU, r, "cannot make an event loop");
        r = vh_remote_connect(&line->remote, line->loop, path, err);
        if (r == 0)
                vh_remote_set_sync_timeout(line->remote, ANSWER_USEC);
        return r;
}

void qemu_line_done(QemuLine *line)
{
        vh_remote_free(line->remote);
        vh_loop_free(line->loop);
}

VhPool *qemu_helper_pool(QemuDriver *driver)
{
        if (!driver->helper_calls)
                driver->helper_calls = vh_pool_new(driver->env.loop, 0, CALLS_AT_ONCE);
        return driver->helper_calls;
}
