/* Generated from rpc/protocol/; do not edit. */
#include "procs.h"
#include "api.h"
#include "ops.h"
#include <stddef.h>

static int invoke_sample_nothing(const void *p, VhCall *call, void *args, void *ret, VhError **err)
{
        const VhSessionOps *ops = p;

        if (!ops || !ops->nothing)
                return vh_proc_not_supported(call->proc, err);
        return ops->nothing(call, err);
}

static int invoke_sample_take(const void *p, VhCall *call, void *args, void *ret, VhError **err)
{
        const VhHypervisorOps *ops = p;

        if (!ops || !ops->take)
                return vh_proc_not_supported(call->proc, err);
        return ops->take(call, args, err);
}

static int check_first_sample_take(const VhCall *call, VhError **err)
{
        const sample_args *a = call->args;

        if (a->source > SAMPLE_LIST_MAX)
                return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_RPC, "%s", "source > SAMPLE_LIST_MAX");
        if ((uint64_t)a->source * a->flags > SAMPLE_STRING_MAX)
                return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_INTERNAL_ERROR, "%s", "too large");
        if (a->password && !*a->name)
                return vh_error_plain(err, VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG, "%s", "string name in sampleTake must not be empty");
        return 0;
}

static int check_sample_take(const VhCall *call, VhError **err)
{
        const sample_args *a = call->args;

        if (a->source < 1)
                return vh_error_plain(err, VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG, "source in sampleTake is %u", (unsigned)a->source);
        if (!a->password)
                return vh_error_plain(err, VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG, "%s", "secret in sampleTake must not be NULL");
        if (a->source == SAMPLE_AGENT && a->password)
                return vh_error_plain(err, VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG, "%s", "password in sampleTake must be NULL");
        if (!(a->flags & (SAMPLE_LIVE | SAMPLE_CONFIG)) && !a->source)
                return vh_error_plain(err, VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG, "%s", "source in sampleTake must not be zero");
        if ((a->flags & (SAMPLE_LIVE | SAMPLE_CONFIG)) == (SAMPLE_LIVE | SAMPLE_CONFIG))
                return vh_error_plain(err, VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG, "%s", "Flags 'SAMPLE_LIVE' and 'SAMPLE_CONFIG' are mutually exclusive");
        if (a->flags & SAMPLE_LIVE && !(a->flags & SAMPLE_CONFIG))
                return vh_error_plain(err, VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG, "%s", "Flag 'SAMPLE_CONFIG' is required by flag 'SAMPLE_LIVE'");
        return 0;
}

static int invoke_sample_give(const void *p, VhCall *call, void *args, void *ret, VhError **err)
{
        const VhNetworkOps *ops = p;

        if (!ops || !ops->give)
                return vh_proc_not_supported(call->proc, err);
        return ops->give(call, ret, err);
}

static int invoke_sample_register_(const void *p, VhCall *call, void *args, void *ret, VhError **err)
{
        const VhSecretOps *ops = p;

        if (!ops || !ops->register_)
                return vh_proc_not_supported(call->proc, err);
        return ops->register_(call, args, ret, err);
}

static int invoke_sample_download(const void *p, VhCall *call, void *args, void *ret, VhError **err)
{
        const VhStorageOps *ops = p;

        if (!ops || !ops->download)
                return vh_proc_not_supported(call->proc, err);
        return ops->download(call, args, err);
}

static int check_first_sample_download(const VhCall *call, VhError **err)
{
        if (call->n_fds <= 0)
                return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_INTERNAL_ERROR, "%s", "No FD available at slot 0");
        return 0;
}

static int check_sample_download(const VhCall *call, VhError **err)
{
        const sample_args *a = call->args;

        if (!a->source)
                return VH_ARGS_NOTHING;
        return 0;
}

