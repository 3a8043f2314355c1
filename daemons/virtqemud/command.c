/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command line as a whole: its parts in their order, and the small ones. */

#include "command-parts.h"

#include <errno.h>
#include <stdio.h>

#include "guest-defaults.h"
#include "model/domain-cpu.h"
#include "model/domain-tune.h"

/* What QEMU does when it is asked for something that is to go: by the behavior's name. */
static const char *compat_of(const VhQemuDeprecation *d)
{
        static const struct {
                const char *behavior, *compat;
        } rows[] = {
                { "omit", "{\"deprecated-output\":\"hide\"}" },
                { "reject", "{\"deprecated-output\":\"hide\",\"deprecated-input\":\"reject\"}" },
                { "crash", "{\"deprecated-output\":\"hide\",\"deprecated-input\":\"crash\"}" },
        };

        for (size_t i = 0; d && i < VH_ARRAY_SIZE(rows); i++)
                if (vh_streq(d->behavior, rows[i].behavior))
                        return rows[i].compat;
        return NULL;
}

int qemu_build_name(QemuBuild *b)
{
        const char *compat = compat_of(b->def->qemu_deprecation);
        _vh_buf_ VhBuf name = {};

        qemu_opt_escape(&name, b->def->name);
        qemu_build_arg(b, "-name", "guest=%s,debug-threads=on", name.data);
        if (compat)
                qemu_build_arg(b, "-compat", "%s", compat);
        qemu_command_add(b->cmd, "-S");
        return 0;
}

int qemu_build_master_key(QemuBuild *b)
{
        json_t *o;

        if (!b->launch->master_key)
                return 0;
        o = json_object();
        qj_str(o, "qom-type", "secret");
        qj_str(o, "id", "masterKey0");
        qj_str(o, "format", "raw");
        qj_str(o, "file", b->launch->master_key);
        return qemu_build_object(b, o);
}

int qemu_build_uuid(QemuBuild *b)
{
        char text[VH_UUID_TEXT_LEN + 1];

        vh_uuid_format(b->def->uuid, text);
        qemu_build_arg(b, "-uuid", "%s", text);
        return 0;
}

int qemu_build_genid(QemuBuild *b)
{
        char text[VH_UUID_TEXT_LEN + 1];
        json_t *o;

        if (!b->def->genid)
                return 0;
        vh_uuid_format(b->def->genid->uuid, text);
        o = json_object();
        qj_str(o, "driver", "vmgenid");
        qj_str(o, "guid", text);
        qj_str(o, "id", "vmgenid0");
        return qemu_build_device(b, o);
}

/* Nothing that QEMU would add of its own. */
int qemu_build_defaults(QemuBuild *b)
{
        if (!b->def->graphics.n)
                qemu_build_arg(b, "-display", "none");
        qemu_command_add(b->cmd, "-no-user-config");
        qemu_command_add(b->cmd, "-nodefaults");
        return 0;
}

int qemu_build_monitor(QemuBuild *b)
{
        _vh_buf_ VhBuf end = {};

        if (b->launch->monitor_fd >= 0) {
                vh_buf_printf(&end, "fd=%d", b->launch->monitor_fd);
        } else {
                vh_buf_adds(&end, "path=");
                qemu_opt_escape(&end, b->launch->monitor_path);
        }
        qemu_build_arg(b, "-chardev", "socket,id=charmonitor,%s,server=on,wait=off", end.data);
        qemu_build_arg(b, "-mon", "chardev=charmonitor,id=monitor,mode=control");
        return 0;
}

static void add_pool(json_t *o, const VhOptInt *min, const VhOptInt *max)
{
        if (min->set)
                qj_int(o, "thread-pool-min", min->val);
        if (max->set)
                qj_int(o, "thread-pool-max", max->val);
}

/* The pool of what has no thread of its own. */
static int build_main_loop(QemuBuild *b)
{
        const VhDefaultIothread *pool = b->def->default_iothread;
        json_t *o;

        if (!pool)
                return 0;
        o = json_object();
        qj_str(o, "qom-type", "main-loop");
        qj_str(o, "id", "main-loop");
        add_pool(o, &pool->pool_min, &pool->pool_max);
        return qemu_build_object(b, o);
}

