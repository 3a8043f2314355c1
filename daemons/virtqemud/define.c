/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Definitions come, go and change their names. */

#include "helpers.h"
#include "process.h"
#include "qemu-ops.h"

#include <errno.h>

#include "base/file.h"
#include "moment.h"

static void tell(QemuDriver *driver, const VhDomainObj *dom, int event, int detail)
{
        remote_nonnull_domain wire;

        vh_domain_obj_wire(dom, &wire);
        vh_event_domain_lifecycle(driver->hub, &wire, event, detail);
}

/* The domain that a definition is for: NULL and no error if it is a new one. */
static int find_same(QemuDriver *driver, const VhDomainDef *def, VhDomainObj **ret, VhError **err)
{
        VhDomainObj *dom = vh_domain_by_uuid(&driver->domains, def->uuid);
        char uuid[VH_UUID_TEXT_LEN + 1];

        *ret = dom;
        if (dom && strcmp(dom->node.name, def->name) != 0)
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_OPERATION_FAILED,
                                    "domain '%s' is already defined with uuid %s", dom->node.name,
                                    vh_uuid_format(def->uuid, uuid));
        if (dom)
                return 0;
        dom = vh_domain_by_name(&driver->domains, def->name);
        if (dom)
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_OPERATION_FAILED,
                                    "domain '%s' already exists with uuid %s", def->name,
                                    vh_uuid_format(dom->node.uuid, uuid));
        return 0;
}

static int define(VhCall *call, const char *xml, uint32_t flags, remote_nonnull_domain *wire, VhError **err)
{
        QemuDriver *driver = qemu_driver(call);
        _vh_domain_def_ VhDomainDef *def = NULL;
        VhDomainObj *dom = NULL;
        bool is_new;
        int r = vh_check_flags(flags, VIR_DOMAIN_DEFINE_VALIDATE, VIR_FROM_QEMU, "qemuDomainDefineXMLFlags", err);

        if (r == 0)
                r = qemu_parse(driver, xml, VH_XML_STRICT, &def, err);
        if (r == 0)
                r = vh_persist_check_name(def->name, VIR_FROM_QEMU, err);
        if (r == 0)
                r = find_same(driver, def, &dom, err);
        if (r == 0)
                r = qemu_store(driver, def, err);
        if (r < 0)
                return r;
        is_new = !dom;
        if (is_new)
                dom = vh_domain_list_add(&driver->domains, VH_TAKE_PTR(def));
        else
                qemu_set_def(driver, dom, VH_TAKE_PTR(def));
        dom->persistent = true;
        free(qemu_domain_priv(dom)->foreign);
        qemu_domain_priv(dom)->foreign = NULL;
        vh_domain_obj_wire(dom, wire);
        tell(driver, dom, VIR_DOMAIN_EVENT_DEFINED,
             is_new ? VIR_DOMAIN_EVENT_DEFINED_ADDED : VIR_DOMAIN_EVENT_DEFINED_UPDATED);
        return 0;
}

QEMU_OP_RET(domain_define_xml)
{
        return define(call, args->xml, 0, &ret->dom, err);
}

QEMU_OP_RET(domain_define_xml_flags)
{
        return define(call, args->xml, args->flags, &ret->dom, err);
}

/* Pairs of flags that say what becomes of a file which belongs to the guest. */
static int check_pairs(uint32_t flags, VhError **err)
{
        static const struct {
                uint32_t both;
                const char *name;
        } pairs[] = {
                { VIR_DOMAIN_UNDEFINE_NVRAM | VIR_DOMAIN_UNDEFINE_KEEP_NVRAM, "NVRAM" },
                { VIR_DOMAIN_UNDEFINE_TPM | VIR_DOMAIN_UNDEFINE_KEEP_TPM, "TPM" },
        };

        for (size_t i = 0; i < VH_ARRAY_SIZE(pairs); i++)
                if ((flags & pairs[i].both) == pairs[i].both)
                        return vh_error_plain(err, VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG,
                                              "Flags 'VIR_DOMAIN_UNDEFINE_%s' and 'VIR_DOMAIN_UNDEFINE_KEEP_%s' are "
                                              "mutually exclusive",
                                              pairs[i].name, pairs[i].name);
        return 0;
}

static int remove_file(const char *path, const char *what, VhError **err)
{
        return unlink(path) < 0 && errno != ENOENT
                       ? vh_error_sys(err, VIR_FROM_QEMU, errno, "failed to remove %s '%s'", what, path)
                       : 0;
}

static int undefine_saved_image(QemuDriver *driver, VhDomainObj *dom, uint32_t flags, VhError **err)
{
        _vh_free_ char *path = vh_xasprintf("%s/%s.save", driver->save_dir, dom->node.name);
        int r;

        if (access(path, F_OK) < 0)
                return 0;
        if (!(flags & VIR_DOMAIN_UNDEFINE_MANAGED_SAVE))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID,
                                    "Refusing to undefine while domain managed save image exists");
        r = remove_file(path, "managed save image", err);
        if (r == 0)
                dom->has_managed_save = false;
        return r;
}

