/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Cookies of migrations. */

#include "cookie.h"

#include <unistd.h>

#include "base/uuid.h"

enum { HOSTNAME_SIZE = 256, CAPS_MAX = 256, DISKS_MAX = 1024 };

/* Features that the other side may insist on. */
static const char *const known_features[] = { "graphics", "lockstate",   "persistent",     "network",
                                              "nbd",      "statistics",  "memory-hotplug", "cpu-hotplug",
                                              "cpu",      "allowReboot", "capabilities",   "block-dirty-bitmaps" };

static char *hostname(void)
{
        char name[HOSTNAME_SIZE] = "";

        (void)gethostname(name, sizeof(name) - 1);
        return vh_xstrdup(name);
}

void qemu_cookie_init(QemuCookie *cookie, const QemuDriver *driver, const char *name, const uint8_t uuid[VH_UUID_LEN])
{
        *cookie = (QemuCookie){ .name = vh_xstrdup(name), .hostname = hostname() };
        memcpy(cookie->uuid, uuid, VH_UUID_LEN);
        memcpy(cookie->host_uuid, driver->uuid, VH_UUID_LEN);
}

void qemu_cookie_done(QemuCookie *cookie)
{
        for (size_t i = 0; i < cookie->n_disks; i++)
                free(cookie->disks[i].target);
        for (size_t i = 0; i < cookie->n_caps; i++)
                free(cookie->caps[i].name);
        free(cookie->disks);
        free(cookie->caps);
        free(cookie->name);
        free(cookie->hostname);
        free(cookie->lock_driver);
        free(cookie->leases);
        free(cookie->persistent);
        free(cookie->graphics.type);
        free(cookie->graphics.listen);
        free(cookie->graphics.tls_subject);
        free(cookie->cpu);
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
        add_graphics(&cookie->graphics, &b);
        add_lockstate(cookie, &b);
        if (cookie->persistent)
                vh_buf_adds(&b, cookie->persistent);
        add_nbd(cookie, &b);
        if (cookie->has_stats)
                qemu_stats_format(&cookie->stats, &b);
        if (cookie->cpu)
                vh_buf_printf(&b, "%s\n", cookie->cpu);
        add_caps(cookie, &b);
        vh_buf_adds(&b, "</qemu-migration>\n");
        return vh_buf_take(&b);
}

/* ---- reading ---- */

static char *own(xmlChar *text)
{
        char *copy = vh_xstrdup((const char *)text);

        xmlFree(text);
        return copy;
}

static char *attribute(const xmlNode *node, const char *name)
{
        return own(xmlGetProp((xmlNode *)node, (const xmlChar *)name));
}

static char *content(const xmlNode *parent, const char *element)
{
        const xmlNode *node = vh_xml_child(parent, element);

        return node ? own(xmlNodeGetContent(node)) : NULL;
}

static int number_attribute(const xmlNode *node, const char *name)
{
        _vh_free_ char *text = attribute(node, name);
        int value = 0;

        if (text)
                (void)vh_parse_int(text, &value);
        return value;
}

static bool is_element(const xmlNode *node, const char *name)
{
        return node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, name) == 0;
}

static int missing(const char *what, VhError **err)
{
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR, "missing %s element in migration data", what);
}

static int read_uuid(const xmlNode *root, const char *element, uint8_t uuid[VH_UUID_LEN], VhError **err)
{
        _vh_free_ char *text = content(root, element);

        if (!text)
                return missing(element, err);
        if (vh_uuid_parse(text, uuid) < 0)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR, "malformed %s element", element);
        return 0;
}

static int check_guest(const QemuCookie *cookie, const char *name, const uint8_t *uuid, VhError **err)
{
        char ours[VH_UUID_TEXT_LEN + 1], theirs[VH_UUID_TEXT_LEN + 1];

        if (name && strcmp(cookie->name, name) != 0)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR,
                                    "Incoming cookie data had unexpected name %s vs %s", cookie->name, name);
        if (uuid && memcmp(cookie->uuid, uuid, VH_UUID_LEN) != 0)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR,
                                    "Incoming cookie data had unexpected UUID %s vs %s",
                                    vh_uuid_format(cookie->uuid, theirs), vh_uuid_format(uuid, ours));
        return 0;
}

static int check_host(const QemuCookie *cookie, const QemuDriver *driver, VhError **err)
{
        _vh_free_ char *own_name = hostname();
        char uuid[VH_UUID_TEXT_LEN + 1];

        if (memcmp(cookie->host_uuid, driver->uuid, VH_UUID_LEN) == 0)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR,
                                    "Attempt to migrate guest to the same host %s",
                                    vh_uuid_format(cookie->host_uuid, uuid));
        if (strcmp(cookie->hostname, own_name) == 0)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR,
                                    "Attempt to migrate guest to the same host %s", own_name);
        return 0;
}

