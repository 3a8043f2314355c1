/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Cookies of migrations: what is written is read back, and what is wrong is refused with the reference's words. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/uuid.h"
#include "cookie.h"

enum { ALL_PARTS = (1 << 11) - 1 };

#define GUEST_UUID "5302feab-2896-426c-b995-731104088fd6"
static uint8_t guest[VH_UUID_LEN];
static const uint8_t here[VH_UUID_LEN] = { 1 }, there[VH_UUID_LEN] = { 2 };

#define HEAD                                                                                                           \
        "<qemu-migration><name>a</name><uuid>" GUEST_UUID "</uuid><hostname>far</hostname>"                            \
        "<hostuuid>02000000-0000-0000-0000-000000000000</hostuuid>"
#define COOKIE(extra) HEAD extra "</qemu-migration>"

static int read_uuid(void **state)
{
        return vh_uuid_parse(GUEST_UUID, guest);
}

static int parse(QemuCookie *cookie, const char *text, unsigned parts, VhError **err)
{
        const QemuCookieFor what = { here, "a", guest, parts };

        return qemu_cookie_parse(cookie, &what, text, strlen(text) + 1, err);
}

static void must_parse(QemuCookie *cookie, const char *text, unsigned parts)
{
        _vh_error_ VhError *err = NULL;
        int r = parse(cookie, text, parts, &err);

        if (r < 0)
                fail_msg("%s: %s", text, vh_error_text(err, r));
}

/* ---- what is written is read ---- */

static VhCpu *make_cpu(void)
{
        _vh_cpu_doc_ VhCpuDoc doc = { 0 };
        _vh_error_ VhError *err = NULL;

        assert_int_equal(vh_cpu_doc_parse(&doc,
                                          "<cpu mode='custom' match='exact'><model>qemu64</model>"
                                          "<feature policy='require' name='lahf_lm'/></cpu>",
                                          VH_CPU_DOC_ANY, &err),
                         0);
        return VH_TAKE_PTR(doc.cpu);
}

static void fill(QemuCookie *cookie)
{
        qemu_cookie_init(cookie, there, "a", guest);
        cookie->lockstate = true;
        cookie->lock_driver = vh_xstrdup("lockd");
        cookie->leases = vh_xstrdup("<&>");
        cookie->persistent = vh_xstrdup("<domain type='qemu'><name>a</name></domain>");
        cookie->graphics =
                (QemuCookieGraphics){ vh_xstrdup("spice"), vh_xstrdup("::"), 5900, 5901, vh_xstrdup("CN='x'") };
        qemu_cookie_add_net(cookie, 0, vh_xstrdup("openvswitch"), vh_xstrdup("a<b"));
        qemu_cookie_add_net(cookie, 3, vh_xstrdup("802.1Qbg"), NULL);
        qemu_cookie_add_disk(cookie, "vda", UINT64_MAX);
        qemu_cookie_add_disk(cookie, "vdb", 0);
        cookie->nbd_port = 49153;
        cookie->has_stats = true;
        cookie->stats.ram_total = 7;
        cookie->cpu = make_cpu();
        qemu_cookie_add_cap(cookie, "xbzrle", true);
        qemu_cookie_add_cap(cookie, "multifd", false);
        qemu_cookie_add_bitmap(cookie, "vda", "one", "libvirt-vda-0");
        qemu_cookie_add_bitmap(cookie, "vda", "two", "libvirt-vda-1");
        qemu_cookie_add_bitmap(cookie, "vdb", "one", "libvirt-vdb-2");
}

