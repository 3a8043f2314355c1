/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The codec on the sample description, which has one of every construct, and on limits, truncation and alignment. */

#include "../../tests/golden/gen/expected/sample_protocol.h"
#include "rpc/call.h"
#include "client_calls.h" /* must compile; nothing here calls a server */
#include "api.h"
#include "procs.h"
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { BUF_SIZE = 4096 };

typedef struct Fixture {
        VhArena arena;
        uint8_t buf[BUF_SIZE + 8];
} Fixture;

static int setup(void **state)
{
        *state = vh_new(Fixture, 1);
        return 0;
}

static int teardown(void **state)
{
        Fixture *f = *state;

        vh_arena_done(&f->arena);
        free(f);
        return 0;
}

/* The sample with every member filled; pointers go to static memory. */
static sample_everything everything(void)
{
        static char nul[] = "", name[] = "eightchr", note[] = "ab", last[] = "abcd";
        static char label[] = { 'x', '\0', -1 };
        static uint8_t raw[] = { 1, 2, 3, 4, 5 };
        static int64_t numbers[] = { INT64_MIN, -1, INT64_MAX };
        static char *names[] = { name, nul };
        static sample_point maybe = { INT_MIN, INT_MAX }, path[] = { { 1, 2 }, { 3, 4 }, { 5, 6 } };
        static sample_value values[] = { { .type = 1, .i = -5 },
                                         { .type = 2, .h = 1ll << 40 },
                                         { .type = 7, .s = note } };

        return (sample_everything){
                .c = -3,
                .uc = 255,
                .s = -32768,
                .us = 65535,
                .i = -7,
                .ui = 0xfffffff0,
                .h = -1234567890123,
                .uh = UINT64_MAX,
                .d = -0.375,
                .colour = SAMPLE_NONE,
                .uuid = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 },
                .name = name,
                .note = note,
                .model = "qemu",
                .label = { 3, label },
                .raw = { 5, raw },
                .odd = { 7, 8, 9 },
                .numbers = { 3, numbers },
                .names = { 2, names },
                .at = { 10, 20 },
                .maybe = &maybe,
                .path = { 3, path },
                .corners = { { 1, 1 }, { 2, 2 } },
                .value = { .type = 7, .s = nul },
                .values = { 3, values },
                .last = last,
        };
}

static void assert_values_equal(const sample_value *a, const sample_value *b)
{
        assert_int_equal(a->type, b->type);
        if (a->type == 1)
                assert_int_equal(a->i, b->i);
        else if (a->type == 2)
                assert_int_equal(a->h, b->h);
        else
                assert_string_equal(a->s, b->s);
}

static void assert_scalars_equal(const sample_everything *a, const sample_everything *b)
{
        assert_int_equal(a->c, b->c);
        assert_int_equal(a->uc, b->uc);
        assert_int_equal(a->s, b->s);
        assert_int_equal(a->us, b->us);
        assert_int_equal(a->i, b->i);
        assert_int_equal(a->ui, b->ui);
        assert_int_equal(a->h, b->h);
        assert_int_equal(a->uh, b->uh);
        assert_true(a->d == b->d);
        assert_int_equal(a->colour, b->colour);
        assert_memory_equal(a->uuid, b->uuid, sizeof(a->uuid));
        assert_memory_equal(a->model, b->model, sizeof(a->model));
        assert_memory_equal(a->odd, b->odd, sizeof(a->odd));
}

