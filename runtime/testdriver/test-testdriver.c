/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The test driver inside this process: what a connection is, and hosts read from files. What its calls answer is
 * compared with the reference in tests/conformance/testdriver.py. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "api.h"
#include "testdriver/test.h"
#include "testdriver/testdriver.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

static void *instance;

static int setup(void **state)
{
        return vh_driver_test.start(&instance, &(VhDriverEnv){}, NULL);
}

static int teardown(void **state)
{
        vh_driver_test.stop(instance);
        return 0;
}

static int open_path(VhConn *conn, const char *path, VhError **err)
{
        *conn = (VhConn){ .driver = &vh_driver_test, .state = instance };
        return vh_driver_test.open(instance, conn, path, NULL, err);
}

static int count_domains(VhConn *conn)
{
        VhCall call = { .target = conn };
        remote_connect_num_of_domains_ret ret = {};

        assert_int_equal(test_hypervisor_ops.connect_num_of_domains(&call, &ret, NULL), 0);
        return ret.num;
}

static void destroy_domain(VhConn *conn, const char *name)
{
        VhCall call = { .target = conn };
        remote_domain_lookup_by_name_args find = { .name = (char *)name };
        remote_domain_lookup_by_name_ret found = {};
        remote_domain_destroy_args args;

        assert_int_equal(test_hypervisor_ops.domain_lookup_by_name(&call, &find, &found, NULL), 0);
        args.dom = found.dom;
        assert_int_equal(test_hypervisor_ops.domain_destroy(&call, &args, NULL), 0);
        vh_arena_done(&call.arena);
}

static void connections_share_the_default_host_while_it_is_open(void **state)
{
        VhConn a, b;

        assert_int_equal(open_path(&a, "/default", NULL), 0);
        assert_int_equal(open_path(&b, "/default", NULL), 0);
        assert_int_equal(count_domains(&a), 1);
        destroy_domain(&b, "test");
        assert_int_equal(count_domains(&a), 0);
        vh_driver_test.close(&b);
        assert_int_equal(count_domains(&a), 0);
        vh_driver_test.close(&a);
        assert_int_equal(open_path(&a, "/default", NULL), 0);
        assert_int_equal(count_domains(&a), 1);
        vh_driver_test.close(&a);
}

static void write_file(const char *path, const char *text)
{
        FILE *f = fopen(path, "we");

        assert_non_null(f);
        fputs(text, f);
        fclose(f);
}

