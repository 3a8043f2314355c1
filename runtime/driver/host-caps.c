/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The <host> element of the capabilities document. */

#include "driver/host-private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/utsname.h>

#include "driver/host-cpuid.h"

enum {
        /* Caches below this level belong to a single core and are not listed. */
        CACHE_LEVEL_MIN = 3,
        CACHE_INDEX_MAX = 16,
        KIB_PER_MIB = 1024,
};

unsigned vh_host_sec_models(const VhHostSecModel *mandatory, bool privileged, const char *dac_label,
                            VhHostSecModel models[VH_HOST_SEC_MODELS_MAX])
{
        unsigned n = 0;

        models[n++] = *mandatory;
        if (privileged)
                models[n++] = (VhHostSecModel){ "dac", "0", dac_label, dac_label };
        return n;
}

int vh_host_uuid(VhHost *host, uint8_t uuid[VH_UUID_LEN])
{
        static const char *const places[] = { "sys/class/dmi/id/product_uuid", "etc/machine-id" };

        for (size_t i = 0; i < VH_ARRAY_SIZE(places); i++) {
                _vh_free_ char *text = NULL;

                if (vh_host_read(host, &text, "%s", places[i]) == 0 && vh_uuid_parse(text, uuid) == 0 &&
                    vh_uuid_is_valid(uuid))
                        return 0;
        }
        return -ENOENT;
}

/* "GenuineIntel" of the kernel is "Intel" here. */
static const char *cpu_vendor(const char *cpuinfo)
{
        static const struct {
                const char *id;
                const char *name;
        } vendors[] = {
                { "GenuineIntel", "Intel" },
                { "AuthenticAMD", "AMD" },
                { "HygonGenuine", "Hygon" },
        };
        const char *id = vh_host_field(cpuinfo, "vendor_id");

        for (size_t i = 0; id && i < VH_ARRAY_SIZE(vendors); i++)
                if (vh_startswith(id, vendors[i].id))
                        return vendors[i].name;
        return NULL;
}

static void format_cpu_identity(const char *cpuinfo, VhBuf *buf)
{
        const char *vendor = cpu_vendor(cpuinfo), *microcode;

        if (vendor)
                vh_buf_printf(buf, "      <vendor>%s</vendor>\n", vendor);
        microcode = vh_host_field(cpuinfo, "microcode");
        if (microcode)
                vh_buf_printf(buf, "      <microcode version='%lu'/>\n", strtoul(microcode, NULL, 0));
        if (vh_host_field(cpuinfo, "cpu family"))
                vh_buf_printf(buf, "      <signature family='%u' model='%u' stepping='%u'/>\n",
                              (unsigned)vh_host_field_u64(cpuinfo, "cpu family"),
                              (unsigned)vh_host_field_u64(cpuinfo, "model"),
                              (unsigned)vh_host_field_u64(cpuinfo, "stepping"));
}

static void format_address_size(const char *cpuinfo, VhBuf *buf)
{
        const char *sizes = vh_host_field(cpuinfo, "address sizes");

        if (sizes)
                vh_buf_printf(buf, "      <maxphysaddr mode='emulate' bits='%u'/>\n",
                              (unsigned)strtoul(sizes, NULL, 10));
}

static void format_cpu_topology(VhHost *host, VhBuf *buf)
{
        VhHostNodeInfo info;

        if (vh_host_node_info(host, &info, NULL) == 0)
                vh_buf_printf(buf, "      <topology sockets='%u' dies='1' cores='%u' threads='%u'/>\n", info.sockets,
                              info.cores, info.threads);
}

int vh_host_cpu_doc(const VhHost *host, VhCpuDoc *doc, VhError **err)
{
        static const VhX86Decode how = { .host = true };
        struct utsname uts;
        VhX86Cpu cpu;
        int r = vh_host_x86_cpu(host, &cpu);

        *doc = (VhCpuDoc){ .host = true };
        if (r == 0)
                r = vh_x86_decode(&doc->cpu, &cpu, &how, err);
        if (r < 0)
                return r;
        uname(&uts);
        doc->cpu->arch = vh_xstrdup(uts.machine);
        return 0;
}

