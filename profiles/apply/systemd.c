/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* org.freedesktop.systemd1 through sd-bus. Root talks to process 1 itself: that works without a message bus too. */

#include "apply/systemd.h"

#include <errno.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#define SERVICE   "org.freedesktop.systemd1"
#define MANAGER   "org.freedesktop.systemd1.Manager"
#define UNIT      "org.freedesktop.systemd1.Unit"
#define UNIT_PATH "/org/freedesktop/systemd1/unit"

static const char manager_path[] = "/org/freedesktop/systemd1";
static const char private_address[] = "unix:path=/run/systemd/private";

enum {
        JOB_SECONDS = 200, /* more than the 90 s that systemd itself gives a stop and then a start */
        RELOAD_SECONDS = 200,
};
#define USEC_PER_SEC UINT64_C(1000000)

struct VhSystemd {
        sd_bus *bus;
        const char *job; /* that is waited for */
        char *result;    /* of it */
};

static void bus_error_done(sd_bus_error *e)
{
        sd_bus_error_free(e);
}
#define _bus_error_ _vh_cleanup_(bus_error_done)

static void message_unref(sd_bus_message **m)
{
        sd_bus_message_unref(*m);
}
#define _message_ _vh_cleanup_(message_unref)

/* The error of a call, as systemd worded it. */
static int failed(VhError **err, const sd_bus_error *e, int r, const char *what, const char *unit)
{
        vh_error_plain(err, VIR_FROM_SYSTEMD, VIR_ERR_OPERATION_FAILED, "cannot %s %s: %s", what, unit,
                       e && e->message ? e->message : strerror(-r));
        return r;
}

static int job_removed(sd_bus_message *m, void *data, sd_bus_error *e)
{
        VhSystemd *s = data;
        const char *path, *unit, *result;
        uint32_t id;

        if (sd_bus_message_read(m, "uoss", &id, &path, &unit, &result) >= 0 && vh_streq(path, s->job))
                vh_strset(&s->result, result);
        return 0;
}

static int connect_bus(sd_bus **ret)
{
        sd_bus *bus = NULL;
        int r;

        if (geteuid() != 0)
                return sd_bus_open_system(ret);
        r = sd_bus_new(&bus);
        if (r >= 0)
                r = sd_bus_set_address(bus, private_address);
        if (r >= 0)
                r = sd_bus_start(bus);
        if (r < 0) {
                sd_bus_unref(bus);
                return sd_bus_open_system(ret);
        }
        *ret = bus;
        return 0;
}

int vh_systemd_open(VhSystemd **ret, VhError **err)
{
        _vh_systemd_ VhSystemd *s = NULL;
        int r;

        if (sd_booted() <= 0) {
                vh_error_plain(err, VIR_FROM_SYSTEMD, VIR_ERR_OPERATION_INVALID,
                               "systemd does not run this machine: units cannot be changed (for an image give --root)");
                return -EHOSTDOWN;
        }
        s = vh_new(VhSystemd, 1);
        r = connect_bus(&s->bus);
        if (r < 0)
                return vh_error_sys(err, VIR_FROM_SYSTEMD, r, "cannot reach systemd");
        r = sd_bus_add_match(s->bus, NULL, "type='signal',interface='" MANAGER "',member='JobRemoved'", job_removed, s);
        if (r < 0)
                return vh_error_sys(err, VIR_FROM_SYSTEMD, r, "cannot listen to systemd");
        /* Root's own connection hears of jobs anyway; what matters shows when a job is waited for. */
        sd_bus_call_method(s->bus, SERVICE, manager_path, MANAGER, "Subscribe", NULL, NULL, "");
        *ret = VH_TAKE_PTR(s);
        return 0;
}

VhSystemd *vh_systemd_close(VhSystemd *s)
{
        if (!s)
                return NULL;
        sd_bus_flush_close_unref(s->bus);
        free(s->result);
        free(s);
        return NULL;
}

