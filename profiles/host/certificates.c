/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* libgnutls is loaded when there is a certificate to look at: loading it takes longer than compiling a profile. */

#include "host/certificates.h"

#include <errno.h>
#include <gnutls/x509.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "base/dynlib.h"

enum {
        CHAIN_MAX = 16,   /* certificates of a chain */
        BUNDLE_MAX = 512, /* authorities in a file; distributions' bundles have a third of it */
        KEY_ID_MAX = 64,
        SOON = 14 * 24 * 3600, /* seconds: who renews by hand still has time */
        TEXT_MAX = 1024,       /* of a message: it may end in the middle of a very long path */
};

const struct VhPkiOption vh_pki_options[VH_PKI_FILES] = {
        [VH_PKI_KEY] = { "key_file", "/etc/pki/libvirt/private/serverkey.pem" },
        [VH_PKI_CERTIFICATE] = { "cert_file", "/etc/pki/libvirt/servercert.pem" },
        [VH_PKI_AUTHORITIES] = { "ca_file", "/etc/pki/CA/cacert.pem" },
        [VH_PKI_REVOKED] = { "crl_file", NULL },
};

#define GNUTLS_FUNCTIONS(X)                                                                                            \
        X(gnutls_x509_crt_list_import)                                                                                 \
        X(gnutls_x509_crt_deinit)                                                                                      \
        X(gnutls_x509_crt_get_activation_time)                                                                         \
        X(gnutls_x509_crt_get_expiration_time)                                                                         \
        X(gnutls_x509_crt_get_ca_status)                                                                               \
        X(gnutls_x509_crt_get_key_purpose_oid)                                                                         \
        X(gnutls_x509_crt_get_key_id)                                                                                  \
        X(gnutls_x509_crt_list_verify)                                                                                 \
        X(gnutls_x509_privkey_init)                                                                                    \
        X(gnutls_x509_privkey_deinit)                                                                                  \
        X(gnutls_x509_privkey_import2)                                                                                 \
        X(gnutls_x509_privkey_get_key_id)

typedef struct Gnutls {
        void *handle;
        GNUTLS_FUNCTIONS(VH_DYNLIB_MEMBER)
} Gnutls;

typedef struct Pki {
        const VhPki *pki;
        VhPkiFn found;
        void *data;
        Gnutls tls;
        VhNode nodes[VH_PKI_FILES];
        gnutls_x509_crt_t chain[CHAIN_MAX], authorities[BUNDLE_MAX];
        unsigned n_chain, n_authorities;
} Pki;

static void problem(const Pki *p, VhPkiFile file, VhSeverity severity, const char *code, const char *hint,
                    const char *fmt, ...) _vh_printf_(6, 7);
static void problem(const Pki *p, VhPkiFile file, VhSeverity severity, const char *code, const char *hint,
                    const char *fmt, ...)
{
        char text[TEXT_MAX];
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        p->found(p->data, &(VhPkiProblem){ file, severity, code, text, hint });
}

/* The daemon looks at its own certificate before it starts, unless told not to; clients look in any case. */
static VhSeverity severity(const Pki *p)
{
        return p->pki->unchecked ? VH_SEVERITY_WARNING : VH_SEVERITY_ERROR;
}

/* Presence */

static bool is_open_key(VhPkiFile file, const VhNode *node)
{
        return file == VH_PKI_KEY && node->kind == VH_NODE_FILE && (node->mode & S_IROTH);
}

static void read_files(Pki *p, const VhTree *tree)
{
        for (VhPkiFile i = 0; i < VH_PKI_FILES; i++) {
                const char *path = p->pki->paths[i];
                int r = path ? vh_tree_read_followed(tree, path + (*path == '/'), &p->nodes[i]) : -ENOENT;

                if (r == 0 && p->nodes[i].kind == VH_NODE_NONE)
                        problem(p, i, VH_SEVERITY_ERROR, "host-no-certificate", "put it there first",
                                "TLS is wanted and %s is missing", path);
                else if (r == 0 && p->nodes[i].kind != VH_NODE_FILE)
                        problem(p, i, VH_SEVERITY_ERROR, "host-bad-certificate", NULL, "%s is no file", path);
                else if (is_open_key(i, &p->nodes[i]))
                        problem(p, i, VH_SEVERITY_WARNING, "host-key-open", "chmod o-r",
                                "every user of this host can read the private key %s", path);
        }
}

