/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* YAML as a tree that remembers places. A small, strict part of the language: one document, UTF-8, no tags, no merge
 * keys, no repeated keys, everything bounded. Scalars stay text: what they mean is decided by who asks. */

#include "base/arena.h"
#include "conf/finding.h"

enum {
        VH_YAML_SIZE_MAX = 1024 * 1024, /* bytes; a profile of a few hundred lines has ten thousand */
        VH_YAML_DEPTH_MAX = 32,         /* nesting; profiles use six levels */
        VH_YAML_NODES_MAX = 100000,     /* nodes and aliases */
};

typedef enum VhYamlKind {
        VH_YAML_SCALAR,
        VH_YAML_LIST,
        VH_YAML_MAP,
} VhYamlKind;

typedef struct VhYamlNode {
        VhYamlKind kind;
        bool plain;                   /* scalar without quotes */
        const char *file;             /* the layer it stands in */
        const char *text;             /* of a scalar */
        unsigned line, column, width; /* from 1, in characters */
        struct VhYamlNode **items;    /* of a list; of a map: key, value, key, value */
        size_t n;                     /* items of a list, pairs of a map */
} VhYamlNode;

static inline VhYamlNode *vh_yaml_key(const VhYamlNode *map, size_t i)
{
        return map->items[2 * i];
}

static inline VhYamlNode *vh_yaml_value(const VhYamlNode *map, size_t i)
{
        return map->items[2 * i + 1];
}

/* The root of the document, in memory of the arena, or NULL with findings. file is for messages. A document without
 * content gives a finding as well. */
VhYamlNode *vh_yaml_parse(VhArena *arena, const char *file, const char *data, size_t len, VhFindings *findings);

/* A plain null or ~: the daemon decides, whatever lower layers say. */
bool vh_yaml_is_null(const VhYamlNode *node);
/* A map of append, prepend, remove or replace: it changes a list of the layers below (layers.h). */
bool vh_yaml_is_edit(const VhYamlNode *node);
/* "a map", "a list", "a text": for messages. */
const char *vh_yaml_kind_name(const VhYamlNode *node);
