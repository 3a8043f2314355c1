/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The definition of a domain: what the XML says, as a struct. Tables (domain-*.c) bind the two; nothing here knows a
 * hypervisor. Defaults that every hypervisor shares are in domain-defaults.c, those of one are its driver's. */

#include "model/domain-devices.h"

typedef VH_PACKED_ENUM VhVirtType{
        VH_VIRT_NONE, VH_VIRT_QEMU,      VH_VIRT_KQEMU, VH_VIRT_KVM,    VH_VIRT_XEN,    VH_VIRT_LXC,
        VH_VIRT_UML,  VH_VIRT_OPENVZ,    VH_VIRT_TEST,  VH_VIRT_VMWARE, VH_VIRT_HYPERV, VH_VIRT_VBOX,
        VH_VIRT_PHYP, VH_VIRT_PARALLELS, VH_VIRT_BHYVE, VH_VIRT_VZ,     VH_VIRT_HVF,
} VhVirtType;

typedef VH_PACKED_ENUM VhOsType{
        VH_OS_NONE, VH_OS_HVM, VH_OS_XEN, VH_OS_LINUX, VH_OS_EXE, VH_OS_UML, VH_OS_XENPVH,
} VhOsType;

typedef VH_PACKED_ENUM VhBootDev{
        VH_BOOT_NONE, VH_BOOT_FD, VH_BOOT_CDROM, VH_BOOT_HD, VH_BOOT_NETWORK,
} VhBootDev;

typedef struct VhBoot {
        VhBootDev dev;
} VhBoot;

typedef VH_PACKED_ENUM VhLifecycle{
        VH_LIFECYCLE_NONE,
        VH_LIFECYCLE_DESTROY,
        VH_LIFECYCLE_RESTART,
        VH_LIFECYCLE_RENAME_RESTART,
        VH_LIFECYCLE_PRESERVE,
        VH_LIFECYCLE_COREDUMP_DESTROY,
        VH_LIFECYCLE_COREDUMP_RESTART,
} VhLifecycle;

/* A text element of which there may be several: <initarg>, <table>. */
typedef struct VhText {
        uint8_t type; /* words, where the element has the attribute */
        char *name;   /* the same */
        char *text;
} VhText;

enum { VH_LOADER_ROM = 1, VH_LOADER_PFLASH = 2 };

typedef struct VhOsLoader {
        uint8_t readonly, secure, stateless; /* VH_YES, VH_NO */
        uint8_t type;                        /* VH_LOADER_* */
        uint8_t format;                      /* words: raw, qcow2 */
        char *path;
} VhOsLoader;

typedef struct VhOsNvram {
        uint8_t format; /* words */
        char *template_;
        char *path;
        VhDiskSource source; /* attribute type given: path is empty */
} VhOsNvram;

typedef struct VhFirmwareFeature {
        uint8_t enabled; /* VH_YES, VH_NO */
        char *name;
} VhFirmwareFeature;

typedef struct VhInitEnv {
        char *name;
        char *value;
} VhInitEnv;

typedef struct VhDomainOs {
        VhOsType type;
        uint8_t firmware;             /* words: bios, efi */
        uint8_t smbios;               /* words: none, emulate, host, sysinfo */
        uint8_t bootmenu;             /* VH_YES, VH_NO */
        uint8_t bios_useserial;       /* VH_YES, VH_NO */
        VhOptInt bios_reboot_timeout; /* ms, -1: never */
        VhOptUint bootmenu_timeout;   /* ms */
        char *arch;
        char *machine;
        char *kernel, *initrd, *cmdline, *root, *dtb, *shim;
        char *init, *initdir, *inituser, *initgroup; /* containers */
        char *bootloader, *bootloader_args;
        VH_LIST(VhText) initargs;
        VH_LIST(VhInitEnv) initenvs;
        VH_LIST(VhFirmwareFeature) firmware_features;
        VH_LIST(VhBoot) boots;
        VH_LIST(VhText) acpi_tables;
        VhOsLoader *loader;
        VhOsNvram *nvram;
} VhDomainOs;

typedef struct VhVcpu {
        uint32_t id;
        uint8_t enabled, hotpluggable; /* VH_YES, VH_NO */
        uint32_t order;
} VhVcpu;

