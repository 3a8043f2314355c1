/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is known about an RPC program before it runs: rows generated from protocol/NAME.yaml (gen/). */

#include "base/error.h"
#include "base/util.h"
#include "rpc/codec.h"

typedef struct VhCall VhCall;
typedef struct VhProc VhProc;

/* Which of a client's connections serves a procedure (key conn in the description). */
typedef enum VhKind {
        VH_KIND_NONE, /* the session itself: open, close, auth; programs without drivers */
        VH_KIND_HYPERVISOR,
        VH_KIND_NETWORK,
        VH_KIND_INTERFACE,
        VH_KIND_NODEDEV,
        VH_KIND_NWFILTER,
        VH_KIND_SECRET,
        VH_KIND_STORAGE,
        VH_KIND_MAX,
} VhKind;

typedef enum VhProcDir {
        VH_DIR_CALL,    /* client asks, server answers */
        VH_DIR_EVENT,   /* server message without answer */
        VH_DIR_MESSAGE, /* either side, no answer (keepalive) */
} VhProcDir;

typedef enum VhStreamDir {
        VH_STREAM_NONE,
        VH_STREAM_READ,  /* server to client */
        VH_STREAM_WRITE, /* client to server */
} VhStreamDir;

/* What a procedure has to do with registrations for events. Those of the newer kind have a callback id, which the reply
 * brings, each event carries first and the deregistration names; the older ones are known by the kind of event that
 * the arguments begin with, or that goes without saying. */
typedef enum VhEventRole {
        VH_ROLE_NONE,
        VH_ROLE_REGISTER,
        VH_ROLE_DEREGISTER,
        VH_ROLE_REGISTER_KIND,
        VH_ROLE_DEREGISTER_KIND,
        VH_ROLE_EVENT,
} VhEventRole;

enum {
        VH_PROC_PRE_AUTH = 1 << 0,  /* allowed before login */
        VH_PROC_HIGH = 1 << 1,      /* priority class of the reference; information only, our loop has no queue */
        VH_PROC_FDS_CALL = 1 << 2,  /* the call may bring descriptors */
        VH_PROC_FDS_REPLY = 1 << 3, /* the reply may bring descriptors */
        VH_PROC_RO_DENY = 1 << 4,   /* never on a read-only connection */
};

/* A condition on one int or unsigned of the args, such as "source is SRC_AGENT". */
typedef struct VhArgIs {
        int offset; /* in args; -1: no condition */
        int32_t value;
} VhArgIs;

/* One access rule: all rules of a procedure must pass. */
typedef struct VhAclRule {
        const char *object;     /* "domain", "connect", ... */
        const char *permission; /* "read_secure", ... */
        uint32_t flags;         /* 0: always; else only if all of these bits are set in the args' flags, */
        bool unless;            /*    or, if true, only if none of them is */
        VhArgIs when;           /* applies only if this holds */
} VhAclRule;

/* What check() of a row says if the call asks for nothing: it is answered with an empty reply, without looking further.
 */
enum { VH_ARGS_NOTHING = 1 };

struct VhProc {
        int32_t number;
        VhProcDir dir;
        const char *name; /* without the program's prefix: "DOMAIN_CREATE" */
        const char *api;  /* public function, for error texts: "virDomainCreate"; NULL if there is none */
        int error_domain; /* VIR_FROM_* of errors about the call itself: not supported, read-only */
        VhKind kind;
        VhStreamDir stream;
        VhEventRole event_role;
        int32_t event_pair;   /* number of the call that takes back this registration, and the other way round */
        uint32_t sparse_flag; /* flag of the args that enables holes in the stream, 0 = never */
        unsigned flags;       /* VH_PROC_* */
        /* Payloads; size 0 and no type: empty. For events args is the message. */
        size_t args_size;
        const VhXdrType *args_xdr;
        size_t ret_size;
        const VhXdrType *ret_xdr;
        /* Offset of the `flags` word in args, -1 if there is none. */
        int flags_offset;
        /* Read-only connections are refused if one of these bits is set in flags, */
        uint32_t ro_deny_flags;
        /* or if this holds. */
        VhArgIs ro_deny;
        const VhAclRule *acl;
        unsigned n_acl;
        const char *aclfilter; /* "domain:getattr" that hides items of a list, NULL = none */
        /* Refuse calls by their arguments alone: before rights are looked at, and after; NULL: nothing to refuse.
         * Return 0, VH_ARGS_NOTHING, or a negative errno with err set. */
        int (*check_first)(const VhCall *call, VhError **err);
        int (*check)(const VhCall *call, VhError **err);
        /* Calls the member of the ops struct that serves this procedure. ops is the struct for (program, kind), see
         * ops.h; a NULL ops or member gives VIR_ERR_NO_SUPPORT with the api name. NULL for events. */
        int (*invoke)(const void *ops, VhCall *call, void *args, void *ret, VhError **err);
};

typedef struct VhProgram {
        const char *name;
        uint32_t number;
        uint32_t version;
        const VhProc *procs; /* index = procedure number; rows with name NULL are holes */
        unsigned n_procs;
} VhProgram;

/* The row, or NULL for an unknown number (negative and too large included). */
static inline const VhProc *vh_program_find(const VhProgram *p, int32_t number)
{
        if (number < 0 || (uint32_t)number >= p->n_procs || !p->procs[number].name)
                return NULL;
        return &p->procs[number];
}

/* The int or unsigned at an offset that the row gives. */
static inline uint32_t vh_proc_arg(const void *args, int offset)
{
        uint32_t v;

        memcpy(&v, (const char *)args + offset, sizeof(v));
        return v;
}

/* The flags word of the args, 0 if the procedure has none. */
static inline uint32_t vh_proc_flags(const VhProc *proc, const void *args)
{
        return proc->flags_offset < 0 ? 0 : vh_proc_arg(args, proc->flags_offset);
}

/* True if the condition is given and holds. */
static inline bool vh_arg_is(const VhArgIs *c, const void *args)
{
        return c->offset >= 0 && (int32_t)vh_proc_arg(args, c->offset) == c->value;
}

/* What the invoke() of every row does when the driver lacks the function: VIR_ERR_NO_SUPPORT. Returns negative errno.
 */
int vh_proc_not_supported(const VhProc *proc, VhError **err);
