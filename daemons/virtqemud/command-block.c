/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Images as QEMU's block layer has them: a node for the protocol and one for the format, chained by name. */

#include <errno.h>
#include <libxml/uri.h>
#include <stdio.h>

#include "command-parts.h"
#include "model/domain-tables.h"

enum {
        FORMAT_RAW = 1,
        FORMAT_COW = 11, /* the first and the last that can stand on another image */
        FORMAT_VMDK = 15,
        FORMAT_FAT = 16,
        FORMAT_LUKS = 17,
        CACHE_DEFAULT = 1,
        CACHE_NONE,
        CACHE_WRITETHROUGH,
        CACHE_WRITEBACK,
        CACHE_DIRECTSYNC,
        CACHE_UNSAFE,
};
enum { TRANSPORT_TCP = 1, TRANSPORT_UNIX, TRANSPORT_RDMA };

char *qemu_format_node(const VhDiskSource *src)
{
        return vh_xasprintf("libvirt-%u-format", src->index.val);
}

char *qemu_storage_node(const VhDiskSource *src)
{
        return vh_xasprintf("libvirt-%u-storage", src->index.val);
}

const VhDiskSource *qemu_backing(const VhDiskSource *src)
{
        return src->backing && src->backing->type != VH_DISK_TYPE_NONE ? src->backing : NULL;
}

bool qemu_disk_is_empty(const VhDisk *disk)
{
        const VhDiskSource *src = &disk->src;

        switch (src->type) {
        case VH_DISK_TYPE_NETWORK:
                return !src->network;
        case VH_DISK_TYPE_NVME:
                return false;
        case VH_DISK_TYPE_VOLUME:
                return !src->volume;
        default:
                return !src->path;
        }
}

/* ---- network protocols ---- */

typedef struct Protocol {
        const char *driver;
        const char *port; /* default; NULL: needs none */
        int (*props)(const QemuBuild *b, const VhDiskSource *src, const struct Protocol *p, json_t *o);
} Protocol;

static const VhStorageHost *first_host(const VhNetworkSource *net)
{
        return net->hosts.n ? net->hosts.items[0] : NULL;
}

static const char *host_port(const VhStorageHost *host, const Protocol *p)
{
        return host->port ? host->port : p->port;
}

static int need_one_host(const QemuBuild *b, const VhNetworkSource *net, const Protocol *p)
{
        if (net->hosts.n != 1)
                return vh_error_set(b->err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR, "%s protocol accepts only one host",
                                    p->driver);
        if (net->hosts.items[0]->transport == TRANSPORT_RDMA)
                return vh_error_set(b->err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR,
                                    "transport protocol 'rdma' is not yet supported");
        return 0;
}

static json_t *socket_address(const VhStorageHost *host, const Protocol *p)
{
        json_t *o = json_object();

        if (host->transport == TRANSPORT_UNIX) {
                qj_str(o, "type", "unix");
                qj_str(o, "path", host->socket);
        } else {
                qj_str(o, "type", "inet");
                qj_str(o, "host", host->name);
                qj_str(o, "port", host_port(host, p));
        }
        return o;
}

static int nbd_props(const QemuBuild *b, const VhDiskSource *src, const Protocol *p, json_t *o)
{
        const VhNetworkSource *net = src->network;
        int r = need_one_host(b, net, p);

        if (r < 0)
                return r;
        qj_take(o, "server", socket_address(net->hosts.items[0], p));
        qj_str(o, "export", net->name);
        if (qemu_image_wants_tls(b->launch, src)) {
                _vh_free_ char *tls = qemu_image_tls(src);

                qj_str(o, "tls-creds", tls);
        }
        qj_str(o, "tls-hostname", net->tls_hostname);
        if (net->reconnect_delay.set)
                qj_uint(o, "reconnect-delay", net->reconnect_delay.val);
        return 0;
}

static void secret_ref(json_t *o, const char *key, const VhDiskSource *src, QemuImageSecret use)
{
        _vh_free_ char *id = qemu_image_secret(src, use);

        qj_str(o, key, id);
}

