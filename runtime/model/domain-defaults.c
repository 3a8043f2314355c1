/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What every hypervisor adds to a definition, and what it refuses in one. */

#include "model/domain.h"

#include <errno.h>
#include <sys/random.h>

#include "model/domain-cpu.h"

static int check_basics(const VhDomainDef *def, const VhDomainParseEnv *env, VhError **err)
{
        if (!def->name)
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_NO_NAME, NULL);
        if (strchr(def->name, '\n'))
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR, "name %s cannot contain '\\n'", def->name);
        return 0;
}

int vh_domain_defaults(VhDomainDef *def, const VhDomainParseEnv *env, VhError **err)
{
        int r = check_basics(def, env, err);

        if (r < 0)
                return r;
        if (!vh_uuid_is_valid(def->uuid))
                vh_uuid_generate(def->uuid);
        return 0;
}
