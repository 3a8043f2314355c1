/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virtiofsd: a folder of the host for a guest. */

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>

#include "base/file.h"
#include "command-parts.h"
#include "helpers.h"

enum { SANDBOX_NAMESPACE = 1 };

/* Where packages describe programs that speak vhost-user, the administrator's first. */
static const char *const description_dirs[] = { "/etc/qemu/vhost-user", "/usr/share/qemu/vhost-user" };

/* ---- which program ---- */

static char *described_program(const char *path)
{
        json_t *o = json_load_file(path, 0, NULL);
        char *program = NULL;

        if (vh_streq(json_string_value(json_object_get(o, "type")), "fs"))
                program = vh_xstrdup(json_string_value(json_object_get(o, "binary")));
        json_decref(o);
        return program;
}

static char *find_in(const char *dir)
{
        struct dirent **names;
        int n = scandir(dir, &names, NULL, alphasort);
        char *program = NULL;

        for (int i = 0; i < n; i++) {
                _vh_free_ char *path = vh_path_join(dir, names[i]->d_name);

                if (!program && vh_endswith(path, ".json"))
                        program = described_program(path);
                free(names[i]);
        }
        if (n >= 0)
                free(names);
        return program;
}

static char *find_program(const VhFilesystem *fs)
{
        char *program = vh_xstrdup(fs->binary);

        for (size_t i = 0; !program && i < VH_ARRAY_SIZE(description_dirs); i++)
                program = find_in(description_dirs[i]);
        return program;
}

/* ---- its arguments ---- */

static void add_switch(VhBuf *o, uint8_t state, const char *name)
{
        if (state)
                vh_buf_printf(o, ",%s%s", state == VH_ON ? "" : "no_", name);
}

static void add_options(QemuCommand *cmd, const VhFilesystem *fs)
{
        static const char *const caches[] = { NULL, "none", "always" };
        _vh_buf_ VhBuf o = { 0 };

        vh_buf_adds(&o, "source=");
        qemu_opt_escape(&o, fs->source);
        if (fs->cache)
                vh_buf_printf(&o, ",cache=%s", caches[fs->cache]);
        if (fs->sandbox)
                vh_buf_printf(&o, ",sandbox=%s", fs->sandbox == SANDBOX_NAMESPACE ? "namespace" : "chroot");
        add_switch(&o, fs->xattr, "xattr");
        add_switch(&o, fs->flock, "flock");
        add_switch(&o, fs->posix_lock, "posix_lock");
        qemu_command_add(cmd, "-o");
        qemu_command_add(cmd, o.data);
        if (fs->thread_pool_size.set)
                qemu_command_addf(cmd, "--thread-pool-size=%u", fs->thread_pool_size.val);
}

static char *pid_name_of(const QemuProcess *proc, const VhFilesystem *fs)
{
        _vh_free_ char *prefix = qemu_helper_prefix(proc);

        return vh_xasprintf("%s-%s-fs.pid", prefix, fs->info.alias);
}

int qemu_filesystem_want(QemuProcess *proc, VhFilesystem *fs, QemuHostWork *work, VhError **err)
{
        _vh_free_ char *pid_name = NULL;
        QemuHelperItem *h;
        char *program;

        if (!qemu_is_virtiofs(fs) || fs->socket)
                return 0;
        program = find_program(fs);
        if (!program)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED,
                                    "Unable to find a satisfying virtiofsd");
        vh_strset(&fs->binary, program);
        pid_name = pid_name_of(proc, fs);
        h = qemu_helper_new(proc, pid_name);
        qemu_command_take(&h->cmd, program);
        qemu_command_add(&h->cmd, "--fd=@");
        add_options(&h->cmd, fs);
        qemu_helper_confine(h, proc);
        h->log_path = vh_xasprintf("%s/qemu/%s-%s-virtiofsd.log", proc->driver->env.log_dir, proc->dom->node.name,
                                   fs->info.alias);
        h->socket = vh_xasprintf("%s/%s-fs.sock", proc->lib_dir, fs->info.alias);
        h->listens = true;
        qemu_host_work_add(work, &h->item);
        return 0;
}

int qemu_filesystems_want(QemuProcess *proc, QemuHostWork *work, VhError **err)
{
        const VhDomainDef *def = proc->dom->def;
        int r = 0;

        for (uint32_t i = 0; r == 0 && i < def->filesystems.n; i++)
                r = qemu_filesystem_want(proc, def->filesystems.items[i], work, err);
        return r;
}

void qemu_filesystem_forget(QemuProcess *proc, const VhFilesystem *fs)
{
        _vh_free_ char *pid_name = pid_name_of(proc, fs);
        _vh_free_ char *pid_path = vh_path_join(proc->driver->run_dir, pid_name);

        qemu_helper_forget(proc, pid_path);
}

void qemu_filesystem_leave(QemuProcess *proc, VhFilesystem *fs)
{
        QemuHostWork *work = qemu_host_work_new();

        qemu_filesystem_forget(proc, fs);
        (void)qemu_filesystem_want(proc, fs, work, NULL);
        if (qemu_host_work_empty(work))
                qemu_host_work_drop(work, false);
        else
                qemu_host_work_undo(work, proc->driver->pool, NULL, NULL);
}
