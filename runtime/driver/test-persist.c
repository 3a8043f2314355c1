/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#include "base/file.h"
#include "driver/persist.h"
#include "event/loop.h"

static const VhPersistKind thing = { VIR_FROM_TEST, "thing", "virsh thing-edit", 0755 };

typedef struct Fixture {
        char root[40];
        char dir[64];
        char links[80];
        VhPersist *p;
        /* What the last load saw. */
        int n;
        char *names[8];
        char *bodies[8];
        bool autostart[8];
        int n_skipped;
        char *skipped;
} Fixture;

static int setup(void **state)
{
        Fixture *f = vh_new(Fixture, 1);

        strcpy(f->root, "/tmp/vh-persist-XXXXXX");
        assert_non_null(mkdtemp(f->root));
        snprintf(f->dir, sizeof(f->dir), "%s/etc/things", f->root);
        snprintf(f->links, sizeof(f->links), "%s/autostart", f->dir);
        assert_int_equal(vh_persist_open(&f->p, &thing, f->dir, f->links, NULL), 0);
        *state = f;
        return 0;
}

static void forget(Fixture *f)
{
        for (int i = 0; i < f->n; i++) {
                free(f->names[i]);
                free(f->bodies[i]);
        }
        free(f->skipped);
        f->skipped = NULL;
        f->n = f->n_skipped = 0;
}

static int remove_node(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        return remove(path);
}

static int teardown(void **state)
{
        Fixture *f = *state;

        forget(f);
        vh_persist_free(f->p);
        nftw(f->root, remove_node, 16, FTW_DEPTH | FTW_PHYS);
        free(f);
        return 0;
}

/* The documents of these tests are "<NAME>BODY</>"; anything else is refused. */
static int take(void *userdata, VhPersistFile *file, VhError **err)
{
        Fixture *f = userdata;
        char name[64], body[64];
        const char *start = strstr(file->text, "-->");
        int r;

        start = start ? start + strlen("-->\n\n") : file->text;
        if (sscanf(start, "<%63[^>]>%63[^<]</>", name, body) != 2)
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_XML_DETAIL, "%s:1: no thing", file->path);
        r = vh_persist_settle(file, name, err);
        if (r < 0)
                return r;
        assert_in_range(f->n, 0, 7);
        f->names[f->n] = vh_xstrdup(name);
        f->bodies[f->n] = vh_xstrdup(body);
        f->autostart[f->n++] = file->autostart;
        return 0;
}

static void note_skipped(void *userdata, const char *path, int r, const VhError *err)
{
        Fixture *f = userdata;

        f->n_skipped++;
        free(f->skipped);
        f->skipped = vh_xstrdup(vh_error_text(err, r));
}

static void reload(Fixture *f)
{
        VhPersistLoader loader = { take, note_skipped, f };
        int n;

        forget(f);
        n = vh_persist_load(f->p, &loader, NULL);
        assert_int_equal(n, f->n);
}

static void put(Fixture *f, const char *file, const char *text)
{
        _vh_free_ char *path = vh_path_join(f->dir, file);

        assert_int_equal(vh_file_write(path, text, strlen(text), 0600, (uid_t)-1, (gid_t)-1, VH_FILE_NO_SYNC), 0);
}

static bool exists(const char *dir, const char *file)
{
        _vh_free_ char *path = vh_path_join(dir, file);
        struct stat st;

        return lstat(path, &st) == 0;
}

static void saved_things_come_back_sorted(void **state)
{
        Fixture *f = *state;

        assert_int_equal(vh_persist_save(f->p, "two", "<two>b</>", NULL), 0);
        assert_int_equal(vh_persist_save(f->p, "one", "<one>x</>\n", NULL), 0);
        assert_int_equal(vh_persist_save(f->p, "one", "<one>a</>\n", NULL), 0);
        assert_int_equal(vh_persist_set_autostart(f->p, "two", true, NULL), 0);
        assert_int_equal(vh_persist_set_autostart(f->p, "two", true, NULL), 0);
        reload(f);
        assert_int_equal(f->n, 2);
        assert_string_equal(f->names[0], "one");
        assert_string_equal(f->bodies[0], "a");
        assert_false(f->autostart[0]);
        assert_true(f->autostart[1]);
        assert_int_equal(vh_persist_set_autostart(f->p, "two", false, NULL), 0);
        assert_int_equal(vh_persist_set_autostart(f->p, "two", false, NULL), 0);
        assert_int_equal(vh_persist_delete(f->p, "one", NULL), 0);
        assert_int_equal(vh_persist_delete(f->p, "one", NULL), 0);
        reload(f);
        assert_int_equal(f->n, 1);
        assert_false(f->autostart[0]);
}

