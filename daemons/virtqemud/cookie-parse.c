/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reading cookies of migrations. They come from the other host through a client: nothing in them is believed. */

#include "base/uuid.h"
#include "cookie.h"

/* More than a guest has; what comes beyond is an attack. */
enum { ITEMS_MAX = 4096 };

#define FAIL(err, ...) vh_error_set((err), VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR, __VA_ARGS__)

/* ---- pieces ---- */

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

/* Text of a child; NULL if there is none, or nothing in it. */
static char *content(const xmlNode *parent, const char *element)
{
        const xmlNode *node = vh_xml_child(parent, element);
        char *text = node ? own(xmlNodeGetContent(node)) : NULL;

        if (text && !*text)
                vh_strset(&text, NULL);
        return text;
}

static int need(const void *value, const char *kind, const char *name, VhError **err)
{
        return value ? 0 : FAIL(err, "missing %s %s in migration data", name, kind);
}

/* The first element of that name from node on. */
static const xmlNode *find(const xmlNode *node, const char *name)
{
        while (node && (node->type != XML_ELEMENT_NODE || strcmp((const char *)node->name, name) != 0))
                node = node->next;
        return node;
}

static const xmlNode *first(const xmlNode *parent, const char *name)
{
        return find(parent->children, name);
}

/* The next one of the same name. */
static const xmlNode *next(const xmlNode *node)
{
        return find(node->next, (const char *)node->name);
}

static int check_count(size_t n, const char *what, VhError **err)
{
        return n < ITEMS_MAX ? 0 : FAIL(err, "more than %d %s in migration data", ITEMS_MAX, what);
}

/* ---- whom it is about ---- */

static int read_name(QemuCookie *cookie, const QemuCookieFor *what, const xmlNode *root, VhError **err)
{
        cookie->name = content(root, "name");
        if (!cookie->name)
                return need(NULL, "element", "name", err);
        if (what->name && strcmp(cookie->name, what->name) != 0)
                return FAIL(err, "Incoming cookie data had unexpected name %s vs %s", cookie->name, what->name);
        return 0;
}

static int read_uuid(QemuCookie *cookie, const QemuCookieFor *what, const xmlNode *root, VhError **err)
{
        _vh_free_ char *text = content(root, "uuid");
        char ours[VH_UUID_TEXT_LEN + 1];

        if (!text)
                return need(NULL, "element", "uuid", err);
        if (vh_uuid_parse(text, cookie->uuid) < 0 || memcmp(cookie->uuid, what->uuid, VH_UUID_LEN) != 0)
                return FAIL(err, "Incoming cookie data had unexpected UUID %s vs %s", text,
                            vh_uuid_format(what->uuid, ours));
        return 0;
}

static int read_host(QemuCookie *cookie, const QemuCookieFor *what, const xmlNode *root, VhError **err)
{
        _vh_free_ char *text = content(root, "hostuuid");
        char uuid[VH_UUID_TEXT_LEN + 1];

        cookie->hostname = content(root, "hostname");
        if (!cookie->hostname)
                return need(NULL, "element", "hostname", err);
        if (!text)
                return need(NULL, "element", "hostuuid", err);
        if (vh_uuid_parse(text, cookie->host_uuid) < 0)
                return FAIL(err, "malformed hostuuid element in migration data");
        if (memcmp(cookie->host_uuid, what->host_uuid, VH_UUID_LEN) == 0)
                return FAIL(err, "Attempt to migrate guest to the same host %s",
                            vh_uuid_format(cookie->host_uuid, uuid));
        return 0;
}

/* ---- parts ---- */

static int read_graphics(QemuCookie *cookie, const xmlNode *root, VhError **err)
{
        const xmlNode *node = vh_xml_child(root, "graphics"), *cert = node ? vh_xml_child(node, "cert") : NULL;
        _vh_free_ char *port = node ? attribute(node, "port") : NULL;
        _vh_free_ char *tls_port = node ? attribute(node, "tlsPort") : NULL;
        QemuCookieGraphics *g = &cookie->graphics;
        int r;

        if (!node)
                return 0;
        g->type = attribute(node, "type");
        g->listen = attribute(node, "listen");
        r = need(g->type, "attribute", "type", err);
        if (r == 0 && (!port || vh_parse_int(port, &g->port) < 0))
                r = need(NULL, "attribute", "port", err);
        if (r == 0 && tls_port && vh_parse_int(tls_port, &g->tls_port) < 0)
                r = need(NULL, "attribute", "tlsPort", err);
        if (r == 0)
                r = need(g->listen, "attribute", "listen", err);
        if (r == 0 && cert)
                g->tls_subject = attribute(cert, "value");
        return r;
}