static void all_parts_come_back(void **state)
{
        _qemu_cookie_ QemuCookie out, in;
        _vh_free_ char *text = NULL, *again = NULL;

        fill(&out);
        text = qemu_cookie_format(&out);
        must_parse(&in, text, ALL_PARTS);
        assert_true(in.lockstate);
        assert_string_equal(in.leases, "<&>");
        assert_string_equal(in.graphics.tls_subject, "CN='x'");
        assert_int_equal(in.graphics.tls_port, 5901);
        assert_int_equal(in.n_nets, 2);
        assert_string_equal(in.nets[0].port_data, "a<b");
        assert_null(in.nets[1].port_data);
        assert_int_equal(in.nets[1].index, 3);
        assert_int_equal(in.disks[0].capacity, UINT64_MAX);
        assert_int_equal(in.nbd_port, 49153);
        assert_int_equal(in.stats.ram_total, 7);
        assert_string_equal(in.cpu->model, "qemu64");
        assert_true(in.caps[0].automatic && !in.caps[1].automatic);
        assert_int_equal(in.n_bitmaps, 3);
        assert_string_equal(in.bitmaps[2].alias, "libvirt-vdb-2");
        assert_non_null(strstr(in.persistent, "<name>a</name>"));
        vh_strset(&in.persistent, out.persistent); /* read with quotes and blanks of libxml2's */
        again = qemu_cookie_format(&in);
        assert_string_equal(again, text);
}

static void a_phase_reads_its_parts_only(void **state)
{
        _qemu_cookie_ QemuCookie out, in;
        _vh_free_ char *text = NULL;

        qemu_cookie_init(&out, there, "a", guest);
        qemu_cookie_add_disk(&out, "vda", 1);
        out.has_stats = true;
        qemu_cookie_add_cap(&out, "xbzrle", false);
        text = qemu_cookie_format(&out);
        must_parse(&in, text, QEMU_COOKIE_FOR_CONFIRM);
        assert_true(in.has_stats && !in.has_nbd && !in.has_caps && !in.n_disks);
}

static void unknown_capabilities_may_be_there(void **state)
{
        _qemu_cookie_ QemuCookie none, some;

        must_parse(&none, COOKIE(""), ALL_PARTS);
        must_parse(&some, COOKIE("<capabilities><cap name='xbzrle'/></capabilities>"), ALL_PARTS);
        assert_true(qemu_cookie_has_cap(&none, "multifd"));
        assert_true(qemu_cookie_has_cap(&some, "xbzrle"));
        assert_false(qemu_cookie_has_cap(&some, "multifd"));
}

static void no_cookie_is_no_error(void **state)
{
        const QemuCookieFor what = { here, "a", guest, ALL_PARTS };
        QemuCookie cookie;
        VhError *err = NULL;

        assert_int_equal(qemu_cookie_parse(&cookie, &what, NULL, 0, &err), 0);
        assert_null(cookie.name);
}

/* ---- what is wrong ---- */

