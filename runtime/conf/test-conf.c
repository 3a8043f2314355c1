/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/file.h"
#include "conf/check.h"
#include "conf/conf.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static void add_value(VhBuf *b, const VhConfValue *v)
{
        switch (v->kind) {
        case VH_CONF_UINT:
                vh_buf_printf(b, "%llu", (unsigned long long)v->u);
                break;
        case VH_CONF_INT:
                vh_buf_printf(b, "i%lld", (long long)v->i);
                break;
        case VH_CONF_STRING:
                vh_buf_printf(b, "'%s'", v->str);
                break;
        case VH_CONF_LIST:
                vh_buf_addc(b, '[');
                for (size_t i = 0; i < v->list.n; i++) {
                        vh_buf_adds(b, i ? "," : "");
                        add_value(b, &v->list.items[i]);
                }
                vh_buf_addc(b, ']');
                break;
        }
}

/* What a text gives: its mistakes as "LINE:COL reason|…", or its assignments as "key=value|…". */
static char *outcome_of(const char *text, size_t len)
{
        _vh_findings_ VhFindings f = { 0 };
        _vh_conf_ VhConf *conf = NULL;
        _vh_error_ VhError *err = NULL;
        VhBuf b = { 0 };
        int r = vh_conf_parse(&conf, "t", text, len, &f, &err);

        assert_int_equal(r<0, f.errors> 0);
        assert_int_equal(r < 0, err != NULL);
        for (const VhFinding *n = f.first; n; n = n->next)
                vh_buf_printf(&b, "%s%u:%u %s", n == f.first ? "" : "|", n->line, n->column, n->message);
        for (const VhConfEntry *e = conf ? vh_conf_first(conf) : NULL; e; e = e->next) {
                vh_buf_printf(&b, "%s%s=", e == vh_conf_first(conf) ? "" : "|", e->name);
                add_value(&b, &e->value);
        }
        return vh_buf_take(&b);
}

typedef struct Case {
        const char *text;
        const char *outcome;
} Case;

static void run_cases(const Case *cases, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                _vh_free_ char *got = outcome_of(cases[i].text, strlen(cases[i].text));

                if (strcmp(got, cases[i].outcome) != 0)
                        fail_msg("input <%s>\n  wanted <%s>\n  got    <%s>", cases[i].text, cases[i].outcome, got);
        }
}
#define RUN(cases) run_cases((cases), VH_ARRAY_SIZE(cases))

static void test_value_begins_on_line_of_equals(void **state)
{
        static const Case cases[] = {
                { "k = 1\n", "k=1" },
                { "k=1", "k=1" },
                { "  k\t=\t1  # c\n", "k=1" },
                { "k =\n1\n", "1:4 expecting a value|2:1 expecting a name" },
                { "k\n= 1\n", "1:2 expecting an assignment|2:1 expecting a name" },
                { "k\n", "1:2 expecting an assignment" },
                { "k =", "1:4 expecting a value" },
                { "k = [\n1\n,\n2\n]\n", "k=[1,2]" },
                { "k = \"\"\"a\nb\"\"\"\n", "k='a\nb'" },
        };
        RUN(cases);
}

static void test_no_comment_in_list(void **state)
{
        static const Case cases[] = {
                { "k = [ 1, # one\n 2 ]\n", "1:10 expecting a value|2:2 expecting a name" },
                { "k = [ 1 # one\n ]\n", "1:9 expecting a separator in list|2:2 expecting a name" },
        };
        RUN(cases);
}

static void test_no_barewords_sections_or_continuation(void **state)
{
        static const Case cases[] = {
                { "k = true\n", "1:5 expecting a value" },
                { "k = yes", "1:5 expecting a value" },
                { "k = on", "1:5 expecting a value" },
                { "k = abc", "1:5 expecting a value" },
                { "[section]\nk = 1\n", "1:1 expecting a name" },
                { "k = 1 \\\n", "1:7 expecting a separator" },
                { "include \"x\"\n", "1:9 expecting an assignment" },
        };
        RUN(cases);
}

static void test_semicolon_separates(void **state)
{
        static const Case cases[] = {
                { "a = 1; b = 2\n", "a=1|b=2" },
                { "a = 1;\n", "a=1" },
                { "a = 1;", "a=1" },
                { "a = 1; # text\nb = 2\n", "a=1|b=2" },
                { ";a = 1\n", "1:1 expecting a name" },
                { "a = 1;;\n", "1:7 expecting a name" },
                { "a = 1\n;\n", "2:1 expecting a name" },
        };
        RUN(cases);
}

