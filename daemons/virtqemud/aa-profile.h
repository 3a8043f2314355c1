/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A guest's profile on disk and in the kernel: FOLDER/NAME, made once from the template, which includes
 * FOLDER/NAME.files with the guest's own rules. */

#include "base/error.h"

typedef struct AaProfile {
        const char *folder; /* /etc/apparmor.d/libvirt */
        const char *name;   /* libvirt-UUID */
} AaProfile;

/* Makes the profile from the template of a kind of guests ("qemu", "lxc") unless it is there. Returns 0 or negative
 * errno with *err. */
int aa_profile_create(const AaProfile *p, const char *kind, VhError **err);
/* Writes the file with the rules. append: behind what is there. The same returns. */
int aa_profile_write_rules(const AaProfile *p, const char *rules, bool append, VhError **err);
/* Has the kernel take the profile as it is on disk. */
int aa_profile_load(const AaProfile *p, VhError **err);
/* Has the kernel forget it; one that it does not have is no failure. */
int aa_profile_unload(const AaProfile *p, VhError **err);
/* Removes the file with the rules; the profile, which an administrator may have changed, stays. */
int aa_profile_delete_rules(const AaProfile *p, VhError **err);
