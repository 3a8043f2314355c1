/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Every lens against texts: what it takes comes back byte for byte, and it takes nothing that the daemons' reader would
 * refuse. Texts are our samples, the distribution's files where they are installed, both with their keys uncommented,
 * and odd ones.
 *
 * usage: test-lenses SAMPLE-DIR */

#include "base/buf.h"
#include "base/file.h"
#include "conf/conf.h"

#include <augeas.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const char *sample_dir;

static augeas *start(void)
{
        augeas *aug = aug_init(NULL, NULL, AUG_NO_STDINC | AUG_NO_LOAD | AUG_NO_MODL_AUTOLOAD);

        assert_non_null(aug);
        return aug;
}

/* "Virthost_qemu_lockd.lns" of "qemu-lockd.conf" */
static char *lens_of(const VhConfDesc *desc)
{
        char *lens = vh_xasprintf("Virthost_%.*s.lns", (int)strlen(desc->file) - 5, desc->file);

        for (char *c = lens; *c; c++)
                if (*c == '-')
                        *c = '_';
        return lens;
}

/* Through the tree and back; NULL if the lens does not take the text. */
static char *there_and_back(augeas *aug, const char *lens, const char *text)
{
        const char *back = NULL;
        char *copy = NULL;

        assert_int_equal(aug_set(aug, "/in", text), 0);
        if (aug_text_store(aug, lens, "/in", "/tree") == 0) {
                assert_int_equal(aug_text_retrieve(aug, lens, "/in", "/tree", "/out"), 0);
                assert_int_equal(aug_get(aug, "/out", &back), 1);
                copy = vh_xstrdup(back);
        }
        aug_rm(aug, "/in");
        aug_rm(aug, "/tree");
        aug_rm(aug, "/out");
        return copy;
}

static void assert_same(augeas *aug, const char *lens, const char *name, const char *text)
{
        _vh_free_ char *back = there_and_back(aug, lens, text);

        if (!back)
                print_error("%s does not take %s:\n%s\n", lens, name, text);
        assert_non_null(back);
        assert_string_equal(back, text);
}

/* The number of an option's key in "#key = value", or 0. */
static size_t sample_key(const VhConfDesc *desc, const char *line)
{
        size_t len = *line == '#' ? strspn(line + 1, "abcdefghijklmnopqrstuvwxyz_0123456789") : 0;
        _vh_free_ char *key = vh_xstrndup(line + 1, len);

        return len && line[1 + len + strspn(line + 1 + len, " ")] == '=' && vh_conf_desc_option(desc, key) ? len : 0;
}

/* Takes the # from all lines that show a key; lists that run over several lines are followed to their end. */
static char *uncomment(const VhConfDesc *desc, const char *text)
{
        _vh_buf_ VhBuf b = { 0 };
        bool in_list = false;

        for (const char *line = text, *end; *line; line = end) {
                size_t len = strcspn(line, "\n");
                bool shown = in_list ? *line == '#' : sample_key(desc, line);

                end = line + len + (line[len] == '\n');
                if (shown)
                        in_list = (in_list || memchr(line, '[', len)) && !memchr(line, ']', len);
                vh_buf_add(&b, line + shown, (size_t)(end - line) - shown);
        }
        return vh_buf_take(&b);
}

static unsigned round_trips(augeas *aug, const VhConfDesc *desc, const char *dir)
{
        _vh_free_ char *path = vh_path_join(dir, desc->file), *lens = lens_of(desc), *text = NULL, *bare = NULL;
        _vh_findings_ VhFindings findings = { 0 };
        _vh_conf_ VhConf *conf = NULL;
        size_t len;

        if (vh_file_read(path, VH_CONF_SIZE_MAX, &text, &len) < 0)
                return 0;
        assert_same(aug, lens, path, text);
        bare = uncomment(desc, text);
        /* Samples of others show the same key twice or show what is no value: only what reads well is compared. */
        if (vh_conf_parse(&conf, path, bare, strlen(bare), NULL, NULL) == 0 &&
            vh_conf_check(conf, desc, &findings) == 0) {
                assert_string_not_equal(bare, text);
                assert_same(aug, lens, path, bare);
        }
        return 1;
}

static void test_samples(void **state)
{
        augeas *aug = start();

        for (const VhConfDesc *const *d = vh_conf_descs; *d; d++)
                assert_int_equal(round_trips(aug, *d, sample_dir), 1);
        aug_close(aug);
}

static void test_installed(void **state)
{
        augeas *aug = start();
        unsigned n = 0;

        for (const VhConfDesc *const *d = vh_conf_descs; *d; d++)
                n += round_trips(aug, *d, "/etc/libvirt");
        print_message("# %u files in /etc/libvirt\n", n);
        aug_close(aug);
        if (n == 0)
                skip();
}

