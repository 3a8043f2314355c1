/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* swtpm: a guest's TPM in software. Its state belongs to an account of its own and stays when the guest ends. */

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "helpers.h"

#define DEFAULT_ACCOUNT "tss"

enum {
        TPM_EMULATOR = 2,
        VERSION_1_2 = 1,
        PARENT_MODE = 0711,
        STATE_MODE = 0700,
        LOG_DIR_MODE = 0730,
        SOCKET_DIR_MODE = 0770,
        SETUP_SECONDS = 120,
};

typedef struct Tpm {
        bool v2;
        bool made; /* the folder, by us: it has no state yet */
        bool incoming;
        char *state_dir, *log_dir, *socket_dir, *vm_id, *log;
        VhBuf banks; /* "sha1,sha256" */
} Tpm;

static void tpm_free(void *data)
{
        Tpm *t = data;

        free(t->state_dir);
        free(t->log_dir);
        free(t->socket_dir);
        free(t->vm_id);
        free(t->log);
        vh_buf_done(&t->banks);
        free(t);
}

/* ---- on the worker ---- */

static int own_dir(const char *path, mode_t mode, uid_t uid, gid_t gid, bool *made, VhError **err)
{
        _vh_free_ char *parent = vh_xstrdup(path);
        int r;

        *strrchr(parent, '/') = '\0';
        r = vh_mkdir_p(parent, PARENT_MODE);
        if (r == 0 && mkdir(path, mode) == 0)
                *made = true;
        else if (r == 0 && errno != EEXIST)
                r = -errno;
        if (r == 0 && (chown(path, uid, gid) < 0 || chmod(path, mode) < 0))
                r = -errno;
        return r < 0 ? vh_error_sys(err, VIR_FROM_QEMU, r, "Cannot create directory '%s'", path) : 0;
}

/* A new TPM gets its keys and certificates, as its own account. */
static int set_up(QemuHelperItem *h, Tpm *t, VhError **err)
{
        _vh_free_ char *setup = vh_tool_find("swtpm_setup");
        _qemu_command_ QemuCommand cmd = { 0 };
        QemuProgram program = { .cmd = &cmd, .seconds = SETUP_SECONDS, .drop = h->drop, .uid = h->uid, .gid = h->gid };
        static const char *const options[] = { "--createek", "--create-ek-cert", "--create-platform-cert",
                                               "--lock-nvram", "--not-overwrite" };

        if (!setup)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR, "Unable to find 'swtpm_setup' binary");
        qemu_command_add(&cmd, setup);
        if (t->v2)
                qemu_command_add(&cmd, "--tpm2");
        qemu_command_add(&cmd, "--tpm-state");
        qemu_command_add(&cmd, t->state_dir);
        qemu_command_add(&cmd, "--vmid");
        qemu_command_add(&cmd, t->vm_id);
        qemu_command_add(&cmd, "--logfile");
        qemu_command_add(&cmd, t->log);
        for (size_t i = 0; i < VH_ARRAY_SIZE(options); i++)
                qemu_command_add(&cmd, options[i]);
        if (t->v2 && t->banks.len) {
                qemu_command_add(&cmd, "--pcr-banks");
                qemu_command_add(&cmd, t->banks.data);
        }
        return qemu_program_must(&program, err);
}

/* A daemon that was killed may have made the folder, and no more. */
static bool has_state(const Tpm *t)
{
        _vh_free_ char *path = vh_path_join(t->state_dir, t->v2 ? "tpm2-00.permall" : "tpm-00.permall");

        return access(path, F_OK) == 0;
}

static int prepare(QemuHelperItem *h, VhError **err)
{
        Tpm *t = h->data;
        bool made = false;
        int r = own_dir(t->state_dir, STATE_MODE, h->uid, h->gid, &t->made, err);

        r = r < 0 ? r : own_dir(t->log_dir, LOG_DIR_MODE, h->uid, h->gid, &made, err);
        r = r < 0 ? r : own_dir(t->socket_dir, SOCKET_DIR_MODE, h->guest_uid, h->gid, &made, err);
        if (r == 0 && !t->incoming && (t->made || !has_state(t)))
                r = set_up(h, t, err);
        if (r < 0 && t->made)
                (void)rmdir(t->state_dir); /* only if it is still empty */
        return r;
}

/* ---- on the loop ---- */

static int find_account(const QemuDriver *driver, QemuHelperItem *h, VhError **err)
{
        const char *user = NULL, *group = NULL;
        const struct passwd *pw;
        const struct group *gr;

        if (!driver->env.privileged)
                return 0;
        if (driver->conf) {
                (void)vh_conf_get_string(driver->conf, "swtpm_user", &user, NULL);
                (void)vh_conf_get_string(driver->conf, "swtpm_group", &group, NULL);
        }
        pw = getpwnam(user ? user : DEFAULT_ACCOUNT);
        gr = getgrnam(group ? group : DEFAULT_ACCOUNT);
        if ((user && !pw) || (group && !gr))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONF_SYNTAX,
                                    "swtpm_user, swtpm_group: there is no '%s'", user && !pw ? user : group);
        h->drop = true;
        h->uid = pw ? pw->pw_uid : 0;
        h->gid = gr ? gr->gr_gid : 0;
        return 0;
}

