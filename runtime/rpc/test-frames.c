/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Frames that stock clients and Debian's libvirtd exchanged (tests/golden/frames/recorded.bin, made by record.py
 * there): each payload is decoded, encoded to the same bytes, and printed as frames.txt says. VIRTHOST_REGENERATE=1
 * rewrites frames.txt. */

#include "base/buf.h"
#include "message_protocol.h"
#include "procs.h"
#include "rpc/limits.h"
#include "rpc/print.h"
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

enum { FILE_SIZE_MAX = 1 << 20, FRAME_SIZE_MAX = 4096, FRAMES_MIN = 250 };

static char *golden_path(const char *name)
{
        const char *source = getenv("VIRTHOST_SOURCE");

        return vh_xasprintf("%s/tests/golden/frames/%s", source ? source : ".", name);
}

static size_t read_file(const char *name, void *buf, size_t size)
{
        _vh_free_ char *path = golden_path(name);
        FILE *f = fopen(path, "rb");
        size_t n;

        assert_non_null(f);
        n = fread(buf, 1, size, f);
        fclose(f);
        return n;
}

static uint32_t word(const uint8_t *frame, unsigned i)
{
        uint32_t v;

        memcpy(&v, frame + i * sizeof(v), sizeof(v));
        return ntohl(v);
}

static const VhProc *find_proc(const uint8_t *frame)
{
        const VhProc *proc = NULL;

        for (const VhProgram *const *p = vh_programs; *p; p++)
                if ((*p)->number == word(frame, 1))
                        proc = vh_program_find(*p, (int32_t)word(frame, 3));
        if (!proc)
                fail_msg("unknown procedure %u", word(frame, 3));
        return proc;
}

/* What the payload of a recorded frame is; NULL for an empty or raw one. */
static const VhXdrType *payload_type(const uint8_t *frame, const VhProc *proc)
{
        if (word(frame, 6) == VIR_NET_ERROR)
                return VH_XDR(virNetMessageError);
        if (word(frame, 4) == VIR_NET_STREAM || !proc)
                return NULL;
        return word(frame, 4) == VIR_NET_REPLY ? proc->ret_xdr : proc->args_xdr;
}

/* "Not supported" is said by our rows as the reference said it. */
static void check_not_supported(const VhProc *proc, const virNetMessageError *recorded)
{
        _vh_error_ VhError *err = NULL;

        vh_proc_not_supported(proc, &err);
        assert_string_equal(err->message, recorded->message);
        assert_int_equal(err->domain, recorded->domain);
}

/* Returns true for an error that says "not supported". */
static bool check_payload(unsigned number, const uint8_t *frame, size_t len)
{
        const VhProc *proc = find_proc(frame);
        const VhXdrType *type = payload_type(frame, proc);
        uint8_t payload[FRAME_SIZE_MAX], again[FRAME_SIZE_MAX];
        size_t n = len - VH_FRAME_MIN;
        VhArena arena = { 0 };
        bool not_supported;
        void *value;

        if (!type) {
                if (word(frame, 4) != VIR_NET_STREAM)
                        assert_int_equal(n, 0);
                return false;
        }
        memcpy(payload, frame + VH_FRAME_MIN, n);
        value = vh_arena_alloc(&arena, type->size);
        if (vh_xdr_decode(type, value, payload, n, &arena) < 0)
                fail_msg("frame %u cannot be decoded", number);
        if (vh_xdr_encode(type, value, again, sizeof(again), NULL) != (ssize_t)n ||
            memcmp(again, frame + VH_FRAME_MIN, n) != 0)
                fail_msg("frame %u is encoded to other bytes", number);
        not_supported = type == VH_XDR(virNetMessageError) && ((virNetMessageError *)value)->code == VIR_ERR_NO_SUPPORT;
        if (not_supported)
                check_not_supported(proc, value);
        vh_arena_done(&arena);
        return not_supported;
}

static void check_text(const VhBuf *out)
{
        _vh_free_ char *path = golden_path("frames.txt");
        _vh_free_ char *expected = vh_xcalloc(1, out->len + 2);

        if (vh_streq(getenv("VIRTHOST_REGENERATE"), "1")) {
                FILE *f = fopen(path, "w");

                assert_non_null(f);
                fputs(out->data, f);
                fclose(f);
        }
        read_file("frames.txt", expected, out->len + 1);
        assert_string_equal(out->data, expected);
}

static void test_recorded_frames(void **state)
{
        _vh_free_ uint8_t *all = vh_xcalloc(1, FILE_SIZE_MAX);
        _vh_buf_ VhBuf out = { 0 };
        size_t size = read_file("recorded.bin", all, FILE_SIZE_MAX);
        unsigned n = 0, not_supported = 0;

        for (size_t pos = 0, len; pos < size; pos += len) {
                len = word(all + pos, 0);
                assert_in_range(len, VH_FRAME_MIN, VH_MIN(size - pos, (size_t)FRAME_SIZE_MAX));
                not_supported += check_payload(n++, all + pos, len);
                vh_print_frame(&out, vh_programs, all + pos, len);
                vh_buf_addc(&out, '\n');
        }
        assert_true(n >= FRAMES_MIN);
        assert_true(not_supported > 0);
        check_text(&out);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_recorded_frames),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
