/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the object models share: from text to struct and back, around one table each. */

#include "xml/bind.h"

/* A kind of document. */
typedef struct VhModel {
        const VhXmlTable *table;
        const char *doc_name; /* how parse messages call the text: "(network_definition)" */
        int domain;           /* VIR_FROM_* of errors about the content */
} VhModel;

/* Reads a document whose root is the table's element. flags are VH_XML_*, env goes to the table's checks. Returns 0 and
 * a new struct (to be freed with the table), or negative errno with *err. */
int vh_model_parse(const VhModel *model, const char *xml, unsigned flags, const void *env, void **ret, VhError **err);
/* The document as text; the caller frees it. */
char *vh_model_format(const VhModel *model, const void *obj, unsigned flags);

/* Declares the four functions of a kind: vh_X_parse, vh_X_format, vh_X_copy, vh_X_free. */
#define VH_MODEL_DECLARE(x, Type)                                                                                      \
        extern const VhModel vh_##x##_model;                                                                           \
        int vh_##x##_parse(const char *xml, unsigned flags, Type **ret, VhError **err);                                \
        char *vh_##x##_format(const Type *def, unsigned flags);                                                        \
        Type *vh_##x##_copy(const Type *def);                                                                          \
        Type *vh_##x##_free(Type *def); /* accepts NULL, returns NULL */                                               \
        VH_DEFINE_CLEANUP(Type *, vh_##x##_free)

#define VH_MODEL_DEFINE(x, Type)                                                                                       \
        int vh_##x##_parse(const char *xml, unsigned flags, Type **ret, VhError **err)                                 \
        {                                                                                                              \
                return vh_model_parse(&vh_##x##_model, xml, flags, NULL, (void **)ret, err);                           \
        }                                                                                                              \
        char *vh_##x##_format(const Type *def, unsigned flags)                                                         \
        {                                                                                                              \
                return vh_model_format(&vh_##x##_model, def, flags);                                                   \
        }                                                                                                              \
        Type *vh_##x##_copy(const Type *def)                                                                           \
        {                                                                                                              \
                return vh_xml_bind_dup(vh_##x##_model.table, def);                                                     \
        }                                                                                                              \
        Type *vh_##x##_free(Type *def)                                                                                 \
        {                                                                                                              \
                return vh_xml_bind_free(vh_##x##_model.table, def);                                                    \
        }
