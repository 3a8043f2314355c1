/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Nanoseconds to encode and decode some payloads: our codec, and code that rpcgen made for the same structs. */

#include "peer.h"
#include "remote_protocol.h"
#include <stdio.h>
#include <time.h>

enum { LIST_ITEMS = 1000, BUF_SIZE = 128 * 1024 };
static const double measure_ns = 2e8;

typedef struct Case {
        const char *name;
        const VhXdrType *type;
        const void *ours;
        xdrproc_t peer_proc;
        size_t peer_size;
        void *peer;
} Case;

typedef struct Bench {
        const Case *c;
        size_t len; /* of the encoded payload */
        uint8_t encoded[BUF_SIZE];
        uint8_t work[BUF_SIZE];
        VhArena arena;
} Bench;

static double now_ns(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void must(bool ok, const char *what)
{
        if (ok)
                return;
        fprintf(stderr, "bench-codec: %s failed\n", what);
        exit(EXIT_FAILURE);
}

static void our_encode(Bench *b)
{
        must(vh_xdr_encode(b->c->type, b->c->ours, b->work, BUF_SIZE, NULL) == (ssize_t)b->len, "our encoder");
}

/* In place, therefore with a copy that the server does not need: the frame is its own. */
static void our_decode(Bench *b)
{
        memcpy(b->work, b->encoded, b->len);
        must(vh_xdr_decode(b->c->type, vh_arena_alloc(&b->arena, b->c->type->size), b->work, b->len, &b->arena) == 0,
             "our decoder");
        vh_arena_reset(&b->arena);
}

static void peer_encode(Bench *b)
{
        XDR x;

        xdrmem_create(&x, (char *)b->work, BUF_SIZE, XDR_ENCODE);
        must(b->c->peer_proc(&x, b->c->peer) && xdr_getpos(&x) == b->len, "rpcgen's encoder");
}

static void peer_decode(Bench *b)
{
        void *p = vh_xcalloc(1, b->c->peer_size);
        XDR x;

        xdrmem_create(&x, (char *)b->encoded, (u_int)b->len, XDR_DECODE);
        must(b->c->peer_proc(&x, p), "rpcgen's decoder");
        xdr_free(b->c->peer_proc, p);
        free(p);
}

static double measure(Bench *b, void (*step)(Bench *))
{
        double start = now_ns(), end = start;
        size_t n = 0;

        while (end - start < measure_ns) {
                for (unsigned i = 0; i < 100; i++)
                        step(b);
                n += 100;
                end = now_ns();
        }
        return (end - start) / (double)n;
}

static void run(Bench *b, const Case *c)
{
        double ours[2], peer[2];
        ssize_t n = vh_xdr_encode(c->type, c->ours, b->encoded, BUF_SIZE, NULL);

        must(n > 0, "our encoder");
        b->c = c;
        b->len = (size_t)n;
        peer_encode(b);
        must(memcmp(b->work, b->encoded, b->len) == 0, "the same bytes from both encoders");
        ours[0] = measure(b, our_encode);
        peer[0] = measure(b, peer_encode);
        ours[1] = measure(b, our_decode);
        peer[1] = measure(b, peer_decode);
        printf("%-32s %7zu B  encode %9.0f ns, rpcgen %9.0f ns, %4.1fx  decode %9.0f ns, rpcgen %9.0f ns, %4.1fx\n",
               c->name, b->len, ours[0], peer[0], peer[0] / ours[0], ours[1], peer[1], peer[1] / ours[1]);
}

int main(void)
{
        static remote_nonnull_domain domains[LIST_ITEMS];
        static peer_domain peers[LIST_ITEMS];
        char name[] = "a-guest-with-a-name";
        remote_domain_lookup_by_name_args lookup = { .name = name };
        peer_lookup_args peer_lookup = { .name = name };
        remote_connect_get_lib_version_ret version = { .lib_ver = 9000000 };
        peer_version_ret peer_version = { .number = 9000000 };
        remote_domain_create_with_flags_args create = { .dom = { .name = name, .id = -1 }, .flags = 1 };
        peer_call_args peer_create = { .dom = { .name = name, .id = -1 }, .flags = 1 };
        remote_connect_list_all_domains_ret list = { .domains = { LIST_ITEMS, domains }, .ret = LIST_ITEMS };
        peer_list_ret peer_list = { .domains = { LIST_ITEMS, peers }, .ret = LIST_ITEMS };
        const Case cases[] = {
                { "get_lib_version_ret", VH_XDR(remote_connect_get_lib_version_ret), &version,
                  (xdrproc_t)xdr_peer_version_ret, sizeof(peer_version), &peer_version },
                { "lookup_by_name_args", VH_XDR(remote_domain_lookup_by_name_args), &lookup,
                  (xdrproc_t)xdr_peer_lookup_args, sizeof(peer_lookup), &peer_lookup },
                { "create_with_flags_args", VH_XDR(remote_domain_create_with_flags_args), &create,
                  (xdrproc_t)xdr_peer_call_args, sizeof(peer_create), &peer_create },
                { "list_all_domains_ret (1000)", VH_XDR(remote_connect_list_all_domains_ret), &list,
                  (xdrproc_t)xdr_peer_list_ret, sizeof(peer_list), &peer_list },
        };
        Bench *b = vh_new(Bench, 1);

        for (unsigned i = 0; i < LIST_ITEMS; i++) {
                domains[i] = (remote_nonnull_domain){ .name = name, .id = (int)i };
                peers[i] = (peer_domain){ .name = name, .id = (int)i };
        }
        for (size_t i = 0; i < VH_ARRAY_SIZE(cases); i++)
                run(b, &cases[i]);
        vh_arena_done(&b->arena);
        free(b);
        return 0;
}
