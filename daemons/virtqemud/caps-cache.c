/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Capabilities as JSON, and the files that keep them between runs of the daemon. A file holds for the program that it
 * was made from (times and size) on the host as it was (kernel, processor, KVM). */

#include "caps-probe.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "base/file.h"
#include "cpu/arch.h"
#include "driver/host-cpuid.h"

enum {
        CACHE_FORMAT = 3,
        CACHE_FILE_MAX = 4 * 1024 * 1024,
        DIR_MODE = 0755,
};

static char *copy(const json_t *object, const char *key)
{
        return vh_xstrdup(json_string_value(json_object_get(object, key)));
}

static bool is_true(const json_t *object, const char *key)
{
        return json_is_true(json_object_get(object, key));
}

static void set_machine(QemuMachine *m, const json_t *json)
{
        *m = (QemuMachine){
                .name = copy(json, "name"),
                .alias = copy(json, "alias"),
                .default_cpu = copy(json, "default-cpu-type"),
                .default_ram_id = copy(json, "default-ram-id"),
                .max_cpus = (unsigned)json_integer_value(json_object_get(json, "cpu-max")),
                .is_default = is_true(json, "is-default"),
                .hotplug_cpus = is_true(json, "hotpluggable-cpus"),
                .numa_mem = is_true(json, "numa-mem-supported"),
                .deprecated = is_true(json, "deprecated"),
        };
}

static json_t *get_machine(const QemuMachine *m)
{
        return json_pack("{s:s,s:s*,s:s*,s:s*,s:i,s:b,s:b,s:b,s:b}", "name", m->name, "alias", m->alias,
                         "default-cpu-type", m->default_cpu, "default-ram-id", m->default_ram_id, "cpu-max",
                         (int)m->max_cpus, "is-default", m->is_default, "hotpluggable-cpus", m->hotplug_cpus,
                         "numa-mem-supported", m->numa_mem, "deprecated", m->deprecated);
}

static char *join_words(const json_t *list)
{
        VhBuf buf = { 0 };
        const json_t *item;
        size_t i;

        json_array_foreach((json_t *)list, i, item)
        {
                if (i)
                        vh_buf_addc(&buf, ' ');
                vh_buf_adds(&buf, json_is_string(item) ? json_string_value(item) : "?");
        }
        return i ? vh_buf_take(&buf) : NULL;
}

static json_t *split_words(const char *words)
{
        json_t *list = json_array();

        while (words && *words) {
                size_t n = strcspn(words, " ");

                json_array_append_new(list, json_stringn(words, n));
                words += n + (words[n] == ' ');
        }
        return list;
}

static void set_cpu(QemuCpuModel *cpu, const json_t *json)
{
        const json_t *missing = json_object_get(json, "unavailable-features");

        *cpu = (QemuCpuModel){
                .name = copy(json, "name"),
                .type = copy(json, "typename"),
                .deprecated = is_true(json, "deprecated"),
                .usable_known = missing != NULL,
                .usable = missing && json_array_size(missing) == 0,
                .blockers = join_words(missing),
        };
}

/* QEMU writes names of a family otherwise than everybody else. */
static void rename_cpu(QemuCpuModel *cpu, const char *arch)
{
        const char *name;

        if (vh_cpu_family(arch) != VH_CPU_FAMILY_PPC64)
                return;
        for (unsigned i = 0; (name = vh_cpu_model_name(arch, i)); i++)
                if (strcasecmp(name, cpu->name) == 0)
                        vh_strset(&cpu->name, name);
}

static json_t *get_cpu(const QemuCpuModel *cpu)
{
        return json_pack("{s:s,s:s*,s:b,s:o*}", "name", cpu->name, "typename", cpu->type, "deprecated", cpu->deprecated,
                         "unavailable-features", cpu->usable_known ? split_words(cpu->blockers) : NULL);
}

