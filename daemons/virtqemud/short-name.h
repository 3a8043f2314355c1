/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How folders of a run are named: by its id and the name, cut to what file names take. For printf: int, const char *.
 */
#define QEMU_SHORT_NAME "%d-%.20s"
