/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The event loop: one epoll set, in which sd-event is a member like any other.
 *
 * Descriptors are in our own set, because a set inside a set costs a second look at each wake-up, and makes the kernel
 * wake us as if the one who sends to us went on working, on another CPU. sd-event has what it is good at: timers,
 * signals, children, sd-bus. It is prepared ("armed") before we sleep, and shows at its descriptor that it has work;
 * what changes in it afterwards makes it necessary to arm it again. */

#include "event/loop.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <systemd/sd-event.h>
#include <sys/wait.h>
#include <time.h>
#include <utlist.h>

enum {
        BATCH = 64,         /* ready descriptors taken from the set at once */
        TIMER_ACCURACY = 1, /* microseconds; coalescing would only add latency to our few timers */
        USEC_PER_SEC = 1000000,
        USEC_PER_MSEC = 1000,
        NSEC_PER_USEC = 1000,
};

struct VhLoop {
        int epoll_fd;
        struct epoll_event *batch; /* being served, NULL outside */
        int n_batch;
        uint64_t now; /* of this round, 0: not looked at yet */
        bool in_round;
        VhLater *queue;
        unsigned n_queue;

        sd_event *event;
        VhWatch event_watch;
        bool armed;         /* what it waits for shows at its descriptor */
        bool changed;       /* since then */
        bool event_pending; /* it has something to dispatch */

        bool quitting;
        int quit_code;
};

struct VhSource {
        VhLoop *loop;
        sd_event_source *source; /* NULL: it is a watch */
        VhWatch watch;
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

static uint64_t now_usec(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * USEC_PER_SEC + (uint64_t)t.tv_nsec / NSEC_PER_USEC;
}

static void run_later(VhLoop *loop)
{
        /* What is queued by the functions themselves waits for the next round, so that I/O gets its turn. */
        for (unsigned n = loop->n_queue; n && loop->queue; n--) {
                VhLater *later = loop->queue;

                vh_loop_cancel_later(loop, later);
                later->run(later);
        }
}

/* The members of an sd-event loop. */

static void event_ready(VhWatch *watch, uint32_t revents)
{
        VH_CONTAINER_OF(watch, VhLoop, event_watch)->event_pending = true;
}

/* Something will have to be armed before the loop sleeps. */
static sd_event *change_event(VhLoop *loop)
{
        loop->changed = true;
        return loop->event;
}

/* Before sleeping. Afterwards sd-event is armed, or has something to dispatch. */
static int arm_event(VhLoop *loop)
{
        int r = 0;

        if (loop->event_pending || (loop->armed && !loop->changed))
                return 0;
        if (loop->armed)
                r = sd_event_wait(loop->event, 0);
        if (r == 0)
                r = sd_event_prepare(loop->event);
        if (r < 0)
                return r;
        /* Dispatching needs no second look at its descriptor: it is not armed any more. */
        loop->event_pending = r > 0;
        loop->armed = r == 0;
        loop->changed = false;
        return 0;
}

static int dispatch_event(VhLoop *loop)
{
        int r = loop->armed ? sd_event_wait(loop->event, 0) : 1;

        loop->event_pending = false;
        loop->armed = false;
        return r > 0 ? sd_event_dispatch(loop->event) : r;
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
        loop->event_watch = (VhWatch){ .fd = sd_event_get_fd(loop->event), .ready = event_ready };
        vh_watch_set(loop, &loop->event_watch, EPOLLIN);
        return 0;
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
                if (loop->epoll_fd >= 0)
                        close(loop->epoll_fd);
                sd_event_unref(loop->event);
                free(loop);
        }
        return NULL;
}

/* Rounds up, so that the loop does not turn idly until a time is reached. */
static int wait_msec(uint64_t usec)
{
        uint64_t msec = usec / USEC_PER_MSEC + (usec % USEC_PER_MSEC != 0);

        return usec == UINT64_MAX ? -1 : (int)VH_MIN(msec, (uint64_t)INT_MAX);
}

static void serve_batch(VhLoop *loop, struct epoll_event *batch, int n)
{
        loop->batch = batch;
        loop->n_batch = n;
        for (int i = 0; i < n; i++) {
                VhWatch *watch = batch[i].data.ptr;

                if (watch)
                        watch->ready(watch, batch[i].events);
        }
        loop->batch = NULL;
}

