/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The devices of a domain. A comment names the XML or the unit where the field's name does not say it. Fields with the
 * comment "words" hold the place (from 1) in the word list of their row. */

#include "model/domain-common.h"

typedef VH_PACKED_ENUM VhDiskType{
        VH_DISK_TYPE_NONE,    VH_DISK_TYPE_FILE,   VH_DISK_TYPE_BLOCK, VH_DISK_TYPE_DIR,
        VH_DISK_TYPE_NETWORK, VH_DISK_TYPE_VOLUME, VH_DISK_TYPE_NVME,  VH_DISK_TYPE_VHOST_USER,
} VhDiskType;

typedef VH_PACKED_ENUM VhDiskDevice{
        VH_DISK_DEVICE_NONE, VH_DISK_DEVICE_DISK, VH_DISK_DEVICE_CDROM, VH_DISK_DEVICE_FLOPPY, VH_DISK_DEVICE_LUN,
} VhDiskDevice;

typedef VH_PACKED_ENUM VhDiskBus{
        VH_DISK_BUS_NONE, VH_DISK_BUS_IDE, VH_DISK_BUS_FDC, VH_DISK_BUS_SCSI, VH_DISK_BUS_VIRTIO,
        VH_DISK_BUS_XEN,  VH_DISK_BUS_USB, VH_DISK_BUS_UML, VH_DISK_BUS_SATA, VH_DISK_BUS_SD,
} VhDiskBus;

/* The first of the storage formats' words. */
enum { VH_STORAGE_FORMAT_RAW = 1, VH_STORAGE_FORMAT_QCOW2 = 13 };

typedef struct VhStorageHost {
        char *name;
        char *port;
        char *socket;
        uint8_t transport; /* words */
} VhStorageHost;

/* A secret by name or uuid. */
typedef struct VhSecretRef {
        uint8_t type; /* words */
        uint8_t uuid[VH_UUID_LEN];
        char *usage;
} VhSecretRef;

typedef struct VhStorageAuth {
        char *username;
        VhSecretRef secret;
} VhStorageAuth;

typedef struct VhStorageEncryption {
        uint8_t format; /* words */
        uint8_t engine; /* words */
        VH_LIST(VhSecretRef) secrets;
        char *cipher_name, *cipher_mode, *cipher_hash;
        uint32_t cipher_size;
        char *ivgen_name, *ivgen_hash;
} VhStorageEncryption;

typedef struct VhStorageCookie {
        char *name;
        char *value;
} VhStorageCookie;

typedef struct VhStorageSlice {
        uint8_t type;          /* storage */
        VhOptU64 offset, size; /* bytes */
} VhStorageSlice;

typedef struct VhStorageReservations {
        uint8_t managed; /* VH_YES, VH_NO */
        uint8_t enabled;
        uint8_t source_type, source_mode; /* words */
        char *path;
} VhStorageReservations;

typedef struct VhNetworkSource {
        uint8_t protocol;   /* words */
        uint8_t tls;        /* VH_YES, VH_NO */
        uint8_t tls_origin; /* VhTlsOrigin */
        uint8_t ssl_verify; /* VH_YES, VH_NO */
        char *name;
        char *query;
        char *tls_hostname;
        VH_LIST(VhStorageHost) hosts;
        VH_LIST(VhStorageCookie) cookies;
        VhOptUint index;        /* live */
        uint8_t startup_policy; /* words */
        char *snapshot;
        char *config_file;
        char *initiator_iqn;
        uint64_t readahead; /* bytes */
        uint64_t timeout;   /* seconds */
        VhOptUint reconnect_delay;
        char *user, *group, *username, *keyfile, *agent; /* identity */
        char *known_hosts;
        VhStorageAuth *auth;
        VhStorageEncryption *encryption;
        VhStorageReservations *reservations;
        VH_LIST(VhStorageSlice) slices;
        VhSeclabels seclabels;
} VhNetworkSource;

