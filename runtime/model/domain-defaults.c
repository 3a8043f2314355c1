/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What every hypervisor adds to a definition, in the order that matters to it. */

#include "model/domain-check.h"

#include <errno.h>

#include "model/domain-cpu.h"
#include "model/domain-tables.h"
#include "model/domain-tune.h"

static int xml_error(VhError **err, const char *text)
{
        return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR, "%s", text);
}

/* ---- what cannot be missing ---- */

static int check_name(const VhDomainDef *def, VhError **err)
{
        if (!def->name)
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_NO_NAME, NULL);
        if (strchr(def->name, '/'))
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR, "name %s cannot contain '/'", def->name);
        if (strchr(def->name, '\n'))
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR, "name %s cannot contain '\\n'", def->name);
        if (def->title && strchr(def->title, '\n'))
                return xml_error(err, "Domain title can't contain newlines");
        return 0;
}

static int check_type(const VhDomainDef *def, VhError **err)
{
        if (def->virt_type == VH_VIRT_NONE)
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_INTERNAL_ERROR, "missing domain type attribute");
        if (def->os.type == VH_OS_NONE && !def->os.bootloader)
                return xml_error(err, "an os <type> must be specified");
        return 0;
}

/* ---- memory and CPUs ---- */

/* Memory of the NUMA cells is the memory of the domain. */
static uint64_t numa_memory(const VhDomainDef *def)
{
        uint64_t sum = 0;

        for (uint32_t i = 0; def->cpu && def->cpu->numa && i < def->cpu->numa->cells.n; i++)
                sum += def->cpu->numa->cells.items[i]->memory;
        return sum;
}

static uint64_t hotplugged_memory(const VhDomainDef *def)
{
        uint64_t sum = 0;

        for (uint32_t i = 0; i < def->memdevs.n; i++)
                sum += def->memdevs.items[i]->size;
        return sum;
}

static bool vcpu_list_fits(const VhDomainDef *def)
{
        for (uint32_t i = 0; i < def->vcpu_list.n; i++)
                if (def->vcpu_list.items[i]->id >= def->vcpus)
                        return false;
        return true;
}

static int default_memory(VhDomainDef *def, VhError **err)
{
        uint64_t numa = numa_memory(def);

        if (numa)
                def->memory = numa + hotplugged_memory(def);
        if (!def->memory)
                return xml_error(err, "Memory size must be specified via <memory> or in the <numa> configuration");
        if (!def->current_memory || def->current_memory > def->memory)
                def->current_memory = def->memory;
        if (!def->max_memory != !def->memory_slots)
                return xml_error(err, "both maximum memory size and memory slot count must be specified");
        if (def->max_memory && def->max_memory < def->memory)
                return xml_error(err, "maximum memory size must be equal or greater than the actual memory size");
        return 0;
}

/* Events stand in the order of their numbers. */
static void sort_perf(VhDomainDef *def)
{
        for (uint32_t i = 1; i < def->perf.n; i++) {
                VhPerfEvent *e = def->perf.items[i];
                uint32_t k = i;

                for (; k > 0 && def->perf.items[k - 1]->name > e->name; k--)
                        def->perf.items[k] = def->perf.items[k - 1];
                def->perf.items[k] = e;
        }
}

/* Memory and processors are placed by the same rule where the definition leaves it to the host. */
static void default_placement(VhDomainDef *def)
{
        enum { AUTO = 2, STRICT = 1 };
        VhNumatune *t = def->numatune;

        if (t && t->placement == AUTO)
                def->vcpu_placement = AUTO;
        if (def->vcpu_placement != AUTO)
                return;
        free(VH_TAKE_PTR(def->vcpu_cpuset));
        if (!t)
                t = def->numatune = vh_new(VhNumatune, 1);
        if (!t->mode)
                t->mode = STRICT;
        if (!t->nodeset)
                t->placement = AUTO;
}