static int get_text(VhSystemd *s, const char *path, const char *interface, const char *name, char **text,
                    sd_bus_error *e)
{
        return sd_bus_get_property_string(s->bus, SERVICE, path, interface, name, e, text);
}

/* What only services have; another unit leaves it out. */
static void read_service(VhSystemd *s, const char *path, VhUnitInfo *info)
{
        _bus_error_ sd_bus_error e = SD_BUS_ERROR_NULL;
        _vh_free_ char *kill = NULL;
        uint32_t pid = 0;
        int stay = 0;

        if (get_text(s, path, SERVICE ".Service", "KillMode", &kill, &e) >= 0)
                info->kills_all = vh_streq(kill, "control-group") || vh_streq(kill, "mixed");
        if (sd_bus_get_property_trivial(s->bus, SERVICE, path, SERVICE ".Service", "MainPID", NULL, 'u', &pid) >= 0)
                info->main_pid = pid;
        if (sd_bus_get_property_trivial(s->bus, SERVICE, path, UNIT, "RefuseManualStop", NULL, 'b', &stay) >= 0)
                info->not_stopped = stay;
}

int vh_systemd_unit(VhSystemd *s, const char *unit, VhUnitInfo *info, VhError **err)
{
        _bus_error_ sd_bus_error e = SD_BUS_ERROR_NULL;
        _vh_free_ char *path = NULL, *load = NULL, *active = NULL;
        int r = sd_bus_path_encode(UNIT_PATH, unit, &path);

        *info = (VhUnitInfo){ 0 };
        if (r >= 0)
                r = get_text(s, path, UNIT, "LoadState", &load, &e);
        if (r >= 0)
                r = get_text(s, path, UNIT, "ActiveState", &active, &e);
        if (r < 0)
                return failed(err, &e, r, "ask systemd about", unit);
        info->loaded = vh_streq(load, "loaded");
        info->masked = vh_streq(load, "masked");
        info->active = vh_streq(active, "active") || vh_streq(active, "activating") || vh_streq(active, "reloading");
        info->failed = vh_streq(active, "failed");
        if (vh_endswith(unit, ".service"))
                read_service(s, path, info);
        return 0;
}

static uint64_t now_usec(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * USEC_PER_SEC + (uint64_t)t.tv_nsec / 1000;
}

/* Serves the bus until the job ends. */
static int wait_for_job(VhSystemd *s, const char *job)
{
        uint64_t end = now_usec() + JOB_SECONDS * USEC_PER_SEC, now;
        int r = 0;

        s->job = job;
        vh_strset(&s->result, NULL);
        while (r >= 0 && !s->result) {
                r = sd_bus_process(s->bus, NULL);
                now = now_usec();
                if (r == 0 && now >= end)
                        r = -ETIMEDOUT;
                else if (r == 0)
                        r = sd_bus_wait(s->bus, end - now);
                if (r == -EINTR)
                        r = 0;
        }
        s->job = NULL;
        return r < 0 ? r : 0;
}

static const char *verb_of(const char *method)
{
        return vh_startswith(method, "Start")     ? "start"
               : vh_startswith(method, "Stop")    ? "stop"
               : vh_startswith(method, "Restart") ? "restart"
                                                  : "reload";
}

int vh_systemd_job(VhSystemd *s, const char *method, const char *unit, VhError **err)
{
        _bus_error_ sd_bus_error e = SD_BUS_ERROR_NULL;
        _message_ sd_bus_message *reply = NULL;
        const char *job;
        int r = sd_bus_call_method(s->bus, SERVICE, manager_path, MANAGER, method, &e, &reply, "ss", unit, "replace");

        if (r >= 0)
                r = sd_bus_message_read(reply, "o", &job);
        if (r >= 0)
                r = wait_for_job(s, job);
        if (r < 0)
                return failed(err, &e, r, verb_of(method), unit);
        if (vh_streq(s->result, "done") || (vh_streq(s->result, "skipped")))
                return 0;
        vh_error_plain(err, VIR_FROM_SYSTEMD, VIR_ERR_OPERATION_FAILED, "cannot %s %s: %s; journalctl -u %s tells more",
                       verb_of(method), unit, s->result, unit);
        return -EIO;
}