static int read_identity(QemuCookie *cookie, const xmlNode *root, VhError **err)
{
        int r;

        cookie->name = content(root, "name");
        if (!cookie->name)
                return missing("name", err);
        r = read_uuid(root, "uuid", cookie->uuid, err);
        if (r < 0)
                return r;
        cookie->hostname = content(root, "hostname");
        if (!cookie->hostname)
                return missing("hostname", err);
        return read_uuid(root, "hostuuid", cookie->host_uuid, err);
}

static bool is_known(const char *feature)
{
        for (size_t i = 0; feature && i < VH_ARRAY_SIZE(known_features); i++)
                if (strcmp(feature, known_features[i]) == 0)
                        return true;
        return false;
}

static int check_features(QemuCookie *cookie, const xmlNode *root, VhError **err)
{
        for (const xmlNode *n = root->children; n; n = n->next) {
                _vh_free_ char *name = is_element(n, "feature") ? attribute(n, "name") : NULL;

                if (!is_element(n, "feature"))
                        continue;
                if (!is_known(name))
                        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR,
                                            "Unknown migration cookie feature %s", name ? name : "(none)");
                cookie->lockstate |= strcmp(name, "lockstate") == 0;
        }
        return 0;
}

static void read_graphics(QemuCookieGraphics *g, const xmlNode *node)
{
        const xmlNode *cert = vh_xml_child(node, "cert");

        g->type = attribute(node, "type");
        g->listen = attribute(node, "listen");
        g->port = number_attribute(node, "port");
        g->tls_port = number_attribute(node, "tlsPort");
        if (cert)
                g->tls_subject = attribute(cert, "value");
}

static void read_nbd(QemuCookie *cookie, const xmlNode *node)
{
        cookie->has_nbd = true;
        cookie->nbd_port = number_attribute(node, "port");
        for (const xmlNode *n = node->children; n; n = n->next) {
                _vh_free_ char *target = is_element(n, "disk") ? attribute(n, "target") : NULL;
                _vh_free_ char *capacity = target ? attribute(n, "capacity") : NULL;
                uint64_t bytes = 0;

                if (!capacity || cookie->n_disks >= DISKS_MAX || vh_parse_u64(capacity, 10, &bytes) < 0)
                        continue;
                qemu_cookie_add_disk(cookie, target, bytes);
        }
}

static void read_caps(QemuCookie *cookie, const xmlNode *node)
{
        cookie->has_caps = true;
        for (const xmlNode *n = node->children; n && cookie->n_caps < CAPS_MAX; n = n->next) {
                _vh_free_ char *name = is_element(n, "cap") ? attribute(n, "name") : NULL;
                _vh_free_ char *automatic = name ? attribute(n, "auto") : NULL;

                if (name)
                        qemu_cookie_add_cap(cookie, name, vh_streq(automatic, "yes"));
        }
}

static void read_parts(QemuCookie *cookie, const xmlNode *root)
{
        const xmlNode *node;

        if ((node = vh_xml_child(root, "graphics")))
                read_graphics(&cookie->graphics, node);
        if ((node = vh_xml_child(root, "lockstate"))) {
                cookie->lock_driver = attribute(node, "driver");
                cookie->leases = content(node, "leases");
        }
        if ((node = vh_xml_child(root, "domain")))
                cookie->persistent = vh_xml_raw_text(node);
        if ((node = vh_xml_child(root, "nbd")))
                read_nbd(cookie, node);
        if ((node = vh_xml_child(root, "statistics"))) {
                cookie->has_stats = true;
                qemu_stats_parse(&cookie->stats, node);
        }
        if ((node = vh_xml_child(root, "cpu")))
                cookie->cpu = vh_xml_raw_text(node);
        if ((node = vh_xml_child(root, "capabilities")))
                read_caps(cookie, node);
}

/* Cookies come with a NUL at their end, which counts. */
static int parse_root(xmlNode **root, const char *text, size_t len, VhError **err)
{
        _vh_free_ char *copy = vh_xstrndup(text, len);

        return vh_xml_doc_parse_root(root, copy, "(qemu_migration_cookie)", VIR_FROM_QEMU, "qemu-migration", err);
}

int qemu_cookie_parse(QemuCookie *cookie, const QemuDriver *driver, const char *name, const uint8_t *uuid,
                      const void *text, size_t len, VhError **err)
{
        _vh_xml_root_ xmlNode *root = NULL;
        int r;

        *cookie = (QemuCookie){ 0 };
        if (!len)
                return 0;
        r = parse_root(&root, text, len, err);
        if (r == 0)
                r = read_identity(cookie, root, err);
        if (r == 0)
                r = check_guest(cookie, name, uuid, err);
        if (r == 0)
                r = check_host(cookie, driver, err);
        if (r == 0)
                r = check_features(cookie, root, err);
        if (r < 0) {
                qemu_cookie_done(cookie);
                return r;
        }
        read_parts(cookie, root);
        return 0;
}
