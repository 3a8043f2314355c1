/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Processors as a guest's own system has them: on, off, and which it can switch. */

#include <errno.h>

#include "agent.h"
#include "base/buf.h"
#include "driver/typedparam.h"
#include "qemu-ops.h"
#include "xml/types.h"

enum { GUEST_CPUS_MAX = 4096 };

typedef struct GuestCpu {
        unsigned id;
        bool online, offlinable, wanted; /* wanted: what online is to become */
} GuestCpu;

typedef struct CpuTask {
        QemuTask task;
        GuestCpu *cpus;
        size_t n;
        /* What to do with the list. */
        void (*listed)(struct CpuTask *cpu);
        unsigned count;     /* SET_VCPUS: how many are to be on */
        uint32_t get_flags; /* GET_VCPUS */
        int *num;           /* the same, answer */
        VhCpuset *set;      /* SET_GUEST_VCPUS */
        bool state;         /* the same */
        size_t left;        /* that are still to be switched */
} CpuTask;

static void cpu_cleanup(QemuTask *task)
{
        CpuTask *cpu = (CpuTask *)task;

        free(cpu->cpus);
        free(cpu->set);
}

static void fail(CpuTask *cpu, VhError *err)
{
        qemu_task_end(&cpu->task, -EINVAL, err);
}

/* ---- the list ---- */

static const char *read_cpu(json_t *item, GuestCpu *cpu)
{
        json_t *id = json_object_get(item, "logical-id");
        json_t *online = json_object_get(item, "online");
        json_t *can = json_object_get(item, "can-offline");

        if (!json_is_integer(id) || json_integer_value(id) < 0 || json_integer_value(id) >= VH_CPUSET_MAX)
                return "'logical-id' missing in reply of guest-get-vcpus";
        if (!json_is_boolean(online))
                return "'online' missing in reply of guest-get-vcpus";
        if (can && !json_is_boolean(can))
                return "'can-offline' missing in reply of guest-get-vcpus";
        *cpu = (GuestCpu){ (unsigned)json_integer_value(id), json_is_true(online), json_is_true(can),
                           json_is_true(online) };
        return NULL;
}

static void got_list(QemuTask *task, json_t *ret)
{
        CpuTask *cpu = (CpuTask *)task;
        const char *wrong = NULL;

        if (!json_is_array(ret) || json_array_size(ret) > GUEST_CPUS_MAX) {
                qemu_agent_malformed(task, "guest-get-vcpus reply was missing return data");
                return;
        }
        cpu->n = json_array_size(ret);
        cpu->cpus = vh_new(GuestCpu, cpu->n + 1);
        for (size_t i = 0; !wrong && i < cpu->n; i++)
                wrong = read_cpu(json_array_get(ret, i), &cpu->cpus[i]);
        if (wrong)
                qemu_agent_malformed(task, wrong);
        else
                cpu->listed(cpu);
}

static void list_run(QemuTask *task)
{
        qemu_task_ask(task, qmp_command("guest-get-vcpus", NULL), got_list);
}

/* ---- switching ---- */

static void got_switched(QemuTask *task, json_t *ret);

/* The agent takes them in order and says how many it did; the first that fails is an error of the next turn. */
static void switch_rest(CpuTask *cpu)
{
        json_t *list = json_array();

        for (size_t i = 0; i < cpu->n; i++)
                if (cpu->cpus[i].wanted != cpu->cpus[i].online)
                        json_array_append_new(list, json_pack("{s:i,s:b}", "logical-id", (int)cpu->cpus[i].id, "online",
                                                              (int)cpu->cpus[i].wanted));
        cpu->left = json_array_size(list);
        if (cpu->left)
                qemu_task_ask(&cpu->task, qmp_command("guest-set-vcpus", "{s:o}", "vcpus", list), got_switched);
        else {
                json_decref(list);
                qemu_task_end(&cpu->task, 0, NULL);
        }
}

static void got_switched(QemuTask *task, json_t *ret)
{
        CpuTask *cpu = (CpuTask *)task;
        json_int_t done = json_integer_value(ret);

        if (!json_is_integer(ret) || done <= 0 || (uint64_t)done > cpu->left) {
                qemu_agent_malformed(task, "Invalid data provided by guest agent");
                return;
        }
        for (size_t i = 0; done && i < cpu->n; i++)
                if (cpu->cpus[i].wanted != cpu->cpus[i].online) {
                        cpu->cpus[i].online = cpu->cpus[i].wanted;
                        done--;
                }
        switch_rest(cpu);
}

