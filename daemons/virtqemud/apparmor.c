/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* AppArmor: every guest has a profile of its own, libvirt-UUID, which virt-aa-helper makes of its definition and loads
 * into the kernel. QEMU's process takes it on before exec. */

#include <errno.h>
#include <fcntl.h>
#include <utlist.h>

#include "base/file.h"
#include "base/log.h"
#include "guest-files.h"
#include "program.h"
#include "run-steps.h"
#include "security.h"

VH_LOG_SOURCE("qemu.apparmor");

#define HELPER   "/usr/lib/libvirt/virt-aa-helper"
#define PROFILES "/sys/kernel/security/apparmor/profiles"
#define ENABLED  "/sys/module/apparmor/parameters/enabled"
#define TEMPLATE "/etc/apparmor.d/libvirt/TEMPLATE.qemu"

enum { HELPER_SECONDS = 60, NAME_MAX_LEN = 256, STATE_MAX = 1024 * 1024 };

/* ---- whether there is any ---- */

static bool works(const QemuDriver *driver)
{
        _vh_free_ char *enabled = NULL;
        size_t n;

        return vh_file_read(ENABLED, STATE_MAX, &enabled, &n) == 0 && enabled[0] == 'Y' &&
               access(PROFILES, R_OK) == 0 && access(HELPER, X_OK) == 0 && access(TEMPLATE, R_OK) == 0;
}

/* ---- the helper ---- */

/* One run of it; the runs for a guest follow each other. The first one of a list is with the worker. */
typedef struct QemuConfining QemuConfining;
struct QemuConfining {
        QemuConfining *next;
        QemuProcess *proc; /* NULL: it is gone */
        QemuCommand cmd;
        char *xml;
        bool step;  /* the guest's start or end waits for it */
        bool holds; /* its monitor does */
        VhError *err;
};

/* file: one file more, instead of those of a definition; NULL: none. */
static void fill_command(QemuCommand *cmd, const char *mode, const char *profile, const char *file)
{
        qemu_command_add(cmd, HELPER);
        qemu_command_add(cmd, mode);
        qemu_command_add(cmd, "-u");
        qemu_command_add(cmd, profile);
        if (file) {
                qemu_command_add(cmd, "-F");
                qemu_command_add(cmd, file);
        }
}

static int run_helper(const QemuCommand *cmd, const char *xml, VhError **err)
{
        return qemu_program_must(&(QemuProgram){ .cmd = cmd, .input = xml, .seconds = HELPER_SECONDS }, err);
}

static int work(void *data)
{
        QemuConfining *c = data;

        return run_helper(&c->cmd, c->xml, &c->err);
}

static void confining_free(QemuConfining *c)
{
        qemu_command_done(&c->cmd);
        vh_error_free(c->err);
        free(c->xml);
        free(c);
}

static void worked(void *data, int r);

static void submit(QemuConfining *c)
{
        vh_pool_submit(c->proc->driver->pool, work, worked, c);
}

/* The end of a step may be the end of the process object. */
static void tell(QemuProcess *proc, QemuConfining *c, int r)
{
        if (c->holds && proc->mon)
                qmp_release(proc->mon);
        if (c->step)
                qemu_run_step_done(proc, r, VH_TAKE_PTR(c->err));
        else if (r < 0)
                vh_log_warning("domain '%s': %s", proc->dom->node.name, vh_error_text(c->err, r));
}

static void worked(void *data, int r)
{
        QemuConfining *c = data;
        QemuProcess *proc = c->proc;

        if (proc) {
                LL_DELETE(proc->confining, c);
                if (proc->confining)
                        submit(proc->confining);
                tell(proc, c, r);
        }
        confining_free(c);
}

/* xml is taken over, and may be NULL. */
static QemuConfining *on_worker(QemuProcess *proc, const char *mode, const char *profile, const char *file, char *xml)
{
        QemuConfining *c = vh_new(QemuConfining, 1);
        bool idle = !proc->confining;

        c->proc = proc;
        c->xml = xml;
        fill_command(&c->cmd, mode, profile, file);
        LL_APPEND(proc->confining, c);
        if (idle)
                submit(c);
        return c;
}

static int step_on_worker(QemuProcess *proc, const char *mode, const char *profile, char *xml)
{
        on_worker(proc, mode, profile, NULL, xml)->step = true;
        return VH_LATER;
}

static void cancel(QemuProcess *proc)
{
        QemuConfining *c;

        LL_FOREACH (proc->confining, c)
                c->step = false;
}

