/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The address of a device that is passed through to a guest: what it was is kept in a file in the reference's form, for
 * whoever takes the device back. */

#include <errno.h>
#include <jansson.h>
#include <stdio.h>

#include "base/file.h"
#include "base/log.h"
#include "host-net.h"

VH_LOG_SOURCE("qemu.net");

enum { FILE_MODE = 0600 };

static int save(const QemuHostNet *h, const uint8_t mac[VH_MAC_LEN])
{
        char text[VH_MAC_TEXT_LEN + 1];
        _vh_free_ char *json = vh_xasprintf("{\n  \"mac\": \"%s\"\n}\n", vh_mac_text(mac, text));

        return vh_file_write(h->saved_mac, json, strlen(json), FILE_MODE, (uid_t)VH_FILE_SAME_OWNER,
                             (gid_t)VH_FILE_SAME_OWNER, VH_FILE_NO_SYNC);
}

int qemu_lower_mac_give(const QemuHostNet *h, VhError **err)
{
        const VhNet *net = h->net;
        const VhLinkChange change = { .mac = net->mac };
        VhLink lower;
        int r = vh_link_get(net->source_dev, &lower);

        if (r == 0)
                r = save(h, lower.mac);
        if (r == 0)
                r = vh_link_change(net->source_dev, &change);
        return r < 0 ? vh_error_sys(err, VIR_FROM_NONE, r, "Cannot set interface MAC on '%s'", net->source_dev) : 0;
}

static bool load(const QemuHostNet *h, uint8_t mac[VH_MAC_LEN])
{
        json_t *saved = json_load_file(h->saved_mac, 0, NULL);
        const char *text = json_string_value(json_object_get(saved, "mac"));
        bool ok = text && sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx", &mac[0], &mac[1], &mac[2], &mac[3],
                                 &mac[4], &mac[5]) == VH_MAC_LEN;

        json_decref(saved);
        return ok;
}

void qemu_lower_mac_restore(const QemuHostNet *h)
{
        uint8_t mac[VH_MAC_LEN];
        const VhLinkChange change = { .mac = mac };
        int r = load(h, mac) ? vh_link_change(h->net->source_dev, &change) : 0;

        if (r < 0)
                vh_log_warning("cannot give '%s' its address back: %s", h->net->source_dev, strerror(-r));
        (void)unlink(h->saved_mac);
}
