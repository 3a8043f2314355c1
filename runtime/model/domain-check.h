/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Conditions that no row of a table can say, as lists of rules: the first one that is broken is the error. The words
 * and codes are those of the reference, which clients know. */

#include "model/domain.h"

typedef struct VhRule {
        bool broken;
        int code;           /* VIR_ERR_* */
        const char *before; /* "BEFORE" value "AFTER" */
        const char *value;  /* NULL: before is all */
        const char *after;  /* NULL: nothing */
} VhRule;

/* Returns 0, or negative errno with *err in that error domain. */
int vh_rules_check(const VhRule *rules, size_t n, int domain, VhError **err);

/* A function's rules in one statement. */
#define VH_CHECK_RULES(domain, err, ...)                                                                               \
        ({                                                                                                             \
                const VhRule _rules[] = { __VA_ARGS__ };                                                               \
                vh_rules_check(_rules, VH_ARRAY_SIZE(_rules), (domain), (err));                                        \
        })

/* One device (domain-check-device.c, domain-check-disk.c, domain-check-net.c). */
/* No two disks have the same target; else VIR_ERR_XML_ERROR with the reference's text. */
int vh_domain_check_targets(const VhDomainDef *def, VhError **err);
int vh_domain_check_device(VhDeviceKind kind, const void *dev, VhError **err);
int vh_domain_check_disk(const VhDisk *disk, VhError **err);
int vh_domain_check_net(const VhNet *net, VhError **err);
int vh_domain_check_chr_source(const VhChrSource *source, VhError **err);

/* The domain itself (domain-check-def.c). */
int vh_domain_check_self(const VhDomainDef *def, VhError **err);

/* Whether any of the options that only virtio devices have is set. */
static inline bool vh_virtio_opts_set(const VhVirtioOpts *o)
{
        return o->iommu || o->ats || o->packed || o->page_per_vq;
}

/* The name of the first one that is set. */
static inline const char *vh_virtio_opts_first(const VhVirtioOpts *o)
{
        return o->iommu ? "iommu driver" : o->ats ? "ats driver" : o->packed ? "packed driver" : "page_per_vq";
}
