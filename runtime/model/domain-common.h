/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What devices of a domain have in common: address, alias, boot order, character sources, security labels. Enum values
 * follow the order of their texts in the tables; 0 is "not given". */

#include "base/uuid.h"
#include "xml/bind.h"
#include "xml/types.h"

#define VH_PACKED_ENUM enum __attribute__((packed))

typedef VH_PACKED_ENUM VhAddressType{
        VH_ADDRESS_NONE, VH_ADDRESS_PCI,       VH_ADDRESS_DRIVE,       VH_ADDRESS_VIRTIO_SERIAL, VH_ADDRESS_CCID,
        VH_ADDRESS_USB,  VH_ADDRESS_SPAPR_VIO, VH_ADDRESS_VIRTIO_S390, VH_ADDRESS_CCW,           VH_ADDRESS_VIRTIO_MMIO,
        VH_ADDRESS_ISA,  VH_ADDRESS_DIMM,      VH_ADDRESS_UNASSIGNED,  VH_ADDRESS_MDEV,
} VhAddressType;

typedef struct VhPciAddress {
        uint16_t domain;
        uint8_t bus;
        uint8_t slot;
        uint8_t function;
        uint8_t multifunction; /* VH_ON, VH_OFF */
        VhOptUint zpci_uid;
        VhOptUint zpci_fid;
} VhPciAddress;

/* Where a device sits. A PCI address that is all zero waits to be assigned. */
typedef struct VhAddress {
        VhAddressType type;
        union {
                VhPciAddress pci;
                struct {
                        uint32_t controller, bus, target, unit;
                } drive;
                struct {
                        uint32_t controller, bus, port;
                } virtio_serial;
                struct {
                        uint32_t controller, slot;
                } ccid;
                struct {
                        uint32_t bus;
                        char port[16]; /* "1.2.3" */
                } usb;
                struct {
                        VhOptU64 reg;
                } spapr;
                struct {
                        VhOptUint cssid, ssid, devno;
                } ccw;
                struct {
                        VhOptUint iobase, irq;
                } isa;
                struct {
                        VhOptUint slot;
                        VhOptU64 base;
                } dimm;
                uint8_t mdev[VH_UUID_LEN];
        };
} VhAddress;

typedef struct VhDeviceRom {
        uint8_t enabled; /* VH_YES, VH_NO */
        uint8_t bar;     /* VH_ON, VH_OFF */
        char *file;
} VhDeviceRom;

typedef struct VhDeviceInfo {
        char *alias;
        VhAddress address;
        uint32_t boot_order; /* 0: none */
        char *loadparm;
        VhDeviceRom *rom;
        VhOptUint master_startport;
        uint32_t acpi_index; /* 0: none */
} VhDeviceInfo;

/* <driver iommu= ats= packed= page_per_vq=/> of virtio devices. */
typedef struct VhVirtioOpts {
        uint8_t iommu, ats, packed, page_per_vq; /* VH_ON, VH_OFF */
} VhVirtioOpts;

typedef struct VhSeclabel {
        uint8_t type; /* none, dynamic, static */
        char *model;
        uint8_t relabel;   /* VH_YES, VH_NO */
        uint8_t labelskip; /* VH_YES, VH_NO */
        char *label;
        char *imagelabel;
        char *baselabel;
} VhSeclabel;

typedef VH_LIST(VhSeclabel) VhSeclabels;

typedef VH_PACKED_ENUM VhChrType{
        VH_CHR_NONE,      VH_CHR_NULL,  VH_CHR_VC,           VH_CHR_PTY,  VH_CHR_DEV,  VH_CHR_FILE,
        VH_CHR_PIPE,      VH_CHR_STDIO, VH_CHR_UDP,          VH_CHR_TCP,  VH_CHR_UNIX, VH_CHR_SPICEVMC,
        VH_CHR_SPICEPORT, VH_CHR_NMDM,  VH_CHR_QEMU_VDAGENT, VH_CHR_DBUS,
} VhChrType;

/* Who said whether a connection is encrypted. */
typedef VH_PACKED_ENUM VhTlsOrigin{
        VH_TLS_UNSETTLED,   /* the guest does not run */
        VH_TLS_FROM_GUEST,  /* its definition */
        VH_TLS_FROM_CONFIG, /* the settings, when it was started */
} VhTlsOrigin;

/* One end of a tcp or udp source. */
typedef struct VhChrEnd {
        uint8_t mode; /* connect, bind */
        char *host;
        char *service;
        uint8_t tls;                /* VH_YES, VH_NO */
        uint8_t tls_origin;         /* VhTlsOrigin */
        uint8_t reconnect;          /* VH_YES, VH_NO */
        uint32_t reconnect_timeout; /* seconds */
} VhChrEnd;

typedef struct VhChrLog {
        char *file;
        uint8_t append; /* VH_ON, VH_OFF */
} VhChrLog;

/* Where the host side of a character device leads. */
typedef struct VhChrSource {
        VhChrType type;
        uint8_t append;             /* file: VH_ON, VH_OFF */
        uint8_t mode;               /* unix: connect, bind */
        uint8_t reconnect;          /* unix: VH_YES, VH_NO */
        uint8_t protocol;           /* tcp: raw, telnet, telnets, tls */
        uint8_t clipboard, mouse;   /* qemu-vdagent: copypaste VH_YES/VH_NO; client, server */
        uint32_t reconnect_timeout; /* unix, seconds */
        char *path;                 /* dev, file, pipe, unix, pty (live); nmdm: master */
        char *slave;                /* nmdm */
        char *channel;              /* spiceport, dbus */
        VH_LIST(VhChrEnd) ends;     /* tcp, udp */
        VhChrLog *log;
        VhSeclabels seclabels;
} VhChrSource;

/* Tables and rows that devices share. Rows take a struct of the named type. */
extern const VhXmlRow vh_rows_pci[];
extern const VhXmlRow vh_rows_host_pci[];
/* VhPciAddress of a device of the host */        /* VhPciAddress: domain, bus, slot, function */
extern const VhXmlRow vh_rows_address[];          /* VhAddress */
extern const VhXmlRow vh_rows_device_info[];      /* VhDeviceInfo: alias, master, rom, acpi, address */
extern const VhXmlRow vh_rows_device_boot[];      /* VhDeviceInfo: boot */
extern const VhXmlRow vh_rows_virtio_opts[];      /* VhVirtioOpts: attributes of <driver> */
extern const VhXmlRow vh_rows_chr_source[];       /* VhChrSource: everything but the attribute type */
extern const VhXmlNames vh_chr_type_names;        /* VhChrType */
extern const VhXmlNames vh_address_type_names;    /* VhAddressType */
extern const VhXmlTable vh_table_seclabel;        /* VhSeclabel */
extern const VhXmlTable vh_table_device_seclabel; /* VhSeclabel of a disk or character source */
