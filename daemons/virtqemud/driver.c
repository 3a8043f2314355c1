/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The QEMU driver as the daemon sees it: start, reload, stop, open. */

#include "procs.h"
#include "qemu.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>

#include "base/file.h"
#include "driver/uri.h"
#include "machine.h"
#include "migrate.h"
#include "process.h"
#include "moment.h"
#include "qemu-ops.h"
#include "security.h"
#include "status.h"

enum { DIR_MODE = 0755, LOG_DIR_MODE = 0700, WORKERS_MAX = 4 };

/* User and group that guests of the system daemon run as on Debian; root's ids where they do not exist. */
#define GUEST_ACCOUNT "libvirt-qemu"

static const VhPersistKind domain_files = { VIR_FROM_QEMU, "domain", "virsh edit", DIR_MODE };

static char *dac_label(void)
{
        const struct passwd *pw = getpwnam(GUEST_ACCOUNT);
        const struct group *gr = getgrnam(GUEST_ACCOUNT);

        return vh_xasprintf("+%u:+%u", pw ? pw->pw_uid : 0, gr ? gr->gr_gid : 0);
}

static void *driver_free(QemuDriver *driver)
{
        if (!driver)
                return NULL;
        VH_REGISTRY_FOREACH(&driver->domains.reg, node)
        qemu_process_forget(VH_REG_OBJECT(node, VhDomainObj, node));
        vh_domain_list_clear(&driver->domains);
        vh_pool_free(driver->scripts);
        vh_pool_free(VH_TAKE_PTR(driver->helper_calls));
        vh_pool_free(driver->pool);
        qemu_machines_free(driver->machines);
        qemu_security_close(driver);
        vh_conf_free(driver->conf);
        vh_event_hub_free(driver->hub);
        vh_host_free(driver->host);
        qemu_emulators_free(driver->emulators);
        vh_persist_free(driver->persist);
        if (driver->lock_fd >= 0)
                vh_pid_file_release(driver->lock_path, driver->lock_fd);
        free(driver->lock_path);
        free(driver->run_dir);
        free(driver->save_dir);
        free(driver->dac_label);
        free(driver);
        return NULL;
}

static int take_lock(QemuDriver *driver, VhError **err)
{
        int r = vh_mkdir_p(driver->run_dir, DIR_MODE);

        if (r == 0)
                r = vh_pid_file_acquire(driver->lock_path, &driver->lock_fd);
        if (r == -EAGAIN)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED,
                                    "another daemon holds '%s': stop it first, two must not work on the same guests",
                                    driver->lock_path);
        return r < 0 ? vh_error_sys(err, VIR_FROM_QEMU, r, "cannot acquire '%s'", driver->lock_path) : 0;
}

/* Programs beside guests write there before a guest does. */
static int make_log_dir(const QemuDriver *driver, VhError **err)
{
        _vh_free_ char *path = vh_path_join(driver->env.log_dir, "qemu");
        int r = vh_mkdir_p(path, LOG_DIR_MODE);

        return r < 0 ? vh_error_sys(err, VIR_FROM_QEMU, r, "cannot make directory '%s'", path) : 0;
}

/* What is wrong in the file is said, and the rest of it holds. */
static int read_conf(QemuDriver *driver, VhError **err)
{
        _vh_free_ char *path = vh_path_join(driver->env.config_dir, "qemu.conf");
        VhConfOpenFlags flags = VH_CONF_LENIENT | (driver->env.privileged ? 0 : VH_CONF_SESSION);

        return vh_conf_open(&driver->conf, vh_conf_desc_find("qemu.conf"), path, flags, NULL, err);
}

static void autostart_failed(void *data, const char *name, bool autostart)
{
        QemuDriver *driver = data;
        VhDomainObj *dom = vh_domain_by_name(&driver->domains, name);

        if (dom)
                dom->autostart = !autostart;
}

static int open_files(QemuDriver *driver, VhError **err)
{
        _vh_free_ char *dir = vh_path_join(driver->env.config_dir, "qemu");
        _vh_free_ char *autostart = vh_path_join(dir, "autostart");

        int r = vh_persist_open(&driver->persist, &domain_files, dir, autostart, err);

        if (r == 0 && driver->env.loop)
                vh_persist_set_loop(driver->persist, driver->env.loop, autostart_failed, driver);
        return r;
}

static int start(void **state, const VhDriverEnv *env, VhError **err)
{
        QemuDriver *driver = vh_new(QemuDriver, 1);
        int r;

        driver->env = *env;
        driver->run_dir = vh_path_join(env->run_dir, "qemu");
        driver->save_dir = vh_xasprintf("%s/qemu/save", env->state_dir);
        driver->lock_path = vh_path_join(driver->run_dir, "driver.pid");
        driver->lock_fd = -1;
        driver->hub = vh_event_hub_new();
        driver->host = vh_host_new(NULL);
        driver->emulators = qemu_emulators_new(NULL, env->cache_dir, env->child_files);
        driver->dac_label = dac_label();
        if (env->loop)
                driver->pool = vh_pool_new(env->loop, 0, WORKERS_MAX);
        if (env->host_uuid)
                memcpy(driver->uuid, env->host_uuid, VH_UUID_LEN);
        else if (vh_host_uuid(driver->host, driver->uuid) < 0)
                vh_uuid_generate(driver->uuid);
        r = read_conf(driver, err);
        if (r == 0)
                r = qemu_security_open(driver, err);
        if (r == 0)
                r = take_lock(driver, err);
        if (r == 0)
                r = make_log_dir(driver, err);
        if (r == 0)
                r = open_files(driver, err);
        if (r == 0)
                r = qemu_load(driver, err);
        if (r == 0 && env->loop)
                qemu_reconnect_all(driver);
        if (r == 0)
                qemu_moments_load(driver);
        if (r < 0)
                driver_free(driver);
        else
                *state = driver;
        return r;
}

