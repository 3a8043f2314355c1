/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a daemon is and what can be set: rows made from daemons/NAME/daemon.yaml and daemons/conf/NAME.yaml by
 * daemons/gen/tables.py. Everything is constant and lives as long as the program.
 *
 * File names are without directory: /etc/libvirt, /run/libvirt and their likes are the caller's. */

#include "base/util.h"

typedef enum VhOptionType {
        VH_OPTION_BOOL,
        VH_OPTION_INT,
        VH_OPTION_UINT,
        VH_OPTION_U64, /* also sizes */
        VH_OPTION_STRING,
        VH_OPTION_ENUM, /* a string out of choices */
        VH_OPTION_STRING_LIST,
        VH_OPTION_STRING_OR_LIST,
        VH_OPTION_U64_OR_STRING, /* a number, or a string out of choices */
} VhOptionType;

/* What a string must look like; of a list, each element. */
typedef enum VhOptionFormat {
        VH_FORMAT_ANY,
        VH_FORMAT_MODE,    /* octal digits, up to 07777 */
        VH_FORMAT_PORT,    /* 0 to 65535, or a service name */
        VH_FORMAT_ADDRESS, /* IPv4 or IPv6 literal */
        VH_FORMAT_HOST,    /* literal or host name */
        VH_FORMAT_UUID,
        VH_FORMAT_ID,   /* user or group: name, number or +number */
        VH_FORMAT_PATH, /* absolute path, or empty */
        VH_FORMAT_LOG_FILTERS,
        VH_FORMAT_LOG_OUTPUTS,
        VH_FORMAT_ALIAS, /* NAME=URI */
} VhOptionFormat;

/* What has to happen before a new value counts. */
typedef enum VhOptionChange {
        VH_CHANGE_NONE,
        VH_CHANGE_LIVE,   /* the admin socket can set it in the running daemon */
        VH_CHANGE_RELOAD, /* SIGHUP */
        VH_CHANGE_RESTART,
} VhOptionChange;

/* What a wrong value can do. */
typedef enum VhOptionWeight {
        VH_WEIGHT_NONE,
        VH_WEIGHT_LOW,
        VH_WEIGHT_MEDIUM,   /* exposure or denial of service */
        VH_WEIGHT_HIGH,     /* weaker authentication, encryption or confinement */
        VH_WEIGHT_CRITICAL, /* can hand out root */
} VhOptionWeight;

/* The setting of a socket unit that takes over when systemd passes the sockets. */
typedef enum VhReplacedBy {
        VH_REPLACED_NOT,
        VH_REPLACED_SOCKET_MODE,    /* SocketMode= */
        VH_REPLACED_SOCKET_GROUP,   /* SocketGroup= of all UNIX sockets */
        VH_REPLACED_LISTEN_STREAM,  /* ListenStream= of one socket */
        VH_REPLACED_LISTEN_STREAMS, /* ListenStream= of several */
        VH_REPLACED_UNIT,           /* the socket unit being enabled */
} VhReplacedBy;

typedef struct VhOptionDesc {
        const char *name;
        VhOptionType type;
        VhOptionFormat format;
        int64_t min; /* numbers; both ends belong to it */
        uint64_t max;
        const char *const *choices; /* NULL-terminated, or NULL */
        const char *value;         /* default as conf text ("5", "\"none\"", "[ ]"), NULL: none or found out at start */
        const char *value_session; /* the default of session mode where it differs, else NULL */
        const char *value_note;    /* how an unset key is understood when value cannot say it, or NULL */
        const char *example;       /* conf text for the sample when there is no default; never NULL */
        const char *unit;          /* "seconds", or NULL */
        const char *section;       /* heading in the sample file */
        const char *help;          /* paragraphs, lines broken by '\n' */
        VhOptionChange change;
        VhOptionWeight weight;
        VhReplacedBy replaced_by;
        const char *replaced_unit;   /* kinds of socket it replaces for: "rw ro admin", or NULL */
        const char *at_most;         /* key whose value (or default) is the upper bound, or NULL */
        const char *const *together; /* keys that must be set as well, NULL-terminated, or NULL */
        bool lax;                    /* daemons start with a value that range, choices or format forbid */
        bool obsolete;               /* accepted and without effect */
        bool secret;                 /* a password: profiles name a file that holds it */
} VhOptionDesc;

