/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The images of a disk, from what the guest writes to down to the last one behind it. */

#include "block-job.h"
#include "isolation.h"

#include <errno.h>

#include "model/domain-tables.h"

VhDiskSource *qemu_source_copy(const VhDiskSource *src)
{
        return src ? vh_xml_bind_dup(&vh_table_disk_source, src) : NULL;
}

VhDiskSource *qemu_source_free(VhDiskSource *src)
{
        return vh_xml_bind_free(&vh_table_disk_source, src);
}

VhDiskSource *qemu_source_file(const char *path, uint8_t format)
{
        VhDiskSource *src = vh_xml_bind_new(&vh_table_disk_source);

        src->type = VH_DISK_TYPE_FILE;
        src->path = vh_xstrdup(path);
        src->format = format;
        return src;
}

VhDisk *qemu_disk_find(const VhDomainDef *def, const char *name)
{
        for (uint32_t i = 0; name && i < def->disks.n; i++) {
                VhDisk *disk = def->disks.items[i];

                if (vh_streq(disk->target, name) || (disk->src.path && vh_streq(disk->src.path, name)))
                        return disk;
        }
        return NULL;
}

VhDisk *qemu_disk_need(const VhDomainDef *def, const char *name, VhError **err)
{
        VhDisk *disk = qemu_disk_find(def, name);

        if (!disk)
                vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG, "disk '%s' not found in domain",
                             name ? name : "");
        return disk;
}

static VhDiskSource *below(VhDiskSource *src)
{
        return (VhDiskSource *)qemu_backing(src);
}

VhDiskSource *qemu_chain_index(VhDisk *disk, unsigned index, VhDiskSource **parent)
{
        VhDiskSource *above = NULL;

        for (VhDiskSource *src = &disk->src; src; above = src, src = below(src)) {
                if (src->index.val != index)
                        continue;
                if (parent)
                        *parent = above;
                return src;
        }
        return NULL;
}

/* "vda[3]": the index, and false if the name is of another form. */
static bool parse_index(const VhDisk *disk, const char *name, unsigned *index)
{
        const char *rest = vh_startswith(name, disk->target ? disk->target : "");
        size_t len = rest ? strlen(rest) : 0;
        _vh_free_ char *digits = NULL;

        if (len < 3 || rest[0] != '[' || rest[len - 1] != ']')
                return false;
        digits = vh_xstrndup(rest + 1, len - 2);
        return vh_parse_uint(digits, index) == 0;
}

static VhDiskSource *find_below(VhDisk *disk, VhDiskSource *above, const char *name, unsigned index,
                                VhDiskSource **parent)
{
        VhDiskSource *src = above ? below(above) : &disk->src;

        for (; src; above = src, src = below(src)) {
                if (index ? src->index.val != index : !vh_streq(src->path, name))
                        continue;
                if (parent)
                        *parent = above;
                return src;
        }
        return NULL;
}

VhDiskSource *qemu_chain_find(VhDisk *disk, VhDiskSource *above, const char *name, VhDiskSource **parent, VhError **err)
{
        VhDiskSource *src;
        unsigned index = 0;

        if (parent)
                *parent = NULL;
        if (!above && (!name || !*name || vh_streq(name, disk->target)))
                return &disk->src;
        (void)parse_index(disk, name, &index);
        src = find_below(disk, above, name, index, parent);
        if (src)
                return src;
        if (index)
                vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_INVALID_ARG,
                             "could not find backing store index '%u' in chain for '%s'", index, disk->target);
        else if (above)
                vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_INVALID_ARG,
                             "could not find image '%s' beneath '%s' in chain for '%s'", name, above->path,
                             disk->target);
        else
                vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_INVALID_ARG, "could not find image '%s' in chain for '%s'",
                             name, disk->target);
        return NULL;
}

/* ---- changes ---- */

/* What a disk says of its own image stands in the disk; below the top it stands in the source. */
static VhDiskSource *take_top(VhDisk *disk)
{
        VhDiskSource *top = vh_xml_bind_new(&vh_table_disk_source);

        *top = disk->src;
        memset(&disk->src, 0, sizeof(disk->src));
        top->format = disk->format;
        top->metadata_cache = disk->metadata_cache;
        disk->metadata_cache = 0;
        top->startup_policy = 0;
        if (!top->encryption)
                top->encryption = VH_TAKE_PTR(disk->encryption);
        if (!top->auth)
                top->auth = VH_TAKE_PTR(disk->auth);
        return top;
}

