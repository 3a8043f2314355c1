/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The calls of migrations: with parameters, and the older ones with arguments. */

#include <errno.h>

#include "api.h"
#include "migrate-resume.h"
#include "qemu-ops.h"

/* Where a call wants its results; NULL: it has none of that kind. */
typedef struct Results {
        struct {
                uint32_t *len;
                uint8_t **val;
        } cookie;
        char **xml;
        char **uri;
        remote_nonnull_domain *dom;
} Results;

/* The end of a phase that a client called. */
static void give(QemuTask *task, int r, const Results *to)
{
        MigrateTask *t = (MigrateTask *)task;
        VhCall *call = task->call;

        if (r < 0 || !call)
                return;
        if (to->cookie.val && t->cookie_out) {
                /* The NUL at the end belongs to it. */
                *to->cookie.len = (uint32_t)strlen(t->cookie_out) + 1;
                *to->cookie.val = vh_call_own(call, VH_TAKE_PTR(t->cookie_out));
        }
        if (to->xml)
                *to->xml = vh_call_own(call, VH_TAKE_PTR(t->xml));
        if (to->uri)
                *to->uri = vh_call_own(call, VH_TAKE_PTR(t->uri_out));
        if (to->dom)
                vh_domain_obj_wire(task->dom, to->dom);
}

#define COOKIE(ret) .cookie = { &(ret)->cookie_out.len, &(ret)->cookie_out.val }

#define ENDED(name, type, ...)                                                                                         \
        static void name(QemuTask *task, int r, const VhError *err)                                                    \
        {                                                                                                              \
                type *ret = task->call ? task->call->ret : NULL;                                                       \
                                                                                                                       \
                if (ret)                                                                                               \
                        give(task, r, &(Results){ __VA_ARGS__ });                                                      \
        }

ENDED(begin_ended, remote_domain_migrate_begin3_params_ret, COOKIE(ret), .xml = &ret->xml)
ENDED(old_begin_ended, remote_domain_migrate_begin3_ret, COOKIE(ret), .xml = &ret->xml)
ENDED(prepare_ended, remote_domain_migrate_prepare3_params_ret, COOKIE(ret), .uri = &ret->uri_out)
ENDED(old_prepare_ended, remote_domain_migrate_prepare3_ret, COOKIE(ret), .uri = &ret->uri_out)
ENDED(tunnel_ended, remote_domain_migrate_prepare_tunnel3_params_ret, COOKIE(ret))
ENDED(old_tunnel_ended, remote_domain_migrate_prepare_tunnel3_ret, COOKIE(ret))
ENDED(perform_ended, remote_domain_migrate_perform3_params_ret, COOKIE(ret))
ENDED(old_perform_ended, remote_domain_migrate_perform3_ret, COOKIE(ret))
ENDED(finish_ended, remote_domain_migrate_finish3_params_ret, COOKIE(ret), .dom = &ret->dom)
ENDED(old_finish_ended, remote_domain_migrate_finish3_ret, COOKIE(ret), .dom = &ret->dom)

typedef void (*Ended)(QemuTask *task, int r, const VhError *err);

/* A phase for a domain that is there. */
typedef struct Phase {
        VhDomainObj *dom;
        const QemuTaskClass *class;
        const QemuMigrateParams *params;
        const void *cookie;
        size_t cookie_len;
        unsigned cookie_parts;
        bool last;               /* runs in any case: what waits for the cookie's news must not wait for ever */
        const char *cookie_name; /* of the guest there; NULL: any */
        int cancelled;
        Ended ended;
} Phase;

static int go(VhCall *call, const Phase *phase, VhError **err)
{
        QemuDriver *driver = qemu_driver(call);
        const QemuCookieFor what = { driver->uuid, phase->cookie_name, phase->dom->node.uuid, phase->cookie_parts };
        QemuCookie cookie = { 0 };
        MigrateTask *t;
        int r = qemu_cookie_parse(&cookie, &what, phase->cookie, phase->cookie_len, err);

        if (r < 0 && !phase->last)
                return r;
        t = qemu_migrate_task(driver, phase->dom, call, phase->class, phase->params);
        t->result = r;
        t->error = r < 0 ? VH_TAKE_PTR(*err) : NULL;
        t->in = cookie;
        t->cancelled = phase->cancelled;
        t->task.ended = phase->ended;
        return qemu_task_go(&t->task);
}

