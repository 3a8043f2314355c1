/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a guest's AppArmor profile lets its QEMU open beside what all guests need: one rule a file of its definition, in
 * the form of libvirt 9.0.0. */

#include "base/buf.h"
#include "base/error.h"
#include "model/domain.h"

/* Appends the rules of a definition. A file of the system that no guest may have (/etc, /usr/bin, ...) is refused.
 * Returns 0 or negative errno with *err. */
int vh_aa_rules(const VhDomainDef *def, VhBuf *out, VhError **err);

/* Appends the rule of one file. perms: "r", "rw", "rwk", ... as in profiles; what is read only gets a rule that keeps
 * attempts to write to it out of the log. "/{,**}" at its end stands for all below a folder. A path that is not
 * absolute gets none. The same returns. */
int vh_aa_rule(const char *path, const char *perms, VhBuf *out, VhError **err);
