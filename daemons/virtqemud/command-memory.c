/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Memory and processors: sizes, what backs them, NUMA cells, memory devices. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/file.h"
#include "command-parts.h"
#include "guest-defaults.h"
#include "hugepages.h"
#include "model/domain-cpu.h"
#include "model/domain-tune.h"
#include "ram-dir.h"

enum { ACCESS_SHARED = 1, ACCESS_PRIVATE = 2 };
enum { SOURCE_FILE = 1, SOURCE_ANONYMOUS, SOURCE_MEMFD };
enum { MEM_DIMM = 1, MEM_NVDIMM, MEM_VIRTIO_PMEM, MEM_VIRTIO_MEM, MEM_SGX };
enum { KIB = 1024, NORMAL_PAGE = 4, DEFAULT_HUGEPAGE = 2048 /* KiB, of x86 */ };
enum { ALLOCATE_AT_ONCE = 1 };

static const VhNuma *numa_of(const VhDomainDef *def)
{
        return def->cpu && def->cpu->numa && def->cpu->numa->cells.n ? def->cpu->numa : NULL;
}

/* Memory that is there from the start: without the memory devices. KiB. */
static uint64_t initial_memory(const VhDomainDef *def)
{
        uint64_t devices = 0;

        for (uint32_t i = 0; i < def->memdevs.n; i++)
                devices += def->memdevs.items[i]->size;
        return def->memory > devices ? def->memory - devices : 0;
}

/* ---- what backs memory ---- */

/* One piece of guest memory. */
typedef struct Piece {
        const char *id;
        uint64_t size;         /* KiB */
        int node;              /* -1: none */
        uint8_t access;        /* words, 0: as the domain says */
        uint8_t discard;       /* VH_YES, VH_NO, 0: as the domain says */
        uint64_t pagesize;     /* KiB, 0: as the domain says */
        const VhCpuset *nodes; /* of the host, NULL: as <numatune> says */
        const char *file;      /* name of the file that backs it, NULL: id */
        const char *path;      /* of an NVDIMM */
        bool pmem;
        uint64_t align;   /* KiB */
        bool prealloc;    /* taken from the host at once */
        bool whole;       /* all of the guest's memory */
        bool reserve_not; /* taken from the host when the guest uses it */
} Piece;

/* Size of huge pages for a piece, 0: normal ones. */
static uint64_t hugepage_size(const VhDomainDef *def, const Piece *piece)
{
        const VhHugepages *huge = def->memory_backing ? def->memory_backing->hugepages : NULL;
        uint64_t size = 0;

        if (piece->path)
                return 0;
        if (piece->pagesize)
                return piece->pagesize == NORMAL_PAGE ? 0 : piece->pagesize;
        if (!huge)
                return 0;
        if (!huge->pages.n)
                return DEFAULT_HUGEPAGE;
        for (uint32_t i = 0; i < huge->pages.n; i++) {
                const VhHugepage *page = huge->pages.items[i];

                if (page->nodeset && piece->node >= 0 && vh_cpuset_has(page->nodeset, (uint32_t)piece->node))
                        return page->size ? page->size : DEFAULT_HUGEPAGE;
                if (!page->nodeset)
                        size = page->size ? page->size : DEFAULT_HUGEPAGE;
        }
        return size;
}

static json_t *cpuset_ranges(const VhCpuset *set)
{
        json_t *list = json_array();

        for (int i = 0; i <= vh_cpuset_last(set); i++)
                if (vh_cpuset_has(set, (uint32_t)i))
                        json_array_append_new(list, json_integer(i));
        return list;
}

/* Which nodes of the host the piece comes from. */
static void host_nodes(const VhDomainDef *def, const Piece *piece, json_t *o)
{
        static const char *const policies[] = { NULL, "bind", "preferred", "interleave", NULL };
        const VhCpuset *nodes = piece->nodes;
        uint8_t mode = def->numatune && def->numatune->mode ? def->numatune->mode : 1;

        for (uint32_t i = 0; !nodes && def->numatune && i < def->numatune->memnodes.n; i++) {
                const VhMemnode *m = def->numatune->memnodes.items[i];

                if ((int)m->cellid == piece->node) {
                        nodes = m->nodeset;
                        mode = m->mode ? m->mode : 1;
                }
        }
        if (!nodes && def->numatune)
                nodes = def->numatune->nodeset;
        if (!nodes || mode >= VH_ARRAY_SIZE(policies) || !policies[mode])
                return;
        qj_take(o, "host-nodes", cpuset_ranges(nodes));
        qj_str(o, "policy", policies[mode]);
}

