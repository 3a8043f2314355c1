/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Accounts inside a guest: passwords and keys that log in. */

#include <errno.h>

#include "agent.h"
#include "base/base64.h"
#include "qemu-ops.h"

/* ---- password ---- */

static void password_run(QemuTask *task)
{
        const remote_domain_set_user_password_args *args = task->call->args;
        const char *password = args->password ? args->password : "";
        _vh_free_ char *coded = vh_base64_encode(password, strlen(password));

        qemu_task_ask(task,
                      qmp_command("guest-set-user-password", "{s:b,s:s,s:s}", "crypted",
                                  (int)(args->flags & VIR_DOMAIN_PASSWORD_ENCRYPTED), "username",
                                  args->user ? args->user : "", "password", coded),
                      qemu_agent_done);
}

static const QemuTaskClass password_class = {
        .api = "remoteDispatchDomainSetUserPassword",
        .size = sizeof(QemuTask),
        .agent = true,
        .job = QEMU_JOB_MODIFY,
        .need_active = true,
        .run = password_run,
};

QEMU_OP(domain_set_user_password)
{
        int r = vh_check_flags(args->flags, VIR_DOMAIN_PASSWORD_ENCRYPTED, VIR_FROM_QEMU, "qemuDomainSetUserPassword",
                               err);

        return r < 0 ? r : qemu_task_start(call, &args->dom, &password_class, NULL, err);
}

/* ---- keys ---- */

static void got_keys(QemuTask *task, json_t *ret)
{
        remote_domain_authorized_ssh_keys_get_ret *answer = task->call->ret;
        json_t *keys = json_object_get(ret, "keys"), *key;
        size_t i;

        if (!json_is_array(keys)) {
                qemu_agent_malformed(task, "qemu agent didn't return an array of keys");
                return;
        }
        answer->keys.val = vh_call_new(task->call, char *, json_array_size(keys) + 1);
        json_array_foreach(keys, i, key)
        {
                if (!json_is_string(key)) {
                        qemu_agent_malformed(task, "guest agent returned malformed or invalid return value");
                        return;
                }
                answer->keys.val[answer->keys.len++] = vh_call_strdup(task->call, json_string_value(key));
        }
        qemu_task_end(task, 0, NULL);
}

static void keys_get_run(QemuTask *task)
{
        const remote_domain_authorized_ssh_keys_get_args *args = task->call->args;

        qemu_task_ask(task, qmp_command("guest-ssh-get-authorized-keys", "{s:s}", "username", args->user), got_keys);
}

static const QemuTaskClass keys_get_class = {
        .api = "remoteDispatchDomainAuthorizedSSHKeysGet",
        .size = sizeof(QemuTask),
        .agent = true,
        .job = QEMU_JOB_QUERY,
        .need_active = true,
        .run = keys_get_run,
};

QEMU_OP_RET(domain_authorized_ssh_keys_get)
{
        int r = vh_check_flags(args->flags, 0, VIR_FROM_QEMU, "qemuDomainAuthorizedSSHKeysGet", err);

        return r < 0 ? r : qemu_task_start(call, &args->dom, &keys_get_class, NULL, err);
}

static void keys_set_run(QemuTask *task)
{
        const remote_domain_authorized_ssh_keys_set_args *args = task->call->args;
        json_t *list = json_array();
        json_t *cmd = json_pack("{s:s,s:o}", "username", args->user, "keys", list);
        bool remove = args->flags & VIR_DOMAIN_AUTHORIZED_SSH_KEYS_SET_REMOVE;

        for (uint32_t i = 0; i < args->keys.len; i++)
                json_array_append_new(list, json_string(args->keys.val[i]));
        if (!remove)
                json_object_set_new(cmd, "reset",
                                    json_boolean(!(args->flags & VIR_DOMAIN_AUTHORIZED_SSH_KEYS_SET_APPEND)));
        qemu_task_ask(
                task,
                qmp_command_args(remove ? "guest-ssh-remove-authorized-keys" : "guest-ssh-add-authorized-keys", cmd),
                qemu_agent_done);
}

static const QemuTaskClass keys_set_class = {
        .api = "remoteDispatchDomainAuthorizedSSHKeysSet",
        .size = sizeof(QemuTask),
        .agent = true,
        .job = QEMU_JOB_MODIFY,
        .need_active = true,
        .run = keys_set_run,
};

QEMU_OP(domain_authorized_ssh_keys_set)
{
        enum { EITHER = VIR_DOMAIN_AUTHORIZED_SSH_KEYS_SET_APPEND | VIR_DOMAIN_AUTHORIZED_SSH_KEYS_SET_REMOVE };
        int r = vh_check_flags(args->flags, EITHER, VIR_FROM_QEMU, "qemuDomainAuthorizedSSHKeysSet", err);

        if (r == 0 && (args->flags & EITHER) == EITHER)
                r = vh_error_plain(err, VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG,
                                   "flags 'VIR_DOMAIN_AUTHORIZED_SSH_KEYS_SET_APPEND' and "
                                   "'VIR_DOMAIN_AUTHORIZED_SSH_KEYS_SET_REMOVE' in '%s' are mutually exclusive",
                                   "virDomainAuthorizedSSHKeysSet");
        return r < 0 ? r : qemu_task_start(call, &args->dom, &keys_set_class, NULL, err);
}
