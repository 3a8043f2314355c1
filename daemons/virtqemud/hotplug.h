/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Changes of a running guest's devices: what QEMU is told for them, step by step, and what takes a step back. */

#include "command-parts.h"
#include "process.h"
#include "task.h"

/* One command, and the one that takes it back if a later one fails (NULL: nothing to do). */
typedef struct QemuStep {
        json_t *cmd, *undo;
        char *job;     /* that the command starts, and whose end is the step's; NULL: none. block-task.c */
        bool optional; /* its failure does not matter */
        int fd;        /* goes with cmd; -1: none */
} QemuStep;

typedef struct QemuPlan {
        QemuStep *steps;
        size_t n;
} QemuPlan;

/* Both commands are taken over. */
void qemu_plan_add(QemuPlan *plan, json_t *cmd, json_t *undo);
/* Hands the descriptors of launch to QEMU under their names (qemu_fd_name()): copies of them. */
void qemu_plan_fds(const QemuLaunch *launch, QemuPlan *plan);
void qemu_plan_done(QemuPlan *plan);
/* Sends all commands of a plan, which is empty then; done() is called at once or later with the first failure, not if
 * the process goes meanwhile. start-values.c */
void qemu_plan_say(QemuProcess *proc, QemuPlan *plan, QemuValuesDone done, void *data);

/* start-values.c: the password of a display and until when it holds; what QEMU does when the guest reboots. */
void qemu_plan_password(QemuPlan *plan, const QemuProcess *proc, const VhGraphics *g);
void qemu_plan_reboot_action(QemuPlan *plan, const VhDomainDef *def);

/* hotplug-plan.c: what makes a device, and what removes what it leaves behind in QEMU once it is gone. The device is
 * complete: address, alias, node names. Returns 0 or negative errno with *b->err. */
bool qemu_plan_can_attach(VhDeviceKind kind); /* else it must not be called for it */
int qemu_plan_attach(const QemuBuild *b, VhDeviceKind kind, const void *dev, QemuPlan *plan);
void qemu_plan_clean(VhDeviceKind kind, const void *dev, QemuPlan *plan);
/* Each of an array of objects (borrowed; NULL: none). */
int qemu_plan_objects(json_t *list, QemuPlan *plan);
/* The images of a disk alone. */
int qemu_plan_images(const QemuBuild *b, const VhDisk *disk, QemuPlan *plan);
void qemu_plan_clean_images(const VhDisk *disk, QemuPlan *plan);
/* The objects that one image needed. disk: NULL for an image without a disk. */
void qemu_plan_clean_objects(const VhDisk *disk, const VhDiskSource *src, QemuPlan *plan);

/* hotplug.c: a call that changes the running guest, its stored definition, or both. */
typedef struct QemuChange QemuChange;
struct QemuChange {
        QemuTask task;
        uint32_t affect;                                          /* resolved */
        uint32_t flags;                                           /* of the call */
        char *xml;                                                /* of the device; owned */
        char *alias;                                              /* the same by name; owned */
        void (*planned)(QemuChange *change, int r, VhError *err); /* qemu_change_resolve() */
        struct QemuHostWork *resolved; /* what other daemons did for the device, before all else; NULL: nothing */
        struct QemuHostWork *work;     /* on the host, before QEMU is told; NULL: none */
        /* The work is done: completes the plan with what it brought. NULL: nothing to do. Returns 0 or negative errno,
         * or VH_LATER: qemu_change_ready() is called then. */
        int (*ready)(QemuChange *change, VhError **err);
        QemuPlan plan;
        size_t next;
        QemuEdit config;    /* the changed stored definition; def NULL: none */
        VhDomainDef *live;  /* a copy of what runs, with the change */
        VhDevice dev;       /* the device, or its new state */
        void *joined;       /* in live: the device that joins */
        size_t controllers; /* steps that made controllers for it, before all others, */
        size_t reached;     /* and how many steps were done when one failed */
        bool replaced;      /* it is an interface that changes, and not only its link */
        bool locked;        /* it is a disk, and locked for the guest */
        bool isolated;      /* the guest may open what the device has, which is not in what runs yet */
        bool layered;       /* it is a disk with a temporary image, which may be there already */
        bool announced;     /* the status file has `live`: whoever comes after us looks whether it came to be */
        VhSource *timer;    /* of a device that the guest has to let go */
        QemuChange *next_unplug;
        bool unplugging;
        void (*gone)(QemuChange *change); /* see qemu_unplug_begin() */
        void (*late)(QemuChange *change);
        /* The live part succeeded: makes it true in dom->def. Returns 0 or negative errno. */
        void (*apply)(QemuChange *change);
        /* What QEMU answered to a step (NULL: nothing to do). */
        void (*told)(QemuChange *change, const json_t *ret);
        /* QEMU refused a step (NULL: nothing to do); the steps before it are taken back afterwards. */
        void (*refused)(QemuChange *change);
        /* Instead of ending after apply: waits. */
        void (*wait)(QemuChange *change);
        int r;
        VhError *error; /* why steps are taken back */
};

/* What was parsed may need other daemons: does the work of change->resolved, which is there, and then goes on in
 * planned(), with the device as they say, or with the error (taken over). */
void qemu_change_resolve(QemuChange *change, void (*planned)(QemuChange *change, int r, VhError *err));
/* Does the work on the host, sends the plan's commands one after the other, then applies and ends; on failure takes
 * back what was done. */