static uint8_t piece_access(const VhDomainDef *def, const Piece *piece)
{
        if (piece->access)
                return piece->access;
        return def->memory_backing ? def->memory_backing->access : 0;
}

char *qemu_ram_dir(const VhConf *conf, const VhDriverEnv *env, const char *short_name)
{
        const char *dir = NULL;

        if (conf)
                (void)vh_conf_get_string(conf, "memory_backing_dir", &dir, NULL);
        return dir && *dir ? vh_path_join(dir, short_name) : vh_xasprintf("%s/qemu/ram/%s", env->state_dir, short_name);
}

/* ID-NAME of a guest that starts. */
static const char *short_name_of(const QemuBuild *b)
{
        const char *name = strrchr(b->launch->lib_dir, '/');
        const char *short_name = name ? vh_startswith(name, "/domain-") : NULL;

        return short_name ? short_name : b->def->name;
}

/* Returns 0 or negative errno with *b->err: no such huge pages. */
static int file_props(const QemuBuild *b, const Piece *piece, uint64_t hugepage, json_t *o)
{
        _vh_free_ char *dir = NULL;

        if (piece->path) {
                qj_str(o, "mem-path", piece->path);
                return 0;
        }
        dir = hugepage ? qemu_hugepages_find(b->launch->conf, hugepage, short_name_of(b), b->err)
                       : qemu_ram_dir(b->launch->conf, b->launch->env, short_name_of(b));
        if (!dir)
                return -ENOENT;
        if (hugepage)
                qj_str(o, "mem-path", dir);
        else
                qj_fmt(o, "mem-path", "%s/%s", dir, piece->file ? piece->file : piece->id);
        return 0;
}

/* What kind of object backs a piece. */
typedef struct Backing {
        bool memfd, file;  /* neither: plain memory */
        uint64_t hugepage; /* KiB, 0: normal pages */
        uint8_t access;    /* words */
} Backing;

static Backing choose_backing(const VhDomainDef *def, const Piece *piece)
{
        uint8_t source = def->memory_backing ? def->memory_backing->source : 0;
        Backing k = { .hugepage = hugepage_size(def, piece), .access = piece_access(def, piece) };

        k.memfd = source == SOURCE_MEMFD && !piece->path;
        if (!k.memfd && (k.hugepage || piece->path))
                k.file = true;
        else if (!k.memfd)
                k.file = source == SOURCE_FILE || k.access;
        return k;
}

static bool wants_discard(const VhDomainDef *def, const Piece *piece)
{
        return piece->discard ? piece->discard == VH_YES : def->memory_backing && def->memory_backing->discard;
}

static int place_props(const QemuBuild *b, const Piece *piece, const Backing *k, json_t *o)
{
        int r = 0;

        qj_str(o, "qom-type",
               k->memfd  ? "memory-backend-memfd"
               : k->file ? "memory-backend-file"
                         : "memory-backend-ram");
        qj_str(o, "id", piece->id);
        if (piece->reserve_not)
                qj_take(o, "reserve", json_false());
        /* Streams of guests know their memory by this name, whatever backs it. */
        if ((k->memfd || k->file) && piece->whole)
                qj_take(o, "x-use-canonical-path-for-ramblock-id", json_false());
        if (k->memfd && k->hugepage) {
                qj_true(o, "hugetlb", true);
                qj_int(o, "hugetlbsize", (json_int_t)k->hugepage * KIB);
        }
        if (k->file)
                r = file_props(b, piece, k->hugepage, o);
        if (k->file && !piece->path && (piece->discard || wants_discard(b->def, piece)))
                qj_take(o, "discard-data", json_boolean(wants_discard(b->def, piece)));
        if ((k->memfd || k->file) && k->access)
                qj_take(o, "share", json_boolean(k->access == ACCESS_SHARED));
        return r;
}

static bool allocates_at_once(const VhDomainDef *def)
{
        return def->memory_backing && def->memory_backing->allocation == ALLOCATE_AT_ONCE;
}

