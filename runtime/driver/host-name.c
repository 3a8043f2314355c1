/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The name of the machine. */

#include "driver/host.h"

#include <errno.h>
#include <limits.h>
#include <netdb.h>

int vh_host_name(VhHost *host, char **name, VhError **err)
{
        struct addrinfo hints = { .ai_flags = AI_CANONNAME, .ai_family = AF_UNSPEC }, *info = NULL;
        char own[HOST_NAME_MAX + 1];

        if (gethostname(own, sizeof(own)) < 0)
                return vh_error_sys(err, VIR_FROM_NONE, errno, "failed to determine host name");
        own[sizeof(own) - 1] = '\0';
        /* A name with a domain needs no resolver, and what the resolver makes of localhost is no use to anybody. */
        if (!strchr(own, '.') && !vh_startswith(own, "localhost"))
                (void)getaddrinfo(own, NULL, &hints, &info);
        *name = vh_xstrdup(info && info->ai_canonname && !vh_startswith(info->ai_canonname, "localhost")
                                   ? info->ai_canonname
                                   : own);
        if (info)
                freeaddrinfo(info);
        return 0;
}
