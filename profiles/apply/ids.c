/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Users and groups: an image has its own, and makes more of them when it boots. */

#include "apply/ids.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>

/* The number in the third field of NAME's line. */
static int find_in(const char *text, const char *name, unsigned *id)
{
        size_t len = strlen(name);

        for (const char *line = text; line; line = strchr(line, '\n')) {
                const char *field;

                line += *line == '\n';
                if (strncmp(line, name, len) != 0 || line[len] != ':')
                        continue;
                field = strchr(line + len + 1, ':');
                if (!field)
                        return -EINVAL;
                *id = (unsigned)strtoul(field + 1, NULL, 10);
                return 0;
        }
        return -ENOENT;
}

static int find_below(const VhTree *tree, const char *file, const char *name, unsigned *id)
{
        _vh_node_ VhNode node = { 0 };
        int r = vh_tree_read(tree, file, &node);

        if (r < 0)
                return r;
        return node.kind == VH_NODE_FILE ? find_in(node.data, name, id) : -ENOENT;
}

static int find_user(const VhTree *tree, const char *name, unsigned *id)
{
        const struct passwd *pw = tree->live ? getpwnam(name) : NULL;

        *id = pw ? pw->pw_uid : 0;
        return pw || vh_streq(name, "root") ? 0 : find_below(tree, "etc/passwd", name, id);
}

static int find_group(const VhTree *tree, const char *name, unsigned *id)
{
        const struct group *gr = tree->live ? getgrnam(name) : NULL;

        *id = gr ? gr->gr_gid : 0;
        return gr || vh_streq(name, "root") ? 0 : find_below(tree, "etc/group", name, id);
}

int vh_ids_find(const VhTree *tree, const char *user, const char *group, uid_t *uid, gid_t *gid, VhError **err)
{
        unsigned u = 0, g = 0;
        int r = find_user(tree, user ? user : "root", &u);

        if (r < 0)
                return vh_error_sys(err, VIR_FROM_CONF, r, "there is no user %s on this host", user);
        r = find_group(tree, group ? group : "root", &g);
        if (r < 0)
                return vh_error_sys(err, VIR_FROM_CONF, r, "there is no group %s on this host", group);
        *uid = u;
        *gid = g;
        return 0;
}

/* What sysusers.d makes: "u NAME" a user and its group, "g NAME" a group, "m USER GROUP" both. */
static bool line_makes(const char *line, const char *name, bool group)
{
        char type = '\0', first[256] = "", second[256] = "";

        if (sscanf(line, " %c %255s %255s", &type, first, second) < 2)
                return false;
        if (type == 'm')
                return vh_streq(group ? second : first, name);
        return (type == 'u' || (type == 'g' && group)) && vh_streq(first, name);
}

typedef struct Wanted {
        const VhTree *tree;
        const char *dir, *name;
        bool group, found;
} Wanted;

static int look_into(void *data, const char *file)
{
        Wanted *w = data;
        _vh_free_ char *path = vh_xasprintf("%s/%s", w->dir, file);
        _vh_node_ VhNode node = { 0 };

        if (!vh_endswith(file, ".conf") || vh_tree_read(w->tree, path, &node) < 0 || node.kind != VH_NODE_FILE)
                return 0;
        for (const char *line = node.data; line && !w->found; line = strchr(line, '\n')) {
                line += *line == '\n';
                w->found = line_makes(line, w->name, w->group);
        }
        return 0;
}

static bool comes_at_boot(const VhTree *tree, const char *name, bool group)
{
        static const char *const dirs[] = { "etc/sysusers.d", "run/sysusers.d", "usr/lib/sysusers.d" };
        Wanted w = { .tree = tree, .name = name, .group = group };

        for (size_t i = 0; i < VH_ARRAY_SIZE(dirs) && !w.found; i++) {
                w.dir = dirs[i];
                vh_tree_list(tree, w.dir, look_into, &w);
        }
        return w.found;
}

static bool lacks(const VhTree *tree, const char *name, bool group)
{
        _vh_node_ VhNode file = { 0 };
        unsigned id;

        name += *name == '+';
        if (name[strspn(name, "0123456789")] == '\0' ||
            vh_tree_read(tree, group ? "etc/group" : "etc/passwd", &file) < 0 || file.kind != VH_NODE_FILE)
                return false;
        return (group ? find_group : find_user)(tree, name, &id) == -ENOENT &&
               (tree->live || !comes_at_boot(tree, name, group));
}

bool vh_ids_lacks_user(const VhTree *tree, const char *name)
{
        return lacks(tree, name, false);
}

bool vh_ids_lacks_group(const VhTree *tree, const char *name)
{
        return lacks(tree, name, true);
}
