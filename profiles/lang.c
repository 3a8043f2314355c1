/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The table of the language. A key that sets an option has its type, range and meaning from there. */

#include "lang.h"

#define WORDS(...)    ((const char *const[]){ __VA_ARGS__, NULL })
#define GIVEN(member) .given = offsetof(VhProfile, member)

enum {
        /* systemd takes more, but nobody means a service that idles for a year. */
        IDLE_MAX = 365 * 24 * 3600,
        SHUTDOWN_MAX = 24 * 3600,
        PARALLEL_MAX = 10000,
};

/* Limits */

static const VhRoleLimit single_agent[] = {
        { "max_clients", 100 }, { "max_queued_clients", 100 },  { "max_anonymous_clients", 20 }, { "max_workers", 60 },
        { "prio_workers", 10 }, { "max_client_requests", 200 }, { "admin_max_clients", 10 },     { 0 },
};
static const VhRoleLimit many_clients[] = {
        { "max_clients", 10000 },         { "max_queued_clients", 5000 },
        { "max_anonymous_clients", 500 }, { "max_workers", 100 },
        { "prio_workers", 20 },           { "max_client_requests", 5 },
        { "admin_max_clients", 10 },      { 0 },
};
static const VhRoleLimit edge[] = {
        { "max_clients", 20 },
        { "max_queued_clients", 20 },
        { "max_anonymous_clients", 5 },
        { "min_workers", 1 },
        { "max_workers", 4 },
        { "prio_workers", 1 },
        { "max_client_requests", 5 },
        { "admin_min_workers", 1 },
        { "admin_max_workers", 1 },
        { "admin_max_clients", 2 },
        { 0 },
};
static const VhRoleLimit desktop[] = {
        { "max_clients", 50 },         { "max_queued_clients", 50 }, { "max_anonymous_clients", 10 },
        { "min_workers", 2 },          { "max_workers", 10 },        { "prio_workers", 2 },
        { "max_client_requests", 10 }, { "admin_max_clients", 5 },   { 0 },
};
const VhLimitRole vh_limit_roles[] = {
        { "single-agent", "one management agent with many calls at a time", single_agent },
        { "many-clients", "thousands of connections with few calls each", many_clients },
        { "edge", "a small machine: few connections, few threads", edge },
        { "desktop", "the programs of one person", desktop },
        { 0 },
};

static const VhKey limit_keys[] = {
        { "role", VH_KEY_CHOICE, "A ready-made set of limits; the keys beside it win over it.",
          .choices = WORDS("single-agent", "many-clients", "edge", "desktop"), GIVEN(role) },
        { "max_clients", VH_KEY_OPTION, .option = "max_clients" },
        { "max_queued_clients", VH_KEY_OPTION, .option = "max_queued_clients" },
        { "max_anonymous_clients", VH_KEY_OPTION, .option = "max_anonymous_clients" },
        { "min_workers", VH_KEY_OPTION, .option = "min_workers" },
        { "max_workers", VH_KEY_OPTION, .option = "max_workers" },
        { "prio_workers", VH_KEY_OPTION, .option = "prio_workers" },
        { "max_client_requests", VH_KEY_OPTION, .option = "max_client_requests" },
        { "admin_min_workers", VH_KEY_OPTION, .option = "admin_min_workers" },
        { "admin_max_workers", VH_KEY_OPTION, .option = "admin_max_workers" },
        { "admin_max_clients", VH_KEY_OPTION, .option = "admin_max_clients" },
        { "admin_max_queued_clients", VH_KEY_OPTION, .option = "admin_max_queued_clients" },
        { "admin_max_client_requests", VH_KEY_OPTION, .option = "admin_max_client_requests" },
        { 0 },
};

/* Access */

