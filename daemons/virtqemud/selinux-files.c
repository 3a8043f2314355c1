/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which file gets which label, and has it for how long. */

#include "selinux-files.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/log.h"
#include "dev-namespace.h"
#include "guest-files.h"
#include "isolation.h"
#include "label-memory.h"
#include "log-client.h"
#include "shared-fs.h"

VH_LOG_SOURCE("qemu.selinux");

#define MODEL "selinux"

/* ---- one file ---- */

/* Counts one guest more of a file that has the label now. Where nothing can be noted, nothing is remembered. */
static int remember_label(const char *path, const char *now, const char *context, VhError **err)
{
        QemuLabelMemory m;

        if (qemu_memory_recall(path, MODEL, &m) < 0)
                return 0;
        if (m.count > 0 && strcmp(now, context) != 0)
                return vh_error_set(err, VIR_FROM_SECURITY, VIR_ERR_OPERATION_INVALID,
                                    "Setting different SELinux label on %s which is already in use", path);
        if (m.count++ == 0)
                snprintf(m.value, sizeof(m.value), "%s", now);
        (void)qemu_memory_note(path, MODEL, &m);
        return 0;
}

static int give_path(const char *path, const char *context, bool remember, VhError **err)
{
        _vh_free_ char *now = qemu_selinux_get(path);
        int r = remember && now ? remember_label(path, now, context, err) : 0;

        return r < 0 ? r : qemu_selinux_set(path, context, err);
}

/* By the policy, if it is ours. */
static int restore_default(QemuSelinux *host, const char *path, const char *context, VhError **err)
{
        _vh_free_ char *now = qemu_selinux_get(path), *old = NULL;
        struct stat st;

        if (!vh_streq(now, context) || stat(path, &st) < 0)
                return 0;
        old = qemu_selinux_default(host, path, st.st_mode);
        return old ? qemu_selinux_set(path, old, err) : 0;
}

/* One guest less: the last one gives the file back. */
static int restore_path(QemuSelinux *host, const char *path, const char *context, VhError **err)
{
        QemuLabelMemory m;
        int r = qemu_memory_recall(path, MODEL, &m);

        if (r < 0 || m.count == 0)
                return restore_default(host, path, context, err);
        if (m.count-- > 1)
                return qemu_memory_note(path, MODEL, &m);
        qemu_memory_forget(path, MODEL);
        return qemu_selinux_set(path, m.value, err);
}

/* The guest wrote to it until another image came in front: it stays as it is, and nothing is remembered. */
static void drop_memory(const char *path, const char *context)
{
        _vh_free_ char *now = qemu_selinux_get(path);
        QemuLabelMemory m;

        if (vh_streq(now, context) && qemu_memory_recall(path, MODEL, &m) == 0 && m.count == 1)
                qemu_memory_forget(path, MODEL);
}

/* ---- which files ---- */

/* One walk over them. */
typedef struct Walk {
        const QemuSelinuxGuest *guest;
        bool restore;
        bool remember;
} Walk;

static const char *context_of(const QemuSelinuxGuest *guest, const QemuFile *file)
{
        const VhSeclabel *own = qemu_file_label(file, MODEL);

        if (own && own->relabel == VH_NO)
                return NULL;
        if (own && own->label)
                return own->label;
        switch (file->use) {
        case QEMU_FILE_SHARED:
                return guest->host->file;
        case QEMU_FILE_READ:
        case QEMU_FILE_BOOT:
                return guest->host->content;
        default:
                return guest->label->imagelabel;
        }
}

static void restore_quietly(const QemuSelinuxGuest *guest, const char *path, const char *context)
{
        _vh_error_ VhError *err = NULL;

        if (restore_path(guest->host, path, context, &err) < 0)
                vh_log_warning("%s", vh_error_text(err, -EIO));
}

/* A node in the guest's own /dev goes with it, and the host's keeps its label. */
static int visit(void *data, const QemuFile *file, VhError **err)
{
        const Walk *walk = data;
        const char *context = context_of(walk->guest, file);
        _vh_free_ char *inside = context ? qemu_namespace_path(walk->guest->proc, file->path) : NULL;
        bool back = qemu_file_is_kept(file);

        if (!context ||
            (file->output && !qemu_file_label(file, MODEL) && qemu_logd_wanted(walk->guest->proc->driver)) ||
            (file->node && access(inside ? inside : file->path, F_OK) < 0))
                return 0;
        if (inside)
                return walk->restore ? 0 : qemu_selinux_set(inside, context, err);
        if (walk->restore && qemu_path_is_used_elsewhere(walk->guest->proc, file->path))
                return 0;
        if (!walk->restore)
                return give_path(file->path, context, back && walk->remember, err);
        if (back)
                restore_quietly(walk->guest, file->path, context);
        else
                drop_memory(file->path, walk->guest->label->imagelabel);
        return 0;
}

/* ---- the guest ---- */

static int give_own(const QemuSelinuxGuest *guest, VhError **err)
{
        const QemuProcess *proc = guest->proc;
        const char *const paths[] = { proc->lib_dir, proc->channel_dir, proc->ram_dir, proc->master_key,
                                      proc->monitor_path };
        int r = 0;

        for (size_t i = 0; r == 0 && i < VH_ARRAY_SIZE(paths); i++)
                if (paths[i] && access(paths[i], F_OK) == 0)
                        r = qemu_selinux_set(paths[i], guest->label->imagelabel, err);
        return r;
}

static Walk walk_of(const QemuSelinuxGuest *guest, bool restore)
{
        return (Walk){ guest, restore, qemu_isolation_remembers(guest->proc->driver) };
}

int qemu_selinux_give_all(const QemuSelinuxGuest *guest, VhError **err)
{
        Walk walk = walk_of(guest, false);
        int r = give_own(guest, err);

        return r < 0 ? r : qemu_guest_files(guest->proc->dom->def, visit, &walk, err);
}

void qemu_selinux_restore_all(const QemuSelinuxGuest *guest)
{
        Walk walk = walk_of(guest, true);

        (void)qemu_guest_files(guest->proc->dom->def, visit, &walk, NULL);
}

int qemu_selinux_give_device(const QemuSelinuxGuest *guest, const VhDevice *dev, VhError **err)
{
        Walk walk = walk_of(guest, false);

        return qemu_device_files(dev, visit, &walk, err);
}

void qemu_selinux_restore_device(const QemuSelinuxGuest *guest, const VhDevice *dev)
{
        Walk walk = walk_of(guest, true);

        (void)qemu_device_files(dev, visit, &walk, NULL);
}
