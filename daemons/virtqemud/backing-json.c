/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Options of QEMU's block layer as the name of an image. Of them those are known that a definition can say; the drivers
 * are a table, and what is not in it is refused. */

#include <errno.h>
#include <stdio.h>

#include "backing-name.h"
#include "block-job.h"
#include "json-link.h"
#include "model/domain-tables.h"

typedef struct Parse {
        const char *text;
        VhDiskSource **ret;
        VhError **err;
} Parse;

typedef struct JsonDriver {
        const char *name;
        int (*parse)(const json_t *o, unsigned arg, const Parse *p);
        unsigned arg;
} JsonDriver;

static int parse_object(const json_t *root, bool nested, const Parse *p);

static int invalid(const Parse *p, const char *what)
{
        return vh_error_set(p->err, VIR_FROM_STORAGE, VIR_ERR_INVALID_ARG, "%s", what);
}

static const char *text_of(const json_t *o, const char *key)
{
        return json_string_value(json_object_get(o, key));
}

static const json_t *object_of(const json_t *o, const char *key)
{
        const json_t *value = json_object_get(o, key);

        return json_is_object(value) ? value : NULL;
}

/* A number, or one as text. */
static int number_of(const json_t *o, const char *key, uint64_t *ret)
{
        const json_t *value = json_object_get(o, key);

        *ret = 0;
        if (!value)
                return 0;
        if (json_is_string(value))
                return vh_parse_u64(json_string_value(value), 10, ret);
        if (!json_is_integer(value))
                return -EINVAL;
        *ret = (uint64_t)json_integer_value(value);
        return 0;
}

static int give(const Parse *p, VhDiskSource *src, int r)
{
        if (r < 0)
                qemu_source_free(src);
        else
                *p->ret = src;
        return r;
}

/* ---- hosts ---- */

static int add_unix(VhDiskSource *src, const json_t *o, const Parse *p)
{
        const char *path = text_of(o, "path");

        path = path ? path : text_of(o, "socket");
        if (!path)
                return invalid(p, "missing socket path for udp backing server in JSON backing volume definition");
        qemu_source_add_host(src, QEMU_TRANSPORT_UNIX, NULL, NULL)->socket = vh_xstrdup(path);
        return 0;
}

static int add_inet(VhDiskSource *src, const json_t *o, const Parse *p)
{
        const char *host = text_of(o, "host");

        if (!host)
                return invalid(p, "missing hostname for tcp backing server in JSON backing volume definition");
        qemu_source_add_host(src, QEMU_TRANSPORT_TCP, host, text_of(o, "port"));
        return 0;
}

/* An object that says how to reach a server. */
static int add_server(VhDiskSource *src, const json_t *o, const Parse *p)
{
        const char *type = text_of(o, "type");

        if (!type)
                return invalid(p, "missing socket address type in JSON backing volume definition");
        if (vh_streq(type, "unix"))
                return add_unix(src, o, p);
        if (vh_streq(type, "inet") || vh_streq(type, "tcp"))
                return add_inet(src, o, p);
        return vh_error_set(p->err, VIR_FROM_STORAGE, VIR_ERR_INTERNAL_ERROR,
                            "backing store protocol '%s' is not yet supported", type);
}

static int add_servers(VhDiskSource *src, const json_t *list, const Parse *p)
{
        const json_t *item;
        size_t i;
        int r = 0;

        json_array_foreach((json_t *)(uintptr_t)list, i, item)
        {
                if (r == 0 && src->network->protocol == QEMU_PROTOCOL_RBD)
                        r = add_inet(src, item, p);
                else if (r == 0)
                        r = add_server(src, item, p);
        }
        return r;
}

/* ---- drivers ---- */

static int parse_file(const json_t *o, unsigned type, const Parse *p)
{
        const char *name = text_of(o, "filename");

        if (!name)
                return invalid(p, "missing 'filename' field in JSON backing volume definition");
        *p->ret = qemu_source_file(name, 0);
        (*p->ret)->type = (VhDiskType)type;
        return 0;
}

static int parse_nbd(const json_t *o, unsigned protocol, const Parse *p)
{
        const json_t *server = object_of(o, "server");
        VhDiskSource *src;
        int r;

        if (!text_of(o, "path") && !text_of(o, "host") && !text_of(server, "type"))
                return invalid(p, "missing host specification of NBD server in JSON backing volume definition");
        src = qemu_source_network(protocol);
        src->network->name = vh_xstrdup(text_of(o, "export"));
        if (server)
                r = add_server(src, server, p);
        else
                r = text_of(o, "path") ? add_unix(src, o, p) : add_inet(src, o, p);
        return give(p, src, r);
}

