/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counters of events in a guest's process: opened for those that the definition names as enabled, and read for
 * statistics. */

#include "perf.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "base/file.h"
#include "base/log.h"
#include "live-edit.h"
#include "model/domain-tune.h"
#include "qemu-ops.h"

VH_LOG_SOURCE("qemu.perf");

/* Counters of caches are of a device of their own, if the processor has one. */
#define CACHE_DEVICE "/sys/bus/event_source/devices/intel_cqm/"

enum {
        N_EVENTS = 22,
        CACHE_OCCUPANCY = 1, /* events of that device */
        CACHE_TOTAL = 2,
        CACHE_LOCAL = 3,
        NUMBER_MAX = 64, /* bytes of a number in sysfs */
};

#define CACHE(event)                                                                                                   \
        {                                                                                                              \
                true, 0, (event)                                                                                       \
        }
#define HARDWARE(event)                                                                                                \
        {                                                                                                              \
                false, PERF_TYPE_HARDWARE, PERF_COUNT_HW_##event                                                       \
        }
#define SOFTWARE(event)                                                                                                \
        {                                                                                                              \
                false, PERF_TYPE_SOFTWARE, PERF_COUNT_SW_##event                                                       \
        }

/* In the order of vh_perf_event_names, from 1. */
static const struct {
        bool cache;
        uint32_t type;
        uint64_t config;
} events[N_EVENTS + 1] = {
        { false, 0, 0 },
        CACHE(CACHE_OCCUPANCY),
        CACHE(CACHE_TOTAL),
        CACHE(CACHE_LOCAL),
        HARDWARE(CPU_CYCLES),
        HARDWARE(INSTRUCTIONS),
        HARDWARE(CACHE_REFERENCES),
        HARDWARE(CACHE_MISSES),
        HARDWARE(BRANCH_INSTRUCTIONS),
        HARDWARE(BRANCH_MISSES),
        HARDWARE(BUS_CYCLES),
        HARDWARE(STALLED_CYCLES_FRONTEND),
        HARDWARE(STALLED_CYCLES_BACKEND),
        HARDWARE(REF_CPU_CYCLES),
        SOFTWARE(CPU_CLOCK),
        SOFTWARE(TASK_CLOCK),
        SOFTWARE(PAGE_FAULTS),
        SOFTWARE(CONTEXT_SWITCHES),
        SOFTWARE(CPU_MIGRATIONS),
        SOFTWARE(PAGE_FAULTS_MIN),
        SOFTWARE(PAGE_FAULTS_MAJ),
        SOFTWARE(ALIGNMENT_FAULTS),
        SOFTWARE(EMULATION_FAULTS),
};

struct QemuPerf {
        int fds[N_EVENTS + 1]; /* -1: not counted */
        uint64_t scale;        /* of CACHE_OCCUPANCY: bytes */
};

static const char *event_name(unsigned event)
{
        return vh_xml_names_text(&vh_perf_event_names, event);
}

/* ---- counters ---- */

static struct QemuPerf *perf_new(void)
{
        struct QemuPerf *perf = vh_new(struct QemuPerf, 1);

        for (unsigned i = 0; i <= N_EVENTS; i++)
                perf->fds[i] = -1;
        perf->scale = 1;
        return perf;
}

static int read_number(const char *path, uint64_t *ret)
{
        _vh_free_ char *text = NULL;
        size_t n;
        int r = vh_file_read(path, NUMBER_MAX, &text, &n);

        if (r < 0)
                return r;
        text[strcspn(text, "\n.")] = '\0';
        return vh_parse_u64(text, 10, ret);
}

static int find_cache_device(struct QemuPerf *perf, unsigned event, uint32_t *type)
{
        uint64_t number;
        int r = read_number(CACHE_DEVICE "type", &number);

        if (r == 0 && events[event].config == CACHE_OCCUPANCY)
                r = read_number(CACHE_DEVICE "events/llc_occupancy.scale", &perf->scale);
        *type = r == 0 ? (uint32_t)number : 0;
        return r;
}

static int open_counter(struct QemuPerf *perf, unsigned event, pid_t pid, VhError **err)
{
        struct perf_event_attr attr = {
                .size = sizeof(attr),
                .type = events[event].type,
                .config = events[event].config,
                .inherit = 1,
                .disabled = 1,
        };
        int fd;

        if (events[event].cache && find_cache_device(perf, event, &attr.type) < 0)
                return vh_error_set(err, VIR_FROM_PERF, VIR_ERR_ARGUMENT_UNSUPPORTED,
                                    "unable to enable host cpu perf event for %s", event_name(event));
        fd = (int)syscall(SYS_perf_event_open, &attr, pid, -1, -1, PERF_FLAG_FD_CLOEXEC);
        if (fd < 0)
                return vh_error_sys(err, VIR_FROM_PERF, errno, "unable to open host cpu perf event for %s",
                                    event_name(event));
        if (ioctl(fd, PERF_EVENT_IOC_ENABLE) < 0) {
                int r = vh_error_sys(err, VIR_FROM_PERF, errno, "unable to enable host cpu perf event for %s",
                                     event_name(event));

                close(fd);
                return r;
        }
        perf->fds[event] = fd;
        return 0;
}