void qemu_caps_set_cpus(QemuCaps *caps, QemuAccel accel, const json_t *list)
{
        QemuCpuModels *cpus = &caps->cpus[accel];
        const json_t *item;
        size_t i;

        if (cpus->items || json_array_size(list) == 0 || vh_cpu_family(caps->arch) == VH_CPU_FAMILY_OTHER)
                return;
        cpus->items = vh_new(QemuCpuModel, json_array_size(list));
        json_array_foreach((json_t *)list, i, item)
        {
                if (!json_is_string(json_object_get(item, "name")))
                        continue;
                set_cpu(&cpus->items[cpus->n], item);
                rename_cpu(&cpus->items[cpus->n++], caps->arch);
        }
}

/* Architectures that QEMU and guests call by different names. */
static const struct {
        const char *target, *arch;
} arch_names[] = {
        { "i386", "i686" },
        { "arm", "armv7l" },
};

static const char *guest_arch(const char *target)
{
        for (size_t i = 0; i < VH_ARRAY_SIZE(arch_names); i++)
                if (strcmp(arch_names[i].target, target) == 0)
                        return arch_names[i].arch;
        return target;
}

static const char *target_arch(const char *arch)
{
        for (size_t i = 0; i < VH_ARRAY_SIZE(arch_names); i++)
                if (strcmp(arch_names[i].arch, arch) == 0)
                        return arch_names[i].target;
        return arch;
}

static void set_machines(QemuCaps *caps, const json_t *list)
{
        const json_t *item;
        size_t i;

        caps->machines = vh_new(QemuMachine, json_array_size(list) + 1);
        json_array_foreach((json_t *)list, i, item)
        {
                if (json_is_string(json_object_get(item, "name")))
                        set_machine(&caps->machines[caps->n_machines++], item);
        }
}

static void set_words(QemuCaps *caps, const json_t *list)
{
        const json_t *item;
        size_t i;

        json_array_foreach((json_t *)list, i, item)
        {
                if (json_is_string(item))
                        qemu_caps_add_word(caps, vh_xstrdup(json_string_value(item)));
        }
        qemu_caps_sort_words(caps);
}

int qemu_caps_from_json(QemuCaps **ret, const json_t *json)
{
        int major = 0, minor = 0, micro = 0;
        const char *binary = NULL, *package = "", *arch = NULL;
        QemuCaps *caps;

        if (json_unpack((json_t *)json, "{s:s,s:{s:s,s:{s:i,s:i,s:i}},s:{s:s}}", "binary", &binary, "version",
                        "package", &package, "qemu", "major", &major, "minor", &minor, "micro", &micro, "target",
                        "arch", &arch) < 0)
                return -EBADMSG;
        caps = vh_new(QemuCaps, 1);
        caps->refs = 1;
        caps->binary = vh_xstrdup(binary);
        caps->arch = vh_xstrdup(guest_arch(arch));
        caps->package = vh_xstrdup(package);
        caps->version = (unsigned)(major * 1000000 + minor * 1000 + micro);
        caps->accels[QEMU_ACCEL_TCG] = true;
        caps->accels[QEMU_ACCEL_KVM] = is_true(json_object_get(json, "kvm"), "enabled");
        set_machines(caps, json_object_get(json, "machines"));
        qemu_caps_set_cpus(caps, QEMU_ACCEL_TCG, json_object_get(json, "cpus-tcg"));
        qemu_caps_set_cpus(caps, QEMU_ACCEL_KVM, json_object_get(json, "cpus-kvm"));
        qemu_caps_set_full_cpu(caps, QEMU_ACCEL_TCG, json_object_get(json, "cpu-tcg"));
        qemu_caps_set_full_cpu(caps, QEMU_ACCEL_KVM, json_object_get(json, "cpu-kvm"));
        set_words(caps, json_object_get(json, "words"));
        *ret = caps;
        return 0;
}

static json_t *get_cpus(const QemuCpuModels *cpus)
{
        json_t *list = json_array();

        for (size_t i = 0; i < cpus->n; i++)
                json_array_append_new(list, get_cpu(&cpus->items[i]));
        return list;
}

