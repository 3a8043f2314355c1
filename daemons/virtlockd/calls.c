/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* virtlockd: locks on disks. Its program's calls, and what it hands to a fresh copy of itself. */

#include <errno.h>

#include "calls.h"
#include "driver/flags.h"
#include "lock_protocol.h"
#include "ops.h"
#include "owner.h"
#include "procs.h"
#include "spaces.h"

static int check_not_restricted(const VhCall *call, VhError **err)
{
        if (!lock_owner_of(call->client)->restricted)
                return 0;
        return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_OPERATION_DENIED, "lock manager connection has been restricted");
}

/* What nearly every call needs: flags that are known, a client that is neither restricted nor unknown. */
static int check(const VhCall *call, unsigned flags, unsigned known, const char *function, VhError **err)
{
        int r = vh_check_flags(flags, known, VIR_FROM_RPC, function, err);

        if (r >= 0)
                r = check_not_restricted(call, err);
        if (r < 0)
                return r;
        if (!lock_owner_of(call->client)->pid)
                return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_OPERATION_INVALID,
                                    "lock owner details have not been registered");
        return 0;
}

static LockSpace *find_space(const VhCall *call, const char *path, VhError **err)
{
        const LockContext *self = call->target;
        LockSpace *space = lock_spaces_find(self->spaces, path);

        if (!space)
                vh_error_set(err, VIR_FROM_RPC, VIR_ERR_INTERNAL_ERROR, "Lockspace for path %s does not exist", path);
        return space;
}

static int op_register(VhCall *call, const virLockSpaceProtocolRegisterArgs *args, VhError **err)
{
        LockOwner *owner = lock_owner_of(call->client);
        int r = vh_check_flags(args->flags, 0, VIR_FROM_RPC, "virLockSpaceProtocolDispatchRegister", err);

        if (r >= 0)
                r = check_not_restricted(call, err);
        if (r < 0)
                return r;
        if (args->owner.pid == 0 || args->owner.pid > INT32_MAX)
                return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_INVALID_ARG, "%u is not the number of a process",
                                    args->owner.pid);
        r = vh_handover_check_text(args->owner.name, "the name of a guest", VIR_FROM_RPC, err);
        if (r < 0)
                return r;
        lock_owner_register(owner, call->client, (pid_t)args->owner.pid, args->owner.id, args->owner.name,
                            args->owner.uuid);
        return 0;
}

static int op_restrict(VhCall *call, const virLockSpaceProtocolRestrictArgs *args, VhError **err)
{
        int r = check(call, args->flags, 0, "virLockSpaceProtocolDispatchRestrict", err);

        if (r >= 0)
                lock_owner_of(call->client)->restricted = true;
        return r;
}

static int op_new(VhCall *call, const virLockSpaceProtocolNewArgs *args, VhError **err)
{
        const LockContext *self = call->target;
        int r = check(call, args->flags, 0, "virLockSpaceProtocolDispatchNew", err);

        if (r < 0)
                return r;
        if (!*args->path)
                return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_OPERATION_INVALID,
                                    "the default lockspace already exists");
        if (lock_spaces_find(self->spaces, args->path))
                return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_INTERNAL_ERROR, "Lockspace for path %s already exists",
                                    args->path);
        return lock_spaces_add(self->spaces, args->path, err);
}

/* Daemons do this when they start, before they know any guest. */
static int op_create_lockspace(VhCall *call, const virLockSpaceProtocolCreateLockSpaceArgs *args, VhError **err)
{
        const LockContext *self = call->target;
        int r = check_not_restricted(call, err);

        if (r < 0 || lock_spaces_find(self->spaces, args->path))
                return r;
        return lock_spaces_add(self->spaces, args->path, err);
}

static int op_create(VhCall *call, const virLockSpaceProtocolCreateResourceArgs *args, VhError **err)
{
        LockSpace *space;
        int r = check(call, args->flags, 0, "virLockSpaceProtocolDispatchCreateResource", err);

        if (r < 0)
                return r;
        space = find_space(call, args->path, err);
        return space ? lock_space_create(space, args->name, err) : -EINVAL;
}

static int op_delete(VhCall *call, const virLockSpaceProtocolDeleteResourceArgs *args, VhError **err)
{
        LockSpace *space;
        int r = check(call, args->flags, 0, "virLockSpaceProtocolDispatchDeleteResource", err);

        if (r < 0)
                return r;
        space = find_space(call, args->path, err);
        return space ? lock_space_delete(space, args->name, err) : -EINVAL;
}

static int op_acquire(VhCall *call, const virLockSpaceProtocolAcquireResourceArgs *args, VhError **err)
{
        LockSpace *space;
        int r = check(call, args->flags, RESOURCE_SHARED | RESOURCE_AUTO_CREATE,
                      "virLockSpaceProtocolDispatchAcquireResource", err);

        if (r < 0)
                return r;
        space = find_space(call, args->path, err);
        return space ? lock_space_acquire(space, args->name, args->flags, lock_owner_of(call->client)->pid, err)
                     : -EINVAL;
}

static int op_release(VhCall *call, const virLockSpaceProtocolReleaseResourceArgs *args, VhError **err)
{
        LockSpace *space;
        int r = check(call, args->flags, 0, "virLockSpaceProtocolDispatchReleaseResource", err);

        if (r < 0)
                return r;
        space = find_space(call, args->path, err);
        return space ? lock_space_release(space, args->name, lock_owner_of(call->client)->pid, err) : -EINVAL;
}

static const VhLockOps lock_ops = {
        .register_ = op_register,
        .restrict_ = op_restrict,
        .new = op_new,
        .create_resource = op_create,
        .delete_resource = op_delete,
        .acquire_resource = op_acquire,
        .release_resource = op_release,
        .create_lockspace = op_create_lockspace,
};

static int before_call(VhCall *call, const void **ops, VhError **err)
{
        *ops = &lock_ops;
        return 0;
}

static int start(void **ret, const VhHelperEnv *env, const json_t *state, VhError **err)
{
        LockContext *self = vh_new(LockContext, 1);

        self->loop = env->loop;
        self->spaces = lock_spaces_new();
        lock_spaces_load(self->spaces, state);
        *ret = self;
        return 0;
}

static void ending(void *data)
{
        LockContext *self = data;

        self->ending = true;
}

static void stop(void *data)
{
        LockContext *self = data;

        if (!self)
                return;
        lock_context_done(self);
        lock_spaces_free(self->spaces);
        free(self);
}

static bool busy(const void *data)
{
        const LockContext *self = data;

        return lock_spaces_busy(self->spaces);
}

static void save(const void *data, json_t *state, VhKeptFds *kept)
{
        const LockContext *self = data;

        lock_spaces_save(self->spaces, state, kept);
}

static int client_new(void *data, VhClient *client, const json_t *state, VhError **err)
{
        LockContext *self = data;
        LockOwner *owner = lock_owner_new(client, self);

        return state ? lock_owner_load(owner, client, state) : 0;
}

const VhHelper lock_helper = {
        .program = &vh_program_lock,
        .before_call = before_call,
        .start = start,
        .ending = ending,
        .stop = stop,
        .busy = busy,
        .save = save,
        .client_new = client_new,
        .client_save = lock_owner_save,
};
