/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Definitions of pools come and go. */

#include "job.h"

#include <errno.h>

#include "storage-ops.h"

/* ---- what this driver has ---- */

/* In the order in which libvirt counts them. */
static const VhPoolType type_order[] = { VH_POOL_DIR,   VH_POOL_FS,      VH_POOL_NETFS,        VH_POOL_LOGICAL,
                                         VH_POOL_DISK,  VH_POOL_ISCSI,   VH_POOL_ISCSI_DIRECT, VH_POOL_SCSI,
                                         VH_POOL_MPATH, VH_POOL_RBD,     VH_POOL_SHEEPDOG,     VH_POOL_GLUSTER,
                                         VH_POOL_ZFS,   VH_POOL_VSTORAGE };

VhPoolType storage_type_of_number(int number)
{
        return number >= 0 && (size_t)number < VH_ARRAY_SIZE(type_order) ? type_order[number] : VH_POOL_UNSET;
}

static int number_of_type(unsigned type)
{
        int number = 0;

        while (storage_type_of_number(number) != VH_POOL_UNSET && storage_type_of_number(number) != type)
                number++;
        return number;
}

int storage_check_type(unsigned type, VhError **err)
{
        if (type == VH_POOL_DIR)
                return 0;
        return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_INTERNAL_ERROR, "missing backend for pool type %d (%s)",
                            number_of_type(type), vh_pool_type_name(type));
}

/* Exactly two slashes in front may mean something else than one. */
char *storage_clean_path(const char *path)
{
        char *clean = vh_xstrdup(path), *to = clean;
        size_t n;

        if (path[0] == '/' && path[1] == '/' && path[2] != '/')
                *to++ = *path++;
        for (; *path; path++)
                if (path[0] != '/' || path[1] != '/')
                        *to++ = *path;
        *to = '\0';
        n = (size_t)(to - clean);
        if (n > 1 && clean[n - 1] == '/' && strcmp(clean, "//") != 0)
                clean[n - 1] = '\0';
        return clean;
}

int storage_parse_pool(const char *xml, unsigned flags, VhPoolDef **ret, VhError **err)
{
        VhPoolDef *def;
        int r = vh_storage_pool_parse(xml, flags, &def, err);
        char *clean;

        if (r < 0)
                return r;
        r = storage_check_type(def->type, err);
        if (r == 0)
                r = vh_persist_check_name(def->name, VIR_FROM_STORAGE, err);
        if (r < 0) {
                vh_storage_pool_free(def);
                return r;
        }
        /* A folder has no source. */
        vh_pool_source_clear(&def->source);
        clean = storage_clean_path(def->target_path);
        free(def->target_path);
        def->target_path = clean;
        def->capacity = def->allocation = def->available = 0;
        *ret = def;
        return 0;
}

/* ---- new ones ---- */

/* Two pools do not share a folder. */
static int check_source(const StorageDriver *driver, const VhPoolDef *def, VhError **err)
{
        VH_REGISTRY_FOREACH(&driver->pools, node)
        {
                const StoragePool *other = storage_pool_of(node);

                if (strcmp(node->name, def->name) != 0 && vh_streq(def->target_path, other->def->target_path))
                        return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_OPERATION_FAILED,
                                            "Storage source conflict with pool: '%s'", node->name);
        }
        return 0;
}

/* *ret: the pool that the definition is for, NULL: a new one. VH_LATER if there is a job on that. */
static int find_place(VhCall *call, const VhPoolDef *def, bool to_run, StoragePool **ret, VhError **err)
{
        StorageDriver *driver = storage_driver(call);
        VhRegNode *same = NULL;
        StoragePool *pool;
        int r = check_source(driver, def, err);

        if (r == 0)
                r = vh_registry_check_identity(&driver->pools, "pool", VIR_FROM_STORAGE, def->name, def->uuid, &same,
                                               err);
        *ret = pool = storage_pool_of(same);
        if (r == 0 && pool && storage_must_wait(pool, call, STORAGE_ALONE))
                return storage_wait(pool, call);
        if (r == 0 && to_run && pool && pool->active)
                r = vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_OPERATION_INVALID, "pool is already active as '%s'",
                                 pool->node.name);
        return r;
}

STORAGE_OP_RET(storage_pool_define_xml)
{
        StorageDriver *driver = storage_driver(call);
        _vh_cleanup_(vh_storage_pool_freep) VhPoolDef *def = NULL;
        _vh_free_ char *text = NULL;
        StoragePool *pool = NULL;
        int r = vh_check_flags(args->flags, VIR_STORAGE_POOL_DEFINE_VALIDATE, VIR_FROM_STORAGE, "storagePoolDefineXML",
                               err);

        if (r == 0)
                r = storage_parse_pool(args->xml, VH_XML_STRICT, &def, err);
        if (r == 0)
                r = find_place(call, def, false, &pool, err);
        if (r != 0)
                return r;
        text = vh_storage_pool_format(def, 0);
        r = vh_persist_save(driver->persist, def->name, text, err);
        if (r < 0)
                return r;
        if (pool)
                storage_pool_set_def(pool, VH_TAKE_PTR(def));
        else
                pool = storage_pool_new(driver, VH_TAKE_PTR(def));
        pool->persistent = true;
        storage_pool_tell(driver, pool, VIR_STORAGE_POOL_EVENT_DEFINED);
        storage_pool_wire(pool, &ret->pool);
        return 0;
}

STORAGE_OP_RET(storage_pool_create_xml)
{
        StorageDriver *driver = storage_driver(call);
        VhPoolDef *def = NULL;
        StoragePool *pool = NULL;
        int r = storage_check_build_flags(args->flags, "storagePoolCreateXML", err);

        if (r == 0)
                r = storage_parse_pool(args->xml, VH_XML_STRICT, &def, err);
        if (r == 0)
                r = find_place(call, def, true, &pool, err);
        if (r != 0) {
                vh_storage_pool_free(def);
                return r;
        }
        if (pool) {
                storage_pool_set_def(pool, def);
        } else {
                pool = storage_pool_new(driver, def);
                pool->arriving = true;
        }
        return storage_pool_start(call, pool, args->flags, err);
}

STORAGE_OP(storage_pool_undefine)
{
        StorageDriver *driver = storage_driver(call);
        StoragePool *pool = NULL;
        int r = storage_inactive_pool(call, &args->pool, STORAGE_ALONE, &pool, err);

        if (r == 0)
                r = storage_pool_check_idle(pool, err);
        if (r == 0)
                r = vh_persist_delete(driver->persist, pool->node.name, err);
        if (r != 0)
                return r;
        storage_pool_tell(driver, pool, VIR_STORAGE_POOL_EVENT_UNDEFINED);
        storage_pool_remove(driver, pool);
        return 0;
}

STORAGE_OP(storage_pool_set_autostart)
{
        StoragePool *pool = NULL;
        int r = storage_pool(call, &args->pool, STORAGE_LOOK, &pool, err);

        if (r == 0 && !pool->persistent)
                r = vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_INTERNAL_ERROR, "pool has no config file");
        if (r == 0)
                r = vh_persist_set_autostart(storage_driver(call)->persist, pool->node.name, args->autostart, err);
        if (r == 0)
                pool->autostart = args->autostart;
        return r;
}
