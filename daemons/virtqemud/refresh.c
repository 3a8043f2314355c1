/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Questions to a QEMU that just came up. */

#include "refresh.h"

#include <stdio.h>

#include "peripherals.h"

/* Answers come in the order of the questions; the last one ends it. */
typedef struct Refresh {
        QemuProcess *proc;
        unsigned waiting;
        int failed; /* the first failure, with its error */
        VhError *err;
        void (*done)(void *data, int r, const VhError *err);
        void *data;
} Refresh;

static void make_room(QemuProcess *proc)
{
        if (proc->n_vcpus == proc->dom->def->vcpus)
                return;
        free(proc->vcpus);
        proc->n_vcpus = proc->dom->def->vcpus;
        proc->vcpus = vh_new(QemuVcpu, proc->n_vcpus);
}

/* A place whose processor was plugged in has a name of ours. The last place comes first. */
void qemu_refresh_places(QemuProcess *proc, json_t *ret)
{
        size_t n = json_array_size(ret);
        json_t *place;
        size_t i;

        make_room(proc);
        json_array_foreach(ret, i, place)
        {
                const char *path = json_string_value(json_object_get(place, "qom-path"));
                size_t id = n - 1 - i;

                if (id < proc->n_vcpus)
                        proc->vcpus[id].plugged = path && vh_startswith(path, "/machine/peripheral/");
        }
}

/* What runs is what QEMU has. A definition without a list gets one if it can no longer do without. */
static void list_vcpus(QemuProcess *proc)
{
        VhDomainDef *def = proc->dom->def;
        uint32_t on = 0;

        for (size_t i = 0; i < proc->n_vcpus; i++)
                on += proc->vcpus[i].tid != 0;
        if (!def->vcpu_list.n && on == vh_domain_def_vcpus_current(def))
                return;
        vh_domain_list_vcpus(def);
        for (uint32_t i = 0; i < def->vcpu_list.n && i < proc->n_vcpus; i++) {
                VhVcpu *v = def->vcpu_list.items[i];
                const QemuVcpu *have = &proc->vcpus[i];

                v->enabled = have->tid ? VH_YES : VH_NO;
                v->hotpluggable = have->plugged || !have->tid ? VH_YES : VH_NO;
                v->order = have->order;
        }
        vh_domain_count_vcpus(def);
}

/* QEMU tells them in the order in which they came. */
void qemu_refresh_vcpus(QemuProcess *proc, json_t *ret)
{
        json_t *cpu;
        size_t i;

        make_room(proc);
        for (i = 0; i < proc->n_vcpus; i++) {
                proc->vcpus[i].tid = 0;
                proc->vcpus[i].order = 0;
        }
        json_array_foreach(ret, i, cpu)
        {
                json_int_t id = json_integer_value(json_object_get(cpu, "cpu-index"));

                if (id < 0 || (size_t)id >= proc->n_vcpus)
                        continue;
                proc->vcpus[id].tid = (pid_t)json_integer_value(json_object_get(cpu, "thread-id"));
                proc->vcpus[id].order = (unsigned)i + 1;
        }
        list_vcpus(proc);
}

void qemu_refresh_iothreads(QemuProcess *proc, json_t *ret)
{
        json_t *thread;
        size_t i;

        free(proc->iothread_tids);
        proc->n_iothread_tids = 0;
        proc->iothread_tids = vh_new(struct QemuIothreadTid, json_array_size(ret));
        json_array_foreach(ret, i, thread)
        {
                struct QemuIothreadTid *tid = &proc->iothread_tids[proc->n_iothread_tids];
                const char *id = json_string_value(json_object_get(thread, "id"));

                /* QEMU has others of its own. */
                if (id && sscanf(id, "iothread%u", &tid->id) == 1) {
                        tid->tid = (pid_t)json_integer_value(json_object_get(thread, "thread-id"));
                        proc->n_iothread_tids++;
                }
        }
}

static bool has_iothreads(const VhDomainDef *def)
{
        return def->iothreads || def->iothread_list.n;
}

static void set_pty(VhChr *chr, const char *label, const char *path)
{
        _vh_free_ char *want = chr->info.alias ? vh_xasprintf("char%s", chr->info.alias) : NULL;

        if (chr->source.type == VH_CHR_PTY && want && strcmp(want, label) == 0)
                vh_strset(&chr->source.path, path);
}

#define EACH_CHR(list, label, path)                                                                                    \
        for (uint32_t i = 0; i < (list).n; i++)                                                                        \
        set_pty((list).items[i], (label), (path))

static void set_ptys(VhDomainDef *def, const char *label, const char *path)
{
        EACH_CHR(def->serials, label, path);
        EACH_CHR(def->parallels, label, path);
        EACH_CHR(def->consoles, label, path);
        EACH_CHR(def->channels, label, path);
}

static void set_channel_state(VhDomainDef *def, const char *label, bool open)
{
        for (uint32_t i = 0; i < def->channels.n; i++) {
                VhChr *chr = def->channels.items[i];
                _vh_free_ char *want = chr->info.alias ? vh_xasprintf("char%s", chr->info.alias) : NULL;

                if (want && chr->target_type == VH_CHR_TARGET_VIRTIO && strcmp(want, label) == 0)
                        chr->target_state = open ? QEMU_CHANNEL_CONNECTED : QEMU_CHANNEL_DISCONNECTED;
        }
}