typedef struct VhCputune VhCputune; /* domain-tune.h, as the next ones */
typedef struct VhNumatune VhNumatune;
typedef struct VhBlkiotune VhBlkiotune;
typedef struct VhMemtune VhMemtune;
typedef struct VhMemoryBacking VhMemoryBacking;
typedef struct VhResource VhResource;
typedef struct VhSysinfo VhSysinfo;
typedef struct VhCpu VhCpu; /* domain-cpu.h */
typedef struct VhFeatures VhFeatures;
typedef struct VhIdmap VhIdmap;
typedef struct VhPerfEvent VhPerfEvent;
typedef struct VhLaunchSecurity VhLaunchSecurity;
typedef struct VhKeywrapCipher VhKeywrapCipher;
typedef struct VhQemuCommandline VhQemuCommandline;
typedef struct VhQemuCapabilities VhQemuCapabilities;
typedef struct VhQemuDeprecation VhQemuDeprecation;
typedef struct VhQemuOverride VhQemuOverride;

/* Identity of a generation; all zero: made when the domain starts. */
typedef struct VhGenid {
        uint8_t uuid[VH_UUID_LEN];
} VhGenid;

typedef struct VhIothread {
        VhOptUint id;
        VhOptInt pool_min, pool_max;
        bool made; /* counted up where the definition only says how many there are */
} VhIothread;

typedef struct VhDefaultIothread {
        VhOptInt pool_min, pool_max;
} VhDefaultIothread;

typedef VH_PACKED_ENUM VhTimerName{
        VH_TIMER_NONE, VH_TIMER_PLATFORM, VH_TIMER_PIT,         VH_TIMER_RTC,       VH_TIMER_HPET,
        VH_TIMER_TSC,  VH_TIMER_KVMCLOCK, VH_TIMER_HYPERVCLOCK, VH_TIMER_ARMVTIMER,
} VhTimerName;

typedef struct VhTimer {
        VhTimerName name;
        uint8_t present;    /* VH_YES, VH_NO */
        uint8_t tickpolicy; /* words */
        uint8_t track;      /* words */
        uint8_t mode;       /* words */
        uint64_t frequency; /* Hz */
        VhOptUint catchup_threshold, catchup_slew, catchup_limit;
} VhTimer;

typedef VH_PACKED_ENUM VhClockOffset{
        VH_CLOCK_NONE, VH_CLOCK_UTC, VH_CLOCK_LOCALTIME, VH_CLOCK_VARIABLE, VH_CLOCK_TIMEZONE, VH_CLOCK_ABSOLUTE,
} VhClockOffset;

typedef struct VhClock {
        VhClockOffset offset;
        uint8_t basis;          /* variable: words utc, localtime */
        char *adjustment;       /* seconds or "reset" */
        VhOptInt64 adjustment0; /* variable: what a guest that runs began with, seconds */
        char *timezone;
        VhOptU64 start; /* absolute: seconds since 1970 */
        VH_LIST(VhTimer) timers;
} VhClock;

struct VhDomainDef {
        VhVirtType virt_type;
        VhLifecycle on_poweroff, on_reboot, on_crash;
        uint8_t on_lockfailure;                        /* words: poweroff, restart, pause, ignore */
        uint8_t pm_suspend_to_mem, pm_suspend_to_disk; /* VH_YES, VH_NO */
        uint8_t vcpu_placement;                        /* words: static, auto */
        uint8_t memory_dump;                           /* dumpCore: VH_ON, VH_OFF */
        VhOptInt id;                                   /* of a running domain, in live XML */
        char *name;
        uint8_t uuid[VH_UUID_LEN];
        VhGenid *genid;
        char *title;
        char *description;
        char *metadata; /* the whole element as text (domain-metadata.h) */

        uint64_t max_memory; /* KiB, with hotplug; 0: none */
        uint32_t memory_slots;
        uint64_t memory;         /* KiB */
        uint64_t current_memory; /* KiB, balloon */

        uint32_t vcpus;         /* maximum */
        uint32_t vcpus_current; /* 0: all */
        VhCpuset *vcpu_cpuset;
        VH_LIST(VhVcpu) vcpu_list;

        uint32_t iothreads; /* at most VH_IOTHREADS_MAX */
        VH_LIST(VhIothread) iothread_list;
        VhDefaultIothread *default_iothread;

