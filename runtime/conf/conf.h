/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The .conf files of daemons and drivers: reader, typed look-up, checks against a description, writer.
 *
 * A daemon's way:
 *
 *     vh_conf_open(&conf, desc, path, must_exist, session, &findings, &err)    reads, checks, attaches defaults
 *     vh_conf_get_uint(conf, "max_clients", &max_clients, &err)               value of the file, else the default
 *
 * The grammar is that of libvirt 9.0.0. Where that library takes numbers over 64 bits modulo 2^64, this one refuses. */

#include "base/error.h"
#include "conf/desc.h"
#include "conf/finding.h"

typedef enum VhConfKind {
        VH_CONF_UINT, /* digits, perhaps with a + */
        VH_CONF_INT,  /* digits with a -, also -0 */
        VH_CONF_STRING,
        VH_CONF_LIST,
} VhConfKind;

typedef struct VhConfValue {
        VhConfKind kind;
        unsigned line, column; /* of its first byte, from 1 */
        unsigned width;        /* bytes on that line */
        union {
                uint64_t u;
                int64_t i;
                const char *str; /* cut at the first NUL byte, as the daemons always did */
                struct {
                        struct VhConfValue *items;
                        size_t n;
                } list;
        };
} VhConfValue;

typedef struct VhConfEntry {
        struct VhConfEntry *next; /* in file order */
        const char *name;
        unsigned line, column; /* of the name */
        VhConfValue value;
        bool shadowed; /* an earlier assignment of the same key wins */
} VhConfEntry;

typedef struct VhConf VhConf;

enum {
        VH_CONF_SIZE_MAX = 10 * 1024 * 1024, /* bytes of a file; the limit of libvirt */
        VH_CONF_DEPTH_MAX = 64,              /* nesting of lists; no key takes any, this only bounds the stack */
};

/* Parses len bytes; name stands for the file in messages. All mistakes go to findings (may be NULL); err gets the
 * first. Returns 0 or -EINVAL (-EFBIG over the size limit). */
int vh_conf_parse(VhConf **ret, const char *name, const char *data, size_t len, VhFindings *findings, VhError **err);

/* Reads and parses a file. -ENOENT for a missing one (err is set too: the caller decides whether that is an error). */
int vh_conf_load(VhConf **ret, const char *path, VhFindings *findings, VhError **err);

typedef enum VhConfOpenFlags {
        VH_CONF_MUST_EXIST = 1 << 0, /* a missing file is an error: it was named with --config */
        VH_CONF_SESSION = 1 << 1,    /* defaults of session mode */
        VH_CONF_LENIENT = 1 << 2,    /* an unreadable file counts as empty, as for most driver files */
} VhConfOpenFlags;

/* vh_conf_load(), vh_conf_check() and vh_conf_use_defaults() in one. Unknown keys, repeated and obsolete keys are
 * warnings in findings and no failure. Returns 0 or a negative errno with err. */
int vh_conf_open(VhConf **ret, const VhConfDesc *desc, const char *path, VhConfOpenFlags flags, VhFindings *findings,
                 VhError **err);

/* Frees; accepts NULL, returns NULL. */
VhConf *vh_conf_free(VhConf *conf);
VH_DEFINE_CLEANUP(VhConf *, vh_conf_free)
#define _vh_conf_ _vh_cleanup_(vh_conf_freep)

/* Compares every key with the description: type, range, enumeration, format. Wrong values are errors, keys that are
 * unknown, obsolete or repeated are warnings. Returns the number of errors. */
unsigned vh_conf_check(const VhConf *conf, const VhConfDesc *desc, VhFindings *findings);

/* From now on look-ups of keys that the file leaves out find the description's default. */
void vh_conf_use_defaults(VhConf *conf, const VhConfDesc *desc, bool session);

const VhConfEntry *vh_conf_first(const VhConf *conf);
/* The assignment that counts, or NULL. Defaults are not seen here. */
const VhConfEntry *vh_conf_find(const VhConf *conf, const char *key);
const char *vh_conf_name(const VhConf *conf);
/* Do both mean the same? Places do not matter, kinds do: -0 is not 0. */
bool vh_conf_value_equal(const VhConfValue *a, const VhConfValue *b);

/* Typed look-up: 1 = *value set (from the file or a default), 0 = absent, *value is left alone; -EINVAL wrong type and
 * -ERANGE out of range, with err "FILE:LINE:COL: …". Strings belong to conf. */
int vh_conf_get_bool(const VhConf *conf, const char *key, bool *value, VhError **err);
int vh_conf_get_int(const VhConf *conf, const char *key, int *value, VhError **err);
int vh_conf_get_uint(const VhConf *conf, const char *key, unsigned *value, VhError **err);
int vh_conf_get_u64(const VhConf *conf, const char *key, uint64_t *value, VhError **err);
int vh_conf_get_string(const VhConf *conf, const char *key, const char **value, VhError **err);
/* *list is a NULL-terminated array owned by conf, *n (may be NULL) its length. An empty list is 1 with *n = 0. */
int vh_conf_get_strings(const VhConf *conf, const char *key, const char *const **list, size_t *n, VhError **err);
/* As above, and a plain string counts as a list of one. */
int vh_conf_get_string_or_list(const VhConf *conf, const char *key, const char *const **list, size_t *n, VhError **err);

/* Octal digits in a string, as the *_perms keys are: 0 to 07777. */
int vh_conf_get_mode(const VhConf *conf, const char *key, unsigned *value, VhError **err);

/* Writer: the subset that every reader takes. Each adds "key = value\n"; -EINVAL when a string holds a quote, a line
 * break or NUL, which the format cannot carry. Nothing is added then. */
int vh_conf_write_string(VhBuf *b, const char *key, const char *value);
int vh_conf_write_strings(VhBuf *b, const char *key, const char *const *list, size_t n);
void vh_conf_write_uint(VhBuf *b, const char *key, uint64_t value);
void vh_conf_write_int(VhBuf *b, const char *key, int64_t value);
