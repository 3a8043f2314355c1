/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CheckAuthorization of polkit, over sd-bus.
 *
 * Each query has a bus connection of its own: logins of unprivileged peers are rare, and nothing is left open between
 * them. */

#include "rpc/polkit.h"

#include <errno.h>
#include <systemd/sd-bus.h>

enum { ALLOW_USER_INTERACTION = 1 };
static const uint64_t dialogue_usec = 5ull * 60 * 1000000; /* time to type a password */

struct VhPolkit {
        VhLoop *loop;
        sd_bus *bus;
        sd_bus_slot *slot;
        char *action;
        VhPolkitFn fn;
        void *data;
        VhError *failed; /* asking did not work */
        int failed_r;
        VhLater report;
};

/* Reports and frees. */
static void end_query(VhPolkit *q, int r, VhError *err)
{
        VhPolkitFn fn = q->fn;
        void *data = q->data;

        vh_polkit_free(q);
        fn(data, r, err);
}

static int read_answer(VhPolkit *q, sd_bus_message *reply, VhError **err)
{
        int allowed, challenge, r;

        if (sd_bus_message_is_method_error(reply, NULL))
                return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_AUTH_FAILED, "polkit: %s",
                                    sd_bus_message_get_error(reply)->message);
        r = sd_bus_message_enter_container(reply, 'r', "bba{ss}");
        if (r >= 0)
                r = sd_bus_message_read(reply, "bb", &allowed, &challenge);
        if (r < 0)
                return vh_error_sys(err, VIR_FROM_RPC, r, "cannot read the answer of polkit");
        if (allowed)
                return 0;
        if (challenge)
                return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_AUTH_UNAVAILABLE,
                                    "no polkit agent available to authenticate action '%s'", q->action);
        return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_AUTH_FAILED, "%s", "access denied by policy");
}

static int on_answer(sd_bus_message *reply, void *data, sd_bus_error *ret)
{
        VhPolkit *q = data;
        _vh_error_ VhError *err = NULL;
        int r = read_answer(q, reply, &err);

        end_query(q, r, err);
        return 0;
}

static void report_failure(VhLater *later)
{
        VhPolkit *q = VH_CONTAINER_OF(later, VhPolkit, report);
        _vh_error_ VhError *err = VH_TAKE_PTR(q->failed);

        end_query(q, q->failed_r, err);
}

static int build_query(VhPolkit *q, const VhIdentity *id, sd_bus_message **m)
{
        int r;

        r = sd_bus_message_new_method_call(q->bus, m, "org.freedesktop.PolicyKit1",
                                           "/org/freedesktop/PolicyKit1/Authority",
                                           "org.freedesktop.PolicyKit1.Authority", "CheckAuthorization");
        if (r < 0)
                return r;
        r = sd_bus_message_append(*m, "(sa{sv})sa{ss}us", "unix-process", 3, "pid", "u", (uint32_t)id->pid,
                                  "start-time", "t", id->start_time, "uid", "i", (int32_t)id->uid, q->action, 0,
                                  ALLOW_USER_INTERACTION, "");
        return r;
}

static int ask(VhPolkit *q, const VhIdentity *id, VhError **err)
{
        sd_bus_message *m = NULL;
        int r;

        if (!id->has_unix || id->pid <= 0 || !id->start_time)
                return vh_error_set(err, VIR_FROM_RPC, VIR_ERR_AUTH_FAILED, "%s", "the calling process is not known");
        r = sd_bus_open_system(&q->bus);
        if (r >= 0)
                r = sd_bus_attach_event(q->bus, vh_loop_sd_event(q->loop), SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = build_query(q, id, &m);
        if (r >= 0)
                r = sd_bus_call_async(q->bus, &q->slot, m, on_answer, q, dialogue_usec);
        sd_bus_message_unref(m);
        return r < 0 ? vh_error_sys(err, VIR_FROM_RPC, r, "cannot ask polkit on the system bus") : 0;
}

VhPolkit *vh_polkit_check(VhLoop *loop, const VhIdentity *id, const char *action, VhPolkitFn fn, void *data)
{
        VhPolkit *q = vh_new(VhPolkit, 1);

        q->loop = loop;
        q->action = vh_xstrdup(action);
        q->fn = fn;
        q->data = data;
        q->report.run = report_failure;
        q->failed_r = ask(q, id, &q->failed);
        if (q->failed_r < 0)
                vh_loop_later(loop, &q->report);
        return q;
}

VhPolkit *vh_polkit_free(VhPolkit *q)
{
        if (q) {
                vh_loop_cancel_later(q->loop, &q->report);
                sd_bus_slot_unref(q->slot);
                if (q->bus) {
                        sd_bus_detach_event(q->bus);
                        sd_bus_close_unref(q->bus);
                }
                vh_error_free(q->failed);
                free(q->action);
                free(q);
        }
        return NULL;
}
