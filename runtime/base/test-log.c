/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Filters and outputs as text, and which messages reach a file. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/log-spec.h"

VH_LOG_SOURCE("test.one");

typedef struct SpecCase {
        const char *text;
        const char *expect; /* the text read back, or the error's message */
        bool fails;
} SpecCase;

static const SpecCase filter_cases[] = {
        { "1:rpc 3:util", "1:*rpc* 3:*util* ", false },
        { "+1:rpc", "1:*rpc* ", false },
        { "1:a*b", "1:*a*b* ", false },
        { "1:a:b:c", "1:*a* ", false },
        { "  1:a   3:b ", "1:*a* 3:*b* ", false },
        { "1:a 1:a 3:a", "1:*a* 1:*a* 3:*a* ", false },
        { "", NULL, false },
        { "   ", NULL, false },
        { "5:x", "invalid argument: Invalid priority '5' for filter '5:x'", true },
        { "0:x", "invalid argument: Invalid priority '0' for filter '0:x'", true },
        { "-1:x", "invalid argument: Invalid priority '-1' for filter '-1:x'", true },
        { "1", "invalid argument: Malformed format for filter '1'", true },
        { "1:", "invalid argument: Invalid match string ''", true },
        { ":", "invalid argument: Invalid priority '' for filter ':'", true },
        { "1:a 9:b", "invalid argument: Invalid priority '9' for filter '9:b'", true },
};

static const SpecCase output_cases[] = {
        { "1:file:/tmp/x.log", "1:file:/tmp/x.log", false },
        { "2:syslog:foo", "2:syslog:foo", false },
        { "1:stderr 2:stderr", "2:stderr", false },
        { "1:stderr 3:file:/y 2:file:/y", "1:stderr 2:file:/y", false },
        { "2:journald", "2:journald", false },
        { "1:foo", "invalid argument: Invalid log destination 'foo' for log output '1:foo'", true },
        { "5:stderr", "invalid argument: Invalid log priority '5' for log output '5:stderr'", true },
        { "x", "invalid argument: Malformed format for log output 'x'", true },
        { "1:file",
          "invalid argument: Log output '1:file' does not meet the format requirements for destination type 'file'",
          true },
        { "1:stderr:foo",
          "invalid argument: Log output '1:stderr:foo' does not meet the format requirements for destination type "
          "'stderr'",
          true },
};

static void assert_text(const char *have, const char *want)
{
        if (want)
                assert_string_equal(have ? have : "(null)", want);
        else
                assert_null(have);
}

static void test_filters(void **unused)
{
        for (size_t i = 0; i < VH_ARRAY_SIZE(filter_cases); i++) {
                const SpecCase *c = &filter_cases[i];
                _vh_error_ VhError *err = NULL;
                VhLogFilters f = { 0 };
                int r = vh_log_filters_parse(&f, c->text, &err);
                _vh_free_ char *text = vh_log_filters_format(&f);

                assert_int_equal(r < 0, c->fails);
                assert_text(c->fails ? err->message : text, c->expect);
                vh_log_filters_done(&f);
        }
}

static void test_outputs(void **unused)
{
        for (size_t i = 0; i < VH_ARRAY_SIZE(output_cases); i++) {
                const SpecCase *c = &output_cases[i];
                _vh_error_ VhError *err = NULL;
                VhLogOutputs o = { 0 };
                int r = vh_log_outputs_parse(&o, c->text, &err);
                _vh_free_ char *text = vh_log_outputs_format(&o);

                assert_int_equal(r < 0, c->fails);
                assert_text(c->fails ? err->message : text, c->expect);
                vh_log_outputs_done(&o);
        }
}

static char *slurp(const char *path)
{
        char buf[4096];
        FILE *f = fopen(path, "r");
        size_t n = f ? fread(buf, 1, sizeof(buf) - 1, f) : 0;

        if (f)
                fclose(f);
        buf[n] = '\0';
        return vh_xstrdup(buf);
}

static int evaluated;

static int count(void)
{
        return ++evaluated;
}

static void test_writing(void **unused)
{
        char dir[] = "/tmp/vh-test-log-XXXXXX";
        _vh_free_ char *path = NULL;
        _vh_free_ char *outputs = NULL;
        _vh_free_ char *text = NULL;

        assert_non_null(mkdtemp(dir));
        path = vh_xasprintf("%s/log", dir);
        outputs = vh_xasprintf("1:file:%s", path);
        assert_int_equal(vh_log_setup(&(VhLogSettings){ .defaults.name = "t", .outputs = outputs }, NULL), 0);
        vh_log_info("not wanted %d", count());
        vh_log_warning("wanted %d", count());
        assert_int_equal(evaluated, 1);
        assert_int_equal(vh_log_set_filters("1:other 2:test", NULL), 0);
        vh_log_debug("still not %d", count());
        vh_log_info("now wanted %d", count());
        assert_int_equal(evaluated, 2);
        text = slurp(path);
        assert_non_null(strstr(text, ": warning : test_writing:"));
        assert_non_null(strstr(text, " : wanted 1\n"));
        assert_non_null(strstr(text, " : now wanted 2\n"));
        assert_null(strstr(text, "not"));
        vh_log_done();
        unlink(path);
        rmdir(dir);
}

static void test_bad_setup_changes_nothing(void **unused)
{
        _vh_error_ VhError *err = NULL;
        _vh_free_ char *outputs = NULL;

        assert_int_equal(vh_log_setup(&(VhLogSettings){ .defaults.name = "t", .outputs = "2:stderr" }, NULL), 0);
        assert_true(vh_log_set_outputs("1:file:/nonexistent/x", &err) < 0);
        assert_string_equal(err->message, "failed to open /nonexistent/x: No such file or directory");
        outputs = vh_log_get_outputs(NULL);
        assert_string_equal(outputs, "2:stderr");
        vh_log_done();
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_filters),
                cmocka_unit_test(test_outputs),
                cmocka_unit_test(test_writing),
                cmocka_unit_test(test_bad_setup_changes_nothing),
        };

        unsetenv("LIBVIRT_DEBUG");
        unsetenv("LIBVIRT_LOG_FILTERS");
        unsetenv("LIBVIRT_LOG_OUTPUTS");
        return cmocka_run_group_tests(tests, NULL, NULL);
}