static void assert_arrays_equal(const sample_everything *a, const sample_everything *b)
{
        assert_int_equal(a->label.len, b->label.len);
        assert_memory_equal(a->label.val, b->label.val, a->label.len);
        assert_int_equal(a->raw.len, b->raw.len);
        assert_memory_equal(a->raw.val, b->raw.val, a->raw.len);
        assert_int_equal(a->numbers.len, b->numbers.len);
        assert_memory_equal(a->numbers.val, b->numbers.val, a->numbers.len * sizeof(int64_t));
        assert_int_equal(a->names.len, b->names.len);
        for (uint32_t i = 0; i < a->names.len; i++)
                assert_string_equal(a->names.val[i], b->names.val[i]);
        assert_int_equal(a->path.len, b->path.len);
        assert_memory_equal(a->path.val, b->path.val, a->path.len * sizeof(sample_point));
        assert_int_equal(a->values.len, b->values.len);
        for (uint32_t i = 0; i < a->values.len; i++)
                assert_values_equal(&a->values.val[i], &b->values.val[i]);
}

static void assert_everything_equal(const sample_everything *a, const sample_everything *b)
{
        assert_scalars_equal(a, b);
        assert_arrays_equal(a, b);
        assert_string_equal(a->name, b->name);
        assert_string_equal(a->note, b->note);
        assert_string_equal(a->last, b->last);
        assert_memory_equal(&a->at, &b->at, sizeof(a->at));
        assert_memory_equal(a->maybe, b->maybe, sizeof(*a->maybe));
        assert_memory_equal(a->corners, b->corners, sizeof(a->corners));
        assert_values_equal(&a->value, &b->value);
}

static size_t encode(Fixture *f, const VhXdrType *type, const void *p, size_t offset)
{
        ssize_t n = vh_xdr_encode(type, p, f->buf + offset, BUF_SIZE, NULL);

        assert_true(n > 0);
        assert_true((size_t)n >= type->wire);
        return (size_t)n;
}

static void test_round_trip_at_any_alignment(void **state)
{
        Fixture *f = *state;
        sample_everything a = everything();

        for (size_t offset = 0; offset < 8; offset++) {
                sample_everything b = { 0 };
                size_t n = encode(f, VH_XDR(sample_everything), &a, offset);

                assert_int_equal(vh_xdr_decode(VH_XDR(sample_everything), &b, f->buf + offset, n, &f->arena), 0);
                assert_everything_equal(&a, &b);
        }
}

static void test_absent_and_empty(void **state)
{
        Fixture *f = *state;
        sample_everything a = everything(), b = { 0 };
        size_t n;

        a.note = NULL;
        a.maybe = NULL;
        a.label.len = a.raw.len = a.numbers.len = a.names.len = a.path.len = a.values.len = 0;
        n = encode(f, VH_XDR(sample_everything), &a, 0);
        assert_int_equal(n, VH_XDR(sample_everything)->wire + strlen(a.name) + strlen(a.last));
        assert_int_equal(vh_xdr_decode(VH_XDR(sample_everything), &b, f->buf, n, &f->arena), 0);
        assert_null(b.note);
        assert_null(b.maybe);
        assert_arrays_equal(&a, &b);
}

/* The bytes, written down by hand from RFC 4506. */
static void test_bytes(void **state)
{
        static const uint8_t expected[] = {
                0,    0, 0, 5, 'h', 'e', 'l', 'l', 'o', 0,   0, 0, /* name */
                0,    0, 0, 1, 0,   0,   0,   2,   'p', 'w', 0, 0, /* password, there */
                0,    0, 0, 9,                                     /* source */
                0x80, 0, 0, 1,                                     /* flags */
        };
        Fixture *f = *state;
        char name[] = "hello", password[] = "pw";
        sample_args a = { .name = name, .password = password, .source = 9, .flags = 0x80000001 };

        assert_int_equal(encode(f, VH_XDR(sample_args), &a, 0), sizeof(expected));
        assert_memory_equal(f->buf, expected, sizeof(expected));
}

