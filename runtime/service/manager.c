/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Start-up is a table of steps, each with the exit status that its failure means. */

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include "base/audit.h"
#include "base/file.h"
#include "base/log.h"
#include "base/nofile.h"
#include "driver/session.h"
#include "service/admin.h"
#include "service/background.h"
#include "service/hooks.h"
#include "service/manager.h"
#include "service/sockets.h"

VH_LOG_SOURCE("service.manager");

enum {
        STOP_SECONDS = 30, /* an orderly stop that takes longer is cut off */
        PUBLIC_DIR_MODE = 0755,
        PRIVATE_DIR_MODE = 0700,
        SYSTEM_UMASK = 022,
        SESSION_UMASK = 077,
        USEC_PER_SEC = 1000000,
        HANDOVER_SIGNAL = 4, /* place among the signals */
        HANDOVER_TRIES = 100,
        HANDOVER_WAIT_USEC = 10 * 1000,
        OWN_FILES = 64, /* sockets, logs, what drivers keep open */
};

struct VhManager {
        const VhProgramDesc *program;
        const VhDaemonDesc *desc;
        const VhArgs *args;
        VhPaths paths;
        VhSettings settings;
        int ready_fd; /* of --daemon */
        int pid_fd;
        const char *pid_file;
        VhLoop *loop;
        VhHooks *hooks;
        VhSource *signals[5];
        VhDriverEnv env;
        VhBackends *backends; /* NULL for helpers */
        void *helper;         /* what its start() gave */
        char *handover_path;  /* helpers only */
        char *self;           /* our program's file, as it was named at the start */
        json_t *handed;       /* what the program before us left, NULL: nothing */
        VhSource *handover;
        unsigned handover_tries;
        VhServer *server;
        VhServer *admin_server;
        VhAdmin admin;
        VhSockets *sockets;
        unsigned timeout; /* seconds */
        uint64_t child_files;
        VhAudit *audit;
        VhSource *idle;
        bool loading; /* clients that the program before us has served */
        bool stopping;
};

/* Idleness. */

static unsigned n_clients(const VhManager *m)
{
        return vh_server_n_clients(m->server) + vh_server_n_clients(m->admin_server);
}

static bool is_needed(const VhManager *m)
{
        const VhHelper *h = m->program->helper;

        return n_clients(m) > 0 || (m->backends && vh_backends_busy(m->backends)) ||
               (m->helper && h->busy && h->busy(m->helper));
}

static void arm_idle(VhManager *m)
{
        bool wanted = m->timeout > 0 && n_clients(m) == 0;

        vh_source_rearm(m->idle, wanted ? (uint64_t)m->timeout * USEC_PER_SEC : UINT64_MAX);
}

static void stop(VhManager *m, const char *why)
{
        if (m->stopping)
                return;
        m->stopping = true;
        vh_log_info("stopping: %s", why);
        sd_notify(0, "STOPPING=1");
        vh_loop_quit(m->loop, VH_EXIT_OK);
}

/* What keeps a driver busy ends without telling us: look again after the same time. */
static void on_idle(void *data)
{
        VhManager *m = data;

        if (is_needed(m))
                arm_idle(m);
        else
                stop(m, "no client for the time of --timeout");
}

static void set_timeout(void *data, unsigned seconds)
{
        VhManager *m = data;

        m->timeout = seconds;
        arm_idle(m);
}

/* Signals. */

static void on_stop_signal(void *data, int signo)
{
        stop(data, strsignal(signo));
}

static void on_reload(void *data, int signo)
{
        VhManager *m = data;
        _vh_error_ VhError *err = NULL;

        if (!m->backends)
                return;
        sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)vh_loop_now(m->loop));
        vh_log_info("reloading definitions");
        vh_hooks_run(m->hooks, "reload", "begin", "SIGHUP");
        if (vh_backends_reload(m->backends, &err) < 0)
                vh_log_error("not everything could be reloaded: %s", vh_error_text(err, -EINVAL));
        sd_notify(0, "READY=1");
}

/* A fresh copy of the program takes over. */