/* The memory-backend object for a piece; NULL with *b->err. */
static json_t *backend(const QemuBuild *b, const Piece *piece)
{
        const VhMemoryBacking *mb = b->def->memory_backing;
        Backing k = choose_backing(b->def, piece);
        bool prealloc = !piece->reserve_not && (allocates_at_once(b->def) || piece->prealloc || k.hugepage);
        json_t *o = json_object();

        if (place_props(b, piece, &k, o) < 0) {
                json_decref(o);
                return NULL;
        }
        qj_true(o, "prealloc", prealloc);
        qj_uint(o, "prealloc-threads", prealloc && mb ? mb->allocation_threads : 0);
        qj_int(o, "size", (json_int_t)piece->size * KIB);
        qj_uint(o, "align", (json_int_t)piece->align * KIB);
        qj_true(o, "pmem", piece->pmem);
        host_nodes(b->def, piece, o);
        return o;
}

/* Threads that run where a piece comes from fill it faster: the object that makes them. */
static int build_backend(QemuBuild *b, const Piece *piece)
{
        json_t *memory = backend(b, piece), *nodes = json_object_get(memory, "host-nodes");
        _vh_free_ char *id = vh_xasprintf("tc-%s", piece->id);
        json_t *threads;
        int r;

        if (!memory)
                return -ENOENT;
        if (!nodes || !json_is_true(json_object_get(memory, "prealloc")))
                return qemu_build_object(b, memory);
        threads = json_object();
        qj_str(threads, "qom-type", "thread-context");
        qj_str(threads, "id", id);
        qj_take(threads, "node-affinity", json_incref(nodes));
        r = qemu_build_object(b, threads);
        qj_str(memory, "prealloc-context", id);
        if (r == 0)
                return qemu_build_object(b, memory);
        json_decref(memory);
        return r;
}

/* ---- -m ---- */

static const char *ram_id(const QemuBuild *b)
{
        const QemuMachine *machine = b->caps ? qemu_caps_machine(b->caps, b->def->os.machine) : NULL;

        if (machine)
                return machine->default_ram_id;
        return qemu_domain_is_pc(b->def) ? "pc.ram" : NULL;
}

int qemu_build_memory(QemuBuild *b)
{
        const VhDomainDef *def = b->def;
        uint64_t size = (initial_memory(def) + KIB - 1) / KIB * KIB; /* QEMU counts in MiB */
        const char *id = ram_id(b);
        int r = 0;

        if (def->max_memory)
                qemu_build_arg(b, "-m", "size=%" PRIu64 "k,slots=%u,maxmem=%" PRIu64 "k", size, def->memory_slots,
                               def->max_memory);
        else
                qemu_build_arg(b, "-m", "%" PRIu64, size / KIB);
        if (id && !numa_of(def))
                r = build_backend(b, &(Piece){ .id = id, .size = size, .node = -1, .whole = true });
        if (r == 0)
                qemu_build_arg(b, "-overcommit", "mem-lock=%s",
                               def->memory_backing && def->memory_backing->locked ? "on" : "off");
        return r;
}

/* ---- processors ---- */

int qemu_build_smp(QemuBuild *b)
{
        const VhDomainDef *def = b->def;
        const VhCpuTopology *t = def->cpu ? def->cpu->topology : NULL;
        uint32_t current = vh_domain_boot_vcpus(def);
        _vh_buf_ VhBuf opts = {};

        vh_buf_printf(&opts, "%u", current);
        if (current != def->vcpus)
                vh_buf_printf(&opts, ",maxcpus=%u", def->vcpus);
        if (t)
                vh_buf_printf(&opts, ",sockets=%u,dies=%u,cores=%u,threads=%u", t->sockets, t->dies ? t->dies : 1,
                              t->cores, t->threads);
        else
                vh_buf_printf(&opts, ",sockets=%u,cores=1,threads=1", def->vcpus);
        qemu_build_arg(b, "-smp", "%s", opts.data);
        return 0;
}

/* ---- NUMA ---- */

static void cell_cpus(const VhCpuset *cpus, VhBuf *opts)
{
        _vh_buf_ VhBuf text = {};
        char *save = NULL;

        if (!cpus || vh_cpuset_last(cpus) < 0)
                return;
        vh_cpuset_format(cpus, &text);
        for (char *range = strtok_r(text.data, ",", &save); range; range = strtok_r(NULL, ",", &save))
                vh_buf_printf(opts, ",cpus=%s", range);
}

static uint32_t given_distance(const VhNumaCell *from, const VhNumaCell *to)
{
        for (uint32_t i = 0; i < from->distances.n; i++)
                if (from->distances.items[i]->id == to->id.val)
                        return from->distances.items[i]->value;
        return 0;
}

