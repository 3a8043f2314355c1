/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A profile after reading: what is wanted of a host, typed, with the place of every value. */

#include "conf/conf.h"
#include "distro.h"
#include "preset.h"
#include "yaml-tree.h"

typedef enum VhLayout {
        VH_LAYOUT_MODULAR,
        VH_LAYOUT_MONOLITHIC,
} VhLayout;

typedef enum VhStartup {
        VH_STARTUP_ACTIVATION, /* systemd makes the sockets */
        VH_STARTUP_DAEMON,     /* daemons make their sockets */
} VhStartup;

/* Which daemons a setting is for. */
typedef enum VhScope {
        VH_SCOPE_API,  /* all that serve the public API */
        VH_SCOPE_ALL,  /* virtlogd and virtlockd too */
        VH_SCOPE_ONE,  /* the one named */
        VH_SCOPE_CONF, /* a driver's file */
} VhScope;

/* A value of the profile that is no daemon's option; all zero: not given. Its key says which member counts. */
typedef struct VhGiven {
        const VhYamlNode *node; /* NULL: not given */
        const char *path;
        bool on;
        uint64_t number;
        unsigned choice;    /* place among the choices */
        const char *text;   /* also of choices */
        const char **items; /* of a list, n of them; item i stands at node->items[i] */
        size_t n;
} VhGiven;

typedef struct VhSetting {
        struct VhSetting *next;
        VhScope scope;
        const VhDaemonDesc *daemon; /* VH_SCOPE_ONE */
        const VhConfDesc *conf;     /* VH_SCOPE_CONF */
        const VhOptionDesc *option;
        bool left; /* left to the daemon: null stands there */
        VhConfValue value;
        const VhYamlNode *node;
        const char *path; /* "$.limits.max_clients" */
} VhSetting;

/* --timeout of one daemon, or of all. */
typedef struct VhIdle {
        struct VhIdle *next;
        const VhDaemonDesc *daemon; /* NULL: all that have one */
        unsigned seconds;           /* 0: never */
        bool left;                  /* as the unit has it: null stands there */
        const VhYamlNode *node;
        const char *path;
} VhIdle;

/* One directive for a unit's drop-in. */
typedef struct VhDirective {
        struct VhDirective *next;
        const char *unit;    /* "virtqemud.service" */
        const char *section; /* "Service" */
        const char *key;
        const char *value;
        const VhYamlNode *node;
        const char *path;
} VhDirective;

/* Who may do what once access.permissions has polkit: a row of access.rules. */
typedef struct VhRule {
        struct VhRule *next;
        VhGiven users, groups, allow, deny;
        const char *where_key, *where_value; /* of the object: "domain_name", "web-*"; or NULL */
        const VhYamlNode *node;
        const char *path;
} VhRule;

/* Whose daemons the profile is for. */
typedef enum VhSoftware {
        VH_SOFTWARE_OURS,
        VH_SOFTWARE_LIBVIRT, /* the distribution's packages */
} VhSoftware;

typedef struct VhProfile {
        const char *file;
        const char *name;
        const char *version; /* of this profile, for people and reports, or NULL */
        VhLayout layout;
        VhStartup startup;
        VhSoftware software;
        const VhDistro *distro;
        const VhPresetPolicy *preset;
        bool proxy;                   /* virtproxyd in a modular layout */
        const VhDaemonDesc **daemons; /* wanted, NULL-terminated, sorted by name, closed over needs */
        VhSetting *settings, *last_setting;
        VhIdle *idles, *last_idle;
        VhDirective *directives, *last_directive;
        VhRule *rules, *last_rule;
        /* What is given, by key; the language's table (lang.c) says which is which. */
        VhGiven format, name_given, version_given, description, software_given, distro_given, layout_given,
                startup_given, preset_given, proxy_given, hypervisors, drivers;
        struct {
                VhGiven wait_for, services, mask_others;
        } boot;
        struct {
                VhGiven create_group, members, manage_users, manage_groups, monitor_users, monitor_groups;
        } access;
        struct {
                VhGiven addresses, free_bind, ipv6_only, ssh_users;
                VhGiven tls_addresses, tcp_addresses, pki;
        } remote;
        VhGiven role;
        struct {
                VhGiven at_shutdown, at_boot, uris, start_delay, parallel, timeout, bypass_cache, sync_time;
        } guests;
        VhArena *arena; /* owns everything, the caller's */
} VhProfile;

/* Reads a profile that includes no others. All mistakes go to findings; NULL if not even its outline is clear. */
VhProfile *vh_profile_read(VhArena *arena, const char *file, const char *data, size_t len, VhFindings *findings);
/* The same from a merged tree, which the profile points into. file is for what stands nowhere. */
VhProfile *vh_profile_read_tree(VhArena *arena, const char *file, const VhYamlNode *root, VhFindings *findings);

/* Checks what no single value shows: combinations, bounds between options, who can reach which socket. */
void vh_profile_check(const VhProfile *p, VhFindings *findings);

bool vh_profile_has(const VhProfile *p, const VhDaemonDesc *d);
/* The setting that counts for an option of a daemon: the most special, then the last. NULL: the default counts. */
const VhSetting *vh_profile_setting(const VhProfile *p, const VhDaemonDesc *d, const char *option);
/* The same for a driver's file. */
const VhSetting *vh_profile_conf_setting(const VhProfile *p, const VhConfDesc *conf, const char *option);
/* The value that says it, or NULL: the daemon's own default counts. */
const VhIdle *vh_profile_idle_setting(const VhProfile *p, const VhDaemonDesc *d);
/* --timeout that counts for a daemon: its own default, but nobody starts one again that makes its sockets itself. */
unsigned vh_profile_idle(const VhProfile *p, const VhDaemonDesc *d);
/* True if the socket unit (or the listener) of this kind is wanted. */
bool vh_profile_wants_socket(const VhProfile *p, const VhDaemonDesc *d, const VhSocketDesc *s);
/* Does systemd make the daemon's sockets? Those of the helpers always: the units of the others need them. */
bool vh_profile_is_activated(const VhProfile *p, const VhDaemonDesc *d);
/* True if systemd's socket unit decides instead of this option. */
bool vh_profile_is_replaced(const VhProfile *p, const VhOptionDesc *o);

/* True for libvirtd in a modular layout, and for the daemons in its place in a monolithic one. */
bool vh_profile_is_other_layout(const VhProfile *p, const VhDaemonDesc *d);
/* The first value of the guests section, or NULL if the profile leaves guests at shutdown alone. */
const VhGiven *vh_profile_guests(const VhProfile *p);

/* Adds an error at a node. */
VhFinding *vh_profile_error(VhFindings *f, const VhProfile *p, const char *code, const VhYamlNode *node,
                            const char *path, const char *fmt, ...) _vh_printf_(6, 7);

/* The value of a node for an option, typed and checked; false with findings if it does not fit. */
bool vh_profile_value(const VhProfile *p, const VhOptionDesc *o, const VhYamlNode *node, const char *path,
                      VhConfValue *value, VhFindings *f);
/* true or false; else a finding and false is returned. */
bool vh_profile_bool(const VhProfile *p, const VhYamlNode *node, const char *path, bool *value, VhFindings *f);
/* A single text. Plain words that other programs read as something else must be in quotes. */
bool vh_profile_text(const VhProfile *p, const VhYamlNode *node, const char *path, const char **value, VhFindings *f);
/* A plain decimal number. */
bool vh_profile_number(const VhProfile *p, const VhYamlNode *node, const char *path, uint64_t max, uint64_t *value,
                       VhFindings *f);
