/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Unit files as systemd finds them, on a host or in an image, with changes that are still to be made already in force:
 * where a unit is, whether it is masked, and which links enable it. */

#include "apply/changes.h"

typedef struct VhUnitView {
        const VhTree *tree;
        const VhChangeSet *set; /* changes to come; NULL: none */
        bool split_usr;         /* units are looked for in /lib before /usr/lib, as Debian's systemd does */
} VhUnitView;

#define VH_UNIT_CONFIG_DIR "etc/systemd/system"

/* Finds out how this root's systemd looks for units. */
void vh_unit_view(VhUnitView *view, const VhTree *tree, const VhChangeSet *set);

/* The folders of units and their drop-ins, the strongest first; NULL behind the last. */
const char *vh_unit_dir(const VhUnitView *view, size_t i);

/* What will be at a path. */
int vh_unit_node(const VhUnitView *view, const char *path, VhNode *node);

/* Path of the unit's own file, masks left aside, from the root without slash; *path is NULL if it is not installed. The
 * caller frees it. */
int vh_unit_find(const VhUnitView *view, const char *unit, char **path);

/* The link that masks a unit, or NULL: "etc/systemd/system/UNIT" or the one in run/. The caller frees it. */
char *vh_unit_mask(const VhUnitView *view, const char *unit);

/* One link; both strings are only valid during the call. */
typedef void (*VhUnitLinkFn)(void *data, const char *path, const char *target);

/* The links that enabling this unit makes, those of the units in Also= included, besides units that skip() answers true
 * for. Returns 0 or negative errno with err. */
typedef struct VhUnitWalk {
        VhUnitLinkFn link;
        bool (*skip)(void *data, const char *unit);
        void *data;
} VhUnitWalk;
int vh_unit_enable(const VhUnitView *view, const char *unit, const VhUnitWalk *walk, VhError **err);

/* The links that are there now and go when the unit is disabled. */
int vh_unit_enabled(const VhUnitView *view, const char *unit, VhUnitLinkFn fn, void *data);