static void put_top(VhDisk *disk, VhDiskSource *src)
{
        disk->src = *src;
        disk->format = src->format;
        disk->metadata_cache = src->metadata_cache;
        disk->src.format = 0;
        disk->src.metadata_cache = 0;
        free(src);
}

VhDiskSource *qemu_disk_top(const VhDisk *disk)
{
        VhDiskSource *top = qemu_source_copy(&disk->src);

        top->format = disk->format;
        top->metadata_cache = disk->metadata_cache;
        return top;
}

void qemu_chain_push(VhDisk *disk, VhDiskSource *src)
{
        VhDiskSource *old = take_top(disk);

        qemu_source_free(src->backing);
        src->backing = old;
        put_top(disk, src);
}

void qemu_chain_replace(VhDisk *disk, VhDiskSource *src)
{
        qemu_source_free(take_top(disk));
        put_top(disk, src);
}

/* Nothing is behind it, whatever the image says. */
static VhDiskSource *end_of_chain(void)
{
        VhDiskSource *end = vh_xml_bind_new(&vh_table_disk_source);

        end->type = VH_DISK_TYPE_NONE;
        return end;
}

VhDiskSource *qemu_chain_cut(VhDisk *disk, unsigned top, unsigned base)
{
        VhDiskSource *parent = NULL, *first = qemu_chain_index(disk, top, &parent), *last = first, *rest;

        while (last && qemu_backing(last) && !(base && qemu_backing(last)->index.val == base))
                last = below(last);
        if (!first || (base && !qemu_backing(last)))
                return NULL;
        if (!parent) {
                VhDiskSource *whole = take_top(disk);

                if (last == first)
                        last = whole;
                rest = VH_TAKE_PTR(last->backing);
                if (rest)
                        put_top(disk, rest);
                return whole;
        }
        rest = VH_TAKE_PTR(last->backing);
        parent->backing = rest ? rest : end_of_chain();
        return first;
}

void qemu_source_number(QemuProcess *proc, VhDiskSource *src)
{
        qemu_number_chain(src, &proc->last_node);
}

static void forget_node(QemuPlan *plan, char *name)
{
        qemu_plan_add_try(plan, qmp_command("blockdev-del", "{s:s}", "node-name", name));
        free(name);
}

static void forget_objects(QemuPlan *plan, const VhDiskSource *src)
{
        size_t n = plan->n;

        qemu_plan_clean_objects(NULL, src, plan);
        for (; n < plan->n; n++)
                plan->steps[n].optional = true;
}

void qemu_plan_forget_chain(QemuPlan *plan, const VhDiskSource *src)
{
        for (; src && src->type != VH_DISK_TYPE_NONE; src = src->backing) {
                forget_node(plan, qemu_format_node(src));
                forget_node(plan, qemu_storage_node(src));
                forget_objects(plan, src);
        }
}

/* ---- the stored definition ---- */

static void drop_indexes(VhDiskSource *src)
{
        for (; src; src = src->backing) {
                src->index = (VhOptUint){ 0, false };
                if (src->network)
                        src->network->index = src->index;
        }
}

static VhDiskSource *find_path(VhDiskSource *src, const char *path)
{
        while (src && !vh_streq(src->path, path))
                src = src->backing;
        return src;
}

/* Images that only live definitions know were found in headers, and are found there again. */
static void cut_unknown(VhDiskSource *src, VhDiskSource *stored)
{
        for (; src; src = src->backing)
                if (src->backing && src->backing->type != VH_DISK_TYPE_NONE && !find_path(stored, src->backing->path))
                        src->backing = qemu_source_free(src->backing);
}

/* The disk in a copy of the stored definition; NULL if there is none that would have to change. */
static VhDisk *stored_disk(VhDomainObj *dom, const char *target, const char *before, VhDomainDef **def)
{
        VhDisk *stored;

        if (!dom->persistent || !dom->new_def || qemu_domain_priv(dom)->foreign)
                return NULL;
        *def = vh_domain_def_copy(dom->new_def);
        stored = qemu_disk_find(*def, target);
        return stored && vh_streq(stored->src.path, before) ? stored : NULL;
}

