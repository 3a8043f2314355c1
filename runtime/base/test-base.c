/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/sha256.h"
#include "base/uuid.h"

static void error_message_wraps_detail_in_template(void **state)
{
        _vh_error_ VhError *err = NULL;

        assert_int_equal(vh_error_set(&err, VIR_FROM_TEST, VIR_ERR_NO_DOMAIN, "no domain named '%s'", "a%sb"), -ENOENT);
        assert_string_equal(err->message, "Domain not found: no domain named 'a%sb'");
        assert_string_equal(err->detail, "no domain named 'a%sb'");
        vh_error_prefix(&err, "on %s", "start");
        assert_string_equal(err->message, "Domain not found: on start: no domain named 'a%sb'");
}

static void error_without_detail_is_bare(void **state)
{
        _vh_error_ VhError *err = NULL;

        vh_error_set(&err, VIR_FROM_RPC, VIR_ERR_OPERATION_DENIED, NULL);
        assert_string_equal(err->message, "operation forbidden for read only access");
        assert_null(err->detail);
}

static void plain_error_has_no_template(void **state)
{
        _vh_error_ VhError *err = NULL;

        assert_int_equal(vh_error_plain(&err, VIR_FROM_NONE, VIR_ERR_INVALID_ARG, "no %s", "way"), -EINVAL);
        assert_int_equal(err->code, VIR_ERR_INVALID_ARG);
        assert_string_equal(err->message, "no way");
}

static void system_error_keeps_errno(void **state)
{
        _vh_error_ VhError *err = NULL;

        assert_int_equal(vh_error_sys(&err, VIR_FROM_CONF, -EACCES, "cannot open '%s'", "/x"), -EACCES);
        assert_int_equal(err->int1, EACCES);
        assert_string_equal(err->message, "cannot open '/x': Permission denied");
}

static void errors_may_be_unwanted(void **state)
{
        assert_int_equal(vh_error_set(NULL, VIR_FROM_NONE, VIR_ERR_INVALID_ARG, "x"), -EINVAL);
        vh_error_prefix(NULL, "y");
}

static void uuid_forms(void **state)
{
        char text[VH_UUID_TEXT_LEN + 1];
        uint8_t a[VH_UUID_LEN], b[VH_UUID_LEN];

        assert_int_equal(vh_uuid_parse(" 6695eb01-f6a4-8304-79aa-97f2502e193f\n", a), 0);
        assert_int_equal(vh_uuid_parse("6695EB01F6A4830479AA97F2502E193F", b), 0);
        assert_memory_equal(a, b, VH_UUID_LEN);
        assert_string_equal(vh_uuid_format(a, text), "6695eb01-f6a4-8304-79aa-97f2502e193f");
        assert_int_equal(vh_uuid_parse("6695eb01-f6a4-8304-79aa-97f2502e193", a), -EINVAL);
        assert_int_equal(vh_uuid_parse("6695eb01-f6a4-8304-79aa-97f2502e193f0", a), -EINVAL);
        assert_int_equal(vh_uuid_parse("", a), -EINVAL);
        vh_uuid_generate(a);
        assert_true(vh_uuid_is_valid(a));
        memset(a, 0, sizeof(a));
        assert_false(vh_uuid_is_valid(a));
}

static void buffer_grows_and_escapes(void **state)
{
        _vh_buf_ VhBuf b = {};

        for (int i = 0; i < 1000; i++)
                vh_buf_printf(&b, "%d,", i);
        assert_int_equal(b.len, 3890);
        vh_buf_done(&b);
        vh_buf_xml_escape(&b, "a<b>&\"'\x01\nz");
        assert_string_equal(b.data, "a&lt;b&gt;&amp;&quot;&apos;\nz");
}

static void arena_survives_reset(void **state)
{
        VhArena a = {};

        for (int round = 0; round < 3; round++) {
                for (size_t i = 1; i < 3000; i++) {
                        char *p = vh_arena_alloc(&a, i);

                        assert_int_equal((uintptr_t)p % 16, 0);
                        assert_int_equal(p[i - 1], 0);
                        memset(p, 0xff, i);
                }
                vh_arena_own(&a, strdup("owned"));
                assert_string_equal(vh_arena_printf(&a, "%s-%d", "x", 7), "x-7");
                vh_arena_reset(&a);
        }
        vh_arena_done(&a);
}

/* Known answers: of FIPS 180-2, and lengths around the end of a block from sha256sum(1). */
static void sha256_of_texts(void **state)
{
        static const struct {
                const char *text;
                const char *hash;
        } rows[] = {
                { "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
                { "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
                { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
                { "/var/lib/libvirt/images/0123456789012345678901234567890",
                  "3c831888d14a310b8514a44004832916324223b96bf22d5b6892e27ac30b4bdb" },
                { "/var/lib/libvirt/images/0123456789012345678901234567890123456789",
                  "136b59371df841f6d0b8a2610f2ec2b97a0f387cb3eef434299f27fa8159bf77" },
        };
        char text[VH_SHA256_TEXT_LEN + 1];

        for (size_t i = 0; i < VH_ARRAY_SIZE(rows); i++)
                assert_string_equal(vh_sha256_text(rows[i].text, strlen(rows[i].text), text), rows[i].hash);
}

static void numbers_are_whole_strings(void **state)
{
        unsigned u;
        int i;
        uint64_t v;

        assert_int_equal(vh_parse_uint("010", &u), 0);
        assert_int_equal(u, 10);
        assert_int_equal(vh_parse_uint("-1", &u), -EINVAL);
        assert_int_equal(vh_parse_uint("4294967296", &u), -ERANGE);
        assert_int_equal(vh_parse_uint("5k", &u), -EINVAL);
        assert_int_equal(vh_parse_uint("", &u), -EINVAL);
        assert_int_equal(vh_parse_int("-2147483648", &i), 0);
        assert_int_equal(vh_parse_u64("18446744073709551616", 10, &v), -ERANGE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(error_message_wraps_detail_in_template),
                cmocka_unit_test(error_without_detail_is_bare),
                cmocka_unit_test(plain_error_has_no_template),
                cmocka_unit_test(system_error_keeps_errno),
                cmocka_unit_test(errors_may_be_unwanted),
                cmocka_unit_test(uuid_forms),
                cmocka_unit_test(buffer_grows_and_escapes),
                cmocka_unit_test(arena_survives_reset),
                cmocka_unit_test(sha256_of_texts),
                cmocka_unit_test(numbers_are_whole_strings),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
