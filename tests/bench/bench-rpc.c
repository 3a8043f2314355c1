/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Load generator: raw frames over UNIX sockets, no client library in the way.
 *
 *   bench-rpc calls    keeps M calls outstanding on each of N connections and counts the replies
 *   bench-rpc connect  connect, AUTH_LIST, CONNECT_OPEN, CONNECT_CLOSE, over and over on each of N lanes
 *   bench-rpc idle     opens N connections, says "ready", and holds them until its stdin ends
 *   bench-rpc floor    what a socket alone costs: the same frames against an echo in a child process
 *
 * Prints one line of JSON: operations per second, latencies in microseconds, and CPU time per operation, of this
 * process and those given with --charge PID. */

#include <endian.h>
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
        HEADER_SIZE = 28, /* with the length word */
        PROGRAM_REMOTE = 0x20008086,
        PROC_OPEN = 1,
        PROC_CLOSE = 2,
        PROC_AUTH_LIST = 66,
        STATUS_OFFSET = 24,
        SERIAL_OFFSET = 20,
        BUFFER_MIN = 64 * 1024,
        /* Latencies are counted per microsecond up to here; the rest lands in the last bucket. */
        LATENCY_BUCKETS = 1000000,
        EVENTS_PER_WAIT = 64,
        ECHO_REPLY_SIZE = 36, /* a small reply: header and two words */
        CHARGED_MAX = 4,
};

typedef struct Options {
        const char *mode;
        const char *socket;
        const char *uri;
        const char *payload_file;
        int proc;
        int connections;
        int outstanding;
        double seconds;
        double warmup;
        int cpu;
        clockid_t charged[CHARGED_MAX]; /* CPU clocks of processes that work for us */
        int n_charged;
} Options;

/* Arguments that calls cycle through: one payload after the other, each behind a 4-byte big-endian length. */
typedef struct Payloads {
        uint8_t *data;
        size_t size;
        unsigned n;
        const uint8_t **starts;
} Payloads;

typedef struct Lane {
        int fd;
        uint32_t serial;
        uint8_t *in, *out;
        size_t in_size, in_len, out_size, out_len;
        double *sent; /* when the call of serial % outstanding left */
        unsigned next_payload;
} Lane;

typedef struct Bench {
        Options opt;
        Payloads payloads;
        Lane *lanes;
        int epoll;
        bool counting;
        uint64_t done, errors, bytes;
        uint32_t *latency;
        double latency_sum;
} Bench;

static void die(const char *what)
{
        fprintf(stderr, "bench-rpc: %s: %s\n", what, strerror(errno));
        exit(EXIT_FAILURE);
}

