/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One call while it is being served: what a handler may use. The server (server.c) makes and frees it.
 *
 * Handlers run on the loop thread. A handler gets decoded arguments and fills a zeroed reply, then returns
 *   0         done, the reply is sent;
 *   VH_LATER  it keeps the call and ends it later with vh_call_finish(), from the loop thread;
 *   negative  failed, *err (if made) is sent, else a generic error for the errno.
 *
 * Memory: arguments live as long as the call. Strings and arrays that a reply points to must live until the reply is
 * encoded, which happens right after the handler returns 0 (or inside vh_call_finish()): either memory of the call
 * (vh_call_*), or an object's own memory, which saves the copy. Nothing in a reply is freed by the server. */

#include "base/arena.h"
#include "rpc/proc.h"

typedef struct VhClient VhClient; /* server side of a connection, rpc/client-conn.h */
typedef struct VhStream VhStream; /* rpc/stream.h */

#define VH_LATER 1

struct VhCall {
        const VhProgram *program;
        const VhProc *proc;
        VhClient *client; /* NULL once the peer is gone: a late vh_call_finish() then only frees */
        uint32_t serial;
        bool resumed;  /* was put off once (vh_call_resume()) */
        VhArena arena; /* args, what they point to, and what the handler allocates */
        void *args;
        void *ret;
        /* Who serves: for driver programs the VhConn of the procedure's kind, else what the program was added with. */
        void *target;
        /* Descriptors that came with the call; the handler takes one by replacing it with -1, the rest is closed. */
        int *fds;
        unsigned n_fds;
        /* Descriptors to send with the reply; owned by the call (vh_call_send_fd()). */
        int *reply_fds;
        unsigned n_reply_fds;
        /* For a late call: what to do when the peer goes, so that what the call waits for can be given up. The call is
         * still to be finished, here or later. */
        void (*peer_gone)(VhCall *call);
        void *waits_for; /* the handler's own, for peer_gone() */
        /* For procedures with a stream: made by the server before the handler runs, see rpc/stream.h. */
        VhStream *stream;
};

/* Zeroed memory / copies that live as long as the call. */
void *vh_call_alloc(VhCall *call, size_t size);
char *vh_call_strdup(VhCall *call, const char *s);
char *vh_call_printf(VhCall *call, const char *fmt, ...) _vh_printf_(2, 3);
/* Frees p (from malloc) with the call; returns p. */
void *vh_call_own(VhCall *call, void *p);
#define vh_call_new(call, type, n) ((type *)vh_arena_calloc(&(call)->arena, (n), sizeof(type)))

/* Adds fd to the reply; the call owns it from now on. Returns 0, or -E2BIG over VH_FRAME_FDS_MAX (fd is closed). */
int vh_call_send_fd(VhCall *call, int fd);

/* Encodes the reply as it is now, to be sent by vh_call_finish(call, 0, NULL): for an answer that has to wait while
 * what it points to may change. Returns VH_LATER, or negative with *err if it cannot be encoded. */
int vh_call_prepare(VhCall *call, VhError **err);
/* Serves a late call anew, from before_call of its VhService on: its handler failed without having done anything,
 * because something was not known that is known now. */
void vh_call_resume(VhCall *call);
/* Ends a call whose handler returned VH_LATER: r and err as a handler would return them (err is taken over). */
void vh_call_finish(VhCall *call, int r, VhError *err);
