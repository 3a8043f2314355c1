/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Values that have no place on the command line: passwords of displays, limits of disks, links that are down, how often
 * the guest's memory statistics are read, what a reboot comes to, and the balloon's size. QEMU is told before its
 * processors run. */

#include <time.h>

#include "transient.h"

/* ---- what there is to say ---- */

static const char *default_password(const QemuProcess *proc, const char *key)
{
        const char *value = NULL;

        if (proc->driver->conf)
                (void)vh_conf_get_string(proc->driver->conf, key, &value, NULL);
        return value && *value ? value : NULL;
}

/* "2027-01-01T00:00:00" as QEMU wants it: seconds since 1970. */
static char *expiry(const char *text)
{
        struct tm tm = {};

        if (!text || !strptime(text, "%Y-%m-%dT%H:%M:%S", &tm))
                return vh_xstrdup("never");
        return vh_xasprintf("%lld", (long long)timegm(&tm));
}

void qemu_plan_password(QemuPlan *plan, const QemuProcess *proc, const VhGraphics *g)
{
        static const char *const connected[] = { "keep", "fail", "disconnect", "keep" };
        bool vnc = g->type == VH_GRAPHICS_VNC;
        const char *protocol = vnc ? "vnc" : "spice";
        const char *password = g->passwd ? g->passwd : default_password(proc, vnc ? "vnc_password" : "spice_password");
        _vh_free_ char *until = expiry(g->passwd ? g->passwd_valid_to : NULL);

        if (!password || (!vnc && g->type != VH_GRAPHICS_SPICE))
                return;
        qemu_plan_add(plan,
                      qmp_command("set_password", "{s:s,s:s,s:s}", "protocol", protocol, "password", password,
                                  "connected", vnc ? "keep" : connected[g->connected]),
                      NULL);
        qemu_plan_add(plan, qmp_command("expire_password", "{s:s,s:s}", "protocol", protocol, "time", until), NULL);
}

static void plan_disk(QemuPlan *plan, const VhDisk *disk)
{
        /* A disk that joined after QEMU came up has them. */
        bool has = qemu_disk_is_empty(disk) || qemu_transient_is_shared(disk);
        json_t *limits = has ? NULL : qemu_throttle_props(disk);

        if (limits)
                qemu_plan_add(plan, qmp_command_args("block_set_io_throttle", limits), NULL);
}

static void plan_link(QemuPlan *plan, const VhNet *net)
{
        enum { LINK_DOWN = 2 };

        if (net->linkstate == LINK_DOWN)
                qemu_plan_add(plan, qmp_command("set_link", "{s:s,s:b}", "name", net->info.alias, "up", 0), NULL);
}

static void plan_balloon(QemuPlan *plan, const VhDomainDef *def, bool incoming)
{
        enum { KIB = 1024 };
        const VhMemballoon *m = def->memballoon;
        _vh_free_ char *path = NULL;

        if (!m || m->model == VH_MEMBALLOON_NONE)
                return;
        path = vh_xasprintf("/machine/peripheral/%s", m->info.alias);
        if (m->stats_period)
                qemu_plan_add(plan,
                              qmp_command("qom-set", "{s:s,s:s,s:i}", "path", path, "property",
                                          "guest-stats-polling-interval", "value", (int)m->stats_period),
                              NULL);
        if (!incoming && def->current_memory && def->current_memory < def->memory)
                qemu_plan_add(plan, qmp_command("balloon", "{s:I}", "value", (json_int_t)def->current_memory * KIB),
                              NULL);
}

void qemu_plan_reboot_action(QemuPlan *plan, const VhDomainDef *def)
{
        qemu_plan_add(plan,
                      qmp_command("set-action", "{s:s}", "reboot",
                                  def->on_reboot == VH_LIFECYCLE_DESTROY ? "shutdown" : "reset"),
                      NULL);
}

static void plan_all(QemuPlan *plan, const QemuProcess *proc, bool incoming)
{
        const VhDomainDef *def = proc->dom->def;

        for (uint32_t i = 0; i < def->graphics.n; i++)
                qemu_plan_password(plan, proc, def->graphics.items[i]);
        for (uint32_t i = 0; i < def->disks.n; i++)
                plan_disk(plan, def->disks.items[i]);
        for (uint32_t i = 0; i < def->nets.n; i++)
                plan_link(plan, def->nets.items[i]);
        if (def->on_reboot == VH_LIFECYCLE_DESTROY)
                qemu_plan_reboot_action(plan, def);
        plan_balloon(plan, def, incoming);
}

/* ---- saying it ---- */

typedef struct Values {
        QemuProcess *proc;
        size_t waiting;
        int r; /* the first failure, with its error */
        VhError *err;
        QemuValuesDone done;
        void *data;
} Values;

static void answered(void *data, json_t *ret, int r, const VhError *err)
{
        Values *values = data;

        if (r < 0 && values->r == 0) {
                values->r = r;
                values->err = vh_error_copy(err);
        }
        if (--values->waiting)
                return;
        if (values->proc->mon)
                values->done(values->data, values->r, values->err);
        vh_error_free(values->err);
        free(values);
}

void qemu_plan_say(QemuProcess *proc, QemuPlan *plan, QemuValuesDone done, void *data)
{
        Values *values;

        if (!plan->n) {
                done(data, 0, NULL);
                return;
        }
        values = vh_new(Values, 1);
        *values = (Values){ .proc = proc, .waiting = plan->n, .done = done, .data = data };
        for (size_t i = 0; i < plan->n; i++)
                qmp_send(proc->mon, VH_TAKE_PTR(plan->steps[i].cmd), answered, values);
        qemu_plan_done(plan);
}

void qemu_start_values(QemuProcess *proc, bool incoming, QemuValuesDone done, void *data)
{
        QemuPlan plan = {};

        plan_all(&plan, proc, incoming);
        qemu_plan_say(proc, &plan, done, data);
}
