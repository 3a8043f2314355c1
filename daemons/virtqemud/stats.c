/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Bulk statistics. What only QEMU knows is asked of all guests at once; the call waits until the last has answered or
 * has had its time. */

#include <errno.h>
#include <stdio.h>

#include "block-job.h"
#include "live-stats.h"
#include "perf.h"
#include "proc-stat.h"
#include "qemu-ops.h"

enum {
        /* Filters of the call; bit for bit those of VIR_CONNECT_LIST_DOMAINS_*. */
        FILTERS = VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE | VIR_CONNECT_GET_ALL_DOMAINS_STATS_INACTIVE |
                  VIR_CONNECT_GET_ALL_DOMAINS_STATS_PERSISTENT | VIR_CONNECT_GET_ALL_DOMAINS_STATS_TRANSIENT |
                  VIR_CONNECT_GET_ALL_DOMAINS_STATS_RUNNING | VIR_CONNECT_GET_ALL_DOMAINS_STATS_PAUSED |
                  VIR_CONNECT_GET_ALL_DOMAINS_STATS_SHUTOFF | VIR_CONNECT_GET_ALL_DOMAINS_STATS_OTHER,
        GROUPS = VIR_DOMAIN_STATS_STATE | VIR_DOMAIN_STATS_CPU_TOTAL | VIR_DOMAIN_STATS_BALLOON |
                 VIR_DOMAIN_STATS_VCPU | VIR_DOMAIN_STATS_INTERFACE | VIR_DOMAIN_STATS_BLOCK | VIR_DOMAIN_STATS_PERF |
                 VIR_DOMAIN_STATS_IOTHREAD | VIR_DOMAIN_STATS_MEMORY | VIR_DOMAIN_STATS_DIRTYRATE | VIR_DOMAIN_STATS_VM,
};
#define MODIFIERS                                                                                                      \
        (VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT | VIR_CONNECT_GET_ALL_DOMAINS_STATS_BACKING |                        \
         VIR_CONNECT_GET_ALL_DOMAINS_STATS_ENFORCE_STATS)

enum {
        /* Microseconds that a guest has for its answers; without them its record has what we know ourselves. */
        ANSWER_TIME = 2 * 1000 * 1000,
        /* With NOWAIT, guests that owe an answer for longer are not asked. */
        BUSY_TIME = 100 * 1000,
};

/* What QEMU answers about one guest; NULL: nothing. */
typedef struct Answers {
        json_t *balloon, *blocks, *nodes, *iothreads, *dirty_rate, *polling;
} Answers;

/* One guest in the reply. */
typedef struct Subject {
        VhDomainObj *dom;  /* a reference */
        QemuProcess *proc; /* NULL: does not run */
        uint32_t flags;    /* of the call */
        Answers answers;
        const QemuStoredSizes *sizes; /* of the call; NULL: none of its images was looked at */
        size_t first_size;            /* the place of its first disk */
} Subject;

static void add_state(VhTypedList *list, const Subject *s)
{
        vh_typed_add_int(list, "state.state", s->dom->state);
        vh_typed_add_int(list, "state.reason", s->dom->reason);
}

static const char *const polling_names[] = { "halt_poll_success_ns", "halt_poll_fail_ns" };

/* Of all vCPUs together, nanoseconds. */
static uint64_t polling_time(const json_t *answer, const char *name)
{
        uint64_t sum = 0;
        json_t *vcpu, *stat;
        size_t i, k;

        json_array_foreach(answer, i, vcpu) json_array_foreach(json_object_get(vcpu, "stats"), k, stat)
        {
                if (vh_streq(json_string_value(json_object_get(stat, "name")), name))
                        sum += (uint64_t)json_integer_value(json_object_get(stat, "value"));
        }
        return sum;
}

static void add_cpu(VhTypedList *list, const Subject *s)
{
        QemuProcStat stat;

        if (!s->proc || qemu_proc_stat(s->proc->pid, 0, &stat) < 0)
                return;
        vh_typed_add_ullong(list, "cpu.time", stat.user + stat.system);
        vh_typed_add_ullong(list, "cpu.user", stat.user);
        vh_typed_add_ullong(list, "cpu.system", stat.system);
        vh_typed_add_uint(list, "cpu.cache.monitor.count", 0);
        vh_typed_add_ullong(list, "cpu.haltpoll.success.time", polling_time(s->answers.polling, polling_names[0]));
        vh_typed_add_ullong(list, "cpu.haltpoll.fail.time", polling_time(s->answers.polling, polling_names[1]));
}

