/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Character devices: where their host side leads, and the devices of all kinds that have one. */

#include <errno.h>

#include "command-parts.h"
#include "guest-platform.h"
#include "model/domain-tables.h"
#include "tls-objects.h"

enum { MODE_CONNECT = 1, MODE_BIND = 2 };
enum { PROTOCOL_RAW = 1, PROTOCOL_TELNET };

/* ---- host side ---- */

static const VhChrEnd *find_end(const VhChrSource *src, uint8_t mode)
{
        for (uint32_t i = 0; i < src->ends.n; i++)
                if (src->ends.items[i]->mode == mode || (!src->ends.items[i]->mode && mode == MODE_CONNECT))
                        return src->ends.items[i];
        return NULL;
}

static void add_path(VhBuf *o, const char *key, const char *path)
{
        vh_buf_printf(o, ",%s=", key);
        qemu_opt_escape(o, path ? path : "");
}

static void add_reconnect(VhBuf *o, uint8_t enabled, uint32_t timeout)
{
        if (enabled)
                vh_buf_printf(o, ",reconnect=%u", enabled == VH_YES ? timeout : 0);
}

static void add_tcp(VhBuf *o, const VhChrSource *src)
{
        const VhChrEnd *listen = find_end(src, MODE_BIND), *end = listen ? listen : find_end(src, MODE_CONNECT);

        if (!end)
                return;
        add_path(o, "host", end->host);
        vh_buf_printf(o, ",port=%s", end->service ? end->service : "");
        if (src->protocol == PROTOCOL_TELNET)
                vh_buf_adds(o, ",telnet=on");
        if (listen)
                vh_buf_adds(o, ",server=on,wait=off");
        add_reconnect(o, end->reconnect, end->reconnect_timeout);
}

static void add_udp(VhBuf *o, const VhChrSource *src)
{
        const VhChrEnd *to = find_end(src, MODE_CONNECT), *from = find_end(src, MODE_BIND);

        vh_buf_printf(o, ",host=%s,port=%s", to && to->host ? to->host : "", to && to->service ? to->service : "");
        vh_buf_printf(o, ",localaddr=%s,localport=%s", from && from->host ? from->host : "",
                      from && from->service ? from->service : "0");
}

/* fd: the socket that listens already; -1: there is none. */
static void add_unix(VhBuf *o, const VhChrSource *src, int fd)
{
        if (fd >= 0)
                vh_buf_printf(o, ",fd=%d", fd);
        else
                add_path(o, "path", src->path);
        if (src->mode == MODE_BIND)
                vh_buf_adds(o, ",server=on,wait=off");
        add_reconnect(o, src->reconnect, src->reconnect_timeout);
}

static void add_vdagent(VhBuf *o, const VhChrSource *src)
{
        enum { MOUSE_CLIENT = 2 };

        vh_buf_adds(o, ",name=vdagent");
        if (src->clipboard)
                vh_buf_printf(o, ",clipboard=%s", src->clipboard == VH_YES ? "on" : "off");
        if (src->mouse)
                vh_buf_printf(o, ",mouse=%s", src->mouse == MOUSE_CLIENT ? "on" : "off");
}

/* ---- TLS ---- */

/* Whether the connection of a TCP source is encrypted: it says so itself, or the settings do. */
bool qemu_chardev_wants_tls(const QemuLaunch *launch, const VhChrSource *src, bool *server)
{
        const VhChrEnd *listen = find_end(src, MODE_BIND), *end = listen ? listen : find_end(src, MODE_CONNECT);

        *server = listen != NULL;
        if (src->type != VH_CHR_TCP || !end || end->tls == VH_NO)
                return false;
        return end->tls == VH_YES || qemu_tls_settings(launch->conf, QEMU_TLS_CHARDEV).wanted;
}

static char *tls_id(const char *alias)
{
        _vh_free_ char *chardev = vh_xasprintf("char%s", alias);

        return qemu_tls_alias(chardev);
}

