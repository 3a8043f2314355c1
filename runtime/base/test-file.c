/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sched.h>
#include <cmocka.h>

typedef struct Dir {
        char path[64];
} Dir;

static int dir_setup(void **state)
{
        Dir *d = vh_new(Dir, 1);

        snprintf(d->path, sizeof(d->path), "/tmp/vh-test-file.XXXXXX");
        *state = d;
        return mkdtemp(d->path) ? 0 : -1;
}

static int dir_teardown(void **state)
{
        Dir *d = *state;
        _vh_free_ char *cmd = vh_xasprintf("chmod -R u+rwx '%s' && rm -rf '%s'", d->path, d->path);
        int r = system(cmd);

        free(d);
        return r;
}

static char *in(void **state, const char *name)
{
        return vh_path_join(((Dir *)*state)->path, name);
}

static int put(const char *path, const char *text, mode_t mode, VhFileFlags flags)
{
        return vh_file_write(path, text, strlen(text), mode, (uid_t)VH_FILE_SAME_OWNER, (gid_t)VH_FILE_SAME_OWNER,
                             flags);
}

static void assert_content(const char *path, const char *text)
{
        _vh_free_ char *data = NULL;
        size_t len;

        assert_int_equal(vh_file_read(path, 1 << 20, &data, &len), 0);
        assert_string_equal(data, text);
        assert_int_equal(len, strlen(text));
}

static unsigned count_entries(const char *dir)
{
        DIR *d = opendir(dir);
        unsigned n = 0;

        assert_non_null(d);
        for (struct dirent *e = readdir(d); e; e = readdir(d))
                n += e->d_name[0] != '.' || (e->d_name[1] != '\0' && strcmp(e->d_name, "..") != 0);
        closedir(d);
        return n;
}

static mode_t mode_of(const char *path)
{
        struct stat st;

        assert_int_equal(lstat(path, &st), 0);
        return st.st_mode & 07777;
}

static void test_read_limit(void **state)
{
        _vh_free_ char *path = in(state, "f");
        _vh_free_ char *data = NULL;
        size_t len;

        assert_int_equal(put(path, "12345", 0644, 0), 0);
        assert_int_equal(vh_file_read(path, 4, &data, &len), -EFBIG);
        assert_null(data);
        assert_int_equal(vh_file_read(path, 5, &data, &len), 0);
        assert_int_equal(len, 5);
        assert_int_equal(vh_file_read("/nonexistent/x", 5, &data, &len), -ENOENT);
        assert_int_equal(vh_file_read("/tmp", 5, &data, &len), -EISDIR);
}

static void test_read_large_and_endless(void **state)
{
        _vh_free_ char *path = in(state, "f");
        _vh_free_ char *big = vh_xcalloc(100000, 1);
        _vh_free_ char *data = NULL;
        size_t len;

        memset(big, 'x', 99999);
        assert_int_equal(put(path, big, 0644, 0), 0);
        assert_content(path, big);
        assert_int_equal(vh_file_read("/dev/zero", 1 << 20, &data, &len), -EFBIG);
}

static void test_write_mode_ignores_umask(void **state)
{
        _vh_free_ char *path = in(state, "f");
        mode_t old = umask(077);

        assert_int_equal(put(path, "a", 0664, 0), 0);
        umask(old);
        assert_int_equal(mode_of(path), 0664);
        assert_int_equal(put(path, "b", 0600, VH_FILE_KEEP_ATTRS), 0);
        assert_int_equal(mode_of(path), 0664);
        assert_int_equal(put(path, "c", 0600, 0), 0);
        assert_int_equal(mode_of(path), 0600);
        assert_content(path, "c");
        assert_int_equal(count_entries(((Dir *)*state)->path), 1);
}

static void test_write_new_refuses_existing(void **state)
{
        _vh_free_ char *path = in(state, "f");

        assert_int_equal(put(path, "a", 0644, VH_FILE_NEW), 0);
        assert_int_equal(put(path, "b", 0644, VH_FILE_NEW), -EEXIST);
        assert_content(path, "a");
        assert_int_equal(count_entries(((Dir *)*state)->path), 1);
}

static void test_write_equal_keeps_time(void **state)
{
        _vh_free_ char *path = in(state, "f");
        const struct timespec long_ago[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
        struct stat st;

        assert_int_equal(put(path, "a", 0644, 0), 0);
        assert_int_equal(utimensat(AT_FDCWD, path, long_ago, 0), 0);
        assert_int_equal(put(path, "a", 0644, VH_FILE_IF_CHANGED), 0);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mtime, 1000);
        assert_int_equal(put(path, "b", 0644, VH_FILE_IF_CHANGED), 0);
        assert_content(path, "b");
}

static void test_write_replaces_symlink(void **state)
{
        _vh_free_ char *path = in(state, "link");
        _vh_free_ char *target = in(state, "target");

        assert_int_equal(put(target, "old", 0644, 0), 0);
        assert_int_equal(symlink(target, path), 0);
        assert_int_equal(put(path, "new", 0644, 0), 0);
        assert_content(target, "old");
        assert_content(path, "new");
}

