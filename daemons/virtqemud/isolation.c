/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The guests' account, and their files. */

#include "isolation.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/file.h"
#include "base/log.h"
#include "dev-namespace.h"
#include "guest-files.h"
#include "guest-nodes.h"
#include "guest-sockets.h"
#include "hugepages.h"
#include "ram-dir.h"
#include "log-client.h"
#include "security.h"
#include "shared-fs.h"

VH_LOG_SOURCE("qemu.isolation");

/* What Debian's libvirt is built with; root where it does not exist. */
#define DEFAULT_USER  "libvirt-qemu"
#define DEFAULT_GROUP "libvirt-qemu"

enum {
        GROUPS_MAX = 256,
        CHR_FILE_MODE = 0600,
        ANYBODY = 0666,
        SECLABEL_DYNAMIC = 2, /* place among the words of <seclabel type=> */
};

/* ---- the account ---- */

static int user_id(const char *name, uid_t *id)
{
        const struct passwd *pw = *name == '+' ? NULL : getpwnam(name);
        unsigned n;

        if (pw)
                *id = pw->pw_uid;
        else if (vh_parse_uint(*name == '+' ? name + 1 : name, &n) == 0)
                *id = n;
        else
                return -ESRCH;
        return 0;
}

static int group_id(const char *name, gid_t *id)
{
        const struct group *gr = *name == '+' ? NULL : getgrnam(name);
        unsigned n;

        if (gr)
                *id = gr->gr_gid;
        else if (vh_parse_uint(*name == '+' ? name + 1 : name, &n) == 0)
                *id = n;
        else
                return -ESRCH;
        return 0;
}

int qemu_account(const QemuDriver *driver, QemuAccount *account, VhError **err)
{
        const char *user = NULL, *group = NULL;
        int r = driver->conf ? vh_conf_get_string(driver->conf, "user", &user, err) : 0;

        if (r >= 0 && driver->conf)
                r = vh_conf_get_string(driver->conf, "group", &group, err);
        if (r < 0)
                return r;
        *account = (QemuAccount){ 0 };
        if (user_id(user ? user : DEFAULT_USER, &account->uid) < 0 && user)
                return vh_error_set(err, VIR_FROM_SECURITY, VIR_ERR_CONF_SYNTAX, "user: there is no user '%s'", user);
        if (group_id(group ? group : DEFAULT_GROUP, &account->gid) < 0 && group)
                return vh_error_set(err, VIR_FROM_SECURITY, VIR_ERR_CONF_SYNTAX, "group: there is no group '%s'",
                                    group);
        return 0;
}

static VhSeclabel *dac_label(const VhDomainDef *def)
{
        for (uint32_t i = 0; i < def->seclabels.n; i++)
                if (vh_streq(def->seclabels.items[i]->model, "dac"))
                        return def->seclabels.items[i];
        return NULL;
}

/* "USER:GROUP" of a label. */
static int parse_label(const char *label, QemuAccount *account, VhError **err)
{
        _vh_free_ char *user = vh_xstrdup(label);
        char *group = strchr(user, ':');

        if (group)
                *group++ = '\0';
        if (group && user_id(user, &account->uid) == 0 && group_id(group, &account->gid) == 0)
                return 0;
        return vh_error_set(err, VIR_FROM_SECURITY, VIR_ERR_INVALID_ARG, "Failed to parse DAC label '%s'", label);
}

int qemu_account_of(const QemuProcess *proc, QemuAccount *account, VhError **err)
{
        const VhSeclabel *label = dac_label(proc->dom->def);

        return label && label->label ? parse_label(label->label, account, err)
                                     : qemu_account(proc->driver, account, err);
}

QemuIdentity *qemu_identity_free(QemuIdentity *identity)
{
        if (identity)
                free(identity->groups);
        free(identity);
        return NULL;
}

