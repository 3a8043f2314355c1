/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The forest of snapshots or checkpoints of one domain. */

#include "driver/moment.h"

/* The list that m stands in: its parent's children or the roots. */
static VhMoment **siblings_of(VhMomentList *list, VhMoment *parent)
{
        return parent ? &parent->first_child : &list->roots;
}

static void attach(VhMomentList *list, VhMoment *m, VhMoment *parent)
{
        VhMoment **end = siblings_of(list, parent);

        while (*end)
                end = &(*end)->sibling;
        *end = m;
        m->sibling = NULL;
        m->parent = parent;
        if (parent)
                parent->n_children++;
}

static void detach(VhMomentList *list, VhMoment *m)
{
        VhMoment **p = siblings_of(list, m->parent);

        while (*p != m)
                p = &(*p)->sibling;
        *p = m->sibling;
        if (m->parent)
                m->parent->n_children--;
}

VhMoment *vh_moment_add(VhMomentList *list, const char *name, VhMoment *parent, void *def)
{
        VhMoment *m;

        if (vh_moment_find(list, name))
                return NULL;
        m = vh_new(VhMoment, 1);
        m->name = vh_xstrdup(name);
        m->def = def;
        HASH_ADD_KEYPTR(hh, list->all, m->name, strlen(m->name), m);
        attach(list, m, parent);
        return m;
}

VhMoment *vh_moment_find(const VhMomentList *list, const char *name)
{
        VhMoment *m;

        HASH_FIND_STR(list->all, name, m);
        return m;
}

unsigned vh_moment_count(const VhMomentList *list)
{
        return HASH_COUNT(list->all);
}

VhMoment *vh_moment_next(const VhMomentList *list, const VhMoment *root, const VhMoment *m)
{
        if (!m)
                return root ? NULL : list->roots;
        if (m->first_child)
                return m->first_child;
        for (; m && m != root; m = m->parent)
                if (m->sibling)
                        return m->sibling;
        return NULL;
}

unsigned vh_moment_count_below(const VhMoment *m)
{
        unsigned n = 0;

        for (const VhMoment *i = vh_moment_next(NULL, m, m); i; i = vh_moment_next(NULL, m, i))
                n++;
        return n;
}

bool vh_moment_is_below(const VhMoment *m, const VhMoment *ancestor)
{
        while (m && m != ancestor)
                m = m->parent;
        return m;
}

static void destroy(VhMomentList *list, VhMoment *m)
{
        HASH_DELETE(hh, list->all, m);
        if (list->def_free)
                list->def_free(m->def);
        free(m->name);
        free(m);
}

void vh_moment_remove(VhMomentList *list, VhMoment *m)
{
        VhMoment *child;

        if (list->current == m)
                list->current = m->parent;
        while ((child = m->first_child)) {
                detach(list, child);
                attach(list, child, m->parent);
        }
        detach(list, m);
        destroy(list, m);
}

void vh_moment_remove_below(VhMomentList *list, VhMoment *m)
{
        if (list->current && vh_moment_is_below(list->current, m))
                list->current = m;
        while (m->first_child) {
                VhMoment *leaf = m->first_child;

                while (leaf->first_child)
                        leaf = leaf->first_child;
                vh_moment_remove(list, leaf);
        }
}

void vh_moment_set_parent(VhMomentList *list, VhMoment *m, VhMoment *parent)
{
        detach(list, m);
        attach(list, m, parent);
}

void vh_moment_clear(VhMomentList *list)
{
        VhMoment *m, *next;

        HASH_ITER (hh, list->all, m, next)
                destroy(list, m);
        list->roots = NULL;
        list->current = NULL;
}