/* "iqn.2004-01.org:name/1" names a target and a unit. */
static int iscsi_props(const QemuBuild *b, const VhDiskSource *src, const Protocol *p, json_t *o)
{
        const VhNetworkSource *net = src->network;
        const char *name = net->name ? net->name : "", *slash = strchr(name, '/');
        unsigned lun = 0;
        int r = need_one_host(b, net, p);

        if (r < 0)
                return r;
        if (slash && vh_parse_uint(slash + 1, &lun) < 0)
                return vh_error_set(b->err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR,
                                    "cannot parse target for lunStr '%s'", name);
        if (strchr(net->hosts.items[0]->name ? net->hosts.items[0]->name : "", ':'))
                qj_fmt(o, "portal", "[%s]:%s", net->hosts.items[0]->name, host_port(net->hosts.items[0], p));
        else
                qj_fmt(o, "portal", "%s:%s", net->hosts.items[0]->name, host_port(net->hosts.items[0], p));
        json_object_set_new(o, "target", json_stringn(name, slash ? (size_t)(slash - name) : strlen(name)));
        qj_int(o, "lun", lun);
        qj_str(o, "transport", "tcp");
        if (net->auth) {
                qj_str(o, "user", net->auth->username);
                secret_ref(o, "password-secret", src, QEMU_IMAGE_AUTH);
        }
        qj_str(o, "initiator-name", net->initiator_iqn);
        return 0;
}

static json_t *rbd_servers(const VhNetworkSource *net)
{
        json_t *list = net->hosts.n ? json_array() : NULL;

        for (uint32_t i = 0; i < net->hosts.n; i++) {
                json_t *host = json_object();

                qj_str(host, "host", net->hosts.items[i]->name);
                qj_str(host, "port", net->hosts.items[i]->port ? net->hosts.items[i]->port : "0");
                json_array_append_new(list, host);
        }
        return list;
}

/* "pool/image" or "pool/namespace/image". */
static int rbd_props(const QemuBuild *b, const VhDiskSource *src, const Protocol *p, json_t *o)
{
        const VhNetworkSource *net = src->network;
        _vh_free_ char *name = vh_xstrdup(net->name ? net->name : "");
        char *image = strchr(name, '/'), *ns = NULL;

        if (!image)
                return vh_error_set(b->err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR,
                                    "can't split path '%s' into pool name and volume name", name);
        *image++ = '\0';
        if (strchr(image, '/')) {
                ns = image;
                image = strchr(image, '/');
                *image++ = '\0';
        }
        qj_str(o, "pool", name);
        qj_str(o, "namespace", ns);
        qj_str(o, "image", image);
        qj_str(o, "snapshot", net->snapshot);
        qj_str(o, "conf", net->config_file);
        qj_take(o, "server", rbd_servers(net));
        if (net->auth) {
                qj_str(o, "user", net->auth->username);
                json_object_set_new(o, "auth-client-required", json_pack("[s,s]", "cephx", "none"));
                secret_ref(o, "key-secret", src, QEMU_IMAGE_AUTH);
        }
        return 0;
}

/* Besides letters, digits and marks. */
#define URL_PATH_CHARACTERS "/;@&=+$,"

static int curl_props(const QemuBuild *b, const VhDiskSource *src, const Protocol *p, json_t *o)
{
        const VhNetworkSource *net = src->network;
        const VhStorageHost *host = first_host(net);
        bool v6 = host && host->name && strchr(host->name, ':');
        const char *name = net->name ? net->name + (net->name[0] == '/') : "";
        int r = need_one_host(b, net, p);
        xmlChar *path;

        if (r < 0)
                return r;
        path = xmlURIEscapeStr(BAD_CAST name, BAD_CAST URL_PATH_CHARACTERS);
        qj_fmt(o, "url", "%s://%s%s%s:%s/%s%s%s", p->driver, v6 ? "[" : "", host->name, v6 ? "]" : "",
               host_port(host, p), (const char *)path, net->query ? "?" : "", net->query ? net->query : "");
        xmlFree(path);
        if (net->auth) {
                qj_str(o, "username", net->auth->username);
                secret_ref(o, "password-secret", src, QEMU_IMAGE_AUTH);
        }
        if (net->ssl_verify)
                json_object_set_new(o, "sslverify", json_boolean(net->ssl_verify == VH_YES));
        if (net->cookies.n)
                secret_ref(o, "cookie-secret", src, QEMU_IMAGE_COOKIES);
        qj_uint(o, "timeout", (json_int_t)net->timeout);
        qj_uint(o, "readahead", (json_int_t)net->readahead);
        return 0;
}

static int ssh_props(const QemuBuild *b, const VhDiskSource *src, const Protocol *p, json_t *o)
{
        const VhNetworkSource *net = src->network;
        json_t *server;
        int r = need_one_host(b, net, p);

        if (r < 0)
                return r;
        qj_str(o, "path", net->name);
        server = json_object();
        qj_str(server, "host", net->hosts.items[0]->name);
        qj_str(server, "port", host_port(net->hosts.items[0], p));
        qj_take(o, "server", server);
        qj_str(o, "user", net->username);
        return 0;
}