static void test_names(void **state)
{
        static const Case cases[] = {
                { "aA9_ = 1\n", "aA9_=1" },
                { "A = 1\na = 2\n", "A=1|a=2" },
                { "a-b = 1\n", "1:2 expecting an assignment" },
                { "a.b = 1\n", "1:2 expecting an assignment" },
                { "_a = 1\n", "1:1 expecting a name" },
                { "9a = 1\n", "1:1 expecting a name" },
                { "\xc3\xa4 = 1\n", "1:1 expecting a name" },
                { "a\xc3\xa4 = 1\n", "1:2 expecting an assignment" },
                { "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl=1",
                  "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl=1" },
        };
        RUN(cases);
}

static void test_odd_blanks_and_bom(void **state)
{
        static const Case cases[] = {
                { "a\v= 1\n", "1:2 expecting an assignment" },
                { "a =\f1\n", "1:4 expecting a value" },
                { "\xef\xbb\xbf"
                  "a = 1\n",
                  "1:1 expecting a name" },
        };
        RUN(cases);
}

static void test_strings(void **state)
{
        static const Case cases[] = {
                { "k = \"a\\nb\\\"\n", "k='a\\nb\\'" },
                { "k = 'a\"b'\n", "k='a\"b'" },
                { "k = \"a'b\"\n", "k='a'b'" },
                { "k = \"a#b\"\n", "k='a#b'" },
                { "k = \"\"\n", "k=''" },
                { "k = \"abc\nx = 1\n", "1:5 unterminated string" },
                { "k = 'abc\rx = 1\n", "1:5 unterminated string" },
                { "k = \"a\" \"b\"\n", "1:9 expecting a separator" },
                { "k = \"\xff\xfe\"\n", "k='\xff\xfe'" },
        };
        RUN(cases);
}

static void test_triple_quotes(void **state)
{
        static const Case cases[] = {
                { "k = \"\"\"a\"b'c\"\"\"\n", "k='a\"b'c'" },
                { "k = \"\"\"a\r\nb\"\"\"\nj = x", "3:5 expecting a value" },
                { "k = \"\"\"a\r\nb\"\"\"\n", "k='a\r\nb'" },
                { "k = \"\"\"a\"\"\"\"\n", "1:12 expecting a separator" },
                { "k = '''a'''\n", "1:7 expecting a separator" },
                { "k = \"\"\"\"\"\"\n", "k=''" },
                { "k = \"\"\"\"\"\"", "1:7 expecting a separator" },
                { "k = \"\"\"ab\n", "1:7 expecting a separator" },
                { "k = \"\"\"abcdef\nx\n", "3:1 unterminated string" },
        };
        RUN(cases);
}

static void test_nul_bytes(void **state)
{
        static const char in_string[] = "k = \"ab\0cd\"\n", outside[] = "k = 1\0\n", in_comment[] = "# a\0b\nk = 1\n";
        _vh_free_ char *a = outcome_of(in_string, sizeof(in_string) - 1);
        _vh_free_ char *b = outcome_of(outside, sizeof(outside) - 1);
        _vh_free_ char *c = outcome_of(in_comment, sizeof(in_comment) - 1);

        assert_string_equal(a, "k='ab'");
        assert_string_equal(b, "1:6 expecting a separator");
        assert_string_equal(c, "k=1");
}

static void test_numbers(void **state)
{
        static const Case cases[] = {
                { "k = 010\n", "k=10" },
                { "k = +5\n", "k=5" },
                { "k = -5\n", "k=i-5" },
                { "k = -0\n", "k=i0" },
                { "k = 0x10\n", "1:6 expecting a separator" },
                { "k = 5k\n", "1:6 expecting a separator" },
                { "k = 5.5\n", "1:6 expecting a separator" },
                { "k = +\n", "1:5 unterminated number" },
                { "k = -", "1:5 unterminated number" },
                { "k = - 5\n", "1:5 unterminated number" },
                { "k = +-5\n", "1:5 unterminated number" },
                { "k = 18446744073709551615\n", "k=18446744073709551615" },
                { "k = 18446744073709551616\n", "1:5 number too large" },
                { "k = 99999999999999999999999\n", "1:5 number too large" },
                { "k = -9223372036854775808\n", "k=i-9223372036854775808" },
                { "k = -9223372036854775809\n", "1:5 number too large" },
        };
        RUN(cases);
}