/* Serves what is ready, in all three places. Returns 1 if there was something, 0 if not, negative errno. */
static int serve(VhLoop *loop, struct epoll_event *batch, int n)
{
        bool had_work = n > 0 || loop->queue || loop->event_pending;
        int r = 0;

        serve_batch(loop, batch, n);
        if (loop->event_pending)
                r = dispatch_event(loop);
        run_later(loop);
        return r < 0 ? r : had_work;
}

int vh_loop_step(VhLoop *loop, uint64_t timeout)
{
        struct epoll_event batch[BATCH];
        int n, r;

        r = arm_event(loop);
        if (r < 0)
                return r;
        if (loop->queue || loop->event_pending)
                timeout = 0;
        n = epoll_wait(loop->epoll_fd, batch, BATCH, wait_msec(timeout));
        if (n < 0)
                return errno == EINTR ? 1 : -errno;
        loop->now = 0;
        loop->in_round = true;
        r = serve(loop, batch, n);
        loop->in_round = false;
        return r;
}

int vh_loop_run(VhLoop *loop)
{
        int r = 0;

        while (r >= 0 && !loop->quitting)
                r = vh_loop_step(loop, UINT64_MAX);
        return r < 0 ? r : loop->quit_code;
}

void vh_loop_quit(VhLoop *loop, int code)
{
        loop->quitting = true;
        loop->quit_code = code;
}

uint64_t vh_loop_now(VhLoop *loop)
{
        if (!loop->in_round || !loop->now)
                loop->now = now_usec();
        return loop->now;
}

sd_event *vh_loop_sd_event(VhLoop *loop)
{
        return change_event(loop);
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

static void dispatch_io(VhWatch *watch, uint32_t revents)
{
        VhSource *source = VH_CONTAINER_OF(watch, VhSource, watch);

        dispatch_begin(source);
        source->io(source->data, revents);
        dispatch_end(source);
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

static VhSource *source_new(VhLoop *loop, void *data)
{
        VhSource *source = vh_new(VhSource, 1);

        source->loop = loop;
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
        VhSource *source = source_new(loop, data);

        source->io = fn;
        source->watch = (VhWatch){ .fd = fd, .ready = dispatch_io };
        vh_watch_set(loop, &source->watch, events);
        return source;
}

void vh_source_set_events(VhSource *source, uint32_t events)
{
        vh_watch_set(source->loop, &source->watch, events);
}

/* Our own time: that of sd-event is as old as its last dispatch. */
static uint64_t due(VhLoop *loop, uint64_t delay)
{
        uint64_t now = vh_loop_now(loop);

        return delay < UINT64_MAX - now ? now + delay : UINT64_MAX;
}

VhSource *vh_loop_add_timer(VhLoop *loop, uint64_t delay, VhTimerFn fn, void *data)
{
        VhSource *source = source_new(loop, data);
        int r;

        source->timer = fn;
        r = sd_event_add_time(change_event(loop), &source->source, CLOCK_MONOTONIC, due(loop, delay), TIMER_ACCURACY,
                              dispatch_timer, source);
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
        change_event(source->loop);
        sd_event_source_set_time(source->source, due(source->loop, delay));
        sd_event_source_set_enabled(source->source, SD_EVENT_ONESHOT);
}

VhSource *vh_loop_add_signal(VhLoop *loop, int signo, VhSignalFn fn, void *data)
{
        VhSource *source = source_new(loop, data);
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, signo);
        sigprocmask(SIG_BLOCK, &set, NULL);
        source->signal = fn;
        return source_ready(source,
                            sd_event_add_signal(change_event(loop), &source->source, signo, dispatch_signal, source));
}

VhSource *vh_loop_add_child(VhLoop *loop, pid_t pid, VhChildFn fn, void *data)
{
        VhSource *source = source_new(loop, data);

        source->child = fn;
        if (sd_event_add_child(change_event(loop), &source->source, pid, WEXITED, dispatch_child, source) < 0) {
                free(source);
                return NULL;
        }
        return source;
}

VhSource *vh_source_free(VhSource *source)
{
        if (source) {
                if (source->source)
                        sd_event_source_disable_unref(source->source);
                else
                        vh_watch_set(source->loop, &source->watch, 0);
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
        loop->n_queue++;
}

void vh_loop_cancel_later(VhLoop *loop, VhLater *later)
{
        if (!later->queued)
                return;
        later->queued = false;
        DL_DELETE(loop->queue, later);
        loop->n_queue--;
}
