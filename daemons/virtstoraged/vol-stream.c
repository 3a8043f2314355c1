/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Content of volumes, from and to clients. */

#include "job.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include "file-stream.h"
#include "storage-ops.h"

/* The file is opened by a worker; then the stream keeps the volume. */
typedef struct OpenJob {
        StorageJob job;
        char *path;
        uint64_t offset, length;
        bool upload;
        int fd;
} OpenJob;

/* What a stream holds while it lasts. */
typedef struct Kept {
        StorageDriver *driver;
        StoragePool *pool;
        StorageVol *vol;
        bool upload;
} Kept;

static void stream_over(void *data)
{
        Kept *kept = data;

        kept->driver->n_jobs--;
        kept->pool->long_jobs--;
        kept->vol->in_use--;
        kept->pool->refresh_wanted |= kept->upload;
        storage_pool_refresh_if_wanted(kept->driver, kept->pool);
        free(kept);
}

static Kept *keep(StorageJob *job)
{
        Kept *kept = vh_new(Kept, 1);

        kept->driver = job->driver;
        kept->pool = job->pool;
        kept->vol = job->vol;
        kept->upload = ((OpenJob *)job)->upload;
        kept->driver->n_jobs++;
        kept->pool->long_jobs++;
        kept->vol->in_use++;
        return kept;
}

static int open_work(StorageJob *job)
{
        OpenJob *o = (OpenJob *)job;

        o->fd = open(o->path, (o->upload ? O_WRONLY : O_RDONLY) | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (o->fd < 0)
                return vh_error_sys(&job->err, VIR_FROM_STREAMS, errno, "Unable to open stream for '%s'", o->path);
        return 0;
}

static int open_done(StorageJob *job, int r)
{
        OpenJob *o = (OpenJob *)job;

        if (r == 0)
                storage_file_stream(job->call->stream, &(StorageFileStream){
                                                               .fd = VH_TAKE_FD(o->fd),
                                                               .upload = o->upload,
                                                               .offset = o->offset,
                                                               .length = o->length,
                                                               .workers = job->driver->workers,
                                                               .over = stream_over,
                                                               .data = keep(job),
                                                       });
        return r;
}

static void open_free(StorageJob *job)
{
        OpenJob *o = (OpenJob *)job;

        vh_closep(&o->fd);
        free(o->path);
}

static const StorageJobClass open_class = {
        .kind = STORAGE_JOB_LONG,
        .size = sizeof(OpenJob),
        .work = open_work,
        .done = open_done,
        .free = open_free,
};

static int check_range(uint64_t offset, uint64_t length, VhError **err)
{
        if (offset <= LLONG_MAX && length <= LLONG_MAX - offset)
                return 0;
        return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_INVALID_ARG, "offset and length lie beyond any file");
}

static int serve(VhCall *call, const remote_nonnull_storage_vol *wire, const OpenJob *how, VhError **err)
{
        StoragePool *pool = NULL;
        StorageVol *vol = NULL;
        OpenJob *o;
        int r = check_range(how->offset, how->length, err);

        if (r == 0)
                r = storage_vol(call, wire, STORAGE_SHARE, &pool, &vol, err);
        if (r == 0 && (how->upload || vol->building))
                r = storage_vol_check_free(vol, err);
        if (r != 0)
                return r;
        o = storage_job_new(storage_driver(call), pool, call, &open_class);
        o->job.vol = vol;
        o->path = vh_xstrdup(vol->def->target.path);
        o->offset = how->offset;
        o->length = how->length;
        o->upload = how->upload;
        o->fd = -1;
        return storage_job_go(&o->job, err);
}

STORAGE_OP(storage_vol_upload)
{
        const OpenJob how = { .offset = args->offset, .length = args->length, .upload = true };
        int r = vh_check_flags(args->flags, VIR_STORAGE_VOL_UPLOAD_SPARSE_STREAM, VIR_FROM_STORAGE, "storageVolUpload",
                               err);

        return r < 0 ? r : serve(call, &args->vol, &how, err);
}

STORAGE_OP(storage_vol_download)
{
        const OpenJob how = { .offset = args->offset, .length = args->length };
        int r = vh_check_flags(args->flags, VIR_STORAGE_VOL_DOWNLOAD_SPARSE_STREAM, VIR_FROM_STORAGE,
                               "storageVolDownload", err);

        return r < 0 ? r : serve(call, &args->vol, &how, err);
}