static const VhProc procs_sample[] = {
        [1] = {.number = 1, .dir = VH_DIR_CALL, .name = "NOTHING", .error_domain = VIR_FROM_NONE, .kind = VH_KIND_NONE, .flags = VH_PROC_PRE_AUTH | VH_PROC_HIGH, .flags_offset = -1, .ro_deny = {-1, 0}, .invoke = invoke_sample_nothing},
        [2] = {.number = 2, .dir = VH_DIR_CALL, .name = "TAKE", .api = "sampleTake", .error_domain = VIR_FROM_DOMAIN, .kind = VH_KIND_HYPERVISOR, .event_role = VH_ROLE_DEREGISTER, .event_pair = 5, .flags = VH_PROC_RO_DENY, .args_size = sizeof(sample_args), .args_xdr = &vh_xdr_sample_args, .flags_offset = offsetof(sample_args, flags), .ro_deny = {-1, 0}, .acl = (const VhAclRule[]){{.object = "domain", .permission = "write", .when = {-1, 0}}, {.object = "domain", .permission = "save", .flags = 0x3, .unless = true, .when = {-1, 0}}, {.object = "domain", .permission = "save", .flags = 0x2, .when = {-1, 0}}}, .n_acl = 3, .check_first = check_first_sample_take, .check = check_sample_take, .invoke = invoke_sample_take},
        [3] = {.number = 3, .dir = VH_DIR_CALL, .name = "GIVE", .api = "sampleGive", .error_domain = VIR_FROM_NETWORK, .kind = VH_KIND_NETWORK, .event_role = VH_ROLE_REGISTER_KIND, .event_pair = 6, .flags = VH_PROC_HIGH, .ret_size = sizeof(sample_ret), .ret_xdr = &vh_xdr_sample_ret, .flags_offset = -1, .ro_deny = {-1, 0}, .acl = (const VhAclRule[]){{.object = "network", .permission = "getattr", .when = {-1, 0}}}, .n_acl = 1, .aclfilter = "network:getattr", .invoke = invoke_sample_give},
        [5] = {.number = 5, .dir = VH_DIR_CALL, .name = "REGISTER", .api = "virDomainSnapshotSample", .error_domain = VIR_FROM_DOMAIN_SNAPSHOT, .kind = VH_KIND_SECRET, .event_role = VH_ROLE_REGISTER, .event_pair = 2, .args_size = sizeof(sample_args), .args_xdr = &vh_xdr_sample_args, .ret_size = sizeof(sample_id), .ret_xdr = &vh_xdr_sample_id, .flags_offset = offsetof(sample_args, flags), .ro_deny_flags = 0x3, .ro_deny = {-1, 0}, .acl = (const VhAclRule[]){{.object = "secret", .permission = "write", .when = {offsetof(sample_args, source), 1}}}, .n_acl = 1, .invoke = invoke_sample_register_},
        [6] = {.number = 6, .dir = VH_DIR_CALL, .name = "DOWNLOAD", .api = "sampleDownload", .error_domain = VIR_FROM_STORAGE, .kind = VH_KIND_STORAGE, .stream = VH_STREAM_READ, .event_role = VH_ROLE_DEREGISTER_KIND, .event_pair = 3, .sparse_flag = 0x1, .flags = VH_PROC_FDS_CALL | VH_PROC_FDS_REPLY, .args_size = sizeof(sample_args), .args_xdr = &vh_xdr_sample_args, .flags_offset = offsetof(sample_args, flags), .ro_deny = {offsetof(sample_args, source), 1}, .check_first = check_first_sample_download, .check = check_sample_download, .invoke = invoke_sample_download},
        [7] = {.number = 7, .dir = VH_DIR_EVENT, .name = "EVENT", .error_domain = VIR_FROM_NONE, .kind = VH_KIND_NONE, .args_size = sizeof(sample_everything), .args_xdr = &vh_xdr_sample_everything, .flags_offset = -1, .ro_deny = {-1, 0}},
        [9] = {.number = 9, .dir = VH_DIR_EVENT, .name = "OTHER_EVENT", .error_domain = VIR_FROM_NONE, .kind = VH_KIND_NONE, .event_role = VH_ROLE_EVENT, .args_size = sizeof(sample_id), .args_xdr = &vh_xdr_sample_id, .flags_offset = -1, .ro_deny = {-1, 0}},
        [8] = {.number = 8, .dir = VH_DIR_MESSAGE, .name = "PING", .error_domain = VIR_FROM_NONE, .kind = VH_KIND_NONE, .flags_offset = -1, .ro_deny = {-1, 0}},
};

const VhProgram vh_program_sample = {.name = "sample", .number = 536870913, .version = 1, .procs = procs_sample, .n_procs = VH_ARRAY_SIZE(procs_sample)};

const VhProgram *const vh_programs[] = {&vh_program_sample, NULL};
