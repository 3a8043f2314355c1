/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a client asks about the host and the hypervisor. */

#include "caps-call.h"
#include "qemu-ops.h"
#include "security.h"

#include <errno.h>

/* vCPUs that a guest can have at most, by virtualization type, as far as no emulator has been asked. */
enum {
        MAX_VCPUS_QEMU = 16,
        MAX_VCPUS_KVM = 1024,
};

#define HOST(call) (qemu_driver(call)->host)

QEMU_OP_NOARGS(node_get_info)
{
        return vh_host_op_info(HOST(call), ret, err);
}

QEMU_OP_RET(node_get_cpu_map)
{
        return vh_host_op_cpu_map(HOST(call), call, args, ret, err);
}

QEMU_OP_RET(node_get_cpu_stats)
{
        return vh_host_op_cpu_stats(HOST(call), call, args, ret, err);
}

QEMU_OP_RET(node_get_memory_stats)
{
        return vh_host_op_memory_stats(HOST(call), call, args, ret, err);
}

QEMU_OP_NOARGS(node_get_free_memory)
{
        return vh_host_op_free_memory(HOST(call), ret, err);
}

QEMU_OP_RET(node_get_cells_free_memory)
{
        return vh_host_op_cells_free_memory(HOST(call), call, args, ret, err);
}

QEMU_OP_RET(node_get_free_pages)
{
        return vh_host_op_free_pages(HOST(call), call, args, ret, err);
}

QEMU_OP_RET(node_alloc_pages)
{
        return vh_host_op_alloc_pages(HOST(call), args, ret, err);
}

QEMU_OP_RET(node_get_memory_parameters)
{
        return vh_host_op_get_memory_parameters(HOST(call), call, args, ret, err);
}

QEMU_OP(node_set_memory_parameters)
{
        return vh_host_op_set_memory_parameters(HOST(call), args, err);
}

QEMU_OP(node_suspend_for_duration)
{
        return vh_host_op_suspend_for_duration(args, err);
}

static unsigned sec_models(const QemuDriver *driver, VhHostSecModel models[VH_HOST_SEC_MODELS_MAX])
{
        const VhHostSecModel mandatory = {
                .model = qemu_security_name(driver),
                .doi = "0",
                .base_kvm = qemu_security_base_label(driver, true),
                .base_qemu = qemu_security_base_label(driver, false),
        };

        return vh_host_sec_models(&mandatory, driver->env.privileged, driver->dac_label, models);
}

QEMU_OP_NOARGS(node_get_security_model)
{
        VhHostSecModel models[VH_HOST_SEC_MODELS_MAX];

        sec_models(qemu_driver(call), models);
        return vh_host_op_security_model(call, &models[0], ret);
}

QEMU_OP_RET(connect_get_sysinfo)
{
        char *xml;
        int r = vh_check_flags(args->flags, 0, VIR_FROM_QEMU, "qemuConnectGetSysinfo", err);

        if (r == 0)
                r = vh_host_sysinfo_xml(HOST(call), &xml, err);
        if (r == 0)
                ret->sysinfo = vh_call_own(call, xml);
        return r;
}

static int answer_capabilities(VhCall *call, QemuCaps *none, VhError **err)
{
        remote_connect_get_capabilities_ret *ret = call->ret;
        static const char *const transports[] = { "tcp", "rdma", NULL };
        QemuDriver *driver = qemu_driver(call);
        VhHostSecModel models[VH_HOST_SEC_MODELS_MAX];
        VhHostCapsArgs caps = {
                .uuid = driver->uuid,
                .models = models,
                .n_models = sec_models(driver, models),
                .migration_transports = transports,
        };
        VhBuf buf = { 0 };

        vh_buf_adds(&buf, "<capabilities>\n\n");
        vh_host_caps_format(driver->host, &caps, &buf);
        vh_buf_addc(&buf, '\n');
        qemu_emulators_format(driver->emulators, &buf);
        vh_buf_adds(&buf, "</capabilities>\n");
        ret->capabilities = vh_call_own(call, vh_buf_take(&buf));
        return 0;
}

QEMU_OP_NOARGS(connect_get_capabilities)
{
        return qemu_answer_with_all(call, answer_capabilities, err);
}

QEMU_OP_NOARGS(connect_get_version)
{
        return qemu_emulators_version(qemu_driver(call)->emulators, &ret->hv_ver, err);
}

QEMU_OP_RET(connect_get_max_vcpus)
{
        const char *type = args->type ? args->type : "qemu";

        if (strcasecmp(type, "qemu") == 0)
                ret->max_vcpus = MAX_VCPUS_QEMU;
        else if (strcasecmp(type, "kvm") == 0)
                ret->max_vcpus = MAX_VCPUS_KVM;
        else
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG, "unknown type '%s'", type);
        return 0;
}
