/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Forwarding to other daemons is not there yet: what would be forwarded is answered with an error. */

#include <errno.h>

#include "rpc/relay.h"

struct VhRelay {
        VhClient *client;
};

static int unavailable(VhError **err)
{
        return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_NO_SUPPORT, "forwarding to another daemon");
}

VhRelay *vh_relay_new(VhClient *client, const VhRelayTarget *target)
{
        VhRelay *r = vh_new(VhRelay, 1);

        r->client = client;
        return r;
}

VhRelay *vh_relay_free(VhRelay *relay)
{
        free(relay);
        return NULL;
}

void vh_relay_open(VhRelay *relay, void (*fn)(void *data, int r, const VhError *err), void *data)
{
        _vh_error_ VhError *err = NULL;
        int r = unavailable(&err);

        fn(data, r, err);
}

void vh_relay_forward(VhRelay *relay, const VhFrame *frame)
{
        _vh_error_ VhError *err = NULL;

        unavailable(&err);
        vh_client_send_error(relay->client, &frame->h, err);
}

bool vh_relay_owns(const VhRelay *relay, const VhFrameHeader *h)
{
        return false;
}
