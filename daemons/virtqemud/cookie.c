/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Cookies of migrations: what they hold, and their text. cookie-parse.c reads them. */

#include "cookie.h"

#include <unistd.h>

#include "base/uuid.h"

enum { HOSTNAME_SIZE = 256, INDENT = 2 };

static char *hostname(void)
{
        char name[HOSTNAME_SIZE] = "";

        (void)gethostname(name, sizeof(name) - 1);
        return vh_xstrdup(name);
}

void qemu_cookie_init(QemuCookie *cookie, const uint8_t host_uuid[VH_UUID_LEN], const char *name,
                      const uint8_t uuid[VH_UUID_LEN])
{
        *cookie = (QemuCookie){ .name = vh_xstrdup(name), .hostname = hostname() };
        memcpy(cookie->uuid, uuid, VH_UUID_LEN);
        memcpy(cookie->host_uuid, host_uuid, VH_UUID_LEN);
}

void qemu_cookie_drop_bitmap(QemuCookieBitmap *bitmap)
{
        free(bitmap->target);
        free(bitmap->name);
        free(bitmap->alias);
}

void qemu_cookie_done(QemuCookie *cookie)
{
        for (size_t i = 0; i < cookie->n_disks; i++)
                free(cookie->disks[i].target);
        for (size_t i = 0; i < cookie->n_caps; i++)
                free(cookie->caps[i].name);
        for (size_t i = 0; i < cookie->n_nets; i++) {
                free(cookie->nets[i].vport_type);
                free(cookie->nets[i].port_data);
        }
        for (size_t i = 0; i < cookie->n_bitmaps; i++)
                qemu_cookie_drop_bitmap(&cookie->bitmaps[i]);
        free(cookie->disks);
        free(cookie->caps);
        free(cookie->nets);
        free(cookie->bitmaps);
        free(cookie->name);
        free(cookie->hostname);
        free(cookie->lock_driver);
        free(cookie->leases);
        free(cookie->persistent);
        free(cookie->graphics.type);
        free(cookie->graphics.listen);
        free(cookie->graphics.tls_subject);
        vh_cpu_free(cookie->cpu);
        *cookie = (QemuCookie){ 0 };
}

void qemu_cookie_add_disk(QemuCookie *cookie, const char *target, uint64_t capacity)
{
        cookie->has_nbd = true;
        cookie->disks = vh_xrealloc(cookie->disks, cookie->n_disks + 1, sizeof(*cookie->disks));
        cookie->disks[cookie->n_disks++] = (QemuCookieDisk){ vh_xstrdup(target), capacity };
}

void qemu_cookie_add_cap(QemuCookie *cookie, const char *name, bool automatic)
{
        cookie->has_caps = true;
        cookie->caps = vh_xrealloc(cookie->caps, cookie->n_caps + 1, sizeof(*cookie->caps));
        cookie->caps[cookie->n_caps++] = (QemuCookieCap){ vh_xstrdup(name), automatic };
}

void qemu_cookie_add_net(QemuCookie *cookie, unsigned index, char *vport_type, char *port_data)
{
        cookie->nets = vh_xrealloc(cookie->nets, cookie->n_nets + 1, sizeof(*cookie->nets));
        cookie->nets[cookie->n_nets++] = (QemuCookieNet){ index, vport_type, port_data };
}

void qemu_cookie_add_bitmap(QemuCookie *cookie, const char *target, const char *name, const char *alias)
{
        cookie->bitmaps = vh_xrealloc(cookie->bitmaps, cookie->n_bitmaps + 1, sizeof(*cookie->bitmaps));
        cookie->bitmaps[cookie->n_bitmaps++] =
                (QemuCookieBitmap){ vh_xstrdup(target), vh_xstrdup(name), vh_xstrdup(alias) };
}

bool qemu_cookie_has_cap(const QemuCookie *cookie, const char *name)
{
        for (size_t i = 0; i < cookie->n_caps; i++)
                if (strcmp(cookie->caps[i].name, name) == 0)
                        return true;
        return !cookie->has_caps;
}

/* ---- writing ---- */

static void add_text(VhBuf *b, const char *element, const char *text)
{
        vh_buf_printf(b, "  <%s>", element);
        vh_buf_xml_escape(b, text);
        vh_buf_printf(b, "</%s>\n", element);
}

static void add_attr(VhBuf *b, const char *name, const char *value)
{
        vh_buf_printf(b, " %s='", name);
        vh_buf_xml_escape(b, value);
        vh_buf_addc(b, '\'');
}

static void add_graphics(const QemuCookieGraphics *g, VhBuf *b)
{
        if (!g->type)
                return;
        vh_buf_adds(b, "  <graphics");
        add_attr(b, "type", g->type);
        vh_buf_printf(b, " port='%d'", g->port);
        if (g->listen)
                add_attr(b, "listen", g->listen);
        if (g->tls_port)
                vh_buf_printf(b, " tlsPort='%d'", g->tls_port);
        if (!g->tls_subject) {
                vh_buf_adds(b, "/>\n");
                return;
        }
        vh_buf_adds(b, ">\n    <cert info='subject'");
        add_attr(b, "value", g->tls_subject);
        vh_buf_adds(b, "/>\n  </graphics>\n");
}

