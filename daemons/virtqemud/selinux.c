/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* SELinux: every guest has a pair of categories of its own, which its process and its files carry, so that the host's
 * policy keeps it from the files of others. */

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "security.h"
#include "selinux-context.h"
#include "selinux-files.h"

#define MODEL "selinux"

enum { FD_PATH_SIZE = 64, NODE_PATH_SIZE = 256 };

/* ---- the policy ---- */

static bool works(const QemuDriver *driver)
{
        return qemu_selinux_works();
}

static int open_policy(QemuDriver *driver, VhError **err)
{
        return qemu_selinux_open(&driver->selinux, err);
}

static void close_policy(QemuDriver *driver)
{
        driver->selinux = qemu_selinux_free(driver->selinux);
}

static const char *base_label(const QemuDriver *driver, bool kvm)
{
        return kvm ? driver->selinux->domain : driver->selinux->domain_tcg;
}

/* ---- a guest's label ---- */

/* Every guest that is there keeps its categories until all its files are given back. */
static bool is_taken(void *data, const char *range)
{
        QemuDriver *driver = data;

        VH_REGISTRY_FOREACH(&driver->domains.reg, node)
        {
                VhDomainObj *dom = VH_REG_OBJECT(node, VhDomainObj, node);
                const VhSeclabel *label = qemu_process(dom) ? qemu_security_label_of(dom->def, MODEL) : NULL;

                if (label && label->label && vh_streq(qemu_context_range(label->label), range))
                        return true;
        }
        return false;
}

static int pick_range(QemuDriver *driver, char **range, VhError **err)
{
        QemuMcs mcs;

        if (qemu_mcs_parse(driver->selinux->own, &mcs) < 0)
                return vh_error_set(err, VIR_FROM_SECURITY, VIR_ERR_INTERNAL_ERROR,
                                    "No category range available in the daemon's context '%s'", driver->selinux->own);
        *range = qemu_mcs_pick(&mcs, is_taken, driver);
        return *range ? 0
                      : vh_error_set(err, VIR_FROM_SECURITY, VIR_ERR_INTERNAL_ERROR,
                                     "All pairs of categories are taken by guests");
}

static int make_context(char **ret, const QemuDriver *driver, const char *base, bool object, const char *range,
                        VhError **err)
{
        free(*ret);
        *ret = qemu_context_make(base, driver->selinux->own, object, range);
        return *ret ? 0
                    : vh_error_set(err, VIR_FROM_SECURITY, VIR_ERR_INTERNAL_ERROR,
                                   "unable to allocate security context '%s'", base);
}

static int make_dynamic(QemuProcess *proc, VhSeclabel *label, VhError **err)
{
        _vh_free_ char *range = NULL;
        const char *base = label->baselabel ? label->baselabel
                                            : base_label(proc->driver, proc->dom->def->virt_type != VH_VIRT_QEMU);
        int r = pick_range(proc->driver, &range, err);

        if (r == 0)
                r = make_context(&label->label, proc->driver, base, false, range, err);
        return r < 0 ? r
                     : make_context(&label->imagelabel, proc->driver, proc->driver->selinux->file, true, range, err);
}

/* The files of a static label carry its categories. */
static int make_static(QemuProcess *proc, VhSeclabel *label, VhError **err)
{
        if (!qemu_context_range(label->label))
                return vh_error_sys(err, VIR_FROM_SECURITY, EINVAL, "unable to allocate socket security context '%s'",
                                    label->label);
        if (!qemu_selinux_knows(proc->driver->selinux, label->label))
                return vh_error_set(err, VIR_FROM_SECURITY, VIR_ERR_XML_ERROR, "Invalid security label %s",
                                    label->label);
        if (label->relabel == VH_NO)
                return 0;
        return make_context(&label->imagelabel, proc->driver, proc->driver->selinux->file, true,
                            qemu_context_range(label->label), err);
}

static int make_label(QemuProcess *proc, VhSeclabel *label, VhError **err)
{
        return label->type == QEMU_SECLABEL_STATIC ? make_static(proc, label, err) : make_dynamic(proc, label, err);
}

static char *process_label(const QemuProcess *proc)
{
        return qemu_selinux_process(proc->pid);
}

static bool enforces(const char *label)
{
        return qemu_selinux_enforces();
}