/* The groups of the account's user, looked up before the fork: it may ask a server. */
static QemuIdentity *make_identity(const QemuDriver *driver, const QemuAccount *account)
{
        QemuIdentity *id = vh_new(QemuIdentity, 1);
        const struct passwd *pw = getpwuid(account->uid);
        bool clear = true;

        if (driver->conf)
                (void)vh_conf_get_bool(driver->conf, "clear_emulator_capabilities", &clear, NULL);
        id->account = *account;
        id->keep_capabilities = !clear;
        id->n_groups = GROUPS_MAX;
        id->groups = vh_new(gid_t, GROUPS_MAX);
        if (!pw || getgrouplist(pw->pw_name, account->gid, id->groups, &id->n_groups) < 0) {
                id->groups[0] = account->gid;
                id->n_groups = 1;
        }
        return id;
}

/* max_core is a number of bytes or "unlimited". */
static rlim_t core_limit(const VhConf *conf)
{
        const VhConfEntry *entry = vh_conf_find(conf, "max_core");

        if (!entry)
                return 0;
        return entry->value.kind == VH_CONF_UINT ? entry->value.u : RLIM_INFINITY;
}

/* The process' limits by qemu.conf. */
static void read_limits(const QemuDriver *driver, QemuIdentity *id)
{
        unsigned processes = 0, files = 0;

        if (!driver->conf)
                return;
        (void)vh_conf_get_uint(driver->conf, "max_processes", &processes, NULL);
        (void)vh_conf_get_uint(driver->conf, "max_files", &files, NULL);
        id->core = core_limit(driver->conf);
        id->processes = processes;
        id->files = files;
}

/* ---- files ---- */

/* Whose files they are to be. */
typedef struct Owning {
        const QemuProcess *proc;
        QemuAccount account;
        bool remember;
} Owning;

/* What the definition keeps as it is, what is not there (QEMU will miss it itself), and what everybody may use. */
static bool stays(const Owning *o, const QemuFile *file)
{
        const VhSeclabel *label = qemu_file_label(file, "dac");
        struct stat st;

        if ((label && label->relabel == VH_NO) || qemu_namespace_covers(o->proc, file->path))
                return true;
        if (file->output && !label && qemu_logd_wanted(o->proc->driver))
                return true;
        return file->node && (stat(file->path, &st) < 0 || (st.st_mode & ANYBODY) == ANYBODY);
}

/* As ever, images that others may use are not given back. */
static int give(void *data, const QemuFile *file, VhError **err)
{
        const Owning *o = data;

        return stays(o, file) ? 0 : qemu_dac_give(file->path, &o->account, qemu_file_is_kept(file) && o->remember, err);
}

static int restore(void *data, const QemuFile *file, VhError **err)
{
        const Owning *o = data;
        _vh_error_ VhError *why = NULL;

        if (stays(o, file) || qemu_path_is_used_elsewhere(o->proc, file->path))
                return 0;
        if (!qemu_file_is_kept(file))
                qemu_dac_drop(file->path, &o->account);
        else if (qemu_dac_restore(file->path, &o->account, &why) < 0)
                vh_log_warning("%s", vh_error_text(why, -EIO));
        return 0;
}

/* QEMU cannot make files in folders of others. account: NULL, its owner is seen to with those of all files. */
static int make_chr_file(const char *path, const QemuAccount *account, VhError **err)
{
        _vh_close_ int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, CHR_FILE_MODE);

        if (fd < 0 || (account && fchown(fd, account->uid, account->gid) < 0))
                return vh_error_sys(err, VIR_FROM_SECURITY, errno, "Unable to open file: %s", path);
        return 0;
}

typedef struct ChrFiles {
        const QemuAccount *account;
        bool given; /* with all files */
        VhError **err;
} ChrFiles;

static int make_chr_files(VhDeviceKind kind, void *dev, VhDeviceInfo *info, void *opaque)
{
        const ChrFiles *files = opaque;
        const VhChrSource *src;
        int r = 0;

        if (!vh_device_is_chr(kind))
                return 0;
        src = &((const VhChr *)dev)->source;
        if (src->type == VH_CHR_FILE && src->path)
                r = make_chr_file(src->path, files->given ? NULL : files->account, files->err);
        if (r >= 0 && src->log && src->log->file)
                r = make_chr_file(src->log->file, files->account, files->err);
        return VH_MIN(r, 0);
}

