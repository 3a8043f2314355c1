/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Streams to a guest's console or channel. A terminal has one reader: a second one is refused, or throws the first out
 * if it says so. */

#include <errno.h>
#include <fcntl.h>
#include <termios.h>
#include <utlist.h>

#include "event/loop.h"
#include "process.h"
#include "qemu-ops.h"
#include "rpc/stream.h"
#include "terminal-lock.h"

struct QemuConsole {
        QemuConsole *prev, *next;
        QemuDriver *driver;
        VhStream *stream;
        VhSource *source;
        char *path;
        bool terminal; /* it has a lock file */
        int fd;
};

/* Who threw this one out has the lock by now. */
static void unlock(QemuConsole *c)
{
        const QemuConsole *other;

        if (!c->terminal)
                return;
        c->terminal = false;
        DL_FOREACH (c->driver->consoles, other)
                if (other->terminal && strcmp(other->path, c->path) == 0)
                        return;
        qemu_terminal_unlock(c->path);
}

static ssize_t console_read(void *data, void *buf, size_t size, VhError **err)
{
        QemuConsole *c = data;
        ssize_t n = read(c->fd, buf, size);

        if (n == 0 || (n < 0 && errno == EIO)) {
                unlock(c); /* the other side of the terminal is closed */
                return 0;
        }
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
                vh_source_set_events(c->source, EPOLLIN);
                return -EAGAIN;
        }
        return n < 0 ? vh_error_sys(err, VIR_FROM_QEMU, errno, "cannot read the console") : n;
}

static ssize_t console_write(void *data, const void *buf, size_t size, VhError **err)
{
        QemuConsole *c = data;
        ssize_t n = write(c->fd, buf, size);

        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
                vh_source_set_events(c->source, EPOLLIN | EPOLLOUT);
                return -EAGAIN;
        }
        return n < 0 ? vh_error_sys(err, VIR_FROM_QEMU, errno, "cannot write to the console") : n;
}

static void console_free(void *data)
{
        QemuConsole *c = data;

        unlock(c);
        DL_DELETE(c->driver->consoles, c);
        vh_source_free(c->source);
        close(c->fd);
        free(c->path);
        free(c);
}

static void console_ready(void *data, uint32_t revents)
{
        QemuConsole *c = data;

        vh_source_set_events(c->source, 0);
        if (c->stream)
                vh_stream_wake(c->stream);
}

static const VhStreamOps console_ops = { .read = console_read, .write = console_write, .free = console_free };

/* ---- opening ---- */

static int open_terminal(const char *path)
{
        struct termios raw;
        int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        if (tcgetattr(fd, &raw) == 0) {
                cfmakeraw(&raw);
                (void)tcsetattr(fd, TCSANOW, &raw);
        }
        return fd;
}

static QemuConsole *find_open(const QemuDriver *driver, const char *path)
{
        QemuConsole *c;

        DL_FOREACH (driver->consoles, c) {
                if (strcmp(c->path, path) == 0)
                        break;
        }
        return c;
}

/* Makes room for a new reader; refuses unless it forces its way. */
static int take_turn(QemuDriver *driver, const char *path, bool force, VhError **err)
{
        _vh_error_ VhError *why = NULL;
        QemuConsole *c = find_open(driver, path);

        if (!c)
                return 0;
        if (!force)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED,
                                    "Active console session exists for this domain");
        vh_error_set(&why, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED, "another client took the console");
        vh_stream_fail(c->stream, why);
        return 0;
}

/* Returns a descriptor, or negative with *err. */
static int open_path(VhDomainObj *dom, const VhChrSource *source, VhError **err)
{
        bool terminal = source->type == VH_CHR_PTY;
        int r = terminal ? qemu_terminal_lock(source->path, err) : 0, fd;

        if (r < 0)
                return r;
        fd = terminal ? open_terminal(source->path) : qemu_unix_connect(qemu_process(dom), source->path);
        if (fd >= 0)
                return fd;
        if (terminal)
                qemu_terminal_unlock(source->path);
        return vh_error_sys(err, VIR_FROM_QEMU, fd, "unable to open '%s'", source->path);
}