/* A value that is cut anywhere is refused, and one byte less room than it needs is said to be too little. */
static void test_truncation_everywhere(void **state)
{
        Fixture *f = *state;
        sample_everything a = everything(), b;
        size_t n = encode(f, VH_XDR(sample_everything), &a, 0);

        for (size_t len = 0; len < n; len++) {
                uint8_t *copy = vh_xcalloc(1, len + 1);

                encode(f, VH_XDR(sample_everything), &a, 0);
                memcpy(copy, f->buf, len);
                memset(&b, 0, sizeof(b));
                assert_int_equal(vh_xdr_decode(VH_XDR(sample_everything), &b, copy, len, &f->arena), -EBADMSG);
                assert_int_equal(vh_xdr_encode(VH_XDR(sample_everything), &a, copy, len, NULL), -ENOBUFS);
                free(copy);
        }
}

static void test_trailing_bytes_are_ignored(void **state)
{
        Fixture *f = *state;
        sample_ret a = { .num = 42 }, b = { 0 };
        size_t n = encode(f, VH_XDR(sample_ret), &a, 0);

        assert_int_equal(vh_xdr_decode(VH_XDR(sample_ret), &b, f->buf, n + 3, &f->arena), 0);
        assert_int_equal(b.num, 42);
}

/* sample_args with these words in front. */
static int decode_args(Fixture *f, sample_args *args, const uint8_t *bytes, size_t n)
{
        memset(args, 0, sizeof(*args));
        memset(f->buf, 0, sizeof(f->buf));
        memcpy(f->buf, bytes, n);
        return vh_xdr_decode(VH_XDR(sample_args), args, f->buf, BUF_SIZE, &f->arena);
}

static void test_any_flag_means_present(void **state)
{
        static const uint8_t bytes[] = { 0, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 1, 'x' };
        Fixture *f = *state;
        sample_args args;

        assert_int_equal(decode_args(f, &args, bytes, sizeof(bytes)), 0);
        assert_string_equal(args.name, "");
        assert_string_equal(args.password, "x");
}

static void test_string_with_nul_ends_there(void **state)
{
        static const uint8_t bytes[] = { 0, 0, 0, 3, 'a', 0, 'b' };
        Fixture *f = *state;
        sample_args args;

        assert_int_equal(decode_args(f, &args, bytes, sizeof(bytes)), 0);
        assert_string_equal(args.name, "a");
}

static void test_string_limit(void **state)
{
        static const uint8_t eight[] = { 0, 0, 0, 8, '1', '2', '3', '4', '5', '6', '7', '8' };
        static const uint8_t nine[] = { 0, 0, 0, 9, '1', '2', '3', '4', '5', '6', '7', '8', '9' };
        static const uint8_t huge[] = { 0xff, 0xff, 0xff, 0xff };
        Fixture *f = *state;
        sample_args args;

        assert_int_equal(decode_args(f, &args, eight, sizeof(eight)), 0);
        assert_string_equal(args.name, "12345678");
        assert_null(args.password);
        assert_int_equal(decode_args(f, &args, nine, sizeof(nine)), -EBADMSG);
        assert_int_equal(decode_args(f, &args, huge, sizeof(huge)), -EBADMSG);
}

/* Sets the length of one array of the sample to n and encodes. */
#define ENCODE_WITH(member, n)                                                                                         \
        ({                                                                                                             \
                sample_everything _a = everything();                                                                   \
                _a.member.len = (n);                                                                                   \
                vh_xdr_encode(VH_XDR(sample_everything), &_a, f->buf, BUF_SIZE, &err);                                 \
        })

static void test_encode_over_the_limit(void **state)
{
        Fixture *f = *state;
        _vh_error_ VhError *err = NULL;

        assert_int_equal(ENCODE_WITH(names, 4), -E2BIG);
        assert_int_equal(err->code, VIR_ERR_INTERNAL_ERROR);
        assert_string_equal(err->message, "internal error: Too many strings '4' for limit '3'");
        assert_int_equal(ENCODE_WITH(raw, 7), -E2BIG);
        assert_int_equal(ENCODE_WITH(label, UINT32_MAX), -E2BIG);
        assert_int_equal(ENCODE_WITH(values, 4), -E2BIG);
}

