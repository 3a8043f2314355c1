/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is in saved images, and other definitions for them. */

#include <errno.h>
#include <fcntl.h>

#include "guest-text.h"
#include "qemu-ops.h"
#include "save-image.h"

/* ---- reading ---- */

static int show(VhCall *call, const char *path, uint32_t flags, char **xml, VhError **err)
{
        _vh_domain_def_ VhDomainDef *def = NULL;
        unsigned secure = flags & VIR_DOMAIN_SAVE_IMAGE_XML_SECURE ? VH_XML_SECURE : 0;
        QemuSaveImage image;
        int r = qemu_save_image_open(&image, path, err);

        if (r < 0)
                return r;
        r = qemu_parse(qemu_driver(call), image.xml, 0, &def, err);
        if (r == 0)
                *xml = vh_call_own(call, vh_domain_def_format(def, VH_XML_INACTIVE | secure));
        qemu_save_image_done(&image);
        return r;
}

QEMU_OP_RET(domain_save_image_get_xml_desc)
{
        int r = vh_check_flags(args->flags, VIR_DOMAIN_SAVE_IMAGE_XML_SECURE, VIR_FROM_QEMU,
                               "qemuDomainSaveImageGetXMLDesc", err);

        return r < 0 ? r : show(call, args->file, args->flags, &ret->xml, err);
}

/* ---- writing ---- */

/* The definition of a client takes the place of the image's: it must be of the same guest. */
static int check_same(const VhDomainDef *was, const VhDomainDef *def, VhError **err)
{
        if (memcmp(was->uuid, def->uuid, VH_UUID_LEN) != 0)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "the image is of domain '%s' with another uuid", was->name);
        if (strcmp(was->name, def->name) != 0)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "the image is of domain '%s', not of '%s'", was->name, def->name);
        return 0;
}

static int check_writable(const char *path, VhError **err)
{
        _vh_free_ char *full = *path == '/' ? vh_xstrdup(path) : vh_xasprintf("/%s", path);
        _vh_close_ int fd = open(full, O_RDWR | O_CLOEXEC);

        return fd < 0 ? vh_error_sys(err, VIR_FROM_QEMU, errno, "Failed to open file '%s'", full) : 0;
}

static int define(VhCall *call, const char *path, const char *xml, uint32_t flags, VhError **err)
{
        enum { STATE = VIR_DOMAIN_SAVE_RUNNING | VIR_DOMAIN_SAVE_PAUSED };
        QemuDriver *driver = qemu_driver(call);
        _vh_domain_def_ VhDomainDef *was = NULL;
        _vh_domain_def_ VhDomainDef *def = NULL;
        _vh_free_ char *text = NULL;
        QemuSaveImage image = { .fd = -1 };
        int r = vh_check_flags(flags, STATE, VIR_FROM_QEMU, "qemuDomainSaveImageDefineXML", err);

        if (r == 0 && (flags & STATE) == STATE)
                r = vh_error_plain(err, VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG,
                                   "running and paused flags in %s are mutually exclusive",
                                   "virDomainSaveImageDefineXML");
        if (r == 0)
                r = check_writable(path, err);
        if (r == 0)
                r = qemu_save_image_open(&image, path, err);
        if (r == 0)
                r = qemu_parse(driver, image.xml, 0, &was, err);
        if (r == 0)
                r = qemu_parse(driver, xml, 0, &def, err);
        if (r == 0)
                r = check_same(was, def, err);
        if (r == 0)
                text = qemu_migratable_text(def);
        if (r == 0)
                r = qemu_save_image_rewrite(path, text,
                                            flags & STATE ? flags & VIR_DOMAIN_SAVE_RUNNING : image.was_running, err);
        qemu_save_image_done(&image);
        return r;
}

QEMU_OP(domain_save_image_define_xml)
{
        return define(call, args->file, args->dxml, args->flags, err);
}

/* ---- managed images ---- */

static VhDomainObj *with_image(VhCall *call, const remote_nonnull_domain *wire, VhError **err)
{
        VhDomainObj *dom = qemu_domain(call, wire, err);

        if (dom && !dom->has_managed_save) {
                vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID, "domain does not have managed save image");
                return NULL;
        }
        return dom;
}

QEMU_OP_RET(domain_managed_save_get_xml_desc)
{
        const VhDomainObj *dom = with_image(call, &args->dom, err);
        _vh_free_ char *path = NULL;
        int r = dom ? vh_check_flags(args->flags, VIR_DOMAIN_SAVE_IMAGE_XML_SECURE, VIR_FROM_QEMU,
                                     "qemuDomainManagedSaveGetXMLDesc", err)
                    : -EINVAL;

        if (r < 0)
                return r;
        path = qemu_managed_path(qemu_driver(call), dom);
        return show(call, path, args->flags, &ret->xml, err);
}

QEMU_OP(domain_managed_save_define_xml)
{
        const VhDomainObj *dom = with_image(call, &args->dom, err);
        _vh_free_ char *path = NULL;

        if (!dom)
                return -EINVAL;
        path = qemu_managed_path(qemu_driver(call), dom);
        return define(call, path, args->dxml, args->flags, err);
}

QEMU_OP(domain_managed_save_remove)
{
        VhDomainObj *dom = qemu_domain(call, &args->dom, err);
        _vh_free_ char *path = NULL;

        if (!dom)
                return -ENOENT;
        path = qemu_managed_path(qemu_driver(call), dom);
        if (unlink(path) < 0)
                return vh_error_sys(err, VIR_FROM_QEMU, errno, "Failed to remove managed save file '%s'", path);
        dom->has_managed_save = false;
        return 0;
}
