/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Firmware of a guest: chosen from the descriptor files that firmware packages bring, and the file of its variables. */

#include "launch.h"
#include "model/domain.h"

/* Where a definition asks for firmware by kind (<os firmware=>), chooses an image that fits machine, architecture and
 * features, and fills <loader> and <nvram>; gives flash without a variable store one in STATE/qemu/nvram. Reads the
 * descriptors. VIR_ERR_OPERATION_FAILED if none fits. */
int qemu_firmware_fill(VhDomainDef *def, const QemuLaunch *launch, VhError **err);

/* Says where the variable store of firmware that has one is, if the definition does not. */
void qemu_firmware_default_nvram(VhDomainDef *def, const char *state_dir);
/* Makes the variable store of a prepared definition if it is not there (reset: anew), from its template. */
int qemu_firmware_create_nvram(VhDomainDef *def, const QemuLaunch *launch, bool reset, VhError **err);

/* The firmware there is for a kind of machine. */
typedef struct QemuFirmwareOffer {
        bool bios, efi; /* can be asked for by kind */
        bool secure;    /* some needs system management mode, for secure boot */
        char **images;  /* files */
        size_t n;
} QemuFirmwareOffer;

/* conf may be NULL: without its list. */
void qemu_firmware_offer(QemuFirmwareOffer *offer, const char *arch, const char *machine, const VhConf *conf);
void qemu_firmware_offer_done(QemuFirmwareOffer *offer);