static void test_lists(void **state)
{
        static const Case cases[] = {
                { "k = []\n", "k=[]" },
                { "k = [ ]\n", "k=[]" },
                { "k = [\n]\n", "k=[]" },
                { "k = [ \"a\", 'b', ]\n", "k=['a','b']" },
                { "k = [ 1, -2, \"c\", [ 3 ] ]\n", "k=[1,i-2,'c',[3]]" },
                { "k = [,]\n", "1:6 expecting a value" },
                { "k = [\"a\",,\"b\"]\n", "1:10 expecting a value" },
                { "k = [,\"a\"]\n", "1:6 expecting a value" },
                { "k = [\"a\" \"b\"]\n", "1:10 expecting a separator in list" },
                { "k = [ \"a\"", "1:10 list is not closed with ]" },
                { "k = [ \"a\"\n\n", "3:1 list is not closed with ]" },
                { "k = [", "1:6 list is not closed with ]" },
                { "k = [ \"a\",", "1:11 expecting a value" },
                { "k = [ \"a\"\nj = 1\n", "2:1 expecting a separator in list" },
        };
        RUN(cases);
}

static void test_deep_nesting_is_refused(void **state)
{
        _vh_buf_ VhBuf b = { 0 };
        _vh_free_ char *got = NULL;

        vh_buf_adds(&b, "k = ");
        for (int i = 0; i < 200000; i++)
                vh_buf_addc(&b, '[');
        got = outcome_of(b.data, b.len);
        assert_string_equal(got, "1:69 lists nested too deeply");
}

static void test_whole_files(void **state)
{
        static const Case cases[] = {
                { "", "" },
                { "# only\n# comments", "" },
                { "#", "" },
                { " ", "1:2 expecting a name" },
                { "\n\n", "3:1 expecting a name" },
                { "\n\n  a = 1\n\n\nb = 2\n\n\n", "a=1|b=2" },
                { "a = 1", "a=1" },
                { "a = 1\r\nb = 2\r\n", "a=1|b=2" },
                { "a = 1\rb = 2\r", "a=1|b=2" },
                { "a = 1\rb = x\r", "1:11 expecting a value" },
                { "a = 1\r\n\r\nb = x\r\n", "3:5 expecting a value" },
        };
        RUN(cases);
}

static void test_all_mistakes_are_reported(void **state)
{
        static const Case cases[] = {
                { "a = yes\nb = 1\nc = [ \"x\"\nd = 'y\ne 5\nf = 1\n",
                  "1:5 expecting a value|4:1 expecting a separator in list|4:5 unterminated string|"
                  "5:3 expecting an assignment" },
        };
        RUN(cases);
}

static void test_mistakes_are_bounded(void **state)
{
        _vh_findings_ VhFindings f = { 0 };
        _vh_buf_ VhBuf b = { 0 };
        VhConf *conf = NULL;
        unsigned n = 0;

        for (int i = 0; i < 1000; i++)
                vh_buf_adds(&b, "!\n");
        assert_int_equal(vh_conf_parse(&conf, "t", b.data, b.len, &f, NULL), -EINVAL);
        for (const VhFinding *x = f.first; x; x = x->next)
                n++;
        assert_int_equal(n, VH_FINDINGS_MAX);
        assert_int_equal(f.errors, 1000);
}

static void test_size_limit(void **state)
{
        _vh_free_ char *big = vh_xcalloc(VH_CONF_SIZE_MAX + 1, 1);
        _vh_conf_ VhConf *conf = NULL;

        memset(big, '#', VH_CONF_SIZE_MAX + 1);
        assert_int_equal(vh_conf_parse(&conf, "t", big, VH_CONF_SIZE_MAX + 1, NULL, NULL), -EFBIG);
        assert_null(conf);
        assert_int_equal(vh_conf_parse(&conf, "t", big, VH_CONF_SIZE_MAX, NULL, NULL), 0);
}

static VhConf *parse(const char *text)
{
        VhConf *conf = NULL;

        assert_int_equal(vh_conf_parse(&conf, "t", text, strlen(text), NULL, NULL), 0);
        return conf;
}

static void test_first_of_equal_keys_counts(void **state)
{
        _vh_conf_ VhConf *conf = parse("k = 1\nk = 2\n");
        unsigned u = 0;

        assert_int_equal(vh_conf_get_uint(conf, "k", &u, NULL), 1);
        assert_int_equal(u, 1);
}