static bool all_idle(const VhServer *server)
{
        for (const VhClient *c = vh_server_first_client(server); c; c = vh_client_next(c))
                if (!vh_client_is_idle(c))
                        return false;
        return true;
}

static int hand_over(VhManager *m, VhError **err)
{
        const VhHelper *h = m->program->helper;
        VhKeptFds kept = { 0 };
        json_t *servers = json_object(), *state = json_pack("{s:{s:o}}", "daemon", "servers", servers);
        int r;

        json_object_set_new(servers, "admin", vh_handover_save_server(m->admin_server, &kept, NULL));
        json_object_set_new(servers, m->desc->name, vh_handover_save_server(m->server, &kept, h->client_save));
        h->save(m->helper, state, &kept);
        r = vh_handover_exec(m->handover_path, state, &kept, m->self, m->args->argv, err);
        json_decref(state);
        vh_kept_fds_done(&kept);
        return r;
}

static bool helper_settled(VhManager *m)
{
        const VhHelper *h = m->program->helper;

        return !h->settle || h->settle(m->helper);
}

/* Clients that are in the middle of something are waited for a while, and then hung up on. What the helper is in the
 * middle of would be lost, so then it stays. */
static int try_hand_over(VhManager *m, VhError **err)
{
        if (!helper_settled(m))
                return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_OPERATION_TIMEOUT,
                                    "work that is under way does not come to an end");
        sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)vh_loop_now(m->loop));
        return hand_over(m, err);
}

static void on_handover(void *data)
{
        VhManager *m = data;
        _vh_error_ VhError *err = NULL;
        bool ready = helper_settled(m) && all_idle(m->server) && all_idle(m->admin_server);

        if (m->handover_tries > 0 && !ready) {
                m->handover_tries--;
                vh_source_rearm(m->handover, HANDOVER_WAIT_USEC);
                return;
        }
        try_hand_over(m, &err);
        vh_log_error("going on with the program that runs: %s", vh_error_text(err, -EINVAL));
        if (m->program->helper->go_on)
                m->program->helper->go_on(m->helper);
        sd_notify(0, "READY=1");
}

static void on_handover_signal(void *data, int signo)
{
        VhManager *m = data;

        m->handover_tries = HANDOVER_TRIES;
        vh_source_rearm(m->handover, 0);
}

static void on_overdue(int signo)
{
        _exit(VH_EXIT_USAGE);
}

/* Hooks of the servers. */

static int client_new(VhServer *server, VhClient *client, void *data)
{
        VhManager *m = data;
        const VhHelper *h = m->program->helper;

        if (h)
                return h->client_new && !m->loading ? h->client_new(m->helper, client, NULL, NULL) : 0;
        return vh_session_client_new(server, client, m->backends);
}

static void clients_changed(VhServer *server, void *data)
{
        VhManager *m = data;

        /* There is no timer while servers come up and while they go. */
        if (m->idle)
                arm_idle(m);
}

/* Steps. */

static int step_settings(VhManager *m, VhError **err)
{
        _vh_cleanup_(vh_findings_done) VhFindings findings = { 0 };
        const char *path = m->args->config ? m->args->config : m->paths.config_file;
        VhConfOpenFlags flags =
                (m->args->config ? VH_CONF_MUST_EXIST : 0) | (m->paths.privileged ? 0 : VH_CONF_SESSION);
        int r = vh_settings_load(&m->settings, m->desc, path, flags, &findings, err);

        for (const VhFinding *f = findings.first; f; f = f->next)
                vh_log(f->severity == VH_SEVERITY_ERROR ? VH_LOG_ERROR : VH_LOG_WARNING, "%s:%u:%u: %s", f->file,
                       f->line, f->column, f->message);
        if (r < 0 && findings.errors > 0)
                vh_error_set(err, VIR_FROM_CONF, VIR_ERR_CONF_SYNTAX, "Can't load config file: %s has %u error%s", path,
                             findings.errors, findings.errors > 1 ? "s" : "");
        return r;
}