static void add_banks(Tpm *t, const VhTpm *tpm)
{
        const struct {
                bool active;
                const char *name;
        } banks[] = {
                { tpm->sha1, "sha1" }, { tpm->sha256, "sha256" }, { tpm->sha384, "sha384" }, { tpm->sha512, "sha512" }
        };

        for (size_t i = 0; i < VH_ARRAY_SIZE(banks); i++)
                if (banks[i].active)
                        vh_buf_printf(&t->banks, "%s%s", t->banks.len ? "," : "", banks[i].name);
}

/* Beside the folder of libvirt's own logs. */
static char *log_folder(const QemuDriver *driver)
{
        const char *slash = strrchr(driver->env.log_dir, '/');

        return vh_xasprintf("%.*s/swtpm/libvirt/qemu", (int)(slash - driver->env.log_dir), driver->env.log_dir);
}

static Tpm *tpm_new(const QemuProcess *proc, const VhTpm *tpm)
{
        const QemuDriver *driver = proc->driver;
        char uuid[VH_UUID_TEXT_LEN + 1];
        Tpm *t = vh_new(Tpm, 1);

        vh_uuid_format(proc->dom->def->uuid, uuid);
        t->v2 = tpm->version != VERSION_1_2;
        t->incoming = proc->launch && proc->launch->incoming;
        t->state_dir = vh_xasprintf("%s/swtpm/%s/%s", driver->env.state_dir, uuid, t->v2 ? "tpm2" : "tpm1.2");
        t->log_dir = log_folder(driver);
        t->socket_dir = vh_path_join(driver->run_dir, "swtpm");
        t->vm_id = vh_xasprintf("%s:%s", proc->dom->node.name, uuid);
        t->log = vh_xasprintf("%s/%s-swtpm.log", t->log_dir, proc->dom->node.name);
        add_banks(t, tpm);
        return t;
}

static void add_arguments(QemuHelperItem *h, const VhTpm *tpm)
{
        const Tpm *t = h->data;

        qemu_command_add(&h->cmd, "socket");
        qemu_command_add(&h->cmd, "--ctrl");
        qemu_command_addf(&h->cmd, "type=unixio,path=%s,mode=0600", h->socket);
        qemu_command_add(&h->cmd, "--tpmstate");
        qemu_command_addf(&h->cmd, "dir=%s,mode=0600", t->state_dir);
        qemu_command_add(&h->cmd, "--log");
        if (tpm->debug_level.set)
                qemu_command_addf(&h->cmd, "file=%s,level=%u", t->log, tpm->debug_level.val);
        else
                qemu_command_addf(&h->cmd, "file=%s", t->log);
        qemu_command_add(&h->cmd, "--terminate");
        if (t->v2)
                qemu_command_add(&h->cmd, "--tpm2");
}

static int want(QemuProcess *proc, const VhTpm *tpm, QemuHostWork *work, VhError **err)
{
        _vh_free_ char *prefix = qemu_helper_prefix(proc);
        _vh_free_ char *pid_name = vh_xasprintf("swtpm/%s-swtpm.pid", prefix);
        static const uint8_t none[VH_UUID_LEN];
        char *program = vh_tool_find("swtpm");
        QemuHelperItem *h;

        if (!program)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR, "Unable to find 'swtpm' binary");
        if (memcmp(tpm->secret, none, sizeof(none)) != 0) {
                free(program);
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "TPM state cannot be encrypted: there is no secret driver");
        }
        h = qemu_helper_new(proc, pid_name);
        h->data = tpm_new(proc, tpm);
        h->free_data = tpm_free;
        h->prepare = prepare;
        qemu_helper_confine(h, proc);
        h->log_path = vh_xasprintf("%s/qemu/%s-swtpm.log", proc->driver->env.log_dir, proc->dom->node.name);
        h->socket = vh_xstrdup(tpm->source.path);
        qemu_command_take(&h->cmd, program);
        add_arguments(h, tpm);
        qemu_host_work_add(work, &h->item);
        return find_account(proc->driver, h, err);
}

static bool keeps_state(const VhTpm *tpm, uint32_t flags)
{
        if (tpm->type != TPM_EMULATOR || flags & VIR_DOMAIN_UNDEFINE_KEEP_TPM)
                return true;
        return tpm->persistent_state == VH_YES && !(flags & VIR_DOMAIN_UNDEFINE_TPM);
}

char *qemu_tpm_state_to_remove(const QemuDriver *driver, const VhDomainDef *def, uint32_t flags)
{
        char uuid[VH_UUID_TEXT_LEN + 1];

        for (uint32_t i = 0; i < def->tpms.n; i++)
                if (!keeps_state(def->tpms.items[i], flags))
                        return vh_xasprintf("%s/swtpm/%s", driver->env.state_dir, vh_uuid_format(def->uuid, uuid));
        return NULL;
}

int qemu_tpms_want(QemuProcess *proc, QemuHostWork *work, VhError **err)
{
        const VhDomainDef *def = proc->dom->def;
        int r = 0;

        for (uint32_t i = 0; r == 0 && i < def->tpms.n; i++)
                if (def->tpms.items[i]->type == TPM_EMULATOR)
                        r = want(proc, def->tpms.items[i], work, err);
        return r;
}
