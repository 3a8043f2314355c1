/* Generated from rpc/protocol/api_flags.yaml and typed_params.yaml; do not edit. */
#pragma once


typedef enum sampleFlags {
        SAMPLE_LIVE = 1,
        SAMPLE_CONFIG = 2,
        SAMPLE_HIGH = 2147483648u,
} sampleFlags;

typedef enum sampleSource {
        SAMPLE_AGENT = 1,
} sampleSource;

#define SAMPLE_UNLIMITED 9007199254740991ll

/* Field names of typed parameters. */
#define SAMPLE_SHARES "shares"
#define SAMPLE_PIN "pin%u"
#define SAMPLE_IDLE "idle"
