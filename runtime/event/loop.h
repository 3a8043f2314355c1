/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The event loop: an epoll set for descriptors, with sd-event for timers, signals, children and sd-bus. One thread runs
 * it and owns every object that is registered with it; nothing here may be called from another thread.
 *
 * Two ways to watch: a source, made with vh_loop_add_*(); and for the many (client connections) a VhWatch, which is
 * embedded in its owner and costs no memory of its own. */

#include "base/util.h"
#include <sys/epoll.h>

typedef struct VhLoop VhLoop;
typedef struct VhSource VhSource;
typedef struct sd_event sd_event;

/* Makes a loop of the calling thread. Returns 0 or negative errno. */
int vh_loop_new(VhLoop **ret);
/* Frees the loop; sources and watches must be gone. Accepts NULL, returns NULL. */
VhLoop *vh_loop_free(VhLoop *loop);
VH_DEFINE_CLEANUP(VhLoop *, vh_loop_free)

/* Serves events until vh_loop_quit(); returns the code given there, or negative errno. */
int vh_loop_run(VhLoop *loop);
/* One round: waits at most timeout microseconds (UINT64_MAX: for ever; rounded up to milliseconds) and serves what is
 * ready. Returns 1 if something was served, 0 if not, negative errno on failure. */
int vh_loop_step(VhLoop *loop, uint64_t timeout);
/* Makes vh_loop_run() return code (0 or more) after the current round. */
void vh_loop_quit(VhLoop *loop, int code);
/* CLOCK_MONOTONIC in microseconds, read once a wake-up. */
uint64_t vh_loop_now(VhLoop *loop);
/* The sd-event loop inside, to attach an sd-bus connection or a watchdog to. Outside of its own callbacks it may only
 * be used in the callback that asked for it here: it is armed anew after that. */
sd_event *vh_loop_sd_event(VhLoop *loop);

typedef void (*VhIoFn)(void *data, uint32_t revents);
typedef void (*VhTimerFn)(void *data);
typedef void (*VhSignalFn)(void *data, int signo);
typedef void (*VhChildFn)(void *data, int status);

/* Calls fn when fd has one of events (EPOLLIN, ...; level-triggered). The fd stays the caller's. */
VhSource *vh_loop_add_io(VhLoop *loop, int fd, uint32_t events, VhIoFn fn, void *data);
/* Changes the events of an io source; 0 pauses it. */
void vh_source_set_events(VhSource *source, uint32_t events);
/* Calls fn once, in delay microseconds (UINT64_MAX: not before vh_source_rearm()). */
VhSource *vh_loop_add_timer(VhLoop *loop, uint64_t delay, VhTimerFn fn, void *data);
/* Sets a timer again, from now; UINT64_MAX stops it. */
void vh_source_rearm(VhSource *source, uint64_t delay);
/* Blocks signo for the process and calls fn for each delivery. */
VhSource *vh_loop_add_signal(VhLoop *loop, int signo, VhSignalFn fn, void *data);
/* Calls fn once with the wait status when the child pid ends; it is reaped. SIGCHLD must be blocked. NULL if there is
 * no such child. */
VhSource *vh_loop_add_child(VhLoop *loop, pid_t pid, VhChildFn fn, void *data);
/* Stops and frees a source, before its fd is closed; allowed inside its own callback. Accepts NULL, returns NULL. */
VhSource *vh_source_free(VhSource *source);
VH_DEFINE_CLEANUP(VhSource *, vh_source_free)

/* A member of the set, embedded in its owner (VH_CONTAINER_OF). Zero fd and events before first use. */
typedef struct VhWatch VhWatch;
struct VhWatch {
        int fd;
        uint32_t events; /* what is registered now; 0: nothing */
        void (*ready)(VhWatch *watch, uint32_t revents);
};
/* Sets the events of a watch; 0 takes it out (also out of the batch being served), to be done before its fd is closed.
 */
void vh_watch_set(VhLoop *loop, VhWatch *watch, uint32_t events);

/* Work to be done once before the loop sleeps again: at the end of the current round. Embedded in its owner; queueing
 * one that is queued changes nothing. */
typedef struct VhLater VhLater;
struct VhLater {
        VhLater *prev, *next;
        bool queued;
        void (*run)(VhLater *later);
};
void vh_loop_later(VhLoop *loop, VhLater *later);
void vh_loop_cancel_later(VhLoop *loop, VhLater *later);
