/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Files that say which pools run: what is accepted comes out so that it is accepted again. */

#include "state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _vh_free_ char *text = vh_xstrndup((const char *)data, size);
        _vh_free_ char *again = NULL;
        VhPoolDef *def, *copy;

        if (storage_state_parse(text, &def, NULL) < 0)
                return 0;
        again = storage_state_format(def);
        if (storage_state_parse(again, &copy, NULL) < 0)
                abort();
        vh_storage_pool_free(copy);
        vh_storage_pool_free(def);
        return 0;
}
