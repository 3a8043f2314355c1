/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Kinds of file systems that several hosts see at once. */

#include "shared-fs.h"

#include <stdint.h>
#include <sys/vfs.h>

#include "base/util.h"

bool qemu_path_is_shared(const char *path)
{
        static const uint32_t magics[] = {
                0x6969,     /* NFS */
                0x01161970, /* GFS2 */
                0x7461636f, /* OCFS2 */
                0x5346414f, /* AFS */
                0x517b,     /* SMB */
                0xff534d42, /* CIFS */
                0x00c36400, /* Ceph */
                0x47504653, /* GPFS */
                0x51626d6e, /* Quobyte */
                0x61636673, /* ACFS */
        };
        struct statfs st;

        if (statfs(path, &st) < 0)
                return false;
        for (size_t i = 0; i < VH_ARRAY_SIZE(magics); i++)
                if ((uint32_t)st.f_type == magics[i])
                        return true;
        return false;
}

bool qemu_path_is_used_elsewhere(const QemuProcess *proc, const char *path)
{
        return qemu_process_is_elsewhere(proc) && qemu_path_is_shared(path);
}
