/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a host needs besides the daemons' own files: groups, folders, and guests at shutdown. */

#include "plan.h"
#include "dirs.h"
#include "lang.h"

#include <inttypes.h>

enum { FILE_MODE = 0644 };

/* Adds the file if anything but the header is in it. */
static void add_if_any(VhPlan *plan, VhPlanKind kind, const char *dir, VhDraft *d)
{
        if (d->n_places > 0)
                vh_plan_add(plan, kind, vh_xasprintf("%s/%s/50-virthost.conf", VH_SYSCONFDIR, dir), FILE_MODE, d);
        vh_draft_done(d);
}

static const VhSetting *access_group(const VhProfile *p)
{
        const VhSetting *found = NULL;

        for (const VhDaemonDesc **d = p->daemons; *d && !found; d++)
                found = vh_profile_setting(p, *d, "unix_sock_group");
        return found;
}

static void add_members(VhDraft *d, const VhGiven *users, const char *group)
{
        if (users->n > 0)
                vh_draft_from(d, users->node, users->path);
        for (size_t i = 0; i < users->n; i++)
                vh_buf_printf(&d->text, "m %s %s\n", users->items[i], group);
}

void vh_emit_accounts(VhPlan *plan, const VhProfile *p)
{
        const VhSetting *group = access_group(p);
        const VhGiven *create = &p->access.create_group;
        VhDraft d = { 0 };

        if (!group)
                return;
        vh_emit_header(&d.text, p);
        if (create->node && create->on) {
                vh_draft_from(&d, create->node, create->path);
                vh_buf_printf(&d.text, "g %s -\n", group->value.str);
        }
        add_members(&d, &p->access.members, group->value.str);
        add_members(&d, &p->remote.ssh_users, group->value.str);
        add_if_any(plan, VH_PLAN_SYSUSERS, "sysusers.d", &d);
}

/* Options that name a folder which nobody else makes. */
static const struct {
        const char *conf; /* NULL: of daemons */
        const char *option;
        const char *mode;
} folders[] = {
        { NULL, "unix_sock_dir", "0755" },
        { "qemu.conf", "auto_dump_path", "0711" },
        { "qemu-lockd.conf", "file_lockspace_dir", "0700" },
        { "qemu-lockd.conf", "lvm_lockspace_dir", "0700" },
        { "qemu-lockd.conf", "scsi_lockspace_dir", "0700" },
};

static const VhSetting *folder_setting(const VhProfile *p, size_t i)
{
        const VhSetting *found = NULL;

        if (folders[i].conf)
                return vh_profile_conf_setting(p, vh_conf_desc_find(folders[i].conf), folders[i].option);
        for (const VhDaemonDesc **d = p->daemons; *d && !found; d++)
                found = vh_profile_setting(p, *d, folders[i].option);
        return found;
}

/* A field of tmpfiles.d: blanks and quotes are quoted, % would be a specifier. */
static void add_field(VhBuf *b, const char *s)
{
        vh_buf_addc(b, '"');
        for (; *s; s++)
                vh_buf_printf(b, "%s%c", *s == '\\' ? "\\" : *s == '%' ? "%" : "", *s);
        vh_buf_addc(b, '"');
}

void vh_emit_folders(VhPlan *plan, const VhProfile *p)
{
        VhDraft d = { 0 };

        vh_emit_header(&d.text, p);
        for (size_t i = 0; i < VH_ARRAY_SIZE(folders); i++) {
                const VhSetting *s = folder_setting(p, i);

                if (!s || !*s->value.str)
                        continue;
                vh_draft_from(&d, s->node, s->path);
                vh_buf_adds(&d.text, "d ");
                add_field(&d.text, s->value.str);
                vh_buf_printf(&d.text, " %s root root -\n", folders[i].mode);
        }
        add_if_any(plan, VH_PLAN_TMPFILES, "tmpfiles.d", &d);
}

/* Guests */

static void add_words(VhBuf *b, const VhGiven *g)
{
        for (size_t i = 0; i < g->n; i++)
                vh_buf_printf(b, "%s%s", i > 0 ? " " : "", g->items[i]);
}

static void add_variable(VhDraft *d, const VhProfile *p, const VhGuestVariable *v)
{
        const VhGiven *g = (const VhGiven *)((const char *)p + v->key->given);
        VhKeyKind kind = v->key->kind;

        if (!g->node)
                return;
        vh_draft_from(d, g->node, g->path);
        vh_buf_printf(&d->text, "%s='", v->name);
        if (kind == VH_KEY_BOOL)
                vh_buf_addc(&d->text, g->on ? '1' : '0');
        else if (kind == VH_KEY_NUMBER)
                vh_buf_printf(&d->text, "%" PRIu64, g->number);
        else if (kind == VH_KEY_LIST)
                add_words(&d->text, g);
        else
                vh_buf_adds(&d->text, g->text);
        vh_buf_adds(&d->text, "'\n");
}

void vh_emit_guests(VhPlan *plan, const VhProfile *p)
{
        VhDraft d = { 0 };

        if (!vh_profile_guests(p))
                return;
        vh_emit_header(&d.text, p);
        for (const VhGuestVariable *v = vh_guest_variables; v->name; v++)
                add_variable(&d, p, v);
        vh_plan_add(plan, VH_PLAN_ENVIRONMENT, vh_xasprintf("%s/libvirt-guests", p->distro->env_dir), FILE_MODE, &d)
                ->unit = VH_GUESTS_UNIT;
}
