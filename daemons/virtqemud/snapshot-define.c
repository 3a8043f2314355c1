/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From a client's snapshot XML to a snapshot that can be taken: what was left out is filled in, what cannot be is
 * refused. */

#include <errno.h>
#include <sys/stat.h>
#include <time.h>

#include "guest-cpu.h"
#include "model/domain-tables.h"
#include "moment.h"
#include "transient.h"

VhSnapshotDisk *qemu_snapshot_disk(const VhSnapshotDef *def, const char *target)
{
        for (uint32_t i = 0; i < def->disks.n; i++)
                if (vh_streq(def->disks.items[i]->name, target))
                        return def->disks.items[i];
        return NULL;
}

/* ---- the whole ---- */

static void set_identity(VhDomainObj *dom, VhSnapshotDef *def, uint32_t flags)
{
        bool active = vh_domain_obj_active(dom);

        def->creation_time = (VhOptU64){ .val = (uint64_t)time(NULL), .set = true };
        if (!def->name || !*def->name) {
                free(def->name);
                def->name = vh_xasprintf("%llu", (unsigned long long)def->creation_time.val);
        }
        def->state = active && flags & VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY ? VH_SNAPSHOT_DISK_SNAPSHOT
                                                                            : (uint8_t)(dom->state + 1);
}

static int check_memory_file(const VhSnapshotMemory *memory, VhError **err)
{
        if (memory->file && memory->location != VH_LOCATION_EXTERNAL)
                return vh_error_set(err, VIR_FROM_DOMAIN_SNAPSHOT, VIR_ERR_XML_ERROR,
                                    "memory filename '%s' requires external snapshot", memory->file);
        if (memory->location == VH_LOCATION_EXTERNAL && !memory->file)
                return vh_error_set(err, VIR_FROM_DOMAIN_SNAPSHOT, VIR_ERR_XML_ERROR,
                                    "external memory snapshots require a filename");
        if (memory->file && *memory->file != '/')
                return vh_error_set(err, VIR_FROM_DOMAIN_SNAPSHOT, VIR_ERR_XML_ERROR,
                                    "memory snapshot file path (%s) must be absolute", memory->file);
        return 0;
}

static int set_memory(const VhDomainObj *dom, VhSnapshotDef *def, uint32_t flags, VhError **err)
{
        bool offline = !vh_domain_obj_active(dom) || flags & VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY;
        int r;

        if (!def->memory)
                def->memory = vh_snapshot_memory_new(VH_LOCATION_UNSET);
        if (def->memory->file && !def->memory->location)
                def->memory->location = VH_LOCATION_EXTERNAL;
        if (offline && def->memory->location > VH_LOCATION_NONE)
                return vh_error_set(err, VIR_FROM_DOMAIN_SNAPSHOT, VIR_ERR_XML_ERROR,
                                    "memory state cannot be saved with offline or disk-only snapshot");
        if (!def->memory->location)
                def->memory->location = offline ? VH_LOCATION_NONE : VH_LOCATION_INTERNAL;
        r = check_memory_file(def->memory, err);
        if (r < 0)
                return r;
        if (!offline && def->memory->location == VH_LOCATION_NONE)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "internal snapshot of a running VM must include the memory state");
        if (flags & VIR_DOMAIN_SNAPSHOT_CREATE_LIVE && def->memory->location != VH_LOCATION_EXTERNAL)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "live snapshot creation is supported only during full system snapshots");
        return 0;
}

/* ---- disks ---- */

static VhSnapshotLocation default_location(const VhSnapshotDef *def, uint32_t flags)
{
        if (def->memory->location == VH_LOCATION_EXTERNAL || flags & VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY)
                return VH_LOCATION_EXTERNAL;
        return VH_LOCATION_INTERNAL;
}

/* Words of <disk snapshot=>. Media and what is never written to have nothing to be kept. */
static VhSnapshotLocation disk_location(const VhDisk *disk, VhSnapshotLocation fallback)
{
        static const VhSnapshotLocation words[] = { VH_LOCATION_UNSET, VH_LOCATION_NONE, VH_LOCATION_INTERNAL,
                                                    VH_LOCATION_EXTERNAL, VH_LOCATION_MANUAL };

        if (disk->snapshot)
                return words[disk->snapshot];
        return disk->readonly || qemu_disk_is_empty(disk) ? VH_LOCATION_NONE : fallback;
}