static const struct {
        const char *xml; /* NULL: no file */
        int domain, code;
        const char *message; /* without the file's name */
} bad_hosts[] = {
        { NULL, VIR_FROM_TEST, VIR_ERR_XML_ERROR, "XML error: failed to parse xml document" },
        { "<nod/>", VIR_FROM_XML, VIR_ERR_XML_ERROR, "XML error: expecting root element of 'node', not 'nod'" },
        { "<node><cpu><nodes>x</nodes></cpu></node>", VIR_FROM_TEST, VIR_ERR_XML_ERROR,
          "XML error: invalid node cpu nodes value" },
        { "<node><memory>x</memory></node>", VIR_FROM_TEST, VIR_ERR_XML_ERROR, "XML error: invalid node memory value" },
        { "<node><cpu><model>0123456789012345678901234567890123456789</model></cpu></node>", VIR_FROM_TEST,
          VIR_ERR_INTERNAL_ERROR,
          "internal error: Model 0123456789012345678901234567890123456789 too big for destination" },
        { "<node><auth><user>u</user></auth></node>", VIR_FROM_AUTH, VIR_ERR_INVALID_ARG,
          "invalid argument: Missing authentication credentials" },
        { "<node><network file='nope.xml'/></node>", VIR_FROM_TEST, VIR_ERR_XML_ERROR,
          "XML error: failed to parse xml document" },
        { "<node><device><name>x</name><capability type='system'/></device></node>", VIR_FROM_NODEDEV,
          VIR_ERR_INTERNAL_ERROR, "internal error: no system UUID supplied for 'x'" },
        { "<node><device><capability type='storage'/></device></node>", VIR_FROM_NODEDEV, VIR_ERR_NO_NAME,
          "missing name information" },
#define DOMAIN(more)                                                                                                   \
        "<node><domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'><name>a</name>"             \
        "<memory>1000</memory><os><type>hvm</type></os>" more "</domain></node>"
        { DOMAIN("<test:runstate>5</test:runstate><test:transient/>"), VIR_FROM_TEST, VIR_ERR_XML_ERROR,
          "XML error: transient domain cannot have runstate 'shutoff'" },
        { DOMAIN("<test:hasmanagedsave/>"), VIR_FROM_TEST, VIR_ERR_XML_ERROR,
          "XML error: domain with managedsave data can only have runstate 'shutoff'" },
        { DOMAIN("<test:domainsnapshot><active>0</active></test:domainsnapshot>"), VIR_FROM_DOMAIN_SNAPSHOT,
          VIR_ERR_XML_ERROR, "XML error: a redefined snapshot must have a name" },
        { DOMAIN("<iothreads>4000000000</iothreads>"), VIR_FROM_DOMAIN, VIR_ERR_XML_ERROR,
          "XML error: invalid iothreads count '4000000000'" },
        { "<!DOCTYPE node [<!ENTITY a 'aaaa'>]><node><memory>&a;</memory></node>", VIR_FROM_TEST, VIR_ERR_XML_ERROR,
          "XML error: failed to parse xml document" },
        { "<node><cpu><nodes>65536</nodes><cores>65536</cores></cpu></node>", VIR_FROM_TEST, VIR_ERR_XML_ERROR,
          "XML error: invalid node cpu topology: too many CPUs" },
        { "<node><pool type='dir'><name>p</name><target><path>/p</path></target>"
          "<volume><name>v</name><capacity>1</capacity></volume>"
          "<volume><name>v</name><capacity>1</capacity></volume></pool></node>",
          VIR_FROM_TEST, VIR_ERR_OPERATION_FAILED, "operation failed: storage vol already exists" },
};

static void mistakes_in_files_are_named(void **state)
{
        for (unsigned i = 0; i < VH_ARRAY_SIZE(bad_hosts); i++) {
                char path[] = "/tmp/vh-testdriver-XXXXXX";
                _vh_close_ int fd = mkstemp(path);
                _vh_error_ VhError *err = NULL;
                VhConn conn;

                assert_true(fd >= 0);
                if (bad_hosts[i].xml)
                        write_file(path, bad_hosts[i].xml);
                else
                        unlink(path);
                assert_true(open_path(&conn, path, &err) < 0);
                assert_int_equal(err->domain, bad_hosts[i].domain);
                assert_int_equal(err->code, bad_hosts[i].code);
                if (!vh_startswith(err->message, bad_hosts[i].message))
                        fail_msg("%s", err->message);
                unlink(path);
        }
}

/* Opens a host that is in a file. */
static int open_text(const char *text, VhError **err)
{
        char path[] = "/tmp/vh-testdriver-XXXXXX";
        _vh_close_ int fd = mkstemp(path);
        VhConn conn;
        int r;

        assert_true(fd >= 0);
        write_file(path, text);
        r = open_path(&conn, path, err);
        unlink(path);
        if (r == 0)
                vh_driver_test.close(&conn);
        return r;
}

static void add_many(VhBuf *b, const char *text, unsigned n)
{
        for (unsigned i = 0; i < n; i++)
                vh_buf_adds(b, text);
}

static void lists_are_bounded(void **state)
{
        _vh_error_ VhError *err = NULL;
        VhBuf b = {};

        vh_buf_adds(&b, "<node><domain type='test'><name>a</name><memory>1</memory><os><type>hvm</type></os><devices>");
        add_many(&b, "<interface type='user'/>", 4097);
        vh_buf_adds(&b, "</devices></domain></node>");
        assert_true(open_text(b.data, &err) < 0);
        assert_true(vh_startswith(err->message, "XML error: there are more than 4096 elements 'interface'"));
        vh_buf_done(&b);
}

