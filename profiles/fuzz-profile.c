/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any bytes as a profile. What passes the checks must compile to files that our own reader finds nothing wrong with. */

#include "plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_conf(const VhPlanFile *f)
{
        const VhConfDesc *desc = vh_conf_desc_find(strrchr(f->path, '/') + 1);
        _vh_findings_ VhFindings findings = { 0 };
        _vh_conf_ VhConf *conf = NULL;

        if (desc && (vh_conf_parse(&conf, f->path, f->content, strlen(f->content), NULL, NULL) < 0 ||
                     vh_conf_check(conf, desc, &findings) > 0))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _vh_findings_ VhFindings findings = { 0 };
        VhArena arena = { 0 };
        VhPlan plan = { 0 };
        VhProfile *p = vh_profile_read(&arena, "fuzz", (const char *)data, size, &findings);

        if (p)
                vh_profile_check(p, &findings);
        vh_findings_sort(&findings);
        if (p && findings.errors == 0) {
                vh_plan_make(&plan, p, &(VhPlanOptions){ .units = size % 2 });
                for (size_t i = 0; i < plan.n; i++)
                        check_conf(&plan.files[i]);
        }
        vh_plan_done(&plan);
        vh_arena_done(&arena);
        return 0;
}
