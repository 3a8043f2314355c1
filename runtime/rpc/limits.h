/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Every limit of the wire and of what one peer may cost us, with its reason. Wire values: protocol/message.yaml. */

enum {
        /* Header and payload; the length word counts itself too. Both directions. */
        VH_FRAME_MAX = 32 * 1024 * 1024,
        VH_FRAME_LEN_SIZE = 4,
        VH_FRAME_HEADER_SIZE = 24,
        VH_FRAME_MIN = VH_FRAME_LEN_SIZE + VH_FRAME_HEADER_SIZE,
        VH_FRAME_PAYLOAD_MAX = VH_FRAME_MAX - VH_FRAME_HEADER_SIZE,
        /* Strings on the wire. */
        VH_STRING_MAX = 4 * 1024 * 1024,
        /* Data bytes in one stream packet that we send: what every client since the first accepts. */
        VH_STREAM_PACKET_MAX = 262120,
        /* Descriptors with one frame. */
        VH_FRAME_FDS_MAX = 32,
        /* Bytes read from one connection in one wake-up: large enough for bulk, small enough that a flood only gets its
           share. */
        VH_READ_SIZE = 64 * 1024,
        /* Unsent bytes at which a connection is not read any more until the peer takes them. */
        VH_SEND_BACKLOG_MAX = 256 * 1024,
        /* Unsent event bytes at which a peer that does not read its events is dropped: they cannot be held back. */
        VH_EVENT_BACKLOG_MAX = 64 * 1024 * 1024,
        /* Event callbacks that one connection may have: a few kinds for each of thousands of guests, in memory of a few
         * megabytes. */
        VH_EVENT_CALLBACKS_MAX = 16384,
        /* Characters of a pattern that selects monitor events: their names are words. */
        VH_EVENT_PATTERN_MAX = 256,
        /* Another daemon has so long to take a connection and open the URI: systemd may have to start it first. Clients
         * with keepalive wait a little longer than this for a server that is silent. */
        VH_RELAY_OPEN_USEC = 20 * 1000 * 1000,
        /* A daemon that owes an answer is asked after so much silence, so often, before it is given up. */
        VH_RELAY_PING_USEC = 5 * 1000 * 1000,
        VH_RELAY_PING_COUNT = 5,
        /* A daemon that died is looked for after so long, for a client that waits for its events; after twice as long
         * each further time, up to the second figure: starting it may fail for a reason that takes an administrator. */
        VH_RELAY_RETRY_USEC = 250 * 1000,
        VH_RELAY_RETRY_MAX_USEC = 30 * 1000 * 1000,
        /* A call that is waited for keeps the whole process waiting. */
        VH_SYNC_CALL_USEC = 30 * 1000 * 1000,
};