typedef struct VhDiskSource {
        VhDiskType type;
        uint8_t format;         /* backing store: words of the format */
        uint8_t startup_policy; /* words */
        uint8_t mode;           /* volume: words */
        uint8_t managed;        /* nvme: VH_YES, VH_NO */
        uint8_t vhost_type;     /* vhostuser: unix */
        VhOptUint index;        /* live */
        uint8_t nvme_type;      /* pci */
        uint64_t nvme_namespace;
        char *path;   /* file, dev, dir; vhostuser: path of the socket */
        char *pool;   /* volume */
        char *volume; /* volume */
        char *fdgroup;
        VhPciAddress nvme;
        uint64_t metadata_cache; /* bytes */
        bool threshold_indexed;  /* of a run: who set its threshold named it by index */
        VhSeclabels seclabels;
        VhStorageAuth *auth;
        VhStorageEncryption *encryption;
        VhStorageReservations *reservations;
        VH_LIST(VhStorageSlice) slices;
        VhNetworkSource *network;     /* of type network */
        uint32_t reconnect_timeout;   /* vhostuser, seconds */
        uint8_t reconnect;            /* VH_YES, VH_NO */
        struct VhDiskSource *backing; /* type VH_DISK_TYPE_NONE closes the chain: <backingStore/> */
} VhDiskSource;

typedef struct VhDiskIotune {
        uint64_t total_bytes_sec, read_bytes_sec, write_bytes_sec;
        uint64_t total_iops_sec, read_iops_sec, write_iops_sec;
        uint64_t total_bytes_sec_max, read_bytes_sec_max, write_bytes_sec_max;
        uint64_t total_iops_sec_max, read_iops_sec_max, write_iops_sec_max;
        uint64_t size_iops_sec;
        char *group_name;
        uint64_t total_bytes_sec_max_length, read_bytes_sec_max_length, write_bytes_sec_max_length;
        uint64_t total_iops_sec_max_length, read_iops_sec_max_length, write_iops_sec_max_length;
} VhDiskIotune;

typedef struct VhDiskGeometry {
        uint32_t cyls, heads, secs;
        uint8_t trans; /* words */
} VhDiskGeometry;

typedef struct VhDiskBlockio {
        uint32_t logical, physical; /* block sizes, bytes */
        VhOptUint discard_granularity;
} VhDiskBlockio;

typedef struct VhDiskTransient {
        uint8_t share_backing; /* VH_YES, VH_NO */
} VhDiskTransient;

typedef struct VhDiskMirror {
        uint8_t job;   /* words */
        uint8_t ready; /* words */
        VhDiskSource src;
} VhDiskMirror;

typedef struct VhDisk {
        VhDiskSource src;
        VhDiskDevice device;
        VhDiskBus bus;
        uint8_t model;    /* words */
        uint8_t rawio;    /* VH_YES, VH_NO */
        uint8_t sgio;     /* words */
        uint8_t snapshot; /* words */
        char *driver_name;
        uint8_t format;        /* <driver type=>: words of the storage formats */
        uint8_t cache;         /* words */
        uint8_t error_policy;  /* words */
        uint8_t rerror_policy; /* words */
        uint8_t io;            /* words */
        uint8_t ioeventfd;     /* VH_ON, VH_OFF */
        uint8_t event_idx;     /* VH_ON, VH_OFF */
        uint8_t copy_on_read;  /* VH_ON, VH_OFF */
        uint8_t discard;       /* words */
        uint8_t detect_zeroes; /* words */
        uint8_t tray;          /* words */
        uint8_t removable;     /* VH_ON, VH_OFF */
        bool readonly;
        bool shareable;
        VhDiskTransient *transient;
        VhVirtioOpts virtio;
        uint32_t queues, queue_size;
        VhOptUint iothread;
        uint64_t metadata_cache; /* bytes */
        char *target;            /* "vda" */
        uint32_t rotation_rate;
        char *domain_name; /* backenddomain */
        VhDiskIotune *iotune;
        VhDiskGeometry *geometry;
        VhDiskBlockio *blockio;
        VhDiskMirror *mirror;
        char *serial;
        char *wwn;
        char *vendor;
        char *product;
        VhStorageEncryption *encryption; /* outside <source>, as older tools write it */
        VhStorageAuth *auth;             /* the same */
        VhDeviceInfo info;
} VhDisk;

