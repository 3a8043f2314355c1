/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Title, description, and what applications store in a definition. */

#include "process.h"
#include "qemu-ops.h"

#include <errno.h>

static int unknown_type(int type, VhError **err)
{
        return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG, "unknown metadata type '%d'", type);
}

/* Copies title or description; NULL: there is none. */
static int give_text(VhCall *call, const char *text, char **ret, VhError **err)
{
        if (!text)
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_NO_DOMAIN_METADATA,
                                    "Requested metadata element is not present");
        *ret = vh_call_strdup(call, text);
        return 0;
}

QEMU_OP_RET(domain_get_metadata)
{
        const VhDomainDef *def;
        int r = vh_check_flags(args->flags, QEMU_AFFECT, VIR_FROM_DOMAIN, "virDomainObjGetMetadata", err);

        if (r < 0)
                return r;
        def = qemu_config(call, &args->dom, args->flags, err);
        if (!def)
                return -EINVAL;
        switch (args->type) {
        case VIR_DOMAIN_METADATA_DESCRIPTION:
                return give_text(call, def->description, &ret->metadata, err);
        case VIR_DOMAIN_METADATA_TITLE:
                return give_text(call, def->title, &ret->metadata, err);
        case VIR_DOMAIN_METADATA_ELEMENT:
                if (!args->uri)
                        return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG,
                                            "metadata needs a namespace URI");
                r = vh_domain_get_metadata(def, args->uri, &ret->metadata, err);
                return r < 0 ? r : (vh_call_own(call, ret->metadata), 0);
        default:
                return unknown_type(args->type, err);
        }
}

static int set_title(VhDomainDef *def, const char *title, VhError **err)
{
        if (title && strchr(title, '\n'))
                return vh_error_plain(err, VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG,
                                      "metadata title can't contain newlines");
        vh_strset(&def->title, title && *title ? title : NULL);
        return 0;
}

static int set_element(VhDomainDef *def, const remote_domain_set_metadata_args *args, VhError **err)
{
        if (!args->uri || (args->metadata && !args->key))
                return vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_INVALID_ARG,
                                    "metadata needs a namespace URI and a prefix");
        return vh_domain_set_metadata(def, args->uri, args->key, args->metadata, err);
}

static int set_metadata(VhDomainDef *def, const void *opaque, VhError **err)
{
        const remote_domain_set_metadata_args *args = opaque;

        switch (args->type) {
        case VIR_DOMAIN_METADATA_DESCRIPTION:
                vh_strset(&def->description, args->metadata && *args->metadata ? args->metadata : NULL);
                return 0;
        case VIR_DOMAIN_METADATA_TITLE:
                return set_title(def, args->metadata, err);
        case VIR_DOMAIN_METADATA_ELEMENT:
                return set_element(def, args, err);
        default:
                return unknown_type(args->type, err);
        }
}

/* QEMU does not know of it: no job, both definitions at once. */
static int set_both(VhCall *call, const remote_domain_set_metadata_args *args, VhDomainObj *dom, uint32_t affect,
                    VhError **err)
{
        _qemu_edit_ QemuEdit edit = { 0 };
        _vh_domain_def_ VhDomainDef *live = NULL;
        int r = 0;

        if (affect & VIR_DOMAIN_AFFECT_LIVE) {
                live = vh_domain_def_copy(dom->def);
                r = set_metadata(live, args, err);
        }
        if (r == 0 && affect & VIR_DOMAIN_AFFECT_CONFIG) {
                r = qemu_edit_begin(&edit, call, &args->dom, VIR_DOMAIN_AFFECT_CONFIG, err);
                r = r < 0 ? r : set_metadata(edit.def, args, err);
                r = r < 0 ? r : qemu_edit_commit(&edit, err);
        }
        if (r == 0 && live) {
                r = set_metadata(dom->def, args, err);
                qemu_status_save(dom);
        }
        return r;
}

QEMU_OP(domain_set_metadata)
{
        VhDomainObj *dom = qemu_domain(call, &args->dom, err);
        uint32_t affect = args->flags & QEMU_AFFECT;
        remote_nonnull_domain wire;
        int r;

        if (!dom)
                return -ENOENT;
        r = vh_check_flags(args->flags, QEMU_AFFECT, VIR_FROM_DOMAIN, "virDomainObjSetMetadata", err);
        if (r == 0)
                r = vh_domain_obj_affect(dom, &affect, VIR_FROM_DOMAIN, err);
        if (r == 0)
                r = set_both(call, args, dom, affect, err);
        if (r < 0)
                return r;
        vh_domain_obj_wire(dom, &wire);
        vh_event_domain_metadata_change(qemu_driver(call)->hub, &wire, args->type, args->uri);
        return 0;
}
