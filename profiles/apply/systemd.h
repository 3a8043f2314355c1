/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The running systemd, over its bus interface. Calls wait for their end: a started unit is started when they return. */

#include "base/error.h"

typedef struct VhSystemd VhSystemd;

/* -EHOSTDOWN with err if systemd does not run this machine. */
int vh_systemd_open(VhSystemd **ret, VhError **err);
/* Accepts NULL, returns NULL. */
VhSystemd *vh_systemd_close(VhSystemd *s);
VH_DEFINE_CLEANUP(VhSystemd *, vh_systemd_close)
#define _vh_systemd_ _vh_cleanup_(vh_systemd_closep)

typedef struct VhUnitInfo {
        bool loaded; /* systemd knows a file of this name */
        bool masked;
        bool active; /* or on the way there */
        bool failed;
        bool kills_all;   /* of a service: stopping it ends every process in its control group */
        bool not_stopped; /* of a service: RefuseManualStop= */
        unsigned main_pid;
} VhUnitInfo;
int vh_systemd_unit(VhSystemd *s, const char *unit, VhUnitInfo *info, VhError **err);

/* method is StartUnit, StopUnit, RestartUnit or ReloadUnit. Waits for the job; a job that fails is -EIO with err. */
int vh_systemd_job(VhSystemd *s, const char *method, const char *unit, VhError **err);
/* The same without waiting: where the job has to wait for us. */
int vh_systemd_queue(VhSystemd *s, const char *method, const char *unit, VhError **err);
/* Reads all unit files again. */
int vh_systemd_reload(VhSystemd *s, VhError **err);
/* A timer and a service of its own, outside of this session, that run argv (NULL-terminated, argv[0] a path) in so many
 * seconds. */
int vh_systemd_start_timer(VhSystemd *s, const char *name, unsigned seconds, const char *const *argv, VhError **err);