        VhMemtune *memtune;
        VhBlkiotune *blkiotune;
        VhMemoryBacking *memory_backing;
        VhCputune *cputune;
        VhNumatune *numatune;
        VhResource *resource;
        VH_LIST(VhSysinfo) sysinfos;
        VhDomainOs os;
        VhFeatures *features;
        VhCpu *cpu;
        VhClock clock;
        VhIdmap *idmap;
        VH_LIST(VhPerfEvent) perf;
        VhLaunchSecurity *launch_security;
        VH_LIST(VhKeywrapCipher) keywrap;

        char *emulator;
        VH_LIST(VhDisk) disks;
        VH_LIST(VhController) controllers;
        VH_LIST(VhLease) leases;
        VH_LIST(VhFilesystem) filesystems;
        VH_LIST(VhNet) nets;
        VH_LIST(VhSmartcard) smartcards;
        VH_LIST(VhChr) serials;
        VH_LIST(VhChr) parallels;
        VH_LIST(VhChr) consoles;
        VH_LIST(VhChr) channels;
        VH_LIST(VhInput) inputs;
        VH_LIST(VhTpm) tpms;
        VH_LIST(VhGraphics) graphics;
        VH_LIST(VhSound) sounds;
        VH_LIST(VhAudio) audios;
        VH_LIST(VhVideo) videos;
        VH_LIST(VhHostdev) hostdevs;
        VH_LIST(VhRedirdev) redirdevs;
        VhRedirfilter *redirfilter;
        VH_LIST(VhHub) hubs;
        VhWatchdog *watchdog;
        VhMemballoon *memballoon;
        VH_LIST(VhRng) rngs;
        VhNvram *nvram_device;
        VH_LIST(VhShmem) shmems;
        VH_LIST(VhMemdev) memdevs;
        VH_LIST(VhPanic) panics;
        VhIommu *iommu;
        VhVsock *vsock;
        VH_LIST(VhCrypto) cryptos;

        VhSeclabels seclabels;
        VhQemuCommandline *qemu_commandline;
        VhQemuCapabilities *qemu_capabilities;
        VhQemuDeprecation *qemu_deprecation;
        VhQemuOverride *qemu_override;
};
typedef struct VhDomainDef VhDomainDef;

/* What a reply of DOMAIN_GET_IOTHREAD_INFO can hold; a count without a list makes as many entries. */
enum { VH_IOTHREADS_MAX = 16384 };

/* Flags of vh_domain_def_parse(), vh_domain_def_format() and the device functions; see xml/bind.h for the common ones.
 * Without VH_XML_INACTIVE live values (id, alias, names of taps, ...) are read and written. */
enum {
        /* Text that our own driver wrote: not checked for what is unknown, no defaults added. */
        VH_DOMAIN_TRUSTED = VH_XML_USER << 0,
        /* No defaults and no checks across devices: the text as it is. */
        VH_DOMAIN_NO_DEFAULTS = VH_XML_USER << 1,
};

/* What a hypervisor contributes to parsing; all members may be zero. Lives as long as the call. */
typedef struct VhDomainParseEnv {
        const char *arch; /* for <type> without one */
        int error_domain; /* VIR_FROM_* of driver-specific refusals; 0: VIR_FROM_DOMAIN */
        /* After what the domain itself gets, before devices are completed; adds devices that the machine always has.
         * Returns 0 or negative errno with *err. */
        int (*post_parse)(VhDomainDef *def, void *opaque, VhError **err);
        /* Then: gives addresses to devices. Returns 0 or negative errno with *err. */
        int (*assign_addresses)(VhDomainDef *def, void *opaque, VhError **err);
        /* After the checks that all hypervisors share: what this one cannot do. The same returns. */
        int (*check)(const VhDomainDef *def, void *opaque, VhError **err);
        void *opaque;
} VhDomainParseEnv;

/* Makes a definition of XML text. flags: VH_XML_STRICT | VH_XML_INACTIVE for a definition that a client sends. env may
 * be NULL. On failure *defp is untouched and *err says what and where, with the reference's codes. Returns 0 or
 * negative errno. */
int vh_domain_def_parse(VhDomainDef **defp, const char *xml, unsigned flags, const VhDomainParseEnv *env,
                        VhError **err);
/* The same from an element that is parsed already (the <domain> inside a snapshot, a state file, a test URI's file). */
int vh_domain_def_parse_node(VhDomainDef **defp, const xmlNode *node, unsigned flags, const VhDomainParseEnv *env,
                             VhError **err);