static const VhKey read_write_keys[] = {
        { "mode", VH_KEY_OPTION, .option = "unix_sock_rw_perms" },
        { "auth", VH_KEY_OPTION, .option = "auth_unix_rw" },
        { 0 },
};
static const VhKey read_only_keys[] = {
        { "mode", VH_KEY_OPTION, .option = "unix_sock_ro_perms" },
        { "auth", VH_KEY_OPTION, .option = "auth_unix_ro" },
        { 0 },
};
static const VhKey admin_keys[] = {
        { "mode", VH_KEY_OPTION, .option = "unix_sock_admin_perms" },
        { 0 },
};
static const VhKey manage_keys[] = {
        { "users", VH_KEY_LIST, "Users who need no password.", .form = VH_TEXT_ACCOUNT, GIVEN(access.manage_users) },
        { "groups", VH_KEY_LIST, "Groups whose members need no password.", .form = VH_TEXT_ACCOUNT,
          GIVEN(access.manage_groups) },
        { 0 },
};
static const VhKey monitor_keys[] = {
        { "users", VH_KEY_LIST, "Users who may look; all others may not.", .form = VH_TEXT_ACCOUNT,
          GIVEN(access.monitor_users) },
        { "groups", VH_KEY_LIST, "Groups whose members may look; all others may not.", .form = VH_TEXT_ACCOUNT,
          GIVEN(access.monitor_groups) },
        { 0 },
};
static const VhKey polkit_keys[] = {
        { "manage", VH_KEY_SECTION, "Who may connect to the read-write sockets without a password.", manage_keys },
        { "monitor", VH_KEY_SECTION, "Who may connect to the read-only sockets; everybody if it is left out.",
          monitor_keys },
        { 0 },
};
static const VhKey access_keys[] = {
        { "group", VH_KEY_OPTION, .option = "unix_sock_group" },
        { "create_group", VH_KEY_BOOL, "Make access.group on the host (sysusers.d) if it is missing.",
          GIVEN(access.create_group), .value = "false" },
        { "members", VH_KEY_LIST, "Users who are put into access.group (sysusers.d).", .form = VH_TEXT_ACCOUNT,
          GIVEN(access.members) },
        { "read_write", VH_KEY_SECTION, "The sockets over which all can be done.", read_write_keys },
        { "read_only", VH_KEY_SECTION, "The sockets over which clients can only look.", read_only_keys },
        { "admin", VH_KEY_SECTION, "The sockets of virt-admin.", admin_keys },
        { "polkit", VH_KEY_SECTION, "Rules for polkit about who may connect.", polkit_keys },
        { "permissions", VH_KEY_OPTION, .option = "access_drivers" },
        { "rules", VH_KEY_RULES,
          "Who may do what through polkit once permissions has it: a list; the first rule that fits "
          "counts, and polkit's defaults if none does." },
        { "sasl_users", VH_KEY_OPTION, .option = "sasl_allowed_username_list" },
        { 0 },
};
const VhKey vh_lang_rule_keys[] = {
        { "users", VH_KEY_LIST, "For these users.", .form = VH_TEXT_ACCOUNT, .given = offsetof(VhRule, users) },
        { "groups", VH_KEY_LIST, "For members of these groups.", .form = VH_TEXT_ACCOUNT,
          .given = offsetof(VhRule, groups) },
        { "allow", VH_KEY_LIST, "Permissions they get: domain.start, or domain.* for all of an object.",
          .form = VH_TEXT_PERMISSION, .given = offsetof(VhRule, allow) },
        { "deny", VH_KEY_LIST, "Permissions they do not get.", .form = VH_TEXT_PERMISSION,
          .given = offsetof(VhRule, deny) },
        { "where", VH_KEY_WHERE,
          "One attribute of the object and its value, which may end with *: domain_name: web-*." },
        { 0 },
};

/* Remote */

