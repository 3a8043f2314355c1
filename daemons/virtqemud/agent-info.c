/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a guest tells of itself: users, system, time zone, name, file systems, disks, interfaces. */

#include <errno.h>

#include "agent-fs.h"
#include "agent-net.h"
#include "agent.h"
#include "net-leases.h"
#include "qemu-ops.h"

typedef struct InfoTask {
        QemuTask task;
        size_t next; /* of sources[] */
        VhTypedList list;
} InfoTask;

static int malformed(VhError **err, const char *text)
{
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR, "%s", text);
}

static const char *own_text(InfoTask *info, const char *text)
{
        return vh_arena_strdup(info->list.arena, text);
}

/* ---- what each kind of answer gives ---- */

static int add_user(InfoTask *info, size_t i, const json_t *item, VhError **err)
{
        enum { MSEC_PER_SEC = 1000 };
        const char *name = json_string_value(json_object_get(item, "user"));
        const char *domain = json_string_value(json_object_get(item, "domain"));
        const json_t *login = json_object_get(item, "login-time");
        VhTypedList *list = &info->list;

        if (!name)
                return malformed(err, "'user' missing in reply of guest-get-users");
        if (!json_is_number(login))
                return malformed(err, "'login-time' missing in reply of guest-get-users");
        vh_typed_add_string(list, vh_typed_name(list, "user.%zu.name", i), own_text(info, name));
        if (domain)
                vh_typed_add_string(list, vh_typed_name(list, "user.%zu.domain", i), own_text(info, domain));
        vh_typed_add_ullong(list, vh_typed_name(list, "user.%zu.login-time", i),
                            (uint64_t)(json_number_value(login) * MSEC_PER_SEC));
        return 0;
}

static int got_users(InfoTask *info, json_t *ret, VhError **err)
{
        int r = 0;

        if (!json_is_array(ret))
                return malformed(err, "guest-get-users reply was missing return data");
        vh_typed_add_uint(&info->list, "user.count", (unsigned)json_array_size(ret));
        for (size_t i = 0; r == 0 && i < json_array_size(ret); i++)
                r = add_user(info, i, json_array_get(ret, i), err);
        return r;
}

static int got_system(InfoTask *info, json_t *ret, VhError **err)
{
        static const struct {
                const char *key, *field;
        } rows[] = {
                { "id", "os.id" },
                { "name", "os.name" },
                { "pretty-name", "os.pretty-name" },
                { "version", "os.version" },
                { "version-id", "os.version-id" },
                { "machine", "os.machine" },
                { "variant", "os.variant" },
                { "variant-id", "os.variant-id" },
                { "kernel-release", "os.kernel-release" },
                { "kernel-version", "os.kernel-version" },
        };

        if (!json_is_object(ret))
                return malformed(err, "guest-get-osinfo reply was missing return data");
        for (size_t i = 0; i < VH_ARRAY_SIZE(rows); i++) {
                const char *value = json_string_value(json_object_get(ret, rows[i].key));

                if (value)
                        vh_typed_add_string(&info->list, rows[i].field, own_text(info, value));
        }
        return 0;
}

static int got_zone(InfoTask *info, json_t *ret, VhError **err)
{
        const char *name = json_string_value(json_object_get(ret, "zone"));
        const json_t *offset = json_object_get(ret, "offset");

        if (!json_is_object(ret))
                return malformed(err, "guest-get-timezone reply was missing return data");
        if (!json_is_integer(offset))
                return malformed(err, "'offset' missing in reply of guest-get-timezone");
        if (name)
                vh_typed_add_string(&info->list, "timezone.name", own_text(info, name));
        vh_typed_add_int(&info->list, "timezone.offset", (int)json_integer_value(offset));
        return 0;
}

static int got_name(InfoTask *info, json_t *ret, VhError **err)
{
        const char *name = json_string_value(json_object_get(ret, "host-name"));

        if (!name)
                return malformed(err, "'host-name' missing in guest-get-host-name reply");
        vh_typed_add_string(&info->list, "hostname", own_text(info, name));
        return 0;
}