char *vh_host_cpu_id(VhHost *host)
{
        static const char *const fields[] = {
                "vendor_id", "cpu family", "model", "stepping", "model name", "microcode"
        };
        _vh_free_ char *cpuinfo = NULL;
        VhBuf buf = { 0 };

        if (vh_host_read(host, &cpuinfo, "proc/cpuinfo") < 0)
                return vh_xstrdup("");
        for (size_t i = 0; i < VH_ARRAY_SIZE(fields); i++) {
                const char *value = vh_host_field(cpuinfo, fields[i]);

                if (value)
                        vh_buf_printf(&buf, "%.*s;", (int)strcspn(value, "\n"), value);
        }
        return buf.len ? vh_buf_take(&buf) : vh_xstrdup("");
}

static void format_tsc(VhHost *host, VhBuf *buf)
{
        uint64_t hz;
        bool scaling;

        if (vh_host_tsc(host, &hz, &scaling) == 0)
                vh_buf_printf(buf, "      <counter name='tsc' frequency='%llu' scaling='%s'/>\n",
                              (unsigned long long)hz, scaling ? "yes" : "no");
}

static void format_cpu_features(const VhCpu *cpu, VhBuf *buf)
{
        for (uint32_t i = 0; i < cpu->features.n; i++)
                vh_buf_printf(buf, "      <feature name='%s'/>\n", cpu->features.items[i]->name);
}

static void format_cpu(VhHost *host, VhBuf *buf)
{
        _vh_cpu_doc_ VhCpuDoc doc = {};
        _vh_error_ VhError *none = NULL;
        unsigned sizes[VH_HOST_PAGE_SIZES_MAX], n = vh_host_page_sizes(host, sizes);
        _vh_free_ char *cpuinfo = NULL;
        struct utsname uts;

        if (vh_host_read(host, &cpuinfo, "proc/cpuinfo") < 0)
                cpuinfo = vh_xstrdup("");
        uname(&uts);
        vh_buf_printf(buf, "    <cpu>\n      <arch>%s</arch>\n", uts.machine);
        /* A CPU that no model describes is shown without one. */
        if (vh_host_cpu_doc(host, &doc, &none) == 0)
                vh_buf_printf(buf, "      <model>%s</model>\n", doc.cpu->model);
        format_cpu_identity(cpuinfo, buf);
        format_tsc(host, buf);
        format_cpu_topology(host, buf);
        format_address_size(cpuinfo, buf);
        if (doc.cpu)
                format_cpu_features(doc.cpu, buf);
        for (unsigned i = 0; i < n; i++)
                vh_buf_printf(buf, "      <pages unit='KiB' size='%u'/>\n", sizes[i]);
        vh_buf_adds(buf, "    </cpu>\n");
}

