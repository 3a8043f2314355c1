/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Connection URIs as a daemon gets them in CONNECT_OPEN: DRIVER[+TRANSPORT]://[USER@][HOST][:PORT]/PATH[?QUERY]. */

#include "base/error.h"

typedef struct VhUri {
        char *text;      /* as it was given, after short forms were completed */
        char *scheme;    /* the driver: "qemu" */
        char *transport; /* behind the plus sign, NULL = none given */
        char *user;      /* NULL = none given */
        char *server;    /* NULL = none or empty */
        int port;        /* 0 = none given */
        char *path;      /* decoded, "" if there is none */
        char *query;     /* raw, NULL = none given */
} VhUri;

/* Parses text; the bare word "xen" stands for xen:///system. On success *ret is to be freed by the caller. Returns 0,
 * or a negative errno with *err: code VIR_ERR_INTERNAL_ERROR for what is no URI at all, VIR_ERR_NO_CONNECT for one
 * without driver name. */
int vh_uri_parse(VhUri **ret, const char *text, VhError **err);

/* Refuses "qemu://system", where the path was mistaken for a host, with a hint. */
int vh_uri_check_slash(const VhUri *uri, VhError **err);

/* A daemon opens what is on its own host: refuses URIs with a transport or a host, which are the client library's work.
 */
int vh_uri_check_local(const VhUri *uri, VhError **err);

/* A value of the query, decoded; NULL if it is not there. The caller frees it. */
char *vh_uri_query(const VhUri *uri, const char *key);

VhUri *vh_uri_free(VhUri *uri);
VH_DEFINE_CLEANUP(VhUri *, vh_uri_free)
#define _vh_uri_ _vh_cleanup_(vh_uri_freep)

/* Which paths a driver takes: SCHEME:///system when privileged, else SCHEME:///session. */
typedef struct VhUriPathRule {
        const char *scheme;
        int domain;        /* VIR_FROM_*, of the error */
        bool privileged;   /* the daemon runs in system mode */
        bool session_ok;   /* the driver has a session mode */
        bool root_session; /* /session is taken in system mode too */
        bool bare_ok;      /* "/" and an empty path are taken too */
} VhUriPathRule;

/* Returns 0, or negative errno with *err: VIR_ERR_INTERNAL_ERROR with a hint. */
int vh_uri_check_path(const VhUriPathRule *rule, const char *path, VhError **err);