/* As the reference reports them. */
static void test_encode_objects_over_the_limit(void **state)
{
        Fixture *f = *state;
        remote_connect_list_all_networks_ret networks = { .nets.len = 16385 };
        remote_domain_get_memory_parameters_ret params = { .params.len = 17 };
        _vh_error_ VhError *err = NULL;

        assert_int_equal(vh_xdr_encode(VH_XDR(remote_connect_list_all_networks_ret), &networks, f->buf, BUF_SIZE, &err),
                         -E2BIG);
        assert_string_equal(err->message, "internal error: Too many networks '16385' for limit '16384'");
        assert_int_equal(
                vh_xdr_encode(VH_XDR(remote_domain_get_memory_parameters_ret), &params, f->buf, BUF_SIZE, &err),
                -E2BIG);
        assert_string_equal(err->message, "too many parameters '17' for limit '16'");
}

static void test_encode_string_over_the_limit(void **state)
{
        Fixture *f = *state;
        char name[] = "123456789";
        sample_args a = { .name = name };
        _vh_error_ VhError *err = NULL;

        assert_int_equal(vh_xdr_encode(VH_XDR(sample_args), &a, f->buf, BUF_SIZE, &err), -E2BIG);
        assert_string_equal(err->message,
                            "Unable to encode message payload: sample_args.name has 9 bytes of at most 8");
}

static void test_encode_missing_values(void **state)
{
        Fixture *f = *state;
        sample_args a = { 0 };
        sample_everything e = everything();
        _vh_error_ VhError *err = NULL;

        assert_int_equal(vh_xdr_encode(VH_XDR(sample_args), &a, f->buf, BUF_SIZE, &err), -EINVAL);
        assert_non_null(strstr(err->message, "sample_args.name"));
        e.names.val = NULL;
        assert_int_equal(vh_xdr_encode(VH_XDR(sample_everything), &e, f->buf, BUF_SIZE, &err), -EINVAL);
        assert_non_null(strstr(err->message, "sample_everything.names"));
        e.names.len = 0;
        e.value.type = 3;
        assert_int_equal(vh_xdr_encode(VH_XDR(sample_everything), &e, f->buf, BUF_SIZE, &err), -EINVAL);
        assert_non_null(strstr(err->message, "sample_everything.value"));
}

static void test_encode_bare_values(void **state)
{
        Fixture *f = *state;
        char *none = NULL;
        sample_value value = { .type = 3 };
        _vh_error_ VhError *err = NULL;

        assert_int_equal(vh_xdr_encode(VH_XDR(sample_nonnull_string), &none, f->buf, BUF_SIZE, &err), -EINVAL);
        assert_non_null(strstr(err->message, "sample_nonnull_string.value"));
        assert_int_equal(vh_xdr_encode(VH_XDR(sample_value), &value, f->buf, BUF_SIZE, &err), -EINVAL);
        assert_non_null(strstr(err->message, "sample_value.value"));
}

static void test_decode_unknown_arm(void **state)
{
        static const uint8_t bytes[12] = { 0, 0, 0, 3 };
        Fixture *f = *state;
        sample_value v = { 0 };

        memcpy(f->buf, bytes, sizeof(bytes));
        assert_int_equal(vh_xdr_decode(VH_XDR(sample_value), &v, f->buf, sizeof(bytes), &f->arena), -EBADMSG);
}

/* Counts are checked against the limit and against the bytes that are there, before memory is taken. */
static void test_count_without_content(void **state)
{
        Fixture *f = *state;
        remote_connect_list_all_domains_ret ret = { 0 };

        memcpy(f->buf, "\0\0\x40\0", 4); /* REMOTE_DOMAIN_LIST_MAX */
        assert_int_equal(vh_xdr_decode(VH_XDR(remote_connect_list_all_domains_ret), &ret, f->buf, 100, &f->arena),
                         -EBADMSG);
        assert_null(ret.domains.val);
        memcpy(f->buf, "\0\0\x40\x01", 4);
        assert_int_equal(vh_xdr_decode(VH_XDR(remote_connect_list_all_domains_ret), &ret, f->buf, BUF_SIZE, &f->arena),
                         -EBADMSG);
        assert_null(ret.domains.val);
}