/* The XML text; the caller frees it. flags: VH_XML_SECURE, VH_XML_INACTIVE, VH_XML_MIGRATABLE. */
char *vh_domain_def_format(const VhDomainDef *def, unsigned flags);
/* The same into a buffer, at its indent. */
void vh_domain_def_format_to(const VhDomainDef *def, unsigned flags, VhBuf *b);
/* Flags for a client's VIR_DOMAIN_XML_* bits; active: the domain runs (else VH_XML_INACTIVE is always in). */
unsigned vh_domain_format_flags(uint32_t xml_flags, bool active);

VhDomainDef *vh_domain_def_new(void);
/* Frees; accepts NULL, returns NULL. */
VhDomainDef *vh_domain_def_free(VhDomainDef *def);
VH_DEFINE_CLEANUP(VhDomainDef *, vh_domain_def_free)
#define _vh_domain_def_ _vh_cleanup_(vh_domain_def_freep)
VhDomainDef *vh_domain_def_copy(const VhDomainDef *def);
/* Whether both say the same; where (may be NULL) receives the path of the first difference. */
bool vh_domain_def_equal(const VhDomainDef *a, const VhDomainDef *b, VhBuf *where);

/* vCPUs that are on. */
static inline uint32_t vh_domain_def_vcpus_current(const VhDomainDef *def)
{
        return def->vcpus_current ? def->vcpus_current : def->vcpus;
}
/* Makes the list of single vCPUs complete, in the order of their ids: those that it does not name are off; without a
 * list, the first ones are on. At most VH_CPUSET_MAX of them. */
void vh_domain_list_vcpus(VhDomainDef *def);
/* Takes the number of those that are on from the list, if there is one. */
void vh_domain_count_vcpus(VhDomainDef *def);
/* Those that are on and not plugged in: a machine has them from the beginning. */
uint32_t vh_domain_boot_vcpus(const VhDomainDef *def);

/* Whether the definition has an I/O thread of that number. */
bool vh_domain_has_iothread(const VhDomainDef *def, uint32_t id);

extern const VhXmlNames vh_virt_type_names; /* VhVirtType */
extern const VhXmlNames vh_os_type_names;   /* VhOsType */
extern const VhXmlTable vh_table_domain;    /* VhDomainDef */

/* ---- single devices (attach, detach, update) ---- */

typedef enum VhDeviceKind {
        VH_DEVICE_NONE,
        VH_DEVICE_DISK,
        VH_DEVICE_CONTROLLER,
        VH_DEVICE_LEASE,
        VH_DEVICE_FILESYSTEM,
        VH_DEVICE_NET,
        VH_DEVICE_SMARTCARD,
        VH_DEVICE_SERIAL,
        VH_DEVICE_PARALLEL,
        VH_DEVICE_CONSOLE,
        VH_DEVICE_CHANNEL,
        VH_DEVICE_INPUT,
        VH_DEVICE_TPM,
        VH_DEVICE_GRAPHICS,
        VH_DEVICE_SOUND,
        VH_DEVICE_AUDIO,
        VH_DEVICE_VIDEO,
        VH_DEVICE_HOSTDEV,
        VH_DEVICE_REDIRDEV,
        VH_DEVICE_HUB,
        VH_DEVICE_WATCHDOG,
        VH_DEVICE_MEMBALLOON,
        VH_DEVICE_RNG,
        VH_DEVICE_NVRAM,
        VH_DEVICE_SHMEM,
        VH_DEVICE_MEMORY,
        VH_DEVICE_PANIC,
        VH_DEVICE_IOMMU,
        VH_DEVICE_VSOCK,
        VH_DEVICE_CRYPTO,
        VH_DEVICE_MAX,
} VhDeviceKind;

/* One row a kind of device: where a definition keeps it. */
typedef struct VhDeviceClass {
        const char *element;
        const VhXmlTable *table;
        uint32_t offset; /* in VhDomainDef */
        bool single;     /* a pointer, else a list */
        bool has_info;
        uint32_t info_offset; /* of VhDeviceInfo in the device */
} VhDeviceClass;

/* The row of a kind. */
const VhDeviceClass *vh_device_class(VhDeviceKind kind);

/* Whether devices of the kind are VhChr. */
static inline bool vh_device_is_chr(VhDeviceKind kind)
{
        return kind >= VH_DEVICE_SERIAL && kind <= VH_DEVICE_CHANNEL;
}

