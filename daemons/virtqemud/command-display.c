/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Displays and video cards. */

#include <errno.h>
#include <stdio.h>

#include "command-parts.h"
#include "guest-platform.h"
#include "guest-defaults.h"
#include "model/domain-tables.h"
#include "tls-objects.h"

enum { KIB = 1024, VNC_BASE = 5900 };

/* ---- configuration of the host ---- */

static bool conf_bool(const QemuBuild *b, const char *key)
{
        bool value = false;

        if (b->launch->conf)
                (void)vh_conf_get_bool(b->launch->conf, key, &value, NULL);
        return value;
}

static const char *conf_string(const QemuBuild *b, const char *key, const char *fallback)
{
        const char *value = NULL;

        if (b->launch->conf)
                (void)vh_conf_get_string(b->launch->conf, key, &value, NULL);
        return value && *value ? value : fallback;
}

static const VhGraphicsListen *first_listen(const VhGraphics *g)
{
        return g->listens.n ? g->listens.items[0] : NULL;
}

static void add_host(VhBuf *o, const char *address)
{
        if (strchr(address, ':'))
                vh_buf_printf(o, "[%s]", address);
        else
                vh_buf_adds(o, address);
}

static const char *listen_address(const QemuBuild *b, const VhGraphics *g, const char *key)
{
        const VhGraphicsListen *l = first_listen(g);
        const char *address = l && l->address ? l->address : g->listen;

        return address ? address : conf_string(b, key, "127.0.0.1");
}

static unsigned default_audio(const VhDomainDef *def)
{
        return def->audios.n ? def->audios.items[0]->id : 0;
}

/* ---- VNC ---- */

static void vnc_listen(const QemuBuild *b, const VhGraphics *g, VhBuf *o)
{
        const VhGraphicsListen *l = first_listen(g);
        const char *path = l && l->type == VH_LISTEN_SOCKET ? l->socket : g->socket;

        if (l && l->type == VH_LISTEN_NONE) {
                vh_buf_adds(o, "none");
        } else if (path) {
                vh_buf_adds(o, "vnc=unix:");
                qemu_opt_escape(o, path);
        } else {
                add_host(o, listen_address(b, g, "vnc_listen"));
                vh_buf_printf(o, ":%d", g->port.val - VNC_BASE);
                if (g->websocket.set)
                        vh_buf_printf(o, ",websocket=%d", g->websocket.val);
        }
}

static int build_vnc(QemuBuild *b, const VhGraphics *g)
{
        static const char *const shares[] = { NULL, "allow-exclusive", "force-shared", "ignore" };
        unsigned audio = g->audio_id ? g->audio_id : default_audio(b->def);
        _vh_buf_ VhBuf o = {};

        vnc_listen(b, g, &o);
        if (g->share_policy)
                vh_buf_printf(&o, ",share=%s", shares[g->share_policy]);
        if (g->passwd || *conf_string(b, "vnc_password", ""))
                vh_buf_adds(&o, ",password=on");
        if (conf_bool(b, "vnc_tls")) {
                const QemuTls tls = qemu_tls_settings(b->launch->conf, QEMU_TLS_VNC);

                json_t *objects = NULL;
                int r = qemu_use_tls(b, &tls, QEMU_VNC_TLS, QEMU_VNC_TLS, true, &objects);

                r = r < 0 ? r : qemu_build_objects(b, VH_TAKE_PTR(objects));
                json_decref(objects);
                if (r < 0)
                        return r;
                vh_buf_adds(&o, ",tls-creds=" QEMU_VNC_TLS);
        }
        if (conf_bool(b, "vnc_sasl"))
                vh_buf_adds(&o, ",sasl=on");
        if (g->power_control)
                vh_buf_printf(&o, ",power-control=%s", g->power_control == VH_YES ? "on" : "off");
        if (audio)
                vh_buf_printf(&o, ",audiodev=audio%u", audio);
        qemu_build_arg(b, "-vnc", "%s", o.data);
        if (g->keymap)
                qemu_build_arg(b, "-k", "%s", g->keymap);
        return 0;
}