static int got_filesystems(InfoTask *info, json_t *ret, VhError **err)
{
        return qemu_agent_format_filesystems(info->task.dom->def, ret, &info->list, err);
}

static int got_disks(InfoTask *info, json_t *ret, VhError **err)
{
        return qemu_agent_format_disks(info->task.dom->def, ret, &info->list, err);
}

static void add_interface(VhTypedList *list, size_t i, const remote_domain_interface *iface)
{
        vh_typed_add_string(list, vh_typed_name(list, "if.%zu.name", i), iface->name);
        if (iface->hwaddr)
                vh_typed_add_string(list, vh_typed_name(list, "if.%zu.hwaddr", i), iface->hwaddr);
        vh_typed_add_uint(list, vh_typed_name(list, "if.%zu.addr.count", i), iface->addrs.len);
        for (uint32_t j = 0; j < iface->addrs.len; j++) {
                const remote_domain_ip_addr *addr = &iface->addrs.val[j];

                vh_typed_add_string(list, vh_typed_name(list, "if.%zu.addr.%u.type", i, j),
                                    addr->type == VIR_IP_ADDR_TYPE_IPV4 ? "ipv4" : "ipv6");
                vh_typed_add_string(list, vh_typed_name(list, "if.%zu.addr.%u.addr", i, j), addr->addr);
                vh_typed_add_uint(list, vh_typed_name(list, "if.%zu.addr.%u.prefix", i, j), addr->prefix);
        }
}

static int got_interfaces(InfoTask *info, json_t *ret, VhError **err)
{
        remote_domain_interface_addresses_ret found = { 0 };
        int r = qemu_agent_interfaces(info->task.call, ret, &found, err);

        if (r < 0)
                return r;
        vh_typed_add_uint(&info->list, "if.count", found.ifaces.len);
        for (uint32_t i = 0; i < found.ifaces.len; i++)
                add_interface(&info->list, i, &found.ifaces.val[i]);
        return 0;
}

typedef struct Source {
        uint32_t type; /* VIR_DOMAIN_GUEST_INFO_* */
        const char *command;
        int (*got)(InfoTask *info, json_t *ret, VhError **err);
} Source;

static const Source sources[] = {
        { VIR_DOMAIN_GUEST_INFO_USERS, "guest-get-users", got_users },
        { VIR_DOMAIN_GUEST_INFO_OS, "guest-get-osinfo", got_system },
        { VIR_DOMAIN_GUEST_INFO_TIMEZONE, "guest-get-timezone", got_zone },
        { VIR_DOMAIN_GUEST_INFO_HOSTNAME, "guest-get-host-name", got_name },
        { VIR_DOMAIN_GUEST_INFO_FILESYSTEM, "guest-get-fsinfo", got_filesystems },
        { VIR_DOMAIN_GUEST_INFO_DISKS, "guest-get-disks", got_disks },
        { VIR_DOMAIN_GUEST_INFO_INTERFACES, "guest-network-get-interfaces", got_interfaces },
};

/* ---- guestinfo ---- */

static uint32_t asked_types(const InfoTask *info)
{
        return ((const remote_domain_get_guest_info_args *)info->task.call->args)->types;
}

static void ask_next(InfoTask *info);

/* Who asks for all gets what the agent knows; who asks for something is told that it does not. */
static void got_answer(QemuTask *task, json_t *ret, int r, const VhError *error)
{
        InfoTask *info = (InfoTask *)task;
        VhError *err = NULL;

        if (r == -EOPNOTSUPP && !asked_types(info))
                r = 0;
        else if (r == 0)
                r = sources[info->next].got(info, ret, &err);
        else
                err = vh_error_copy(error);
        if (r < 0) {
                qemu_task_end(task, r, err);
                return;
        }
        info->next++;
        ask_next(info);
}

