/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any bytes as a unit file, as an environment file and as rules for polkit. Places must be within the text; an edit
 * that was made once changes nothing the second time. */

#include "apply/edit-lines.h"
#include "host/polkit-rule.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const VhUnitLines *list, const char *text)
{
        unsigned lines = 1;

        for (const char *c = text; *c; c++)
                lines += *c == '\n';
        for (const VhUnitLine *u = list->first; u; u = u->next)
                if (u->line == 0 || u->line > lines || u->column == 0 || u->width == 0 || !u->value || !u->section)
                        abort();
        for (const VhUnitLine *u = NULL; (u = vh_unit_next(list, "Service", "K", u));)
                if (!*u->value)
                        abort();
}

/* What is understood has a line and says something. */
static void check_rule(void *data, const VhPolkitRule *r, bool understood)
{
        if (r->line == 0 || (understood && r->n_guards == 0 && r->n_users + r->n_groups == 0 && !r->where_key))
                abort();
}

static void check_edit(VhLinesKind kind, const char *text, const char *wanted)
{
        _vh_buf_ VhBuf once = { 0 }, twice = { 0 };

        if (vh_lines_edit(kind, text, wanted, "", "", &once) < 0)
                return;
        if (vh_lines_edit(kind, once.data ? once.data : "", wanted, wanted, text, &twice) < 0 ||
            !vh_streq(once.data, twice.data))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _vh_free_ char *text = vh_xstrndup((const char *)data, size);
        _vh_findings_ VhFindings findings = { 0 };
        VhUnitLines units = { 0 }, variables = { 0 };
        VhArena arena = { 0 };

        vh_unit_parse(&arena, &units, "fuzz.service", text, &findings);
        vh_env_parse(&arena, &variables, "fuzz.env", text, &findings);
        vh_polkit_rules(text, check_rule, NULL);
        check(&units, text);
        check(&variables, text);
        check_edit(VH_LINES_UNIT, text, "[Service]\nNice=3\nEnvironment=A\nEnvironment=B\n");
        check_edit(VH_LINES_ENVIRONMENT, text, "ARGS=\"-t 3\"\n");
        vh_arena_done(&arena);
        return 0;
}
