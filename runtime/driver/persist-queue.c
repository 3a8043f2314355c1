/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Changes that a worker carries out, and the answers that wait for them. */

#include "driver/persist-private.h"

#include <errno.h>
#include <utlist.h>

/* A call whose answer is made and waits for changes with numbers above `after`, up to `until`. */
typedef struct VhPersistHeld {
        VhCall *call;
        uint64_t after, until;
        int r;
        VhError *err; /* of the first that failed */
        struct VhPersistHeld *prev, *next;
} Held;

VhPersistOp *vh_persist_op_new(VhPersist *p, const char *name, int (*run)(VhPersistOp *op, VhError **err))
{
        VhPersistOp *op = vh_new(VhPersistOp, 1);

        op->persist = p;
        op->name = vh_xstrdup(name);
        op->run = run;
        return op;
}

static void op_free(VhPersistOp *op)
{
        vh_file_draft_free(op->draft);
        vh_error_free(op->err);
        free(op->name);
        free(op->new_name);
        free(op);
}

/* Tells the calls that wait for a change how it ended; those that wait for nothing more are answered. */
static void tell_calls(VhPersist *p, const VhPersistOp *op, int r)
{
        Held *held, *next;

        DL_FOREACH_SAFE (p->calls, held, next) {
                if (op->number <= held->after || op->number > held->until)
                        continue;
                if (r < 0 && held->r == 0) {
                        held->r = r;
                        held->err = vh_error_copy(op->err);
                }
                if (op->number < held->until)
                        continue;
                DL_DELETE(p->calls, held);
                vh_call_finish(held->call, held->r, held->err);
                free(held);
        }
}

static int work(void *data)
{
        VhPersistOp *op = data;

        op->ran = true;
        return op->run(op, &op->err);
}

static void done(void *data, int r)
{
        VhPersistOp *op = data;
        VhPersist *p = op->persist;

        if (!op->ran)
                r = work(op); /* it is waited for */
        DL_DELETE(p->ops, op);
        if (r < 0 && op->failed)
                op->failed(op);
        tell_calls(p, op, r);
        op_free(op);
}

int vh_persist_op_do(VhPersistOp *op, VhError **err)
{
        VhPersist *p = op->persist;
        int r = 0;

        if (p->pool) {
                op->number = ++p->last_op;
                DL_APPEND(p->ops, op);
                vh_pool_submit(p->pool, work, done, op);
        } else {
                r = op->run(op, err);
                op_free(op);
        }
        return r;
}

void vh_persist_drain(VhPersist *p)
{
        if (!p->ops)
                return;
        vh_pool_free(p->pool); /* calls done() for everything, in order */
        p->pool = vh_pool_new(p->loop, 0, 1);
}

void vh_persist_set_loop(VhPersist *p, VhLoop *loop, void (*unlinked)(void *data, const char *name, bool autostart),
                         void *data)
{
        p->loop = loop;
        p->unlinked = unlinked;
        p->data = data;
        p->pool = vh_pool_new(loop, 0, 1);
}

void vh_persist_before_call(VhPersist *p)
{
        p->last_before = p->last_op;
}

static void hold(VhPersist *p, VhCall *call, uint64_t after, uint64_t until)
{
        Held *held = vh_new(Held, 1);

        *held = (Held){ .call = call, .after = after, .until = until };
        DL_APPEND(p->calls, held);
}

int vh_persist_after_call(VhPersist *p, VhCall *call, VhError **err)
{
        int r;

        if (!p->pool || p->last_op == p->last_before)
                return 0;
        r = vh_call_prepare(call, err);
        if (r == VH_LATER)
                hold(p, call, p->last_before, p->last_op);
        return r;
}

bool vh_persist_hold(VhPersist *p, const char *name, VhCall *call)
{
        _vh_error_ VhError *err = NULL;
        uint64_t first = 0, last = 0;
        const VhPersistOp *op;

        DL_FOREACH (p->ops, op)
                if (vh_streq(op->name, name) || vh_streq(op->new_name, name)) {
                        last = op->number;
                        first = first ? first : last;
                }
        if (!last || vh_call_prepare(call, &err) < 0)
                return false;
        hold(p, call, first - 1, last);
        return true;
}
