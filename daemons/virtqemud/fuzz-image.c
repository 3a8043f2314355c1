/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What an image file can say: the first byte is a format (words) in which the rest is read, or, above those, says that
 * the rest is the name of an image behind. What such a name becomes must be something that a definition can say. */

#include <limits.h>

#include "backing-name.h"
#include "block-job.h"
#include "image/header.h"
#include "model/domain-tables.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_name(const uint8_t *data, size_t size)
{
        _vh_free_ char *name = vh_xstrndup((const char *)data, size);
        _vh_error_ VhError *err = NULL;
        VhDiskSource *src = NULL;
        int r = qemu_backing_name_parse(name, "/images/a.qcow2", &src, &err);

        if ((r < 0) != !!err || (r < 0 && src))
                abort();
        if (src && (src->type == VH_DISK_TYPE_NETWORK ? !src->network || src->path : !src->path))
                abort();
        qemu_source_free(src);
}

static void try_header(uint8_t format, const uint8_t *data, size_t size)
{
        VhImageHeader h = vh_image_header(format, data, size);

        if (h.name_len > VH_IMAGE_NAME_MAX || (h.name_len && !h.valid))
                abort();
        if (h.format_said && h.backing_format && !vh_xml_names_text(&vh_storage_format_names, h.backing_format))
                abort();
        if (!vh_xml_names_text(&vh_storage_format_names, vh_image_probe(data, size)))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        if (!size)
                return 0;
        if (vh_xml_names_text(&vh_storage_format_names, *data))
                try_header(*data, data + 1, size - 1);
        else
                try_name(data + 1, size - 1);
        return 0;
}