static void add_lockstate(const QemuCookie *cookie, VhBuf *b)
{
        if (!cookie->lock_driver)
                return;
        vh_buf_adds(b, "  <lockstate");
        add_attr(b, "driver", cookie->lock_driver);
        vh_buf_adds(b, ">\n    <leases>");
        vh_buf_xml_escape(b, cookie->leases ? cookie->leases : "");
        vh_buf_adds(b, "</leases>\n  </lockstate>\n");
}

static void add_nbd(const QemuCookie *cookie, VhBuf *b)
{
        if (!cookie->has_nbd)
                return;
        vh_buf_adds(b, "  <nbd");
        if (cookie->nbd_port)
                vh_buf_printf(b, " port='%d'", cookie->nbd_port);
        vh_buf_adds(b, cookie->n_disks ? ">\n" : "/>\n");
        for (size_t i = 0; i < cookie->n_disks; i++) {
                vh_buf_adds(b, "    <disk");
                add_attr(b, "target", cookie->disks[i].target);
                vh_buf_printf(b, " capacity='%llu'/>\n", (unsigned long long)cookie->disks[i].capacity);
        }
        if (cookie->n_disks)
                vh_buf_adds(b, "  </nbd>\n");
}

static void add_nets(const QemuCookie *cookie, VhBuf *b)
{
        if (cookie->n_nets)
                vh_buf_adds(b, "  <network>\n");
        for (size_t i = 0; i < cookie->n_nets; i++) {
                vh_buf_printf(b, "    <interface index='%u'", cookie->nets[i].index);
                add_attr(b, "vporttype", cookie->nets[i].vport_type);
                if (cookie->nets[i].port_data) {
                        vh_buf_adds(b, ">\n      <portdata>");
                        vh_buf_xml_escape(b, cookie->nets[i].port_data);
                        vh_buf_adds(b, "</portdata>\n    </interface>\n");
                } else
                        vh_buf_adds(b, "/>\n");
        }
        if (cookie->n_nets)
                vh_buf_adds(b, "  </network>\n");
}

static void add_bitmap(const QemuCookie *cookie, size_t i, VhBuf *b)
{
        const QemuCookieBitmap *bitmap = &cookie->bitmaps[i];

        if (i == 0 || strcmp(bitmap[-1].target, bitmap->target) != 0) {
                vh_buf_adds(b, "    <disk");
                add_attr(b, "target", bitmap->target);
                vh_buf_adds(b, ">\n");
        }
        vh_buf_adds(b, "      <bitmap");
        add_attr(b, "name", bitmap->name);
        add_attr(b, "alias", bitmap->alias);
        vh_buf_adds(b, "/>\n");
        if (i + 1 == cookie->n_bitmaps || strcmp(bitmap[1].target, bitmap->target) != 0)
                vh_buf_adds(b, "    </disk>\n");
}

static void add_bitmaps(const QemuCookie *cookie, VhBuf *b)
{
        if (!cookie->n_bitmaps)
                return;
        vh_buf_adds(b, "  <blockDirtyBitmaps>\n");
        for (size_t i = 0; i < cookie->n_bitmaps; i++)
                add_bitmap(cookie, i, b);
        vh_buf_adds(b, "  </blockDirtyBitmaps>\n");
}

static void add_caps(const QemuCookie *cookie, VhBuf *b)
{
        if (!cookie->has_caps)
                return;
        vh_buf_adds(b, "  <capabilities>\n");
        for (size_t i = 0; i < cookie->n_caps; i++)
                vh_buf_printf(b, "    <cap name='%s' auto='%s'/>\n", cookie->caps[i].name,
                              cookie->caps[i].automatic ? "yes" : "no");
        vh_buf_adds(b, "  </capabilities>\n");
}

static void add_feature(VhBuf *b, const char *name)
{
        vh_buf_printf(b, "  <feature name='%s'/>\n", name);
}

char *qemu_cookie_format(const QemuCookie *cookie)
{
        char uuid[VH_UUID_TEXT_LEN + 1];
        VhBuf b = { 0 };

        vh_buf_adds(&b, "<qemu-migration>\n");
        add_text(&b, "name", cookie->name);
        add_text(&b, "uuid", vh_uuid_format(cookie->uuid, uuid));
        add_text(&b, "hostname", cookie->hostname);
        add_text(&b, "hostuuid", vh_uuid_format(cookie->host_uuid, uuid));
        if (cookie->lockstate)
                add_feature(&b, "lockstate");
        if (cookie->persistent)
                add_feature(&b, "persistent");
        if (cookie->n_nets)
                add_feature(&b, "network");
        if (cookie->memory_hotplug)
                add_feature(&b, "memory-hotplug");
        add_graphics(&cookie->graphics, &b);
        add_lockstate(cookie, &b);
        if (cookie->persistent)
                vh_buf_adds(&b, cookie->persistent);
        add_nets(cookie, &b);
        add_nbd(cookie, &b);
        if (cookie->has_stats)
                qemu_stats_format(&cookie->stats, &b);
        if (cookie->cpu)
                vh_cpu_format(cookie->cpu, INDENT, &b);
        add_caps(cookie, &b);
        add_bitmaps(cookie, &b);
        vh_buf_adds(&b, "</qemu-migration>\n");
        return vh_buf_take(&b);
}