/* How much the library says, 4 unless the administrator wants otherwise. */
static unsigned gluster_debug(const QemuBuild *b)
{
        unsigned level = 4;

        if (b->launch->conf)
                (void)vh_conf_get_uint(b->launch->conf, "gluster_debug_level", &level, NULL);
        return level;
}

/* "volume/path". */
static int gluster_props(const QemuBuild *b, const VhDiskSource *src, const Protocol *p, json_t *o)
{
        const VhNetworkSource *net = src->network;
        const char *slash = net->name ? strchr(net->name, '/') : NULL;
        json_t *servers = json_array();

        if (!slash) {
                json_decref(servers);
                return vh_error_set(b->err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "missing volume name or file name in gluster source path '%s'",
                                    net->name ? net->name : "");
        }
        json_object_set_new(o, "volume", json_stringn(net->name, (size_t)(slash - net->name)));
        qj_str(o, "path", slash + 1);
        for (uint32_t i = 0; i < net->hosts.n; i++)
                json_array_append_new(servers, socket_address(net->hosts.items[i], p));
        qj_take(o, "server", servers);
        qj_uint(o, "debug", gluster_debug(b));
        return 0;
}

/* A number; a plus before it says that it is no name. */
static void add_id(json_t *o, const char *key, const char *text)
{
        uint64_t id;

        if (text && vh_parse_u64(*text == '+' ? text + 1 : text, 10, &id) == 0)
                qj_int(o, key, (json_int_t)id);
}

static int nfs_props(const QemuBuild *b, const VhDiskSource *src, const Protocol *p, json_t *o)
{
        const VhNetworkSource *net = src->network;
        json_t *server;
        int r = need_one_host(b, net, p);

        if (r < 0)
                return r;
        server = json_object();
        qj_str(server, "host", net->hosts.items[0]->name);
        qj_str(server, "type", "inet");
        qj_take(o, "server", server);
        qj_str(o, "path", net->name);
        add_id(o, "user", net->user);
        add_id(o, "group", net->group);
        return 0;
}

/* In the order of the protocols' words. */
static const Protocol protocols[] = {
        [1] = { "nbd", "10809", nbd_props },         [2] = { "rbd", NULL, rbd_props },
        [4] = { "gluster", "24007", gluster_props }, [5] = { "iscsi", "3260", iscsi_props },
        [6] = { "http", "80", curl_props },          [7] = { "https", "443", curl_props },
        [8] = { "ftp", "21", curl_props },           [9] = { "ftps", "990", curl_props },
        [11] = { "ssh", "22", ssh_props },           [13] = { "nfs", "2049", nfs_props },
};

static int network_props(const QemuBuild *b, const VhDisk *disk, const VhDiskSource *src, json_t *o)
{
        enum { VXHS = 12 };
        static const char *const unknown[] = { [3] = "sheepdog", [10] = "tftp", [14] = "vhostuser" };
        unsigned i = src->network->protocol;
        VhNetworkSource net = *src->network;
        VhDiskSource whole = *src;

        if (i == VXHS)
                return qemu_unsupported(b, "VxHS protocol is not supported with this QEMU binary");
        if (i >= VH_ARRAY_SIZE(protocols) || !protocols[i].props)
                return qemu_unsupported(b, "'%s' protocol is not supported with this QEMU binary",
                                        i < VH_ARRAY_SIZE(unknown) && unknown[i] ? unknown[i] : "unknown");
        qj_str(o, "driver", protocols[i].driver);
        net.auth = (VhStorageAuth *)(uintptr_t)qemu_auth_of(disk, src);
        whole.network = &net;
        return protocols[i].props(b, &whole, &protocols[i], o);
}

/* ---- the protocol node ---- */

static const VhStorageReservations *reservations_of(const VhDiskSource *src)
{
        return src->type == VH_DISK_TYPE_NETWORK ? src->network->reservations : src->reservations;
}

static void file_props(const VhDisk *disk, const VhDiskSource *src, json_t *o)
{
        static const char *const aio[] = { NULL, "native", "threads", "io_uring" };
        const VhStorageReservations *pr = reservations_of(src);

        qj_str(o, "driver", src->type == VH_DISK_TYPE_BLOCK ? "host_device" : "file");
        qj_str(o, "filename", src->path);
        if (disk)
                qj_str(o, "aio", aio[disk->io]);
        if (pr && pr->managed == VH_YES)
                qj_str(o, "pr-manager", "pr-helper0");
        else if (pr && pr->path)
                qj_fmt(o, "pr-manager", "pr-helper-libvirt-%u-storage", src->index.val);
}

