/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The AUTH_* procedures. */

#include "rpc/login.h"

#include "rpc/polkit.h"
#include "rpc/server.h"
#include <errno.h>

VhAuth vh_login_scheme(VhClient *client)
{
        const VhIdentity *id = vh_client_peer(client);

        if (vh_client_is_authenticated(client))
                return VH_AUTH_NONE;
        if (vh_client_auth(client) == VH_AUTH_POLKIT && id->has_unix && id->uid == 0)
                vh_client_set_authenticated(client);
        return vh_client_is_authenticated(client) ? VH_AUTH_NONE : vh_client_auth(client);
}

static void checked(void *data, int r, VhError *err)
{
        VhCall *call = data;

        if (r == 0 && call->client)
                vh_client_set_authenticated(call->client);
        vh_call_finish(call, r, err ? vh_error_copy(err) : NULL);
}

/* A query may wait for a password for minutes and has a connection to the bus of its own: peers that come and go must
 * not use up what the bus grants us. */
static void give_up(VhCall *call)
{
        vh_polkit_free(call->waits_for);
        vh_call_finish(call, -ECANCELED, NULL);
}

int vh_login_polkit(VhCall *call, VhError **err)
{
        VhClient *client = call->client;
        const VhIdentity *id = vh_client_peer(client);

        if (vh_client_is_authenticated(client) || vh_client_auth(client) != VH_AUTH_POLKIT)
                return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_AUTH_FAILED, "%s", "authentication failed");
        call->peer_gone = give_up;
        call->waits_for = vh_polkit_check(
                vh_server_loop(vh_client_server(client)), id,
                vh_client_read_only(client) ? "org.libvirt.unix.monitor" : "org.libvirt.unix.manage", checked, call);
        return VH_LATER;
}

int vh_login_sasl(VhCall *call, VhError **err)
{
        return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_AUTH_FAILED, "%s", "authentication failed");
}