#define READ(p, call, args, err)                                                                                       \
        qemu_migrate_params_read((p), (call), (args)->params.val, (args)->params.len, (args)->flags, (err))
#define COOKIE_IN(args) .cookie = (args)->cookie_in.val, .cookie_len = (args)->cookie_in.len

/* ---- begin ---- */

static int begin(VhCall *call, const remote_nonnull_domain *wire, const QemuMigrateParams *p, Ended ended,
                 VhError **err)
{
        const Phase phase = {
                .dom = qemu_domain(call, wire, err),
                .class = qemu_migrate_is_resume(p) ? &qemu_resume_begin_class : &qemu_begin_class,
                .params = p,
                .ended = ended,
        };
        const QemuMigration *m = phase.dom ? qemu_migration(phase.dom) : NULL;

        if (!phase.dom)
                return -ENOENT;
        /* Its job would not end by itself: no use in waiting for it. */
        if (m && m->phase == QEMU_PHASE_POSTCOPY_FAILED && !qemu_migrate_is_resume(p))
                return qemu_migrate_check(phase.dom, p, err);
        return go(call, &phase, err);
}

QEMU_OP_RET(domain_migrate_begin3_params)
{
        QemuMigrateParams p;
        int r = READ(&p, call, args, err);

        return r < 0 ? r : begin(call, &args->dom, &p, begin_ended, err);
}

/* Parameters of the older calls. */
static QemuMigrateParams old_params(uint64_t flags, const char *dname, uint64_t bandwidth)
{
        return (QemuMigrateParams){ .flags = (uint32_t)flags, .dest_name = dname, .bandwidth = bandwidth };
}

QEMU_OP_RET(domain_migrate_begin3)
{
        QemuMigrateParams p = old_params(args->flags, args->dname, args->resource);
        int r = qemu_migrate_params_check(&p, err);

        p.dest_xml = args->xmlin;
        return r < 0 ? r : begin(call, &args->dom, &p, old_begin_ended, err);
}

/* ---- prepare ---- */

QEMU_OP_RET(domain_migrate_prepare3_params)
{
        QemuMigrateParams p;
        int r = READ(&p, call, args, err);

        return r < 0 ? r
                     : qemu_migrate_prepare(call, &p, args->cookie_in.val, args->cookie_in.len, false, prepare_ended,
                                            err);
}

QEMU_OP_RET(domain_migrate_prepare3)
{
        QemuMigrateParams p = old_params(args->flags, args->dname, args->resource);
        int r = qemu_migrate_params_check(&p, err);

        p.dest_xml = args->dom_xml;
        p.uri = args->uri_in;
        return r < 0 ? r
                     : qemu_migrate_prepare(call, &p, args->cookie_in.val, args->cookie_in.len, false,
                                            old_prepare_ended, err);
}

QEMU_OP_RET(domain_migrate_prepare_tunnel3_params)
{
        QemuMigrateParams p;
        int r = READ(&p, call, args, err);

        return r < 0 ? r
                     : qemu_migrate_prepare(call, &p, args->cookie_in.val, args->cookie_in.len, true, tunnel_ended,
                                            err);
}

QEMU_OP_RET(domain_migrate_prepare_tunnel3)
{
        QemuMigrateParams p = old_params(args->flags, args->dname, args->resource);
        int r = qemu_migrate_params_check(&p, err);

        p.dest_xml = args->dom_xml;
        return r < 0 ? r
                     : qemu_migrate_prepare(call, &p, args->cookie_in.val, args->cookie_in.len, true, old_tunnel_ended,
                                            err);
}

/* ---- perform ---- */

static int perform(VhCall *call, Phase *phase, const char *peer, VhError **err)
{
        if (!phase->dom)
                return -ENOENT;
        phase->cookie_name = phase->dom->node.name;
        if (phase->params->flags & VIR_MIGRATE_PEER2PEER)
                return qemu_migrate_peer(call, phase->dom, phase->params, peer, phase->ended, err);
        phase->cookie_parts = QEMU_COOKIE_FOR_PERFORM;
        if (phase->params->flags & QEMU_MIGRATE_STORAGE)
                phase->cookie_parts |= QEMU_COOKIE_NBD;
        phase->class = qemu_migration(phase->dom) ? &qemu_perform_class : &qemu_perform_job_class;
        return go(call, phase, err);
}

