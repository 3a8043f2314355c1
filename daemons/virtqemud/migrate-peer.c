/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Peer to peer: this daemon is the client of the target's. */

#include "migrate.h"

int qemu_migrate_peer(VhCall *call, VhDomainObj *dom, const QemuMigrateParams *p, const char *uri,
                      void (*ended)(QemuTask *task, int r, const VhError *err), VhError **err)
{
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_ARGUMENT_UNSUPPORTED, "peer-to-peer migration is not there");
}
