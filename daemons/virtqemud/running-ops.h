/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The calls that make sense for a running guest only. Read several times: NEED_RUNNING(name) and NEED_RUNNING_RET(name)
 * (with a reply) are defined by the reader and undefined here. */

NEED_RUNNING(domain_open_graphics)
NEED_RUNNING(domain_open_graphics_fd)
NEED_RUNNING_RET(domain_get_cpu_stats)
NEED_RUNNING_RET(domain_memory_peek)

#undef NEED_RUNNING
#undef NEED_RUNNING_RET
