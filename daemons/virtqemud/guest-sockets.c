/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Listening sockets of character devices. */

#include "guest-sockets.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "security.h"

enum {
        MODE_BIND = 2, /* word of a socket's mode */
        SOCKET_MODE = 0775,
};

/* The first console may be a serial port under another name. */
static bool listens(VhDeviceKind kind, const VhChr *chr)
{
        return vh_device_is_chr(kind) && chr->source.type == VH_CHR_UNIX && chr->source.mode == MODE_BIND &&
               chr->source.path && chr->info.alias &&
               (kind != VH_DEVICE_CONSOLE || !vh_startswith(chr->info.alias, "serial"));
}

static int bind_to(int fd, const char *path, VhError **err)
{
        struct sockaddr_un addr = { .sun_family = AF_UNIX };

        if (strlen(path) >= sizeof(addr.sun_path))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR, "UNIX socket path '%s' too long", path);
        strcpy(addr.sun_path, path);
        if (unlink(path) < 0 && errno != ENOENT)
                return vh_error_sys(err, VIR_FROM_QEMU, errno, "Unable to unlink %s", path);
        if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
                return vh_error_sys(err, VIR_FROM_QEMU, errno, "Unable to bind to UNIX socket path '%s'", path);
        if (listen(fd, 1) < 0)
                return vh_error_sys(err, VIR_FROM_QEMU, errno, "Unable to listen on UNIX socket path '%s'", path);
        return 0;
}

/* Returns the socket. */
static int make_socket(const QemuProcess *proc, const char *path, const QemuAccount *account, VhError **err)
{
        _vh_close_ int fd = qemu_security_socket(proc, 0, true);
        int r;

        if (fd < 0)
                return vh_error_sys(err, VIR_FROM_QEMU, fd, "Unable to create UNIX socket");
        r = bind_to(fd, path, err);
        if (r < 0)
                return r;
        if (chmod(path, SOCKET_MODE) < 0 || lchown(path, account->uid, account->gid) < 0)
                return vh_error_sys(err, VIR_FROM_QEMU, errno, "Unable to set the owner of UNIX socket path '%s'",
                                    path);
        r = qemu_security_label_path(proc, path, false, err);
        return r < 0 ? r : VH_TAKE_FD(fd);
}

typedef struct Making {
        QemuProcess *proc;
        const QemuAccount *account;
        QemuLaunch *launch;
        VhError **err;
} Making;

static int make_one(VhDeviceKind kind, void *dev, VhDeviceInfo *info, void *opaque)
{
        const Making *m = opaque;
        const VhChr *chr = dev;
        int fd;

        if (!listens(kind, chr))
                return 0;
        fd = make_socket(m->proc, chr->source.path, m->account, m->err);
        if (fd >= 0)
                qemu_launch_give_fd(m->launch, QEMU_FD_CHR_SOCKET, chr->info.alias, fd);
        return VH_MIN(fd, 0);
}

int qemu_guest_sockets_make(QemuProcess *proc, const QemuAccount *account, QemuLaunch *launch, VhError **err)
{
        return vh_domain_each_device(proc->dom->def, make_one, &(Making){ proc, account, launch, err });
}

static int remove_one(VhDeviceKind kind, void *dev, VhDeviceInfo *info, void *opaque)
{
        const VhChr *chr = dev;
        struct stat st;

        if (listens(kind, chr) && lstat(chr->source.path, &st) == 0 && S_ISSOCK(st.st_mode))
                (void)unlink(chr->source.path);
        return 0;
}

void qemu_guest_sockets_remove(const QemuProcess *proc)
{
        (void)vh_domain_each_device(proc->dom->def, remove_one, NULL);
}
