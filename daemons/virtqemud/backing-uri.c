/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Addresses of images behind others: URIs, and RADOS block devices in QEMU's older form. */

#include "backing-name.h"
#include "block-job.h"
#include "driver/uri.h"
#include "model/domain-tables.h"

/* ---- URIs ---- */

static int find_protocol(const VhUri *uri, unsigned wanted, unsigned *ret, VhError **err)
{
        int protocol = vh_xml_names_find(&vh_disk_protocol_names, uri->scheme);

        if (protocol <= 0)
                return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_INTERNAL_ERROR, "invalid backing protocol '%s'",
                                    uri->scheme);
        if (wanted && (unsigned)protocol != wanted)
                return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_INVALID_ARG,
                                    "expected protocol '%s' but got '%s' in URI JSON volume definition",
                                    vh_xml_names_text(&vh_disk_protocol_names, wanted), uri->scheme);
        *ret = (unsigned)protocol;
        return 0;
}

static int find_transport(const VhUri *uri, unsigned *ret, VhError **err)
{
        static const char *const words[] = {
                [QEMU_TRANSPORT_TCP] = "tcp", [QEMU_TRANSPORT_UNIX] = "unix", [QEMU_TRANSPORT_RDMA] = "rdma"
        };

        *ret = 0;
        for (unsigned i = 1; uri->transport && i < VH_ARRAY_SIZE(words); i++)
                if (vh_streq(uri->transport, words[i]))
                        *ret = i;
        if (uri->transport && !*ret)
                return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_INTERNAL_ERROR,
                                    "invalid protocol transport type '%s'", uri->transport);
        return 0;
}

static int add_uri_host(const VhUri *uri, unsigned transport, VhDiskSource *src, VhError **err)
{
        _vh_free_ char *port = uri->port ? vh_xasprintf("%d", uri->port) : NULL;
        _vh_free_ char *socket = transport == QEMU_TRANSPORT_UNIX ? vh_uri_query(uri, "socket") : NULL;

        if (transport == QEMU_TRANSPORT_UNIX ? !socket : !uri->server)
                return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_INTERNAL_ERROR,
                                    "backing file location '%s' lacks %s", uri->text,
                                    transport == QEMU_TRANSPORT_UNIX ? "a socket" : "a host");
        if (socket)
                qemu_source_add_host(src, transport, NULL, NULL)->socket = VH_TAKE_PTR(socket);
        else
                qemu_source_add_host(src, transport, uri->server, port);
        return 0;
}

static bool has_query(unsigned protocol)
{
        return protocol == QEMU_PROTOCOL_HTTP || protocol == QEMU_PROTOCOL_HTTPS;
}

int qemu_backing_uri_parse(const char *text, unsigned wanted, VhDiskSource **ret, VhError **err)
{
        _vh_uri_ VhUri *uri = NULL;
        _qemu_source_ VhDiskSource *src = NULL;
        unsigned protocol = 0, transport = 0;
        const char *name;
        int r = vh_uri_parse(&uri, text, NULL);

        *ret = NULL;
        if (r < 0)
                return vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_INTERNAL_ERROR,
                                    "failed to parse backing file location '%s'", text);
        r = find_protocol(uri, wanted, &protocol, err);
        r = r < 0 ? r : find_transport(uri, &transport, err);
        if (r < 0 || uri->user)
                return r;
        src = qemu_source_network(protocol);
        name = uri->path + (*uri->path == '/');
        src->network->name = *name ? vh_xstrdup(name) : NULL;
        if (has_query(protocol))
                src->network->query = vh_xstrdup(uri->query);
        r = add_uri_host(uri, transport, src, err);
        if (r == 0)
                *ret = VH_TAKE_PTR(src);
        return r;
}

/* ---- "rbd:pool/image@snapshot:key=value:…", colons inside behind a backslash ---- */

/* Up to a colon without one; *at is moved behind it. The caller frees the text. */
static char *next_part(const char **at)
{
        const char *from = *at;
        char *text = vh_xstrdup(from), *to = text;

        for (; *from && *from != ':'; from++) {
                if (*from == '\\' && from[1])
                        from++;
                *to++ = *from;
        }
        *to = '\0';
        *at = from + (*from == ':');
        return text;
}

static int add_monitors(VhDiskSource *src, const char *list, VhError **err)
{
        int r = 0;

        while (r == 0 && *list) {
                size_t n = strcspn(list, ";,");

                if (n)
                        r = qemu_source_add_host_text(src, list, n, err);
                list += n + !!list[n];
        }
        return r;
}

static int rbd_option(VhDiskSource *src, const char *option, VhError **err)
{
        static const char monitors[] = "mon_host=", conf[] = "conf=";

        if (strncmp(option, conf, strlen(conf)) == 0)
                vh_strset(&src->network->config_file, option + strlen(conf));
        if (strncmp(option, monitors, strlen(monitors)) == 0)
                return add_monitors(src, option + strlen(monitors), err);
        return 0;
}

int qemu_backing_rbd_parse(const char *text, VhDiskSource **ret, VhError **err)
{
        _qemu_source_ VhDiskSource *src = qemu_source_network(QEMU_PROTOCOL_RBD);
        const char *at = strchr(text, ':') + 1;
        char *name = next_part(&at), *snapshot = strchr(name, '@');
        int r = 0;

        src->network->name = name;
        if (snapshot) {
                src->network->snapshot = vh_xstrdup(snapshot + 1);
                *snapshot = '\0';
        }
        while (r == 0 && *at) {
                _vh_free_ char *option = next_part(&at);

                r = rbd_option(src, option, err);
        }
        if (r == 0)
                *ret = VH_TAKE_PTR(src);
        return r;
}
