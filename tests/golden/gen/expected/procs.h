/* Generated from rpc/protocol/; do not edit. */
#pragma once

#include "rpc/proc.h"
#include "sample_protocol.h"

typedef enum sample_procedure {
        SAMPLE_PROC_NOTHING = 1,
        SAMPLE_PROC_TAKE = 2,
        SAMPLE_PROC_GIVE = 3,
        SAMPLE_PROC_REGISTER = 5,
        SAMPLE_PROC_DOWNLOAD = 6,
        SAMPLE_PROC_EVENT = 7,
        SAMPLE_PROC_OTHER_EVENT = 9,
        SAMPLE_PROC_PING = 8,
} sample_procedure;

extern const VhProgram vh_program_sample;

/* All of the above, NULL-terminated. */
extern const VhProgram *const vh_programs[];
