/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Named objects in two hash tables; the name table's insertion order is the listing order. */

#include "driver/registry.h"
#include <errno.h>

static void link_name(VhRegistry *reg, VhRegNode *node)
{
        HASH_ADD_KEYPTR(by_name, reg->names, node->name, strlen(node->name), node);
}

int vh_registry_add(VhRegistry *reg, VhRegNode *node)
{
        if (vh_registry_by_name(reg, node->name))
                return -EEXIST;
        if (node->has_uuid && vh_registry_by_uuid(reg, node->uuid))
                return -EEXIST;
        link_name(reg, node);
        if (node->has_uuid)
                HASH_ADD(by_uuid, reg->uuids, uuid, VH_UUID_LEN, node);
        return 0;
}

void vh_registry_remove(VhRegistry *reg, VhRegNode *node)
{
        if (vh_registry_by_name(reg, node->name) != node)
                return;
        HASH_DELETE(by_name, reg->names, node);
        if (node->has_uuid)
                HASH_DELETE(by_uuid, reg->uuids, node);
}

int vh_registry_rename(VhRegistry *reg, VhRegNode *node, const char *name)
{
        if (vh_registry_by_name(reg, name))
                return -EEXIST;
        HASH_DELETE(by_name, reg->names, node);
        vh_strset(&node->name, name);
        link_name(reg, node);
        return 0;
}

VhRegNode *vh_registry_by_name(const VhRegistry *reg, const char *name)
{
        VhRegNode *node;

        HASH_FIND(by_name, reg->names, name, strlen(name), node);
        return node;
}

VhRegNode *vh_registry_by_uuid(const VhRegistry *reg, const uint8_t uuid[VH_UUID_LEN])
{
        VhRegNode *node;

        HASH_FIND(by_uuid, reg->uuids, uuid, VH_UUID_LEN, node);
        return node;
}

unsigned vh_registry_count(const VhRegistry *reg)
{
        return HASH_CNT(by_name, reg->names);
}

void vh_reg_node_init(VhRegNode *node, const char *name, const uint8_t *uuid)
{
        node->name = vh_xstrdup(name);
        node->has_uuid = uuid;
        if (uuid)
                memcpy(node->uuid, uuid, VH_UUID_LEN);
}

int vh_registry_check_identity(const VhRegistry *reg, const char *kind, int domain, const char *name,
                               const uint8_t uuid[VH_UUID_LEN], VhRegNode **same, VhError **err)
{
        VhRegNode *named = vh_registry_by_name(reg, name);
        char text[VH_UUID_TEXT_LEN + 1];

        *same = vh_registry_by_uuid(reg, uuid);
        if (*same && !vh_streq((*same)->name, name))
                return vh_error_set(err, domain, VIR_ERR_OPERATION_FAILED, "%s '%s' is already defined with uuid %s",
                                    kind, (*same)->name, vh_uuid_format(uuid, text));
        if (!*same && named)
                return vh_error_set(err, domain, VIR_ERR_OPERATION_FAILED, "%s '%s' already exists with uuid %s", kind,
                                    name, vh_uuid_format(named->uuid, text));
        return 0;
}

unsigned vh_registry_count_picked(const VhRegistry *reg, VhRegPick pick)
{
        unsigned n = 0;

        VH_REGISTRY_FOREACH(reg, node)
        n += pick(node);
        return n;
}

char **vh_registry_names(const VhRegistry *reg, VhRegPick pick, int max, VhArena *arena, uint32_t *n)
{
        uint32_t room = VH_MIN((uint32_t)VH_MAX(max, 0), vh_registry_count(reg));
        char **names = vh_arena_calloc(arena, room, sizeof(char *));

        *n = 0;
        VH_REGISTRY_FOREACH(reg, node)
        if (*n < room && pick(node))
                names[(*n)++] = node->name;
        return names;
}
