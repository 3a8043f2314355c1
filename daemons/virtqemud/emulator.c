/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* QEMU programs by architecture. They are looked for, and asked once what they can do. */

#include "emulator.h"

#include <errno.h>

#include <sys/stat.h>
#include <sys/utsname.h>
#include <utlist.h>

#include "base/file.h"
#include "base/log.h"
#include "caps-probe.h"
#include "guest-check.h"
#include "guest-platform.h"
#include "model/domain-tune.h"

VH_LOG_SOURCE("qemu.emulator");

/* Architectures as guests name them, in the order in which they are told; the program is qemu-system-PROGRAM. */
static const struct {
        const char *arch;
        const char *program;
        unsigned bits;
        const char *spare; /* another that serves where that is not there; NULL: none */
} archs[] = {
        { "alpha", "alpha", 64 },
        { "armv6l", "arm", 32 },
        { "armv7l", "arm", 32 },
        { "aarch64", "aarch64", 64 },
        { "cris", "cris", 32 },
        { "i686", "i386", 32 },
        { "m68k", "m68k", 32 },
        { "microblaze", "microblaze", 32 },
        { "microblazeel", "microblazeel", 32 },
        { "mips", "mips", 32 },
        { "mips64", "mips64", 64 },
        { "mips64el", "mips64el", 64 },
        { "mipsel", "mipsel", 32 },
        { "ppc", "ppc", 32 },
        { "ppc64", "ppc64", 64 },
        { "ppc64le", "ppc64le", 64, "ppc64" },
        { "riscv32", "riscv32", 32 },
        { "riscv64", "riscv64", 64 },
        { "s390x", "s390x", 64 },
        { "sh4", "sh4", 32 },
        { "sh4eb", "sh4eb", 64 },
        { "sparc", "sparc", 32 },
        { "sparc64", "sparc64", 64 },
        { "x86_64", "x86_64", 64 },
        { "xtensa", "xtensa", 32 },
        { "xtensaeb", "xtensaeb", 32 },
};

#define SEV_DEVICE   "/dev/sev"
#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

typedef struct Known Known;
struct Known {
        Known *next;
        QemuCaps *caps;
        struct stat st; /* of the program when it was asked */
};

typedef struct Question Question;

struct QemuEmulators {
        char *path;
        char *cache_dir;
        Known *known;
        Question *questions; /* to programs, under way */
        char host_arch[sizeof(((struct utsname *)NULL)->machine)];
        bool searched;
        char *programs[VH_ARRAY_SIZE(archs)]; /* NULL: not here */
        uint64_t child_files;                 /* see VhDriverEnv */
        bool may_refuse;
        char *refused; /* its path */
};

QemuEmulators *qemu_emulators_new(const char *path, const char *cache_dir, uint64_t child_files)
{
        QemuEmulators *emulators = vh_new(QemuEmulators, 1);
        const char *env = getenv("PATH");
        struct utsname uts;

        emulators->child_files = child_files;
        emulators->cache_dir = vh_path_join(cache_dir, "qemu/capabilities");
        uname(&uts);
        memcpy(emulators->host_arch, uts.machine, sizeof(emulators->host_arch));
        emulators->path = vh_xstrdup(path ? path : env ? env : DEFAULT_PATH);
        return emulators;
}

static void forget(QemuEmulators *emulators, Known *known)
{
        LL_DELETE(emulators->known, known);
        qemu_caps_unref(known->caps);
        free(known);
}

