/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How far a job of a guest is that QEMU moves memory in: migration, save, restore, dump. */

#include <jansson.h>

#include "base/buf.h"
#include "qemu.h"
#include "xml/doc.h"

/* Bytes of an error that are kept: more than any that a block job of QEMU's ends with. */
enum { QEMU_JOB_ERROR_MAX = 160 };

/* Times are milliseconds; those of an event are since the epoch, by the clock of the source. */
typedef struct QemuJobStats {
        int type;      /* VIR_DOMAIN_JOB_*; NONE: there is nothing to tell */
        int operation; /* VIR_DOMAIN_JOB_OPERATION_* */
        uint64_t started;
        uint64_t stopped; /* the guest's processors stood; 0: they did not */
        uint64_t sent;    /* cookie to the target */
        int64_t delta;    /* what the way to the target took */
        bool has_delta;
        uint64_t elapsed;
        uint64_t downtime;
        bool has_downtime;
        uint64_t setup_time;
        bool has_setup_time;
        uint64_t ram_total, ram_transferred, ram_remaining; /* bytes */
        uint64_t ram_bps;                                   /* bytes a second */
        uint64_t ram_constant, ram_normal;                  /* pages */
        uint64_t ram_normal_bytes;
        uint64_t ram_dirty_rate; /* pages a second */
        uint64_t ram_iteration;
        uint64_t ram_postcopy_requests;
        uint64_t ram_page_size;
        uint64_t disk_total, disk_transferred, disk_remaining; /* bytes */
        uint64_t disk_bps;
        bool has_xbzrle;
        uint64_t xbzrle_cache, xbzrle_bytes, xbzrle_pages, xbzrle_misses, xbzrle_overflow;
        uint64_t throttle; /* percent; 0: none */
        /* Of a backup. */
        bool has_temp;
        uint64_t disk_temp_used, disk_temp_total; /* bytes */
        bool has_success, success;
        bool cancelled;
        char error[QEMU_JOB_ERROR_MAX]; /* what QEMU said when it failed; "": nothing */
} QemuJobStats;

/* Now, as the times above. */
uint64_t qemu_now_ms(void);
/* Begins: the time and the kind of work. */
void qemu_stats_start(QemuJobStats *s, int operation);
/* Updates what depends on the time. */
void qemu_stats_tick(QemuJobStats *s);
void qemu_stats_tick_downtime(QemuJobStats *s);
/* Takes over the answer of query-migrate. */
void qemu_stats_read_qmp(QemuJobStats *s, const json_t *ret);
/* <statistics> of cookies and status files. */
void qemu_stats_format(const QemuJobStats *s, VhBuf *b);
void qemu_stats_parse(QemuJobStats *s, const xmlNode *statistics);
/* Typed parameters of domain_get_job_stats and of the event at the end. */
void qemu_stats_list(const QemuJobStats *s, VhTypedList *list);
/* The fixed answer of domain_get_job_info. */
void qemu_stats_info(const QemuJobStats *s, remote_domain_get_job_info_ret *ret);
