/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The error object: made where a fact is known, wrapped on the way up. */

#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

static const struct {
        int code;
        int errnum;
} errno_by_code[] = {
        { VIR_ERR_NO_MEMORY, ENOMEM },
        { VIR_ERR_NO_SUPPORT, EOPNOTSUPP },
        { VIR_ERR_CONFIG_UNSUPPORTED, EOPNOTSUPP },
        { VIR_ERR_OPERATION_UNSUPPORTED, EOPNOTSUPP },
        { VIR_ERR_NO_DOMAIN, ENOENT },
        { VIR_ERR_NO_NETWORK, ENOENT },
        { VIR_ERR_OPERATION_DENIED, EPERM },
        { VIR_ERR_ACCESS_DENIED, EACCES },
        { VIR_ERR_AUTH_FAILED, EACCES },
        { VIR_ERR_INTERNAL_ERROR, EIO },
};

static int errno_of_code(int code)
{
        for (size_t i = 0; i < VH_ARRAY_SIZE(errno_by_code); i++)
                if (errno_by_code[i].code == code)
                        return -errno_by_code[i].errnum;
        return -EINVAL;
}

/* The finished text. Templates are fixed data with at most one %s, so this is a splice, not a format string. */
static char *finish_message(int code, const char *detail)
{
        const char *template = vh_error_template(code, detail != NULL);
        const char *hole;

        if (!template)
                return vh_xstrdup(detail ? detail : "");
        hole = detail ? strstr(template, "%s") : NULL;
        if (!hole)
                return vh_xstrdup(template);
        return vh_xasprintf("%.*s%s%s", (int)(hole - template), template, detail, hole + 2);
}

static void store(VhError **err, int domain, int code, char *detail)
{
        VhError *e = vh_new(VhError, 1);

        e->domain = domain;
        e->code = code;
        e->detail = detail;
        e->message = finish_message(code, detail);
        e->int1 = -1;
        e->int2 = -1;
        vh_error_free(*err);
        *err = e;
}

_vh_printf_(1, 0) static char *format(const char *fmt, va_list ap)
{
        char *s = NULL;

        if (vasprintf(&s, fmt, ap) < 0)
                abort();
        return s;
}

int vh_error_set(VhError **err, int domain, int code, const char *fmt, ...)
{
        if (err) {
                char *detail = NULL;

                if (fmt) {
                        va_list ap;

                        va_start(ap, fmt);
                        detail = format(fmt, ap);
                        va_end(ap);
                }
                store(err, domain, code, detail);
        }
        return errno_of_code(code);
}

int vh_error_sys(VhError **err, int domain, int errnum, const char *fmt, ...)
{
        errnum = abs(errnum);
        if (err) {
                _vh_free_ char *what = NULL;
                va_list ap;

                va_start(ap, fmt);
                what = format(fmt, ap);
                va_end(ap);
                store(err, domain, VIR_ERR_SYSTEM_ERROR, vh_xasprintf("%s: %s", what, strerror(errnum)));
                (*err)->int1 = errnum;
        }
        return -errnum;
}

int vh_error_plain(VhError **err, int domain, int code, const char *fmt, ...)
{
        if (err) {
                va_list ap;

                store(err, domain, code, NULL);
                free((*err)->message);
                va_start(ap, fmt);
                (*err)->message = format(fmt, ap);
                va_end(ap);
        }
        return errno_of_code(code);
}

void vh_error_prefix(VhError **err, const char *fmt, ...)
{
        _vh_free_ char *context = NULL;
        char *detail;
        VhError *e;
        va_list ap;

        if (!err || !*err)
                return;
        e = *err;
        va_start(ap, fmt);
        context = format(fmt, ap);
        va_end(ap);
        detail = vh_xasprintf("%s: %s", context, e->detail ? e->detail : e->message);
        free(e->detail);
        free(e->message);
        e->detail = detail;
        e->message = finish_message(e->code, detail);
}

const char *vh_error_text(const VhError *err, int r)
{
        return err ? err->message : strerror(abs(r));
}

VhError *vh_error_copy(const VhError *err)
{
        VhError *e;

        if (!err)
                return NULL;
        e = vh_new(VhError, 1);
        *e = *err;
        e->message = vh_xstrdup(err->message);
        e->detail = vh_xstrdup(err->detail);
        return e;
}

VhError *vh_error_free(VhError *err)
{
        if (err) {
                free(err->message);
                free(err->detail);
                free(err);
        }
        return NULL;
}

void vh_error_clear(VhError **err)
{
        *err = vh_error_free(*err);
}