typedef VH_PACKED_ENUM VhControllerType{
        VH_CONTROLLER_NONE, VH_CONTROLLER_IDE,           VH_CONTROLLER_FDC,  VH_CONTROLLER_SCSI,
        VH_CONTROLLER_SATA, VH_CONTROLLER_VIRTIO_SERIAL, VH_CONTROLLER_CCID, VH_CONTROLLER_USB,
        VH_CONTROLLER_PCI,  VH_CONTROLLER_XENBUS,        VH_CONTROLLER_ISA,
} VhControllerType;

/* How large an index may be: each one below it may be implied. */
enum { VH_CONTROLLER_INDEX_MAX = 4096 };

/* Values of VhController.model; which ones a type may have is in its table. */
typedef VH_PACKED_ENUM VhControllerModel{
        VH_CTRL_MODEL_NONE,
        VH_CTRL_PIIX3,
        VH_CTRL_PIIX4,
        VH_CTRL_ICH6,
        VH_CTRL_AUTO,
        VH_CTRL_BUSLOGIC,
        VH_CTRL_LSILOGIC,
        VH_CTRL_LSISAS1068,
        VH_CTRL_VMPVSCSI,
        VH_CTRL_IBMVSCSI,
        VH_CTRL_VIRTIO_SCSI,
        VH_CTRL_LSISAS1078,
        VH_CTRL_NCR53C90,
        VH_CTRL_DC390,
        VH_CTRL_AM53C974,
        VH_CTRL_VIRTIO,
        VH_CTRL_VIRTIO_TRANSITIONAL,
        VH_CTRL_VIRTIO_NON_TRANSITIONAL,
        VH_CTRL_PIIX3_UHCI,
        VH_CTRL_PIIX4_UHCI,
        VH_CTRL_EHCI,
        VH_CTRL_ICH9_EHCI1,
        VH_CTRL_ICH9_UHCI1,
        VH_CTRL_ICH9_UHCI2,
        VH_CTRL_ICH9_UHCI3,
        VH_CTRL_VT82C686B_UHCI,
        VH_CTRL_PCI_OHCI,
        VH_CTRL_NEC_XHCI,
        VH_CTRL_QUSB1,
        VH_CTRL_QUSB2,
        VH_CTRL_QEMU_XHCI,
        VH_CTRL_PCI_ROOT,
        VH_CTRL_PCIE_ROOT,
        VH_CTRL_PCI_BRIDGE,
        VH_CTRL_DMI_TO_PCI_BRIDGE,
        VH_CTRL_PCIE_TO_PCI_BRIDGE,
        VH_CTRL_PCIE_ROOT_PORT,
        VH_CTRL_PCIE_SWITCH_UPSTREAM,
        VH_CTRL_PCIE_SWITCH_DOWNSTREAM,
        VH_CTRL_PCI_EXPANDER_BUS,
        VH_CTRL_PCIE_EXPANDER_BUS,
        VH_CTRL_USB_NONE, /* <controller type='usb' model='none'/> */
} VhControllerModel;

typedef struct VhController {
        VhControllerType type;
        VhControllerModel model;
        uint8_t ioeventfd;      /* VH_ON, VH_OFF */
        uint8_t pci_model_name; /* words */
        uint8_t hotplug;        /* VH_ON, VH_OFF */
        VhVirtioOpts virtio;
        VhOptUint index; /* assigned if not given */
        uint32_t queues, cmd_per_lun, max_sectors;
        VhOptUint iothread;
        VhOptUint ports, vectors; /* virtio-serial, usb */
        VhOptUint max_grant_frames, max_event_channels;
        uint64_t pcihole64; /* KiB */
        VhOptUint chassis_nr, chassis, port, bus_nr, target_index;
        VhOptUint numa_node;
        VhDeviceInfo info;
} VhController;

typedef struct VhLease {
        char *lockspace;
        char *key;
        char *path;
        uint64_t offset;
} VhLease;

typedef struct VhFilesystem {
        uint8_t type;       /* words */
        uint8_t accessmode; /* words */
        uint8_t model;      /* words */
        uint8_t multidevs;  /* words */
        char *fmode, *dmode;
        uint8_t driver;   /* words */
        uint8_t wrpolicy; /* words */
        uint8_t format;   /* words */
        uint32_t queue;
        VhVirtioOpts virtio;
        char *binary;                     /* virtiofs */
        uint8_t cache, sandbox;           /* words */
        uint8_t xattr, flock, posix_lock; /* VH_ON, VH_OFF */
        uint8_t usage_units;              /* ram: words */
        VhOptUint thread_pool_size;
        bool readonly;
        char *source; /* dir, file, dev, name, pool */
        char *socket;
        char *volume;
        uint64_t usage; /* ram */
        char *target;
        uint64_t space_hard_limit, space_soft_limit; /* bytes */
        VhDeviceInfo info;
} VhFilesystem;

