/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Peer to peer: this daemon does all phases, as a client of the target's daemon. The phases of the source are the same
 * tasks that serve clients. */

#include <errno.h>

#include "api.h"
#include "base/log.h"
#include "migrate-remote.h"
#include "migrate-resume.h"
#include "migrate-tunnel.h"
#include "migrate.h"
#include "procs.h"

VH_LOG_SOURCE("qemu.migrate");

typedef struct Peer {
        MigrateTask t; /* of the client's call */
        char *uri;
        QemuFarOpen *open;
        QemuFarDaemon far;
        QemuTunnel *tunnel;
        char *xml;
        char *cookie;  /* of the phase before */
        char *uri_out; /* where the memory goes to */
        int r;         /* the first failure */
        VhError *err;
        bool finishing;          /* the target may have started the guest */
        bool lost;               /* the connection broke */
        MigrateTask *performing; /* NULL: not now */
} Peer;

static void peer_end(Peer *p)
{
        qemu_task_end(&p->t.task, p->r, VH_TAKE_PTR(p->err));
}

/* Only the first failure counts: the others follow from it. err is borrowed. */
static void note(Peer *p, int r, const VhError *err)
{
        if (r >= 0 || p->r < 0)
                return;
        p->r = r;
        p->err = vh_error_copy(err);
}

static MigrateTask *phase(Peer *p, const QemuTaskClass *class, QemuMigrateParams *params,
                          void (*ended)(QemuTask *task, int r, const VhError *err))
{
        MigrateTask *t = qemu_migrate_task(p->t.task.driver, p->t.task.dom, NULL, class, params);

        t->task.ended = ended;
        t->task.opaque = p;
        return t;
}

/* The cookie of the other side for a phase of ours. */
static int take_cookie(Peer *p, MigrateTask *t, unsigned parts, VhError **err)
{
        const VhDomainObj *dom = p->t.task.dom;
        const QemuCookieFor what = { p->t.task.driver->uuid, dom->node.name, dom->node.uuid, parts };

        return p->cookie ? qemu_cookie_parse(&t->in, &what, p->cookie, strlen(p->cookie), err) : 0;
}

static void set_cookie(Peer *p, const void *bytes, size_t len)
{
        free(p->cookie);
        p->cookie = len ? vh_xstrndup(bytes, len) : NULL;
}

/* What could not even be sent is noted. */
static int call(Peer *p, int32_t number, const void *args, VhRemoteReplyFn fn, uint32_t *serial)
{
        _vh_error_ VhError *err = NULL;
        int r = -ECONNRESET;

        if (p->far.remote)
                r = vh_remote_call(p->far.remote, &vh_program_remote, vh_program_find(&vh_program_remote, number), args,
                                   fn, p, serial);
        if (r < 0) {
                vh_error_sys(&err, VIR_FROM_RPC, r, "Lost connection to destination host");
                note(p, r, err);
        }
        return r;
}

/* Flags that are the source's own affair. */
static uint32_t target_flags(const Peer *p)
{
        return p->t.params.flags & ~(uint32_t)(VIR_MIGRATE_ABORT_ON_ERROR | VIR_MIGRATE_AUTO_CONVERGE);
}

/* Only the definition moves. */
static bool is_offline(const Peer *p)
{
        return p->t.params.flags & VIR_MIGRATE_OFFLINE;
}

/* ---- confirm ---- */

static void confirmed(QemuTask *task, int r, const VhError *err)
{
        Peer *p = task->opaque;

        note(p, r, err);
        peer_end(p);
}

/* Nobody knows whether the guest runs over there: it must not run here. */
static bool is_undecided(const Peer *p)
{
        return p->finishing && p->lost;
}

static void confirm(Peer *p)
{
        QemuMigration *m = qemu_migration(p->t.task.dom);
        VhError *err = NULL;
        MigrateTask *t;
        int r;

        if (is_offline(p)) {
                t = phase(p, &qemu_offline_confirm_class, &p->t.params, confirmed);
                t->cancelled = p->r < 0;
                qemu_task_go(&t->task);
                return;
        }
        if (!m || (is_undecided(p) && !qemu_migrate_is_postcopy(m))) {
                if (m) {
                        vh_log_error("domain '%s': the connection broke while the target started the guest; it stays "
                                     "paused here, resume it once it is known not to run there",
                                     m->dom->node.name);
                        qemu_migration_end(m);
                }
                peer_end(p);
                return;
        }
        t = phase(p, &qemu_confirm_class, &p->t.params, confirmed);
        t->cancelled = p->r < 0;
        r = take_cookie(p, t, QEMU_COOKIE_FOR_CONFIRM, &err);
        if (r < 0) {
                vh_log_warning("%s", vh_error_text(err, r));
                vh_error_free(err);
        }
        qemu_task_go(&t->task);
}

