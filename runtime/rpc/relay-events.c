/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Registrations for events that outlive the daemon they were made at. */

#include "rpc/relay-events.h"

#include <errno.h>
#include <uthash.h>
#include <utlist.h>

enum { NO_ID = -1 }; /* no daemon gives it out */

typedef enum RegState {
        REG_ASKED,   /* the client's call is under way */
        REG_HELD,    /* the client was told that it is registered */
        REG_DROPPED, /* the client took it back while it was being registered anew */
} RegState;

/* What the client calls a registration: a callback id, or the kind of event of a call that takes back such ones. */
typedef struct RegName {
        int32_t kind_call; /* its number, 0 for callback ids */
        int32_t id;
} RegName;

typedef struct Reg {
        VhRelayEvents *events;
        const VhProgram *program;
        const VhProc *proc; /* the call that registers */
        uint32_t serial;    /* of the client's, until it is answered */
        void *args;
        VhArena arena; /* of args */
        RegState state;
        RegName name;
        int32_t far_id; /* the daemon's */
        VhRemote *remote;
        UT_hash_handle by_name, by_far;
        struct Reg *prev, *next;
} Reg;

struct VhRelayEvents {
        Reg *asked;       /* not answered yet */
        Reg *held;        /* the others, by name, in the order in which they were made */
        Reg *far;         /* those of them that the daemon knows, by its id */
        bool renumbered;  /* ids of the client may be other ones than those of the daemon */
        unsigned n_calls; /* of restoring, not answered yet */
        VhError *refused;
        void (*restored)(void *data, const VhError *refused);
        void *data;
};

VhRelayEvents *vh_relay_events_new(void)
{
        return vh_new(VhRelayEvents, 1);
}

static Reg *reg_free(Reg *reg)
{
        if (reg)
                vh_arena_done(&reg->arena);
        free(reg);
        return NULL;
}
VH_DEFINE_CLEANUP(Reg *, reg_free)

static void forget_far_id(Reg *reg)
{
        if (reg->far_id != NO_ID)
                HASH_DELETE(by_far, reg->events->far, reg);
        reg->far_id = NO_ID;
}

static void learn_far_id(Reg *reg, int32_t id)
{
        reg->far_id = id;
        HASH_ADD(by_far, reg->events->far, far_id, sizeof(reg->far_id), reg);
}

static void forget(Reg *reg)
{
        forget_far_id(reg);
        HASH_DELETE(by_name, reg->events->held, reg);
        reg_free(reg);
}

static void forget_asked(VhRelayEvents *events)
{
        Reg *reg;

        while ((reg = events->asked)) {
                DL_DELETE(events->asked, reg);
                reg_free(reg);
        }
}

VhRelayEvents *vh_relay_events_free(VhRelayEvents *events)
{
        Reg *reg, *next;

        if (!events)
                return NULL;
        forget_asked(events);
        HASH_ITER (by_name, events->held, reg, next)
                forget(reg);
        vh_error_free(events->refused);
        free(events);
        return NULL;
}

static Reg *find_name(const VhRelayEvents *events, RegName name)
{
        Reg *reg;

        HASH_FIND(by_name, events->held, &name, sizeof(name), reg);
        return reg;
}

static Reg *find_far_id(const VhRelayEvents *events, int32_t id)
{
        Reg *reg;

        HASH_FIND(by_far, events->far, &id, sizeof(id), reg);
        return reg;
}

/* The id or kind of event that a payload begins with; the oldest calls have none and mean the first kind. */
static int32_t first_number(const VhFrame *frame)
{
        return frame->payload_len < sizeof(uint32_t) ? 0 : (int32_t)vh_get_be32(frame->payload);
}

static void set_first_number(const VhFrame *frame, int32_t n)
{
        if (frame->payload_len >= sizeof(uint32_t))
                vh_put_be32(frame->payload, (uint32_t)n);
}

static void ask(VhRelayEvents *events, const VhProgram *program, const VhProc *proc, const VhFrame *frame)
{
        _vh_cleanup_(reg_freep) Reg *reg = vh_new(Reg, 1);

        reg->events = events;
        reg->program = program;
        reg->proc = proc;
        reg->serial = frame->h.serial;
        reg->far_id = NO_ID;
        if (proc->event_role == VH_ROLE_REGISTER_KIND)
                reg->name = (RegName){ proc->event_pair, first_number(frame) };
        if (proc->args_xdr) {
                reg->args = vh_arena_alloc(&reg->arena, proc->args_size);
                if (vh_remote_decode(frame, proc->args_xdr, reg->args, &reg->arena) < 0)
                        return; /* the daemon will refuse it */
        }
        DL_APPEND(events->asked, reg);
        VH_TAKE_PTR(reg);
}

static bool take_back(VhRelayEvents *events, const VhProc *proc, const VhFrame *frame, bool away)
{
        bool by_kind = proc->event_role == VH_ROLE_DEREGISTER_KIND;
        Reg *reg = find_name(events, (RegName){ by_kind ? proc->number : 0, first_number(frame) });

        if (reg && (reg->proc->event_pair != proc->number || reg->state == REG_DROPPED))
                reg = NULL;
        if (!by_kind && events->renumbered)
                set_first_number(frame, reg ? reg->far_id : NO_ID);
        if (!reg)
                return false;
        if (reg->remote)
                reg->state = REG_DROPPED;
        else
                forget(reg);
        return away;
}

