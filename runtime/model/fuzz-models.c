/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Every model but the domain's reads the text; what is accepted must come out so that it is accepted again. */

#include "model/backup.h"
#include "model/filter-binding.h"
#include "model/interface.h"
#include "model/moment.h"
#include "model/network-port.h"
#include "model/network.h"
#include "model/nodedev.h"
#include "model/secret.h"
#include "model/storage-vol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void once(const VhModel *model, const char *text)
{
        _vh_free_ char *again = NULL;
        void *obj, *copy;

        if (vh_model_parse(model, text, VH_XML_STRICT, NULL, &obj, NULL) < 0)
                return;
        again = vh_model_format(model, obj, 0);
        if (vh_model_parse(model, again, VH_XML_STRICT, NULL, &copy, NULL) < 0)
                abort();
        vh_xml_bind_free(model->table, copy);
        vh_xml_bind_free(model->table, obj);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const VhModel *const models[] = {
                &vh_network_model,    &vh_network_port_model, &vh_storage_pool_model,   &vh_storage_vol_model,
                &vh_interface_model,  &vh_nodedev_model,      &vh_backup_model,         &vh_snapshot_model,
                &vh_checkpoint_model, &vh_secret_model,       &vh_filter_binding_model,
        };
        _vh_free_ char *text = vh_xstrndup((const char *)data, size);

        for (unsigned i = 0; i < VH_ARRAY_SIZE(models); i++)
                once(models[i], text);
        return 0;
}