static void add_balloon(VhTypedList *list, const Subject *s)
{
        static const char *const names[VIR_DOMAIN_MEMORY_STAT_NR] = {
                [VIR_DOMAIN_MEMORY_STAT_SWAP_IN] = "balloon.swap_in",
                [VIR_DOMAIN_MEMORY_STAT_SWAP_OUT] = "balloon.swap_out",
                [VIR_DOMAIN_MEMORY_STAT_MAJOR_FAULT] = "balloon.major_fault",
                [VIR_DOMAIN_MEMORY_STAT_MINOR_FAULT] = "balloon.minor_fault",
                [VIR_DOMAIN_MEMORY_STAT_UNUSED] = "balloon.unused",
                [VIR_DOMAIN_MEMORY_STAT_AVAILABLE] = "balloon.available",
                [VIR_DOMAIN_MEMORY_STAT_RSS] = "balloon.rss",
                [VIR_DOMAIN_MEMORY_STAT_USABLE] = "balloon.usable",
                [VIR_DOMAIN_MEMORY_STAT_LAST_UPDATE] = "balloon.last-update",
                [VIR_DOMAIN_MEMORY_STAT_DISK_CACHES] = "balloon.disk_caches",
                [VIR_DOMAIN_MEMORY_STAT_HUGETLB_PGALLOC] = "balloon.hugetlb_pgalloc",
                [VIR_DOMAIN_MEMORY_STAT_HUGETLB_PGFAIL] = "balloon.hugetlb_pgfail",
        };
        remote_domain_memory_stat stats[VIR_DOMAIN_MEMORY_STAT_NR];
        unsigned n;

        vh_typed_add_ullong(list, "balloon.current", s->dom->def->current_memory);
        vh_typed_add_ullong(list, "balloon.maximum", s->dom->def->memory);
        n = s->proc ? qemu_memory_stats(s->dom, s->answers.balloon, stats) : 0;
        for (unsigned i = 0; i < n; i++)
                if (names[stats[i].tag])
                        vh_typed_add_ullong(list, names[stats[i].tag], stats[i].val);
}

static void add_one_vcpu(VhTypedList *list, const Subject *s, unsigned i)
{
        QemuProcStat stat;

        vh_typed_add_int(list, vh_typed_numbered(list, "vcpu.", i, ".state"), VIR_VCPU_RUNNING);
        if (qemu_proc_stat(s->proc->pid, s->proc->vcpus[i].tid, &stat) < 0)
                return;
        vh_typed_add_ullong(list, vh_typed_numbered(list, "vcpu.", i, ".time"), stat.user + stat.system);
        vh_typed_add_ullong(list, vh_typed_numbered(list, "vcpu.", i, ".wait"), 0);
        vh_typed_add_ullong(list, vh_typed_numbered(list, "vcpu.", i, ".delay"), stat.delay);
}

static void add_vcpu(VhTypedList *list, const Subject *s)
{
        vh_typed_add_uint(list, "vcpu.current", vh_domain_def_vcpus_current(s->dom->def));
        vh_typed_add_uint(list, "vcpu.maximum", s->dom->def->vcpus);
        for (unsigned i = 0; s->proc && i < s->proc->n_vcpus; i++)
                if (s->proc->vcpus[i].tid)
                        add_one_vcpu(list, s, i);
}

