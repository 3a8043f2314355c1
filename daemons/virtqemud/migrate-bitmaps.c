/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Bitmaps of checkpoints on their way. */

#include "migrate-bitmaps.h"

#include <errno.h>

#include "api.h"
#include "block-ops.h"
#include "block-bitmap.h"
#include "command-parts.h"
#include "migrate-storage.h"

enum { ALIAS_MAX = 255 }; /* what QEMU takes */

static void add_bitmap(QemuCookie *cookie, const VhDisk *disk, const json_t *bitmap)
{
        const char *name = json_string_value(json_object_get(bitmap, "name"));
        _vh_free_ char *alias = NULL;

        /* One that is not to be trusted any more is of no use there either. */
        if (!name || json_is_true(json_object_get(bitmap, "inconsistent")))
                return;
        alias = vh_xasprintf("libvirt-%s-%s", disk->target, name);
        if (strlen(alias) > ALIAS_MAX) {
                free(alias);
                alias = vh_xasprintf("libvirt-%s-%zu", disk->target, cookie->n_bitmaps);
        }
        qemu_cookie_add_bitmap(cookie, disk->target, name, alias);
}

void qemu_migrate_cookie_bitmaps(QemuCookie *cookie, const VhDomainDef *def, const QemuMigrateParams *p,
                                 const json_t *nodes)
{
        for (uint32_t i = 0; i < def->disks.n; i++) {
                const VhDisk *disk = def->disks.items[i];
                QemuBlockSize size = { 0 };
                const json_t *bitmap;
                size_t n;

                if (!qemu_storage_is_copied(p, disk) || qemu_block_size(nodes, &disk->src, &size, NULL) < 0)
                        continue;
                json_array_foreach((json_t *)size.bitmaps, n, bitmap)
                {
                        add_bitmap(cookie, disk, bitmap);
                }
        }
}

static bool can_come(const QemuCookieBitmap *bitmap, const VhDomainDef *def, const json_t *nodes)
{
        const VhDisk *disk = qemu_disk_find(def, bitmap->target);

        return disk && !qemu_bitmap_find(nodes, &disk->src, bitmap->name);
}

void qemu_migrate_filter_bitmaps(QemuCookie *cookie, const VhDomainDef *def, const json_t *nodes)
{
        size_t kept = 0;

        for (size_t i = 0; i < cookie->n_bitmaps; i++)
                if (can_come(&cookie->bitmaps[i], def, nodes))
                        cookie->bitmaps[kept++] = cookie->bitmaps[i];
                else
                        qemu_cookie_drop_bitmap(&cookie->bitmaps[i]);
        cookie->n_bitmaps = kept;
}

/* What QEMU has to know of a disk; its bitmaps are added later. */
static json_t *map_disk(const VhDisk *disk)
{
        _vh_free_ char *node = qemu_format_node(&disk->src);

        return json_pack("{s:s, s:s, s:[]}", "node-name", node, "alias", disk->target, "bitmaps");
}

int qemu_migrate_bitmap_mapping(const QemuCookie *cookie, const VhDomainDef *def, json_t **ret, VhError **err)
{
        json_t *map = json_array(), *entry = NULL;

        for (size_t i = 0; i < cookie->n_bitmaps; i++) {
                const QemuCookieBitmap *bitmap = &cookie->bitmaps[i];
                const VhDisk *disk = qemu_disk_find(def, bitmap->target);

                if (!disk) {
                        json_decref(map);
                        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR,
                                            "Can't find disk '%s' in domain definition", bitmap->target);
                }
                if (i == 0 || strcmp(bitmap[-1].target, bitmap->target) != 0) {
                        entry = map_disk(disk);
                        json_array_append_new(map, entry);
                }
                json_array_append_new(json_object_get(entry, "bitmaps"),
                                      json_pack("{s:s, s:s}", "name", bitmap->name, "alias", bitmap->alias));
        }
        *ret = map;
        return 0;
}
