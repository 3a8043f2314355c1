/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Lists of typed parameters: building them for a reply, checking and reading those of a call. */

#include "driver/driver.h"

/* A list under construction; field names are not copied (literals, or vh_typed_name()). */
typedef struct VhTypedList {
        VhArena *arena; /* the call's: the list lives as long */
        remote_typed_param *val;
        uint32_t len;
        uint32_t cap;
} VhTypedList;

#define VH_TYPED_LIST(call) ((VhTypedList){ .arena = &(call)->arena })

void vh_typed_add_int(VhTypedList *l, const char *field, int v);
void vh_typed_add_uint(VhTypedList *l, const char *field, unsigned v);
void vh_typed_add_llong(VhTypedList *l, const char *field, int64_t v);
void vh_typed_add_ullong(VhTypedList *l, const char *field, uint64_t v);
void vh_typed_add_double(VhTypedList *l, const char *field, double v);
void vh_typed_add_bool(VhTypedList *l, const char *field, bool v);
/* v is not copied; NULL counts as "". */
void vh_typed_add_string(VhTypedList *l, const char *field, const char *v);
/* A field name made for this list, such as "vcpu.3.state". */
const char *vh_typed_name(VhTypedList *l, const char *fmt, ...) _vh_printf_(2, 3);
/* The same for what there are most of: "PREFIX" NUMBER "SUFFIX". */
const char *vh_typed_numbered(VhTypedList *l, const char *prefix, unsigned number, const char *suffix);

/* Answer of a getter: drops strings that the caller did not allow (flags without VIR_TYPED_PARAM_STRING_OKAY). */
void vh_typed_drop_strings(VhTypedList *l, uint32_t flags);

/* Hands a copy of the list to a reply's counted array, no larger than needed, and empties it for the next: for replies
 * of many lists. */
#define VH_TYPED_COPY(to, l)                                                                                           \
        do {                                                                                                           \
                (to)->len = (l)->len;                                                                                  \
                (to)->val = vh_arena_memdup((l)->arena, (l)->val, (l)->len * sizeof(*(l)->val));                       \
                (l)->len = 0;                                                                                          \
        } while (0)

/* Hands the list to a reply's counted array: VH_TYPED_MOVE(&ret->params, &list). */
#define VH_TYPED_MOVE(to, l)                                                                                           \
        do {                                                                                                           \
                (to)->len = (l)->len;                                                                                  \
                (to)->val = (l)->val;                                                                                  \
        } while (0)

/* The old getters' two steps: with args->nparams 0 only the number of fields is answered, else at most nparams of them.
 * Strings count there, and are dropped as above here. */
#define VH_TYPED_ANSWER(args, ret, l)                                                                                  \
        do {                                                                                                           \
                if ((args)->nparams == 0)                                                                              \
                        (ret)->nparams = (int)(l)->len;                                                                \
                else {                                                                                                 \
                        vh_typed_drop_strings((l), (args)->flags);                                                     \
                        (l)->len = VH_MIN((l)->len, (uint32_t)VH_MAX((args)->nparams, 0));                             \
                        VH_TYPED_MOVE(&(ret)->params, (l));                                                            \
                        (ret)->nparams = (int)(l)->len;                                                                \
                }                                                                                                      \
        } while (0)

/* A field that a setter accepts. */
typedef struct VhTypedField {
        const char *name;
        int type;      /* VIR_TYPED_PARAM_* */
        bool multiple; /* may occur more than once */
} VhTypedField;

/* Checks the list of a call against the fields that are accepted: VIR_ERR_ARGUMENT_UNSUPPORTED for an unknown field,
 * VIR_ERR_INVALID_ARG for a wrong type or a repetition, with the reference's texts. */
int vh_typed_validate(const remote_typed_param *params, uint32_t n, const VhTypedField *fields, unsigned n_fields,
                      VhError **err);
/* The first parameter of that name, NULL if there is none. */
const remote_typed_param *vh_typed_find(const remote_typed_param *params, uint32_t n, const char *name);
/* "int", "ullong", ...; "unknown" for a number that is no type. */
const char *vh_typed_type_name(int type);