/* Entries by path get the target's name. */
static int name_entries(const VhDomainDef *dom, VhSnapshotDef *def, VhError **err)
{
        if (def->disks.n > dom->disks.n)
                return vh_error_set(err, VIR_FROM_DOMAIN_SNAPSHOT, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "too many disk snapshot requests for domain");
        for (uint32_t i = 0; i < def->disks.n; i++) {
                VhSnapshotDisk *sd = def->disks.items[i];
                const VhDisk *disk = qemu_disk_find(dom, sd->name);

                if (!disk)
                        return vh_error_set(err, VIR_FROM_DOMAIN_SNAPSHOT, VIR_ERR_CONFIG_UNSUPPORTED,
                                            "no disk named '%s'", sd->name);
                if (!vh_streq(disk->target, sd->name) && qemu_snapshot_disk(def, disk->target))
                        return vh_error_set(err, VIR_FROM_DOMAIN_SNAPSHOT, VIR_ERR_CONFIG_UNSUPPORTED,
                                            "disk '%s' specified twice", disk->target);
                vh_strset(&sd->name, disk->target);
        }
        return 0;
}

/* "DIR/a.qcow2" becomes "DIR/a.NAME". */
static int make_file_name(const VhDisk *disk, const char *name, VhSnapshotDisk *sd, VhError **err)
{
        const char *path = disk->src.path, *slash, *dot;

        if (!path || (disk->src.type != VH_DISK_TYPE_FILE && disk->src.type != VH_DISK_TYPE_BLOCK))
                return vh_error_set(err, VIR_FROM_DOMAIN_SNAPSHOT, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "cannot generate external snapshot name for disk '%s' without source", sd->name);
        if (disk->src.type == VH_DISK_TYPE_BLOCK)
                return vh_error_set(err, VIR_FROM_DOMAIN_SNAPSHOT, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "cannot generate external snapshot name for disk '%s' on a '%s' device", sd->name,
                                    "block");
        slash = strrchr(path, '/');
        dot = strrchr(path, '.');
        if (dot && slash && dot < slash)
                dot = NULL;
        sd->src.type = VH_DISK_TYPE_FILE;
        sd->src.path = vh_xasprintf("%.*s.%s", (int)(dot ? (size_t)(dot - path) : strlen(path)), path, name);
        return 0;
}

static int check_external_file(const VhSnapshotDisk *sd, bool active, bool reuse, VhError **err)
{
        struct stat st;

        /* QEMU has to be there to open it. */
        if (active && sd->src.type == VH_DISK_TYPE_NETWORK)
                return 0;
        if (sd->src.type != VH_DISK_TYPE_FILE && sd->src.type != VH_DISK_TYPE_BLOCK)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR,
                                    "external snapshots are not supported on this type of source of disk '%s'",
                                    sd->name);
        if (*sd->src.path != '/')
                return vh_error_set(err, VIR_FROM_DOMAIN_SNAPSHOT, VIR_ERR_XML_ERROR,
                                    "disk snapshot image path '%s' must be absolute", sd->src.path);
        if (stat(sd->src.path, &st) < 0) {
                if (errno != ENOENT)
                        return vh_error_sys(err, VIR_FROM_QEMU, errno, "unable to stat for disk %s: %s", sd->name,
                                            sd->src.path);
                if (reuse)
                        return vh_error_sys(err, VIR_FROM_QEMU, errno, "missing existing file for disk %s: %s",
                                            sd->name, sd->src.path);
                return 0;
        }
        if (!S_ISBLK(st.st_mode) && st.st_size > 0 && !reuse)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "external snapshot file for disk %s already exists and is not a block device: %s",
                                    sd->name, sd->src.path);
        return 0;
}

static int prepare_external(VhDomainObj *dom, const VhDisk *disk, const char *name, VhSnapshotDisk *sd, uint32_t flags,
                            VhError **err)
{
        bool reuse = flags & VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT;
        int r = sd->src.path || sd->src.network ? 0 : make_file_name(disk, name, sd, err);

        if (r < 0)
                return r;
        if (sd->src.type == VH_DISK_TYPE_NONE)
                sd->src.type = VH_DISK_TYPE_FILE;
        if (!sd->src.format)
                sd->src.format = VH_STORAGE_FORMAT_QCOW2;
        if (sd->src.format != VH_STORAGE_FORMAT_QCOW2)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "external snapshot format for disk %s is unsupported: %s", sd->name,
                                    vh_xml_names_text(&vh_storage_format_names, sd->src.format));
        if (vh_domain_obj_active(dom)) {
                r = qemu_block_job_check_none(qemu_process(dom), disk, err);
                r = r < 0 ? r : qemu_transient_refuse_job(disk, err);
                if (r < 0)
                        return r;
        }
        return check_external_file(sd, vh_domain_obj_active(dom), reuse, err);
}

static int check_internal(const VhDomainObj *dom, const VhDisk *disk, uint32_t flags, VhError **err)
{
        if (vh_domain_obj_active(dom) && flags & VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "active qemu domains require external disk snapshots; disk %s requested internal",
                                    disk->target);
        if (disk->format != VH_STORAGE_FORMAT_QCOW2)
                return vh_error_set(
                        err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                        "internal snapshot for disk %s unsupported for storage type %s", disk->target,
                        vh_xml_names_text(&vh_storage_format_names, VH_MAX(disk->format, VH_STORAGE_FORMAT_RAW)));
        return 0;
}

