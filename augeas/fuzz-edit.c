/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any bytes as a file that is edited. What comes out must parse, and the editor itself checks that it says what it
 * should; a refusal must add nothing. The first byte chooses the edit. */

#include "edit.h"

#include <errno.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SIZE_MAX_FUZZED = 4096 };

static void check_result(const VhBuf *out, int r)
{
        _vh_conf_ VhConf *conf = NULL;

        if (r < 0 && out->len > 0)
                abort();
        if (r > 0 && vh_conf_parse(&conf, "result", out->data, out->len, NULL, NULL) < 0)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static VhConfEditor *editor; /* loading the lens takes longer than all else */
        VhConfValue item = { .kind = VH_CONF_STRING, .str = "x" };
        VhConfValue values[] = { { .kind = VH_CONF_UINT, .u = 5 },
                                 item,
                                 { .kind = VH_CONF_LIST, .list = { .items = &item, .n = 1 } },
                                 { .kind = VH_CONF_LIST } };
        VhConfEdit edit = { "a", NULL };
        _vh_free_ char *text = NULL;
        _vh_buf_ VhBuf out = { 0 };

        if (!editor && vh_conf_editor_open(&editor, NULL) < 0)
                abort(); /* $AUGEAS_LENS_LIB must name the lenses of the source */
        if (size == 0 || size > SIZE_MAX_FUZZED)
                return 0;
        if (data[0] % 5 < 4)
                edit.value = &values[data[0] % 5];
        text = vh_xstrndup((const char *)data + 1, size - 1);
        check_result(&out, vh_conf_edit(editor, "fuzz", text, strlen(text), &edit, 1, &out, NULL));
        return 0;
}
