/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Members of JSON objects, and arguments made of them. */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "command-parts.h"
#include "guest-platform.h"
#include "model/domain-tune.h"

void qj_str(json_t *o, const char *key, const char *value)
{
        if (value)
                json_object_set_new(o, key, json_string(value));
}

void qj_fmt(json_t *o, const char *key, const char *fmt, ...)
{
        va_list ap;

        va_start(ap, fmt);
        json_object_set_new(o, key, json_vsprintf(fmt, ap));
        va_end(ap);
}

void qj_int(json_t *o, const char *key, json_int_t value)
{
        json_object_set_new(o, key, json_integer(value));
}

void qj_uint(json_t *o, const char *key, json_int_t value)
{
        if (value)
                qj_int(o, key, value);
}

void qj_opt(json_t *o, const char *key, VhOptUint value)
{
        if (value.set)
                qj_int(o, key, value.val);
}

void qj_true(json_t *o, const char *key, bool value)
{
        if (value)
                json_object_set_new(o, key, json_true());
}

void qj_switch(json_t *o, const char *key, uint8_t state)
{
        if (state)
                json_object_set_new(o, key, json_boolean(state == VH_ON));
}

void qj_onoff(json_t *o, const char *key, uint8_t state)
{
        if (state)
                qj_str(o, key, state == VH_ON ? "on" : "off");
}

void qj_take(json_t *o, const char *key, json_t *value)
{
        if (value)
                json_object_set_new(o, key, value);
}

/* ---- arguments ---- */

int qemu_unsupported(const QemuBuild *b, const char *fmt, ...)
{
        _vh_free_ char *text = NULL;
        va_list ap;

        va_start(ap, fmt);
        if (vasprintf(&text, fmt, ap) < 0)
                text = NULL;
        va_end(ap);
        return vh_error_set(b->err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED, "%s", text ? text : fmt);
}

void qemu_build_arg(QemuBuild *b, const char *option, const char *fmt, ...)
{
        char *text = NULL;
        va_list ap;

        qemu_command_add(b->cmd, option);
        va_start(ap, fmt);
        if (vasprintf(&text, fmt, ap) < 0)
                abort();
        va_end(ap);
        qemu_command_take(b->cmd, text);
}

void qemu_opt_escape(VhBuf *buf, const char *value)
{
        for (; *value; value++) {
                if (*value == ',')
                        vh_buf_addc(buf, ',');
                vh_buf_addc(buf, *value);
        }
}

void qemu_build_json(QemuBuild *b, const char *option, json_t *props)
{
        qemu_command_add(b->cmd, option);
        qemu_command_take(b->cmd, json_dumps(props, JSON_COMPACT));
        json_decref(props);
}

static json_t *override_value(const VhQemuProperty *p)
{
        enum { TYPE_STRING = 1, TYPE_UNSIGNED, TYPE_SIGNED, TYPE_BOOL };

        switch (p->type) {
        case TYPE_UNSIGNED:
        case TYPE_SIGNED:
                return json_integer(strtoll(p->value, NULL, 0));
        case TYPE_BOOL:
                return json_boolean(strcmp(p->value, "true") == 0);
        default:
                return json_string(p->value);
        }
}

static void override_props(const VhQemuFrontend *frontend, json_t *props)
{
        enum { TYPE_REMOVE = 5 };

        for (uint32_t i = 0; i < frontend->properties.n; i++) {
                const VhQemuProperty *p = frontend->properties.items[i];

                if (p->type == TYPE_REMOVE)
                        json_object_del(props, p->name);
                else
                        qj_take(props, p->name, override_value(p));
        }
}

/* <qemu:override>: the properties of a device as the administrator wants them. */
static void apply_override(const VhDomainDef *def, json_t *props)
{
        const char *id = json_string_value(json_object_get(props, "id"));

        for (uint32_t i = 0; def->qemu_override && id && i < def->qemu_override->devices.n; i++) {
                const VhQemuDeviceOverride *o = def->qemu_override->devices.items[i];

                if (vh_streq(o->alias, id) && o->frontend)
                        override_props(o->frontend, props);
        }
}

static int check_type(const QemuBuild *b, const char *kind, const char *type)
{
        if (b->caps && !qemu_caps_has_type(b->caps, type))
                return qemu_unsupported(b, "%s '%s' is not supported by this QEMU", kind, type);
        return 0;
}

int qemu_device_check(const QemuBuild *b, json_t *props)
{
        apply_override(b->def, props);
        return check_type(b, "device", json_string_value(json_object_get(props, "driver")));
}

typedef struct ZpciSearch {
        const char *id;
        const VhPciAddress *found;
} ZpciSearch;

static int find_zpci(VhDeviceKind kind, void *dev, VhDeviceInfo *info, void *opaque)
{
        ZpciSearch *search = opaque;

        if (info && vh_streq(info->alias, search->id) && info->address.type == VH_ADDRESS_PCI &&
            info->address.pci.zpci_uid.set)
                search->found = &info->address.pci;
        return search->found != NULL;
}

/* Where there are channels a PCI device has another one beside it that gives it its numbers. */
static void build_zpci(QemuBuild *b, const char *id)
{
        ZpciSearch search = { .id = id };
        json_t *o;

        if (!id || !qemu_platform_has(b->def, QEMU_HAS_CCW) || !vh_domain_each_device(b->def, find_zpci, &search))
                return;
        o = json_object();
        qj_str(o, "driver", "zpci");
        qj_int(o, "uid", search.found->zpci_uid.val);
        qj_int(o, "fid", search.found->zpci_fid.val);
        qj_str(o, "target", id);
        qj_fmt(o, "id", "zpci%u", search.found->zpci_uid.val);
        qemu_build_json(b, "-device", o);
}

int qemu_build_device(QemuBuild *b, json_t *props)
{
        int r = props ? qemu_device_check(b, props) : -EINVAL;

        if (r == 0)
                build_zpci(b, json_string_value(json_object_get(props, "id")));
        if (r == 0)
                qemu_build_json(b, "-device", props);
        else
                json_decref(props);
        return r;
}

int qemu_build_objects(QemuBuild *b, json_t *list)
{
        json_t *object;
        size_t i;
        int r = 0;

        json_array_foreach(list, i, object) if (r == 0) r = qemu_build_object(b, json_incref(object));
        json_decref(list);
        return r;
}

int qemu_build_object(QemuBuild *b, json_t *props)
{
        int r = props ? check_type(b, "object", json_string_value(json_object_get(props, "qom-type"))) : -EINVAL;

        if (r == 0)
                qemu_build_json(b, "-object", props);
        else
                json_decref(props);
        return r;
}