static void got_chardevs(QemuProcess *proc, json_t *ret)
{
        json_t *item;
        size_t i;

        json_array_foreach(ret, i, item)
        {
                const char *label = json_string_value(json_object_get(item, "label"));
                const char *file = json_string_value(json_object_get(item, "filename"));
                const char *pty = file ? vh_startswith(file, "pty:") : NULL;

                if (!label)
                        continue;
                if (pty)
                        set_ptys(proc->dom->def, label, pty);
                set_channel_state(proc->dom->def, label, json_is_true(json_object_get(item, "frontend-open")));
        }
}

static bool has_balloon(const VhDomainDef *def)
{
        return def->memballoon && def->memballoon->model != VH_MEMBALLOON_NONE;
}

void qemu_refresh_balloon(QemuProcess *proc, json_t *ret)
{
        enum { KIB = 1024 };
        json_int_t actual = json_integer_value(json_object_get(ret, "actual"));

        if (!has_balloon(proc->dom->def))
                proc->dom->def->current_memory = proc->dom->def->memory;
        else if (actual > 0)
                proc->dom->def->current_memory = (uint64_t)actual / KIB;
}

static VhMemdev *memdev_named(const VhDomainDef *def, const char *alias)
{
        for (uint32_t i = 0; i < def->memdevs.n; i++)
                if (vh_streq(def->memdevs.items[i]->info.alias, alias))
                        return def->memdevs.items[i];
        return NULL;
}

static void place_memdev(VhMemdev *mem, const char *type, const json_t *data)
{
        enum { KIB = 1024 };
        VhAddress *a = &mem->info.address;

        if (vh_streq(type, "virtio-mem"))
                mem->current = (uint64_t)json_integer_value(json_object_get(data, "size")) / KIB;
        if (!vh_streq(type, "dimm") && !vh_streq(type, "nvdimm"))
                return;
        a->type = VH_ADDRESS_DIMM;
        a->dimm.slot = (VhOptUint){ (uint32_t)json_integer_value(json_object_get(data, "slot")), true };
        a->dimm.base = (VhOptU64){ (uint64_t)json_integer_value(json_object_get(data, "addr")), true };
}

void qemu_refresh_memory(QemuProcess *proc, json_t *ret)
{
        json_t *device;
        size_t i;

        json_array_foreach(ret, i, device)
        {
                const json_t *data = json_object_get(device, "data");
                VhMemdev *mem = memdev_named(proc->dom->def, json_string_value(json_object_get(data, "id")));

                if (mem)
                        place_memdev(mem, json_string_value(json_object_get(device, "type")), data);
        }
}

/* The events that tell about migrations, saving and dumping included, are off until asked for. A failure only costs
 * those. */
static void got_nothing(QemuProcess *proc, json_t *ret)
{
}

typedef struct Question {
        void (*got)(QemuProcess *proc, json_t *ret);
        const char *command;
        const char *path; /* its argument; NULL: none */
        bool optional;    /* an error is no failure */
        bool (*wanted)(const VhDomainDef *def);
} Question;

static bool has_chrs(const VhDomainDef *def)
{
        return def->serials.n || def->parallels.n || def->consoles.n || def->channels.n;
}

static bool has_memdevs(const VhDomainDef *def)
{
        return def->memdevs.n;
}

static bool always(const VhDomainDef *def)
{
        return true;
}

static bool has_places(const VhDomainDef *def)
{
        return def->vcpu_list.n || def->vcpus_current;
}

static const Question questions[] = {
        { got_nothing, "migrate-set-capabilities", NULL, true, always },
        { qemu_peripherals_set, "qom-list", "/machine/peripheral", true, always },
        { got_chardevs, "query-chardev", NULL, false, has_chrs },
        { qemu_refresh_memory, "query-memory-devices", NULL, true, has_memdevs },
        { qemu_refresh_balloon, "query-balloon", NULL, true, has_balloon },
        { qemu_refresh_places, "query-hotpluggable-cpus", NULL, true, has_places },
        { qemu_refresh_vcpus, "query-cpus-fast", NULL, false, always },
        { qemu_refresh_iothreads, "query-iothreads", NULL, false, has_iothreads },
};

typedef struct Asked {
        Refresh *refresh;
        const Question *question;
} Asked;

static void answered(void *data, json_t *ret, int r, const VhError *err)
{
        Asked asked = *(Asked *)data;
        Refresh *refresh = asked.refresh;
        bool last = --refresh->waiting == 0;
        Refresh copy;

        free(data);
        if (r == 0)
                asked.question->got(refresh->proc, ret);
        else if (!asked.question->optional && !refresh->failed) {
                refresh->failed = r;
                refresh->err = vh_error_copy(err);
        }
        if (!last)
                return;
        copy = *refresh;
        free(refresh);
        if (copy.proc->mon)
                copy.done(copy.data, copy.failed, copy.err);
        vh_error_free(copy.err);
}

static json_t *make_command(const Question *q)
{
        if (strcmp(q->command, "migrate-set-capabilities") == 0)
                return qmp_command(q->command, "{s:[{s:s,s:b}]}", "capabilities", "capability", "events", "state", 1);
        return q->path ? qmp_command(q->command, "{s:s}", "path", q->path) : qmp_command(q->command, NULL);
}

void qemu_refresh(QemuProcess *proc, void (*done)(void *data, int r, const VhError *err), void *data)
{
        Refresh *refresh = vh_new(Refresh, 1);

        *refresh = (Refresh){ .proc = proc, .done = done, .data = data };
        for (size_t i = 0; i < VH_ARRAY_SIZE(questions); i++) {
                Asked *asked;

                if (!questions[i].wanted(proc->dom->def))
                        continue;
                asked = vh_new(Asked, 1);
                *asked = (Asked){ refresh, &questions[i] };
                refresh->waiting++;
                qmp_send(proc->mon, make_command(&questions[i]), answered, asked);
        }
}
