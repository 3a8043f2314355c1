/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* QEMU programs by architecture. They are looked for, not run, but for the version. */

#include "emulator.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/nofile.h"

/* Architectures as guests name them; the program is qemu-system-PROGRAM. */
static const struct {
        const char *arch;
        const char *program;
        unsigned bits;
} archs[] = {
        { "i686", "i386", 32 },       { "x86_64", "x86_64", 64 },     { "aarch64", "aarch64", 64 },
        { "armv7l", "arm", 32 },      { "alpha", "alpha", 64 },       { "cris", "cris", 32 },
        { "hppa", "hppa", 32 },       { "m68k", "m68k", 32 },         { "mips", "mips", 32 },
        { "mips64", "mips64", 64 },   { "mips64el", "mips64el", 64 }, { "mipsel", "mipsel", 32 },
        { "ppc", "ppc", 32 },         { "ppc64", "ppc64", 64 },       { "ppc64le", "ppc64", 64 },
        { "riscv32", "riscv32", 32 }, { "riscv64", "riscv64", 64 },   { "s390x", "s390x", 64 },
        { "sh4", "sh4", 32 },         { "sh4eb", "sh4eb", 32 },       { "sparc", "sparc", 32 },
        { "sparc64", "sparc64", 64 }, { "xtensa", "xtensa", 32 },     { "xtensaeb", "xtensaeb", 32 },
};

enum { VERSION_TEXT_MAX = 4096 };

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct QemuEmulators {
        char *path;
        char host_arch[sizeof(((struct utsname *)NULL)->machine)];
        bool searched;
        char *programs[VH_ARRAY_SIZE(archs)]; /* NULL: not here */
        uint64_t version;                     /* 0: not asked yet */
        uint64_t child_files;                 /* see VhDriverEnv */
};

QemuEmulators *qemu_emulators_new(const char *path, uint64_t child_files)
{
        QemuEmulators *emulators = vh_new(QemuEmulators, 1);
        const char *env = getenv("PATH");
        struct utsname uts;

        emulators->child_files = child_files;
        uname(&uts);
        memcpy(emulators->host_arch, uts.machine, sizeof(emulators->host_arch));
        emulators->path = vh_xstrdup(path ? path : env ? env : DEFAULT_PATH);
        return emulators;
}

QemuEmulators *qemu_emulators_free(QemuEmulators *emulators)
{
        if (!emulators)
                return NULL;
        for (size_t i = 0; i < VH_ARRAY_SIZE(archs); i++)
                free(emulators->programs[i]);
        free(emulators->path);
        free(emulators);
        return NULL;
}

const char *qemu_emulators_host_arch(const QemuEmulators *emulators)
{
        return emulators->host_arch;
}

/* Full path of a program in the search path; the caller frees it. */
static char *find_program(const char *path, const char *name)
{
        while (*path) {
                size_t n = strcspn(path, ":");
                _vh_free_ char *full = vh_xasprintf("%.*s/%s", (int)n, path, name);

                if (n && access(full, X_OK) == 0)
                        return VH_TAKE_PTR(full);
                path += n;
                path += *path == ':';
        }
        return NULL;
}

static void search(QemuEmulators *emulators)
{
        if (emulators->searched)
                return;
        emulators->searched = true;
        for (size_t i = 0; i < VH_ARRAY_SIZE(archs); i++) {
                _vh_free_ char *name = vh_xasprintf("qemu-system-%s", archs[i].program);

                emulators->programs[i] = find_program(emulators->path, name);
        }
}

static int find_arch(const char *arch)
{
        for (size_t i = 0; i < VH_ARRAY_SIZE(archs); i++)
                if (vh_streq(archs[i].arch, arch))
                        return (int)i;
        return -1;
}

const char *qemu_emulators_find(QemuEmulators *emulators, const char *arch)
{
        int i = find_arch(arch);

        search(emulators);
        return i < 0 ? NULL : emulators->programs[i];
}

int qemu_emulators_fill(QemuEmulators *emulators, VhDomainDef *def, VhError **err)
{
        const char *program;

        if (def->os.arch && find_arch(def->os.arch) < 0)
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_CONFIG_UNSUPPORTED, "Unknown architecture %s",
                                    def->os.arch);
        if (def->os.type != VH_OS_HVM)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "QEMU does not support os type '%s'",
                                    vh_xml_names_text(&vh_os_type_names, def->os.type));
        if (def->emulator)
                return 0;
        program = qemu_emulators_find(emulators, def->os.arch ? def->os.arch : emulators->host_arch);
        if (!program)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED, "No emulator found for arch '%s'",
                                    def->os.arch ? def->os.arch : emulators->host_arch);
        def->emulator = vh_xstrdup(program);
        return 0;
}

void qemu_emulators_format(QemuEmulators *emulators, VhBuf *buf)
{
        bool kvm = access("/dev/kvm", F_OK) == 0;

        search(emulators);
        for (size_t i = 0; i < VH_ARRAY_SIZE(archs); i++) {
                bool native = strcmp(archs[i].arch, emulators->host_arch) == 0;

                if (!emulators->programs[i])
                        continue;
                vh_buf_printf(buf,
                              "  <guest>\n"
                              "    <os_type>hvm</os_type>\n"
                              "    <arch name='%s'>\n"
                              "      <wordsize>%u</wordsize>\n"
                              "      <emulator>%s</emulator>\n"
                              "      <domain type='qemu'/>\n",
                              archs[i].arch, archs[i].bits, emulators->programs[i]);
                if (kvm && native)
                        vh_buf_adds(buf, "      <domain type='kvm'/>\n");
                vh_buf_adds(buf, "    </arch>\n  </guest>\n\n");
        }
}

/* What the program prints for --version. */
static int ask_version(const char *program, uint64_t child_files, char **text)
{
        char *const argv[] = { (char *)program, (char *)"--version", NULL };
        posix_spawn_file_actions_t actions;
        int fds[2], status, r;
        size_t len;
        pid_t pid;

        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
        r = -posix_spawn(&pid, program, &actions, NULL, argv, environ);
        posix_spawn_file_actions_destroy(&actions);
        close(fds[1]);
        if (r == 0) {
                (void)vh_nofile_give(pid, child_files); /* it may have ended already */
                r = vh_file_read_fd(fds[0], VERSION_TEXT_MAX, text, &len);
                waitpid(pid, &status, 0);
        }
        close(fds[0]);
        return r;
}

int qemu_emulators_version(QemuEmulators *emulators, uint64_t *version, VhError **err)
{
        const char *program = qemu_emulators_find(emulators, emulators->host_arch);
        _vh_free_ char *text = NULL;
        unsigned major, minor, micro;

        if (!emulators->version) {
                if (!program)
                        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR,
                                            "Cannot find suitable emulator for %s", emulators->host_arch);
                if (ask_version(program, emulators->child_files, &text) < 0 ||
                    sscanf(text, "QEMU emulator version %u.%u.%u", &major, &minor, &micro) != 3)
                        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR,
                                            "'%s' does not tell its version", program);
                emulators->version = major * 1000000ull + minor * 1000 + micro;
        }
        *version = emulators->version;
        return 0;
}
