/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What pools there can be, and what can be found for them. */

#include "storage.h"

#include "storage-ops.h"

enum { NO_FLAGS = 0 };

static void add_names(const char *element, const char *const *names, VhBuf *b)
{
        vh_buf_printf(b, "      <enum name='%s'>\n", element);
        for (; *names; names++)
                vh_buf_printf(b, "        <value>%s</value>\n", *names);
        vh_buf_adds(b, "      </enum>\n");
}

static void add_formats(const char *element, const char *kind, const char *standard, const char *const *names, VhBuf *b)
{
        vh_buf_printf(b, "    <%s>\n      <defaultFormat type='%s'/>\n", element, standard);
        add_names(kind, names, b);
        vh_buf_printf(b, "    </%s>\n", element);
}

static void add_type(VhPoolType type, VhBuf *b)
{
        const VhVolFormats *formats = vh_vol_formats(type);
        const char *standard = vh_pool_type_format(type);

        vh_buf_printf(b, "  <pool type='%s' supported='%s'>\n", vh_pool_type_name(type),
                      storage_check_type(type, NULL) == 0 ? "yes" : "no");
        if (standard)
                add_formats("poolOptions", "sourceFormatType", standard, vh_pool_type_formats(type), b);
        if (formats)
                add_formats("volOptions", "targetFormatType", formats->standard, formats->names, b);
        vh_buf_adds(b, "  </pool>\n");
}

STORAGE_OP_RET(connect_get_storage_pool_capabilities)
{
        VhBuf b = { 0 };
        int r = vh_check_flags(args->flags, NO_FLAGS, VIR_FROM_STORAGE, "storageConnectGetStoragePoolCapabilities",
                               err);

        if (r < 0)
                return r;
        vh_buf_adds(&b, "<storagepoolCapabilities>\n");
        for (int number = 0; storage_type_of_number(number) != VH_POOL_UNSET; number++)
                add_type(storage_type_of_number(number), &b);
        vh_buf_adds(&b, "</storagepoolCapabilities>\n");
        ret->capabilities = vh_call_own(call, vh_buf_take(&b));
        return 0;
}

STORAGE_OP_NOARGS(connect_get_capabilities)
{
        VhBuf b = { 0 };

        vh_buf_adds(&b, "<capabilities>\n\n  <pool>\n    <enum name='type'>\n");
        for (unsigned type = VH_POOL_DIR; type < VH_POOL_TYPE_MAX; type++)
                if (storage_check_type(type, NULL) == 0)
                        vh_buf_printf(&b, "      <value>%s</value>\n", vh_pool_type_name(type));
        vh_buf_adds(&b, "    </enum>\n  </pool>\n\n</capabilities>\n");
        ret->capabilities = vh_call_own(call, vh_buf_take(&b));
        return 0;
}

STORAGE_OP_RET(connect_find_storage_pool_sources)
{
        int type = vh_pool_type_find(args->type);
        int r = vh_check_flags(args->flags, NO_FLAGS, VIR_FROM_STORAGE, "storageConnectFindStoragePoolSources", err);

        if (r == 0 && type < 0)
                r = vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_INTERNAL_ERROR, "unknown storage pool type %s",
                                 args->type);
        if (r == 0)
                r = storage_check_type((unsigned)type, err);
        if (r == 0)
                r = vh_error_set(err, VIR_FROM_STORAGE, VIR_ERR_NO_SUPPORT,
                                 "pool type '%s' does not support source discovery", args->type);
        return r;
}