static int give_folder(void *data, const char *folder, VhError **err)
{
        return qemu_dac_give(folder, data, false, err);
}

static int give_own_files(const QemuProcess *proc, const QemuAccount *account, VhError **err)
{
        const char *const paths[] = { proc->lib_dir, proc->channel_dir, proc->ram_dir, proc->master_key };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < VH_ARRAY_SIZE(paths); i++)
                if (paths[i] && access(paths[i], F_OK) == 0)
                        r = qemu_dac_give(paths[i], account, false, err);
        if (r >= 0 && qemu_wants_hugepages(proc->dom->def))
                r = qemu_hugepages_each(proc->driver->conf, qemu_process_short_name(proc), give_folder, (void *)account,
                                        err);
        return r;
}

/* ---- hooks ---- */

static bool owns_files(const QemuDriver *driver)
{
        bool dynamic = true;

        if (driver->conf)
                (void)vh_conf_get_bool(driver->conf, "dynamic_ownership", &dynamic, NULL);
        return driver->env.privileged && dynamic;
}

bool qemu_isolation_remembers(const QemuDriver *driver)
{
        bool remember = true;

        if (driver->conf)
                (void)vh_conf_get_bool(driver->conf, "remember_owner", &remember, NULL);
        return remember;
}

/* Files of a running guest; negative errno, or 1 if they are nobody's business. */
static int owning_of(const QemuProcess *proc, Owning *o, VhError **err)
{
        *o = (Owning){ .proc = proc, .remember = qemu_isolation_remembers(proc->driver) };
        return owns_files(proc->driver) ? qemu_account_of(proc, &o->account, err) : 1;
}

/* What runs has both labels, also where its definition came from an image without them. */
static void show_label(VhDomainDef *def, const QemuAccount *account)
{
        VhSeclabel *label = dac_label(def);

        if (!label) {
                label = vh_new(VhSeclabel, 1);
                label->type = SECLABEL_DYNAMIC;
                label->model = vh_xstrdup("dac");
                label->relabel = VH_YES;
                vh_list_add(&def->seclabels, label);
        }
        if (!label->label && label->type == SECLABEL_DYNAMIC)
                label->label = vh_xasprintf("+%u:+%u", account->uid, account->gid);
        if (!label->imagelabel && label->label)
                label->imagelabel = vh_xstrdup(label->label);
}

static int prepare(QemuProcess *proc, QemuLaunch *launch, VhError **err)
{
        bool owned = owns_files(proc->driver) && !qemu_logd_wanted(proc->driver);
        QemuAccount account;
        Owning owning;
        int r;

        if (!proc->driver->env.privileged)
                return 0;
        r = qemu_account_of(proc, &account, err);
        if (r >= 0)
                r = give_own_files(proc, &account, err);
        if (r >= 0)
                r = vh_domain_each_device(proc->dom->def, make_chr_files, &(ChrFiles){ &account, owned, err });
        if (r >= 0)
                r = qemu_guest_sockets_make(proc, &account, launch, err);
        if (r < 0)
                return r;
        proc->identity = make_identity(proc->driver, &account);
        read_limits(proc->driver, proc->identity);
        show_label(proc->dom->def, &account);
        if (owning_of(proc, &owning, err) != 0)
                return 0;
        proc->owns_files = true;
        return qemu_guest_files(proc->dom->def, give, &owning, err);
}

/* A node may be opened in the guest's group and namespace from now on. */
static int open_node(void *data, const char *path, unsigned access, VhError **err)
{
        const QemuProcess *proc = data;
        int r = qemu_device_acl_allow(proc, path, access, err);

        return r < 0 ? r : qemu_namespace_add(proc, path, err);
}

typedef struct Search {
        const char *path;
        bool found;
} Search;

static int compare(void *data, const char *path, unsigned access, VhError **err)
{
        Search *search = data;

        search->found |= strcmp(search->path, path) == 0;
        return 0;
}

