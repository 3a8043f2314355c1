/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* For unit tests: a driver instance with one connection, called through its ops as the server does, without a wire. */

#include <assert.h>
#include <stdio.h>

#include "driver/driver.h"
#include "procs.h"

enum { VH_TEST_EVENTS = 32 };

typedef struct VhTestDriver {
        const VhDriver *driver;
        void *state;
        VhConn conn;
        VhCall call;  /* its arena holds the last reply */
        VhError *err; /* of the last call, NULL if it succeeded */
        /* Numbers of the event messages so far, and the detail of lifecycle ones. */
        int events[VH_TEST_EVENTS];
        int details[VH_TEST_EVENTS];
        unsigned n_events;
} VhTestDriver;

static inline void vh_test_event(VhConn *conn, const VhProc *proc, const void *msg)
{
        VhTestDriver *t = conn->sink;

        assert(t->n_events < VH_TEST_EVENTS);
        t->events[t->n_events] = proc->number;
        if (proc->number == REMOTE_PROC_DOMAIN_EVENT_CALLBACK_LIFECYCLE) {
                const remote_domain_event_callback_lifecycle_msg *m = msg;

                t->events[t->n_events] = m->msg.event;
                t->details[t->n_events] = m->msg.detail;
        }
        t->n_events++;
}

/* Starts the driver and opens path ("/system") on it. Returns 0 or negative errno with t->err. */
static inline int vh_test_driver_start(VhTestDriver *t, const VhDriver *driver, const VhDriverEnv *env,
                                       const char *path)
{
        int r;

        memset(t, 0, sizeof(*t));
        t->driver = driver;
        r = driver->start(&t->state, env, &t->err);
        if (r < 0)
                return r;
        t->conn = (VhConn){ .driver = driver, .state = t->state, .send_event = vh_test_event, .sink = t };
        t->call.target = &t->conn;
        return driver->open(t->state, &t->conn, path, NULL, &t->err);
}

static inline void vh_test_driver_stop(VhTestDriver *t)
{
        vh_arena_done(&t->call.arena);
        vh_error_clear(&t->err);
        if (!t->state)
                return;
        t->driver->close(&t->conn);
        t->driver->stop(t->state);
        t->state = NULL;
}

/* Calls a procedure of the program "remote". ret may be NULL for procedures without reply. The reply's memory lives
 * until the next call. Returns what the handler returns, and leaves its error in t->err. */
static inline int vh_test_call(VhTestDriver *t, int number, const void *args, void *ret)
{
        const VhProc *proc = vh_program_find(&vh_program_remote, number);
        int r;

        vh_arena_reset(&t->call.arena);
        vh_error_clear(&t->err);
        t->call.program = &vh_program_remote;
        t->call.proc = proc;
        if (ret)
                memset(ret, 0, proc->ret_size);
        r = proc->invoke(vh_driver_ops(t->driver, proc->kind), &t->call, (void *)args, ret, &t->err);
        return r;
}
