/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* QEMU's machine protocol: greeting, commands with ids, answers, events. */

#include "qmp.h"

#include <errno.h>
#include <stdarg.h>
#include <utlist.h>

#include "base/log.h"

VH_LOG_SOURCE("qemu.qmp");

enum { USEC_PER_SEC = 1000000 };

typedef struct Pending Pending;
struct Pending {
        Pending *prev, *next;
        QemuMonitor *mon;
        json_int_t id;
        char *command; /* its name, for messages */
        json_t *held;  /* waits for the negotiation, or a hold; NULL: sent */
        int held_fd;
        QmpReplyFn fn; /* NULL: nobody waits any more */
        void *data;
        uint64_t since;
        VhSource *timer;
};

struct QemuMonitor {
        VhLoop *loop;
        QemuJsonLink *link;
        QmpHandlers handlers;
        Pending *pending;
        unsigned n_pending;
        json_int_t last_id;
        bool greeted, ready, closed;
        unsigned holds;      /* of who wants commands to wait */
        const char *barred;  /* the command that has to wait; NULL: none */
        const json_t *error; /* of the answer being handled */
        bool busy;           /* inside an answer: memory stays until it returns */
        bool freed;
};

json_t *qmp_command_args(const char *name, json_t *args)
{
        json_t *cmd =
                args ? json_pack("{s:s,s:o}", "execute", name, "arguments", args) : json_pack("{s:s}", "execute", name);

        if (!cmd)
                abort();
        return cmd;
}

json_t *qmp_command(const char *name, const char *fmt, ...)
{
        json_t *args;
        va_list ap;

        if (!fmt)
                return qmp_command_args(name, NULL);
        va_start(ap, fmt);
        args = json_vpack_ex(NULL, 0, fmt, ap);
        va_end(ap);
        if (!args)
                abort();
        return qmp_command_args(name, args);
}

static Pending *pending_free(Pending *p)
{
        vh_source_free(p->timer);
        json_decref(p->held);
        if (p->held_fd >= 0)
                close(p->held_fd);
        free(p->command);
        free(p);
        return NULL;
}

static Pending *take(QemuMonitor *mon, Pending *p)
{
        DL_DELETE(mon->pending, p);
        mon->n_pending--;
        return p;
}

static void answer(Pending *p, json_t *ret, int r, const VhError *err)
{
        QmpReplyFn fn = p->fn;
        void *data = p->data;

        pending_free(p);
        if (fn)
                fn(data, ret, r, err);
}

static void fail_all(QemuMonitor *mon, int r, const VhError *err)
{
        while (mon->pending)
                answer(take(mon, mon->pending), NULL, r, err);
}

/* QEMU's words in ours; some classes have a meaning that callers ask for. */
static int command_error(const Pending *p, const json_t *error, VhError **err)
{
        const char *class = json_string_value(json_object_get(error, "class"));
        const char *desc = json_string_value(json_object_get(error, "desc"));

        if (class && strcmp(class, "CommandNotFound") == 0)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "The command %s has not been found", p->command);
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR, "unable to execute QEMU command '%s': %s",
                            p->command, desc ? desc : "unknown error");
}

/* Behind an answer; true if that freed the monitor. */
static bool leave(QemuMonitor *mon)
{
        bool freed = mon->freed;

        mon->busy = false;
        if (freed)
                free(mon);
        return freed;
}

static void handle_answer(QemuMonitor *mon, json_t *object)
{
        json_int_t id = json_integer_value(json_object_get(object, "id"));
        json_t *error = json_object_get(object, "error");
        json_t *ret = json_object_get(object, "return");
        _vh_error_ VhError *err = NULL;
        Pending *p;
        int r = 0;

        DL_SEARCH_SCALAR(mon->pending, p, id, id);
        if (!p) {
                vh_log_warning("an answer without a question came from a monitor");
                return;
        }
        if (error || !ret)
                r = command_error(p, error, &err);
        mon->error = error;
        mon->busy = true;
        answer(take(mon, p), r < 0 ? NULL : ret, r, err);
        mon->error = NULL;
        leave(mon);
}

static void handle_event(QemuMonitor *mon, json_t *object)
{
        const json_t *stamp = json_object_get(object, "timestamp");
        const char *name = json_string_value(json_object_get(object, "event"));
        json_t *data = json_object_get(object, "data");

        if (!name || !mon->handlers.event)
                return;
        mon->handlers.event(mon->handlers.data, name, data,
                            (uint64_t)json_integer_value(json_object_get(stamp, "seconds")),
                            (unsigned)json_integer_value(json_object_get(stamp, "microseconds")));
}

static bool is_barred(const Pending *p)
{
        return p->mon->barred && strcmp(p->mon->barred, p->command) == 0;
}

static void send_now(Pending *p)
{
        qemu_json_link_send(p->mon->link, p->held, VH_TAKE_FD(p->held_fd));
        json_decref(VH_TAKE_PTR(p->held));
}

static void send_held(QemuMonitor *mon)
{
        Pending *p;

        if (!mon->ready || mon->holds || mon->closed)
                return;
        DL_FOREACH (mon->pending, p)
                if (p->held && !is_barred(p))
                        send_now(p);
}