static void vvfat_props(const VhDisk *disk, const VhDiskSource *src, json_t *o)
{
        qj_str(o, "driver", "vvfat");
        qj_str(o, "dir", src->path);
        json_object_set_new(o, "floppy", json_boolean(disk && disk->device == VH_DISK_DEVICE_FLOPPY));
        json_object_set_new(o, "rw", json_boolean(disk && !disk->readonly));
}

static int protocol_props(const QemuBuild *b, const VhDisk *disk, const VhDiskSource *src, json_t *o)
{
        switch (src->type) {
        case VH_DISK_TYPE_FILE:
        case VH_DISK_TYPE_BLOCK:
                file_props(disk, src, o);
                return 0;
        case VH_DISK_TYPE_DIR:
                vvfat_props(disk, src, o);
                return 0;
        case VH_DISK_TYPE_NVME:
                qj_str(o, "driver", "nvme");
                qj_fmt(o, "device", "%04x:%02x:%02x.%x", src->nvme.domain, src->nvme.bus, src->nvme.slot,
                       src->nvme.function);
                qj_int(o, "namespace", (json_int_t)src->nvme_namespace);
                return 0;
        case VH_DISK_TYPE_NETWORK:
                return network_props(b, disk, src, o);
        default:
                return qemu_unsupported(b, "this type of disk source cannot be opened by QEMU: storage volumes must be "
                                           "translated first");
        }
}

/* A disk that guests share is written past the host's cache. */
static uint8_t cache_mode(const VhDisk *disk)
{
        if (disk && disk->shareable && !disk->readonly && disk->cache <= CACHE_DEFAULT)
                return CACHE_NONE;
        return disk && disk->cache != CACHE_DEFAULT ? disk->cache : 0;
}

static void cache_props(const VhDisk *disk, json_t *o)
{
        uint8_t mode = cache_mode(disk);

        if (mode)
                json_object_set_new(o, "cache",
                                    json_pack("{s:b,s:b}", "direct", mode == CACHE_NONE || mode == CACHE_DIRECTSYNC,
                                              "no-flush", mode == CACHE_UNSAFE));
}

static json_t *storage_layer(const QemuBuild *b, const VhDisk *disk, const VhDiskSource *src)
{
        json_t *o = json_object();

        if (protocol_props(b, disk, src, o) < 0) {
                json_decref(o);
                return NULL;
        }
        qj_fmt(o, "node-name", "libvirt-%u-storage", src->index.val);
        cache_props(disk, o);
        qj_true(o, "auto-read-only", true);
        qj_str(o, "discard", "unmap");
        return o;
}

/* ---- the format node ---- */

static uint8_t source_format(const VhDisk *disk, const VhDiskSource *src)
{
        return disk && src == &disk->src ? disk->format : src->format;
}

static void discard_props(const VhDisk *disk, bool top, json_t *o)
{
        static const char *const discards[] = { NULL, "unmap", "ignore" };
        static const char *const zeroes[] = { NULL, "off", "on", "unmap" };
        enum { DISCARD_UNMAP = 1, ZEROES_ON = 2, ZEROES_UNMAP };

        if (!disk)
                return;
        qj_str(o, "discard", discards[disk->discard]);
        if (top)
                qj_str(o, "detect-zeroes",
                       zeroes[disk->detect_zeroes == ZEROES_UNMAP && disk->discard != DISCARD_UNMAP
                                      ? ZEROES_ON
                                      : disk->detect_zeroes]);
}

static void encryption_props(const VhDiskSource *src, const VhStorageEncryption *e, uint8_t format, json_t *o)
{
        static const char *const formats[] = { NULL, NULL, "aes", "luks", "luks2", "luks-any" };
        json_t *encrypt;

        if (!e)
                return;
        if (format == FORMAT_RAW || format == FORMAT_LUKS) {
                secret_ref(o, "key-secret", src, QEMU_IMAGE_ENCRYPTION);
                return;
        }
        encrypt = json_object();
        qj_str(encrypt, "format", formats[e->format]);
        secret_ref(encrypt, "key-secret", src, QEMU_IMAGE_ENCRYPTION);
        qj_take(o, "encrypt", encrypt);
}

