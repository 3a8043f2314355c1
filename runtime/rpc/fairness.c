/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How the time of the loop is shared between clients.
 *
 * A client that never has more calls outstanding than max_client_requests allows is served whenever it has something:
 * it is polite. One that has whole frames left over after that, or fills a whole read, is busy: it goes to the end of a
 * queue and is served from its head, one share at a time. While polite clients are active, busy ones together get a
 * twentieth of the time, so that they cannot slow the others noticeably; when they are alone they get all of it. Shares
 * and pauses are long enough that waking up for the timer costs little beside them.
 *
 * Who comes and goes again and again costs more than who stays, and its connections are no busy clients. Nobody can
 * choose among those that wait to be accepted; so all that come are accepted at a limited rate while a client is active
 * that has stayed. */

#include "rpc/server-private.h"

#include <time.h>
#include <utlist.h>

enum {
        SHARE_FRAMES = 64,         /* frames of a busy client at a time, */
        SHARE_USEC = 100,          /* and no longer than this while somebody polite is active */
        PAUSE_FACTOR = 19,         /* pause after a share then, in its lengths: a twentieth of the time remains */
        PAUSE_MIN_USEC = 2000,     /* and at least so long */
        POLITE_ACTIVE_USEC = 2000, /* a polite client counts as active this long after it was served */
        STAYED_FRAMES = 32,        /* a client has stayed when it has sent so many: tools send fewer and go */
        STAYED_ACTIVE_USEC =
                50000,            /* and counts as active for so long: it may be waiting for the CPU that others take */
        ACCEPT_PAUSE_USEC = 1000, /* while such a one is active, nobody is accepted for so long after each that came:
                                     the life of a short connection costs about a twentieth of that */
        GARBAGE_PAUSE_USEC = 1000, /* after a client broke the framing, nobody is accepted for so long. Each one counts:
                                      who connects again and again to send garbage does not wait for us, so that many
                                      are accepted at once. Not only while others are active: they may be waiting for
                                      the CPU that the garbage takes. */
};

static uint64_t now_usec(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* True while polite clients are active. */
static bool contended(const VhServer *server)
{
        return now_usec() < server->last_polite + POLITE_ACTIVE_USEC;
}

/* Dispatches frames that are there, at most budget of them and (if not 0) until the time given. Returns false if the
 * peer broke the framing or is gone: the client is closed then. */
static bool serve_frames(VhClient *client, unsigned budget, uint64_t until)
{
        VhFrame frame;
        int r = 1;

        while (budget-- && !client->closed && vh_client_may_read(client)) {
                r = vh_link_next(&client->link, &frame);
                if (r <= 0)
                        break;
                client->n_frames++;
                vh_dispatch_frame(client, &frame);
                if (until && now_usec() >= until)
                        break;
        }
        if (client->closed)
                return false;
        if (r < 0) {
                /* What was answered before the broken frame still goes out. */
                vh_link_flush(&client->link);
                vh_client_close(client);
                vh_server_pause_accept(client->server, GARBAGE_PAUSE_USEC);
                return false;
        }
        return true;
}

static void enqueue(VhClient *client)
{
        VhServer *server = client->server;

        if (!client->is_busy) {
                client->is_busy = true;
                DL_APPEND2(server->busy, client, busy_prev, busy_next);
        }
        vh_loop_later(server->loop, &server->serve_busy);
}

void vh_fairness_forget(VhClient *client)
{
        if (client->is_busy) {
                client->is_busy = false;
                DL_DELETE2(client->server->busy, client, busy_prev, busy_next);
        }
}

/* Reads if no frame is left from before. Returns false if the client is closed now; *full: there may be more to read.
 */
static bool refill(VhClient *client, bool *full)
{
        VhLink *link = &client->link;
        size_t before = link->len - link->pos;
        int r;

        *full = false;
        if (vh_link_has_frame(link))
                return true;
        r = vh_link_fill(link, client->server->scratch);
        if (r < 0) {
                vh_client_close(client);
                return false;
        }
        *full = link->len - link->pos - before >= VH_READ_SIZE;
        return true;
}

/* One share. Returns false if the client was closed; *more: it has not got enough. */
static bool serve_share(VhClient *client, unsigned budget, uint64_t until, bool *more)
{
        bool full;

        if (!refill(client, &full) || !serve_frames(client, budget, until))
                return false;
        *more = (full || vh_link_has_frame(&client->link)) && vh_client_may_read(client);
        vh_link_settle(&client->link);
        return true;
}

void vh_fairness_ready(VhClient *client)
{
        VhServer *server = client->server;
        bool more = false;

        if (!serve_share(client, vh_server_max_requests(server), 0, &more))
                return;
        if (more)
                enqueue(client);
        else
                server->last_polite = vh_loop_now(server->loop);
        if (!more && client->n_frames >= STAYED_FRAMES)
                server->last_stayed = server->last_polite;
        vh_client_update(client);
}

void vh_fairness_accepted(VhServer *server, unsigned n)
{
        if (n && vh_loop_now(server->loop) < server->last_stayed + STAYED_ACTIVE_USEC)
                vh_server_pause_accept(server, n * ACCEPT_PAUSE_USEC);
}

void vh_fairness_resume(VhClient *client)
{
        if (vh_link_has_frame(&client->link))
                enqueue(client);
}

static void serve_busy_client(VhServer *server, VhClient *client, bool shared)
{
        uint64_t start = now_usec();
        bool more = false;

        vh_fairness_forget(client);
        if (!vh_client_may_read(client))
                return; /* resumed when it may */
        if (serve_share(client, SHARE_FRAMES, shared ? start + SHARE_USEC : 0, &more)) {
                if (more)
                        enqueue(client);
                vh_client_update(client);
        }
        if (shared) {
                uint64_t end = now_usec();

                server->busy_until = end + VH_MAX((end - start) * PAUSE_FACTOR, (uint64_t)PAUSE_MIN_USEC);
        }
}

static void serve_busy(VhLater *later)
{
        VhServer *server = VH_CONTAINER_OF(later, VhServer, serve_busy);
        uint64_t now = now_usec();
        bool shared = contended(server);

        if (!server->busy)
                return;
        if (shared && now < server->busy_until) {
                vh_source_rearm(server->busy_timer, server->busy_until - now);
                return;
        }
        serve_busy_client(server, server->busy, shared);
        if (server->busy)
                vh_loop_later(server->loop, later);
}

static void busy_pause_over(void *data)
{
        VhServer *server = data;

        vh_loop_later(server->loop, &server->serve_busy);
}

void vh_fairness_init(VhServer *server)
{
        server->scratch = vh_xrealloc(NULL, VH_READ_SIZE, 1);
        server->serve_busy.run = serve_busy;
        server->busy_timer = vh_loop_add_timer(server->loop, UINT64_MAX, busy_pause_over, server);
}

void vh_fairness_done(VhServer *server)
{
        vh_loop_cancel_later(server->loop, &server->serve_busy);
        vh_source_free(server->busy_timer);
        free(server->scratch);
}