/* A file that is named again and again would be read again and again. */
static void all_files_together_are_bounded(void **state)
{
        char part[] = "/tmp/vh-testdriver-XXXXXX";
        _vh_close_ int fd = mkstemp(part);
        _vh_error_ VhError *err = NULL;
        _vh_free_ char *name = vh_xasprintf("<network file='%s'/>", part);
        VhBuf b = {};

        assert_true(fd >= 0);
        vh_buf_adds(&b, "<network><name>n</name><uuid>6695eb01-f6a4-8304-79aa-97f2502e193f</uuid></network><!--");
        add_many(&b, "0123456789", 300 * 1000);
        vh_buf_adds(&b, "-->");
        write_file(part, b.data);
        b.len = 0;
        vh_buf_adds(&b, "<node>");
        add_many(&b, name, 2);
        vh_buf_adds(&b, "</node>");
        assert_int_equal(open_text(b.data, NULL), 0);
        b.len = 0;
        vh_buf_adds(&b, "<node>");
        add_many(&b, name, 3);
        vh_buf_adds(&b, "</node>");
        assert_true(open_text(b.data, &err) < 0);
        assert_true(vh_startswith(err->message, "XML error: failed to parse xml document"));
        unlink(part);
        vh_buf_done(&b);
}

static void files_make_hosts(void **state)
{
        char path[] = "/tmp/vh-testdriver-XXXXXX";
        _vh_close_ int fd = mkstemp(path);
        VhCall call;
        remote_node_get_info_ret info = {};
        const TestHost *host;
        VhConn conn, other;

        assert_true(fd >= 0);
        write_file(path, "<node><cpu><nodes>3</nodes><active>7</active><model>abc</model></cpu><memory>123</memory>"
                         "<domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'><name>off</name>"
                         "<memory>1000</memory><os><type>hvm</type></os><test:runstate>5</test:runstate>"
                         "<test:hasmanagedsave/></domain>"
                         "<domain type='test'><name>on</name><memory>1000</memory><os><type>hvm</type></os></domain>"
                         "<network><name>n</name></network>"
                         "<pool type='dir'><name>p</name><target><path>/p</path></target>"
                         "<volume><name>v</name><capacity>10</capacity></volume></pool></node>");
        assert_int_equal(open_path(&conn, path, NULL), 0);
        assert_int_equal(open_path(&other, path, NULL), 0);
        unlink(path);
        call = (VhCall){ .target = &conn };
        assert_int_equal(test_hypervisor_ops.node_get_info(&call, &info, NULL), 0);
        assert_string_equal(info.model, "abc");
        assert_int_equal(info.memory, 123);
        assert_int_equal(info.cpus, 7);
        assert_int_equal(count_domains(&conn), 1);
        destroy_domain(&other, "on"); /* a host of its own */
        assert_int_equal(count_domains(&conn), 1);
        host = conn.priv;
        assert_true(vh_domain_by_name(&host->domains, "off")->has_managed_save);
        assert_int_equal(vh_registry_count(&host->networks), 1);
        assert_int_equal(
                vh_registry_count(&VH_REG_OBJECT(vh_registry_by_name(&host->pools, "p"), TestPool, node)->vols), 1);
        vh_driver_test.close(&conn);
        vh_driver_test.close(&other);
}

static void paths_are_needed(void **state)
{
        static const char *const paths[] = { "", "/" };

        for (unsigned i = 0; i < VH_ARRAY_SIZE(paths); i++) {
                _vh_error_ VhError *err = NULL;
                VhConn conn;

                assert_true(open_path(&conn, paths[i], &err) < 0);
                assert_string_equal(err->message, "invalid argument: testOpen: supply a path or use test:///default");
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(connections_share_the_default_host_while_it_is_open),
                cmocka_unit_test(mistakes_in_files_are_named),
                cmocka_unit_test(lists_are_bounded),
                cmocka_unit_test(all_files_together_are_bounded),
                cmocka_unit_test(files_make_hosts),
                cmocka_unit_test(paths_are_needed),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
