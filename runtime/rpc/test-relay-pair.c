/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The two servers and the relay between them. */

#include "rpc/test-relay-pair.h"

#include <stdio.h>

Pair pair;

static bool route(VhClient *client, const VhFrame *frame, void *data)
{
        if (frame->h.prog != vh_program_remote.number)
                return false;
        vh_relay_forward(pair.relay, frame);
        return true;
}

static void closed(VhClient *client, void *data)
{
        pair.relay = vh_relay_free(pair.relay);
}

static const VhClientHooks hooks = { .route = route, .closed = closed };

void pair_start(void)
{
        _vh_error_ VhError *err = NULL;
        VhListen listen = { .fd = vh_listen_unix(pair.path, 0700, (gid_t)-1, 10, &err) };
        const VhServerLimits limits = {
                .max_clients = 10, .max_client_requests = 5, .max_workers = 1, .keepalive_interval = -1
        };

        pair.back = vh_server_new(pair.front->loop, "back", &limits, NULL, NULL);
        test_remote_serve(pair.back, &pair.remote);
        assert_int_equal(vh_server_add_listener(pair.back, &listen, &err), 0);
}

void pair_stop(void)
{
        pair.back = vh_server_free(pair.back);
        test_remote_done(&pair.remote);
        unlink(pair.path);
}

static void lost(void *data, int reason)
{
        pair.n_lost++;
        pair.reason = reason;
}

static void events_lost(void *data, const VhError *err)
{
        assert_non_null(err);
        pair.n_events_lost++;
}

void pair_relay_with(const char *uri, const VhRelayLimits *limits)
{
        static const VhRelayHooks relay_hooks = { .lost = lost, .events_lost = events_lost };
        const VhRelayTarget target = {
                .socket = pair.path, .uri = uri, .read_only = true, .token = "0123", .limits = *limits
        };

        vh_relay_free(pair.relay);
        pair.relay = vh_relay_new(vh_server_first_client(pair.front->server), &target);
        vh_relay_set_hooks(pair.relay, &relay_hooks, NULL);
}

void pair_relay(const char *uri)
{
        pair_relay_with(uri, &(VhRelayLimits){});
}

int pair_setup(void **state)
{
        if (peer_setup(state) < 0)
                return -1;
        pair = (Pair){ .front = *state };
        strcpy(pair.dir, "/tmp/vh-relay-XXXXXX");
        if (!mkdtemp(pair.dir))
                return -1;
        snprintf(pair.path, sizeof(pair.path), "%s/sock", pair.dir);
        pair_start();
        vh_client_set_hooks(vh_server_first_client(pair.front->server), &hooks, NULL);
        pair_relay("test:///default");
        return 0;
}

int pair_teardown(void **state)
{
        pair_stop();
        peer_disconnect(pair.front);
        rmdir(pair.dir);
        return peer_teardown(state);
}

void pair_call(TestPeer *t, int32_t number, uint32_t serial, const void *args)
{
        peer_remote(t, number, serial, args);
        assert_true(peer_next(t));
        assert_int_equal(t->h.serial, serial);
        assert_int_equal(t->h.status, VH_STATUS_OK);
}

void pair_lib_version(TestPeer *t, uint32_t serial)
{
        pair_call(t, REMOTE_PROC_CONNECT_GET_LIB_VERSION, serial, NULL);
        assert_int_equal(vh_get_be32(t->payload + 4), 9000000);
}
