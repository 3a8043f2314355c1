/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What another host can send as the cookie of a migration. What is read must be written so that it is read again. */

#include "cookie.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t here[VH_UUID_LEN] = { 1 };

static bool parse(QemuCookie *cookie, const uint8_t *uuid, const void *text, size_t size, unsigned parts)
{
        const QemuCookieFor what = { here, NULL, uuid, parts };
        _vh_error_ VhError *err = NULL;
        int r = qemu_cookie_parse(cookie, &what, text, size, &err);

        if ((r < 0) != !!err)
                abort();
        return r == 0 && cookie->name;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const unsigned phases[] = { QEMU_COOKIE_FOR_PREPARE, QEMU_COOKIE_FOR_PERFORM, QEMU_COOKIE_FOR_FINISH,
                                           QEMU_COOKIE_FOR_CONFIRM };
        /* As in the corpus; bytes that do not name it say nothing new. */
        static const uint8_t uuid[VH_UUID_LEN] = { 0x53, 0x02, 0xfe, 0xab, 0x28, 0x96, 0x42, 0x6c,
                                                   0xb9, 0x95, 0x73, 0x11, 0x04, 0x08, 0x8f, 0xd6 };

        for (size_t i = 0; i < VH_ARRAY_SIZE(phases); i++) {
                QemuCookie cookie, again = { 0 };
                _vh_free_ char *text = NULL;

                if (parse(&cookie, uuid, data, size, phases[i])) {
                        text = qemu_cookie_format(&cookie);
                        /* Features are those that the writer's parts need, which another phase reads. */
                        if (!parse(&again, uuid, text, strlen(text) + 1, ~0U))
                                abort();
                }
                qemu_cookie_done(&again);
                qemu_cookie_done(&cookie);
        }
        return 0;
}
