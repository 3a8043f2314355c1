/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The QEMU driver in this process, on a directory of its own. */

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#include "api.h"
#include "base/file.h"
#include "driver/test-harness.h"
#include "drivers.h"

/* What programs can do is asked once for all tests. */
static char cache_dir[] = "/tmp/vh-qemu-cache-XXXXXX";

typedef struct Fixture {
        char root[32];
        char dirs[3][64];
        VhDriverEnv env;
        VhTestDriver t;
} Fixture;

#define UUID_TEXT "11112222-3333-4444-8555-666677778888"
static const uint8_t uuid_bytes[16] = { 0x11, 0x11, 0x22, 0x22, 0x33, 0x33, 0x44, 0x44,
                                        0x85, 0x55, 0x66, 0x66, 0x77, 0x77, 0x88, 0x88 };

#define GUEST(name, uuid, extra)                                                                                       \
        "<domain type='qemu'><name>" name "</name>" uuid "<memory>65536</memory><vcpu>4</vcpu><os><type "              \
        "arch='x86_64'>hvm</type></os><devices><emulator>/bin/true</emulator>" extra "</devices></domain>"
#define DISK   "<disk type='file' device='disk'><source file='/x.img'/><target dev='vda' bus='virtio'/></disk>"
#define NET    "<interface type='bridge'><mac address='52:54:00:11:22:33'/><source bridge='br0'/></interface>"
#define VNC    "<graphics type='vnc' port='-1' autoport='yes' passwd='secret'/>"
#define G_UUID "<uuid>" UUID_TEXT "</uuid>"

static int remove_node(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        return remove(path);
}

static int make_cache(void **state)
{
        return mkdtemp(cache_dir) ? 0 : -1;
}

static int remove_cache(void **state)
{
        return nftw(cache_dir, remove_node, 16, FTW_DEPTH | FTW_PHYS);
}

static int setup(void **state)
{
        static const char *const names[] = { "etc", "run", "lib" };
        Fixture *f = vh_new(Fixture, 1);

        strcpy(f->root, "/tmp/vh-qemu-XXXXXX");
        assert_non_null(mkdtemp(f->root));
        for (int i = 0; i < 3; i++)
                snprintf(f->dirs[i], sizeof(f->dirs[i]), "%s/%s", f->root, names[i]);
        f->env = (VhDriverEnv){ .privileged = true,
                                .config_dir = f->dirs[0],
                                .run_dir = f->dirs[1],
                                .state_dir = f->dirs[2],
                                .cache_dir = cache_dir,
                                .log_dir = f->dirs[2] };
        assert_int_equal(vh_test_driver_start(&f->t, &vh_driver_qemu, &f->env, "/system"), 0);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        Fixture *f = *state;

        vh_test_driver_stop(&f->t);
        nftw(f->root, remove_node, 16, FTW_DEPTH | FTW_PHYS);
        free(f);
        return 0;
}

static void restart(Fixture *f)
{
        vh_test_driver_stop(&f->t);
        assert_int_equal(vh_test_driver_start(&f->t, &vh_driver_qemu, &f->env, "/system"), 0);
}

static int define_flags(Fixture *f, const char *xml, uint32_t flags)
{
        const remote_domain_define_xml_flags_args args = { (char *)xml, flags };
        remote_domain_define_xml_flags_ret ret;

        return vh_test_call(&f->t, REMOTE_PROC_DOMAIN_DEFINE_XML_FLAGS, &args, &ret);
}

static int define(Fixture *f, const char *xml)
{
        return define_flags(f, xml, 0);
}

static remote_nonnull_domain guest(void)
{
        remote_nonnull_domain dom = { .name = (char *)"g", .id = -1 };

        memcpy(dom.uuid, uuid_bytes, sizeof(uuid_bytes));
        return dom;
}

/* The text lives until the next call. */
static const char *dump(Fixture *f, uint32_t flags)
{
        const remote_domain_get_xml_desc_args args = { guest(), flags };
        remote_domain_get_xml_desc_ret ret;

        if (vh_test_call(&f->t, REMOTE_PROC_DOMAIN_GET_XML_DESC, &args, &ret) < 0)
                fail_msg("%s", vh_error_text(f->t.err, 0));
        return ret.xml;
}

static unsigned count(Fixture *f, uint32_t flags)
{
        const remote_connect_list_all_domains_args args = { 1, flags };
        remote_connect_list_all_domains_ret ret;

        assert_int_equal(vh_test_call(&f->t, REMOTE_PROC_CONNECT_LIST_ALL_DOMAINS, &args, &ret), 0);
        assert_int_equal(ret.domains.len, ret.ret);
        return ret.ret;
}

