/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a domain's own settings may not be, whatever the hypervisor. */

#include "model/domain-check.h"
#include "model/domain-cpu.h"
#include "model/domain-tune.h"

enum {
        VENDOR_ID_LEN = 12,
        DISTANCE_LOCAL = 10,
        SPINLOCK_RETRIES_MIN = 4095,
        DIRTY_RING_MIN = 1024,
        DIRTY_RING_MAX = 65536,
        PLACEMENT_AUTO = 2,
        SCHED_FIFO = 3, /* and rr */
        SYSINFO_FWCFG = 2,
        LAUNCH_SEV = 1,
        SECLABEL_NONE = 1,
        SECLABEL_DYNAMIC = 2,
        SECLABEL_STATIC = 3,
};
/* Bounds of the kernel's scheduler, microseconds. */
static const int64_t quota_min = 1000, quota_max = INT64_C(17592186044415);

/* ---- processors ---- */

static int check_vcpu_list(const VhDomainDef *def, VhError **err)
{
        for (uint32_t i = 0; i < def->vcpu_list.n; i++) {
                const VhVcpu *v = def->vcpu_list.items[i];

                if (v->id >= def->vcpus)
                        return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR,
                                            "vcpu id '%u' is out of range of maximum vcpu count", v->id);
                if (v->enabled == VH_NO && v->hotpluggable == VH_NO)
                        return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_CONFIG_UNSUPPORTED,
                                            "vcpu '%u' is both offline and not hotpluggable", v->id);
        }
        return 0;
}

static int check_features_of_cpu(const VhCpu *cpu, VhError **err)
{
        for (uint32_t i = 0; i < cpu->features.n; i++) {
                const char *name = cpu->features.items[i]->name;

                if (!*name)
                        return vh_error_set(err, VIR_FROM_CPU, VIR_ERR_XML_ERROR, "Invalid CPU feature name");
                for (uint32_t j = 0; j < i; j++)
                        if (vh_streq(name, cpu->features.items[j]->name))
                                return vh_error_set(err, VIR_FROM_CPU, VIR_ERR_XML_ERROR,
                                                    "CPU feature '%s' specified more than once", name);
        }
        return 0;
}

static int check_cpu_model(const VhCpu *cpu, VhError **err)
{
        const bool custom = cpu->mode == VH_CPU_MODE_CUSTOM || cpu->mode == VH_CPU_MODE_NONE;
        int r = VH_CHECK_RULES(
                VIR_FROM_CPU, err,
                { cpu->vendor_id && strlen(cpu->vendor_id) != VENDOR_ID_LEN, VIR_ERR_XML_ERROR,
                  "vendor_id must be exactly 12 characters long" },
                { cpu->vendor_id && strchr(cpu->vendor_id, ','), VIR_ERR_XML_ERROR, "vendor id is invalid" },
                { custom && !cpu->model && cpu->vendor, VIR_ERR_XML_ERROR, "CPU vendor specified without CPU model" },
                { custom && !cpu->model && cpu->features.n, VIR_ERR_XML_ERROR,
                  "Non-empty feature list specified without CPU model" }, );

        return r < 0 ? r : check_features_of_cpu(cpu, err);
}

/* ---- NUMA ---- */

static bool cpusets_meet(const VhCpuset *a, const VhCpuset *b)
{
        for (uint32_t i = 0; a && b && i < a->n_words && i < b->n_words; i++)
                if (a->words[i] & b->words[i])
                        return true;
        return false;
}

static int check_distances(const VhNuma *numa, const VhNumaCell *cell, VhError **err)
{
        for (uint32_t i = 0; i < cell->distances.n; i++) {
                const VhNumaDistance *d = cell->distances.items[i];

                if (d->id >= numa->cells.n)
                        return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR,
                                            "'sibling_id %u' does not refer to a valid cell within NUMA 'cell id %u'",
                                            d->id, cell->id.val);
                if (d->id == cell->id.val && d->value != DISTANCE_LOCAL)
                        return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR,
                                            "'value %u' is invalid for 'sibling id %u' under NUMA 'cell id %u'",
                                            d->value, d->id, cell->id.val);
        }
        return 0;
}

