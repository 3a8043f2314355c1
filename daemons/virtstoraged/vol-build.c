/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Files of volumes, of whatever kind. */

#include "vol-build.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "api.h"
#include "dir.h"

enum { VOL_MODE = 0600 };

/* The content of another is not copied. */
static int build_dir(StorageBuild *build, VhError **err)
{
        const VhVolDef *def = build->def;
        _vh_close_ int fd = -1;

        if (mkdir(def->target.path, storage_mode(def->target.permissions, VOL_MODE)) < 0)
                return vh_error_sys(err, VIR_FROM_STORAGE, errno, "failed to create directory '%s'", def->target.path);
        build->made = true;
        fd = open(def->target.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? vh_error_sys(err, VIR_FROM_STORAGE, errno, "failed to create directory '%s'", def->target.path)
                      : storage_apply_owner(fd, def, err);
}

static int check_raw(const StorageBuild *build, VhError **err)
{
        if (build->flags & VIR_STORAGE_VOL_CREATE_PREALLOC_METADATA)
                return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "metadata preallocation is not supported for raw volumes");
        if (build->def->backing && build->def->backing->path)
                return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_NO_SUPPORT,
                                    "backing storage not supported for raw volumes");
        return 0;
}

/* Some formats need tools that make folders. */
static int check_tool(const StorageBuild *build, VhError **err)
{
        if (!vh_streq(build->def->target.format, "ploop"))
                return 0;
        return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_INTERNAL_ERROR,
                            "unable to find ploop, please install ploop tools");
}

/* There are no secrets here. */
static int check_plain(const StorageBuild *build, VhError **err)
{
        if (!build->def->target.encryption && (!build->origin || !build->origin->target.encryption))
                return 0;
        return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_CONFIG_UNSUPPORTED,
                            "encrypted volumes cannot be made or copied: volume '%s'", build->def->name);
}

static int check_absent(const char *path, VhError **err)
{
        struct stat st;

        if (lstat(path, &st) < 0)
                return 0;
        return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_OPERATION_INVALID, "volume target path '%s' already exists",
                            path);
}

static void remove_rest(const VhVolDef *def)
{
        if (def->type == VH_VOL_DIR)
                (void)rmdir(def->target.path);
        else
                (void)unlink(def->target.path);
}

int storage_build(StorageBuild *build, VhError **err)
{
        VhVolDef *def = build->def;
        bool tool = storage_needs_image_tool(build);
        int r = check_absent(def->target.path, err);

        if (r == 0)
                r = check_plain(build, err);
        if (r == 0)
                r = check_tool(build, err);
        if (r == 0 && !tool)
                r = check_raw(build, err);
        if (r < 0)
                return r;
        if (def->type == VH_VOL_DIR)
                r = build_dir(build, err);
        else
                r = tool ? storage_build_image(build, err) : storage_build_raw(build, err);
        def->target.nocow = false; /* it was a wish */
        if (r == 0)
                r = storage_vol_update(def, err);
        if (r < 0 && build->made)
                remove_rest(def);
        return r;
}
