/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What snapshots and checkpoints of the test driver share. */

#include "driver/moment-ops.h"
#include "testdriver/test.h"

extern const VhMomentDriver test_moments;

/* Reads the snapshots of a domain in a host's file: node is a <domainsnapshot>. */
int test_snapshot_load(VhDomainObj *dom, const char *xml, VhError **err);
