/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What QEMU is told to make a device in a running guest, by kind. */

#include "hotplug.h"

#include <errno.h>
#include <fcntl.h>

#include "model/domain-tables.h"

void qemu_plan_add(QemuPlan *plan, json_t *cmd, json_t *undo)
{
        plan->steps = vh_xrealloc(plan->steps, plan->n + 1, sizeof(*plan->steps));
        plan->steps[plan->n++] = (QemuStep){ .cmd = cmd, .undo = undo, .fd = -1 };
}

void qemu_plan_fds(const QemuLaunch *launch, QemuPlan *plan)
{
        unsigned nth = 0;

        for (size_t i = 0; i < launch->n_fds; i++) {
                const QemuLaunchFd *f = &launch->fds[i];
                bool more = i && f[-1].role == f->role && vh_streq(f[-1].alias, f->alias);
                _vh_free_ char *name = NULL;

                nth = more ? nth + 1 : 0;
                name = qemu_fd_name(f->role, f->alias, nth);
                qemu_plan_add(plan, qmp_command("getfd", "{s:s}", "fdname", name),
                              qmp_command("closefd", "{s:s}", "fdname", name));
                plan->steps[plan->n - 1].fd = fcntl(f->fd, F_DUPFD_CLOEXEC, 0);
        }
}

void qemu_plan_done(QemuPlan *plan)
{
        for (size_t i = 0; i < plan->n; i++) {
                json_decref(plan->steps[i].cmd);
                json_decref(plan->steps[i].undo);
                vh_closep(&plan->steps[i].fd);
                free(plan->steps[i].job);
        }
        free(plan->steps);
        *plan = (QemuPlan){};
}

/* ---- parts that many kinds have ---- */

static json_t *named(const char *command, const char *key, char *value)
{
        json_t *cmd = qmp_command(command, "{s:s}", key, value);

        free(value);
        return cmd;
}

static int add_device(const QemuBuild *b, json_t *props, QemuPlan *plan)
{
        const char *id;

        if (!props)
                return -EINVAL;
        if (qemu_device_check(b, props) < 0) {
                json_decref(props);
                return -EINVAL;
        }
        id = json_string_value(json_object_get(props, "id"));
        qemu_plan_add(plan, qmp_command_args("device_add", json_incref(props)),
                      id ? qmp_command("device_del", "{s:s}", "id", id) : NULL);
        json_decref(props);
        return 0;
}

static int add_object(json_t *props, QemuPlan *plan)
{
        json_t *undo;

        if (!props)
                return -EINVAL;
        undo = qmp_command("object-del", "{s:s}", "id", json_string_value(json_object_get(props, "id")));
        qemu_plan_add(plan, qmp_command_args("object-add", props), undo);
        return 0;
}

int qemu_plan_objects(json_t *list, QemuPlan *plan)
{
        json_t *object;
        size_t i;
        int r = 0;

        json_array_foreach(list, i, object) if (r == 0) r = add_object(json_incref(object), plan);
        return r;
}

static int add_chardev(const QemuBuild *b, const VhChrSource *src, const char *alias, QemuPlan *plan)
{
        json_t *props, *tls;
        int r = qemu_chardev_tls(b, src, alias, &tls);

        r = r < 0 ? r : qemu_plan_objects(tls, plan);
        json_decref(tls);
        props = r < 0 ? NULL : qemu_chardev_backend(b, src, alias);
        if (!props)
                return -EINVAL;
        qemu_plan_add(plan, qmp_command_args("chardev-add", props),
                      named("chardev-remove", "id", vh_xasprintf("char%s", alias)));
        return 0;
}

static void del_chardev(const char *alias, QemuPlan *plan)
{
        qemu_plan_add(plan, named("chardev-remove", "id", vh_xasprintf("char%s", alias)), NULL);
}

/* ---- disks ---- */

static void add_node(json_t *props, QemuPlan *plan)
{
        json_t *undo;

        if (!props)
                return;
        undo = qmp_command("blockdev-del", "{s:s}", "node-name",
                           json_string_value(json_object_get(props, "node-name")));
        qemu_plan_add(plan, qmp_command_args("blockdev-add", props), undo);
}