static int default_vcpus(VhDomainDef *def, VhError **err)
{
        if (!def->vcpus)
                def->vcpus = 1;
        if (def->vcpus_current > def->vcpus)
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "maximum vCPU count must not be less than current vCPU count");
        /* One that names others stays as it is, for the check to refuse. */
        if (def->vcpu_list.n && vcpu_list_fits(def))
                vh_domain_list_vcpus(def);
        vh_domain_count_vcpus(def);
        if (def->vcpus_current == def->vcpus)
                def->vcpus_current = 0;
        default_placement(def);
        if (!def->vcpu_placement)
                def->vcpu_placement = 1;
        sort_perf(def);
        return 0;
}

static VhNumaDistance *find_distance(const VhNumaCell *cell, uint32_t id)
{
        for (uint32_t i = 0; i < cell->distances.n; i++)
                if (cell->distances.items[i]->id == id)
                        return cell->distances.items[i];
        return NULL;
}

/* Keeps the list in the order of the cells. */
static void set_distance(VhNumaCell *cell, uint32_t id, uint32_t value)
{
        VhNumaDistance *d;
        uint32_t place = 0;

        if (find_distance(cell, id))
                return;
        d = vh_new(VhNumaDistance, 1);
        *d = (VhNumaDistance){ .id = id, .value = value };
        while (place < cell->distances.n && cell->distances.items[place]->id < id)
                place++;
        vh_list_insert(&cell->distances, place, d);
}

/* A distance that is given one way holds for both, and each of the two is near to itself. */
static void complete_distances(VhNuma *numa)
{
        enum { LOCAL = 10 };

        for (uint32_t i = 0; i < numa->cells.n; i++) {
                VhNumaCell *cell = numa->cells.items[i];

                for (uint32_t k = 0; k < numa->cells.n; k++) {
                        VhNumaCell *other = numa->cells.items[k];
                        const VhNumaDistance *d = other == cell ? NULL : find_distance(cell, other->id.val);

                        if (!d)
                                continue;
                        set_distance(other, cell->id.val, d->value);
                        set_distance(other, other->id.val, LOCAL);
                        set_distance(cell, cell->id.val, LOCAL);
                }
        }
}

static int number_cells(VhDomainDef *def, VhError **err)
{
        for (uint32_t i = 0; def->cpu && def->cpu->numa && i < def->cpu->numa->cells.n; i++) {
                VhNumaCell *cell = def->cpu->numa->cells.items[i];

                if (!cell->id.set) {
                        cell->id.val = i;
                        cell->id.set = true;
                }
                if (cell->cpus && vh_cpuset_last(cell->cpus) >= (int)def->vcpus)
                        return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_INTERNAL_ERROR,
                                            "CPU IDs in <numa> exceed the <vcpu> count");
        }
        if (def->cpu && def->cpu->numa)
                complete_distances(def->cpu->numa);
        return 0;
}

/* ---- boot, clock, life cycle ---- */

static int find_boot_order(VhDeviceKind kind, void *dev, VhDeviceInfo *info, void *opaque)
{
        return info && info->boot_order;
}

static int default_boot(VhDomainDef *def, VhError **err)
{
        bool by_device = vh_domain_each_device(def, find_boot_order, NULL);

        if (by_device && def->os.boots.n)
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "per-device boot elements cannot be used together with os/boot elements");
        if (def->os.type == VH_OS_HVM && !def->os.boots.n && !by_device) {
                VhBoot *boot = vh_new(VhBoot, 1);

                boot->dev = VH_BOOT_HD;
                vh_list_add(&def->os.boots, boot);
        }
        return 0;
}

static void default_life_cycle(VhDomainDef *def)
{
        if (!def->on_poweroff)
                def->on_poweroff = VH_LIFECYCLE_DESTROY;
        if (!def->on_reboot)
                def->on_reboot = VH_LIFECYCLE_RESTART;
        if (!def->on_crash)
                def->on_crash = VH_LIFECYCLE_DESTROY;
        if (!def->clock.offset)
                def->clock.offset = VH_CLOCK_UTC;
}

