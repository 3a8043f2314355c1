/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where a checkpoint's bitmaps stand in a chain of images, and how they follow the guest's writes. */

#include "block-bitmap.h"

#include <errno.h>

#include "block-ops.h"

/* ---- commands ---- */

json_t *qemu_bitmap_action(const char *type, const char *node, const char *name)
{
        return json_pack("{s:s,s:{s:s,s:s}}", "type", type, "data", "node", node, "name", name);
}

json_t *qemu_bitmap_add(const char *node, const char *name, bool persistent, bool disabled, unsigned granularity)
{
        json_t *action = qemu_bitmap_action("block-dirty-bitmap-add", node, name);
        json_t *data = json_object_get(action, "data");

        json_object_set_new(data, "persistent", json_boolean(persistent));
        json_object_set_new(data, "disabled", json_boolean(disabled));
        qj_uint(data, "granularity", granularity);
        return action;
}

json_t *qemu_bitmap_merge(const char *node, const char *name, json_t *sources)
{
        return json_pack("{s:s,s:{s:s,s:s,s:o}}", "type", "block-dirty-bitmap-merge", "data", "node", node, "target",
                         name, "bitmaps", sources);
}

json_t *qemu_transaction(json_t *actions)
{
        json_t *args = json_object();

        json_object_set_new(args, "actions", actions);
        return qmp_command_args("transaction", args);
}

/* ---- what there is ---- */

static const json_t *bitmaps_of(const json_t *nodes, const VhDiskSource *src)
{
        QemuBlockSize size = { 0 };

        return qemu_block_size(nodes, src, &size, NULL) < 0 ? NULL : size.bitmaps;
}

const json_t *qemu_bitmap_find(const json_t *nodes, const VhDiskSource *src, const char *name)
{
        const json_t *bitmaps = bitmaps_of(nodes, src);
        const json_t *b;
        size_t i;

        json_array_foreach((json_t *)bitmaps, i,
                           b) if (vh_streq(json_string_value(json_object_get(b, "name")), name)) return b;
        return NULL;
}

bool qemu_bitmap_is_good(const json_t *bitmap)
{
        return json_string_value(json_object_get(bitmap, "name")) &&
               json_is_true(json_object_get(bitmap, "persistent")) &&
               json_is_true(json_object_get(bitmap, "recording")) &&
               !json_is_true(json_object_get(bitmap, "inconsistent"));
}

json_t *qemu_bitmap_sources(const json_t *nodes, const VhDiskSource *src, unsigned end, const char *name,
                            unsigned *granularity)
{
        json_t *sources = NULL;

        for (; src && !(end && src->index.val == end); src = qemu_backing(src)) {
                const json_t *b = qemu_bitmap_find(nodes, src, name);
                _vh_free_ char *node = qemu_format_node(src);

                if (!qemu_bitmap_is_good(b))
                        break;
                if (!sources) {
                        sources = json_array();
                        if (granularity)
                                *granularity = (unsigned)json_integer_value(json_object_get(b, "granularity"));
                }
                json_array_append_new(sources, json_pack("{s:s,s:s}", "node", node, "name", name));
        }
        return sources;
}

/* ---- where they go ---- */

/* One goes on in the target. */
static void carry(const json_t *nodes, const VhDiskSource *target, const char *node, const char *name, json_t *sources,
                  unsigned granularity, json_t *actions)
{
        if (qemu_bitmap_find(nodes, target, QEMU_BITMAP_WRITES))
                json_array_append_new(sources, json_pack("{s:s,s:s}", "node", node, "name", QEMU_BITMAP_WRITES));
        if (!qemu_bitmap_find(nodes, target, name))
                json_array_append_new(actions, qemu_bitmap_add(node, name, true, false, granularity));
        json_array_append_new(actions, qemu_bitmap_merge(node, name, sources));
}

void qemu_bitmaps_carry(const json_t *nodes, const VhDiskSource *of, const VhDiskSource *top, unsigned end,
                        const VhDiskSource *target, json_t *actions)
{
        _vh_free_ char *node = qemu_format_node(target);
        const json_t *b;
        size_t i;

        json_array_foreach((json_t *)bitmaps_of(nodes, of), i, b)
        {
                const char *name = json_string_value(json_object_get(b, "name"));
                unsigned granularity = 0;
                json_t *sources =
                        qemu_bitmap_is_good(b) ? qemu_bitmap_sources(nodes, top, end, name, &granularity) : NULL;

                if (sources)
                        carry(nodes, target, node, name, sources, granularity, actions);
        }
        if (qemu_bitmap_find(nodes, target, QEMU_BITMAP_WRITES))
                json_array_append_new(actions,
                                      qemu_bitmap_action("block-dirty-bitmap-remove", node, QEMU_BITMAP_WRITES));
}

void qemu_plan_watch_writes(QemuPlan *plan, const VhDisk *disk)
{
        _vh_free_ char *node = disk && disk->mirror ? qemu_format_node(&disk->mirror->src) : NULL;
        json_t *actions;

        if (!node)
                return;
        actions = json_pack("[o]", qemu_bitmap_add(node, QEMU_BITMAP_WRITES, false, false, 0));
        qemu_plan_add(plan, qemu_transaction(actions),
                      qmp_command("block-dirty-bitmap-remove", "{s:s,s:s}", "node", node, "name", QEMU_BITMAP_WRITES));
        /* That of an earlier try may still be there. */
        plan->steps[plan->n - 1].optional = true;
}

/* ---- images below the top ---- */

void qemu_plan_reopen(const VhDisk *disk, const VhDiskSource *src, bool writable, QemuPlan *plan)
{
        json_t *format = qemu_format_layer(disk, src), *args = json_object();

        json_object_set_new(format, "read-only", json_boolean(!writable));
        json_object_set_new(args, "options", json_pack("[o]", format));
        qemu_plan_add(plan, qmp_command_args("blockdev-reopen", args), NULL);
}