/* Every type of every program: the table agrees with itself and the smallest value is as long as it says. */
static void check_type(Fixture *f, const VhXdrType *type)
{
        void *p = vh_xcalloc(1, type->size), *q = vh_xcalloc(1, type->size);
        ssize_t n;

        for (unsigned i = 0; i < type->n_fields; i++)
                assert_true(type->fields[i].offset < type->size);
        memset(f->buf, 0, type->wire);
        if (vh_xdr_decode(type, p, f->buf, type->wire, &f->arena) == 0) {
                n = vh_xdr_encode(type, p, f->buf, BUF_SIZE, NULL);
                assert_int_equal(n, type->wire);
                assert_int_equal(vh_xdr_decode(type, q, f->buf, type->wire - 1, &f->arena), -EBADMSG);
        }
        free(p);
        free(q);
}

static void test_all_payload_types(void **state)
{
        Fixture *f = *state;
        unsigned n = 0;

        for (const VhProgram *const *program = vh_programs; *program; program++)
                for (unsigned i = 0; i < (*program)->n_procs; i++) {
                        const VhProc *proc = &(*program)->procs[i];

                        if (proc->args_xdr)
                                check_type(f, proc->args_xdr);
                        if (proc->ret_xdr)
                                check_type(f, proc->ret_xdr);
                        n += proc->name != NULL;
                }
        assert_int_equal(n, 484);
}

static void test_not_supported_names_the_function(void **state)
{
        const VhProc *proc = vh_program_find(&vh_program_remote, REMOTE_PROC_NETWORK_CREATE);
        _vh_error_ VhError *err = NULL;

        assert_true(vh_proc_not_supported(proc, &err) < 0);
        assert_int_equal(err->code, VIR_ERR_NO_SUPPORT);
        assert_int_equal(err->domain, VIR_FROM_NETWORK);
        assert_string_equal(err->message, "this function is not supported by the connection driver: virNetworkCreate");
}

/* What the checks of a row say, in their order. */
static int run_checks(VhCall *call, VhError **err)
{
        int r = call->proc->check_first ? call->proc->check_first(call, err) : 0;

        return r == 0 && call->proc->check ? call->proc->check(call, err) : r;
}

static void assert_refused(int32_t number, void *args, const char *message)
{
        VhCall call = { .proc = vh_program_find(&vh_program_remote, number), .args = args };
        _vh_error_ VhError *err = NULL;

        assert_true(run_checks(&call, &err) < 0);
        assert_string_equal(err->message, message);
}

static void assert_passes(int32_t number, void *args, int wanted)
{
        VhCall call = { .proc = vh_program_find(&vh_program_remote, number), .args = args };

        assert_int_equal(run_checks(&call, NULL), wanted);
}

static void test_argument_limits(void **state)
{
        remote_connect_list_networks_args networks = { .maxnames = 16385 };
        remote_domain_get_vcpus_args vcpus = { .maxinfo = 16384, .maplen = 513 };
        remote_domain_get_memory_parameters_args memory = { .nparams = 17 };

        assert_refused(REMOTE_PROC_CONNECT_LIST_NETWORKS, &networks, "maxnames > REMOTE_NETWORK_LIST_MAX");
        assert_refused(REMOTE_PROC_DOMAIN_GET_VCPUS, &vcpus, "internal error: maxinfo * maplen > REMOTE_CPUMAPS_MAX");
        assert_refused(REMOTE_PROC_DOMAIN_GET_MEMORY_PARAMETERS, &memory, "internal error: nparams too large");
        networks.maxnames = 16384;
        assert_passes(REMOTE_PROC_CONNECT_LIST_NETWORKS, &networks, 0);
}

