/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Requests to the kernel's routing family: a message is built attribute by attribute, sent on a socket of its own, and
 * answered. Calls block, mostly for microseconds; what makes the kernel wait (devices that go) takes milliseconds. */

#include "base/buf.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

/* A message in the making; all zero before vh_nl_begin(). The buffer is freed by what sends it. */
typedef struct VhNlMsg {
        VhBuf buf;
} VhNlMsg;

/* Starts a message: type (RTM_*), flags (NLM_F_*; REQUEST is added) and the family's fixed header. */
void vh_nl_begin(VhNlMsg *m, int type, int flags, const void *header, size_t len);
/* Appends an attribute. */
void vh_nl_put(VhNlMsg *m, int type, const void *data, size_t len);
void vh_nl_put_u8(VhNlMsg *m, int type, uint8_t value);
void vh_nl_put_u32(VhNlMsg *m, int type, uint32_t value);
void vh_nl_put_str(VhNlMsg *m, int type, const char *value);
/* Opens an attribute that holds others; the result is for vh_nl_end(). */
size_t vh_nl_nest(VhNlMsg *m, int type);
void vh_nl_end(VhNlMsg *m, size_t nest);

/* Called for each message of an answer. Returns negative errno to stop. */
typedef int (*VhNlFn)(void *data, const struct nlmsghdr *h);

/* Sends, and waits for the kernel's word: 0 or its negative errno. */
int vh_nl_request(VhNlMsg *m);
/* The same for questions: fn (may be NULL) gets the answers, of dumps (NLM_F_DUMP) all. */
int vh_nl_ask(VhNlMsg *m, VhNlFn fn, void *data);

/* The attribute of that type behind the fixed header of hdr_len bytes; NULL if there is none. */
const struct rtattr *vh_nl_find(const struct nlmsghdr *h, size_t hdr_len, int type);
/* The same inside of an attribute. */
const struct rtattr *vh_nl_find_in(const struct rtattr *nest, int type);
