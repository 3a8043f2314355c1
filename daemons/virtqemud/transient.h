/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Disks with <transient/>: what the guest writes goes to a temporary image on top of the disk's own, which is made when
 * QEMU is up or when the disk joins, and removed when the disk or the guest goes. It stands in the live definition as
 * the disk's image, with a name by which every daemon knows it. */

#include "hotplug.h"

/* Takes temporary images away when the guest is gone, and out of its definition. */
extern const QemuRunHooks qemu_transient_hooks;

/* Whether the temporary image is the disk's image now. */
bool qemu_transient_is_made(const VhDisk *disk);
/* Other guests may have the same disk: its own image is only read, and the disk joins when the temporary image is
 * there. */
bool qemu_transient_is_shared(const VhDisk *disk);
/* The image that the disk has without the temporary one. */
const VhDiskSource *qemu_transient_own_image(const VhDisk *disk);
/* Removes the temporary image of a disk that is gone, if it has one: it has its own again. */
void qemu_transient_drop(VhDisk *disk);
/* What would outlive the temporary image is refused. Returns 0 or negative errno. */
int qemu_transient_refuse_job(const VhDisk *disk, VhError **err);
int qemu_transient_refuse_move(const VhDomainDef *def, VhError **err);

/* transient-make.c: makes temporary images. */
typedef struct QemuTransients QemuTransients;

/* def is what runs, or will; done() is called once, inside qemu_transients_go() or later, after which t is gone. */
QemuTransients *qemu_transients_new(QemuProcess *proc, const VhDomainDef *def, QemuValuesDone done, void *data);
/* Adds a disk of def, which gets its new image at once, before anything of it is there. opened: QEMU has the disk's own
 * image open. Returns 0 or negative errno with *b->err. */
int qemu_transients_add(QemuTransients *t, const QemuBuild *b, VhDisk *disk, bool opened);
void qemu_transients_go(QemuTransients *t);
/* One that does not go. Accepts NULL, returns NULL. */
QemuTransients *qemu_transients_free(QemuTransients *t);
/* All that for a guest that comes up; launch is that of its start. done() is called at once or later. */
void qemu_transients_start(QemuProcess *proc, QemuLaunch *launch, QemuValuesDone done, void *data);
