/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Splitting URIs is libxml2's work, so that what is a URI at all is decided as the clients' library does. */

#include <libxml/uri.h>
#include <strings.h>

#include "driver/uri.h"

/* Names without scheme that old scripts still use. */
static const char *complete(const char *text)
{
        return vh_streq(text, "xen") ? "xen:///system" : text;
}

static void split_scheme(VhUri *uri, const char *scheme)
{
        const char *plus = strchr(scheme, '+');

        uri->scheme = plus ? vh_xstrndup(scheme, (size_t)(plus - scheme)) : vh_xstrdup(scheme);
        uri->transport = plus ? vh_xstrdup(plus + 1) : NULL;
}

/* IPv6 literals lose their brackets; an empty host counts as none. */
static char *plain_server(const char *server)
{
        size_t n = server ? strlen(server) : 0;

        if (n == 0)
                return NULL;
        if (n >= 2 && server[0] == '[' && server[n - 1] == ']')
                return vh_xstrndup(server + 1, n - 2);
        return vh_xstrdup(server);
}

static VhUri *from_xml_uri(xmlURIPtr x, const char *text)
{
        VhUri *uri = vh_new(VhUri, 1);

        uri->text = vh_xstrdup(text);
        split_scheme(uri, x->scheme);
        uri->user = vh_xstrdup(x->user);
        uri->server = plain_server(x->server);
        uri->port = x->port > 0 ? x->port : 0;
        uri->path = vh_xstrdup(x->path ? x->path : "");
        uri->query = vh_xstrdup(x->query_raw ? x->query_raw : x->query);
        return uri;
}

int vh_uri_parse(VhUri **ret, const char *text, VhError **err)
{
        xmlURIPtr x;

        text = complete(text);
        x = xmlParseURI(text);
        if (!x)
                return vh_error_set(err, VIR_FROM_URI, VIR_ERR_INTERNAL_ERROR, "Unable to parse URI %s", text);
        if (!x->scheme) {
                xmlFreeURI(x);
                return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_NO_CONNECT, "URI '%s' does not include a driver name",
                                    text);
        }
        *ret = from_xml_uri(x, text);
        xmlFreeURI(x);
        return 0;
}

int vh_uri_check_slash(const VhUri *uri, VhError **err)
{
        if (*uri->path || !uri->server)
                return 0;
        if (strcmp(uri->server, "system") != 0 && strcmp(uri->server, "session") != 0)
                return 0;
        return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_INTERNAL_ERROR, "invalid URI %s (maybe you want %s:///%s)",
                            uri->text, uri->scheme, uri->server);
}

static bool is_transport(const char *name)
{
        static const char *const known[] = { "tls", "unix", "ssh", "ext", "tcp", "libssh2", "libssh" };

        for (size_t i = 0; i < VH_ARRAY_SIZE(known); i++)
                if (strcasecmp(known[i], name) == 0)
                        return true;
        return false;
}

int vh_uri_check_local(const VhUri *uri, VhError **err)
{
        if (uri->transport && !is_transport(uri->transport))
                return vh_error_set(
                        err, VIR_FROM_REMOTE, VIR_ERR_INVALID_ARG,
                        "remote_open: transport in URL not recognised (should be tls|unix|ssh|ext|tcp|libssh2|libssh)");
        if (uri->transport)
                return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_NO_CONNECT, "%s", uri->text);
        if (uri->server)
                return vh_error_set(err, VIR_FROM_REMOTE, VIR_ERR_NO_CONNECT,
                                    "%s: a daemon connects to no other host, the client has to", uri->text);
        return 0;
}

char *vh_uri_query(const VhUri *uri, const char *key)
{
        size_t n = strlen(key);

        for (const char *p = uri->query; p && *p; p += strcspn(p, "&;"), p += *p != '\0')
                if (strncmp(p, key, n) == 0 && p[n] == '=') {
                        _vh_free_ char *raw = vh_xstrndup(p + n + 1, strcspn(p + n + 1, "&;"));
                        char *text = xmlURIUnescapeString(raw, 0, NULL);
                        char *copy = vh_xstrdup(text);

                        xmlFree(text);
                        return copy;
                }
        return NULL;
}

VhUri *vh_uri_free(VhUri *uri)
{
        if (!uri)
                return NULL;
        free(uri->text);
        free(uri->scheme);
        free(uri->transport);
        free(uri->user);
        free(uri->server);
        free(uri->path);
        free(uri->query);
        free(uri);
        return NULL;
}

int vh_uri_check_path(const VhUriPathRule *rule, const char *path, VhError **err)
{
        const char *mode = rule->privileged || !rule->session_ok ? "system" : "session";

        if (*path == '/' && strcmp(path + 1, mode) == 0)
                return 0;
        if (rule->privileged && rule->root_session && strcmp(path, "/session") == 0)
                return 0;
        if (rule->bare_ok && (strcmp(path, "/") == 0 || !*path))
                return 0;
        return vh_error_set(err, rule->domain, VIR_ERR_INTERNAL_ERROR, "unexpected %s URI path '%s', try %s:///%s",
                            rule->scheme, path, rule->scheme, mode);
}