json_t *qemu_caps_to_json(const QemuCaps *caps)
{
        json_t *machines = json_array();
        json_t *words = json_array();

        for (size_t i = 0; i < caps->n_machines; i++)
                json_array_append_new(machines, get_machine(&caps->machines[i]));
        for (size_t i = 0; i < caps->n_words; i++)
                json_array_append_new(words, json_string(caps->words[i]));
        return json_pack("{s:s,s:{s:s,s:{s:i,s:i,s:i}},s:{s:s},s:{s:b},s:o,s:o,s:o,s:O*,s:O*,s:o}", "binary",
                         caps->binary, "version", "package", caps->package, "qemu", "major",
                         (int)(caps->version / 1000000), "minor", (int)(caps->version / 1000 % 1000), "micro",
                         (int)(caps->version % 1000), "target", "arch", target_arch(caps->arch), "kvm", "enabled",
                         caps->accels[QEMU_ACCEL_KVM], "machines", machines, "cpus-tcg",
                         get_cpus(&caps->cpus[QEMU_ACCEL_TCG]), "cpus-kvm", get_cpus(&caps->cpus[QEMU_ACCEL_KVM]),
                         "cpu-tcg", caps->full_cpu[QEMU_ACCEL_TCG].facts, "cpu-kvm",
                         caps->full_cpu[QEMU_ACCEL_KVM].facts, "words", words);
}

/* What the cached answers depend on. */
static json_t *fingerprint(const char *binary)
{
        VhHost *host = vh_host_new(NULL);
        _vh_free_ char *cpu = vh_host_cpu_id(host);
        struct utsname uts;
        struct stat st;

        vh_host_free(host);
        if (stat(binary, &st) < 0)
                return NULL;
        uname(&uts);
        return json_pack("{s:i,s:I,s:I,s:I,s:I,s:I,s:s,s:s,s:s,s:b}", "format", CACHE_FORMAT, "size",
                         (json_int_t)st.st_size, "mtime", (json_int_t)st.st_mtim.tv_sec, "mtime-ns",
                         (json_int_t)st.st_mtim.tv_nsec, "ctime", (json_int_t)st.st_ctim.tv_sec, "ctime-ns",
                         (json_int_t)st.st_ctim.tv_nsec, "kernel", uts.release, "kernel-version", uts.version, "cpu",
                         cpu, "kvm", access("/dev/kvm", R_OK | W_OK) == 0);
}

/* DIR/usr-bin-qemu-system-x86_64.json; the caller frees it. */
static char *cache_path(const char *dir, const char *binary)
{
        char *path = vh_xasprintf("%s/%s.json", dir, binary + (*binary == '/'));

        for (char *p = path + strlen(dir) + 1; *p; p++)
                if (*p == '/')
                        *p = '-';
        return path;
}

int qemu_caps_load(QemuCaps **ret, const char *dir, const char *binary)
{
        _vh_free_ char *path = cache_path(dir, binary);
        _vh_free_ char *text = NULL;
        json_t *json, *now = fingerprint(binary);
        size_t n;
        int r;

        r = now ? vh_file_read(path, CACHE_FILE_MAX, &text, &n) : -ENOENT;
        json = r == 0 ? json_loadb(text, n, 0, NULL) : NULL;
        if (json && json_equal(json_object_get(json, "made-from"), now))
                r = qemu_caps_from_json(ret, json);
        else
                r = -ESTALE;
        if (r == 0 && strcmp((*ret)->binary, binary) != 0) {
                *ret = qemu_caps_unref(*ret);
                r = -ESTALE;
        }
        json_decref(json);
        json_decref(now);
        return r == 0 ? 0 : -ESTALE;
}

int qemu_caps_save(const QemuCaps *caps, const char *dir)
{
        _vh_free_ char *path = cache_path(dir, caps->binary);
        json_t *json = qemu_caps_to_json(caps);
        char *text;
        int r;

        json_object_set_new(json, "made-from", fingerprint(caps->binary));
        text = json_dumps(json, JSON_COMPACT);
        json_decref(json);
        if (!text)
                return -EINVAL;
        r = vh_mkdir_p(dir, DIR_MODE);
        if (r == 0)
                r = vh_file_write(path, text, strlen(text), 0600, (uid_t)VH_FILE_SAME_OWNER, (gid_t)VH_FILE_SAME_OWNER,
                                  VH_FILE_NO_SYNC);
        free(text);
        return r;
}