/* ---- setvcpus, vcpucount ---- */

static unsigned count_online(const CpuTask *cpu)
{
        unsigned n = 0;

        for (size_t i = 0; i < cpu->n; i++)
                n += cpu->cpus[i].online;
        return n;
}

/* The last ones go off, the first ones come on. */
static void choose(CpuTask *cpu)
{
        unsigned online = count_online(cpu);

        for (size_t i = 0; online < cpu->count && i < cpu->n; i++)
                if (!cpu->cpus[i].online) {
                        cpu->cpus[i].wanted = true;
                        online++;
                }
        for (size_t i = cpu->n; online > cpu->count && i-- > 0;)
                if (cpu->cpus[i].online && cpu->cpus[i].offlinable) {
                        cpu->cpus[i].wanted = false;
                        online--;
                }
        if (online < cpu->count)
                qemu_agent_malformed(&cpu->task, "guest agent reports less cpu than requested");
        else if (online > cpu->count)
                qemu_agent_malformed(&cpu->task, "Cannot offline enough CPUs");
        else
                switch_rest(cpu);
}

static void answer_count(CpuTask *cpu)
{
        *cpu->num = (int)(cpu->get_flags & VIR_DOMAIN_VCPU_MAXIMUM ? cpu->n : count_online(cpu));
        qemu_task_end(&cpu->task, 0, NULL);
}

static const QemuTaskClass count_class = {
        .api = "remoteDispatchDomainGetVcpusFlags",
        .size = sizeof(CpuTask),
        .agent = true,
        .job = QEMU_JOB_QUERY,
        .need_active = true,
        .run = list_run,
        .cleanup = cpu_cleanup,
};

static const QemuTaskClass set_count_class = {
        .api = "remoteDispatchDomainSetVcpusFlags",
        .size = sizeof(CpuTask),
        .agent = true,
        .job = QEMU_JOB_MODIFY,
        .need_active = true,
        .run = list_run,
        .cleanup = cpu_cleanup,
};

int qemu_agent_get_vcpus(VhCall *call, const remote_nonnull_domain *wire, uint32_t flags, int *num, VhError **err)
{
        VhDomainObj *dom = qemu_domain(call, wire, err);
        CpuTask *cpu;

        if (!dom)
                return -ENOENT;
        if (flags & VIR_DOMAIN_AFFECT_CONFIG || !vh_domain_obj_active(dom))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG,
                                    "vCPU count provided by the guest agent can only be requested for live domains");
        cpu = (CpuTask *)qemu_task_new(qemu_driver(call), dom, call, &count_class);
        cpu->listed = answer_count;
        cpu->get_flags = flags;
        cpu->num = num;
        return qemu_task_go(&cpu->task);
}

int qemu_agent_set_vcpus(VhCall *call, const remote_nonnull_domain *wire, unsigned n, VhError **err)
{
        VhDomainObj *dom = qemu_domain(call, wire, err);
        CpuTask *cpu;
        int r = dom ? vh_domain_obj_check_active(dom, VIR_FROM_QEMU, err) : -ENOENT;

        if (r == 0 && n > vh_domain_def_vcpus_current(dom->def))
                r = vh_error_set(
                        err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG,
                        "requested vcpu count is greater than the count of enabled vcpus in the domain: %u > %u", n,
                        vh_domain_def_vcpus_current(dom->def));
        if (r < 0)
                return r;
        cpu = (CpuTask *)qemu_task_new(qemu_driver(call), dom, call, &set_count_class);
        cpu->listed = choose;
        cpu->count = n;
        return qemu_task_go(&cpu->task);
}

/* ---- guestvcpus ---- */

static bool is_online(const GuestCpu *cpu)
{
        return cpu->online;
}

static bool is_offlinable(const GuestCpu *cpu)
{
        return cpu->offlinable;
}

static bool is_there(const GuestCpu *cpu)
{
        return true;
}

static VhCpuset *new_set(void)
{
        enum { WORDS = VH_CPUSET_MAX / 64 };
        VhCpuset *set = vh_xcalloc(1, sizeof(VhCpuset) + WORDS * sizeof(uint64_t));

        set->n_words = WORDS;
        return set;
}