static void add_net(VhTypedList *list, const Subject *s)
{
        static const struct {
                const char *name;
                size_t offset;
        } counters[] = {
#define COUNTER(n, f) { n, offsetof(remote_domain_interface_stats_ret, f) }
                COUNTER(".rx.bytes", rx_bytes), COUNTER(".rx.pkts", rx_packets), COUNTER(".rx.errs", rx_errs),
                COUNTER(".rx.drop", rx_drop),   COUNTER(".tx.bytes", tx_bytes),  COUNTER(".tx.pkts", tx_packets),
                COUNTER(".tx.errs", tx_errs),   COUNTER(".tx.drop", tx_drop),
#undef COUNTER
        };
        const VhDomainDef *def = s->dom->def;

        if (!s->proc)
                return;
        vh_typed_add_uint(list, "net.count", def->nets.n);
        for (uint32_t i = 0; i < def->nets.n; i++) {
                const VhNet *net = def->nets.items[i];
                remote_domain_interface_stats_ret stats;

                if (!net->target)
                        continue;
                vh_typed_add_string(list, vh_typed_numbered(list, "net.", i, ".name"), net->target);
                if (!qemu_net_stats(net->target, net->type != VH_NET_DIRECT, &stats))
                        continue;
                for (size_t k = 0; k < VH_ARRAY_SIZE(counters); k++)
                        vh_typed_add_ullong(list, vh_typed_numbered(list, "net.", i, counters[k].name),
                                            (uint64_t) * (const int64_t *)((const char *)&stats + counters[k].offset));
        }
}

static void add_disk_counters(VhTypedList *list, unsigned i, const QemuBlockStats *s)
{
        const struct {
                const char *name;
                int64_t value;
        } rows[] = {
                { ".rd.reqs", s->rd_req },    { ".rd.bytes", s->rd_bytes },    { ".rd.times", s->rd_times },
                { ".wr.reqs", s->wr_req },    { ".wr.bytes", s->wr_bytes },    { ".wr.times", s->wr_times },
                { ".fl.reqs", s->flush_req }, { ".fl.times", s->flush_times },
        };

        for (size_t k = 0; k < VH_ARRAY_SIZE(rows); k++)
                vh_typed_add_ullong(list, vh_typed_numbered(list, "block.", i, rows[k].name), (uint64_t)rows[k].value);
}

static void add_if_any(VhTypedList *list, const char *name, unsigned i, uint64_t value)
{
        if (value)
                vh_typed_add_ullong(list, vh_typed_name(list, "block.%u.%s", i, name), value);
}

/* How much was written, and where the highest place was, is told by QEMU alone. */
static void add_image_size(VhTypedList *list, const Subject *s, unsigned i, const VhDiskSource *src, uint64_t highest)
{
        QemuImageSize size;

        if (!qemu_image_size_find(s->answers.nodes, src, &size))
                return;
        vh_typed_add_ullong(list, vh_typed_numbered(list, "block.", i, ".allocation"), highest);
        vh_typed_add_ullong(list, vh_typed_numbered(list, "block.", i, ".capacity"), size.capacity);
        vh_typed_add_ullong(list, vh_typed_numbered(list, "block.", i, ".physical"),
                            size.used ? size.used : size.physical);
        add_if_any(list, "threshold", i, size.threshold);
}

static void add_stored_size(VhTypedList *list, const Subject *s, unsigned i, const VhDisk *disk)
{
        const QemuImageSize *size = s->sizes ? qemu_stored_size(s->sizes, s->first_size + i, disk) : NULL;

        if (!size)
                return;
        add_if_any(list, "allocation", i, size->used);
        add_if_any(list, "capacity", i, size->capacity);
        add_if_any(list, "physical", i, size->physical);
}

static void add_image_name(VhTypedList *list, const Subject *s, unsigned i, const VhDisk *disk, const VhDiskSource *src)
{
        vh_typed_add_string(list, vh_typed_numbered(list, "block.", i, ".name"), disk->target);
        if (src->path)
                vh_typed_add_string(list, vh_typed_numbered(list, "block.", i, ".path"), src->path);
        if (s->proc && src->index.set && !qemu_disk_is_empty(disk))
                vh_typed_add_uint(list, vh_typed_numbered(list, "block.", i, ".backingIndex"), src->index.val);
}

static void add_disk(VhTypedList *list, const Subject *s, unsigned i, const VhDisk *disk)
{
        QemuBlockStats stats = { 0 };

        add_image_name(list, s, i, disk, &disk->src);
        if (!s->proc) {
                add_stored_size(list, s, i, disk);
                return;
        }
        if (qemu_block_stats_find(s->answers.blocks, disk->info.alias, &stats))
                add_disk_counters(list, i, &stats);
        add_image_size(list, s, i, &disk->src, (uint64_t)stats.highest);
}

