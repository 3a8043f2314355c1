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