static int check_arch(const VhDomainDef *def, VhError **err)
{
        static const char *const known[] = {
                "alpha",     "armv6l",      "armv7l", "armv7b",     "aarch64",      "cris",  "i686",    "ia64",
                "lm32",      "loongarch64", "m68k",   "microblaze", "microblazeel", "mips",  "mipsel",  "mips64",
                "mips64el",  "openrisc",    "parisc", "parisc64",   "ppc",          "ppc64", "ppc64le", "ppcemb",
                "riscv32",   "riscv64",     "s390",   "s390x",      "sh4",          "sh4eb", "sparc",   "sparc64",
                "unicore32", "x86_64",      "xtensa", "xtensaeb",
        };

        for (size_t i = 0; i < VH_ARRAY_SIZE(known); i++)
                if (vh_streq(known[i], def->os.arch))
                        return 0;
        return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_CONFIG_UNSUPPORTED, "Unknown architecture %s", def->os.arch);
}

static int default_os(VhDomainDef *def, const VhDomainParseEnv *env, VhError **err)
{
        if (!def->os.arch && env && env->arch)
                vh_strset(&def->os.arch, env->arch);
        return def->os.arch ? check_arch(def, err) : 0;
}

/* A pin of a vCPU that the domain does not have has no meaning. */
static void drop_pins(VhDomainDef *def)
{
        VhCputune *t = def->cputune;

        for (uint32_t i = t ? t->vcpupins.n : 0; i-- > 0;)
                if (t->vcpupins.items[i]->vcpu >= def->vcpus) {
                        VhVcpupin *pin = vh_list_take(&t->vcpupins, i);

                        free(pin->cpuset);
                        free(pin);
                }
        if (t && vh_xml_bind_equal(&vh_table_cputune, t, &(VhCputune){}, NULL))
                def->cputune = vh_xml_bind_free(&vh_table_cputune, t);
}

/* Entries of a table stand in the order of their names here. */
static void sort_entries(VhSysinfoBlock *block, const char *const *names)
{
        VhSysinfoEntries all;

        if (!block)
                return;
        all = block->entries;
        block->entries = (VhSysinfoEntries){ 0 };
        for (; *names; names++)
                for (uint32_t i = 0; i < all.n; i++)
                        if (all.items[i] && vh_streq(all.items[i]->name, *names)) {
                                vh_list_add(&block->entries, all.items[i]);
                                all.items[i] = NULL;
                        }
        for (uint32_t i = 0; i < all.n; i++)
                if (all.items[i])
                        vh_list_add(&block->entries, all.items[i]);
        free(all.items);
}

static void sort_sysinfo(VhSysinfo *s)
{
        static const char *const bios[] = { "vendor", "version", "date", "release", NULL };
        static const char *const system[] = { "manufacturer", "product", "version", "serial",
                                              "uuid",         "sku",     "family",  NULL };
        static const char *const board[] = {
                "manufacturer", "product", "version", "serial", "asset", "location", NULL
        };
        static const char *const chassis[] = { "manufacturer", "version", "serial", "asset", "sku", NULL };

        sort_entries(s->bios, bios);
        sort_entries(s->system, system);
        sort_entries(s->chassis, chassis);
        for (uint32_t i = 0; i < s->base_boards.n; i++)
                sort_entries(s->base_boards.items[i], board);
}

static void default_security(VhDomainDef *def)
{
        enum { NONE = 1, DYNAMIC = 2 };

        for (uint32_t i = 0; i < def->seclabels.n; i++) {
                VhSeclabel *s = def->seclabels.items[i];

                if (s->type == NONE && s->relabel == VH_NO)
                        s->relabel = 0;
                else if (s->type && s->type != NONE && !s->relabel)
                        s->relabel = s->type == DYNAMIC ? VH_YES : VH_NO;
        }
}