static bool has_iommu(const VhHost *host)
{
        int fd = openat(host->rootfd, "sys/kernel/iommu_groups", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = fd < 0 ? NULL : fdopendir(fd);
        struct dirent *e;
        bool found = false;

        if (!dir) {
                vh_closep(&fd);
                return false;
        }
        while (!found && (e = readdir(dir)))
                found = e->d_name[0] != '.';
        closedir(dir);
        return found;
}

static void format_migration(const char *const *transports, VhBuf *buf)
{
        vh_buf_adds(buf, "    <migration_features>\n"
                         "      <live/>\n"
                         "      <uri_transports>\n");
        for (; *transports; transports++)
                vh_buf_printf(buf, "        <uri_transport>%s</uri_transport>\n", *transports);
        vh_buf_adds(buf, "      </uri_transports>\n"
                         "    </migration_features>\n");
}

/* "10 21": the distance of each cell, in the order of the cells that are online. */
static void format_distances(const VhHost *host, unsigned cell, const VhHostBits *cells, VhBuf *buf)
{
        _vh_free_ char *text = NULL;
        char *s, *end;
        int sibling;

        if (vh_host_read(host, &text, "sys/devices/system/node/node%u/distance", cell) < 0)
                return;
        vh_buf_adds(buf, "          <distances>\n");
        s = text;
        for (sibling = vh_host_bits_next(cells, 0); sibling >= 0;
             sibling = vh_host_bits_next(cells, (unsigned)sibling + 1)) {
                unsigned long value = strtoul(s, &end, 10);

                if (end == s)
                        break;
                vh_buf_printf(buf, "            <sibling id='%d' value='%lu'/>\n", sibling, value);
                s = end;
        }
        vh_buf_adds(buf, "          </distances>\n");
}

static void format_cell_cpu(const VhHost *host, unsigned cpu, const VhHostBits *online, VhBuf *buf)
{
        VhHostCpuPlace place = { 0 };

        if (!vh_host_bit(online, cpu)) {
                vh_buf_printf(buf, "            <cpu id='%u'/>\n", cpu);
                return;
        }
        vh_host_cpu_place(host, cpu, &place);
        vh_buf_printf(buf, "            <cpu id='%u' socket_id='%d' die_id='%d' core_id='%d' siblings='", cpu,
                      VH_MAX(place.socket, 0), VH_MAX(place.die, 0), VH_MAX(place.core, 0));
        vh_host_bits_format(&place.siblings, buf);
        vh_buf_adds(buf, "'/>\n");
        vh_host_cpu_place_done(&place);
}

static void format_cell_memory(const VhHost *host, unsigned cell, VhBuf *buf)
{
        unsigned sizes[VH_HOST_PAGE_SIZES_MAX], n = vh_host_page_sizes(host, sizes);
        uint64_t total, unused;

        if (vh_host_cell_memory(host, cell, &total, &unused) < 0)
                return;
        vh_buf_printf(buf, "          <memory unit='KiB'>%llu</memory>\n", (unsigned long long)total);
        for (unsigned i = 0; i < n; i++)
                if (vh_host_cell_pages(host, cell, sizes[i], &total, &unused) == 0)
                        vh_buf_printf(buf, "          <pages unit='KiB' size='%u'>%llu</pages>\n", sizes[i],
                                      (unsigned long long)total);
}

static void format_cell(const VhHost *host, unsigned cell, const VhHostBits *cells, const VhHostBits *online,
                        VhBuf *buf)
{
        VhHostBits cpus = { 0 };

        vh_buf_printf(buf, "        <cell id='%u'>\n", cell);
        format_cell_memory(host, cell, buf);
        format_distances(host, cell, cells, buf);
        (void)vh_host_cell_cpus(host, cell, &cpus);
        vh_buf_printf(buf, "          <cpus num='%u'>\n", vh_host_bits_count(&cpus));
        for (int cpu = vh_host_bits_next(&cpus, 0); cpu >= 0; cpu = vh_host_bits_next(&cpus, (unsigned)cpu + 1))
                format_cell_cpu(host, (unsigned)cpu, online, buf);
        vh_buf_adds(buf, "          </cpus>\n"
                         "        </cell>\n");
        vh_host_bits_done(&cpus);
}

static void format_topology(const VhHost *host, const VhHostBits *online, VhBuf *buf)
{
        VhHostBits cells = { 0 };

        vh_host_cells(host, &cells);
        vh_buf_printf(buf, "    <topology>\n      <cells num='%u'>\n", vh_host_bits_count(&cells));
        for (int cell = vh_host_bits_next(&cells, 0); cell >= 0; cell = vh_host_bits_next(&cells, (unsigned)cell + 1))
                format_cell(host, (unsigned)cell, &cells, online, buf);
        vh_buf_adds(buf, "      </cells>\n    </topology>\n");
        vh_host_bits_done(&cells);
}

typedef struct CacheBank {
        unsigned level;
        unsigned id;
        const char *type;
        uint64_t size_kib;
        VhHostBits cpus;
} CacheBank;

static const char *cache_type(const VhHost *host, unsigned cpu, unsigned index)
{
        _vh_free_ char *text = NULL;

        if (vh_host_read(host, &text, "sys/devices/system/cpu/cpu%u/cache/index%u/type", cpu, index) < 0)
                return NULL;
        return strcmp(text, "Data") == 0 ? "data" : strcmp(text, "Instruction") == 0 ? "code" : "both";
}

/* Returns false if the processor has no such cache, or one that is not listed. */
static bool read_cache(const VhHost *host, unsigned cpu, unsigned index, CacheBank *bank)
{
        _vh_free_ char *size = NULL;
        uint64_t level, id;

#define CACHE "sys/devices/system/cpu/cpu%u/cache/index%u/"
        if (vh_host_read_u64(host, &level, CACHE "level", cpu, index) < 0 || level < CACHE_LEVEL_MIN ||
            vh_host_read_u64(host, &id, CACHE "id", cpu, index) < 0 ||
            vh_host_read(host, &size, CACHE "size", cpu, index) < 0)
                return false;
        bank->type = cache_type(host, cpu, index);
        if (!bank->type || vh_host_read_bits(host, &bank->cpus, CACHE "shared_cpu_list", cpu, index) < 0)
                return false;
#undef CACHE
        bank->level = (unsigned)level;
        bank->id = (unsigned)id;
        bank->size_kib = strtoull(size, NULL, 10); /* the kernel always counts in K here */
        return true;
}

static void format_bank(const CacheBank *bank, VhBuf *buf)
{
        bool mib = bank->size_kib >= KIB_PER_MIB && bank->size_kib % KIB_PER_MIB == 0;

        vh_buf_printf(buf, "      <bank id='%u' level='%u' type='%s' size='%llu' unit='%s' cpus='", bank->id,
                      bank->level, bank->type,
                      (unsigned long long)(mib ? bank->size_kib / KIB_PER_MIB : bank->size_kib), mib ? "MiB" : "KiB");
        vh_host_bits_format(&bank->cpus, buf);
        vh_buf_adds(buf, "'/>\n");
}

/* A bank is listed where its first processor is met, so each appears once. */
static void format_caches(const VhHost *host, const VhHostBits *online, VhBuf *buf)
{
        VhBuf banks = { 0 };

        for (int cpu = vh_host_bits_next(online, 0); cpu >= 0; cpu = vh_host_bits_next(online, (unsigned)cpu + 1))
                for (unsigned index = 0; index < CACHE_INDEX_MAX; index++) {
                        CacheBank bank = { 0 };

                        if (read_cache(host, (unsigned)cpu, index, &bank) && vh_host_bits_next(&bank.cpus, 0) == cpu)
                                format_bank(&bank, &banks);
                        vh_host_bits_done(&bank.cpus);
                }
        if (banks.len) {
                vh_buf_adds(buf, "    <cache>\n");
                vh_buf_add(buf, banks.data, banks.len);
                vh_buf_adds(buf, "    </cache>\n");
        }
        vh_buf_done(&banks);
}

static void format_base_label(const char *type, const char *label, VhBuf *buf)
{
        if (!label)
                return;
        vh_buf_printf(buf, "      <baselabel type='%s'>", type);
        vh_buf_xml_escape(buf, label);
        vh_buf_adds(buf, "</baselabel>\n");
}

static void format_sec_model(const VhHostSecModel *model, VhBuf *buf)
{
        vh_buf_printf(buf, "    <secmodel>\n      <model>%s</model>\n      <doi>%s</doi>\n", model->model, model->doi);
        format_base_label("kvm", model->base_kvm, buf);
        format_base_label("qemu", model->base_qemu, buf);
        vh_buf_adds(buf, "    </secmodel>\n");
}

void vh_host_caps_format(VhHost *host, const VhHostCapsArgs *args, VhBuf *buf)
{
        VhHostBits online = { 0 };
        char uuid[VH_UUID_TEXT_LEN + 1];

        (void)vh_host_read_bits(host, &online, "sys/devices/system/cpu/online");
        vh_buf_adds(buf, "  <host>\n");
        if (args->uuid)
                vh_buf_printf(buf, "    <uuid>%s</uuid>\n", vh_uuid_format(args->uuid, uuid));
        format_cpu(host, buf);
        /* Empty: suspending the host is not offered. */
        vh_buf_adds(buf, "    <power_management/>\n");
        vh_buf_printf(buf, "    <iommu support='%s'/>\n", has_iommu(host) ? "yes" : "no");
        if (args->migration_transports)
                format_migration(args->migration_transports, buf);
        format_topology(host, &online, buf);
        format_caches(host, &online, buf);
        for (unsigned i = 0; i < args->n_models; i++)
                format_sec_model(&args->models[i], buf);
        vh_buf_adds(buf, "  </host>\n");
        vh_host_bits_done(&online);
}