/* Keys of qemu.conf, which has every type. */
static const char *const odd_texts[] = {
        "",
        "\n",
        "   # indented remark\n",
        "#\n#\n# \n\t#x\n##########\n",
        "user=\"root\"\n",
        "user\t =\t\"root\"  \t\n",
        "  user = \"root\"\n",
        "user = \"root\" # remark\n",
        "user = \"root\" #\n",
        "user = \"root\"# remark # more\n",
        "user = 'it is \"root\"'\n",
        "user = ''\nuser = \"\"\nuser = \"\"\"\"\"\"\n",
        "user = \"\"\"a \"quoted\" text\nover two lines\"\"\"\n",
        "user = \"a # b\"\ngroup = \"a ; b\"\n",
        "user = \"root\"; group = \"kvm\";max_files = 7\n",
        "user = \"root\";\ngroup = \"kvm\" ;\n\n",
        "user = \"root\"; # remark\n",
        "max_files = 007\nkeepalive_interval = -1\nkeepalive_interval = +1\nmax_files = +5\n",
        "vnc_tls = 00\nvnc_tls = 1\n",
        "max_core = \"unlimited\"\nmax_core = 5\nmax_core = 'unlimited'\n",
        "namespaces = []\nnamespaces = [ ]\nnamespaces = [\n]\n",
        "namespaces = [ \"mount\" ]\nnamespaces = [\"a\",\"b\"]\nnamespaces = [\n  'a',\n\n\t\"\"\"b\"\"\" ,\n]\n",
        "namespaces = [ \"a\", ] # remark\n",
        "security_driver = \"selinux\"\nsecurity_driver = [ \"apparmor\", 'dac' ]\nsecurity_driver = \"none\"\n",
        "hugetlbfs_mount = \"\"\nhugetlbfs_mount = ''\nhugetlbfs_mount = [ \"\" ]\nhugetlbfs_mount = [ ]\n",
        "user = \"root\"\r\n# remark\r\n\r\nnamespaces = [\r\n \"a\"\r\n]\r\n",
        "user = \"\xc3\xa4\xff\" # \xfe\n",
        "of_others = 1\nof_others2 = 'x'\nX = [ 1, \"a\", 'b' ]\nuserx = \"\"\nuse = -5\n",
        "#user = \"root\"\n# user = \"root\"\n   #group = 1\n",
        "user = \"root\"\nuser = \"again\"\n",
};

static void test_odd(void **state)
{
        augeas *aug = start();

        for (size_t i = 0; i < VH_ARRAY_SIZE(odd_texts); i++) {
                const char *text = odd_texts[i];

                assert_same(aug, "Virthost_qemu.lns", "odd text", text);
                assert_same(aug, "Virthost.lns", "odd text", text);
        }
        aug_close(aug);
}

static const char *const wrong_texts[] = {
        "user\n",
        "user =\n",
        "user = root\n",
        "user = \"a\nb\"\n",
        "user = \"a\" \"b\"\n",
        "user = 1\n",
        "vnc_tls = 2\n",
        "vnc_tls = \"1\"\n",
        "max_files = -1\n",
        "max_core = \"5\"\n",
        ";user = \"a\"\n",
        "max_files = 5k\n",
        "namespaces = \"a\"\n",
        "namespaces = [ , ]\n",
        "namespaces = [ \"a\" \"b\" ]\n",
        "namespaces = [ # a\n \"b\" ]\n",
        "1user = 1\n",
        "us-er = 1\n",
        "user = \"a\";;\n",
        "namespaces = [ 1 ]\n",
        "user =\n\"a\"\n",
        "user = \"\"\"a\"\"\"\"\n",
};

static void test_wrong(void **state)
{
        augeas *aug = start();

        for (size_t i = 0; i < VH_ARRAY_SIZE(wrong_texts); i++) {
                _vh_free_ char *back = there_and_back(aug, "Virthost_qemu.lns", wrong_texts[i]);

                if (back)
                        print_error("taken: %s\n", wrong_texts[i]);
                assert_null(back);
        }
        aug_close(aug);
}

/* Bytes that matter to the grammar, put at a random place of a text: the same sequence in every run. */
static void mutate(char *text, unsigned *seed)
{
        static const char bytes[] = "#\"';=[], \t\r\n1a-+";

        *seed = *seed * 1103515245 + 12345;
        text[(*seed >> 8) % strlen(text)] = bytes[(*seed >> 4) % (sizeof(bytes) - 1)];
}

/* Blanks alone are nothing to a lens and an error to the daemons' reader. */
static bool is_blank(const char *text)
{
        return text[strspn(text, " \t\r\n")] == '\0';
}

static void test_takes_no_more_than_daemons(void **state)
{
        static const char text[] = "# r\nmax_files = 5 # x\nuser = \"a\"; group = 'b'\nnamespaces = [ \"a\",\n 'b' ]\n"
                                   "vnc_tls = 1\nX = \"\"\"c\nd\"\"\"\n\n#e\n";
        augeas *aug = start();
        unsigned seed = 1, taken = 0;

        for (unsigned i = 0; i < 120; i++) {
                char changed[sizeof(text)];
                _vh_free_ char *back = NULL;
                _vh_conf_ VhConf *conf = NULL;

                memcpy(changed, text, sizeof(text));
                mutate(changed, &seed);
                back = there_and_back(aug, "Virthost_qemu.lns", changed);
                if (!back || is_blank(changed))
                        continue;
                taken++;
                assert_string_equal(back, changed);
                if (vh_conf_parse(&conf, "mutated", changed, strlen(changed), NULL, NULL) < 0)
                        print_error("taken: %s\n", changed);
                assert_non_null(conf);
        }
        assert_in_range(taken, 20, 110);
        aug_close(aug);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_samples),
                cmocka_unit_test(test_installed),
                cmocka_unit_test(test_odd),
                cmocka_unit_test(test_wrong),
                cmocka_unit_test(test_takes_no_more_than_daemons),
        };

        if (argc != 2)
                return EXIT_FAILURE;
        sample_dir = argv[1];
        return cmocka_run_group_tests(tests, NULL, NULL);
}