/* The images behind a disk's own; returns the next place. */
static unsigned add_backing(VhTypedList *list, const Subject *s, unsigned i, const VhDisk *disk)
{
        unsigned depth = 1;

        for (const VhDiskSource *src = qemu_backing(&disk->src); src; src = qemu_backing(src)) {
                add_image_name(list, s, i, disk, src);
                add_image_size(list, s, i++, src,
                               qemu_block_stats_backing(s->answers.blocks, disk->info.alias, depth++));
        }
        return i;
}

static unsigned count_images(const VhDomainDef *def, bool backing)
{
        unsigned n = def->disks.n;

        for (uint32_t i = 0; backing && i < def->disks.n; i++)
                for (const VhDiskSource *src = qemu_backing(&def->disks.items[i]->src); src; src = qemu_backing(src))
                        n++;
        return n;
}

static void add_block(VhTypedList *list, const Subject *s)
{
        const VhDomainDef *def = s->dom->def;
        bool backing = s->proc && s->flags & VIR_CONNECT_GET_ALL_DOMAINS_STATS_BACKING;
        unsigned place = 0;

        vh_typed_add_uint(list, "block.count", count_images(def, backing));
        for (uint32_t i = 0; i < def->disks.n; i++) {
                add_disk(list, s, place++, def->disks.items[i]);
                if (backing)
                        place = add_backing(list, s, place, def->disks.items[i]);
        }
}

static void add_perf(VhTypedList *list, const Subject *s)
{
        if (s->proc)
                qemu_perf_stats(s->proc, list);
}

static void add_iothread(VhTypedList *list, const json_t *thread)
{
        const char *name = json_string_value(json_object_get(thread, "id"));
        unsigned id;

        /* QEMU has others of its own. */
        if (!name || sscanf(name, "iothread%u", &id) != 1)
                return;
        vh_typed_add_ullong(list, vh_typed_numbered(list, "iothread.", id, ".poll-max-ns"),
                            (uint64_t)json_integer_value(json_object_get(thread, "poll-max-ns")));
        vh_typed_add_uint(list, vh_typed_numbered(list, "iothread.", id, ".poll-grow"),
                          (unsigned)json_integer_value(json_object_get(thread, "poll-grow")));
        vh_typed_add_uint(list, vh_typed_numbered(list, "iothread.", id, ".poll-shrink"),
                          (unsigned)json_integer_value(json_object_get(thread, "poll-shrink")));
}

static void add_iothreads(VhTypedList *list, const Subject *s)
{
        json_t *thread;
        size_t i;

        if (!s->proc || !s->answers.iothreads)
                return;
        vh_typed_add_uint(list, "iothread.count", (unsigned)json_array_size(s->answers.iothreads));
        json_array_foreach(s->answers.iothreads, i, thread) add_iothread(list, thread);
}

static void add_dirty_rate(VhTypedList *list, const Subject *s)
{
        if (s->proc)
                qemu_dirty_rate_stats(s->answers.dirty_rate, list);
}

static json_t *ask_iothreads(const VhDomainDef *def)
{
        return def->iothread_list.n ? qmp_command("query-iothreads", NULL) : NULL;
}

/* Only KVM polls for a vCPU that has nothing to do. */
static json_t *ask_polling(const VhDomainDef *def)
{
        if (def->virt_type != VH_VIRT_KVM)
                return NULL;
        return qmp_command("query-stats", "{s:s,s:[{s:s,s:[s,s]}]}", "target", "vcpu", "providers", "provider", "kvm",
                           "names", polling_names[0], polling_names[1]);
}

static json_t *ask_blocks(const VhDomainDef *def)
{
        return def->disks.n ? qmp_command("query-blockstats", NULL) : NULL;
}

static json_t *ask_nodes(const VhDomainDef *def)
{
        return def->disks.n ? qmp_command("query-named-block-nodes", "{s:b}", "flat", 1) : NULL;
}

