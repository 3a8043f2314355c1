/* Generated from rpc/protocol/events.yaml; do not edit. */
#include "events.h"
#include "procs.h"

static const VhEventRow rows_sample[] = {
        [0] = {.id = 0, .name = "lifecycle", .proc = SAMPLE_PROC_EVENT, .legacy = SAMPLE_PROC_PING},
        [1] = {.id = 1, .name = "other", .proc = SAMPLE_PROC_EVENT},
};

const VhEventTable vh_events_sample = {.name = "sample", .program = &vh_program_sample, .kind = VH_KIND_HYPERVISOR, .rows = rows_sample, .n_rows = VH_ARRAY_SIZE(rows_sample)};