static void assert_error(Fixture *f, int code, const char *message)
{
        assert_non_null(f->t.err);
        assert_string_equal(f->t.err->message, message);
        assert_int_equal(f->t.err->code, code);
}

static char *file_of(Fixture *f, const char *name)
{
        return vh_xasprintf("%s/qemu/%s", f->dirs[0], name);
}

static void definition_survives_restart(void **state)
{
        Fixture *f = *state;
        _vh_free_ char *before = NULL;

        assert_int_equal(define(f, GUEST("g", G_UUID, DISK NET VNC)), 0);
        before = vh_xstrdup(dump(f, VIR_DOMAIN_XML_SECURE));
        restart(f);
        assert_string_equal(dump(f, VIR_DOMAIN_XML_SECURE), before);
        assert_int_equal(count(f, 0), 1);
        assert_int_equal(count(f, VIR_CONNECT_LIST_DOMAINS_ACTIVE), 0);
        assert_int_equal(count(f, VIR_CONNECT_LIST_DOMAINS_INACTIVE | VIR_CONNECT_LIST_DOMAINS_NO_AUTOSTART), 1);
}

static void passwords_only_with_secure(void **state)
{
        Fixture *f = *state;

        assert_int_equal(define(f, GUEST("g", G_UUID, VNC)), 0);
        assert_null(strstr(dump(f, 0), "secret"));
        assert_null(strstr(dump(f, VIR_DOMAIN_XML_INACTIVE), "secret"));
        assert_non_null(strstr(dump(f, VIR_DOMAIN_XML_SECURE), "secret"));
}

static void name_and_uuid_belong_together(void **state)
{
        Fixture *f = *state;

        assert_int_equal(define(f, GUEST("g", G_UUID, "")), 0);
        assert_int_equal(define(f, GUEST("g", G_UUID, DISK)), 0);
        assert_true(define(f, GUEST("g", "<uuid>99999999-3333-4444-8555-666677778888</uuid>", "")) < 0);
        assert_error(f, VIR_ERR_OPERATION_FAILED, "operation failed: domain 'g' already exists with uuid " UUID_TEXT);
        assert_true(define(f, GUEST("h", G_UUID, "")) < 0);
        assert_error(f, VIR_ERR_OPERATION_FAILED,
                     "operation failed: domain 'g' is already defined with uuid " UUID_TEXT);
        assert_int_equal(count(f, 0), 1);
}

static void bad_definitions_are_refused(void **state)
{
        static const char *const bad[] = {
                "",
                "<domain",
                "<network/>",
                "<domain type='qemu'/>",
                GUEST("a/b", "", ""),
                GUEST("..", "", ""),
                GUEST("g", "<uuid>xyz</uuid>", ""),
                GUEST("g", "", "<bogus/>"),
                GUEST("", "", ""),
        };
        Fixture *f = *state;

        for (size_t i = 0; i < VH_ARRAY_SIZE(bad); i++) {
                if (define(f, bad[i]) == 0)
                        fail_msg("accepted: %s", bad[i]);
                assert_non_null(f->t.err);
        }
        assert_true(define_flags(f, GUEST("g", "", ""), 2) < 0);
        assert_error(f, VIR_ERR_INVALID_ARG, "unsupported flags (0x2) in function qemuDomainDefineXMLFlags");
        assert_int_equal(count(f, 0), 0);
}

static void unknown_domains_are_not_found(void **state)
{
        Fixture *f = *state;
        const remote_domain_lookup_by_name_args by_name = { (char *)"nope" };
        const remote_domain_get_info_args info = { guest() };
        remote_domain_lookup_by_name_ret ret;
        remote_domain_get_info_ret info_ret;

        assert_true(vh_test_call(&f->t, REMOTE_PROC_DOMAIN_LOOKUP_BY_NAME, &by_name, &ret) < 0);
        assert_error(f, VIR_ERR_NO_DOMAIN, "Domain not found: no domain with matching name 'nope'");
        assert_true(vh_test_call(&f->t, REMOTE_PROC_DOMAIN_GET_INFO, &info, &info_ret) < 0);
        assert_error(f, VIR_ERR_NO_DOMAIN, "Domain not found: no domain with matching uuid '" UUID_TEXT "' (g)");
}

