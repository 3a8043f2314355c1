/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The CPU that a guest really got. QEMU is asked for its registers, and the definition of what runs says what they say:
 * so another QEMU can be given the very same. */

#include "guest-cpu.h"

#include "cpu/arch.h"
#include "cpu/cpu.h"
#include "process.h"
#include "xml/doc.h"

enum { KVM_LEAF = 0x40000001, KVM_PV_UNHALT = 1 << 7 };

typedef struct CpuAsk {
        QemuProcess *proc;
        unsigned waiting;
        VhX86Bits enabled, missing;
        uint32_t kvm; /* leaf 0x40000001, EAX: what KVM offers the guest */
        int r;        /* the first failure, with its error */
        VhError *err;
        QemuValuesDone done;
        void *data;
} CpuAsk;

/* One question. */
typedef struct Asked {
        CpuAsk *ask;
        VhX86Bits *bits;           /* that the answer goes to */
        const VhX86Feature *alone; /* it is about this one; NULL: about registers */
} Asked;

/* ---- answers ---- */

static VhX86Register register_of(const char *name)
{
        static const char *const names[] = { "EAX", "EBX", "ECX", "EDX" };

        for (unsigned i = 0; name && i < VH_ARRAY_SIZE(names); i++)
                if (strcmp(name, names[i]) == 0)
                        return (VhX86Register)i;
        return VH_X86_MSR;
}

static uint32_t number(const json_t *object, const char *key)
{
        return (uint32_t)json_integer_value(json_object_get(object, key));
}

static void read_register(VhX86Bits *bits, const json_t *item)
{
        uint32_t leaf = number(item, "cpuid-input-eax"), subleaf = number(item, "cpuid-input-ecx");
        VhX86Register from = register_of(json_string_value(json_object_get(item, "cpuid-register")));

        for (unsigned i = 0; from != VH_X86_MSR && i < VH_X86_WORDS; i++) {
                const VhX86Word *word = &vh_x86_words[i];

                if (word->from == from && word->leaf == leaf && word->subleaf == subleaf)
                        bits->words[i] |= number(item, "features");
        }
}

static void read_registers(const Asked *asked, json_t *ret)
{
        json_t *item;
        size_t i;

        json_array_foreach(ret, i, item)
        {
                read_register(asked->bits, item);
                if (asked->bits == &asked->ask->enabled && number(item, "cpuid-input-eax") == KVM_LEAF &&
                    vh_streq(json_string_value(json_object_get(item, "cpuid-register")), "EAX"))
                        asked->ask->kvm = number(item, "features");
        }
}

static void read_answer(const Asked *asked, json_t *ret)
{
        if (asked->alone)
                vh_x86_bit_set(asked->bits, asked->alone, json_is_true(ret));
        else
                read_registers(asked, ret);
}

/* ---- what becomes of it ---- */

static bool wants_pv_unhalt(const VhDomainDef *def)
{
        return def->features && def->features->pvspinlock && def->features->pvspinlock->state == VH_ON;
}

static int update(const CpuAsk *ask, VhError **err)
{
        QemuProcess *proc = ask->proc;
        VhCpu *cpu = proc->dom->def->cpu;
        _vh_cpu_ VhCpu *before = vh_cpu_copy(cpu);
        int r;

        if (wants_pv_unhalt(proc->dom->def) && !(ask->kvm & KVM_PV_UNHALT))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "host doesn't support paravirtual spinlocks");
        r = qemu_guest_cpu_update(cpu, &ask->enabled, &ask->missing, err);

        if (r > 0 && !proc->cpu_wanted)
                proc->cpu_wanted = VH_TAKE_PTR(before);
        if (r >= 0)
                cpu->check = VH_CPU_CHECK_FULL;
        return VH_MIN(r, 0);
}

static void answered(void *data, json_t *ret, int r, const VhError *err)
{
        Asked asked = *(Asked *)data;
        CpuAsk *ask = asked.ask;

        free(data);
        if (r == 0)
                read_answer(&asked, ret);
        else if (!asked.alone && ask->r == 0) { /* one feature may be unknown to this QEMU */
                ask->r = r;
                ask->err = vh_error_copy(err);
        }
        if (--ask->waiting)
                return;
        if (ask->proc->mon && ask->r == 0)
                ask->r = update(ask, &ask->err);
        if (ask->proc->mon)
                ask->done(ask->data, ask->r, ask->err);
        vh_error_free(ask->err);
        free(ask);
}

/* ---- questions ---- */