QemuEmulators *qemu_emulators_free(QemuEmulators *emulators)
{
        if (!emulators)
                return NULL;
        for (size_t i = 0; i < VH_ARRAY_SIZE(archs); i++)
                free(emulators->programs[i]);
        while (emulators->known)
                forget(emulators, emulators->known);
        free(emulators->refused);
        free(emulators->cache_dir);
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

/* The program of an architecture by its name; the caller frees it. */
static char *find_emulator(const QemuEmulators *emulators, const char *program)
{
        _vh_free_ char *name = vh_xasprintf("qemu-system-%s", program);

        return find_program(emulators->path, name);
}

static void search(QemuEmulators *emulators)
{
        if (emulators->searched)
                return;
        emulators->searched = true;
        for (size_t i = 0; i < VH_ARRAY_SIZE(archs); i++) {
                emulators->programs[i] = find_emulator(emulators, archs[i].program);
                if (!emulators->programs[i] && archs[i].spare)
                        emulators->programs[i] = find_emulator(emulators, archs[i].spare);
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

const char *qemu_emulators_program(QemuEmulators *emulators, unsigned i, const char **arch)
{
        search(emulators);
        for (size_t k = 0; k < VH_ARRAY_SIZE(archs); k++)
                if (emulators->programs[k] && i-- == 0) {
                        if (arch)
                                *arch = archs[k].arch;
                        return emulators->programs[k];
                }
        return NULL;
}

unsigned qemu_arch_bits(const char *arch)
{
        int i = find_arch(arch);

        return i < 0 ? 0 : archs[i].bits;
}

bool qemu_arch_is_native(const char *guest, const char *host)
{
        return strcmp(guest, host) == 0 || (strcmp(guest, "i686") == 0 && strcmp(host, "x86_64") == 0);
}

/* ---- capabilities of programs ---- */

static bool same_program(const struct stat *a, const struct stat *b)
{
        return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
               memcmp(&a->st_mtim, &b->st_mtim, sizeof(a->st_mtim)) == 0 &&
               memcmp(&a->st_ctim, &b->st_ctim, sizeof(a->st_ctim)) == 0;
}

/* What is known of a program that has not changed since. */
static QemuCaps *recall(QemuEmulators *emulators, const char *binary)
{
        struct stat st;
        Known *known;

        LL_FOREACH (emulators->known, known) {
                if (strcmp(known->caps->binary, binary) != 0)
                        continue;
                if (stat(binary, &st) == 0 && same_program(&st, &known->st))
                        return known->caps;
                forget(emulators, known);
                return NULL;
        }
        return NULL;
}

/* Keeps caps, a reference. */
static QemuCaps *keep(QemuEmulators *emulators, QemuCaps *caps)
{
        Known *known = vh_new(Known, 1);

        known->caps = caps;
        (void)stat(caps->binary, &known->st); /* a program that went meanwhile is found out next time */
        LL_PREPEND(emulators->known, known);
        return caps;
}

QemuCaps *qemu_emulators_recall(QemuEmulators *emulators, const char *binary)
{
        QemuCaps *caps = recall(emulators, binary);

        if (caps)
                return caps;
        return qemu_caps_load(&caps, emulators->cache_dir, binary) == 0 ? keep(emulators, caps) : NULL;
}

/* Keeps what was found out, on disk too. */
static QemuCaps *learn(QemuEmulators *emulators, QemuCaps *caps)
{
        int r = qemu_caps_save(caps, emulators->cache_dir);

        if (r < 0)
                vh_log_warning("what %s can do is not kept in %s: %s", caps->binary, emulators->cache_dir,
                               strerror(-r));
        return keep(emulators, caps);
}

int qemu_emulators_caps(QemuEmulators *emulators, const char *binary, QemuCaps **ret, VhError **err)
{
        QemuCaps *caps = qemu_emulators_recall(emulators, binary);
        int r = caps ? 0 : qemu_caps_probe(&caps, binary, emulators->child_files, err);

        if (r < 0)
                return r;
        *ret = recall(emulators, binary) ? caps : learn(emulators, caps);
        return 0;
}

/* Who waits for the answer of a program. */
typedef struct Asker Asker;
struct Asker {
        Asker *next;
        QemuCapsFn fn;
        void *data;
};

/* A program that a worker asks, once for all who want to know. */
struct Question {
        Question *next;
        QemuEmulators *emulators;
        char *binary;
        QemuCaps *caps;
        VhError *err;
        Asker *askers; /* in their order */
};

static int ask_work(void *data)
{
        Question *q = data;

        return qemu_caps_probe(&q->caps, q->binary, q->emulators->child_files, &q->err);
}

/* What an answer leaves known: somebody may have asked on the loop, and been faster. */
static QemuCaps *settle(QemuEmulators *emulators, QemuCaps *caps)
{
        QemuCaps *known = recall(emulators, caps->binary);

        if (!known)
                return learn(emulators, caps);
        qemu_caps_unref(caps);
        return known;
}

static void ask_done(void *data, int r)
{
        Question *q = data;
        QemuCaps *caps = r == 0 ? qemu_caps_ref(settle(q->emulators, q->caps)) : NULL;
        Asker *asker;

        LL_DELETE(q->emulators->questions, q);
        while ((asker = q->askers)) {
                LL_DELETE(q->askers, asker);
                asker->fn(asker->data, caps, r, q->err);
                free(asker);
        }
        qemu_caps_unref(caps);
        vh_error_free(q->err);
        free(q->binary);
        free(q);
}

/* The question to a program, which is put if it is not under way. */
static Question *question_to(QemuEmulators *emulators, VhPool *pool, const char *binary)
{
        Question *q;

        LL_FOREACH (emulators->questions, q)
                if (strcmp(q->binary, binary) == 0)
                        return q;
        q = vh_new(Question, 1);
        *q = (Question){ .emulators = emulators, .binary = vh_xstrdup(binary) };
        LL_PREPEND(emulators->questions, q);
        vh_pool_submit(pool, ask_work, ask_done, q);
        return q;
}

void qemu_emulators_ask(QemuEmulators *emulators, VhPool *pool, const char *binary, QemuCapsFn fn, void *data)
{
        QemuCaps *caps = qemu_emulators_recall(emulators, binary);
        Asker *asker;
        Question *q;

        if (caps) {
                fn(data, caps, 0, NULL);
                return;
        }
        q = question_to(emulators, pool, binary);
        asker = vh_new(Asker, 1);
        *asker = (Asker){ .fn = fn, .data = data };
        LL_APPEND(q->askers, asker);
}

void qemu_emulators_may_refuse(QemuEmulators *emulators, bool may)
{
        emulators->may_refuse = may;
        free(VH_TAKE_PTR(emulators->refused));
}

const char *qemu_emulators_refused(const QemuEmulators *emulators)
{
        return emulators->refused;
}

/* Notes that a program has to be asked first. */
static int refuse(QemuEmulators *emulators, const char *program, VhError **err)
{
        vh_strset(&emulators->refused, program);
        return vh_error_sys(err, VIR_FROM_QEMU, EAGAIN, "%s was not asked yet", program);
}

static int lacks(const QemuCaps *caps, const char *what, const char *name, VhError **err)
{
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED, "Emulator '%s' does not support %s '%s'",
                            caps->binary, what, name);
}

int qemu_emulators_need(QemuEmulators *emulators, const char *binary, QemuCaps **ret, VhError **err)
{
        *ret = qemu_emulators_recall(emulators, binary);
        return *ret || !emulators->may_refuse ? 0 : refuse(emulators, binary, err);
}

int qemu_emulators_check(QemuEmulators *emulators, const VhDomainDef *def, VhError **err)
{
        enum { LAUNCH_SEV = 1 };
        const QemuCaps *caps = def->emulator ? qemu_emulators_recall(emulators, def->emulator) : NULL;

        if (!caps)
                return def->emulator && emulators->may_refuse ? refuse(emulators, def->emulator, err) : 0;
        if (def->virt_type == VH_VIRT_KVM && !caps->accels[QEMU_ACCEL_KVM])
                return lacks(caps, "virt type", "kvm", err);
        if (def->os.machine && !qemu_caps_machine(caps, def->os.machine))
                return lacks(caps, "machine type", def->os.machine, err);
        if (!qemu_is_x86(def)) {
                int r = qemu_check_program(def, caps, err);

                if (r < 0)
                        return r;
        }
        if (def->launch_security && def->launch_security->type == LAUNCH_SEV && access(SEV_DEVICE, F_OK) < 0)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "SEV launch security is not supported with this QEMU binary");
        return 0;
}

int qemu_emulators_version(QemuEmulators *emulators, uint64_t *version, VhError **err)
{
        const char *program = qemu_emulators_find(emulators, emulators->host_arch);
        QemuCaps *caps;
        int r;

        if (!program)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR, "Cannot find suitable emulator for %s",
                                    emulators->host_arch);
        if (emulators->may_refuse && !qemu_emulators_recall(emulators, program))
                return refuse(emulators, program, err);
        r = qemu_emulators_caps(emulators, program, &caps, err);
        if (r == 0)
                *version = caps->version;
        return r;
}
