/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a helper daemon hands to a fresh copy of its program: the state as JSON in a file under /run, and descriptors,
 * which stay open over exec. Names and shape are those of libvirt 9.0.0, so that either takes over from the other. */

#include <jansson.h>

#include "conf/desc.h"
#include "rpc/server.h"
#include "service/paths.h"

/* Descriptors that stay open. */
typedef struct VhKeptFds {
        int *fds;
        unsigned n;
} VhKeptFds;

/* fd stays the caller's. */
void vh_kept_fds_add(VhKeptFds *kept, int fd);
void vh_kept_fds_done(VhKeptFds *kept);

/* "/run/virtlogd-restart-exec.json"; the caller frees it. */
char *vh_handover_path(const VhPaths *paths, const VhDaemonDesc *desc);
/* Takes what our own process left before its exec, and removes the file; what another process left is of no use to
 * anybody. Returns 1 with *state (a reference), 0 if there is nothing, or negative errno with *err. */
int vh_handover_take(json_t **state, const char *path, VhError **err);
/* Writes state (which gets a mark of this process) and becomes argv[0] of the file system as it is now; kept stays open
 * in it. Returns only on failure, a negative errno with *err: then nothing has changed. */
int vh_handover_exec(const char *path, json_t *state, const VhKeptFds *kept, const char *program, char **argv,
                     VhError **err);

/* Listeners and clients of a server. private (may be NULL) gives a new reference to what is kept of a client. */
json_t *vh_handover_save_server(const VhServer *server, VhKeptFds *kept, json_t *(*private)(const VhClient *client));
/* The listeners of that state: calls add for each with its descriptor and whether its file is ours to remove. */
int vh_handover_each_listener(const json_t *server, int (*add)(void *data, int fd, bool unlink, VhError **err),
                              void *data, VhError **err);
/* Connects the clients of that state again; load (may be NULL) gets what private() gave. One that cannot be taken over
 * is dropped. */
void vh_handover_load_clients(const json_t *state, VhServer *server, const VhListen *listen,
                              int (*load)(void *data, VhClient *client, const json_t *state), void *data);
/* Refuses text of a client that could not be kept in the state, which is JSON: what is not UTF-8. what ("the path of a
 * log") is for the message. */
int vh_handover_check_text(const char *text, const char *what, int domain, VhError **err);
/* A descriptor named in the state: made close-on-exec. -EBADF if the program before did not leave it, or it has been
 * taken already. */
int vh_handover_fd(const json_t *object, const char *key, int *fd);
