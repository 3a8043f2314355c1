/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Collects what the emitters make and puts it on disk, below a folder that may be the root of an image: what links are
 * in there, nothing outside is reached. */

#include "plan.h"
#include "apply/tree.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

enum {
        FILE_MODE = 0644,
        MANIFEST_MAX = 1024 * 1024,
};

void vh_draft_from(VhDraft *d, const VhYamlNode *node, const char *path)
{
        VhPlanPlace *last = d->n_places > 0 ? &d->places[d->n_places - 1] : NULL;

        if (last ? last->node == node : !node)
                return;
        for (; d->counted < d->text.len; d->counted++)
                d->lines += d->text.data[d->counted] == '\n';
        if (!last || last->line != d->lines + 1) {
                d->places = vh_xrealloc(d->places, d->n_places + 1, sizeof(*d->places));
                last = &d->places[d->n_places++];
        }
        *last = (VhPlanPlace){ .line = d->lines + 1, .node = node, .path = path };
}

void vh_draft_done(VhDraft *d)
{
        vh_buf_done(&d->text);
        free(d->places);
        *d = (VhDraft){ 0 };
}

VhPlanFile *vh_plan_add(VhPlan *plan, VhPlanKind kind, char *path, unsigned mode, VhDraft *draft)
{
        VhPlanFile *f;

        plan->files = vh_xrealloc(plan->files, plan->n + 1, sizeof(*plan->files));
        f = &plan->files[plan->n++];
        *f = (VhPlanFile){ .path = path, .mode = mode, .owner = "root", .group = "root", .kind = kind };
        f->content = vh_buf_take(&draft->text);
        f->places = VH_TAKE_PTR(draft->places);
        f->n_places = draft->n_places;
        draft->n_places = 0;
        return f;
}

void vh_plan_add_unit(VhPlan *plan, const VhPlanUnit *unit)
{
        plan->units = vh_xrealloc(plan->units, plan->n_units + 1, sizeof(*plan->units));
        plan->units[plan->n_units++] = *unit;
}

const VhPlanFile *vh_plan_find(const VhPlan *plan, const char *path)
{
        for (size_t i = 0; i < plan->n; i++)
                if (vh_streq(plan->files[i].path, path))
                        return &plan->files[i];
        return NULL;
}

const VhPlanUnit *vh_plan_find_unit(const VhPlan *plan, const char *unit)
{
        for (size_t i = 0; i < plan->n_units; i++)
                if (vh_streq(plan->units[i].unit, unit))
                        return &plan->units[i];
        return NULL;
}

const VhPlanPlace *vh_plan_place(const VhPlanFile *f, unsigned line)
{
        const VhPlanPlace *found = NULL;

        for (size_t i = 0; i < f->n_places && f->places[i].line <= line; i++)
                found = &f->places[i];
        return found && found->node ? found : NULL;
}

void vh_plan_done(VhPlan *plan)
{
        for (size_t i = 0; i < plan->n; i++) {
                free(plan->files[i].path);
                free(plan->files[i].content);
                free(plan->files[i].places);
        }
        free(plan->files);
        free(plan->units);
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
        VhDraft d = { 0 };

        sort(plan);
        vh_emit_header(&d.text, p);
        for (size_t i = 0; i < plan->n; i++)
                vh_buf_printf(&d.text, "%04o %s\n", plan->files[i].mode, plan->files[i].path);
        vh_plan_add(plan, VH_PLAN_MANIFEST, vh_xstrdup(VH_MANIFEST_PATH), FILE_MODE, &d);
}

void vh_plan_make(VhPlan *plan, const VhProfile *p, const VhPlanOptions *options)
{
        vh_emit_confs(plan, p, options);
        vh_emit_arguments(plan, p);
        if (!options->runtime_dir) {
                vh_emit_polkit(plan, p);
                vh_emit_accounts(plan, p);
                vh_emit_folders(plan, p);
                vh_emit_guests(plan, p);
                vh_emit_drop_ins(plan, p);
                vh_emit_preset(plan, p);
                if (options->masks)
                        vh_emit_masks(plan);
                if (options->units)
                        vh_emit_units(plan, p);
        }
        add_manifest(plan, p);
        sort(plan);
}

