/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* TLS to the target's daemon. libgnutls is loaded when a URI asks for it: few do, and each daemon would carry it. */

#include "migrate-tls.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "api.h"
#include "base/dynlib.h"
#include "base/file.h"

enum {
        GREETING_SECONDS = 30, /* that each step of the greeting may take */
        MS_PER_SEC = 1000,
        BUFFER = 16 * 1024, /* a record of TLS */
        ACCEPTED = 1,       /* the byte by which a daemon says that it takes our certificate */
};

#define GNUTLS_FUNCTIONS(X)                                                                                            \
        X(gnutls_bye)                                                                                                  \
        X(gnutls_certificate_allocate_credentials)                                                                     \
        X(gnutls_certificate_free_credentials)                                                                         \
        X(gnutls_certificate_set_x509_crl_file)                                                                        \
        X(gnutls_certificate_set_x509_key_file)                                                                        \
        X(gnutls_certificate_set_x509_trust_file)                                                                      \
        X(gnutls_certificate_verification_status_print)                                                                \
        X(gnutls_certificate_verify_peers3)                                                                            \
        X(gnutls_credentials_set)                                                                                      \
        X(gnutls_deinit)                                                                                               \
        X(gnutls_error_is_fatal)                                                                                       \
        X(gnutls_free)                                                                                                 \
        X(gnutls_handshake)                                                                                            \
        X(gnutls_handshake_set_timeout)                                                                                \
        X(gnutls_init)                                                                                                 \
        X(gnutls_priority_set_direct)                                                                                  \
        X(gnutls_record_recv)                                                                                          \
        X(gnutls_record_send)                                                                                          \
        X(gnutls_server_name_set)                                                                                      \
        X(gnutls_set_default_priority)                                                                                 \
        X(gnutls_strerror)                                                                                             \
        X(gnutls_transport_set_int2)

typedef struct Gnutls {
        void *handle;
        GNUTLS_FUNCTIONS(VH_DYNLIB_MEMBER)
} Gnutls;

/* What one side has sent and the other has not taken yet. */
typedef struct Buffer {
        uint8_t bytes[BUFFER];
        size_t pos, len;
} Buffer;

struct QemuTlsLink {
        VhLoop *loop;
        char *host, *pki_path, *priority;
        bool no_verify;
        bool privileged;
        QemuTlsDone done; /* NULL: nobody waits any more */
        void *data;
        bool busy; /* on a worker */
        VhError *err;
        Gnutls t;
        gnutls_certificate_credentials_t credentials;
        gnutls_session_t session;
        int far;   /* encrypted */
        int plain; /* our end of the plain pair */
        VhSource *far_source, *plain_source;
        Buffer out, in;
};

/* ---- the library ---- */

static int load(Gnutls *t, VhError **err)
{
        if (VH_DYNLIB_LOAD(t, "libgnutls.so.30", GNUTLS_FUNCTIONS) == 0)
                return 0;
        return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_OPERATION_UNSUPPORTED, "TLS connections need libgnutls: %s",
                            dlerror());
}

static int check(const QemuTlsLink *link, int r, const char *what, VhError **err)
{
        return r >= 0 ? 0
                      : vh_error_set(err, VIR_FROM_RPC, VIR_ERR_SYSTEM_ERROR, "%s: %s", what,
                                     link->t.gnutls_strerror(r));
}

/* ---- certificates ---- */

typedef enum Piece { PIECE_CA, PIECE_CRL, PIECE_CERT, PIECE_KEY, PIECE_MAX } Piece;

/* Where a piece is: below a folder of the URI or of a user, and on the host. */
static const struct {
        const char *name, *place;
} pieces[PIECE_MAX] = {
        [PIECE_CA] = { "cacert.pem", "/etc/pki/CA/cacert.pem" },
        [PIECE_CRL] = { "cacrl.pem", "/etc/pki/CA/cacrl.pem" },
        [PIECE_CERT] = { "clientcert.pem", "/etc/pki/libvirt/clientcert.pem" },
        [PIECE_KEY] = { "clientkey.pem", "/etc/pki/libvirt/private/clientkey.pem" },
};

