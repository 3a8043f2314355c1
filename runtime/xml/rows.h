/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Short words for writing tables (xml/bind.h). Only for .c files that hold tables. Each table is preceded by
 * `#define S Struct` and followed by `#undef S`. Further members of the row may follow as `.member = value`. */

#include "xml/bind.h"
#include "xml/types.h"

#define ROWS(...) ((const VhXmlRow[]){ __VA_ARGS__, {} })
#define AT(field) .offset = offsetof(S, field), .size = sizeof(((S *)0)->field)

#define ATTR(n, field, t, ...)                                                                                         \
        {                                                                                                              \
                .name = (n), .place = VH_XML_ATTR, AT(field), .type = &vh_xml_##t, ##__VA_ARGS__                       \
        }
#define LEAF(n, field, t, ...)                                                                                         \
        {                                                                                                              \
                .name = (n), .place = VH_XML_LEAF, AT(field), .type = &vh_xml_##t, ##__VA_ARGS__                       \
        }
#define TEXT(field, t, ...)                                                                                            \
        {                                                                                                              \
                .name = "", .place = VH_XML_TEXT, AT(field), .type = &vh_xml_##t, ##__VA_ARGS__                        \
        }
#define FLAG(n, field, ...)                                                                                            \
        {                                                                                                              \
                .name = (n), .place = VH_XML_FLAG, AT(field), ##__VA_ARGS__                                            \
        }

/* Enums with a named table of texts, and with the texts in the row (values 1, 2, ... in their order). */
#define ENUM(n, field, nm, ...) ATTR(n, field, enum, .names = &(nm), ##__VA_ARGS__)
#define NAMES(...)                                                                                                     \
        (&(const VhXmlNames){ sizeof((const char *const[]){ NULL, __VA_ARGS__ }) / sizeof(char *),                     \
                              (const char *const[]){ NULL, __VA_ARGS__ } })
#define WORD(n, field, nm, ...)      ATTR(n, field, enum, .names = nm, ##__VA_ARGS__)
#define LEAF_WORD(n, field, nm, ...) LEAF(n, field, enum, .names = nm, ##__VA_ARGS__)
#define TEXT_WORD(field, nm, ...)    TEXT(field, enum, .names = nm, ##__VA_ARGS__)
#define YESNO(n, field, ...)         ATTR(n, field, enum, .names = &vh_xml_yes_no, ##__VA_ARGS__)
#define ONOFF(n, field, ...)         ATTR(n, field, enum, .names = &vh_xml_on_off, ##__VA_ARGS__)

/* Child elements. rows is ROWS(...) or an array. */
#define GROUP(n, r, ...)                                                                                               \
        {                                                                                                              \
                .name = (n), .place = VH_XML_GROUP, .rows = (r), ##__VA_ARGS__                                         \
        }
#define GROUP_AT(n, field, r, ...)                                                                                     \
        {                                                                                                              \
                .name = (n), .place = VH_XML_GROUP, .offset = offsetof(S, field), .rows = (r), ##__VA_ARGS__           \
        }
#define EMBED(r, ...)                                                                                                  \
        {                                                                                                              \
                .name = "", .place = VH_XML_EMBED, .rows = (r), ##__VA_ARGS__                                          \
        }
#define EMBED_AT(field, r, ...)                                                                                        \
        {                                                                                                              \
                .name = "", .place = VH_XML_EMBED, .offset = offsetof(S, field), .rows = (r), ##__VA_ARGS__            \
        }
#define PTR(n, field, t, ...)                                                                                          \
        {                                                                                                              \
                .name = (n), .place = VH_XML_PTR, AT(field), .table = &(t), ##__VA_ARGS__                              \
        }
#define LIST(n, field, t, ...)                                                                                         \
        {                                                                                                              \
                .name = (n), .place = VH_XML_LIST, AT(field), .table = &(t), ##__VA_ARGS__                             \
        }
#define RAW(n, field, ...)                                                                                             \
        {                                                                                                              \
                .name = (n), .place = VH_XML_RAW, AT(field), ##__VA_ARGS__                                             \
        }
/* What the reference's schema accepts and its reader passes over. */
#define DROPPED(n, ...)                                                                                                \
        {                                                                                                              \
                .name = (n), .place = VH_XML_DROPPED, ##__VA_ARGS__                                                    \
        }
#define DROPPED_ATTR(n, ...)                                                                                           \
        {                                                                                                              \
                .name = (n), .place = VH_XML_DROPPED_ATTR, ##__VA_ARGS__                                               \
        }

/* Conditions: the row exists while the enum `field` has one of the values in mask (BIT(x) | BIT(y)). */
#define BIT(x)            (UINT64_C(1) << (x))
#define WHEN(field, mask) .when_at = offsetof(S, field), .when = (mask)
#define KEY               .flags = VH_XML_KEY
#define REQUIRED          .flags = VH_XML_REQUIRED
/* The words of messages, for .fault, .range, .missing and .twice: with the value inside, and without. */
#define SAY(c, b, a)      (&(const VhXmlFault){ VIR_FROM_DOMAIN, (c), (b), (a), false })
#define SAY_PLAIN(c, b)   (&(const VhXmlFault){ VIR_FROM_DOMAIN, (c), (b), NULL, true })
#define FAULT(c, b, a)    .fault = SAY(c, b, a)
#define FAULT_PLAIN(c, b) .fault = SAY_PLAIN(c, b)
/* The words that the storage driver has for values of an element that cannot be read. */
#define MALFORMED(name)                                                                                                \
        .fault = &(const VhXmlFault)                                                                                   \
        {                                                                                                              \
                VIR_FROM_STORAGE, VIR_ERR_XML_ERROR, "malformed " name " element", NULL, true                          \
        }
/* Closes a table: what to say about an element that no row knows. */
#define UNKNOWN(c, b, a)                                                                                               \
        {                                                                                                              \
                .fault = SAY(c, b, a)                                                                                  \
        }
#define LIVE .hide = VH_XML_INACTIVE
