/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The language of profiles as a table: the reader, the JSON schema, explain and the man page come of it. */

#include "profile.h"

typedef enum VhKeyKind {
        VH_KEY_SECTION, /* a map of further keys */
        VH_KEY_OPTION,  /* an option of daemons, as that wants it */
        VH_KEY_WORDS,   /* the same, but a list here and one text with blanks in the file */
        VH_KEY_BOOL,
        VH_KEY_NUMBER,
        VH_KEY_TEXT,
        VH_KEY_CHOICE,
        VH_KEY_LIST,    /* of texts */
        VH_KEY_SECONDS, /* or never */
        VH_KEY_INCLUDE, /* gone once layers are merged */
        VH_KEY_RULES,   /* a list of maps: vh_lang_rule_keys */
        VH_KEY_WHERE,   /* one attribute of an object and its value */
        VH_KEY_DAEMONS, /* the last three: maps by name */
        VH_KEY_FILES,
        VH_KEY_UNITS,
} VhKeyKind;

typedef enum VhTextForm {
        VH_TEXT_ANY,
        VH_TEXT_NAME,    /* letters, digits, '.', '_', '-' */
        VH_TEXT_ACCOUNT, /* name of a user or group */
        VH_TEXT_PATH,    /* absolute */
        VH_TEXT_ADDRESS, /* IPv4 or IPv6 literal */
        VH_TEXT_UNIT,    /* name of a unit of any kind */
        VH_TEXT_URI,
        VH_TEXT_PERMISSION, /* OBJECT.PERMISSION */
} VhTextForm;

typedef struct VhKey {
        const char *name;
        VhKeyKind kind;
        const char *help;         /* a sentence or two, without a line break */
        const struct VhKey *keys; /* VH_KEY_SECTION; ends with a NULL name */
        const char *option;       /* VH_KEY_OPTION, VH_KEY_WORDS */
        VhScope scope;
        const char *const *choices; /* VH_KEY_CHOICE; NULL-terminated */
        VhTextForm form;            /* VH_KEY_TEXT, VH_KEY_LIST */
        uint64_t max;               /* VH_KEY_NUMBER */
        size_t given;               /* where its VhGiven is in VhProfile; 0: nowhere */
        const char *value;          /* what counts when the key is not there, for people; or NULL */
} VhKey;

extern const VhKey vh_lang_keys[];      /* of a profile; ends with a NULL name */
extern const VhKey vh_lang_rule_keys[]; /* of one of access.rules */

/* What a role sets, strictly weaker than any other key. */
typedef struct VhRoleLimit {
        const char *option;
        uint64_t value;
} VhRoleLimit;

typedef struct VhLimitRole {
        const char *name;
        const char *help;
        const VhRoleLimit *limits; /* ends with a NULL option */
} VhLimitRole;

extern const VhLimitRole vh_limit_roles[]; /* in the order of the choices of limits.role */

/* The variables of libvirt-guests' environment file, and the keys of the section guests that set them. */
typedef struct VhGuestVariable {
        const char *name;
        const VhKey *key;
} VhGuestVariable;

extern const VhGuestVariable vh_guest_variables[]; /* ends with a NULL name */

/* The option that a key sets; libvirtd's file has all that daemons share. */
const VhOptionDesc *vh_lang_option(const VhKey *key);
const VhKey *vh_lang_find(const VhKey *keys, const char *name);
/* A permission of the access control of the API, "domain.start"; * may end it. */
bool vh_lang_is_permission(const char *word);
extern const char *const vh_lang_permissions[]; /* NULL-terminated, sorted */
