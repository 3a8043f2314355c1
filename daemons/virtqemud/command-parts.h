/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Inside of the command line: its parts, and the descriptions of single devices that hotplug sends over QMP as well. */

#include <jansson.h>

#include "command.h"
#include "tls-objects.h"

/* What is being described. cmd is NULL where single devices are made for a running guest. */
typedef struct QemuBuild {
        const VhDomainDef *def;
        const QemuCaps *caps; /* NULL: everything is supported */
        const QemuLaunch *launch;
        QemuCommand *cmd;
        VhError **err;
} QemuBuild;

/* ---- props.c: members of JSON objects. A value of NULL, 0 or "not set" leaves the member out where it says so. ----
 */

void qj_str(json_t *o, const char *key, const char *value); /* not NULL */
void qj_fmt(json_t *o, const char *key, const char *fmt, ...) _vh_printf_(3, 4);
void qj_int(json_t *o, const char *key, json_int_t value);
void qj_uint(json_t *o, const char *key, json_int_t value); /* not 0 */
void qj_opt(json_t *o, const char *key, VhOptUint value);   /* if set */
void qj_true(json_t *o, const char *key, bool value);       /* if true */
void qj_switch(json_t *o, const char *key, uint8_t state);  /* VH_ON, VH_OFF as a boolean */
void qj_onoff(json_t *o, const char *key, uint8_t state);   /* the same as "on", "off" */
void qj_take(json_t *o, const char *key, json_t *value);    /* value is taken over; NULL: left out */

/* Adds `option {...}`; props is taken over. What QEMU does not know is refused. Returns 0 or negative errno. */
int qemu_build_device(QemuBuild *b, json_t *props);
int qemu_build_object(QemuBuild *b, json_t *props);
/* Each of an array (NULL: none), which is taken over. */
int qemu_build_objects(QemuBuild *b, json_t *list);
void qemu_build_json(QemuBuild *b, const char *option, json_t *props);
/* The checks of qemu_build_device() alone, and the properties that <qemu:override> changes. */
int qemu_device_check(const QemuBuild *b, json_t *props);
/* Adds two arguments. */
void qemu_build_arg(QemuBuild *b, const char *option, const char *fmt, ...) _vh_printf_(3, 4);
/* value for a list of key=value: its commas are doubled. */
void qemu_opt_escape(VhBuf *buf, const char *value);
int qemu_unsupported(const QemuBuild *b, const char *fmt, ...) _vh_printf_(2, 3);

/* ---- address.c ---- */

/* Where a device sits, as properties. */
int qemu_address_props(const QemuBuild *b, const VhDeviceInfo *info, json_t *props);
/* The same, for who has no more to say of the device: device itself, or NULL (it is freed) with *b->err. */
json_t *qemu_placed_device(const QemuBuild *b, const VhDeviceInfo *info, json_t *device);
/* Boot order of a device, 0: it is not booted from. */
uint32_t qemu_boot_index(const QemuBuild *b, const VhDeviceInfo *info);
void qemu_virtio_props(const VhVirtioOpts *opts, json_t *props);
void qemu_rom_props(const VhDeviceInfo *info, json_t *props);
/* "virtio-blk" and a model (words: virtio, virtio-transitional, virtio-non-transitional) to the device for a bus. The
 * caller frees it. */
char *qemu_virtio_driver(const char *base, const VhDeviceInfo *info, uint8_t model);
/* Name of a bus of a controller; the caller frees it. NULL: there is no such controller. */
char *qemu_controller_alias(const VhDomainDef *def, VhControllerType type, uint32_t index);

/* ---- single devices; NULL with *b->err on failure ---- */

json_t *qemu_controller_device(const QemuBuild *b, const VhController *c); /* *b->err unset: nothing to add */
json_t *qemu_disk_device(const QemuBuild *b, const VhDisk *disk);
json_t *qemu_net_device(const QemuBuild *b, const VhNet *net);
json_t *qemu_net_backend(const QemuBuild *b, const VhNet *net);
/* Name of a descriptor that a running QEMU is given for an interface; the caller frees it. */
char *qemu_fd_name(QemuFdRole role, const char *alias, unsigned nth);
json_t *qemu_input_device(const QemuBuild *b, const VhInput *input);
json_t *qemu_rng_device(const QemuBuild *b, const VhRng *rng);
json_t *qemu_rng_object(const QemuBuild *b, const VhRng *rng);
json_t *qemu_watchdog_device(const QemuBuild *b, const VhWatchdog *watchdog);
/* Folders that virtiofsd serves: the device, and the program's socket (the caller frees it). */
bool qemu_is_virtiofs(const VhFilesystem *fs);
json_t *qemu_virtiofs_device(const QemuBuild *b, const VhFilesystem *fs);
char *qemu_virtiofs_socket(const QemuBuild *b, const VhFilesystem *fs);
json_t *qemu_hostdev_device(const QemuBuild *b, const VhHostdev *hostdev);
/* Id of the secret that a SCSI device on the network needs; the caller frees it. */
char *qemu_hostdev_secret(const VhDomainDef *def, const VhHostdev *hostdev);
json_t *qemu_redirdev_device(const QemuBuild *b, const VhRedirdev *redirdev);
json_t *qemu_memory_device(const QemuBuild *b, const VhMemdev *mem);
json_t *qemu_memory_object(const QemuBuild *b, const VhMemdev *mem);
json_t *qemu_serial_device(const QemuBuild *b, const VhChr *chr);
json_t *qemu_channel_device(const QemuBuild *b, const VhChr *chr);
json_t *qemu_console_device(const QemuBuild *b, const VhChr *chr);
json_t *qemu_vsock_device(const QemuBuild *b, const VhVsock *vsock);
json_t *qemu_shmem_device(const QemuBuild *b, const VhShmem *shmem);
json_t *qemu_shmem_object(const VhShmem *shmem); /* of a plain one */

