/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Domains: limits and statistics of disks and network interfaces. */

#include "testdriver/domain-ops.h"
#include <errno.h>
#include <stdio.h>
#include <strings.h>

VhDisk *test_find_disk(const VhDomainDef *def, const char *path)
{
        for (uint32_t i = 0; i < def->disks.n; i++) {
                VhDisk *disk = def->disks.items[i];

                if (vh_streq(disk->target, path) || (disk->src.path && vh_streq(disk->src.path, path)))
                        return disk;
        }
        return NULL;
}

/* Limits of a disk: field and place in VhDiskIotune, in the order of the reply. The group's name stands among them. */
typedef struct Limit {
        const char *field;
        size_t at;
} Limit;

#define LIMIT(NAME, member)                                                                                            \
        {                                                                                                              \
                VIR_DOMAIN_BLOCK_IOTUNE_##NAME, offsetof(VhDiskIotune, member)                                         \
        }
static const Limit limits[] = {
        LIMIT(TOTAL_BYTES_SEC, total_bytes_sec),
        LIMIT(READ_BYTES_SEC, read_bytes_sec),
        LIMIT(WRITE_BYTES_SEC, write_bytes_sec),
        LIMIT(TOTAL_IOPS_SEC, total_iops_sec),
        LIMIT(READ_IOPS_SEC, read_iops_sec),
        LIMIT(WRITE_IOPS_SEC, write_iops_sec),
        LIMIT(TOTAL_BYTES_SEC_MAX, total_bytes_sec_max),
        LIMIT(READ_BYTES_SEC_MAX, read_bytes_sec_max),
        LIMIT(WRITE_BYTES_SEC_MAX, write_bytes_sec_max),
        LIMIT(TOTAL_IOPS_SEC_MAX, total_iops_sec_max),
        LIMIT(READ_IOPS_SEC_MAX, read_iops_sec_max),
        LIMIT(WRITE_IOPS_SEC_MAX, write_iops_sec_max),
        LIMIT(SIZE_IOPS_SEC, size_iops_sec),
        LIMIT(TOTAL_BYTES_SEC_MAX_LENGTH, total_bytes_sec_max_length),
        LIMIT(READ_BYTES_SEC_MAX_LENGTH, read_bytes_sec_max_length),
        LIMIT(WRITE_BYTES_SEC_MAX_LENGTH, write_bytes_sec_max_length),
        LIMIT(TOTAL_IOPS_SEC_MAX_LENGTH, total_iops_sec_max_length),
        LIMIT(READ_IOPS_SEC_MAX_LENGTH, read_iops_sec_max_length),
        LIMIT(WRITE_IOPS_SEC_MAX_LENGTH, write_iops_sec_max_length),
};

enum {
        N_RATES = 6,        /* limits[0..5] are sustained rates, the next six their peaks */
        GROUP_NAME_AT = 13, /* limits before the group's name in a reply */
};
static const uint64_t limit_max = UINT64_C(1000000000000000);

static uint64_t *limit_at(VhDiskIotune *tune, unsigned i)
{
        return (uint64_t *)((char *)tune + limits[i].at);
}

static int no_disk(const char *disk, VhError **err)
{
        return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_INVALID_ARG, "disk '%s' was not found in the domain config",
                            disk);
}

TEST_OP_SHARED(domain_get_block_io_tune)
{
        const char *path = args->disk ? args->disk : "";
        const VhDiskIotune zero = {};
        VhTypedList list = VH_TYPED_LIST(call);
        const VhDisk *disk;
        VhDiskIotune tune;
        VhDomainDef *def;
        int r = test_check_flags(args->flags, TEST_AFFECT | VIR_TYPED_PARAM_STRING_OKAY, "testDomainGetBlockIoTune",
                                 err);

        if (r == 0 && !args->nparams) {
                ret->nparams = 1 + VH_ARRAY_SIZE(limits);
                return 0;
        }
        if (r == 0)
                r = test_domain_def(call, &args->dom, args->flags, &def, err);
        if (r < 0)
                return r;
        disk = test_find_disk(def, path);
        if (!disk)
                return no_disk(path, err);
        tune = disk->iotune ? *disk->iotune : zero;
        for (unsigned i = 0; i < VH_ARRAY_SIZE(limits); i++) {
                if (i == GROUP_NAME_AT)
                        vh_typed_add_string(&list, VIR_DOMAIN_BLOCK_IOTUNE_GROUP_NAME, tune.group_name);
                vh_typed_add_ullong(&list, limits[i].field, *limit_at(&tune, i));
        }
        VH_TYPED_ANSWER(args, ret, &list);
        return 0;
}