/* ---- finish ---- */

static void finished(void *data, int r, const VhFrame *frame, const VhError *err)
{
        Peer *p = data;
        _vh_cleanup_(vh_arena_done) VhArena arena = { 0 };
        remote_domain_migrate_finish3_params_ret ret = { 0 };

        if (r == -ECANCELED)
                return;
        if (r < 0 && r != -EREMOTEIO)
                p->lost = true;
        if (r == 0 && vh_remote_decode(frame, &vh_xdr_remote_domain_migrate_finish3_params_ret, &ret, &arena) == 0)
                set_cookie(p, ret.cookie_out.val, ret.cookie_out.len);
        else
                set_cookie(p, NULL, 0);
        note(p, r, err);
        confirm(p);
}

static const char *target_name(const Peer *p)
{
        return p->t.params.dest_name ? p->t.params.dest_name : p->t.task.dom->node.name;
}

static int call_finish_params(Peer *p)
{
        _vh_cleanup_(vh_arena_done) VhArena arena = { 0 };
        VhTypedList list = { .arena = &arena };
        remote_domain_migrate_finish3_params_args args = { .flags = target_flags(p), .cancelled = p->r < 0 };

        vh_typed_add_string(&list, VIR_MIGRATE_PARAM_DEST_NAME, target_name(p));
        if (p->uri_out)
                vh_typed_add_string(&list, VIR_MIGRATE_PARAM_URI, p->uri_out);
        args.params.val = list.val;
        args.params.len = list.len;
        if (p->cookie) {
                args.cookie_in.val = (uint8_t *)p->cookie;
                args.cookie_in.len = (uint32_t)strlen(p->cookie) + 1;
        }
        return call(p, REMOTE_PROC_DOMAIN_MIGRATE_FINISH3_PARAMS, &args, finished, NULL);
}

/* Replies of both forms are alike. */
static int call_finish_old(Peer *p)
{
        remote_domain_migrate_finish3_args args = {
                .dname = (char *)(uintptr_t)target_name(p),
                .uri = p->uri_out,
                .flags = target_flags(p),
                .cancelled = p->r < 0,
        };

        if (p->cookie) {
                args.cookie_in.val = (uint8_t *)p->cookie;
                args.cookie_in.len = (uint32_t)strlen(p->cookie) + 1;
        }
        return call(p, REMOTE_PROC_DOMAIN_MIGRATE_FINISH3, &args, finished, NULL);
}

static void finish(Peer *p)
{
        int r;

        p->tunnel = qemu_tunnel_free(p->tunnel);
        p->finishing = p->r == 0;
        r = p->far.has_params ? call_finish_params(p) : call_finish_old(p);
        if (r == 0)
                return;
        /* It never got there: the target throws away what waits, and the guest goes on here. */
        p->finishing = false;
        set_cookie(p, NULL, 0);
        confirm(p);
}

/* ---- perform ---- */

static void tunnel_ended(void *data, int r, const VhError *err)
{
        Peer *p = data;

        note(p, r, err);
        if (!p->performing)
                finish(p);
        else if (r < 0)
                qemu_migrate_cancel(qemu_migration(p->t.task.dom));
}

static void performed(QemuTask *task, int r, const VhError *err)
{
        Peer *p = task->opaque;
        MigrateTask *t = (MigrateTask *)task;

        p->performing = NULL;
        note(p, r, err);
        set_cookie(p, NULL, 0);
        p->cookie = VH_TAKE_PTR(t->cookie_out);
        if (p->tunnel && r < 0)
                qemu_tunnel_abort(p->tunnel);
        if (!p->tunnel || r < 0 || qemu_tunnel_is_over(p->tunnel))
                finish(p);
        else
                qemu_tunnel_wait(p->tunnel);
}

static void perform(Peer *p)
{
        QemuMigrateParams params = p->t.params;
        MigrateTask *t;
        VhError *err = NULL;
        int r;

        params.uri = p->uri_out ? p->uri_out : params.uri;
        t = phase(p, &qemu_perform_class, &params, performed);
        t->fd = p->tunnel ? qemu_tunnel_take_fd(p->tunnel) : -1;
        p->performing = t;
        r = take_cookie(p, t, QEMU_COOKIE_FOR_PERFORM | QEMU_COOKIE_NBD, &err);
        if (r < 0)
                qemu_task_end(&t->task, r, err);
        else
                qemu_task_go(&t->task);
}

