/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The members of the driver's ops structs, by the file that has them. */

#include "storage.h"

extern const VhHypervisorOps storage_hypervisor_ops;
extern const VhStorageOps storage_ops;

/* pool-list.c */
STORAGE_OP_NOARGS(connect_num_of_storage_pools);
STORAGE_OP_NOARGS(connect_num_of_defined_storage_pools);
STORAGE_OP_RET(connect_list_storage_pools);
STORAGE_OP_RET(connect_list_defined_storage_pools);
STORAGE_OP_RET(connect_list_all_storage_pools);
STORAGE_OP_RET(storage_pool_lookup_by_name);
STORAGE_OP_RET(storage_pool_lookup_by_uuid);
STORAGE_OP_RET(storage_pool_lookup_by_volume);
STORAGE_OP_RET(storage_pool_lookup_by_target_path);
STORAGE_OP_RET(storage_pool_is_active);
STORAGE_OP_RET(storage_pool_is_persistent);
STORAGE_OP_RET(storage_pool_get_info);
STORAGE_OP_RET(storage_pool_get_xml_desc);
STORAGE_OP_RET(storage_pool_get_autostart);

/* pool-define.c */
STORAGE_OP_RET(storage_pool_define_xml);
STORAGE_OP_RET(storage_pool_create_xml);
STORAGE_OP(storage_pool_undefine);
STORAGE_OP(storage_pool_set_autostart);

/* pool-life.c */
/* Flags of calls that may build a pool before they start it; func is what the reference names in the text. */
int storage_check_build_flags(uint32_t flags, const char *func, VhError **err);
STORAGE_OP(storage_pool_create);
STORAGE_OP(storage_pool_refresh);
STORAGE_OP(storage_pool_build);
STORAGE_OP(storage_pool_delete);
STORAGE_OP(storage_pool_destroy);

/* pool-caps.c */
STORAGE_OP_RET(connect_get_storage_pool_capabilities);
STORAGE_OP_NOARGS(connect_get_capabilities);
STORAGE_OP_RET(connect_find_storage_pool_sources);

/* vol.c */
STORAGE_OP_RET(storage_pool_num_of_volumes);
STORAGE_OP_RET(storage_pool_list_volumes);
STORAGE_OP_RET(storage_pool_list_all_volumes);
STORAGE_OP_RET(storage_vol_lookup_by_name);
STORAGE_OP_RET(storage_vol_lookup_by_key);
STORAGE_OP_RET(storage_vol_lookup_by_path);
STORAGE_OP_RET(storage_vol_get_path);
STORAGE_OP_RET(storage_vol_get_info);
STORAGE_OP_RET(storage_vol_get_info_flags);
STORAGE_OP_RET(storage_vol_get_xml_desc);

/* vol-create.c */
STORAGE_OP_RET(storage_vol_create_xml);
STORAGE_OP_RET(storage_vol_create_xml_from);

/* vol-change.c */
STORAGE_OP(storage_vol_delete);
STORAGE_OP(storage_vol_resize);
STORAGE_OP(storage_vol_wipe);
STORAGE_OP(storage_vol_wipe_pattern);

/* vol-stream.c */
STORAGE_OP(storage_vol_upload);
STORAGE_OP(storage_vol_download);
