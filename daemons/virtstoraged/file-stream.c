/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Streams from and into files: one piece at a time is with a worker. */

#include "file-stream.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/stat.h>

#include "rpc/limits.h"

enum { PIECE = VH_STREAM_PACKET_MAX };

typedef struct File {
        StorageFileStream how;
        VhStream *stream;
        uint64_t at;   /* where the next piece is */
        uint64_t left; /* bytes that may follow */
        bool sparse;   /* holes are told */
        bool busy;     /* a worker has the rest of this */
        bool gone;     /* the stream is over */
        bool synced;
        int failed; /* negative errno of the last piece */
        /* The piece: */
        uint64_t piece_at;
        size_t n, taken;    /* bytes in it; of which the stream has */
        uint64_t hole;      /* instead of bytes: a hole of that length */
        bool ended;         /* there is nothing behind it */
        uint64_t hole_next; /* one behind it, told by the client */
        char data[PIECE];
} File;

static void file_free(File *f)
{
        close(f->how.fd);
        f->how.over(f->how.data);
        free(f);
}

/* ---- on the worker ---- */

/* Length of the hole that begins here, 0: none. The end of the file is one, too. */
static uint64_t hole_at(const File *f)
{
        off_t data = lseek(f->how.fd, (off_t)f->piece_at, SEEK_DATA);
        struct stat st;

        if (data >= 0)
                return (uint64_t)data - f->piece_at;
        if (errno != ENXIO || fstat(f->how.fd, &st) < 0 || (uint64_t)st.st_size <= f->piece_at)
                return 0;
        return (uint64_t)st.st_size - f->piece_at;
}

static int read_piece(File *f)
{
        size_t want = (size_t)VH_MIN(f->left, (uint64_t)PIECE);
        ssize_t n = 0;

        if (f->sparse)
                f->hole = VH_MIN(hole_at(f), f->left);
        if (f->hole)
                return 0;
        if (f->sparse) {
                off_t end = lseek(f->how.fd, (off_t)f->piece_at, SEEK_HOLE);

                if (end > (off_t)f->piece_at)
                        want = VH_MIN(want, (size_t)end - f->piece_at);
        }
        do
                n = want ? pread(f->how.fd, f->data, want, (off_t)f->piece_at) : 0;
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        f->n = (size_t)n;
        f->ended = n == 0;
        return 0;
}

static int write_piece(File *f)
{
        for (size_t done = 0; done < f->n;) {
                ssize_t n = pwrite(f->how.fd, f->data + done, f->n - done, (off_t)(f->piece_at + done));

                if (n < 0 && errno != EINTR)
                        return -errno;
                done += n > 0 ? (size_t)n : 0;
        }
        return 0;
}

/* What was there is gone, and the file reaches at least to its end. */
static int write_hole(const File *f)
{
        struct stat st;

        if (fallocate(f->how.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)f->piece_at, (off_t)f->hole) < 0)
                return -errno;
        if (fstat(f->how.fd, &st) < 0)
                return -errno;
        if ((uint64_t)st.st_size >= f->piece_at + f->hole)
                return 0;
        return ftruncate(f->how.fd, (off_t)(f->piece_at + f->hole)) < 0 ? -errno : 0;
}

static int work(void *data)
{
        File *f = data;

        if (!f->how.upload)
                return read_piece(f);
        if (f->hole)
                return write_hole(f);
        if (f->n)
                return write_piece(f);
        return fdatasync(f->how.fd) < 0 ? -errno : 0;
}

/* ---- on the loop ---- */

static void go(File *f);

static void next_hole(File *f)
{
        f->hole = f->hole_next;
        f->hole_next = 0;
        f->piece_at = f->at;
        f->at += f->hole;
        f->n = 0;
        go(f);
}

static void worked(void *data, int r)
{
        File *f = data;

        f->busy = false;
        f->failed = r;
        if (f->gone) {
                file_free(f);
                return;
        }
        if (f->how.upload) {
                f->synced = r == 0 && !f->hole && !f->n;
                f->hole = f->n = 0;
                if (r == 0 && f->hole_next) {
                        next_hole(f);
                        return;
                }
        }
        vh_stream_wake(f->stream);
}

static void go(File *f)
{
        f->busy = true;
        vh_pool_submit(f->how.workers, work, worked, f);
}

static int failure(const File *f, VhError **err)
{
        return vh_error_sys(err, VIR_FROM_STREAMS, f->failed,
                            f->how.upload ? "cannot write to stream" : "cannot read from stream");
}

/* The piece is used up: the next one. */
static void fetch(File *f)
{
        f->at += f->hole ? f->hole : f->n;
        f->left -= f->hole ? f->hole : f->n;
        f->piece_at = f->at;
        f->hole = f->n = f->taken = 0;
        go(f);
}

static ssize_t down(void *data, void *buf, size_t size, VhError **err)
{
        File *f = data;
        size_t n;

        if (f->busy)
                return -EAGAIN;
        if (f->failed < 0)
                return failure(f, err);
        if (f->ended)
                return 0;
        if (f->taken == f->n) {
                fetch(f);
                return -EAGAIN;
        }
        n = VH_MIN(size, f->n - f->taken);
        memcpy(buf, f->data + f->taken, n);
        f->taken += n;
        return (ssize_t)n;
}

static int64_t down_hole(void *data, VhError **err)
{
        File *f = data;
        uint64_t hole = f->busy || f->failed < 0 ? 0 : f->hole;

        if (hole)
                fetch(f);
        return (int64_t)hole;
}

static int too_much(VhError **err)
{
        return vh_error_sys(err, VIR_FROM_STREAMS, ENOSPC, "cannot write to stream");
}

static ssize_t up(void *data, const void *buf, size_t size, VhError **err)
{
        File *f = data;
        size_t n = VH_MIN(size, (size_t)PIECE);

        if (f->failed < 0)
                return failure(f, err);
        if (f->busy)
                return -EAGAIN;
        if (n > f->left)
                return too_much(err);
        memcpy(f->data, buf, n);
        f->n = n;
        f->piece_at = f->at;
        f->at += n;
        f->left -= n;
        go(f);
        return (ssize_t)n;
}

static int up_hole(void *data, int64_t length, VhError **err)
{
        File *f = data;

        if (f->failed < 0)
                return failure(f, err);
        if (length < 0 || (uint64_t)length > f->left)
                return too_much(err);
        f->left -= (uint64_t)length;
        f->hole_next += (uint64_t)length;
        if (!f->busy && f->hole_next)
                next_hole(f);
        return 0;
}

/* An upload is over when it is on the disk. */
static int finish(void *data, VhError **err)
{
        File *f = data;

        if (f->failed < 0)
                return failure(f, err);
        if (!f->how.upload || f->synced)
                return 0;
        if (!f->busy)
                go(f);
        return -EAGAIN;
}

static void over(void *data)
{
        File *f = data;

        f->gone = true;
        if (!f->busy)
                file_free(f);
}

void storage_file_stream(VhStream *stream, const StorageFileStream *how)
{
        static const VhStreamOps ups = { .write = up, .write_hole = up_hole, .finish = finish, .free = over };
        static const VhStreamOps downs = { .read = down, .read_hole = down_hole, .finish = finish, .free = over };
        File *f = vh_new(File, 1);

        f->how = *how;
        f->stream = stream;
        f->sparse = stream && vh_stream_is_sparse(stream);
        f->at = how->offset;
        f->left = how->length ? how->length : UINT64_MAX - how->offset;
        vh_stream_serve(stream, how->upload ? &ups : &downs, f);
}
