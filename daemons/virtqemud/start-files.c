/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Folders and files of a run, made before its QEMU. */

#include <errno.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/file.h"
#include "hugepages.h"
#include "process.h"
#include "ram-dir.h"
#include "security.h"

enum { DIR_MODE = 0750, PARENT_MODE = 0755, MASTER_KEY_BYTES = 32, LISTEN_BACKLOG = 1 };

static int listen_monitor(const QemuProcess *proc, QemuLaunch *launch, VhError **err)
{
        const char *path = proc->monitor_path;
        struct sockaddr_un addr = { .sun_family = AF_UNIX };
        int fd;

        if (strlen(path) >= sizeof(addr.sun_path))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR, "UNIX socket path '%s' too long", path);
        strcpy(addr.sun_path, path);
        fd = qemu_security_socket(proc, 0, true);
        if (fd < 0)
                return vh_error_sys(err, VIR_FROM_QEMU, fd, "unable to create unix socket");
        launch->monitor_fd = fd;
        if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || chmod(path, 0775) < 0 ||
            listen(fd, LISTEN_BACKLOG) < 0)
                return vh_error_sys(err, VIR_FROM_QEMU, errno, "unable to listen on '%s'", path);
        return 0;
}

int qemu_start_make_dir(const char *path, VhError **err)
{
        _vh_free_ char *parent = vh_xstrdup(path);
        int r;

        *strrchr(parent, '/') = '\0';
        r = vh_mkdir_p(parent, PARENT_MODE);
        if (r == 0)
                r = vh_mkdir_p(path, DIR_MODE);
        return r < 0 ? vh_error_sys(err, VIR_FROM_QEMU, r, "Cannot create directory '%s'", path) : 0;
}

/* The key that secrets are encrypted with on their way to QEMU. */
static int make_master_key(QemuProcess *proc, VhError **err)
{
        uint8_t key[MASTER_KEY_BYTES];
        int r = 0;

        proc->master_key = vh_path_join(proc->lib_dir, QEMU_MASTER_KEY);
        if (getrandom(key, sizeof(key), 0) != sizeof(key))
                r = -EIO;
        if (r == 0)
                r = vh_file_write(proc->master_key, key, sizeof(key), 0600, (uid_t)VH_FILE_SAME_OWNER,
                                  (gid_t)VH_FILE_SAME_OWNER, VH_FILE_NO_SYNC);
        return r < 0 ? vh_error_sys(err, VIR_FROM_QEMU, r, "failed to write master key file '%s'", proc->master_key)
                     : 0;
}

static int make_folder(void *data, const char *folder, VhError **err)
{
        return qemu_start_make_dir(folder, err);
}

int qemu_start_make_files(QemuProcess *proc, QemuLaunch *launch, VhError **err)
{
        int r = qemu_start_make_dir(proc->lib_dir, err);

        if (r == 0)
                r = qemu_start_make_dir(proc->channel_dir, err);
        if (r == 0 && qemu_may_have_ram_files(proc->dom->def))
                r = qemu_start_make_dir(proc->ram_dir, err);
        if (r == 0 && qemu_wants_hugepages(proc->dom->def))
                r = qemu_hugepages_each(proc->driver->conf, qemu_process_short_name(proc), make_folder, NULL, err);
        if (r == 0)
                r = make_master_key(proc, err);
        if (r == 0)
                r = listen_monitor(proc, launch, err);
        return r;
}
