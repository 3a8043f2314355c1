/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The host's end of a guest's vsock: its number, which the kernel gives to one guest only, belongs to a descriptor that
 * QEMU gets from us. */

#include "vsock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vhost.h>
#include <sys/ioctl.h>

#define DEVICE "/dev/vhost-vsock"

enum { FIRST_CID = 3 /* those below are the hypervisor's and the host's */ };

static int set_cid(int fd, uint64_t cid)
{
        return ioctl(fd, VHOST_VSOCK_SET_GUEST_CID, &cid) < 0 ? -errno : 0;
}

/* The first number that no other guest has. */
static int choose_cid(int fd, uint32_t *cid)
{
        int r = -EADDRINUSE;

        for (uint32_t next = FIRST_CID; r == -EADDRINUSE && next < UINT32_MAX; next++) {
                r = set_cid(fd, next);
                *cid = next;
        }
        return r;
}

int qemu_vsock_open(VhVsock *vsock, VhError **err)
{
        _vh_close_ int fd = open(DEVICE, O_RDWR | O_CLOEXEC);
        int r;

        if (fd < 0)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "unable to open vhost-vsock device");
        if (vsock->cid_auto == VH_YES)
                r = choose_cid(fd, &vsock->cid);
        else
                r = set_cid(fd, vsock->cid);
        if (r < 0)
                return vh_error_sys(err, VIR_FROM_QEMU, -r,
                                    vsock->cid_auto == VH_YES ? "failed to acquire guest cid"
                                                              : "failed to set guest cid");
        return VH_TAKE_FD(fd);
}

int qemu_vsock_prepare(const VhDomainDef *def, QemuLaunch *launch, VhError **err)
{
        int fd = def->vsock ? qemu_vsock_open(def->vsock, err) : 0;

        if (def->vsock && fd >= 0)
                qemu_launch_give_fd(launch, QEMU_FD_VHOST, def->vsock->info.alias, fd);
        return VH_MIN(fd, 0);
}
