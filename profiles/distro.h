/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What distributions do in their own ways: names of groups, places of files. */

#include "base/util.h"

typedef struct VhDistro {
        const char *name;         /* "debian": what target.distribution says */
        const char *title;        /* for messages and docs */
        const char *const *ids;   /* ID and ID_LIKE words of os-release(5), NULL-terminated */
        const char *env_dir;      /* of environment files of units, without the slash in front */
        const char *unit_dir;     /* units of packages, without the slash in front */
        const char *access_group; /* whose members may manage guests */
        const char *qemu_user;    /* guests of qemu:///system run as */
        const char *qemu_group;
        const char *guests_at_shutdown;     /* what its libvirt-guests does unless told: "suspend" */
        const char *guests_at_boot;         /* "start" */
        const char *polkit_rules_dir;       /* of the administrator, without the slash in front */
        const char *const *libvirt_layouts; /* that its libvirt packages have, the usual one first, NULL-terminated */
} VhDistro;

extern const VhDistro vh_distros[]; /* ends with a NULL name; the first one is the default of a Debian build */

/* By name or by another id of the family ("ubuntu", "rhel"); NULL if none. */
const VhDistro *vh_distro_find(const char *name);
/* The one that the text of an os-release file is of, or NULL. */
const VhDistro *vh_distro_of_os_release(const char *text);
/* The one this build was made for. */
const VhDistro *vh_distro_default(void);
