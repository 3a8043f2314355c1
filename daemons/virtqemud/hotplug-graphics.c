/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Displays of a running guest: their passwords change, and nothing else. */

#include "hotplug.h"
#include "model/domain-tables.h"

/* ---- what must stay ---- */

static int check_listen(const VhGraphicsListen *old, const VhGraphicsListen *new, const char *type, VhError **err)
{
        const char *what = NULL;

        if (old->type != new->type)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "cannot change the type of listen address on '%s' graphics", type);
        if (new->type == VH_LISTEN_ADDRESS && !vh_streq(old->address, new->address))
                what = "address";
        if (new->type == VH_LISTEN_NETWORK && !vh_streq(old->network, new->network))
                what = "network";
        if (new->type == VH_LISTEN_SOCKET && !vh_streq(old->socket, new->socket))
                what = "socket";
        return what ? vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                   "cannot change listen %s setting on '%s' graphics", what, type)
                    : 0;
}

static int check_listens(const VhGraphics *old, const VhGraphics *new, const char *type, VhError **err)
{
        int r = 0;

        if (old->listens.n != new->listens.n)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "cannot change the number of listen addresses on '%s' graphics", type);
        for (uint32_t i = 0; r == 0 && i < new->listens.n; i++)
                r = check_listen(old->listens.items[i], new->listens.items[i], type, err);
        return r;
}

static bool same_ports(const VhGraphics *old, const VhGraphics *new)
{
        if (old->autoport != new->autoport)
                return false;
        return new->autoport == VH_YES || (old->port.val == new->port.val && old->tls_port.val == new->tls_port.val);
}

static int check_graphics(const VhGraphics *old, const VhGraphics *new, VhError **err)
{
        const char *type = vh_xml_names_text(&vh_graphics_type_names, old->type);
        int r;

        if (old->type != VH_GRAPHICS_VNC && old->type != VH_GRAPHICS_SPICE)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "unable to change config on '%s' graphics type", type);
        r = check_listens(old, new, type, err);
        if (r < 0)
                return r;
        if (!same_ports(old, new))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "cannot change port settings on %s graphics", type);
        if (!vh_streq(old->keymap, new->keymap))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "cannot change keymap setting on %s graphics", type);
        return 0;
}

/* ---- the change ---- */

/* Nobody can log in without one. */
static void plan_no_password(QemuPlan *plan, const char *protocol)
{
        qemu_plan_add(
                plan,
                qmp_command("set_password", "{s:s,s:s,s:s}", "protocol", protocol, "password", "", "connected", "keep"),
                NULL);
        qemu_plan_add(plan, qmp_command("expire_password", "{s:s,s:s}", "protocol", protocol, "time", "now"), NULL);
}

int qemu_update_graphics(QemuChange *change, const QemuBuild *b, void *have, void *want)
{
        const VhGraphics *old = have, *new = want;
        int r = check_graphics(old, new, b->err);

        if (r < 0 || (vh_streq(old->passwd, new->passwd) && vh_streq(old->passwd_valid_to, new->passwd_valid_to)))
                return r;
        if (new->passwd)
                qemu_plan_password(&change->plan, qemu_process(change->task.dom), new);
        else
                plan_no_password(&change->plan, old->type == VH_GRAPHICS_VNC ? "vnc" : "spice");
        return 0;
}

void qemu_apply_graphics(QemuChange *change, void *have, void *want)
{
        VhGraphics *old = have;
        const VhGraphics *new = want;

        vh_strset(&old->passwd, new->passwd);
        vh_strset(&old->passwd_valid_to, new->passwd_valid_to);
        old->connected = new->connected;
}