int qemu_chardev_tls(const QemuBuild *b, const VhChrSource *src, const char *alias, json_t **objects)
{
        const QemuTls tls = qemu_tls_settings(b->launch->conf, QEMU_TLS_CHARDEV);
        _vh_free_ char *id = tls_id(alias), *chardev = vh_xasprintf("char%s", alias);
        bool server;

        *objects = NULL;
        return qemu_chardev_wants_tls(b->launch, src, &server) ? qemu_use_tls(b, &tls, id, chardev, server, objects)
                                                               : 0;
}

/* ---- descriptors that stand for files ---- */

/* Gives QEMU the descriptor of a device as a set of its own, which QEMU opens under "/dev/fdset/N"; false: there is
 * none. */
static bool add_fdset(QemuBuild *b, QemuFdRole role, const char *alias, VhBuf *o, const char *key)
{
        unsigned set = 0;

        for (size_t i = 0; i < b->launch->n_fds; i++) {
                const QemuLaunchFd *f = &b->launch->fds[i];

                if (f->role == role && vh_streq(f->alias, alias)) {
                        qemu_build_arg(b, "-add-fd", "set=%u,fd=%d,opaque=%s-%s", set, f->fd, alias,
                                       role == QEMU_FD_CHR_LOG ? "log" : "source");
                        vh_buf_printf(o, ",%s=/dev/fdset/%u", key, set);
                        return true;
                }
                set += qemu_fd_is_set(f);
        }
        return false;
}

static void add_log(QemuBuild *b, VhBuf *o, const VhChrLog *log, const char *alias)
{
        if (!log || !log->file)
                return;
        if (add_fdset(b, QEMU_FD_CHR_LOG, alias, o, "logfile")) {
                vh_buf_adds(o, ",logappend=on");
                return;
        }
        add_path(o, "logfile", log->file);
        if (log->append)
                vh_buf_printf(o, ",logappend=%s", log->append == VH_ON ? "on" : "off");
}

static const char *const chr_drivers[] = {
        [VH_CHR_NULL] = "null",
        [VH_CHR_VC] = "vc",
        [VH_CHR_PTY] = "pty",
        [VH_CHR_DEV] = "serial",
        [VH_CHR_FILE] = "file",
        [VH_CHR_PIPE] = "pipe",
        [VH_CHR_STDIO] = "stdio",
        [VH_CHR_UDP] = "udp",
        [VH_CHR_TCP] = "socket",
        [VH_CHR_UNIX] = "socket",
        [VH_CHR_SPICEVMC] = "spicevmc",
        [VH_CHR_SPICEPORT] = "spiceport",
        [VH_CHR_QEMU_VDAGENT] = "qemu-vdagent",
        [VH_CHR_DBUS] = "dbus",
};

static void add_source(VhBuf *o, const VhChrSource *src, const char *spice_name, int socket_fd)
{
        switch (src->type) {
        case VH_CHR_DEV:
        case VH_CHR_PIPE:
                add_path(o, "path", src->path);
                break;
        case VH_CHR_FILE:
                add_path(o, "path", src->path);
                if (src->append)
                        vh_buf_printf(o, ",append=%s", src->append == VH_ON ? "on" : "off");
                break;
        case VH_CHR_UDP:
                add_udp(o, src);
                break;
        case VH_CHR_TCP:
                add_tcp(o, src);
                break;
        case VH_CHR_UNIX:
                add_unix(o, src, socket_fd);
                break;
        case VH_CHR_SPICEVMC:
                vh_buf_printf(o, ",name=%s", spice_name);
                break;
        case VH_CHR_SPICEPORT:
        case VH_CHR_DBUS:
                add_path(o, "name", src->channel);
                break;
        case VH_CHR_QEMU_VDAGENT:
                add_vdagent(o, src);
                break;
        default:
                break;
        }
}