static int step_log(VhManager *m, VhError **err)
{
        const VhLogSettings s = {
                .defaults = { .name = m->desc->name, .dir = m->paths.log_dir, .daemonized = m->args->daemonize },
                .level = m->settings.log_level,
                .filters = m->settings.log_filters,
                .outputs = m->settings.log_outputs,
                .verbose = m->args->verbose,
        };

        /* In the background without journal the default is a file there. A failure shows when it is opened. */
        if (m->args->daemonize)
                (void)vh_mkdir_p(m->paths.log_dir, m->paths.privileged ? PUBLIC_DIR_MODE : PRIVATE_DIR_MODE);
        return vh_log_setup(&s, err);
}

/* A proxy has a connection to another daemon for each client. */
static uint64_t files_needed(const VhManager *m)
{
        uint64_t per_client = m->program->routing == VH_ROUTE_PROXY ? 2 : 1;

        return OWN_FILES + m->settings.admin.limits.max_clients + per_client * m->settings.main.limits.max_clients;
}

static int step_files(VhManager *m, VhError **err)
{
        uint64_t now;
        int r = vh_nofile_raise(&m->child_files, &now);

        if (r < 0)
                vh_log_warning("cannot raise the limit of open files: %s", vh_error_text(NULL, r));
        if (now < files_needed(m))
                vh_log_warning("max_clients = %u and admin_max_clients = %u need %llu open files, the limit is %llu; "
                               "raise LimitNOFILE= of the unit",
                               m->settings.main.limits.max_clients, m->settings.admin.limits.max_clients,
                               (unsigned long long)files_needed(m), (unsigned long long)now);
        return 0;
}

static int step_audit(VhManager *m, VhError **err)
{
        return vh_audit_open(&m->audit, m->settings.audit_level, m->settings.audit_logging, err);
}

/* The name that a later program has, too: /proc/self/exe would be the file that was replaced. */
static char *own_program(const char *argv0)
{
        _vh_free_ char *cwd = NULL;
        char path[PATH_MAX];
        ssize_t n;

        if (*argv0 == '/')
                return vh_xstrdup(argv0);
        if (strchr(argv0, '/') && (cwd = getcwd(NULL, 0)))
                return vh_path_join(cwd, argv0);
        n = readlink("/proc/self/exe", path, sizeof(path) - 1);
        return n < 0 ? vh_xstrdup(argv0) : vh_xstrndup(path, (size_t)n);
}

static int step_handed(VhManager *m, VhError **err)
{
        if (!m->program->helper)
                return 0;
        m->self = own_program(m->args->program);
        m->handover_path = vh_handover_path(&m->paths, m->desc);
        return vh_handover_take(&m->handed, m->handover_path, err);
}

static int step_background(VhManager *m, VhError **err)
{
        if (!m->args->daemonize || m->handed)
                return 0;
        m->ready_fd = vh_background_start();
        return m->ready_fd < 0 ? vh_error_sys(err, VIR_FROM_NONE, m->ready_fd, "cannot go to the background") : 0;
}

static int step_run_dir(VhManager *m, VhError **err)
{
        int r = vh_mkdir_p(m->paths.run_dir, m->paths.privileged ? PUBLIC_DIR_MODE : PRIVATE_DIR_MODE);

        umask(m->paths.privileged ? SYSTEM_UMASK : SESSION_UMASK);
        return r < 0 ? vh_error_sys(err, VIR_FROM_NONE, r, "cannot make directory %s", m->paths.run_dir) : 0;
}

static int step_pid_file(VhManager *m, VhError **err)
{
        const char *path = m->args->pid_file ? m->args->pid_file : m->paths.pid_file;
        int r = vh_pid_file_acquire(path, &m->pid_fd);

        if (r == -EAGAIN)
                return vh_error_set(err, VIR_FROM_NONE, VIR_ERR_OPERATION_FAILED,
                                    "Failed to acquire pid file '%s': another process holds it", path);
        if (r < 0)
                return vh_error_sys(err, VIR_FROM_NONE, r, "Failed to acquire pid file '%s'", path);
        m->pid_file = path;
        return 0;
}

