/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A daemon without drivers, its clients, and its re-exec, in one process. */

#include "helper.h"

#include <fcntl.h>
#include <sys/socket.h>

#include "rpc/frame.h"
#include "root.h"

enum { CLIENTS = 3, STEP_HEADER = 4, HELD_FDS = 300, ANSWER_MAX = 64 * 1024, ROUNDS = 64, WAIT_USEC = 1000 * 1000 };

typedef struct Client {
        int fd;   /* our end; -1: not there */
        int pipe; /* that came with an answer; -1: none */
} Client;

typedef struct Daemon {
        const VhHelper *helper;
        const char *name;
        VhSettings settings;
        VhLoop *loop;
        VhServer *server;
        void *self;
        bool loading;
        Client clients[CLIENTS];
} Daemon;

/* ---- what the daemon's manager does ---- */

static int client_new(VhServer *server, VhClient *client, void *data)
{
        Daemon *d = data;

        return d->helper->client_new && !d->loading ? d->helper->client_new(d->self, client, NULL, NULL) : 0;
}

static int load_client(void *data, VhClient *client, const json_t *state)
{
        Daemon *d = data;
        _vh_error_ VhError *err = NULL;

        return d->helper->client_new ? d->helper->client_new(d->self, client, state, &err) : 0;
}

static const json_t *server_state(const Daemon *d, const json_t *state)
{
        return json_object_get(json_object_get(json_object_get(state, "daemon"), "servers"), d->name);
}

static void begin(Daemon *d, const json_t *state)
{
        static const VhServerLimits limits = { .max_clients = 20, .max_client_requests = 5, .keepalive_interval = -1 };
        static const VhServerHooks hooks = { .client_new = client_new };
        const VhListen listen = { .transport = VH_TRANSPORT_UNIX, .same_user_only = true };
        const VhHelperEnv env = { .loop = d->loop, .settings = &d->settings };

        d->server = vh_server_new(d->loop, d->name, &limits, &hooks, d);
        if (d->helper->start(&d->self, &env, state, NULL) < 0)
                abort();
        vh_server_add_service(
                d->server,
                &(VhService){ .program = d->helper->program, .before_call = d->helper->before_call, .data = d->self });
        d->loading = true;
        vh_handover_load_clients(server_state(d, state), d->server, &listen, load_client, d);
        d->loading = false;
}

static void end(Daemon *d)
{
        if (d->helper->ending)
                d->helper->ending(d->self);
        vh_server_free(d->server);
        d->helper->stop(d->self);
}

static json_t *save(const Daemon *d, VhKeptFds *kept)
{
        json_t *servers = json_object(), *state = json_pack("{s:{s:o}}", "daemon", "servers", servers);

        json_object_set_new(servers, d->name, vh_handover_save_server(d->server, kept, d->helper->client_save));
        d->helper->save(d->self, state, kept);
        return state;
}

/* Until nothing is under way, workers' work included. */
static void settle(Daemon *d)
{
        for (int i = 0; i < ROUNDS && vh_loop_step(d->loop, 0) > 0; i++)
                ;
        while (d->helper->settle && !d->helper->settle(d->self))
                vh_loop_step(d->loop, WAIT_USEC);
        for (int i = 0; i < ROUNDS && vh_loop_step(d->loop, 0) > 0; i++)
                ;
}

/* ---- the way to a fresh copy ---- */

static void check(bool ok, const char *what, const json_t *state)
{
        if (ok)
                return;
        fprintf(stderr, "%s\n", what);
        json_dumpf(state, stderr, JSON_INDENT(2));
        abort();
}

/* How many descriptors the state names. */
static unsigned count_fds(const json_t *state)
{
        unsigned n = 0;
        const char *key;
        json_t *value;
        size_t i;

        json_object_foreach((json_t *)state, key, value)
        {
                n += (strcmp(key, "fd") == 0 || strcmp(key, "pipefd") == 0) && json_integer_value(value) >= 0;
                n += count_fds(value);
        }
        json_array_foreach(state, i, value) n += count_fds(value);
        return n;
}

/* As exec() keeps them: under their numbers, while everything else of the daemon goes. */
static void end_with_fds(Daemon *d, const VhKeptFds *kept)
{
        _vh_free_ int *held = vh_xcalloc(kept->n + 1, sizeof(int));

        for (unsigned i = 0; i < kept->n; i++)
                held[i] = fcntl(kept->fds[i], F_DUPFD_CLOEXEC, HELD_FDS);
        end(d);
        for (unsigned i = 0; i < kept->n; i++) {
                if (dup2(held[i], kept->fds[i]) < 0)
                        abort();
                close(held[i]);
        }
}

static void compare(const Daemon *d, const json_t *before)
{
        VhKeptFds kept = { 0 };
        json_t *after = save(d, &kept);
        const json_t *was = server_state(d, before), *is = server_state(d, after);

        check(json_equal(json_object_get(was, "clients"), json_object_get(is, "clients")), "clients are lost", before);
        json_object_del(after, "daemon");
        json_object_del((json_t *)before, "daemon");
        check(json_equal(before, after), "something is lost", before);
        json_decref(after);
        vh_kept_fds_done(&kept);
}

static void hand_over(Daemon *d)
{
        VhKeptFds kept = { 0 };
        json_t *state, *read = NULL;
        _vh_free_ char *text = NULL;

        settle(d);
        state = save(d, &kept);
        text = json_dumps(state, JSON_INDENT(2));
        check(text != NULL, "the state cannot be written", state);
        read = json_loads(text, 0, NULL);
        check(read != NULL, "the state cannot be read", state);
        check(count_fds(state) == kept.n, "the state lacks something that is kept open", state);
        end_with_fds(d, &kept);
        begin(d, read);
        compare(d, state);
        json_decref(read);
        json_decref(state);
        vh_kept_fds_done(&kept);
}

