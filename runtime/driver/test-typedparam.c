/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Typed parameters: building, checking, the two steps of old getters. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "api.h"
#include "driver/typedparam.h"

static void builds_lists_of_any_length(void **state)
{
        VhCall call = {};
        VhTypedList list = VH_TYPED_LIST(&call);

        for (unsigned i = 0; i < 100; i++)
                vh_typed_add_uint(&list, vh_typed_name(&list, "vcpu.%u.x", i), i);
        vh_typed_add_string(&list, "s", NULL);
        vh_typed_add_bool(&list, "b", true);
        vh_typed_add_double(&list, "d", 0.5);
        assert_int_equal(list.len, 103);
        assert_string_equal(list.val[99].field, "vcpu.99.x");
        assert_int_equal(vh_typed_find(list.val, list.len, "vcpu.42.x")->value.ui, 42);
        assert_string_equal(vh_typed_find(list.val, list.len, "s")->value.s, "");
        assert_null(vh_typed_find(list.val, list.len, "none"));
        vh_arena_done(&call.arena);
}

static void answers_in_two_steps_and_hides_strings(void **state)
{
        static const struct {
                int nparams;
                uint32_t flags;
                uint32_t len;
                int count;
        } rows[] = {
                { 0, 0, 0, 3 },
                { 0, VIR_TYPED_PARAM_STRING_OKAY, 0, 3 },
                { 9, 0, 2, 2 },
                { 9, VIR_TYPED_PARAM_STRING_OKAY, 3, 3 },
                { 1, VIR_TYPED_PARAM_STRING_OKAY, 1, 1 },
                { -5, VIR_TYPED_PARAM_STRING_OKAY, 0, 0 },
        };

        for (unsigned i = 0; i < VH_ARRAY_SIZE(rows); i++) {
                VhCall call = {};
                VhTypedList list = VH_TYPED_LIST(&call);
                remote_domain_get_blkio_parameters_args args = { .nparams = rows[i].nparams, .flags = rows[i].flags };
                remote_domain_get_blkio_parameters_ret ret = {};

                vh_typed_add_uint(&list, "a", 1);
                vh_typed_add_string(&list, "s", "text");
                vh_typed_add_ullong(&list, "c", 3);
                VH_TYPED_ANSWER(&args, &ret, &list);
                assert_int_equal(ret.nparams, rows[i].count);
                assert_int_equal(ret.params.len, rows[i].len);
                vh_arena_done(&call.arena);
        }
}

#define PARAM(f, t)                                                                                                    \
        {                                                                                                              \
                .field = (char *)(f), .value = {.type = (t) }                                                          \
        }

static void checks_what_a_setter_gets(void **state)
{
        static const VhTypedField fields[] = { { "one", VIR_TYPED_PARAM_UINT, false },
                                               { "many", VIR_TYPED_PARAM_STRING, true } };
        static const struct {
                remote_typed_param params[2];
                int code;
                const char *text;
        } rows[] = {
                { { PARAM("one", VIR_TYPED_PARAM_UINT), PARAM("many", VIR_TYPED_PARAM_STRING) }, 0, NULL },
                { { PARAM("many", VIR_TYPED_PARAM_STRING), PARAM("many", VIR_TYPED_PARAM_STRING) }, 0, NULL },
                { { PARAM("one", VIR_TYPED_PARAM_UINT), PARAM("other", VIR_TYPED_PARAM_UINT) },
                  VIR_ERR_ARGUMENT_UNSUPPORTED,
                  "argument unsupported: parameter 'other' not supported" },
                { { PARAM("one", VIR_TYPED_PARAM_INT), PARAM("many", VIR_TYPED_PARAM_STRING) },
                  VIR_ERR_INVALID_ARG,
                  "invalid argument: invalid type 'int' for parameter 'one', expected 'uint'" },
                { { PARAM("one", VIR_TYPED_PARAM_UINT), PARAM("one", VIR_TYPED_PARAM_UINT) },
                  VIR_ERR_INVALID_ARG,
                  "invalid argument: parameter 'one' occurs multiple times" },
        };

        for (unsigned i = 0; i < VH_ARRAY_SIZE(rows); i++) {
                _vh_error_ VhError *err = NULL;
                int r = vh_typed_validate(rows[i].params, 2, fields, VH_ARRAY_SIZE(fields), &err);

                assert_int_equal(r < 0, rows[i].code != 0);
                assert_int_equal(err ? err->code : 0, rows[i].code);
                if (rows[i].text)
                        assert_string_equal(err->message, rows[i].text);
        }
        assert_string_equal(vh_typed_type_name(VIR_TYPED_PARAM_BOOLEAN), "boolean");
        assert_string_equal(vh_typed_type_name(99), "unknown");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(builds_lists_of_any_length),
                cmocka_unit_test(answers_in_two_steps_and_hides_strings),
                cmocka_unit_test(checks_what_a_setter_gets),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
