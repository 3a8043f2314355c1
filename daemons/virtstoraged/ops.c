/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The driver's functions for the wire. A member that is missing here is answered with VIR_ERR_NO_SUPPORT. */

#include "storage-ops.h"

#define OP(name) .name = storage_##name

const VhHypervisorOps storage_hypervisor_ops = {
        OP(connect_get_capabilities),
};

const VhStorageOps storage_ops = {
        OP(connect_num_of_storage_pools),
        OP(connect_list_storage_pools),
        OP(connect_num_of_defined_storage_pools),
        OP(connect_list_defined_storage_pools),
        OP(connect_list_all_storage_pools),
        OP(connect_find_storage_pool_sources),
        OP(connect_get_storage_pool_capabilities),
        .connect_storage_pool_event_register_any = vh_op_connect_storage_pool_event_register_any,
        .connect_storage_pool_event_deregister_any = vh_op_connect_storage_pool_event_deregister_any,
        OP(storage_pool_create_xml),
        OP(storage_pool_define_xml),
        OP(storage_pool_create),
        OP(storage_pool_build),
        OP(storage_pool_destroy),
        OP(storage_pool_delete),
        OP(storage_pool_undefine),
        OP(storage_pool_refresh),
        OP(storage_pool_lookup_by_name),
        OP(storage_pool_lookup_by_uuid),
        OP(storage_pool_lookup_by_volume),
        OP(storage_pool_lookup_by_target_path),
        OP(storage_pool_get_info),
        OP(storage_pool_get_xml_desc),
        OP(storage_pool_get_autostart),
        OP(storage_pool_set_autostart),
        OP(storage_pool_is_active),
        OP(storage_pool_is_persistent),
        OP(storage_pool_num_of_volumes),
        OP(storage_pool_list_volumes),
        OP(storage_pool_list_all_volumes),
        OP(storage_vol_create_xml),
        OP(storage_vol_create_xml_from),
        OP(storage_vol_delete),
        OP(storage_vol_lookup_by_name),
        OP(storage_vol_lookup_by_key),
        OP(storage_vol_lookup_by_path),
        OP(storage_vol_get_info),
        OP(storage_vol_get_info_flags),
        OP(storage_vol_get_xml_desc),
        OP(storage_vol_get_path),
        OP(storage_vol_resize),
        OP(storage_vol_wipe),
        OP(storage_vol_wipe_pattern),
        OP(storage_vol_upload),
        OP(storage_vol_download),
};