static int step_signals(VhManager *m, VhError **err)
{
        static const struct {
                int signo;
                VhSignalFn fn;
        } rows[] = {
                { SIGINT, on_stop_signal },
                { SIGQUIT, on_stop_signal },
                { SIGTERM, on_stop_signal },
                { SIGHUP, on_reload },
        };
        int r = vh_loop_new(&m->loop);

        if (r < 0)
                return vh_error_sys(err, VIR_FROM_EVENT, r, "cannot make the event loop");
        m->hooks = vh_hooks_new(m->loop, &m->paths);
        signal(SIGPIPE, SIG_IGN);
        for (size_t i = 0; i < VH_ARRAY_SIZE(rows); i++)
                m->signals[i] = vh_loop_add_signal(m->loop, rows[i].signo, rows[i].fn, m);
        return 0;
}

static int step_servers(VhManager *m, VhError **err)
{
        static const VhServerHooks hooks = { .client_new = client_new, .clients_changed = clients_changed };
        static const VhServerHooks admin_hooks = { .clients_changed = clients_changed };
        const VhServerLimits *l = &m->settings.main.limits;

        if (l->max_anonymous_clients > l->max_clients)
                return vh_error_set(err, VIR_FROM_CONF, VIR_ERR_CONF_SYNTAX,
                                    "max_anonymous_clients (%u) must not be over max_clients (%u)",
                                    l->max_anonymous_clients, l->max_clients);
        m->server = vh_server_new(m->loop, m->desc->name, l, &hooks, m);
        m->admin_server = vh_server_new(m->loop, "admin", &m->settings.admin.limits, &admin_hooks, m);
        m->admin = (VhAdmin){ .servers = { m->server, m->admin_server }, .set_timeout = set_timeout, .data = m };
        vh_admin_serve(m->admin_server, &m->admin);
        return 0;
}

/* Sockets come first, so that clients which come while definitions are loaded wait instead of failing. */
static int step_sockets(VhManager *m, VhError **err)
{
        const VhSocketsConfig c = {
                .desc = m->desc,
                .paths = &m->paths,
                .settings = &m->settings,
                .listen = m->args->listen,
                .main = m->server,
                .admin = m->admin_server,
                .handed = json_object_get(json_object_get(m->handed, "daemon"), "servers"),
        };

        return vh_sockets_open(&m->sockets, &c, err);
}

static int load_client(void *data, VhClient *client, const json_t *state)
{
        VhManager *m = data;
        const VhHelper *h = m->program->helper;
        _vh_error_ VhError *err = NULL;

        return h->client_new ? h->client_new(m->helper, client, state, &err) : 0;
}

static int start_helper(VhManager *m, VhError **err)
{
        const VhHelper *h = m->program->helper;
        const VhHelperEnv env = { .loop = m->loop, .settings = &m->settings, .paths = &m->paths };
        const VhListen listen = { .transport = VH_TRANSPORT_UNIX, .same_user_only = true };
        const json_t *servers = json_object_get(json_object_get(m->handed, "daemon"), "servers");
        int r = h->start(&m->helper, &env, m->handed, err);

        if (r < 0)
                return r;
        vh_server_add_service(m->server,
                              &(VhService){ .program = h->program, .before_call = h->before_call, .data = m->helper });
        m->loading = true;
        vh_handover_load_clients(json_object_get(servers, m->desc->name), m->server, &listen, load_client, m);
        vh_handover_load_clients(json_object_get(servers, "admin"), m->admin_server, &listen, NULL, NULL);
        m->loading = false;
        m->signals[HANDOVER_SIGNAL] = vh_loop_add_signal(m->loop, SIGUSR1, on_handover_signal, m);
        m->handover = vh_loop_add_timer(m->loop, UINT64_MAX, on_handover, m);
        return 0;
}

static int step_drivers(VhManager *m, VhError **err)
{
        const VhBackendsConfig c = {
                .drivers = m->program->drivers,
                .env = &m->env,
                .routing = m->program->routing,
        };
        int r;

        if (m->program->helper)
                return start_helper(m, err);
        m->env = (VhDriverEnv){
                .loop = m->loop,
                .privileged = m->paths.privileged,
                .config_dir = m->paths.config_dir,
                .run_dir = m->paths.run_dir,
                .state_dir = m->paths.state_dir,
                .cache_dir = m->paths.cache_dir,
                .log_dir = m->paths.log_dir,
                .host_uuid = m->settings.has_host_uuid ? m->settings.host_uuid : NULL,
                .child_files = m->child_files,
                .audit = m->audit,
        };
        vh_hooks_run(m->hooks, "start", "-", "start");
        r = vh_backends_new(&m->backends, &c, err);
        if (r >= 0)
                vh_session_serve(m->server, m->backends);
        return r;
}

