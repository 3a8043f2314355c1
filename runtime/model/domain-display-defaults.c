/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What displays and video devices get that their definition leaves open. */

#include "model/domain.h"

enum {
        /* KiB; what video models get. */
        VIDEO_VRAM = 16 * 1024,
        QXL_RAM = 64 * 1024,
};

static void default_listen(VhGraphics *g)
{
        VhGraphicsListen *listen;

        if (g->listens.n) {
                listen = g->listens.items[0];
                if (listen->type == VH_LISTEN_ADDRESS && listen->address && !g->listen)
                        vh_strset(&g->listen, listen->address);
                if (listen->type == VH_LISTEN_SOCKET && g->type == VH_GRAPHICS_VNC && !g->socket)
                        vh_strset(&g->socket, listen->socket);
                return;
        }
        listen = vh_new(VhGraphicsListen, 1);
        listen->type = g->socket ? VH_LISTEN_SOCKET : VH_LISTEN_ADDRESS;
        if (g->socket)
                listen->socket = vh_xstrdup(g->socket);
        else
                listen->address = vh_xstrdup(g->listen);
        vh_list_add(&g->listens, listen);
}

static void default_vnc(VhGraphics *g)
{
        if (g->listens.items[0]->type == VH_LISTEN_SOCKET || g->listens.items[0]->type == VH_LISTEN_NONE)
                return;
        if (!g->port.set || g->port.val <= 0 || g->autoport == VH_YES) {
                g->port = (VhOptInt){ .val = -1, .set = true };
                g->autoport = VH_YES;
        } else if (!g->autoport) {
                g->autoport = VH_NO;
        }
}

/* Channels that may be either are as if nothing was said of them. */
static void forget_any(VhGraphics *g)
{
        enum { ANY = 1 };

        if (g->default_mode == ANY)
                g->default_mode = 0;
        for (uint32_t i = g->channels.n; i-- > 0;)
                if (g->channels.items[i]->mode == ANY)
                        free(vh_list_take(&g->channels, i));
}

/* Ports of -1 say the same as autoport and are not kept. */
static void default_spice(VhGraphics *g)
{
        VhGraphicsListen *first = g->listens.items[0];

        if (g->autoport != VH_YES && !g->port.val && !g->tls_port.val && first->type == VH_LISTEN_ADDRESS) {
                first->type = VH_LISTEN_NONE;
                free(VH_TAKE_PTR(first->address));
                free(VH_TAKE_PTR(g->listen));
        }
        forget_any(g);
        if (first->type == VH_LISTEN_NONE || first->type == VH_LISTEN_SOCKET)
                g->autoport = 0;
        if (g->port.val == -1 && g->tls_port.val == -1)
                g->autoport = VH_YES;
        if (g->autoport == VH_YES) {
                g->port = (VhOptInt){};
                g->tls_port = (VhOptInt){};
        } else if (!g->autoport && first->type != VH_LISTEN_NONE && first->type != VH_LISTEN_SOCKET) {
                g->autoport = VH_NO;
        }
}

static void default_graphics(VhGraphics *g)
{
        if (g->type != VH_GRAPHICS_VNC && g->type != VH_GRAPHICS_SPICE && g->type != VH_GRAPHICS_RDP)
                return;
        default_listen(g);
        if (g->type == VH_GRAPHICS_VNC)
                default_vnc(g);
        else if (g->type == VH_GRAPHICS_SPICE)
                default_spice(g);
}

static uint32_t default_vram(VhVideoType type)
{
        switch (type) {
        case VH_VIDEO_VGA:
        case VH_VIDEO_CIRRUS:
        case VH_VIDEO_VMVGA:
        case VH_VIDEO_BOCHS:
                return VIDEO_VRAM;
        case VH_VIDEO_QXL:
                return QXL_RAM;
        case VH_VIDEO_XEN:
                return 4 * 1024;
        case VH_VIDEO_VBOX:
                return 8 * 1024;
        default:
                return 0;
        }
}

static void default_video(VhVideo *v, bool primary)
{
        if (v->type == VH_VIDEO_UNSET)
                v->type = VH_VIDEO_CIRRUS;
        if (!v->vram)
                v->vram = default_vram(v->type);
        if (v->type == VH_VIDEO_QXL && !v->ram)
                v->ram = QXL_RAM;
        if (v->type == VH_VIDEO_QXL && !v->vgamem)
                v->vgamem = VIDEO_VRAM;
        if (!v->heads && v->type != VH_VIDEO_NONE)
                v->heads = 1;
        if (v->primary == VH_NO)
                v->primary = 0;
        if (primary && v->type != VH_VIDEO_NONE)
                v->primary = VH_YES;
}

/* The primary one stands first. */
static void lead_primary(VhDomainDef *def)
{
        for (uint32_t i = 1; i < def->videos.n; i++)
                if (def->videos.items[i]->primary == VH_YES) {
                        VhVideo *video = vh_list_take(&def->videos, i);

                        vh_list_insert(&def->videos, 0, video);
                        return;
                }
}

static void default_videos(VhDomainDef *def)
{
        bool chosen = false;

        if (def->graphics.n && !def->videos.n)
                vh_list_add(&def->videos, vh_new(VhVideo, 1));
        for (uint32_t i = 0; i < def->videos.n; i++)
                chosen |= def->videos.items[i]->primary == VH_YES;
        for (uint32_t i = 0; i < def->videos.n; i++)
                default_video(def->videos.items[i], i == 0 && !chosen);
        lead_primary(def);
}

void vh_domain_display_defaults(VhDomainDef *def)
{
        for (uint32_t i = 0; i < def->graphics.n; i++)
                default_graphics(def->graphics.items[i]);
        default_videos(def);
}
