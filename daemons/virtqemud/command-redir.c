/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Smartcards and redirected USB devices. */

#include <stdio.h>

#include "command-parts.h"

/* ---- smartcards ---- */

static void certificate_props(const VhSmartcard *card, json_t *o)
{
        qj_str(o, "backend", "certificates");
        for (uint32_t i = 0; i < card->certificates.n; i++) {
                char key[sizeof("cert4294967295")];

                snprintf(key, sizeof(key), "cert%u", i + 1);
                qj_str(o, key, card->certificates.items[i]->value);
        }
        qj_str(o, "db", card->database ? card->database : "/etc/pki/nssdb");
}

static int build_smartcard(QemuBuild *b, const VhSmartcard *card)
{
        enum { HOST = 1, CERTIFICATES, PASSTHROUGH };
        json_t *o;
        int r = card->mode == PASSTHROUGH ? qemu_build_chardev(b, &card->source, card->info.alias) : 0;

        if (r < 0)
                return r;
        o = json_object();
        qj_str(o, "driver", card->mode == PASSTHROUGH ? "ccid-card-passthru" : "ccid-card-emulated");
        if (card->mode == HOST)
                qj_str(o, "backend", "nss-emulated");
        else if (card->mode == CERTIFICATES)
                certificate_props(card, o);
        else
                qj_fmt(o, "chardev", "char%s", card->info.alias);
        qj_str(o, "id", card->info.alias);
        qj_str(o, "bus", "ccid0.0");
        return qemu_build_device(b, o);
}

int qemu_build_smartcards(QemuBuild *b)
{
        int r = 0;

        for (uint32_t i = 0; r == 0 && i < b->def->smartcards.n; i++)
                r = build_smartcard(b, b->def->smartcards.items[i]);
        return r;
}

/* ---- redirected USB devices ---- */

static void add_filter_part(VhBuf *text, VhOptUint value, const char *fmt_width)
{
        if (!value.set)
                vh_buf_adds(text, "-1:");
        else if (fmt_width[0] == '2')
                vh_buf_printf(text, "0x%02X:", value.val);
        else
                vh_buf_printf(text, "0x%04X:", value.val);
}

/* "1.10" is 0x0110. */
static void add_filter_version(VhBuf *text, const char *version)
{
        unsigned major = 0, minor = 0;

        if (version && sscanf(version, "%u.%u", &major, &minor) == 2)
                vh_buf_printf(text, "0x%04X:", major / 10 << 12 | major % 10 << 8 | minor / 10 << 4 | minor % 10);
        else
                vh_buf_adds(text, "-1:");
}

static char *redirect_filter(const VhRedirfilter *filter)
{
        VhBuf text = {};

        for (uint32_t i = 0; i < filter->usbdevs.n; i++) {
                const VhUsbFilter *f = filter->usbdevs.items[i];

                if (i)
                        vh_buf_addc(&text, '|');
                add_filter_part(&text, f->class_, "2");
                add_filter_part(&text, f->vendor, "4");
                add_filter_part(&text, f->product, "4");
                add_filter_version(&text, f->version);
                vh_buf_printf(&text, "%d", f->allow == VH_YES);
        }
        return vh_buf_take(&text);
}

json_t *qemu_redirdev_device(const QemuBuild *b, const VhRedirdev *redirdev)
{
        json_t *o = json_object();

        qj_str(o, "driver", "usb-redir");
        qj_fmt(o, "chardev", "char%s", redirdev->info.alias);
        qj_str(o, "id", redirdev->info.alias);
        if (b->def->redirfilter) {
                _vh_free_ char *filter = redirect_filter(b->def->redirfilter);

                qj_str(o, "filter", filter);
        }
        qj_uint(o, "bootindex", redirdev->info.boot_order);
        return qemu_placed_device(b, &redirdev->info, o);
}

int qemu_build_redirdevs(QemuBuild *b)
{
        for (uint32_t i = 0; i < b->def->redirdevs.n; i++) {
                const VhRedirdev *dev = b->def->redirdevs.items[i];
                int r = qemu_build_chardev(b, &dev->source, dev->info.alias);

                r = r < 0 ? r : qemu_build_device(b, qemu_redirdev_device(b, dev));
                if (r < 0)
                        return r;
        }
        return 0;
}
