/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/file.h"
#include "driver/host-private.h"

typedef struct Fixture {
        char root[32];
        VhHost *host;
} Fixture;

static void put(const Fixture *f, const char *path, const char *text)
{
        _vh_free_ char *full = vh_path_join(f->root, path);
        char *slash = strrchr(full, '/');

        *slash = '\0';
        assert_int_equal(vh_mkdir_p(full, 0755), 0);
        *slash = '/';
        assert_int_equal(vh_file_write(full, text, strlen(text), 0644, (uid_t)-1, (gid_t)-1, VH_FILE_NO_SYNC), 0);
}

static void put_cpu(const Fixture *f, unsigned cpu, unsigned socket, unsigned core, const char *siblings)
{
        char path[96], text[16];

        snprintf(path, sizeof(path), "sys/devices/system/cpu/cpu%u/topology/physical_package_id", cpu);
        snprintf(text, sizeof(text), "%u\n", socket);
        put(f, path, text);
        snprintf(path, sizeof(path), "sys/devices/system/cpu/cpu%u/topology/core_id", cpu);
        snprintf(text, sizeof(text), "%u\n", core);
        put(f, path, text);
        snprintf(path, sizeof(path), "sys/devices/system/cpu/cpu%u/topology/thread_siblings_list", cpu);
        put(f, path, siblings);
}

static void put_cell(const Fixture *f, unsigned cell, const char *cpus, unsigned total, unsigned unused)
{
        char path[96], text[128];

        snprintf(path, sizeof(path), "sys/devices/system/node/node%u/cpulist", cell);
        put(f, path, cpus);
        snprintf(path, sizeof(path), "sys/devices/system/node/node%u/meminfo", cell);
        snprintf(text, sizeof(text), "Node %u MemTotal: %8u kB\nNode %u MemFree: %8u kB\n", cell, total, cell, unused);
        put(f, path, text);
        snprintf(path, sizeof(path), "sys/devices/system/node/node%u/distance", cell);
        put(f, path, cell ? "21 10\n" : "10 21\n");
        snprintf(path, sizeof(path), "sys/devices/system/node/node%u/hugepages/hugepages-2048kB/nr_hugepages", cell);
        put(f, path, "100\n");
        snprintf(path, sizeof(path), "sys/devices/system/node/node%u/hugepages/hugepages-2048kB/free_hugepages", cell);
        put(f, path, cell ? "7\n" : "40\n");
}

