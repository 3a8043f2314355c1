/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a running guest has that cannot leave its host. */

#include "base/file.h"
#include "cpu/cpu.h"
#include "migrate-blockers.h"
#include "model/domain-tables.h"
#include "shared-fs.h"
#include "transient.h"

static int refuse(VhError **err, const char *why)
{
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID, "%s", why);
}

/* QEMU's own reasons, of which the answer says nothing if there are none. */
static int check_qemu(const json_t *answer, VhError **err)
{
        const json_t *reasons = json_object_get(answer, "blocked-reasons"), *one;
        _vh_buf_ VhBuf text = { 0 };
        size_t i;

        json_array_foreach(reasons, i, one) vh_buf_printf(&text, "%s%s", i ? "; " : "", json_string_value(one));
        if (!text.len)
                return 0;
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID, "cannot migrate domain: %s", text.data);
}

static bool is_transient(const VhTeaming *teaming)
{
        enum { TRANSIENT = 2 };

        return teaming && teaming->type == TRANSIENT;
}

/* USB devices are unplugged by the guest's QEMU when it is gone; those of a team, before. */
static int check_hostdevs(const VhDomainDef *def, VhError **err)
{
        for (uint32_t i = 0; i < def->hostdevs.n; i++) {
                const VhHostdev *dev = def->hostdevs.items[i];

                if (dev->mode != VH_HOSTDEV_SUBSYSTEM)
                        return refuse(err, "cannot migrate a domain with <hostdev mode='capabilities'>");
                if (dev->type != VH_HOSTDEV_USB && !is_transient(dev->teaming))
                        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID,
                                            "cannot migrate a domain with <hostdev mode='subsystem' type='%s'>",
                                            vh_xml_names_text(&vh_hostdev_type_names, dev->type));
        }
        return 0;
}

static int check_nets(const VhDomainDef *def, VhError **err)
{
        for (uint32_t i = 0; i < def->nets.n; i++) {
                const VhNet *net = def->nets.items[i];

                if (net->type == VH_NET_VDPA)
                        return refuse(err, "vDPA devices cannot be migrated");
                if (net->type == VH_NET_HOSTDEV && !is_transient(net->teaming))
                        return vh_error_set(
                                err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID,
                                "cannot migrate a domain with <interface type='%s'>",
                                vh_xml_names_text(&vh_net_type_names, net->defined ? VH_NET_NETWORK : net->type));
        }
        return 0;
}

static bool has_tsc_frequency(const VhDomainDef *def)
{
        for (uint32_t i = 0; i < def->clock.timers.n; i++)
                if (def->clock.timers.items[i]->name == VH_TIMER_TSC && def->clock.timers.items[i]->frequency)
                        return true;
        return false;
}

static int check_cpu(const VhDomainDef *def, VhError **err)
{
        const VhCpuFeature *f = def->cpu ? vh_cpu_feature(def->cpu, "invtsc") : NULL;

        if (!f || f->policy != VH_CPU_POLICY_REQUIRE || has_tsc_frequency(def))
                return 0;
        return refuse(err, "domain has 'invtsc' CPU feature but TSC frequency is not specified");
}

static int check_shmems(const VhDomainDef *def, VhError **err)
{
        enum { MASTER = 1 };

        for (uint32_t i = 0; i < def->shmems.n; i++)
                if (def->shmems.items[i]->role != MASTER)
                        return vh_error_set(
                                err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID,
                                "shmem device '%s' cannot be migrated, only shmem with role='master' can be "
                                "migrated",
                                def->shmems.items[i]->name);
        return 0;
}

static int check_filesystems(const VhDomainDef *def, VhError **err)
{
        enum { VIRTIOFS = 6 };

        for (uint32_t i = 0; i < def->filesystems.n; i++)
                if (def->filesystems.items[i]->driver == VIRTIOFS)
                        return refuse(err, "migration with virtiofs device is not supported");
        return 0;
}

/* Two programs cannot have the same state, and swtpm does not hand it over. */
static int check_tpms(const QemuProcess *proc, const VhDomainDef *def, VhError **err)
{
        enum { EMULATOR = 2 };
        _vh_free_ char *states = vh_path_join(proc->driver->env.state_dir, "swtpm");

        for (uint32_t i = 0; i < def->tpms.n; i++)
                if (def->tpms.items[i]->type == EMULATOR && qemu_path_is_shared(states))
                        return refuse(err, "the running swtpm does not support migration with shared storage");
        return 0;
}

/* What only this host can go on with: not in images of its memory either. */
static int check_devices(const VhDomainDef *def, VhError **err)
{
        static int (*const checks[])(const VhDomainDef *def, VhError **err) = {
                check_hostdevs, check_nets, check_cpu, check_shmems, check_filesystems, qemu_transient_refuse_move,
        };
        int r = 0;

        for (size_t i = 0; r == 0 && i < VH_ARRAY_SIZE(checks); i++)
                r = checks[i](def, err);
        return r;
}

int qemu_migrate_check_blockers(VhDomainObj *dom, const json_t *answer, VhError **err)
{
        const QemuProcess *proc = qemu_process(dom);
        int r = check_qemu(answer, err);

        if (r == 0 && proc && proc->block_jobs)
                r = refuse(err, "domain has active block job");
        if (r == 0)
                r = check_devices(dom->def, err);
        return r == 0 && proc ? check_tpms(proc, dom->def, err) : r;
}