static void test_bool(void **state)
{
        _vh_conf_ VhConf *conf = parse("a=0\nb=1\nc=2\nd=-0\ne='1'\n");
        _vh_error_ VhError *err = NULL;
        bool v = true;

        assert_int_equal(vh_conf_get_bool(conf, "a", &v, NULL), 1);
        assert_false(v);
        assert_int_equal(vh_conf_get_bool(conf, "b", &v, NULL), 1);
        assert_true(v);
        assert_int_equal(vh_conf_get_bool(conf, "c", &v, &err), -ERANGE);
        assert_string_equal(err->detail, "t:3:3: value for 'c' parameter must be 0 or 1");
        assert_int_equal(vh_conf_get_bool(conf, "d", &v, NULL), -EINVAL);
        assert_int_equal(vh_conf_get_bool(conf, "e", &v, &err), -EINVAL);
        assert_string_equal(err->detail, "t:5:3: expected a bool (0 or 1) for 'e' parameter");
        assert_int_equal(vh_conf_get_bool(conf, "absent", &v, NULL), 0);
        assert_true(v);
}

static void test_integers(void **state)
{
        _vh_conf_ VhConf *conf = parse("a=-2147483648\nb=-2147483649\nc=2147483647\nd=2147483648\n"
                                       "e=4294967295\nf=4294967296\ng=18446744073709551615\nh='1'\n");
        uint64_t w = 7;
        unsigned u = 7;
        int i = 7;

        assert_int_equal(vh_conf_get_int(conf, "a", &i, NULL), 1);
        assert_int_equal(i, INT_MIN);
        assert_int_equal(vh_conf_get_int(conf, "b", &i, NULL), -ERANGE);
        assert_int_equal(vh_conf_get_int(conf, "c", &i, NULL), 1);
        assert_int_equal(i, INT_MAX);
        assert_int_equal(vh_conf_get_int(conf, "d", &i, NULL), -ERANGE);
        assert_int_equal(vh_conf_get_int(conf, "h", &i, NULL), -EINVAL);
        assert_int_equal(vh_conf_get_uint(conf, "a", &u, NULL), -EINVAL);
        assert_int_equal(vh_conf_get_uint(conf, "e", &u, NULL), 1);
        assert_true(u == 4294967295U);
        assert_int_equal(vh_conf_get_uint(conf, "f", &u, NULL), -ERANGE);
        assert_int_equal(vh_conf_get_u64(conf, "g", &w, NULL), 1);
        assert_true(w == UINT64_MAX);
        assert_int_equal(vh_conf_get_u64(conf, "a", &w, NULL), -EINVAL);
}

static void test_strings_and_lists(void **state)
{
        _vh_conf_ VhConf *conf = parse("s='x'\nn=1\nl=['a','b']\nm=['a',1]\ne=[]\n");
        _vh_error_ VhError *err = NULL;
        const char *const *list;
        const char *s = NULL;
        size_t n = 9;

        assert_int_equal(vh_conf_get_string(conf, "s", &s, NULL), 1);
        assert_string_equal(s, "x");
        assert_int_equal(vh_conf_get_string(conf, "n", &s, NULL), -EINVAL);
        assert_int_equal(vh_conf_get_string(conf, "l", &s, NULL), -EINVAL);
        assert_int_equal(vh_conf_get_strings(conf, "l", &list, &n, NULL), 1);
        assert_int_equal(n, 2);
        assert_string_equal(list[1], "b");
        assert_null(list[2]);
        assert_int_equal(vh_conf_get_strings(conf, "e", &list, &n, NULL), 1);
        assert_int_equal(n, 0);
        assert_int_equal(vh_conf_get_strings(conf, "s", &list, &n, NULL), -EINVAL);
        assert_int_equal(vh_conf_get_strings(conf, "m", &list, &n, &err), -EINVAL);
        assert_string_equal(err->detail, "t:4:8: expected a string in the list for 'm' parameter");
        assert_int_equal(vh_conf_get_string_or_list(conf, "s", &list, &n, NULL), 1);
        assert_int_equal(n, 1);
        assert_string_equal(list[0], "x");
        assert_int_equal(vh_conf_get_string_or_list(conf, "l", &list, &n, NULL), 1);
        assert_int_equal(vh_conf_get_string_or_list(conf, "n", &list, &n, NULL), -EINVAL);
}