static void ask_next(InfoTask *info)
{
        remote_domain_get_guest_info_ret *ret = info->task.call->ret;
        uint32_t types = asked_types(info);

        while (info->next < VH_ARRAY_SIZE(sources) && types && !(types & sources[info->next].type))
                info->next++;
        if (info->next < VH_ARRAY_SIZE(sources)) {
                qemu_task_ask_try(&info->task, qmp_command(sources[info->next].command, NULL), got_answer);
                return;
        }
        VH_TYPED_MOVE(&ret->params, &info->list);
        qemu_task_end(&info->task, 0, NULL);
}

static void info_run(QemuTask *task)
{
        ask_next((InfoTask *)task);
}

static const QemuTaskClass info_class = {
        .api = "remoteDispatchDomainGetGuestInfo",
        .size = sizeof(InfoTask),
        .agent = true,
        .job = QEMU_JOB_QUERY,
        .need_active = true,
        .run = info_run,
};

static int info_init(QemuTask *task, VhError **err)
{
        ((InfoTask *)task)->list = VH_TYPED_LIST(task->call);
        return 0;
}

static int check_types(uint32_t types, VhError **err)
{
        uint32_t known = 0;

        for (size_t i = 0; i < VH_ARRAY_SIZE(sources); i++)
                known |= sources[i].type;
        return types & ~known ? vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG,
                                             "unsupported guest information types '0x%x'", types & ~known)
                              : 0;
}

QEMU_OP_RET(domain_get_guest_info)
{
        int r = vh_check_flags(args->flags, 0, VIR_FROM_QEMU, "qemuDomainGetGuestInfo", err);

        if (r == 0)
                r = check_types(args->types, err);
        return r < 0 ? r : qemu_task_start(call, &args->dom, &info_class, info_init, err);
}

/* ---- domhostname ---- */

static void got_hostname(QemuTask *task, json_t *ret)
{
        remote_domain_get_hostname_ret *answer = task->call->ret;
        const char *name = json_string_value(json_object_get(ret, "host-name"));

        if (!name) {
                qemu_agent_malformed(task, "'host-name' missing in guest-get-host-name reply");
                return;
        }
        answer->hostname = vh_call_strdup(task->call, name);
        qemu_task_end(task, 0, NULL);
}

static void hostname_run(QemuTask *task)
{
        qemu_task_ask(task, qmp_command("guest-get-host-name", NULL), got_hostname);
}

static const QemuTaskClass hostname_class = {
        .api = "remoteDispatchDomainGetHostname",
        .size = sizeof(QemuTask),
        .agent = true,
        .job = QEMU_JOB_QUERY,
        .need_active = true,
        .run = hostname_run,
};

static int from_leases(VhCall *call, const remote_nonnull_domain *wire, VhError **err)
{
        VhDomainObj *dom = qemu_domain(call, wire, err);
        int r = dom ? vh_domain_obj_check_active(dom, VIR_FROM_DOMAIN, err) : -ENOENT;

        return r < 0 ? r : qemu_lease_hostname(call, dom);
}

QEMU_OP_RET(domain_get_hostname)
{
        enum { KNOWN = VIR_DOMAIN_GET_HOSTNAME_LEASE | VIR_DOMAIN_GET_HOSTNAME_AGENT };
        int r = vh_check_flags(args->flags, KNOWN, VIR_FROM_QEMU, "qemuDomainGetHostname", err);

        if (r == 0 && args->flags == KNOWN)
                r = vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG,
                                 "flags 'VIR_DOMAIN_GET_HOSTNAME_LEASE' and 'VIR_DOMAIN_GET_HOSTNAME_AGENT' in "
                                 "'qemuDomainGetHostname' are mutually exclusive");
        if (r < 0)
                return r;
        if (args->flags & VIR_DOMAIN_GET_HOSTNAME_LEASE)
                return from_leases(call, &args->dom, err);
        return qemu_task_start(call, &args->dom, &hostname_class, NULL, err);
}