typedef VH_PACKED_ENUM VhNetType{
        VH_NET_NONE,    VH_NET_NETWORK, VH_NET_BRIDGE, VH_NET_ETHERNET, VH_NET_VHOSTUSER, VH_NET_USER,
        VH_NET_SERVER,  VH_NET_CLIENT,  VH_NET_MCAST,  VH_NET_UDP,      VH_NET_INTERNAL,  VH_NET_DIRECT,
        VH_NET_HOSTDEV, VH_NET_VDPA,    VH_NET_VDS,    VH_NET_NULL,
} VhNetType;

typedef struct VhNetIp {
        char *address;
        uint8_t family; /* words */
        VhOptUint prefix;
        char *peer;
} VhNetIp;

typedef struct VhNetRoute {
        uint8_t family; /* words */
        char *address, *netmask, *gateway;
        VhOptUint prefix, metric;
} VhNetRoute;

/* Host-side offloads, VH_ON / VH_OFF. */
typedef struct VhNetOffload {
        uint8_t csum, gso, tso4, tso6, ecn, ufo, mrg_rxbuf;
} VhNetOffload;

typedef struct VhVirtualPort {
        uint8_t type; /* words: none, 802.1Qbg, 802.1Qbh, openvswitch, midonet */
        VhOptUint managerid, typeid, typeidversion;
        char *instanceid, *interfaceid, *profileid;
} VhVirtualPort;

typedef struct VhBandwidthRate {
        uint32_t average, peak, burst, floor; /* KiB/s, burst KiB */
} VhBandwidthRate;

typedef struct VhBandwidth {
        VhBandwidthRate *in, *out;
} VhBandwidth;

typedef struct VhFilterParam {
        char *name;
        char *value;
} VhFilterParam;

typedef struct VhVlanTag {
        uint32_t id;
        uint8_t mode; /* words */
} VhVlanTag;

typedef struct VhVlan {
        uint8_t trunk; /* VH_YES, VH_NO */
        VH_LIST(VhVlanTag) tags;
} VhVlan;

typedef struct VhTeaming {
        uint8_t type; /* words */
        char *persistent;
} VhTeaming;

typedef struct VhCoalesce {
        uint32_t rx_frames_max;
} VhCoalesce;

/* Ports of the host that lead into a guest (type user with passt). */
typedef struct VhPortRange {
        uint32_t start, end, to; /* 0: not given */
        uint8_t exclude;         /* VH_YES, VH_NO */
} VhPortRange;

typedef struct VhPortForward {
        uint8_t proto; /* words: tcp, udp */
        char *address, *dev;
        VH_LIST(VhPortRange) ranges; /* none: all ports */
} VhPortForward;

/* What an interface is plugged into, and how. */
typedef struct VhNetEnd {
        VhNetType type;
        uint8_t mac_table_manager;                         /* words: kernel, libvirt */
        uint8_t direct_mode;                               /* words */
        uint8_t hostdev_managed, isolated, trust_guest_rx; /* VH_YES, VH_NO */
        char *bridge, *source_dev;
        VhAddress hostdev;
        VhVirtualPort *virtport;
        VhVlan *vlan;
        VhBandwidth *bandwidth;
} VhNetEnd;

