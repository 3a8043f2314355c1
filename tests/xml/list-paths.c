/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes the path of every element and attribute that the tables of a document know, one a line:
 * "domain/devices/disk/@type". "PATH/..." stands for anything below (kept as text, or passed over). What contains
 * itself is written once. Usage: list-paths domain|snapshot|checkpoint|backup */

#include "model/domain.h"
#include "model/backup.h"
#include "model/moment.h"

#include <stdio.h>

enum { DEPTH_MAX = 32 };

typedef struct Walk {
        const VhXmlTable *tables[DEPTH_MAX]; /* that we are inside of */
        unsigned depth;
} Walk;

static void walk_rows(Walk *w, const char *path, const VhXmlRow *rows);

static void walk_table(Walk *w, const char *path, const VhXmlTable *table)
{
        for (unsigned i = 0; i < w->depth; i++)
                if (w->tables[i] == table)
                        return;
        if (w->depth == DEPTH_MAX)
                return;
        w->tables[w->depth++] = table;
        walk_rows(w, path, table->rows);
        w->depth--;
}

static void walk_row(Walk *w, const char *path, const VhXmlRow *row)
{
        bool is_attr = row->place == VH_XML_ATTR || row->place == VH_XML_DROPPED_ATTR;
        _vh_free_ char *here = vh_xasprintf("%s/%s%s", path, is_attr ? "@" : "", row->name ? row->name : "");

        switch (row->place) {
        case VH_XML_END:
        case VH_XML_TEXT:
                if (row->type && row->type->unit)
                        printf("%s/@unit\n", path);
                return;
        case VH_XML_EMBED:
                walk_rows(w, path, row->rows);
                return;
        case VH_XML_RAW:
        case VH_XML_DROPPED:
                printf("%s\n%s/...\n", here, here);
                return;
        default:
                puts(here);
        }
        if (row->place == VH_XML_GROUP)
                walk_rows(w, here, row->rows);
        else if (row->place == VH_XML_PTR || row->place == VH_XML_LIST)
                walk_table(w, here, row->table);
        else if (row->type && row->type->unit)
                printf("%s/@unit\n", is_attr ? path : here);
}

static void walk_rows(Walk *w, const char *path, const VhXmlRow *rows)
{
        for (; rows->place != VH_XML_END; rows++)
                walk_row(w, path, rows);
}

static const VhXmlTable *const domain = &vh_table_domain;

int main(int argc, char **argv)
{
        static const struct {
                const char *name;
                const VhXmlTable *const *table;
        } documents[] = {
                { "domain", &domain },
                { "snapshot", &vh_snapshot_model.table },
                { "checkpoint", &vh_checkpoint_model.table },
                { "backup", &vh_backup_model.table },
        };
        Walk w = {};

        for (unsigned i = 0; i < VH_ARRAY_SIZE(documents); i++)
                if (argc == 2 && vh_streq(argv[1], documents[i].name)) {
                        puts((*documents[i].table)->name);
                        walk_table(&w, (*documents[i].table)->name, *documents[i].table);
                        return 0;
                }
        fprintf(stderr, "usage: list-paths domain|snapshot|checkpoint|backup\n");
        return 2;
}