/* A total and one of its parts exclude each other. */
static int check_exclusive(VhDiskIotune *t, VhError **err)
{
        static const char *const what[] = { "bytes_sec", "iops_sec", "bytes_sec_max", "iops_sec_max" };

        for (unsigned g = 0; g < VH_ARRAY_SIZE(what); g++)
                if (*limit_at(t, 3 * g) && (*limit_at(t, 3 * g + 1) || *limit_at(t, 3 * g + 2)))
                        return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_INVALID_ARG,
                                            "total and read/write of %s cannot be set at the same time", what[g]);
        return 0;
}

static int check_peaks(VhDiskIotune *t, VhError **err)
{
        for (unsigned i = 0; i < N_RATES; i++)
                if (*limit_at(t, i) && *limit_at(t, i) > *limit_at(t, i + N_RATES))
                        return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_INVALID_ARG, "%s cannot be set higher than %s ",
                                            limits[i].field, limits[i + N_RATES].field);
        return 0;
}

/* Puts the parameters into t, whose group name stays shared with the caller's. */
static int read_limits(const remote_domain_set_block_io_tune_args *args, VhDiskIotune *t, VhError **err)
{
        for (unsigned i = 0; i < VH_ARRAY_SIZE(limits); i++) {
                const remote_typed_param *p = vh_typed_find(args->params.val, args->params.len, limits[i].field);

                if (!p)
                        continue;
                if (p->value.ul > limit_max)
                        return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_ARGUMENT_UNSUPPORTED,
                                            "block I/O throttle limit value must be no more than %llu",
                                            (unsigned long long)limit_max);
                *limit_at(t, i) = p->value.ul;
        }
        return 0;
}

static int set_iotune(VhDomainDef *def, const remote_domain_set_block_io_tune_args *args, bool apply, VhError **err)
{
        const remote_typed_param *group =
                vh_typed_find(args->params.val, args->params.len, VIR_DOMAIN_BLOCK_IOTUNE_GROUP_NAME);
        VhDiskIotune tune = {};
        VhDisk *disk;
        int r;

        if (!def)
                return 0;
        disk = test_find_disk(def, args->disk);
        if (!disk)
                return no_disk(args->disk, err);
        if (disk->iotune)
                tune = *disk->iotune;
        r = read_limits(args, &tune, err);
        if (r == 0)
                r = check_exclusive(&tune, err);
        if (r == 0)
                r = check_peaks(&tune, err);
        if (r < 0 || !apply)
                return r;
        if (!disk->iotune)
                disk->iotune = vh_new(VhDiskIotune, 1);
        *disk->iotune = tune;
        if (group)
                vh_strset(&disk->iotune->group_name, group->value.s);
        return 0;
}

static int validate_iotune(const remote_domain_set_block_io_tune_args *args, VhError **err)
{
        VhTypedField fields[VH_ARRAY_SIZE(limits) + 1];

        for (unsigned i = 0; i < VH_ARRAY_SIZE(limits); i++)
                fields[i] = (VhTypedField){ limits[i].field, VIR_TYPED_PARAM_ULLONG, false };
        fields[VH_ARRAY_SIZE(limits)] =
                (VhTypedField){ VIR_DOMAIN_BLOCK_IOTUNE_GROUP_NAME, VIR_TYPED_PARAM_STRING, false };
        return vh_typed_validate(args->params.val, args->params.len, fields, VH_ARRAY_SIZE(fields), err);
}

TEST_OP_SHARED_DO(domain_set_block_io_tune)
{
        TestTargets t = {};
        VhDomainObj *dom;
        int r = test_check_flags(args->flags, TEST_AFFECT, "testDomainSetBlockIoTune", err);

        if (r == 0)
                r = validate_iotune(args, err);
        if (r == 0)
                r = test_domain_targets(call, &args->dom, args->flags, &dom, &t, err);
        if (r == 0)
                r = set_iotune(t.live, args, false, err);
        if (r == 0)
                r = set_iotune(t.config, args, false, err);
        if (r < 0)
                return r;
        set_iotune(t.live, args, true, NULL);
        set_iotune(t.config, args, true, NULL);
        return 0;
}

