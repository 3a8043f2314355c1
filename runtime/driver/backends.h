/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a daemon's clients can open: the driver instances that live in this process, and the way to the daemons that
 * serve the rest. One object a process. */

#include "driver/driver.h"
#include "rpc/client-conn.h"

typedef struct VhBackends VhBackends;

/* A started driver. */
typedef struct VhInstance {
        const VhDriver *driver;
        void *state;
} VhInstance;

typedef enum VhRouting {
        VH_ROUTE_LOCAL,   /* libvirtd: every driver is in this process */
        VH_ROUTE_MODULAR, /* a driver daemon: other kinds of objects are at their daemons */
        VH_ROUTE_PROXY,   /* virtproxyd: what is not here is forwarded as a whole */
} VhRouting;

typedef struct VhBackendsConfig {
        const VhDriver *const *drivers; /* NULL-terminated, in the order they start */
        const VhDriverEnv *env;         /* must stay valid */
        VhRouting routing;
} VhBackendsConfig;

/* Starts the drivers. Returns 0, or negative errno with *err naming the driver that failed; what was started is
 * stopped. */
int vh_backends_new(VhBackends **ret, const VhBackendsConfig *config, VhError **err);
/* Stops the drivers in reverse order. All sessions must be gone. Accepts NULL, returns NULL. */
VhBackends *vh_backends_free(VhBackends *b);
VH_DEFINE_CLEANUP(VhBackends *, vh_backends_free)

void vh_backends_autostart(VhBackends *b);
/* Asks every driver to load its definitions again; goes on after a failure and returns the last one, with *err. */
int vh_backends_reload(VhBackends *b, VhError **err);
/* True while a driver needs this process. */
bool vh_backends_busy(const VhBackends *b);

const VhDriverEnv *vh_backends_env(const VhBackends *b);
VhRouting vh_backends_routing(const VhBackends *b);
/* The secret that our daemons share, "" if it could not be made. */
const char *vh_backends_token(const VhBackends *b);

/* NULL if no driver here has the scheme. */
const VhInstance *vh_backends_find(const VhBackends *b, const char *scheme);
/* The secondary driver here that serves a kind for the hypervisor drivers, NULL if there is none. */
const VhInstance *vh_backends_find_kind(const VhBackends *b, VhKind kind);
/* URI for a client that names none; the caller frees it. NULL if there is nothing to choose. */
char *vh_backends_default_uri(const VhBackends *b, bool read_only);

/* True if this is a proxy and another daemon could serve the scheme. */
bool vh_backends_has_daemon(const VhBackends *b, const char *scheme);

/* The kind that the secondary driver with this scheme serves, VH_KIND_HYPERVISOR for every other scheme. */
VhKind vh_scheme_kind(const char *scheme);
/* URI scheme of the secondary driver for a kind: "network"; NULL for none and the hypervisor. */
const char *vh_kind_scheme(VhKind kind);
/* "SCHEME:///system" or "SCHEME:///session". The caller frees it. */
char *vh_backends_uri_for(const VhBackends *b, const char *scheme);
/* Socket of the daemon for a secondary scheme, with a suffix ("-ro", ""): its own, unless only the one of the daemon
 * that serves everything is there. The caller frees it. */
char *vh_secondary_socket(const char *run_dir, const char *scheme, const char *suffix);
/* Socket of the daemon for a scheme: "/run/libvirt/virtqemud-sock", for system daemons "-ro" when read_only. The caller
 * frees it. */
char *vh_backends_socket_for(const VhBackends *b, const char *scheme, bool read_only);
