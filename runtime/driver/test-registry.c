/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Registries, the filters of list calls, and the forest of moments. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "api.h"
#include "driver/moment.h"
#include "driver/registry.h"
#include <errno.h>

typedef struct Thing {
        int number;
        VhRegNode node;
} Thing;

static Thing *thing_new(const char *name, int number)
{
        Thing *t = vh_new(Thing, 1);

        t->number = number;
        t->node.name = vh_xstrdup(name);
        t->node.has_uuid = true;
        memcpy(t->node.uuid, &number, sizeof(number));
        return t;
}

static void thing_free(VhRegistry *reg, Thing *t)
{
        vh_registry_remove(reg, &t->node);
        free(t->node.name);
        free(t);
}

static Thing *of_node(VhRegNode *node)
{
        return VH_REG_OBJECT(node, Thing, node);
}

static void clear(VhRegistry *reg)
{
        VH_REGISTRY_FOREACH(reg, node)
        thing_free(reg, of_node(node));
}

static void finds_by_name_and_uuid(void **state)
{
        VhRegistry reg = {};
        Thing *a = thing_new("a", 1), *b = thing_new("b", 2);

        assert_int_equal(vh_registry_add(&reg, &a->node), 0);
        assert_int_equal(vh_registry_add(&reg, &b->node), 0);
        assert_ptr_equal(of_node(vh_registry_by_name(&reg, "b")), b);
        assert_ptr_equal(of_node(vh_registry_by_uuid(&reg, a->node.uuid)), a);
        assert_null(vh_registry_by_name(&reg, "c"));
        assert_null(of_node(vh_registry_by_name(&reg, "")));
        assert_int_equal(vh_registry_count(&reg), 2);
        clear(&reg);
        assert_int_equal(vh_registry_count(&reg), 0);
}

static void refuses_what_is_taken(void **state)
{
        VhRegistry reg = {};
        Thing *a = thing_new("a", 1), *same_name = thing_new("a", 2), *same_uuid = thing_new("b", 1);

        vh_registry_add(&reg, &a->node);
        assert_int_equal(vh_registry_add(&reg, &same_name->node), -EEXIST);
        assert_int_equal(vh_registry_add(&reg, &same_uuid->node), -EEXIST);
        thing_free(&reg, same_name); /* not linked: nothing else may go */
        thing_free(&reg, same_uuid);
        assert_ptr_equal(of_node(vh_registry_by_name(&reg, "a")), a);
        clear(&reg);
}

static void renames(void **state)
{
        VhRegistry reg = {};
        Thing *a = thing_new("a", 1), *b = thing_new("b", 2);

        vh_registry_add(&reg, &a->node);
        vh_registry_add(&reg, &b->node);
        assert_int_equal(vh_registry_rename(&reg, &a->node, "b"), -EEXIST);
        assert_int_equal(vh_registry_rename(&reg, &a->node, "c"), 0);
        assert_null(vh_registry_by_name(&reg, "a"));
        assert_ptr_equal(of_node(vh_registry_by_name(&reg, "c")), a);
        assert_ptr_equal(of_node(vh_registry_by_uuid(&reg, a->node.uuid)), a);
        clear(&reg);
}

static void lists_in_order(void **state)
{
        enum { MANY = 20000 };
        VhRegistry reg = {};
        int expected = 0;
        char name[32];

        for (int i = 0; i < MANY; i++) {
                snprintf(name, sizeof(name), "thing-%d", i);
                assert_int_equal(vh_registry_add(&reg, &thing_new(name, i)->node), 0);
        }
        VH_REGISTRY_FOREACH(&reg, node)
        assert_int_equal(of_node(node)->number, expected++);
        assert_int_equal(expected, MANY);
        clear(&reg);
}

static void filters_by_groups(void **state)
{
        uint32_t facts =
                VIR_CONNECT_LIST_DOMAINS_ACTIVE | VIR_CONNECT_LIST_DOMAINS_PERSISTENT | VIR_CONNECT_LIST_DOMAINS_PAUSED;

        assert_true(vh_list_match(&vh_filter_domains, 0, facts));
        assert_true(vh_list_match(&vh_filter_domains, VIR_CONNECT_LIST_DOMAINS_ACTIVE, facts));
        assert_false(vh_list_match(&vh_filter_domains, VIR_CONNECT_LIST_DOMAINS_INACTIVE, facts));
        assert_true(vh_list_match(&vh_filter_domains,
                                  VIR_CONNECT_LIST_DOMAINS_INACTIVE | VIR_CONNECT_LIST_DOMAINS_ACTIVE, facts));
        assert_false(vh_list_match(&vh_filter_domains,
                                   VIR_CONNECT_LIST_DOMAINS_ACTIVE | VIR_CONNECT_LIST_DOMAINS_TRANSIENT, facts));
        assert_true(vh_list_match(&vh_filter_domains,
                                  VIR_CONNECT_LIST_DOMAINS_RUNNING | VIR_CONNECT_LIST_DOMAINS_PAUSED, facts));
        assert_int_equal(vh_list_mask(&vh_filter_domains), 0xffff);
        assert_int_equal(vh_list_mask(&vh_filter_networks), 0x3f);
        assert_int_equal(vh_list_mask(&vh_filter_interfaces), 3);
        assert_int_equal(vh_list_mask(&vh_filter_secrets), 0xf);
        assert_int_equal(vh_list_mask(&vh_filter_storage_pools), 0xfffff);
}

static unsigned freed;

static void count_free(void *def)
{
        freed += def != NULL;
}

static void moments_form_a_forest(void **state)
{
        static int def;
        VhMomentList list = { .def_free = count_free };
        VhMoment *a = vh_moment_add(&list, "a", NULL, &def), *b = vh_moment_add(&list, "b", a, &def);
        VhMoment *c = vh_moment_add(&list, "c", b, &def), *d = vh_moment_add(&list, "d", a, &def);
        VhMoment *e = vh_moment_add(&list, "e", NULL, &def), *m = NULL;
        static const char *const order[] = { "a", "b", "c", "d", "e" };

        freed = 0;
        for (unsigned i = 0; i < VH_ARRAY_SIZE(order); i++) {
                m = vh_moment_next(&list, NULL, m);
                assert_string_equal(m->name, order[i]);
        }
        assert_null(vh_moment_next(&list, NULL, m));
        assert_int_equal(vh_moment_count_below(a), 3);
        assert_true(vh_moment_is_below(c, a));
        assert_false(vh_moment_is_below(e, a));
        assert_null(vh_moment_add(&list, "c", NULL, &def));
        list.current = b;
        vh_moment_remove(&list, b);
        assert_ptr_equal(list.current, a);
        assert_ptr_equal(c->parent, a);
        assert_int_equal(a->n_children, 2);
        vh_moment_set_parent(&list, d, c);
        list.current = d;
        vh_moment_remove_below(&list, a);
        assert_ptr_equal(list.current, a);
        assert_int_equal(vh_moment_count(&list), 2);
        assert_null(vh_moment_find(&list, "d"));
        vh_moment_clear(&list);
        assert_int_equal(freed, 5);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(finds_by_name_and_uuid),
                cmocka_unit_test(refuses_what_is_taken),
                cmocka_unit_test(renames),
                cmocka_unit_test(lists_in_order),
                cmocka_unit_test(filters_by_groups),
                cmocka_unit_test(moments_form_a_forest),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
