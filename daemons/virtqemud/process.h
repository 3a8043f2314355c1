/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A guest that runs: its QEMU process, from before exec to after its end. */

#include "caps.h"
#include "cpu/cpu.h"
#include "job.h"
#include "launch.h"
#include "qemu.h"
#include "qmp.h"

/* What goes on with a run besides its jobs. */
typedef struct QemuStarting QemuStarting; /* start.c */
typedef struct QemuStepWalk QemuStepWalk; /* run-steps.h */

/* One of a guest's processors, as QEMU has it. */
typedef struct QemuVcpu {
        pid_t tid;      /* 0: not there */
        bool plugged;   /* it joined later, and may leave */
        unsigned order; /* in which they came: 1, 2, ... */
} QemuVcpu;

/* Of a running (or starting) domain: qemu_domain_priv(dom)->proc. Belongs to the domain; gone when it is inactive. */
struct QemuProcess {
        QemuDriver *driver;
        VhDomainObj *dom;
        pid_t pid; /* 0: not started yet */
        int pidfd;
        VhSource *exit_watch;
        VhSource *kill_timer; /* while we stop it */
        VhSource *lost_timer; /* while it lives on without its monitor */
        QemuMonitor *mon;     /* NULL before it is connected */
        bool mon_ready;       /* it greeted */
        void (*on_ready)(struct QemuProcess *proc);
        QemuCaps *caps;  /* a reference */
        char *caps_text; /* <qemuCaps> of the status file that the guest came with; NULL: we started it */
        char *lib_dir;   /* see QemuLaunch */
        char *channel_dir;
        char *ram_dir; /* of the files that back its memory */
        char *monitor_path;
        char *pid_path;
        char *log_path;
        char *master_key;
        off_t log_start;           /* where this run's output starts in the log */
        const VhConn *autodestroy; /* whose end is the guest's end; NULL: nobody's */
        QemuStarting *starting;    /* the start that has not succeeded yet; NULL: it runs */
        bool arrives;              /* it starts with memory from elsewhere */
        bool forgotten;            /* it goes on without us: its status file stays as it is */
        bool killing;              /* we are stopping it */
        bool comes_back;           /* another run follows at once: a transient domain stays for it */
        bool fake_reboot;          /* the next power-off is a reboot */
        bool gave_shutdown;        /* QEMU told that the guest shut down */
        struct QemuAgent *agent;   /* agent-link.h; NULL: the guest's end of its channel is closed */
        bool agent_failed;         /* it said what cannot be understood */
        int stop_reason;           /* VIR_DOMAIN_SHUTOFF_*: of the stop that goes on */
        int stop_detail;           /* VIR_DOMAIN_EVENT_STOPPED_* */
        int cont_reason;           /* VIR_DOMAIN_RUNNING_* of the next RESUME; 0: unpaused */
        int pause_reason;          /* VIR_DOMAIN_PAUSED_* of the next STOP; 0: user */
        /* Follows QEMU's migration, which saving and restoring are too; NULL: nobody. */
        void (*migration)(void *data, const char *status);
        void *migration_data;
        /* Follows its dump of memory; NULL: nobody. */
        void (*dumped)(void *data, json_t *event);
        void *dump_data;
        unsigned last_node;                  /* highest number of an image's node name */
        bool stdio_logd;                     /* virtlogd has what its character devices write */
        unsigned n_fdsets;                   /* sets of descriptors that it was given */
        struct QemuPeripherals *peripherals; /* NULL: not asked for yet */
        struct QemuChange *unplugs;          /* who waits for a device to go; hotplug-detach.c */
        struct QemuBlockTask *job_waits;     /* who waits for the end of a job of QEMU's; block-task.h */
        struct QemuBlockJob *block_jobs;     /* block-job.h */
        struct QemuBackup *backup;           /* backup.h; NULL: none goes on */
        struct QemuMigration *moving;        /* migrate.h; NULL: it stays here */
        int left_phase;                      /* QemuMigratePhase in which an earlier daemon left it */
        bool left_incoming;                  /* as the target of a migration */
        VhCpu *cpu_wanted;                   /* where QEMU gave another than the definition says; NULL: it did not */
        uint32_t left_flags;                 /* VIR_MIGRATE_* of its call */
        json_t *left_params;                 /* of QEMU before it; NULL: not changed */
        QemuVcpu *vcpus;                     /* by id */
        size_t n_vcpus;
        struct QemuIdentity *identity;        /* isolation.h; NULL: that of the daemon, or started by another daemon */
        char *confinement;                    /* what the child becomes: a label of security.h; NULL: nothing */
        struct QemuConfining *confining;      /* apparmor.c; runs of its helper, in their order */
        bool owns_files;                      /* given to its account by this daemon's start */
        struct QemuLocks *locks;              /* guest-locks.h; NULL: not asked for yet */
        struct QemuHelper *helpers;           /* helpers.h */
        struct QemuHostWork *volumes;         /* that are looked up again; NULL: none is */
        struct QemuHostWork *work;            /* that goes on for the run; NULL: none does. guest-host.h */
        QemuLaunch *launch;                   /* of the start, while its work goes on */
        bool host_made;                       /* by this start, what it needs of the host */
        struct QemuCgroup *group;             /* group.h; NULL: none */
        struct QemuGroupEnd *group_end;       /* group.c: it is being removed; NULL: it is not */
        struct QemuMachineCall *machine_call; /* that makes it */
        struct QemuScript *script;            /* script.h; whose end is waited for */
        struct QemuLogWork *log_work;         /* run-log.h; likewise */
        struct QemuDevTree *dev_tree;         /* dev-namespace.h; until the process has it */
        struct QemuPerf *perf;                /* perf.h; NULL: nothing is counted */
        bool namespaced;                      /* it has a /dev of its own */
        struct QemuIothreadTid {
                unsigned id;
                pid_t tid;
        } * iothread_tids;
        size_t n_iothread_tids;
        unsigned taints;     /* bits of QemuTaint; taint.h */
        char **deprecations; /* what is deprecated in it */
        size_t n_deprecations;
        QemuStepWalk *walk;            /* of the hooks, that goes on; NULL: none does */
        struct QemuStopping *stopping; /* the process is gone and what surrounded it is taken down; NULL: not yet */
};
typedef struct QemuProcess QemuProcess;

