/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Driver instances of a process, and which other daemon has what. */

#include <errno.h>

#include "driver/backends.h"
#include "driver/token.h"

struct VhBackends {
        const VhDriverEnv *env;
        VhRouting routing;
        VhInstance *instances;
        unsigned n;
        char *token;
};

static const char *const kind_schemes[VH_KIND_MAX] = {
        [VH_KIND_NETWORK] = "network",   [VH_KIND_INTERFACE] = "interface", [VH_KIND_NODEDEV] = "nodedev",
        [VH_KIND_NWFILTER] = "nwfilter", [VH_KIND_SECRET] = "secret",       [VH_KIND_STORAGE] = "storage",
};

/* Hypervisors in the order in which a client without URI gets them; session daemons only for those with one. */
static const struct {
        const char *scheme;
        bool session;
} probe_order[] = {
        { "xen", false }, { "qemu", true }, { "lxc", false }, { "vbox", true }, { "bhyve", false },
};

static int start_one(VhBackends *b, const VhDriver *driver, VhError **err)
{
        VhInstance *in = &b->instances[b->n];
        int r = driver->start ? driver->start(&in->state, b->env, err) : 0;

        if (r < 0) {
                vh_error_prefix(err, "driver %s", driver->scheme);
                return r;
        }
        in->driver = driver;
        b->n++;
        return 0;
}

static unsigned count_drivers(const VhDriver *const *drivers)
{
        unsigned n = 0;

        while (drivers[n])
                n++;
        return n;
}

int vh_backends_new(VhBackends **ret, const VhBackendsConfig *config, VhError **err)
{
        _vh_cleanup_(vh_backends_freep) VhBackends *b = vh_new(VhBackends, 1);
        int r;

        b->env = config->env;
        b->routing = config->routing;
        b->instances = vh_new(VhInstance, count_drivers(config->drivers) + 1);
        r = vh_system_token(config->env->run_dir, &b->token, err);
        if (r < 0)
                return r;
        for (unsigned i = 0; config->drivers[i]; i++) {
                /* What has no session mode is simply not there for users. */
                if (!config->env->privileged && !config->drivers[i]->session_ok)
                        continue;
                r = start_one(b, config->drivers[i], err);
                if (r < 0)
                        return r;
        }
        *ret = VH_TAKE_PTR(b);
        return 0;
}

VhBackends *vh_backends_free(VhBackends *b)
{
        if (!b)
                return NULL;
        while (b->n > 0) {
                const VhInstance *in = &b->instances[--b->n];

                if (in->driver->stop)
                        in->driver->stop(in->state);
        }
        free(b->instances);
        free(b->token);
        free(b);
        return NULL;
}

void vh_backends_autostart(VhBackends *b)
{
        for (unsigned i = 0; i < b->n; i++)
                if (b->instances[i].driver->autostart)
                        b->instances[i].driver->autostart(b->instances[i].state);
}

int vh_backends_reload(VhBackends *b, VhError **err)
{
        int last = 0;

        for (unsigned i = 0; i < b->n; i++) {
                const VhInstance *in = &b->instances[i];
                int r = in->driver->reload ? in->driver->reload(in->state, err) : 0;

                if (r < 0) {
                        vh_error_prefix(err, "driver %s", in->driver->scheme);
                        last = r;
                }
        }
        return last;
}

bool vh_backends_busy(const VhBackends *b)
{
        for (unsigned i = 0; i < b->n; i++) {
                const VhInstance *in = &b->instances[i];

                if (in->driver->busy && in->driver->busy(in->state))
                        return true;
        }
        return false;
}

const VhDriverEnv *vh_backends_env(const VhBackends *b)
{
        return b->env;
}

VhRouting vh_backends_routing(const VhBackends *b)
{
        return b->routing;
}

const char *vh_backends_token(const VhBackends *b)
{
        return b->token;
}

const VhInstance *vh_backends_find(const VhBackends *b, const char *scheme)
{
        for (unsigned i = 0; i < b->n; i++)
                if (vh_streq(b->instances[i].driver->scheme, scheme))
                        return &b->instances[i];
        return NULL;
}

const char *vh_kind_scheme(VhKind kind)
{
        return kind_schemes[kind];
}

VhKind vh_scheme_kind(const char *scheme)
{
        for (int k = 0; k < VH_KIND_MAX; k++)
                if (vh_streq(kind_schemes[k], scheme))
                        return (VhKind)k;
        return VH_KIND_HYPERVISOR;
}

bool vh_backends_has_daemon(const VhBackends *b, const char *scheme)
{
        if (b->routing != VH_ROUTE_PROXY)
                return false;
        for (size_t i = 0; i < VH_ARRAY_SIZE(probe_order); i++)
                if (vh_streq(probe_order[i].scheme, scheme))
                        return true;
        return vh_scheme_kind(scheme) != VH_KIND_HYPERVISOR;
}

const VhInstance *vh_backends_find_kind(const VhBackends *b, VhKind kind)
{
        return kind_schemes[kind] ? vh_backends_find(b, kind_schemes[kind]) : NULL;
}

char *vh_backends_uri_for(const VhBackends *b, const char *scheme)
{
        return vh_xasprintf("%s:///%s", scheme, b->env->privileged ? "system" : "session");
}

char *vh_secondary_socket(const char *run_dir, const char *scheme, const char *suffix)
{
        char *own = vh_xasprintf("%s/virt%sd-sock%s", run_dir, scheme, suffix);
        char *all = vh_xasprintf("%s/libvirt-sock%s", run_dir, suffix);
        bool use_own = access(own, F_OK) == 0 || access(all, F_OK) < 0;

        free(use_own ? all : own);
        return use_own ? own : all;
}

char *vh_backends_socket_for(const VhBackends *b, const char *scheme, bool read_only)
{
        const char *suffix = read_only && b->env->privileged ? "-ro" : "";

        /* A proxy has the socket of the daemon for everything itself. */
        if (b->routing == VH_ROUTE_MODULAR)
                return vh_secondary_socket(b->env->run_dir, scheme, suffix);
        return vh_xasprintf("%s/virt%sd-sock%s", b->env->run_dir, scheme, suffix);
}

static bool daemon_is_there(const VhBackends *b, const char *scheme, bool read_only)
{
        _vh_free_ char *path = vh_backends_socket_for(b, scheme, read_only);

        return access(path, F_OK) == 0;
}

char *vh_backends_default_uri(const VhBackends *b, bool read_only)
{
        const char *env = getenv("LIBVIRT_DEFAULT_URI");

        if (env && *env)
                return vh_xstrdup(env);
        for (size_t i = 0; i < VH_ARRAY_SIZE(probe_order); i++) {
                const char *scheme = probe_order[i].scheme;
                const VhInstance *in = vh_backends_find(b, scheme);

                if (!b->env->privileged && !probe_order[i].session)
                        continue;
                if ((in && in->driver->probe && in->driver->probe(in->state)) ||
                    (b->routing == VH_ROUTE_PROXY && daemon_is_there(b, scheme, read_only)))
                        return vh_backends_uri_for(b, scheme);
        }
        return NULL;
}
