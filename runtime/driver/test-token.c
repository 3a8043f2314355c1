/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The system token: made once, read by all, never in parts. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <cmocka.h>

#include "base/file.h"
#include "driver/token.h"

enum { DAEMONS = 8 };

static char dir[] = "/tmp/vh-test-token-XXXXXX";

static int set_up(void **state)
{
        strcpy(dir, "/tmp/vh-test-token-XXXXXX");
        return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
        _vh_free_ char *common = vh_path_join(dir, "common");
        _vh_free_ char *path = vh_path_join(common, "system.token");

        unlink(path);
        rmdir(common);
        return rmdir(dir);
}

/* In a child: writes the token that it got to fd. */
static void report_token(int fd)
{
        _vh_free_ char *token = NULL;

        if (vh_system_token(dir, &token, NULL) < 0 || write(fd, token, VH_TOKEN_LEN) != VH_TOKEN_LEN)
                _exit(EXIT_FAILURE);
        _exit(EXIT_SUCCESS);
}

static void test_many_start_at_once(void **state)
{
        char all[DAEMONS][VH_TOKEN_LEN];
        int fds[2];

        assert_int_equal(pipe(fds), 0);
        for (int i = 0; i < DAEMONS; i++)
                if (fork() == 0)
                        report_token(fds[1]);
        for (int i = 0; i < DAEMONS; i++) {
                assert_int_equal(read(fds[0], all[i], VH_TOKEN_LEN), VH_TOKEN_LEN);
                assert_memory_equal(all[i], all[0], VH_TOKEN_LEN);
        }
        while (wait(NULL) > 0)
                ;
        close(fds[0]);
        close(fds[1]);
}

static void test_file(void **state)
{
        _vh_free_ char *token = NULL;
        _vh_free_ char *path = vh_xasprintf("%s/common/system.token", dir);
        struct stat st;

        assert_int_equal(vh_system_token(dir, &token, NULL), 0);
        assert_int_equal(strlen(token), VH_TOKEN_LEN);
        assert_int_equal(strspn(token, "0123456789abcdef"), VH_TOKEN_LEN);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        assert_int_equal(st.st_size, VH_TOKEN_LEN);
}

static void test_damaged_file(void **state)
{
        _vh_free_ char *token = NULL;
        _vh_free_ char *path = vh_xasprintf("%s/common/system.token", dir);
        _vh_error_ VhError *err = NULL;

        assert_int_equal(vh_system_token(dir, &token, NULL), 0);
        assert_int_equal(truncate(path, 5), 0);
        free(VH_TAKE_PTR(token));
        assert_true(vh_system_token(dir, &token, &err) < 0);
        assert_non_null(strstr(err->message, path));
        assert_null(token);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_many_start_at_once, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_file, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_damaged_file, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
