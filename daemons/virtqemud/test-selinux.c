/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Contexts and categories of guests, and what files remember. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "label-memory.h"
#include "selinux-context.h"

#define KERNEL "system_u:system_r:kernel_t:s0"

static void test_range(void **state)
{
        assert_string_equal(qemu_context_range("u:r:t:s0-s0:c0.c1023"), "s0-s0:c0.c1023");
        assert_string_equal(qemu_context_range("u:r:t:"), "");
        assert_null(qemu_context_range("u:r:t"));
        assert_null(qemu_context_range(""));
}

static void check_make(const char *base, bool object, const char *range, const char *expected)
{
        _vh_free_ char *context =
                qemu_context_make(base, "unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023", object, range);

        if (expected)
                assert_string_equal(context, expected);
        else
                assert_null(context);
}

static void test_make(void **state)
{
        check_make("system_u:system_r:svirt_t:s0", false, "s0:c1,c2", "unconfined_u:unconfined_r:svirt_t:s0:c1,c2");
        check_make("system_u:object_r:svirt_image_t:s0", true, "s0:c1,c2",
                   "unconfined_u:object_r:svirt_image_t:s0:c1,c2");
        check_make("system_u:object_r:svirt_image_t", true, NULL, "unconfined_u:object_r:svirt_image_t");
        check_make("svirt_t", false, "s0", NULL);
        check_make("u:r", true, "s0", NULL);
}

static void check_mcs(const char *context, const char *sensitivity, unsigned min, unsigned max)
{
        QemuMcs mcs;
        int r = qemu_mcs_parse(context, &mcs);

        if (!sensitivity) {
                assert_int_equal(r, -EINVAL);
                return;
        }
        assert_int_equal(r, 0);
        assert_string_equal(mcs.sensitivity, sensitivity);
        assert_int_equal(mcs.min, min);
        assert_int_equal(mcs.max, max);
}

static void test_mcs(void **state)
{
        check_mcs(KERNEL, "s0", 0, 1023);
        check_mcs("u:r:t:s0-s0:c0.c1023", "s0", 0, 1023);
        check_mcs("u:r:t:s1:c5-s3:c100.c200", "s1", 100, 200);
        check_mcs("u:r:t:s0-s15", "s0", 0, 1023);
        check_mcs("u:r:t", NULL, 0, 0);
        check_mcs("u:r:t:s0:c1,c5", NULL, 0, 0);
        check_mcs("u:r:t:s0:c1.c3", NULL, 0, 0);
        check_mcs("u:r:t:s0:c9.c3", NULL, 0, 0);
        check_mcs("u:r:t:s0:c0.c9999", NULL, 0, 0);
        check_mcs("u:r:t:s0:c0.c1023x", NULL, 0, 0);
        check_mcs("u:r:t:a-sensitivity-that-is-longer-than-any", "a", 0, 1023);
        check_mcs("u:r:t:a_sensitivity_that_is_longer_than_any_should_be", NULL, 0, 0);
}

enum { LAST = 9, PAIRS = (LAST + 1) * LAST / 2 };

typedef struct Given {
        char *ranges[PAIRS];
        size_t n;
} Given;

static bool is_given(void *data, const char *range)
{
        const Given *given = data;

        for (size_t i = 0; i < given->n; i++)
                if (strcmp(given->ranges[i], range) == 0)
                        return true;
        return false;
}

/* Each pair is given once, lower category first, until there is none. */
static void test_pick(void **state)
{
        const QemuMcs mcs = { .sensitivity = "s0", .min = 0, .max = LAST };
        Given given = { 0 };
        char *range;

        while (given.n < PAIRS && (range = qemu_mcs_pick(&mcs, is_given, &given))) {
                unsigned low, high;

                assert_int_equal(sscanf(range, "s0:c%u,c%u", &low, &high), 2);
                assert_true(low < high && high <= LAST);
                assert_false(is_given(&given, range));
                given.ranges[given.n++] = range;
        }
        assert_int_equal(given.n, PAIRS);
        assert_null(qemu_mcs_pick(&mcs, is_given, &given));
        for (size_t i = 0; i < given.n; i++)
                free(given.ranges[i]);
}

/* Files of a system that keeps attributes remember, each model by itself. */
static void test_memory(void **state)
{
        char path[] = "/tmp/vh-test-memory-XXXXXX";
        int fd = mkstemp(path), r;
        QemuLabelMemory m = { .count = 2, .value = KERNEL };

        assert_true(fd >= 0);
        r = qemu_memory_note(path, "selinux", &m);
        if (r == 0) {
                assert_int_equal(qemu_memory_recall(path, "dac", &m), 0);
                assert_int_equal(m.count, 0);
                assert_int_equal(qemu_memory_recall(path, "selinux", &m), 0);
                assert_int_equal(m.count, 2);
                assert_string_equal(m.value, KERNEL);
                qemu_memory_forget(path, "selinux");
                assert_int_equal(qemu_memory_recall(path, "selinux", &m), 0);
                assert_int_equal(m.count, 0);
        } else
                assert_true(r == -EPERM || r == -EOPNOTSUPP);
        close(fd);
        unlink(path);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_range), cmocka_unit_test(test_make),   cmocka_unit_test(test_mcs),
                cmocka_unit_test(test_pick),  cmocka_unit_test(test_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
