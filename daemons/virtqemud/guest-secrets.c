/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Secrets as an item of work: the values come from the secret daemon and leave the worker encrypted. */

#include "guest-secrets.h"

#include <errno.h>
#include <sys/random.h>

#include "api.h"
#include "base/file.h"
#include "client_calls.h"
#include "peer.h"
#include "secret-object.h"
#include "settle.h"
#include "tls-objects.h"

typedef struct Wanted {
        char *id; /* in QEMU */
        uint8_t uuid[VH_UUID_LEN];
        char *usage;   /* NULL: by uuid */
        char *literal; /* the value itself: nobody is asked; NULL: the daemon is */
        int type;      /* VIR_SECRET_USAGE_TYPE_* */
        json_t *object;
} Wanted;

typedef struct Secrets {
        QemuHostItem item;
        const VhDriverEnv *env;
        char *key_path; /* NULL: a key of its own */
        Wanted *wanted;
        size_t n;
} Secrets;

static const char *const type_names[] = {
        [VIR_SECRET_USAGE_TYPE_NONE] = "none", [VIR_SECRET_USAGE_TYPE_VOLUME] = "volume",
        [VIR_SECRET_USAGE_TYPE_CEPH] = "ceph", [VIR_SECRET_USAGE_TYPE_ISCSI] = "iscsi",
        [VIR_SECRET_USAGE_TYPE_TLS] = "tls",   [VIR_SECRET_USAGE_TYPE_VTPM] = "vtpm",
};

/* ---- which ---- */

/* id is taken over. */
static Wanted *want(Secrets *s, char *id, int type)
{
        s->wanted = vh_xrealloc(s->wanted, s->n + 1, sizeof(*s->wanted));
        s->wanted[s->n] = (Wanted){ .id = id, .type = type };
        return &s->wanted[s->n++];
}

static void want_ref(Secrets *s, char *id, int type, const VhSecretRef *ref)
{
        Wanted *w = want(s, id, type);

        memcpy(w->uuid, ref->uuid, VH_UUID_LEN);
        w->usage = vh_xstrdup(ref->usage);
}

/* The key of TLS certificates, if it is encrypted. tls_id: of the credentials. */
static void want_tls(Secrets *s, const QemuTls *tls, const char *tls_id)
{
        if (tls->secret)
                (void)vh_uuid_parse(tls->secret, want(s, qemu_secret_alias(tls_id), VIR_SECRET_USAGE_TYPE_TLS)->uuid);
}

/* "name=value; name=value" */
static char *join_cookies(const VhNetworkSource *net)
{
        VhBuf b = { 0 };

        for (uint32_t i = 0; i < net->cookies.n; i++)
                vh_buf_printf(&b, "%s%s=%s", i ? "; " : "", net->cookies.items[i]->name,
                              net->cookies.items[i]->value ? net->cookies.items[i]->value : "");
        return vh_buf_take(&b);
}

static void want_image(Secrets *s, const QemuLaunch *launch, const VhDisk *disk, const VhDiskSource *src)
{
        const VhStorageAuth *auth = qemu_auth_of(disk, src);
        const VhStorageEncryption *encryption = qemu_encryption_of(disk, src);

        if (auth)
                want_ref(s, qemu_image_secret(src, QEMU_IMAGE_AUTH),
                         qemu_is_rbd(src) ? VIR_SECRET_USAGE_TYPE_CEPH : VIR_SECRET_USAGE_TYPE_ISCSI, &auth->secret);
        if (src->type == VH_DISK_TYPE_NETWORK && src->network->cookies.n)
                want(s, qemu_image_secret(src, QEMU_IMAGE_COOKIES), VIR_SECRET_USAGE_TYPE_NONE)->literal =
                        join_cookies(src->network);
        if (encryption && encryption->secrets.n)
                want_ref(s, qemu_image_secret(src, QEMU_IMAGE_ENCRYPTION), VIR_SECRET_USAGE_TYPE_VOLUME,
                         encryption->secrets.items[0]);
        if (qemu_image_wants_tls(launch, src)) {
                const QemuTls tls = qemu_tls_settings(launch->conf, QEMU_TLS_NBD);
                _vh_free_ char *id = qemu_image_tls(src);

                want_tls(s, &tls, id);
        }
}