/* "name=value; name=value" */
static int add_cookies(VhDiskSource *src, const char *list, const Parse *p)
{
        while (list && *list) {
                size_t n = strcspn(list, ";"), name = strcspn(list, "=");
                VhStorageCookie *cookie;

                if (name >= n)
                        return vh_error_set(p->err, VIR_FROM_STORAGE, VIR_ERR_INVALID_ARG,
                                            "malformed http cookie '%.*s' in backing store definition '%s'", (int)n,
                                            list, p->text);
                cookie = vh_new(VhStorageCookie, 1);
                cookie->name = vh_xstrndup(list, name);
                cookie->value = vh_xstrndup(list + name + 1, n - name - 1);
                vh_list_add(&src->network->cookies, cookie);
                list += n + !!list[n];
                list += strspn(list, " ");
        }
        return 0;
}

static uint8_t switch_of(const json_t *value)
{
        const char *word = json_string_value(value);

        if (json_is_boolean(value))
                return json_is_true(value) ? VH_YES : VH_NO;
        if (vh_streq(word, "on"))
                return VH_YES;
        return vh_streq(word, "off") ? VH_NO : 0;
}

static int parse_curl(const json_t *o, unsigned protocol, const Parse *p)
{
        const char *url = text_of(o, "url");
        VhNetworkSource *net;
        int r;

        if (!url)
                return invalid(p, "missing 'url' in JSON backing volume definition");
        r = qemu_backing_uri_parse(url, protocol, p->ret, p->err);
        if (r < 0 || !*p->ret)
                return r;
        net = (*p->ret)->network;
        net->ssl_verify = switch_of(json_object_get(o, "sslverify"));
        if (number_of(o, "timeout", &net->timeout) < 0 || number_of(o, "readahead", &net->readahead) < 0)
                r = invalid(p, "malformed number in JSON backing volume definition");
        r = r < 0 ? r : add_cookies(*p->ret, text_of(o, "cookie"), p);
        return give(p, VH_TAKE_PTR(*p->ret), r);
}

static int parse_ssh(const json_t *o, unsigned protocol, const Parse *p)
{
        const json_t *server = object_of(o, "server");
        const char *path = text_of(o, "path");
        VhDiskSource *src;

        if (!path || !(server || text_of(o, "host")))
                return invalid(p, "missing host/server or path of SSH JSON backing volume definition");
        src = qemu_source_network(protocol);
        src->network->name = vh_xstrdup(path);
        src->network->username = vh_xstrdup(text_of(o, "user"));
        return give(p, src, add_inet(src, server ? server : o, p));
}

static int parse_iscsi(const json_t *o, unsigned protocol, const Parse *p)
{
        const char *portal = text_of(o, "portal"), *target = text_of(o, "target");
        VhDiskSource *src;
        uint64_t lun;

        if (!vh_streq(text_of(o, "transport"), "tcp"))
                return invalid(p, "only TCP transport is supported for iSCSI volumes");
        /* A login cannot be said in a definition without a secret. */
        if (json_object_get(o, "user") || json_object_get(o, "password"))
                return 0;
        if (!portal)
                return invalid(p, "missing 'portal' address in iSCSI backing definition");
        if (!target)
                return invalid(p, "missing 'target' in iSCSI backing definition");
        if (number_of(o, "lun", &lun) < 0)
                return vh_error_set(p->err, VIR_FROM_STORAGE, VIR_ERR_INTERNAL_ERROR,
                                    "cannot parse target for lunStr '%s'", target);
        src = qemu_source_network(protocol);
        src->network->name = vh_xasprintf("%s/%llu", target, (unsigned long long)lun);
        return give(p, src, qemu_source_add_host_text(src, portal, strlen(portal), p->err));
}