int qemu_build_iothreads(QemuBuild *b)
{
        for (uint32_t i = 0; i < b->def->iothread_list.n; i++) {
                const VhIothread *t = b->def->iothread_list.items[i];
                json_t *o = json_object();
                int r;

                qj_str(o, "qom-type", "iothread");
                qj_fmt(o, "id", "iothread%u", t->id.val);
                add_pool(o, &t->pool_min, &t->pool_max);
                r = qemu_build_object(b, o);
                if (r < 0)
                        return r;
        }
        return build_main_loop(b);
}

int qemu_build_incoming(QemuBuild *b)
{
        if (b->launch->incoming)
                qemu_build_arg(b, "-incoming", "%s", b->launch->incoming);
        if (b->launch->loadvm)
                qemu_build_arg(b, "-loadvm", "%s", b->launch->loadvm);
        return 0;
}

int qemu_build_vmcoreinfo(QemuBuild *b)
{
        const VhFeatures *f = b->def->features;
        json_t *o;

        if (!f || !f->vmcoreinfo || f->vmcoreinfo->state != VH_ON)
                return 0;
        o = json_object();
        qj_str(o, "driver", "vmcoreinfo");
        return qemu_build_device(b, o);
}

int qemu_build_sandbox(QemuBuild *b)
{
        int wanted = -1;

        if (b->launch->conf)
                (void)vh_conf_get_int(b->launch->conf, "seccomp_sandbox", &wanted, NULL);
        if (wanted == 0)
                qemu_build_arg(b, "-sandbox", "off");
        else if (!b->caps || qemu_caps_has_option(b->caps, "sandbox", NULL))
                qemu_build_arg(b, "-sandbox",
                               "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
        return 0;
}

/* <qemu:commandline> as it stands. */
int qemu_build_extra(QemuBuild *b)
{
        const VhQemuCommandline *extra = b->def->qemu_commandline;

        for (uint32_t i = 0; extra && i < extra->args.n; i++)
                qemu_command_add(b->cmd, extra->args.items[i]->value);
        for (uint32_t i = 0; extra && i < extra->envs.n; i++) {
                const VhFilterParam *env = extra->envs.items[i];

                qemu_command_setenv(b->cmd, env->name, env->value ? env->value : "");
        }
        return 0;
}

int qemu_build_message(QemuBuild *b)
{
        bool timestamp = true;

        if (b->launch->conf)
                (void)vh_conf_get_bool(b->launch->conf, "log_timestamp", &timestamp, NULL);
        if (timestamp)
                qemu_build_arg(b, "-msg", "timestamp=on");
        return 0;
}

/* QEMU's libraries look for their files in the guest's own folder. */
static void build_environment(QemuBuild *b)
{
        static const struct {
                const char *name, *folder;
        } homes[] = { { "HOME", "" },
                      { "XDG_DATA_HOME", "/.local/share" },
                      { "XDG_CACHE_HOME", "/.cache" },
                      { "XDG_CONFIG_HOME", "/.config" } };
        const char *path = getenv("PATH");

        qemu_command_setenv(b->cmd, "LC_ALL", "C");
        if (path)
                qemu_command_setenv(b->cmd, "PATH", path);
        for (size_t i = 0; i < VH_ARRAY_SIZE(homes); i++) {
                _vh_free_ char *home = vh_xasprintf("%s%s", b->launch->lib_dir, homes[i].folder);

                qemu_command_setenv(b->cmd, homes[i].name, home);
        }
}

int qemu_command_build(const VhDomainDef *def, const QemuCaps *caps, const QemuLaunch *launch, QemuCommand *cmd,
                       VhError **err)
{
#define PART(name) qemu_build_##name,
        static int (*const parts[])(QemuBuild *) = { QEMU_PARTS(PART) };
#undef PART
        _vh_error_ VhError *own = NULL;
        QemuBuild b = { def, caps, launch, cmd, err ? err : &own };

        build_environment(&b);
        qemu_command_add(cmd, def->emulator);
        for (size_t i = 0; i < VH_ARRAY_SIZE(parts); i++) {
                int r = parts[i](&b);

                if (r < 0)
                        return r;
        }
        return 0;
}