/* ---- files ---- */

static QemuSelinuxGuest guest_of(QemuProcess *proc, const VhSeclabel *label)
{
        return (QemuSelinuxGuest){ proc->driver->selinux, proc, label };
}

/* macvtap devices only: /dev/net/tun is everybody's. Their type is the policy's, the categories are the guest's. */
static int label_tap(const QemuProcess *proc, const VhSeclabel *label, int fd, VhError **err)
{
        char link[FD_PATH_SIZE], path[NODE_PATH_SIZE];
        _vh_free_ char *base = NULL, *context = NULL;
        struct stat st;
        ssize_t n;
        int r;

        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        n = readlink(link, path, sizeof(path) - 1);
        if (n < 0 || fstat(fd, &st) < 0)
                return vh_error_sys(err, VIR_FROM_SECURITY, errno, "cannot stat tap fd %d", fd);
        path[n] = '\0';
        if (!S_ISCHR(st.st_mode) || !vh_startswith(path, "/dev/tap"))
                return 0;
        base = qemu_selinux_default(proc->driver->selinux, path, st.st_mode);
        if (!base)
                return 0;
        r = make_context(&context, proc->driver, base, true, qemu_context_range(label->label), err);
        return r < 0 ? r : qemu_selinux_set(link, context, err);
}

static int label_taps(const QemuProcess *proc, const VhSeclabel *label, const QemuLaunch *launch, VhError **err)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < launch->n_fds; i++)
                if (launch->fds[i].role == QEMU_FD_TAP && launch->fds[i].fd >= 0)
                        r = label_tap(proc, label, launch->fds[i].fd, err);
        return r;
}

static int prepare(QemuProcess *proc, const VhSeclabel *label, const QemuLaunch *launch, VhError **err)
{
        const QemuSelinuxGuest guest = guest_of(proc, label);
        int r;

        if (label->relabel == VH_NO)
                return 0;
        r = label_taps(proc, label, launch, err);
        return r < 0 ? r : qemu_selinux_give_all(&guest, err);
}

static int ended(QemuProcess *proc, const VhSeclabel *label, VhError **err)
{
        const QemuSelinuxGuest guest = guest_of(proc, label);

        if (label->relabel != VH_NO)
                qemu_selinux_restore_all(&guest);
        return 0;
}

static int add(QemuProcess *proc, const VhSeclabel *label, const VhDevice *dev, VhError **err)
{
        const QemuSelinuxGuest guest = guest_of(proc, label);

        return label->relabel == VH_NO ? 0 : qemu_selinux_give_device(&guest, dev, err);
}

static void remove_device(QemuProcess *proc, const VhSeclabel *label, const VhDevice *dev)
{
        const QemuSelinuxGuest guest = guest_of(proc, label);

        if (label->relabel != VH_NO)
                qemu_selinux_restore_device(&guest, dev);
}

static int label_path(const QemuProcess *proc, const VhSeclabel *label, const char *path, bool reads, VhError **err)
{
        if (label->relabel == VH_NO)
                return 0;
        return qemu_selinux_set(path, reads ? proc->driver->selinux->content : label->imagelabel, err);
}

/* ---- sockets ---- */

/* A socket that the guest inherits is as if it had made it. It may connect to others only within its categories, so the
 * daemon's own that talk to it have them. */
static int sockets(const QemuProcess *proc, const VhSeclabel *label, bool of_guest)
{
        _vh_free_ char *own = NULL;

        if (of_guest)
                return qemu_selinux_sockets(label->label);
        own = qemu_context_make(proc->driver->selinux->own, proc->driver->selinux->own, false,
                                qemu_context_range(label->label));
        return own ? qemu_selinux_sockets(own) : -EINVAL;
}

static void sockets_end(void)
{
        (void)qemu_selinux_sockets(NULL);
}

const QemuSecurity qemu_security_selinux = {
        .name = MODEL,
        .works = works,
        .open = open_policy,
        .close = close_policy,
        .base_label = base_label,
        .make_label = make_label,
        .prepare = prepare,
        .child = qemu_selinux_at_exec,
        .process_label = process_label,
        .enforces = enforces,
        .add = add,
        .remove = remove_device,
        .ended = ended,
        .label_path = label_path,
        .sockets = sockets,
        .sockets_end = sockets_end,
};