static void undefine_removes_everything(void **state)
{
        Fixture *f = *state;
        const remote_domain_set_autostart_args autostart = { guest(), 1 };
        const remote_domain_undefine_args args = { guest() };
        _vh_free_ char *file = file_of(f, "g.xml"), *link = file_of(f, "autostart/g.xml");
        struct stat st;

        assert_int_equal(define(f, GUEST("g", G_UUID, "")), 0);
        assert_int_equal(vh_test_call(&f->t, REMOTE_PROC_DOMAIN_SET_AUTOSTART, &autostart, NULL), 0);
        assert_int_equal(lstat(link, &st), 0);
        restart(f);
        assert_int_equal(count(f, VIR_CONNECT_LIST_DOMAINS_AUTOSTART), 1);
        assert_int_equal(vh_test_call(&f->t, REMOTE_PROC_DOMAIN_UNDEFINE, &args, NULL), 0);
        assert_int_equal(lstat(link, &st), -1);
        assert_int_equal(lstat(file, &st), -1);
        assert_int_equal(count(f, 0), 0);
        assert_true(vh_test_call(&f->t, REMOTE_PROC_DOMAIN_UNDEFINE, &args, NULL) < 0);
}

static void undefine_minds_saved_state(void **state)
{
        Fixture *f = *state;
        remote_domain_undefine_flags_args args = { guest(), 0 };
        const remote_domain_has_managed_save_image_args has = { guest(), 0 };
        remote_domain_has_managed_save_image_ret has_ret;
        _vh_free_ char *dir = vh_xasprintf("%s/qemu/save", f->dirs[2]), *image = vh_path_join(dir, "g.save");

        assert_int_equal(define(f, GUEST("g", G_UUID, "")), 0);
        assert_int_equal(vh_mkdir_p(dir, 0755), 0);
        assert_int_equal(vh_file_write(image, "x", 1, 0600, (uid_t)-1, (gid_t)-1, VH_FILE_NO_SYNC), 0);
        restart(f);
        assert_int_equal(vh_test_call(&f->t, REMOTE_PROC_DOMAIN_HAS_MANAGED_SAVE_IMAGE, &has, &has_ret), 0);
        assert_int_equal(has_ret.result, 1);
        assert_true(vh_test_call(&f->t, REMOTE_PROC_DOMAIN_UNDEFINE_FLAGS, &args, NULL) < 0);
        assert_error(f, VIR_ERR_OPERATION_INVALID,
                     "Requested operation is not valid: Refusing to undefine while domain managed save image exists");
        args.flags = VIR_DOMAIN_UNDEFINE_MANAGED_SAVE;
        assert_int_equal(vh_test_call(&f->t, REMOTE_PROC_DOMAIN_UNDEFINE_FLAGS, &args, NULL), 0);
        assert_int_equal(access(image, F_OK), -1);
}

static int rename_to(Fixture *f, const char *name)
{
        const remote_domain_rename_args args = { guest(), (char *)name, 0 };
        remote_domain_rename_ret ret;

        return vh_test_call(&f->t, REMOTE_PROC_DOMAIN_RENAME, &args, &ret);
}

static void rename_keeps_the_guest(void **state)
{
        Fixture *f = *state;

        assert_int_equal(define(f, GUEST("g", G_UUID, DISK)), 0);
        assert_int_equal(define(f, GUEST("taken", "", "")), 0);
        assert_true(rename_to(f, "taken") < 0);
        assert_error(f, VIR_ERR_OPERATION_INVALID,
                     "Requested operation is not valid: domain with name 'taken' already exists");
        assert_true(rename_to(f, "a/b") < 0);
        assert_true(rename_to(f, "") < 0);
        assert_int_equal(rename_to(f, "new"), 0);
        assert_non_null(strstr(dump(f, 0), "<name>new</name>"));
        restart(f);
        assert_non_null(strstr(dump(f, 0), "<name>new</name>"));
        assert_int_equal(count(f, 0), 2);
}

