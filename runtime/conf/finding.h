/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is wrong with an input file, with its place: readers and checkers collect findings so that one run shows all. */

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

typedef enum VhSeverity {
        VH_SEVERITY_WARNING,
        VH_SEVERITY_ERROR,
} VhSeverity;

typedef struct VhFinding {
        struct VhFinding *next;
        VhSeverity severity;
        const char *code; /* stable word for scripts, "conf-syntax"; static */
        const char *file;
        unsigned line;       /* from 1; 0: no place in the file */
        unsigned column;     /* from 1, in bytes */
        unsigned width;      /* bytes that are meant, at least 1 */
        const char *path;    /* "$.daemons.virtqemud", or NULL */
        const char *origin;  /* "host.yaml:12:5": the value of a profile that the place comes from, or NULL */
        const char *message; /* one sentence without a dot */
        const char *hint;    /* what to do, or NULL */
} VhFinding;

/* All zero is a valid empty list. */
typedef struct VhFindings {
        VhFinding *first;
        VhFinding *last;
        unsigned errors;
        unsigned warnings;
        VhArena arena; /* owns everything */
} VhFindings;

/* Findings of one file are at most this many: a binary file must not flood the terminal. */
enum { VH_FINDINGS_MAX = 100 };

/* Adds one; strings are copied besides code. Beyond VH_FINDINGS_MAX only counted: NULL is returned. */
VhFinding *vh_findings_add(VhFindings *f, VhSeverity severity, const char *code, const char *file, unsigned line,
                           unsigned column, const char *fmt, ...) _vh_printf_(7, 8);
/* Sets the hint of a finding; nothing happens for NULL. */
void vh_finding_hint(VhFindings *f, VhFinding *finding, const char *fmt, ...) _vh_printf_(3, 4);
/* Orders by file and place (the order of adding is kept for equal places). */
void vh_findings_sort(VhFindings *f);
/* Makes the first error an error object, "FILE:LINE:COL: message", with the number of further ones. Returns -EINVAL. */
int vh_findings_to_error(const VhFindings *f, VhError **err);
void vh_findings_done(VhFindings *f);

#define _vh_findings_ _vh_cleanup_(vh_findings_done)

/* The best candidate for a mistyped word, or NULL when none is near. next() returns candidate i or NULL at the end. */
typedef const char *(*VhCandidateFn)(const void *userdata, size_t i);
const char *vh_did_you_mean(const char *word, VhCandidateFn next, const void *userdata);
