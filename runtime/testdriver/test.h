/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Inside of the test driver: a made-up host with everything in memory. */

#include "api.h"
#include "driver/domain-obj.h"
#include "driver/driver.h"
#include "driver/event-hub.h"
#include "driver/registry.h"
#include "driver/typedparam.h"

enum {
        TEST_CELLS = 2,
        TEST_CPU_MODEL_MAX = 32, /* bytes of the model in node info, NUL included */
        TEST_CPUMAP_CPUS = 8,    /* host CPUs that pinning and the CPU map know */
        TEST_MAX_VCPUS = 32,
};

typedef struct TestNodeInfo {
        char model[TEST_CPU_MODEL_MAX];
        uint64_t memory_kib;
        int cpus;
        int mhz;
        int nodes;
        int sockets;
        int cores;
        int threads;
} TestNodeInfo;

/* A user that may log in to a host read from a file. */
typedef struct TestUser {
        char *name;
        char *password; /* NULL: none needed */
        struct TestUser *next;
} TestUser;

/* One made-up host. test:///default is shared by all connections and lives as long as one is open; every open of
 * test:///PATH makes its own. */
typedef struct TestHost {
        unsigned refs;
        TestNodeInfo node;
        VhDomainList domains;
        int next_id; /* domain ids count up from 1 */
        VhRegistry networks;
        VhRegistry pools;
        VhRegistry ifaces;
        VhRegistry devices;
        VhRegistry ifaces_backup; /* state before interface_change_begin */
        bool iface_change;
        TestUser *users;
        VhEventHub *hub;
} TestHost;

/* The one instance of the driver. */
typedef struct TestInstance {
        TestHost *default_host; /* NULL while nobody has it open */
} TestInstance;

static inline TestHost *test_host(const VhCall *call)
{
        return vh_call_conn(call)->priv;
}

/* host.c */
TestHost *test_host_new(void);
TestHost *test_host_unref(TestHost *host);
/* default.c: fills the host with what test:///default has. */
int test_host_load_default(TestHost *host, VhError **err);
/* hostfile.c: fills the host from a file with a <node> element. */
int test_host_load_file(TestHost *host, const char *path, VhError **err);

/* VIR_ERR_INVALID_ARG if flags has bits beyond allowed; func is what the reference names in the text. */
int test_check_flags(uint32_t flags, uint32_t allowed, const char *func, VhError **err);
/* The same with the first condition met reported: 0 and the domain, or negative errno. */
int test_domain(VhCall *call, const remote_nonnull_domain *dom, VhDomainObj **ret, VhError **err);
/* The domain, which must run. */
int test_active_domain(VhCall *call, const remote_nonnull_domain *dom, VhDomainObj **ret, VhError **err);

/* Ops of the folder's files. */
extern const VhHypervisorOps test_hypervisor_ops;
extern const VhNetworkOps test_network_ops;
extern const VhInterfaceOps test_interface_ops;
extern const VhNodedevOps test_nodedev_ops;
extern const VhStorageOps test_storage_ops;
