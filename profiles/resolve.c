/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which of a profile's values counts for a daemon. */

#include "profile.h"

static bool applies(const VhSetting *s, const VhDaemonDesc *d)
{
        switch (s->scope) {
        case VH_SCOPE_API:
                return d->role != VH_ROLE_LOG && d->role != VH_ROLE_LOCK;
        case VH_SCOPE_ALL:
                return true;
        case VH_SCOPE_ONE:
                return s->daemon == d;
        case VH_SCOPE_CONF:
                return false;
        }
        return false;
}

const VhSetting *vh_profile_setting(const VhProfile *p, const VhDaemonDesc *d, const char *option)
{
        const VhSetting *found = NULL;

        for (const VhSetting *s = p->settings; s; s = s->next)
                if (applies(s, d) && vh_streq(s->option->name, option) &&
                    (!found || s->scope == VH_SCOPE_ONE || found->scope != VH_SCOPE_ONE))
                        found = s;
        return found && !found->left ? found : NULL;
}

const VhSetting *vh_profile_conf_setting(const VhProfile *p, const VhConfDesc *conf, const char *option)
{
        for (const VhSetting *s = p->settings; s; s = s->next)
                if (s->scope == VH_SCOPE_CONF && s->conf == conf && vh_streq(s->option->name, option))
                        return s->left ? NULL : s;
        return NULL;
}

const VhIdle *vh_profile_idle_setting(const VhProfile *p, const VhDaemonDesc *d)
{
        const VhIdle *found = NULL;

        for (const VhIdle *i = p->idles; i; i = i->next)
                if (i->daemon == d || (!i->daemon && d->idle_seconds > 0 && !(found && found->daemon)))
                        found = i;
        return found && !found->left ? found : NULL;
}

unsigned vh_profile_idle(const VhProfile *p, const VhDaemonDesc *d)
{
        const VhIdle *i = vh_profile_idle_setting(p, d);

        return i ? i->seconds : vh_profile_is_activated(p, d) ? d->idle_seconds : 0;
}

bool vh_profile_wants_socket(const VhProfile *p, const VhDaemonDesc *d, const VhSocketDesc *s)
{
        const VhSetting *enable = s->enable_key ? vh_profile_setting(p, d, s->enable_key) : NULL;

        return s->file || (enable && enable->value.u == 1);
}

bool vh_profile_is_activated(const VhProfile *p, const VhDaemonDesc *d)
{
        return p->startup == VH_STARTUP_ACTIVATION || d->role == VH_ROLE_LOG || d->role == VH_ROLE_LOCK;
}

bool vh_profile_is_replaced(const VhProfile *p, const VhOptionDesc *o)
{
        return p->startup == VH_STARTUP_ACTIVATION && o->replaced_by != VH_REPLACED_NOT;
}

bool vh_profile_is_other_layout(const VhProfile *p, const VhDaemonDesc *d)
{
        bool monolithic = d->role == VH_ROLE_MONOLITHIC;

        if (d->role == VH_ROLE_LOG || d->role == VH_ROLE_LOCK)
                return false;
        return monolithic != (p->layout == VH_LAYOUT_MONOLITHIC);
}

const VhGiven *vh_profile_guests(const VhProfile *p)
{
        const VhGiven *all[] = {
                &p->guests.at_shutdown, &p->guests.at_boot, &p->guests.uris,         &p->guests.start_delay,
                &p->guests.parallel,    &p->guests.timeout, &p->guests.bypass_cache, &p->guests.sync_time,
        };

        for (size_t i = 0; i < VH_ARRAY_SIZE(all); i++)
                if (all[i]->node)
                        return all[i];
        return NULL;
}
