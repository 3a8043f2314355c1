/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Edits keep what they are not about. Each row is a file before, an edit in the grammar of the file, and the file
 * after. */

#include "edit.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

typedef struct Row {
        const char *before;
        const char *edit; /* "key = value", "key" alone removes */
        const char *after;
} Row;

static const Row rows[] = {
        /* in place, with the spacing that is there */
        { "a = 1\nb=2\n\n# end\n", "b = 3", "a = 1\nb=3\n\n# end\n" },
        { "  a\t=  \"x\"  # why\nb = 2\n", "a = \"y\"", "  a\t=  \"y\"  # why\nb = 2\n" },
        { "a = 1\n", "a = -1", "a = -1\n" },
        { "a = 1 # why\n", "a = [ \"x\", \"y\" ]", "a = [ \"x\", \"y\" ] # why\n" },
        { "a = [\n  \"x\",\n  \"y\",\n]\nb = 1\n", "a = [ \"x\", \"z\" ]", "a = [\n  \"x\",\n  \"z\",\n]\nb = 1\n" },
        { "a = [ \"x\" ]\n", "a = [ ]", "a = [ ]\n" },
        { "a = [ ]\n", "a = [ \"x\" ]", "a = [ \"x\" ]\n" },
        { "a = [ \"x\" ]\n", "a = 5", "a = 5\n" },
        /* equal values stay as they are written */
        { "a = [\"x\",\n\t'y' ,]", "a = [ \"x\", \"y\" ]", "a = [\"x\",\n\t'y' ,]" },
        { "a = '1'", "a = \"1\"", "a = '1'" },
        { "a = 007", "a = 7", "a = 007" },
        /* only the first of equal keys counts */
        { "a = 1\na = 2\n", "a = 3", "a = 3\na = 2\n" },
        /* new keys */
        { "", "a = 1", "a = 1\n" },
        { "b = 1\n", "a = 1", "b = 1\na = 1\n" },
        { "b = 1", "a = 1", "b = 1\na = 1\n" },
        { "# about a\n#a = 5\n\n# about b\nb = 1\n", "a = 1", "# about a\n#a = 5\na = 1\n\n# about b\nb = 1\n" },
        { "#a = 5\n#ab = 6\nb = 1\n", "a = 1", "#a = 5\na = 1\n#ab = 6\nb = 1\n" },
        { "#a = [\n#  \"x\",\n#  \"y\"\n#]\n# about b\nb = 1\n", "a = [ \"z\" ]",
          "#a = [\n#  \"x\",\n#  \"y\"\n#]\na = [ \"z\" ]\n# about b\nb = 1\n" },
        { "# a = first\n# text\n#a=\"second\"\nb = 1\n", "a = \"z\"",
          "# a = first\n# text\n#a=\"second\"\na = \"z\"\nb = 1\n" },
        /* removal */
        { "# about a\na = 1\nb = 2\n", "a", "# about a\nb = 2\n" },
        { "a = 1\nb = 2\na = 3\n", "a", "b = 2\n" },
        { "b = 2", "a", "b = 2" },
        { "a = [\n\"x\"\n]\n", "a", "" },
        /* what the grammar allows and nobody expects */
        { "a = 1; b = 2;c=3\n", "b = 4", "a = 1; b = 4;c=3\n" },
        { "a = 1;\nb = 2\n", "a", "\nb = 2\n" },
        { "a = \"\"\"x\ny\"\"\"\nb = 1\n", "b = 2", "a = \"\"\"x\ny\"\"\"\nb = 2\n" },
        { "a = 1\r\n# c\r\nb = 2\r\n", "a = 7", "a = 7\r\n# c\r\nb = 2\r\n" },
        { "a = 'say \"x\"'\n", "a = 'say \"y\"'", "a = 'say \"y\"'\n" },
        { "unknown_key = \"?\"\na = 1\n", "a = 2", "unknown_key = \"?\"\na = 2\n" },
        { "a = \"\xc3\xa4\xff\"\nb = 1\n", "b = 2", "a = \"\xc3\xa4\xff\"\nb = 2\n" },
        { "#\n#   \n \t\n#a = 1\n", "a = 2", "#\n#   \n \t\n#a = 1\na = 2\n" },
};

