/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The files of a host, or of an image below some folder: reading and replacing single ones with everything that belongs
 * to them. Links inside, absolute ones too, never lead out of the root. Paths are from the root, without a slash in
 * front. Functions return 0 (or what they say) or a negative errno. */

#include "base/error.h"

#include <sys/types.h>

typedef struct VhTree {
        char *root; /* as it was given */
        int fd;
        bool live; /* it is this machine's own root */
} VhTree;

typedef enum VhNodeKind {
        VH_NODE_NONE, /* nothing is there */
        VH_NODE_FILE,
        VH_NODE_LINK,
        VH_NODE_OTHER, /* a folder, a device, ... */
} VhNodeKind;

/* What is at a path. All zero: nothing. */
typedef struct VhNode {
        VhNodeKind kind;
        char *data; /* content of a file, or where a link points; ends with NUL behind len bytes */
        size_t len;
        unsigned mode; /* of a file */
        uid_t uid;
        gid_t gid;
        char *label; /* SELinux, or NULL */
} VhNode;

enum { VH_TREE_FILE_MAX = 16 * 1024 * 1024 };

/* Opens a root; make says whether a missing one is made. */
int vh_tree_open(VhTree *tree, const char *root, bool make, VhError **err);
void vh_tree_done(VhTree *tree);

/* Opens a directory below rootfd; missing ones are made if asked. */
int vh_tree_dir(int rootfd, const char *dir, bool make);
/* The directory that a path is in; *name is its last part. */
int vh_tree_parent(int rootfd, const char *path, bool make, const char **name);

/* Reads what is there, owner, mode and label included. A missing file or folder on the way is VH_NODE_NONE. */
int vh_tree_read(const VhTree *tree, const char *path, VhNode *node);
/* The same, but what a link leads to inside the root; one that leads nowhere is VH_NODE_NONE, a ring of links a link.
 */
int vh_tree_read_followed(const VhTree *tree, const char *path, VhNode *node);
/* Makes path be exactly this, in one step that is on disk afterwards; a folder in the way is -EISDIR. Folders on the
 * way are made. VH_NODE_NONE removes, and with it a folder of drop-ins or links that becomes empty. */
int vh_tree_put(const VhTree *tree, const char *path, const VhNode *node);
/* Removes what a vh_tree_put() of this path that was killed may have left beside it. */
void vh_tree_sweep(const VhTree *tree, const char *path);
/* Calls fn for every entry of a folder but . and ..; a missing folder has none. fn returns 0 to go on. */
int vh_tree_list(const VhTree *tree, const char *dir, int (*fn)(void *data, const char *name), void *data);

bool vh_node_equal(const VhNode *a, const VhNode *b);
/* The same but owner and label: what a profile decides. */
bool vh_node_same_content(const VhNode *a, const VhNode *b);
void vh_node_copy(VhNode *to, const VhNode *from);
void vh_node_done(VhNode *node);
#define _vh_node_ _vh_cleanup_(vh_node_done)