static int undefine_nvram(const VhDomainObj *dom, uint32_t flags, VhError **err)
{
        const VhOsNvram *nvram = dom->def->os.nvram;

        if (!nvram || !nvram->path || access(nvram->path, F_OK) < 0 || flags & VIR_DOMAIN_UNDEFINE_KEEP_NVRAM)
                return 0;
        if (!(flags & VIR_DOMAIN_UNDEFINE_NVRAM))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID, "cannot undefine domain with nvram");
        return remove_file(nvram->path, "nvram", err);
}

/* A guest that runs goes on without a stored definition, and is gone when it ends. */
static void become_transient(VhDomainObj *dom)
{
        dom->persistent = false;
        dom->autostart = false;
        dom->new_def = vh_domain_def_free(dom->new_def);
}

int qemu_forget_def(QemuDriver *driver, VhDomainObj *dom, bool silent, VhError **err)
{
        int r = vh_persist_delete(driver->persist, dom->node.name, err);

        if (r < 0)
                return r;
        if (!silent)
                tell(driver, dom, VIR_DOMAIN_EVENT_UNDEFINED, VIR_DOMAIN_EVENT_UNDEFINED_REMOVED);
        qemu_drop_text(driver, dom);
        if (vh_domain_obj_active(dom))
                become_transient(dom);
        else
                vh_domain_list_remove(&driver->domains, dom);
        return 0;
}

static int undefine(VhCall *call, const remote_nonnull_domain *wire, uint32_t flags, VhError **err)
{
        enum {
                KNOWN = VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA |
                        VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA | VIR_DOMAIN_UNDEFINE_NVRAM |
                        VIR_DOMAIN_UNDEFINE_KEEP_NVRAM | VIR_DOMAIN_UNDEFINE_TPM | VIR_DOMAIN_UNDEFINE_KEEP_TPM,
        };
        QemuDriver *driver = qemu_driver(call);
        _vh_free_ char *tpm_state = NULL;
        VhDomainObj *dom;
        int r = vh_check_flags(flags, KNOWN, VIR_FROM_QEMU, "qemuDomainUndefineFlags", err);

        if (r == 0)
                r = check_pairs(flags, err);
        if (r < 0)
                return r;
        dom = qemu_domain(call, wire, err);
        if (!dom)
                return -ENOENT;
        if (!dom->persistent)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID, "cannot undefine transient domain");
        r = undefine_saved_image(driver, dom, flags, err);
        if (r == 0)
                r = qemu_moments_undefine(driver, dom, flags, err);
        if (r == 0)
                r = undefine_nvram(dom, flags, err);
        if (r == 0 && !vh_domain_obj_active(dom))
                tpm_state = qemu_tpm_state_to_remove(driver, dom->def, flags);
        if (r == 0)
                r = qemu_forget_def(driver, dom, false, err);
        if (r == 0 && tpm_state)
                qemu_remove_tree(tpm_state);
        return r;
}

QEMU_OP(domain_undefine)
{
        return undefine(call, &args->dom, 0, err);
}

QEMU_OP(domain_undefine_flags)
{
        return undefine(call, &args->dom, args->flags, err);
}

static int check_rename(const QemuDriver *driver, const VhDomainObj *dom, const char *name, VhError **err)
{
        int r = vh_persist_check_name(name, VIR_FROM_QEMU, err);

        if (r < 0)
                return r;
        if (vh_domain_obj_active(dom))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID, "cannot rename active domain");
        if (strcmp(dom->node.name, name) == 0)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID, "Can't rename domain to itself");
        if (vh_domain_by_name(&driver->domains, name))
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID,
                                    "domain with name '%s' already exists", name);
        if (dom->has_managed_save)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID,
                                    "domain with a managed saved state can't be renamed");
        return 0;
}

static int rename_to(QemuEdit *edit, const char *name, VhError **err)
{
        _vh_free_ char *xml = NULL;
        int r;

        vh_strset(&edit->def->name, name);
        xml = vh_domain_def_format(edit->def, QEMU_STORED_XML);
        r = vh_persist_rename(edit->driver->persist, edit->dom->node.name, name, xml, err);
        if (r == 0)
                r = qemu_moments_rename(edit->driver, edit->dom->node.name, name, err);
        if (r < 0)
                return r;
        tell(edit->driver, edit->dom, VIR_DOMAIN_EVENT_UNDEFINED, VIR_DOMAIN_EVENT_UNDEFINED_RENAMED);
        vh_registry_rename(&edit->driver->domains.reg, &edit->dom->node, name);
        qemu_set_def(edit->driver, edit->dom, VH_TAKE_PTR(edit->def));
        tell(edit->driver, edit->dom, VIR_DOMAIN_EVENT_DEFINED, VIR_DOMAIN_EVENT_DEFINED_RENAMED);
        return 0;
}

QEMU_OP_RET(domain_rename)
{
        _qemu_edit_ QemuEdit edit = { 0 };
        int r = vh_check_flags(args->flags, 0, VIR_FROM_QEMU, "qemuDomainRename", err);

        if (r == 0)
                r = qemu_edit_begin(&edit, call, &args->dom, VIR_DOMAIN_AFFECT_CONFIG, err);
        if (r == 0)
                r = check_rename(edit.driver, edit.dom, args->new_name ? args->new_name : "", err);
        if (r == 0)
                r = rename_to(&edit, args->new_name, err);
        return r;
}
