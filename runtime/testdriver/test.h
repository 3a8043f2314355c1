/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Inside of the test driver: a made-up host with everything in memory. */

#include "api.h"
#include "driver/domain-obj.h"
#include "driver/driver.h"
#include "driver/event-hub.h"
#include "driver/flags.h"
#include "driver/registry.h"
#include "driver/typedparam.h"
#include "event/pool.h"
#include "model/domain.h"
#include "model/interface.h"
#include "model/network.h"
#include "model/nodedev.h"
#include "model/storage-vol.h"

enum {
        TEST_CELLS = 2,
        TEST_CPU_MODEL_MAX = 32, /* bytes of the model in node info, NUL included */
        TEST_CPUMAP_CPUS = 8,    /* host CPUs that pinning and the CPU map know */
        TEST_MAX_VCPUS = 32,
        TEST_FILESYSTEMS = 2, /* each guest has / and /boot */
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
        unsigned n_cells;  /* NUMA cells of test_cells */
        size_t bytes_read; /* of the files that it was made from */
        VhDomainList domains;
        int next_id; /* domain ids count up from 1 */
        VhRegistry networks;
        VhRegistry pools;
        VhRegistry ifaces;
        VhRegistry devices;
        VhRegistry ifaces_backup; /* copies from before interface_change_begin */
        bool iface_change;
        TestUser *users;
        VhEventHub *hub;
} TestHost;

/* The one instance of the driver. */
typedef struct TestInstance {
        TestHost *default_host; /* NULL while nobody has it open */
        VhPool *pool;           /* reads files; NULL: the caller waits for them */
} TestInstance;

