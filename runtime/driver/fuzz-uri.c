/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any text as a connection URI. */

#include "driver/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _vh_free_ char *text = vh_xstrndup((const char *)data, size);
        _vh_error_ VhError *err = NULL;
        _vh_uri_ VhUri *uri = NULL;

        if (vh_uri_parse(&uri, text, &err) < 0) {
                if (!err)
                        abort();
                return 0;
        }
        vh_uri_check_slash(uri, NULL);
        vh_uri_check_path(&(VhUriPathRule){ .scheme = uri->scheme, .privileged = true }, uri->path, NULL);
        vh_uri_check_local(uri, NULL);
        return 0;
}