/* As nobody, since root writes everywhere: returns what the child's write gave. */
static int put_as_nobody(const char *path)
{
        pid_t pid = fork();
        int status;

        if (pid == 0) {
                if (geteuid() == 0 && seteuid(65534) < 0)
                        _exit(255);
                _exit(-put(path, "x", 0644, 0) & 0x7f);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        return -WEXITSTATUS(status);
}

static void test_write_into_unwritable_directory(void **state)
{
        _vh_free_ char *path = in(state, "f");

        assert_int_equal(put(path, "old", 0644, 0), 0);
        assert_int_equal(chmod(((Dir *)*state)->path, 0555), 0);
        assert_int_equal(put_as_nobody(path), -EACCES);
        assert_content(path, "old");
        assert_int_equal(put("/nonexistent/dir/f", "x", 0644, 0), -ENOENT);
        assert_int_equal(put("/tmp/", "x", 0644, 0), -EISDIR);
}

/* In a mount namespace of its own, so that nothing is left mounted. */
static int fill_tiny_disk(const char *dir)
{
        _vh_free_ char *path = vh_path_join(dir, "f");
        _vh_free_ char *big = vh_xcalloc(1 << 20, 1);

        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("none", dir, "tmpfs", 0, "size=64k") < 0)
                return 100;
        if (put(path, "old", 0644, 0) < 0)
                return 1;
        memset(big, 'x', (1 << 20) - 1);
        if (put(path, big, 0644, 0) != -ENOSPC)
                return 2;
        assert_content(path, "old");
        return count_entries(dir) == 1 ? 0 : 3;
}

static void test_write_on_full_disk(void **state)
{
        pid_t pid;
        int status;

        if (geteuid() != 0)
                skip(); /* mounting needs root */
        pid = fork();
        if (pid == 0)
                _exit(fill_tiny_disk(((Dir *)*state)->path));
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        if (WEXITSTATUS(status) == 100)
                skip(); /* a container without the right to mount */
        assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_remove(void **state)
{
        _vh_free_ char *path = in(state, "f");

        assert_int_equal(put(path, "a", 0644, 0), 0);
        assert_int_equal(vh_file_remove(path), 0);
        assert_int_equal(vh_file_remove(path), -ENOENT);
}

static void test_symlink_replace(void **state)
{
        _vh_free_ char *path = in(state, "link");
        _vh_free_ char *dir = in(state, "dir");
        char target[16] = "";

        assert_int_equal(vh_symlink_replace("one", path), 0);
        assert_int_equal(vh_symlink_replace("two", path), 0);
        assert_int_equal(readlink(path, target, sizeof(target) - 1), 3);
        assert_string_equal(target, "two");
        assert_int_equal(mkdir(dir, 0755), 0);
        assert_true(vh_symlink_replace("two", dir) < 0);
        assert_int_equal(count_entries(((Dir *)*state)->path), 2);
}

static void test_mkdir_p(void **state)
{
        _vh_free_ char *deep = in(state, "a/b//c");
        _vh_free_ char *file = in(state, "f");
        _vh_free_ char *below = in(state, "f/x");
        mode_t old = umask(077);

        assert_int_equal(vh_mkdir_p(deep, 0751), 0);
        umask(old);
        assert_int_equal(mode_of(deep), 0751);
        assert_int_equal(vh_mkdir_p(deep, 0700), 0);
        assert_int_equal(mode_of(deep), 0751);
        assert_int_equal(put(file, "", 0644, 0), 0);
        assert_int_equal(vh_mkdir_p(file, 0755), -ENOTDIR);
        assert_int_equal(vh_mkdir_p(below, 0755), -ENOTDIR);
        assert_int_equal(vh_mkdir_p("", 0755), -ENOENT);
}

static int acquire_in_child(const char *path)
{
        pid_t pid = fork();
        int status, fd;

        if (pid == 0)
                _exit(-vh_pid_file_acquire(path, &fd) & 0x7f);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        return -WEXITSTATUS(status);
}

static void test_pid_file(void **state)
{
        _vh_free_ char *path = in(state, "d.pid");
        _vh_free_ char *pid = vh_xasprintf("%lld", (long long)getpid());
        int fd = -1;

        assert_int_equal(put(path, "a longer text that was left behind", 0644, 0), 0);
        assert_int_equal(vh_pid_file_acquire(path, &fd), 0);
        assert_int_equal(acquire_in_child(path), -EAGAIN);
        vh_pid_file_release(path, fd);
        assert_int_equal(access(path, F_OK), -1);
        assert_int_equal(acquire_in_child(path), 0);
        vh_pid_file_release(path, -1);
        assert_int_equal(vh_pid_file_acquire(path, &fd), 0);
        close(fd);
        assert_content(path, pid);
}

#define T(f) cmocka_unit_test_setup_teardown(f, dir_setup, dir_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                T(test_read_limit),
                T(test_read_large_and_endless),
                T(test_write_mode_ignores_umask),
                T(test_write_new_refuses_existing),
                T(test_write_equal_keeps_time),
                T(test_write_replaces_symlink),
                T(test_write_into_unwritable_directory),
                T(test_write_on_full_disk),
                T(test_remove),
                T(test_symlink_replace),
                T(test_mkdir_p),
                T(test_pid_file),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
