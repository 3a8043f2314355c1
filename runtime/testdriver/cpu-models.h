/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The named CPU models of an architecture; n is 0 for one that has none. Returns 0, or -ENOENT for a word that is no
 * architecture. */
int test_cpu_models(const char *arch, const char *const **names, int *n);
