/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One line: when, why, and the profile, whose name may have blanks. */

#include "apply/ended-try.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "apply/journal.h"

#define PATH "var/lib/virthost/ended-try"

enum { FILE_MODE = 0600 };

int vh_ended_try_put(const VhTree *tree, const char *profile, bool at_boot, VhError **err)
{
        _vh_node_ VhNode node = { .kind = VH_NODE_FILE, .mode = FILE_MODE };
        int r;

        node.data = vh_xasprintf("%" PRIu64 " %s %s\n", (uint64_t)time(NULL), at_boot ? "boot" : "timeout", profile);
        node.len = strlen(node.data);
        r = vh_tree_put(tree, PATH, &node);
        return r < 0 ? vh_error_sys(err, VIR_FROM_CONF, r, "cannot write /%s", PATH) : 0;
}

/* Whether something was applied after it. */
static bool is_history(const VhTree *tree, const VhEndedTry *ended)
{
        _vh_changes_ VhChangeSet set = { 0 };
        unsigned last = vh_history_last(tree);

        return last > 0 && vh_history_load(tree, last, &set, NULL) >= 0 && set.time > ended->time;
}

int vh_ended_try_load(const VhTree *tree, VhEndedTry *ended, VhError **err)
{
        _vh_node_ VhNode node = { 0 };
        char why[16];
        int at = 0, r = vh_tree_read(tree, PATH, &node);

        *ended = (VhEndedTry){ 0 };
        if (r < 0)
                return vh_error_sys(err, VIR_FROM_CONF, r, "cannot read /%s", PATH);
        if (node.kind != VH_NODE_FILE)
                return 0;
        if (sscanf(node.data, "%" SCNu64 " %15s %n", &ended->time, why, &at) < 2 || at == 0 || !node.data[at]) {
                vh_error_plain(err, VIR_FROM_CONF, VIR_ERR_CONF_SYNTAX, "/%s: not as virthost writes it; remove it",
                               PATH);
                return -EBADMSG;
        }
        if (is_history(tree, ended))
                return 0;
        ended->at_boot = vh_streq(why, "boot");
        ended->profile = vh_xstrndup(node.data + at, strcspn(node.data + at, "\n"));
        return 0;
}

void vh_ended_try_done(VhEndedTry *ended)
{
        free(ended->profile);
}