typedef struct VhNet {
        VhNetType type;
        uint8_t mac_check, mac_type;                                             /* words */
        uint8_t trust_guest_rx;                                                  /* VH_YES, VH_NO */
        uint8_t direct_mode;                                                     /* words */
        uint8_t vhost_type, vhost_mode;                                          /* words */
        uint8_t hostdev_managed;                                                 /* VH_YES, VH_NO */
        uint8_t driver_name, txmode, ioeventfd, event_idx, rss, rss_hash_report; /* words, VH_ON/VH_OFF */
        uint8_t linkstate;                                                       /* words: up, down */
        uint8_t isolated;                                                        /* VH_YES, VH_NO */
        uint8_t target_managed;                                                  /* VH_YES, VH_NO */
        uint8_t mac[6];
        VhVirtioOpts virtio;
        VhNetOffload *host_offload, *guest_offload;
        uint32_t queues, rx_queue_size, tx_queue_size;
        char *network, *portgroup, *bridge; /* source */
        uint8_t portid[VH_UUID_LEN];
        uint8_t mac_table_manager; /* words: kernel, libvirt */
        VH_LIST(VhPortForward) port_forwards;
        char *source_dev;  /* direct, ethernet, vdpa, user */
        char *source_path; /* vhostuser */
        char *source_address, *source_local_address;
        uint32_t source_port, source_local_port;
        uint8_t source_switch[VH_UUID_LEN]; /* vds */
        char *source_portgroup;
        uint32_t source_portid, source_connection;
        VhAddress hostdev;       /* type pci or usb: the host's device */
        uint8_t vhost_reconnect; /* VH_YES, VH_NO */
        uint32_t vhost_reconnect_timeout;
        VH_LIST(VhNetIp) source_ips, ips;
        VH_LIST(VhNetRoute) source_routes, routes;
        char *script, *downscript;
        char *domain_name;
        char *target; /* host's device, "vnet0" */
        char *ifname_guest, *ifname_guest_actual;
        char *model;
        char *filter;
        VH_LIST(VhFilterParam) filter_params;
        VhVirtualPort *virtport;
        VhBandwidth *bandwidth;
        VhVlan *vlan;
        VhTeaming *teaming;
        VhCoalesce *coalesce;
        char *backend_tap, *backend_vhost;
        uint8_t backend_type; /* words */
        char *backend_log;
        uint32_t mtu;
        VhOptU64 sndbuf; /* bytes */
        VhDeviceInfo info;
        /* Of an interface in a network that has its port there: what its definition says, while the fields above say
         * what the network gave it. NULL: of others. vh_net_plug() */
        VhNetEnd *defined;
        VhNetEnd *actual; /* in status files only: what the network gave it */
} VhNet;

/* Makes an interface in a network what its port says; end (what it points to is taken over) need not say more than the
 * network changes. One that is plugged in already changes its plug. */
void vh_net_plug(VhNet *net, VhNetEnd *end);

extern const VhXmlNames vh_net_type_names; /* VhNetType */

/* What <target type=> of a character device can be; which are allowed depends on the kind of device. */
typedef VH_PACKED_ENUM VhChrTarget{
        VH_CHR_TARGET_NONE,
        /* serial */
        VH_CHR_TARGET_ISA_SERIAL,
        VH_CHR_TARGET_USB_SERIAL,
        VH_CHR_TARGET_PCI_SERIAL,
        VH_CHR_TARGET_SPAPR_VIO_SERIAL,
        VH_CHR_TARGET_SYSTEM_SERIAL,
        VH_CHR_TARGET_SCLP_SERIAL,
        VH_CHR_TARGET_ISA_DEBUG,
        /* console */
        VH_CHR_TARGET_SERIAL,
        VH_CHR_TARGET_XEN,
        VH_CHR_TARGET_UML,
        VH_CHR_TARGET_VIRTIO,
        VH_CHR_TARGET_LXC,
        VH_CHR_TARGET_OPENVZ,
        VH_CHR_TARGET_SCLP,
        VH_CHR_TARGET_SCLPLM,
        /* channel (virtio and xen as above) */
        VH_CHR_TARGET_GUESTFWD,
} VhChrTarget;

/* Serial, parallel, console and channel devices; which one it is says the list it is in. */
typedef struct VhChr {
        VhChrSource source;
        VhChrTarget target_type;
        uint8_t target_model; /* serial: words */
        uint8_t target_state; /* channel, live: connected, disconnected */
        VhOptUint port;       /* serial, parallel, console, guestfwd */
        char *target_name;    /* channel */
        char *target_address; /* guestfwd */
        VhDeviceInfo info;
} VhChr;

typedef struct VhSmartcard {
        uint8_t mode;                        /* words: host, host-certificates, passthrough */
        VH_LIST(VhFilterParam) certificates; /* value */
        char *database;
        VhChrSource source;
        VhDeviceInfo info;
} VhSmartcard;