static void forget(QemuProcess *proc)
{
        QemuConfining *c = VH_TAKE_PTR(proc->confining), *next;

        if (c)
                c->proc = NULL;
        for (c = c ? c->next : NULL; c; c = next) {
                next = c->next;
                confining_free(c);
        }
}

/* ---- a guest's profile ---- */

static int make_label(QemuProcess *proc, VhSeclabel *label, VhError **err)
{
        char uuid[VH_UUID_TEXT_LEN + 1];

        if (label->type == QEMU_SECLABEL_STATIC)
                return 0;
        if (label->baselabel)
                return vh_error_set(err, VIR_FROM_SECURITY, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "AppArmor profiles of guests have no base label");
        vh_uuid_format(proc->dom->def->uuid, uuid);
        free(label->label);
        label->label = vh_xasprintf("libvirt-%s", uuid);
        vh_strset(&label->imagelabel, label->label);
        return 0;
}

static bool is_own(const VhSeclabel *label)
{
        return label->imagelabel && vh_streq(label->label, label->imagelabel);
}

/* A static label names a profile that the administrator has loaded. */
static int prepare(QemuProcess *proc, const VhSeclabel *label, const QemuLaunch *launch, VhError **err)
{
        if (!is_own(label))
                return 0;
        return step_on_worker(proc, "-c", label->label, vh_domain_def_format(proc->dom->def, VH_XML_SECURE));
}

static int ended(QemuProcess *proc, const VhSeclabel *label, VhError **err)
{
        return is_own(label) ? step_on_worker(proc, "-D", label->label, NULL) : 0;
}

static int open_current(void)
{
        int fd = open("/proc/self/attr/apparmor/current", O_WRONLY | O_CLOEXEC);

        return fd < 0 ? open("/proc/self/attr/current", O_WRONLY | O_CLOEXEC) : fd;
}

static int child(const char *label)
{
        char text[NAME_MAX_LEN] = "changeprofile ";
        size_t n = strlen(text), len = strlen(label);
        int fd = open_current(), r = 0;

        if (fd < 0)
                return -errno;
        if (len > sizeof(text) - n)
                r = -ENAMETOOLONG;
        else
                memcpy(text + n, label, len);
        if (r == 0 && write(fd, text, n + len) < 0)
                r = -errno;
        close(fd);
        return r;
}

static bool enforces(const char *label)
{
        _vh_free_ char *text = NULL, *line = vh_xasprintf("%s (enforce)", label);
        size_t n;

        return vh_file_read(PROFILES, STATE_MAX, &text, &n) == 0 && strstr(text, line);
}

/* ---- devices ---- */

typedef struct Adding {
        QemuProcess *proc;
        const char *profile;
} Adding;

/* QEMU is told nothing more before the profile with the file is loaded. */
static void add_path(QemuProcess *proc, const char *profile, const char *path)
{
        QemuConfining *c = on_worker(proc, "-r", profile, path, NULL);

        c->holds = proc->mon != NULL;
        if (c->holds)
                qmp_hold(proc->mon);
}

static int add_file(void *data, const QemuFile *file, VhError **err)
{
        const Adding *adding = data;

        add_path(adding->proc, adding->profile, file->path);
        return 0;
}

static int add(QemuProcess *proc, const VhSeclabel *label, const VhDevice *dev, VhError **err)
{
        Adding adding = { proc, label->label };

        return is_own(label) ? qemu_device_files(dev, add_file, &adding, err) : 0;
}

/* The kernel looks at files with a name again when another process gets them; pipes have none. */
static void give_file(QemuProcess *proc, const VhSeclabel *label, int fd)
{
        _vh_free_ char *link = vh_xasprintf("/proc/self/fd/%d", fd);
        char path[PATH_MAX];
        ssize_t n = is_own(label) ? readlink(link, path, sizeof(path) - 1) : -1;

        if (n <= 0 || path[0] != '/')
                return;
        path[n] = '\0';
        add_path(proc, label->label, path);
}

/* What is left by the definition. */
static void remove_files(QemuProcess *proc, const VhSeclabel *label, const VhDevice *dev)
{
        if (is_own(label))
                on_worker(proc, "-r", label->label, NULL, vh_domain_def_format(proc->dom->def, VH_XML_SECURE));
}

const QemuSecurity qemu_security_apparmor = {
        .name = "apparmor",
        .works = works,
        .make_label = make_label,
        .prepare = prepare,
        .child = child,
        .enforces = enforces,
        .add = add,
        .remove = remove_files,
        .give_file = give_file,
        .ended = ended,
        .cancel = cancel,
        .forget = forget,
};
