/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A definition as the command line that would run it. Nothing is started or touched for it. */

#include <stdio.h>

#include "command.h"
#include "qemu-ops.h"

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

static int to_native(QemuDriver *driver, VhDomainDef *def, char **text, VhError **err)
{
        _vh_free_ char *lib_dir = vh_xasprintf("%s/qemu/domain--1-%.*s", driver->env.state_dir, NAME_SHOWN, def->name);
        _vh_free_ char *channels =
                vh_xasprintf("%s/qemu/channel/target/domain--1-%.*s", driver->env.state_dir, NAME_SHOWN, def->name);
        _vh_free_ char *monitor = vh_xasprintf("%s/monitor.sock", lib_dir);
        _vh_free_ char *key = vh_xasprintf("%s/master-key.aes", lib_dir);
        _qemu_command_ QemuCommand cmd = {};
        QemuLaunch launch = {
                .env = &driver->env,
                .lib_dir = lib_dir,
                .channel_dir = channels,
                .monitor_path = monitor,
                .monitor_fd = -1,
                .master_key = key,
                .standalone = true,
        };
        int r;

        choose_ports(def);
        r = qemu_command_prepare(def, NULL, &launch, err);
        r = r < 0 ? r : qemu_command_build(def, NULL, &launch, &cmd, err);
        if (r == 0)
                *text = qemu_command_line(&cmd);
        return r;
}

int qemu_connect_domain_xml_to_native(VhCall *call, const remote_connect_domain_xml_to_native_args *args,
                                      remote_connect_domain_xml_to_native_ret *ret, VhError **err)
{
        QemuDriver *driver = qemu_driver(call);
        _vh_domain_def_ VhDomainDef *def = NULL;
        _vh_free_ char *text = NULL;
        int r = vh_check_flags(args->flags, 0, VIR_FROM_QEMU, "qemuConnectDomainXMLToNative", err);

        if (r < 0)
                return r;
        if (strcmp(args->nativeFormat, "qemu-argv") != 0)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG, "unsupported config type %s",
                                    args->nativeFormat);
        r = qemu_parse(driver, args->domainXml, 0, &def, err);
        r = r < 0 ? r : to_native(driver, def, &text, err);
        if (r == 0)
                ret->nativeConfig = vh_call_strdup(call, text);
        return r;
}
