/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sizes of images of guests that do not run. A file system can hang, so that workers look at them; they have copies of
 * what they need. */

#include "live-stats.h"

#include "block-job.h"

enum { FIRST_ROOM = 16 };

typedef struct Stored {
        VhDisk disk; /* no more of it than the worker needs */
        QemuImageSize size;
        bool known;
} Stored;

struct QemuStoredSizes {
        Stored *items;
        size_t n, room;
};

QemuStoredSizes *qemu_stored_sizes_new(void)
{
        return vh_new(QemuStoredSizes, 1);
}

QemuStoredSizes *qemu_stored_sizes_free(QemuStoredSizes *sizes)
{
        for (size_t i = 0; sizes && i < sizes->n; i++)
                free(sizes->items[i].disk.src.path);
        if (sizes)
                free(sizes->items);
        free(sizes);
        return NULL;
}

static void add(QemuStoredSizes *sizes, const VhDisk *disk)
{
        Stored *stored;

        if (sizes->n == sizes->room) {
                sizes->room = sizes->room ? 2 * sizes->room : FIRST_ROOM;
                sizes->items = vh_xrealloc(sizes->items, sizes->room, sizeof(*sizes->items));
        }
        stored = &sizes->items[sizes->n++];
        *stored = (Stored){ 0 };
        stored->disk.format = disk->format;
        stored->disk.src.type = disk->src.type;
        stored->disk.src.path = vh_xstrdup(qemu_disk_is_empty(disk) ? NULL : disk->src.path);
}

size_t qemu_stored_sizes_add(QemuStoredSizes *sizes, const VhDomainDef *def)
{
        for (uint32_t i = 0; i < def->disks.n; i++)
                add(sizes, def->disks.items[i]);
        return sizes->n - def->disks.n;
}

bool qemu_stored_sizes_empty(const QemuStoredSizes *sizes)
{
        return sizes->n == 0;
}

int qemu_stored_sizes_look(QemuStoredSizes *sizes)
{
        for (size_t i = 0; i < sizes->n; i++) {
                Stored *stored = &sizes->items[i];

                stored->known =
                        stored->disk.src.path && qemu_image_size_stored(&stored->disk, &stored->size, NULL) == 0;
        }
        return 0;
}

const QemuImageSize *qemu_stored_size(const QemuStoredSizes *sizes, size_t place, const VhDisk *disk)
{
        const Stored *stored = place < sizes->n ? &sizes->items[place] : NULL;

        return stored && stored->known && vh_streq(stored->disk.src.path, disk->src.path) ? &stored->size : NULL;
}
