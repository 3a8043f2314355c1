/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/nofile.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

enum { SOFT = 100, HARD = 200 };

static int setup(void **state)
{
        return setrlimit(RLIMIT_NOFILE, &(struct rlimit){ SOFT, HARD });
}

static void test_raise(void **state)
{
        uint64_t before, now;

        assert_int_equal(vh_nofile_raise(&before, &now), 0);
        assert_int_equal(before, SOFT);
        assert_int_equal(now, HARD);
        assert_int_equal(vh_nofile_raise(&before, &now), 0);
        assert_int_equal(before, HARD);
}

static uint64_t soft_of_child(uint64_t given)
{
        struct rlimit limit;
        pid_t pid = fork();

        if (pid == 0) {
                pause();
                _exit(0);
        }
        assert_true(pid > 0);
        assert_int_equal(vh_nofile_give(pid, given), 0);
        assert_int_equal(prlimit(pid, RLIMIT_NOFILE, NULL, &limit), 0);
        assert_int_equal(limit.rlim_max, HARD);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        return limit.rlim_cur;
}

static void test_give(void **state)
{
        uint64_t before, now;

        assert_int_equal(vh_nofile_raise(&before, &now), 0);
        assert_int_equal(soft_of_child(before), SOFT);
        assert_int_equal(soft_of_child(0), HARD);
        assert_int_equal(soft_of_child(HARD + 1), HARD);
        assert_int_equal(vh_nofile_give(-1, SOFT), -ESRCH);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_raise, setup),
                cmocka_unit_test_setup(test_give, setup),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