static VhNet *find_net(const VhDomainDef *def, const char *device, VhError **err)
{
        for (uint32_t i = 0; i < def->nets.n; i++) {
                VhNet *net = def->nets.items[i];
                char mac[18];

                snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", net->mac[0], net->mac[1], net->mac[2],
                         net->mac[3], net->mac[4], net->mac[5]);
                if (vh_streq(net->target, device) || strcasecmp(mac, device) == 0)
                        return net;
        }
        vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG, "'%s' is not a known interface", device);
        return NULL;
}

/* Bandwidth parameters: field and place in VhBandwidthRate. */
static const struct {
        const char *field;
        size_t at;
        bool out;
} rates[] = {
        { VIR_DOMAIN_BANDWIDTH_IN_AVERAGE, offsetof(VhBandwidthRate, average), false },
        { VIR_DOMAIN_BANDWIDTH_IN_PEAK, offsetof(VhBandwidthRate, peak), false },
        { VIR_DOMAIN_BANDWIDTH_IN_BURST, offsetof(VhBandwidthRate, burst), false },
        { VIR_DOMAIN_BANDWIDTH_IN_FLOOR, offsetof(VhBandwidthRate, floor), false },
        { VIR_DOMAIN_BANDWIDTH_OUT_AVERAGE, offsetof(VhBandwidthRate, average), true },
        { VIR_DOMAIN_BANDWIDTH_OUT_PEAK, offsetof(VhBandwidthRate, peak), true },
        { VIR_DOMAIN_BANDWIDTH_OUT_BURST, offsetof(VhBandwidthRate, burst), true },
};

static uint32_t *rate_at(VhBandwidthRate *rate, unsigned i)
{
        return (uint32_t *)((char *)rate + rates[i].at);
}

TEST_OP_SHARED(domain_get_interface_parameters)
{
        VhTypedList list = VH_TYPED_LIST(call);
        VhBandwidthRate none = {}, *in = &none, *out = &none;
        const VhNet *net = NULL;
        VhDomainDef *def;
        int r = test_check_flags(args->flags, TEST_AFFECT | VIR_TYPED_PARAM_STRING_OKAY,
                                 "testDomainGetInterfaceParameters", err);

        if (r == 0 && !args->nparams) {
                ret->nparams = VH_ARRAY_SIZE(rates);
                return 0;
        }
        if (r == 0)
                r = test_domain_def(call, &args->dom, args->flags, &def, err);
        if (r == 0 && !(net = find_net(def, args->device, err)))
                r = -EINVAL;
        if (r < 0)
                return r;
        if (net->bandwidth) {
                in = net->bandwidth->in ? net->bandwidth->in : &none;
                out = net->bandwidth->out ? net->bandwidth->out : &none;
        }
        for (unsigned i = 0; i < VH_ARRAY_SIZE(rates); i++)
                vh_typed_add_uint(&list, rates[i].field, *rate_at(rates[i].out ? out : in, i));
        VH_TYPED_ANSWER(args, ret, &list);
        return 0;
}

/* A direction counts only with an average; an average of zero removes it. */
static void set_rate(VhBandwidthRate **place, VhBandwidthRate *wanted, bool average_given)
{
        if (!average_given)
                return;
        if (!wanted->average) {
                free(VH_TAKE_PTR(*place));
                return;
        }
        if (!*place)
                *place = vh_new(VhBandwidthRate, 1);
        **place = *wanted;
}

static void set_bandwidth(VhNet *net, const remote_domain_set_interface_parameters_args *args)
{
        VhBandwidthRate in = {}, out = {};
        bool in_average = false, out_average = false;

        for (unsigned i = 0; i < VH_ARRAY_SIZE(rates); i++) {
                const remote_typed_param *p = vh_typed_find(args->params.val, args->params.len, rates[i].field);

                if (!p)
                        continue;
                *rate_at(rates[i].out ? &out : &in, i) = p->value.ui;
                in_average |= vh_streq(rates[i].field, VIR_DOMAIN_BANDWIDTH_IN_AVERAGE);
                out_average |= vh_streq(rates[i].field, VIR_DOMAIN_BANDWIDTH_OUT_AVERAGE);
        }
        if (!net->bandwidth)
                net->bandwidth = vh_new(VhBandwidth, 1);
        set_rate(&net->bandwidth->in, &in, in_average);
        set_rate(&net->bandwidth->out, &out, out_average);
        if (!net->bandwidth->in && !net->bandwidth->out)
                free(VH_TAKE_PTR(net->bandwidth));
}

