/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Calls about checkpoints that every driver answers alike. */

#include "driver/moment-private.h"

#include <errno.h>

static int find(const VhMomentDriver *driver, VhDomainObj *dom, const char *name, VhMoment **ret, VhError **err)
{
        *ret = vh_moment_find(&dom->checkpoints, name);
        if (*ret)
                return 0;
        return vh_error_set(err, driver->domain, VIR_ERR_NO_DOMAIN_CHECKPOINT,
                            "no domain checkpoint with matching name '%s'", name);
}

int vh_checkpoint_lookup(const VhMomentDriver *driver, VhCall *call, const remote_nonnull_domain_checkpoint *wire,
                         VhDomainObj **dom, VhMoment **ret, VhError **err)
{
        int r = vh_moment_domain(driver, call, &wire->dom, dom, err);

        return r < 0 ? r : find(driver, *dom, wire->name, ret, err);
}

void vh_checkpoint_wire(const VhDomainObj *dom, const VhMoment *m, remote_nonnull_domain_checkpoint *wire)
{
        wire->name = m->name;
        vh_domain_obj_wire(dom, &wire->dom);
}

static const VhDisk *find_disk(const VhDomainDef *def, const char *name)
{
        for (uint32_t i = 0; i < def->disks.n; i++)
                if (vh_streq(def->disks.items[i]->target, name) ||
                    (def->disks.items[i]->src.path && vh_streq(def->disks.items[i]->src.path, name)))
                        return def->disks.items[i];
        return NULL;
}

static VhCheckpointDisk *entry_of(const VhCheckpointDef *def, const VhDisk *disk)
{
        for (uint32_t i = 0; i < def->disks.n; i++)
                if (vh_streq(def->disks.items[i]->name, disk->target))
                        return def->disks.items[i];
        return NULL;
}

/* Entries by path get the target's name. */
static int name_entries(const VhDomainDef *dom, VhCheckpointDef *def, VhError **err)
{
        if (def->disks.n > dom->disks.n)
                return vh_error_set(err, VIR_FROM_DOMAIN_CHECKPOINT, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "too many disk checkpoint requests for domain");
        for (uint32_t i = 0; i < def->disks.n; i++) {
                VhCheckpointDisk *entry = def->disks.items[i];
                const VhDisk *disk = find_disk(dom, entry->name);

                if (!disk)
                        return vh_error_set(err, VIR_FROM_DOMAIN_CHECKPOINT, VIR_ERR_CONFIG_UNSUPPORTED,
                                            "no disk named '%s'", entry->name);
                if (!vh_streq(disk->target, entry->name) && entry_of(def, disk))
                        return vh_error_set(err, VIR_FROM_DOMAIN_CHECKPOINT, VIR_ERR_CONFIG_UNSUPPORTED,
                                            "disk '%s' specified twice", disk->target);
                vh_strset(&entry->name, disk->target);
        }
        return 0;
}

int vh_checkpoint_align(const VhDomainDef *dom, VhCheckpointDef *def, VhError **err)
{
        bool all = !def->disks.n;
        int r = name_entries(dom, def, err);

        if (r < 0)
                return r;
        for (uint32_t i = 0; i < dom->disks.n; i++) {
                const VhDisk *disk = dom->disks.items[i];
                VhCheckpointDisk *entry = entry_of(def, disk);

                if (!entry) {
                        entry = vh_checkpoint_disk_new(disk->target,
                                                       all && disk->src.path ? VH_CHECKPOINT_BITMAP : VH_CHECKPOINT_NO);
                        vh_list_add(&def->disks, entry);
                }
                if (!entry->mode)
                        entry->mode = VH_CHECKPOINT_BITMAP;
                if (entry->mode == VH_CHECKPOINT_BITMAP && !entry->bitmap)
                        entry->bitmap = vh_xstrdup(def->name);
        }
        return 0;
}

int vh_checkpoint_check_redefined(const VhDomainObj *dom, const VhCheckpointDef *def, VhError **err)
{
        int r = vh_moment_check_name(def->name, "checkpoint", VIR_FROM_DOMAIN_CHECKPOINT, err);

        if (r < 0)
                return r;
        if (!def->creation_time.set)
                return vh_error_set(err, VIR_FROM_DOMAIN_CHECKPOINT, VIR_ERR_INTERNAL_ERROR,
                                    "missing creationTime from existing checkpoint");
        return vh_moment_check_parent(&dom->checkpoints, def->name, def->parent, err);
}

char *vh_checkpoint_text(const VhMoment *m, const VhCheckpointDef *def, bool with_domain, unsigned flags)
{
        VhCheckpointDef *copy = vh_checkpoint_copy(def);
        char *text;

        vh_strset(&copy->parent, m->parent ? m->parent->name : NULL);
        vh_strset(&copy->domain, NULL);
        if (with_domain && vh_checkpoint_of(m)->dom)
                copy->domain = vh_moment_domain_xml(vh_checkpoint_of(m)->dom, flags & VH_XML_SECURE);
        text = vh_checkpoint_format(copy, 0);
        vh_checkpoint_free(copy);
        return text;
}

