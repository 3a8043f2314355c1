/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Inside of the QEMU driver: the definitions of guests, kept on disk and in memory. */

#include "api.h"
#include "conf/conf.h"
#include "driver/domain-obj.h"
#include "driver/driver.h"
#include "driver/event-hub.h"
#include "driver/flags.h"
#include "driver/host-ops.h"
#include "driver/persist.h"
#include "driver/typedparam.h"
#include "emulator.h"
#include "job.h"
#include "model/domain.h"

enum {
        QEMU_AFFECT = VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG,
        /* What a text takes that is written to disk. */
        QEMU_STORED_XML = VH_XML_SECURE | VH_XML_INACTIVE,
        /* What dumpxml without flags shows of a guest that does not run, and so what is kept ready as text. */
        QEMU_SHOWN_XML = VH_XML_INACTIVE,
        /* Bytes of such texts that are kept at most: a thousand guests, within the memory that an idle daemon may have.
         */
        QEMU_TEXTS_MAX = 4 * 1024 * 1024,
};

typedef struct QemuConsole QemuConsole; /* console.c: one that a client has open */

/* The one instance of the driver. */
typedef struct QemuDriver {
        VhDriverEnv env;
        char *run_dir;  /* RUN/qemu */
        char *save_dir; /* STATE/qemu/save: images of managed save */
        char *lock_path;
        int lock_fd; /* of driver.pid: no second daemon works on the same files */
        VhPersist *persist;
        VhDomainList domains;
        VhEventHub *hub;
        VhHost *host;
        QemuEmulators *emulators;
        VhConf *conf;                     /* qemu.conf; NULL: none could be read */
        VhPool *scripts;                  /* for those of the administrator; NULL: none ran yet */
        VhPool *helper_calls;             /* helper-call.h; NULL: there was none yet */
        VhPool *pool;                     /* for what blocks; NULL without a loop */
        int last_id;                      /* of a running domain */
        unsigned next_vnet, next_macvtap; /* numbers in names of network devices */
        QemuConsole *consoles;
        struct QemuMachines *machines;       /* machine.h; NULL: none was needed yet */
        struct QemuTask *waiters;            /* for domains' ends, task.h */
        size_t texts;                        /* bytes of texts that domains keep */
        const struct QemuSecurity *security; /* security.h; NULL: none is in force */
        struct QemuSelinux *selinux;         /* selinux-host.h; with that kind */
        char *dac_label;                     /* "+UID:+GID" of the guests' account */
        uint8_t uuid[VH_UUID_LEN];
} QemuDriver;

/* The driver's own part of a domain. */
typedef struct QemuDomain {
        /* Why the stored definition must not be written by us: the file holds what our model does not know, and it
         * would be lost. NULL: it may. */
        char *foreign;
        char *text;                     /* the stored definition with QEMU_SHOWN_XML, NULL: not made (yet) */
        struct QemuProcess *proc;       /* process.h; NULL: does not run */
        QemuJobs *jobs;                 /* NULL: none was ever asked for */
        QemuJobs *agent_jobs;           /* the same of those with the guest's agent */
        int agent_timeout;              /* of the agent's commands: seconds, or QEMU_AGENT_* of agent-link.h */
        struct QemuJobStats *completed; /* of the last migration; migrate-stats.h; NULL: none */
        VhDomainDef *arriving;          /* of a migration of the definition alone, until it ends; NULL: none */
        const VhConn *arriving_conn;    /* whose end is that migration's */
        uint64_t migrate_speed;         /* MiB/s for migrations; 0: no limit */
} QemuDomain;

static inline QemuDriver *qemu_driver(const VhCall *call)
{
        return vh_call_conn(call)->state;
}

/* driver.c */
extern const VhDriver vh_driver_qemu;

/* load.c: reads all definitions from disk. With reload, those known already are replaced and nothing is removed. */
int qemu_load(QemuDriver *driver, VhError **err);
QemuDomain *qemu_domain_priv(VhDomainObj *dom);
/* Replaces a domain's stored definition (def is taken over). */
void qemu_set_def(QemuDriver *driver, VhDomainObj *dom, VhDomainDef *def);
/* Forgets the text that a domain keeps; to be called before the domain goes, too. */
void qemu_drop_text(QemuDriver *driver, VhDomainObj *dom);

/* Tells tasks that wait for the domain's end. task.c */
void qemu_waiters_tell(QemuDriver *driver, VhDomainObj *dom);
/* The queue of a domain's jobs. */
QemuJobs *qemu_jobs(QemuDriver *driver, VhDomainObj *dom);
/* The queue of those with its agent. */
QemuJobs *qemu_agent_jobs(QemuDriver *driver, VhDomainObj *dom);

/* The domain of a call; NULL with VIR_ERR_NO_DOMAIN. */
VhDomainObj *qemu_domain(VhCall *call, const remote_nonnull_domain *wire, VhError **err);
/* Refuses a call that needs a running guest. */
int qemu_need_running(VhCall *call, const remote_nonnull_domain *wire, VhError **err);

/* parse.c: how this driver reads domain XML of clients and files. */
int qemu_parse(QemuDriver *driver, const char *xml, unsigned flags, VhDomainDef **def, VhError **err);
const VhDomainParseEnv *qemu_parse_env(QemuDriver *driver, VhDomainParseEnv *env);

/* pin.c: a definition that only counts its I/O threads gets the list that the count stands for: 1, 2, ... */
void qemu_list_iothreads(VhDomainDef *def);

/* edit.c: a change of a domain's stored definition. It is made on a copy, which takes the place of the definition once
 * it is on disk. */
typedef struct QemuEdit {
        QemuDriver *driver;
        VhDomainObj *dom;
        VhDomainDef *def; /* the copy to change */
} QemuEdit;

/* Finds the domain and copies its definition. flags: resolved (AFFECT_CURRENT becomes what applies); what is wanted of
 * a running domain is refused. */
int qemu_edit_begin(QemuEdit *edit, VhCall *call, const remote_nonnull_domain *wire, uint32_t flags, VhError **err);
/* Stores the changed copy. */
int qemu_edit_commit(QemuEdit *edit, VhError **err);
void qemu_edit_done(QemuEdit *edit);
#define _qemu_edit_ _vh_cleanup_(qemu_edit_done)

/* The stored definition for a getter with AFFECT flags; NULL with an error. Other bits of flags must have been checked.
 */
const VhDomainDef *qemu_config(VhCall *call, const remote_nonnull_domain *wire, uint32_t flags, VhError **err);

/* Removes the stored definition, and the domain if it does not run; tells clients unless it is silent. define.c */
int qemu_forget_def(QemuDriver *driver, VhDomainObj *dom, bool silent, VhError **err);

/* Writes def as the stored definition of its name. */
int qemu_store(QemuDriver *driver, const VhDomainDef *def, VhError **err);