static void ask_property(CpuAsk *ask, const char *path, const char *property, VhX86Bits *bits,
                         const VhX86Feature *alone)
{
        Asked *asked = vh_new(Asked, 1);

        *asked = (Asked){ ask, bits, alone };
        ask->waiting++;
        qmp_send(ask->proc->mon, qmp_command("qom-get", "{s:s,s:s}", "path", path, "property", property), answered,
                 asked);
}

/* Bits of model-specific registers are no part of what QEMU tells of registers. Only a host's CPU has them. */
static void ask_msr_features(CpuAsk *ask, const char *path)
{
        for (unsigned i = 0; i < vh_x86_n_features; i++) {
                const VhX86Feature *f = &vh_x86_features[i];

                if (vh_x86_words[f->word].from == VH_X86_MSR)
                        ask_property(ask, path, qemu_cpu_feature_to_qemu(f->name), &ask->enabled, f);
        }
}

static void got_vcpus(void *data, json_t *ret, int r, const VhError *err)
{
        CpuAsk *ask = data;
        const char *path = json_string_value(json_object_get(json_array_get(ret, 0), "qom-path"));

        if (r < 0 || !path) {
                if (ask->proc->mon)
                        ask->done(ask->data, r, err);
                free(ask);
                return;
        }
        ask_property(ask, path, "feature-words", &ask->enabled, NULL);
        ask_property(ask, path, "filtered-features", &ask->missing, NULL);
        if (ask->proc->dom->def->virt_type == VH_VIRT_KVM)
                ask_msr_features(ask, path);
}

/* One whose model is the host's business has no description. */
static bool is_described(const VhDomainDef *def)
{
        return def->cpu && def->cpu->mode == VH_CPU_MODE_CUSTOM && def->cpu->model &&
               vh_x86_model_find(def->cpu->model) && vh_cpu_family(def->os.arch) == VH_CPU_FAMILY_X86;
}

void qemu_guest_cpu_ask(QemuProcess *proc, QemuValuesDone done, void *data)
{
        CpuAsk *ask;

        if (!is_described(proc->dom->def)) {
                done(data, 0, NULL);
                return;
        }
        ask = vh_new(CpuAsk, 1);
        *ask = (CpuAsk){ .proc = proc, .done = done, .data = data };
        qmp_send(proc->mon, qmp_command("query-cpus-fast", NULL), got_vcpus, ask);
}

/* ---- one that is handed on ---- */

/* What of a CPU is no matter of its model stays with the definition. */
static VhCpu *model_for(const VhCpu *model, const VhCpu *def)
{
        VhCpu *cpu = vh_cpu_copy(model);
        VhCpu *rest = vh_cpu_copy(def);
        VhNuma *numa = rest->numa;

        rest->numa = cpu->numa;
        cpu->numa = numa;
        vh_cpu_free(rest);
        return cpu;
}

void qemu_guest_cpu_continue(QemuProcess *proc, const VhCpu *model)
{
        VhDomainDef *def = proc->dom->def;

        if (!model || !def->cpu)
                return;
        proc->cpu_wanted = def->cpu;
        def->cpu = model_for(model, proc->cpu_wanted);
}

void qemu_guest_cpu_original(VhDomainObj *dom, VhDomainDef *copy)
{
        const QemuProcess *proc = qemu_process(dom);
        VhCpu *cpu;

        if (!proc || !proc->cpu_wanted || !dom->def->cpu)
                return;
        cpu = model_for(proc->cpu_wanted, dom->def->cpu);
        vh_cpu_free(copy->cpu);
        copy->cpu = cpu;
}

VhCpu *qemu_guest_cpu_of_cookie(const char *text)
{
        _vh_xml_root_ xmlNode *root = NULL;
        VhCpu *cpu = NULL;
        const xmlNode *node;

        if (!text || vh_xml_doc_parse_root(&root, text, "cookie", VIR_FROM_QEMU, "cookie", NULL) < 0)
                return NULL;
        node = vh_xml_child(root, "cpu");
        return node && vh_cpu_parse_node(&cpu, node, NULL) == 0 ? cpu : vh_cpu_free(cpu);
}

void qemu_guest_cpu_format(const VhCpu *cpu, VhBuf *b)
{
        enum { INDENT = 2 };
        VhCpu shown = *cpu;

        shown.numa = NULL;
        vh_cpu_format(&shown, INDENT, b);
}

char *qemu_guest_cpu_cookie(VhDomainObj *dom)
{
        const VhCpu *cpu = dom->def->cpu;
        VhBuf b = { 0 };

        if (!cpu)
                return NULL;
        vh_buf_adds(&b, "<cookie>\n");
        qemu_guest_cpu_format(cpu, &b);
        vh_buf_adds(&b, "</cookie>\n");
        return vh_buf_take(&b);
}