static int read_lockstate(QemuCookie *cookie, const xmlNode *root, VhError **err)
{
        const xmlNode *node = vh_xml_child(root, "lockstate");

        if (!node)
                return 0;
        cookie->lock_driver = attribute(node, "driver");
        if (!cookie->lock_driver)
                return FAIL(err, "Missing lock driver name in migration cookie");
        cookie->leases = content(node, "leases");
        return 0;
}

static int read_persistent(QemuCookie *cookie, const xmlNode *root, VhError **err)
{
        const xmlNode *node = first(root, "domain");

        if (!node)
                return 0;
        if (next(node))
                return FAIL(err, "Too many domain elements in migration cookie");
        cookie->persistent = vh_xml_raw_text(node);
        return 0;
}

static int read_network(QemuCookie *cookie, const xmlNode *root, VhError **err)
{
        const xmlNode *node = vh_xml_child(root, "network");
        int r = 0;

        if (!node)
                return 0;
        for (const xmlNode *n = first(node, "interface"); n; n = next(n)) {
                _vh_free_ char *type = attribute(n, "vporttype"), *index = attribute(n, "index");
                unsigned number = 0;

                r = need(type, "attribute", "vporttype", err);
                if (r == 0)
                        r = check_count(cookie->n_nets, "interfaces", err);
                if (r < 0)
                        break;
                /* Nobody but us reads the index, and the order stands for it. */
                if (!index || vh_parse_uint(index, &number) < 0)
                        number = (unsigned)cookie->n_nets;
                qemu_cookie_add_net(cookie, number, VH_TAKE_PTR(type), content(n, "portdata"));
        }
        return r;
}

static int read_disk(QemuCookie *cookie, const xmlNode *node, VhError **err)
{
        _vh_free_ char *target = attribute(node, "target"), *capacity = attribute(node, "capacity");
        uint64_t bytes = 0;

        if (!target)
                return FAIL(err, "Malformed disk target");
        if (!capacity || vh_parse_u64(capacity, 10, &bytes) < 0)
                return FAIL(err, "Malformed disk capacity: '%s'", capacity ? capacity : "<null>");
        qemu_cookie_add_disk(cookie, target, bytes);
        return check_count(cookie->n_disks, "disks", err);
}

static int read_nbd(QemuCookie *cookie, const xmlNode *root, VhError **err)
{
        const xmlNode *node = vh_xml_child(root, "nbd");
        _vh_free_ char *port = node ? attribute(node, "port") : NULL;
        int r = 0;

        if (!node)
                return 0;
        cookie->has_nbd = true;
        if (port && vh_parse_int(port, &cookie->nbd_port) < 0)
                return FAIL(err, "Malformed nbd port '%s'", port);
        for (const xmlNode *n = first(node, "disk"); n; n = next(n))
                if ((r = read_disk(cookie, n, err)) < 0)
                        break;
        return r;
}

static int read_stats(QemuCookie *cookie, const xmlNode *root, VhError **err)
{
        const xmlNode *node = vh_xml_child(root, "statistics");

        if (!node)
                return 0;
        cookie->has_stats = true;
        qemu_stats_parse(&cookie->stats, node);
        return 0;
}

static int read_cpu(QemuCookie *cookie, const xmlNode *root, VhError **err)
{
        const xmlNode *node = vh_xml_child(root, "cpu");
        _vh_free_ char *text = node ? vh_xml_raw_text(node) : NULL;
        _vh_cpu_doc_ VhCpuDoc doc = { 0 };
        int r;

        if (!node)
                return 0;
        r = vh_cpu_doc_parse(&doc, text, VH_CPU_DOC_ANY, err);
        if (r == 0)
                cookie->cpu = VH_TAKE_PTR(doc.cpu);
        return r;
}

static int read_caps(QemuCookie *cookie, const xmlNode *root, VhError **err)
{
        const xmlNode *node = vh_xml_child(root, "capabilities");
        int r = 0;

        if (!node)
                return 0;
        cookie->has_caps = true;
        for (const xmlNode *n = first(node, "cap"); n; n = next(n)) {
                _vh_free_ char *name = attribute(n, "name"), *automatic = attribute(n, "auto");

                r = name ? check_count(cookie->n_caps, "capabilities", err)
                         : FAIL(err, "missing migration capability name");
                if (r < 0)
                        break;
                qemu_cookie_add_cap(cookie, name, vh_streq(automatic, "yes"));
        }
        return r;
}