/* Those of the list that are so, as "0-2,4". */
static char *numbers(const CpuTask *cpu, bool (*is)(const GuestCpu *))
{
        _vh_free_ VhCpuset *set = new_set();
        VhBuf b = { 0 };

        for (size_t i = 0; i < cpu->n; i++)
                if (is(&cpu->cpus[i]))
                        set->words[cpu->cpus[i].id / 64] |= UINT64_C(1) << cpu->cpus[i].id % 64;
        vh_buf_adds(&b, "");
        vh_cpuset_format(set, &b);
        return vh_buf_take(&b);
}

static void answer_list(CpuTask *cpu)
{
        static const struct {
                const char *field;
                bool (*is)(const GuestCpu *);
        } fields[] = { { "vcpus", is_there }, { "online", is_online }, { "offlinable", is_offlinable } };
        VhCall *call = cpu->task.call;
        remote_domain_get_guest_vcpus_ret *ret = call->ret;
        VhTypedList list = VH_TYPED_LIST(call);

        for (size_t i = 0; i < VH_ARRAY_SIZE(fields); i++)
                vh_typed_add_string(&list, fields[i].field, vh_call_own(call, numbers(cpu, fields[i].is)));
        VH_TYPED_MOVE(&ret->params, &list);
        qemu_task_end(&cpu->task, 0, NULL);
}

static const QemuTaskClass list_class = {
        .api = "remoteDispatchDomainGetGuestVcpus",
        .size = sizeof(CpuTask),
        .agent = true,
        .job = QEMU_JOB_QUERY,
        .need_active = true,
        .run = list_run,
        .cleanup = cpu_cleanup,
};

static int list_init(QemuTask *task, VhError **err)
{
        ((CpuTask *)task)->listed = answer_list;
        return 0;
}

QEMU_OP_RET(domain_get_guest_vcpus)
{
        int r = vh_check_flags(args->flags, 0, VIR_FROM_QEMU, "qemuDomainGetGuestVcpus", err);

        return r < 0 ? r : qemu_task_start(call, &args->dom, &list_class, list_init, err);
}

static void switch_set(CpuTask *cpu)
{
        _vh_free_ VhCpuset *missing = new_set();
        VhError *err = NULL;
        VhBuf b = { 0 };

        for (uint32_t w = 0; w < VH_MIN(cpu->set->n_words, missing->n_words); w++)
                missing->words[w] = cpu->set->words[w];
        for (size_t i = 0; i < cpu->n; i++) {
                GuestCpu *one = &cpu->cpus[i];

                if (!vh_cpuset_has(cpu->set, one->id))
                        continue;
                missing->words[one->id / 64] &= ~(UINT64_C(1) << one->id % 64);
                if (!cpu->state && one->online && !one->offlinable) {
                        vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED, "vCPU '%u' is not offlinable",
                                     one->id);
                        fail(cpu, err);
                        return;
                }
                one->wanted = cpu->state;
        }
        if (vh_cpuset_last(missing) < 0) {
                switch_rest(cpu);
                return;
        }
        vh_cpuset_format(missing, &b);
        vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG, "guest is missing vCPUs '%s'", b.data);
        vh_buf_done(&b);
        fail(cpu, err);
}

static const QemuTaskClass switch_class = {
        .api = "remoteDispatchDomainSetGuestVcpus",
        .size = sizeof(CpuTask),
        .agent = true,
        .job = QEMU_JOB_MODIFY,
        .need_active = true,
        .run = list_run,
        .cleanup = cpu_cleanup,
};

static int switch_init(QemuTask *task, VhError **err)
{
        const remote_domain_set_guest_vcpus_args *args = task->call->args;
        CpuTask *cpu = (CpuTask *)task;

        cpu->listed = switch_set;
        cpu->state = args->state == 1;
        if (args->state != 0 && args->state != 1)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG, "unsupported state value");
        if (vh_cpuset_parse(args->cpumap, &cpu->set) < 0)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG, "Failed to parse bitmap '%s'",
                                    args->cpumap);
        return 0;
}

QEMU_OP(domain_set_guest_vcpus)
{
        int r = vh_check_flags(args->flags, 0, VIR_FROM_QEMU, "qemuDomainSetGuestVcpus", err);

        return r < 0 ? r : qemu_task_start(call, &args->dom, &switch_class, switch_init, err);
}
