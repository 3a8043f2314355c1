/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The domain model: the tables themselves, and definitions that are wrong. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/domain-tables.h"

static void tables_are_sound(void **state)
{
        char *fault = vh_xml_bind_lint(&vh_table_domain);

        assert_null(fault);
        for (int kind = VH_DEVICE_NONE + 1; kind < VH_DEVICE_MAX; kind++) {
                fault = vh_xml_bind_lint(vh_device_class(kind)->table);
                if (fault)
                        print_error("%s\n", fault);
                assert_null(fault);
                assert_string_equal(vh_device_class(kind)->element, vh_device_class(kind)->table->name);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(tables_are_sound),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
