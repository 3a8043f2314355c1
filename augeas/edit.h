/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Changes keys of an existing .conf file and nothing else in it: comments, order, spacing and keys of others stay. Text
 * in, text out; who writes the file is the caller's business. Works through libaugeas and the lens Virthost.lns, which
 * takes any key and any value of the grammar. */

#include "base/buf.h"
#include "base/error.h"
#include "conf/conf.h"

typedef struct VhConfEditor VhConfEditor;

typedef struct VhConfEdit {
        const char *key;
        const VhConfValue *value; /* NULL: remove the key, repeated assignments too */
} VhConfEdit;

/* Loads the lens; one editor serves any number of files. It is looked for in the installed folder and in the folders of
 * $AUGEAS_LENS_LIB. Returns 0, or a negative errno with err. */
int vh_conf_editor_open(VhConfEditor **ret, VhError **err);
/* Frees; accepts NULL, returns NULL. */
VhConfEditor *vh_conf_editor_close(VhConfEditor *e);
VH_DEFINE_CLEANUP(VhConfEditor *, vh_conf_editor_close)
#define _vh_conf_editor_ _vh_cleanup_(vh_conf_editor_closep)

/* Applies n edits to the text of a file; name stands for it in messages. The whole new text is added to out.
 *
 * A key that is there gets its new value in place (the first assignment, which is the one that counts); equal values
 * are left as they are written. A new key goes behind the comment that shows it (#key = …), else to the end. When no
 * edit changes anything, the text comes out byte for byte.
 *
 * Returns 1 when the text changed, 0 when it did not. Fails with -EINVAL and err naming the place if the text does not
 * parse or holds a construct that is valid and cannot be edited (a list in a list, a lone carriage return as line end),
 * or if a value cannot be written; nothing is added to out then. The result is parsed again and compared before it is
 * handed out. */
int vh_conf_edit(VhConfEditor *e, const char *name, const char *text, size_t len, const VhConfEdit *edits, size_t n,
                 VhBuf *out, VhError **err);
