/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The event loop on sd-event, with a nested epoll set for the many descriptors. */

#include "event/loop.h"

#include <errno.h>
#include <signal.h>
#include <systemd/sd-event.h>
#include <sys/wait.h>
#include <time.h>
#include <utlist.h>

enum {
        BATCH = 64,         /* ready descriptors taken from the nested set at once */
        ROUNDS = 8,         /* such batches before other sources get their turn */
        TIMER_ACCURACY = 1, /* microseconds; coalescing would only add latency to our few timers */
};

struct VhLoop {
        sd_event *event;
        sd_event_source *many;  /* readiness of the nested set */
        sd_event_source *later; /* runs the list outside a batch */
        int epoll_fd;
        int quit_code;
        struct epoll_event *batch; /* being served, NULL outside */
        int n_batch;
        VhLater *queue;
        unsigned n_queue;
};

struct VhSource {
        sd_event_source *source;
        void *data;
        bool dispatching;
        bool freed; /* in its own callback */
        union {
                VhIoFn io;
                VhTimerFn timer;
                VhSignalFn signal;
                VhChildFn child;
        };
};

static void run_later(VhLoop *loop)
{
        /* What is queued by the functions themselves waits for the next round, so that I/O gets its turn. */
        for (unsigned n = loop->n_queue; n && loop->queue; n--) {
                VhLater *later = loop->queue;

                vh_loop_cancel_later(loop, later);
                later->run(later);
        }
        if (loop->queue)
                sd_event_source_set_enabled(loop->later, SD_EVENT_ONESHOT);
}

static int dispatch_later(sd_event_source *source, void *data)
{
        run_later(data);
        return 0;
}

/* Serves what is ready. Returns how many there were, or negative errno. */
static int serve_batch(VhLoop *loop)
{
        struct epoll_event batch[BATCH];
        int n;

        n = epoll_wait(loop->epoll_fd, batch, BATCH, 0);
        if (n < 0)
                return errno == EINTR ? 0 : -errno;
        loop->batch = batch;
        loop->n_batch = n;
        for (int i = 0; i < n; i++) {
                VhWatch *watch = batch[i].data.ptr;

                if (watch)
                        watch->ready(watch, batch[i].events);
        }
        loop->batch = NULL;
        run_later(loop);
        return n;
}

/* Where several are ready there are soon more: looking again is cheaper than a round of sd-event. */
static int dispatch_many(sd_event_source *source, int fd, uint32_t revents, void *data)
{
        int n = BATCH;

        for (int round = 0; n > 1 && round < ROUNDS; round++)
                n = serve_batch(data);
        return n < 0 ? n : 0;
}

static int loop_setup(VhLoop *loop)
{
        int r;

        loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        if (loop->epoll_fd < 0)
                return -errno;
        r = sd_event_new(&loop->event);
        if (r < 0)
                return r;
        r = sd_event_add_io(loop->event, &loop->many, loop->epoll_fd, EPOLLIN, dispatch_many, loop);
        if (r < 0)
                return r;
        r = sd_event_add_defer(loop->event, &loop->later, dispatch_later, loop);
        if (r < 0)
                return r;
        return sd_event_source_set_enabled(loop->later, SD_EVENT_OFF);
}

int vh_loop_new(VhLoop **ret)
{
        VhLoop *loop = vh_new(VhLoop, 1);
        int r;

        r = loop_setup(loop);
        if (r < 0) {
                vh_loop_free(loop);
                return r;
        }
        *ret = loop;
        return 0;
}

VhLoop *vh_loop_free(VhLoop *loop)
{
        if (loop) {
                sd_event_source_unref(loop->later);
                sd_event_source_unref(loop->many);
                sd_event_unref(loop->event);
                if (loop->epoll_fd >= 0)
                        close(loop->epoll_fd);
                free(loop);
        }
        return NULL;
}

int vh_loop_run(VhLoop *loop)
{
        return sd_event_loop(loop->event);
}

int vh_loop_step(VhLoop *loop, uint64_t timeout)
{
        return sd_event_run(loop->event, timeout);
}

void vh_loop_quit(VhLoop *loop, int code)
{
        sd_event_exit(loop->event, code);
}

uint64_t vh_loop_now(VhLoop *loop)
{
        uint64_t now = 0;

        sd_event_now(loop->event, CLOCK_MONOTONIC, &now);
        return now;
}

sd_event *vh_loop_sd_event(VhLoop *loop)
{
        return loop->event;
}

/* A callback may free its own source: the memory then goes after it. */
static void dispatch_begin(VhSource *source)
{
        source->dispatching = true;
}

static int dispatch_end(VhSource *source)
{
        source->dispatching = false;
        if (source->freed)
                free(source);
        return 0;
}

static int dispatch_io(sd_event_source *s, int fd, uint32_t revents, void *data)
{
        VhSource *source = data;

        dispatch_begin(source);
        source->io(source->data, revents);
        return dispatch_end(source);
}