static int store(QemuDriver *driver, VhDomainObj *dom, VhDomainDef **def, VhError **err)
{
        int r = qemu_store(driver, *def, err);

        if (r == 0)
                qemu_set_def(driver, dom, VH_TAKE_PTR(*def));
        return r;
}

int qemu_chain_persist(QemuDriver *driver, VhDomainObj *dom, const char *target, const char *before,
                       const VhDiskSource *after, VhError **err)
{
        _vh_domain_def_ VhDomainDef *def = NULL;
        VhDisk *stored = stored_disk(dom, target, before, &def);
        VhDiskSource *src;

        if (!stored)
                return 0;
        src = qemu_source_copy(after);
        drop_indexes(src);
        cut_unknown(src, &stored->src);
        qemu_chain_replace(stored, src);
        return store(driver, dom, &def, err);
}

/* The images from `first` to before `end` (NULL: to the last) leave the chain of src; false if it does not tell them.
 */
static bool cut_known(VhDiskSource *src, const char *first, const char *end)
{
        VhDiskSource *rest;

        while (src->backing && !vh_streq(src->backing->path, first))
                src = src->backing;
        rest = src->backing;
        while (rest && (end ? !vh_streq(rest->path, end) : rest->type != VH_DISK_TYPE_NONE))
                rest = rest->backing;
        if (!rest)
                return false;
        rest = qemu_source_copy(rest);
        qemu_source_free(src->backing);
        src->backing = rest;
        return true;
}

int qemu_chain_persist_cut(QemuDriver *driver, VhDomainObj *dom, const char *target, const char *before,
                           const char *first, const char *end, VhError **err)
{
        _vh_domain_def_ VhDomainDef *def = NULL;
        VhDisk *stored = stored_disk(dom, target, before, &def);

        if (!stored || !stored->src.backing)
                return 0;
        if (!cut_known(&stored->src, first, end))
                stored->src.backing = qemu_source_free(stored->src.backing);
        return store(driver, dom, &def, err);
}

void qemu_chain_redirect(VhDisk *disk, const char *path, const VhDiskSource *to)
{
        VhDiskSource *above = &disk->src;

        if (vh_streq(above->path, path)) {
                qemu_chain_replace(disk, qemu_source_copy(to));
                return;
        }
        while (above->backing && !vh_streq(above->backing->path, path))
                above = above->backing;
        if (!above->backing)
                return;
        qemu_source_free(above->backing);
        above->backing = qemu_source_copy(to);
}

int qemu_chain_push_stored(QemuDriver *driver, VhDomainObj *dom, const char *target, const VhDiskSource *overlay,
                           const char *before, VhError **err)
{
        _vh_domain_def_ VhDomainDef *def = NULL;
        VhDomainDef *have = vh_domain_obj_persistent_def(dom);
        VhDisk *stored;
        VhDiskSource *copy;
        int r;

        if (!dom->persistent || !have)
                return 0;
        def = vh_domain_def_copy(have);
        stored = qemu_disk_find(def, target);
        if (!stored || !vh_streq(stored->src.path, before))
                return 0;
        copy = qemu_source_copy(overlay);
        copy->index = (VhOptUint){ 0, false };
        qemu_chain_push(stored, copy);
        r = qemu_store(driver, def, err);
        if (r == 0)
                qemu_set_def(driver, dom, VH_TAKE_PTR(def));
        return r;
}

/* The image of a cut chain still names the one behind it, which stays with the guest. */
void qemu_source_give_back(QemuProcess *proc, const VhDiskSource *src)
{
        VhDiskSource *last;
        VhDisk *disk;

        if (!src || !proc)
                return;
        disk = vh_xml_bind_new(&vh_table_disk);
        qemu_chain_replace(disk, qemu_source_copy(src));
        for (last = &disk->src; last->backing;)
                last = last->backing;
        if (last->type != VH_DISK_TYPE_NONE)
                last->backing = end_of_chain();
        qemu_isolation_remove_disk(proc, disk);
        vh_xml_bind_free(&vh_table_disk, disk);
}