static int check_cell(const VhNuma *numa, uint32_t i, VhError **err)
{
        const VhNumaCell *cell = numa->cells.items[i];

        if (cell->id.val >= numa->cells.n)
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR,
                                    "Exactly one 'cell' element per guest NUMA cell allowed, non-contiguous ranges or "
                                    "ranges not starting from 0 are not allowed");
        for (uint32_t j = 0; j < i; j++) {
                if (numa->cells.items[j]->id.val == cell->id.val)
                        return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR,
                                            "Duplicate NUMA cell info for cell id '%u'", cell->id.val);
                if (cpusets_meet(cell->cpus, numa->cells.items[j]->cpus))
                        return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_CONFIG_UNSUPPORTED,
                                            "NUMA cells %u and %u have overlapping vCPU ids", cell->id.val,
                                            numa->cells.items[j]->id.val);
        }
        return check_distances(numa, cell, err);
}

static bool has_cache(const VhNuma *numa, uint32_t id, uint32_t level)
{
        for (uint32_t i = 0; i < numa->cells.n; i++) {
                const VhNumaCell *cell = numa->cells.items[i];

                for (uint32_t k = 0; cell->id.val == id && k < cell->caches.n; k++)
                        if (cell->caches.items[k]->level == level)
                                return true;
        }
        return false;
}

/* Ways into a cache lead to one that its cell has. */
static int check_way(const VhNuma *numa, VhOptUint target, VhOptUint cache, VhError **err)
{
        return VH_CHECK_RULES(VIR_FROM_DOMAIN, err,
                              { cache.set && cache.val && !has_cache(numa, target.val, cache.val), VIR_ERR_XML_ERROR,
                                "'cache' refers to a non-existent NUMA node cache" }, );
}

static int check_numa(const VhNuma *numa, VhError **err)
{
        int r = 0;

        for (uint32_t i = 0; r == 0 && i < numa->cells.n; i++)
                r = check_cell(numa, i, err);
        for (uint32_t i = 0; r == 0 && i < numa->latencies.n; i++)
                r = check_way(numa, numa->latencies.items[i]->target, numa->latencies.items[i]->cache, err);
        for (uint32_t i = 0; r == 0 && i < numa->bandwidths.n; i++)
                r = check_way(numa, numa->bandwidths.items[i]->target, numa->bandwidths.items[i]->cache, err);
        return r;
}

static int check_cpu(const VhCpu *cpu, VhError **err)
{
        int r = check_cpu_model(cpu, err);

        return r < 0 || !cpu->numa ? r : check_numa(cpu->numa, err);
}

static int check_numatune(const VhDomainDef *def, VhError **err)
{
        const VhNumatune *t = def->numatune;
        const bool has_cells = def->cpu && def->cpu->numa && def->cpu->numa->cells.n;

        return VH_CHECK_RULES(
                VIR_FROM_DOMAIN, err,
                { t->mode && !t->nodeset && t->placement != PLACEMENT_AUTO && def->vcpu_placement != PLACEMENT_AUTO,
                  VIR_ERR_CONFIG_UNSUPPORTED, "nodeset for NUMA memory tuning must be set if 'placement' is 'static'" },
                { t->memnodes.n && !has_cells, VIR_ERR_XML_ERROR,
                  "Element 'memnode' is invalid without any guest NUMA cells" }, );
}

/* ---- features, clock, life cycle ---- */

static int check_hyperv(const VhHyperv *h, VhError **err)
{
        const bool vendor = h->vendor_id_on == VH_ON;

        if (h->spinlocks == VH_ON && !h->spinlock_retries)
                return vh_error_set(err, VIR_FROM_XML, VIR_ERR_XML_ERROR,
                                    "Missing required attribute 'retries' in element 'spinlocks'");
        return VH_CHECK_RULES(VIR_FROM_DOMAIN, err,
                              { h->spinlocks == VH_ON && h->spinlock_retries < SPINLOCK_RETRIES_MIN, VIR_ERR_XML_ERROR,
                                "HyperV spinlock retry count must be at least 4095" },
                              { vendor && !h->vendor_id, VIR_ERR_XML_ERROR,
                                "Missing required attribute 'value' in element 'vendor_id'" },
                              { vendor && h->vendor_id && strlen(h->vendor_id) > VENDOR_ID_LEN, VIR_ERR_XML_ERROR,
                                "HyperV vendor_id value must not be more than 12 characters." },
                              { vendor && h->vendor_id && strchr(h->vendor_id, ','), VIR_ERR_XML_ERROR,
                                "HyperV vendor_id value is invalid" }, );
}

static int check_kvm(const VhKvmFeatures *kvm, VhError **err)
{
        const uint32_t size = kvm->dirty_ring_size;
        const bool fits = size >= DIRTY_RING_MIN && size <= DIRTY_RING_MAX && !(size & (size - 1));

        if (kvm->dirty_ring != VH_ON || fits)
                return 0;
        return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR,
                            "dirty ring must be power of 2 and ranges [1024, 65536]");
}