/* The entry of a disk, with its location; nobody named it: a new one. */
static VhSnapshotDisk *find_entry(const VhDisk *disk, VhSnapshotDef *def, VhSnapshotLocation fallback)
{
        VhSnapshotDisk *sd = qemu_snapshot_disk(def, disk->target);

        if (!sd) {
                sd = vh_snapshot_disk_new(disk->target, disk_location(disk, fallback));
                vh_list_add(&def->disks, sd);
        } else if (!sd->location)
                sd->location = sd->src.path || sd->src.network ? VH_LOCATION_EXTERNAL : disk_location(disk, fallback);
        return sd;
}

static int align_disk(VhDomainObj *dom, const VhDisk *disk, VhSnapshotDef *def, uint32_t flags, VhError **err)
{
        VhSnapshotDisk *sd = find_entry(disk, def, default_location(def, flags));

        if (sd->location == VH_LOCATION_EXTERNAL)
                return prepare_external(dom, disk, def->name, sd, flags, err);
        return sd->location == VH_LOCATION_INTERNAL ? check_internal(dom, disk, flags, err) : 0;
}

/* Inside and outside cannot be taken in one moment, and memory inside an image needs one. */
static int check_mix(const VhSnapshotDef *def, VhError **err)
{
        unsigned internal = 0, external = 0;

        for (uint32_t i = 0; i < def->disks.n; i++) {
                internal += def->disks.items[i]->location == VH_LOCATION_INTERNAL;
                external += def->disks.items[i]->location == VH_LOCATION_EXTERNAL;
        }
        if (internal && external)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "mixing internal and external targets for a snapshot is not yet supported");
        if (!internal && !external && def->memory->location != VH_LOCATION_EXTERNAL)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED, "nothing selected for snapshot");
        if (internal && def->memory->location == VH_LOCATION_EXTERNAL)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "mixing internal and external targets for a snapshot is not yet supported");
        if (!internal && def->memory->location == VH_LOCATION_INTERNAL)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "internal and none disk snapshots require disk-only flag");
        return 0;
}

/* In the order of the domain's disks. */
static void sort_disks(const VhDomainDef *dom, VhSnapshotDef *def)
{
        for (uint32_t i = 0, place = 0; i < dom->disks.n; i++)
                for (uint32_t k = place; k < def->disks.n; k++)
                        if (vh_streq(def->disks.items[k]->name, dom->disks.items[i]->target)) {
                                VhSnapshotDisk *sd = vh_list_take(&def->disks, k);

                                vh_list_insert(&def->disks, place++, sd);
                                break;
                        }
}

int qemu_snapshot_align(VhDomainObj *dom, VhSnapshotDef *def, uint32_t flags, VhError **err)
{
        int r;

        set_identity(dom, def, flags);
        r = set_memory(dom, def, flags, err);
        if (r == 0)
                r = name_entries(dom->def, def, err);
        for (uint32_t i = 0; r == 0 && i < dom->def->disks.n; i++)
                r = align_disk(dom, dom->def->disks.items[i], def, flags, err);
        if (r == 0)
                r = check_mix(def, err);
        sort_disks(dom->def, def);
        return r;
}

int qemu_snapshot_align_known(const VhDomainDef *dom, VhSnapshotDef *def, VhError **err)
{
        bool outside = def->state == VH_SNAPSHOT_DISK_SNAPSHOT || def->memory->location == VH_LOCATION_EXTERNAL;
        int r = name_entries(dom, def, err);

        for (uint32_t i = 0; r == 0 && i < dom->disks.n; i++) {
                const VhDisk *disk = dom->disks.items[i];
                VhSnapshotDisk *sd = find_entry(disk, def, outside ? VH_LOCATION_EXTERNAL : VH_LOCATION_INTERNAL);

                if (sd->location == VH_LOCATION_EXTERNAL && !sd->src.path && !sd->src.network)
                        r = make_file_name(disk, def->name, sd, err);
        }
        sort_disks(dom, def);
        return r;
}

/* What only the images themselves tell of a chain is found again when it is needed. */
static void drop_found_chains(VhDomainDef *def, const VhDomainDef *stored)
{
        for (uint32_t i = 0; i < def->disks.n; i++) {
                VhDiskSource *src = &def->disks.items[i]->src;
                const VhDisk *disk = qemu_disk_find(stored, def->disks.items[i]->target);
                const VhDiskSource *same = disk ? &disk->src : NULL;

                while (same && src && vh_streq(same->path, src->path)) {
                        if (!same->backing)
                                src->backing = qemu_source_free(src->backing);
                        same = same->backing;
                        src = src->backing;
                }
        }
}