static void file_is_private_and_warns(void **state)
{
        Fixture *f = *state;
        _vh_free_ char *path = vh_persist_path(f->p, "a");
        _vh_free_ char *text = NULL;
        struct stat st;
        size_t len;

        assert_int_equal(vh_persist_save(f->p, "a", "<a>1</>", NULL), 0);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_int_equal(vh_file_read(path, 4096, &text, &len), 0);
        assert_ptr_equal(text, strstr(text, "<!--\n"));
        assert_non_null(strstr(text, "virsh thing-edit a\n"));
        assert_string_equal(text + len - strlen("<a>1</>\n"), "<a>1</>\n");
}

static void comment_stays_a_comment(void **state)
{
        Fixture *f = *state;
        _vh_free_ char *path = vh_persist_path(f->p, "a-->b");
        _vh_free_ char *text = NULL;
        size_t len;

        assert_int_equal(vh_persist_save(f->p, "a-->b", "<x>1</>", NULL), 0);
        assert_int_equal(vh_file_read(path, 4096, &text, &len), 0);
        assert_ptr_equal(strstr(text, "-->"), strstr(text, "-->\n\n<x>"));
}

static void link_points_where_the_reference_expects_it(void **state)
{
        Fixture *f = *state;
        _vh_free_ char *link = vh_path_join(f->links, "a.xml");
        _vh_free_ char *want = vh_persist_path(f->p, "a");
        char target[128] = "";

        assert_int_equal(vh_persist_save(f->p, "a", "<a>1</>", NULL), 0);
        assert_int_equal(vh_persist_set_autostart(f->p, "a", true, NULL), 0);
        assert_int_not_equal(readlink(link, target, sizeof(target) - 1), -1);
        assert_string_equal(target, want);
}

static void stale_links_do_not_count(void **state)
{
        Fixture *f = *state;
        _vh_free_ char *link = vh_path_join(f->links, "a.xml");

        assert_int_equal(vh_persist_save(f->p, "a", "<a>1</>", NULL), 0);
        assert_int_equal(vh_mkdir_p(f->links, 0755), 0);
        assert_int_equal(symlink("/nowhere/a.xml", link), 0);
        reload(f);
        assert_int_equal(f->n, 1);
        assert_false(f->autostart[0]);
}

static void names_that_cannot_be_files_are_refused(void **state)
{
        static const char *const bad[] = { "", "/", "a/b", "a\nb", "a\rb", "a\001b", ".", ".." };
        Fixture *f = *state;

        for (size_t i = 0; i < VH_ARRAY_SIZE(bad); i++) {
                _vh_error_ VhError *err = NULL;

                assert_int_not_equal(vh_persist_save(f->p, bad[i], "<a>1</>", &err), 0);
                assert_non_null(err);
        }
        assert_int_equal(vh_persist_check_name(".hidden", VIR_FROM_TEST, NULL), 0);
        assert_int_equal(vh_persist_check_name("a b\\\"'", VIR_FROM_TEST, NULL), 0);
        reload(f);
        assert_int_equal(f->n + f->n_skipped, 0);
}

static void what_could_not_be_read_again_is_not_written(void **state)
{
        Fixture *f = *state;
        _vh_error_ VhError *err = NULL;

        assert_int_equal(vh_persist_save(f->p, "a", "<a>1</>", NULL), 0);
        assert_true(vh_persist_save(f->p, "a", "<a>\xff</>", &err) < 0);
        assert_int_equal(err->code, VIR_ERR_XML_ERROR);
        reload(f);
        assert_int_equal(f->n, 1);
        assert_string_equal(f->bodies[0], "1");
}

