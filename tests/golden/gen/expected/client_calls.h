/* Generated from rpc/protocol/; do not edit. */
#pragma once

#include "procs.h"
#include "rpc/client.h"

/* Each makes the call and waits for the answer. ret is zeroed by the caller and points into arena afterwards.
 * Returns 0, or negative errno with *err (the server's error, or what went wrong on the way). */

static inline int vh_call_sample_nothing(VhRemote *remote, VhArena *arena, VhError **err)
{
        return vh_remote_call_sync(remote, &vh_program_sample, &vh_program_sample.procs[SAMPLE_PROC_NOTHING], NULL, NULL, arena, err);
}

static inline int vh_call_sample_take(VhRemote *remote, const sample_args *args, VhArena *arena, VhError **err)
{
        return vh_remote_call_sync(remote, &vh_program_sample, &vh_program_sample.procs[SAMPLE_PROC_TAKE], args, NULL, arena, err);
}

static inline int vh_call_sample_give(VhRemote *remote, sample_ret *ret, VhArena *arena, VhError **err)
{
        return vh_remote_call_sync(remote, &vh_program_sample, &vh_program_sample.procs[SAMPLE_PROC_GIVE], NULL, ret, arena, err);
}

static inline int vh_call_sample_register_(VhRemote *remote, const sample_args *args, sample_id *ret, VhArena *arena, VhError **err)
{
        return vh_remote_call_sync(remote, &vh_program_sample, &vh_program_sample.procs[SAMPLE_PROC_REGISTER], args, ret, arena, err);
}

static inline int vh_call_sample_download(VhRemote *remote, const sample_args *args, VhArena *arena, VhError **err)
{
        return vh_remote_call_sync(remote, &vh_program_sample, &vh_program_sample.procs[SAMPLE_PROC_DOWNLOAD], args, NULL, arena, err);
}

