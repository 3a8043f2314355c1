/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A root directory for fuzz targets that act on files: while one is entered, paths of the target lead below a temporary
 * folder, and signals reach nobody. The target is linked with --wrap for the functions in root.c. */

/* Makes the folder, once a process; further calls enter it again. */
void fuzz_root_enter(void);
/* Removes what is in it, and lets paths lead where they say. */
void fuzz_root_leave(void);