/* ---- clients ---- */

static void client_close(Client *c)
{
        vh_closep(&c->fd);
        vh_closep(&c->pipe);
}

static void take_fds(Client *c, struct msghdr *msg)
{
        for (struct cmsghdr *m = CMSG_FIRSTHDR(msg); m; m = CMSG_NXTHDR(msg, m)) {
                vh_closep(&c->pipe);
                memcpy(&c->pipe, CMSG_DATA(m), sizeof(int));
        }
}

static void receive(Client *c)
{
        static char answer[ANSWER_MAX];
        union {
                struct cmsghdr align;
                char room[CMSG_SPACE(sizeof(int))];
        } control;
        struct iovec iov = { answer, sizeof(answer) };
        ssize_t n = 1;

        while (n > 0) {
                struct msghdr msg = {
                        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
                };

                n = recvmsg(c->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
                if (n > 0)
                        take_fds(c, &msg);
        }
        if (n == 0)
                client_close(c);
}

static void run(Daemon *d)
{
        settle(d);
        if (d->helper->go_on)
                d->helper->go_on(d->self);
        for (int i = 0; i < CLIENTS; i++)
                if (d->clients[i].fd >= 0)
                        receive(&d->clients[i]);
}

static bool connect_client(Daemon *d, Client *c)
{
        int pair[2];

        if (c->fd >= 0)
                return true;
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
                abort();
        if (vh_server_add_connection(d->server, &(VhListen){ .fd = pair[1], .same_user_only = true }, NULL) < 0) {
                close(pair[0]);
                return false;
        }
        c->fd = pair[0];
        return true;
}

static void call(Daemon *d, Client *c, int proc, const uint8_t *payload, size_t n)
{
        const VhFrameHeader h = { d->helper->program->number, d->helper->program->version, proc, .serial = 1 };
        _vh_buf_ VhBuf b = { 0 };
        size_t start = vh_frame_begin(&b, &h, 0);

        vh_buf_add(&b, payload, n);
        if (connect_client(d, c) && vh_frame_end(&b, start) == 0)
                (void)!send(c->fd, b.data, b.len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void step(Daemon *d, unsigned what, Client *c, const uint8_t *data, size_t n)
{
        if (what == FUZZ_HAND_OVER)
                hand_over(d);
        else if (what == FUZZ_WRITE && c->pipe >= 0) {
                fcntl(c->pipe, F_SETFL, O_NONBLOCK);
                (void)!write(c->pipe, data, n);
        } else if (what == FUZZ_CLOSE)
                vh_closep(&c->pipe);
        else if (what == FUZZ_HANG_UP)
                client_close(c);
        else
                call(d, c, (int)what, data, n);
        run(d);
}

static void run_steps(Daemon *d, const uint8_t *data, size_t size)
{
        while (size >= STEP_HEADER) {
                size_t n = VH_MIN((size_t)(data[2] << 8 | data[3]), size - STEP_HEADER);

                step(d, data[0], &d->clients[data[1] % CLIENTS], data + STEP_HEADER, n);
                data += STEP_HEADER + n;
                size -= STEP_HEADER + n;
        }
}

/* ---- what an input begins with ---- */

/* Gives fd another number, under which exec() keeps it. */
static void place(int fd, int number)
{
        if (fd < 0 || dup2(fd, number) < 0)
                abort();
        close(fd);
}

static void make_fds(int ends[2])
{
        int fds[2];

        for (int i = 0; i < 2; i++) {
                _vh_free_ char *path = vh_xasprintf("/file%d", i);

                if (pipe2(fds, O_CLOEXEC) < 0 || write(fds[1], "before\n", 7) != 7)
                        abort();
                close(fds[1]);
                place(fds[0], FUZZ_FD_PIPE + i);
                if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) < 0)
                        abort();
                place(fds[0], FUZZ_FD_CLIENT + i);
                ends[i] = fds[1];
                place(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600), FUZZ_FD_FILE + i);
        }
}

/* Those that nobody has taken. */
static void close_fds(const int ends[2])
{
        for (int fd = FUZZ_FD_PIPE; fd < FUZZ_FD_END; fd++)
                if (fcntl(fd, F_GETFD) == 0)
                        close(fd);
        close(ends[0]);
        close(ends[1]);
}

/* Descriptors of the fuzzer's own must not look like those that a program before left. */
static void hide_own_fds(void)
{
        for (int fd = STDERR_FILENO + 1; fd < FUZZ_FD_PIPE; fd++)
                (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
}

void fuzz_helper(const VhHelper *helper, const char *name, const char *conf, const uint8_t *data, size_t size)
{
        const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
        size_t n = nul ? (size_t)(nul - data) : size;
        json_t *state = json_loadb((const char *)data, n, 0, NULL);
        Daemon d = { .helper = helper, .name = name };
        int ends[2];

        for (int i = 0; i < CLIENTS; i++)
                d.clients[i] = (Client){ -1, -1 };
        hide_own_fds();
        fuzz_root_enter();
        if (vh_loop_new(&d.loop) < 0 || vh_conf_parse(&d.settings.conf, name, conf, strlen(conf), NULL, NULL) < 0)
                abort();
        make_fds(ends);
        begin(&d, state);
        run(&d);
        run_steps(&d, nul ? nul + 1 : NULL, nul ? size - n - 1 : 0);
        hand_over(&d);
        end(&d);
        for (int i = 0; i < CLIENTS; i++)
                client_close(&d.clients[i]);
        vh_loop_free(d.loop);
        vh_conf_free(d.settings.conf);
        json_decref(state);
        close_fds(ends);
        fuzz_root_leave();
}
