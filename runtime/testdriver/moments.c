/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Listing of snapshots and checkpoints. */

#include "testdriver/domain-ops.h"
#include "testdriver/moments.h"

static bool wanted(const VhMoment *m, const TestMomentKind *kind, const VhMoment *below, uint32_t flags)
{
        /* Of a domain all are listed unless only roots are wanted; of a moment its children unless all below are
         * wanted. */
        bool direct = m->parent == below;

        if (below ? !direct && !(flags & TEST_MOMENTS_ROOTS) : !direct && (flags & TEST_MOMENTS_ROOTS))
                return false;
        return vh_list_match(&kind->filter, flags, kind->facts(m));
}

VhMoment **test_moments(VhCall *call, const VhMomentList *list, const TestMomentKind *kind, const VhMoment *below,
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

char *test_moment_domain_xml(const VhDomainDef *dom, unsigned flags)
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

int test_moment_check_name(const char *name, const char *word, int domain, VhError **err)
{
        return name ? 0 : vh_error_set(err, domain, VIR_ERR_XML_ERROR, "a redefined %s must have a name", word);
}

int test_moment_check_domain(const VhDomainObj *dom, const VhDomainDef *def, const char *name, const char *word,
                             int domain, VhError **err)
{
        char text[VH_UUID_TEXT_LEN + 1];

        if (memcmp(dom->node.uuid, def->uuid, VH_UUID_LEN) == 0)
                return 0;
        return vh_error_set(err, domain, VIR_ERR_INVALID_ARG, "definition for %s %s must use uuid %s", word, name,
                            vh_uuid_format(dom->node.uuid, text));
}

void test_moments_init(VhDomainObj *dom)
{
        test_snapshots_init(dom);
        test_checkpoints_init(dom);
}