static int reload(void *state, VhError **err)
{
        return qemu_load(state, err);
}

/* Once after boot; the marker lives in a directory that does not survive one. */
static void autostart(void *state)
{
        QemuDriver *driver = state;
        _vh_free_ char *marker = vh_path_join(driver->run_dir, "autostarted");

        if (access(marker, F_OK) == 0)
                return;
        VH_REGISTRY_FOREACH(&driver->domains.reg, node)
        {
                VhDomainObj *dom = VH_REG_OBJECT(node, VhDomainObj, node);

                if (dom->autostart)
                        qemu_autostart_domain(driver, dom);
        }
        (void)vh_file_write(marker, "", 0, 0600, (uid_t)VH_FILE_SAME_OWNER, (gid_t)VH_FILE_SAME_OWNER, VH_FILE_NO_SYNC);
}

/* Calls that do nothing before they need the version of QEMU. */
static bool can_be_served_anew(const VhCall *call)
{
        static const int32_t calls[] = {
                REMOTE_PROC_CONNECT_DOMAIN_XML_TO_NATIVE,
                REMOTE_PROC_CONNECT_GET_VERSION,
                REMOTE_PROC_DOMAIN_CREATE_XML,
                REMOTE_PROC_DOMAIN_CREATE_XML_WITH_FILES,
                REMOTE_PROC_DOMAIN_DEFINE_XML,
                REMOTE_PROC_DOMAIN_DEFINE_XML_FLAGS,
        };

        for (size_t i = 0; call->program == &vh_program_remote && i < VH_ARRAY_SIZE(calls); i++)
                if (calls[i] == call->proc->number)
                        return true;
        return false;
}

static void before_call(void *state, const VhCall *call)
{
        QemuDriver *driver = state;

        vh_persist_before_call(driver->persist);
        qemu_emulators_may_refuse(driver->emulators, driver->pool && !call->resumed && can_be_served_anew(call));
}

/* Without an answer the handler asks again, and says why there is none. */
static void version_known(void *data, QemuCaps *caps, int r, const VhError *err)
{
        vh_call_resume(data);
}

/* Nobody else waits while a program that was never asked before is asked. */
static int after_call(void *state, VhCall *call, int r, VhError **err)
{
        QemuDriver *driver = state;
        const char *known = qemu_emulators_refused(driver->emulators);
        _vh_free_ char *refused = known ? vh_xstrdup(known) : NULL;

        qemu_emulators_may_refuse(driver->emulators, false);
        if (r == 0)
                return vh_persist_after_call(driver->persist, call, err);
        if (r > 0 || !refused)
                return r;
        vh_error_clear(err);
        qemu_emulators_ask(driver->emulators, driver->pool, refused, version_known, call);
        return VH_LATER;
}

static bool busy(void *state)
{
        return ((QemuDriver *)state)->domains.n_active > 0;
}

static void stop(void *state)
{
        driver_free(state);
}

/* The driver works without KVM and before any emulator is installed. */
static bool probe(void *state)
{
        return true;
}

static int open_conn(void *state, VhConn *conn, const char *path, const char *query, VhError **err)
{
        QemuDriver *driver = state;
        VhUriPathRule rule = {
                .scheme = "qemu",
                .domain = VIR_FROM_NONE,
                .privileged = driver->env.privileged,
                .session_ok = true,
                .root_session = true,
        };
        int r = vh_uri_check_path(&rule, path, err);

        if (r == 0)
                conn->hub = driver->hub;
        return r;
}

/* Guests that live as long as the connection that started them. */
static void destroy_guests_of(QemuDriver *driver, const VhConn *conn)
{
        VH_REGISTRY_FOREACH(&driver->domains.reg, node)
        {
                QemuProcess *proc = qemu_process(VH_REG_OBJECT(node, VhDomainObj, node));

                if (proc && proc->autodestroy == conn)
                        qemu_process_kill(proc, QEMU_KILL_FORCE, VIR_DOMAIN_SHUTOFF_DESTROYED,
                                          VIR_DOMAIN_EVENT_STOPPED_DESTROYED);
        }
}

static void close_conn(VhConn *conn)
{
        qemu_migrations_closed(conn->state, conn);
        destroy_guests_of(conn->state, conn);
        vh_event_hub_drop(conn->hub, conn);
}

static int supports_feature(VhConn *conn, int feature)
{
        /* Features of migration that the reference's driver has; the numbers are those of the wire. */
        static const uint8_t features[] = {
                4,  /* by ourselves, peer to peer */
                6,  /* protocol 3 */
                7,  /* a guest is protected from changes between begin and perform */
                9,  /* strings in typed parameters */
                11, /* migratable XML */
                12, /* of guests that do not run */
                13, /* protocol 3 with parameters */
        };

        return memchr(features, feature, sizeof(features)) != NULL;
}

const VhDriver vh_driver_qemu = {
        .name = "QEMU",
        .scheme = "qemu",
        .domain = VIR_FROM_QEMU,
        .session_ok = true,
        .start = start,
        .reload = reload,
        .autostart = autostart,
        .busy = busy,
        .before_call = before_call,
        .after_call = after_call,
        .stop = stop,
        .probe = probe,
        .open = open_conn,
        .close = close_conn,
        .supports_feature = supports_feature,
        .hypervisor = &qemu_hypervisor_ops,
        .qemu = &qemu_qemu_ops,
};
