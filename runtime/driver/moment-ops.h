/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Snapshots and checkpoints for clients: listing, finding and showing them is the same for every driver. */

#include "driver/domain-obj.h"
#include "driver/registry.h"
#include "model/domain.h"
#include "model/moment.h"

typedef struct VhSnapshot {
        VhSnapshotDef *def;
        VhDomainDef *dom;      /* as it was */
        VhDomainDef *inactive; /* its stored definition then, of a guest that ran; NULL: none */
} VhSnapshot;

typedef struct VhCheckpoint {
        VhCheckpointDef *def;
        VhDomainDef *dom;
} VhCheckpoint;

/* Accept NULL, return NULL. */
VhSnapshot *vh_snapshot_obj_free(VhSnapshot *snap);
VhCheckpoint *vh_checkpoint_obj_free(VhCheckpoint *checkpoint);
VH_DEFINE_CLEANUP(VhSnapshot *, vh_snapshot_obj_free)
VH_DEFINE_CLEANUP(VhCheckpoint *, vh_checkpoint_obj_free)
#define _vh_snapshot_obj_   _vh_cleanup_(vh_snapshot_obj_freep)
#define _vh_checkpoint_obj_ _vh_cleanup_(vh_checkpoint_obj_freep)

static inline const VhSnapshot *vh_snapshot_of(const VhMoment *m)
{
        return m->def;
}

static inline const VhCheckpoint *vh_checkpoint_of(const VhMoment *m)
{
        return m->def;
}

/* Whose calls these are. */
typedef struct VhMomentDriver {
        const char *prefix; /* of function names in messages: "qemu" */
        int domain;         /* VIR_FROM_* */
        /* The domain of a handle; NULL with an error. */
        VhDomainObj *(*find)(VhCall *call, const remote_nonnull_domain *wire, VhError **err);
} VhMomentDriver;

/* To be called for each new domain object. */
void vh_moments_init(VhDomainObj *dom);

/* Refuses flags that are not in allowed, naming the driver's function. */
int vh_moment_check_flags(const VhMomentDriver *driver, uint32_t flags, uint32_t allowed, const char *func,
                          VhError **err);
/* The domain of a handle: 0, or negative errno with an error. */
int vh_moment_domain(const VhMomentDriver *driver, VhCall *call, const remote_nonnull_domain *wire, VhDomainObj **ret,
                     VhError **err);
/* A domain as it is written inside a moment; flags are VH_XML_*. The caller frees it. */
char *vh_moment_domain_xml(const VhDomainDef *dom, unsigned flags);
/* A moment whose metadata a client or a file hands back must have a name. word: "snapshot" or "checkpoint". */
int vh_moment_check_name(const char *name, const char *word, int domain, VhError **err);
/* And its parent (NULL: none) one that is there, and not below it. */
int vh_moment_check_parent(const VhMomentList *list, const char *name, const char *parent, VhError **err);
/* And what it goes back to must be the domain itself. */
int vh_moment_check_domain(const VhDomainObj *dom, const VhDomainDef *def, const char *name, const char *word,
                           int domain, VhError **err);

/* ---- snapshots ---- */

int vh_snapshot_lookup(const VhMomentDriver *driver, VhCall *call, const remote_nonnull_domain_snapshot *wire,
                       VhDomainObj **dom, VhMoment **ret, VhError **err);
void vh_snapshot_wire(const VhDomainObj *dom, const VhMoment *m, remote_nonnull_domain_snapshot *wire);
/* Some of it is in files of its own. */
bool vh_snapshot_is_external(const VhSnapshotDef *def);
/* What a client must give when it hands back the metadata of a snapshot, besides its domain. */
int vh_snapshot_check_redefined(const VhDomainObj *dom, const VhSnapshotDef *def, VhError **err);
/* The whole document; flags are VH_XML_*. The caller frees it. */
char *vh_snapshot_text(const VhMoment *m, unsigned flags);

/* ---- checkpoints ---- */

int vh_checkpoint_lookup(const VhMomentDriver *driver, VhCall *call, const remote_nonnull_domain_checkpoint *wire,
                         VhDomainObj **dom, VhMoment **ret, VhError **err);
void vh_checkpoint_wire(const VhDomainObj *dom, const VhMoment *m, remote_nonnull_domain_checkpoint *wire);
/* Every disk of the domain gets an entry; one with a bitmap gets its name. Disks that nobody named get a bitmap only if
 * none was named. */
int vh_checkpoint_align(const VhDomainDef *dom, VhCheckpointDef *def, VhError **err);
int vh_checkpoint_check_redefined(const VhDomainObj *dom, const VhCheckpointDef *def, VhError **err);
/* The document, with the domain if with_domain. */
char *vh_checkpoint_text(const VhMoment *m, const VhCheckpointDef *def, bool with_domain, unsigned flags);

/* ---- calls ---- */

/* Those that every driver answers alike: it defines its own by vh_op_NAME() with its VhMomentDriver. */
#define VH_MOMENT_OPS(X)                                                                                               \
        X(domain_snapshot_get_xml_desc)                                                                                \
        X(domain_snapshot_num)                                                                                         \
        X(domain_snapshot_list_names)                                                                                  \
        X(domain_list_all_snapshots)                                                                                   \
        X(domain_snapshot_num_children)                                                                                \
        X(domain_snapshot_list_children_names)                                                                         \
        X(domain_snapshot_list_all_children)                                                                           \
        X(domain_snapshot_lookup_by_name)                                                                              \
        X(domain_has_current_snapshot)                                                                                 \
        X(domain_snapshot_current)                                                                                     \
        X(domain_snapshot_get_parent)                                                                                  \
        X(domain_snapshot_is_current)                                                                                  \
        X(domain_snapshot_has_metadata)                                                                                \
        X(domain_list_all_checkpoints)                                                                                 \
        X(domain_checkpoint_list_all_children)                                                                         \
        X(domain_checkpoint_lookup_by_name)                                                                            \
        X(domain_checkpoint_get_parent)

#define VH_MOMENT_OP_DECLARE(name)                                                                                     \
        int vh_op_##name(const VhMomentDriver *driver, VhCall *call, const remote_##name##_args *args,                 \
                         remote_##name##_ret *ret, VhError **err);
VH_MOMENT_OPS(VH_MOMENT_OP_DECLARE)
#undef VH_MOMENT_OP_DECLARE
