/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Connections to the daemons of other kinds of objects. */

#include "peer.h"

#include <errno.h>
#include <time.h>

#include "api.h"
#include "client_calls.h"
#include "driver/backends.h"
#include "driver/token.h"

enum {
        ANSWER_USEC = 30 * 1000 * 1000,     /* a daemon that is started on demand loads its objects first */
        FULL_PAUSE_NSEC = 10 * 1000 * 1000, /* while too many others wait to be accepted */
        FULL_TRIES = 500,
};

struct QemuPeers {
        const VhDriverEnv *env;
        VhLoop *loop;
        VhRemote *remotes[VH_KIND_MAX];
};

QemuPeers *qemu_peers_new(const VhDriverEnv *env)
{
        QemuPeers *peers = vh_new(QemuPeers, 1);

        peers->env = env;
        return peers;
}

QemuPeers *qemu_peers_free(QemuPeers *peers)
{
        if (!peers)
                return NULL;
        for (size_t i = 0; i < VH_ARRAY_SIZE(peers->remotes); i++)
                vh_remote_free(peers->remotes[i]);
        vh_loop_free(peers->loop);
        free(peers);
        return NULL;
}

static int connect_socket(QemuPeers *peers, VhRemote **ret, const char *path, VhError **err)
{
        const struct timespec pause = { .tv_nsec = FULL_PAUSE_NSEC };
        int r = vh_remote_connect(ret, peers->loop, path, err);

        for (unsigned i = 0; r == -EAGAIN && i < FULL_TRIES; i++) {
                vh_error_clear(err);
                nanosleep(&pause, NULL);
                r = vh_remote_connect(ret, peers->loop, path, err);
        }
        return r;
}

/* Daemons trust each other's root without a login; a password could not be asked for here. */
static int check_login(VhRemote *remote, VhArena *arena, VhError **err)
{
        remote_auth_list_ret ret = { 0 };
        int r = vh_call_remote_auth_list(remote, &ret, arena, err);

        if (r < 0 || !ret.types.len || ret.types.val[0] == REMOTE_AUTH_NONE)
                return r;
        return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_AUTH_FAILED,
                            "the daemon asks for a login, which another daemon cannot give");
}

/* Who shows the token is one of the host's daemons, and may see what is kept from clients. */
static int show_token(const QemuPeers *peers, VhRemote *remote, VhArena *arena, VhError **err)
{
        _vh_free_ char *token = NULL;
        remote_typed_param param = { .field = (char *)(uintptr_t)VIR_CONNECT_IDENTITY_SYSTEM_TOKEN };
        const remote_connect_set_identity_args args = { .params = { .len = 1, .val = &param } };
        int r = vh_system_token(peers->env->run_dir, &token, err);

        if (r < 0)
                return r;
        param.value.type = VIR_TYPED_PARAM_STRING;
        param.value.s = token;
        return vh_call_remote_connect_set_identity(remote, &args, arena, err);
}

static int greet(const QemuPeers *peers, VhRemote *remote, VhKind kind, VhError **err)
{
        _vh_cleanup_(vh_arena_done) VhArena arena = { 0 };
        _vh_free_ char *uri =
                vh_xasprintf("%s:///%s", vh_kind_scheme(kind), peers->env->privileged ? "system" : "session");
        const remote_connect_open_args args = { .name = uri };
        int r = check_login(remote, &arena, err);

        r = r < 0 ? r : vh_call_remote_connect_open(remote, &args, &arena, err);
        return r < 0 ? r : show_token(peers, remote, &arena, err);
}

VhRemote *qemu_peer(QemuPeers *peers, VhKind kind, VhError **err)
{
        _vh_cleanup_(vh_remote_freep) VhRemote *remote = NULL;
        _vh_free_ char *path = NULL;
        int r;

        if (peers->remotes[kind])
                return peers->remotes[kind];
        r = peers->loop ? 0 : vh_loop_new(&peers->loop);
        if (r < 0) {
                vh_error_sys(err, VIR_FROM_QEMU, r, "cannot talk to another daemon");
                return NULL;
        }
        path = vh_secondary_socket(peers->env->run_dir, vh_kind_scheme(kind), "");
        r = connect_socket(peers, &remote, path, err);
        if (r < 0)
                return NULL;
        vh_remote_set_sync_timeout(remote, ANSWER_USEC);
        if (greet(peers, remote, kind, err) < 0)
                return NULL;
        peers->remotes[kind] = VH_TAKE_PTR(remote);
        return peers->remotes[kind];
}