typedef struct VhDevice {
        VhDeviceKind kind;
        void *dev; /* VhDisk *, VhNet *, ... by kind; owned */
} VhDevice;

/* Parses one device. def (may be NULL) is the domain it is meant for. */
int vh_device_parse(VhDevice *dev, const char *xml, unsigned flags, const VhDomainParseEnv *env, VhError **err);
void vh_device_format(const VhDevice *dev, unsigned flags, VhBuf *b);
void vh_device_done(VhDevice *dev);
/* The device's address, alias and boot order; NULL if the kind has none. */
VhDeviceInfo *vh_device_info(VhDeviceKind kind, void *dev);
/* Calls f for every device with its info (NULL if the kind has none) in the order of the XML, until f returns
 * something else than 0; returns that. */
int vh_domain_each_device(const VhDomainDef *def,
                          int (*f)(VhDeviceKind kind, void *dev, VhDeviceInfo *info, void *opaque), void *opaque);
/* Puts the device into the definition (dev->dev is taken over). Returns 0, or -EEXIST with *err where the definition
 * can only have one. */
int vh_domain_add_device(VhDomainDef *def, VhDevice *dev, VhError **err);
/* Finds the device of the definition that an XML for detach or update means: by target, MAC, address, alias. Returns
 * its place in the list (0 for a single one), or -ENOENT with *err. */
int vh_domain_find_device(const VhDomainDef *def, const VhDevice *dev, VhError **err);
/* Takes a device out of the definition, the caller owns it. */
void vh_domain_take_device(VhDomainDef *def, VhDeviceKind kind, unsigned i, VhDevice *dev);

/* ---- metadata ---- */

/* The element of that namespace inside <metadata> as XML text (*textp, the caller frees it). -ENOENT with
 * VIR_ERR_NO_DOMAIN_METADATA if there is none. */
int vh_domain_get_metadata(const VhDomainDef *def, const char *uri, char **textp, VhError **err);
/* Puts xml (one element without namespace; NULL: removes) there as key:element with xmlns:key=uri. */
int vh_domain_set_metadata(VhDomainDef *def, const char *uri, const char *key, const char *xml, VhError **err);

/* Keeps the first element of each namespace and drops elements without one: neither could be asked for. */
void vh_domain_clean_metadata(VhDomainDef *def);

/* ---- defaults (called by vh_domain_def_parse) ---- */

/* Everything that does not depend on the hypervisor, and env's functions at their places: uuid, currentMemory, power
 * actions, clock, boot device, disk buses by target, controllers that devices need, paired consoles, MAC addresses, and
 * checks across devices. Returns 0 or negative errno with *err. */
int vh_domain_defaults(VhDomainDef *def, const VhDomainParseEnv *env, VhError **err);
/* The parts of it (domain-device-defaults.c, domain-display-defaults.c, domain-check.c). */
int vh_domain_device_defaults(VhDomainDef *def, VhError **err);
void vh_domain_display_defaults(VhDomainDef *def);
/* domain-small-defaults.c: the same for small devices, folders, memory and what the host gives. */
void vh_domain_small_defaults(VhDomainDef *def);
void vh_domain_implied_devices(VhDomainDef *def);
int vh_domain_check(const VhDomainDef *def, VhError **err);
enum { VH_SCSI_PER_CONTROLLER = 7 }; /* places on a narrow SCSI bus besides the controller's own */
/* Gives SCSI host devices a drive address where they have none (domain-scsi.c). Controllers are implied later. */
void vh_domain_place_scsi_hostdevs(VhDomainDef *def);
/* How many SCSI controllers their addresses ask for. */
uint32_t vh_domain_scsi_hostdev_controllers(const VhDomainDef *def);

/* Puts what was read into the order, and gives it the numbers, that it has whenever it is read: controllers of a type
 * stand together, and consoles count from 0. */
void vh_domain_sort(VhDomainDef *def);

/* Takes all <listen> of a display out. */
void vh_graphics_drop_listens(VhGraphics *g);

/* Adds a new controller; index is given. Returns it. */
VhController *vh_domain_add_controller(VhDomainDef *def, VhControllerType type, uint32_t index);
/* The controller, NULL if there is none. */
VhController *vh_domain_find_controller(const VhDomainDef *def, VhControllerType type, uint32_t index);