void qemu_change_go(QemuChange *change);
/* What ready() left for later is done, or has failed: err is taken over. */
void qemu_change_ready(QemuChange *change, int r, VhError *err);
/* Stores the configuration part and ends with success. */
void qemu_change_finish(QemuChange *change);
void qemu_change_fail(QemuChange *change, int r, VhError *err);
/* One half of a change: of the stored definition in change->config, or the steps that QEMU takes. */
typedef int (*QemuChangePart)(QemuChange *change, VhError **err);
/* Plans both: stored() only if the stored definition is to change. Returns 0 or negative errno. */
int qemu_change_plan(QemuChange *change, QemuChangePart stored, QemuChangePart live, VhError **err);
/* A change of a running domain; affect has AFFECT_LIVE in it. Returns VH_LATER or negative errno. */
int qemu_change_start(VhCall *call, VhDomainObj *dom, const QemuTaskClass *class, const char *xml, const char *alias,
                      uint32_t affect, uint32_t flags);
void qemu_change_cleanup(QemuTask *task);
/* What describing devices of a running guest needs. launch is filled. */
QemuBuild qemu_change_build(QemuProcess *proc, const VhDomainDef *def, QemuLaunch *launch, VhError **err);
/* The place of a device in a definition by pointer; -1 if it is not there. */
int qemu_device_place(const VhDomainDef *def, VhDeviceKind kind, const void *dev);

extern const QemuTaskClass qemu_attach_class, qemu_detach_class, qemu_update_class;
/* QMP events about devices. */
extern const QemuEventRow qemu_hotplug_events[];

/* hotplug-net.c: an interface that changes. have: in what runs, want: its new state, plugged in as its network says. */
int qemu_update_net(QemuChange *change, const QemuBuild *b, void *have, void *want);
void qemu_apply_net(QemuChange *change, void *have, void *want);
/* Refuses what cannot change, before a network is asked. */
int qemu_update_net_check(const VhNet *old, const VhNet *new, VhError **err);

/* hotplug-disk.c: refuses what cannot change of a disk. new is complete, but for an address that nobody gave it. */
int qemu_update_disk_check(const VhDisk *old, const VhDisk *new, VhError **err);
bool qemu_disk_same_source(const VhDiskSource *a, const VhDiskSource *b);

/* hotplug-graphics.c */
int qemu_update_graphics(QemuChange *change, const QemuBuild *b, void *have, void *want);
void qemu_apply_graphics(QemuChange *change, void *have, void *want);

/* hotplug-vcpu.c: which processors a running guest is to have. */
typedef struct QemuVcpuWish {
        unsigned n;          /* as many, whichever */
        const VhCpuset *set; /* or these; NULL: as many */
        bool on;             /* what becomes of these */
        bool hotpluggable;   /* in the stored definition those that join may leave again */
} QemuVcpuWish;
/* affect is resolved, with AFFECT_LIVE in it; wish is copied. Returns VH_LATER. */
int qemu_vcpus_change(VhCall *call, VhDomainObj *dom, const QemuVcpuWish *wish, uint32_t affect);
/* What makes processor id of an answer to query-hotpluggable-cpus; NULL: there is no such place. */
json_t *qemu_vcpu_plug(const json_t *places, unsigned id);
/* vcpus.c: the same in a stored definition. */
int qemu_config_vcpus(VhDomainDef *def, const QemuVcpuWish *wish, VhError **err);

/* hotplug-detach.c: waits for a device that QEMU was asked to remove. Between begin and wait its command is sent; begin
 * is undone by qemu_unplug_stop(). gone(), or with NULL the end of the change, follows when the device is gone; late()
 * (NULL: success) when the guest takes too long for it. */
void qemu_unplug_begin(QemuChange *change, const char *alias);
void qemu_unplug_wait(QemuChange *change);
void qemu_unplug_stop(QemuChange *change);

/* A device is not inside QEMU any more: it leaves what runs, with all that belongs to it. No such device: nothing. */
void qemu_device_gone(QemuProcess *proc, const char *alias);

/* reconnect-devices.c: asks QEMU which devices it has; those that it has not leave what runs. */
void qemu_devices_refresh(QemuProcess *proc);

/* device-words.c: what a device is asked of, and what is said where there is no such device. */
typedef enum QemuDeviceUse {
        QEMU_LIVE_DETACH,
        QEMU_CONFIG_DETACH,
        QEMU_LIVE_UPDATE,
        QEMU_CONFIG_UPDATE,
} QemuDeviceUse;
/* Returns a negative errno with *err. */
int qemu_device_missing(QemuDeviceUse use, const VhDevice *dev, VhError **err);
/* The place of a device that a client describes, or that with these words. */
int qemu_device_find(const VhDomainDef *def, const VhDevice *dev, QemuDeviceUse use, VhError **err);
/* Refuses folders of other kinds. */
int qemu_virtiofs_only(VhError **err);
/* What kinds are called that cannot be used so. */
const char *qemu_device_word(VhDeviceKind kind);

/* device.c: refuses a boot order that another device has. */
int qemu_change_boot_check(const VhDomainDef *def, const VhDeviceInfo *old, const VhDeviceInfo *new, VhError **err);
/* The same change in the stored definition, not stored yet. */
int qemu_config_attach(QemuEdit *edit, const char *xml, VhError **err);
int qemu_config_detach(QemuEdit *edit, const char *xml, const char *alias, VhError **err);
int qemu_config_update(QemuEdit *edit, const char *xml, VhError **err);
int qemu_device_parse(QemuDriver *driver, const char *xml, VhDevice *dev, VhError **err);
/* Finds a device by alias; false if there is none. */
bool qemu_device_by_alias(const VhDomainDef *def, const char *alias, VhDeviceKind *kind, unsigned *place);