static void events_tell_of_changes(void **state)
{
        Fixture *f = *state;
        const remote_connect_domain_event_callback_register_any_args args = { VIR_DOMAIN_EVENT_ID_LIFECYCLE, NULL };
        remote_connect_domain_event_callback_register_any_ret ret;
        const remote_domain_undefine_args undefine = { guest() };
        static const int want[][2] = {
                { VIR_DOMAIN_EVENT_DEFINED, VIR_DOMAIN_EVENT_DEFINED_ADDED },
                { VIR_DOMAIN_EVENT_DEFINED, VIR_DOMAIN_EVENT_DEFINED_UPDATED },
                { VIR_DOMAIN_EVENT_UNDEFINED, VIR_DOMAIN_EVENT_UNDEFINED_RENAMED },
                { VIR_DOMAIN_EVENT_DEFINED, VIR_DOMAIN_EVENT_DEFINED_RENAMED },
                { VIR_DOMAIN_EVENT_UNDEFINED, VIR_DOMAIN_EVENT_UNDEFINED_REMOVED },
        };

        assert_int_equal(vh_test_call(&f->t, REMOTE_PROC_CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY, &args, &ret), 0);
        assert_int_equal(define(f, GUEST("g", G_UUID, "")), 0);
        assert_int_equal(define(f, GUEST("g", G_UUID, "")), 0);
        assert_int_equal(rename_to(f, "h"), 0);
        assert_int_equal(vh_test_call(&f->t, REMOTE_PROC_DOMAIN_UNDEFINE, &undefine, NULL), 0);
        assert_int_equal(f->t.n_events, VH_ARRAY_SIZE(want));
        for (size_t i = 0; i < VH_ARRAY_SIZE(want); i++) {
                assert_int_equal(f->t.events[i], want[i][0]);
                assert_int_equal(f->t.details[i], want[i][1]);
        }
}

static int set_metadata(Fixture *f, int type, const char *text, const char *key, const char *uri, uint32_t flags)
{
        const remote_domain_set_metadata_args args = { guest(), type, (char *)text, (char *)key, (char *)uri, flags };

        return vh_test_call(&f->t, REMOTE_PROC_DOMAIN_SET_METADATA, &args, NULL);
}

static const char *get_metadata(Fixture *f, int type, const char *uri)
{
        const remote_domain_get_metadata_args args = { guest(), type, (char *)uri, VIR_DOMAIN_AFFECT_CONFIG };
        remote_domain_get_metadata_ret ret;

        return vh_test_call(&f->t, REMOTE_PROC_DOMAIN_GET_METADATA, &args, &ret) < 0 ? NULL : ret.metadata;
}

static void metadata_of_all_kinds(void **state)
{
        Fixture *f = *state;

        assert_int_equal(define(f, GUEST("g", G_UUID, "")), 0);
        assert_null(get_metadata(f, VIR_DOMAIN_METADATA_TITLE, NULL));
        assert_error(f, VIR_ERR_NO_DOMAIN_METADATA, "metadata not found: Requested metadata element is not present");
        assert_int_equal(set_metadata(f, VIR_DOMAIN_METADATA_TITLE, "T", NULL, NULL, VIR_DOMAIN_AFFECT_CONFIG), 0);
        assert_int_equal(set_metadata(f, VIR_DOMAIN_METADATA_DESCRIPTION, "D\nE", NULL, NULL, 0), 0);
        assert_int_equal(set_metadata(f, VIR_DOMAIN_METADATA_ELEMENT, "<a>1</a>", "k", "http://x", 0), 0);
        assert_true(set_metadata(f, VIR_DOMAIN_METADATA_TITLE, "a\nb", NULL, NULL, 0) < 0);
        assert_true(set_metadata(f, VIR_DOMAIN_METADATA_ELEMENT, "<a", "k", "http://x", 0) < 0);
        assert_true(set_metadata(f, VIR_DOMAIN_METADATA_TITLE, "x", NULL, NULL, VIR_DOMAIN_AFFECT_LIVE) < 0);
        assert_true(set_metadata(f, 7, "x", NULL, NULL, 0) < 0);
        assert_error(f, VIR_ERR_INVALID_ARG, "invalid argument: unknown metadata type '7'");
        restart(f);
        assert_string_equal(get_metadata(f, VIR_DOMAIN_METADATA_TITLE, NULL), "T");
        assert_string_equal(get_metadata(f, VIR_DOMAIN_METADATA_DESCRIPTION, NULL), "D\nE");
        assert_string_equal(get_metadata(f, VIR_DOMAIN_METADATA_ELEMENT, "http://x"), "<a>1</a>");
        assert_int_equal(set_metadata(f, VIR_DOMAIN_METADATA_ELEMENT, "<z:a xmlns:z='http://x'><z:b z:c='1'/></z:a>",
                                      "k", "http://x", 0),
                         0);
        assert_non_null(strstr(get_metadata(f, VIR_DOMAIN_METADATA_ELEMENT, "http://x"), "<b c=\"1\"/>"));
        assert_int_equal(set_metadata(f, VIR_DOMAIN_METADATA_ELEMENT, NULL, NULL, "http://x", 0), 0);
        assert_null(get_metadata(f, VIR_DOMAIN_METADATA_ELEMENT, "http://x"));
}