static int plan_chain(const QemuBuild *b, const VhDisk *disk, const VhDiskSource *src, QemuPlan *plan)
{
        QemuBlockLayers layers = {};
        int r = qemu_backing(src) ? plan_chain(b, disk, qemu_backing(src), plan) : 0;

        r = r < 0 ? r : qemu_block_layers(b, disk, src, &layers);
        r = r < 0 ? r : qemu_plan_objects(layers.objects, plan);
        if (r == 0) {
                add_node(VH_TAKE_PTR(layers.storage), plan);
                add_node(VH_TAKE_PTR(layers.slice), plan);
                add_node(VH_TAKE_PTR(layers.format), plan);
        }
        qemu_block_layers_done(&layers);
        return r;
}

int qemu_plan_images(const QemuBuild *b, const VhDisk *disk, QemuPlan *plan)
{
        return qemu_disk_is_empty(disk) ? 0 : plan_chain(b, disk, &disk->src, plan);
}

/* That an IDE or SATA bus takes nothing while the machine runs is QEMU's to say. */
static int check_bus(const QemuBuild *b, const VhDisk *disk)
{
        static const bool tried[] = {
                [VH_DISK_BUS_VIRTIO] = true, [VH_DISK_BUS_SCSI] = true, [VH_DISK_BUS_USB] = true,
                [VH_DISK_BUS_IDE] = true,    [VH_DISK_BUS_SATA] = true,
        };

        if (disk->device == VH_DISK_DEVICE_FLOPPY)
                return vh_error_set(b->err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "floppy device hotplug isn't supported");
        if (disk->bus < VH_ARRAY_SIZE(tried) && tried[disk->bus])
                return 0;
        return vh_error_set(b->err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED, "disk bus '%s' cannot be hotplugged.",
                            vh_xml_names_text(&vh_disk_bus_names, disk->bus));
}

static int plan_disk(const QemuBuild *b, const void *dev, QemuPlan *plan)
{
        const VhDisk *disk = dev;
        json_t *throttle = qemu_throttle_props(disk);
        int r;

        r = check_bus(b, disk);
        if (r < 0) {
                json_decref(throttle);
                return r;
        }
        /* Those of a transient disk are open when it joins. */
        r = disk->transient ? 0 : qemu_plan_images(b, disk, plan);
        r = r < 0 ? r : add_device(b, qemu_disk_device(b, disk), plan);
        if (r == 0 && throttle) {
                qemu_plan_add(plan, qmp_command_args("block_set_io_throttle", json_incref(throttle)), NULL);
                /* The disk is there without limits then, as with the reference: the guest may use it already. */
                plan->steps[plan->n - 1].optional = true;
        }
        json_decref(throttle);
        return r;
}

static void del_object(char *id, QemuPlan *plan)
{
        qemu_plan_add(plan, named("object-del", "id", id), NULL);
}

static void del_node(char *name, QemuPlan *plan)
{
        qemu_plan_add(plan, named("blockdev-del", "node-name", name), NULL);
}

/* Credentials that only the settings asked for stay: they are not told from none here. */
void qemu_plan_clean_objects(const VhDisk *disk, const VhDiskSource *src, QemuPlan *plan)
{
        const VhStorageEncryption *e = qemu_encryption_of(disk, src);
        const VhNetworkSource *net = src->type == VH_DISK_TYPE_NETWORK ? src->network : NULL;

        if (net && net->tls == VH_YES)
                del_object(qemu_image_tls(src), plan);
        if (e && e->secrets.n)
                del_object(qemu_image_secret(src, QEMU_IMAGE_ENCRYPTION), plan);
        if (net && net->cookies.n)
                del_object(qemu_image_secret(src, QEMU_IMAGE_COOKIES), plan);
        if (qemu_auth_of(disk, src))
                del_object(qemu_image_secret(src, QEMU_IMAGE_AUTH), plan);
        if (src->reservations && src->reservations->managed == VH_NO)
                del_object(vh_xasprintf("pr-helper-libvirt-%u-storage", src->index.val), plan);
}

void qemu_plan_clean_images(const VhDisk *disk, QemuPlan *plan)
{
        if (qemu_disk_is_empty(disk) || disk->src.type == VH_DISK_TYPE_VHOST_USER)
                return;
        if (disk->copy_on_read == VH_ON)
                del_node(vh_xasprintf("libvirt-CoR-%s", disk->target), plan);
        for (const VhDiskSource *src = &disk->src; src; src = qemu_backing(src)) {
                del_node(qemu_format_node(src), plan);
                del_node(qemu_storage_node(src), plan);
                qemu_plan_clean_objects(disk, src, plan);
        }
}