static const struct {
        int (*run)(VhManager *m, VhError **err);
        VhExit status;
} steps[] = {
        { step_settings, VH_EXIT_USAGE },  { step_log, VH_EXIT_USAGE },       { step_files, VH_EXIT_INIT },
        { step_audit, VH_EXIT_AUDIT },     { step_handed, VH_EXIT_INIT },     { step_background, VH_EXIT_USAGE },
        { step_run_dir, VH_EXIT_RUN_DIR }, { step_pid_file, VH_EXIT_USAGE },  { step_signals, VH_EXIT_SIGNAL },
        { step_servers, VH_EXIT_INIT },    { step_sockets, VH_EXIT_SOCKETS }, { step_drivers, VH_EXIT_INIT },
};

int vh_manager_new(VhManager **ret, const VhProgramDesc *program, const VhDaemonDesc *desc, const VhArgs *args,
                   int *status)
{
        _vh_cleanup_(vh_manager_freep) VhManager *m = vh_new(VhManager, 1);

        m->program = program;
        m->desc = desc;
        m->args = args;
        m->ready_fd = -1;
        m->pid_fd = -1;
        vh_paths_init(&m->paths, desc);
        for (size_t i = 0; i < VH_ARRAY_SIZE(steps); i++) {
                _vh_error_ VhError *err = NULL;
                int r = steps[i].run(m, &err);

                if (r >= 0)
                        continue;
                *status = steps[i].status;
                vh_log_error("%s", vh_error_text(err, r));
                vh_background_ready(VH_TAKE_FD(m->ready_fd), *status);
                return r;
        }
        *ret = VH_TAKE_PTR(m);
        return 0;
}

int vh_manager_run(VhManager *m)
{
        int r;

        m->idle = vh_loop_add_timer(m->loop, UINT64_MAX, on_idle, m);
        set_timeout(m, m->args->timeout);
        vh_log_info("%s is ready", m->desc->name);
        sd_notify(0, "READY=1");
        vh_background_ready(VH_TAKE_FD(m->ready_fd), VH_EXIT_OK);
        if (m->backends)
                vh_backends_autostart(m->backends);
        r = vh_loop_run(m->loop);
        /* From here on only a handler can help: the loop does not run any more. */
        signal(SIGALRM, on_overdue);
        alarm(STOP_SECONDS);
        if (r < 0)
                vh_log_error("the event loop failed: %s", vh_error_text(NULL, r));
        return r < 0 ? VH_EXIT_INIT : r;
}

VhManager *vh_manager_free(VhManager *m)
{
        if (!m)
                return NULL;
        if (m->backends)
                vh_hooks_run(m->hooks, "shutdown", "-", "shutdown");
        if (m->helper && m->program->helper->ending)
                m->program->helper->ending(m->helper);
        m->idle = vh_source_free(m->idle);
        vh_sockets_free(m->sockets);
        vh_server_free(m->server);
        vh_server_free(m->admin_server);
        vh_backends_free(m->backends);
        vh_audit_free(m->audit);
        if (m->program->helper)
                m->program->helper->stop(m->helper);
        vh_source_free(m->handover);
        for (size_t i = 0; i < VH_ARRAY_SIZE(m->signals); i++)
                vh_source_free(m->signals[i]);
        vh_hooks_free(m->hooks);
        vh_loop_free(m->loop);
        if (m->pid_file)
                vh_pid_file_release(m->pid_file, m->pid_fd);
        vh_settings_done(&m->settings);
        vh_paths_done(&m->paths);
        json_decref(m->handed);
        free(m->handover_path);
        free(m->self);
        free(m);
        return NULL;
}