static int vcpus(Fixture *f, uint32_t flags)
{
        const remote_domain_get_vcpus_flags_args args = { guest(), flags };
        remote_domain_get_vcpus_flags_ret ret;

        assert_int_equal(vh_test_call(&f->t, REMOTE_PROC_DOMAIN_GET_VCPUS_FLAGS, &args, &ret), 0);
        return ret.num;
}

static int set_vcpus(Fixture *f, unsigned n, uint32_t flags)
{
        const remote_domain_set_vcpus_flags_args args = { guest(), n, flags };

        return vh_test_call(&f->t, REMOTE_PROC_DOMAIN_SET_VCPUS_FLAGS, &args, NULL);
}

static void vcpus_within_the_maximum(void **state)
{
        Fixture *f = *state;

        assert_int_equal(define(f, GUEST("g", G_UUID, "")), 0);
        assert_int_equal(set_vcpus(f, 2, 0), 0);
        assert_int_equal(vcpus(f, 0), 2);
        assert_int_equal(vcpus(f, VIR_DOMAIN_VCPU_MAXIMUM), 4);
        assert_true(set_vcpus(f, 5, VIR_DOMAIN_AFFECT_CONFIG) < 0);
        assert_error(f, VIR_ERR_INVALID_ARG,
                     "invalid argument: requested vcpus is greater than max allowable vcpus for the persistent domain: "
                     "5 > 4");
        assert_true(set_vcpus(f, 2, VIR_DOMAIN_AFFECT_LIVE) < 0);
        assert_true(set_vcpus(f, 0, VIR_DOMAIN_AFFECT_CONFIG) < 0);
        assert_int_equal(set_vcpus(f, 8, VIR_DOMAIN_AFFECT_CONFIG | VIR_DOMAIN_VCPU_MAXIMUM), 0);
        assert_int_equal(vcpus(f, 0), 2);
        assert_int_equal(set_vcpus(f, 1, VIR_DOMAIN_AFFECT_CONFIG | VIR_DOMAIN_VCPU_MAXIMUM), 0);
        restart(f);
        assert_int_equal(vcpus(f, 0), 1);
        assert_int_equal(vcpus(f, VIR_DOMAIN_VCPU_MAXIMUM), 1);
}

static int set_memory(Fixture *f, uint64_t kib, uint32_t flags)
{
        const remote_domain_set_memory_flags_args args = { guest(), kib, flags };

        return vh_test_call(&f->t, REMOTE_PROC_DOMAIN_SET_MEMORY_FLAGS, &args, NULL);
}

static void memory_within_the_maximum(void **state)
{
        Fixture *f = *state;
        const remote_domain_get_info_args args = { guest() };
        remote_domain_get_info_ret ret;

        assert_int_equal(define(f, GUEST("g", G_UUID, "")), 0);
        assert_int_equal(set_memory(f, 32768, VIR_DOMAIN_AFFECT_CONFIG), 0);
        assert_true(set_memory(f, 65537, VIR_DOMAIN_AFFECT_CONFIG) < 0);
        assert_error(f, VIR_ERR_INVALID_ARG, "invalid argument: cannot set memory higher than max memory");
        assert_int_equal(set_memory(f, 16384, VIR_DOMAIN_AFFECT_CONFIG | VIR_DOMAIN_MEM_MAXIMUM), 0);
        restart(f);
        assert_int_equal(vh_test_call(&f->t, REMOTE_PROC_DOMAIN_GET_INFO, &args, &ret), 0);
        assert_int_equal(ret.maxMem, 16384);
        assert_int_equal(ret.memory, 16384);
        assert_int_equal(ret.state, VIR_DOMAIN_SHUTOFF);
        assert_int_equal(ret.nrVirtCpu, 4);
}

static int attach(Fixture *f, const char *xml, uint32_t flags)
{
        const remote_domain_attach_device_flags_args args = { guest(), (char *)xml, flags };

        return vh_test_call(&f->t, REMOTE_PROC_DOMAIN_ATTACH_DEVICE_FLAGS, &args, NULL);
}

