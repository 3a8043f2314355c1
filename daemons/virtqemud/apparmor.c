/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* AppArmor: every guest has a profile of its own, libvirt-UUID, which virt-aa-helper makes of its definition and loads
 * into the kernel. QEMU's process takes it on before exec. */

#include <errno.h>
#include <fcntl.h>

#include "base/file.h"
#include "guest-files.h"
#include "program.h"
#include "run-steps.h"
#include "security.h"

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

/* One run of it; belongs to the worker until it is done. */
typedef struct QemuConfining {
        QemuProcess *proc; /* who waits for it; NULL: nobody any more */
        QemuCommand cmd;
        char *xml;
        VhError *err;
} QemuConfining;

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

static void worked(void *data, int r)
{
        QemuConfining *c = data;

        if (c->proc) {
                c->proc->confining = NULL;
                qemu_run_step_done(c->proc, r, VH_TAKE_PTR(c->err));
        }
        qemu_command_done(&c->cmd);
        vh_error_free(c->err);
        free(c->xml);
        free(c);
}

static int on_worker(QemuProcess *proc, const char *mode, const char *profile, char *xml)
{
        QemuConfining *c = vh_new(QemuConfining, 1);

        c->proc = proc;
        c->xml = xml;
        fill_command(&c->cmd, mode, profile, NULL);
        proc->confining = c;
        vh_pool_submit(proc->driver->pool, work, worked, c);
        return VH_LATER;
}

static void cancel(QemuProcess *proc)
{
        if (proc->confining)
                proc->confining->proc = NULL;
        proc->confining = NULL;
}

/* ---- a guest's profile ---- */

static int make_label(QemuProcess *proc, VhSeclabel *label, VhError **err)
{
        char uuid[VH_UUID_TEXT_LEN + 1];

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
static int prepare(QemuProcess *proc, const VhSeclabel *label, VhError **err)
{
        if (!is_own(label))
                return 0;
        return on_worker(proc, "-c", label->label, vh_domain_def_format(proc->dom->def, VH_XML_SECURE));
}

static int ended(QemuProcess *proc, const VhSeclabel *label, VhError **err)
{
        return is_own(label) ? on_worker(proc, "-D", label->label, NULL) : 0;
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

/* The profile is loaded before QEMU is told of the file, so this waits for the helper. */
static int add_file(void *data, const QemuFile *file, VhError **err)
{
        _qemu_command_ QemuCommand cmd = { 0 };

        fill_command(&cmd, "-r", data, file->path);
        return run_helper(&cmd, NULL, err);
}

static int add(QemuProcess *proc, const VhSeclabel *label, const VhDevice *dev, VhError **err)
{
        return is_own(label) ? qemu_device_files(dev, add_file, label->label, err) : 0;
}

/* What is left by the definition. */
static void remove_files(QemuProcess *proc, const VhSeclabel *label, const VhDevice *dev)
{
        _vh_free_ char *xml = is_own(label) ? vh_domain_def_format(proc->dom->def, VH_XML_SECURE) : NULL;
        _qemu_command_ QemuCommand cmd = { 0 };

        if (!xml)
                return;
        fill_command(&cmd, "-r", label->label, NULL);
        (void)run_helper(&cmd, xml, NULL);
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
        .ended = ended,
        .cancel = cancel,
};