/* Unless something else of the guest has it too. */
static int close_node(void *data, const char *path, unsigned access, VhError **err)
{
        const QemuProcess *proc = data;
        Search search = { path, false };

        (void)qemu_guest_nodes(proc->driver, proc->dom->def, compare, &search, NULL);
        if (search.found)
                return 0;
        qemu_device_acl_deny(proc, path);
        qemu_namespace_remove(proc, path);
        return 0;
}

int qemu_isolation_add_disk(QemuProcess *proc, const VhDisk *disk, VhError **err)
{
        const VhDevice dev = { VH_DEVICE_DISK, (VhDisk *)disk };

        return qemu_isolation_add_device(proc, &dev, err);
}

void qemu_isolation_remove_disk(QemuProcess *proc, const VhDisk *disk)
{
        const VhDevice dev = { VH_DEVICE_DISK, (VhDisk *)disk };

        qemu_isolation_remove_device(proc, &dev);
}

/* Owners and nodes as before. */
static void take_back(QemuProcess *proc, const VhDevice *dev)
{
        Owning owning;

        if (owning_of(proc, &owning, NULL) == 0)
                (void)qemu_device_files(dev, restore, &owning, NULL);
        (void)qemu_device_nodes(dev, close_node, proc, NULL);
}

int qemu_isolation_add_device(QemuProcess *proc, const VhDevice *dev, VhError **err)
{
        Owning owning;
        int r = qemu_device_nodes(dev, open_node, proc, err);

        r = r < 0 ? r : owning_of(proc, &owning, err);
        if (r == 0)
                r = qemu_device_files(dev, give, &owning, err);
        if (r >= 0)
                r = qemu_security_add(proc, dev, err);
        if (r < 0)
                take_back(proc, dev);
        return r;
}

void qemu_isolation_remove_device(QemuProcess *proc, const VhDevice *dev)
{
        qemu_security_remove(proc, dev);
        take_back(proc, dev);
}

/* A guest of root has none either, not even after exec. */
static int drop_capabilities(void)
{
        struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

        for (int cap = 0; prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0; cap++)
                ;
        return syscall(SYS_capset, &h, none) < 0 ? -errno : 0;
}

static int set_limit(int what, rlim_t value)
{
        const struct rlimit limit = { value, value };

        return setrlimit((__rlimit_resource_t)what, &limit) < 0 ? -errno : 0;
}

static int set_limits(const QemuIdentity *id)
{
        int r = set_limit(RLIMIT_CORE, id->core);

        if (r == 0 && id->processes)
                r = set_limit(RLIMIT_NPROC, id->processes);
        if (r == 0 && id->files)
                r = set_limit(RLIMIT_NOFILE, id->files);
        return r;
}

static int child(QemuProcess *proc)
{
        const QemuIdentity *id = proc->identity;
        int r;

        if (!id)
                return 0;
        r = set_limits(id);
        if (r < 0)
                return r;
        if (id->account.uid == 0)
                return id->keep_capabilities ? 0 : drop_capabilities();
        if (syscall(SYS_setgroups, (size_t)id->n_groups, id->groups) < 0 ||
            syscall(SYS_setresgid, id->account.gid, id->account.gid, id->account.gid) < 0 ||
            syscall(SYS_setresuid, id->account.uid, id->account.uid, id->account.uid) < 0)
                return -errno;
        return 0;
}

/* Guests that another daemon started own their files as well. */
static void stopped(QemuProcess *proc)
{
        Owning owning;

        if ((proc->owns_files || (!proc->starting && owns_files(proc->driver))) && owning_of(proc, &owning, NULL) == 0)
                qemu_guest_files(proc->dom->def, restore, &owning, NULL);
        if (proc->driver->env.privileged)
                qemu_guest_sockets_remove(proc);
        proc->owns_files = false;
        proc->identity = qemu_identity_free(proc->identity);
}

const QemuRunHooks qemu_isolation_hooks = {
        .name = "cannot become the guest's account",
        .prepare = prepare,
        .child = child,
        .stopped = stopped,
};
