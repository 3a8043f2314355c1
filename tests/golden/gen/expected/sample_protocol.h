/* Generated from rpc/protocol/sample.yaml; do not edit. */
#pragma once

#include "rpc/codec.h"

enum {
        SAMPLE_PROGRAM = 536870913,
        SAMPLE_VERSION = 1,
};

enum {
        SAMPLE_STRING_MAX = 8,
        SAMPLE_LIST_MAX = 3,
};

typedef enum sample_colour {
        SAMPLE_RED = 0,
        SAMPLE_NONE = -1,
} sample_colour;

typedef struct sample_point sample_point;
typedef struct sample_value sample_value;
typedef struct sample_everything sample_everything;
typedef struct sample_args sample_args;
typedef struct sample_ret sample_ret;
typedef struct sample_id sample_id;
typedef char *sample_nonnull_string;
typedef char *sample_string;
typedef uint8_t sample_uuid[16];
typedef sample_point *sample_point_ptr;

struct sample_point {
        int x;
        int y;
};
extern const VhXdrType vh_xdr_sample_point;

struct sample_value {
        int type;
        union {
                int i;
                int64_t h;
                char *s;
        };
};
extern const VhXdrType vh_xdr_sample_value;

struct sample_everything {
        char c;
        unsigned char uc;
        short s;
        unsigned short us;
        int i;
        unsigned ui;
        int64_t h;
        uint64_t uh;
        double d;
        sample_colour colour;
        uint8_t uuid[16];
        char *name;
        char *note;
        char model[5];
        struct { uint32_t len; char *val; } label;
        struct { uint32_t len; uint8_t *val; } raw;
        uint8_t odd[3];
        struct { uint32_t len; int64_t *val; } numbers;
        struct { uint32_t len; char **val; } names;
        sample_point at;
        sample_point *maybe;
        struct { uint32_t len; sample_point *val; } path;
        sample_point corners[2];
        sample_value value;
        struct { uint32_t len; sample_value *val; } values;
        char *last;
};
extern const VhXdrType vh_xdr_sample_everything;

struct sample_args {
        char *name;
        char *password;
        unsigned source;
        unsigned flags;
};
extern const VhXdrType vh_xdr_sample_args;

struct sample_ret {
        int num;
};
extern const VhXdrType vh_xdr_sample_ret;

struct sample_id {
        int callbackID;
};
extern const VhXdrType vh_xdr_sample_id;

extern const VhXdrType vh_xdr_sample_nonnull_string;
extern const VhXdrType vh_xdr_sample_colour;