/* A user's own where one has any of them. */
static char *user_folder(void)
{
        const char *home = getenv("HOME");
        char *folder = home ? vh_xasprintf("%s/.pki/libvirt", home) : NULL;

        for (Piece i = 0; folder && i < PIECE_MAX; i++) {
                _vh_free_ char *path = vh_path_join(folder, pieces[i].name);

                if (access(path, R_OK) == 0)
                        return folder;
        }
        free(folder);
        return NULL;
}

static void find_pieces(const QemuTlsLink *link, char *paths[PIECE_MAX])
{
        _vh_free_ char *own = link->pki_path || link->privileged ? NULL : user_folder();
        const char *folder = link->pki_path ? link->pki_path : own;

        for (Piece i = 0; i < PIECE_MAX; i++)
                paths[i] = folder ? vh_path_join(folder, pieces[i].name) : vh_xstrdup(pieces[i].place);
}

static int read_pieces(QemuTlsLink *link, char *const paths[PIECE_MAX], VhError **err)
{
        const Gnutls *t = &link->t;
        bool own = access(paths[PIECE_CERT], R_OK) == 0 && access(paths[PIECE_KEY], R_OK) == 0;
        int r;

        if (access(paths[PIECE_CA], R_OK) < 0)
                return vh_error_sys(err, VIR_FROM_RPC, errno, "Cannot read CA certificate '%s'", paths[PIECE_CA]);
        r = t->gnutls_certificate_set_x509_trust_file(link->credentials, paths[PIECE_CA], GNUTLS_X509_FMT_PEM);
        r = check(link, r, "cannot use the CA certificate", err);
        if (r == 0 && access(paths[PIECE_CRL], R_OK) == 0)
                r = check(link,
                          t->gnutls_certificate_set_x509_crl_file(link->credentials, paths[PIECE_CRL],
                                                                  GNUTLS_X509_FMT_PEM),
                          "cannot use the list of revoked certificates", err);
        if (r == 0 && own)
                r = check(link,
                          t->gnutls_certificate_set_x509_key_file(link->credentials, paths[PIECE_CERT],
                                                                  paths[PIECE_KEY], GNUTLS_X509_FMT_PEM),
                          "cannot use the client's certificate and key", err);
        return r;
}

static int load_certificates(QemuTlsLink *link, VhError **err)
{
        char *paths[PIECE_MAX];
        int r = check(link, link->t.gnutls_certificate_allocate_credentials(&link->credentials), "cannot prepare TLS",
                      err);

        find_pieces(link, paths);
        r = r < 0 ? r : read_pieces(link, paths, err);
        for (Piece i = 0; i < PIECE_MAX; i++)
                free(paths[i]);
        return r;
}

/* ---- the greeting, on a worker ---- */

static int make_session(QemuTlsLink *link, VhError **err)
{
        const Gnutls *t = &link->t;
        int r = t->gnutls_init(&link->session, GNUTLS_CLIENT);

        if (r >= 0)
                r = link->priority ? t->gnutls_priority_set_direct(link->session, link->priority, NULL)
                                   : t->gnutls_set_default_priority(link->session);
        if (r >= 0)
                r = t->gnutls_credentials_set(link->session, GNUTLS_CRD_CERTIFICATE, link->credentials);
        if (r < 0)
                return check(link, r, "cannot prepare TLS", err);
        (void)t->gnutls_server_name_set(link->session, GNUTLS_NAME_DNS, link->host, strlen(link->host));
        t->gnutls_transport_set_int2(link->session, link->far, link->far);
        t->gnutls_handshake_set_timeout(link->session, GREETING_SECONDS * MS_PER_SEC);
        return 0;
}

