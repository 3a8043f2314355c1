/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Writing JSON: values in order, commas by themselves. A NULL key is for members of a list. */

#include "base/buf.h"

typedef struct VhJson {
        VhBuf buf;
        bool comma; /* the next value needs one in front */
} VhJson;

void vh_json_open(VhJson *j, const char *key, char bracket); /* '{' or '[' */
void vh_json_close(VhJson *j, char bracket);                 /* '}' or ']' */
/* NULL becomes null. What is not UTF-8 is replaced byte by byte. */
void vh_json_string(VhJson *j, const char *key, const char *value);
void vh_json_number(VhJson *j, const char *key, uint64_t value);
/* A value that is JSON already. */
void vh_json_raw(VhJson *j, const char *key, const char *value);
void vh_json_bool(VhJson *j, const char *key, bool value);
void vh_json_done(VhJson *j);
