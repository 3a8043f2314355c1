/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Settings of TLS by use, and credentials objects. */

#include "tls-objects.h"

#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "command-parts.h"

#define DEFAULT_DIR "/etc/pki/qemu"

/* Keys of the settings; NULL: there is none. folder: where certificates are if it exists and no key says it. */
static const struct {
        const char *wanted, *dir, *verify, *secret;
        const char *folder;
        bool verifies; /* unless settings say otherwise */
} uses[] = {
        [QEMU_TLS_VNC] = { "vnc_tls", "vnc_tls_x509_cert_dir", "vnc_tls_x509_verify", "vnc_tls_x509_secret_uuid",
                           "/etc/pki/libvirt-vnc", false },
        [QEMU_TLS_SPICE] = { "spice_tls", "spice_tls_x509_cert_dir", NULL, NULL, "/etc/pki/libvirt-spice", false },
        [QEMU_TLS_CHARDEV] = { "chardev_tls", "chardev_tls_x509_cert_dir", "chardev_tls_x509_verify",
                               "chardev_tls_x509_secret_uuid", "/etc/pki/libvirt-chardev", true },
        [QEMU_TLS_MIGRATE] = { NULL, "migrate_tls_x509_cert_dir", "migrate_tls_x509_verify",
                               "migrate_tls_x509_secret_uuid", "/etc/pki/libvirt-migrate", true },
        [QEMU_TLS_BACKUP] = { NULL, "backup_tls_x509_cert_dir", "backup_tls_x509_verify", "backup_tls_x509_secret_uuid",
                              "/etc/pki/libvirt-backup", true },
        [QEMU_TLS_NBD] = { "nbd_tls", "nbd_tls_x509_cert_dir", NULL, "nbd_tls_x509_secret_uuid", "/etc/pki/libvirt-nbd",
                           true },
        [QEMU_TLS_VXHS] = { "vxhs_tls", "vxhs_tls_x509_cert_dir", NULL, "vxhs_tls_x509_secret_uuid",
                            "/etc/pki/libvirt-vxhs", true },
};

static bool find_bool(const VhConf *conf, const char *key, bool *value)
{
        return conf && key && vh_conf_find(conf, key) && vh_conf_get_bool(conf, key, value, NULL) > 0;
}

static const char *find_string(const VhConf *conf, const char *key)
{
        const char *value = NULL;

        if (!conf || !key || !vh_conf_find(conf, key) || vh_conf_get_string(conf, key, &value, NULL) < 1)
                return NULL;
        return value && *value ? value : NULL;
}

QemuTls qemu_tls_settings(const VhConf *conf, QemuTlsUse use)
{
        const char *own = find_string(conf, uses[use].dir), *common = find_string(conf, "default_tls_x509_cert_dir");
        QemuTls tls = { .verify = uses[use].verifies, .dir = own };

        (void)find_bool(conf, uses[use].wanted, &tls.wanted);
        if (uses[use].verify && !find_bool(conf, uses[use].verify, &tls.verify))
                (void)find_bool(conf, "default_tls_x509_verify", &tls.verify);
        if (!tls.dir)
                tls.dir = access(uses[use].folder, F_OK) == 0 ? uses[use].folder : common ? common : DEFAULT_DIR;
        tls.secret = find_string(conf, uses[use].secret);
        if (!tls.secret && !own && uses[use].secret)
                tls.secret = find_string(conf, "default_tls_x509_secret_uuid");
        return tls;
}

char *qemu_tls_alias(const char *alias)
{
        return vh_xasprintf("obj%s_tls0", alias);
}

char *qemu_secret_alias(const char *alias)
{
        return vh_xasprintf("%s-secret0", alias);
}

json_t *qemu_tls_object(const QemuTls *tls, const char *id, bool server, const char *key_secret)
{
        json_t *o = json_object();

        qj_str(o, "qom-type", "tls-creds-x509");
        qj_str(o, "id", id);
        qj_str(o, "dir", tls->dir);
        qj_str(o, "endpoint", server ? "server" : "client");
        json_object_set_new(o, "verify-peer", json_boolean(tls->verify));
        qj_str(o, "passwordid", key_secret);
        return o;
}
