/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Guests as their definitions come out: tests/xml/domain/NAME.xml in, NAME.out.xml out. What comes out is what Debian's
 * libvirtd gives for the same input (tests/xml/compare-reference), and read back it is the same object. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glob.h>
#include <stdio.h>

#include "guest-defaults.h"

enum { EMULATOR_VERSION = 7002000, TEXT_MAX = 1024 * 1024 };

static int post_parse(VhDomainDef *def, void *opaque, VhError **err)
{
        return qemu_domain_fill_defaults(def, &(QemuProgramFacts){ .version = EMULATOR_VERSION }, err);
}

static int assign(VhDomainDef *def, void *opaque, VhError **err)
{
        return qemu_domain_assign_addresses(def, err);
}

static const VhDomainParseEnv env = { .arch = "x86_64", .post_parse = post_parse, .assign_addresses = assign };

static char *read_text(const char *path)
{
        FILE *f = fopen(path, "re");
        char *text = vh_xcalloc(TEXT_MAX, 1);
        size_t n;

        assert_non_null(f);
        n = fread(text, 1, TEXT_MAX - 1, f);
        assert_true(n > 0);
        fclose(f);
        return text;
}

static VhDomainDef *parse(const char *text)
{
        _vh_error_ VhError *err = NULL;
        VhDomainDef *def = NULL;
        int r = vh_domain_def_parse(&def, text, VH_XML_STRICT | VH_XML_INACTIVE, &env, &err);

        if (r < 0)
                print_error("%s\n", vh_error_text(err, r));
        assert_int_equal(r, 0);
        return def;
}

static void check_file(const char *path)
{
        _vh_free_ char *in = read_text(path);
        _vh_free_ char *out_path = vh_xasprintf("%.*s.out.xml", (int)(strlen(path) - strlen(".xml")), path);
        _vh_free_ char *expected = read_text(out_path);
        _vh_domain_def_ VhDomainDef *def = parse(in), *again = parse(expected), *copy = NULL;
        _vh_free_ char *out = vh_domain_def_format(def, VH_XML_SECURE | VH_XML_INACTIVE);
        _vh_buf_ VhBuf where = {};

        print_message("# %s\n", path);
        assert_string_equal(out, expected);
        /* What was added stands where it is read the next time. */
        vh_domain_sort(def);
        copy = vh_domain_def_copy(def);
        if (!vh_domain_def_equal(def, again, &where) || !vh_domain_def_equal(def, copy, &where))
                fail_msg("%s differs at %s", path, where.data);
}

static void definitions_come_out_as_expected(void **state)
{
        const char *dir = getenv("VIRTHOST_XML_CORPUS");
        _vh_free_ char *pattern = vh_xasprintf("%s/*.xml", dir ? dir : ".");
        glob_t found;
        unsigned n = 0;

        assert_int_equal(glob(pattern, 0, NULL, &found), 0);
        for (size_t i = 0; i < found.gl_pathc; i++)
                if (!vh_endswith(found.gl_pathv[i], ".out.xml")) {
                        check_file(found.gl_pathv[i]);
                        n++;
                }
        globfree(&found);
        assert_true(n > 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(definitions_come_out_as_expected),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
