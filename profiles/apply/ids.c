/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Users and groups: an image has its own. */

#include "apply/ids.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>

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