static void negotiated(void *data, json_t *ret, int r, const VhError *err)
{
        QemuMonitor *mon = data;

        if (r < 0) {
                if (!mon->closed)
                        mon->handlers.closed(mon->handlers.data, r, err);
                return;
        }
        mon->ready = true;
        send_held(mon);
        if (mon->handlers.ready)
                mon->handlers.ready(mon->handlers.data);
}

static void on_object(void *data, json_t *object)
{
        QemuMonitor *mon = data;

        if (json_object_get(object, "QMP") && !mon->greeted) {
                mon->greeted = true;
                qmp_send(mon, qmp_command("qmp_capabilities", NULL), negotiated, mon);
        } else if (json_object_get(object, "event"))
                handle_event(mon, object);
        else if (json_object_get(object, "id"))
                handle_answer(mon, object);
        else
                vh_log_warning("something came from a monitor that is neither answer nor event");
}

static void on_closed(void *data, int r, const VhError *err)
{
        QemuMonitor *mon = data;

        mon->closed = true;
        mon->busy = true;
        fail_all(mon, r, err);
        if (!leave(mon))
                mon->handlers.closed(mon->handlers.data, r, err);
}

QemuMonitor *qmp_new(VhLoop *loop, int fd, const QmpHandlers *handlers)
{
        QemuMonitor *mon = vh_new(QemuMonitor, 1);
        QemuJsonHandlers link = { .object = on_object, .closed = on_closed, .data = mon };

        mon->loop = loop;
        mon->handlers = *handlers;
        mon->link = qemu_json_link_new(loop, fd, &link);
        return mon;
}

QemuMonitor *qmp_free(QemuMonitor *mon)
{
        _vh_error_ VhError *err = NULL;

        if (!mon)
                return NULL;
        mon->closed = true;
        mon->link = qemu_json_link_free(mon->link);
        vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED, "domain is no longer running");
        fail_all(mon, -ECANCELED, err);
        mon->freed = true;
        if (!mon->busy)
                free(mon);
        return NULL;
}

static void timed_out(void *data)
{
        Pending *p = data;
        _vh_error_ VhError *err = NULL;
        QmpReplyFn fn = VH_TAKE_PTR(p->fn);
        int r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_OPERATION_TIMEOUT,
                             "QEMU did not answer the command '%s' in time", p->command);

        p->timer = vh_source_free(p->timer);
        if (fn)
                fn(p->data, NULL, r, err);
}

/* A command to a monitor that is gone fails, but not before its sender returns. */
static void gone(void *data)
{
        Pending *p = data;
        _vh_error_ VhError *err = NULL;
        int r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED, "domain is no longer running");

        answer(take(p->mon, p), NULL, r, err);
}

static Pending *queue(QemuMonitor *mon, json_t *cmd, int fd, QmpReplyFn fn, void *data)
{
        Pending *p = vh_new(Pending, 1);

        *p = (Pending){
                .mon = mon,
                .id = ++mon->last_id,
                .command = vh_xstrdup(json_string_value(json_object_get(cmd, "execute"))),
                .held = cmd,
                .held_fd = fd,
                .fn = fn,
                .data = data,
                .since = vh_loop_now(mon->loop),
        };
        json_object_set_new(cmd, "id", json_integer(p->id));
        DL_APPEND(mon->pending, p);
        mon->n_pending++;
        if (mon->closed)
                p->timer = vh_loop_add_timer(mon->loop, 0, gone, p);
        else if (is_barred(p))
                p->timer = vh_loop_add_timer(mon->loop, (uint64_t)QMP_BARRED_SECONDS * USEC_PER_SEC, timed_out, p);
        else if ((mon->ready && !mon->holds) || fn == negotiated)
                send_now(p);
        return p;
}

void qmp_hold(QemuMonitor *mon)
{
        mon->holds++;
}

void qmp_release(QemuMonitor *mon)
{
        mon->holds--;
        send_held(mon);
}

void qmp_bar(QemuMonitor *mon, const char *command)
{
        mon->barred = command;
        send_held(mon);
}

void qmp_send(QemuMonitor *mon, json_t *cmd, QmpReplyFn fn, void *data)
{
        queue(mon, cmd, -1, fn, data);
}

void qmp_send_fd(QemuMonitor *mon, json_t *cmd, int fd, QmpReplyFn fn, void *data)
{
        queue(mon, cmd, fd, fn, data);
}

void qmp_send_timeout(QemuMonitor *mon, json_t *cmd, uint64_t timeout, QmpReplyFn fn, void *data)
{
        Pending *p = queue(mon, cmd, -1, fn, data);

        if (!p->timer)
                p->timer = vh_loop_add_timer(mon->loop, timeout, timed_out, p);
}

void qmp_forget(QemuMonitor *mon, const void *data)
{
        Pending *p;

        DL_FOREACH (mon->pending, p) {
                if (p->data == data)
                        p->fn = NULL;
        }
}

unsigned qmp_pending(const QemuMonitor *mon)
{
        return mon->n_pending;
}

uint64_t qmp_waiting_since(const QemuMonitor *mon)
{
        return mon->pending ? mon->pending->since : 0;
}

const char *qmp_error_class(const QemuMonitor *mon)
{
        return json_string_value(json_object_get(mon->error, "class"));
}

const char *qmp_error_desc(const QemuMonitor *mon)
{
        return json_string_value(json_object_get(mon->error, "desc"));
}