/* Labels that this run was given are not part of what comes back. */
static void use_stored_labels(VhDomainDef *def, const VhDomainDef *stored)
{
        VhDomainDef *copy = vh_domain_def_copy(stored);
        VhSeclabels labels = def->seclabels;

        def->seclabels = copy->seclabels;
        copy->seclabels = labels;
        vh_domain_def_free(copy);
}

int qemu_moment_take_def(QemuDriver *driver, VhDomainObj *dom, VhDomainDef **ret, VhError **err)
{
        _vh_domain_def_ VhDomainDef *wanted = vh_domain_def_copy(dom->def);
        _vh_free_ char *text = NULL;
        int r;

        if (!vh_domain_obj_active(dom)) {
                *ret = VH_TAKE_PTR(wanted);
                return 0;
        }
        qemu_guest_cpu_original(dom, wanted);
        qemu_drop_run(driver, wanted);
        text = vh_domain_def_format(wanted, VH_XML_SECURE | VH_XML_INACTIVE | VH_XML_MIGRATABLE);
        r = qemu_parse(driver, text, 0, ret, err);
        if (r < 0 || !dom->new_def)
                return r;
        drop_found_chains(*ret, dom->new_def);
        use_stored_labels(*ret, dom->new_def);
        return 0;
}

int qemu_snapshot_take_defs(QemuDriver *driver, VhDomainObj *dom, VhSnapshot *snap, VhError **err)
{
        int r = qemu_moment_take_def(driver, dom, &snap->dom, err);

        if (r == 0 && vh_domain_obj_active(dom) && dom->new_def)
                snap->inactive = vh_domain_def_copy(dom->new_def);
        return r;
}

int qemu_snapshot_add(QemuDriver *driver, VhDomainObj *dom, VhSnapshot *snap, uint32_t flags, VhMoment **ret,
                      VhError **err)
{
        bool redefine = flags & VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE;
        VhMoment *parent = dom->snapshots.current, *m = vh_moment_find(&dom->snapshots, snap->def->name);
        int r;

        vh_moments_init(dom);
        if (redefine)
                parent = snap->def->parent ? vh_moment_find(&dom->snapshots, snap->def->parent) : NULL;
        if (m && redefine) {
                vh_snapshot_obj_free(m->def);
                m->def = snap;
                if (m->parent != parent)
                        vh_moment_set_parent(&dom->snapshots, m, parent);
        } else {
                m = vh_moment_add(&dom->snapshots, snap->def->name, parent, snap);
                if (!m) {
                        vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_OPERATION_FAILED, "domain moment %s already exists",
                                     snap->def->name);
                        vh_snapshot_obj_free(snap);
                        return -EEXIST;
                }
        }
        r = qemu_moment_save(driver, dom, QEMU_SNAPSHOTS, m, err);
        if (r < 0) {
                vh_moment_remove(&dom->snapshots, m);
                return r;
        }
        if (!redefine || flags & VIR_DOMAIN_SNAPSHOT_CREATE_CURRENT)
                qemu_moment_set_current(driver, dom, QEMU_SNAPSHOTS, m);
        *ret = m;
        return 0;
}

int qemu_snapshot_check_flags(uint32_t flags, VhError **err)
{
        static const struct {
                uint32_t flag, needs, excludes;
                const char *text;
        } rules[] = {
                { VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE, 0, VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA,
                  "Flags 'VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE' and 'VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA' are "
                  "mutually exclusive" },
                { VIR_DOMAIN_SNAPSHOT_CREATE_QUIESCE, VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY, 0,
                  "Flag 'VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY' is required by flag "
                  "'VIR_DOMAIN_SNAPSHOT_CREATE_QUIESCE'" },
        };

        for (size_t i = 0; i < VH_ARRAY_SIZE(rules); i++)
                if (flags & rules[i].flag &&
                    ((rules[i].needs && !(flags & rules[i].needs)) || flags & rules[i].excludes))
                        return vh_error_plain(err, VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG, "%s", rules[i].text);
        return 0;
}

int qemu_snapshot_check_name(const char *name, VhError **err)
{
        if (name && strchr(name, '/'))
                return vh_error_set(err, VIR_FROM_DOMAIN_SNAPSHOT, VIR_ERR_XML_DETAIL,
                                    "invalid snapshot name '%s': name can't contain '/'", name);
        if (name && *name == '.')
                return vh_error_set(err, VIR_FROM_DOMAIN_SNAPSHOT, VIR_ERR_XML_DETAIL,
                                    "invalid snapshot name '%s': name can't start with '.'", name);
        return 0;
}
