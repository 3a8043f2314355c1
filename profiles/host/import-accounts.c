/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The group of the sockets: who makes it, and who is put into it, by the administrator's sysusers.d(5). */

#include "host/import-priv.h"

#include <stdio.h>

typedef struct Accounts {
        const Import *im;
        const char *group;
        VhBuf members;
        bool made;
} Accounts;

/* The first that a socket unit or a daemon's file names. */
static const char *find_group(const Import *im)
{
        for (size_t i = 0; i < im->host->n_units; i++) {
                const VhUnitLine *l = vh_import_changed(&im->host->units[i], "Socket", "SocketGroup");

                if (l && im->activation && vh_import_takes(im, im->host->units[i].daemon))
                        return l->value;
        }
        for (size_t i = 0; !im->activation && i < im->host->n_confs; i++) {
                const VhConf *conf = im->host->confs[i].conf;
                const VhConfEntry *e = conf ? vh_conf_find(conf, "unix_sock_group") : NULL;

                if (e && e->value.kind == VH_CONF_STRING)
                        return e->value.str;
        }
        return NULL;
}

static void take_line(Accounts *a, const char *line)
{
        char type = '\0', first[128] = "", second[128] = "";
        int n = sscanf(line, " %c %127s %127s", &type, first, second);
        Import inner = *a->im;

        if (n >= 2 && type == 'g' && vh_streq(first, a->group))
                a->made = true;
        if (n < 3 || type != 'm' || !vh_streq(second, a->group))
                return;
        inner.out = &a->members;
        vh_buf_adds(&a->members, a->members.len ? ", " : "");
        vh_import_put_text(&inner, first);
}

static int read_lines(void *data, const char *name)
{
        Accounts *a = data;
        const char *path = vh_arena_printf(&a->im->host->arena, "etc/sysusers.d/%s", name);
        const char *text = vh_endswith(name, ".conf") ? vh_survey_read_text(a->im->host, path) : NULL;

        for (const char *line = text; line; line = strchr(line, '\n')) {
                line += *line == '\n';
                take_line(a, line);
        }
        return 0;
}

void vh_import_accounts(const Import *im)
{
        Accounts a = { .im = im, .group = find_group(im) };

        if (a.group)
                vh_tree_list(&im->host->tree, "etc/sysusers.d", read_lines, &a);
        if (a.made)
                vh_buf_adds(im->out, "  create_group: true\n");
        if (a.members.len > 0)
                vh_buf_printf(im->out, "  members: [%s]\n", a.members.data);
        vh_buf_done(&a.members);
}
