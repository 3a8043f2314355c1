/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between the files of the test driver's storage part. */

#include "testdriver/test.h"

/* The pool of that name, or VIR_ERR_NO_STORAGE_POOL. */
int test_pool(VhCall *call, const char *name, TestPool **ret, VhError **err);
/* The same; it must run. */
int test_active_pool(VhCall *call, const char *name, TestPool **ret, VhError **err);
int test_pool_by_uuid(VhCall *call, const uint8_t uuid[VH_UUID_LEN], TestPool **ret, VhError **err);

/* Served in volume.c. */
#define TEST_OP_SHARED(name)                                                                                           \
        int test_op_##name(VhCall *call, const remote_##name##_args *args, remote_##name##_ret *ret, VhError **err)
TEST_OP_SHARED(storage_pool_num_of_volumes);
TEST_OP_SHARED(storage_pool_list_volumes);
TEST_OP_SHARED(storage_pool_list_all_volumes);
TEST_OP_SHARED(storage_vol_create_xml);
TEST_OP_SHARED(storage_vol_create_xml_from);
TEST_OP_SHARED(storage_vol_lookup_by_name);
TEST_OP_SHARED(storage_vol_lookup_by_key);
TEST_OP_SHARED(storage_vol_lookup_by_path);
TEST_OP_SHARED(storage_vol_get_info);
TEST_OP_SHARED(storage_vol_get_xml_desc);
TEST_OP_SHARED(storage_vol_get_path);
int test_op_storage_vol_delete(VhCall *call, const remote_storage_vol_delete_args *args, VhError **err);