/* ID-NAME, see short-name.h; borrowed. */
const char *qemu_process_short_name(const QemuProcess *proc);

/* The process of a domain, NULL if it does not run. process.c */
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
        const VhCall *call;   /* with AUTODESTROY: whose client's end is the guest's */
        const char *incoming; /* see QemuLaunch */
        const char *loadvm;   /* see QemuLaunch */
        const VhCpu *cpu;     /* that the guest had where its memory comes from; NULL: as the definition says */
        bool from_snapshot;   /* why it is paused then */
        int started_detail;   /* VIR_DOMAIN_EVENT_STARTED_*, reason of the state follows */
        int running_reason;   /* VIR_DOMAIN_RUNNING_* */
        /* Called once: r = 0 when the guest is there, else everything is undone (the domain is inactive). */
        void (*done)(void *data, int r, const VhError *err);
        void *data;
} QemuStart;

/* Starts a domain that does not run; the caller has its job. start is copied. */
void qemu_process_start(const QemuStart *start);

/* Fails a start that has not succeeded yet, because the process or its monitor is gone. start.c */
void qemu_start_failed(QemuProcess *proc, int r, const VhError *err);

typedef enum QemuKill {
        QEMU_KILL_GRACEFUL, /* SIGTERM only */
        QEMU_KILL_FORCE,    /* SIGTERM, after a while SIGKILL */
        QEMU_KILL_NOW,      /* SIGKILL */
} QemuKill;
/* Makes the process end; what then happens to the domain has these reasons (VIR_DOMAIN_SHUTOFF_*,
 * VIR_DOMAIN_EVENT_STOPPED_*). Returns at once; the caller may watch dom->id. */
void qemu_process_kill(QemuProcess *proc, QemuKill how, int reason, int detail);
/* Whether the guest runs on another host, or may: it has left, or has not arrived. */
bool qemu_process_is_elsewhere(const QemuProcess *proc);

/* After the process is gone: takes down what surrounds it, which may last beyond this call, then frees everything of
 * the run, sets the state, sends the event, and removes a transient domain. */
void qemu_process_stopped(VhDomainObj *dom, int reason, int detail);
/* The same; then() (may be NULL) is called at the end of all, unless the daemon stops before. */
void qemu_process_stopped_then(VhDomainObj *dom, int reason, int detail, void (*then)(void *data), void *data);

/* Forgets a process that goes on without us: the daemon stops. */
void qemu_process_forget(VhDomainObj *dom);

/* Makes the process object of a domain that is about to run, with its paths; id must be set. */
QemuProcess *qemu_process_new(QemuDriver *driver, VhDomainObj *dom);
/* pid is the domain's process: watches for its end. Returns 0 or negative errno (-ESRCH: it is gone already). */
int qemu_process_watch(QemuProcess *proc, pid_t pid);
/* A non-blocking connection to a socket of the guest's QEMU; negative errno. */
int qemu_unix_connect(const QemuProcess *proc, const char *path);
/* Takes the connection fd over as the monitor. ready() is called once commands can be sent. */
void qemu_process_use_monitor(QemuProcess *proc, int fd, void (*ready)(QemuProcess *proc));

/* A QMP event that part of the driver follows; args may be NULL. The process object may not be freed inside. */
typedef struct QemuEventRow {
        const char *name;
        void (*handle)(QemuProcess *proc, json_t *args);
} QemuEventRow;

