/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Are the files that a TLS server needs there, and do they fit together? Looked at as the daemons and QEMU do when they
 * start, without starting them. */

#include "apply/tree.h"
#include "conf/finding.h"

typedef enum VhPkiFile {
        VH_PKI_KEY,
        VH_PKI_CERTIFICATE,
        VH_PKI_AUTHORITIES,
        VH_PKI_REVOKED, /* only looked for */
        VH_PKI_FILES,
} VhPkiFile;

typedef struct VhPki {
        const char *paths[VH_PKI_FILES]; /* with or without the slash in front; NULL: not wanted */
        bool unchecked;                  /* the daemon starts with certificates that do not fit, too */
} VhPki;

/* The options that name the files, and where they lie if those say nothing (NULL: then it needs not be there); by
 * VhPkiFile. */
extern const struct VhPkiOption {
        const char *option, *usual;
} vh_pki_options[VH_PKI_FILES];

typedef struct VhPkiProblem {
        VhPkiFile file;
        VhSeverity severity; /* an error: nobody can be served */
        const char *code;    /* "host-no-certificate", "host-certificate-time", ... */
        const char *text;    /* only valid during the call */
        const char *hint;    /* or NULL */
} VhPkiProblem;

typedef void (*VhPkiFn)(void *data, const VhPkiProblem *problem);

/* Calls found() for each problem. Links are followed, inside the root. What may not be read (a key that is root's) is
 * not judged; without libgnutls only presence is. */
void vh_pki_check(const VhTree *tree, const VhPki *pki, VhPkiFn found, void *data);