static void bad_files_are_skipped_and_told(void **state)
{
        Fixture *f = *state;
        _vh_free_ char *fifo = vh_path_join(f->dir, "pipe.xml"), *dir = vh_path_join(f->dir, "dir.xml");

        put(f, "good.xml", "<good>1</>");
        put(f, "bad.xml", "<<<");
        put(f, "empty.xml", "");
        put(f, "not-ours.txt", "<x>1</>");
        put(f, ".xml", "<x>1</>");
        assert_int_equal(mkfifo(fifo, 0600), 0);
        assert_int_equal(mkdir(dir, 0700), 0);
        reload(f);
        assert_int_equal(f->n, 1);
        assert_string_equal(f->names[0], "good");
        assert_int_equal(f->n_skipped, 3);
        assert_non_null(strstr(f->skipped, "pipe.xml"));
}

static void leftovers_of_a_killed_writer_go(void **state)
{
        Fixture *f = *state;

        put(f, ".a.xml.0123456789abcdef", "<a");
        put(f, ".b.xml", "<.b>1</>");
        reload(f);
        assert_false(exists(f->dir, ".a.xml.0123456789abcdef"));
        assert_int_equal(f->n, 1);
        assert_string_equal(f->names[0], ".b");
}

static void rename_moves_file_and_link(void **state)
{
        Fixture *f = *state;

        assert_int_equal(vh_persist_save(f->p, "a", "<a>1</>", NULL), 0);
        assert_int_equal(vh_persist_set_autostart(f->p, "a", true, NULL), 0);
        assert_int_equal(vh_persist_rename(f->p, "a", "b", "<b>1</>", NULL), 0);
        assert_false(exists(f->dir, "a.xml"));
        assert_false(exists(f->links, "a.xml"));
        reload(f);
        assert_int_equal(f->n, 1);
        assert_string_equal(f->names[0], "b");
        assert_true(f->autostart[0]);
}

static void load_finishes_a_rename(void **state)
{
        Fixture *f = *state;
        _vh_free_ char *link = vh_path_join(f->links, "b.xml"), *target = vh_persist_path(f->p, "b");

        put(f, "a.xml", "<b>1</>");
        assert_int_equal(vh_mkdir_p(f->links, 0755), 0);
        assert_int_equal(symlink(target, link), 0);
        reload(f);
        assert_int_equal(f->n, 1);
        assert_string_equal(f->names[0], "b");
        assert_true(f->autostart[0]);
        assert_true(exists(f->dir, "b.xml"));
        assert_false(exists(f->dir, "a.xml"));
}

static void misnamed_file_does_not_push_another_away(void **state)
{
        Fixture *f = *state;

        put(f, "a.xml", "<b>copy</>");
        put(f, "b.xml", "<b>real</>");
        reload(f);
        assert_int_equal(f->n, 1);
        assert_string_equal(f->bodies[0], "real");
        assert_int_equal(f->n_skipped, 1);
        assert_true(exists(f->dir, "a.xml"));
}

static void missing_directory_is_an_error(void **state)
{
        Fixture *f = *state;
        VhPersistLoader loader = { take, note_skipped, f };
        _vh_error_ VhError *err = NULL;

        assert_int_equal(rmdir(f->dir), 0);
        assert_int_equal(vh_persist_load(f->p, &loader, &err), -ENOENT);
        assert_non_null(strstr(err->message, f->dir));
}

/* Changes the one thing for ever: content, autostart, name. The body is a number that only grows. */
static void churn(Fixture *f, int report)
{
        static const char *const names[] = { "left", "right" };
        char xml[64];

        for (unsigned i = 1;; i++) {
                const char *from = names[i % 2], *to = names[(i + 1) % 2];

                snprintf(xml, sizeof(xml), "<%s>%u</>", from, i);
                if (vh_persist_save(f->p, from, xml, NULL) < 0 || vh_persist_set_autostart(f->p, from, true, NULL) < 0)
                        _exit(1);
                if (write(report, &i, sizeof(i)) != sizeof(i))
                        _exit(1);
                snprintf(xml, sizeof(xml), "<%s>%u</>", to, i);
                if (vh_persist_rename(f->p, from, to, xml, NULL) < 0)
                        _exit(1);
        }
}