typedef VH_PACKED_ENUM VhInputType{
        VH_INPUT_NONE, VH_INPUT_MOUSE, VH_INPUT_TABLET, VH_INPUT_KEYBOARD, VH_INPUT_PASSTHROUGH, VH_INPUT_EVDEV,
} VhInputType;

typedef VH_PACKED_ENUM VhInputBus{
        VH_INPUT_BUS_NONE,      VH_INPUT_BUS_PS2,    VH_INPUT_BUS_USB,     VH_INPUT_BUS_XEN,
        VH_INPUT_BUS_PARALLELS, VH_INPUT_BUS_VIRTIO, VH_INPUT_BUS_DEFAULT, /* "none": the platform's own */
} VhInputBus;

typedef struct VhInput {
        VhInputType type;
        VhInputBus bus;
        uint8_t model; /* words */
        VhVirtioOpts virtio;
        char *source; /* evdev */
        uint8_t source_grab, source_repeat, source_grab_toggle;
        VhDeviceInfo info;
} VhInput;

typedef struct VhTpm {
        uint8_t model; /* words */
        uint8_t type;  /* words: passthrough, emulator, external */
        uint8_t version;
        uint8_t persistent_state; /* VH_YES, VH_NO */
        VhOptUint debug_level;
        char *path; /* device or socket */
        uint8_t secret[VH_UUID_LEN];
        bool sha1, sha256, sha384, sha512; /* active pcr banks */
        VhChrSource source;                /* external */
        VhDeviceInfo info;
} VhTpm;

typedef VH_PACKED_ENUM VhGraphicsType{
        VH_GRAPHICS_NONE,    VH_GRAPHICS_SDL,   VH_GRAPHICS_VNC,          VH_GRAPHICS_RDP,
        VH_GRAPHICS_DESKTOP, VH_GRAPHICS_SPICE, VH_GRAPHICS_EGL_HEADLESS, VH_GRAPHICS_DBUS,
} VhGraphicsType;

typedef VH_PACKED_ENUM VhListenType{
        VH_LISTEN_UNSET, VH_LISTEN_NONE, VH_LISTEN_ADDRESS, VH_LISTEN_NETWORK, VH_LISTEN_SOCKET,
} VhListenType;

typedef struct VhGraphicsListen {
        VhListenType type;
        uint8_t from_config; /* the address is that of qemu.conf */
        uint8_t generated;   /* the socket is a name of ours */
        char *address, *network, *socket;
} VhGraphicsListen;

typedef struct VhSpiceChannel {
        uint8_t name; /* words */
        uint8_t mode; /* words */
} VhSpiceChannel;

typedef struct VhGraphics {
        VhGraphicsType type;
        uint8_t autoport;                             /* VH_YES, VH_NO */
        uint8_t websocket_generated;                  /* 1: the port was chosen for it */
        uint8_t share_policy, power_control, wrap;    /* words */
        uint8_t fullscreen, replace_user, multi_user; /* VH_YES, VH_NO */
        uint8_t connected;                            /* words */
        uint8_t default_mode;                         /* spice: words */
        uint8_t image_compression, jpeg_compression, zlib_compression, playback_compression, streaming; /* words */
        uint8_t mouse_mode, copypaste, filetransfer, gl; /* words, VH_YES/VH_NO */
        uint8_t p2p;
        VhOptInt port, tls_port, websocket; /* -1: assigned at start */
        char *listen;                       /* attribute; follows the first listen element of type address */
        char *socket;                       /* vnc */
        char *passwd;
        char *passwd_valid_to;
        char *keymap;
        char *display, *xauth; /* sdl, desktop */
        char *rendernode;
        char *address;
        uint32_t audio_id;
        VH_LIST(VhSpiceChannel) channels;
        VH_LIST(VhGraphicsListen) listens;
} VhGraphics;

typedef struct VhSoundCodec {
        uint8_t type; /* words */
} VhSoundCodec;

typedef struct VhSound {
        uint8_t model;        /* words */
        uint8_t multichannel; /* VH_YES, VH_NO */
        VH_LIST(VhSoundCodec) codecs;
        uint32_t audio_id;
        VhDeviceInfo info;
} VhSound;

