/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A guest that runs: its QEMU process, from before exec to after its end. */

#include "caps.h"
#include "job.h"
#include "launch.h"
#include "qemu.h"
#include "qmp.h"

/* Of a running (or starting) domain: qemu_domain_priv(dom)->proc. Belongs to the domain; gone when it is inactive. */
struct QemuProcess {
        QemuDriver *driver;
        VhDomainObj *dom;
        pid_t pid; /* 0: not started yet */
        int pidfd;
        VhSource *exit_watch;
        QemuMonitor *mon; /* NULL before it is connected */
        QemuCaps *caps;
        char *lib_dir; /* see QemuLaunch */
        char *channel_dir;
        char *monitor_path;
        char *pid_path;
        char *master_key;
        int log_fd;           /* where QEMU's stderr goes; -1: none */
        off_t log_start;      /* where this run's output starts in the log */
        VhConn *autodestroy;  /* whose end is the guest's end; NULL: nobody's */
        bool starting;        /* the start has not succeeded yet */
        bool destroying;      /* we are stopping it */
        bool fake_reboot;     /* the next power-off is a reboot */
        bool gave_shutdown;   /* QEMU told that the guest shut down */
        bool agent_connected; /* the guest's end of the agent channel is open */
        int shutoff_reason;   /* VIR_DOMAIN_SHUTOFF_*: of the stop that goes on */
        pid_t *vcpu_tids;
        size_t n_vcpu_tids;
};
typedef struct QemuProcess QemuProcess;

/* The process of a domain, NULL if it does not run. */
QemuProcess *qemu_process(VhDomainObj *dom);
/* Its monitor, NULL while there is none. */
QemuMonitor *qemu_process_monitor(VhDomainObj *dom);

enum {
        QEMU_START_PAUSED = 1 << 0,
        QEMU_START_AUTODESTROY = 1 << 1,
        QEMU_START_RESET_NVRAM = 1 << 2,
};

typedef struct QemuStart {
        QemuDriver *driver;
        VhDomainObj *dom;
        unsigned flags;       /* QEMU_START_* */
        VhConn *conn;         /* with AUTODESTROY */
        const char *incoming; /* see QemuLaunch */
        int *fds;             /* from the client; taken over */
        unsigned n_fds;
        int started_detail; /* VIR_DOMAIN_EVENT_STARTED_*, reason of the state follows */
        int running_reason; /* VIR_DOMAIN_RUNNING_* */
        /* Called once: r = 0 when the guest is there, else everything is undone (the domain is inactive). */
        void (*done)(void *data, int r, const VhError *err);
        void *data;
} QemuStart;

/* Starts a domain that does not run; the caller has its job. start is copied. */
void qemu_process_start(const QemuStart *start);

/* Ends the process at once (SIGKILL) if it is still there, frees everything of the run, sets the state, sends the event
 * and removes a transient domain. reason: VIR_DOMAIN_SHUTOFF_*; detail: VIR_DOMAIN_EVENT_STOPPED_*. */
void qemu_process_stop(VhDomainObj *dom, int reason, int detail);

/* The status file in RUN/qemu: to be called after each change of what it holds. Failure is logged. */
void qemu_status_save(VhDomainObj *dom);

/* Call points of the start for what surrounds a guest: isolation, locks, networks, hooks (runs.c lists them). */
typedef struct QemuRunHooks {
        const char *name;
        /* On the loop, before the command line is made; may change def (dom->def) and launch. */
        int (*prepare)(QemuProcess *proc, QemuLaunch *launch, VhError **err);
        /* In the child between fork and exec: only what is safe there. Returns 0 or negative errno, which the start
         * reports together with name. */
        int (*child)(QemuProcess *proc);
        /* The process is there and waits before exec: pid is known (cgroup, limits). */
        int (*forked)(QemuProcess *proc, VhError **err);
        /* The monitor answers, vCPUs do not run yet. */
        int (*started)(QemuProcess *proc, VhError **err);
        /* The process is gone (also after a failed start that came beyond prepare). */
        void (*stopped)(QemuProcess *proc);
} QemuRunHooks;
/* NULL-terminated; prepare in this order, stopped in reverse. */
extern const QemuRunHooks *const qemu_run_hooks[];