static const struct {
        const char *text;
        const char *message; /* what it begins with; NULL: it is taken */
        unsigned parts;      /* 0: all */
} rows[] = {
        { COOKIE(""), NULL },
        { COOKIE("<zork/>"), NULL },
        { "hello", "(qemu_migration_cookie):1: Start tag expected" },
        { HEAD, "(qemu_migration_cookie):1: " },
        { "<qemu-migration/>", "internal error: missing name element in migration data" },
        { "<qemu-migration><name/></qemu-migration>", "internal error: missing name element in migration data" },
        { "<qemu-migration><name>b</name></qemu-migration>",
          "internal error: Incoming cookie data had unexpected name b vs a" },
        { "<qemu-migration><name>a</name></qemu-migration>", "internal error: missing uuid element in migration data" },
        { "<qemu-migration><name>a</name><uuid>zork</uuid></qemu-migration>",
          "internal error: Incoming cookie data had unexpected UUID zork vs " GUEST_UUID },
        { "<qemu-migration><name>a</name><uuid>" GUEST_UUID "</uuid></qemu-migration>",
          "internal error: missing hostname element in migration data" },
        { "<qemu-migration><name>a</name><uuid>" GUEST_UUID "</uuid><hostname>x</hostname></qemu-migration>",
          "internal error: missing hostuuid element in migration data" },
        { "<qemu-migration><name>a</name><uuid>" GUEST_UUID "</uuid><hostname>x</hostname><hostuuid>x</hostuuid>"
          "</qemu-migration>",
          "internal error: malformed hostuuid element in migration data" },
        { "<qemu-migration><name>a</name><uuid>" GUEST_UUID "</uuid><hostname>x</hostname>"
          "<hostuuid>01000000-0000-0000-0000-000000000000</hostuuid></qemu-migration>",
          "internal error: Attempt to migrate guest to the same host 01000000-0000-0000-0000-000000000000" },
        { COOKIE("<feature/>"), "internal error: missing feature name" },
        { COOKIE("<feature name='zork'/>"), "internal error: Unknown migration cookie feature zork" },
        { COOKIE("<feature name='allowReboot'/>"), "internal error: Unsupported migration cookie feature allowReboot" },
        { COOKIE("<feature name='nbd'/><feature name='memory-hotplug'/>"), NULL },
        { COOKIE("<feature name='nbd'/>"), "internal error: Unsupported migration cookie feature nbd",
          QEMU_COOKIE_FOR_PERFORM },
        { COOKIE("<graphics/>"), "internal error: missing type attribute in migration data" },
        { COOKIE("<graphics/>"), NULL, QEMU_COOKIE_FOR_PREPARE },
        { COOKIE("<graphics type='spice' port='x'/>"), "internal error: missing port attribute in migration data" },
        { COOKIE("<lockstate/>"), "internal error: Missing lock driver name in migration cookie" },
        { COOKIE("<domain/><domain/>"), "internal error: Too many domain elements in migration cookie" },
        { COOKIE("<network><interface/></network>"), "internal error: missing vporttype attribute in migration data" },
        { COOKIE("<nbd port='x'/>"), "internal error: Malformed nbd port 'x'" },
        { COOKIE("<nbd><disk/></nbd>"), "internal error: Malformed disk target" },
        { COOKIE("<nbd><disk target='vda'/></nbd>"), "internal error: Malformed disk capacity: '<null>'" },
        { COOKIE("<nbd><disk target='vda' capacity='x'/></nbd>"), "internal error: Malformed disk capacity: 'x'" },
        { COOKIE("<cpu mode='zork'/>"), "unsupported configuration: Invalid mode attribute 'zork'" },
        { COOKIE("<cpu mode='custom'><feature policy='require' name='x'/></cpu>"),
          "XML error: Non-empty feature list specified without CPU model" },
        { COOKIE("<capabilities><cap/></capabilities>"), "internal error: missing migration capability name" },
        { COOKIE("<blockDirtyBitmaps><disk/></blockDirtyBitmaps>"),
          "internal error: malformed <blockDirtyBitmaps> in migration cookie" },
        { COOKIE("<blockDirtyBitmaps><disk target='vda'><bitmap name='x'/></disk></blockDirtyBitmaps>"),
          "internal error: malformed <blockDirtyBitmaps> in migration cookie" },
};

static void wrong_cookies_are_refused(void **state)
{
        for (size_t i = 0; i < VH_ARRAY_SIZE(rows); i++) {
                _qemu_cookie_ QemuCookie cookie;
                _vh_error_ VhError *err = NULL;
                int r = parse(&cookie, rows[i].text, rows[i].parts ? rows[i].parts : ALL_PARTS, &err);

                print_message("# %s\n", rows[i].text);
                assert_int_equal(r < 0, !!rows[i].message);
                if (rows[i].message && !vh_startswith(vh_error_text(err, r), rows[i].message))
                        fail_msg("%s, not %s", vh_error_text(err, r), rows[i].message);
                if (r < 0)
                        assert_null(cookie.name);
        }
}

static void what_stands_behind_a_nul_is_not_read(void **state)
{
        const QemuCookieFor what = { here, "a", guest, ALL_PARTS };
        static const char text[] = COOKIE("") "\0<rest";
        _qemu_cookie_ QemuCookie cookie;
        VhError *err = NULL;

        assert_int_equal(qemu_cookie_parse(&cookie, &what, text, sizeof(text), &err), 0);
        assert_string_equal(cookie.hostname, "far");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(all_parts_come_back),
                cmocka_unit_test(a_phase_reads_its_parts_only),
                cmocka_unit_test(unknown_capabilities_may_be_there),
                cmocka_unit_test(no_cookie_is_no_error),
                cmocka_unit_test(wrong_cookies_are_refused),
                cmocka_unit_test(what_stands_behind_a_nul_is_not_read),
        };

        return cmocka_run_group_tests(tests, read_uuid, NULL);
}
