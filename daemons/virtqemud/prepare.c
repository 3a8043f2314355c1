/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a definition gets before a run: names inside QEMU, node names of images, paths that it leaves open. */

#include <errno.h>
#include <stdio.h>

#include "guest-platform.h"
#include "command-parts.h"
#include "command.h"
#include "firmware.h"
#include "guest-check.h"
#include "guest-defaults.h"
#include "qemu.h"
#include "model/domain-cpu.h"
#include "model/domain-tune.h"

enum { MODE_BIND = 2 };

/* ---- images ---- */

/* Who decrypts an image. */
static void name_engine(VhDiskSource *src)
{
        enum { ENGINE_QEMU = 1 };
        VhStorageEncryption *e = src->type == VH_DISK_TYPE_NETWORK ? src->network->encryption : src->encryption;

        if (e && !e->engine)
                e->engine = ENGINE_QEMU;
}

void qemu_number_chain(VhDiskSource *top, uint32_t *next)
{
        for (VhDiskSource *src = top; src && src->type != VH_DISK_TYPE_NONE; src = src->backing) {
                if (src->index.set)
                        continue;
                src->index = (VhOptUint){ ++*next, true };
                name_engine(src);
        }
        if (top->type == VH_DISK_TYPE_NETWORK && top->network)
                top->network->index = top->index;
}

uint32_t qemu_highest_node(const VhDomainDef *def)
{
        uint32_t highest = 0;

        for (uint32_t i = 0; i < def->disks.n; i++)
                for (const VhDiskSource *src = &def->disks.items[i]->src; src; src = src->backing)
                        highest = VH_MAX(highest, src->index.val);
        return highest;
}

/* A drive without a medium has a number, which nobody sees, and no format. Images that guests share are not kept in the
 * host's memory. */
void qemu_prepare_disk(VhDisk *disk, unsigned *last)
{
        enum { CACHE_DEFAULT = 1, CACHE_NONE };

        if (disk->shareable && !disk->readonly && disk->cache <= CACHE_DEFAULT)
                disk->cache = CACHE_NONE;
        if (!qemu_disk_is_empty(disk)) {
                qemu_number_chain(&disk->src, last);
                return;
        }
        ++*last;
        disk->format = 0;
}

/* From the last disk, as the reference counts. */
static void number_images(VhDomainDef *def)
{
        uint32_t next = qemu_highest_node(def);

        for (uint32_t i = def->disks.n; i-- > 0;)
                qemu_prepare_disk(def->disks.items[i], &next);
}

/* ---- character devices ---- */

/* A channel without a path has a socket of ours. */
void qemu_prepare_channel(const QemuLaunch *launch, VhChr *chr)
{
        const VhAddress *a = &chr->info.address;

        if (chr->target_type != VH_CHR_TARGET_VIRTIO || chr->source.type != VH_CHR_UNIX || chr->source.path)
                return;
        chr->source.mode = MODE_BIND;
        if (chr->target_name)
                chr->source.path = vh_xasprintf("%s/%s", launch->channel_dir, chr->target_name);
        else
                chr->source.path =
                        vh_xasprintf("%s/vioser-%02d-%02d-%02d.sock", launch->channel_dir, a->virtio_serial.controller,
                                     a->virtio_serial.bus, a->virtio_serial.port);
}

/* ---- displays ---- */

static void graphics_socket(const QemuLaunch *launch, VhGraphics *g)
{
        for (uint32_t i = 0; i < g->listens.n; i++) {
                VhGraphicsListen *l = g->listens.items[i];

                if (l->type == VH_LISTEN_SOCKET && !l->socket)
                        l->socket = vh_xasprintf("%s/%s.sock", launch->lib_dir,
                                                 g->type == VH_GRAPHICS_VNC ? "vnc" : "spice");
        }
}

/* ---- TPM ---- */

static void tpm_socket(const VhDomainDef *def, const QemuLaunch *launch, VhTpm *tpm)
{
        enum { TPM_EMULATOR = 2 };
        const char *id = strrchr(launch->lib_dir, '/');

        (void)def;
        if (tpm->type != TPM_EMULATOR || tpm->source.path)
                return;
        id = id && vh_startswith(id, "/domain-") ? vh_startswith(id, "/domain-") : def->name;
        tpm->source.type = VH_CHR_UNIX;
        tpm->source.path = vh_xasprintf("%s/qemu/swtpm/%s-swtpm.sock", launch->env->run_dir, id);
}

/* ---- memory ---- */

/* A machine with paravirtual devices has all its memory in pieces. */
static void align_memory(VhDomainDef *def)
{
        const VhNuma *numa = def->cpu ? def->cpu->numa : NULL;
        uint64_t total = 0, devices = 0;

        if (!qemu_platform_has(def, QEMU_HAS_VIO))
                return;
        for (uint32_t i = 0; i < def->memdevs.n; i++)
                devices += def->memdevs.items[i]->size;
        for (uint32_t i = 0; numa && i < numa->cells.n; i++) {
                numa->cells.items[i]->memory = qemu_memory_pieces(numa->cells.items[i]->memory);
                total += numa->cells.items[i]->memory;
        }
        if (!total)
                total = qemu_memory_pieces(def->memory - devices);
        def->memory = total + devices;
        def->max_memory = qemu_memory_pieces(def->max_memory);
}

/* ---- checks that need the program ---- */

static int check_machine(const VhDomainDef *def, const QemuCaps *caps, VhError **err)
{
        const QemuMachine *machine = caps ? qemu_caps_machine(caps, def->os.machine) : NULL;

        if (!machine)
                return 0; /* the command line says what is unknown */
        if (machine->max_cpus && def->vcpus > machine->max_cpus)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "Maximum CPUs greater than specified machine type limit %u", machine->max_cpus);
        return 0;
}

int qemu_command_prepare(VhDomainDef *def, const QemuCaps *caps, const QemuLaunch *launch, VhError **err)
{
        int r = check_machine(def, caps, err);

        r = r < 0 ? r : qemu_check_start(def, err);
        r = r < 0 ? r : qemu_firmware_fill(def, launch, err);
        if (r < 0)
                return r;
        align_memory(def);
        qemu_list_iothreads(def);
        qemu_assign_aliases(def);
        number_images(def);
        for (uint32_t i = 0; i < def->channels.n; i++)
                qemu_prepare_channel(launch, def->channels.items[i]);
        for (uint32_t i = 0; i < def->graphics.n; i++)
                graphics_socket(launch, def->graphics.items[i]);
        for (uint32_t i = 0; i < def->tpms.n; i++)
                tpm_socket(def, launch, def->tpms.items[i]);
        return 0;
}