/* Two cells of one socket each, two cores a socket, two threads a core; processor 7 is offline. */
static int setup(void **state)
{
        Fixture *f = vh_new(Fixture, 1);

        strcpy(f->root, "/tmp/vh-host-XXXXXX");
        assert_non_null(mkdtemp(f->root));
        put(f, "proc/meminfo", "MemTotal:   4000000 kB\nMemFree:    1000000 kB\nBuffers:  300 kB\nCached:  400 kB\n");
        put(f, "proc/stat", "cpu  10 20 30 40 50 60 70 80 0 0\ncpu0 1 2 3 4 5 6 7 8 0 0\ncpu10 9 9 9 9 9 9 9 9 0 0\n");
        put(f, "proc/cpuinfo",
            "processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t\t: 1\nmodel name\t: X\nstepping\t: "
            "3\n"
            "microcode\t: 0x10\ncpu MHz\t\t: 2450.123\naddress sizes\t: 48 bits physical, 48 bits virtual\n");
        put(f, "sys/devices/system/cpu/online", "0-6\n");
        put(f, "sys/devices/system/cpu/present", "0-7\n");
        put(f, "sys/devices/system/node/online", "0-1\n");
        put(f, "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "200\n");
        put_cell(f, 0, "0-3\n", 2000000, 600000);
        put_cell(f, 1, "4-7\n", 2000000, 400000);
        for (unsigned cpu = 0; cpu < 8; cpu++) {
                char siblings[16];

                snprintf(siblings, sizeof(siblings), "%u-%u\n", cpu & ~1u, cpu | 1);
                put_cpu(f, cpu, cpu / 4, cpu / 2 % 2, siblings);
        }
        f->host = vh_host_new(f->root);
        *state = f;
        return 0;
}

static int remove_node(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        return remove(path);
}

static int teardown(void **state)
{
        Fixture *f = *state;

        vh_host_free(f->host);
        nftw(f->root, remove_node, 16, FTW_DEPTH | FTW_PHYS);
        free(f);
        return 0;
}

static void regular_machine_has_its_shape(void **state)
{
        Fixture *f = *state;
        VhHostNodeInfo info;

        assert_int_equal(vh_host_node_info(f->host, &info, NULL), 0);
        assert_int_equal(info.memory_kib, 4000000);
        assert_int_equal(info.cpus, 7);
        assert_int_equal(info.mhz, 2450);
        assert_int_equal(info.nodes, 2);
        assert_int_equal(info.sockets, 1);
        assert_int_equal(info.cores, 2);
        assert_int_equal(info.threads, 2);
}

static void irregular_machine_is_flat(void **state)
{
        Fixture *f = *state;
        VhHostNodeInfo info;

        put_cpu(f, 3, 0, 5, "3\n");
        assert_int_equal(vh_host_node_info(f->host, &info, NULL), 0);
        assert_int_equal(info.nodes, 1);
        assert_int_equal(info.sockets, 1);
        assert_int_equal(info.cores, 8);
        assert_int_equal(info.threads, 1);
}

static void map_counts_processors_that_are_off(void **state)
{
        Fixture *f = *state;
        VhHostBits map;

        assert_int_equal(vh_host_cpu_map(f->host, &map, NULL), 7);
        assert_int_equal(map.n, 8);
        assert_int_equal(map.bytes[0], 0x7f);
        vh_host_bits_done(&map);
}

static void cpu_time_is_in_ns(void **state)
{
        Fixture *f = *state;
        uint64_t tick = 1000000000ull / (uint64_t)sysconf(_SC_CLK_TCK);
        VhHostStat stats[VH_HOST_CPU_STATS];
        _vh_error_ VhError *err = NULL;

        assert_int_equal(vh_host_cpu_stats(f->host, VH_HOST_ALL_CPUS, stats, NULL), VH_HOST_CPU_STATS);
        assert_string_equal(stats[0].name, "kernel");
        assert_int_equal(stats[0].value, (30 + 60 + 70) * tick);
        assert_int_equal(stats[1].value, (10 + 20) * tick);
        assert_int_equal(stats[2].value, 40 * tick);
        assert_int_equal(stats[3].value, 50 * tick);
        assert_int_equal(vh_host_cpu_stats(f->host, 0, stats, NULL), VH_HOST_CPU_STATS);
        assert_int_equal(stats[2].value, 4 * tick);
        assert_int_equal(vh_host_cpu_stats(f->host, 1, stats, &err), -EINVAL);
        assert_string_equal(err->message, "Invalid cpuNum in virHostCPUGetStatsLinux");
}

static void memory_of_node_and_cell(void **state)
{
        Fixture *f = *state;
        VhHostStat stats[VH_HOST_MEMORY_STATS];
        _vh_error_ VhError *err = NULL;
        uint64_t bytes;

        assert_int_equal(vh_host_memory_stats(f->host, VH_HOST_ALL_CELLS, stats, NULL), 4);
        assert_int_equal(stats[0].value, 4000000);
        assert_int_equal(stats[3].value, 400);
        assert_int_equal(vh_host_memory_stats(f->host, 1, stats, NULL), 2);
        assert_int_equal(stats[1].value, 400000);
        assert_int_equal(vh_host_memory_stats(f->host, 2, stats, &err), -EINVAL);
        assert_string_equal(err->message, "cellNum in virHostMemGetStats must be less than or equal to 1");
        assert_int_equal(vh_host_free_memory(f->host, &bytes, NULL), 0);
        assert_int_equal(bytes, 1000000 * 1024ull);
}

static void cells_beyond_the_last_are_left_out(void **state)
{
        Fixture *f = *state;
        _vh_error_ VhError *err = NULL;
        uint64_t bytes[8];

        assert_int_equal(vh_host_cells_free_memory(f->host, 0, 8, bytes, NULL), 2);
        assert_int_equal(bytes[0], 600000 * 1024ull);
        assert_int_equal(bytes[1], 400000 * 1024ull);
        assert_int_equal(vh_host_cells_free_memory(f->host, 1, 1, bytes, NULL), 1);
        assert_true(vh_host_cells_free_memory(f->host, 2, 1, bytes, &err) < 0);
        assert_string_equal(err->message, "internal error: start cell 2 out of range (0-1)");
}

static void free_pages_by_size_and_cell(void **state)
{
        Fixture *f = *state;
        const unsigned sizes[] = { 4, 2048 }, odd[] = { 8 };
        _vh_error_ VhError *err = NULL;
        uint64_t counts[8];

        assert_int_equal(vh_host_free_pages(f->host, sizes, 2, 0, 2, counts, NULL), 4);
        assert_int_equal(counts[0], 150000);
        assert_int_equal(counts[1], 40);
        assert_int_equal(counts[3], 7);
        assert_int_equal(vh_host_free_pages(f->host, &sizes[1], 1, -1, 1, counts, NULL), 1);
        assert_int_equal(counts[0], 47);
        assert_true(vh_host_free_pages(f->host, odd, 1, 1, 1, counts, &err) < 0);
        assert_string_equal(err->message, "operation failed: page size 8 is not available on node 1");
}

static void pools_are_set_or_added_to(void **state)
{
        Fixture *f = *state;
        const unsigned huge = 2048, small = 4;
        const uint64_t three = 3;
        _vh_free_ char *text = NULL;
        _vh_error_ VhError *err = NULL;

        assert_int_equal(vh_host_alloc_pages(f->host, &huge, &three, 1, 1, 1, true, NULL), 1);
        assert_int_equal(
                vh_host_read(f->host, &text, "sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages"),
                0);
        assert_int_equal(atoi(text), 103);
        assert_true(vh_host_alloc_pages(f->host, &small, &three, 1, 0, 1, true, &err) < 0);
        assert_string_equal(err->message, "Operation not supported: system pages pool can't be modified");
}

static void ksm_reads_writes_and_misses(void **state)
{
        Fixture *f = *state;
        uint64_t value;

        assert_int_equal(vh_host_ksm_get(f->host, &vh_host_ksm_params[0], &value, NULL), -ENOENT);
        put(f, "sys/kernel/mm/ksm/pages_to_scan", "100\n");
        assert_int_equal(vh_host_ksm_set(f->host, &vh_host_ksm_params[0], 250, NULL), 0);
        assert_int_equal(vh_host_ksm_get(f->host, &vh_host_ksm_params[0], &value, NULL), 0);
        assert_int_equal(value, 250);
}

static void no_numa_means_one_cell(void **state)
{
        Fixture *f = *state;
        _vh_free_ char *path = vh_path_join(f->root, "sys/devices/system/node");
        VhHostNodeInfo info;
        uint64_t bytes[2];

        assert_int_equal(nftw(path, remove_node, 16, FTW_DEPTH | FTW_PHYS), 0);
        assert_int_equal(vh_host_node_info(f->host, &info, NULL), 0);
        assert_int_equal(info.nodes, 1);
        assert_int_equal(info.sockets, 2);
        assert_int_equal(vh_host_cells_free_memory(f->host, 0, 2, bytes, NULL), 1);
        assert_int_equal(bytes[0], 1000000 * 1024ull);
}

static void nonsense_in_files_is_no_crash(void **state)
{
        static const char *const nonsense[] = { "", "-", "0-", "9-1", "x", "0,,1", "1 2", "0-99999999" };
        Fixture *f = *state;

        for (size_t i = 0; i < VH_ARRAY_SIZE(nonsense); i++) {
                VhHostNodeInfo info;
                VhBuf buf = { 0 };

                put(f, "sys/devices/system/cpu/online", nonsense[i]);
                put(f, "sys/devices/system/node/online", nonsense[i]);
                put(f, "sys/devices/system/node/node0/cpulist", nonsense[i]);
                (void)vh_host_node_info(f->host, &info, NULL);
                vh_host_caps_format(f->host, &(VhHostCapsArgs){ 0 }, &buf);
                assert_non_null(strstr(buf.data, "</host>"));
                vh_buf_done(&buf);
        }
}

static void capabilities_tell_the_machine(void **state)
{
        static const char *const transports[] = { "tcp", NULL };
        static const char *const expected[] = {
                "<vendor>AMD</vendor>",
                "<signature family='25' model='1' stepping='3'/>",
                "<microcode version='16'/>",
                "<maxphysaddr mode='emulate' bits='48'/>",
                "<topology sockets='1' dies='1' cores='2' threads='2'/>",
                "<cells num='2'>",
                "<memory unit='KiB'>2000000</memory>",
                "<pages unit='KiB' size='4'>448800</pages>",
                "<pages unit='KiB' size='2048'>100</pages>",
                "<sibling id='1' value='21'/>",
                "<cpu id='1' socket_id='0' die_id='0' core_id='0' siblings='0-1'/>",
                "<cpu id='7'/>",
                "<uri_transport>tcp</uri_transport>",
                "<model>none</model>",
                "<baselabel type='kvm'>+1:+2</baselabel>",
                "<iommu support='no'/>",
        };
        Fixture *f = *state;
        const VhHostSecModel none = { .model = "none", .doi = "0" };
        VhHostSecModel models[VH_HOST_SEC_MODELS_MAX];
        VhHostCapsArgs args = { .models = models, .migration_transports = transports };
        VhBuf buf = { 0 };

        args.n_models = vh_host_sec_models(&none, true, "+1:+2", models);
        assert_int_equal(args.n_models, 2);
        vh_host_caps_format(f->host, &args, &buf);
        for (size_t i = 0; i < VH_ARRAY_SIZE(expected); i++)
                if (!strstr(buf.data, expected[i]))
                        fail_msg("missing %s in\n%s", expected[i], buf.data);
        vh_buf_done(&buf);
}

static void uuid_comes_from_dmi_or_machine_id(void **state)
{
        Fixture *f = *state;
        uint8_t uuid[VH_UUID_LEN];
        char text[VH_UUID_TEXT_LEN + 1];

        assert_int_equal(vh_host_uuid(f->host, uuid), -ENOENT);
        put(f, "etc/machine-id", "3d1219c7c4c5404aaa1f6d2a48adfda4\n");
        assert_int_equal(vh_host_uuid(f->host, uuid), 0);
        assert_string_equal(vh_uuid_format(uuid, text), "3d1219c7-c4c5-404a-aa1f-6d2a48adfda4");
        put(f, "sys/class/dmi/id/product_uuid", "11111111-2222-3333-4444-555555555555\n");
        assert_int_equal(vh_host_uuid(f->host, uuid), 0);
        assert_int_equal(uuid[0], 0x11);
}

static void put_bytes(const Fixture *f, const char *path, const void *data, size_t len)
{
        _vh_free_ char *full = vh_path_join(f->root, path);

        put(f, path, "");
        assert_int_equal(vh_file_write(full, data, len, 0600, (uid_t)-1, (gid_t)-1, VH_FILE_NO_SYNC), 0);
}

/* BIOS with vendor, version and date; a system with a UUID; the end. */
static const char dmi[] = "\x00\x18\x00\x00\x01\x02\x00\xe0\x03\x00\0\0\0\0\0\0\0\0\x00\x00\x02\x07\xff\xff"
                          "Vendor\0"
                          "1.0  \0"
                          "01/02/2003\0\0"
                          "\x01\x1b\x01\x00\x01\x02\x00\x00"
                          "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x06\x00\x00"
                          "A & B\0"
                          "Box\0\0"
                          "\x7f\x04\x02\x00\0";

static void smbios_tables_become_sysinfo(void **state)
{
        Fixture *f = *state;
        _vh_free_ char *xml = NULL;

        put_bytes(f, "sys/firmware/dmi/tables/DMI", dmi, sizeof(dmi));
        assert_int_equal(vh_host_sysinfo_xml(f->host, &xml, NULL), 0);
        assert_string_equal(xml, "<sysinfo type='smbios'>\n"
                                 "  <bios>\n"
                                 "    <entry name='vendor'>Vendor</entry>\n"
                                 "    <entry name='version'>1.0</entry>\n"
                                 "    <entry name='date'>01/02/2003</entry>\n"
                                 "    <entry name='release'>2.7</entry>\n"
                                 "  </bios>\n"
                                 "  <system>\n"
                                 "    <entry name='manufacturer'>A &amp; B</entry>\n"
                                 "    <entry name='product'>Box</entry>\n"
                                 "    <entry name='uuid'>03020100-0504-0706-0809-0a0b0c0d0e0f</entry>\n"
                                 "  </system>\n"
                                 "</sysinfo>\n");
}

static void broken_smbios_tables_are_no_crash(void **state)
{
        Fixture *f = *state;

        for (size_t len = 0; len < sizeof(dmi); len++) {
                char copy[sizeof(dmi)];
                _vh_free_ char *xml = NULL;

                memcpy(copy, dmi, sizeof(dmi));
                copy[len] = (char)0xff;
                put_bytes(f, "sys/firmware/dmi/tables/DMI", dmi, len);
                assert_int_equal(vh_host_sysinfo_xml(f->host, &xml, NULL), 0);
                free(xml);
                put_bytes(f, "sys/firmware/dmi/tables/DMI", copy, sizeof(copy));
                assert_int_equal(vh_host_sysinfo_xml(f->host, &xml, NULL), 0);
        }
}

static void no_smbios_is_an_error(void **state)
{
        Fixture *f = *state;
        _vh_error_ VhError *err = NULL;
        char *xml;

        assert_true(vh_host_sysinfo_xml(f->host, &xml, &err) < 0);
        assert_string_equal(err->message, "unsupported configuration: Host SMBIOS information is not available");
}

static void this_machine_answers(void **state)
{
        VhHost *host = vh_host_new(NULL);
        VhHostNodeInfo info;
        _vh_free_ char *name = NULL;

        assert_int_equal(vh_host_node_info(host, &info, NULL), 0);
        assert_int_equal(info.cpus, sysconf(_SC_NPROCESSORS_ONLN));
        assert_true(info.memory_kib > 0);
        assert_int_equal(vh_host_name(host, &name, NULL), 0);
        assert_true(*name);
        vh_host_free(host);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
                T(regular_machine_has_its_shape),
                T(irregular_machine_is_flat),
                T(map_counts_processors_that_are_off),
                T(cpu_time_is_in_ns),
                T(memory_of_node_and_cell),
                T(cells_beyond_the_last_are_left_out),
                T(free_pages_by_size_and_cell),
                T(pools_are_set_or_added_to),
                T(ksm_reads_writes_and_misses),
                T(no_numa_means_one_cell),
                T(nonsense_in_files_is_no_crash),
                T(capabilities_tell_the_machine),
                T(uuid_comes_from_dmi_or_machine_id),
                T(smbios_tables_become_sysinfo),
                T(broken_smbios_tables_are_no_crash),
                T(no_smbios_is_an_error),
                cmocka_unit_test(this_machine_answers),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