static const char *driver_for(const QemuBuild *b, const VhChrSource *src, const char *alias)
{
        if (src->type >= VH_ARRAY_SIZE(chr_drivers) || !chr_drivers[src->type]) {
                (void)qemu_unsupported(b, "unsupported chardev '%s'", vh_xml_names_text(&vh_chr_type_names, src->type));
                return NULL;
        }
        return src->type == VH_CHR_DEV && vh_startswith(alias, "parallel") ? "parallel" : chr_drivers[src->type];
}

int qemu_build_chardev(QemuBuild *b, const VhChrSource *src, const char *alias)
{
        const char *driver = driver_for(b, src, alias);
        _vh_buf_ VhBuf o = {};
        json_t *objects = NULL;
        int r = driver ? qemu_chardev_tls(b, src, alias, &objects) : -EINVAL;
        bool tls = objects != NULL;

        r = r < 0 ? r : qemu_build_objects(b, VH_TAKE_PTR(objects));
        json_decref(objects);
        if (r < 0)
                return r;
        vh_buf_printf(&o, "%s,id=char%s", driver, alias);
        if (src->type == VH_CHR_FILE && add_fdset(b, QEMU_FD_CHR_FILE, alias, &o, "path"))
                vh_buf_adds(&o, ",append=on");
        else
                add_source(&o, src,
                           vh_startswith(alias, "redir")       ? "usbredir"
                           : vh_startswith(alias, "smartcard") ? "smartcard"
                                                               : "vdagent",
                           qemu_launch_fd(b->launch, QEMU_FD_CHR_SOCKET, alias, 0));
        if (tls)
                vh_buf_printf(&o, ",tls-creds=objchar%s_tls0", alias);
        add_log(b, &o, src->log, alias);
        qemu_build_arg(b, "-chardev", "%s", o.data);
        return 0;
}

/* ---- the same for QMP ---- */

static json_t *inet_address(const char *host, const char *port)
{
        return json_pack("{s:s,s:{s:s,s:s}}", "type", "inet", "data", "host", host ? host : "", "port",
                         port ? port : "0");
}

static void reconnect_prop(json_t *data, uint8_t enabled, uint32_t timeout)
{
        if (enabled)
                qj_int(data, "reconnect", enabled == VH_YES ? timeout : 0);
}

static void tcp_data(const VhChrSource *src, json_t *data)
{
        const VhChrEnd *listen = find_end(src, MODE_BIND), *end = listen ? listen : find_end(src, MODE_CONNECT);

        qj_take(data, "addr", inet_address(end ? end->host : NULL, end ? end->service : NULL));
        if (listen)
                qj_take(data, "wait", json_false());
        qj_take(data, "telnet", json_boolean(src->protocol == PROTOCOL_TELNET));
        qj_take(data, "server", json_boolean(listen != NULL));
        if (end)
                reconnect_prop(data, end->reconnect, end->reconnect_timeout);
}

static void unix_data(const VhChrSource *src, json_t *data)
{
        bool listen = src->mode == MODE_BIND;

        qj_take(data, "addr", json_pack("{s:s,s:{s:s}}", "type", "unix", "data", "path", src->path ? src->path : ""));
        if (listen)
                qj_take(data, "wait", json_false());
        qj_take(data, "server", json_boolean(listen));
        reconnect_prop(data, src->reconnect, src->reconnect_timeout);
}

static void udp_data(const VhChrSource *src, json_t *data)
{
        const VhChrEnd *to = find_end(src, MODE_CONNECT), *from = find_end(src, MODE_BIND);

        qj_take(data, "remote", inet_address(to ? to->host : NULL, to ? to->service : NULL));
        if (from)
                qj_take(data, "local", inet_address(from->host, from->service));
}

