/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The target's daemon. */

#include "migrate-remote.h"

#include <errno.h>

#include "api.h"
#include "base/file.h"
#include "driver/uri.h"
#include "procs.h"

enum {
        TCP_PORT = 16509,
        TLS_PORT = 16514,
        FEATURE_P2P = 4,
        FEATURE_V3 = 6,
        FEATURE_OFFLINE = 12,
        FEATURE_PARAMS = 13,
        OPEN_TIME = 30 * 1000 * 1000, /* microseconds until a daemon that says nothing is given up */
        USEC_PER_SEC = 1000000,
        KEEPALIVE_SECONDS = 5,
        KEEPALIVE_COUNT = 5,
};

/* What is asked, in this order. */
typedef enum Step { STEP_AUTH, STEP_OPEN, STEP_P2P, STEP_V3, STEP_OFFLINE, STEP_PARAMS, STEP_DONE } Step;

struct QemuFarOpen {
        QemuDriver *driver;
        QemuDial *dial;
        QemuFarDaemon far;
        char *name; /* URI without transport and host */
        VhUri *uri;
        bool secure; /* the connection gets TLS */
        Step step;
        VhSource *timer;
        QemuFarDone done;
        void *data;
};

static void open_free(QemuFarOpen *open)
{
        qemu_dial_cancel(open->dial);
        vh_source_free(open->timer);
        vh_remote_free(VH_TAKE_PTR(open->far.remote));
        qemu_tls_free(open->far.tls);
        vh_uri_free(open->uri);
        free(open->name);
        free(open);
}

/* err is taken over. */
static void end(QemuFarOpen *open, int r, VhError *err)
{
        QemuFarDaemon far = open->far;

        if (r == 0) {
                open->far.remote = NULL;
                open->far.tls = NULL;
        }
        open->done(open->data, r, &far, err);
        open_free(open);
}

static void ask(QemuFarOpen *open);

static int read_auth(const VhFrame *frame, VhArena *arena, VhError **err)
{
        remote_auth_list_ret ret = { 0 };

        if (vh_remote_decode(frame, &vh_xdr_remote_auth_list_ret, &ret, arena) < 0)
                return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_RPC, "Unable to decode message payload");
        if (ret.types.len && ret.types.val[0] != REMOTE_AUTH_NONE)
                return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_AUTH_FAILED,
                                    "the destination daemon asks for a login, which a migration cannot give");
        return 0;
}

static int read_feature(QemuFarOpen *open, const VhFrame *frame, VhArena *arena, VhError **err)
{
        remote_connect_supports_feature_ret ret = { 0 };

        if (vh_remote_decode(frame, &vh_xdr_remote_connect_supports_feature_ret, &ret, arena) < 0)
                return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_RPC, "Unable to decode message payload");
        if (open->step == STEP_OFFLINE)
                open->far.has_offline = ret.supported;
        if (open->step == STEP_PARAMS)
                open->far.has_params = ret.supported;
        if (!ret.supported && (open->step == STEP_P2P || open->step == STEP_V3))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED,
                                    "Destination libvirt does not support peer-to-peer migration protocol");
        return 0;
}

static void answered(void *data, int r, const VhFrame *frame, const VhError *error)
{
        QemuFarOpen *open = data;
        _vh_cleanup_(vh_arena_done) VhArena arena = { 0 };
        VhError *err = vh_error_copy(error);

        if (r == -ECANCELED)
                return; /* by us */
        if (r == 0 && open->step == STEP_AUTH)
                r = read_auth(frame, &arena, &err);
        else if (r == 0 && open->step > STEP_OPEN)
                r = read_feature(open, frame, &arena, &err);
        if (r < 0) {
                end(open, r, err);
                return;
        }
        open->step++;
        ask(open);
}

static int call(QemuFarOpen *open, int32_t number, const void *args)
{
        return vh_remote_call(open->far.remote, &vh_program_remote, vh_program_find(&vh_program_remote, number), args,
                              answered, open, NULL);
}

static int ask_feature(QemuFarOpen *open)
{
        static const int features[] = {
                [STEP_P2P] = FEATURE_P2P,
                [STEP_V3] = FEATURE_V3,
                [STEP_OFFLINE] = FEATURE_OFFLINE,
                [STEP_PARAMS] = FEATURE_PARAMS,
        };
        const remote_connect_supports_feature_args args = { .feature = features[open->step] };

        return call(open, REMOTE_PROC_CONNECT_SUPPORTS_FEATURE, &args);
}

static void ask(QemuFarOpen *open)
{
        const remote_connect_open_args open_args = { .name = open->name };
        VhError *err = NULL;
        int r = 0;

        if (open->step == STEP_AUTH)
                r = call(open, REMOTE_PROC_AUTH_LIST, NULL);
        else if (open->step == STEP_OPEN)
                r = call(open, REMOTE_PROC_CONNECT_OPEN, &open_args);
        else if (open->step < STEP_DONE)
                r = ask_feature(open);
        else {
                end(open, 0, NULL);
                return;
        }
        if (r < 0) {
                vh_error_sys(&err, VIR_FROM_RPC, r, "cannot talk to the destination daemon");
                end(open, r, err);
        }
}

