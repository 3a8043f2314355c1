/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The table of <filterbinding>. */

#include "model/filter-binding.h"
#include "model/domain-tables.h"
#include "xml/rows.h"

#define S VhFilterBindingDef
static const VhXmlTable binding_table = {
        "filterbinding",
        sizeof(S),
        ROWS(GROUP("owner", ROWS(LEAF("name", owner_name, string), LEAF("uuid", owner_uuid, uuid))),
             GROUP("portdev", ROWS(ATTR("name", port_dev, string, REQUIRED))),
             GROUP("linkdev", ROWS(ATTR("name", link_dev, string))),
             GROUP("mac", ROWS(ATTR("address", mac, mac, REQUIRED))),
             GROUP("filterref", ROWS(ATTR("filter", filter, string, REQUIRED),
                                     LIST("parameter", filter_params, vh_table_filter_param)))),
};
#undef S

const VhModel vh_filter_binding_model = { &binding_table, "(nwfilterbinding_definition)", VIR_FROM_NWFILTER };
VH_MODEL_DEFINE(filter_binding, VhFilterBindingDef)
