/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A daemon's own .conf file as one typed struct. */

#include "base/uuid.h"
#include "conf/conf.h"
#include "rpc/server.h"

/* Limits of one of the two servers. */
typedef struct VhServerSettings {
        VhServerLimits limits;
        unsigned max_queued_clients; /* backlog of the listening sockets */
} VhServerSettings;

typedef struct VhSettings {
        VhConf *conf; /* owns the strings */
        bool session; /* of an ordinary user's daemon */
        unsigned log_level;
        const char *log_filters;
        const char *log_outputs;
        VhServerSettings main;
        VhServerSettings admin;
        const char *unix_sock_dir; /* NULL: the run directory */
        const char *listen_addr;   /* NULL: every address */
        unsigned audit_level;
        bool audit_logging;
        bool has_host_uuid; /* else SMBIOS tells */
        uint8_t host_uuid[VH_UUID_LEN];
        const char *const *access_drivers; /* NULL-terminated, or NULL */
} VhSettings;

/* Reads and checks the file of desc at path. All findings go to findings; *settings is to be freed with
 * vh_settings_done() in any case. Returns 0 or negative errno with *err, the first error. */
int vh_settings_load(VhSettings *settings, const VhDaemonDesc *desc, const char *path, VhConfOpenFlags flags,
                     VhFindings *findings, VhError **err);
void vh_settings_done(VhSettings *settings);

/* What the description's keys of a socket say. */
int vh_settings_auth(const VhSettings *settings, const VhSocketDesc *socket, VhAuth *auth, VhError **err);
/* The group of all UNIX sockets, -1: unchanged. */
int vh_settings_group(const VhSettings *settings, gid_t *group, VhError **err);
int vh_settings_mode(const VhSettings *settings, const VhSocketDesc *socket, unsigned *mode, VhError **err);
/* Whether a TCP or TLS listener is wanted, and where. */
int vh_settings_listener(const VhSettings *settings, const VhSocketDesc *socket, bool *enabled, const char **port,
                         VhError **err);
