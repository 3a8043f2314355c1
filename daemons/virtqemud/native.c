/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A definition as the command line that would run it. Nothing is started or touched for it. */

#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "command.h"
#include "guest-cpu.h"
#include "guest-platform.h"
#include "guest-secrets.h"
#include "qemu-ops.h"

#define PLAIN_CPU "qemu64"

enum {
        FIRST_PORT = 5900,
        NAME_SHOWN = 20, /* bytes of the name in paths */
};

/* Ports in turn: whether they are free would be known only at a start. */
static void choose_ports(VhDomainDef *def)
{
        int32_t next = FIRST_PORT;

        for (uint32_t i = 0; i < def->graphics.n; i++) {
                VhGraphics *g = def->graphics.items[i];
                bool by_address = !g->listens.n || g->listens.items[0]->type == VH_LISTEN_ADDRESS ||
                                  g->listens.items[0]->type == VH_LISTEN_NETWORK;

                if ((g->type != VH_GRAPHICS_VNC && g->type != VH_GRAPHICS_SPICE) || !by_address || g->socket)
                        continue;
                if (g->port.val == -1 || (!g->port.set && g->autoport != VH_NO))
                        g->port = (VhOptInt){ next++, true };
                if (g->type == VH_GRAPHICS_SPICE && g->tls_port.val == -1)
                        g->tls_port = (VhOptInt){ next++, true };
        }
}

/* A conversion, which may have to wait for what the program can do, and for values of secrets. */
typedef struct Native {
        VhCall *call;
        remote_connect_domain_xml_to_native_ret *ret;
        VhDomainDef *def;
        QemuCaps *caps; /* of the program, NULL: what it can do does not matter */
        char *lib_dir, *channels, *monitor, *key;
        QemuLaunch launch;
        QemuHostWork *work;
} Native;

static void native_free(Native *n)
{
        qemu_host_work_drop(n->work, false);
        qemu_launch_done(&n->launch);
        vh_domain_def_free(n->def);
        qemu_caps_unref(n->caps);
        free(n->lib_dir);
        free(n->channels);
        free(n->monitor);
        free(n->key);
        free(n);
}

static Native *native_new(VhCall *call, VhDomainDef *def, remote_connect_domain_xml_to_native_ret *ret)
{
        QemuDriver *driver = qemu_driver(call);
        const char *state = driver->env.state_dir;
        Native *n = vh_new(Native, 1);

        n->call = call;
        n->ret = ret;
        n->def = def;
        n->lib_dir = vh_xasprintf("%s/qemu/domain--1-%.*s", state, NAME_SHOWN, def->name);
        n->channels = vh_xasprintf("%s/qemu/channel/target/domain--1-%.*s", state, NAME_SHOWN, def->name);
        n->monitor = vh_path_join(n->lib_dir, "monitor.sock");
        n->key = vh_path_join(n->lib_dir, QEMU_MASTER_KEY);
        n->launch = (QemuLaunch){
                .env = &driver->env,
                .conf = driver->conf,
                .lib_dir = n->lib_dir,
                .channel_dir = n->channels,
                .monitor_path = n->monitor,
                .monitor_fd = -1,
                .master_key = n->key,
                .standalone = true,
        };
        n->work = qemu_host_work_new();
        return n;
}

static int build(Native *n, VhError **err)
{
        _qemu_command_ QemuCommand cmd = {};
        _vh_free_ char *text = NULL;
        int r;

        qemu_host_work_adopt(n->work, NULL, &n->launch);
        r = qemu_command_build(n->def, n->caps, &n->launch, &cmd, err);
        text = r < 0 ? NULL : qemu_command_line(&cmd);
        if (text)
                n->ret->nativeConfig = vh_call_strdup(n->call, text);
        return r;
}

static void got_secrets(void *data, int r, const VhError *error)
{
        Native *n = data;
        VhError *err = vh_error_copy(error);
        VhCall *call = n->call;

        r = r < 0 ? r : build(n, &err);
        native_free(n);
        vh_call_finish(call, r, err);
}

static int convert(Native *n, VhError **err)
{
        int r;

        choose_ports(n->def);
        r = qemu_command_prepare(n->def, n->caps, &n->launch, err);
        if (r < 0)
                return r;
        qemu_secrets_want(&n->launch, n->def, n->work);
        if (qemu_host_work_empty(n->work))
                return build(n, err);
        qemu_host_work_go(n->work, qemu_driver(n->call)->pool, got_secrets, n);
        return VH_LATER;
}

/* ---- the CPU ---- */

/* What a CPU comes to depends on the host and the program, but for the plainest. */
static bool cpu_depends(const VhDomainDef *def)
{
        const VhCpu *cpu = def->cpu;

        return cpu && (cpu->features.n || cpu->mode == VH_CPU_MODE_HOST_MODEL || cpu->match == VH_CPU_MATCH_MINIMUM ||
                       cpu->check == VH_CPU_CHECK_PARTIAL || (cpu->model && strcmp(cpu->model, PLAIN_CPU) != 0));
}

/* On other architectures names of parts of the machine are the program's. */
static int settle_and_convert(Native *n, QemuCaps *caps, VhError **err)
{
        int r;

        if (!qemu_is_x86(n->def))
                n->caps = qemu_caps_ref(caps);
        r = qemu_guest_cpu_settle(n->def, caps, qemu_driver(n->call)->host, err);

        return r < 0 ? r : convert(n, err);
}

static void program_known(void *data, QemuCaps *caps, int r, const VhError *error)
{
        Native *n = data;
        VhError *err = vh_error_copy(error);
        VhCall *call = n->call;

        r = r < 0 ? r : settle_and_convert(n, caps, &err);
        if (r == VH_LATER)
                return;
        native_free(n);
        vh_call_finish(call, r, err);
}

static int convert_with_program(Native *n, VhError **err)
{
        QemuDriver *driver = qemu_driver(n->call);
        const char *binary = n->def->emulator;
        QemuCaps *caps;
        int r = 0;

        if ((qemu_is_x86(n->def) && !cpu_depends(n->def)) || !binary || access(binary, X_OK) < 0)
                return convert(n, err);
        caps = qemu_emulators_recall(driver->emulators, binary);
        if (!caps && !driver->pool)
                r = qemu_emulators_caps(driver->emulators, binary, &caps, err);
        if (r < 0)
                return r;
        if (caps)
                return settle_and_convert(n, caps, err);
        qemu_emulators_ask(driver->emulators, driver->pool, binary, program_known, n);
        return VH_LATER;
}

/* ---- the call ---- */

int qemu_connect_domain_xml_to_native(VhCall *call, const remote_connect_domain_xml_to_native_args *args,
                                      remote_connect_domain_xml_to_native_ret *ret, VhError **err)
{
        VhDomainDef *def = NULL;
        Native *n;
        int r = vh_check_flags(args->flags, 0, VIR_FROM_QEMU, "qemuConnectDomainXMLToNative", err);

        if (r < 0)
                return r;
        if (strcmp(args->nativeFormat, "qemu-argv") != 0)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG, "unsupported config type %s",
                                    args->nativeFormat);
        r = qemu_parse(qemu_driver(call), args->domainXml, 0, &def, err);
        if (r < 0)
                return r;
        n = native_new(call, def, ret);
        r = convert_with_program(n, err);
        if (r != VH_LATER)
                native_free(n);
        return r;
}
