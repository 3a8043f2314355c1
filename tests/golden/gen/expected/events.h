/* Generated from rpc/protocol/events.yaml; do not edit. */
#pragma once

#include "rpc/proc.h"

extern const VhEventTable vh_events_sample;