static const VhKey tls_keys[] = {
        { "enabled", VH_KEY_OPTION, .option = "listen_tls" },
        { "port", VH_KEY_OPTION, .option = "tls_port" },
        { "addresses", VH_KEY_LIST, "Addresses to listen on, instead of remote.addresses.", .form = VH_TEXT_ADDRESS,
          GIVEN(remote.tls_addresses) },
        { "auth", VH_KEY_OPTION, .option = "auth_tls" },
        { "pki", VH_KEY_TEXT,
          "Folder with cacert.pem, servercert.pem and private/serverkey.pem: sets authorities, "
          "certificate and key.",
          .form = VH_TEXT_PATH, GIVEN(remote.pki) },
        { "key", VH_KEY_OPTION, .option = "key_file" },
        { "certificate", VH_KEY_OPTION, .option = "cert_file" },
        { "authorities", VH_KEY_OPTION, .option = "ca_file" },
        { "revoked", VH_KEY_OPTION, .option = "crl_file" },
        { "allowed_names", VH_KEY_OPTION, .option = "tls_allowed_dn_list" },
        { "priority", VH_KEY_OPTION, .option = "tls_priority" },
        { "skip_client_check", VH_KEY_OPTION, .option = "tls_no_verify_certificate" },
        { "skip_own_check", VH_KEY_OPTION, .option = "tls_no_sanity_certificate" },
        { 0 },
};
static const VhKey tcp_keys[] = {
        { "enabled", VH_KEY_OPTION, .option = "listen_tcp" },
        { "port", VH_KEY_OPTION, .option = "tcp_port" },
        { "addresses", VH_KEY_LIST, "Addresses to listen on, instead of remote.addresses.", .form = VH_TEXT_ADDRESS,
          GIVEN(remote.tcp_addresses) },
        { "auth", VH_KEY_OPTION, .option = "auth_tcp" },
        { "min_ssf", VH_KEY_OPTION, .option = "tcp_min_ssf" },
        { 0 },
};
static const VhKey ssh_keys[] = {
        { "users", VH_KEY_LIST, "Users who manage guests over ssh: they are put into access.group.",
          .form = VH_TEXT_ACCOUNT, GIVEN(remote.ssh_users) },
        { 0 },
};
static const VhKey remote_keys[] = {
        { "address", VH_KEY_OPTION, .option = "listen_addr" },
        { "addresses", VH_KEY_LIST, "Several addresses to listen on; more than one needs socket activation.",
          .form = VH_TEXT_ADDRESS, GIVEN(remote.addresses) },
        { "free_bind", VH_KEY_BOOL, "Listen on addresses that the host does not have yet.", GIVEN(remote.free_bind),
          .value = "true" },
        { "ipv6_only", VH_KEY_BOOL, "Sockets for IPv6 take no IPv4 clients.", GIVEN(remote.ipv6_only),
          .value = "as the kernel has it" },
        { "tls", VH_KEY_SECTION, "TLS with certificates on both sides.", tls_keys },
        { "tcp", VH_KEY_SECTION, "TCP without TLS: only with an authentication that encrypts.", tcp_keys },
        { "ssh", VH_KEY_SECTION, "Clients that come through sshd and the UNIX sockets.", ssh_keys },
        { 0 },
};

/* Others */

