/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opening tap devices. */

#include "net/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "net/link.h"

enum {
        NODE_TRIES = 50,               /* for a device node that udev still makes */
        NODE_PAUSE = 10 * 1000 * 1000, /* nanoseconds between them */
};

static short queue_flags(const VhTap *tap, int fd)
{
        short flags = IFF_TAP | IFF_NO_PI;
        unsigned features = 0;

        if (ioctl(fd, TUNGETFEATURES, &features) < 0)
                features = IFF_VNET_HDR;
        if (tap->vnet_hdr && (features & IFF_VNET_HDR))
                flags |= IFF_VNET_HDR;
        if (tap->queues > 1)
                flags |= IFF_MULTI_QUEUE;
        return flags;
}

static int attach(const VhTap *tap, int fd)
{
        struct ifreq req = { .ifr_flags = queue_flags(tap, fd) };

        snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", tap->name);
        return ioctl(fd, TUNSETIFF, &req) < 0 ? -errno : 0;
}

static int open_node(const char *path, unsigned tries)
{
        const struct timespec pause = { .tv_nsec = NODE_PAUSE };
        int fd = open(path, O_RDWR | O_CLOEXEC);

        while (fd < 0 && errno == ENOENT && tries-- > 1) {
                nanosleep(&pause, NULL);
                fd = open(path, O_RDWR | O_CLOEXEC);
        }
        return fd < 0 ? -errno : fd;
}

static int open_queues(const VhTap *tap, const char *path, unsigned tries, int *fds)
{
        int r = 0;
        unsigned n;

        for (n = 0; r == 0 && n < tap->queues; n++) {
                fds[n] = open_node(path, tries);
                r = fds[n] < 0 ? fds[n] : attach(tap, fds[n]);
        }
        while (r < 0 && n-- > 0)
                if (fds[n] >= 0)
                        close(fds[n]);
        return r;
}

int vh_tap_open(const VhTap *tap, int *fds)
{
        if (strlen(tap->name) >= IFNAMSIZ)
                return -ENAMETOOLONG;
        return open_queues(tap, tap->device ? tap->device : VH_TUN_DEVICE, 1, fds);
}

int vh_macvtap_open(const VhTap *tap, int *fds)
{
        _vh_free_ char *path = NULL;
        VhLink link;
        int r = vh_link_get(tap->name, &link);

        if (r < 0)
                return r;
        path = vh_xasprintf("/dev/tap%d", link.index);
        return open_queues(tap, path, NODE_TRIES, fds);
}