static void test_mode(void **state)
{
        _vh_conf_ VhConf *conf = parse("a='0770'\nb='79'\nc=''\nd=770\n");
        unsigned mode = 0;

        assert_int_equal(vh_conf_get_mode(conf, "a", &mode, NULL), 1);
        assert_int_equal(mode, 0770);
        assert_int_equal(vh_conf_get_mode(conf, "b", &mode, NULL), -ERANGE);
        assert_int_equal(vh_conf_get_mode(conf, "c", &mode, NULL), -ERANGE);
        assert_int_equal(vh_conf_get_mode(conf, "d", &mode, NULL), -EINVAL);
}

static const char *const pets[] = { "cat", "dog", NULL };
static const char *const with_lo[] = { "lo", NULL };
static const VhOptionDesc options[] = {
        { .name = "max_clients", .type = VH_OPTION_UINT, .max = UINT_MAX, .value = "5000" },
        { .name = "lo", .type = VH_OPTION_UINT, .min = 1, .max = 10, .value = "2", .at_most = "hi" },
        { .name = "hi", .type = VH_OPTION_UINT, .max = 10, .value = "5" },
        { .name = "pet", .type = VH_OPTION_ENUM, .choices = pets, .value = "\"cat\"", .value_session = "\"dog\"" },
        { .name = "zoo", .type = VH_OPTION_STRING_LIST, .choices = pets },
        { .name = "core", .type = VH_OPTION_U64_OR_STRING, .max = UINT64_MAX, .choices = pets, .value = "0" },
        { .name = "port", .type = VH_OPTION_STRING, .format = VH_FORMAT_PORT },
        { .name = "dir", .type = VH_OPTION_STRING, .format = VH_FORMAT_PATH, .lax = true },
        { .name = "old", .type = VH_OPTION_BOOL, .max = 1, .obsolete = true },
        { .name = "pair", .type = VH_OPTION_BOOL, .max = 1, .together = with_lo },
        { .name = "delta", .type = VH_OPTION_INT, .min = -1, .max = INT_MAX },
};
static const VhOptionDesc *const option_rows[] = { &options[0], &options[1], &options[2], &options[3],
                                                   &options[4], &options[5], &options[6], &options[7],
                                                   &options[8], &options[9], &options[10] };
static const VhConfDesc desc = { .file = "t.conf", .options = option_rows, .n_options = VH_ARRAY_SIZE(option_rows) };

static void assert_check(const char *text, const char *wanted)
{
        _vh_findings_ VhFindings f = { 0 };
        _vh_conf_ VhConf *conf = parse(text);
        _vh_buf_ VhBuf b = { 0 };
        unsigned errors;

        errors = vh_conf_check(conf, &desc, &f);
        assert_int_equal(errors, f.errors);
        vh_buf_adds(&b, "");
        for (const VhFinding *n = f.first; n; n = n->next)
                vh_buf_printf(&b, "%s%u:%u %s %s: %s%s%s", n == f.first ? "" : "|", n->line, n->column,
                              n->severity == VH_SEVERITY_ERROR ? "E" : "W", n->code, n->message, n->hint ? " -> " : "",
                              n->hint ? n->hint : "");
        if (strcmp(b.data ? b.data : "", wanted) != 0)
                fail_msg("input <%s>\n  wanted <%s>\n  got    <%s>", text, wanted, b.data);
}

