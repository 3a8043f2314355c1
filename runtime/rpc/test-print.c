/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The frame printer: what it shows, and what it must not. */

#include "../../tests/golden/gen/expected/sample_protocol.h"
#include "message_protocol.h"
#include "procs.h"
#include "rpc/limits.h"
#include "rpc/print.h"
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

typedef struct Header {
        uint32_t prog, vers, proc, type, serial, status;
} Header;

/* A frame around an encoded value; the caller frees it with vh_buf_done(). */
static void make_frame(VhBuf *b, const Header *h, const VhXdrType *type, const void *value)
{
        const uint32_t words[] = { 0, h->prog, h->vers, h->proc, h->type, h->serial, h->status };
        uint32_t word;
        ssize_t n;

        for (size_t i = 0; i < VH_ARRAY_SIZE(words); i++) {
                word = htonl(words[i]);
                vh_buf_add(b, &word, sizeof(word));
        }
        if (!type)
                return;
        n = vh_xdr_encode(type, value, vh_buf_reserve(b, 65536), 65536, NULL);
        assert_true(n > 0);
        b->len += (size_t)n;
}

static void assert_frame_prints(const Header *h, const VhXdrType *type, const void *value, const char *text)
{
        _vh_buf_ VhBuf frame = { 0 }, out = { 0 };

        make_frame(&frame, h, type, value);
        vh_print_frame(&out, vh_programs, (uint8_t *)frame.data, frame.len);
        assert_string_equal(out.data, text);
}

static void test_call(void **state)
{
        char name[] = "web\n\"1\"";
        remote_domain_lookup_by_name_args args = { .name = name };

        assert_frame_prints(
                &(Header){ REMOTE_PROGRAM, 1, REMOTE_PROC_DOMAIN_LOOKUP_BY_NAME, VIR_NET_CALL, 4, VIR_NET_OK },
                VH_XDR(remote_domain_lookup_by_name_args), &args,
                "remote DOMAIN_LOOKUP_BY_NAME call serial=4 {name=\"web\\n\\\"1\\\"\"}");
}

static void test_reply(void **state)
{
        char name[] = "web";
        remote_nonnull_domain dom = { .name = name, .uuid = { 0x11, 0x22 }, .id = -1 };
        remote_connect_list_all_domains_ret ret = { .domains = { 1, &dom }, .ret = 1 };

        assert_frame_prints(
                &(Header){ REMOTE_PROGRAM, 1, REMOTE_PROC_CONNECT_LIST_ALL_DOMAINS, VIR_NET_REPLY, 7, VIR_NET_OK },
                VH_XDR(remote_connect_list_all_domains_ret), &ret,
                "remote CONNECT_LIST_ALL_DOMAINS reply serial=7 "
                "{domains=[{name=\"web\", uuid=11220000-0000-0000-0000-000000000000, id=-1}], ret=1}");
}

static void test_error(void **state)
{
        char message[] = "Domain not found";
        virNetMessageError error = { .code = 42, .domain = 10, .message = message, .level = 2, .int1 = -1, .int2 = -1 };

        assert_frame_prints(
                &(Header){ REMOTE_PROGRAM, 1, REMOTE_PROC_DOMAIN_LOOKUP_BY_NAME, VIR_NET_REPLY, 4, VIR_NET_ERROR },
                VH_XDR(virNetMessageError), &error,
                "remote DOMAIN_LOOKUP_BY_NAME reply error serial=4 {code=42, domain=10, "
                "message=\"Domain not found\", level=2, dom=null, str1=null, str2=null, str3=null, int1=-1, "
                "int2=-1, net=null}");
}

static void test_without_payload(void **state)
{
        assert_frame_prints(&(Header){ KEEPALIVE_PROGRAM, 1, KEEPALIVE_PROC_PING, VIR_NET_MESSAGE, 0, VIR_NET_OK },
                            NULL, NULL, "keepalive PING message serial=0");
        assert_frame_prints(&(Header){ REMOTE_PROGRAM, 1, REMOTE_PROC_CONNECT_CLOSE, VIR_NET_CALL, 9, VIR_NET_OK },
                            NULL, NULL, "remote CONNECT_CLOSE call serial=9");
}

static void test_unknown_numbers(void **state)
{
        assert_frame_prints(&(Header){ 0x1234, 1, (uint32_t)-5, 99, 1, 7 }, NULL, NULL,
                            "program=0x1234 procedure=-5 type=99 status=7 serial=1");
        assert_frame_prints(&(Header){ REMOTE_PROGRAM, 3, 9999, VIR_NET_CALL, 1, VIR_NET_OK }, NULL, NULL,
                            "remote version=3 procedure=9999 call serial=1");
}

static void test_stream(void **state)
{
        virNetStreamHole hole = { .length = 1ll << 33 };
        _vh_buf_ VhBuf frame = { 0 }, out = { 0 };

        assert_frame_prints(&(Header){ REMOTE_PROGRAM, 1, REMOTE_PROC_STORAGE_VOL_UPLOAD, VIR_NET_STREAM_HOLE, 3,
                                       VIR_NET_CONTINUE },
                            VH_XDR(virNetStreamHole), &hole,
                            "remote STORAGE_VOL_UPLOAD hole continue serial=3 {length=8589934592, flags=0x0}");
        make_frame(&frame,
                   &(Header){ REMOTE_PROGRAM, 1, REMOTE_PROC_STORAGE_VOL_UPLOAD, VIR_NET_STREAM, 3, VIR_NET_CONTINUE },
                   NULL, NULL);
        vh_buf_adds(&frame, "data!");
        vh_print_frame(&out, vh_programs, (uint8_t *)frame.data, frame.len);
        assert_string_equal(out.data, "remote STORAGE_VOL_UPLOAD stream continue serial=3 5 bytes");
}