static const VhKey logging_keys[] = {
        { "level", VH_KEY_OPTION, .option = "log_level", .scope = VH_SCOPE_ALL },
        { "filters", VH_KEY_WORDS, .option = "log_filters", .scope = VH_SCOPE_ALL },
        { "outputs", VH_KEY_WORDS, .option = "log_outputs", .scope = VH_SCOPE_ALL },
        { 0 },
};
static const VhKey audit_keys[] = {
        { "level", VH_KEY_OPTION, .option = "audit_level" },
        { "to_log", VH_KEY_OPTION, .option = "audit_logging" },
        { 0 },
};
static const VhKey host_keys[] = {
        { "uuid", VH_KEY_OPTION, .option = "host_uuid" },
        { "uuid_source", VH_KEY_OPTION, .option = "host_uuid_source" },
        { 0 },
};
static const VhKey keepalive_keys[] = {
        { "interval", VH_KEY_OPTION, .option = "keepalive_interval" },
        { "count", VH_KEY_OPTION, .option = "keepalive_count" },
        { "admin_interval", VH_KEY_OPTION, .option = "admin_keepalive_interval" },
        { "admin_count", VH_KEY_OPTION, .option = "admin_keepalive_count" },
        { 0 },
};
static const VhKey target_keys[] = {
        { "daemons", VH_KEY_CHOICE, "Whose daemons run on the host: ours, or the libvirt packages of its distribution.",
          .choices = WORDS("virthost", "libvirt"), GIVEN(software_given), .value = "virthost" },
        { "distribution", VH_KEY_CHOICE, "Whose conventions for places and groups count.",
          .choices = WORDS("debian", "fedora", "suse"), GIVEN(distro_given), .value = "that of this build" },
        { 0 },
};
static const VhKey boot_keys[] = {
        { "services", VH_KEY_LIST, "Daemons that start with the host even if they have nothing to start.",
          .form = VH_TEXT_NAME, GIVEN(boot.services) },
        { "wait_for", VH_KEY_LIST, "Units that are up before the daemons that start guests: network-online.target.",
          .form = VH_TEXT_UNIT, GIVEN(boot.wait_for) },
        { "mask_others", VH_KEY_BOOL, "Mask the units of the other layout, so that nothing can start them.",
          GIVEN(boot.mask_others), .value = "false" },
        { 0 },
};
enum {
        GUESTS_AT_SHUTDOWN,
        GUESTS_AT_BOOT,
        GUESTS_URIS,
        GUESTS_START_DELAY,
        GUESTS_PARALLEL,
        GUESTS_TIMEOUT,
        GUESTS_BYPASS_CACHE,
        GUESTS_SYNC_TIME,
};
static const VhKey guest_keys[] = {
        [GUESTS_AT_SHUTDOWN] = { "at_shutdown", VH_KEY_CHOICE,
                                 "What happens to running guests when the host goes down.",
                                 .choices = WORDS("suspend", "shutdown"), GIVEN(guests.at_shutdown),
                                 .value = "shutdown on Debian, else suspend" },
        [GUESTS_AT_BOOT] = { "at_boot", VH_KEY_CHOICE, "What happens at boot to guests that ran at shutdown.",
                             .choices = WORDS("start", "ignore"), GIVEN(guests.at_boot),
                             .value = "ignore on Debian, else start" },
        [GUESTS_URIS] = { "uris", VH_KEY_LIST, "Connections whose guests are meant.", .form = VH_TEXT_URI,
                          GIVEN(guests.uris), .value = "the default connection" },
        [GUESTS_START_DELAY] = { "start_delay", VH_KEY_NUMBER, "Seconds between the starts of two guests.",
                                 .max = SHUTDOWN_MAX, GIVEN(guests.start_delay), .value = "0" },
        [GUESTS_PARALLEL] = { "parallel", VH_KEY_NUMBER,
                              "How many guests are shut down at a time; 0: one after the other.", .max = PARALLEL_MAX,
                              GIVEN(guests.parallel), .value = "0" },
        [GUESTS_TIMEOUT] = { "timeout", VH_KEY_NUMBER, "Seconds that guests get to shut down; 0: as long as they take.",
                             .max = SHUTDOWN_MAX, GIVEN(guests.timeout), .value = "300" },
        [GUESTS_BYPASS_CACHE] = { "bypass_cache", VH_KEY_BOOL, "Save guests past the page cache.",
                                  GIVEN(guests.bypass_cache), .value = "false" },
        [GUESTS_SYNC_TIME] = { "sync_time", VH_KEY_BOOL, "Set the clock of guests that are resumed.",
                               GIVEN(guests.sync_time), .value = "false" },
        { 0 },
};

const VhGuestVariable vh_guest_variables[] = {
        { "URIS", &guest_keys[GUESTS_URIS] },
        { "ON_BOOT", &guest_keys[GUESTS_AT_BOOT] },
        { "START_DELAY", &guest_keys[GUESTS_START_DELAY] },
        { "ON_SHUTDOWN", &guest_keys[GUESTS_AT_SHUTDOWN] },
        { "PARALLEL_SHUTDOWN", &guest_keys[GUESTS_PARALLEL] },
        { "SHUTDOWN_TIMEOUT", &guest_keys[GUESTS_TIMEOUT] },
        { "BYPASS_CACHE", &guest_keys[GUESTS_BYPASS_CACHE] },
        { "SYNC_TIME", &guest_keys[GUESTS_SYNC_TIME] },
        { 0 },
};