static int open_source(VhCall *call, VhDomainObj *dom, const VhChrSource *source, bool force, VhError **err)
{
        QemuDriver *driver = qemu_driver(call);
        QemuConsole *c;
        int fd, r;

        if ((source->type != VH_CHR_PTY && source->type != VH_CHR_UNIX) || !source->path)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR,
                                    "character device is not using a PTY or UNIX socket");
        r = take_turn(driver, source->path, force, err);
        if (r < 0)
                return r;
        fd = open_path(dom, source, err);
        if (fd < 0)
                return fd;
        c = vh_new(QemuConsole, 1);
        *c = (QemuConsole){
                .driver = driver,
                .stream = call->stream,
                .path = vh_xstrdup(source->path),
                .terminal = source->type == VH_CHR_PTY,
                .fd = fd,
        };
        c->source = vh_loop_add_io(driver->env.loop, fd, EPOLLIN, console_ready, c);
        DL_APPEND(driver->consoles, c);
        vh_stream_serve(call->stream, &console_ops, c);
        return 0;
}

static bool has_alias(const VhChr *chr, const char *alias)
{
        return vh_streq(chr->info.alias, alias);
}

/* The device that a client names, or the first console, serial or parallel port. */
static const VhChr *find_console(const VhDomainDef *def, const char *name)
{
        const VhChr *first = def->consoles.n    ? def->consoles.items[0]
                             : def->serials.n   ? def->serials.items[0]
                             : def->parallels.n ? def->parallels.items[0]
                                                : NULL;

        if (!name)
                return first;
        for (uint32_t i = 0; i < def->consoles.n; i++)
                if (has_alias(def->consoles.items[i], name))
                        return def->consoles.items[i];
        for (uint32_t i = 0; i < def->serials.n; i++)
                if (has_alias(def->serials.items[i], name))
                        return def->serials.items[i];
        for (uint32_t i = 0; i < def->parallels.n; i++)
                if (has_alias(def->parallels.items[i], name))
                        return def->parallels.items[i];
        return NULL;
}

static VhDomainObj *running_domain(VhCall *call, const remote_nonnull_domain *wire, VhError **err)
{
        VhDomainObj *dom = qemu_domain(call, wire, err);

        return dom && vh_domain_obj_check_active(dom, VIR_FROM_DOMAIN, err) == 0 ? dom : NULL;
}

QEMU_OP(domain_open_console)
{
        enum { KNOWN = VIR_DOMAIN_CONSOLE_SAFE | VIR_DOMAIN_CONSOLE_FORCE };
        int r = vh_check_flags(args->flags, KNOWN, VIR_FROM_QEMU, "qemuDomainOpenConsole", err);
        VhDomainObj *dom = r < 0 ? NULL : running_domain(call, &args->dom, err);
        const VhChr *chr;

        if (!dom)
                return r < 0 ? r : -EINVAL;
        chr = find_console(dom->def, args->dev_name);
        if (!chr)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR, "cannot find character device %s",
                                    args->dev_name ? args->dev_name : "(null)");
        return open_source(call, dom, &chr->source, args->flags & VIR_DOMAIN_CONSOLE_FORCE, err);
}

QEMU_OP(domain_open_channel)
{
        int r = vh_check_flags(args->flags, VIR_DOMAIN_CHANNEL_FORCE, VIR_FROM_QEMU, "qemuDomainOpenChannel", err);
        VhDomainObj *dom = r < 0 ? NULL : running_domain(call, &args->dom, err);

        if (!dom)
                return r < 0 ? r : -EINVAL;
        for (uint32_t i = 0; i < dom->def->channels.n; i++) {
                const VhChr *chr = dom->def->channels.items[i];

                if (!args->name || vh_streq(chr->target_name, args->name) || has_alias(chr, args->name))
                        return open_source(call, dom, &chr->source, args->flags & VIR_DOMAIN_CHANNEL_FORCE, err);
        }
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR, "cannot find channel %s",
                            args->name ? args->name : "(null)");
}