/* What is given in one direction only holds for the other too. */
static uint32_t distance(const VhNumaCell *from, const VhNumaCell *to)
{
        enum { LOCAL = 10, REMOTE = 20 };
        uint32_t value = given_distance(from, to);

        if (!value)
                value = given_distance(to, from);
        return value ? value : from == to ? LOCAL : REMOTE;
}

/* The cell with processors that is nearest to one. */
static uint32_t initiator(const VhNuma *numa, const VhNumaCell *cell)
{
        const VhNumaCell *best = cell;
        uint32_t nearest = UINT32_MAX;

        if (cell->cpus && vh_cpuset_last(cell->cpus) >= 0)
                return cell->id.val;
        for (uint32_t i = 0; i < numa->cells.n; i++) {
                const VhNumaCell *other = numa->cells.items[i];

                if (!other->cpus || vh_cpuset_last(other->cpus) < 0 || distance(cell, other) >= nearest)
                        continue;
                nearest = distance(cell, other);
                best = other;
        }
        return best->id.val;
}

static int build_cell(QemuBuild *b, const VhNumaCell *cell, bool hmat)
{
        _vh_free_ char *id = vh_xasprintf("ram-node%u", cell->id.val);
        _vh_buf_ VhBuf opts = {};
        Piece piece = { .id = id,
                        .size = cell->memory,
                        .node = (int)cell->id.val,
                        .access = cell->mem_access,
                        .discard = cell->discard };

        if (cell->memory) {
                int r = build_backend(b, &piece);

                if (r < 0)
                        return r;
        }
        vh_buf_printf(&opts, "node,nodeid=%u", cell->id.val);
        cell_cpus(cell->cpus, &opts);
        if (hmat)
                vh_buf_printf(&opts, ",initiator=%u", initiator(numa_of(b->def), cell));
        if (cell->memory)
                vh_buf_printf(&opts, ",memdev=%s", id);
        qemu_build_arg(b, "-numa", "%s", opts.data);
        return 0;
}

static void build_distances(QemuBuild *b, const VhNuma *numa)
{
        bool any = false;

        for (uint32_t i = 0; i < numa->cells.n; i++)
                any |= numa->cells.items[i]->distances.n > 0;
        for (uint32_t i = 0; any && i < numa->cells.n; i++)
                for (uint32_t j = 0; j < numa->cells.n; j++)
                        qemu_build_arg(b, "-numa", "dist,src=%u,dst=%u,val=%u", numa->cells.items[i]->id.val,
                                       numa->cells.items[j]->id.val,
                                       distance(numa->cells.items[i], numa->cells.items[j]));
}

static const char *const measures[] = { NULL, "access", "read", "write" };

static void hierarchy(VhBuf *opts, VhOptUint cache)
{
        static const char *const levels[] = { "memory", "first-level", "second-level", "third-level" };

        vh_buf_adds(opts, levels[cache.set && cache.val < VH_ARRAY_SIZE(levels) ? cache.val : 0]);
}

static void build_latencies(QemuBuild *b, const VhNuma *numa)
{
        for (uint32_t i = 0; i < numa->latencies.n; i++) {
                const VhNumaLatency *l = numa->latencies.items[i];
                _vh_buf_ VhBuf opts = {};

                vh_buf_printf(&opts, "hmat-lb,initiator=%u,target=%u,hierarchy=", l->initiator.val, l->target.val);
                hierarchy(&opts, l->cache);
                vh_buf_printf(&opts, ",data-type=%s-latency,latency=%" PRIu64, measures[l->type], l->value);
                qemu_build_arg(b, "-numa", "%s", opts.data);
        }
        for (uint32_t i = 0; i < numa->bandwidths.n; i++) {
                const VhNumaBandwidth *l = numa->bandwidths.items[i];
                _vh_buf_ VhBuf opts = {};

                vh_buf_printf(&opts, "hmat-lb,initiator=%u,target=%u,hierarchy=", l->initiator.val, l->target.val);
                hierarchy(&opts, l->cache);
                vh_buf_printf(&opts, ",data-type=%s-bandwidth,bandwidth=%" PRIu64 "K", measures[l->type], l->value);
                qemu_build_arg(b, "-numa", "%s", opts.data);
        }
}

