/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The clock of a guest that is found again: it may have been set while nobody was told. */

#include <inttypes.h>
#include <time.h>

#include "base/log.h"
#include "process.h"
#include "refresh.h"

VH_LOG_SOURCE("qemu.reconnect");

static int field(const json_t *clock, const char *name)
{
        return (int)json_integer_value(json_object_get(clock, name));
}

static void got_clock(void *data, json_t *ret, int r, const VhError *err)
{
        QemuProcess *proc = data;
        VhClock *clock = &proc->dom->def->clock;
        struct tm tm = {
                .tm_year = field(ret, "tm_year"),
                .tm_mon = field(ret, "tm_mon"),
                .tm_mday = field(ret, "tm_mday"),
                .tm_hour = field(ret, "tm_hour"),
                .tm_min = field(ret, "tm_min"),
                .tm_sec = field(ret, "tm_sec"),
        };

        if (r < 0) {
                vh_log_info("domain '%s' has no clock: %s", proc->dom->node.name, vh_error_text(err, r));
                return;
        }
        free(clock->adjustment);
        clock->adjustment = vh_xasprintf("%" PRIi64, (int64_t)timegm(&tm) - (int64_t)time(NULL));
        qemu_status_save(proc->dom);
}

void qemu_refresh_clock(QemuProcess *proc)
{
        if (proc->dom->def->clock.offset == VH_CLOCK_VARIABLE)
                qmp_send(proc->mon, qmp_command("qom-get", "{s:s,s:s}", "path", "/machine", "property", "rtc-time"),
                         got_clock, proc);
}
