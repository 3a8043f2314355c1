/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Owners, and the end of those that lost their lifeline. */

#include "owner.h"

#include <errno.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <utlist.h>

#include "base/log.h"
#include "base/uuid.h"

VH_LOG_SOURCE("lockd.owner");

enum {
        /* A process that does not end by itself gets so much time, as ever. */
        KILL_STEP_USEC = 200 * 1000,
        KILL_STEPS = 8,
};

/* A process that is being ended. */
typedef struct Victim {
        LockContext *context;
        int pidfd;
        unsigned steps;
        VhSource *timer;
        struct Victim *prev, *next;
} Victim;

static void victim_free(Victim *v)
{
        DL_DELETE(v->context->victims, v);
        vh_source_free(v->timer);
        vh_closep(&v->pidfd);
        free(v);
}

static void on_victim(void *data)
{
        Victim *v = data;
        bool last = v->steps++ == KILL_STEPS;

        if (pidfd_send_signal(v->pidfd, last ? SIGKILL : v->steps == 1 ? SIGTERM : 0, NULL, 0) < 0 || last)
                victim_free(v);
        else
                vh_source_rearm(v->timer, KILL_STEP_USEC);
}

/* Takes pidfd over. */
static void end_process(LockContext *context, int pidfd)
{
        Victim *v = vh_new(Victim, 1);

        v->context = context;
        v->pidfd = pidfd;
        v->timer = vh_loop_add_timer(context->loop, UINT64_MAX, on_victim, v);
        DL_APPEND(context->victims, v);
        on_victim(v);
}

void lock_context_done(LockContext *context)
{
        while (context->victims)
                victim_free(context->victims);
}

static void closed(VhClient *client, void *data)
{
        LockOwner *owner = data;

        LockContext *context = owner->context;

        if (owner->pidfd >= 0 && !context->ending && lock_spaces_release_all(context->spaces, owner->pid) > 0)
                end_process(context, VH_TAKE_FD(owner->pidfd));
        vh_closep(&owner->pidfd);
        free(owner->name);
        free(owner);
}

LockOwner *lock_owner_new(VhClient *client, LockContext *context)
{
        static const VhClientHooks hooks = { .closed = closed };
        LockOwner *owner = vh_new(LockOwner, 1);

        owner->context = context;
        owner->pidfd = -1;
        vh_client_set_hooks(client, &hooks, owner);
        return owner;
}

LockOwner *lock_owner_of(const VhClient *client)
{
        return vh_client_data(client);
}

void lock_owner_register(LockOwner *owner, VhClient *client, pid_t pid, unsigned id, const char *name,
                         const uint8_t uuid[16])
{
        const VhIdentity *peer = vh_client_peer(client);

        owner->pid = pid;
        owner->id = id;
        vh_strset(&owner->name, name);
        memcpy(owner->uuid, uuid, sizeof(owner->uuid));
        vh_closep(&owner->pidfd);
        owner->pidfd = peer->has_unix && peer->pid == pid ? pidfd_open(pid, 0) : -1;
        if (peer->pid == pid && owner->pidfd < 0)
                vh_log_warning("guest '%s' cannot be ended should it lose its lifeline: %s", name,
                               vh_error_text(NULL, -errno));
}

json_t *lock_owner_save(const VhClient *client)
{
        const LockOwner *owner = lock_owner_of(client);
        char uuid[VH_UUID_TEXT_LEN + 1];

        return json_pack("{s:b, s:i, s:i, s:s, s:s}", "restricted", owner->restricted, "ownerPid", (int)owner->pid,
                         "ownerId", (int)owner->id, "ownerName", owner->name ? owner->name : "", "ownerUUID",
                         vh_uuid_format(owner->uuid, uuid));
}

int lock_owner_load(LockOwner *owner, VhClient *client, const json_t *state)
{
        const char *name = json_string_value(json_object_get(state, "ownerName"));
        const char *text = json_string_value(json_object_get(state, "ownerUUID"));
        pid_t pid = (pid_t)json_integer_value(json_object_get(state, "ownerPid"));
        uint8_t uuid[VH_UUID_LEN] = { 0 };

        owner->restricted = json_is_true(json_object_get(state, "restricted"));
        if (text && vh_uuid_parse(text, uuid) < 0)
                return -EINVAL;
        if (pid > 0)
                lock_owner_register(owner, client, pid, (unsigned)json_integer_value(json_object_get(state, "ownerId")),
                                    name ? name : "", uuid);
        return 0;
}
