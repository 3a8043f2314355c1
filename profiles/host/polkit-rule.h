/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Reads the rules of polkit(8) that have a simple form. They are JavaScript, which is not run here: a rule is
 * understood if it is a chain of conditions on the action, the subject and one attribute, each with a result. */

#include "base/util.h"

typedef enum VhPolkitResult {
        VH_POLKIT_NOT_HANDLED,
        VH_POLKIT_YES,
        VH_POLKIT_NO,
} VhPolkitResult;

/* "If the action is one of these, then ..." A * at the end of an action stands for all that begins so. */
typedef struct VhPolkitGuard {
        const char **actions;
        size_t n_actions;
        VhPolkitResult result;
        bool otherwise_no; /* for these actions, all other subjects get a no */
} VhPolkitGuard;

typedef struct VhPolkitRule {
        unsigned line;
        bool is_libvirt;              /* it names an action of libvirt */
        const char **users, **groups; /* the subject is one of them */
        size_t n_users, n_groups;
        const char *where_key, *where_value; /* an attribute of the object is this, * at the end stands for the rest */
        VhPolkitGuard *guards;
        size_t n_guards;
} VhPolkitRule;

/* Calls fn for each function that is given to polkit.addRule(). Of rules that are not understood only line and
 * is_libvirt count. The rule is only valid during the call. Returns how many there were. */
size_t vh_polkit_rules(const char *text, void (*fn)(void *data, const VhPolkitRule *rule, bool understood), void *data);