/* ---- block.c: images ---- */

/* One image of a chain: its protocol and its format layer, and the objects that must be there before. */
typedef struct QemuBlockLayers {
        json_t *objects; /* an array, in the order in which they are made; NULL: none */
        json_t *storage, *slice, *format;
} QemuBlockLayers;

/* What an image may need a secret for, and the secret's id; the caller frees it. */
typedef enum QemuImageSecret { QEMU_IMAGE_AUTH, QEMU_IMAGE_COOKIES, QEMU_IMAGE_ENCRYPTION } QemuImageSecret;
char *qemu_image_secret(const VhDiskSource *src, QemuImageSecret use);
/* The login and the encryption of an image, wherever the definition has them; NULL: none. disk: NULL for an image
 * without a disk. */
const VhStorageAuth *qemu_auth_of(const VhDisk *disk, const VhDiskSource *src);
const VhStorageEncryption *qemu_encryption_of(const VhDisk *disk, const VhDiskSource *src);
bool qemu_is_rbd(const VhDiskSource *src);
/* Whether the connection to it is encrypted, and the id of the credentials then; the caller frees it. */
bool qemu_image_wants_tls(const QemuLaunch *launch, const VhDiskSource *src);
char *qemu_image_tls(const VhDiskSource *src);
/* Adds all that an image of a disk needs to list (made if it is NULL). Returns 0 or negative errno with *b->err. */
int qemu_use_image(const QemuBuild *b, const VhDisk *disk, const VhDiskSource *src, json_t **list);
/* Adds a secret of the launch to list (made if it is NULL). Refused with *b->err if nobody fetched it. */
int qemu_use_secret(const QemuBuild *b, const char *id, json_t **list);

/* Describes the image src of a disk. backing: name of the format node below, NULL: none. */
int qemu_block_layers(const QemuBuild *b, const VhDisk *disk, const VhDiskSource *src, QemuBlockLayers *layers);
void qemu_block_layers_done(QemuBlockLayers *layers);
/* The format node alone, of an image that is open. */
json_t *qemu_format_layer(const VhDisk *disk, const VhDiskSource *src);
/* "libvirt-N-format"; the caller frees it. */
char *qemu_format_node(const VhDiskSource *src);
char *qemu_storage_node(const VhDiskSource *src);
/* Images of a disk from the top, the end of the chain excluded. */
const VhDiskSource *qemu_backing(const VhDiskSource *src);
bool qemu_disk_is_empty(const VhDisk *disk);
/* Limits of a disk as arguments of block_set_io_throttle, or NULL if it has none. */
json_t *qemu_throttle_props(const VhDisk *disk);

/* ---- chardev.c ---- */

/* -chardev of an alias "charALIAS". */
int qemu_build_chardev(QemuBuild *b, const VhChrSource *src, const char *alias);
/* The objects that its encryption needs first, as an array; *objects NULL: none. Returns 0 or negative errno with
 * *b->err. */
int qemu_chardev_tls(const QemuBuild *b, const VhChrSource *src, const char *alias, json_t **objects);
/* Whether it is encrypted, and as which side. */
bool qemu_chardev_wants_tls(const QemuLaunch *launch, const VhChrSource *src, bool *server);
/* TLS credentials and before them the secret that opens their key; the array is made if it is NULL. tls_id: of the
 * credentials, secret_of: what the secret is named after. */
int qemu_use_tls(const QemuBuild *b, const QemuTls *tls, const char *tls_id, const char *secret_of, bool server,
                 json_t **list);
/* The same as arguments of QMP chardev-add. */
json_t *qemu_chardev_backend(const QemuBuild *b, const VhChrSource *src, const char *alias);

/* ---- the command line's parts in their order: 0 or negative errno with *b->err ---- */

/* clang-format off */
#define QEMU_PARTS(PART) \
        PART(name) PART(master_key) PART(helpers) PART(pflash) PART(machine) PART(accel) PART(cpu) \
        PART(firmware) PART(memory) PART(smp) PART(iothreads) PART(numa) PART(uuid) PART(smbios) \
        PART(genid) PART(defaults) PART(monitor) PART(clock) PART(power) PART(boot) PART(kernel) \
        PART(iommu) PART(controllers) PART(hubs) PART(memdevs) PART(filesystems) PART(disks) PART(nets) \
        PART(smartcards) PART(serials) PART(parallels) PART(channels) PART(consoles) PART(tpms) \
        PART(inputs) PART(audios) PART(graphics) PART(videos) PART(sounds) PART(watchdog) PART(redirdevs) \
        PART(hostdevs) PART(incoming) PART(balloon) PART(rngs) PART(nvram) PART(vmcoreinfo) PART(security) PART(extra) \
        PART(sandbox) PART(panics) PART(shmems) PART(vsock) PART(cryptos) PART(message)
/* clang-format on */
#define PART(name) int qemu_build_##name(QemuBuild *b);
QEMU_PARTS(PART)
#undef PART