typedef struct VhAudioSettings {
        uint32_t frequency, channels;
        uint8_t format; /* words */
} VhAudioSettings;

/* One direction of an audio backend. */
typedef struct VhAudioIo {
        uint8_t mixing_engine, fixed_settings; /* VH_YES, VH_NO */
        uint32_t voices, buffer_length, latency, buffer_count;
        uint8_t try_poll, exact; /* VH_YES, VH_NO */
        char *dev, *name, *stream_name, *server, *client_name, *connect_ports;
        VhAudioSettings *settings;
} VhAudioIo;

typedef VH_PACKED_ENUM VhAudioType{
        VH_AUDIO_UNSET,      VH_AUDIO_NONE, VH_AUDIO_ALSA,  VH_AUDIO_COREAUDIO, VH_AUDIO_JACK, VH_AUDIO_OSS,
        VH_AUDIO_PULSEAUDIO, VH_AUDIO_SDL,  VH_AUDIO_SPICE, VH_AUDIO_FILE,      VH_AUDIO_DBUS,
} VhAudioType;

typedef struct VhAudio {
        uint32_t id;
        VhAudioType type;
        uint32_t timer_period;
        char *server, *path;
        uint8_t driver, try_mmap, exclusive; /* words, VH_YES/VH_NO */
        VhOptInt dsp_policy;
        VhAudioIo *input, *output;
} VhAudio;

typedef VH_PACKED_ENUM VhVideoType{
        VH_VIDEO_UNSET, VH_VIDEO_VGA,   VH_VIDEO_CIRRUS,    VH_VIDEO_VMVGA,  VH_VIDEO_XEN,
        VH_VIDEO_VBOX,  VH_VIDEO_QXL,   VH_VIDEO_PARALLELS, VH_VIDEO_VIRTIO, VH_VIDEO_GOP,
        VH_VIDEO_NONE,  VH_VIDEO_BOCHS, VH_VIDEO_RAMFB,
} VhVideoType;

typedef struct VhVideo {
        VhVideoType type;
        uint8_t primary;          /* VH_YES, VH_NO */
        uint8_t blob;             /* VH_ON, VH_OFF */
        uint8_t accel2d, accel3d; /* VH_YES, VH_NO */
        bool acceleration;
        uint8_t vgaconf;     /* driver: words */
        uint8_t driver_name; /* words */
        VhVirtioOpts virtio;
        uint32_t ram, vram, vram64, vgamem; /* KiB */
        uint32_t heads;
        uint32_t res_x, res_y;
        char *rendernode;
        VhDeviceInfo info;
} VhVideo;

typedef VH_PACKED_ENUM VhHostdevMode{
        VH_HOSTDEV_MODE_NONE,
        VH_HOSTDEV_SUBSYSTEM,
        VH_HOSTDEV_CAPABILITIES,
} VhHostdevMode;

typedef VH_PACKED_ENUM VhHostdevType{
        VH_HOSTDEV_NONE, VH_HOSTDEV_USB,     VH_HOSTDEV_PCI,  VH_HOSTDEV_SCSI, VH_HOSTDEV_SCSI_HOST,
        VH_HOSTDEV_MDEV, VH_HOSTDEV_STORAGE, VH_HOSTDEV_MISC, VH_HOSTDEV_NET,
} VhHostdevType;

typedef struct VhHostdev {
        VhHostdevMode mode;
        VhHostdevType type;
        uint8_t managed;                                    /* VH_YES, VH_NO */
        uint8_t sgio;                                       /* words */
        uint8_t rawio;                                      /* VH_YES, VH_NO */
        uint8_t mdev_model, display, ramfb;                 /* words, VH_ON/VH_OFF */
        uint8_t driver;                                     /* words: kvm, vfio, xen */
        uint8_t startup_policy, guest_reset;                /* words */
        uint8_t write_filtering;                            /* VH_YES, VH_NO */
        uint8_t scsi_protocol, vhost_protocol, vhost_model; /* words */
        bool readonly, shareable;
        uint8_t missing;
        VhOptUint vendor, product; /* usb */
        VhOptUint usb_bus, usb_device;
        VhPciAddress pci;
        uint8_t mdev[VH_UUID_LEN];
        VhOptUint scsi_bus, scsi_target;
        VhOptU64 scsi_unit;
        char *adapter;   /* scsi: "scsi_host0" */
        char *scsi_name; /* iscsi: IQN/LUN */
        VH_LIST(VhStorageHost) hosts;
        VhStorageAuth *auth;
        char *initiator_iqn;
        char *wwpn;                    /* scsi_host */
        char *block, *chr, *interface; /* capabilities */
        VH_LIST(VhNetIp) ips;
        VH_LIST(VhNetRoute) routes;
        VhTeaming *teaming;
        VhDeviceInfo info;
} VhHostdev;

