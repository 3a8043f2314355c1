/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Profiles in layers: files that include others, merged into one tree whose nodes still know the file they stand in.
 * The files of one VhLayers are read and parsed once, however many profiles use them. */

#include "yaml-tree.h"

enum {
        VH_LAYERS_DEPTH_MAX = 8,              /* includes inside includes; people use two */
        VH_LAYERS_FILES_MAX = 64,             /* files of one profile */
        VH_LAYERS_SIZE_MAX = 4 * 1024 * 1024, /* bytes of all files of one profile */
};

typedef struct VhLayer VhLayer;

/* A valid empty set has an arena and is zero else. */
typedef struct VhLayers {
        VhArena *arena; /* texts and trees: the caller's */
        VhLayer *files; /* by name */
        bool closed;    /* no files may be read: for texts that nobody vouches for */
} VhLayers;

/* The tree of a profile with all that it includes, in memory of arena and of layers; NULL with findings if it has no
 * outline. base (may be NULL) is a file that counts as the lowest layer. path "-" is standard input. */
VhYamlNode *vh_layers_load(VhLayers *layers, VhArena *arena, const char *base, const char *path, VhFindings *findings);
/* The same for a text in memory, which must live as long as layers. */
VhYamlNode *vh_layers_load_text(VhLayers *layers, VhArena *arena, const char *file, const char *data, size_t len,
                                VhFindings *findings);
/* The text of a file as findings name it, or NULL. */
const char *vh_layers_text(const VhLayers *layers, const char *file);
/* The arena stays. */
void vh_layers_done(VhLayers *layers);

/* Every layer over the ones before it. NULL with findings if that is not possible. */
VhYamlNode *vh_layers_merge(VhArena *arena, VhYamlNode *const *layers, size_t n, VhFindings *findings);