static int dispatch_timer(sd_event_source *s, uint64_t usec, void *data)
{
        VhSource *source = data;

        dispatch_begin(source);
        source->timer(source->data);
        return dispatch_end(source);
}

static int dispatch_signal(sd_event_source *s, const struct signalfd_siginfo *info, void *data)
{
        VhSource *source = data;

        dispatch_begin(source);
        source->signal(source->data, (int)info->ssi_signo);
        return dispatch_end(source);
}

/* The status in the form that waitpid() has. */
static int wait_status(const siginfo_t *info)
{
        if (info->si_code == CLD_EXITED)
                return W_EXITCODE(info->si_status, 0);
        return W_EXITCODE(0, info->si_status) | (info->si_code == CLD_DUMPED ? WCOREFLAG : 0);
}

static int dispatch_child(sd_event_source *s, const siginfo_t *info, void *data)
{
        VhSource *source = data;

        dispatch_begin(source);
        source->child(source->data, wait_status(info));
        return dispatch_end(source);
}

static VhSource *source_new(void *data)
{
        VhSource *source = vh_new(VhSource, 1);

        source->data = data;
        return source;
}

/* Registering fails only for a wrong fd or when the kernel is out of memory; the first is our bug. */
static VhSource *source_ready(VhSource *source, int r)
{
        if (r < 0)
                abort();
        return source;
}

VhSource *vh_loop_add_io(VhLoop *loop, int fd, uint32_t events, VhIoFn fn, void *data)
{
        VhSource *source = source_new(data);

        source->io = fn;
        return source_ready(source, sd_event_add_io(loop->event, &source->source, fd, events, dispatch_io, source));
}

void vh_source_set_events(VhSource *source, uint32_t events)
{
        sd_event_source_set_enabled(source->source, events ? SD_EVENT_ON : SD_EVENT_OFF);
        if (events)
                sd_event_source_set_io_events(source->source, events);
}

VhSource *vh_loop_add_timer(VhLoop *loop, uint64_t delay, VhTimerFn fn, void *data)
{
        VhSource *source = source_new(data);
        int r;

        source->timer = fn;
        r = sd_event_add_time_relative(loop->event, &source->source, CLOCK_MONOTONIC, delay == UINT64_MAX ? 0 : delay,
                                       TIMER_ACCURACY, dispatch_timer, source);
        if (r >= 0 && delay == UINT64_MAX)
                r = sd_event_source_set_enabled(source->source, SD_EVENT_OFF);
        return source_ready(source, r);
}

void vh_source_rearm(VhSource *source, uint64_t delay)
{
        if (delay == UINT64_MAX) {
                sd_event_source_set_enabled(source->source, SD_EVENT_OFF);
                return;
        }
        sd_event_source_set_time_relative(source->source, delay);
        sd_event_source_set_enabled(source->source, SD_EVENT_ONESHOT);
}

VhSource *vh_loop_add_signal(VhLoop *loop, int signo, VhSignalFn fn, void *data)
{
        VhSource *source = source_new(data);
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, signo);
        sigprocmask(SIG_BLOCK, &set, NULL);
        source->signal = fn;
        return source_ready(source, sd_event_add_signal(loop->event, &source->source, signo, dispatch_signal, source));
}

VhSource *vh_loop_add_child(VhLoop *loop, pid_t pid, VhChildFn fn, void *data)
{
        VhSource *source = source_new(data);

        source->child = fn;
        if (sd_event_add_child(loop->event, &source->source, pid, WEXITED, dispatch_child, source) < 0) {
                free(source);
                return NULL;
        }
        return source;
}

VhSource *vh_source_free(VhSource *source)
{
        if (source) {
                sd_event_source_disable_unref(source->source);
                if (source->dispatching)
                        source->freed = true;
                else
                        free(source);
        }
        return NULL;
}

static void forget_in_batch(VhLoop *loop, const VhWatch *watch)
{
        for (int i = 0; loop->batch && i < loop->n_batch; i++)
                if (loop->batch[i].data.ptr == watch)
                        loop->batch[i].data.ptr = NULL;
}

void vh_watch_set(VhLoop *loop, VhWatch *watch, uint32_t events)
{
        struct epoll_event e = { .events = events, .data.ptr = watch };
        int op = events == 0 ? EPOLL_CTL_DEL : watch->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

        if (events == watch->events)
                return;
        if (epoll_ctl(loop->epoll_fd, op, watch->fd, &e) < 0)
                abort(); /* only for a wrong fd, or without kernel memory */
        watch->events = events;
        if (!events)
                forget_in_batch(loop, watch);
}

void vh_loop_later(VhLoop *loop, VhLater *later)
{
        if (later->queued)
                return;
        later->queued = true;
        DL_APPEND(loop->queue, later);
        if (loop->n_queue++ == 0 && !loop->batch)
                sd_event_source_set_enabled(loop->later, SD_EVENT_ONESHOT);
}

void vh_loop_cancel_later(VhLoop *loop, VhLater *later)
{
        if (!later->queued)
                return;
        later->queued = false;
        DL_DELETE(loop->queue, later);
        loop->n_queue--;
}
