/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The node calls of the protocol on top of host.h, for every hypervisor driver: a driver's member looks up its VhHost
 * and hands the call on. */

#include "driver/driver.h"
#include "driver/host.h"

int vh_host_op_info(VhHost *host, remote_node_get_info_ret *ret, VhError **err);
int vh_host_op_cpu_map(VhHost *host, VhCall *call, const remote_node_get_cpu_map_args *args,
                       remote_node_get_cpu_map_ret *ret, VhError **err);
int vh_host_op_cpu_stats(VhHost *host, VhCall *call, const remote_node_get_cpu_stats_args *args,
                         remote_node_get_cpu_stats_ret *ret, VhError **err);
int vh_host_op_memory_stats(VhHost *host, VhCall *call, const remote_node_get_memory_stats_args *args,
                            remote_node_get_memory_stats_ret *ret, VhError **err);
int vh_host_op_free_memory(VhHost *host, remote_node_get_free_memory_ret *ret, VhError **err);
int vh_host_op_cells_free_memory(VhHost *host, VhCall *call, const remote_node_get_cells_free_memory_args *args,
                                 remote_node_get_cells_free_memory_ret *ret, VhError **err);
int vh_host_op_free_pages(VhHost *host, VhCall *call, const remote_node_get_free_pages_args *args,
                          remote_node_get_free_pages_ret *ret, VhError **err);
int vh_host_op_alloc_pages(VhHost *host, const remote_node_alloc_pages_args *args, remote_node_alloc_pages_ret *ret,
                           VhError **err);
int vh_host_op_get_memory_parameters(VhHost *host, VhCall *call, const remote_node_get_memory_parameters_args *args,
                                     remote_node_get_memory_parameters_ret *ret, VhError **err);
int vh_host_op_set_memory_parameters(VhHost *host, const remote_node_set_memory_parameters_args *args, VhError **err);
/* Suspending the host is refused: nothing here could promise that it wakes up. */
int vh_host_op_suspend_for_duration(const remote_node_suspend_for_duration_args *args, VhError **err);
int vh_host_op_security_model(VhCall *call, const VhHostSecModel *model, remote_node_get_security_model_ret *ret);
