/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Changes assignments in files of KEY=VALUE lines that somebody else wrote, and nothing else in them: environment files
 * and drop-ins of units. Text in, text out. What vh_conf_edit() is for .conf files. */

#include "base/buf.h"
#include "host/unit-text.h"

typedef enum VhLinesKind {
        VH_LINES_ENVIRONMENT, /* NAME=value */
        VH_LINES_UNIT,        /* sections with Key=value, keys may stand several times */
} VhLinesKind;

/* Puts all assignments of wanted into the text now; what before had and wanted has not gets back what original has, or
 * goes. A key that is there is changed where it stands; a new one goes behind a comment that shows it, else to the end
 * of its section. Lines of other keys, comments and sections keep their bytes. -EINVAL if that cannot be done: lines
 * that systemd would not understand, or a result that does not say what it should. */
int vh_lines_edit(VhLinesKind kind, const char *now, const char *wanted, const char *before, const char *original,
                  VhBuf *out);
