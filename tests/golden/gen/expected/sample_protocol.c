/* Generated from rpc/protocol/sample.yaml; do not edit. */
#include "sample_protocol.h"
#include <stddef.h>

const VhXdrType vh_xdr_sample_nonnull_string = {.name = "sample_nonnull_string", .kind = VH_XDR_STRING, .size = sizeof(char *), .wire = 4, .max = 8};
const VhXdrType vh_xdr_sample_colour = {.name = "sample_colour", .kind = VH_XDR_INT, .size = sizeof(sample_colour), .wire = 4};

static const VhXdrField fields_sample_point[] = {
        {.name = "x", .type = &vh_xdr_int, .offset = offsetof(sample_point, x)},
        {.name = "y", .type = &vh_xdr_int, .offset = offsetof(sample_point, y)},
};
const VhXdrType vh_xdr_sample_point = {.name = "sample_point", .kind = VH_XDR_STRUCT, .size = sizeof(sample_point), .wire = 8, .fields = fields_sample_point, .n_fields = 2};

static const VhXdrField fields_sample_value[] = {
        {.name = "type", .type = &vh_xdr_int, .offset = offsetof(sample_value, type)},
        {.name = "i", .type = &vh_xdr_int, .offset = offsetof(sample_value, i), .selector = 1},
        {.name = "h", .type = &vh_xdr_hyper, .offset = offsetof(sample_value, h), .selector = 2},
        {.name = "s", .type = &vh_xdr_sample_nonnull_string, .offset = offsetof(sample_value, s), .selector = 7},
};
const VhXdrType vh_xdr_sample_value = {.name = "sample_value", .kind = VH_XDR_UNION, .size = sizeof(sample_value), .wire = 8, .fields = fields_sample_value, .n_fields = 4};

static const VhXdrField fields_sample_everything[] = {
        {.name = "c", .type = &vh_xdr_char, .offset = offsetof(sample_everything, c)},
        {.name = "uc", .type = &vh_xdr_uchar, .offset = offsetof(sample_everything, uc)},
        {.name = "s", .type = &vh_xdr_short, .offset = offsetof(sample_everything, s)},
        {.name = "us", .type = &vh_xdr_ushort, .offset = offsetof(sample_everything, us)},
        {.name = "i", .type = &vh_xdr_int, .offset = offsetof(sample_everything, i)},
        {.name = "ui", .type = &vh_xdr_uint, .offset = offsetof(sample_everything, ui)},
        {.name = "h", .type = &vh_xdr_hyper, .offset = offsetof(sample_everything, h)},
        {.name = "uh", .type = &vh_xdr_uhyper, .offset = offsetof(sample_everything, uh)},
        {.name = "d", .type = &vh_xdr_double, .offset = offsetof(sample_everything, d)},
        {.name = "colour", .type = &vh_xdr_sample_colour, .offset = offsetof(sample_everything, colour)},
        {.name = "uuid", .type = &vh_xdr_opaque, .offset = offsetof(sample_everything, uuid), .count = 16, .shape = VH_XDR_FIXED},
        {.name = "name", .type = &vh_xdr_sample_nonnull_string, .offset = offsetof(sample_everything, name)},
        {.name = "note", .type = &vh_xdr_sample_nonnull_string, .offset = offsetof(sample_everything, note), .shape = VH_XDR_OPTIONAL},
        {.name = "model", .type = &vh_xdr_char, .offset = offsetof(sample_everything, model), .count = 5, .shape = VH_XDR_FIXED},
        {.name = "label", .type = &vh_xdr_char, .offset = offsetof(sample_everything, label), .count = 3, .shape = VH_XDR_VARIABLE},
        {.name = "raw", .type = &vh_xdr_opaque, .offset = offsetof(sample_everything, raw), .count = 6, .shape = VH_XDR_VARIABLE},
        {.name = "odd", .type = &vh_xdr_opaque, .offset = offsetof(sample_everything, odd), .count = 3, .shape = VH_XDR_FIXED},
        {.name = "numbers", .type = &vh_xdr_hyper, .offset = offsetof(sample_everything, numbers), .count = 3, .shape = VH_XDR_VARIABLE},
        {.name = "names", .type = &vh_xdr_sample_nonnull_string, .offset = offsetof(sample_everything, names), .count = 3, .shape = VH_XDR_VARIABLE},
        {.name = "at", .type = &vh_xdr_sample_point, .offset = offsetof(sample_everything, at)},
        {.name = "maybe", .type = &vh_xdr_sample_point, .offset = offsetof(sample_everything, maybe), .shape = VH_XDR_OPTIONAL},
        {.name = "path", .type = &vh_xdr_sample_point, .offset = offsetof(sample_everything, path), .count = 3, .shape = VH_XDR_VARIABLE},
        {.name = "corners", .type = &vh_xdr_sample_point, .offset = offsetof(sample_everything, corners), .count = 2, .shape = VH_XDR_FIXED},
        {.name = "value", .type = &vh_xdr_sample_value, .offset = offsetof(sample_everything, value)},
        {.name = "values", .type = &vh_xdr_sample_value, .offset = offsetof(sample_everything, values), .count = 3, .shape = VH_XDR_VARIABLE},
        {.name = "last", .type = &vh_xdr_sample_nonnull_string, .offset = offsetof(sample_everything, last)},
};
const VhXdrType vh_xdr_sample_everything = {.name = "sample_everything", .kind = VH_XDR_STRUCT, .size = sizeof(sample_everything), .wire = 164, .fields = fields_sample_everything, .n_fields = 26};

static const VhXdrField fields_sample_args[] = {
        {.name = "name", .type = &vh_xdr_sample_nonnull_string, .offset = offsetof(sample_args, name)},
        {.name = "password", .type = &vh_xdr_sample_nonnull_string, .offset = offsetof(sample_args, password), .shape = VH_XDR_OPTIONAL, .secret = true},
        {.name = "source", .type = &vh_xdr_uint, .offset = offsetof(sample_args, source)},
        {.name = "flags", .type = &vh_xdr_uint, .offset = offsetof(sample_args, flags)},
};
const VhXdrType vh_xdr_sample_args = {.name = "sample_args", .kind = VH_XDR_STRUCT, .size = sizeof(sample_args), .wire = 16, .fields = fields_sample_args, .n_fields = 4};

static const VhXdrField fields_sample_ret[] = {
        {.name = "num", .type = &vh_xdr_int, .offset = offsetof(sample_ret, num)},
};
const VhXdrType vh_xdr_sample_ret = {.name = "sample_ret", .kind = VH_XDR_STRUCT, .size = sizeof(sample_ret), .wire = 4, .fields = fields_sample_ret, .n_fields = 1};

static const VhXdrField fields_sample_id[] = {
        {.name = "callbackID", .type = &vh_xdr_int, .offset = offsetof(sample_id, callbackID)},
};
const VhXdrType vh_xdr_sample_id = {.name = "sample_id", .kind = VH_XDR_STRUCT, .size = sizeof(sample_id), .wire = 4, .fields = fields_sample_id, .n_fields = 1};