static int enable(QemuProcess *proc, unsigned event, VhError **err)
{
        if (!proc->perf)
                proc->perf = perf_new();
        return proc->perf->fds[event] >= 0 ? 0 : open_counter(proc->perf, event, proc->pid, err);
}

static void disable(QemuProcess *proc, unsigned event)
{
        if (proc->perf && proc->perf->fds[event] >= 0)
                close(VH_TAKE_FD(proc->perf->fds[event]));
}

void qemu_perf_close(QemuProcess *proc)
{
        for (unsigned i = 1; proc->perf && i <= N_EVENTS; i++)
                disable(proc, i);
        free(VH_TAKE_PTR(proc->perf));
}

void qemu_perf_stats(const QemuProcess *proc, VhTypedList *list)
{
        for (unsigned i = 1; proc->perf && i <= N_EVENTS; i++) {
                uint64_t value;

                if (proc->perf->fds[i] < 0 || read(proc->perf->fds[i], &value, sizeof(value)) != sizeof(value))
                        continue;
                if (events[i].cache && events[i].config == CACHE_OCCUPANCY)
                        value *= proc->perf->scale;
                vh_typed_add_ullong(list, vh_typed_name(list, "perf.%s", event_name(i)), value);
        }
}

/* ---- runs ---- */

static int forked(QemuProcess *proc, VhError **err)
{
        const VhDomainDef *def = proc->dom->def;
        int r = 0;

        for (uint32_t i = 0; r == 0 && i < def->perf.n; i++)
                if (def->perf.items[i]->enabled == VH_YES)
                        r = enable(proc, def->perf.items[i]->name, err);
        return r;
}

const QemuRunHooks qemu_perf_hooks = { .name = "perf events", .forked = forked };

void qemu_perf_reconnect(QemuProcess *proc)
{
        _vh_error_ VhError *err = NULL;
        int r = forked(proc, &err);

        if (r < 0)
                vh_log_warning("domain '%s': %s", proc->dom->node.name, vh_error_text(err, r));
}

/* ---- calls ---- */

static VhPerfEvent *find(const VhDomainDef *def, unsigned event)
{
        for (uint32_t i = 0; i < def->perf.n; i++)
                if (def->perf.items[i]->name == event)
                        return def->perf.items[i];
        return NULL;
}

/* Events stand in the order of their numbers. */
static VhPerfEvent *find_or_add(VhDomainDef *def, unsigned event)
{
        VhPerfEvent *e = find(def, event);
        uint32_t place = 0;

        if (e)
                return e;
        while (place < def->perf.n && def->perf.items[place]->name < event)
                place++;
        e = vh_new(VhPerfEvent, 1);
        e->name = (uint8_t)event;
        vh_list_insert(&def->perf, place, e);
        return e;
}

QEMU_OP_RET(domain_get_perf_events)
{
        VhTypedList list = VH_TYPED_LIST(call);
        const VhDomainDef *def;
        int r = vh_check_flags(args->flags, QEMU_AFFECT | VIR_TYPED_PARAM_STRING_OKAY, VIR_FROM_QEMU,
                               "qemuDomainGetPerfEvents", err);

        if (r < 0)
                return r;
        def = qemu_config(call, &args->dom, args->flags, err);
        if (!def)
                return -EINVAL;
        for (unsigned i = 1; i <= N_EVENTS; i++) {
                const VhPerfEvent *e = find(def, i);

                vh_typed_add_bool(&list, event_name(i), e && e->enabled == VH_YES);
        }
        VH_TYPED_MOVE(&ret->params, &list);
        return 0;
}

static int edit(VhDomainDef *def, const void *data, VhError **err)
{
        const remote_domain_set_perf_events_args *args = data;

        for (unsigned i = 1; i <= N_EVENTS; i++) {
                const remote_typed_param *p = vh_typed_find(args->params.val, args->params.len, event_name(i));

                if (p)
                        find_or_add(def, i)->enabled = p->value.b ? VH_YES : VH_NO;
        }
        return 0;
}

/* Counters that were opened stay open if a later one fails; the definition says nothing of them then. */
static int touch(QemuProcess *proc, const VhDomainDef *def, const void *data, VhError **err)
{
        int r = 0;

        for (unsigned i = 1; r == 0 && i <= N_EVENTS; i++) {
                const VhPerfEvent *e = find(def, i);

                if (e && e->enabled == VH_YES)
                        r = enable(proc, i, err);
                else
                        disable(proc, i);
        }
        return r;
}

QEMU_OP(domain_set_perf_events)
{
        static const QemuValues values = { .edit = edit, .touch = touch };
        VhTypedField fields[N_EVENTS];
        int r = vh_check_flags(args->flags, QEMU_AFFECT, VIR_FROM_QEMU, "qemuDomainSetPerfEvents", err);

        for (unsigned i = 0; i < N_EVENTS; i++)
                fields[i] = (VhTypedField){ event_name(i + 1), VIR_TYPED_PARAM_BOOLEAN, false };
        if (r == 0)
                r = vh_typed_validate(args->params.val, args->params.len, fields, N_EVENTS, err);
        return r < 0 ? r : qemu_values_change(call, &args->dom, args->flags, &values, args, err);
}
