/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Calls of the lock program. */

#include "lock-client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "client_calls.h"
#include "helper-call.h"
#include "lock_protocol.h"

#define SOCKET "virtlockd-sock"

enum {
        ANSWER_SECONDS = 5, /* that a child waits */
        PID_FROM_END = 8,   /* of the frame that registers: the pid, then the flags */
};

static virLockSpaceProtocolRegisterArgs register_args(const QemuLockOwner *owner)
{
        virLockSpaceProtocolRegisterArgs args = { .owner = { .name = (char *)owner->name } };

        memcpy(args.owner.uuid, owner->uuid, VH_UUID_LEN);
        args.owner.id = (unsigned)owner->id;
        args.owner.pid = (unsigned)owner->pid;
        return args;
}

static int connect_as(QemuLine *line, const QemuLockOwner *owner, VhError **err)
{
        virLockSpaceProtocolRegisterArgs args = register_args(owner);
        VhArena arena = { 0 };
        int r = qemu_line_open(line, owner->run_dir, SOCKET, err);

        if (r == 0)
                r = vh_call_lock_register_(line->remote, &args, &arena, err);
        vh_arena_done(&arena);
        return r;
}

static int acquire(VhRemote *remote, const QemuLock *lock, VhArena *arena, VhError **err)
{
        _qemu_lock_ QemuLock real;
        int r = qemu_lock_resolve(lock, &real, err);
        const virLockSpaceProtocolCreateLockSpaceArgs space = { .path = real.space };
        const virLockSpaceProtocolAcquireResourceArgs args = { real.space, real.name, real.flags };

        if (r == 0 && real.make_space)
                r = vh_call_lock_create_lockspace(remote, &space, arena, err);
        return r < 0 ? r : vh_call_lock_acquire_resource(remote, &args, arena, err);
}

static int release(VhRemote *remote, const QemuLock *lock, VhArena *arena, VhError **err)
{
        _qemu_lock_ QemuLock real;
        int r = qemu_lock_resolve(lock, &real, err);
        const virLockSpaceProtocolReleaseResourceArgs args = { real.space, real.name, 0 };

        return r < 0 ? r : vh_call_lock_release_resource(remote, &args, arena, err);
}

int qemu_lockd_acquire(const QemuLockOwner *owner, const QemuLock *locks, size_t n, VhError **err)
{
        _qemu_line_ QemuLine line = { 0 };
        VhArena arena = { 0 };
        size_t done = 0;
        int r = connect_as(&line, owner, err);

        while (r >= 0 && done < n) {
                r = acquire(line.remote, &locks[done], &arena, err);
                done += r >= 0;
        }
        while (r < 0 && done-- > 0)
                release(line.remote, &locks[done], &arena, NULL);
        vh_arena_done(&arena);
        return r;
}

int qemu_lockd_release(const QemuLockOwner *owner, const QemuLock *locks, size_t n, VhError **err)
{
        _qemu_line_ QemuLine line = { 0 };
        VhArena arena = { 0 };
        int r = connect_as(&line, owner, err);

        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                int one = release(line.remote, &locks[i], &arena, r < 0 ? NULL : err);

                r = r < 0 ? r : one;
        }
        vh_arena_done(&arena);
        return r;
}

/* Lifelines. */

int qemu_lifeline_prepare(QemuLifeline *line, const QemuLockOwner *owner, VhError **err)
{
        const virLockSpaceProtocolRegisterArgs args = register_args(owner);
        const VhFrameHeader h = {
                .prog = VIR_LOCK_SPACE_PROTOCOL_PROGRAM,
                .vers = VIR_LOCK_SPACE_PROTOCOL_PROGRAM_VERSION,
                .proc = VIR_LOCK_SPACE_PROTOCOL_PROC_REGISTER,
                .type = VH_FRAME_CALL,
        };
        int n = snprintf(line->path, sizeof(line->path), "%s/" SOCKET, owner->run_dir);

        if (n >= (int)sizeof(line->path))
                return vh_error_sys(err, VIR_FROM_LOCKING, ENAMETOOLONG, "Failed to connect socket to '%s'",
                                    line->path);
        return vh_frame_add(&line->frame, &h, 0, vh_program_lock.procs[h.proc].args_xdr, &args, err);
}

void qemu_lifeline_done(QemuLifeline *line)
{
        vh_buf_done(&line->frame);
}

/* The answer has no payload if all is well. */
static int read_answer(int fd)
{
        uint8_t answer[VH_FRAME_MIN];
        size_t have = 0;
        VhFrameHeader h;

        while (have < sizeof(answer)) {
                ssize_t n = recv(fd, answer + have, sizeof(answer) - have, 0);

                if (n < 0)
                        return errno == EAGAIN ? -ETIMEDOUT : -errno;
                if (n == 0)
                        return -ECONNRESET;
                have += (size_t)n;
        }
        vh_frame_get_header(answer, &h);
        return h.status == VH_STATUS_OK ? 0 : -EREMOTEIO;
}

int qemu_lifeline_tie(QemuLifeline *line)
{
        const struct timeval patience = { .tv_sec = ANSWER_SECONDS };
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);

        memcpy(address.sun_path, line->path, sizeof(address.sun_path));
        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
            connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
                return -errno;
        vh_put_be32(line->frame.data + line->frame.len - PID_FROM_END, (uint32_t)getpid());
        if (send(fd, line->frame.data, line->frame.len, MSG_NOSIGNAL) != (ssize_t)line->frame.len)
                return -EIO;
        return read_answer(fd);
}