/* Heads of the functions that serve procedure `name`: with arguments and reply, without reply, without arguments. */
#define TEST_OP(name)                                                                                                  \
        static int name(VhCall *call, const remote_##name##_args *args, remote_##name##_ret *ret, VhError **err)
#define TEST_OP_DO(name)  static int name(VhCall *call, const remote_##name##_args *args, VhError **err)
#define TEST_OP_GET(name) static int name(VhCall *call, remote_##name##_ret *ret, VhError **err)

static inline TestHost *test_host(const VhCall *call)
{
        return vh_call_conn(call)->priv;
}

typedef struct TestNetwork {
        VhRegNode node;
        VhNetworkDef *def;
        VhNetworkDef *new_def; /* stored definition of a running network that differs from def */
        bool active;
        bool persistent;
        bool autostart;
} TestNetwork;

typedef struct TestVol {
        VhRegNode node; /* by name; no uuid */
        VhVolDef *def;
} TestVol;

typedef struct TestPool {
        VhRegNode node;
        VhPoolDef *def;
        VhPoolDef *new_def; /* stored definition of a running pool that was defined again */
        VhRegistry vols;
        bool active;
        bool persistent;
        bool autostart;
} TestPool;

typedef struct TestIface {
        VhRegNode node; /* by name */
        VhIfaceDef *def;
        bool active;
} TestIface;

typedef struct TestDevice {
        VhRegNode node; /* by name */
        VhNodeDevDef *def;
} TestDevice;

/* Polling of an I/O thread. */
typedef struct TestIothread {
        uint32_t id;
        uint64_t poll_max_ns;
        uint32_t poll_grow;
        uint32_t poll_shrink;
} TestIothread;

/* What the driver keeps with a domain. */
typedef struct TestDomain {
        uint64_t time_seconds; /* the guest's clock */
        uint32_t time_nseconds;
        bool frozen[TEST_FILESYSTEMS];
        VH_LIST(TestIothread) iothreads;
} TestDomain;

/* host.c */
TestHost *test_host_new(void);
/* Frees with the last reference; accepts NULL, returns NULL. */
TestHost *test_host_unref(TestHost *host);
VH_DEFINE_CLEANUP(TestHost *, test_host_unref)
/* default.c: fills the host with what test:///default has. */
int test_host_load_default(TestHost *host, VhError **err);
/* hostfile.c: fills the host from a file with a <node> element. */
int test_host_load_file(TestHost *host, const char *path, VhError **err);

/* VIR_ERR_INVALID_ARG if flags has bits beyond allowed; func is what the reference names in the text. */
static inline int test_check_flags(uint32_t flags, uint32_t allowed, const char *func, VhError **err)
{
        return vh_check_flags(flags, allowed, VIR_FROM_TEST, func, err);
}
/* domain.c: the domain of a handle, or -ENOENT with *err. */
int test_domain(VhCall *call, const remote_nonnull_domain *wire, VhDomainObj **ret, VhError **err);
/* The same; it must run. */
int test_active_domain(VhCall *call, const remote_nonnull_domain *wire, VhDomainObj **ret, VhError **err);
/* The driver's part of a domain. */
static inline TestDomain *test_domain_priv(const VhDomainObj *dom)
{
        return dom->priv;
}
/* Parses the XML of a client; flags are VH_XML_STRICT and the like. */
int test_domain_parse(const char *xml, unsigned flags, VhDomainDef **ret, VhError **err);
int test_domain_parse_node(const xmlNode *node, VhDomainDef **ret, VhError **err);
/* Makes the object with the driver's part; takes def over, NULL if name or uuid are taken. */
VhDomainObj *test_domain_add(TestHost *host, VhDomainDef *def);
/* Adds a definition under the rules for name and uuid: a domain of both is updated. live: it is going to run,
 * and a running one is refused. *old (may be NULL) tells whether there was one. Takes def over. */
int test_domain_adopt(TestHost *host, VhDomainDef *def, bool live, VhDomainObj **ret, bool *old, VhError **err);
void test_domain_start(TestHost *host, VhDomainObj *dom, int reason);
void test_domain_stop(VhDomainObj *dom, int reason);
/* Stops with the event VIR_DOMAIN_EVENT_STOPPED and its detail; a transient domain is gone then. */
void test_domain_halt(TestHost *host, VhDomainObj *dom, int reason, int detail);
/* What a guest's clock shows until somebody sets it, seconds since 1970. */
extern const uint64_t test_first_guest_time;
void test_domain_event(TestHost *host, const VhDomainObj *dom, int event, int detail);
/* Removes a domain that is neither running nor persistent. */
void test_domain_drop_if_gone(TestHost *host, VhDomainObj *dom);

/* network.c, pool.c, volume.c, iface.c, nodedev.c: objects out of XML, for the hosts' own and for clients. */
int test_network_load(TestHost *host, const char *xml, VhError **err);
int test_pool_load(TestHost *host, const char *xml, TestPool **ret, VhError **err);
int test_vol_load(TestPool *pool, const char *xml, VhError **err);
int test_iface_load(TestHost *host, const char *xml, VhError **err);
int test_device_load(TestHost *host, const char *xml, VhError **err);
void test_networks_clear(TestHost *host);
void test_pools_clear(TestHost *host);
void test_vols_clear(TestPool *pool);
void test_ifaces_clear(VhRegistry *reg);
void test_devices_clear(TestHost *host);
/* Makes a virtual host adapter below parent (NULL: where the model is), for pools on one and for clients. NULL if the
 * host has no adapter to model it on. */
TestDevice *test_vport_create(TestHost *host, const char *parent, const char *wwnn, const char *wwpn);
/* The virtual adapter with these names, NULL if there is none. */
TestDevice *test_vport_find(const TestHost *host, const char *wwnn, const char *wwpn);
void test_device_remove(TestHost *host, TestDevice *dev);

/* Ops of the folder's files. */
extern const VhHypervisorOps test_hypervisor_ops;
extern const VhNetworkOps test_network_ops;
extern const VhInterfaceOps test_interface_ops;
extern const VhNodedevOps test_nodedev_ops;
extern const VhStorageOps test_storage_ops;
extern const VhSecretOps test_secret_ops;
