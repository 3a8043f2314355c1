/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Keys, interrupts and pictures. */

#include <errno.h>
#include <fcntl.h>

#include "base/file.h"
#include "process.h"
#include "qemu-ops.h"
#include "rpc/stream.h"
#include "task.h"

/* ---- keys ---- */

/* QEMU's numbers of keys are those of the XT keyboard with 0x80 for the second set. Linux has the same below
 * LINUX_SAME; the others are these. */
enum { LINUX_SAME = 89, NUMBER_MAX = 0xff };
static const struct {
        uint8_t linux_code, number;
} linux_keys[] = {
        { 96, 0x9c },  { 97, 0x9d },  { 98, 0xb5 },  { 99, 0x54 },  { 100, 0xb8 }, { 102, 0xc7 },
        { 103, 0xc8 }, { 104, 0xc9 }, { 105, 0xcb }, { 106, 0xcd }, { 107, 0xcf }, { 108, 0xd0 },
        { 109, 0xd1 }, { 110, 0xd2 }, { 111, 0xd3 }, { 113, 0xa0 }, { 114, 0xae }, { 115, 0xb0 },
        { 116, 0xde }, { 119, 0xc6 }, { 125, 0xdb }, { 126, 0xdc }, { 127, 0xdd },
};

/* 0: there is no such key. */
static unsigned key_number(unsigned codeset, unsigned code)
{
        if (codeset != VIR_KEYCODE_SET_LINUX)
                return code <= NUMBER_MAX ? code : 0;
        if (code < LINUX_SAME)
                return code;
        for (size_t i = 0; i < VH_ARRAY_SIZE(linux_keys); i++)
                if (linux_keys[i].linux_code == code)
                        return linux_keys[i].number;
        return 0;
}

typedef struct KeyTask {
        QemuTask task;
        json_t *keys;
        unsigned holdtime; /* ms; 0: QEMU's own */
} KeyTask;

static void done(QemuTask *task, json_t *ret)
{
        qemu_task_end(task, 0, NULL);
}

static void send_key_run(QemuTask *task)
{
        KeyTask *key = (KeyTask *)task;
        json_t *args = json_pack("{s:o}", "keys", VH_TAKE_PTR(key->keys));

        if (key->holdtime)
                json_object_set_new(args, "hold-time", json_integer(key->holdtime));
        qemu_task_qmp(task, qmp_command_args("send-key", args), done);
}

static void send_key_cleanup(QemuTask *task)
{
        json_decref(((KeyTask *)task)->keys);
}

static int send_key_init(QemuTask *task, VhError **err)
{
        const remote_domain_send_key_args *args = task->call->args;
        KeyTask *key = (KeyTask *)task;

        key->keys = json_array();
        key->holdtime = args->holdtime;
        for (uint32_t i = 0; i < args->keycodes.len; i++) {
                unsigned number = key_number(args->codeset, args->keycodes.val[i]);

                if (!number)
                        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR,
                                            "cannot translate keycode %u of linux codeset to qnum keycode",
                                            args->keycodes.val[i]);
                json_array_append_new(key->keys, json_pack("{s:s,s:i}", "type", "number", "data", (int)number));
        }
        return 0;
}

static const QemuTaskClass send_key_class = {
        .api = "remoteDispatchDomainSendKey",
        .size = sizeof(KeyTask),
        .job = QEMU_JOB_MODIFY,
        .need_active = true,
        .run = send_key_run,
        .cleanup = send_key_cleanup,
};

QEMU_OP(domain_send_key)
{
        int r = vh_check_flags(args->flags, 0, VIR_FROM_QEMU, "qemuDomainSendKey", err);

        if (r < 0)
                return r;
        if (args->codeset != VIR_KEYCODE_SET_LINUX && args->codeset != VIR_KEYCODE_SET_XT_KBD &&
            args->codeset != VIR_KEYCODE_SET_QNUM)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_CONFIG_UNSUPPORTED,
                                    "keys can be given in the codesets linux, xt_kbd and qnum");
        return qemu_task_start(call, &args->dom, &send_key_class, send_key_init, err);
}

/* ---- interrupt ---- */

static void nmi_run(QemuTask *task)
{
        qemu_task_qmp(task, qmp_command("inject-nmi", NULL), done);
}

static const QemuTaskClass nmi_class = {
        .api = "remoteDispatchDomainInjectNmi",
        .size = sizeof(QemuTask),
        .job = QEMU_JOB_MODIFY,
        .need_active = true,
        .run = nmi_run,
};

QEMU_OP(domain_inject_nmi)
{
        int r = vh_check_flags(args->flags, 0, VIR_FROM_QEMU, "qemuDomainInjectNMI", err);

        return r < 0 ? r : qemu_task_start(call, &args->dom, &nmi_class, NULL, err);
}

/* ---- screenshot ---- */

enum { SCREENSHOT_MAX = 256 * 1024 * 1024 };

typedef struct ShotTask {
        QemuTask task;
        char *path; /* where QEMU writes the picture */
} ShotTask;

static void shot_taken(QemuTask *task, json_t *unused)
{
        remote_domain_screenshot_ret *ret = task->call->ret;
        char *data = NULL;
        VhError *err = NULL;
        size_t n;
        int r = vh_file_read(((ShotTask *)task)->path, SCREENSHOT_MAX, &data, &n);

        if (r < 0)
                r = vh_error_sys(&err, VIR_FROM_QEMU, r, "unable to open screendump");
        else if (task->call->stream)
                vh_stream_serve_memory(task->call->stream, data, n);
        else
                free(data);
        ret->mime = (char *)"image/png";
        qemu_task_end(task, r, err);
}

static void shot_run(QemuTask *task)
{
        const remote_domain_screenshot_args *args = task->call->args;
        const VhDomainDef *def = task->dom->def;
        ShotTask *shot = (ShotTask *)task;
        VhError *err = NULL;
        json_t *cmd;
        int r;

        if (!def->videos.n) {
                r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR, "no screens to take screenshot from");
                qemu_task_end(task, r, err);
                return;
        }
        if (args->screen >= def->videos.n) {
                r = vh_error_set(&err, VIR_FROM_QEMU, VIR_ERR_INVALID_ARG, "no such screen ID: %u", args->screen);
                qemu_task_end(task, r, err);
                return;
        }
        shot->path = vh_path_join(qemu_process(task->dom)->lib_dir, "screendump");
        cmd = json_pack("{s:s,s:s}", "filename", shot->path, "format", "png");
        if (args->screen)
                json_object_set_new(cmd, "device", json_string(def->videos.items[args->screen]->info.alias));
        qemu_task_qmp(task, qmp_command_args("screendump", cmd), shot_taken);
}

static void shot_cleanup(QemuTask *task)
{
        ShotTask *shot = (ShotTask *)task;

        if (shot->path)
                (void)unlink(shot->path);
        free(shot->path);
}

static const QemuTaskClass shot_class = {
        .api = "remoteDispatchDomainScreenshot",
        .size = sizeof(ShotTask),
        .job = QEMU_JOB_QUERY,
        .need_active = true,
        .run = shot_run,
        .cleanup = shot_cleanup,
};

QEMU_OP_RET(domain_screenshot)
{
        int r = vh_check_flags(args->flags, 0, VIR_FROM_QEMU, "qemuDomainScreenshot", err);

        return r < 0 ? r : qemu_task_start(call, &args->dom, &shot_class, NULL, err);
}