static void clean_disk(const void *dev, QemuPlan *plan)
{
        qemu_plan_clean_images(dev, plan);
}

/* ---- interfaces ---- */

static int add_vhostuser(const QemuBuild *b, const VhNet *net, QemuPlan *plan)
{
        enum { VHOST_SERVER = 2, MODE_CONNECT = 1, MODE_BIND = 2 };
        const VhChrSource src = {
                .type = VH_CHR_UNIX,
                .path = net->source_path,
                .mode = net->vhost_mode == VHOST_SERVER ? MODE_BIND : MODE_CONNECT,
                .reconnect = net->vhost_reconnect,
                .reconnect_timeout = net->vhost_reconnect_timeout,
        };

        return add_chardev(b, &src, net->info.alias, plan);
}

static int plan_net(const QemuBuild *b, const void *dev, QemuPlan *plan)
{
        enum { LINK_DOWN = 2 };
        const VhNet *net = dev;
        json_t *backend;

        switch (net->type) {
        case VH_NET_USER:
        case VH_NET_SERVER:
        case VH_NET_CLIENT:
        case VH_NET_MCAST:
        case VH_NET_UDP:
        case VH_NET_BRIDGE:
        case VH_NET_NETWORK:
        case VH_NET_ETHERNET:
        case VH_NET_DIRECT:
                break;
        case VH_NET_VHOSTUSER:
                if (add_vhostuser(b, net, plan) < 0)
                        return -EINVAL;
                break;
        default:
                return vh_error_set(b->err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "interfaces of type '%s' cannot join a running guest",
                                    vh_xml_names_text(&vh_net_type_names, net->type));
        }
        backend = qemu_net_backend(b, net);
        if (!backend)
                return -EINVAL;
        qemu_plan_add(plan, qmp_command_args("netdev_add", backend),
                      named("netdev_del", "id", vh_xasprintf("host%s", net->info.alias)));
        if (add_device(b, qemu_net_device(b, net), plan) < 0)
                return -EINVAL;
        if (net->linkstate == LINK_DOWN)
                qemu_plan_add(plan, qmp_command("set_link", "{s:s,s:b}", "name", net->info.alias, "up", 0), NULL);
        return 0;
}

static void clean_net(const void *dev, QemuPlan *plan)
{
        const VhNet *net = dev;

        if (net->type == VH_NET_HOSTDEV)
                return;
        qemu_plan_add(plan, named("netdev_del", "id", vh_xasprintf("host%s", net->info.alias)), NULL);
        if (net->type == VH_NET_VHOSTUSER)
                del_chardev(net->info.alias, plan);
}

/* ---- character devices ---- */

static int plan_serial(const QemuBuild *b, const void *dev, QemuPlan *plan)
{
        const VhChr *chr = dev;

        if (chr->target_type != VH_CHR_TARGET_PCI_SERIAL && chr->target_type != VH_CHR_TARGET_USB_SERIAL)
                return vh_error_set(b->err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "Unsupported address type for character device");
        if (add_chardev(b, &chr->source, chr->info.alias, plan) < 0)
                return -EINVAL;
        return add_device(b, qemu_serial_device(b, chr), plan);
}

static int plan_channel(const QemuBuild *b, const void *dev, QemuPlan *plan)
{
        const VhChr *chr = dev;

        if (chr->target_type != VH_CHR_TARGET_VIRTIO)
                return vh_error_set(b->err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "only virtio channels can be hotplugged");
        if (add_chardev(b, &chr->source, chr->info.alias, plan) < 0)
                return -EINVAL;
        return add_device(b, qemu_channel_device(b, chr), plan);
}

static int plan_console(const QemuBuild *b, const void *dev, QemuPlan *plan)
{
        const VhChr *chr = dev;

        if (add_chardev(b, &chr->source, chr->info.alias, plan) < 0)
                return -EINVAL;
        return add_device(b, qemu_console_device(b, chr), plan);
}

static void clean_chr(const void *dev, QemuPlan *plan)
{
        const VhChr *chr = dev;

        del_chardev(chr->info.alias, plan);
        if (chr->source.type != VH_CHR_TCP)
                return;
        /* There are credentials only with TLS; others answer that there are none. */
        del_object(vh_xasprintf("objchar%s_tls0", chr->info.alias), plan);
        del_object(vh_xasprintf("char%s-secret0", chr->info.alias), plan);
}