static void test_check(void **state)
{
        assert_check("max_clients = 1\npet = 'dog'\nzoo = [ 'cat' ]\ncore = 7\nport='ssh'\ndelta=-1\n", "");
        assert_check("max_client = 1\n",
                     "1:1 W conf-unknown-key: unknown key 'max_client' is ignored -> did you mean 'max_clients'?");
        assert_check("quite_different = 1\n", "1:1 W conf-unknown-key: unknown key 'quite_different' is ignored");
        assert_check("hi = 6\nhi = 7\n", "2:1 W conf-duplicate: 'hi' is set again; the first one, in line 1, counts");
        assert_check("max_clients = '5'\n",
                     "1:15 E conf-type: 'max_clients' must be a whole number from 0 to 4294967295");
        assert_check("max_clients = -5\n",
                     "1:15 E conf-type: 'max_clients' must be a whole number from 0 to 4294967295");
        assert_check("max_clients = 4294967296\n",
                     "1:15 E conf-range: 'max_clients' must be a whole number from 0 to 4294967295");
        assert_check("hi = 11\n", "1:6 E conf-range: 'hi' must be a whole number from 0 to 10");
        assert_check("delta = -2\n", "1:9 E conf-range: 'delta' must be a whole number from -1 to 2147483647");
        assert_check("pet = 'cow'\n", "1:7 E conf-choice: 'pet' must be one of \"cat\" or \"dog\"");
        assert_check("zoo = [ 'cat', 'cow' ]\n",
                     "1:16 E conf-choice: 'zoo' must be a list, each element one of \"cat\" or \"dog\"");
        assert_check("zoo = 'cat'\n", "1:7 E conf-type: 'zoo' must be a list, each element one of \"cat\" or \"dog\"");
        assert_check("core = 'cow'\n", "1:8 E conf-choice: 'core' must be a whole number or \"cat\" or \"dog\"");
        assert_check("port = 16509\n", "1:8 E conf-type: 'port' must be a port number from 0 to 65535 or a service "
                                       "name -> put the number in quotes");
        assert_check("port = '65536'\n",
                     "1:8 E conf-format: 'port' must be a port number from 0 to 65535 or a service name");
        assert_check("dir = 'x'\n", "1:7 W conf-format: 'dir' must be an absolute path");
        assert_check("dir = ''\n", "");
        assert_check("old = 1\n", "1:1 W conf-obsolete: 'old' is obsolete and has no effect");
        assert_check("lo = 6\n", "1:6 E conf-bound: 'lo' (6) must not be above 'hi' (5)");
        assert_check("hi = 1\n", "1:6 E conf-bound: 'lo' (2) must not be above 'hi' (1)");
        assert_check("pair = 1\n", "1:1 E conf-together: 'pair' needs 'lo' to be set as well");
}

static void test_defaults(void **state)
{
        _vh_conf_ VhConf *conf = parse("hi = 6\n");
        const char *pet = NULL;
        unsigned u = 0;

        vh_conf_use_defaults(conf, &desc, false);
        assert_int_equal(vh_conf_get_uint(conf, "max_clients", &u, NULL), 1);
        assert_int_equal(u, 5000);
        assert_int_equal(vh_conf_get_uint(conf, "hi", &u, NULL), 1);
        assert_int_equal(u, 6);
        assert_int_equal(vh_conf_get_string(conf, "pet", &pet, NULL), 1);
        assert_string_equal(pet, "cat");
        assert_int_equal(vh_conf_get_string(conf, "port", &pet, NULL), 0);
        assert_null(vh_conf_find(conf, "pet"));
        vh_conf_use_defaults(conf, &desc, true);
        assert_int_equal(vh_conf_get_string(conf, "pet", &pet, NULL), 1);
        assert_string_equal(pet, "dog");
}

static void test_open_missing(void **state)
{
        _vh_conf_ VhConf *conf = NULL;
        _vh_error_ VhError *err = NULL;
        unsigned u;

        assert_int_equal(vh_conf_open(&conf, &desc, "/nonexistent/t.conf", VH_CONF_MUST_EXIST, NULL, &err), -ENOENT);
        assert_non_null(strstr(err->message, "/nonexistent/t.conf"));
        vh_error_clear(&err);
        assert_int_equal(vh_conf_open(&conf, &desc, "/nonexistent/t.conf", 0, NULL, &err), 0);
        assert_null(err);
        assert_int_equal(vh_conf_get_uint(conf, "hi", &u, NULL), 1);
}

static void test_open_unreadable(void **state)
{
        _vh_conf_ VhConf *conf = NULL;
        _vh_error_ VhError *err = NULL;

        assert_int_equal(vh_conf_open(&conf, &desc, "/tmp", 0, NULL, &err), -EISDIR);
        assert_non_null(err);
        assert_int_equal(vh_conf_open(&conf, &desc, "/tmp", VH_CONF_LENIENT, NULL, &err), 0);
}

static void test_open_bad_value(void **state)
{
        char path[] = "/tmp/vh-test-conf.XXXXXX";
        _vh_conf_ VhConf *conf = NULL;
        _vh_error_ VhError *err = NULL;
        _vh_free_ char *wanted = NULL;
        static const char text[] = "hi = 'x'\nmax_clients = 'y'\nunknown_thing = 1\n";

        close(mkstemp(path));
        assert_int_equal(vh_file_write(path, text, sizeof(text) - 1, 0600, (uid_t)-1, (gid_t)-1, 0), 0);
        assert_int_equal(vh_conf_open(&conf, &desc, path, 0, NULL, &err), -EINVAL);
        wanted = vh_xasprintf("%s:1:6: 'hi' must be a whole number from 0 to 10 (and 1 more)", path);
        assert_string_equal(err->detail, wanted);
        unlink(path);
}

