/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Names of images behind others, as headers have them: paths, addresses of network protocols, and JSON of QEMU's
 * options. What can be said in a definition becomes a source; all else is refused, whatever QEMU would make of it. */

#include "base/error.h"
#include "model/domain-devices.h"

/* Reads the name that the image at `path` has for what is behind it. *ret (the caller frees it with qemu_source_free())
 * has no format, unless the name says one; NULL: only QEMU can follow, because a login stands in it. Returns 0, or
 * negative errno with *err. */
int qemu_backing_name_parse(const char *name, const char *path, VhDiskSource **ret, VhError **err);

/* backing-uri.c: "nbd://host/export". protocol (words, 0: any) must be that of the address. */
int qemu_backing_uri_parse(const char *text, unsigned protocol, VhDiskSource **ret, VhError **err);
/* "rbd:pool/image:option=value". */
int qemu_backing_rbd_parse(const char *text, VhDiskSource **ret, VhError **err);
/* backing-json.c: what stands behind "json:". */
int qemu_backing_json_parse(const char *text, VhDiskSource **ret, VhError **err);

/* Places in the words of network protocols, and of their hosts' transports. */
enum {
        QEMU_PROTOCOL_NBD = 1,
        QEMU_PROTOCOL_RBD,
        QEMU_PROTOCOL_SHEEPDOG,
        QEMU_PROTOCOL_GLUSTER,
        QEMU_PROTOCOL_ISCSI,
        QEMU_PROTOCOL_HTTP,
        QEMU_PROTOCOL_HTTPS,
        QEMU_PROTOCOL_FTP,
        QEMU_PROTOCOL_FTPS,
        QEMU_PROTOCOL_TFTP,
        QEMU_PROTOCOL_SSH,
        QEMU_PROTOCOL_VXHS,
        QEMU_PROTOCOL_NFS,
};
enum { QEMU_TRANSPORT_TCP = 1, QEMU_TRANSPORT_UNIX, QEMU_TRANSPORT_RDMA };

/* A new source of a protocol, without hosts. */
VhDiskSource *qemu_source_network(unsigned protocol);
/* A host is added (texts are copied; NULL: not told). */
VhStorageHost *qemu_source_add_host(VhDiskSource *src, unsigned transport, const char *name, const char *port);
/* A host and its port as "host:port"; a port that is none is refused. */
int qemu_source_add_host_text(VhDiskSource *src, const char *text, size_t n, VhError **err);