static int plan_redirdev(const QemuBuild *b, const void *dev, QemuPlan *plan)
{
        const VhRedirdev *redir = dev;

        if (add_chardev(b, &redir->source, redir->info.alias, plan) < 0)
                return -EINVAL;
        return add_device(b, qemu_redirdev_device(b, redir), plan);
}

static void clean_redirdev(const void *dev, QemuPlan *plan)
{
        del_chardev(((const VhRedirdev *)dev)->info.alias, plan);
}

/* ---- the rest ---- */

static int plan_controller(const QemuBuild *b, const void *dev, QemuPlan *plan)
{
        const VhController *c = dev;

        if (c->type != VH_CONTROLLER_SCSI && c->type != VH_CONTROLLER_VIRTIO_SERIAL)
                return vh_error_set(b->err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "'%s' controller cannot be hot plugged.",
                                    vh_xml_names_text(&vh_controller_type_names, c->type));
        return add_device(b, qemu_controller_device(b, c), plan);
}

static int plan_rng(const QemuBuild *b, const void *dev, QemuPlan *plan)
{
        enum { BACKEND_EGD = 2 };
        const VhRng *rng = dev;

        if (rng->backend == BACKEND_EGD && add_chardev(b, &rng->source, rng->info.alias, plan) < 0)
                return -EINVAL;
        if (add_object(qemu_rng_object(b, rng), plan) < 0)
                return -EINVAL;
        return add_device(b, qemu_rng_device(b, rng), plan);
}

static void clean_rng(const void *dev, QemuPlan *plan)
{
        enum { BACKEND_EGD = 2 };
        const VhRng *rng = dev;

        qemu_plan_add(plan, named("object-del", "id", vh_xasprintf("obj%s", rng->info.alias)), NULL);
        if (rng->backend == BACKEND_EGD)
                del_chardev(rng->info.alias, plan);
}

static int plan_memory(const QemuBuild *b, const void *dev, QemuPlan *plan)
{
        const VhMemdev *mem = dev;

        if (!b->def->max_memory)
                return vh_error_set(b->err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "cannot use/hotplug a memory device when domain 'maxMemory' is not defined");
        if (add_object(qemu_memory_object(b, mem), plan) < 0)
                return -EINVAL;
        return add_device(b, qemu_memory_device(b, mem), plan);
}

static void clean_memory(const void *dev, QemuPlan *plan)
{
        const VhMemdev *mem = dev;

        qemu_plan_add(plan, named("object-del", "id", vh_xasprintf("mem%s", mem->info.alias)), NULL);
}

static int plan_hostdev(const QemuBuild *b, const void *dev, QemuPlan *plan)
{
        const VhHostdev *h = dev;

        if (h->type != VH_HOSTDEV_USB && h->type != VH_HOSTDEV_PCI && h->type != VH_HOSTDEV_MDEV)
                return vh_error_set(b->err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "hotplug of this type of host device is not supported");
        return add_device(b, qemu_hostdev_device(b, h), plan);
}

static int plan_input(const QemuBuild *b, const void *dev, QemuPlan *plan)
{
        const VhInput *input = dev;

        if (input->bus != VH_INPUT_BUS_USB && input->bus != VH_INPUT_BUS_VIRTIO)
                return vh_error_set(b->err, VIR_FROM_QEMU, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "input device on bus '%s' cannot be hot plugged.",
                                    input->bus ? vh_xml_names_text(&vh_input_bus_names, input->bus) : "none");
        return add_device(b, qemu_input_device(b, input), plan);
}

static int plan_watchdog(const QemuBuild *b, const void *dev, QemuPlan *plan)
{
        static const char *const actions[] = { "reset", "reset", "shutdown", "poweroff",
                                               "pause", "pause", "none",     "inject-nmi" };
        enum { I6300ESB = 1 };
        const VhWatchdog *w = dev;

        if (w->model != I6300ESB)
                return vh_error_set(b->err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "hotplug of watchdog of this model is not supported");
        qemu_plan_add(plan, qmp_command("watchdog-set-action", "{s:s}", "action", actions[w->action]), NULL);
        return add_device(b, qemu_watchdog_device(b, w), plan);
}

