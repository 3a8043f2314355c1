/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The tables and the sample files that are made from the descriptions, through the real reader. */

#include "base/file.h"
#include "conf/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static const char *sample_dir;

static char *read_sample(const VhConfDesc *d)
{
        _vh_free_ char *path = vh_path_join(sample_dir, d->file);
        char *text = NULL;
        size_t len;

        assert_int_equal(vh_file_read(path, VH_CONF_SIZE_MAX, &text, &len), 0);
        return text;
}

/* Takes the # away from lines that are assignments: comments have a blank behind it. */
static char *uncomment(const char *text)
{
        VhBuf b = { 0 };

        for (const char *c = text; *c; c++)
                if (*c != '#' || (c != text && c[-1] != '\n') || c[1] == ' ' || c[1] == '#' || c[1] == '\n')
                        vh_buf_addc(&b, *c);
        return vh_buf_take(&b);
}

static void assert_clean(const VhConfDesc *d, const char *text, bool all_keys)
{
        _vh_findings_ VhFindings f = { 0 };
        _vh_conf_ VhConf *conf = NULL;

        vh_conf_parse(&conf, d->file, text, strlen(text), &f, NULL);
        if (conf)
                vh_conf_check(conf, d, &f);
        if (f.first)
                fail_msg("%s:%u:%u: %s", d->file, f.first->line, f.first->column, f.first->message);
        for (size_t i = 0; i < d->n_options; i++)
                assert_int_equal(vh_conf_find(conf, d->options[i]->name) != NULL, all_keys && !d->options[i]->obsolete);
}

static void test_samples_say_nothing(void **state)
{
        for (const VhConfDesc *const *d = vh_conf_descs; *d; d++) {
                _vh_free_ char *text = read_sample(*d);

                assert_clean(*d, text, false);
        }
}

static void test_uncommented_samples_are_valid_and_complete(void **state)
{
        for (const VhConfDesc *const *d = vh_conf_descs; *d; d++) {
                _vh_free_ char *text = read_sample(*d);
                _vh_free_ char *all = uncomment(text);

                assert_clean(*d, all, true);
        }
}

static void assert_value_fits(const VhOptionDesc *o, const char *value)
{
        _vh_free_ char *text = vh_xasprintf("%s = %s\n", o->name, value);
        _vh_conf_ VhConf *conf = NULL;
        const VhConfValue *culprit;

        assert_int_equal(vh_conf_parse(&conf, "default", text, strlen(text), NULL, NULL), 0);
        assert_int_equal(vh_option_check(o, &vh_conf_find(conf, o->name)->value, &culprit), 0);
}

static void test_defaults_fit_their_options(void **state)
{
        for (const VhConfDesc *const *d = vh_conf_descs; *d; d++) {
                for (size_t i = 0; i < (*d)->n_options; i++) {
                        const VhOptionDesc *o = (*d)->options[i];

                        assert_value_fits(o, o->example);
                        if (o->value)
                                assert_value_fits(o, o->value);
                        if (o->value_session)
                                assert_value_fits(o, o->value_session);
                }
        }
}

static void test_look_up(void **state)
{
        const VhDaemonDesc *d = vh_daemon_desc_find("virtqemud");

        assert_non_null(d);
        assert_string_equal(d->drivers[0], "qemu");
        assert_ptr_equal(d->conf, vh_conf_desc_find("virtqemud.conf"));
        assert_string_equal(vh_daemon_desc_socket(d, VH_SOCKET_RO)->file, "virtqemud-sock-ro");
        assert_null(vh_daemon_desc_socket(d, VH_SOCKET_TLS));
        assert_null(vh_daemon_desc_find("virtnothingd"));
        assert_null(vh_conf_desc_find("nothing.conf"));
        assert_non_null(vh_conf_desc_option(vh_conf_desc_find("qemu.conf"), "max_core"));
}

static void test_listen_tls_default_differs(void **state)
{
        const VhOptionDesc *mono = vh_conf_desc_option(vh_conf_desc_find("libvirtd.conf"), "listen_tls");
        const VhOptionDesc *proxy = vh_conf_desc_option(vh_conf_desc_find("virtproxyd.conf"), "listen_tls");

        assert_string_equal(mono->value, "1");
        assert_string_equal(proxy->value, "0");
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_samples_say_nothing),
                cmocka_unit_test(test_uncommented_samples_are_valid_and_complete),
                cmocka_unit_test(test_defaults_fit_their_options),
                cmocka_unit_test(test_look_up),
                cmocka_unit_test(test_listen_tls_default_differs),
        };

        if (argc != 2)
                return 2;
        sample_dir = argv[1];
        return cmocka_run_group_tests(tests, NULL, NULL);
}