/* One .conf file. */
typedef struct VhConfDesc {
        const char *file;  /* "virtqemud.conf" */
        const char *title; /* what it is, a few words */
        const VhOptionDesc *const *options;
        size_t n_options;
        unsigned mode; /* of the installed file: 0644, or 0600 where passwords may be in it */
        bool session;  /* also read in session mode, from $XDG_CONFIG_HOME/libvirt */
        bool lenient;  /* an unreadable file counts as empty */
} VhConfDesc;

typedef enum VhSocketKind {
        VH_SOCKET_RW,
        VH_SOCKET_RO,
        VH_SOCKET_ADMIN,
        VH_SOCKET_TCP,
        VH_SOCKET_TLS,
} VhSocketKind;

typedef struct VhSocketDesc {
        VhSocketKind kind;
        const char *unit;       /* unit and descriptor name: "virtqemud-ro.socket" */
        const char *file;       /* "virtqemud-sock-ro"; NULL for TCP and TLS */
        const char *port;       /* "16514"; NULL for UNIX sockets */
        const char *auth_key;   /* option with the authentication, or NULL: peer uid must be ours or root */
        const char *mode_key;   /* option with the mode of the file when the daemon makes it, or NULL */
        const char *enable_key; /* option that turns a TCP or TLS listener on, or NULL */
        const char *port_key;
        unsigned mode;      /* of the file when the daemon makes it and no key says otherwise */
        unsigned unit_mode; /* SocketMode= of the unit; 0 for TCP and TLS */
        bool session;       /* exists in session mode */
} VhSocketDesc;

typedef enum VhDaemonRole {
        VH_ROLE_MONOLITHIC,
        VH_ROLE_HYPERVISOR,
        VH_ROLE_SECONDARY,
        VH_ROLE_PROXY,
        VH_ROLE_LOG,
        VH_ROLE_LOCK,
} VhDaemonRole;

typedef struct VhDaemonDesc {
        const char *name;
        const char *title;   /* what it serves, a few words */
        const char *service; /* unit: "virtqemud.service" */
        VhDaemonRole role;
        const char *const *drivers; /* NULL-terminated, in the order they start: "qemu" */
        bool session;               /* can run as a user's own daemon */
        bool units;                 /* has systemd units */
        bool boot;                  /* starts guests, networks or the like with the host */
        bool listen_option;         /* knows --listen */
        unsigned idle_seconds;      /* --timeout in the stock unit, 0: stays */
        const char *args_variable;  /* environment variable of the unit with further arguments */
        const char *pid_file;       /* system mode in /run; session mode in $XDG_RUNTIME_DIR/libvirt */
        const char *log_file;       /* in the log directory, when neither journal nor terminal is there */
        const VhSocketDesc *sockets;
        size_t n_sockets;
        const VhConfDesc *conf;                /* its own file */
        const VhConfDesc *const *driver_confs; /* NULL-terminated: files its drivers read */
        const char *const *needs;              /* NULL-terminated: daemons whose sockets must be there */
        const char *const *wants;              /* NULL-terminated: daemons it talks to when they are there */
} VhDaemonDesc;

extern const VhDaemonDesc *const vh_daemon_descs[]; /* NULL-terminated, sorted by name */
extern const VhConfDesc *const vh_conf_descs[];     /* NULL-terminated: every .conf file, sorted by name */

/* NULL if there is no such daemon (file, socket, option). The first two and the tables come with daemon_desc_dep of
 * daemons/gen; the runtime itself knows no daemon. */
const VhDaemonDesc *vh_daemon_desc_find(const char *name);
const VhConfDesc *vh_conf_desc_find(const char *file);
const VhSocketDesc *vh_daemon_desc_socket(const VhDaemonDesc *d, VhSocketKind kind);
const VhOptionDesc *vh_conf_desc_option(const VhConfDesc *d, const char *name);

/* "a string", "a number from 1 to 65535": for messages; the caller frees it. */
char *vh_option_expects(const VhOptionDesc *o);
/* "bool", "string-list": the word of the descriptions. */
const char *vh_option_type_name(VhOptionType type);
/* "rw", "ro", "admin", "tcp", "tls". */
const char *vh_socket_kind_name(VhSocketKind kind);
