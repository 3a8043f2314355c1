/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who calls. Stamped by us when a connection is accepted, from what the kernel says about the peer; never from what the
 * peer says, except that another of our daemons may speak for its client after it has shown the system token. */

#include "base/error.h"
#include <sys/types.h>

typedef struct VhIdentity {
        bool has_unix; /* uid, gid, pid and start_time are known (UNIX socket) */
        uid_t uid;
        gid_t gid;
        pid_t pid;
        uint64_t start_time; /* of the process, in clock ticks since boot: tells it from a later one with its pid; 0:
                                unknown */
        char *user_name;     /* NULL: unknown */
        char *group_name;
        char *selinux_context;
        char *sasl_user_name;
        char *x509_dname;
        char *system_token; /* as shown by the peer */
} VhIdentity;

/* Identity of the other end of a connected socket. For anything but a UNIX socket all is unknown. The start time of a
 * process of root is left for vh_identity_resolve(). Returns 0 or negative errno. */
int vh_identity_from_socket(VhIdentity **ret, int fd, bool is_unix);
VhIdentity *vh_identity_copy(const VhIdentity *id);
/* Accepts NULL, returns NULL. */
VhIdentity *vh_identity_free(VhIdentity *id);
VH_DEFINE_CLEANUP(VhIdentity *, vh_identity_free)

/* Looks up what is not there yet of user_name, group_name, start_time: not done on accept, where it would cost files
 * per client. */
void vh_identity_resolve(VhIdentity *id);
/* Start time of a process from /proc, in clock ticks since boot. Returns 0 or negative errno. */
int vh_process_start_time(pid_t pid, uint64_t *ret);