static void build_caches(QemuBuild *b, const VhNuma *numa)
{
        static const char *const associativities[] = { "none", "none", "direct", "complex" };
        static const char *const policies[] = { "none", "none", "write-back", "write-through" };

        for (uint32_t i = 0; i < numa->cells.n; i++) {
                const VhNumaCell *cell = numa->cells.items[i];

                for (uint32_t j = 0; j < cell->caches.n; j++) {
                        const VhNumaCache *c = cell->caches.items[j];

                        qemu_build_arg(b, "-numa",
                                       "hmat-cache,node-id=%u,size=%" PRIu64
                                       "K,level=%u,associativity=%s,policy=%s,line=%" PRIu64,
                                       cell->id.val, c->size, c->level, associativities[c->associativity],
                                       policies[c->policy], c->line);
                }
        }
}

int qemu_build_numa(QemuBuild *b)
{
        const VhNuma *numa = numa_of(b->def);
        bool hmat = numa && (numa->latencies.n || numa->bandwidths.n);

        for (uint32_t i = 0; numa && i < numa->cells.n; i++)
                hmat |= numa->cells.items[i]->caches.n > 0;
        for (uint32_t i = 0; numa && i < numa->cells.n; i++) {
                int r = build_cell(b, numa->cells.items[i], hmat);

                if (r < 0)
                        return r;
        }
        if (!numa)
                return 0;
        build_distances(b, numa);
        if (hmat) {
                build_latencies(b, numa);
                build_caches(b, numa);
        }
        return 0;
}

/* ---- memory devices ---- */

/* id: of its object. */
static Piece piece_of(const VhMemdev *mem, const char *id)
{
        return (Piece){
                .id = id,
                .size = mem->size,
                .node = mem->node.set ? (int)mem->node.val : -1,
                .access = mem->access,
                .discard = mem->discard,
                .pagesize = mem->source_pagesize,
                .nodes = mem->source_nodes,
                .file = mem->info.alias,
                .path = mem->path,
                .pmem = mem->pmem,
                .align = mem->alignsize,
                .prealloc = mem->model == MEM_NVDIMM,
                .reserve_not = mem->model == MEM_VIRTIO_MEM,
        };
}

json_t *qemu_memory_object(const QemuBuild *b, const VhMemdev *mem)
{
        _vh_free_ char *id = vh_xasprintf("mem%s", mem->info.alias);
        Piece piece = piece_of(mem, id);

        return backend(b, &piece);
}

json_t *qemu_memory_device(const QemuBuild *b, const VhMemdev *mem)
{
        static const char *const drivers[] = {
                [MEM_DIMM] = "pc-dimm",
                [MEM_NVDIMM] = "nvdimm",
                [MEM_VIRTIO_PMEM] = "virtio-pmem-pci",
                [MEM_VIRTIO_MEM] = "virtio-mem-pci",
        };
        char uuid[VH_UUID_TEXT_LEN + 1];
        json_t *o;

        if (mem->model >= VH_ARRAY_SIZE(drivers) || !drivers[mem->model]) {
                (void)qemu_unsupported(b, "this memory device model is not supported");
                return NULL;
        }
        o = json_object();
        qj_str(o, "driver", drivers[mem->model]);
        if (mem->node.set)
                qj_int(o, "node", mem->node.val);
        if (mem->label_size)
                qj_int(o, "label-size", (json_int_t)mem->label_size * KIB);
        if (mem->model == MEM_VIRTIO_MEM) {
                qj_int(o, "block-size", (json_int_t)mem->block * KIB);
                qj_int(o, "requested-size", (json_int_t)mem->requested * KIB);
                qj_true(o, "prealloc", allocates_at_once(b->def));
        }
        if (vh_uuid_is_valid(mem->uuid)) {
                vh_uuid_format(mem->uuid, uuid);
                qj_str(o, "uuid", uuid);
        }
        if (mem->readonly)
                qj_true(o, "unarmed", true);
        qj_fmt(o, "memdev", "mem%s", mem->info.alias);
        qj_str(o, "id", mem->info.alias);
        if (qemu_address_props(b, &mem->info, o) < 0) {
                json_decref(o);
                return NULL;
        }
        return o;
}

int qemu_build_memdevs(QemuBuild *b)
{
        for (uint32_t i = 0; i < b->def->memdevs.n; i++) {
                const VhMemdev *mem = b->def->memdevs.items[i];
                _vh_free_ char *id = vh_xasprintf("mem%s", mem->info.alias);
                Piece piece = piece_of(mem, id);
                int r = build_backend(b, &piece);

                r = r < 0 ? r : qemu_build_device(b, qemu_memory_device(b, mem));
                if (r < 0)
                        return r;
        }
        return 0;
}