/* Content */

static gnutls_datum_t datum(const VhNode *node)
{
        return (gnutls_datum_t){ .data = (unsigned char *)node->data, .size = (unsigned)node->len };
}

static unsigned import(const Pki *p, VhPkiFile file, gnutls_x509_crt_t *list, unsigned max)
{
        const gnutls_datum_t text = datum(&p->nodes[file]);
        unsigned n = max;

        if (p->nodes[file].kind != VH_NODE_FILE)
                return 0;
        if (p->tls.gnutls_x509_crt_list_import(list, &n, &text, GNUTLS_X509_FMT_PEM, 0) > 0)
                return n;
        problem(p, file, VH_SEVERITY_ERROR, "host-bad-certificate", NULL, "%s holds no certificate in PEM form",
                p->pki->paths[file]);
        return 0;
}

static void check_time(const Pki *p, VhPkiFile file, gnutls_x509_crt_t certificate)
{
        static const char code[] = "host-certificate-time";
        time_t from = p->tls.gnutls_x509_crt_get_activation_time(certificate);
        time_t until = p->tls.gnutls_x509_crt_get_expiration_time(certificate), now = time(NULL);
        const char *path = p->pki->paths[file];
        char day[16] = "";
        struct tm tm;

        if (gmtime_r(now < from ? &from : &until, &tm))
                strftime(day, sizeof(day), "%F", &tm);
        if (now < from)
                problem(p, file, severity(p), code, "set the clock, or wait", "%s is not valid before %s", path, day);
        else if (now >= until)
                problem(p, file, severity(p), code, "renew it", "%s has expired on %s", path, day);
        else if (until - now < SOON)
                problem(p, file, VH_SEVERITY_WARNING, code, "renew it", "%s expires on %s", path, day);
}

static bool serves(const Pki *p, gnutls_x509_crt_t certificate)
{
        enum { PURPOSES_MAX = 32 };
        char purpose[128];

        for (unsigned i = 0; i < PURPOSES_MAX; i++) {
                size_t size = sizeof(purpose);
                unsigned critical;
                int r = p->tls.gnutls_x509_crt_get_key_purpose_oid(certificate, i, purpose, &size, &critical);

                if (r < 0)
                        return i == 0; /* none named: good for all */
                if (vh_streq(purpose, GNUTLS_KP_TLS_WWW_SERVER) || vh_streq(purpose, GNUTLS_KP_ANY))
                        return true;
        }
        return false;
}

static void check_use(const Pki *p)
{
        static const char code[] = "host-certificate-use";

        if (p->n_chain > 0 && !serves(p, p->chain[0]))
                problem(p, VH_PKI_CERTIFICATE, severity(p), code, NULL, "%s is not meant for servers",
                        p->pki->paths[VH_PKI_CERTIFICATE]);
        if (p->n_chain > 0 && p->tls.gnutls_x509_crt_get_ca_status(p->chain[0], NULL) > 0)
                problem(p, VH_PKI_CERTIFICATE, severity(p), code, NULL, "%s is the certificate of an authority",
                        p->pki->paths[VH_PKI_CERTIFICATE]);
        if (p->n_authorities > 0 && p->tls.gnutls_x509_crt_get_ca_status(p->authorities[0], NULL) == 0)
                problem(p, VH_PKI_AUTHORITIES, severity(p), code, NULL, "%s is not the certificate of an authority",
                        p->pki->paths[VH_PKI_AUTHORITIES]);
}

