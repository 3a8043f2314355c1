/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The kernel's files, and libselinux for what is in the host's policy. */

#include "selinux-host.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <selinux/label.h>
#include <selinux/selinux.h>
#include <stdio.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#include "base/dynlib.h"
#include "base/file.h"

#define SELINUX_FS "/sys/fs/selinux"
#define ATTR       "security.selinux"

enum { CONTEXT_MAX = 4096, CONTEXTS_MAX = 64 * 1024 };

#define FUNCTIONS(X)                                                                                                   \
        X(is_selinux_enabled)                                                                                          \
        X(selinux_virtual_domain_context_path)                                                                         \
        X(selinux_virtual_image_context_path)                                                                          \
        X(security_check_context_raw)                                                                                  \
        X(selabel_open)                                                                                                \
        X(selabel_lookup_raw)                                                                                          \
        X(selabel_close)

typedef struct QemuSelinuxLib {
        void *handle;
        FUNCTIONS(VH_DYNLIB_MEMBER)
        struct selabel_handle *labels; /* NULL: not asked for yet */
} QemuSelinuxLib;

/* ---- the library ---- */

static QemuSelinuxLib *lib_free(QemuSelinuxLib *lib)
{
        if (!lib)
                return NULL;
        if (lib->labels)
                lib->selabel_close(lib->labels);
        vh_dynlib_unload(&lib->handle);
        free(lib);
        return NULL;
}

static QemuSelinuxLib *lib_load(VhError **err)
{
        QemuSelinuxLib *lib = vh_new(QemuSelinuxLib, 1);

        if (VH_DYNLIB_LOAD(lib, "libselinux.so.1", FUNCTIONS) == 0)
                return lib;
        vh_error_set(err, VIR_FROM_SECURITY, VIR_ERR_CONFIG_UNSUPPORTED,
                     "guests cannot be labelled for SELinux without libselinux: %s", dlerror());
        return lib_free(lib);
}

/* ---- the policy ---- */

bool qemu_selinux_works(void)
{
        struct statfs st;

        return statfs(SELINUX_FS, &st) == 0 && (unsigned)st.f_type == SELINUX_MAGIC;
}

/* Lines of a file; *second is NULL if it has only one. */
static int read_contexts(const char *what, const char *path, char **first, char **second, VhError **err)
{
        _vh_free_ char *text = NULL;
        char *save = NULL, *line;
        size_t n;
        int r = vh_file_read(path, CONTEXTS_MAX, &text, &n);

        if (r < 0)
                return vh_error_sys(err, VIR_FROM_SECURITY, r, "unable to read SELinux virtual %s context file '%s'",
                                    what, path);
        line = strtok_r(text, "\n", &save);
        if (!line)
                return vh_error_set(err, VIR_FROM_SECURITY, VIR_ERR_CONFIG_UNSUPPORTED, "'%s' names no context", path);
        *first = vh_xstrdup(line);
        line = strtok_r(NULL, "\n", &save);
        *second = line ? vh_xstrdup(line) : NULL;
        return 0;
}

static int read_policy(QemuSelinux *s, VhError **err)
{
        int r = read_contexts("domain", s->lib->selinux_virtual_domain_context_path(), &s->domain, &s->domain_tcg, err);

        if (r == 0)
                r = read_contexts("image", s->lib->selinux_virtual_image_context_path(), &s->file, &s->content, err);
        if (r < 0)
                return r;
        if (!s->domain_tcg)
                s->domain_tcg = vh_xstrdup(s->domain);
        if (!s->content)
                return vh_error_set(err, VIR_FROM_SECURITY, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "'%s' names no context for what is only read",
                                    s->lib->selinux_virtual_image_context_path());
        s->own = qemu_selinux_process(getpid());
        return s->own ? 0 : vh_error_sys(err, VIR_FROM_SECURITY, errno, "unable to get the daemon's SELinux context");
}

int qemu_selinux_open(QemuSelinux **ret, VhError **err)
{
        QemuSelinux *s = vh_new(QemuSelinux, 1);
        int r = -ENOENT;

        s->lib = lib_load(err);
        if (s->lib)
                r = s->lib->is_selinux_enabled() > 0
                            ? read_policy(s, err)
                            : vh_error_set(err, VIR_FROM_SECURITY, VIR_ERR_CONFIG_UNSUPPORTED, "SELinux has no policy");
        if (r < 0)
                s = qemu_selinux_free(s);
        *ret = s;
        return r;
}

QemuSelinux *qemu_selinux_free(QemuSelinux *s)
{
        if (!s)
                return NULL;
        lib_free(s->lib);
        free(s->domain);
        free(s->domain_tcg);
        free(s->file);
        free(s->content);
        free(s->own);
        free(s);
        return NULL;
}

bool qemu_selinux_knows(const QemuSelinux *s, const char *context)
{
        return s->lib->security_check_context_raw(context) == 0;
}

/* By system calls only: between fork and exec too. */
bool qemu_selinux_enforces(void)
{
        int fd = open(SELINUX_FS "/enforce", O_RDONLY | O_CLOEXEC);
        char value = '0';
        bool read_it = fd >= 0 && read(fd, &value, 1) == 1;

        vh_closep(&fd);
        return read_it && value == '1';
}

char *qemu_selinux_default(QemuSelinux *s, const char *path, mode_t mode)
{
        char *found = NULL, *context;

        if (!s->lib->labels)
                s->lib->labels = s->lib->selabel_open(SELABEL_CTX_FILE, NULL, 0);
        if (!s->lib->labels || s->lib->selabel_lookup_raw(s->lib->labels, &found, path, (int)mode) < 0)
                return NULL;
        context = vh_xstrdup(found);
        free(found);
        return context;
}

/* ---- labels ---- */

char *qemu_selinux_process(pid_t pid)
{
        _vh_free_ char *path = vh_xasprintf("/proc/%d/attr/current", (int)pid);
        char *text;
        size_t n;

        if (vh_file_read(path, CONTEXT_MAX, &text, &n) < 0)
                return NULL;
        text[strcspn(text, "\n")] = '\0';
        return text;
}

char *qemu_selinux_get(const char *path)
{
        char text[CONTEXT_MAX + 1];
        ssize_t n = getxattr(path, ATTR, text, CONTEXT_MAX);

        if (n < 0)
                return NULL;
        text[n] = '\0';
        return vh_xstrdup(text);
}

int qemu_selinux_set(const char *path, const char *context, VhError **err)
{
        _vh_free_ char *now = NULL;
        int r;

        if (setxattr(path, ATTR, context, strlen(context) + 1, 0) == 0)
                return 0;
        r = -errno;
        now = qemu_selinux_get(path);
        if (r == -EOPNOTSUPP || r == -EROFS || vh_streq(now, context))
                return 0;
        return vh_error_sys(err, VIR_FROM_SECURITY, r, "unable to set security context '%s' on '%s'", context, path);
}

/* An empty context takes back what was said before. A context that the policy does not know is no failure as long as it
 * is not enforced. */
static int write_attr(const char *path, const char *context)
{
        int fd = open(path, O_WRONLY | O_CLOEXEC), r = 0;

        if (fd < 0)
                return -errno;
        if (write(fd, context, context ? strlen(context) + 1 : 0) < 0)
                r = -errno;
        close(fd);
        return r == -EINVAL && !qemu_selinux_enforces() ? 0 : r;
}

int qemu_selinux_sockets(const char *context)
{
        return write_attr("/proc/thread-self/attr/sockcreate", context);
}

int qemu_selinux_at_exec(const char *context)
{
        return write_attr("/proc/thread-self/attr/exec", context);
}