/* ---- spice ---- */

static void spice_listen(const QemuBuild *b, const VhGraphics *g, VhBuf *o)
{
        const VhGraphicsListen *l = first_listen(g);

        if (l && l->type == VH_LISTEN_SOCKET) {
                vh_buf_adds(o, "unix,addr=");
                qemu_opt_escape(o, l->socket ? l->socket : "");
                vh_buf_addc(o, ',');
        } else if (l && l->type == VH_LISTEN_NONE) {
                vh_buf_adds(o, "port=0,");
        } else {
                if (g->port.set && g->port.val > 0)
                        vh_buf_printf(o, "port=%d,", g->port.val);
                if (g->tls_port.set && g->tls_port.val > 0)
                        vh_buf_printf(o, "tls-port=%d,", g->tls_port.val);
                if ((g->port.set && g->port.val > 0) || (g->tls_port.set && g->tls_port.val > 0))
                        vh_buf_printf(o, "addr=%s,", listen_address(b, g, "spice_listen"));
                else
                        vh_buf_adds(o, "port=0,");
        }
}

static void spice_channels(const VhGraphics *g, VhBuf *o)
{
        static const char *const names[] = { NULL,       "main",   "display",   "inputs",  "cursor",
                                             "playback", "record", "smartcard", "usbredir" };
        static const char *const modes[] = { NULL, NULL, "tls", "plaintext" };

        if (g->default_mode >= 2)
                vh_buf_printf(o, "%s-channel=default,", modes[g->default_mode]);
        for (uint32_t i = 0; i < g->channels.n; i++)
                if (modes[g->channels.items[i]->mode])
                        vh_buf_printf(o, "%s-channel=%s,", modes[g->channels.items[i]->mode],
                                      names[g->channels.items[i]->name]);
}

static void spice_tuning(const VhGraphics *g, VhBuf *o)
{
        static const char *const images[] = { NULL, "auto_glz", "auto_lz", "quic", "glz", "lz", "off" };
        static const char *const wan[] = { NULL, "auto", "never", "always" };
        static const char *const streams[] = { NULL, "filter", "all", "off" };

        if (g->image_compression)
                vh_buf_printf(o, "image-compression=%s,", images[g->image_compression]);
        if (g->jpeg_compression)
                vh_buf_printf(o, "jpeg-wan-compression=%s,", wan[g->jpeg_compression]);
        if (g->zlib_compression)
                vh_buf_printf(o, "zlib-glz-wan-compression=%s,", wan[g->zlib_compression]);
        if (g->playback_compression)
                vh_buf_printf(o, "playback-compression=%s,", g->playback_compression == VH_ON ? "on" : "off");
        if (g->streaming)
                vh_buf_printf(o, "streaming-video=%s,", streams[g->streaming]);
        if (g->copypaste == VH_NO)
                vh_buf_adds(o, "disable-copy-paste=on,");
        if (g->filetransfer == VH_NO)
                vh_buf_adds(o, "disable-agent-file-xfer=on,");
}

static void spice_gl(const VhGraphics *g, VhBuf *o)
{
        if (g->gl != VH_YES)
                return;
        vh_buf_adds(o, "gl=on,");
        if (g->rendernode) {
                vh_buf_adds(o, "rendernode=");
                qemu_opt_escape(o, g->rendernode);
                vh_buf_addc(o, ',');
        }
}