/* ---- the connection ---- */

/* keepalive_interval and keepalive_count of qemu.conf: a target that is gone is noticed in time. */
static void start_keepalive(QemuFarOpen *open)
{
        const VhConf *conf = open->driver->conf;
        int interval = KEEPALIVE_SECONDS;
        unsigned count = KEEPALIVE_COUNT;

        if (conf) {
                (void)vh_conf_get_int(conf, "keepalive_interval", &interval, NULL);
                (void)vh_conf_get_uint(conf, "keepalive_count", &count, NULL);
        }
        if (interval > 0)
                vh_remote_start_keepalive(open->far.remote, (uint64_t)interval * USEC_PER_SEC, count);
}

static void usable(void *data, int fd, VhError *err)
{
        QemuFarOpen *open = data;

        if (fd < 0) {
                end(open, fd, err);
                return;
        }
        open->far.remote = vh_remote_new(open->driver->env.loop, fd);
        start_keepalive(open);
        ask(open);
}

static void start_tls(QemuFarOpen *open, int fd)
{
        const VhUri *uri = open->uri;
        _vh_free_ char *pki = vh_uri_query(uri, "pkipath"), *priority = vh_uri_query(uri, "tls_priority");
        _vh_free_ char *no_verify = vh_uri_query(uri, "no_verify");
        const QemuTlsTo to = { uri->server, pki, priority, no_verify && !vh_streq(no_verify, "0") };

        open->far.tls = qemu_tls_open(open->driver, &to, fd, usable, open);
}

static void connected(void *data, int fd, VhError *err)
{
        QemuFarOpen *open = data;

        open->dial = NULL;
        if (fd >= 0 && open->secure)
                start_tls(open, fd);
        else
                usable(open, fd, err);
}

static void too_late(void *data)
{
        QemuFarOpen *open = data;
        VhError *err = NULL;
        int r = vh_error_set(&err, VIR_FROM_RPC, VIR_ERR_OPERATION_TIMEOUT, "no answer from the destination daemon");

        end(open, r, err);
}

/* ---- where it is ---- */

/* Sockets of a daemon with this driver, by the name that is there. */
static char *default_socket(const QemuDriver *driver)
{
        char *modular = vh_path_join(driver->env.run_dir, "virtqemud-sock");

        if (access(modular, F_OK) == 0)
                return modular;
        free(modular);
        return vh_path_join(driver->env.run_dir, "libvirt-sock");
}

static bool wants_tls(const VhUri *uri)
{
        return uri->transport ? strcmp(uri->transport, "tls") == 0 : uri->server != NULL;
}

static int dial_of(const QemuDriver *driver, const VhUri *uri, char **socket, QemuDialTo *to, VhError **err)
{
        *to = (QemuDialTo){ .host = uri->server, .port = uri->port, .user = uri->user };
        if (!uri->transport ? !uri->server : strcmp(uri->transport, "unix") == 0)
                to->kind = QEMU_DIAL_UNIX;
        else if ((wants_tls(uri) || strcmp(uri->transport, "tcp") == 0) && uri->server)
                to->kind = QEMU_DIAL_TCP;
        else if (strcmp(uri->transport, "ssh") == 0 && uri->server)
                to->kind = QEMU_DIAL_SSH;
        else
                return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "transport '%s' of '%s' is not supported for migration", uri->transport, uri->text);
        if (to->kind == QEMU_DIAL_TCP && !to->port)
                to->port = wants_tls(uri) ? TLS_PORT : TCP_PORT;
        *socket = vh_uri_query(uri, "socket");
        if (!*socket)
                *socket = to->kind == QEMU_DIAL_SSH ? vh_xstrdup("/run/libvirt/libvirt-sock") : default_socket(driver);
        to->path = *socket;
        return 0;
}

int qemu_far_open(QemuFarOpen **ret, QemuDriver *driver, const char *text, QemuFarDone done, void *data, VhError **err)
{
        _vh_uri_ VhUri *uri = NULL;
        _vh_free_ char *socket = NULL;
        QemuFarOpen *open;
        QemuDialTo to;
        int r = vh_uri_parse(&uri, text, err);

        if (r == 0)
                r = dial_of(driver, uri, &socket, &to, err);
        if (r < 0)
                return r;
        open = vh_new(QemuFarOpen, 1);
        *open = (QemuFarOpen){ .driver = driver, .done = done, .data = data, .secure = wants_tls(uri) };
        open->name = vh_xasprintf("%s://%s", uri->scheme, uri->path);
        to.uri = open->name;
        open->timer = vh_loop_add_timer(driver->env.loop, OPEN_TIME, too_late, open);
        open->dial = qemu_dial(driver, &to, connected, open);
        open->uri = VH_TAKE_PTR(uri);
        *ret = open;
        return 0;
}

QemuFarOpen *qemu_far_open_cancel(QemuFarOpen *open)
{
        if (open)
                open_free(open);
        return NULL;
}
