/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What snapshots and checkpoints share when clients ask for them. */

#include "driver/moment-private.h"

#include <errno.h>

int vh_moment_check_flags(const VhMomentDriver *driver, uint32_t flags, uint32_t allowed, const char *func,
                          VhError **err)
{
        _vh_free_ char *name = vh_xasprintf("%s%s", driver->prefix, func);

        return vh_check_flags(flags, allowed, driver->domain, name, err);
}

int vh_moment_domain(const VhMomentDriver *driver, VhCall *call, const remote_nonnull_domain *wire, VhDomainObj **ret,
                     VhError **err)
{
        *ret = driver->find(call, wire, err);
        return *ret ? 0 : -ENOENT;
}

static void snapshot_free(void *p)
{
        vh_snapshot_obj_free(p);
}

static void checkpoint_free(void *p)
{
        vh_checkpoint_obj_free(p);
}

VhSnapshot *vh_snapshot_obj_free(VhSnapshot *snap)
{
        if (!snap)
                return NULL;
        vh_snapshot_free(snap->def);
        vh_domain_def_free(snap->dom);
        vh_domain_def_free(snap->inactive);
        free(snap);
        return NULL;
}

VhCheckpoint *vh_checkpoint_obj_free(VhCheckpoint *checkpoint)
{
        if (!checkpoint)
                return NULL;
        vh_checkpoint_free(checkpoint->def);
        vh_domain_def_free(checkpoint->dom);
        free(checkpoint);
        return NULL;
}

void vh_moments_init(VhDomainObj *dom)
{
        dom->snapshots.def_free = snapshot_free;
        dom->checkpoints.def_free = checkpoint_free;
}

static bool wanted(const VhMoment *m, const VhMomentKind *kind, const VhMoment *below, uint32_t flags)
{
        /* Of a domain all are listed unless only roots are wanted; of a moment its children unless all below are
         * wanted. */
        bool direct = m->parent == below;

        if (below ? !direct && !(flags & VH_MOMENTS_ROOTS) : !direct && (flags & VH_MOMENTS_ROOTS))
                return false;
        return vh_list_match(&kind->filter, flags, kind->facts(m));
}

VhMoment **vh_moments(VhCall *call, const VhMomentList *list, const VhMomentKind *kind, const VhMoment *below,
                      uint32_t flags, uint32_t *n)
{
        VhMoment **found = vh_call_new(call, VhMoment *, vh_moment_count(list));

        *n = 0;
        for (VhMoment *m = vh_moment_next(list, below, below); m; m = vh_moment_next(list, below, m))
                if (wanted(m, kind, below, flags))
                        found[(*n)++] = m;
        return found;
}

enum { NESTED_INDENT = 2 }; /* blanks before an element inside a document's root */

char *vh_moment_domain_xml(const VhDomainDef *dom, unsigned flags)
{
        VhBuf b = { .indent = NESTED_INDENT };
        char *text;

        vh_domain_def_format_to(dom, flags | VH_XML_INACTIVE, &b);
        while (b.len && b.data[b.len - 1] == '\n')
                b.data[--b.len] = '\0';
        text = vh_xstrdup(b.data + NESTED_INDENT); /* the first line is indented by who writes the text */
        vh_buf_done(&b);
        return text;
}

int vh_moment_check_name(const char *name, const char *word, int domain, VhError **err)
{
        return name ? 0 : vh_error_set(err, domain, VIR_ERR_XML_ERROR, "a redefined %s must have a name", word);
}

int vh_moment_check_parent(const VhMomentList *list, const char *name, const char *parent, VhError **err)
{
        const VhMoment *m = parent ? vh_moment_find(list, parent) : NULL;

        if (!parent)
                return 0;
        if (vh_streq(name, parent))
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG, "cannot set moment %s as its own parent",
                                    name);
        if (!m)
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG, "parent %s for moment %s not found",
                                    parent, name);
        for (; m->parent; m = m->parent)
                if (vh_streq(m->parent->name, name))
                        return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG,
                                            "parent %s would create cycle to %s", m->name, name);
        return 0;
}

int vh_moment_check_domain(const VhDomainObj *dom, const VhDomainDef *def, const char *name, const char *word,
                           int domain, VhError **err)
{
        char text[VH_UUID_TEXT_LEN + 1];

        if (memcmp(dom->node.uuid, def->uuid, VH_UUID_LEN) == 0)
                return 0;
        return vh_error_set(err, domain, VIR_ERR_INVALID_ARG, "definition for %s %s must use uuid %s", word, name,
                            vh_uuid_format(dom->node.uuid, text));
}
