/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every payload of every program, encoded by Python from the descriptions (gen/seeds.py --pack): C decodes it and
 * encodes the same bytes. Usage: test-payloads FILE */

#include "procs.h"
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

enum {
        FILE_SIZE_MAX = 4 << 20,
        PAYLOAD_MAX = 64 * 1024,
        SELECTOR_SIZE = 4, /* program, procedure (two bytes), bit 0: reply */
};

static const char *path;

static size_t read_file(uint8_t *buf, size_t size)
{
        FILE *f = fopen(path, "rb");
        size_t n;

        assert_non_null(f);
        n = fread(buf, 1, size, f);
        fclose(f);
        return n;
}

static const VhXdrType *selected(const uint8_t *selector)
{
        const VhProc *proc = vh_program_find(vh_programs[selector[0]], selector[1] << 8 | selector[2]);

        assert_non_null(proc);
        return selector[3] & 1 ? proc->ret_xdr : proc->args_xdr;
}

static void check(const VhXdrType *type, const uint8_t *payload, size_t len)
{
        uint8_t *copy = vh_xcalloc(1, len), *again = vh_xcalloc(1, len);
        VhArena arena = { 0 };
        void *value = vh_arena_alloc(&arena, type->size);

        memcpy(copy, payload, len);
        if (vh_xdr_decode(type, value, copy, len, &arena) < 0)
                fail_msg("%s cannot be decoded", type->name);
        if (vh_xdr_encode(type, value, again, len, NULL) != (ssize_t)len || memcmp(again, payload, len) != 0)
                fail_msg("%s is encoded to other bytes", type->name);
        vh_arena_done(&arena);
        free(copy);
        free(again);
}

static void test_payloads(void **state)
{
        uint8_t *all = vh_xcalloc(1, FILE_SIZE_MAX);
        size_t size = read_file(all, FILE_SIZE_MAX);
        unsigned expected = 0, n = 0;

        for (size_t pos = 0, len; pos < size; pos += sizeof(uint32_t) + len, n++) {
                uint32_t word;

                memcpy(&word, all + pos, sizeof(word));
                len = ntohl(word);
                assert_in_range(len, SELECTOR_SIZE + 1, PAYLOAD_MAX);
                check(selected(all + pos + sizeof(word)), all + pos + sizeof(word) + SELECTOR_SIZE,
                      len - SELECTOR_SIZE);
        }
        for (const VhProgram *const *p = vh_programs; *p; p++)
                for (unsigned i = 0; i < (*p)->n_procs; i++)
                        expected += 2 * (((*p)->procs[i].args_xdr != NULL) + ((*p)->procs[i].ret_xdr != NULL));
        assert_int_equal(n, expected);
        free(all);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_payloads),
        };

        if (argc != 2)
                return EXIT_FAILURE;
        path = argv[1];
        return cmocka_run_group_tests(tests, NULL, NULL);
}
