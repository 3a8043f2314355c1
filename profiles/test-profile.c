/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Compiled files through the real reader: what the compiler writes, a daemon must take without a word. */

#include "base/file.h"
#include "plan.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static const char *hosts_dir, *secret_file;

static VhProfile *read_profile(VhArena *arena, const char *text, VhFindings *f)
{
        VhProfile *p = vh_profile_read(arena, "test", text, strlen(text), f);

        if (p)
                vh_profile_check(p, f);
        return p;
}

static void assert_conf_is_clean(const VhPlanFile *f)
{
        const VhConfDesc *desc = vh_conf_desc_find(strrchr(f->path, '/') + 1);
        _vh_findings_ VhFindings findings = { 0 };
        _vh_conf_ VhConf *conf = NULL;

        assert_non_null(desc);
        assert_int_equal(vh_conf_parse(&conf, f->path, f->content, strlen(f->content), &findings, NULL), 0);
        vh_conf_check(conf, desc, &findings);
        if (findings.first)
                fail_msg("%s:%u: %s", f->path, findings.first->line, findings.first->message);
}

static unsigned assert_plan_is_clean(const char *text)
{
        _vh_findings_ VhFindings f = { 0 };
        VhArena arena = { 0 };
        VhPlan plan = { 0 };
        VhProfile *p = read_profile(&arena, text, &f);
        unsigned confs = 0;

        assert_non_null(p);
        assert_int_equal(f.errors, 0);
        vh_plan_make(&plan, p, &(VhPlanOptions){ 0 });
        for (size_t i = 0; i < plan.n; i++)
                if (strstr(plan.files[i].path, "/libvirt/")) {
                        assert_conf_is_clean(&plan.files[i]);
                        confs++;
                }
        vh_plan_done(&plan);
        vh_arena_done(&arena);
        return confs;
}

static void test_example_hosts_give_clean_files(void **state)
{
        DIR *dir = opendir(hosts_dir);
        unsigned profiles = 0;

        assert_non_null(dir);
        for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
                _vh_free_ char *path = vh_path_join(hosts_dir, e->d_name), *text = NULL;
                size_t len;

                if (!vh_endswith(e->d_name, ".yaml"))
                        continue;
                assert_int_equal(vh_file_read(path, VH_YAML_SIZE_MAX, &text, &len), 0);
                assert_true(assert_plan_is_clean(text) > 2);
                profiles++;
        }
        closedir(dir);
        assert_true(profiles >= 3);
}

static void add_yaml_item(VhBuf *b, const VhConfValue *v)
{
        if (v->kind == VH_CONF_STRING)
                vh_buf_printf(b, "\"%s\"", v->str);
        else if (v->kind == VH_CONF_INT)
                vh_buf_printf(b, "%lld", (long long)v->i);
        else
                vh_buf_printf(b, "%llu", (unsigned long long)v->u);
}

/* "name: value" in YAML out of the option's own example. */
static void add_yaml(VhBuf *b, const VhOptionDesc *o)
{
        _vh_free_ char *text = vh_xasprintf("v = %s\n", o->example);
        _vh_conf_ VhConf *conf = NULL;
        const VhConfValue *v;

        assert_int_equal(vh_conf_parse(&conf, "example", text, strlen(text), NULL, NULL), 0);
        v = &vh_conf_find(conf, "v")->value;
        vh_buf_printf(b, "      %s: ", o->name);
        if (o->secret) {
                vh_buf_printf(b, "{file: %s}\n", secret_file);
                return;
        }
        if (v->kind == VH_CONF_LIST) {
                vh_buf_addc(b, '[');
                for (size_t i = 0; i < v->list.n; i++) {
                        vh_buf_adds(b, i ? ", " : "");
                        add_yaml_item(b, &v->list.items[i]);
                }
                vh_buf_addc(b, ']');
        } else if (o->type == VH_OPTION_BOOL) {
                vh_buf_adds(b, v->u ? "true" : "false");
        } else {
                add_yaml_item(b, v);
        }
        vh_buf_addc(b, '\n');
}

static void add_all_options(VhBuf *b, const VhConfDesc *conf)
{
        for (size_t i = 0; i < conf->n_options; i++)
                if (!conf->options[i]->obsolete)
                        add_yaml(b, conf->options[i]);
}

static size_t count_settings(const VhProfile *p)
{
        size_t n = 0;

        for (const VhSetting *s = p->settings; s; s = s->next)
                n++;
        return n;
}

