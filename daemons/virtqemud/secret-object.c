/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* AES-256 in CBC mode, as QEMU's secret objects want it. libgnutls is loaded when there is a secret: few guests have
 * one, and each daemon would carry it. */

#include "secret-object.h"

#include <dlfcn.h>
#include <errno.h>
#include <gnutls/crypto.h>
#include <sys/random.h>

#include "base/base64.h"
#include "base/dynlib.h"

enum { BLOCK_LEN = 16 };

#define GNUTLS_FUNCTIONS(X)                                                                                            \
        X(gnutls_cipher_init)                                                                                          \
        X(gnutls_cipher_encrypt)                                                                                       \
        X(gnutls_cipher_deinit)

typedef struct Gnutls {
        void *handle;
        GNUTLS_FUNCTIONS(VH_DYNLIB_MEMBER)
} Gnutls;

static int load(Gnutls *t, VhError **err)
{
        if (VH_DYNLIB_LOAD(t, "libgnutls.so.30", GNUTLS_FUNCTIONS) == 0)
                return 0;
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                            "secrets cannot be given to QEMU without libgnutls: %s", dlerror());
}

/* bytes: a whole number of blocks, in place. */
static int encrypt(const uint8_t *key, uint8_t *iv, void *bytes, size_t n, VhError **err)
{
        gnutls_datum_t key_datum = { .data = (unsigned char *)(uintptr_t)key, .size = QEMU_MASTER_KEY_LEN };
        gnutls_datum_t iv_datum = { .data = iv, .size = BLOCK_LEN };
        gnutls_cipher_hd_t cipher;
        Gnutls t = { 0 };
        int r = load(&t, err);

        if (r < 0)
                return r;
        r = t.gnutls_cipher_init(&cipher, GNUTLS_CIPHER_AES_256_CBC, &key_datum, &iv_datum);
        if (r == 0) {
                r = t.gnutls_cipher_encrypt(cipher, bytes, n);
                t.gnutls_cipher_deinit(cipher);
        }
        vh_dynlib_unload(&t.handle);
        return r < 0 ? vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR, "cannot encrypt a secret: error %d", r)
                     : 0;
}

static void take_string(json_t *o, const char *key, char *text)
{
        json_object_set_new(o, key, json_string(text));
        free(text);
}

static json_t *describe(const char *id, const uint8_t *bytes, size_t n, const uint8_t *iv)
{
        json_t *o = json_object();

        json_object_set_new(o, "qom-type", json_string("secret"));
        json_object_set_new(o, "id", json_string(id));
        take_string(o, "data", vh_base64_encode(bytes, n));
        json_object_set_new(o, "keyid", json_string("masterKey0"));
        take_string(o, "iv", vh_base64_encode(iv, BLOCK_LEN));
        json_object_set_new(o, "format", json_string("base64"));
        return o;
}

int qemu_secret_seal(const uint8_t key[QEMU_MASTER_KEY_LEN], const void *value, size_t n, const char *id,
                     json_t **object, VhError **err)
{
        /* The last block is filled with the number of bytes that fill it. */
        size_t fill = BLOCK_LEN - n % BLOCK_LEN, whole = n + fill;
        uint8_t *bytes = vh_new(uint8_t, whole), iv[BLOCK_LEN], iv_sent[BLOCK_LEN];
        int r = 0;

        memcpy(bytes, value, n);
        memset(bytes + n, (int)fill, fill);
        if (getrandom(iv, sizeof(iv), 0) != sizeof(iv))
                r = vh_error_sys(err, VIR_FROM_QEMU, EIO, "failed to generate random bytes");
        memcpy(iv_sent, iv, sizeof(iv));
        r = r < 0 ? r : encrypt(key, iv, bytes, whole, err);
        if (r == 0)
                *object = describe(id, bytes, whole, iv_sent);
        explicit_bzero(bytes, whole);
        free(bytes);
        return r;
}
