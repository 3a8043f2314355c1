/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which kind of access control there is, and who gets which label. */

#include "security.h"

#include <errno.h>
#include <sys/socket.h>

#include "model/domain-check.h"

/* In the order in which they are tried. */
static const QemuSecurity *const kinds[] = { &qemu_security_selinux, &qemu_security_apparmor };

static const QemuSecurity *find(const char *name)
{
        for (size_t i = 0; i < VH_ARRAY_SIZE(kinds); i++)
                if (strcmp(kinds[i]->name, name) == 0)
                        return kinds[i];
        return NULL;
}

static bool flag(const QemuDriver *driver, const char *key, bool value)
{
        if (driver->conf)
                (void)vh_conf_get_bool(driver->conf, key, &value, NULL);
        return value;
}

/* ---- the kind in force ---- */

static const QemuSecurity *first_that_works(const QemuDriver *driver)
{
        for (size_t i = 0; i < VH_ARRAY_SIZE(kinds); i++)
                if (kinds[i]->works(driver))
                        return kinds[i];
        return NULL;
}

/* The first that is named is in force; each has to work. */
static int take(QemuDriver *driver, const char *name, VhError **err)
{
        const QemuSecurity *kind = find(name);

        if (strcmp(name, "none") == 0)
                return 0;
        if (!kind || !kind->works(driver))
                return vh_error_set(err, VIR_FROM_SECURITY, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "Security driver %s not enabled", name);
        if (!driver->security)
                driver->security = kind;
        return 0;
}

int qemu_security_open(QemuDriver *driver, VhError **err)
{
        const VhConfEntry *entry = driver->conf ? vh_conf_find(driver->conf, "security_driver") : NULL;
        int r = 0;

        if (!driver->env.privileged)
                return 0;
        if (!entry)
                driver->security = first_that_works(driver);
        else if (entry->value.kind == VH_CONF_STRING)
                r = take(driver, entry->value.str, err);
        else if (entry->value.kind == VH_CONF_LIST)
                for (size_t i = 0; r == 0 && i < entry->value.list.n; i++)
                        if (entry->value.list.items[i].kind == VH_CONF_STRING)
                                r = take(driver, entry->value.list.items[i].str, err);
        if (r == 0 && !driver->security && flag(driver, "security_require_confined", false))
                r = vh_error_set(err, VIR_FROM_SECURITY, VIR_ERR_CONFIG_UNSUPPORTED,
                                 "Security driver \"none\" cannot create confined guests");
        if (r == 0 && driver->security && driver->security->open)
                r = driver->security->open(driver, err);
        return r;
}

void qemu_security_close(QemuDriver *driver)
{
        if (driver->security && driver->security->close)
                driver->security->close(driver);
        driver->security = NULL;
}

const char *qemu_security_base_label(const QemuDriver *driver, bool kvm)
{
        const QemuSecurity *kind = driver->security;

        return kind && kind->base_label ? kind->base_label(driver, kvm) : NULL;
}

const char *qemu_security_name(const QemuDriver *driver)
{
        return driver->security ? driver->security->name : "none";
}

/* ---- labels ---- */

VhSeclabel *qemu_security_label_of(const VhDomainDef *def, const char *model)
{
        for (uint32_t i = 0; i < def->seclabels.n; i++)
                if (vh_streq(def->seclabels.items[i]->model, model))
                        return def->seclabels.items[i];
        return NULL;
}

const VhSeclabel *qemu_security_label(const QemuProcess *proc)
{
        const QemuSecurity *kind = proc->driver->security;
        const VhSeclabel *label = kind ? qemu_security_label_of(proc->dom->def, kind->name) : NULL;

        return label && label->type != QEMU_SECLABEL_NONE && label->label ? label : NULL;
}

int qemu_security_default_models(const QemuDriver *driver, VhDomainDef *def, VhError **err)
{
        for (uint32_t i = 0; i < def->seclabels.n; i++) {
                VhSeclabel *label = def->seclabels.items[i];
                int r = label->model
                                ? 0
                                : VH_CHECK_RULES(VIR_FROM_DOMAIN, err,
                                                 { def->seclabels.n > 1, VIR_ERR_XML_ERROR,
                                                   "missing security model when using multiple labels" },
                                                 { label->type == QEMU_SECLABEL_STATIC || label->baselabel,
                                                   VIR_ERR_XML_ERROR, "missing security model in domain seclabel" }, );

                if (r < 0)
                        return r;
                if (!label->model)
                        label->model = vh_xstrdup(qemu_security_name(driver));
        }
        return 0;
}

static int check_models(const QemuDriver *driver, const VhDomainDef *def, VhError **err)
{
        for (uint32_t i = 0; i < def->seclabels.n; i++) {
                const VhSeclabel *label = def->seclabels.items[i];

                if (strcmp(label->model, "dac") != 0 && strcmp(label->model, "none") != 0 &&
                    strcmp(label->model, qemu_security_name(driver)) != 0)
                        return vh_error_set(err, VIR_FROM_SECURITY, VIR_ERR_CONFIG_UNSUPPORTED,
                                            "Security driver model '%s' is not available", label->model);
        }
        return 0;
}

static VhSeclabel *new_label(VhDomainDef *def, const char *model)
{
        VhSeclabel *label = vh_new(VhSeclabel, 1);

        label->type = QEMU_SECLABEL_DYNAMIC;
        label->model = vh_xstrdup(model);
        label->relabel = VH_YES;
        vh_list_add(&def->seclabels, label);
        return label;
}