static int parse_rbd(const json_t *o, unsigned protocol, const Parse *p)
{
        static const char prefix[] = "rbd:";
        const char *name = text_of(o, "filename"), *pool = text_of(o, "pool"), *image = text_of(o, "image");
        VhDiskSource *src;

        if (name && strncmp(name, prefix, strlen(prefix)) == 0)
                return qemu_backing_rbd_parse(name, p->ret, p->err);
        if (!pool || !image)
                return invalid(p, "missing pool or image name in ceph backing volume JSON specification");
        src = qemu_source_network(protocol);
        src->network->name = vh_xasprintf("%s/%s", pool, image);
        src->network->config_file = vh_xstrdup(text_of(o, "conf"));
        src->network->snapshot = vh_xstrdup(text_of(o, "snapshot"));
        return give(p, src, add_servers(src, json_object_get(o, "server"), p));
}

static int parse_gluster(const json_t *o, unsigned protocol, const Parse *p)
{
        const char *volume = text_of(o, "volume"), *path = text_of(o, "path");
        const json_t *servers = json_object_get(o, "server");
        VhDiskSource *src;

        if (!volume || !path || !servers)
                return invalid(p, "missing 'volume', 'path' or 'server' attribute in JSON backing definition for "
                                  "gluster volume");
        if (!json_array_size(servers))
                return invalid(p, "at least 1 server is necessary in JSON backing definition for gluster volume");
        src = qemu_source_network(protocol);
        src->network->name = vh_xasprintf("%s%s%s", volume, *path == '/' ? "" : "/", path);
        return give(p, src, add_servers(src, servers, p));
}

static int parse_nfs(const json_t *o, unsigned protocol, const Parse *p)
{
        const json_t *server = object_of(o, "server");
        uint64_t user, group;
        VhDiskSource *src;

        if (!json_object_get(o, "user") || !json_object_get(o, "group") || number_of(o, "user", &user) < 0 ||
            number_of(o, "group", &group) < 0)
                return invalid(p, "missing 'user' or 'group' attribute in JSON backing definition for NFS volume");
        if (!text_of(o, "path") || !server)
                return invalid(p, "missing 'path' or 'server' attribute in JSON backing definition for NFS volume");
        src = qemu_source_network(protocol);
        src->network->name = vh_xstrdup(text_of(o, "path"));
        src->network->user = vh_xasprintf("%llu", (unsigned long long)user);
        src->network->group = vh_xasprintf("%llu", (unsigned long long)group);
        return give(p, src, add_inet(src, server, p));
}

static int parse_slice(VhDiskSource *src, const json_t *o, const Parse *p)
{
        VhStorageSlice *slice;
        uint64_t offset = 0, size = 0;

        if (json_is_string(json_object_get(o, "offset")) || number_of(o, "offset", &offset) < 0)
                return invalid(p, "malformed 'offset' property of 'raw' driver");
        if (json_is_string(json_object_get(o, "size")) || number_of(o, "size", &size) < 0)
                return invalid(p, "malformed 'size' property of 'raw' driver");
        if (!offset && !size)
                return 0;
        slice = vh_new(VhStorageSlice, 1);
        slice->type = 1;
        slice->offset = (VhOptU64){ .set = true, .val = offset };
        slice->size = (VhOptU64){ .set = true, .val = size };
        if (src->type == VH_DISK_TYPE_NETWORK)
                vh_list_add(&src->network->slices, slice);
        else
                vh_list_add(&src->slices, slice);
        return 0;
}

/* The only format driver that is known here: the header says the format. */
static int parse_raw(const json_t *o, unsigned arg, const Parse *p)
{
        const json_t *file = object_of(o, "file");
        int r;

        (void)arg;
        if (!file)
                return vh_error_set(p->err, VIR_FROM_STORAGE, VIR_ERR_INVALID_ARG,
                                    "JSON backing volume definition '%s' lacks 'file' object", p->text);
        r = parse_object(file, true, p);
        return r == 0 && *p->ret ? give(p, VH_TAKE_PTR(*p->ret), parse_slice(*p->ret, o, p)) : r;
}