/* Runs churn() for some time (counted from its first change if @started), kills it, and returns the last change that it
 * was told is done. */
static unsigned churn_and_kill(Fixture *f, bool started, long usec)
{
        struct timespec wait = { .tv_nsec = usec * 1000 };
        unsigned last = 0, i;
        int fds[2], status;
        pid_t pid;

        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        pid = fork();
        assert_int_not_equal(pid, -1);
        if (pid == 0)
                churn(f, fds[1]);
        close(fds[1]);
        if (started)
                assert_int_equal(read(fds[0], &last, sizeof(last)), sizeof(last));
        nanosleep(&wait, NULL);
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        while (read(fds[0], &i, sizeof(i)) == sizeof(i))
                last = i;
        close(fds[0]);
        return last;
}

static void kill_at_any_instant_keeps_exactly_one(void **state)
{
        Fixture *f = *state;
        unsigned busy = 0;

        for (int round = 0; round < 60; round++) {
                unsigned done = churn_and_kill(f, round % 2, 500 + (round * 7919L) % 20000);

                reload(f);
                assert_int_equal(f->n_skipped, 0);
                assert_in_range(f->n, done ? 1 : 0, 1);
                if (done) {
                        assert_true((unsigned)atoi(f->bodies[0]) >= done);
                        assert_true(f->autostart[0]);
                        busy++;
                }
                if (f->n)
                        assert_int_equal(vh_persist_delete(f->p, f->names[0], NULL), 0);
                reload(f);
                assert_int_equal(f->n, 0);
        }
        assert_true(busy >= 30);
}

/* With a worker nothing is waited for, but all comes to disk in its order, at the latest before it is read again. */
static void worker_keeps_the_order(void **state)
{
        Fixture *f = *state;
        VhLoop *loop;

        assert_int_equal(vh_loop_new(&loop), 0);
        vh_persist_set_loop(f->p, loop, NULL, NULL);
        for (int i = 0; i < 50; i++) {
                assert_int_equal(vh_persist_save(f->p, "a", "<a>1</>", NULL), 0);
                assert_int_equal(vh_persist_set_autostart(f->p, "a", true, NULL), 0);
                assert_int_equal(vh_persist_rename(f->p, "a", "b", "<b>2</>", NULL), 0);
                assert_int_equal(vh_persist_save(f->p, "c", "<c>3</>", NULL), 0);
                assert_int_equal(vh_persist_delete(f->p, "c", NULL), 0);
                reload(f);
                assert_int_equal(f->n, 1);
                assert_string_equal(f->names[0], "b");
                assert_string_equal(f->bodies[0], "2");
                assert_true(f->autostart[0]);
                assert_int_equal(vh_persist_delete(f->p, "b", NULL), 0);
        }
        assert_int_equal(vh_persist_save(f->p, "last", "<last>4</>", NULL), 0);
        vh_persist_free(f->p);
        assert_int_equal(vh_persist_open(&f->p, &thing, f->dir, f->links, NULL), 0);
        reload(f);
        assert_int_equal(f->n, 1);
        assert_string_equal(f->names[0], "last");
        vh_loop_free(loop);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
                T(saved_things_come_back_sorted),
                T(file_is_private_and_warns),
                T(comment_stays_a_comment),
                T(link_points_where_the_reference_expects_it),
                T(stale_links_do_not_count),
                T(names_that_cannot_be_files_are_refused),
                T(what_could_not_be_read_again_is_not_written),
                T(bad_files_are_skipped_and_told),
                T(leftovers_of_a_killed_writer_go),
                T(rename_moves_file_and_link),
                T(load_finishes_a_rename),
                T(misnamed_file_does_not_push_another_away),
                T(missing_directory_is_an_error),
                T(kill_at_any_instant_keeps_exactly_one),
                T(worker_keeps_the_order),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