static uint32_t facts(const VhMoment *m)
{
        return m->first_child ? VIR_DOMAIN_CHECKPOINT_LIST_NO_LEAVES : VIR_DOMAIN_CHECKPOINT_LIST_LEAVES;
}

static const uint32_t groups[] = { VIR_DOMAIN_CHECKPOINT_LIST_LEAVES | VIR_DOMAIN_CHECKPOINT_LIST_NO_LEAVES };
static const VhMomentKind kind = { { groups, VH_ARRAY_SIZE(groups) }, facts };
static const uint32_t list_flags = VIR_DOMAIN_CHECKPOINT_LIST_ROOTS | VIR_DOMAIN_CHECKPOINT_LIST_TOPOLOGICAL |
                                   VIR_DOMAIN_CHECKPOINT_LIST_LEAVES | VIR_DOMAIN_CHECKPOINT_LIST_NO_LEAVES;

static remote_nonnull_domain_checkpoint *list(VhCall *call, VhDomainObj *dom, const VhMoment *below, uint32_t flags,
                                              uint32_t *n)
{
        VhMoment **found = vh_moments(call, &dom->checkpoints, &kind, below, flags, n);
        remote_nonnull_domain_checkpoint *val = vh_call_new(call, remote_nonnull_domain_checkpoint, *n);

        for (uint32_t i = 0; i < *n; i++)
                vh_checkpoint_wire(dom, found[i], &val[i]);
        return val;
}

int vh_op_domain_list_all_checkpoints(const VhMomentDriver *driver, VhCall *call,
                                      const remote_domain_list_all_checkpoints_args *args,
                                      remote_domain_list_all_checkpoints_ret *ret, VhError **err)
{
        VhDomainObj *dom;
        uint32_t n;
        int r = vh_moment_check_flags(driver, args->flags, list_flags, "DomainListAllCheckpoints", err);

        if (r == 0)
                r = vh_moment_domain(driver, call, &args->dom, &dom, err);
        if (r < 0)
                return r;
        ret->checkpoints.val = list(call, dom, NULL, args->flags, &n);
        ret->checkpoints.len = args->need_results ? n : 0;
        ret->ret = (int)n;
        return 0;
}

int vh_op_domain_checkpoint_list_all_children(const VhMomentDriver *driver, VhCall *call,
                                              const remote_domain_checkpoint_list_all_children_args *args,
                                              remote_domain_checkpoint_list_all_children_ret *ret, VhError **err)
{
        VhDomainObj *dom;
        VhMoment *m;
        uint32_t n;
        int r = vh_moment_check_flags(driver, args->flags, list_flags, "DomainCheckpointListAllChildren", err);

        if (r == 0)
                r = vh_checkpoint_lookup(driver, call, &args->checkpoint, &dom, &m, err);
        if (r < 0)
                return r;
        ret->checkpoints.val = list(call, dom, m, args->flags, &n);
        ret->checkpoints.len = args->need_results ? n : 0;
        ret->ret = (int)n;
        return 0;
}

int vh_op_domain_checkpoint_lookup_by_name(const VhMomentDriver *driver, VhCall *call,
                                           const remote_domain_checkpoint_lookup_by_name_args *args,
                                           remote_domain_checkpoint_lookup_by_name_ret *ret, VhError **err)
{
        VhDomainObj *dom;
        VhMoment *m;
        int r = vh_moment_check_flags(driver, args->flags, 0, "DomainCheckpointLookupByName", err);

        if (r == 0)
                r = vh_moment_domain(driver, call, &args->dom, &dom, err);
        if (r == 0)
                r = find(driver, dom, args->name, &m, err);
        if (r == 0)
                vh_checkpoint_wire(dom, m, &ret->checkpoint);
        return r;
}

int vh_op_domain_checkpoint_get_parent(const VhMomentDriver *driver, VhCall *call,
                                       const remote_domain_checkpoint_get_parent_args *args,
                                       remote_domain_checkpoint_get_parent_ret *ret, VhError **err)
{
        VhDomainObj *dom;
        VhMoment *m;
        int r = vh_moment_check_flags(driver, args->flags, 0, "DomainCheckpointGetParent", err);

        if (r == 0)
                r = vh_checkpoint_lookup(driver, call, &args->checkpoint, &dom, &m, err);
        if (r < 0)
                return r;
        if (!m->parent)
                return vh_error_set(err, driver->domain, VIR_ERR_NO_DOMAIN_CHECKPOINT,
                                    "checkpoint '%s' does not have a parent", m->name);
        vh_checkpoint_wire(dom, m->parent, &ret->parent);
        return 0;
}