static const struct {
        uint32_t bit;
        void (*add)(VhTypedList *list, const Subject *s);
} groups[] = {
        { VIR_DOMAIN_STATS_STATE, add_state },
        { VIR_DOMAIN_STATS_CPU_TOTAL, add_cpu },
        { VIR_DOMAIN_STATS_BALLOON, add_balloon },
        { VIR_DOMAIN_STATS_VCPU, add_vcpu },
        { VIR_DOMAIN_STATS_INTERFACE, add_net },
        { VIR_DOMAIN_STATS_BLOCK, add_block },
        { VIR_DOMAIN_STATS_PERF, add_perf },
        { VIR_DOMAIN_STATS_IOTHREAD, add_iothreads },
        { VIR_DOMAIN_STATS_DIRTYRATE, add_dirty_rate },
};

/* What a group needs to ask, and where the answer goes. */
static const struct {
        uint32_t bit;
        json_t *(*command)(const VhDomainDef *def);
        size_t answer;
} questions[] = {
        { VIR_DOMAIN_STATS_BALLOON, qemu_balloon_command, offsetof(Answers, balloon) },
        { VIR_DOMAIN_STATS_BLOCK, ask_blocks, offsetof(Answers, blocks) },
        { VIR_DOMAIN_STATS_BLOCK, ask_nodes, offsetof(Answers, nodes) },
        { VIR_DOMAIN_STATS_IOTHREAD, ask_iothreads, offsetof(Answers, iothreads) },
        { VIR_DOMAIN_STATS_DIRTYRATE, qemu_dirty_rate_command, offsetof(Answers, dirty_rate) },
        { VIR_DOMAIN_STATS_CPU_TOTAL, ask_polling, offsetof(Answers, polling) },
};

/* A call on its way. */
typedef struct Gather {
        QemuDriver *driver;
        VhCall *call;
        uint32_t wanted, flags;
        Subject *subjects;
        uint32_t n;
        unsigned waiting;
        bool async;
        QemuStoredSizes *sizes; /* of guests that do not run; NULL: nobody wants them */
} Gather;

typedef struct Asked {
        Gather *gather;
        uint32_t subject;
        size_t answer;
} Asked;

static void fill(VhTypedList *list, const Subject *s, uint32_t wanted, remote_domain_stats_record *record)
{
        for (size_t i = 0; i < VH_ARRAY_SIZE(groups); i++)
                if (wanted & groups[i].bit)
                        groups[i].add(list, s);
        vh_domain_obj_wire(s->dom, &record->dom);
        VH_TYPED_COPY(&record->params, list);
}

static void gather_free(Gather *g)
{
        for (uint32_t i = 0; i < g->n; i++) {
                for (size_t k = 0; k < VH_ARRAY_SIZE(questions); k++)
                        json_decref(*(json_t **)((char *)&g->subjects[i].answers + questions[k].answer));
                vh_domain_obj_unref(g->subjects[i].dom);
        }
        free(g->subjects);
        qemu_stored_sizes_free(g->sizes);
        free(g);
}

/* All that can be known is known. */
static void finish(Gather *g)
{
        remote_connect_get_all_domain_stats_ret *ret = g->call->ret;
        VhTypedList list = VH_TYPED_LIST(g->call);

        ret->retStats.val = vh_call_new(g->call, remote_domain_stats_record, g->n);
        for (uint32_t i = 0; i < g->n; i++) {
                g->subjects[i].proc = qemu_process(g->subjects[i].dom); /* it may have ended meanwhile */
                if (g->subjects[i].proc && !g->subjects[i].proc->pid)
                        g->subjects[i].proc = NULL;
                fill(&list, &g->subjects[i], g->wanted, &ret->retStats.val[ret->retStats.len++]);
        }
        if (g->async)
                vh_call_finish(g->call, 0, NULL);
}

/* One answer less to wait for. */
static void arrived(Gather *g)
{
        if (--g->waiting)
                return;
        finish(g);
        gather_free(g);
}

static void answered(void *data, json_t *ret, int r, const VhError *err)
{
        Asked asked = *(Asked *)data;
        Gather *g = asked.gather;

        free(data);
        if (ret)
                *(json_t **)((char *)&g->subjects[asked.subject].answers + asked.answer) = json_incref(ret);
        arrived(g);
}