/* ---- prepare ---- */

static void not_prepared(Peer *p, int r, const VhError *err)
{
        note(p, r, err);
        p->tunnel = qemu_tunnel_free(p->tunnel);
        set_cookie(p, NULL, 0);
        confirm(p);
}

static void prepared(void *data, int r, const VhFrame *frame, const VhError *err)
{
        Peer *p = data;
        _vh_cleanup_(vh_arena_done) VhArena arena = { 0 };
        remote_domain_migrate_prepare3_params_ret ret = { 0 };

        if (r == -ECANCELED)
                return;
        if (r == 0)
                r = vh_remote_decode(frame, &vh_xdr_remote_domain_migrate_prepare3_params_ret, &ret, &arena);
        if (r < 0) {
                not_prepared(p, r, err);
                return;
        }
        set_cookie(p, ret.cookie_out.val, ret.cookie_out.len);
        p->uri_out = vh_xstrdup(ret.uri_out);
        if (is_offline(p)) {
                set_cookie(p, NULL, 0);
                finish(p);
        } else
                perform(p);
}

static void tunnel_prepared(void *data, int r, const VhFrame *frame, const VhError *err)
{
        Peer *p = data;
        _vh_cleanup_(vh_arena_done) VhArena arena = { 0 };
        remote_domain_migrate_prepare_tunnel3_params_ret ret = { 0 };

        if (r == -ECANCELED)
                return;
        if (r == 0)
                r = vh_remote_decode(frame, &vh_xdr_remote_domain_migrate_prepare_tunnel3_params_ret, &ret, &arena);
        if (r < 0) {
                not_prepared(p, r, err);
                return;
        }
        set_cookie(p, ret.cookie_out.val, ret.cookie_out.len);
        perform(p);
}

/* Parameters as the target gets them: the text is that of our begin. */
static void target_params(Peer *p, VhTypedList *list)
{
        QemuMigrateParams params = p->t.params;

        params.dest_xml = p->xml;
        params.persist_xml = NULL;
        qemu_migrate_params_list(&params, list);
}

static int call_prepare_params(Peer *p, bool tunnel, uint32_t *serial)
{
        _vh_cleanup_(vh_arena_done) VhArena arena = { 0 };
        VhTypedList list = { .arena = &arena };
        /* The tunnel's arguments are the same. */
        remote_domain_migrate_prepare3_params_args args = { .flags = target_flags(p) };
        remote_domain_migrate_prepare_tunnel3_params_args tunnel_args = { .flags = target_flags(p) };

        target_params(p, &list);
        args.params.val = tunnel_args.params.val = list.val;
        args.params.len = tunnel_args.params.len = list.len;
        args.cookie_in.val = tunnel_args.cookie_in.val = (uint8_t *)p->cookie;
        args.cookie_in.len = tunnel_args.cookie_in.len = (uint32_t)strlen(p->cookie) + 1;
        if (tunnel)
                return call(p, REMOTE_PROC_DOMAIN_MIGRATE_PREPARE_TUNNEL3_PARAMS, &tunnel_args, tunnel_prepared,
                            serial);
        return call(p, REMOTE_PROC_DOMAIN_MIGRATE_PREPARE3_PARAMS, &args, prepared, serial);
}

static int call_prepare_old(Peer *p)
{
        remote_domain_migrate_prepare3_args args = {
                .cookie_in.val = (uint8_t *)p->cookie,
                .cookie_in.len = (uint32_t)strlen(p->cookie) + 1,
                .uri_in = (char *)(uintptr_t)p->t.params.uri,
                .flags = target_flags(p),
                .dname = (char *)(uintptr_t)p->t.params.dest_name,
                .resource = p->t.params.bandwidth,
                .dom_xml = p->xml,
        };

        return call(p, REMOTE_PROC_DOMAIN_MIGRATE_PREPARE3, &args, prepared, NULL);
}

static void prepare(Peer *p)
{
        bool tunnel = p->t.params.flags & VIR_MIGRATE_TUNNELLED;
        VhError *err = NULL;
        uint32_t serial = 0;
        int r;

        if (tunnel && !p->far.has_params)
                r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_ARGUMENT_UNSUPPORTED,
                                 "the destination daemon is too old for a tunnel");
        else
                r = p->far.has_params ? call_prepare_params(p, tunnel, &serial) : call_prepare_old(p);
        if (r == 0 && tunnel)
                r = qemu_tunnel_open(&p->tunnel, p->t.task.driver, p->far.remote, serial, tunnel_ended, p, &err);
        if (r < 0)
                not_prepared(p, r, err);
        vh_error_free(err);
}