static int read_at(int dirfd, const char *name, size_t max, char **text)
{
        _vh_close_ int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        size_t len;

        return fd < 0 ? -errno : vh_file_read_fd(fd, max, text, &len);
}

static int read_file(int rootfd, const char *path, size_t max, char **text)
{
        const char *name;
        _vh_close_ int dirfd = vh_tree_parent(rootfd, path, false, &name);

        return dirfd < 0 ? dirfd : read_at(dirfd, name, max, text);
}

static int remove_file(int rootfd, const char *path)
{
        const char *name;
        _vh_close_ int dirfd = vh_tree_parent(rootfd, path, false, &name);

        if (dirfd < 0)
                return dirfd;
        return unlinkat(dirfd, name, 0) < 0 ? -errno : 0;
}

static int remove_stale(const VhPlan *plan, int rootfd, unsigned *removed)
{
        _vh_free_ char *text = NULL;
        char *line, *rest;
        int r = read_file(rootfd, VH_MANIFEST_PATH, MANIFEST_MAX, &text);

        if (r < 0)
                return r == -ENOENT ? 0 : r;
        rest = text;
        while ((line = strsep(&rest, "\n"))) {
                const char *path = strchr(line, ' ');

                if (*line == '#' || !path || path[1] == '\0' || vh_plan_find(plan, path + 1))
                        continue;
                r = remove_file(rootfd, path + 1);
                /* Somebody else may have tidied up, or put something else there. */
                if (r < 0 && r != -ENOENT && r != -EISDIR && r != -ENOTDIR)
                        return r;
                *removed += r == 0;
        }
        return 0;
}

static bool has_mode(int dirfd, const char *name, unsigned mode)
{
        struct stat st;

        return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && (st.st_mode & 07777) == mode;
}

/* The folder of the last file stays open: sorted by path, files of a folder follow each other. */
typedef struct Folder {
        int rootfd, fd;
        const char *path; /* of the last file */
        size_t len;       /* of its folder's part */
} Folder;

static int enter_folder(Folder *f, const char *path, const char **name)
{
        const char *slash = strrchr(path, '/');
        size_t len = slash ? (size_t)(slash - path) : 0;

        *name = slash ? slash + 1 : path;
        if (f->fd >= 0 && f->len == len && strncmp(f->path, path, len) == 0)
                return 0;
        vh_closep(&f->fd);
        f->fd = vh_tree_parent(f->rootfd, path, true, name);
        f->path = path;
        f->len = len;
        return f->fd < 0 ? f->fd : 0;
}

/* Who installs the files waits for the disk; here they can be made again. */
static int write_file(const VhPlanFile *f, Folder *folder, unsigned *written)
{
        _vh_free_ char *old = NULL;
        const char *name;
        int r = enter_folder(folder, f->path, &name);

        if (r < 0)
                return r;
        if (read_at(folder->fd, name, strlen(f->content), &old) == 0 && vh_streq(old, f->content) &&
            has_mode(folder->fd, name, f->mode))
                return 0;
        r = vh_file_write_at(folder->fd, name, f->content, strlen(f->content), f->mode, (uid_t)VH_FILE_SAME_OWNER,
                             (gid_t)VH_FILE_SAME_OWNER, VH_FILE_NO_SYNC);
        *written += r == 0;
        return r;
}

int vh_plan_write(const VhPlan *plan, const char *root, unsigned *written, unsigned *removed, VhError **err)
{
        _vh_cleanup_(vh_tree_done) VhTree tree = { .fd = -1 };
        Folder folder = { .fd = -1 };
        unsigned dummy = 0;
        int r = vh_tree_open(&tree, root, true, err);

        if (r < 0)
                return r;
        r = remove_stale(plan, tree.fd, removed ? removed : &dummy);
        if (r < 0)
                return vh_error_sys(err, VIR_FROM_CONF, r, "cannot remove files of the last run below %s", root);
        folder.rootfd = tree.fd;
        for (size_t i = 0; i < plan->n && r == 0; i++) {
                r = write_file(&plan->files[i], &folder, written ? written : &dummy);
                if (r < 0)
                        vh_error_sys(err, VIR_FROM_CONF, r, "cannot write %s/%s", root, plan->files[i].path);
        }
        vh_closep(&folder.fd);
        return r;
}
