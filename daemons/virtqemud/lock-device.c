/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a disk below /dev is known by on all hosts that see it: paths of devices differ from host to host, the UUID of a
 * logical volume and the id of a SCSI unit do not. */

#include <sys/wait.h>
#include <unistd.h>

#include "lock-client.h"
#include "program.h"

enum { TOOL_SECONDS = 30 };

/* The programs that know, with the arguments before the device: where the reference looks for them, because both have
 * to come to the same name. */
static const char *const volume_tool[] = { "/sbin/lvs",  "--noheadings", "--unbuffered",
                                           "--nosuffix", "--options",    "uuid",
                                           NULL };
static const char *const unit_tool[] = { "/lib/udev/scsi_id", "--replace-whitespace", "--whitelisted", "--device",
                                         NULL };

/* The first line without blanks before it; NULL: there is none. */
static char *first_line(const char *output)
{
        size_t n;

        output += strspn(output, " \t");
        n = strcspn(output, "\n");
        return n ? vh_xstrndup(output, n) : NULL;
}

/* Asks a program; *key is NULL if it is not installed or knows nothing of the device. */
static int ask(const char *const *tool, const char *device, char **key, VhError **err)
{
        _qemu_command_ QemuCommand cmd = { 0 };
        const QemuProgram program = { .cmd = &cmd, .seconds = TOOL_SECONDS };
        _vh_tool_end_ VhToolEnd end = { 0 };
        int r;

        *key = NULL;
        if (access(tool[0], X_OK) < 0)
                return 0;
        for (; *tool; tool++)
                qemu_command_add(&cmd, *tool);
        qemu_command_add(&cmd, device);
        r = qemu_program_run(&program, &end, err);
        if (r == 0 && WIFEXITED(end.status) && WEXITSTATUS(end.status) == 0)
                *key = first_line(end.output);
        return r;
}

int qemu_lock_resolve(const QemuLock *lock, QemuLock *real, VhError **err)
{
        const struct {
                const char *space;
                const char *const *tool;
        } ways[] = { { lock->volume_space, volume_tool }, { lock->unit_space, unit_tool } };
        char *key = NULL;
        int r = 0;

        *real = (QemuLock){ .flags = lock->flags, .make_space = lock->make_space };
        for (size_t i = 0; lock->device && r == 0 && !key && i < VH_ARRAY_SIZE(ways); i++) {
                if (!ways[i].space)
                        continue;
                r = ask(ways[i].tool, lock->device, &key, err);
                if (key)
                        *real = (QemuLock){ .space = vh_xstrdup(ways[i].space),
                                            .name = key,
                                            .flags = lock->flags | QEMU_LOCK_AUTO_CREATE,
                                            .make_space = true };
        }
        if (r == 0 && !key) {
                real->space = vh_xstrdup(lock->space);
                real->name = vh_xstrdup(lock->name);
        }
        return r;
}

void qemu_lock_done(QemuLock *lock)
{
        free(lock->space);
        free(lock->name);
        free(lock->device);
        free(lock->volume_space);
        free(lock->unit_space);
}