static int read_bitmap(QemuCookie *cookie, const char *target, const xmlNode *node, VhError **err)
{
        _vh_free_ char *name = attribute(node, "name"), *alias = attribute(node, "alias");

        if (!name || !alias)
                return FAIL(err, "malformed <blockDirtyBitmaps> in migration cookie");
        qemu_cookie_add_bitmap(cookie, target, name, alias);
        return check_count(cookie->n_bitmaps, "bitmaps", err);
}

static int read_bitmaps(QemuCookie *cookie, const xmlNode *root, VhError **err)
{
        const xmlNode *node = vh_xml_child(root, "blockDirtyBitmaps");
        int r = 0;

        if (!node)
                return 0;
        for (const xmlNode *disk = first(node, "disk"); disk; disk = next(disk)) {
                _vh_free_ char *target = attribute(disk, "target");

                if (!target)
                        return FAIL(err, "malformed <blockDirtyBitmaps> in migration cookie");
                for (const xmlNode *n = first(disk, "bitmap"); n; n = next(n))
                        if ((r = read_bitmap(cookie, target, n, err)) < 0)
                                return r;
        }
        return 0;
}

/* In the order of the bits of QemuCookiePart. A feature is what the other side insists on. */
static const struct {
        const char *feature;
        int (*read)(QemuCookie *cookie, const xmlNode *root, VhError **err); /* NULL: it has no content */
} parts[] = {
        { "graphics", read_graphics },
        { "lockstate", read_lockstate },
        { "persistent", read_persistent },
        { "network", read_network },
        { "nbd", read_nbd },
        { "statistics", read_stats },
        { "memory-hotplug", NULL },
        { "cpu-hotplug", NULL },
        { "cpu", read_cpu },
        { "capabilities", read_caps },
        { "block-dirty-bitmaps", read_bitmaps },
        { "allowReboot", NULL }, /* no bit: of a reference before 8.0 only */
};

static int check_feature(QemuCookie *cookie, unsigned wanted, const char *name, VhError **err)
{
        for (size_t i = 0; i < VH_ARRAY_SIZE(parts); i++) {
                if (strcmp(name, parts[i].feature) != 0)
                        continue;
                if (!(wanted & 1U << i))
                        return FAIL(err, "Unsupported migration cookie feature %s", name);
                cookie->lockstate |= 1U << i == QEMU_COOKIE_LOCKSTATE;
                return 0;
        }
        return FAIL(err, "Unknown migration cookie feature %s", name);
}

static int check_features(QemuCookie *cookie, unsigned wanted, const xmlNode *root, VhError **err)
{
        int r = 0;

        for (const xmlNode *n = first(root, "feature"); n; n = next(n)) {
                _vh_free_ char *name = attribute(n, "name");

                r = name ? check_feature(cookie, wanted, name, err) : FAIL(err, "missing feature name");
                if (r < 0)
                        break;
        }
        return r;
}

static int read_parts(QemuCookie *cookie, unsigned wanted, const xmlNode *root, VhError **err)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < VH_ARRAY_SIZE(parts); i++)
                if (wanted & 1U << i && parts[i].read)
                        r = parts[i].read(cookie, root, err);
        return r;
}

/* ---- all of it ---- */

static int read_root(QemuCookie *cookie, const QemuCookieFor *what, const xmlNode *root, VhError **err)
{
        int r = read_name(cookie, what, root, err);

        if (r == 0)
                r = read_uuid(cookie, what, root, err);
        if (r == 0)
                r = read_host(cookie, what, root, err);
        if (r == 0)
                r = check_features(cookie, what->parts, root, err);
        return r < 0 ? r : read_parts(cookie, what->parts, root, err);
}

int qemu_cookie_parse(QemuCookie *cookie, const QemuCookieFor *what, const void *text, size_t len, VhError **err)
{
        xmlDoc *doc;
        int r;

        *cookie = (QemuCookie){ 0 };
        if (!len)
                return 0;
        /* Cookies come with a NUL at their end, which counts. */
        r = vh_xml_doc_parse(&doc, text, strnlen(text, len), "(qemu_migration_cookie)", VIR_FROM_QEMU, err);
        if (r < 0)
                return r;
        r = read_root(cookie, what, xmlDocGetRootElement(doc), err);
        xmlFreeDoc(doc);
        if (r < 0)
                qemu_cookie_done(cookie);
        return r;
}
