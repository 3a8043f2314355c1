/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A made-up host, the driver around it, and small helpers of the folder. */

#include "testdriver/test.h"
#include "testdriver/testdriver.h"

#include <libxml/parser.h>

enum { READERS_MAX = 2 };

static const TestNodeInfo default_node = {
        .model = "i686",
        .memory_kib = 3 * 1024 * 1024,
        .cpus = 16,
        .mhz = 1400,
        .nodes = TEST_CELLS,
        .sockets = 2,
        .cores = 2,
        .threads = 2,
};

TestHost *test_host_new(void)
{
        TestHost *host = vh_new(TestHost, 1);

        host->refs = 1;
        host->node = default_node;
        host->next_id = 1;
        host->hub = vh_event_hub_new();
        return host;
}

static void free_users(TestUser *user)
{
        while (user) {
                TestUser *next = user->next;

                free(user->name);
                free(user->password);
                free(user);
                user = next;
        }
}

TestHost *test_host_unref(TestHost *host)
{
        if (!host || --host->refs)
                return NULL;
        vh_domain_list_clear(&host->domains);
        test_networks_clear(host);
        test_pools_clear(host);
        test_ifaces_clear(&host->ifaces);
        test_ifaces_clear(&host->ifaces_backup);
        test_devices_clear(host);
        free_users(host->users);
        vh_event_hub_free(host->hub);
        free(host);
        return NULL;
}

static int start(void **state, const VhDriverEnv *env, VhError **err)
{
        TestInstance *instance = vh_new(TestInstance, 1);

        xmlInitParser(); /* it may only be used by several threads after this */
        if (env->loop)
                instance->pool = vh_pool_new(env->loop, 0, READERS_MAX);
        *state = instance;
        return 0;
}

static void stop(void *state)
{
        TestInstance *instance = state;

        vh_pool_free(instance->pool);
        test_host_unref(instance->default_host);
        free(instance);
}

static int open_default(TestInstance *instance, TestHost **ret, VhError **err)
{
        int r;

        if (instance->default_host) {
                instance->default_host->refs++;
                *ret = instance->default_host;
                return 0;
        }
        *ret = test_host_new();
        r = test_host_load_default(*ret, err);
        if (r < 0)
                *ret = test_host_unref(*ret);
        else
                instance->default_host = *ret;
        return r;
}

static int open_file(const char *path, TestHost **ret, VhError **err)
{
        TestHost *host = test_host_new();
        int r = test_host_load_file(host, path, err);

        /* No credentials can travel through a daemon. */
        if (r == 0 && host->users)
                r = vh_error_set(err, VIR_FROM_AUTH, VIR_ERR_INVALID_ARG, "Missing authentication credentials");
        if (r < 0)
                test_host_unref(host);
        else
                *ret = host;
        return r;
}

static void set_host(VhConn *conn, TestHost *host)
{
        conn->priv = host;
        conn->hub = host->hub;
}

/* A host that a worker makes from a file. Until it is there it is what the connection has. */
typedef struct Reading {
        VhConn *conn; /* NULL: nobody wants it any more */
        char *path;
        TestHost *host;
        VhError *err;
} Reading;

static int read_work(void *data)
{
        Reading *reading = data;

        return open_file(reading->path, &reading->host, &reading->err);
}

static void read_done(void *data, int r)
{
        Reading *reading = data;
        VhConn *conn = reading->conn;

        if (conn && r == 0)
                set_host(conn, VH_TAKE_PTR(reading->host));
        if (conn)
                conn->opened(conn, r, reading->err);
        test_host_unref(reading->host);
        vh_error_free(reading->err);
        free(reading->path);
        free(reading);
}

static int read_later(TestInstance *instance, VhConn *conn, const char *path)
{
        Reading *reading = vh_new(Reading, 1);

        reading->conn = conn;
        reading->path = vh_xstrdup(path);
        conn->priv = reading;
        vh_pool_submit(instance->pool, read_work, read_done, reading);
        return VH_LATER;
}

static int open_conn(void *state, VhConn *conn, const char *path, const char *query, VhError **err)
{
        TestInstance *instance = state;
        TestHost *host = NULL;
        int r;

        if (!path || !*path || vh_streq(path, "/"))
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_INVALID_ARG,
                                    "testOpen: supply a path or use test:///default");
        if (instance->pool && !vh_streq(path, "/default"))
                return read_later(instance, conn, path);
        r = vh_streq(path, "/default") ? open_default(instance, &host, err) : open_file(path, &host, err);
        if (r == 0)
                set_host(conn, host);
        return r;
}

static void close_conn(VhConn *conn)
{
        TestInstance *instance = conn->state;
        TestHost *host = conn->priv;

        if (!conn->hub) {
                Reading *reading = conn->priv;

                if (reading)
                        reading->conn = NULL;
                return;
        }
        vh_event_hub_drop(host->hub, conn);
        if (host == instance->default_host && host->refs == 1)
                instance->default_host = NULL;
        test_host_unref(host);
        conn->priv = NULL;
        conn->hub = NULL;
}

/* Wire number of "arguments of NETWORK_UPDATE come in the right order". */
enum { FEATURE_NETWORK_UPDATE_ORDER = 16 };

static int supports_feature(VhConn *conn, int feature)
{
        return feature == FEATURE_NETWORK_UPDATE_ORDER;
}

const VhDriver vh_driver_test = {
        .name = "TEST",
        .scheme = "test",
        .domain = VIR_FROM_TEST,
        .session_ok = true,
        .self_contained = true,
        .start = start,
        .stop = stop,
        .open = open_conn,
        .close = close_conn,
        .supports_feature = supports_feature,
        .hypervisor = &test_hypervisor_ops,
        .network = &test_network_ops,
        .interface = &test_interface_ops,
        .nodedev = &test_nodedev_ops,
        .secret = &test_secret_ops,
        .storage = &test_storage_ops,
};
