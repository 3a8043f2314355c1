/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Profile in, findings out. */

#include "load.h"
#include "base/file.h"

#include <errno.h>

bool vh_wants_color(const char *when)
{
        const char *no_color = getenv("NO_COLOR");

        if (vh_streq(when, "auto"))
                return isatty(STDERR_FILENO) && !(no_color && *no_color);
        return vh_streq(when, "always");
}

VhProfile *vh_load_profile(const char *path, VhArena *arena, VhFindings *findings, const VhLoadOptions *options)
{
        bool from_stdin = vh_streq(path, "-");
        const char *name = from_stdin ? "<stdin>" : path;
        VhProfile *p = NULL;
        char *text = NULL;
        size_t len;
        int r = from_stdin ? vh_file_read_fd(STDIN_FILENO, VH_YAML_SIZE_MAX, &text, &len)
                           : vh_file_read(path, VH_YAML_SIZE_MAX, &text, &len);

        vh_arena_own(arena, text);
        if (r == -EFBIG)
                vh_findings_add(findings, VH_SEVERITY_ERROR, "yaml-size", name, 0, 0, "file is larger than %d bytes",
                                VH_YAML_SIZE_MAX);
        else if (r < 0)
                vh_findings_add(findings, VH_SEVERITY_ERROR, "profile-read", name, 0, 0, "cannot be read: %s",
                                strerror(-r));
        else
                p = vh_profile_read(arena, name, text, len, findings);
        if (p)
                vh_profile_check(p, findings);
        vh_findings_sort(findings);
        vh_report(options->style.json ? stdout : stderr, findings, text, options->style);
        return findings->errors > 0 || (options->strict && findings->warnings > 0) ? NULL : p;
}