static int refuse(const char *why, VhError **err)
{
        return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_AUTH_FAILED, "Failed to verify peer's certificate: %s", why);
}

static int verify(const QemuTlsLink *link, VhError **err)
{
        const Gnutls *t = &link->t;
        unsigned status = 0;
        gnutls_datum_t text = { 0 };
        int r = t->gnutls_certificate_verify_peers3(link->session, link->host, &status);

        if (r >= 0 && !status)
                return 0;
        if (r < 0)
                return refuse(t->gnutls_strerror(r), err);
        (void)t->gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0);
        r = refuse(text.data ? (const char *)text.data : "", err);
        (*t->gnutls_free)(text.data);
        return r;
}

/* The daemon hangs up instead if it does not like our certificate. */
static int wait_accepted(const QemuTlsLink *link, VhError **err)
{
        uint8_t byte = 0;
        ssize_t n;

        do
                n = link->t.gnutls_record_recv(link->session, &byte, sizeof(byte));
        while (n == GNUTLS_E_INTERRUPTED || (n < 0 && !link->t.gnutls_error_is_fatal((int)n) && n != GNUTLS_E_AGAIN));
        if (n == sizeof(byte) && byte == ACCEPTED)
                return 0;
        if (n < 0)
                return vh_error_sys(err, VIR_FROM_RPC, EIO, "Unable to read TLS confirmation");
        return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_AUTH_FAILED,
                            "server verification (of our certificate or IP address) failed");
}

static int shake_hands(const QemuTlsLink *link, VhError **err)
{
        int r;

        do
                r = link->t.gnutls_handshake(link->session);
        while (r < 0 && !link->t.gnutls_error_is_fatal(r));
        return r < 0 ? vh_error_set(err, VIR_FROM_RPC, VIR_ERR_AUTH_FAILED, "TLS handshake failed %s",
                                    link->t.gnutls_strerror(r))
                     : 0;
}

