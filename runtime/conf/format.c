/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What strings of certain options must look like: one small test each, and the table that names them. */

#include "base/log-spec.h"
#include "base/uuid.h"
#include "conf/check.h"
#include "conf/conf-priv.h"

#include <arpa/inet.h>
#include <ctype.h>

enum {
        MODE_MAX = 07777,
        PORT_MAX = 65535,
        SERVICE_NAME_MAX = 15, /* RFC 6335 */
        HOST_NAME_MAX_LEN = 253,
        ID_NAME_MAX = 32, /* useradd(8) */
};

static bool all_in(const char *s, const char *set)
{
        return *s && s[strspn(s, set)] == '\0';
}

static bool is_mode(const char *s)
{
        uint64_t mode;

        return all_in(s, "01234567") && vh_parse_u64(s, 8, &mode) == 0 && mode <= MODE_MAX;
}

static bool is_port(const char *s)
{
        unsigned port;

        if (all_in(s, "0123456789"))
                return vh_parse_uint(s, &port) == 0 && port <= PORT_MAX;
        return all_in(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") &&
               strlen(s) <= SERVICE_NAME_MAX;
}

static bool is_address(const char *s)
{
        unsigned char raw[sizeof(struct in6_addr)];

        return inet_pton(AF_INET, s, raw) == 1 || inet_pton(AF_INET6, s, raw) == 1;
}

static bool is_host(const char *s)
{
        if (is_address(s))
                return true;
        return all_in(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._") && *s != '-' &&
               *s != '.' && !all_in(s, "0123456789.") && strlen(s) <= HOST_NAME_MAX_LEN;
}

static bool is_uuid(const char *s)
{
        uint8_t raw[VH_UUID_LEN];

        return vh_uuid_parse(s, raw) == 0;
}

static bool is_id(const char *s)
{
        uint64_t id;

        if (all_in(s + (*s == '+'), "0123456789"))
                return vh_parse_u64(s + (*s == '+'), 10, &id) == 0 && id < UINT32_MAX;
        for (const char *c = s; *c; c++)
                if (!isalnum((unsigned char)*c) && !strchr("_-.@$\\", *c))
                        return false;
        return *s && *s != '-' && strlen(s) <= ID_NAME_MAX;
}

static bool is_path(const char *s)
{
        return *s == '\0' || *s == '/';
}

static bool is_log_filters(const char *s)
{
        VhLogFilters f = { 0 };
        int r = vh_log_filters_parse(&f, s, NULL);

        vh_log_filters_done(&f);
        return r == 0;
}

static bool is_log_outputs(const char *s)
{
        VhLogOutputs o = { 0 };
        int r = vh_log_outputs_parse(&o, s, NULL);

        vh_log_outputs_done(&o);
        return r == 0;
}

static bool is_alias(const char *s)
{
        const char *eq = strchr(s, '=');

        if (!eq || eq == s || eq[1] == '\0')
                return false;
        for (; s < eq; s++)
                if (!isalnum((unsigned char)*s) && *s != '_' && *s != '-')
                        return false;
        return true;
}

static const struct {
        bool (*matches)(const char *s);
        const char *wanted;
} formats[] = {
        [VH_FORMAT_MODE] = { is_mode, "octal digits, at most 7777" },
        [VH_FORMAT_PORT] = { is_port, "a port number from 0 to 65535 or a service name" },
        [VH_FORMAT_ADDRESS] = { is_address, "an IPv4 or IPv6 address" },
        [VH_FORMAT_HOST] = { is_host, "an IPv4 or IPv6 address or a host name" },
        [VH_FORMAT_UUID] = { is_uuid, "a UUID of 32 hexadecimal digits" },
        [VH_FORMAT_ID] = { is_id, "a name, a number, or a number behind +" },
        [VH_FORMAT_PATH] = { is_path, "an absolute path" },
        [VH_FORMAT_LOG_FILTERS] = { is_log_filters, "a list of LEVEL:MATCH with LEVEL from 1 to 4" },
        [VH_FORMAT_LOG_OUTPUTS] = { is_log_outputs, "a list of LEVEL:stderr, LEVEL:journald, LEVEL:syslog:NAME or "
                                                    "LEVEL:file:/PATH with LEVEL from 1 to 4" },
        [VH_FORMAT_ALIAS] = { is_alias, "NAME=URI with a NAME of letters, digits, _ and -" },
};

bool vh_format_matches(VhOptionFormat format, const char *s)
{
        return format == VH_FORMAT_ANY || formats[format].matches(s);
}

const char *vh_format_wanted(VhOptionFormat format)
{
        return format == VH_FORMAT_ANY ? NULL : formats[format].wanted;
}
