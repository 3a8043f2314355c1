/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Typed parameters of block I/O: weights and limits of the host's devices. */

#include "group.h"
#include "live-edit.h"
#include "qemu-ops.h"

#include <errno.h>

#include "model/domain-tune.h"

/* Lists of "PATH,VALUE,PATH,VALUE" in one string. */
static const struct {
        const char *name;
        size_t offset; /* in VhBlkiotuneDevice */
        bool wide;     /* uint64_t, else uint32_t */
} blkio_rows[] = {
        { "device_weight", offsetof(VhBlkiotuneDevice, weight), false },
        { "device_read_iops_sec", offsetof(VhBlkiotuneDevice, read_iops), false },
        { "device_write_iops_sec", offsetof(VhBlkiotuneDevice, write_iops), false },
        { "device_read_bytes_sec", offsetof(VhBlkiotuneDevice, read_bytes), true },
        { "device_write_bytes_sec", offsetof(VhBlkiotuneDevice, write_bytes), true },
};

static uint64_t blkio_value(const VhBlkiotuneDevice *device, size_t row)
{
        const char *field = (const char *)device + blkio_rows[row].offset;

        return blkio_rows[row].wide ? *(const uint64_t *)field : *(const uint32_t *)field;
}

static void set_blkio_value(VhBlkiotuneDevice *device, size_t row, uint64_t value)
{
        char *field = (char *)device + blkio_rows[row].offset;

        if (blkio_rows[row].wide)
                *(uint64_t *)field = value;
        else
                *(uint32_t *)field = (uint32_t)value;
}

static char *blkio_list(const VhBlkiotune *tune, size_t row)
{
        VhBuf buf = { 0 };

        for (uint32_t i = 0; tune && i < tune->devices.n; i++) {
                uint64_t value = blkio_value(tune->devices.items[i], row);

                if (value)
                        vh_buf_printf(&buf, "%s%s,%llu", buf.len ? "," : "", tune->devices.items[i]->path,
                                      (unsigned long long)value);
        }
        return vh_buf_take(&buf);
}

/* As the kernel has it, of a running guest; what is in its definition where that is asked for. */
static unsigned blkio_weight(VhCall *call, const remote_nonnull_domain *wire, const VhDomainDef *def)
{
        VhDomainObj *dom = qemu_domain(call, wire, NULL);
        const QemuProcess *proc = dom && dom->def == def ? qemu_process(dom) : NULL;
        unsigned live = proc ? qemu_group_read_weight(proc) : 0;

        if (live)
                return live;
        return def->blkiotune ? def->blkiotune->weight : 0;
}

QEMU_OP_RET(domain_get_blkio_parameters)
{
        VhTypedList list = VH_TYPED_LIST(call);
        const VhDomainDef *def;
        int r = vh_check_flags(args->flags, QEMU_AFFECT | VIR_TYPED_PARAM_STRING_OKAY, VIR_FROM_QEMU,
                               "qemuDomainGetBlkioParameters", err);

        if (r < 0)
                return r;
        def = qemu_config(call, &args->dom, args->flags, err);
        if (!def)
                return -EINVAL;
        vh_typed_add_uint(&list, "weight", blkio_weight(call, &args->dom, def));
        for (size_t i = 0; i < VH_ARRAY_SIZE(blkio_rows); i++)
                vh_typed_add_string(&list, blkio_rows[i].name, vh_call_own(call, blkio_list(def->blkiotune, i)));
        VH_TYPED_ANSWER(args, ret, &list);
        return 0;
}

static VhBlkiotuneDevice *blkio_device(VhBlkiotune *tune, const char *path)
{
        VhBlkiotuneDevice *device;

        for (uint32_t i = 0; i < tune->devices.n; i++)
                if (strcmp(tune->devices.items[i]->path, path) == 0)
                        return tune->devices.items[i];
        device = vh_new(VhBlkiotuneDevice, 1);
        device->path = vh_xstrdup(path);
        vh_list_add(&tune->devices, device);
        return device;
}

/* text is taken apart in place. */
static int set_blkio_list(VhBlkiotune *tune, size_t row, const char *list, VhError **err)
{
        _vh_free_ char *text = vh_xstrdup(list);
        char *save = NULL, *path, *value;
        uint64_t n;

        for (path = strtok_r(text, ",", &save); path; path = strtok_r(NULL, ",", &save)) {
                value = strtok_r(NULL, ",", &save);
                if (!value)
                        return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG,
                                            "unable to parse blkio device '%s' '%s'", blkio_rows[row].name, path);
                if (vh_parse_u64(value, 10, &n) < 0 || (!blkio_rows[row].wide && n > UINT32_MAX))
                        return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG,
                                            "invalid value '%s' for parameter '%s' of device '%s'", value,
                                            blkio_rows[row].name, path);
                set_blkio_value(blkio_device(tune, path), row, n);
        }
        return 0;
}

static int edit_blkio(VhDomainDef *def, const void *opaque, VhError **err)
{
        const remote_domain_set_blkio_parameters_args *args = opaque;
        const remote_typed_param *p = vh_typed_find(args->params.val, args->params.len, "weight");
        int r = 0;

        if (!def->blkiotune)
                def->blkiotune = vh_new(VhBlkiotune, 1);
        if (p)
                def->blkiotune->weight = p->value.ui;
        for (size_t i = 0; r == 0 && i < VH_ARRAY_SIZE(blkio_rows); i++) {
                p = vh_typed_find(args->params.val, args->params.len, blkio_rows[i].name);
                r = p ? set_blkio_list(def->blkiotune, i, p->value.s, err) : 0;
        }
        return r;
}

static int touch_blkio(QemuProcess *proc, const VhDomainDef *def, const void *args, VhError **err)
{
        int r = qemu_group_need(proc, QEMU_CG_IO, err);

        return r < 0 ? r : qemu_group_apply_io(proc, def, err);
}

QEMU_OP(domain_set_blkio_parameters)
{
        static const QemuValues values = { .edit = edit_blkio, .touch = touch_blkio };
        VhTypedField fields[VH_ARRAY_SIZE(blkio_rows) + 1] = { { "weight", VIR_TYPED_PARAM_UINT, false } };
        int r = vh_check_flags(args->flags, QEMU_AFFECT, VIR_FROM_QEMU, "qemuDomainSetBlkioParameters", err);

        for (size_t i = 0; i < VH_ARRAY_SIZE(blkio_rows); i++)
                fields[i + 1] = (VhTypedField){ blkio_rows[i].name, VIR_TYPED_PARAM_STRING, false };
        if (r == 0)
                r = vh_typed_validate(args->params.val, args->params.len, fields, VH_ARRAY_SIZE(fields), err);
        return r < 0 ? r : qemu_values_change(call, &args->dom, args->flags, &values, args, err);
}
