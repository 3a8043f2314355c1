/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one place that turns errors into bytes and back. */

#include "rpc/wire-error.h"

#include "message_protocol.h"
#include "rpc/frame.h"
#include <errno.h>

enum { LEVEL_ERROR = 2 };

/* The constant of the protocol has the type of a pointer in the struct: strings are only read here. */
static char *shared(const char *s)
{
        return (char *)(uintptr_t)s;
}

static void fill(virNetMessageError *wire, const VhError *err)
{
        wire->code = err->code;
        wire->domain = err->domain;
        wire->level = LEVEL_ERROR;
        wire->message = err->message;
        wire->str1 = shared(vh_error_template(err->code, err->detail != NULL));
        wire->str2 = err->detail;
        wire->int1 = err->int1;
        wire->int2 = err->int2;
}

void vh_wire_error_encode(VhBuf *b, const VhError *err, int r)
{
        _vh_error_ VhError *made = NULL;
        virNetMessageError wire = {};

        if (!err) {
                if (r == -EOPNOTSUPP)
                        vh_error_set(&made, VIR_FROM_NONE, VIR_ERR_NO_SUPPORT, NULL);
                else
                        vh_error_sys(&made, VIR_FROM_NONE, r, "%s", "the request failed");
                err = made;
        }
        fill(&wire, err);
        if (vh_frame_add_value(b, &vh_xdr_virNetMessageError, &wire, NULL) < 0) {
                /* A text over the limit of strings; the code is what programs look at. */
                wire.message = shared(vh_error_template(err->code, false));
                wire.str2 = NULL;
                if (vh_frame_add_value(b, &vh_xdr_virNetMessageError, &wire, NULL) < 0)
                        abort();
        }
}

int vh_wire_error_decode(const uint8_t *payload, size_t len, VhError **err)
{
        _vh_cleanup_(vh_arena_done) VhArena arena = {};
        virNetMessageError wire = {};
        VhError *e;

        if (vh_xdr_decode(&vh_xdr_virNetMessageError, &wire, vh_arena_memdup(&arena, payload, len), len, &arena) < 0)
                return -EBADMSG;
        e = vh_new(VhError, 1);
        e->code = wire.code;
        e->domain = wire.domain;
        e->message = vh_xstrdup(wire.message ? wire.message : "unknown error");
        e->detail = vh_xstrdup(wire.str2);
        e->int1 = wire.int1;
        e->int2 = wire.int2;
        vh_error_free(*err);
        *err = e;
        return 0;
}
