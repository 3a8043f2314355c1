/* Generated from rpc/protocol/; do not edit. */
#pragma once

#include "rpc/call.h"
#include "sample_protocol.h"

/* Functions by which procedures are served, a struct for each kind of connection and each side program. What a
 * member may do is said in rpc/call.h; a NULL member is answered with VIR_ERR_NO_SUPPORT. */

typedef struct VhSessionOps {
        int (*nothing)(VhCall *call, VhError **err);
} VhSessionOps;

typedef struct VhHypervisorOps {
        int (*take)(VhCall *call, const sample_args *args, VhError **err);
} VhHypervisorOps;

typedef struct VhNetworkOps {
        int (*give)(VhCall *call, sample_ret *ret, VhError **err);
} VhNetworkOps;

typedef struct VhInterfaceOps {
} VhInterfaceOps;

typedef struct VhNodedevOps {
} VhNodedevOps;

typedef struct VhNwfilterOps {
} VhNwfilterOps;

typedef struct VhSecretOps {
        int (*register_)(VhCall *call, const sample_args *args, sample_id *ret, VhError **err);
} VhSecretOps;

typedef struct VhStorageOps {
        int (*download)(VhCall *call, const sample_args *args, VhError **err);
} VhStorageOps;

