/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Figures of jobs: from QEMU, to cookies, to clients. A figure is a row. */

#include "migrate-stats.h"

#include <time.h>

#include "api.h"

enum { MS_PER_SEC = 1000, NS_PER_MS = 1000 * 1000, BITS_PER_BYTE = 8 };

/* A figure: its member, the members that say whether it is there (0: always; never first), and its names. */
typedef struct Row {
        size_t offset;
        size_t has; /* offset of a bool, 0: none */
        const char *element;
        const char *param;
        const char *section; /* object of query-migrate, NULL: the answer itself */
        const char *key;     /* NULL: not from there */
} Row;

#define AT(member)  offsetof(QemuJobStats, member)
#define RAM(member) AT(ram_##member)

static const Row rows[] = {
        { AT(elapsed), 0, "time_elapsed", NULL, NULL, NULL },
        { AT(downtime), AT(has_downtime), "downtime", NULL, NULL, NULL },
        { AT(setup_time), AT(has_setup_time), "setup_time", NULL, NULL, "setup-time" },
        { RAM(total), 0, "memory_total", VIR_DOMAIN_JOB_MEMORY_TOTAL, "ram", "total" },
        { RAM(transferred), 0, "memory_processed", VIR_DOMAIN_JOB_MEMORY_PROCESSED, "ram", "transferred" },
        { RAM(remaining), 0, "memory_remaining", VIR_DOMAIN_JOB_MEMORY_REMAINING, "ram", "remaining" },
        { RAM(bps), 0, "memory_bps", NULL, NULL, NULL },
        { RAM(constant), 0, "memory_constant", VIR_DOMAIN_JOB_MEMORY_CONSTANT, "ram", "duplicate" },
        { RAM(normal), 0, "memory_normal", VIR_DOMAIN_JOB_MEMORY_NORMAL, "ram", "normal" },
        { RAM(normal_bytes), 0, "memory_normal_bytes", VIR_DOMAIN_JOB_MEMORY_NORMAL_BYTES, "ram", "normal-bytes" },
        { RAM(dirty_rate), 0, "memory_dirty_rate", VIR_DOMAIN_JOB_MEMORY_DIRTY_RATE, "ram", "dirty-pages-rate" },
        { RAM(iteration), 0, "memory_iteration", VIR_DOMAIN_JOB_MEMORY_ITERATION, "ram", "dirty-sync-count" },
        { RAM(postcopy_requests), 0, "memory_postcopy_requests", VIR_DOMAIN_JOB_MEMORY_POSTCOPY_REQS, "ram",
          "postcopy-requests" },
        { RAM(page_size), 0, "memory_page_size", VIR_DOMAIN_JOB_MEMORY_PAGE_SIZE, "ram", "page-size" },
        { AT(disk_total), 0, "disk_total", VIR_DOMAIN_JOB_DISK_TOTAL, NULL, NULL },
        { AT(disk_transferred), 0, "disk_processed", VIR_DOMAIN_JOB_DISK_PROCESSED, NULL, NULL },
        { AT(disk_remaining), 0, "disk_remaining", VIR_DOMAIN_JOB_DISK_REMAINING, NULL, NULL },
        { AT(disk_bps), 0, "disk_bps", NULL, NULL, NULL },
        { AT(xbzrle_cache), AT(has_xbzrle), "compression_cache", VIR_DOMAIN_JOB_COMPRESSION_CACHE, "xbzrle-cache",
          "cache-size" },
        { AT(xbzrle_bytes), AT(has_xbzrle), "compression_bytes", VIR_DOMAIN_JOB_COMPRESSION_BYTES, "xbzrle-cache",
          "bytes" },
        { AT(xbzrle_pages), AT(has_xbzrle), "compression_pages", VIR_DOMAIN_JOB_COMPRESSION_PAGES, "xbzrle-cache",
          "pages" },
        { AT(xbzrle_misses), AT(has_xbzrle), "compression_cache_misses", VIR_DOMAIN_JOB_COMPRESSION_CACHE_MISSES,
          "xbzrle-cache", "cache-miss" },
        { AT(xbzrle_overflow), AT(has_xbzrle), "compression_overflow", VIR_DOMAIN_JOB_COMPRESSION_OVERFLOW,
          "xbzrle-cache", "overflow" },
        { AT(throttle), 0, "auto_converge_throttle", NULL, NULL, "cpu-throttle-percentage" },
};

static uint64_t *figure(QemuJobStats *s, const Row *row)
{
        return (uint64_t *)((char *)s + row->offset);
}

static uint64_t value(const QemuJobStats *s, const Row *row)
{
        return *(const uint64_t *)((const char *)s + row->offset);
}