typedef struct VhRedirdev {
        uint8_t bus; /* usb */
        VhChrSource source;
        VhDeviceInfo info;
} VhRedirdev;

typedef struct VhUsbFilter {
        VhOptUint class_, vendor, product;
        char *version;
        uint8_t allow; /* VH_YES, VH_NO */
} VhUsbFilter;

typedef struct VhRedirfilter {
        VH_LIST(VhUsbFilter) usbdevs;
} VhRedirfilter;

typedef struct VhHub {
        uint8_t type; /* usb */
        VhDeviceInfo info;
} VhHub;

typedef struct VhWatchdog {
        uint8_t model;  /* words */
        uint8_t action; /* words */
        VhDeviceInfo info;
} VhWatchdog;

typedef VH_PACKED_ENUM VhMemballoonModel{
        VH_MEMBALLOON_UNSET,
        VH_MEMBALLOON_VIRTIO,
        VH_MEMBALLOON_XEN,
        VH_MEMBALLOON_NONE,
        VH_MEMBALLOON_VIRTIO_TRANSITIONAL,
        VH_MEMBALLOON_VIRTIO_NON_TRANSITIONAL,
} VhMemballoonModel;

typedef struct VhMemballoon {
        VhMemballoonModel model;
        uint8_t autodeflate, free_page_reporting; /* VH_ON, VH_OFF */
        uint32_t stats_period;                    /* seconds */
        VhVirtioOpts virtio;
        VhDeviceInfo info;
} VhMemballoon;

typedef struct VhRng {
        uint8_t model;   /* words */
        uint8_t backend; /* words: random, egd, builtin */
        uint32_t rate_bytes, rate_period;
        char *device;       /* random */
        VhChrSource source; /* egd */
        VhVirtioOpts virtio;
        VhDeviceInfo info;
} VhRng;

typedef struct VhNvram {
        VhDeviceInfo info;
} VhNvram;

typedef struct VhShmem {
        char *name;
        uint8_t role;  /* words */
        uint8_t model; /* words */
        uint64_t size; /* KiB; written in MiB */
        char *server_path;
        VhOptUint msi_vectors;
        uint8_t msi, msi_ioeventfd; /* VH_ON/VH_OFF */
        VhDeviceInfo info;
} VhShmem;

typedef struct VhMemdev {
        uint8_t model;   /* words */
        uint8_t access;  /* words */
        uint8_t discard; /* VH_YES, VH_NO */
        uint8_t uuid[VH_UUID_LEN];
        char *path;
        VhCpuset *source_nodes;
        uint64_t source_pagesize, alignsize; /* KiB */
        bool pmem;
        uint64_t size, label_size, block, requested, current; /* KiB */
        VhOptUint node;
        bool readonly;
        VhDeviceInfo info;
} VhMemdev;

typedef struct VhPanic {
        uint8_t model; /* words */
        VhDeviceInfo info;
} VhPanic;

typedef struct VhIommu {
        uint8_t model;                              /* words */
        uint8_t intremap, caching_mode, eim, iotlb; /* VH_ON, VH_OFF */
        uint32_t aw_bits;
        VhDeviceInfo info;
} VhIommu;

typedef struct VhVsock {
        uint8_t model;    /* words */
        uint8_t cid_auto; /* VH_YES, VH_NO */
        uint32_t cid;
        VhVirtioOpts virtio;
        VhDeviceInfo info;
} VhVsock;

typedef struct VhCrypto {
        uint8_t model;   /* words */
        uint8_t type;    /* words */
        uint8_t backend; /* words */
        uint32_t queues;
        VhVirtioOpts virtio;
        VhDeviceInfo info;
} VhCrypto;
