/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The loop and the worker pool. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "event/pool.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { WATCHES = 100, JOBS = 50, SECOND = 1000 * 1000 };

static int setup(void **state)
{
        VhLoop *loop;

        if (vh_loop_new(&loop) < 0)
                return -1;
        *state = loop;
        return 0;
}

static int teardown(void **state)
{
        vh_loop_free(*state);
        return 0;
}

static void count(void *data)
{
        ++*(int *)data;
}

static void test_timer(void **state)
{
        int n = 0;
        VhSource *timer = vh_loop_add_timer(*state, 1000, count, &n);
        VhSource *never = vh_loop_add_timer(*state, UINT64_MAX, count, &n);
        uint64_t start = vh_loop_now(*state);

        while (vh_loop_step(*state, SECOND / 20) > 0)
                ;
        assert_int_equal(n, 1);
        assert_true(vh_loop_now(*state) >= start + 1000);
        vh_source_rearm(never, 0);
        while (vh_loop_step(*state, SECOND / 20) > 0)
                ;
        assert_int_equal(n, 2);
        vh_source_free(timer);
        vh_source_free(never);
}

static void test_run_and_quit(void **state)
{
        VhLoop *loop = *state;

        vh_loop_quit(loop, 3);
        assert_int_equal(vh_loop_run(loop), 3);
}

static VhSource *self;

static void free_self(void *data, uint32_t revents)
{
        self = vh_source_free(self);
        count(data);
}

static void test_source_frees_itself(void **state)
{
        int fds[2], n = 0;

        assert_int_equal(pipe(fds), 0);
        assert_int_equal(write(fds[1], "x", 1), 1);
        self = vh_loop_add_io(*state, fds[0], EPOLLIN, free_self, &n);
        while (vh_loop_step(*state, 0) > 0)
                ;
        assert_int_equal(n, 1);
        close(fds[0]);
        close(fds[1]);
}

static void on_signal(void *data, int signo)
{
        *(int *)data = signo;
}

static void test_signal(void **state)
{
        int got = 0;
        VhSource *source = vh_loop_add_signal(*state, SIGUSR1, on_signal, &got);

        raise(SIGUSR1);
        while (!got && vh_loop_step(*state, SECOND) > 0)
                ;
        assert_int_equal(got, SIGUSR1);
        vh_source_free(source);
}

static void on_child(void *data, int status)
{
        *(int *)data = status;
}

static void test_child(void **state)
{
        int status = -1;
        sigset_t set;
        pid_t pid;
        VhSource *source;

        sigemptyset(&set);
        sigaddset(&set, SIGCHLD);
        sigprocmask(SIG_BLOCK, &set, NULL);
        pid = fork();
        if (pid == 0)
                _exit(7);
        source = vh_loop_add_child(*state, pid, on_child, &status);
        assert_non_null(source);
        while (status == -1 && vh_loop_step(*state, SECOND) > 0)
                ;
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 7);
        vh_source_free(source);
}

typedef struct Watched {
        VhWatch watch;
        VhLater later;
        VhLoop *loop;
        struct Watched *victim; /* taken out by this one's callback */
        int other_end;
        unsigned n_ready, n_later;
} Watched;

static void on_watch(VhWatch *watch, uint32_t revents)
{
        Watched *w = VH_CONTAINER_OF(watch, Watched, watch);
        char byte;

        assert_int_equal(read(watch->fd, &byte, 1), 1);
        w->n_ready++;
        vh_loop_later(w->loop, &w->later);
        vh_loop_later(w->loop, &w->later);
        if (w->victim)
                vh_watch_set(w->loop, &w->victim->watch, 0);
}

static void on_later(VhLater *later)
{
        VH_CONTAINER_OF(later, Watched, later)->n_later++;
}