static bool is_there(const QemuJobStats *s, const Row *row)
{
        return !row->has || *(const bool *)((const char *)s + row->has);
}

static void set(QemuJobStats *s, const Row *row, uint64_t v)
{
        *figure(s, row) = v;
        if (row->has)
                *(bool *)((char *)s + row->has) = true;
}

/* ---- time ---- */

uint64_t qemu_now_ms(void)
{
        struct timespec t;

        clock_gettime(CLOCK_REALTIME, &t);
        return (uint64_t)t.tv_sec * MS_PER_SEC + (uint64_t)t.tv_nsec / NS_PER_MS;
}

void qemu_stats_start(QemuJobStats *s, int operation)
{
        *s = (QemuJobStats){ .type = VIR_DOMAIN_JOB_UNBOUNDED, .operation = operation, .started = qemu_now_ms() };
}

/* Clocks may go back: what is not known then is left as it is. */
void qemu_stats_tick(QemuJobStats *s)
{
        uint64_t now = qemu_now_ms();

        if (s->started && now >= s->started)
                s->elapsed = now - s->started;
}

void qemu_stats_tick_downtime(QemuJobStats *s)
{
        uint64_t now = qemu_now_ms();

        if (!s->stopped || now < s->stopped)
                return;
        s->downtime = now - s->stopped;
        s->has_downtime = true;
}

/* ---- QEMU ---- */

void qemu_stats_read_qmp(QemuJobStats *s, const json_t *ret)
{
        static const double mega = 1000 * 1000;

        for (size_t i = 0; i < VH_ARRAY_SIZE(rows); i++) {
                const json_t *object = rows[i].section ? json_object_get(ret, rows[i].section) : ret;
                const json_t *v = rows[i].key ? json_object_get(object, rows[i].key) : NULL;

                if (v)
                        set(s, &rows[i], (uint64_t)json_integer_value(v));
        }
        if (json_object_get(ret, "expected-downtime")) {
                s->downtime = (uint64_t)json_integer_value(json_object_get(ret, "expected-downtime"));
                s->has_downtime = true;
        }
        s->ram_bps = (uint64_t)(json_number_value(json_object_get(json_object_get(ret, "ram"), "mbps")) * mega /
                                BITS_PER_BYTE);
}

/* ---- XML ---- */

static void add(VhBuf *b, const char *element, uint64_t v)
{
        vh_buf_printf(b, "    <%s>%llu</%s>\n", element, (unsigned long long)v, element);
}

void qemu_stats_format(const QemuJobStats *s, VhBuf *b)
{
        vh_buf_adds(b, "  <statistics>\n");
        add(b, "started", s->started);
        add(b, "stopped", s->stopped);
        add(b, "sent", s->sent);
        if (s->has_delta)
                vh_buf_printf(b, "    <delta>%lld</delta>\n", (long long)s->delta);
        for (size_t i = 0; i < VH_ARRAY_SIZE(rows); i++)
                if (is_there(s, &rows[i]))
                        add(b, rows[i].element, value(s, &rows[i]));
        vh_buf_adds(b, "  </statistics>\n");
}

static bool number(const xmlNode *parent, const char *element, bool sign, uint64_t *ret)
{
        const xmlNode *node = vh_xml_child(parent, element);
        xmlChar *text = node ? xmlNodeGetContent(node) : NULL;
        int64_t negative = 0;
        int r = -1;

        if (text)
                r = sign ? vh_parse_i64((const char *)text, 10, &negative) : vh_parse_u64((const char *)text, 10, ret);
        if (r == 0 && sign)
                *ret = (uint64_t)negative;
        xmlFree(text);
        return r == 0;
}

void qemu_stats_parse(QemuJobStats *s, const xmlNode *statistics)
{
        uint64_t v;

        *s = (QemuJobStats){ .type = VIR_DOMAIN_JOB_COMPLETED };
        (void)number(statistics, "started", false, &s->started);
        (void)number(statistics, "stopped", false, &s->stopped);
        (void)number(statistics, "sent", false, &s->sent);
        s->has_delta = number(statistics, "delta", true, &v);
        s->delta = s->has_delta ? (int64_t)v : 0;
        for (size_t i = 0; i < VH_ARRAY_SIZE(rows); i++)
                if (number(statistics, rows[i].element, false, &v))
                        set(s, &rows[i], v);
}

/* ---- clients ---- */

static void list_time(VhTypedList *list, const QemuJobStats *s, const char *name, const char *net, uint64_t v)
{
        vh_typed_add_ullong(list, name, v);
        if (s->has_delta && (int64_t)v > s->delta)
                vh_typed_add_ullong(list, net, (uint64_t)((int64_t)v - s->delta));
}