bool vh_relay_events_call(VhRelayEvents *events, const VhProgram *program, const VhProc *proc, const VhFrame *frame,
                          bool away)
{
        switch (proc->event_role) {
        case VH_ROLE_REGISTER:
        case VH_ROLE_REGISTER_KIND:
                ask(events, program, proc, frame);
                return false;
        case VH_ROLE_DEREGISTER:
        case VH_ROLE_DEREGISTER_KIND:
                return take_back(events, proc, frame, away);
        default:
                return false;
        }
}

static Reg *find_asked(const VhRelayEvents *events, const VhFrameHeader *h)
{
        Reg *reg;

        DL_FOREACH (events->asked, reg)
                if (reg->serial == h->serial && reg->proc->number == h->proc && reg->program->number == h->prog)
                        break;
        return reg;
}

/* The daemon's, unless the client has an older registration of that id. */
static int32_t choose_id(const VhRelayEvents *events, int32_t id)
{
        while (find_name(events, (RegName){ 0, id }))
                id = id == INT32_MAX ? 0 : id + 1;
        return id;
}

void vh_relay_events_reply(VhRelayEvents *events, const VhFrame *frame)
{
        Reg *reg = find_asked(events, &frame->h);
        bool by_kind = reg && reg->proc->event_role == VH_ROLE_REGISTER_KIND;

        if (!reg)
                return;
        DL_DELETE(events->asked, reg);
        if (frame->h.status != VH_STATUS_OK || (by_kind && find_name(events, reg->name))) {
                reg_free(reg);
                return;
        }
        if (!by_kind) {
                learn_far_id(reg, first_number(frame));
                reg->name.id = choose_id(events, reg->far_id);
                set_first_number(frame, reg->name.id);
        }
        reg->state = REG_HELD;
        HASH_ADD(by_name, events->held, name, sizeof(reg->name), reg);
}

bool vh_relay_events_wanted(VhRelayEvents *events, const VhFrame *frame)
{
        const Reg *reg = find_far_id(events, first_number(frame));

        if (reg)
                set_first_number(frame, reg->name.id);
        return reg != NULL;
}

void vh_relay_events_lost(VhRelayEvents *events)
{
        Reg *reg, *next;

        forget_asked(events);
        HASH_ITER (by_name, events->held, reg, next) {
                forget_far_id(reg);
                reg->remote = NULL;
                if (reg->state == REG_DROPPED)
                        forget(reg);
        }
        events->n_calls = 0;
        vh_error_clear(&events->refused);
}

bool vh_relay_events_any(const VhRelayEvents *events)
{
        return events->held != NULL;
}

/* Restoring. */

static void call_over(VhRelayEvents *events)
{
        _vh_error_ VhError *refused = NULL;

        if (--events->n_calls)
                return;
        refused = VH_TAKE_PTR(events->refused);
        events->restored(events->data, refused);
}

/* A connection that breaks fails its calls, then tells its owner. */
static bool is_answer(int r)
{
        return r == 0 || r == -EREMOTEIO;
}

static void on_dropped(void *data, int r, const VhFrame *frame, const VhError *err)
{
        Reg *reg = data;
        VhRelayEvents *events = reg->events;

        if (!is_answer(r))
                return;
        forget(reg);
        call_over(events);
}

/* Like every call that takes something back: one number, or none. */
static void drop(Reg *reg)
{
        const VhProc *proc = vh_program_find(reg->program, reg->proc->event_pair);
        int32_t number = proc->event_role == VH_ROLE_DEREGISTER ? reg->far_id : reg->name.id;

        if (vh_remote_call(reg->remote, reg->program, proc, &number, on_dropped, reg, NULL) == 0)
                reg->events->n_calls++;
}

static void on_registered(void *data, int r, const VhFrame *frame, const VhError *err)
{
        Reg *reg = data;
        VhRelayEvents *events = reg->events;

        if (!is_answer(r))
                return;
        if (r == 0 && reg->proc->event_role == VH_ROLE_REGISTER)
                learn_far_id(reg, first_number(frame));
        if (r < 0) {
                if (!events->refused && reg->state != REG_DROPPED)
                        events->refused = vh_error_copy(err);
                forget(reg);
        } else if (reg->state == REG_DROPPED) {
                drop(reg);
        } else {
                reg->remote = NULL;
        }
        call_over(events);
}

bool vh_relay_events_restore(VhRelayEvents *events, VhRemote *remote, void (*fn)(void *data, const VhError *refused),
                             void *data)
{
        Reg *reg, *next;

        events->restored = fn;
        events->data = data;
        HASH_ITER (by_name, events->held, reg, next) {
                events->renumbered = true;
                reg->remote = remote;
                if (vh_remote_call(remote, reg->program, reg->proc, reg->args, on_registered, reg, NULL) == 0)
                        events->n_calls++;
        }
        return events->n_calls > 0;
}