static void watched_init(Watched *w, VhLoop *loop)
{
        int pair[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        *w = (Watched){ .watch = { .fd = pair[0], .ready = on_watch },
                        .later = { .run = on_later },
                        .loop = loop,
                        .other_end = pair[1] };
        vh_watch_set(loop, &w->watch, EPOLLIN);
}

static void watched_done(Watched *w)
{
        vh_watch_set(w->loop, &w->watch, 0);
        close(w->watch.fd);
        close(w->other_end);
}

static void test_many_watches(void **state)
{
        static Watched all[WATCHES];

        for (int i = 0; i < WATCHES; i++) {
                watched_init(&all[i], *state);
                assert_int_equal(write(all[i].other_end, "x", 1), 1);
        }
        while (vh_loop_step(*state, 0) > 0)
                ;
        for (int i = 0; i < WATCHES; i++) {
                assert_int_equal(all[i].n_ready, 1);
                assert_int_equal(all[i].n_later, 1);
                watched_done(&all[i]);
        }
}

/* Two are ready in one batch and each takes out the other: exactly one is called. */
static void test_watch_taken_out_of_batch(void **state)
{
        Watched a, b;

        watched_init(&a, *state);
        watched_init(&b, *state);
        a.victim = &b;
        b.victim = &a;
        assert_int_equal(write(a.other_end, "x", 1), 1);
        assert_int_equal(write(b.other_end, "x", 1), 1);
        while (vh_loop_step(*state, 0) > 0)
                ;
        assert_int_equal(a.n_ready + b.n_ready, 1);
        watched_done(&a);
        watched_done(&b);
}

static void test_later_outside_of_a_batch(void **state)
{
        Watched a;

        watched_init(&a, *state);
        vh_loop_later(*state, &a.later);
        vh_loop_cancel_later(*state, &a.later);
        vh_loop_later(*state, &a.later);
        while (vh_loop_step(*state, 0) > 0)
                ;
        assert_int_equal(a.n_later, 1);
        watched_done(&a);
}

typedef struct Alarm {
        VhWatch watch;
        VhSource *timer;
        VhLoop *loop;
        uint64_t set, rang;
} Alarm;

static void set_alarm(VhWatch *watch, uint32_t revents)
{
        Alarm *a = VH_CONTAINER_OF(watch, Alarm, watch);
        char byte;

        assert_int_equal(read(watch->fd, &byte, 1), 1);
        a->set = vh_loop_now(a->loop);
        vh_source_rearm(a->timer, SECOND / 50);
}

static void ring(void *data)
{
        Alarm *a = data;

        a->rang = vh_loop_now(a->loop);
}

/* The loop has slept, and only descriptors were served since: the timer counts from now, and is not forgotten. */
static void test_timer_set_while_sleeping(void **state)
{
        Alarm a = { .loop = *state, .watch.ready = set_alarm };
        int fds[2];

        assert_int_equal(pipe(fds), 0);
        a.watch.fd = fds[0];
        a.timer = vh_loop_add_timer(*state, UINT64_MAX, ring, &a);
        vh_watch_set(*state, &a.watch, EPOLLIN);
        assert_int_equal(vh_loop_step(*state, SECOND / 20), 0);
        assert_int_equal(write(fds[1], "x", 1), 1);
        while (!a.rang && vh_loop_step(*state, SECOND) > 0)
                ;
        assert_true(a.set && a.rang >= a.set + SECOND / 50);
        assert_true(a.rang < a.set + SECOND);
        vh_watch_set(*state, &a.watch, 0);
        vh_source_free(a.timer);
        close(fds[0]);
        close(fds[1]);
}

typedef struct Work {
        pthread_t loop_thread;
        atomic_uint running, most, worked;
        unsigned done, cancelled;
} Work;

static int work(void *data)
{
        Work *w = data;
        unsigned now = ++w->running, most = w->most;

        assert_false(pthread_equal(pthread_self(), w->loop_thread));
        while (now > most && !atomic_compare_exchange_weak(&w->most, &most, now))
                ;
        usleep(1000);
        w->worked++;
        w->running--;
        return -EXDEV;
}

static void done(void *data, int r)
{
        Work *w = data;

        assert_true(pthread_equal(pthread_self(), w->loop_thread));
        assert_true(r == -EXDEV || r == -ECANCELED);
        w->done++;
        w->cancelled += r == -ECANCELED;
}

static void test_pool(void **state)
{
        Work w = { .loop_thread = pthread_self() };
        VhPool *pool = vh_pool_new(*state, 1, 3);
        VhPoolInfo info;

        vh_pool_info(pool, &info);
        assert_int_equal(info.current, 0);
        for (int i = 0; i < JOBS; i++)
                vh_pool_submit(pool, work, done, &w);
        while (w.done < JOBS && vh_loop_step(*state, 5 * SECOND) > 0)
                ;
        assert_int_equal(w.done, JOBS);
        assert_int_equal(w.cancelled, 0);
        assert_true(w.most <= 3 && w.most >= 1);
        vh_pool_info(pool, &info);
        assert_true(info.current <= 3);
        assert_int_equal(vh_pool_set_limits(pool, 2, 1), -EINVAL);
        assert_int_equal(vh_pool_set_limits(pool, 0, 0), -EINVAL);
        assert_int_equal(vh_pool_set_limits(pool, 1, 8), 0);
        vh_pool_free(pool);
}

static void test_pool_freed_with_jobs(void **state)
{
        Work w = { .loop_thread = pthread_self() };
        VhPool *pool = vh_pool_new(*state, 0, 1);

        for (int i = 0; i < JOBS; i++)
                vh_pool_submit(pool, work, done, &w);
        vh_pool_free(pool);
        assert_int_equal(w.done, JOBS);
        assert_int_equal(w.worked + w.cancelled, JOBS);
}

#define EVENT_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                EVENT_TEST(test_timer),
                EVENT_TEST(test_run_and_quit),
                EVENT_TEST(test_source_frees_itself),
                EVENT_TEST(test_signal),
                EVENT_TEST(test_child),
                EVENT_TEST(test_many_watches),
                EVENT_TEST(test_watch_taken_out_of_batch),
                EVENT_TEST(test_later_outside_of_a_batch),
                EVENT_TEST(test_timer_set_while_sleeping),
                EVENT_TEST(test_pool),
                EVENT_TEST(test_pool_freed_with_jobs),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