/* An edit out of a line; the value belongs to *conf. */
static VhConfEdit read_edit(const char *line, VhConf **conf)
{
        if (!strchr(line, '='))
                return (VhConfEdit){ line, NULL };
        assert_int_equal(vh_conf_parse(conf, "edit", line, strlen(line), NULL, NULL), 0);
        return (VhConfEdit){ vh_conf_first(*conf)->name, &vh_conf_first(*conf)->value };
}

static void test_rows(void **state)
{
        for (size_t i = 0; i < VH_ARRAY_SIZE(rows); i++) {
                _vh_error_ VhError *err = NULL;
                _vh_conf_ VhConf *conf = NULL;
                _vh_buf_ VhBuf out = { 0 };
                VhConfEdit edit = read_edit(rows[i].edit, &conf);
                const char *before = rows[i].before;
                int r = vh_conf_edit(*state, "test.conf", before, strlen(before), &edit, 1, &out, &err);

                if (r < 0)
                        print_error("row %zu: %s\n", i, vh_error_text(err, r));
                assert_string_equal(out.data ? out.data : "", rows[i].after);
                assert_int_equal(r, !vh_streq(before, rows[i].after));
        }
}

static void test_several(void **state)
{
        static const char before[] = "# top\n#b = 1\nc = 3\n";
        VhConfValue one = { .kind = VH_CONF_UINT, .u = 1 };
        VhConfValue text = { .kind = VH_CONF_STRING, .str = "x" };
        const VhConfEdit edits[] = { { "a", &one }, { "b", &text }, { "c", NULL }, { "d", NULL } };
        _vh_buf_ VhBuf out = { 0 };

        assert_int_equal(vh_conf_edit(*state, "f", before, strlen(before), edits, 4, &out, NULL), 1);
        assert_string_equal(out.data, "# top\n#b = 1\nb = \"x\"\na = 1\n");
}

static void refused(void **state, const char *before, size_t len, const VhConfValue *value, const char *words)
{
        _vh_error_ VhError *err = NULL;
        _vh_buf_ VhBuf out = { 0 };
        VhConfEdit edit = { "a", value };

        assert_true(vh_conf_edit(*state, "test.conf", before, len, &edit, 1, &out, &err) < 0);
        assert_int_equal(out.len, 0);
        assert_non_null(strstr(err->message, words));
}

static void test_refused(void **state)
{
        VhConfValue one = { .kind = VH_CONF_UINT, .u = 1 };
        VhConfValue bad = { .kind = VH_CONF_STRING, .str = "'\"\"\"" };
        VhConfValue broken = { .kind = VH_CONF_STRING, .str = "\"\n\"" };
        VhConfValue deep = { .kind = VH_CONF_LIST, .list = { .items = &one, .n = 1 } };
        VhConfValue deeper = { .kind = VH_CONF_LIST, .list = { .items = &deep, .n = 1 } };
        static const char nul[] = "b = \"x\0y\"\n";

        refused(state, "b = 1\nc = ?\n", 12, &one, "test.conf:2:5");
        refused(state, "b = 1\nc = [ [ 1 ] ]\n", 20, &one, "test.conf:2");
        refused(state, "b = 1\rc = 2\n", 12, &one, "test.conf:1");
        refused(state, nul, sizeof(nul) - 1, &one, "bytes 0, 3");
        refused(state, "b = 1 # \4\n", 10, &one, "bytes 0, 3");
        refused(state, "a = 2\n", 6, &bad, "cannot hold");
        refused(state, "a = 2\n", 6, &broken, "cannot hold");
        refused(state, "a = 2\n", 6, &deeper, "list in a list");
}

static int setup(void **state)
{
        return vh_conf_editor_open((VhConfEditor **)state, NULL);
}

static int teardown(void **state)
{
        vh_conf_editor_close(*state);
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_rows, setup, teardown),
                cmocka_unit_test_setup_teardown(test_several, setup, teardown),
                cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