static int build_spice(QemuBuild *b, const VhGraphics *g)
{
        enum { MOUSE_SERVER = 1 };
        _vh_buf_ VhBuf o = {};

        if (g->tls_port.set && g->tls_port.val > 0 && !conf_bool(b, "spice_tls"))
                return qemu_unsupported(b, "spice TLS port set in XML configuration, but TLS is disabled in qemu.conf");
        spice_listen(b, g, &o);
        if (conf_bool(b, "spice_sasl"))
                vh_buf_adds(&o, "sasl=on,");
        if (g->mouse_mode)
                vh_buf_printf(&o, "agent-mouse=%s,", g->mouse_mode == MOUSE_SERVER ? "off" : "on");
        if (!g->passwd && !*conf_string(b, "spice_password", ""))
                vh_buf_adds(&o, "disable-ticketing=on,");
        if (g->tls_port.set && g->tls_port.val > 0)
                vh_buf_printf(&o, "x509-dir=%s,", qemu_tls_settings(b->launch->conf, QEMU_TLS_SPICE).dir);
        spice_channels(g, &o);
        spice_tuning(g, &o);
        spice_gl(g, &o);
        vh_buf_adds(&o, "seamless-migration=on");
        qemu_build_arg(b, "-spice", "%s", o.data);
        if (g->keymap)
                qemu_build_arg(b, "-k", "%s", g->keymap);
        return 0;
}

/* ---- others ---- */

static int build_sdl(QemuBuild *b, const VhGraphics *g)
{
        if (g->xauth)
                qemu_command_setenv(b->cmd, "XAUTHORITY", g->xauth);
        if (g->display)
                qemu_command_setenv(b->cmd, "DISPLAY", g->display);
        if (g->fullscreen == VH_YES)
                qemu_command_add(b->cmd, "-full-screen");
        qemu_build_arg(b, "-display", "sdl%s", g->gl ? g->gl == VH_YES ? ",gl=on" : ",gl=off" : "");
        return 0;
}

static int build_egl(QemuBuild *b, const VhGraphics *g)
{
        _vh_buf_ VhBuf o = {};

        vh_buf_adds(&o, "egl-headless");
        if (g->rendernode) {
                vh_buf_adds(&o, ",rendernode=");
                qemu_opt_escape(&o, g->rendernode);
        }
        qemu_build_arg(b, "-display", "%s", o.data);
        return 0;
}

static int build_dbus(QemuBuild *b, const VhGraphics *g)
{
        _vh_buf_ VhBuf o = {};

        vh_buf_adds(&o, "dbus");
        if (g->p2p == VH_YES)
                vh_buf_adds(&o, ",p2p=on");
        else if (g->address)
                vh_buf_printf(&o, ",addr=%s", g->address);
        if (g->gl)
                vh_buf_printf(&o, ",gl=%s", g->gl == VH_YES ? "on" : "off");
        if (g->rendernode)
                vh_buf_printf(&o, ",rendernode=%s", g->rendernode);
        if (g->audio_id)
                vh_buf_printf(&o, ",audiodev=audio%u", g->audio_id);
        qemu_build_arg(b, "-display", "%s", o.data);
        return 0;
}

int qemu_build_graphics(QemuBuild *b)
{
        static int (*const types[])(QemuBuild *, const VhGraphics *) = {
                [VH_GRAPHICS_SDL] = build_sdl,     [VH_GRAPHICS_VNC] = build_vnc,
                [VH_GRAPHICS_SPICE] = build_spice, [VH_GRAPHICS_EGL_HEADLESS] = build_egl,
                [VH_GRAPHICS_DBUS] = build_dbus,
        };

        for (uint32_t i = 0; i < b->def->graphics.n; i++) {
                const VhGraphics *g = b->def->graphics.items[i];
                int r = g->type < VH_ARRAY_SIZE(types) && types[g->type]
                                ? types[g->type](b, g)
                                : qemu_unsupported(b, "unsupported graphics type");

                if (r < 0)
                        return r;
        }
        return 0;
}

/* ---- video ---- */