static int greet(void *data)
{
        const struct timeval patience = { .tv_sec = GREETING_SECONDS };
        QemuTlsLink *link = data;
        int r;

        (void)setsockopt(link->far, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        (void)setsockopt(link->far, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
        r = load(&link->t, &link->err);
        r = r < 0 ? r : load_certificates(link, &link->err);
        r = r < 0 ? r : make_session(link, &link->err);
        r = r < 0 ? r : shake_hands(link, &link->err);
        if (r == 0 && !link->no_verify)
                r = verify(link, &link->err);
        return r < 0 ? r : wait_accepted(link, &link->err);
}

/* ---- afterwards, on the loop ---- */

static void hang_up(QemuTlsLink *link)
{
        link->far_source = vh_source_free(link->far_source);
        link->plain_source = vh_source_free(link->plain_source);
        if (link->plain >= 0)
                close(VH_TAKE_FD(link->plain));
        if (link->far >= 0)
                close(VH_TAKE_FD(link->far));
}

/* One step of a direction: 1 went on, 0 has to wait, negative: it is over. */
static int far_result(const QemuTlsLink *link, ssize_t n)
{
        if (n > 0)
                return 1;
        return n == 0 || link->t.gnutls_error_is_fatal((int)n) ? -ECONNRESET : 0;
}

static int plain_result(ssize_t n)
{
        if (n > 0)
                return 1;
        return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -ECONNRESET;
}

static int send_out(QemuTlsLink *link)
{
        Buffer *b = &link->out;
        ssize_t n;

        if (!b->len) {
                n = read(link->plain, b->bytes, sizeof(b->bytes));
                if (n > 0)
                        b->len = (size_t)n;
                return plain_result(n);
        }
        n = link->t.gnutls_record_send(link->session, b->bytes + b->pos, b->len - b->pos);
        if (n > 0 && (b->pos += (size_t)n) == b->len)
                b->pos = b->len = 0;
        return far_result(link, n);
}

static int take_in(QemuTlsLink *link)
{
        Buffer *b = &link->in;
        ssize_t n;

        if (!b->len) {
                n = link->t.gnutls_record_recv(link->session, b->bytes, sizeof(b->bytes));
                if (n > 0)
                        b->len = (size_t)n;
                return far_result(link, n);
        }
        n = send(link->plain, b->bytes + b->pos, b->len - b->pos, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0 && (b->pos += (size_t)n) == b->len)
                b->pos = b->len = 0;
        return plain_result(n);
}

static int run(QemuTlsLink *link, int (*step)(QemuTlsLink *link))
{
        enum { STEPS = 64 }; /* others have their turn then */
        int r = 1;

        for (int i = 0; r > 0 && i < STEPS; i++)
                r = step(link);
        return r;
}

static void ready(void *data, uint32_t revents)
{
        QemuTlsLink *link = data;
        int out = run(link, send_out), in = run(link, take_in);

        if (out < 0 || in < 0) {
                (void)link->t.gnutls_bye(link->session, GNUTLS_SHUT_WR);
                hang_up(link);
                return;
        }
        /* What is decrypted already wakes nobody up: more steps are taken when the plain side can be written to. */
        vh_source_set_events(link->far_source, (in > 0 || link->in.len ? 0 : EPOLLIN) | (link->out.len ? EPOLLOUT : 0));
        vh_source_set_events(link->plain_source,
                             (link->out.len ? 0 : EPOLLIN) | (in > 0 || link->in.len ? EPOLLOUT : 0));
}

/* The plain socket for who uses the link, or negative errno. */
static int start(QemuTlsLink *link)
{
        int fds[2];

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
                return vh_error_sys(&link->err, VIR_FROM_RPC, errno, "cannot use the TLS connection");
        link->plain = fds[0];
        (void)fcntl(link->plain, F_SETFL, O_NONBLOCK);
        (void)fcntl(link->far, F_SETFL, O_NONBLOCK);
        link->far_source = vh_loop_add_io(link->loop, link->far, EPOLLIN, ready, link);
        link->plain_source = vh_loop_add_io(link->loop, link->plain, EPOLLIN, ready, link);
        return fds[1];
}

/* ---- its life ---- */

static void link_free(QemuTlsLink *link)
{
        hang_up(link);
        if (link->session)
                link->t.gnutls_deinit(link->session);
        if (link->credentials)
                link->t.gnutls_certificate_free_credentials(link->credentials);
        vh_dynlib_unload(&link->t.handle);
        vh_error_free(link->err);
        free(link->host);
        free(link->pki_path);
        free(link->priority);
        free(link);
}

static void greeted(void *data, int r)
{
        QemuTlsLink *link = data;
        QemuTlsDone done = link->done;

        link->busy = false;
        if (!done) {
                link_free(link);
                return;
        }
        r = r < 0 ? r : start(link);
        done(link->data, r, VH_TAKE_PTR(link->err));
}

QemuTlsLink *qemu_tls_open(QemuDriver *driver, const QemuTlsTo *to, int fd, QemuTlsDone done, void *data)
{
        QemuTlsLink *link = vh_new(QemuTlsLink, 1);

        link->loop = driver->env.loop;
        link->host = vh_xstrdup(to->host);
        link->pki_path = vh_xstrdup(to->pki_path);
        link->priority = vh_xstrdup(to->priority);
        link->no_verify = to->no_verify;
        link->privileged = driver->env.privileged;
        link->done = done;
        link->data = data;
        link->far = fd;
        link->plain = -1;
        link->busy = true;
        vh_pool_submit(driver->pool, greet, greeted, link);
        return link;
}

QemuTlsLink *qemu_tls_free(QemuTlsLink *link)
{
        if (!link)
                return NULL;
        link->done = NULL;
        if (link->busy)
                (void)shutdown(link->far, SHUT_RDWR); /* the worker ends soon */
        else
                link_free(link);
        return NULL;
}
