/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The flag groups of the ListAll calls. */

#include "api.h"
#include "driver/registry.h"
#include "model/storage-pool.h"

static const uint32_t domain_groups[] = {
        VIR_CONNECT_LIST_DOMAINS_ACTIVE | VIR_CONNECT_LIST_DOMAINS_INACTIVE,
        VIR_CONNECT_LIST_DOMAINS_PERSISTENT | VIR_CONNECT_LIST_DOMAINS_TRANSIENT,
        VIR_CONNECT_LIST_DOMAINS_RUNNING | VIR_CONNECT_LIST_DOMAINS_PAUSED | VIR_CONNECT_LIST_DOMAINS_SHUTOFF |
                VIR_CONNECT_LIST_DOMAINS_OTHER,
        VIR_CONNECT_LIST_DOMAINS_MANAGEDSAVE | VIR_CONNECT_LIST_DOMAINS_NO_MANAGEDSAVE,
        VIR_CONNECT_LIST_DOMAINS_AUTOSTART | VIR_CONNECT_LIST_DOMAINS_NO_AUTOSTART,
        VIR_CONNECT_LIST_DOMAINS_HAS_SNAPSHOT | VIR_CONNECT_LIST_DOMAINS_NO_SNAPSHOT,
        VIR_CONNECT_LIST_DOMAINS_HAS_CHECKPOINT | VIR_CONNECT_LIST_DOMAINS_NO_CHECKPOINT,
};

static const uint32_t network_groups[] = {
        VIR_CONNECT_LIST_NETWORKS_ACTIVE | VIR_CONNECT_LIST_NETWORKS_INACTIVE,
        VIR_CONNECT_LIST_NETWORKS_PERSISTENT | VIR_CONNECT_LIST_NETWORKS_TRANSIENT,
        VIR_CONNECT_LIST_NETWORKS_AUTOSTART | VIR_CONNECT_LIST_NETWORKS_NO_AUTOSTART,
};

static const uint32_t interface_groups[] = {
        VIR_CONNECT_LIST_INTERFACES_ACTIVE | VIR_CONNECT_LIST_INTERFACES_INACTIVE,
};

static const uint32_t storage_pool_groups[] = {
        VIR_CONNECT_LIST_STORAGE_POOLS_ACTIVE | VIR_CONNECT_LIST_STORAGE_POOLS_INACTIVE,
        VIR_CONNECT_LIST_STORAGE_POOLS_PERSISTENT | VIR_CONNECT_LIST_STORAGE_POOLS_TRANSIENT,
        VIR_CONNECT_LIST_STORAGE_POOLS_AUTOSTART | VIR_CONNECT_LIST_STORAGE_POOLS_NO_AUTOSTART,
        VIR_CONNECT_LIST_STORAGE_POOLS_DIR | VIR_CONNECT_LIST_STORAGE_POOLS_FS | VIR_CONNECT_LIST_STORAGE_POOLS_NETFS |
                VIR_CONNECT_LIST_STORAGE_POOLS_LOGICAL | VIR_CONNECT_LIST_STORAGE_POOLS_DISK |
                VIR_CONNECT_LIST_STORAGE_POOLS_ISCSI | VIR_CONNECT_LIST_STORAGE_POOLS_SCSI |
                VIR_CONNECT_LIST_STORAGE_POOLS_MPATH | VIR_CONNECT_LIST_STORAGE_POOLS_RBD |
                VIR_CONNECT_LIST_STORAGE_POOLS_SHEEPDOG | VIR_CONNECT_LIST_STORAGE_POOLS_GLUSTER |
                VIR_CONNECT_LIST_STORAGE_POOLS_ZFS | VIR_CONNECT_LIST_STORAGE_POOLS_VSTORAGE |
                VIR_CONNECT_LIST_STORAGE_POOLS_ISCSI_DIRECT,
};