static int look_work(void *data)
{
        return qemu_stored_sizes_look(((Gather *)data)->sizes);
}

static void looked(void *data, int r)
{
        arrived(data);
}

/* Images of guests that do not run. */
static void look(Gather *g)
{
        g->sizes = qemu_stored_sizes_new();
        for (uint32_t i = 0; i < g->n; i++) {
                Subject *s = &g->subjects[i];

                if (qemu_process(s->dom))
                        continue;
                s->first_size = qemu_stored_sizes_add(g->sizes, s->dom->def);
                s->sizes = g->sizes;
        }
        if (qemu_stored_sizes_empty(g->sizes))
                return;
        g->waiting++;
        vh_pool_submit(g->driver->pool, look_work, looked, g);
}

static bool may_ask(const Gather *g, QemuMonitor *mon)
{
        uint64_t since = qmp_waiting_since(mon);

        return !(g->flags & VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT) || !since ||
               vh_loop_now(g->driver->env.loop) - since < BUSY_TIME;
}

static void ask(Gather *g, uint32_t subject)
{
        VhDomainObj *dom = g->subjects[subject].dom;
        QemuMonitor *mon = qemu_process_monitor(dom);

        if (!mon || !may_ask(g, mon))
                return;
        for (size_t i = 0; i < VH_ARRAY_SIZE(questions); i++) {
                json_t *cmd = g->wanted & questions[i].bit ? questions[i].command(dom->def) : NULL;
                Asked *asked;

                if (!cmd)
                        continue;
                asked = vh_new(Asked, 1);
                *asked = (Asked){ g, subject, questions[i].answer };
                g->waiting++;
                qmp_send_timeout(mon, cmd, ANSWER_TIME, answered, asked);
        }
}

static bool passes(const VhDomainObj *dom, uint32_t flags)
{
        return !(flags & FILTERS) || vh_list_match(&vh_filter_domains, flags & FILTERS, vh_domain_obj_facts(dom));
}

static void add_subject(Gather *g, VhDomainObj *dom)
{
        if (dom && passes(dom, g->flags))
                g->subjects[g->n++] = (Subject){ .dom = vh_domain_obj_ref(dom), .flags = g->flags };
}

/* Domains of a list that vanished meanwhile are left out. */
static void choose(Gather *g, const remote_connect_get_all_domain_stats_args *args)
{
        const VhDomainList *domains = &g->driver->domains;

        g->subjects = vh_new(Subject, (args->doms.len ? args->doms.len : vh_registry_count(&domains->reg)) + 1);
        for (uint32_t i = 0; i < args->doms.len; i++)
                add_subject(g, vh_domain_by_uuid(domains, args->doms.val[i].uuid));
        if (args->doms.len)
                return;
        VH_REGISTRY_FOREACH(&domains->reg, node)
        add_subject(g, VH_REG_OBJECT(node, VhDomainObj, node));
}

QEMU_OP_RET(connect_get_all_domain_stats)
{
        uint32_t wanted = args->stats ? args->stats : GROUPS;
        int r = vh_check_flags(args->flags, FILTERS | MODIFIERS, VIR_FROM_QEMU, "qemuConnectGetAllDomainStats", err);
        Gather *g;

        if (r < 0)
                return r;
        if (args->flags & VIR_CONNECT_GET_ALL_DOMAINS_STATS_ENFORCE_STATS && wanted & ~(uint32_t)GROUPS)
                return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_ARGUMENT_UNSUPPORTED,
                                    "Stats types bits 0x%x are not supported by this daemon or QEMU",
                                    wanted & ~(uint32_t)GROUPS);
        g = vh_new(Gather, 1);
        *g = (Gather){ .driver = qemu_driver(call), .call = call, .wanted = wanted, .flags = args->flags };
        choose(g, args);
        for (uint32_t i = 0; i < g->n; i++)
                ask(g, i);
        if (wanted & VIR_DOMAIN_STATS_BLOCK)
                look(g);
        if (g->waiting) {
                g->async = true;
                return VH_LATER;
        }
        finish(g);
        gather_free(g);
        return 0;
}
