/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Connection URIs: parts, and the messages that clients of a daemon see for bad ones. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "driver/uri.h"

static void test_parts(void **unused)
{
        static const struct {
                const char *text;
                const char *scheme, *transport, *user, *server;
                int port;
                const char *path, *query;
        } cases[] = {
                { "qemu:///system", "qemu", NULL, NULL, NULL, 0, "/system", NULL },
                { "qemu+tls://root@host:99/system?no_verify=1", "qemu", "tls", "root", "host", 99, "/system",
                  "no_verify=1" },
                { "qemu+tcp://[::1]/session", "qemu", "tcp", NULL, "::1", 0, "/session", NULL },
                { "test:///a%20b", "test", NULL, NULL, NULL, 0, "/a b", NULL },
                { "xen", "xen", NULL, NULL, NULL, 0, "/system", NULL },
                { "qemu:", "qemu", NULL, NULL, NULL, 0, "", NULL },
        };

        for (size_t i = 0; i < VH_ARRAY_SIZE(cases); i++) {
                _vh_uri_ VhUri *u = NULL;

                assert_int_equal(vh_uri_parse(&u, cases[i].text, NULL), 0);
                assert_string_equal(u->scheme, cases[i].scheme);
                assert_true(vh_streq(u->transport, cases[i].transport));
                assert_true(vh_streq(u->user, cases[i].user));
                assert_true(vh_streq(u->server, cases[i].server));
                assert_int_equal(u->port, cases[i].port);
                assert_string_equal(u->path, cases[i].path);
                assert_true(vh_streq(u->query, cases[i].query));
        }
}

static void test_query(void **unused)
{
        _vh_uri_ VhUri *u = NULL, *plain = NULL;
        _vh_free_ char *path = NULL, *flag = NULL, *last = NULL;

        assert_int_equal(vh_uri_parse(&u, "qemu+tls://h/system?pkipath=%2Fa%20b&no_verify=1;last=", NULL), 0);
        assert_int_equal(vh_uri_parse(&plain, "qemu:///system", NULL), 0);
        path = vh_uri_query(u, "pkipath");
        flag = vh_uri_query(u, "no_verify");
        last = vh_uri_query(u, "last");
        assert_string_equal(path, "/a b");
        assert_string_equal(flag, "1");
        assert_string_equal(last, "");
        assert_null(vh_uri_query(u, "verify"));
        assert_null(vh_uri_query(u, "pki"));
        assert_null(vh_uri_query(plain, "pkipath"));
}

static void test_refused(void **unused)
{
        static const struct {
                const char *text;
                int code, domain;
                const char *message;
        } cases[] = {
                { "://", VIR_ERR_INTERNAL_ERROR, VIR_FROM_URI, "internal error: Unable to parse URI ://" },
                { "%zz", VIR_ERR_INTERNAL_ERROR, VIR_FROM_URI, "internal error: Unable to parse URI %zz" },
                { "qemu:///sys tem", VIR_ERR_INTERNAL_ERROR, VIR_FROM_URI,
                  "internal error: Unable to parse URI qemu:///sys tem" },
                { "qemu", VIR_ERR_NO_CONNECT, VIR_FROM_NONE,
                  "no connection driver available for URI 'qemu' does not include a driver name" },
                { "/system", VIR_ERR_NO_CONNECT, VIR_FROM_NONE,
                  "no connection driver available for URI '/system' does not include a driver name" },
        };

        for (size_t i = 0; i < VH_ARRAY_SIZE(cases); i++) {
                _vh_error_ VhError *err = NULL;
                _vh_uri_ VhUri *u = NULL;

                assert_true(vh_uri_parse(&u, cases[i].text, &err) < 0);
                assert_string_equal(err->message, cases[i].message);
                assert_int_equal(err->code, cases[i].code);
                assert_int_equal(err->domain, cases[i].domain);
        }
}

static void test_missing_slash(void **unused)
{
        _vh_error_ VhError *err = NULL;
        _vh_uri_ VhUri *bad = NULL;
        _vh_uri_ VhUri *good = NULL;

        assert_int_equal(vh_uri_parse(&bad, "qemu://system", NULL), 0);
        assert_true(vh_uri_check_slash(bad, &err) < 0);
        assert_string_equal(err->message, "internal error: invalid URI qemu://system (maybe you want qemu:///system)");
        assert_int_equal(vh_uri_parse(&good, "qemu://host/system", NULL), 0);
        assert_int_equal(vh_uri_check_slash(good, NULL), 0);
}

static void test_local_only(void **unused)
{
        static const struct {
                const char *text, *message;
        } cases[] = {
                { "qemu:///system", NULL },
                { "qemu+unix:///system", "no connection driver available for qemu+unix:///system" },
                { "test+foo:///default", "invalid argument: remote_open: transport in URL not recognised (should be "
                                         "tls|unix|ssh|ext|tcp|libssh2|libssh)" },
                { "qemu://host/system",
                  "no connection driver available for qemu://host/system: a daemon connects to no "
                  "other host, the client has to" },
        };

        for (size_t i = 0; i < VH_ARRAY_SIZE(cases); i++) {
                _vh_error_ VhError *err = NULL;
                _vh_uri_ VhUri *u = NULL;

                assert_int_equal(vh_uri_parse(&u, cases[i].text, NULL), 0);
                assert_int_equal(vh_uri_check_local(u, &err) < 0, cases[i].message != NULL);
                assert_string_equal(err ? err->message : "", cases[i].message ? cases[i].message : "");
        }
}

static void test_paths(void **unused)
{
        const VhUriPathRule root = { "qemu", VIR_FROM_NONE, true, true, true, false };
        const VhUriPathRule user = { "qemu", VIR_FROM_NONE, false, true, false, false };
        const VhUriPathRule system_only = { "lxc", VIR_FROM_LXC, true, false, false, true };
        _vh_error_ VhError *err = NULL;

        assert_int_equal(vh_uri_check_path(&root, "/system", NULL), 0);
        assert_int_equal(vh_uri_check_path(&root, "/session", NULL), 0);
        assert_int_equal(vh_uri_check_path(&user, "/session", NULL), 0);
        assert_true(vh_uri_check_path(&user, "/system", NULL) < 0);
        assert_true(vh_uri_check_path(&system_only, "/session", NULL) < 0);
        assert_int_equal(vh_uri_check_path(&system_only, "/", NULL), 0);
        assert_true(vh_uri_check_path(&root, "/", NULL) < 0);
        assert_true(vh_uri_check_path(&root, "/foo", &err) < 0);
        assert_string_equal(err->message, "internal error: unexpected qemu URI path '/foo', try qemu:///system");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parts),         cmocka_unit_test(test_query),      cmocka_unit_test(test_refused),
                cmocka_unit_test(test_missing_slash), cmocka_unit_test(test_local_only), cmocka_unit_test(test_paths),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
