/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* To be preloaded: the process is killed, or a call fails, at the Nth call that changes the file system.
 *
 *   FAULT_AT=N          which call, counted from 1
 *   FAULT_ERRNO=NUMBER  it fails with this; without it the process is killed as by kill -9
 *   FAULT_ARM=FILE      which call comes from the file, as "PID N", counted since the file is there; other processes
 *                       and calls before go on. Calls that reach other programs count too. FILE is removed when it
 *                       happens
 *   FAULT_COUNT=FILE    nothing happens; the number of calls is written to FILE at the end
 *   FAULT_DISK=FILE     each fsync() first waits for as many milliseconds as the first number in FILE says, then fails
 *                       with the second one if that is not 0; FILE may change or be missing
 *   FAULT_HANG=FILE     each write() to a file whose path has the text in FILE in it waits until FILE is gone
 *   FAULT_NFS=FOLDER    what is below looks like a network file system */

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

static unsigned calls;

/* Several threads may be here; which of them is hit does not matter. */
static void armed(void)
{
        static unsigned count, total;
        static ino_t known;
        const char *path = getenv("FAULT_ARM");
        FILE *f = path ? fopen(path, "re") : NULL;
        struct stat st;
        int pid = 0;
        unsigned at = 0;

        total++;
        if (!f)
                return;
        if (fscanf(f, "%d %u", &pid, &at) == 2 && pid == getpid() && fstat(fileno(f), &st) == 0) {
                if (known != st.st_ino)
                        count = total;
                known = st.st_ino;
                if (total - count + 1 >= at && remove(path) == 0)
                        kill(getpid(), SIGKILL);
        }
        fclose(f);
}

static int strike(void)
{
        const char *at = getenv("FAULT_AT"), *number = getenv("FAULT_ERRNO");

        armed();
        calls++;
        if (!at || calls != (unsigned)atoi(at))
                return 0;
        if (!number)
                kill(getpid(), SIGKILL);
        errno = atoi(number ? number : "0");
        return -1;
}

__attribute__((destructor)) static void report(void)
{
        const char *path = getenv("FAULT_COUNT");
        FILE *f = path ? fopen(path, "w") : NULL;

        if (f) {
                fprintf(f, "%u\n", calls);
                fclose(f);
        }
}

#define WRAP(type, name, parameters, ...)                                                                              \
        __attribute__((visibility("default"))) type name parameters;                                                   \
        type name parameters                                                                                           \
        {                                                                                                              \
                type(*real) parameters = dlsym(RTLD_NEXT, #name);                                                      \
                                                                                                                       \
                return strike() < 0 ? -1 : real(__VA_ARGS__);                                                          \
        }

#define WRAP_ARMED(type, name, parameters, ...)                                                                        \
        __attribute__((visibility("default"))) type name parameters;                                                   \
        type name parameters                                                                                           \
        {                                                                                                              \
                type(*real) parameters = dlsym(RTLD_NEXT, #name);                                                      \
                                                                                                                       \
                armed();                                                                                               \
                return real(__VA_ARGS__);                                                                              \
        }

static int slow_disk(void)
{
        const char *path = getenv("FAULT_DISK");
        FILE *f = path ? fopen(path, "re") : NULL;
        unsigned msec = 0;
        int number = 0;

        if (!f)
                return 0;
        if (fscanf(f, "%u %d", &msec, &number) < 1)
                number = 0;
        fclose(f);
        usleep(msec * 1000);
        errno = number;
        return number ? -1 : 0;
}

__attribute__((visibility("default"))) int fsync(int fd);
int fsync(int fd)
{
        int (*real)(int fd) = dlsym(RTLD_NEXT, "fsync");

        return slow_disk() < 0 || strike() < 0 ? -1 : real(fd);
}

/* The text of the file that FAULT_HANG names is in the descriptor's path. */
static int hangs(int fd)
{
        const char *path = getenv("FAULT_HANG");
        FILE *f = path ? fopen(path, "re") : NULL;
        char link[32], target[4096] = "", part[256] = "";
        int r;

        if (!f)
                return 0;
        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        r = fscanf(f, "%255s", part) == 1 && readlink(link, target, sizeof(target) - 1) > 0 && strstr(target, part);
        fclose(f);
        return r;
}

__attribute__((visibility("default"))) ssize_t write(int fd, const void *p, size_t n);
ssize_t write(int fd, const void *p, size_t n)
{
        ssize_t (*real)(int fd, const void *p, size_t n) = dlsym(RTLD_NEXT, "write");

        while (hangs(fd))
                usleep(10 * 1000);
        return strike() < 0 ? -1 : real(fd, p, n);
}

/* That of NFS for paths below FAULT_NFS. (Programs with large files call it by this name.) */
__attribute__((visibility("default"))) int statfs64(const char *path, struct statfs64 *st);
int statfs64(const char *path, struct statfs64 *st)
{
        enum { NFS = 0x6969 };
        int (*real)(const char *path, struct statfs64 *st) = dlsym(RTLD_NEXT, "statfs64");
        const char *folder = getenv("FAULT_NFS");
        int r = real(path, st);

        if (r == 0 && folder && strncmp(path, folder, strlen(folder)) == 0)
                st->f_type = NFS;
        return r;
}

WRAP(int, renameat, (int a, const char *b, int c, const char *d), a, b, c, d)
WRAP(int, renameat2, (int a, const char *b, int c, const char *d, unsigned e), a, b, c, d, e)
WRAP(int, unlinkat, (int a, const char *b, int c), a, b, c)
WRAP(int, symlinkat, (const char *a, int b, const char *c), a, b, c)
WRAP(int, mkdirat, (int a, const char *b, mode_t c), a, b, c)
WRAP(int, fchmod, (int a, mode_t b), a, b)

WRAP_ARMED(int, rename, (const char *a, const char *b), a, b)
WRAP_ARMED(int, unlink, (const char *a), a)
WRAP_ARMED(int, mkdir, (const char *a, mode_t b), a, b)
WRAP_ARMED(int, bind, (int a, const struct sockaddr *b, socklen_t c), a, b, c)
WRAP_ARMED(int, connect, (int a, const struct sockaddr *b, socklen_t c), a, b, c)
WRAP_ARMED(ssize_t, sendmsg, (int a, const struct msghdr *b, int c), a, b, c)
WRAP_ARMED(ssize_t, writev, (int a, const struct iovec *b, int c), a, b, c)
WRAP_ARMED(int, fchownat, (int a, const char *b, uid_t c, gid_t d, int e), a, b, c, d, e)
WRAP_ARMED(int, pidfd_send_signal, (int a, int b, siginfo_t *c, unsigned d), a, b, c, d)
WRAP_ARMED(pid_t, fork, (void), )
