/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Definitions, and which pools run, from disk into memory and back. */

#include "storage.h"

#include <dirent.h>
#include <errno.h>

#include "base/file.h"
#include "base/log.h"
#include "state.h"

VH_LOG_SOURCE("storage.load");

enum { FILE_MODE = 0600, STATE_MAX = 1024 * 1024 };

/* ---- definitions ---- */

/* The pool that a definition is for, made if there is none. Takes def over. */
static StoragePool *put(StorageDriver *driver, VhPoolDef *def, VhError **err)
{
        VhRegNode *same;
        StoragePool *pool = NULL;

        if (vh_registry_check_identity(&driver->pools, "pool", VIR_FROM_STORAGE, def->name, def->uuid, &same, err) <
            0) {
                vh_storage_pool_free(def);
                return NULL;
        }
        pool = storage_pool_of(same);
        if (pool)
                storage_pool_set_def(pool, def);
        else
                pool = storage_pool_new(driver, def);
        return pool;
}

static int load_definition(void *userdata, VhPersistFile *file, VhError **err)
{
        VhPoolDef *def;
        StoragePool *pool;
        int r = storage_parse_pool(file->text, 0, &def, err);

        if (r < 0)
                return r;
        r = vh_persist_settle(file, def->name, err);
        if (r < 0) {
                vh_storage_pool_free(def);
                return r;
        }
        pool = put(userdata, def, err);
        if (!pool)
                return -EEXIST;
        pool->persistent = true;
        pool->autostart = file->autostart;
        return 0;
}

static void skipped(void *userdata, const char *path, int r, const VhError *err)
{
        vh_log_error("%s is not loaded: %s", path, vh_error_text(err, r));
}

int storage_load_definitions(StorageDriver *driver, VhError **err)
{
        const VhPersistLoader loader = { .load = load_definition, .skipped = skipped, .userdata = driver };
        int r = vh_persist_load(driver->persist, &loader, err);

        return r < 0 ? r : 0;
}

/* ---- which run ---- */

static char *state_path(const StorageDriver *driver, const char *name)
{
        _vh_free_ char *file = vh_xasprintf("%s.xml", name);

        return vh_path_join(driver->run_dir, file);
}

int storage_state_write(StorageDriver *driver, const StoragePool *pool, VhError **err)
{
        _vh_free_ char *path = state_path(driver, pool->node.name);
        _vh_free_ char *text = storage_state_format(pool->def);
        int r = vh_file_write(path, text, strlen(text), FILE_MODE, (uid_t)VH_FILE_SAME_OWNER, (gid_t)VH_FILE_SAME_OWNER,
                              VH_FILE_NO_SYNC);

        return r < 0 ? vh_error_sys(err, VIR_FROM_STORAGE, r, "cannot save state file for pool '%s'", pool->node.name)
                     : 0;
}

void storage_state_remove(StorageDriver *driver, const StoragePool *pool)
{
        _vh_free_ char *path = state_path(driver, pool->node.name);

        if (unlink(path) < 0 && errno != ENOENT)
                vh_log_warning("'%s' cannot be removed: %s", path, vh_error_text(NULL, -errno));
}

static int load_state(StorageDriver *driver, const char *path, VhError **err)
{
        _vh_free_ char *text = NULL;
        VhPoolDef *def;
        StoragePool *pool;
        size_t n;
        int r = vh_file_read(path, STATE_MAX, &text, &n);

        r = r < 0 ? vh_error_sys(err, VIR_FROM_STORAGE, r, "cannot read '%s'", path)
                  : storage_state_parse(text, &def, err);
        if (r < 0)
                return r;
        pool = put(driver, def, err);
        if (!pool)
                return -EEXIST;
        pool->active = true;
        return 0;
}

static int is_state(const struct dirent *entry)
{
        return entry->d_name[0] != '.' && vh_endswith(entry->d_name, ".xml");
}

/* What cannot be used is left alone: it may be another program's. */
static void load_states(StorageDriver *driver)
{
        struct dirent **entries = NULL;
        int n = scandir(driver->run_dir, &entries, is_state, alphasort);

        for (int i = 0; i < n; i++) {
                _vh_free_ char *path = vh_path_join(driver->run_dir, entries[i]->d_name);
                _vh_error_ VhError *err = NULL;
                int r = load_state(driver, path, &err);

                if (r < 0)
                        skipped(NULL, path, r, err);
                free(entries[i]);
        }
        free(entries);
}

int storage_load(StorageDriver *driver, VhError **err)
{
        int r;

        load_states(driver);
        r = storage_load_definitions(driver, err);
        if (r < 0)
                return r;
        VH_REGISTRY_FOREACH(&driver->pools, node)
        storage_pool_wake(driver, storage_pool_of(node));
        return 0;
}