static void test_argument_checks(void **state)
{
        remote_domain_rename_args rename = { .new_name = NULL };
        remote_domain_get_metadata_args metadata = { .type = VIR_DOMAIN_METADATA_TITLE, .uri = (char *)"u" };
        remote_domain_core_dump_args dump = { .flags = VIR_DUMP_CRASH | VIR_DUMP_LIVE };
        remote_domain_memory_stats_args stats = {};

        assert_refused(REMOTE_PROC_DOMAIN_RENAME, &rename, "new_name in virDomainRename must not be NULL");
        assert_refused(REMOTE_PROC_DOMAIN_GET_METADATA, &metadata, "uri in virDomainGetMetadata must be NULL");
        metadata.type = VIR_DOMAIN_METADATA_ELEMENT;
        assert_passes(REMOTE_PROC_DOMAIN_GET_METADATA, &metadata, 0);
        assert_refused(REMOTE_PROC_DOMAIN_CORE_DUMP, &dump,
                       "Flags 'VIR_DUMP_CRASH' and 'VIR_DUMP_LIVE' are mutually exclusive");
        assert_passes(REMOTE_PROC_DOMAIN_MEMORY_STATS, &stats, VH_ARGS_NOTHING);
}

static void test_find(void **state)
{
        assert_string_equal(vh_program_find(&vh_program_remote, 1)->name, "CONNECT_OPEN");
        assert_null(vh_program_find(&vh_program_remote, 0));
        assert_null(vh_program_find(&vh_program_remote, -1));
        assert_null(vh_program_find(&vh_program_remote, 444));
        assert_null(vh_program_find(&vh_program_remote, INT32_MIN));
}

static void test_conditions(void **state)
{
        const VhProc *proc = vh_program_find(&vh_program_remote, REMOTE_PROC_DOMAIN_INTERFACE_ADDRESSES);
        remote_domain_interface_addresses_args args = { .source = 1, .flags = 6 };

        assert_true(vh_arg_is(&proc->ro_deny, &args));
        args.source = 0;
        assert_false(vh_arg_is(&proc->ro_deny, &args));
        assert_int_equal(vh_proc_flags(proc, &args), 6);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_round_trip_at_any_alignment, setup, teardown),
                cmocka_unit_test_setup_teardown(test_absent_and_empty, setup, teardown),
                cmocka_unit_test_setup_teardown(test_bytes, setup, teardown),
                cmocka_unit_test_setup_teardown(test_truncation_everywhere, setup, teardown),
                cmocka_unit_test_setup_teardown(test_trailing_bytes_are_ignored, setup, teardown),
                cmocka_unit_test_setup_teardown(test_any_flag_means_present, setup, teardown),
                cmocka_unit_test_setup_teardown(test_string_with_nul_ends_there, setup, teardown),
                cmocka_unit_test_setup_teardown(test_string_limit, setup, teardown),
                cmocka_unit_test_setup_teardown(test_encode_over_the_limit, setup, teardown),
                cmocka_unit_test_setup_teardown(test_encode_objects_over_the_limit, setup, teardown),
                cmocka_unit_test_setup_teardown(test_encode_string_over_the_limit, setup, teardown),
                cmocka_unit_test_setup_teardown(test_encode_missing_values, setup, teardown),
                cmocka_unit_test_setup_teardown(test_encode_bare_values, setup, teardown),
                cmocka_unit_test_setup_teardown(test_decode_unknown_arm, setup, teardown),
                cmocka_unit_test_setup_teardown(test_count_without_content, setup, teardown),
                cmocka_unit_test_setup_teardown(test_all_payload_types, setup, teardown),
                cmocka_unit_test(test_not_supported_names_the_function),
                cmocka_unit_test(test_argument_limits),
                cmocka_unit_test(test_argument_checks),
                cmocka_unit_test(test_find),
                cmocka_unit_test(test_conditions),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