static const JsonDriver drivers[] = {
        { "raw", parse_raw, 0 },
        { "file", parse_file, VH_DISK_TYPE_FILE },
        { "host_device", parse_file, VH_DISK_TYPE_BLOCK },
        { "host_cdrom", parse_file, VH_DISK_TYPE_BLOCK },
        { "nbd", parse_nbd, QEMU_PROTOCOL_NBD },
        { "http", parse_curl, QEMU_PROTOCOL_HTTP },
        { "https", parse_curl, QEMU_PROTOCOL_HTTPS },
        { "ftp", parse_curl, QEMU_PROTOCOL_FTP },
        { "ftps", parse_curl, QEMU_PROTOCOL_FTPS },
        { "tftp", parse_curl, QEMU_PROTOCOL_TFTP },
        { "ssh", parse_ssh, QEMU_PROTOCOL_SSH },
        { "iscsi", parse_iscsi, QEMU_PROTOCOL_ISCSI },
        { "rbd", parse_rbd, QEMU_PROTOCOL_RBD },
        { "gluster", parse_gluster, QEMU_PROTOCOL_GLUSTER },
        { "nfs", parse_nfs, QEMU_PROTOCOL_NFS },
};

static int parse_object(const json_t *root, bool nested, const Parse *p)
{
        const json_t *file = nested || text_of(root, "driver") ? NULL : object_of(root, "file");
        const char *driver = text_of(file ? file : root, "driver");

        if (!driver)
                return vh_error_set(p->err, VIR_FROM_STORAGE, VIR_ERR_INVALID_ARG,
                                    "JSON backing volume definition '%s' lacks driver name", p->text);
        for (size_t i = 0; i < VH_ARRAY_SIZE(drivers); i++) {
                if (!vh_streq(drivers[i].name, driver))
                        continue;
                if (nested && drivers[i].parse == parse_raw)
                        return vh_error_set(p->err, VIR_FROM_STORAGE, VIR_ERR_INVALID_ARG,
                                            "JSON backing volume definition '%s' must not have nested format drivers",
                                            p->text);
                return drivers[i].parse(file ? file : root, drivers[i].arg, p);
        }
        return vh_error_set(p->err, VIR_FROM_STORAGE, VIR_ERR_INTERNAL_ERROR,
                            "missing parser implementation for JSON backing volume driver '%s'", driver);
}

/* ---- keys with dots stand for objects in objects; numbers among them for places in lists ---- */

static int place(json_t *into, const char *key, json_t *value, const Parse *p)
{
        const char *dot = strchr(key, '.');
        _vh_free_ char *first = vh_xstrndup(key, dot ? (size_t)(dot - key) : strlen(key));
        json_t *have = json_object_get(into, first);

        if (have && !(dot && json_is_object(have)))
                return vh_error_set(p->err, VIR_FROM_STORAGE, VIR_ERR_INVALID_ARG, "can't deflatten colliding key '%s'",
                                    first);
        if (!dot) {
                json_object_set(into, first, value);
                return 0;
        }
        if (!have) {
                have = json_object();
                json_object_set_new(into, first, have);
        }
        return place(have, dot + 1, value, p);
}

/* {"0": a, "1": b} is a list. */
static json_t *as_list(const json_t *o)
{
        json_t *list = json_array();

        for (size_t i = 0; i < json_object_size(o); i++) {
                _vh_free_ char *key = vh_xasprintf("%zu", i);
                json_t *item = json_object_get(o, key);

                if (!item) {
                        json_decref(list);
                        return NULL;
                }
                json_array_append(list, item);
        }
        return list;
}

static json_t *unfold(const json_t *flat, const Parse *p)
{
        json_t *ret = json_object(), *value;
        const char *key;
        int r = 0;

        json_object_foreach((json_t *)(uintptr_t)flat, key, value)
        {
                r = r < 0 ? r : place(ret, key, value, p);
        }
        json_object_foreach(ret, key, value)
        {
                json_t *list = json_is_object(value) && json_object_size(value) ? as_list(value) : NULL;

                if (list)
                        json_object_set_new(ret, key, list);
        }
        if (r < 0) {
                json_decref(ret);
                return NULL;
        }
        return ret;
}

int qemu_backing_json_parse(const char *text, VhDiskSource **ret, VhError **err)
{
        const Parse p = { text, ret, err };
        json_error_t why;
        json_t *flat = qemu_json_parse(text, strlen(text), &why), *root;
        int r;

        *ret = NULL;
        if (!flat)
                return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_INTERNAL_ERROR, "cannot parse json %s: %s", text,
                                    why.text);
        root = json_is_object(flat) ? unfold(flat, &p) : NULL;
        if (root)
                r = parse_object(root, false, &p);
        else
                r = json_is_object(flat) ? -EINVAL
                                         : vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_INVALID_ARG,
                                                        "JSON backing volume definition '%s' is no object", text);
        json_decref(flat);
        json_decref(root);
        return r;
}