static int validate_rates(const remote_domain_set_interface_parameters_args *args, VhError **err)
{
        VhTypedField fields[VH_ARRAY_SIZE(rates)];

        for (unsigned i = 0; i < VH_ARRAY_SIZE(rates); i++)
                fields[i] = (VhTypedField){ rates[i].field, VIR_TYPED_PARAM_UINT, false };
        return vh_typed_validate(args->params.val, args->params.len, fields, VH_ARRAY_SIZE(fields), err);
}

TEST_OP_SHARED_DO(domain_set_interface_parameters)
{
        VhNet *live = NULL, *config = NULL;
        TestTargets t = {};
        VhDomainObj *dom;
        int r = test_check_flags(args->flags, TEST_AFFECT, "testDomainSetInterfaceParameters", err);

        if (r == 0)
                r = validate_rates(args, err);
        if (r == 0)
                r = test_domain_targets(call, &args->dom, args->flags, &dom, &t, err);
        if (r < 0)
                return r;
        if (t.live && !(live = find_net(t.live, args->device, err)))
                return -EINVAL;
        if (t.config && !(config = find_net(t.config, args->device, err)))
                return -EINVAL;
        if (live)
                set_bandwidth(live, args);
        if (config)
                set_bandwidth(config, args);
        return 0;
}

/* Statistics are shares of the time since 1970 in microseconds: they grow, and clients can test rates with them. */
TEST_OP_SHARED(domain_block_stats)
{
        VhDomainObj *dom;
        int64_t now;
        int r;

        if (!*args->path)
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "summary statistics are not supported yet");
        r = test_active_domain(call, &args->dom, &dom, err);
        if (r < 0)
                return r;
        if (!test_find_disk(dom->def, args->path))
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_INVALID_ARG, "invalid path: %s", args->path);
        now = (int64_t)(test_clock_ns() / 1000);
        ret->rd_req = now / 10;
        ret->rd_bytes = now / 20;
        ret->wr_req = now / 30;
        ret->wr_bytes = now / 40;
        ret->errs = now / 1000000 / 2;
        return 0;
}

TEST_OP_SHARED(domain_interface_stats)
{
        VhDomainObj *dom;
        int64_t now;
        int r = test_active_domain(call, &args->dom, &dom, err);

        if (r < 0)
                return r;
        if (!find_net(dom->def, args->device, err))
                return -EINVAL;
        now = (int64_t)(test_clock_ns() / 1000);
        ret->rx_bytes = now / 10;
        ret->rx_packets = now / 100;
        ret->rx_errs = now / 1000000;
        ret->rx_drop = now / 2000000;
        ret->tx_bytes = now / 20;
        ret->tx_packets = now / 110;
        ret->tx_errs = now / 3000000;
        ret->tx_drop = now / 4000000;
        return 0;
}

TEST_OP_SHARED(domain_get_block_info)
{
        static const uint64_t tib = UINT64_C(1) << 40, unused = UINT64_C(5056) * 1024;
        const VhDisk *disk;
        VhDomainObj *dom;
        int r = test_check_flags(args->flags, 0, "testDomainGetBlockInfo", err);

        if (r == 0)
                r = test_domain(call, &args->dom, &dom, err);
        if (r < 0)
                return r;
        disk = test_find_disk(dom->def, args->path);
        if (!disk)
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_INVALID_ARG, "invalid path %s not assigned to domain",
                                    args->path);
        if (!disk->src.path)
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_INVALID_ARG,
                                    "disk '%s' does not currently have a source assigned", args->path);
        ret->capacity = tib - unused;
        ret->physical = tib;
        ret->allocation = tib;
        return 0;
}

TEST_OP_SHARED(domain_get_disk_errors)
{
        VhDomainObj *dom;
        uint32_t room;
        int r = test_check_flags(args->flags, 0, "testDomainGetDiskErrors", err);

        if (r == 0)
                r = test_active_domain(call, &args->dom, &dom, err);
        if (r < 0)
                return r;
        if (!args->maxerrors) {
                ret->nerrors = (int)dom->def->disks.n;
                return 0;
        }
        room = VH_MIN(args->maxerrors, dom->def->disks.n);
        ret->errors.val = vh_call_new(call, remote_domain_disk_error, room);
        ret->errors.len = room;
        ret->nerrors = (int)room;
        for (uint32_t i = 0; i < room; i++) {
                ret->errors.val[i].disk = dom->def->disks.items[i]->target;
                ret->errors.val[i].error = 1 + (int)(i % 2);
        }
        return 0;
}