static void source_data(const VhChrSource *src, const char *spice_name, json_t *data)
{
        switch (src->type) {
        case VH_CHR_DEV:
        case VH_CHR_PIPE:
                qj_str(data, "device", src->path);
                break;
        case VH_CHR_FILE:
                qj_str(data, "out", src->path);
                qj_switch(data, "append", src->append);
                break;
        case VH_CHR_UDP:
                udp_data(src, data);
                break;
        case VH_CHR_TCP:
                tcp_data(src, data);
                break;
        case VH_CHR_UNIX:
                unix_data(src, data);
                break;
        case VH_CHR_SPICEVMC:
                qj_str(data, "type", spice_name);
                break;
        case VH_CHR_SPICEPORT:
                qj_str(data, "fqdn", src->channel);
                break;
        case VH_CHR_DBUS:
                qj_str(data, "name", src->channel);
                break;
        default:
                break;
        }
        if (src->log && src->log->file) {
                qj_str(data, "logfile", src->log->file);
                qj_switch(data, "logappend", src->log->append);
        }
}

json_t *qemu_chardev_backend(const QemuBuild *b, const VhChrSource *src, const char *alias)
{
        const char *driver = driver_for(b, src, alias);
        json_t *o, *backend, *data;
        bool server;

        if (!driver)
                return NULL;
        data = json_object();
        source_data(src, vh_startswith(alias, "redir") ? "usbredir" : "vdagent", data);
        if (qemu_chardev_wants_tls(b->launch, src, &server))
                qj_fmt(data, "tls-creds", "objchar%s_tls0", alias);
        backend = json_object();
        qj_str(backend, "type", driver);
        qj_take(backend, "data", data);
        o = json_object();
        qj_fmt(o, "id", "char%s", alias);
        qj_take(o, "backend", backend);
        return o;
}

/* ---- devices ---- */

/* In the order of the words of a serial port's model. */
static const char *const serial_drivers[] = { NULL,    "isa-serial",  "usb-serial",    "pci-serial", "spapr-vty",
                                              "pl011", "sclpconsole", "sclplmconsole", "16550a",     "isa-debugcon" };

json_t *qemu_serial_device(const QemuBuild *b, const VhChr *chr)
{
        enum { MODEL_ISA = 1 };
        const char *driver =
                chr->target_model < VH_ARRAY_SIZE(serial_drivers) ? serial_drivers[chr->target_model] : NULL;
        json_t *o;

        if (!driver) {
                (void)qemu_unsupported(b, "serial port without a target model");
                return NULL;
        }
        o = json_object();
        qj_str(o, "driver", driver);
        qj_fmt(o, "chardev", "char%s", chr->info.alias);
        qj_str(o, "id", chr->info.alias);
        if (chr->target_model == MODEL_ISA)
                qj_int(o, "index", chr->port.val);
        return qemu_placed_device(b, &chr->info, o);
}

/* A port of the board, which only waits for its other end. */
static bool is_own_port(const VhDomainDef *def, const VhChr *chr)
{
        return qemu_platform_has(def, QEMU_HAS_OWN_SERIAL) &&
               (chr->target_type == VH_CHR_TARGET_NONE || chr->target_type == VH_CHR_TARGET_SYSTEM_SERIAL);
}

int qemu_build_serials(QemuBuild *b)
{
        for (uint32_t i = 0; i < b->def->serials.n; i++) {
                const VhChr *chr = b->def->serials.items[i];
                int r = qemu_build_chardev(b, &chr->source, chr->info.alias);

                if (r == 0 && is_own_port(b->def, chr))
                        qemu_build_arg(b, "-serial", "chardev:char%s", chr->info.alias);
                else if (r == 0)
                        r = qemu_build_device(b, qemu_serial_device(b, chr));
                if (r < 0)
                        return r;
        }
        return 0;
}