static void want_disk(Secrets *s, const QemuLaunch *launch, const VhDisk *disk)
{
        if (!qemu_disk_is_empty(disk))
                for (const VhDiskSource *src = &disk->src; src; src = qemu_backing(src))
                        want_image(s, launch, disk, src);
}

static void want_chr(Secrets *s, const QemuLaunch *launch, const VhChrSource *src, const char *alias)
{
        const QemuTls tls = qemu_tls_settings(launch->conf, QEMU_TLS_CHARDEV);
        _vh_free_ char *chardev = vh_xasprintf("char%s", alias);
        bool server;

        if (qemu_chardev_wants_tls(launch, src, &server))
                want_tls(s, &tls, chardev);
}

static void want_graphics(Secrets *s, const QemuLaunch *launch, const VhGraphics *g)
{
        const QemuTls tls = qemu_tls_settings(launch->conf, QEMU_TLS_VNC);

        if (g->type == VH_GRAPHICS_VNC && tls.wanted)
                want_tls(s, &tls, QEMU_VNC_TLS);
}

typedef struct Search {
        Secrets *s;
        const QemuLaunch *launch;
        const VhDomainDef *def;
} Search;

static int want_device(VhDeviceKind kind, void *dev, VhDeviceInfo *info, void *opaque)
{
        const Search *search = opaque;
        const VhChrSource *chr = qemu_chr_source(kind, dev);
        /* The first console may be a serial port under another name. */
        bool twin = kind == VH_DEVICE_CONSOLE && info->alias && vh_startswith(info->alias, "serial");

        if (kind == VH_DEVICE_DISK)
                want_disk(search->s, search->launch, dev);
        else if (kind == VH_DEVICE_GRAPHICS)
                want_graphics(search->s, search->launch, dev);
        else if (kind == VH_DEVICE_HOSTDEV && ((const VhHostdev *)dev)->auth)
                want_ref(search->s, qemu_hostdev_secret(search->def, dev), VIR_SECRET_USAGE_TYPE_ISCSI,
                         &((const VhHostdev *)dev)->auth->secret);
        else if (chr && !twin)
                want_chr(search->s, search->launch, chr, info->alias);
        return 0;
}

/* ---- their values, on a worker ---- */

static int find(VhRemote *remote, const Wanted *w, remote_nonnull_secret *secret, VhArena *arena, VhError **err)
{
        remote_secret_lookup_by_uuid_args by_uuid;
        const remote_secret_lookup_by_usage_args by_usage = { .usageType = w->type, .usageID = w->usage };
        remote_secret_lookup_by_uuid_ret uuid_ret = { 0 };
        remote_secret_lookup_by_usage_ret usage_ret = { 0 };
        int r;

        memcpy(by_uuid.uuid, w->uuid, VH_UUID_LEN);
        r = w->usage ? vh_call_remote_secret_lookup_by_usage(remote, &by_usage, &usage_ret, arena, err)
                     : vh_call_remote_secret_lookup_by_uuid(remote, &by_uuid, &uuid_ret, arena, err);
        *secret = w->usage ? usage_ret.secret : uuid_ret.secret;
        return r;
}

static const char *type_name(int type)
{
        return type >= 0 && (size_t)type < VH_ARRAY_SIZE(type_names) ? type_names[type] : "unknown";
}

static int check_type(const Wanted *w, const remote_nonnull_secret *secret, VhError **err)
{
        char uuid[VH_UUID_TEXT_LEN + 1];

        if (secret->usageType == VIR_SECRET_USAGE_TYPE_NONE || secret->usageType == w->type)
                return 0;
        return vh_error_set(err, VIR_FROM_SECRET, VIR_ERR_INVALID_ARG,
                            "secret with uuid %s is of type '%s' not expected '%s' type",
                            vh_uuid_format(secret->uuid, uuid), type_name(secret->usageType), type_name(w->type));
}

static int get_value(QemuPeers *peers, const Wanted *w, remote_secret_get_value_ret *ret, VhArena *arena, VhError **err)
{
        VhRemote *remote = qemu_peer(peers, VH_KIND_SECRET, err);
        remote_secret_get_value_args args = { 0 };
        int r = remote ? find(remote, w, &args.secret, arena, err) : -ENOTCONN;

        r = r < 0 ? r : check_type(w, &args.secret, err);
        return r < 0 ? r : vh_call_remote_secret_get_value(remote, &args, ret, arena, err);
}