static VhSched *sched_of(const VhSched *like, unsigned thread)
{
        VhSched *one = vh_new(VhSched, 1);
        _vh_free_ char *text = vh_xasprintf("%u", thread);

        *one = *like;
        one->vcpus = NULL;
        (void)vh_cpuset_parse(text, &one->vcpus);
        return one;
}

/* The last thread that a list names; -1: none. */
static int last_thread(const VhScheds *list)
{
        int last = -1;

        for (uint32_t i = 0; i < list->n; i++)
                last = VH_MAX(last, vh_cpuset_last(list->items[i]->vcpus));
        return last;
}

/* Each thread has its own scheduler. */
static void split_scheds(VhScheds *list)
{
        VhScheds all = *list;
        int last = last_thread(list);

        *list = (VhScheds){ 0 };
        for (int thread = 0; thread <= last; thread++)
                for (uint32_t i = 0; i < all.n; i++)
                        if (vh_cpuset_has(all.items[i]->vcpus, (uint32_t)thread))
                                vh_list_add(list, sched_of(all.items[i], (unsigned)thread));
        for (uint32_t i = 0; i < all.n; i++) {
                free(all.items[i]->vcpus);
                free(all.items[i]);
        }
        free(all.items);
}

static int by_name(const void *a, const void *b)
{
        return strcmp((*(VhFirmwareFeature *const *)a)->name, (*(VhFirmwareFeature *const *)b)->name);
}

/* What says nothing is not there; what leaves itself open is filled. */
static void settle_identity(VhDomainDef *def)
{
        if (def->features && vh_xml_bind_equal(&vh_table_features, def->features, &(VhFeatures){}, NULL))
                def->features = vh_xml_bind_free(&vh_table_features, def->features);
        if (def->genid && !vh_uuid_is_valid(def->genid->uuid))
                vh_uuid_generate(def->genid->uuid);
        if (!vh_uuid_is_valid(def->uuid))
                vh_uuid_generate(def->uuid);
}

static int default_domain(VhDomainDef *def, const VhDomainParseEnv *env, VhError **err)
{
        int r = check_name(def, err);

        if (r == 0)
                r = check_type(def, err);
        if (r == 0)
                r = default_os(def, env, err);
        if (r == 0)
                r = default_memory(def, err);
        if (r == 0)
                r = default_vcpus(def, err);
        if (r == 0)
                r = number_cells(def, err);
        if (r == 0)
                r = default_boot(def, err);
        if (r < 0)
                return r;
        default_life_cycle(def);
        drop_pins(def);
        if (def->cputune) {
                split_scheds(&def->cputune->vcpuscheds);
                split_scheds(&def->cputune->iothreadscheds);
        }
        for (uint32_t i = 0; i < def->sysinfos.n; i++)
                sort_sysinfo(def->sysinfos.items[i]);
        default_security(def);
        if (def->os.loader && def->os.loader->path && !def->os.loader->type)
                def->os.loader->type = VH_LOADER_ROM;
        settle_identity(def);
        if (def->os.firmware_features.n)
                qsort(def->os.firmware_features.items, def->os.firmware_features.n,
                      sizeof(*def->os.firmware_features.items), by_name);
        return 0;
}

int vh_domain_defaults(VhDomainDef *def, const VhDomainParseEnv *env, VhError **err)
{
        int r = default_domain(def, env, err);

        if (r == 0)
                r = vh_domain_check_self(def, err);
        if (r == 0 && env && env->post_parse)
                r = env->post_parse(def, env->opaque, err);
        if (r == 0)
                r = vh_domain_device_defaults(def, err);
        if (r < 0)
                return r;
        vh_domain_implied_devices(def);
        if (env && env->assign_addresses)
                r = env->assign_addresses(def, env->opaque, err);
        if (r == 0)
                r = vh_domain_check(def, err);
        return r < 0 || !env || !env->check ? r : env->check(def, env->opaque, err);
}