/* A virtio display that is no VGA card. */
static char *virtio_display(const VhVideo *v)
{
        enum { DRIVER_VHOSTUSER = 2, VIRTIO = 1 };
        const char *base = v->driver_name == DRIVER_VHOSTUSER ? "vhost-user-gpu"
                           : v->accel3d == VH_YES             ? "virtio-gpu-gl"
                                                              : "virtio-gpu";

        return qemu_virtio_driver(base, &v->info, VIRTIO);
}

/* The caller frees it. */
static char *video_driver(const VhVideo *v, bool vga)
{
        static const char *const first[] = {
                [VH_VIDEO_VGA] = "VGA",     [VH_VIDEO_CIRRUS] = "cirrus-vga", [VH_VIDEO_VMVGA] = "vmware-svga",
                [VH_VIDEO_QXL] = "qxl-vga", [VH_VIDEO_VIRTIO] = "virtio-vga", [VH_VIDEO_BOCHS] = "bochs-display",
                [VH_VIDEO_RAMFB] = "ramfb",
        };
        enum { DRIVER_VHOSTUSER = 2 };

        if (v->type >= VH_ARRAY_SIZE(first))
                return NULL;
        if (v->type == VH_VIDEO_VIRTIO && !vga)
                return virtio_display(v);
        if (v->type == VH_VIDEO_VIRTIO && v->driver_name == DRIVER_VHOSTUSER)
                return vh_xstrdup("vhost-user-vga");
        if (v->type == VH_VIDEO_VIRTIO && v->accel3d == VH_YES)
                return vh_xstrdup("virtio-vga-gl");
        if (v->type == VH_VIDEO_QXL && !vga)
                return vh_xstrdup("qxl");
        return vga ? vh_xstrdup(first[v->type]) : NULL;
}

static void memory_props(const VhVideo *v, json_t *o)
{
        switch (v->type) {
        case VH_VIDEO_QXL:
                qj_uint(o, "max_outputs", v->heads);
                qj_int(o, "ram_size", (json_int_t)v->ram * KIB);
                qj_int(o, "vram_size", (json_int_t)v->vram * KIB);
                qj_int(o, "vram64_size_mb", v->vram64 / KIB);
                qj_int(o, "vgamem_mb", v->vgamem / KIB);
                break;
        case VH_VIDEO_VIRTIO:
                qj_uint(o, "max_outputs", v->heads);
                break;
        case VH_VIDEO_VGA:
        case VH_VIDEO_VMVGA:
                qj_uint(o, "vgamem_mb", v->vram / KIB);
                break;
        case VH_VIDEO_BOCHS:
                qj_uint(o, "vgamem", (json_int_t)v->vram * KIB);
                break;
        default:
                break;
        }
}

static int build_video(QemuBuild *b, const VhVideo *v, bool primary)
{
        bool vga = primary && (v->type != VH_VIDEO_VIRTIO || qemu_platform_has(b->def, QEMU_HAS_VGA));
        _vh_free_ char *driver = video_driver(v, vga);
        json_t *o;
        int r;

        if (v->type == VH_VIDEO_NONE)
                return 0;
        if (!driver)
                return qemu_unsupported(b, "domain configuration does not support video model '%s'",
                                        vh_xml_names_text(&vh_video_type_names, v->type));
        o = json_object();
        qj_str(o, "driver", driver);
        qj_str(o, "id", v->info.alias);
        qemu_virtio_props(&v->virtio, o);
        memory_props(v, o);
        if (v->blob)
                qj_switch(o, "blob", v->blob);
        qj_uint(o, "xres", v->res_x);
        qj_uint(o, "yres", v->res_y);
        r = qemu_address_props(b, &v->info, o);
        if (r < 0)
                json_decref(o);
        return r < 0 ? r : qemu_build_device(b, o);
}

int qemu_build_videos(QemuBuild *b)
{
        int r = 0;

        for (uint32_t i = 0; r == 0 && i < b->def->videos.n; i++)
                r = build_video(b, b->def->videos.items[i],
                                b->def->videos.items[i]->primary == VH_YES || b->def->videos.n == 1);
        return r;
}
