/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What must be in QEMU before an image can be opened: secrets, and credentials of encrypted connections. */

#include "command-parts.h"

enum { PROTOCOL_NBD = 1, PROTOCOL_RBD = 2 };

char *qemu_image_secret(const VhDiskSource *src, QemuImageSecret use)
{
        static const char *const suffixes[] = {
                [QEMU_IMAGE_AUTH] = "storage-auth",
                [QEMU_IMAGE_COOKIES] = "storage-httpcookie",
                [QEMU_IMAGE_ENCRYPTION] = "format-encryption",
        };

        return vh_xasprintf("libvirt-%u-%s-secret0", src->index.val, suffixes[use]);
}

/* Older tools write these two into the disk. */
const VhStorageEncryption *qemu_encryption_of(const VhDisk *disk, const VhDiskSource *src)
{
        const VhStorageEncryption *e = src->type == VH_DISK_TYPE_NETWORK ? src->network->encryption : src->encryption;

        return e ? e : disk && src == &disk->src ? disk->encryption : NULL;
}

const VhStorageAuth *qemu_auth_of(const VhDisk *disk, const VhDiskSource *src)
{
        const VhStorageAuth *auth = src->type == VH_DISK_TYPE_NETWORK ? src->network->auth : src->auth;

        return auth ? auth : disk && src == &disk->src ? disk->auth : NULL;
}

bool qemu_is_rbd(const VhDiskSource *src)
{
        return src->type == VH_DISK_TYPE_NETWORK && src->network->protocol == PROTOCOL_RBD;
}

bool qemu_image_wants_tls(const QemuLaunch *launch, const VhDiskSource *src)
{
        if (src->type != VH_DISK_TYPE_NETWORK || src->network->protocol != PROTOCOL_NBD || src->network->tls == VH_NO)
                return false;
        return src->network->tls == VH_YES || qemu_tls_settings(launch->conf, QEMU_TLS_NBD).wanted;
}

char *qemu_image_tls(const VhDiskSource *src)
{
        _vh_free_ char *node = qemu_storage_node(src);

        return qemu_tls_alias(node);
}

int qemu_use_secret(const QemuBuild *b, const char *id, json_t **list)
{
        json_t *secret = json_object_get(b->launch->secrets, id);

        if (!secret)
                return qemu_unsupported(b, "an image that needs secret '%s' cannot be opened by this operation", id);
        if (!*list)
                *list = json_array();
        json_array_append(*list, secret);
        return 0;
}

int qemu_use_tls(const QemuBuild *b, const QemuTls *tls, const char *tls_id, const char *secret_of, bool server,
                 json_t **list)
{
        _vh_free_ char *secret = tls->secret ? qemu_secret_alias(secret_of) : NULL;
        int r = secret ? qemu_use_secret(b, secret, list) : 0;

        if (!*list)
                *list = json_array();
        if (r == 0)
                json_array_append_new(*list, qemu_tls_object(tls, tls_id, server, secret));
        return r;
}

static int use_image_secret(const QemuBuild *b, const VhDiskSource *src, QemuImageSecret use, bool needed,
                            json_t **list)
{
        _vh_free_ char *id = needed ? qemu_image_secret(src, use) : NULL;

        return id ? qemu_use_secret(b, id, list) : 0;
}

static int use_image_tls(const QemuBuild *b, const VhDiskSource *src, json_t **list)
{
        const QemuTls tls = qemu_tls_settings(b->launch->conf, QEMU_TLS_NBD);
        _vh_free_ char *id = qemu_image_tls(src);

        return qemu_image_wants_tls(b->launch, src) ? qemu_use_tls(b, &tls, id, id, false, list) : 0;
}

int qemu_use_image(const QemuBuild *b, const VhDisk *disk, const VhDiskSource *src, json_t **list)
{
        bool cookies = src->type == VH_DISK_TYPE_NETWORK && src->network->cookies.n;
        const VhStorageEncryption *e = qemu_encryption_of(disk, src);
        int r = use_image_secret(b, src, QEMU_IMAGE_AUTH, qemu_auth_of(disk, src) && disk, list);

        r = r < 0 ? r : use_image_secret(b, src, QEMU_IMAGE_COOKIES, cookies, list);
        r = r < 0 ? r : use_image_secret(b, src, QEMU_IMAGE_ENCRYPTION, e && e->secrets.n, list);
        return r < 0 ? r : use_image_tls(b, src, list);
}
