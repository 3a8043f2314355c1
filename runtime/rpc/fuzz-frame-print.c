/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The frame printer on anything: the line is printable and of bounded length. */

#include "procs.h"
#include "rpc/print.h"

enum { LINE_MAX_SIZE = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        VhBuf out = { 0 };

        vh_print_frame(&out, vh_programs, data, size);
        if (out.len == 0 || out.len > LINE_MAX_SIZE)
                abort();
        for (size_t i = 0; i < out.len; i++)
                if ((unsigned char)out.data[i] < ' ')
                        abort();
        vh_buf_done(&out);
        return 0;
}