static int check_features(const VhFeatures *f, VhError **err)
{
        int r = f->hyperv ? check_hyperv(f->hyperv, err) : 0;

        return r < 0 || !f->kvm ? r : check_kvm(f->kvm, err);
}

static bool dumps_core(VhLifecycle action)
{
        return action == VH_LIFECYCLE_COREDUMP_DESTROY || action == VH_LIFECYCLE_COREDUMP_RESTART;
}

static const char *core_action(VhLifecycle action)
{
        return action == VH_LIFECYCLE_COREDUMP_DESTROY ? "coredump-destroy" : "coredump-restart";
}

static int check_life_cycle(const VhDomainDef *def, VhError **err)
{
        return VH_CHECK_RULES(
                VIR_FROM_DOMAIN, err,
                { dumps_core(def->on_poweroff), VIR_ERR_CONFIG_UNSUPPORTED,
                  "Lifecycle event 'poweroff' doesn't support '", core_action(def->on_poweroff), "' action" },
                { dumps_core(def->on_reboot), VIR_ERR_CONFIG_UNSUPPORTED, "Lifecycle event 'reboot' doesn't support '",
                  core_action(def->on_reboot), "' action" }, );
}

static int check_clock(const VhClock *clock, VhError **err)
{
        return VH_CHECK_RULES(VIR_FROM_DOMAIN, err,
                              { clock->offset == VH_CLOCK_TIMEZONE && !clock->timezone, VIR_ERR_INTERNAL_ERROR,
                                "missing 'timezone' attribute for clock with offset='timezone'" },
                              { clock->offset == VH_CLOCK_ABSOLUTE && !clock->start.set, VIR_ERR_INTERNAL_ERROR,
                                "missing 'start' attribute for clock with offset='absolute'" }, );
}

static int check_os(const VhDomainOs *os, VhError **err)
{
        return VH_CHECK_RULES(VIR_FROM_DOMAIN, err,
                              { os->nvram && !os->firmware && !(os->loader && os->loader->path), VIR_ERR_XML_DETAIL,
                                "no loader path specified and firmware auto selection disabled" },
                              { os->loader && !os->loader->path && !os->firmware, VIR_ERR_XML_DETAIL,
                                "no loader path specified and firmware auto selection disabled" },
                              { os->firmware && os->loader && os->loader->path, VIR_ERR_XML_DETAIL,
                                "loader path may not be specified when firmware autoselection is enabled" }, );
}

/* ---- tuning ---- */

static int check_pins(const VhDomainDef *def, VhError **err)
{
        const VhCputune *t = def->cputune;

        for (uint32_t i = 0; i < t->vcpupins.n; i++)
                for (uint32_t j = 0; j < i; j++)
                        if (t->vcpupins.items[i]->vcpu == t->vcpupins.items[j]->vcpu)
                                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_INTERNAL_ERROR,
                                                    "duplicate vcpupin for vcpu '%u'", t->vcpupins.items[i]->vcpu);
        return 0;
}

bool vh_domain_has_iothread(const VhDomainDef *def, uint32_t id)
{
        uint32_t unlisted = def->iothreads > def->iothread_list.n ? def->iothreads - def->iothread_list.n : 0;
        uint32_t below = 0;

        for (uint32_t i = 0; i < def->iothread_list.n; i++) {
                if (def->iothread_list.items[i]->id.val == id)
                        return true;
                below += def->iothread_list.items[i]->id.val < id;
        }
        /* Those that are not listed get the lowest numbers that are left. */
        return id >= 1 && id - below <= unlisted;
}

static int check_iothread_pins(const VhDomainDef *def, VhError **err)
{
        for (uint32_t i = 0; i < def->cputune->iothreadpins.n; i++) {
                uint32_t id = def->cputune->iothreadpins.items[i]->vcpu;

                if (!vh_domain_has_iothread(def, id))
                        return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_CONFIG_UNSUPPORTED,
                                            "Cannot find 'iothread' : %u", id);
        }
        return 0;
}

static int check_scheds(const VhDomainDef *def, VhError **err)
{
        for (uint32_t i = 0; i < def->cputune->vcpuscheds.n; i++) {
                const VhSched *s = def->cputune->vcpuscheds.items[i];
                int last = vh_cpuset_last(s->vcpus);

                if (s->scheduler >= SCHED_FIFO && !s->priority.set)
                        return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR,
                                            "Missing required attribute 'priority' in element 'vcpusched'");
                if (last >= (int)def->vcpus)
                        return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_CONFIG_UNSUPPORTED,
                                            "vCPU '%d' is not present in domain definition", last);
        }
        return 0;
}