static void devices_come_and_go(void **state)
{
        Fixture *f = *state;
        const remote_domain_detach_device_flags_args detach = { guest(), (char *)NET, VIR_DOMAIN_AFFECT_CONFIG };

        assert_int_equal(define(f, GUEST("g", G_UUID, DISK)), 0);
        assert_true(attach(f, DISK, VIR_DOMAIN_AFFECT_CONFIG) < 0);
        assert_error(f, VIR_ERR_OPERATION_INVALID, "Requested operation is not valid: target vda already exists");
        assert_true(attach(f, NET, VIR_DOMAIN_AFFECT_LIVE) < 0);
        assert_true(attach(f, "<bogus/>", VIR_DOMAIN_AFFECT_CONFIG) < 0);
        assert_int_equal(attach(f, NET, VIR_DOMAIN_AFFECT_CONFIG), 0);
        restart(f);
        assert_non_null(strstr(dump(f, 0), "52:54:00:11:22:33"));
        assert_int_equal(vh_test_call(&f->t, REMOTE_PROC_DOMAIN_DETACH_DEVICE_FLAGS, &detach, NULL), 0);
        assert_null(strstr(dump(f, 0), "52:54:00:11:22:33"));
        assert_true(vh_test_call(&f->t, REMOTE_PROC_DOMAIN_DETACH_DEVICE_FLAGS, &detach, NULL) < 0);
}

static void update_replaces_the_device(void **state)
{
        Fixture *f = *state;
        const remote_domain_update_device_flags_args args = {
                guest(),
                (char *)"<disk type='file' device='disk'><source file='/other.img'/><target dev='vda' "
                        "bus='virtio'/></disk>",
                VIR_DOMAIN_AFFECT_CONFIG
        };
        const char *xml;

        assert_int_equal(define(f, GUEST("g", G_UUID, DISK)), 0);
        assert_int_equal(vh_test_call(&f->t, REMOTE_PROC_DOMAIN_UPDATE_DEVICE_FLAGS, &args, NULL), 0);
        xml = dump(f, 0);
        assert_non_null(strstr(xml, "/other.img"));
        assert_null(strstr(xml, "/x.img"));
}

static remote_typed_param uint_param(const char *name, unsigned v)
{
        return (remote_typed_param){ (char *)name, { .type = VIR_TYPED_PARAM_UINT, .ui = v } };
}

static remote_typed_param ull_param(const char *name, uint64_t v)
{
        return (remote_typed_param){ (char *)name, { .type = VIR_TYPED_PARAM_ULLONG, .ul = v } };
}

static int set_iotune(Fixture *f, remote_typed_param *params, uint32_t n)
{
        const remote_domain_set_block_io_tune_args args = {
                guest(), (char *)"vda", { n, params }, VIR_DOMAIN_AFFECT_CONFIG
        };

        return vh_test_call(&f->t, REMOTE_PROC_DOMAIN_SET_BLOCK_IO_TUNE, &args, NULL);
}

static void iotune_groups_are_set_together(void **state)
{
        Fixture *f = *state;
        const char *xml;

        assert_int_equal(define(f, GUEST("g", G_UUID, DISK)), 0);
        assert_int_equal(
                set_iotune(f,
                           (remote_typed_param[]){ ull_param("read_bytes_sec", 5000), ull_param("total_iops_sec", 10) },
                           2),
                0);
        assert_int_equal(set_iotune(f, (remote_typed_param[]){ ull_param("write_bytes_sec", 7000) }, 1), 0);
        xml = dump(f, 0);
        assert_non_null(strstr(xml, "<write_bytes_sec>7000<"));
        assert_null(strstr(xml, "read_bytes_sec"));
        assert_non_null(strstr(xml, "<total_iops_sec>10<"));
        assert_true(
                set_iotune(f, (remote_typed_param[]){ ull_param("read_bytes_sec", 1), ull_param("total_bytes_sec", 1) },
                           2) < 0);
        assert_error(f, VIR_ERR_INVALID_ARG,
                     "invalid argument: total and read/write of bytes_sec cannot be set at the same time");
        assert_true(set_iotune(f, (remote_typed_param[]){ uint_param("read_bytes_sec", 1) }, 1) < 0);
        assert_true(set_iotune(f, (remote_typed_param[]){ ull_param("bogus", 1) }, 1) < 0);
        assert_int_equal(f->t.err->code, VIR_ERR_ARGUMENT_UNSUPPORTED);
}

