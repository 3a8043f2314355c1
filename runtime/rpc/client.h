/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Our own client: a connection to a daemon, on a loop. Used by relays, tools and tests. */

#include "event/loop.h"
#include "rpc/frame.h"
#include "rpc/proc.h"
#include "base/arena.h"

typedef struct VhRemote VhRemote;

/* What does not belong to a vh_remote_call(). The remote may be freed in any of these and in VhRemoteReplyFn. */
typedef struct VhRemoteHooks {
        /* An event, a stream packet, or the reply of a call that was sent as a frame. Who takes a descriptor puts -1
         * there. */
        void (*frame)(VhRemote *remote, const VhFrame *frame, void *data);
        /* The connection broke, after pending calls were failed; nothing comes any more. r: -ECONNRESET the peer hung
         * up, -ETIMEDOUT it does not answer, others say what failed. */
        void (*closed)(VhRemote *remote, int r, void *data);
        /* The backlog has been sent. */
        void (*sent)(VhRemote *remote, void *data);
        /* For keepalive: true while the peer owes an answer to something that was sent as a frame. NULL: always true.
         */
        bool (*waiting)(VhRemote *remote, void *data);
} VhRemoteHooks;

/* End of a call. r 0: frame is the reply, to be decoded with vh_remote_decode(); negative: err says why. */
typedef void (*VhRemoteReplyFn)(void *data, int r, const VhFrame *frame, const VhError *err);

/* Connects to a UNIX socket. Returns 0 or negative errno with *err. */
int vh_remote_connect(VhRemote **ret, VhLoop *loop, const char *path, VhError **err);
/* On a connected socket, which is taken over. */
VhRemote *vh_remote_new(VhLoop *loop, int fd);
/* Hangs up; pending calls get -ECANCELED. Accepts NULL, returns NULL. */
VhRemote *vh_remote_free(VhRemote *remote);
VH_DEFINE_CLEANUP(VhRemote *, vh_remote_free)
void vh_remote_set_hooks(VhRemote *remote, const VhRemoteHooks *hooks, void *data);

/* Sends a call; fn runs later from the loop, exactly once. args is encoded at once. Returns 0 or negative errno (fn is
 * not called). */
int vh_remote_call(VhRemote *remote, const VhProgram *program, const VhProc *proc, const void *args, VhRemoteReplyFn fn,
                   void *data, uint32_t *serial);
/* The same and waits, VH_SYNC_CALL_USEC at most: -ETIMEDOUT then. ret (zeroed, may be NULL) points into arena. Other
 * frames that come meanwhile go to the hooks. */
int vh_remote_call_sync(VhRemote *remote, const VhProgram *program, const VhProc *proc, const void *args, void *ret,
                        VhArena *arena, VhError **err);
/* The same for a call whose reply brings one descriptor, in *fd (the caller's). */
int vh_remote_call_fd(VhRemote *remote, const VhProgram *program, const VhProc *proc, const void *args, void *ret,
                      int *fd, VhArena *arena, VhError **err);
/* How long vh_remote_call_sync() waits, in microseconds. */
void vh_remote_set_sync_timeout(VhRemote *remote, uint64_t usec);
/* Pings the peer when it owes an answer and was silent for interval microseconds; when count pings stay without answer
 * the connection is broken with -ETIMEDOUT. */
void vh_remote_start_keepalive(VhRemote *remote, uint64_t interval, unsigned count);
/* Decodes the payload of a reply or event; memory from arena. Returns 0 or -EBADMSG. */
int vh_remote_decode(const VhFrame *frame, const VhXdrType *type, void *ret, VhArena *arena);
/* Sends a complete frame as it is, then the descriptors (the caller's stay the caller's). */
void vh_remote_send_frame(VhRemote *remote, const void *bytes, size_t len, const int *fds, unsigned n_fds);
/* Bytes that the peer has not taken yet. */
size_t vh_remote_backlog(const VhRemote *remote);
/* While held the peer is not read. */
void vh_remote_set_held(VhRemote *remote, bool held);