static bool quota_wrong(const VhOptInt64 *quota)
{
        return quota->set && quota->val > 0 && (quota->val < quota_min || quota->val > quota_max);
}

static int check_cputune(const VhDomainDef *def, VhError **err)
{
        const VhCputune *t = def->cputune;
        const char *wrong = quota_wrong(&t->quota)            ? "quota"
                            : quota_wrong(&t->global_quota)   ? "global_quota"
                            : quota_wrong(&t->emulator_quota) ? "emulator_quota"
                            : quota_wrong(&t->iothread_quota) ? "iothread_quota"
                                                              : NULL;
        int r = wrong ? vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_CONFIG_UNSUPPORTED,
                                     "Value of cputune '%s' must be in range [%lld, %lld]", wrong, (long long)quota_min,
                                     (long long)quota_max)
                      : check_pins(def, err);

        if (r == 0)
                r = check_iothread_pins(def, err);
        return r < 0 ? r : check_scheds(def, err);
}

static int check_blkiotune(const VhBlkiotune *t, VhError **err)
{
        for (uint32_t i = 0; i < t->devices.n; i++)
                for (uint32_t j = 0; j < i; j++)
                        if (vh_streq(t->devices.items[i]->path, t->devices.items[j]->path))
                                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_CONFIG_UNSUPPORTED,
                                                    "duplicate blkio device path '%s'", t->devices.items[i]->path);
        return 0;
}

static int check_hugepages(const VhHugepages *h, VhError **err)
{
        const VhHugepage *for_all = NULL;

        for (uint32_t i = 0; i < h->pages.n; i++) {
                const VhHugepage *page = h->pages.items[i];

                if (!page->size)
                        return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_XML_DETAIL, "hugepage size can't be zero");
                if (!page->nodeset && for_all)
                        return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_XML_DETAIL,
                                            "two master hugepages detected: %llu and %llu",
                                            (unsigned long long)page->size, (unsigned long long)for_all->size);
                if (!page->nodeset)
                        for_all = page;
        }
        return 0;
}

/* A pool without an upper bound has no lower one either. */
static int check_pool(const VhOptInt *min, const VhOptInt *max, VhError **err)
{
        return VH_CHECK_RULES(
                VIR_FROM_DOMAIN, err,
                { max->set && max->val == 0, VIR_ERR_CONFIG_UNSUPPORTED, "thread_pool_max must be a positive integer" },
                { min->set && (!max->set || min->val > max->val), VIR_ERR_CONFIG_UNSUPPORTED,
                  "thread_pool_min must be smaller or equal to thread_pool_max" }, );
}

static int check_iothreads(const VhDomainDef *def, VhError **err)
{
        const VhDefaultIothread *pool = def->default_iothread;
        int r = pool ? check_pool(&pool->pool_min, &pool->pool_max, err) : 0;

        if (r < 0)
                return r;
        for (uint32_t i = 0; i < def->iothread_list.n; i++) {
                const VhIothread *t = def->iothread_list.items[i];

                r = check_pool(&t->pool_min, &t->pool_max, err);
                if (r < 0)
                        return r;
                for (uint32_t j = 0; j < i; j++)
                        if (def->iothread_list.items[j]->id.val == t->id.val)
                                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR,
                                                    "duplicate iothread id '%u' found", t->id.val);
        }
        return 0;
}

static int check_perf(const VhDomainDef *def, VhError **err)
{
        uint32_t seen = 0;

        for (uint32_t i = 0; i < def->perf.n; i++) {
                uint32_t bit = UINT32_C(1) << def->perf.items[i]->name;

                if (seen & bit)
                        return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR,
                                            "perf event '%s' was already specified",
                                            vh_xml_names_text(&vh_perf_event_names, def->perf.items[i]->name));
                seen |= bit;
        }
        return 0;
}

/* ---- identity towards the guest, security ---- */

static const char *entry_value(const VhSysinfoBlock *block, const char *name)
{
        for (uint32_t i = 0; block && i < block->entries.n; i++)
                if (vh_streq(block->entries.items[i]->name, name))
                        return block->entries.items[i]->value;
        return NULL;
}

/* "mm/dd/yyyy" or "mm/dd/yy", as SMBIOS has it. */
static bool is_bios_date(const char *text)
{
        unsigned month, day, year;
        int end = -1;

        if (sscanf(text, "%2u/%2u/%4u%n", &month, &day, &year, &end) != 3 || text[end])
                return false;
        return month >= 1 && month <= 12 && day >= 1 && day <= 31 && (year < 100 || year >= 1900);
}