static void bandwidth_of_an_interface(void **state)
{
        Fixture *f = *state;
        remote_typed_param params[] = { uint_param("inbound.average", 100), uint_param("outbound.average", 50) };
        remote_domain_set_interface_parameters_args args = {
                guest(), (char *)"52:54:00:11:22:33", { 2, params }, VIR_DOMAIN_AFFECT_CONFIG
        };

        assert_int_equal(define(f, GUEST("g", G_UUID, NET)), 0);
        assert_int_equal(vh_test_call(&f->t, REMOTE_PROC_DOMAIN_SET_INTERFACE_PARAMETERS, &args, NULL), 0);
        assert_non_null(strstr(dump(f, 0), "<inbound average='100'/>"));
        params[0] = uint_param("inbound.average", 0);
        assert_int_equal(vh_test_call(&f->t, REMOTE_PROC_DOMAIN_SET_INTERFACE_PARAMETERS, &args, NULL), 0);
        assert_null(strstr(dump(f, 0), "inbound"));
        args.device = (char *)"vnet9";
        assert_true(vh_test_call(&f->t, REMOTE_PROC_DOMAIN_SET_INTERFACE_PARAMETERS, &args, NULL) < 0);
        assert_error(f, VIR_ERR_INVALID_ARG, "invalid argument: 'vnet9' is not a known interface");
}

static void scheduler_values_are_checked(void **state)
{
        Fixture *f = *state;
        remote_typed_param params[] = { ull_param("cpu_shares", 2048), ull_param("vcpu_period", 100000) };
        const remote_domain_set_scheduler_parameters_flags_args args = { guest(),
                                                                         { 2, params },
                                                                         VIR_DOMAIN_AFFECT_CONFIG };
        const remote_domain_get_scheduler_parameters_flags_args get = { guest(), 9, VIR_DOMAIN_AFFECT_CONFIG };
        remote_domain_get_scheduler_parameters_flags_ret ret;

        assert_int_equal(define(f, GUEST("g", G_UUID, "")), 0);
        assert_int_equal(vh_test_call(&f->t, REMOTE_PROC_DOMAIN_SET_SCHEDULER_PARAMETERS_FLAGS, &args, NULL), 0);
        restart(f);
        assert_int_equal(vh_test_call(&f->t, REMOTE_PROC_DOMAIN_GET_SCHEDULER_PARAMETERS_FLAGS, &get, &ret), 0);
        assert_int_equal(ret.params.len, 9);
        assert_int_equal(ret.params.val[0].value.ul, 2048);
        assert_int_equal(ret.params.val[1].value.ul, 100000);
        params[1] = ull_param("vcpu_period", 1);
        assert_true(vh_test_call(&f->t, REMOTE_PROC_DOMAIN_SET_SCHEDULER_PARAMETERS_FLAGS, &args, NULL) < 0);
        assert_error(f, VIR_ERR_INVALID_ARG,
                     "invalid argument: value of 'vcpu_period' is out of range [1000, 1000000]");
}

static void suspending_needs_a_running_guest(void **state)
{
        Fixture *f = *state;
        const remote_domain_suspend_args suspend = { guest() };

        assert_int_equal(define(f, GUEST("g", G_UUID, "")), 0);
        assert_true(vh_test_call(&f->t, REMOTE_PROC_DOMAIN_SUSPEND, &suspend, NULL) < 0);
        assert_error(f, VIR_ERR_OPERATION_INVALID, "Requested operation is not valid: domain is not running");
        assert_false(vh_driver_qemu.busy(f->t.state));
}

static void put_file(Fixture *f, const char *name, const char *text)
{
        _vh_free_ char *path = file_of(f, name);

        assert_int_equal(vh_file_write(path, text, strlen(text), 0600, (uid_t)-1, (gid_t)-1, VH_FILE_NO_SYNC), 0);
}

static void reload_finds_what_others_wrote(void **state)
{
        Fixture *f = *state;

        assert_int_equal(define(f, GUEST("g", G_UUID, "")), 0);
        put_file(f, "g.xml", GUEST("g", G_UUID, DISK));
        put_file(f, "h.xml", GUEST("h", "<uuid>99999999-3333-4444-8555-666677778888</uuid>", ""));
        put_file(f, "broken.xml", "<domain");
        assert_int_equal(vh_driver_qemu.reload(f->t.state, NULL), 0);
        assert_int_equal(count(f, 0), 2);
        assert_non_null(strstr(dump(f, 0), "/x.img"));
}

