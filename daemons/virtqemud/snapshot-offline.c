/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Images of guests that do not run, changed by qemu-img. */

#include <errno.h>
#include <unistd.h>

#include "model/domain-tables.h"
#include "moment.h"
#include "program.h"

#define QEMU_IMG "/usr/bin/qemu-img"

enum { ARGS_MAX = 12 };

typedef struct Step {
        char *argv[ARGS_MAX], *undo[ARGS_MAX];
} Step;

struct QemuImageWork {
        Step *steps;
        size_t n;
        char **files; /* to remove at the end */
        size_t n_files;
        VhError *err;
        void (*done)(void *data, int r, VhError *err);
        void *data;
};

QemuImageWork *qemu_image_work_new(void)
{
        return vh_new(QemuImageWork, 1);
}

static void copy_args(char **to, const char *const *from)
{
        for (unsigned i = 0; from && from[i] && i < ARGS_MAX - 1; i++)
                to[i] = vh_xstrdup(from[i]);
}

static void free_args(char **args)
{
        for (unsigned i = 0; i < ARGS_MAX; i++)
                free(args[i]);
}

void qemu_image_work_add(QemuImageWork *work, const char *const *argv, const char *const *undo)
{
        work->steps = vh_xrealloc(work->steps, work->n + 1, sizeof(*work->steps));
        work->steps[work->n] = (Step){ 0 };
        copy_args(work->steps[work->n].argv, argv);
        copy_args(work->steps[work->n++].undo, undo);
}

void qemu_image_work_unlink(QemuImageWork *work, const char *path)
{
        work->files = vh_xrealloc(work->files, work->n_files + 1, sizeof(*work->files));
        work->files[work->n_files++] = vh_xstrdup(path);
}

QemuImageWork *qemu_image_work_free(QemuImageWork *work)
{
        if (!work)
                return NULL;
        for (size_t i = 0; i < work->n; i++) {
                free_args(work->steps[i].argv);
                free_args(work->steps[i].undo);
        }
        for (size_t i = 0; i < work->n_files; i++)
                free(work->files[i]);
        free(work->files);
        free(work->steps);
        vh_error_free(work->err);
        free(work);
        return NULL;
}

/* "rm" stands for itself: a file that qemu-img made. */
static int run(char *const *args, VhError **err)
{
        _qemu_command_ QemuCommand cmd = { 0 };
        QemuProgram program = { .cmd = &cmd };

        if (strcmp(args[0], "rm") == 0)
                return unlink(args[1]) < 0 ? -errno : 0;
        qemu_command_add(&cmd, QEMU_IMG);
        for (unsigned i = 0; args[i]; i++)
                qemu_command_add(&cmd, args[i]);
        return qemu_program_must(&program, err);
}

static int work_all(void *data)
{
        QemuImageWork *work = data;
        int r = 0;
        size_t i;

        for (i = 0; r == 0 && i < work->n; i++)
                r = run(work->steps[i].argv, &work->err);
        while (r < 0 && i-- > 0)
                if (work->steps[i].undo[0])
                        (void)run(work->steps[i].undo, NULL);
        for (i = 0; r == 0 && i < work->n_files; i++)
                if (unlink(work->files[i]) < 0 && errno != ENOENT)
                        r = vh_error_sys(&work->err, VIR_FROM_QEMU, errno, "cannot remove '%s'", work->files[i]);
        return r;
}

static void work_done(void *data, int r)
{
        QemuImageWork *work = data;

        work->done(work->data, r, VH_TAKE_PTR(work->err));
        qemu_image_work_free(work);
}

void qemu_image_work_run(QemuImageWork *work, QemuDriver *driver, void (*done)(void *data, int r, VhError *err),
                         void *data)
{
        work->done = done;
        work->data = data;
        vh_pool_submit(driver->pool, work_all, work_done, work);
}

void qemu_image_work_internal(QemuImageWork *work, const VhDomainDef *def, const VhSnapshotDef *snap,
                              const char *option, const char *undo)
{
        for (uint32_t i = 0; i < def->disks.n; i++) {
                const VhDisk *disk = def->disks.items[i];
                const VhSnapshotDisk *sd = qemu_snapshot_disk(snap, disk->target);

                if (!sd || sd->location != VH_LOCATION_INTERNAL || !disk->src.path)
                        continue;
                qemu_image_work_add(work, (const char *const[]){ "snapshot", option, snap->name, disk->src.path, NULL },
                                    undo ? (const char *const[]){ "snapshot", undo, snap->name, disk->src.path, NULL }
                                         : NULL);
        }
}