static void test_garbage(void **state)
{
        _vh_buf_ VhBuf out = { 0 };

        vh_print_frame(&out, vh_programs, (const uint8_t *)"abc", 3);
        assert_string_equal(out.data, "<3 bytes that are no frame>");
        assert_frame_prints(&(Header){ REMOTE_PROGRAM, 1, REMOTE_PROC_CONNECT_OPEN, VIR_NET_CALL, 0, VIR_NET_OK }, NULL,
                            NULL, "remote CONNECT_OPEN call serial=0 <0 bytes that are no remote_connect_open_args>");
}

/* None of the places that can carry a secret shows it. */
static void test_secrets(void **state)
{
        static char shown[] = "hunter2", user[] = "root", usage[] = "ceph", xml[] = "<graphics passwd='hunter2'/>";
        char sev[] = "sev-secret", shares[] = "cpu_shares";
        remote_domain_set_user_password_args user_args = { .dom = { .name = user }, .user = user, .password = shown };
        remote_secret_set_value_args secret_args = { .secret = { .usageID = usage }, .value = { 7, (uint8_t *)shown } };
        remote_domain_get_xml_desc_ret xml_ret = { .xml = xml };
        remote_typed_param params[] = { { .field = sev, .value = { .type = 7, .s = shown } },
                                        { .field = shares, .value = { .type = 4, .ul = 1024 } } };
        remote_domain_set_launch_security_state_args sev_args = { .dom = { .name = user }, .params = { 2, params } };
        const struct {
                const VhXdrType *type;
                const void *value;
        } values[] = {
                { VH_XDR(remote_domain_set_user_password_args), &user_args },
                { VH_XDR(remote_secret_set_value_args), &secret_args },
                { VH_XDR(remote_domain_get_xml_desc_ret), &xml_ret },
                { VH_XDR(remote_domain_set_launch_security_state_args), &sev_args },
        };

        for (size_t i = 0; i < VH_ARRAY_SIZE(values); i++) {
                _vh_buf_ VhBuf out = { 0 };

                vh_print_value(&out, values[i].type, values[i].value);
                assert_null(strstr(out.data, "hunter2"));
                assert_null(strstr(out.data, "68756e746572"));
                assert_non_null(strstr(out.data, "<hidden>"));
        }
}

static void test_every_construct(void **state)
{
        char nul[] = "", name[] = "n", label[] = { 'l', '\0' };
        uint8_t raw[40] = { 1, 2 };
        int64_t numbers[] = { -1, 2 };
        sample_value values[] = { { .type = 2, .h = 5 }, { .type = 9 } };
        sample_everything e = {
                .c = -3,
                .uc = 255,
                .s = -1,
                .us = 65535,
                .d = 0.5,
                .colour = SAMPLE_NONE,
                .name = name,
                .model = "qemu",
                .label = { 2, label },
                .raw = { 40, raw },
                .odd = { 7, 8, 9 },
                .numbers = { 2, numbers },
                .value = { .type = 7, .s = nul },
                .values = { 2, values },
                .last = nul,
        };
        _vh_buf_ VhBuf out = { 0 };

        vh_print_value(&out, VH_XDR(sample_everything), &e);
        assert_string_equal(
                out.data,
                "{c=-3, uc=255, s=-1, us=65535, i=0, ui=0, h=0, uh=0, d=0.5, colour=-1, "
                "uuid=00000000-0000-0000-0000-000000000000, name=\"n\", note=null, model=\"qemu\", label=\"l\", "
                "raw=40 bytes:0102000000000000000000000000000000000000000000000000000000000000..., "
                "odd=3 bytes:070809, numbers=[-1, 2], names=[], at={x=0, y=0}, maybe=null, path=[], "
                "corners=[{x=0, y=0}, {x=0, y=0}], value=\"\", values=[5, <no value>], last=\"\"}");
}

static void test_long_values_are_cut(void **state)
{
        remote_nonnull_string names[20];
        remote_connect_list_defined_domains_ret ret = { .names = { 20, names } };
        char *longer = vh_xcalloc(1, 1001);
        _vh_buf_ VhBuf out = { 0 };

        memset(longer, 'x', 1000);
        for (size_t i = 0; i < VH_ARRAY_SIZE(names); i++)
                names[i] = longer;
        vh_print_value(&out, VH_XDR(remote_connect_list_defined_domains_ret), &ret);
        assert_non_null(strstr(out.data, "x\"...(1000 bytes), \"x"));
        assert_true(vh_endswith(out.data, ", ...(20 items)]}"));
        assert_true(out.len < 4000);
        free(longer);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_call),
                cmocka_unit_test(test_reply),
                cmocka_unit_test(test_error),
                cmocka_unit_test(test_without_payload),
                cmocka_unit_test(test_unknown_numbers),
                cmocka_unit_test(test_stream),
                cmocka_unit_test(test_garbage),
                cmocka_unit_test(test_secrets),
                cmocka_unit_test(test_every_construct),
                cmocka_unit_test(test_long_values_are_cut),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
