/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Calls of the log program. */

#include "log-client.h"

#include <errno.h>

#include "base/file.h"
#include "client_calls.h"
#include "helper-call.h"
#include "log_protocol.h"

#define SOCKET "virtlogd-sock"

bool qemu_logd_wanted(const QemuDriver *driver)
{
        _vh_free_ char *path = vh_path_join(driver->env.run_dir, SOCKET);
        const char *handler = NULL;

        if (driver->conf && vh_conf_get_string(driver->conf, "stdio_handler", &handler, NULL) < 0)
                return false;
        if (handler && strcmp(handler, "logd") != 0)
                return false;
        return (driver->conf && vh_conf_find(driver->conf, "stdio_handler")) || access(path, F_OK) == 0;
}

static virLogManagerProtocolDomain wire_of(const QemuLogOf *log)
{
        virLogManagerProtocolDomain wire = { .name = (char *)log->name };

        memcpy(wire.uuid, log->uuid, VH_UUID_LEN);
        return wire;
}

int qemu_logd_open(const QemuLogOf *log, bool truncate, uint64_t *offset, VhError **err)
{
        virLogManagerProtocolDomainOpenLogFileArgs args = {
                .driver = (char *)"qemu",
                .dom = wire_of(log),
                .path = (char *)log->path,
                .flags = truncate ? VIR_LOG_MANAGER_PROTOCOL_DOMAIN_OPEN_LOG_FILE_TRUNCATE : 0,
        };
        virLogManagerProtocolDomainOpenLogFileRet ret = { 0 };
        _qemu_line_ QemuLine line = { 0 };
        VhArena arena = { 0 };
        int fd, r = qemu_line_open(&line, log->run_dir, SOCKET, err);

        if (r < 0)
                return r;
        r = vh_remote_call_fd(line.remote, &vh_program_log,
                              &vh_program_log.procs[VIR_LOG_MANAGER_PROTOCOL_PROC_DOMAIN_OPEN_LOG_FILE], &args, &ret,
                              &fd, &arena, err);
        *offset = ret.pos.offset;
        vh_arena_done(&arena);
        if (r < 0)
                vh_closep(&fd);
        return r < 0 ? r : fd;
}

int qemu_logd_append(const QemuLogOf *log, const char *text, VhError **err)
{
        virLogManagerProtocolDomainAppendLogFileArgs args = {
                .driver = (char *)"qemu",
                .dom = wire_of(log),
                .path = (char *)log->path,
                .message = (char *)text,
        };
        virLogManagerProtocolDomainAppendLogFileRet ret = { 0 };
        _qemu_line_ QemuLine line = { 0 };
        VhArena arena = { 0 };
        int r = qemu_line_open(&line, log->run_dir, SOCKET, err);

        if (r == 0)
                r = vh_call_log_domain_append_log_file(line.remote, &args, &ret, &arena, err);
        vh_arena_done(&arena);
        return r;
}

int qemu_logd_settle(const QemuLogOf *log, VhError **err)
{
        virLogManagerProtocolDomainGetLogFilePositionArgs args = { .path = (char *)log->path };
        virLogManagerProtocolDomainGetLogFilePositionRet ret = { 0 };
        _qemu_line_ QemuLine line = { 0 };
        VhArena arena = { 0 };
        int r = qemu_line_open(&line, log->run_dir, SOCKET, err);

        if (r == 0)
                r = vh_call_log_domain_get_log_file_position(line.remote, &args, &ret, &arena, err);
        vh_arena_done(&arena);
        return r;
}