static int plan_filesystem(const QemuBuild *b, const void *dev, QemuPlan *plan)
{
        const VhFilesystem *fs = dev;
        _vh_free_ char *socket = NULL, *id = vh_xasprintf("chr-vu-%s", fs->info.alias);

        if (!qemu_is_virtiofs(fs))
                return qemu_virtiofs_only(b->err);
        socket = qemu_virtiofs_socket(b, fs);
        qemu_plan_add(plan,
                      qmp_command("chardev-add", "{s:s,s:{s:s,s:{s:{s:s,s:{s:s}},s:b}}}", "id", id, "backend", "type",
                                  "socket", "data", "addr", "type", "unix", "data", "path", socket, "server", 0),
                      qmp_command("chardev-remove", "{s:s}", "id", id));
        return add_device(b, qemu_virtiofs_device(b, fs), plan);
}

static void clean_filesystem(const void *dev, QemuPlan *plan)
{
        const VhFilesystem *fs = dev;

        qemu_plan_add(plan, named("chardev-remove", "id", vh_xasprintf("chr-vu-%s", fs->info.alias)), NULL);
}

/* QEMU does not know of it. */
static int plan_lease(const QemuBuild *b, const void *dev, QemuPlan *plan)
{
        return 0;
}

static int plan_vsock(const QemuBuild *b, const void *dev, QemuPlan *plan)
{
        return add_device(b, qemu_vsock_device(b, dev), plan);
}

static int plan_shmem(const QemuBuild *b, const void *dev, QemuPlan *plan)
{
        const VhShmem *shmem = dev;
        const VhChrSource server = { .type = VH_CHR_UNIX, .path = shmem->server_path, .mode = 1 /* connect */ };
        json_t *device = qemu_shmem_device(b, shmem);
        int r;

        if (!device)
                return -EINVAL;
        r = shmem->server_path ? add_chardev(b, &server, shmem->info.alias, plan)
                               : add_object(qemu_shmem_object(shmem), plan);
        if (r < 0) {
                json_decref(device);
                return r;
        }
        return add_device(b, device, plan);
}

static void clean_shmem(const void *dev, QemuPlan *plan)
{
        const VhShmem *shmem = dev;

        if (shmem->server_path)
                del_chardev(shmem->info.alias, plan);
        else
                del_object(vh_xasprintf("shmmem-%s", shmem->info.alias), plan);
}

static void clean_nothing(const void *dev, QemuPlan *plan)
{
}

/* ---- the table ---- */

static const struct {
        int (*attach)(const QemuBuild *b, const void *dev, QemuPlan *plan);
        void (*clean)(const void *dev, QemuPlan *plan);
} kinds[VH_DEVICE_MAX] = {
        [VH_DEVICE_DISK] = { plan_disk, clean_disk },
        [VH_DEVICE_CONTROLLER] = { plan_controller, clean_nothing },
        [VH_DEVICE_NET] = { plan_net, clean_net },
        [VH_DEVICE_SERIAL] = { plan_serial, clean_chr },
        [VH_DEVICE_CONSOLE] = { plan_console, clean_chr },
        [VH_DEVICE_CHANNEL] = { plan_channel, clean_chr },
        [VH_DEVICE_REDIRDEV] = { plan_redirdev, clean_redirdev },
        [VH_DEVICE_RNG] = { plan_rng, clean_rng },
        [VH_DEVICE_MEMORY] = { plan_memory, clean_memory },
        [VH_DEVICE_HOSTDEV] = { plan_hostdev, clean_nothing },
        [VH_DEVICE_INPUT] = { plan_input, clean_nothing },
        [VH_DEVICE_WATCHDOG] = { plan_watchdog, clean_nothing },
        [VH_DEVICE_VSOCK] = { plan_vsock, clean_nothing },
        [VH_DEVICE_SHMEM] = { plan_shmem, clean_shmem },
        [VH_DEVICE_FILESYSTEM] = { plan_filesystem, clean_filesystem },
        [VH_DEVICE_LEASE] = { plan_lease, clean_nothing },
};

bool qemu_plan_can_attach(VhDeviceKind kind)
{
        return kinds[kind].attach != NULL;
}

int qemu_plan_attach(const QemuBuild *b, VhDeviceKind kind, const void *dev, QemuPlan *plan)
{
        return kinds[kind].attach(b, dev, plan);
}

void qemu_plan_clean(VhDeviceKind kind, const void *dev, QemuPlan *plan)
{
        if (kinds[kind].clean)
                kinds[kind].clean(dev, plan);
}
