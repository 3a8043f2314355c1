/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any bytes as a .conf file. What was understood and can be written is written and read again: it must say the same. */

#include "conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_back(VhBuf *b, const VhConfEntry *e)
{
        if (e->value.kind == VH_CONF_UINT)
                vh_conf_write_uint(b, e->name, e->value.u);
        else if (e->value.kind == VH_CONF_INT)
                vh_conf_write_int(b, e->name, e->value.i);
        else if (e->value.kind == VH_CONF_STRING && vh_conf_write_string(b, e->name, e->value.str) < 0)
                vh_conf_write_string(b, e->name, "");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _vh_findings_ VhFindings f = { 0 };
        _vh_conf_ VhConf *conf = NULL, *again = NULL;
        _vh_buf_ VhBuf b = { 0 };

        if (vh_conf_parse(&conf, "fuzz", (const char *)data, size, &f, NULL) < 0)
                return 0;
        for (const VhConfEntry *e = vh_conf_first(conf); e; e = e->next)
                write_back(&b, e);
        if (vh_conf_parse(&again, "again", b.data, b.len, NULL, NULL) < 0)
                abort();
        return 0;
}