/* ---- begin ---- */

static void begun(QemuTask *task, int r, const VhError *err)
{
        Peer *p = task->opaque;
        MigrateTask *t = (MigrateTask *)task;

        if (r < 0) {
                note(p, r, err);
                peer_end(p);
                return;
        }
        p->xml = VH_TAKE_PTR(t->xml);
        p->cookie = VH_TAKE_PTR(t->cookie_out);
        if (qemu_migration(task->dom))
                qemu_migration(task->dom)->conn = NULL; /* the call lasts until the end */
        /* One that does not run here will not run there. */
        if (task->dom->state == VIR_DOMAIN_PAUSED && !qemu_migrate_is_resume(&p->t.params))
                p->t.params.flags |= VIR_MIGRATE_PAUSED;
        prepare(p);
}

static void begin(Peer *p)
{
        QemuMigrateParams params = p->t.params;

        params.flags |= VIR_MIGRATE_CHANGE_PROTECTION;
        qemu_task_go(&phase(p, qemu_migrate_is_resume(&params) ? &qemu_resume_begin_class : &qemu_begin_class, &params,
                            begun)
                              ->task);
}

/* ---- the connection ---- */

static void far_closed(VhRemote *remote, int r, void *data)
{
        Peer *p = data;
        QemuMigration *m = p->performing ? qemu_migration(p->t.task.dom) : NULL;
        _vh_error_ VhError *err = NULL;

        p->lost = true;
        p->far.remote = vh_remote_free(p->far.remote);
        r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED, "Lost connection to destination host");
        if (p->performing)
                note(p, r, err);
        /* Either may be the end of p. */
        if (p->tunnel)
                qemu_tunnel_lost(p->tunnel, r, err);
        qemu_migrate_cancel(m);
}

static void far_frame(VhRemote *remote, const VhFrame *frame, void *data)
{
        Peer *p = data;

        if (p->tunnel)
                qemu_tunnel_frame(p->tunnel, frame);
}

static void far_sent(VhRemote *remote, void *data)
{
        Peer *p = data;

        if (p->tunnel)
                qemu_tunnel_sent(p->tunnel);
}

static void opened(void *data, int r, const QemuFarDaemon *far, VhError *err)
{
        static const VhRemoteHooks hooks = { .frame = far_frame, .closed = far_closed, .sent = far_sent };
        Peer *p = data;

        p->open = NULL;
        note(p, r, err);
        vh_error_clear(&err);
        if (r < 0) {
                peer_end(p);
                return;
        }
        p->far = *far;
        if (is_offline(p) && !far->has_offline) {
                r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_ARGUMENT_UNSUPPORTED,
                                 "offline migration is not supported by the destination host");
                note(p, r, err);
                vh_error_free(err);
                peer_end(p);
                return;
        }
        vh_remote_set_hooks(p->far.remote, &hooks, p);
        begin(p);
}

static void peer_run(QemuTask *task)
{
        Peer *p = (Peer *)task;
        VhError *err = NULL;
        int r = qemu_far_open(&p->open, task->driver, p->uri, opened, p, &err);

        if (r < 0)
                qemu_task_end(task, r, err);
}

static void peer_cleanup(QemuTask *task)
{
        Peer *p = (Peer *)task;

        qemu_far_open_cancel(p->open);
        qemu_tunnel_free(p->tunnel);
        vh_remote_free(p->far.remote);
        qemu_tls_free(p->far.tls);
        vh_error_free(p->err);
        free(p->uri);
        free(p->xml);
        free(p->cookie);
        free(p->uri_out);
        qemu_migrate_cleanup(task);
}

static const QemuTaskClass peer_class = {
        .api = "remoteDispatchDomainMigratePerform3Params",
        .size = sizeof(Peer),
        .job = QEMU_JOB_NONE,
        .run = peer_run,
        .cleanup = peer_cleanup,
};

int qemu_migrate_peer(VhCall *call_, VhDomainObj *dom, const QemuMigrateParams *params, const char *uri,
                      void (*ended)(QemuTask *task, int r, const VhError *err), VhError **err)
{
        QemuDriver *driver = qemu_driver(call_);
        Peer *p;
        int r = qemu_migrate_check(dom, params, err);

        if (r < 0)
                return r;
        if (!uri)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID,
                                    "direct migration is not supported: no destination daemon was named");
        p = (Peer *)qemu_migrate_task(driver, dom, call_, &peer_class, params);
        p->uri = vh_xstrdup(uri);
        p->t.task.ended = ended;
        return qemu_task_go(&p->t.task);
}