int vh_systemd_queue(VhSystemd *s, const char *method, const char *unit, VhError **err)
{
        _bus_error_ sd_bus_error e = SD_BUS_ERROR_NULL;
        int r = sd_bus_call_method(s->bus, SERVICE, manager_path, MANAGER, method, &e, NULL, "ss", unit, "replace");

        return r < 0 ? failed(err, &e, r, verb_of(method), unit) : 0;
}

int vh_systemd_reload(VhSystemd *s, VhError **err)
{
        _bus_error_ sd_bus_error e = SD_BUS_ERROR_NULL;
        _message_ sd_bus_message *m = NULL;
        int r = sd_bus_message_new_method_call(s->bus, &m, SERVICE, manager_path, MANAGER, "Reload");

        if (r >= 0)
                r = sd_bus_call(s->bus, m, RELOAD_SECONDS * USEC_PER_SEC, &e, NULL);
        return r < 0 ? failed(err, &e, r, "make systemd read", "its units again") : 0;
}

static int add_timer_properties(sd_bus_message *m, const char *what, unsigned seconds)
{
        return sd_bus_message_append(m, "a(sv)", 4, "Description", "s", what, "AccuracyUSec", "t", USEC_PER_SEC / 10,
                                     "RemainAfterElapse", "b", 0, "TimersMonotonic", "a(st)", 1, "OnActiveSec",
                                     (uint64_t)seconds * USEC_PER_SEC);
}

static int add_exec_start(sd_bus_message *m, const char *const *argv)
{
        int r = sd_bus_message_open_container(m, 'r', "sv");

        if (r >= 0)
                r = sd_bus_message_append(m, "s", "ExecStart");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "a(sasb)");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "(sasb)");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'r', "sasb");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", argv[0]);
        if (r >= 0)
                r = sd_bus_message_append_strv(m, (char **)argv);
        if (r >= 0)
                r = sd_bus_message_append(m, "b", 0);
        for (int i = 0; r >= 0 && i < 4; i++)
                r = sd_bus_message_close_container(m);
        return r;
}

static int add_service(sd_bus_message *m, const char *service, const char *what, const char *const *argv)
{
        int r = sd_bus_message_open_container(m, 'a', "(sa(sv))");

        if (r >= 0)
                r = sd_bus_message_open_container(m, 'r', "sa(sv)");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", service);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "(sv)");
        if (r >= 0)
                r = sd_bus_message_append(m, "(sv)(sv)", "Description", "s", what, "Type", "s", "oneshot");
        if (r >= 0)
                r = add_exec_start(m, argv);
        for (int i = 0; r >= 0 && i < 3; i++)
                r = sd_bus_message_close_container(m);
        return r;
}

int vh_systemd_start_timer(VhSystemd *s, const char *name, unsigned seconds, const char *const *argv, VhError **err)
{
        static const char what[] = "takes back a profile that nobody confirmed";
        _bus_error_ sd_bus_error e = SD_BUS_ERROR_NULL;
        _vh_free_ char *timer = vh_xasprintf("%s.timer", name), *service = vh_xasprintf("%s.service", name);
        _message_ sd_bus_message *m = NULL, *reply = NULL;
        const char *job;
        int r = sd_bus_message_new_method_call(s->bus, &m, SERVICE, manager_path, MANAGER, "StartTransientUnit");

        if (r >= 0)
                r = sd_bus_message_append(m, "ss", timer, "fail");
        if (r >= 0)
                r = add_timer_properties(m, what, seconds);
        if (r >= 0)
                r = add_service(m, service, what, argv);
        if (r >= 0)
                r = sd_bus_call(s->bus, m, 0, &e, &reply);
        if (r >= 0)
                r = sd_bus_message_read(reply, "o", &job);
        if (r >= 0)
                r = wait_for_job(s, job);
        return r < 0 ? failed(err, &e, r, "start", timer) : 0;
}