static int check_sysinfo(const VhDomainDef *def, const VhSysinfo *s, VhError **err)
{
        const char *date = entry_value(s->bios, "date"), *uuid = entry_value(s->system, "uuid");
        uint8_t bytes[VH_UUID_LEN];
        int r = VH_CHECK_RULES(
                VIR_FROM_DOMAIN, err, { date && !is_bios_date(date), VIR_ERR_XML_DETAIL, "Invalid BIOS 'date' format" },
                { uuid && vh_uuid_parse(uuid, bytes) < 0, VIR_ERR_XML_DETAIL, "malformed <sysinfo> uuid element" }, );

        if (r == 0 && uuid && vh_uuid_is_valid(def->uuid) && memcmp(bytes, def->uuid, sizeof(bytes)) != 0)
                r = vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_XML_DETAIL,
                                 "UUID mismatch between <uuid> and <sysinfo>");

        for (uint32_t i = 0; r == 0 && s->type == SYSINFO_FWCFG && i < s->entries.n; i++)
                if (!s->entries.items[i]->value && !s->entries.items[i]->file)
                        r = vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR,
                                         "Firmware entry must have either value or 'file' attribute");
        return r;
}

static int check_seclabel(const VhDomainDef *def, uint32_t i, VhError **err)
{
        const VhSeclabel *s = def->seclabels.items[i];

        for (uint32_t j = 0; s->model && j < i; j++)
                if (vh_streq(s->model, def->seclabels.items[j]->model))
                        return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_XML_DETAIL,
                                            "seclabel for model %s is already provided", s->model);
        return VH_CHECK_RULES(
                VIR_FROM_DOMAIN, err,
                { s->type == SECLABEL_STATIC && !s->label, VIR_ERR_XML_ERROR, "security label is missing" },
                { s->type == SECLABEL_NONE && s->relabel == VH_YES, VIR_ERR_CONFIG_UNSUPPORTED,
                  "resource relabeling is not compatible with 'none' label type" },
                { s->type == SECLABEL_DYNAMIC && s->relabel == VH_NO, VIR_ERR_CONFIG_UNSUPPORTED,
                  "dynamic label type must use resource relabeling" }, );
}

static int check_security(const VhDomainDef *def, VhError **err)
{
        const VhLaunchSecurity *launch = def->launch_security;
        const VhIdmap *map = def->idmap;
        int r = VH_CHECK_RULES(VIR_FROM_DOMAIN, err,
                               { launch && launch->type == LAUNCH_SEV && !launch->policy.set, VIR_ERR_XML_ERROR,
                                 "failed to get launch security policy" },
                               { map && !map->uids.n != !map->gids.n, VIR_ERR_CONFIG_UNSUPPORTED,
                                 "uid and gid should be mapped both" },
                               { def->resource && def->resource->fc_appid && !*def->resource->fc_appid,
                                 VIR_ERR_XML_ERROR, "the 'appid' of <fibrechannel> is empty" }, );

        for (uint32_t i = 0; r == 0 && i < def->seclabels.n; i++)
                r = check_seclabel(def, i, err);
        return r;
}

static int check_processors(const VhDomainDef *def, VhError **err)
{
        int r = check_vcpu_list(def, err);

        if (r == 0 && def->cpu)
                r = check_cpu(def->cpu, err);
        if (r == 0 && def->numatune)
                r = check_numatune(def, err);
        if (r == 0 && def->cputune)
                r = check_cputune(def, err);
        return r < 0 ? r : check_iothreads(def, err);
}

static int check_platform(const VhDomainDef *def, VhError **err)
{
        int r = def->features ? check_features(def->features, err) : 0;

        if (r == 0)
                r = check_os(&def->os, err);
        if (r == 0)
                r = check_clock(&def->clock, err);
        if (r == 0)
                r = check_life_cycle(def, err);
        for (uint32_t i = 0; r == 0 && i < def->sysinfos.n; i++)
                r = check_sysinfo(def, def->sysinfos.items[i], err);
        return r;
}

int vh_domain_check_self(const VhDomainDef *def, VhError **err)
{
        int r = check_processors(def, err);

        if (r == 0)
                r = check_platform(def, err);
        if (r == 0 && def->memory_backing && def->memory_backing->hugepages)
                r = check_hugepages(def->memory_backing->hugepages, err);
        if (r == 0 && def->blkiotune)
                r = check_blkiotune(def->blkiotune, err);
        if (r == 0)
                r = check_perf(def, err);
        return r < 0 ? r : check_security(def, err);
}