static void check_signer(const Pki *p)
{
        unsigned status = 0;
        int r;

        if (p->n_chain == 0 || p->n_authorities == 0)
                return;
        r = p->tls.gnutls_x509_crt_list_verify(p->chain, (int)p->n_chain, p->authorities, (int)p->n_authorities, NULL,
                                               0, GNUTLS_VERIFY_DISABLE_TIME_CHECKS, &status);
        if (r == 0 && (status & (GNUTLS_CERT_SIGNER_NOT_FOUND | GNUTLS_CERT_SIGNATURE_FAILURE)))
                problem(p, VH_PKI_CERTIFICATE, severity(p), "host-certificate-signer",
                        "every client that trusts that authority refuses this host", "%s was not signed by %s",
                        p->pki->paths[VH_PKI_CERTIFICATE], p->pki->paths[VH_PKI_AUTHORITIES]);
        else if (r == 0 && (status & GNUTLS_CERT_INSECURE_ALGORITHM))
                problem(p, VH_PKI_CERTIFICATE, severity(p), "host-certificate-signer", "renew it",
                        "%s is signed in a way that is no longer safe", p->pki->paths[VH_PKI_CERTIFICATE]);
}

/* Key and certificate have one public key. */
static void check_key(const Pki *p)
{
        const gnutls_datum_t text = datum(&p->nodes[VH_PKI_KEY]);
        unsigned char key[KEY_ID_MAX], certificate[KEY_ID_MAX];
        size_t a = sizeof(key), b = sizeof(certificate);
        gnutls_x509_privkey_t private;

        if (p->nodes[VH_PKI_KEY].kind != VH_NODE_FILE || p->tls.gnutls_x509_privkey_init(&private) < 0)
                return;
        if (p->tls.gnutls_x509_privkey_import2(private, &text, GNUTLS_X509_FMT_PEM, NULL, 0) < 0)
                problem(p, VH_PKI_KEY, VH_SEVERITY_ERROR, "host-bad-certificate", NULL,
                        "%s holds no private key in PEM form, or one with a password", p->pki->paths[VH_PKI_KEY]);
        else if (p->n_chain > 0 && p->tls.gnutls_x509_privkey_get_key_id(private, 0, key, &a) == 0 &&
                 p->tls.gnutls_x509_crt_get_key_id(p->chain[0], 0, certificate, &b) == 0 &&
                 (a != b || memcmp(key, certificate, a) != 0))
                problem(p, VH_PKI_KEY, VH_SEVERITY_ERROR, "host-certificate-key", NULL, "%s is not the key of %s",
                        p->pki->paths[VH_PKI_KEY], p->pki->paths[VH_PKI_CERTIFICATE]);
        p->tls.gnutls_x509_privkey_deinit(private);
}

static void check_content(Pki *p)
{
        p->n_chain = import(p, VH_PKI_CERTIFICATE, p->chain, CHAIN_MAX);
        p->n_authorities = import(p, VH_PKI_AUTHORITIES, p->authorities, BUNDLE_MAX);
        if (p->n_chain > 0)
                check_time(p, VH_PKI_CERTIFICATE, p->chain[0]);
        if (p->n_authorities > 0)
                check_time(p, VH_PKI_AUTHORITIES, p->authorities[0]);
        check_use(p);
        check_signer(p);
        check_key(p);
        for (unsigned i = 0; i < p->n_chain; i++)
                p->tls.gnutls_x509_crt_deinit(p->chain[i]);
        for (unsigned i = 0; i < p->n_authorities; i++)
                p->tls.gnutls_x509_crt_deinit(p->authorities[i]);
}

void vh_pki_check(const VhTree *tree, const VhPki *pki, VhPkiFn found, void *data)
{
        Pki p = { .pki = pki, .found = found, .data = data };
        bool any = false;

        read_files(&p, tree);
        for (VhPkiFile i = 0; i < VH_PKI_FILES; i++)
                any = any || p.nodes[i].kind == VH_NODE_FILE;
        if (any && VH_DYNLIB_LOAD(&p.tls, "libgnutls.so.30", GNUTLS_FUNCTIONS) == 0)
                check_content(&p);
        vh_dynlib_unload(&p.tls.handle);
        for (VhPkiFile i = 0; i < VH_PKI_FILES; i++)
                vh_node_done(&p.nodes[i]);
}
