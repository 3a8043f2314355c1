/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Collects what the emitters make and puts it on disk. */

#include "plan.h"
#include "base/file.h"

#include <errno.h>

enum {
        FILE_MODE = 0644,
        DIR_MODE = 0755,
        MANIFEST_MAX = 1024 * 1024,
};

void vh_plan_add(VhPlan *plan, char *path, unsigned mode, VhBuf *content)
{
        plan->files = vh_xrealloc(plan->files, plan->n + 1, sizeof(*plan->files));
        plan->files[plan->n++] = (VhPlanFile){ .path = path, .content = vh_buf_take(content), .mode = mode };
}

void vh_plan_done(VhPlan *plan)
{
        for (size_t i = 0; i < plan->n; i++) {
                free(plan->files[i].path);
                free(plan->files[i].content);
        }
        free(plan->files);
        *plan = (VhPlan){ 0 };
}

static int by_path(const void *a, const void *b)
{
        return strcmp(((const VhPlanFile *)a)->path, ((const VhPlanFile *)b)->path);
}

static void sort(VhPlan *plan)
{
        if (plan->n > 0)
                qsort(plan->files, plan->n, sizeof(*plan->files), by_path);
}

/* The list of all files, itself the last one: what the next run may remove. */
static void add_manifest(VhPlan *plan, const VhProfile *p)
{
        VhBuf b = { 0 };

        sort(plan);
        vh_emit_header(&b, p);
        for (size_t i = 0; i < plan->n; i++)
                vh_buf_printf(&b, "%04o %s\n", plan->files[i].mode, plan->files[i].path);
        vh_plan_add(plan, vh_xstrdup(VH_MANIFEST_PATH), FILE_MODE, &b);
}

void vh_plan_make(VhPlan *plan, const VhProfile *p, const VhPlanOptions *options)
{
        vh_emit_confs(plan, p, options);
        vh_emit_arguments(plan, p);
        if (p->startup == VH_STARTUP_ACTIVATION && !options->runtime_dir) {
                vh_emit_drop_ins(plan, p);
                vh_emit_preset(plan, p);
                if (options->units)
                        vh_emit_units(plan, p);
        }
        add_manifest(plan, p);
        sort(plan);
}

static bool has_file(const VhPlan *plan, const char *path)
{
        for (size_t i = 0; i < plan->n; i++)
                if (vh_streq(plan->files[i].path, path))
                        return true;
        return false;
}

/* Only plain paths below the root: a manifest that somebody edited must not make us remove anything else. */
static bool is_inside(const char *path)
{
        return *path && *path != '/' && !strstr(path, "..");
}

static int remove_stale(const VhPlan *plan, const char *root, unsigned *removed)
{
        _vh_free_ char *file = vh_path_join(root, VH_MANIFEST_PATH), *text = NULL;
        char *line, *rest;
        size_t len;
        int r = vh_file_read(file, MANIFEST_MAX, &text, &len);

        if (r < 0)
                return r == -ENOENT ? 0 : r;
        rest = text;
        while ((line = strsep(&rest, "\n"))) {
                const char *path = strchr(line, ' ');
                _vh_free_ char *full = NULL;

                if (*line == '#' || !path || !is_inside(path + 1) || has_file(plan, path + 1))
                        continue;
                full = vh_path_join(root, path + 1);
                r = vh_file_remove(full);
                if (r < 0 && r != -ENOENT)
                        return r;
                *removed += r == 0;
        }
        return 0;
}

/* True if the file is there with this content. */
static bool is_equal(const char *path, const VhPlanFile *f)
{
        _vh_free_ char *text = NULL;
        size_t len;

        return vh_file_read(path, strlen(f->content), &text, &len) == 0 && vh_streq(text, f->content);
}

static int write_file(const VhPlanFile *f, const char *root, unsigned *written)
{
        _vh_free_ char *path = vh_path_join(root, f->path);
        _vh_free_ char *dir = vh_xstrndup(path, (size_t)(strrchr(path, '/') - path));
        int r;

        if (is_equal(path, f))
                return 0;
        r = vh_mkdir_p(dir, DIR_MODE);
        if (r == 0)
                r = vh_file_write(path, f->content, strlen(f->content), f->mode, (uid_t)VH_FILE_SAME_OWNER,
                                  (gid_t)VH_FILE_SAME_OWNER, 0);
        *written += r == 0;
        return r;
}

int vh_plan_write(const VhPlan *plan, const char *root, unsigned *written, unsigned *removed, VhError **err)
{
        unsigned dummy = 0;
        int r = remove_stale(plan, root, removed ? removed : &dummy);

        if (r < 0)
                return vh_error_sys(err, VIR_FROM_CONF, r, "cannot remove files of the last run below %s", root);
        for (size_t i = 0; i < plan->n; i++) {
                r = write_file(&plan->files[i], root, written ? written : &dummy);
                if (r < 0)
                        return vh_error_sys(err, VIR_FROM_CONF, r, "cannot write %s/%s", root, plan->files[i].path);
        }
        return 0;
}