/* Content that the model does not know must not get lost by our writing the file. */
static void foreign_content_is_left_alone(void **state)
{
        Fixture *f = *state;
        _vh_free_ char *path = file_of(f, "g.xml"), *text = NULL;
        size_t len;

        put_file(f, "g.xml", GUEST("g", G_UUID, "<from-the-future/>"));
        restart(f);
        assert_int_equal(count(f, 0), 1);
        assert_true(set_vcpus(f, 2, VIR_DOMAIN_AFFECT_CONFIG) < 0);
        assert_int_equal(f->t.err->code, VIR_ERR_OPERATION_UNSUPPORTED);
        assert_non_null(strstr(f->t.err->message, "from-the-future"));
        assert_int_equal(vh_file_read(path, 65536, &text, &len), 0);
        assert_non_null(strstr(text, "<from-the-future/>"));
        assert_int_equal(define(f, GUEST("g", G_UUID, "")), 0);
        assert_int_equal(set_vcpus(f, 2, VIR_DOMAIN_AFFECT_CONFIG), 0);
}

static void second_daemon_is_kept_out(void **state)
{
        Fixture *f = *state;
        int status;
        pid_t pid = fork();

        assert_int_not_equal(pid, -1);
        if (pid == 0) {
                void *other;

                _exit(vh_driver_qemu.start(&other, &f->env, NULL) < 0 ? 42 : 0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(WEXITSTATUS(status), 42);
}

static void uris_by_privilege(void **state)
{
        Fixture *f = *state;
        VhConn conn = { .driver = &vh_driver_qemu, .state = f->t.state };

        /* Root may use both names for the same guests. */
        assert_int_equal(vh_driver_qemu.open(f->t.state, &conn, "/session", NULL, NULL), 0);
        assert_true(vh_driver_qemu.open(f->t.state, &conn, "/", NULL, NULL) < 0);
        vh_test_driver_stop(&f->t);
        f->env.privileged = false;
        assert_int_equal(vh_test_driver_start(&f->t, &vh_driver_qemu, &f->env, "/session"), 0);
        assert_true(vh_driver_qemu.open(f->t.state, &conn, "/system", NULL, NULL) < 0);
}

static void define_for_ever(Fixture *f, int report)
{
        for (unsigned i = 1;; i++) {
                if (define(f, i % 2 ? GUEST("g", G_UUID, "") : GUEST("g", G_UUID, DISK NET VNC)) < 0)
                        _exit(1);
                if (write(report, &i, sizeof(i)) != sizeof(i))
                        _exit(1);
        }
}

static void kill_loses_no_guest(void **state)
{
        Fixture *f = *state;

        for (int round = 0; round < 20; round++) {
                struct timespec wait = { .tv_nsec = 2000000 + round * 1700000L };
                unsigned done = 0, i;
                int fds[2];
                pid_t pid;

                vh_test_driver_stop(&f->t);
                assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
                pid = fork();
                if (pid == 0) {
                        if (vh_test_driver_start(&f->t, &vh_driver_qemu, &f->env, "/system") < 0)
                                _exit(1);
                        define_for_ever(f, fds[1]);
                }
                close(fds[1]);
                while (done == 0 && read(fds[0], &i, sizeof(i)) == sizeof(i))
                        done = i;
                assert_true(done);
                nanosleep(&wait, NULL);
                kill(pid, SIGKILL);
                waitpid(pid, NULL, 0);
                close(fds[0]);
                assert_int_equal(vh_test_driver_start(&f->t, &vh_driver_qemu, &f->env, "/system"), 0);
                assert_int_equal(count(f, 0), 1);
                assert_non_null(strstr(dump(f, 0), UUID_TEXT));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
                T(definition_survives_restart),
                T(passwords_only_with_secure),
                T(name_and_uuid_belong_together),
                T(bad_definitions_are_refused),
                T(unknown_domains_are_not_found),
                T(undefine_removes_everything),
                T(undefine_minds_saved_state),
                T(rename_keeps_the_guest),
                T(events_tell_of_changes),
                T(metadata_of_all_kinds),
                T(vcpus_within_the_maximum),
                T(memory_within_the_maximum),
                T(devices_come_and_go),
                T(update_replaces_the_device),
                T(iotune_groups_are_set_together),
                T(bandwidth_of_an_interface),
                T(scheduler_values_are_checked),
                T(suspending_needs_a_running_guest),
                T(reload_finds_what_others_wrote),
                T(foreign_content_is_left_alone),
                T(second_daemon_is_kept_out),
                T(uris_by_privilege),
                T(kill_loses_no_guest),
        };

        return cmocka_run_group_tests(tests, make_cache, remove_cache);
}
