/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What snapshots and checkpoints of the test driver share. */

#include "model/moment.h"
#include "testdriver/test.h"

typedef struct TestSnapshot {
        VhSnapshotDef *def;
        VhDomainDef *dom; /* as it was */
} TestSnapshot;

typedef struct TestCheckpoint {
        VhCheckpointDef *def;
        VhDomainDef *dom;
} TestCheckpoint;

/* How a kind's moments are filtered. */
typedef struct TestMomentKind {
        VhListFilter filter;
        uint32_t (*facts)(const VhMoment *m);
} TestMomentKind;

/* Flags of both kinds have the same numbers: 1 is "roots only" for a domain and "all descendants" for a moment. */
enum { TEST_MOMENTS_ROOTS = 1 << 0 };

/* The moments of a list, or those below one, that pass the filter; memory of the call. */
VhMoment **test_moments(VhCall *call, const VhMomentList *list, const TestMomentKind *kind, const VhMoment *below,
                        uint32_t flags, uint32_t *n);
/* A domain as it is written inside a moment; the caller frees it. */
char *test_moment_domain_xml(const VhDomainDef *dom, unsigned flags);
/* A moment whose metadata a client or a file hands back must have a name. word: "snapshot" or "checkpoint". */
int test_moment_check_name(const char *name, const char *word, int domain, VhError **err);
/* And what it goes back to must be the domain itself. */
int test_moment_check_domain(const VhDomainObj *dom, const VhDomainDef *def, const char *name, const char *word,
                             int domain, VhError **err);
void test_snapshots_init(VhDomainObj *dom);
void test_checkpoints_init(VhDomainObj *dom);
/* Reads the snapshots of a domain in a host's file: node is a <domainsnapshot>. */
int test_snapshot_load(VhDomainObj *dom, const char *xml, VhError **err);