static const uint32_t node_device_groups[] = {
        VIR_CONNECT_LIST_NODE_DEVICES_CAP_SYSTEM | VIR_CONNECT_LIST_NODE_DEVICES_CAP_PCI_DEV |
                VIR_CONNECT_LIST_NODE_DEVICES_CAP_USB_DEV | VIR_CONNECT_LIST_NODE_DEVICES_CAP_USB_INTERFACE |
                VIR_CONNECT_LIST_NODE_DEVICES_CAP_NET | VIR_CONNECT_LIST_NODE_DEVICES_CAP_SCSI_HOST |
                VIR_CONNECT_LIST_NODE_DEVICES_CAP_SCSI_TARGET | VIR_CONNECT_LIST_NODE_DEVICES_CAP_SCSI |
                VIR_CONNECT_LIST_NODE_DEVICES_CAP_STORAGE | VIR_CONNECT_LIST_NODE_DEVICES_CAP_FC_HOST |
                VIR_CONNECT_LIST_NODE_DEVICES_CAP_VPORTS | VIR_CONNECT_LIST_NODE_DEVICES_CAP_SCSI_GENERIC |
                VIR_CONNECT_LIST_NODE_DEVICES_CAP_DRM | VIR_CONNECT_LIST_NODE_DEVICES_CAP_MDEV_TYPES |
                VIR_CONNECT_LIST_NODE_DEVICES_CAP_MDEV | VIR_CONNECT_LIST_NODE_DEVICES_CAP_CCW_DEV |
                VIR_CONNECT_LIST_NODE_DEVICES_CAP_CSS_DEV | VIR_CONNECT_LIST_NODE_DEVICES_CAP_VDPA |
                VIR_CONNECT_LIST_NODE_DEVICES_CAP_AP_CARD | VIR_CONNECT_LIST_NODE_DEVICES_CAP_AP_QUEUE |
                VIR_CONNECT_LIST_NODE_DEVICES_CAP_AP_MATRIX | VIR_CONNECT_LIST_NODE_DEVICES_CAP_VPD,
        VIR_CONNECT_LIST_NODE_DEVICES_ACTIVE | VIR_CONNECT_LIST_NODE_DEVICES_INACTIVE,
};

static const uint32_t secret_groups[] = {
        VIR_CONNECT_LIST_SECRETS_EPHEMERAL | VIR_CONNECT_LIST_SECRETS_NO_EPHEMERAL,
        VIR_CONNECT_LIST_SECRETS_PRIVATE | VIR_CONNECT_LIST_SECRETS_NO_PRIVATE,
};

#define FILTER(groups)                                                                                                 \
        {                                                                                                              \
                (groups), VH_ARRAY_SIZE(groups)                                                                        \
        }

const VhListFilter vh_filter_domains = FILTER(domain_groups);
const VhListFilter vh_filter_networks = FILTER(network_groups);
const VhListFilter vh_filter_interfaces = FILTER(interface_groups);
const VhListFilter vh_filter_storage_pools = FILTER(storage_pool_groups);
const VhListFilter vh_filter_node_devices = FILTER(node_device_groups);
const VhListFilter vh_filter_secrets = FILTER(secret_groups);

bool vh_list_match(const VhListFilter *filter, uint32_t flags, uint32_t facts)
{
        for (unsigned i = 0; i < filter->n_groups; i++) {
                uint32_t asked = flags & filter->groups[i];

                if (asked && !(asked & facts))
                        return false;
        }
        return true;
}

uint32_t vh_list_mask(const VhListFilter *filter)
{
        uint32_t mask = 0;

        for (unsigned i = 0; i < filter->n_groups; i++)
                mask |= filter->groups[i];
        return mask;
}

uint32_t vh_list_pool_facts(bool active, bool persistent, bool autostart, unsigned type)
{
        return (active ? VIR_CONNECT_LIST_STORAGE_POOLS_ACTIVE : VIR_CONNECT_LIST_STORAGE_POOLS_INACTIVE) |
               (persistent ? VIR_CONNECT_LIST_STORAGE_POOLS_PERSISTENT : VIR_CONNECT_LIST_STORAGE_POOLS_TRANSIENT) |
               (autostart ? VIR_CONNECT_LIST_STORAGE_POOLS_AUTOSTART : VIR_CONNECT_LIST_STORAGE_POOLS_NO_AUTOSTART) |
               (uint32_t)VIR_CONNECT_LIST_STORAGE_POOLS_DIR << (type - VH_POOL_DIR);
}
