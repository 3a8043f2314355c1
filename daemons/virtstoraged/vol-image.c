/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Images that qemu-img makes. */

#include "vol-build.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>

#include "api.h"
#include "base/buf.h"
#include "base/tool.h"
#include "image/head.h"

enum { ARGS_MAX = 16, KIB = 1024 };

typedef struct Args {
        char *argv[ARGS_MAX];
        size_t n;
} Args;

static void args_done(Args *args)
{
        for (size_t i = 0; i < args->n; i++)
                free(args->argv[i]);
}

static void add(Args *args, const char *arg)
{
        args->argv[args->n++] = vh_xstrdup(arg);
}

static void add_taken(Args *args, char *arg)
{
        args->argv[args->n++] = arg;
}

static int run(Args *args, int stop_fd, VhError **err)
{
        const VhTool tool = { .domain = VIR_FROM_STORAGE, .argv = args->argv, .stop_fd = stop_fd };

        return vh_tool_must(&tool, err);
}

static int add_tool(Args *args, VhError **err)
{
        char *path = vh_tool_find("qemu-img");

        if (!path)
                return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_INTERNAL_ERROR,
                                    "creation of non-raw file images is not supported without qemu-img.");
        add_taken(args, path);
        return 0;
}

bool storage_needs_image_tool(const StorageBuild *build)
{
        const VhVolDef *def = build->def;

        return strcmp(def->target.format, "raw") != 0 ||
               (build->origin && !vh_streq(build->origin->target.format, "raw"));
}

/* The file behind, which must be there. */
static int check_backing(const StorageBuild *build, VhError **err)
{
        const VhVolBacking *backing = build->def->backing;
        _vh_free_ char *path = NULL;

        if (!backing || !backing->path || build->origin)
                return 0;
        if (vh_backing_has_protocol(backing->path))
                return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "backing store volume '%s' is not a file of this host", backing->path);
        path = vh_backing_path(build->def->target.path, backing->path);
        return access(path, R_OK) < 0 ? vh_error_sys(err, VIR_FROM_STORAGE, errno,
                                                     "inaccessible backing store volume %s", backing->path)
                                      : 0;
}

static int check_metadata(const StorageBuild *build, VhError **err)
{
        if (!(build->flags & VIR_STORAGE_VOL_CREATE_PREALLOC_METADATA) ||
            strcmp(build->def->target.format, "qcow2") == 0)
                return 0;
        return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_CONFIG_UNSUPPORTED,
                            "metadata preallocation only available with qcow2");
}

/* ---- -o ---- */

static void option(VhBuf *b, const char *name, const char *value)
{
        vh_buf_printf(b, "%s%s=%s", b->len ? "," : "", name, value);
}

static void qcow2_options(const VhVolDef *def, VhBuf *b)
{
        const VhVolFeatures *features = def->target.features;

        /* Features need the newer header; who asks for nothing gets the older one. */
        option(b, "compat", def->target.compat ? def->target.compat : features ? "1.1" : "0.10");
        if (features && features->lazy_refcounts)
                option(b, "lazy_refcounts", "on");
        if (features && features->extended_l2)
                option(b, "extended_l2", "on");
        if (def->target.cluster_size) {
                _vh_free_ char *size = vh_xasprintf("%" PRIu64, def->target.cluster_size);

                option(b, "cluster_size", size);
        }
}

static const char *backing_format(const VhVolBacking *backing)
{
        return backing->format ? backing->format : "raw";
}

static void add_options(const StorageBuild *build, Args *args)
{
        const VhVolDef *def = build->def;
        VhBuf b = { 0 };

        if (def->backing && def->backing->path && !build->origin)
                option(&b, "backing_fmt", backing_format(def->backing));
        if (build->flags & VIR_STORAGE_VOL_CREATE_PREALLOC_METADATA)
                option(&b, "preallocation", def->allocation < def->capacity ? "metadata" : "falloc");
        if (def->target.nocow)
                option(&b, "nocow", "on");
        if (strcmp(def->target.format, "qcow2") == 0)
                qcow2_options(def, &b);
        if (b.len) {
                add(args, "-o");
                add_taken(args, vh_buf_take(&b));
        }
        vh_buf_done(&b);
}

/* ---- the commands ---- */

/* A disc is a raw file. */
static const char *image_format(const VhVolDef *def)
{
        return strcmp(def->target.format, "iso") == 0 ? "raw" : def->target.format;
}

static void add_create(const StorageBuild *build, Args *args)
{
        const VhVolDef *def = build->def;

        add(args, "create");
        add(args, "-f");
        add(args, image_format(def));
        if (def->backing && def->backing->path) {
                add(args, "-b");
                add(args, def->backing->path);
        }
        add_options(build, args);
        add(args, def->target.path);
        /* Without a size it is as large as what is behind. */
        if (def->capacity || !def->backing)
                add_taken(args, vh_xasprintf("%" PRIu64 "K", (def->capacity + KIB - 1) / KIB));
}

static void add_convert(const StorageBuild *build, Args *args)
{
        add(args, "convert");
        add(args, "-f");
        add(args, image_format(build->origin));
        add(args, "-O");
        add(args, image_format(build->def));
        add_options(build, args);
        add(args, build->origin->target.path);
        add(args, build->def->target.path);
}

static int own_file(const VhVolDef *def, VhError **err)
{
        _vh_close_ int fd = open(def->target.path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);

        if (fd < 0)
                return vh_error_sys(err, VIR_FROM_STORAGE, errno, "failed to create %s", def->target.path);
        return storage_apply_owner(fd, def, err);
}

int storage_resize_image(const VhVolDef *def, uint64_t capacity, bool shrink, int stop_fd, VhError **err)
{
        _vh_cleanup_(args_done) Args args = { 0 };
        int r = add_tool(&args, err);

        if (r < 0)
                return r;
        add(&args, "resize");
        if (shrink)
                add(&args, "--shrink");
        add(&args, def->target.path);
        add_taken(&args, vh_xasprintf("%" PRIu64, capacity));
        return run(&args, stop_fd, err);
}

/* An image that was converted may have to grow. */
static int grow(const StorageBuild *build, VhError **err)
{
        const VhVolDef *def = build->def;

        if (!build->origin || def->capacity <= build->origin->capacity)
                return 0;
        if (strcmp(def->target.format, "raw") == 0)
                return storage_resize_raw(def->target.path, def->capacity, false, err);
        return storage_resize_image(def, def->capacity, false, build->stop_fd, err);
}

int storage_build_image(StorageBuild *build, VhError **err)
{
        _vh_cleanup_(args_done) Args args = { 0 };
        int r = check_metadata(build, err);

        if (r == 0)
                r = check_backing(build, err);
        if (r == 0)
                r = add_tool(&args, err);
        if (r < 0)
                return r;
        if (build->origin)
                add_convert(build, &args);
        else
                add_create(build, &args);
        build->made = true;
        r = run(&args, build->stop_fd, err);
        if (r == 0)
                r = own_file(build->def, err);
        return r == 0 ? grow(build, err) : r;
}