QEMU_OP_RET(domain_migrate_perform3_params)
{
        QemuMigrateParams p;
        Phase phase = {
                .dom = qemu_domain(call, &args->dom, err), .params = &p, COOKIE_IN(args), .ended = perform_ended
        };
        int r = READ(&p, call, args, err);

        return r < 0 ? r : perform(call, &phase, args->dconnuri, err);
}

QEMU_OP_RET(domain_migrate_perform3)
{
        QemuMigrateParams p = old_params(args->flags, args->dname, args->resource);
        Phase phase = {
                .dom = qemu_domain(call, &args->dom, err), .params = &p, COOKIE_IN(args), .ended = old_perform_ended
        };
        int r = qemu_migrate_params_check(&p, err);

        p.dest_xml = args->xmlin;
        p.uri = args->uri;
        return r < 0 ? r : perform(call, &phase, args->dconnuri, err);
}

/* ---- finish ---- */

static const char *name_there(VhDomainObj *dom, const QemuMigrateParams *p)
{
        const QemuMigration *m = dom ? qemu_migration(dom) : NULL;

        if (!dom || p->flags & VIR_MIGRATE_OFFLINE)
                return NULL;
        return m && m->name_there ? m->name_there : dom->node.name;
}

static const QemuTaskClass *finish_class(const QemuMigrateParams *p)
{
        if (qemu_migrate_is_resume(p))
                return &qemu_resume_finish_class;
        return p->flags & VIR_MIGRATE_OFFLINE ? &qemu_offline_finish_class : &qemu_finish_class;
}

static int finish(VhCall *call, Phase *phase, const char *name, VhError **err)
{
        if (!name)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_NO_DOMAIN, "missing domain name");
        phase->dom = vh_domain_find_name(&qemu_driver(call)->domains, name, VIR_FROM_QEMU, err);
        /* What was to be thrown away is gone already. */
        if (!phase->dom && phase->cancelled)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_MIGRATE_FINISH_OK, NULL);
        phase->class = finish_class(phase->params);
        phase->cookie_name = name_there(phase->dom, phase->params);
        phase->cookie_parts = QEMU_COOKIE_FOR_FINISH;
        phase->last = true;
        return phase->dom ? go(call, phase, err) : -ENOENT;
}

QEMU_OP_RET(domain_migrate_finish3_params)
{
        QemuMigrateParams p;
        Phase phase = { .params = &p, COOKIE_IN(args), .cancelled = args->cancelled, .ended = finish_ended };
        int r = READ(&p, call, args, err);

        return r < 0 ? r : finish(call, &phase, p.dest_name, err);
}

QEMU_OP_RET(domain_migrate_finish3)
{
        QemuMigrateParams p = old_params(args->flags, NULL, 0);
        Phase phase = { .params = &p, COOKIE_IN(args), .cancelled = args->cancelled, .ended = old_finish_ended };
        int r = qemu_migrate_params_check(&p, err);

        return r < 0 ? r : finish(call, &phase, args->dname, err);
}

/* ---- confirm ---- */

static int confirm(VhCall *call, Phase *phase, VhError **err)
{
        phase->class = phase->params->flags & VIR_MIGRATE_OFFLINE ? &qemu_offline_confirm_class : &qemu_confirm_class;
        phase->cookie_parts = QEMU_COOKIE_FOR_CONFIRM;
        phase->cookie_name = phase->dom ? phase->dom->node.name : NULL;
        return phase->dom ? go(call, phase, err) : -ENOENT;
}

QEMU_OP(domain_migrate_confirm3_params)
{
        QemuMigrateParams p;
        Phase phase = {
                .dom = qemu_domain(call, &args->dom, err), .params = &p, COOKIE_IN(args), .cancelled = args->cancelled
        };
        int r = READ(&p, call, args, err);

        return r < 0 ? r : confirm(call, &phase, err);
}

QEMU_OP(domain_migrate_confirm3)
{
        QemuMigrateParams p = old_params(args->flags, NULL, 0);
        Phase phase = {
                .dom = qemu_domain(call, &args->dom, err), .params = &p, COOKIE_IN(args), .cancelled = args->cancelled
        };
        int r = qemu_migrate_params_check(&p, err);

        return r < 0 ? r : confirm(call, &phase, err);
}