static const VhStorageSlice *slice_of(const VhDiskSource *src)
{
        if (src->type == VH_DISK_TYPE_NETWORK)
                return src->network->slices.n ? src->network->slices.items[0] : NULL;
        return src->slices.n ? src->slices.items[0] : NULL;
}

static const char *format_driver(uint8_t format, const VhStorageEncryption *e)
{
        static const char *const other[] = { "raw", "raw", "raw", "bochs", "cloop",    "dmg",
                                             "raw", "vpc", "vdi", "vhdx",  "parallels" };

        if (format == FORMAT_RAW && e)
                return "luks";
        if (format < VH_ARRAY_SIZE(other))
                return other[format];
        return format == FORMAT_FAT ? "raw" : vh_xml_names_text(&vh_storage_format_names, format);
}

json_t *qemu_format_layer(const VhDisk *disk, const VhDiskSource *src)
{
        bool top = !disk || src == &disk->src;
        uint8_t format = source_format(disk, src);
        const VhStorageEncryption *e = qemu_encryption_of(disk, src);
        const VhStorageSlice *slice = slice_of(src);
        uint64_t metadata = disk && top ? disk->metadata_cache : src->metadata_cache;
        bool plain = format_driver(format, e)[0] == 'r';
        json_t *o = json_object();

        qj_fmt(o, "node-name", "libvirt-%u-format", src->index.val);
        json_object_set_new(o, "read-only", json_boolean(!top || (disk && disk->readonly)));
        discard_props(disk, top, o);
        cache_props(disk, o);
        qj_str(o, "driver", format_driver(format, e));
        if (slice && plain) {
                qj_int(o, "offset", (json_int_t)slice->offset.val);
                qj_int(o, "size", (json_int_t)slice->size.val);
        }
        encryption_props(src, e, format, o);
        qj_uint(o, "cache-size", (json_int_t)metadata);
        if (slice && !plain)
                qj_fmt(o, "file", "libvirt-%u-slice-sto", src->index.val);
        else
                qj_fmt(o, "file", "libvirt-%u-storage", src->index.val);
        if (qemu_backing(src))
                qj_fmt(o, "backing", "libvirt-%u-format", qemu_backing(src)->index.val);
        else if (src->backing && format >= FORMAT_COW && format <= FORMAT_VMDK)
                json_object_set_new(o, "backing", json_null());
        return o;
}

/* A part of a file that holds an image of its own. */
static json_t *slice_layer(const VhDisk *disk, const VhDiskSource *src)
{
        const VhStorageSlice *slice = slice_of(src);
        json_t *o;

        if (!slice || format_driver(source_format(disk, src), qemu_encryption_of(disk, src))[0] == 'r')
                return NULL;
        o = json_object();
        qj_str(o, "driver", "raw");
        qj_fmt(o, "node-name", "libvirt-%u-slice-sto", src->index.val);
        qj_int(o, "offset", (json_int_t)slice->offset.val);
        qj_int(o, "size", (json_int_t)slice->size.val);
        qj_fmt(o, "file", "libvirt-%u-storage", src->index.val);
        qj_true(o, "auto-read-only", true);
        qj_str(o, "discard", "unmap");
        return o;
}

/* The way to a helper that somebody else runs. */
static void use_reservations(const VhDiskSource *src, json_t **objects)
{
        const VhStorageReservations *pr = reservations_of(src);
        json_t *o;

        if (!pr || pr->managed == VH_YES || !pr->path)
                return;
        o = json_object();
        qj_str(o, "qom-type", "pr-manager-helper");
        qj_fmt(o, "id", "pr-helper-libvirt-%u-storage", src->index.val);
        qj_str(o, "path", pr->path);
        if (!*objects)
                *objects = json_array();
        json_array_append_new(*objects, o);
}

int qemu_block_layers(const QemuBuild *b, const VhDisk *disk, const VhDiskSource *src, QemuBlockLayers *layers)
{
        int r = qemu_use_image(b, disk, src, &layers->objects);

        if (r < 0)
                return r;
        use_reservations(src, &layers->objects);
        layers->storage = storage_layer(b, disk, src);
        if (!layers->storage)
                return -EINVAL;
        layers->slice = slice_layer(disk, src);
        layers->format = qemu_format_layer(disk, src);
        return 0;
}

void qemu_block_layers_done(QemuBlockLayers *layers)
{
        json_decref(layers->objects);
        json_decref(layers->storage);
        json_decref(layers->slice);
        json_decref(layers->format);
        *layers = (QemuBlockLayers){};
}