int qemu_build_parallels(QemuBuild *b)
{
        for (uint32_t i = 0; i < b->def->parallels.n; i++) {
                const VhChr *chr = b->def->parallels.items[i];
                json_t *o = json_object();
                int r = qemu_build_chardev(b, &chr->source, chr->info.alias);

                qj_str(o, "driver", "isa-parallel");
                qj_fmt(o, "chardev", "char%s", chr->info.alias);
                qj_str(o, "id", chr->info.alias);
                o = qemu_placed_device(b, &chr->info, o);
                if (r < 0)
                        json_decref(o);
                r = r < 0 ? r : qemu_build_device(b, o);
                if (r < 0)
                        return r;
        }
        return 0;
}

static json_t *virtio_port(const QemuBuild *b, const VhChr *chr, const char *driver)
{
        json_t *o = json_object();

        qj_str(o, "driver", driver);
        if (qemu_address_props(b, &chr->info, o) < 0) {
                json_decref(o);
                return NULL;
        }
        qj_fmt(o, "chardev", "char%s", chr->info.alias);
        qj_str(o, "id", chr->info.alias);
        if (chr->target_type == VH_CHR_TARGET_VIRTIO)
                qj_str(o, "name", chr->target_name);
        return o;
}

json_t *qemu_channel_device(const QemuBuild *b, const VhChr *chr)
{
        return virtio_port(b, chr, "virtserialport");
}

/* A TCP address inside the guest's user network that leads here. */
static void build_guestfwd(QemuBuild *b, const VhChr *chr)
{
        json_t *o = json_object(), *list = json_array(), *item = json_object();

        qj_fmt(item, "str", "tcp:%s:%u-chardev:char%s", chr->target_address, chr->port.val, chr->info.alias);
        json_array_append_new(list, item);
        qj_str(o, "type", "user");
        qj_take(o, "guestfwd", list);
        qj_str(o, "id", chr->info.alias);
        qemu_build_json(b, "-netdev", o);
}

int qemu_build_channels(QemuBuild *b)
{
        for (uint32_t i = 0; i < b->def->channels.n; i++) {
                const VhChr *chr = b->def->channels.items[i];
                int r = qemu_build_chardev(b, &chr->source, chr->info.alias);

                if (r == 0 && chr->target_type == VH_CHR_TARGET_GUESTFWD)
                        build_guestfwd(b, chr);
                else if (r == 0)
                        r = qemu_build_device(b, qemu_channel_device(b, chr));
                if (r < 0)
                        return r;
        }
        return 0;
}

json_t *qemu_console_device(const QemuBuild *b, const VhChr *chr)
{
        return virtio_port(b, chr, "virtconsole");
}

static json_t *sclp_console(const VhChr *chr)
{
        json_t *o = json_object();

        qj_str(o, "driver", chr->target_type == VH_CHR_TARGET_SCLP ? "sclpconsole" : "sclplmconsole");
        qj_fmt(o, "chardev", "char%s", chr->info.alias);
        qj_str(o, "id", chr->info.alias);
        return o;
}

static int build_console(QemuBuild *b, const VhChr *chr)
{
        int r;

        switch (chr->target_type) {
        case VH_CHR_TARGET_SERIAL:
                return 0; /* the serial port itself */
        case VH_CHR_TARGET_VIRTIO:
                r = qemu_build_chardev(b, &chr->source, chr->info.alias);
                if (r < 0)
                        return r;
                return qemu_build_device(b, qemu_console_device(b, chr));
        case VH_CHR_TARGET_SCLP:
        case VH_CHR_TARGET_SCLPLM:
                r = qemu_build_chardev(b, &chr->source, chr->info.alias);
                return r < 0 ? r : qemu_build_device(b, sclp_console(chr));
        default:
                return qemu_unsupported(b, "unsupported console target type");
        }
}

int qemu_build_consoles(QemuBuild *b)
{
        int r = 0;

        for (uint32_t i = 0; r == 0 && i < b->def->consoles.n; i++)
                r = build_console(b, b->def->consoles.items[i]);
        return r;
}
