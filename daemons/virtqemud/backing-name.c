/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which kind of name it is, and those that are neither addresses nor JSON. */

#include "backing-name.h"

#include <errno.h>

#include "block-job.h"
#include "image/head.h"
#include "model/domain-tables.h"

#define JSON_PREFIX "json:"

enum { PORT_MAX = 65535 };

VhDiskSource *qemu_source_network(unsigned protocol)
{
        VhDiskSource *src = vh_xml_bind_new(&vh_table_disk_source);

        src->type = VH_DISK_TYPE_NETWORK;
        src->network = vh_new(VhNetworkSource, 1);
        src->network->protocol = (uint8_t)protocol;
        return src;
}

VhStorageHost *qemu_source_add_host(VhDiskSource *src, unsigned transport, const char *name, const char *port)
{
        VhStorageHost *host = vh_new(VhStorageHost, 1);

        host->transport = (uint8_t)transport;
        host->name = vh_xstrdup(name);
        host->port = vh_xstrdup(port);
        vh_list_add(&src->network->hosts, host);
        return host;
}

static int check_port(const char *port, VhError **err)
{
        unsigned n;

        if (vh_parse_uint(port, &n) < 0 || n > PORT_MAX)
                return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_INVALID_ARG, "failed to parse port number '%s'",
                                    port);
        return 0;
}

int qemu_source_add_host_text(VhDiskSource *src, const char *text, size_t n, VhError **err)
{
        _vh_free_ char *name = vh_xstrndup(text, n);
        char *end = *name == '[' ? strchr(name, ']') : NULL, *colon = strchr(end ? end : name, ':');
        int r = colon ? check_port(colon + 1, err) : 0;

        if (r < 0)
                return r;
        if (colon)
                *colon = '\0';
        if (end)
                *end = '\0';
        qemu_source_add_host(src, 0, name + !!end, colon ? colon + 1 : NULL);
        return 0;
}

/* ---- "nbd:host:port:exportname=name", "nbd:unix:path" ---- */

static int malformed_nbd(const char *text, VhError **err)
{
        return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_INTERNAL_ERROR, "malformed nbd string '%s'", text);
}

static int parse_nbd(const char *text, VhDiskSource **ret, VhError **err)
{
        static const char unix_prefix[] = "unix:", export[] = ":exportname=";
        const char *at = strchr(text, ':') + 1, *name = strstr(at, export), *colon = strrchr(at, ':');
        size_t n = name ? (size_t)(name - at) : strlen(at);
        _qemu_source_ VhDiskSource *src = qemu_source_network(QEMU_PROTOCOL_NBD);
        int r = 0;

        if (name)
                src->network->name = vh_xstrdup(name + strlen(export));
        if (strncmp(at, unix_prefix, strlen(unix_prefix)) == 0) {
                size_t skip = strlen(unix_prefix);

                if (n <= skip)
                        return malformed_nbd(text, err);
                qemu_source_add_host(src, QEMU_TRANSPORT_UNIX, NULL, NULL)->socket = vh_xstrndup(at + skip, n - skip);
        } else if (!colon || *at == ':') {
                return malformed_nbd(text, err);
        } else {
                r = qemu_source_add_host_text(src, at, n, err);
        }
        if (r == 0)
                *ret = VH_TAKE_PTR(src);
        return r;
}

/* ---- all of them ---- */

static int parse_colon(const char *name, VhDiskSource **ret, VhError **err)
{
        _vh_free_ char *word = vh_xstrndup(name, strcspn(name, ":"));
        int protocol = vh_xml_names_find(&vh_disk_protocol_names, word);

        switch (protocol) {
        case QEMU_PROTOCOL_NBD:
                return parse_nbd(name, ret, err);
        case QEMU_PROTOCOL_RBD:
                return qemu_backing_rbd_parse(name, ret, err);
        default:
                return protocol <= 0 ? vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_INTERNAL_ERROR,
                                                    "invalid backing protocol '%s'", word)
                                     : vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_INTERNAL_ERROR,
                                                    "malformed backing store path for protocol %s", word);
        }
}

int qemu_backing_name_parse(const char *name, const char *path, VhDiskSource **ret, VhError **err)
{
        *ret = NULL;
        if (strncmp(name, JSON_PREFIX, strlen(JSON_PREFIX)) == 0)
                return qemu_backing_json_parse(name + strlen(JSON_PREFIX), ret, err);
        if (!vh_backing_has_protocol(name)) {
                _vh_free_ char *there = vh_backing_path(path, name);

                *ret = qemu_source_file(there, 0);
                return 0;
        }
        if (strstr(name, "://"))
                return qemu_backing_uri_parse(name, 0, ret, err);
        return parse_colon(name, ret, err);
}