static void test_writer(void **state)
{
        static const char *const list[] = { "a", "b c" };
        static const char *const bad[] = { "a", "b\"c" };
        _vh_buf_ VhBuf b = { 0 };
        _vh_free_ char *back = NULL;

        assert_int_equal(vh_conf_write_string(&b, "s", "it's # \\"), 0);
        assert_int_equal(vh_conf_write_strings(&b, "l", list, 2), 0);
        assert_int_equal(vh_conf_write_strings(&b, "e", list, 0), 0);
        vh_conf_write_uint(&b, "u", UINT64_MAX);
        vh_conf_write_int(&b, "i", -1);
        assert_int_equal(vh_conf_write_string(&b, "x", "a\"b"), -EINVAL);
        assert_int_equal(vh_conf_write_string(&b, "x", "a\nb"), -EINVAL);
        assert_int_equal(vh_conf_write_string(&b, "x", "a\rb"), -EINVAL);
        assert_int_equal(vh_conf_write_strings(&b, "x", bad, 2), -EINVAL);
        assert_string_equal(b.data, "s = \"it's # \\\"\nl = [ \"a\", \"b c\" ]\ne = [ ]\n"
                                    "u = 18446744073709551615\ni = -1\n");
        back = outcome_of(b.data, b.len);
        assert_string_equal(back, "s='it's # \\'|l=['a','b c']|e=[]|u=18446744073709551615|i=i-1");
}

static const char *word(const void *userdata, size_t i)
{
        const char *const *words = userdata;

        return words[i];
}

static void test_did_you_mean(void **state)
{
        static const char *const words[] = { "max_clients", "max_workers", "listen_addr", NULL };

        assert_string_equal(vh_did_you_mean("max_clinets", word, words), "max_clients");
        assert_string_equal(vh_did_you_mean("max-workers", word, words), "max_workers");
        assert_string_equal(vh_did_you_mean("listen_address", word, words), "listen_addr");
        assert_null(vh_did_you_mean("spice", word, words));
        assert_null(vh_did_you_mean("", word, words));
}

static void test_findings_sort(void **state)
{
        _vh_findings_ VhFindings f = { 0 };

        vh_findings_add(&f, VH_SEVERITY_ERROR, "c", "f", 2, 1, "third");
        vh_findings_add(&f, VH_SEVERITY_ERROR, "c", "f", 1, 5, "first");
        vh_findings_add(&f, VH_SEVERITY_ERROR, "c", "f", 1, 5, "second");
        vh_findings_sort(&f);
        assert_string_equal(f.first->message, "first");
        assert_string_equal(f.first->next->message, "second");
        assert_string_equal(f.last->message, "third");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_value_begins_on_line_of_equals),
                cmocka_unit_test(test_no_comment_in_list),
                cmocka_unit_test(test_no_barewords_sections_or_continuation),
                cmocka_unit_test(test_semicolon_separates),
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_odd_blanks_and_bom),
                cmocka_unit_test(test_strings),
                cmocka_unit_test(test_triple_quotes),
                cmocka_unit_test(test_nul_bytes),
                cmocka_unit_test(test_numbers),
                cmocka_unit_test(test_lists),
                cmocka_unit_test(test_deep_nesting_is_refused),
                cmocka_unit_test(test_whole_files),
                cmocka_unit_test(test_all_mistakes_are_reported),
                cmocka_unit_test(test_mistakes_are_bounded),
                cmocka_unit_test(test_size_limit),
                cmocka_unit_test(test_first_of_equal_keys_counts),
                cmocka_unit_test(test_bool),
                cmocka_unit_test(test_integers),
                cmocka_unit_test(test_strings_and_lists),
                cmocka_unit_test(test_mode),
                cmocka_unit_test(test_check),
                cmocka_unit_test(test_defaults),
                cmocka_unit_test(test_open_missing),
                cmocka_unit_test(test_open_unreadable),
                cmocka_unit_test(test_open_bad_value),
                cmocka_unit_test(test_writer),
                cmocka_unit_test(test_did_you_mean),
                cmocka_unit_test(test_findings_sort),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