static bool asks_for_none(const QemuDriver *driver, const VhSeclabel *label)
{
        if (label)
                return label->type == QEMU_SECLABEL_NONE;
        return !flag(driver, "security_default_confined", true);
}

/* The guest's label, made or as given; none for one that is not to be confined. */
static int settle_label(QemuProcess *proc, VhError **err)
{
        const QemuDriver *driver = proc->driver;
        VhDomainDef *def = proc->dom->def;
        VhSeclabel *label = qemu_security_label_of(def, driver->security->name);

        if (asks_for_none(driver, label)) {
                if (flag(driver, "security_require_confined", false))
                        return vh_error_set(err, VIR_FROM_SECURITY, VIR_ERR_CONFIG_UNSUPPORTED,
                                            "Unconfined guests are not allowed on this host");
                return 0;
        }
        return driver->security->make_label(proc, label ? label : new_label(def, driver->security->name), err);
}

/* Model "none" labels nothing, whatever its label says. */
static void drop_labels_of_nobody(VhDomainDef *def)
{
        VhSeclabel *label = qemu_security_label_of(def, "none");

        if (!label)
                return;
        label->type = QEMU_SECLABEL_NONE;
        label->relabel = 0;
        vh_strset(&label->label, NULL);
}

/* ---- hooks ---- */

/* Before all else, so that the label stands before the owner's, and is there for programs beside the guest. */
static int resolve(QemuProcess *proc, VhError **err)
{
        int r = qemu_security_default_models(proc->driver, proc->dom->def, err);

        if (r == 0 && proc->driver->env.privileged)
                r = check_models(proc->driver, proc->dom->def, err);
        drop_labels_of_nobody(proc->dom->def);
        return r == 0 && proc->driver->security ? settle_label(proc, err) : r;
}

static int prepare(QemuProcess *proc, QemuLaunch *launch, VhError **err)
{
        const QemuSecurity *kind = proc->driver->security;
        const VhSeclabel *label = qemu_security_label(proc);

        if (!label)
                return 0;
        proc->confinement = vh_xstrdup(label->label);
        return kind->prepare ? kind->prepare(proc, label, launch, err) : 0;
}

static int child(QemuProcess *proc)
{
        return proc->confinement ? proc->driver->security->child(proc->confinement) : 0;
}

static int ended(QemuProcess *proc, VhError **err)
{
        const QemuSecurity *kind = proc->driver->security;
        const VhSeclabel *label = qemu_security_label(proc);

        /* A start that came not as far as here has nothing to undo. */
        if (!label || !kind->ended || (proc->starting && !proc->confinement))
                return 0;
        return kind->ended(proc, label, err);
}

static void stopped(QemuProcess *proc)
{
        free(proc->confinement);
        proc->confinement = NULL;
}

static void cancel(QemuProcess *proc)
{
        if (proc->driver->security && proc->driver->security->cancel)
                proc->driver->security->cancel(proc);
}

void qemu_security_forget(QemuProcess *proc)
{
        if (proc->driver->security && proc->driver->security->forget)
                proc->driver->security->forget(proc);
}

const QemuRunHooks qemu_security_hooks = {
        .name = "cannot take on the guest's security label",
        .resolve = resolve,
        .prepare = prepare,
        .child = child,
        .ended = ended,
        .stopped = stopped,
        .cancel = cancel,
};

/* ---- devices ---- */

int qemu_security_add(QemuProcess *proc, const VhDevice *dev, VhError **err)
{
        const VhSeclabel *label = qemu_security_label(proc);

        return label ? proc->driver->security->add(proc, label, dev, err) : 0;
}

void qemu_security_remove(QemuProcess *proc, const VhDevice *dev)
{
        const VhSeclabel *label = qemu_security_label(proc);

        if (label)
                proc->driver->security->remove(proc, label, dev);
}

/* ---- descriptors and programs ---- */

char *qemu_security_helper_label(const QemuProcess *proc)
{
        const VhSeclabel *label = qemu_security_label(proc);

        return label && proc->driver->security == &qemu_security_selinux ? vh_xstrdup(label->label) : NULL;
}

int qemu_security_label_path(const QemuProcess *proc, const char *path, bool reads, VhError **err)
{
        const QemuSecurity *kind = proc->driver->security;
        const VhSeclabel *label = qemu_security_label(proc);

        return label && kind->label_path ? kind->label_path(proc, label, path, reads, err) : 0;
}

int qemu_security_label_fd(QemuProcess *proc, int fd, bool reads, VhError **err)
{
        const QemuSecurity *kind = proc->driver->security;
        const VhSeclabel *label = qemu_security_label(proc);
        _vh_free_ char *path = vh_xasprintf("/proc/self/fd/%d", fd);

        if (label && kind->give_file)
                kind->give_file(proc, label, fd);
        return qemu_security_label_path(proc, path, reads, err);
}

int qemu_security_socket(const QemuProcess *proc, int flags, bool of_guest)
{
        const QemuSecurity *kind = proc->driver->security;
        const VhSeclabel *label = qemu_security_label(proc);
        bool labelled = label && kind->sockets;
        int r = labelled ? kind->sockets(proc, label, of_guest) : 0, fd;

        if (r < 0)
                return r;
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
        r = fd < 0 ? -errno : fd;
        if (labelled)
                kind->sockets_end();
        return r;
}
