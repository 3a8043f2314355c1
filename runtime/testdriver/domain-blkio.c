/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Domains: weights and limits of block devices of the host, given as "/dev/a,400,/dev/b,300". */

#include "model/domain-tune.h"
#include "testdriver/domain-ops.h"
#include <errno.h>

/* One list parameter: field, and place and width of the value in VhBlkiotuneDevice. */
typedef struct DeviceField {
        const char *field;
        size_t at;
        bool wide; /* 64 bits */
} DeviceField;

static const DeviceField device_fields[] = {
        { VIR_DOMAIN_BLKIO_DEVICE_WEIGHT, offsetof(VhBlkiotuneDevice, weight), false },
        { VIR_DOMAIN_BLKIO_DEVICE_READ_IOPS, offsetof(VhBlkiotuneDevice, read_iops), false },
        { VIR_DOMAIN_BLKIO_DEVICE_WRITE_IOPS, offsetof(VhBlkiotuneDevice, write_iops), false },
        { VIR_DOMAIN_BLKIO_DEVICE_READ_BPS, offsetof(VhBlkiotuneDevice, read_bytes), true },
        { VIR_DOMAIN_BLKIO_DEVICE_WRITE_BPS, offsetof(VhBlkiotuneDevice, write_bytes), true },
};

static const VhTypedField fields[] = {
        { VIR_DOMAIN_BLKIO_WEIGHT, VIR_TYPED_PARAM_UINT, false },
        { VIR_DOMAIN_BLKIO_DEVICE_WEIGHT, VIR_TYPED_PARAM_STRING, false },
        { VIR_DOMAIN_BLKIO_DEVICE_READ_IOPS, VIR_TYPED_PARAM_STRING, false },
        { VIR_DOMAIN_BLKIO_DEVICE_WRITE_IOPS, VIR_TYPED_PARAM_STRING, false },
        { VIR_DOMAIN_BLKIO_DEVICE_READ_BPS, VIR_TYPED_PARAM_STRING, false },
        { VIR_DOMAIN_BLKIO_DEVICE_WRITE_BPS, VIR_TYPED_PARAM_STRING, false },
};

static uint64_t value_of(const VhBlkiotuneDevice *dev, const DeviceField *f)
{
        const char *place = (const char *)dev + f->at;

        return f->wide ? *(const uint64_t *)place : *(const uint32_t *)place;
}

static void set_value(VhBlkiotuneDevice *dev, const DeviceField *f, uint64_t v)
{
        char *place = (char *)dev + f->at;

        if (f->wide)
                *(uint64_t *)place = v;
        else
                *(uint32_t *)place = (uint32_t)v;
}

/* The list as text; the caller frees it. */
static char *format_devices(const VhDomainDef *def, const DeviceField *f)
{
        VhBuf b = {};

        for (uint32_t i = 0; def->blkiotune && i < def->blkiotune->devices.n; i++) {
                const VhBlkiotuneDevice *dev = def->blkiotune->devices.items[i];
                uint64_t v = value_of(dev, f);

                if (v)
                        vh_buf_printf(&b, "%s%s,%llu", b.len ? "," : "", dev->path, (unsigned long long)v);
        }
        return vh_buf_take(&b);
}

TEST_OP_SHARED(domain_get_blkio_parameters)
{
        const uint32_t known = TEST_AFFECT | VIR_TYPED_PARAM_STRING_OKAY;
        VhTypedList list = VH_TYPED_LIST(call);
        VhDomainDef *def;
        int r = test_check_flags(args->flags, known, "testDomainGetBlkioParameters", err);

        if (r == 0 && !args->nparams) {
                ret->nparams = 1 + VH_ARRAY_SIZE(device_fields);
                return 0;
        }
        if (r == 0)
                r = test_domain_def(call, &args->dom, args->flags, &def, err);
        if (r < 0)
                return r;
        vh_typed_add_uint(&list, VIR_DOMAIN_BLKIO_WEIGHT, def->blkiotune ? def->blkiotune->weight : 0);
        for (unsigned i = 0; i < VH_ARRAY_SIZE(device_fields); i++)
                vh_typed_add_string(&list, device_fields[i].field,
                                    vh_call_own(call, format_devices(def, &device_fields[i])));
        VH_TYPED_ANSWER(args, ret, &list);
        return 0;
}

static VhBlkiotuneDevice *need_device(VhDomainDef *def, const char *path, size_t len)
{
        VhBlkiotuneDevice *dev;

        if (!def->blkiotune)
                def->blkiotune = vh_new(VhBlkiotune, 1);
        for (uint32_t i = 0; i < def->blkiotune->devices.n; i++) {
                dev = def->blkiotune->devices.items[i];
                if (strlen(dev->path) == len && strncmp(dev->path, path, len) == 0)
                        return dev;
        }
        dev = vh_new(VhBlkiotuneDevice, 1);
        dev->path = vh_xstrndup(path, len);
        vh_list_add(&def->blkiotune->devices, dev);
        return dev;
}

/* Reads "path,number,path,number". With def NULL only checks. */
static int parse_devices(const char *text, const DeviceField *f, VhDomainDef *def, VhError **err)
{
        const char *p = text;

        while (*p) {
                const char *comma = strchr(p, ',');
                _vh_free_ char *number = comma ? vh_xstrndup(comma + 1, strcspn(comma + 1, ",")) : NULL;
                uint64_t v;

                if (!number || vh_parse_u64(number, 10, &v) < 0 || (!f->wide && v > UINT32_MAX))
                        return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG,
                                            "unable to parse blkio device '%s' '%s'", f->field, text);
                if (def)
                        set_value(need_device(def, p, (size_t)(comma - p)), f, v);
                p = comma + 1 + strlen(number);
                p += *p == ',';
        }
        return 0;
}

static int apply(VhDomainDef *def, const remote_domain_set_blkio_parameters_args *args, VhError **err)
{
        const remote_typed_param *weight = vh_typed_find(args->params.val, args->params.len, VIR_DOMAIN_BLKIO_WEIGHT);
        int r = 0;

        if (weight && def) {
                if (!def->blkiotune)
                        def->blkiotune = vh_new(VhBlkiotune, 1);
                def->blkiotune->weight = weight->value.ui;
        }
        for (unsigned i = 0; r == 0 && i < VH_ARRAY_SIZE(device_fields); i++) {
                const remote_typed_param *p = vh_typed_find(args->params.val, args->params.len, device_fields[i].field);

                if (p)
                        r = parse_devices(p->value.s, &device_fields[i], def, err);
        }
        return r;
}

TEST_OP_SHARED_DO(domain_set_blkio_parameters)
{
        TestTargets t = {};
        VhDomainObj *dom;
        int r = test_check_flags(args->flags, TEST_AFFECT, "testDomainSetBlkioParameters", err);

        if (r == 0)
                r = vh_typed_validate(args->params.val, args->params.len, fields, VH_ARRAY_SIZE(fields), err);
        if (r == 0)
                r = test_domain_targets(call, &args->dom, args->flags, &dom, &t, err);
        if (r == 0)
                r = apply(NULL, args, err);
        if (r == 0 && t.live)
                r = apply(t.live, args, err);
        if (r == 0 && t.config)
                r = apply(t.config, args, err);
        return r;
}
