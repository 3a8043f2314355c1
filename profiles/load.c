/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Profile in, findings out. */

#include "load.h"

bool vh_wants_color(const char *when)
{
        const char *no_color = getenv("NO_COLOR");

        if (vh_streq(when, "auto"))
                return isatty(STDERR_FILENO) && !(no_color && *no_color);
        return vh_streq(when, "always");
}

const char *vh_load_source(const void *layers, const char *file)
{
        return vh_layers_text(layers, file);
}

VhProfile *vh_load_profile(const char *path, VhArena *arena, VhFindings *findings, const VhLoadOptions *options)
{
        VhLayers own = { .arena = arena }, *layers = options->layers ? options->layers : &own;
        const char *name = vh_streq(path, "-") ? "<stdin>" : vh_arena_strdup(arena, path);
        VhYamlNode *root = vh_layers_load(layers, arena, options->base, path, findings);
        VhProfile *p = root ? vh_profile_read_tree(arena, name, root, findings) : NULL;

        if (p)
                vh_profile_check(p, findings);
        vh_findings_sort(findings);
        vh_report_files(options->style.json ? stdout : stderr, findings, vh_load_source, layers, options->style);
        vh_layers_done(&own);
        return findings->errors > 0 || (options->strict && findings->warnings > 0) ? NULL : p;
}