static double clock_seconds(clockid_t clock)
{
        struct timespec t;

        if (clock_gettime(clock, &t) < 0)
                die("clock");
        return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double now(void)
{
        return clock_seconds(CLOCK_MONOTONIC);
}

static void *must_alloc(size_t n, size_t size)
{
        void *p = calloc(n ? n : 1, size);

        if (!p)
                die("memory");
        return p;
}

static void pin(int cpu)
{
        cpu_set_t set;

        if (cpu < 0)
                return;
        CPU_ZERO(&set);
        CPU_SET(cpu, &set);
        if (sched_setaffinity(0, sizeof(set), &set) < 0)
                die("pinning");
}

static void put32(uint8_t *p, uint32_t v)
{
        v = htobe32(v);
        memcpy(p, &v, sizeof(v));
}

static uint32_t get32(const uint8_t *p)
{
        uint32_t v;

        memcpy(&v, p, sizeof(v));
        return be32toh(v);
}

static void put_header(uint8_t *p, size_t payload, int proc, uint32_t serial)
{
        put32(p, (uint32_t)(HEADER_SIZE + payload));
        put32(p + 4, PROGRAM_REMOTE);
        put32(p + 8, 1);
        put32(p + 12, (uint32_t)proc);
        put32(p + 16, 0);
        put32(p + SERIAL_OFFSET, serial);
        put32(p + STATUS_OFFSET, 0);
}

static void send_all(int fd, const uint8_t *data, size_t size)
{
        while (size > 0) {
                ssize_t n = send(fd, data, size, MSG_NOSIGNAL);

                if (n < 0 && errno != EINTR)
                        die("send");
                if (n > 0) {
                        data += n;
                        size -= (size_t)n;
                }
        }
}

/* Adds a call to what leaves with the next lane_flush(). */
static void lane_queue(Lane *lane, int proc, const uint8_t *payload, size_t size)
{
        size_t whole = HEADER_SIZE + size;

        if (lane->out_size < lane->out_len + whole) {
                lane->out_size = 2 * (lane->out_len + whole);
                lane->out = realloc(lane->out, lane->out_size);
                if (!lane->out)
                        die("memory");
        }
        put_header(lane->out + lane->out_len, size, proc, lane->serial++);
        if (size)
                memcpy(lane->out + lane->out_len + HEADER_SIZE, payload, size);
        lane->out_len += whole;
}

static void lane_flush(Lane *lane)
{
        send_all(lane->fd, lane->out, lane->out_len);
        lane->out_len = 0;
}

/* Makes room for a whole frame of that size. */
static void lane_reserve(Lane *lane, size_t size)
{
        if (size < BUFFER_MIN)
                size = BUFFER_MIN;
        if (lane->in_size >= size)
                return;
        lane->in = realloc(lane->in, size);
        if (!lane->in)
                die("memory");
        lane->in_size = size;
}

/* Reads once; dies when the server hangs up, because no number would mean anything then. */
static void lane_read(Lane *lane)
{
        ssize_t n;

        lane_reserve(lane, lane->in_len >= 4 ? get32(lane->in) : 0);
        n = recv(lane->fd, lane->in + lane->in_len, lane->in_size - lane->in_len, 0);
        if (n == 0)
                errno = ECONNRESET;
        if (n <= 0 && errno != EINTR)
                die("receive");
        if (n > 0)
                lane->in_len += (size_t)n;
}

/* Size of the frame at the start of the buffer, 0 if it is not complete. */
static size_t frame_complete(const uint8_t *p, size_t len)
{
        if (len < 4 || len < get32(p))
                return 0;
        return get32(p);
}

/* Sends a call and waits for its reply; the payload stays in lane->in. Returns the status. */
static uint32_t lane_call(Lane *lane, int proc, const uint8_t *payload, size_t size)
{
        lane_queue(lane, proc, payload, size);
        lane_flush(lane);
        lane->in_len = 0;
        while (!frame_complete(lane->in, lane->in_len))
                lane_read(lane);
        return get32(lane->in + STATUS_OFFSET);
}

static void lane_connect(Lane *lane, const Options *opt)
{
        struct sockaddr_un addr = { .sun_family = AF_UNIX };

        if (snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", opt->socket) >= (int)sizeof(addr.sun_path)) {
                errno = ENAMETOOLONG;
                die(opt->socket);
        }
        lane->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (lane->fd < 0 || connect(lane->fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
                die(opt->socket);
        lane_reserve(lane, 0);
        lane->in_len = 0;
        lane->serial = 0;
}

static void lane_open(Lane *lane, const Options *opt)
{
        size_t len = strlen(opt->uri), padded = (len + 3) & ~(size_t)3;
        uint8_t args[1024] = { 0 };

        if (len > sizeof(args) - 16) {
                errno = E2BIG;
                die("uri");
        }
        put32(args, 1);
        put32(args + 4, (uint32_t)len);
        memcpy(args + 8, opt->uri, len);
        lane_connect(lane, opt);
        if (lane_call(lane, PROC_AUTH_LIST, NULL, 0) != 0 || lane_call(lane, PROC_OPEN, args, 8 + padded + 4) != 0) {
                fprintf(stderr, "bench-rpc: %s refused %s\n", opt->socket, opt->uri);
                exit(EXIT_FAILURE);
        }
}

static void payloads_load(Payloads *p, const char *path)
{
        FILE *f = fopen(path, "rb");
        long size = -1;

        if (f && fseek(f, 0, SEEK_END) == 0)
                size = ftell(f);
        if (size < 0)
                die(path);
        rewind(f);
        p->data = must_alloc((size_t)size, 1);
        p->size = (size_t)size;
        if (fread(p->data, 1, p->size, f) != p->size)
                die(path);
        fclose(f);
        p->starts = must_alloc(p->size / 4 + 1, sizeof(*p->starts));
        for (size_t at = 0; at + 4 <= p->size; at += 4 + get32(p->data + at))
                p->starts[p->n++] = p->data + at;
}

static void lane_queue_next(Bench *b, Lane *lane)
{
        const uint8_t *payload = NULL;
        size_t size = 0;

        if (b->payloads.n) {
                const uint8_t *start = b->payloads.starts[lane->next_payload++ % b->payloads.n];

                size = get32(start);
                payload = start + 4;
        }
        lane->sent[lane->serial % (uint32_t)b->opt.outstanding] = now();
        lane_queue(lane, b->opt.proc, payload, size);
}

static void count(Bench *b, double seconds, bool failed, size_t bytes)
{
        double us = seconds * 1e6;

        if (!b->counting)
                return;
        b->done++;
        b->errors += failed;
        b->bytes += bytes;
        b->latency_sum += us;
        b->latency[us < LATENCY_BUCKETS - 1 ? (uint32_t)us : LATENCY_BUCKETS - 1]++;
}

/* Takes every whole reply of the lane and sends as many new calls, in one go as a pipelining client does. */
static void lane_serve(Bench *b, Lane *lane)
{
        size_t at = 0, whole;

        lane_read(lane);
        while ((whole = frame_complete(lane->in + at, lane->in_len - at))) {
                const uint8_t *frame = lane->in + at;
                uint32_t slot = get32(frame + SERIAL_OFFSET) % (uint32_t)b->opt.outstanding;

                count(b, now() - lane->sent[slot], get32(frame + STATUS_OFFSET) != 0, whole);
                at += whole;
                lane_queue_next(b, lane);
        }
        lane_flush(lane);
        memmove(lane->in, lane->in + at, lane->in_len - at);
        lane->in_len -= at;
}

static void run_until(Bench *b, double end)
{
        struct epoll_event events[EVENTS_PER_WAIT];

        while (now() < end) {
                int n = epoll_wait(b->epoll, events, EVENTS_PER_WAIT, 100);

                for (int i = 0; i < n; i++)
                        lane_serve(b, events[i].data.ptr);
        }
}

static void lanes_watch(Bench *b)
{
        b->epoll = epoll_create1(EPOLL_CLOEXEC);
        for (int i = 0; i < b->opt.connections; i++) {
                struct epoll_event e = { .events = EPOLLIN, .data.ptr = &b->lanes[i] };

                if (epoll_ctl(b->epoll, EPOLL_CTL_ADD, b->lanes[i].fd, &e) < 0)
                        die("epoll");
        }
}

static uint32_t percentile(const Bench *b, double share)
{
        uint64_t left = (uint64_t)((double)b->done * share), i = 0;

        for (; i < LATENCY_BUCKETS - 1 && b->latency[i] <= left; i++)
                left -= b->latency[i];
        return (uint32_t)i;
}

/* CPU seconds of all who have worked for the operations so far. */
static double cpu_seconds(const Bench *b)
{
        double sum = clock_seconds(CLOCK_PROCESS_CPUTIME_ID);

        for (int i = 0; i < b->opt.n_charged; i++)
                sum += clock_seconds(b->opt.charged[i]);
        return sum;
}

static void report(const Bench *b, double seconds, double cpu)
{
        printf("{\"per_second\": %.1f, \"errors\": %llu, \"mean_us\": %.2f, \"p50_us\": %u, \"p99_us\": %u, "
               "\"megabytes_per_second\": %.1f, \"cpu_us\": %.4f}\n",
               (double)b->done / seconds, (unsigned long long)b->errors, b->done ? b->latency_sum / (double)b->done : 0,
               percentile(b, 0.5), percentile(b, 0.99), (double)b->bytes / seconds / 1e6,
               b->done ? cpu * 1e6 / (double)b->done : 0);
}

/* Warm-up, then the measured time, over lanes that already have their calls outstanding. */
static void measure(Bench *b)
{
        double start, cpu;

        lanes_watch(b);
        for (int i = 0; i < b->opt.connections; i++) {
                b->lanes[i].sent = must_alloc((size_t)b->opt.outstanding, sizeof(double));
                /* Lanes begin at different payloads, so that they do not walk in step. */
                b->lanes[i].next_payload = (unsigned)i * 7919;
                for (int k = 0; k < b->opt.outstanding; k++)
                        lane_queue_next(b, &b->lanes[i]);
                lane_flush(&b->lanes[i]);
        }
        run_until(b, now() + b->opt.warmup);
        b->counting = true;
        start = now();
        cpu = cpu_seconds(b);
        run_until(b, start + b->opt.seconds);
        report(b, now() - start, cpu_seconds(b) - cpu);
}

static void mode_calls(Bench *b)
{
        for (int i = 0; i < b->opt.connections; i++)
                lane_open(&b->lanes[i], &b->opt);
        measure(b);
}

static void mode_connect(Bench *b)
{
        double start = now(), cpu = cpu_seconds(b);

        b->counting = true;
        while (now() - start < b->opt.seconds) {
                Lane *lane = &b->lanes[0];
                double t = now();

                lane_open(lane, &b->opt);
                lane_call(lane, PROC_CLOSE, NULL, 0);
                close(lane->fd);
                count(b, now() - t, false, 0);
        }
        report(b, now() - start, cpu_seconds(b) - cpu);
}

static void mode_idle(Bench *b)
{
        double start = now();

        for (int i = 0; i < b->opt.connections; i++)
                lane_open(&b->lanes[i], &b->opt);
        printf("ready %.3f\n", now() - start);
        fflush(stdout);
        while (getchar() != EOF)
                ;
}

/* Answers every small call with a small reply, as cheaply as a socket allows. */
static void echo(int fd)
{
        uint8_t in[BUFFER_MIN], out[ECHO_REPLY_SIZE] = { 0 };
        ssize_t n;

        while ((n = recv(fd, in, sizeof(in), 0)) > 0) {
                for (ssize_t at = 0; at + HEADER_SIZE <= n; at += HEADER_SIZE) {
                        memcpy(out, in + at, HEADER_SIZE);
                        put32(out, ECHO_REPLY_SIZE);
                        if (send(fd, out, sizeof(out), MSG_NOSIGNAL) != sizeof(out))
                                return; /* the measured time is over */
                }
        }
}

static void mode_floor(Bench *b)
{
        int pair[2];
        pid_t child = -1;

        if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0)
                child = fork();
        if (child < 0)
                die("socketpair");
        if (child == 0) {
                close(pair[0]);
                echo(pair[1]);
                _exit(0);
        }
        close(pair[1]);
        b->opt.connections = 1;
        b->lanes[0].fd = pair[0];
        lane_reserve(&b->lanes[0], 0);
        measure(b);
        close(pair[0]);
        waitpid(child, NULL, 0);
}

static const struct {
        const char *name;
        void (*run)(Bench *b);
} modes[] = {
        { "calls", mode_calls },
        { "connect", mode_connect },
        { "idle", mode_idle },
        { "floor", mode_floor },
};

static const struct option long_options[] = {
        { "socket", required_argument, NULL, 's' },
        { "uri", required_argument, NULL, 'u' },
        { "proc", required_argument, NULL, 'p' },
        { "payloads", required_argument, NULL, 'f' },
        { "connections", required_argument, NULL, 'c' },
        { "outstanding", required_argument, NULL, 'o' },
        { "seconds", required_argument, NULL, 't' },
        { "warmup", required_argument, NULL, 'w' },
        { "cpu", required_argument, NULL, 'C' },
        { "charge", required_argument, NULL, 'P' },
        { NULL, 0, NULL, 0 },
};

static void add_charged(Options *opt, const char *pid)
{
        if (opt->n_charged == CHARGED_MAX || clock_getcpuclockid((pid_t)atoi(pid), &opt->charged[opt->n_charged]))
                die("--charge");
        opt->n_charged++;
}

static void set_option(Options *opt, int which, const char *value)
{
        switch (which) {
        case 's':
                opt->socket = value;
                break;
        case 'u':
                opt->uri = value;
                break;
        case 'f':
                opt->payload_file = value;
                break;
        case 'p':
                opt->proc = atoi(value);
                break;
        case 'c':
                opt->connections = atoi(value);
                break;
        case 'o':
                opt->outstanding = atoi(value);
                break;
        case 't':
                opt->seconds = atof(value);
                break;
        case 'w':
                opt->warmup = atof(value);
                break;
        case 'C':
                opt->cpu = atoi(value);
                break;
        case 'P':
                add_charged(opt, value);
                break;
        default:
                exit(2);
        }
}

/* Thousands of lanes need more descriptors than the usual soft limit. */
static void raise_fd_limit(void)
{
        struct rlimit r;

        if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
                r.rlim_cur = r.rlim_max;
                setrlimit(RLIMIT_NOFILE, &r);
        }
}

int main(int argc, char **argv)
{
        Bench b = { .opt = { .socket = "/run/libvirt/libvirt-sock",
                             .uri = "qemu:///system",
                             .proc = 157,
                             .connections = 1,
                             .outstanding = 1,
                             .seconds = 2,
                             .warmup = 0.2,
                             .cpu = -1 } };
        int which;

        while ((which = getopt_long(argc, argv, "", long_options, NULL)) != -1)
                set_option(&b.opt, which, optarg);
        if (optind + 1 != argc || b.opt.connections < 1 || b.opt.outstanding < 1) {
                fprintf(stderr, "usage: bench-rpc [OPTIONS] calls|connect|idle|floor\n");
                return 2;
        }
        raise_fd_limit();
        pin(b.opt.cpu);
        if (b.opt.payload_file)
                payloads_load(&b.payloads, b.opt.payload_file);
        b.lanes = must_alloc((size_t)b.opt.connections, sizeof(*b.lanes));
        b.latency = must_alloc(LATENCY_BUCKETS, sizeof(*b.latency));
        for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
                if (strcmp(modes[i].name, argv[optind]) == 0) {
                        modes[i].run(&b);
                        return 0;
                }
        }
        fprintf(stderr, "bench-rpc: no mode %s\n", argv[optind]);
        return 2;
}