/* Nothing of memory. */
static void list_backup(const QemuJobStats *s, VhTypedList *list)
{
        vh_typed_add_int(list, VIR_DOMAIN_JOB_OPERATION, s->operation);
        vh_typed_add_ullong(list, VIR_DOMAIN_JOB_TIME_ELAPSED, s->elapsed);
        if (s->disk_total) {
                vh_typed_add_ullong(list, VIR_DOMAIN_JOB_DISK_TOTAL, s->disk_total);
                vh_typed_add_ullong(list, VIR_DOMAIN_JOB_DISK_PROCESSED, s->disk_transferred);
                vh_typed_add_ullong(list, VIR_DOMAIN_JOB_DISK_REMAINING, s->disk_remaining);
        }
        if (s->has_temp) {
                vh_typed_add_ullong(list, VIR_DOMAIN_JOB_DISK_TEMP_USED, s->disk_temp_used);
                vh_typed_add_ullong(list, VIR_DOMAIN_JOB_DISK_TEMP_TOTAL, s->disk_temp_total);
        }
        if (s->has_success)
                vh_typed_add_bool(list, VIR_DOMAIN_JOB_SUCCESS, s->success);
        if (s->cancelled)
                vh_typed_add_string(list, VIR_DOMAIN_JOB_ERRMSG, "Operation canceled");
        else if (*s->error)
                vh_typed_add_string(list, VIR_DOMAIN_JOB_ERRMSG, s->error);
}

/* Memory that goes into a file takes no disk with it. */
static bool is_meant(const QemuJobStats *s, const char *param)
{
        bool to_file = s->operation == VIR_DOMAIN_JOB_OPERATION_SAVE || s->operation == VIR_DOMAIN_JOB_OPERATION_DUMP ||
                       s->operation == VIR_DOMAIN_JOB_OPERATION_SNAPSHOT;

        return param && !(to_file && vh_startswith(param, "disk_"));
}

void qemu_stats_list(const QemuJobStats *s, VhTypedList *list)
{
        if (s->operation == VIR_DOMAIN_JOB_OPERATION_BACKUP) {
                list_backup(s, list);
                return;
        }
        vh_typed_add_int(list, VIR_DOMAIN_JOB_OPERATION, s->operation);
        list_time(list, s, VIR_DOMAIN_JOB_TIME_ELAPSED, VIR_DOMAIN_JOB_TIME_ELAPSED_NET, s->elapsed);
        if (s->has_downtime)
                list_time(list, s, VIR_DOMAIN_JOB_DOWNTIME, VIR_DOMAIN_JOB_DOWNTIME_NET, s->downtime);
        if (s->has_setup_time)
                vh_typed_add_ullong(list, VIR_DOMAIN_JOB_SETUP_TIME, s->setup_time);
        vh_typed_add_ullong(list, VIR_DOMAIN_JOB_DATA_TOTAL, s->ram_total + s->disk_total);
        vh_typed_add_ullong(list, VIR_DOMAIN_JOB_DATA_PROCESSED, s->ram_transferred + s->disk_transferred);
        vh_typed_add_ullong(list, VIR_DOMAIN_JOB_DATA_REMAINING, s->ram_remaining + s->disk_remaining);
        for (size_t i = 0; i < VH_ARRAY_SIZE(rows); i++)
                if (is_meant(s, rows[i].param) && is_there(s, &rows[i]))
                        vh_typed_add_ullong(list, rows[i].param, value(s, &rows[i]));
        if (s->ram_bps)
                vh_typed_add_ullong(list, VIR_DOMAIN_JOB_MEMORY_BPS, s->ram_bps);
        if (s->disk_bps)
                vh_typed_add_ullong(list, VIR_DOMAIN_JOB_DISK_BPS, s->disk_bps);
        if (s->throttle)
                vh_typed_add_int(list, VIR_DOMAIN_JOB_AUTO_CONVERGE_THROTTLE, (int)s->throttle);
}

void qemu_stats_info(const QemuJobStats *s, remote_domain_get_job_info_ret *ret)
{
        ret->type = s->type;
        ret->timeElapsed = s->elapsed;
        ret->memTotal = s->ram_total;
        ret->memProcessed = s->ram_transferred;
        ret->memRemaining = s->ram_remaining;
        ret->fileTotal = s->disk_total;
        ret->fileProcessed = s->disk_transferred;
        ret->fileRemaining = s->disk_remaining;
        ret->dataTotal = s->ram_total + s->disk_total;
        ret->dataProcessed = s->ram_transferred + s->disk_transferred;
        ret->dataRemaining = s->ram_remaining + s->disk_remaining;
}