/* Every option of every daemon can be set, as its example has it. */
static void test_every_option_of_a_daemon_can_be_set(void **state)
{
        for (const VhDaemonDesc *const *d = vh_daemon_descs; *d; d++) {
                _vh_findings_ VhFindings f = { 0 };
                _vh_buf_ VhBuf b = { 0 };
                VhArena arena = { 0 };
                VhProfile *p;

                if (!(*d)->units)
                        continue;
                vh_buf_printf(&b, "profile: x\nlayout: %s\nstartup: daemon\nhypervisors: [qemu, lxc, xen, vbox]\n",
                              (*d)->role == VH_ROLE_MONOLITHIC ? "monolithic" : "modular");
                vh_buf_printf(&b, "daemons:\n  %s:\n    settings:\n", (*d)->name);
                add_all_options(&b, (*d)->conf);
                p = read_profile(&arena, b.data, &f);
                if (f.first && f.errors)
                        fail_msg("%s: %u:%u %s", (*d)->name, f.first->line, f.first->column, f.first->message);
                assert_true(count_settings(p) > 4);
                assert_plan_is_clean(b.data);
                vh_arena_done(&arena);
        }
}

/* The same for the files of drivers. */
static void test_every_option_of_a_file_can_be_set(void **state)
{
        for (const VhConfDesc *const *c = vh_conf_descs; *c; c++) {
                _vh_buf_ VhBuf b = { 0 };
                char name[64];

                snprintf(name, sizeof(name), "%.*s", (int)strlen((*c)->file) - 5, (*c)->file);
                /* Daemons' own files are tested above; bhyve has no place in a profile; "auto" is refused for clients.
                 */
                if (vh_daemon_desc_find(name) || vh_streq(name, "bhyve") || vh_streq(name, "libvirt"))
                        continue;
                vh_buf_printf(&b, "profile: x\nhypervisors: [qemu, lxc, xen, vbox]\nfiles:\n  %s:\n", (*c)->file);
                add_all_options(&b, *c);
                assert_plan_is_clean(b.data);
        }
}

static void test_needs_are_added(void **state)
{
        _vh_findings_ VhFindings f = { 0 };
        VhArena arena = { 0 };
        VhProfile *p = read_profile(&arena, "profile: x\ndrivers: []\nproxy: false\nhypervisors: [qemu]\n", &f);

        assert_non_null(p);
        assert_true(vh_profile_has(p, vh_daemon_desc_find("virtlogd")));
        assert_true(vh_profile_has(p, vh_daemon_desc_find("virtlockd")));
        assert_false(vh_profile_has(p, vh_daemon_desc_find("virtproxyd")));
        assert_false(vh_profile_has(p, vh_daemon_desc_find("libvirtd")));
        vh_arena_done(&arena);
}

static void test_special_settings_win(void **state)
{
        static const char text[] = "profile: x\n"
                                   "daemons:\n"
                                   "  virtqemud:\n"
                                   "    idle_timeout: 7\n"
                                   "    settings: {max_clients: 100}\n"
                                   "limits: {max_clients: 200}\n"
                                   "idle_timeout: 9\n";
        const VhDaemonDesc *qemu = vh_daemon_desc_find("virtqemud"), *net = vh_daemon_desc_find("virtnetworkd");
        const VhDaemonDesc *log = vh_daemon_desc_find("virtlogd");
        _vh_findings_ VhFindings f = { 0 };
        VhArena arena = { 0 };
        VhProfile *p = read_profile(&arena, text, &f);

        assert_int_equal(f.errors, 0);
        assert_int_equal(vh_profile_setting(p, qemu, "max_clients")->value.u, 100);
        assert_int_equal(vh_profile_setting(p, net, "max_clients")->value.u, 200);
        assert_null(vh_profile_setting(p, log, "max_clients"));
        assert_int_equal(vh_profile_idle(p, qemu), 7);
        assert_int_equal(vh_profile_idle(p, net), 9);
        assert_int_equal(vh_profile_idle(p, log), 0);
        vh_arena_done(&arena);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_example_hosts_give_clean_files),
                cmocka_unit_test(test_every_option_of_a_daemon_can_be_set),
                cmocka_unit_test(test_every_option_of_a_file_can_be_set),
                cmocka_unit_test(test_needs_are_added),
                cmocka_unit_test(test_special_settings_win),
        };

        if (argc != 3)
                return 2;
        hosts_dir = argv[1];
        secret_file = argv[2];
        return cmocka_run_group_tests(tests, NULL, NULL);
}