static int seal(QemuPeers *peers, const uint8_t *key, Wanted *w, VhError **err)
{
        _vh_cleanup_(vh_arena_done) VhArena arena = { 0 };
        remote_secret_get_value_ret ret = { 0 };
        int r;

        if (w->literal)
                return qemu_secret_seal(key, w->literal, strlen(w->literal), w->id, &w->object, err);
        r = get_value(peers, w, &ret, &arena, err);
        if (r >= 0)
                r = qemu_secret_seal(key, ret.value.val, ret.value.len, w->id, &w->object, err);
        if (ret.value.len)
                explicit_bzero(ret.value.val, ret.value.len);
        return r;
}

static int read_key(const char *path, uint8_t key[QEMU_MASTER_KEY_LEN], VhError **err)
{
        _vh_free_ char *text = NULL;
        size_t n = 0;
        int r;

        if (!path)
                return getrandom(key, QEMU_MASTER_KEY_LEN, 0) == QEMU_MASTER_KEY_LEN ? 0 : -EIO;
        r = vh_file_read(path, QEMU_MASTER_KEY_LEN, &text, &n);
        if (r == 0 && n != QEMU_MASTER_KEY_LEN)
                r = -EBADMSG;
        if (r < 0)
                return vh_error_sys(err, VIR_FROM_QEMU, r, "failed to read domain master key file '%s'", path);
        memcpy(key, text, QEMU_MASTER_KEY_LEN);
        explicit_bzero(text, n);
        return 0;
}

static int make(QemuHostItem *item, VhError **err)
{
        Secrets *s = (Secrets *)item;
        _vh_cleanup_(qemu_peers_freep) QemuPeers *peers = qemu_peers_new(s->env);
        uint8_t key[QEMU_MASTER_KEY_LEN];
        int r = read_key(s->key_path, key, err);

        for (size_t i = 0; r >= 0 && i < s->n; i++)
                r = seal(peers, key, &s->wanted[i], err);
        explicit_bzero(key, sizeof(key));
        return VH_MIN(r, 0);
}

/* ---- the item ---- */

static void adopt(QemuHostItem *item, QemuProcess *proc, QemuLaunch *launch)
{
        Secrets *s = (Secrets *)item;

        if (!launch->secrets)
                launch->secrets = json_object();
        for (size_t i = 0; i < s->n; i++)
                json_object_set(launch->secrets, s->wanted[i].id, s->wanted[i].object);
}

static void secrets_free(QemuHostItem *item)
{
        Secrets *s = (Secrets *)item;

        for (size_t i = 0; i < s->n; i++) {
                free(s->wanted[i].id);
                free(s->wanted[i].usage);
                free(s->wanted[i].literal);
                json_decref(s->wanted[i].object);
        }
        free(s->wanted);
        free(s->key_path);
        free(s);
}

static const QemuHostItemClass secrets_class = {
        .make = make,
        .adopt = adopt,
        .free = secrets_free,
};

static Secrets *secrets_new(const QemuLaunch *launch)
{
        Secrets *s = vh_new(Secrets, 1);

        s->item.class = &secrets_class;
        s->env = launch->env;
        s->key_path = launch->standalone ? NULL : vh_xstrdup(launch->master_key);
        return s;
}

static void add(Secrets *s, QemuHostWork *work)
{
        if (s->n)
                qemu_host_work_add(work, &s->item);
        else
                secrets_free(&s->item);
}

void qemu_secrets_want(const QemuLaunch *launch, const VhDomainDef *def, QemuHostWork *work)
{
        Search search = { secrets_new(launch), launch, def };

        (void)vh_domain_each_device(def, want_device, &search);
        add(search.s, work);
}

void qemu_device_secrets_want(const QemuLaunch *launch, const VhDomainDef *def, const VhDevice *dev, QemuHostWork *work)
{
        Search search = { secrets_new(launch), launch, def };

        (void)want_device(dev->kind, dev->dev, vh_device_info(dev->kind, dev->dev), &search);
        add(search.s, work);
}

void qemu_image_secrets_want(const QemuLaunch *launch, const VhDiskSource *src, QemuHostWork *work)
{
        Secrets *s = secrets_new(launch);

        for (; src && src->type != VH_DISK_TYPE_NONE; src = src->backing)
                want_image(s, launch, NULL, src);
        add(s, work);
}