typedef void (*QemuValuesDone)(void *data, int r, const VhError *err);
/* Tells a QEMU that just came up what its command line could not: passwords, limits, links, the balloon. done() is
 * called at once or later; not if the process goes meanwhile. incoming: the guest's memory comes from elsewhere.
 * start-values.c */
void qemu_start_values(QemuProcess *proc, bool incoming, QemuValuesDone done, void *data);
/* Plugs in the processors that the definition has hotpluggable and on; before anything else, because a saved machine
 * needs them to come in. done() as above. start-vcpus.c */
void qemu_start_vcpus(QemuProcess *proc, QemuValuesDone done, void *data);

/* The folders of a run, its key for secrets, and the socket of its monitor, which listens from now on (launch gets it).
 * What was made when a later step fails goes with the run. start-files.c */
int qemu_start_make_files(QemuProcess *proc, QemuLaunch *launch, VhError **err);
/* A folder that only its owner and group see; those above it are open to all. */
int qemu_start_make_dir(const char *path, VhError **err);

/* Words of VhChr.target_state: whether the guest has the channel open. */
enum { QEMU_CHANNEL_CONNECTED = 1, QEMU_CHANNEL_DISCONNECTED = 2 };
/* Connects to the guest's agent if its end of the channel is open, and lets go of it if not: to be called after each
 * change of the channel's state. agent.c */
void qemu_agent_follow(QemuProcess *proc);
/* Lets go of the agent of a guest that ended; what it was asked fails. */
void qemu_agent_stop(QemuProcess *proc);

/* Ends those that wait for devices of a domain that stopped. hotplug-detach.c */
void qemu_unplugs_stop(QemuProcess *proc);

/* QMP events; monitor-events.c, which lists the tables of rows */
void qemu_process_event(QemuProcess *proc, const char *name, json_t *args, uint64_t seconds, unsigned micros);
/* Tells clients that follow monitor events. */
void qemu_process_tell(QemuProcess *proc, int event, int detail);

/* Takes out of a definition what was made for one run: ports, addresses, sockets in its own folder. process.c */
void qemu_drop_run(const QemuDriver *driver, VhDomainDef *def);

/* Removes a folder of ours with all that is in it. process.c */
void qemu_remove_tree(const char *path);

/* The status file in RUN/qemu: to be called after each change of what it holds. Failure is logged. status.c */
void qemu_status_save(VhDomainObj *dom);
/* The same; failure is an error. */
int qemu_status_write(VhDomainObj *dom, VhError **err);
/* The same with the definition that is about to become true: what it has more may be inside QEMU or not. */
void qemu_status_save_as(VhDomainObj *dom, const VhDomainDef *def);
void qemu_status_remove(const VhDomainObj *dom);

/* Gives displays the ports that the definition leaves open. ports.c */
int qemu_ports_assign(QemuDriver *driver, VhDomainDef *def, VhError **err);

/* Call points of a run for what surrounds a guest: isolation, locks, networks, scripts (runs.c lists them). Those that
 * return int may return VH_LATER and then end their turn with qemu_run_step_done() (run-steps.h), but child. */
typedef struct QemuRunHooks {
        const char *name;
        /* What other daemons have to say of def (dom->def), which may change, before anything is decided from it. */
        int (*resolve)(QemuProcess *proc, VhError **err);
        /* On the loop, before the command line is made; may change def (dom->def) and launch. */
        int (*prepare)(QemuProcess *proc, QemuLaunch *launch, VhError **err);
        /* As child, but before anybody hears of the process: what ends with it, should the daemon die next. Descriptors
         * that it opens stay open in QEMU. */
        int (*tie)(QemuProcess *proc);
        /* In the child between fork and exec: only what is safe there. Returns 0 or negative errno, which the start
         * reports together with name. */
        int (*child)(QemuProcess *proc);
        /* The process is there and waits before exec: pid is known (cgroup, limits). */
        int (*forked)(QemuProcess *proc, VhError **err);
        /* The monitor answers, vCPUs do not run yet. */
        int (*started)(QemuProcess *proc, VhError **err);
        /* The process is gone, nothing is taken down yet. */
        int (*ended)(QemuProcess *proc, VhError **err);
        /* The process is gone (also after a failed start that came beyond prepare). */
        void (*stopped)(QemuProcess *proc);
        /* All is taken down, but for the folders and the status of the run. */
        int (*released)(QemuProcess *proc, VhError **err);
        /* The turn that VH_LATER left open will not be waited for: qemu_run_step_done() must not be called any more. */
        void (*cancel)(QemuProcess *proc);
} QemuRunHooks;
/* NULL-terminated; prepare, forked and started in this order, the others in reverse. */
extern const QemuRunHooks *const qemu_run_hooks[];
