/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The driver interface: what a hypervisor or secondary driver gives to whoever serves it (a daemon, or an application
 * in embedded mode). Functions per object kind are structs generated from the protocol description (gen ops.h): member
 * domain_create serves REMOTE_PROC_DOMAIN_CREATE and has the typed arguments of that procedure. A member left NULL is
 * answered with VIR_ERR_NO_SUPPORT.
 *
 * A driver never sees the wire. Rights, login and read-only checks are done before a member runs; object access checks
 * need the looked-up object, so drivers look objects up through functions that call vh_conn_check_object(). */

#include "base/error.h"
#include "ops.h" /* generated: VhHypervisorOps, VhNetworkOps, ..., VhQemuOps, VhLxcOps */
#include "rpc/call.h"

typedef struct VhConn VhConn;
typedef struct VhDriver VhDriver;
typedef struct VhEventHub VhEventHub; /* driver/event-hub.h */
typedef struct VhIdentity VhIdentity; /* rpc/identity.h */
typedef struct VhLoop VhLoop;         /* event/loop.h */

/* Where a driver instance lives. No driver fixes a path: system, session and embedded roots differ only here. */
typedef struct VhDriverEnv {
        VhLoop *loop;
        bool privileged;        /* system mode */
        const char *config_dir; /* /etc/libvirt, $XDG_CONFIG_HOME/libvirt, ROOT/etc */
        const char *run_dir;    /* /run/libvirt, ... */
        const char *state_dir;  /* /var/lib/libvirt, ... */
        const char *cache_dir;  /* /var/cache/libvirt, ... */
        const char *log_dir;    /* /var/log/libvirt, ... */
        /* What the administrator says the host's UUID is, 16 bytes; NULL: SMBIOS tells. */
        const uint8_t *host_uuid;
        /* Soft limit of open files for programs that a driver starts (vh_nofile_give()), because that of this process
         * was raised; 0: they inherit. */
        uint64_t child_files;
        struct VhAudit *audit; /* base/audit.h; NULL: no records are written */
} VhDriverEnv;

struct VhDriver {
        const char *name;   /* connection type as clients see it: "QEMU", "Test", "network" */
        const char *scheme; /* URI scheme: "qemu", "test", "network" */
        int domain;         /* VIR_FROM_*, for errors about the driver as a whole */
        bool session_ok;    /* has a session (unprivileged) mode */
        bool bare_path_ok;  /* "xen:///" counts as "xen:///system" */
        /* Serves all kinds that it knows itself; the process' secondary drivers do not fill in for it (test). */
        bool self_contained;

        /* Starts the one instance of this driver in the process: loads configuration and objects. *state is handed to
         * every other function. A driver without start needs none. Returns 0 or negative errno with *err. */
        int (*start)(void **state, const VhDriverEnv *env, VhError **err);
        /* SIGHUP: reload object definitions. */
        int (*reload)(void *state, VhError **err);
        /* Starts what has autostart; called once after start, when the daemon is ready. */
        void (*autostart)(void *state);
        /* True while something needs the daemon to stay (running guests, ...): no idle exit. */
        bool (*busy)(void *state);
        void (*stop)(void *state);
        /* True if this driver may be given to a client that names no URI: its hypervisor is here. NULL: never. */
        bool (*probe)(void *state);

        /* Decides about a URI whose scheme is ours. path begins with '/'; query may be NULL. On success sets conn->priv
         * (and conn->hub). Returns 0, or negative errno with *err saying what is wrong with the URI; or, of the drivers
         * that clients open themselves, VH_LATER: conn->opened() will follow, unless close() comes before. */
        int (*open)(void *state, VhConn *conn, const char *path, const char *query, VhError **err);
        void (*close)(VhConn *conn);
        /* Around each function that serves a call; both or none. after() gets what that returned, and returns what is
         * to be taken for it: VH_LATER to hold back the answer until what was changed is stored, or to have the
         * call served anew (vh_call_resume()) when something is known that it needed. */
        void (*before_call)(void *state, const VhCall *call);
        int (*after_call)(void *state, VhCall *call, int r, VhError **err);
        /* Answer for CONNECT_SUPPORTS_FEATURE, 0 or 1; NULL: 0 for everything that is not always 1. */
        int (*supports_feature)(VhConn *conn, int feature);

        /* One struct of functions per object kind; NULL: the driver does not have the kind. */
        const VhHypervisorOps *hypervisor;
        const VhNetworkOps *network;
        const VhInterfaceOps *interface;
        const VhNodedevOps *nodedev;
        const VhNwfilterOps *nwfilter;
        const VhSecretOps *secret;
        const VhStorageOps *storage;
        const VhQemuOps *qemu; /* program "qemu" */
        const VhLxcOps *lxc;   /* program "lxc" */
};

/* One client's connection to one driver instance. Made and freed by driver/session.c. */
struct VhConn {
        const VhDriver *driver;
        void *state;                   /* of the instance */
        void *priv;                    /* the driver's own, per connection */
        VhEventHub *hub;               /* where this connection's event callbacks register; NULL: no events */
        struct VhEventReg *event_regs; /* of it there */
        unsigned n_event_regs;
        const VhIdentity *identity; /* of the original caller; never NULL */
        bool read_only;
        char *uri; /* canonical: "qemu:///system" */
        /* Delivers an event message to the client; proc is its row, msg the struct that proc->args_xdr encodes. */
        void (*send_event)(VhConn *conn, const VhProc *proc, const void *msg);
        void *sink; /* for send_event */
        /* For an open() that returned VH_LATER: its outcome. A failed conn is freed inside; err is borrowed. */
        void (*opened)(VhConn *conn, int r, const VhError *err);
};

/* The connection that serves a driver call. */
static inline VhConn *vh_call_conn(const VhCall *call)
{
        return call->target;
}

/* The ops struct of a driver for a kind, NULL if it has none. */
const void *vh_driver_ops(const VhDriver *driver, VhKind kind);
