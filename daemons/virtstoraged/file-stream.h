/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Streams from and into files, which workers read and write. */

#include "event/pool.h"
#include "rpc/stream.h"

typedef struct StorageFileStream {
        int fd; /* taken over */
        bool upload;
        uint64_t offset; /* where in the file it begins */
        uint64_t length; /* bytes at most; 0: any */
        VhPool *workers;
        /* It is over, finished or not; once, on the loop, when no worker has the file any more. */
        void (*over)(void *data);
        void *data;
} StorageFileStream;

/* Serves the stream of a call. */
void storage_file_stream(VhStream *stream, const StorageFileStream *how);
