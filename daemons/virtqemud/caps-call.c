/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Asking programs for a call, one after the other. */

#include "caps-call.h"

#include <stdio.h>

#include "base/log.h"

VH_LOG_SOURCE("qemu.caps");

typedef struct Asking {
        VhCall *call;
        QemuEmulators *emulators;
        VhPool *pool;
        QemuAnswer answer;
        unsigned next; /* program; of all */
} Asking;

static void end(Asking *a, QemuCaps *caps, int r, VhError *err)
{
        if (r == 0)
                r = a->answer(a->call, caps, &err);
        vh_call_finish(a->call, r, err);
        free(a);
}

/* ---- one ---- */

static void one_known(void *data, QemuCaps *caps, int r, const VhError *err)
{
        end(data, caps, r, r < 0 ? vh_error_copy(err) : NULL);
}

static Asking *new_asking(VhCall *call, QemuAnswer answer)
{
        QemuDriver *driver = qemu_driver(call);
        Asking *a = vh_new(Asking, 1);

        *a = (Asking){ .call = call, .emulators = driver->emulators, .pool = driver->pool, .answer = answer };
        return a;
}

int qemu_answer_with(VhCall *call, const char *binary, QemuAnswer answer, VhError **err)
{
        QemuDriver *driver = qemu_driver(call);
        QemuCaps *caps = qemu_emulators_recall(driver->emulators, binary);
        int r = 0;

        if (!caps && !driver->pool)
                r = qemu_emulators_caps(driver->emulators, binary, &caps, err);
        if (r < 0)
                return r;
        if (caps)
                return answer(call, caps, err);
        qemu_emulators_ask(driver->emulators, driver->pool, binary, one_known, new_asking(call, answer));
        return VH_LATER;
}

/* ---- all ---- */

static void ask_next(Asking *a);

static void next_known(void *data, QemuCaps *caps, int r, const VhError *err)
{
        Asking *a = data;

        if (r < 0)
                vh_log_warning("%s", vh_error_text(err, r));
        ask_next(a);
}

/* The next program that nothing is known of; NULL: there is none. */
static const char *next_unknown(Asking *a)
{
        const char *binary;

        while ((binary = qemu_emulators_program(a->emulators, a->next++, NULL)))
                if (!qemu_emulators_recall(a->emulators, binary))
                        return binary;
        return NULL;
}

static void ask_next(Asking *a)
{
        const char *binary = next_unknown(a);

        if (binary)
                qemu_emulators_ask(a->emulators, a->pool, binary, next_known, a);
        else
                end(a, NULL, 0, NULL);
}

int qemu_answer_with_all(VhCall *call, QemuAnswer answer, VhError **err)
{
        Asking *a = new_asking(call, answer);
        const char *binary = a->pool ? next_unknown(a) : NULL;

        if (!binary) {
                free(a);
                return answer(call, NULL, err);
        }
        qemu_emulators_ask(a->emulators, a->pool, binary, next_known, a);
        return VH_LATER;
}
