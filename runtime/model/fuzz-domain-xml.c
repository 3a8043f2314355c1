/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any text as a domain: what is accepted is written, read back, and must be the same. */

#include <stdio.h>

#include "model/domain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_same(const VhDomainDef *a, const VhDomainDef *b, const char *text)
{
        _vh_buf_ VhBuf where = {};

        if (vh_domain_def_equal(a, b, &where))
                return;
        fprintf(stderr, "differs at %s:\n%s\n", where.data ? where.data : "?", text);
        abort();
}

static void check_round(const VhDomainDef *def)
{
        _vh_free_ char *text = vh_domain_def_format(def, VH_XML_SECURE | VH_XML_INACTIVE);
        _vh_domain_def_ VhDomainDef *again = NULL, *copy = vh_domain_def_copy(def);
        _vh_error_ VhError *err = NULL;
        int r = vh_domain_def_parse(&again, text, VH_XML_STRICT | VH_XML_INACTIVE | VH_DOMAIN_NO_DEFAULTS, NULL, &err);
        _vh_free_ char *second = NULL;

        check_same(def, copy, text);
        if (r < 0) {
                fprintf(stderr, "refused: %s\n%s\n", vh_error_text(err, r), text);
                abort();
        }
        second = vh_domain_def_format(again, VH_XML_SECURE | VH_XML_INACTIVE);
        if (strcmp(text, second) != 0) {
                fprintf(stderr, "%s\n---\n%s\n", text, second);
                abort();
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _vh_free_ char *text = vh_xstrndup((const char *)data, size);
        _vh_domain_def_ VhDomainDef *def = NULL;
        _vh_error_ VhError *err = NULL;

        if (vh_domain_def_parse(&def, text, VH_XML_STRICT | VH_XML_INACTIVE, NULL, &err) == 0)
                check_round(def);
        else if (!err)
                abort();
        return 0;
}
