/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Images that were made for a guest that is on its way here. Should the daemon die meanwhile, the one after it finds
 * them: in the folder of status files each has a link to it, "GUEST.DEVICE-INODE.arriving", until the guest is here. */

#include <sys/stat.h>

#include "qemu.h"

/* st: of the image at path, which was just made. Returns negative errno with *err. Any thread. */
int qemu_arriving_note(const char *run_dir, const char *guest, const char *path, const struct stat *st, VhError **err);
/* The guest is here (keep) or will not come: then its images go, unless others have their names now. Any thread. */
void qemu_arriving_end(const char *run_dir, const char *guest, bool keep);
/* At the daemon's start: what was made for guests of which nothing else is there. */
void qemu_arriving_sweep(QemuDriver *driver);