const VhKey vh_lang_keys[] = {
        { "format", VH_KEY_NUMBER, "Version of this language.", .max = UINT64_MAX, GIVEN(format), .value = "1" },
        { "profile", VH_KEY_TEXT, "Name of the profile.", .form = VH_TEXT_NAME, GIVEN(name_given) },
        { "version", VH_KEY_TEXT, "Version of this profile: stands in every file that comes of it.",
          .form = VH_TEXT_NAME, GIVEN(version_given) },
        { "description", VH_KEY_TEXT, "Free text for people.", GIVEN(description) },
        { "include", VH_KEY_INCLUDE,
          "Files that lie below this one: one name, or a list whose later files lie higher." },
        { "target", VH_KEY_SECTION, "What kind of host the profile is for.", target_keys },
        { "layout", VH_KEY_CHOICE, "A daemon for each driver, or libvirtd with all drivers.",
          .choices = WORDS("modular", "monolithic"), GIVEN(layout_given), .value = "modular" },
        { "startup", VH_KEY_CHOICE,
          "systemd makes the sockets and starts a daemon with its first client, or daemons make "
          "their sockets themselves.",
          .choices = WORDS("socket-activation", "daemon"), GIVEN(startup_given), .value = "socket-activation" },
        { "preset", VH_KEY_CHOICE,
          "Which units are enabled: services of all wanted daemons (stock), or only of those "
          "that start something with the host (lean).",
          .choices = WORDS("stock", "lean"), GIVEN(preset_given), .value = "stock" },
        { "proxy", VH_KEY_BOOL, "virtproxyd, which remote clients and those that know no modular daemons need.",
          GIVEN(proxy_given), .value = "true" },
        { "hypervisors", VH_KEY_LIST, "Hypervisor drivers: qemu, lxc, xen, vbox.", .form = VH_TEXT_NAME,
          GIVEN(hypervisors), .value = "[qemu]" },
        { "drivers", VH_KEY_LIST, "Secondary drivers: network, storage, nodedev, nwfilter, secret, interface.",
          .form = VH_TEXT_NAME, GIVEN(drivers), .value = "all" },
        { "idle_timeout", VH_KEY_SECONDS, "Seconds after which a daemon without work leaves, or never.",
          .max = IDLE_MAX, .value = "120 where the daemon has one" },
        { "boot", VH_KEY_SECTION, "What starts with the host.", boot_keys },
        { "access", VH_KEY_SECTION, "Who may connect, and how.", access_keys },
        { "remote", VH_KEY_SECTION, "Clients from other hosts.", remote_keys },
        { "limits", VH_KEY_SECTION, "Limits of the daemons.", limit_keys },
        { "logging", VH_KEY_SECTION, "What daemons log; virtlogd and virtlockd too.", logging_keys },
        { "audit", VH_KEY_SECTION, "Messages for the audit system.", audit_keys },
        { "host", VH_KEY_SECTION, "Who the host is.", host_keys },
        { "keepalive", VH_KEY_SECTION, "How daemons find out that a client is gone.", keepalive_keys },
        { "guests", VH_KEY_SECTION, "Guests when the host shuts down and boots (libvirt-guests).", guest_keys },
        { "daemons", VH_KEY_DAEMONS,
          "Single daemons by name, with settings and idle_timeout; they win over the sections "
          "above." },
        { "files", VH_KEY_FILES, "Files of drivers (qemu.conf, ...) with their options." },
        { "units", VH_KEY_UNITS, "Units with sections and directives, written as drop-ins." },
        { 0 },
};

const VhOptionDesc *vh_lang_option(const VhKey *key)
{
        return vh_conf_desc_option(vh_conf_desc_find("libvirtd.conf"), key->option);
}

const VhKey *vh_lang_find(const VhKey *keys, const char *name)
{
        for (; keys && keys->name; keys++)
                if (vh_streq(keys->name, name))
                        return keys;
        return NULL;
}

bool vh_lang_is_permission(const char *word)
{
        size_t len = strlen(word);
        bool all = len > 1 && word[len - 1] == '*' && word[len - 2] == '.';

        for (const char *const *p = vh_lang_permissions; *p; p++)
                if (all ? strncmp(*p, word, len - 1) == 0 : vh_streq(*p, word))
                        return true;
        return false;
}
