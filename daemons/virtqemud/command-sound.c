/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sound: where the host plays it, and the guest's cards. */

#include <errno.h>
#include <stdio.h>

#include "command-parts.h"
#include "model/domain-tables.h"

/* ---- backends ---- */

/* One direction of a backend, in the terms of its kind. */
static json_t *direction(VhAudioType type, const VhAudioIo *io)
{
        static const char *const formats[] = { NULL, "s8", "u8", "s16", "u16", "s32", "u32", "f32" };
        json_t *o;

        if (!io)
                return NULL;
        o = json_object();
        qj_switch(o, "mixing-engine", io->mixing_engine);
        qj_switch(o, "fixed-settings", io->fixed_settings);
        qj_uint(o, "voices", io->voices);
        qj_uint(o, "buffer-length", io->buffer_length);
        if (io->settings) {
                qj_uint(o, "frequency", io->settings->frequency);
                qj_uint(o, "channels", io->settings->channels);
                qj_str(o, "format", formats[io->settings->format]);
        }
        qj_str(o, "dev", type == VH_AUDIO_ALSA || type == VH_AUDIO_OSS ? io->dev : NULL);
        qj_str(o, "name", type == VH_AUDIO_PULSEAUDIO ? io->name : NULL);
        qj_str(o, "stream-name", io->stream_name);
        qj_uint(o, "latency", type == VH_AUDIO_PULSEAUDIO ? io->latency : 0);
        qj_str(o, "server-name", io->server);
        qj_str(o, "client-name", io->client_name);
        qj_str(o, "connect-ports", io->connect_ports);
        qj_switch(o, "exact-name", io->exact);
        qj_uint(o, "buffer-count", io->buffer_count);
        qj_switch(o, "try-poll", io->try_poll);
        if (json_object_size(o))
                return o;
        json_decref(o);
        return NULL;
}

static void backend_props(const VhAudio *a, json_t *o)
{
        switch (a->type) {
        case VH_AUDIO_OSS:
                qj_switch(o, "try-mmap", a->try_mmap);
                qj_switch(o, "exclusive", a->exclusive);
                if (a->dsp_policy.set)
                        qj_int(o, "dsp-policy", a->dsp_policy.val);
                break;
        case VH_AUDIO_PULSEAUDIO:
                qj_str(o, "server", a->server);
                break;
        case VH_AUDIO_FILE:
                qj_str(o, "path", a->path);
                break;
        default:
                break;
        }
}

static int build_audio(QemuBuild *b, const VhAudio *a)
{
        static const char *const drivers[] = {
                [VH_AUDIO_NONE] = "none", [VH_AUDIO_ALSA] = "alsa",   [VH_AUDIO_COREAUDIO] = "coreaudio",
                [VH_AUDIO_JACK] = "jack", [VH_AUDIO_OSS] = "oss",     [VH_AUDIO_PULSEAUDIO] = "pa",
                [VH_AUDIO_SDL] = "sdl",   [VH_AUDIO_SPICE] = "spice", [VH_AUDIO_FILE] = "wav",
                [VH_AUDIO_DBUS] = "dbus",
        };
        static const char *const sdl_drivers[] = { NULL, "esd", "alsa", "arts", "pulseaudio" };
        json_t *o;

        if (a->type >= VH_ARRAY_SIZE(drivers) || !drivers[a->type])
                return qemu_unsupported(b, "unsupported audio backend");
        if (a->type == VH_AUDIO_SDL && a->driver)
                qemu_command_setenv(b->cmd, "SDL_AUDIODRIVER", sdl_drivers[a->driver]);
        o = json_object();
        qj_fmt(o, "id", "audio%u", a->id);
        qj_str(o, "driver", drivers[a->type]);
        qj_uint(o, "timer-period", a->timer_period);
        backend_props(a, o);
        qj_take(o, "in", direction(a->type, a->input));
        qj_take(o, "out", direction(a->type, a->output));
        qemu_build_json(b, "-audiodev", o);
        return 0;
}

int qemu_build_audios(QemuBuild *b)
{
        int r = 0;

        for (uint32_t i = 0; r == 0 && i < b->def->audios.n; i++)
                r = build_audio(b, b->def->audios.items[i]);
        return r;
}

/* ---- cards ---- */

enum { SOUND_SB16 = 1, SOUND_ES1370, SOUND_PCSPK, SOUND_AC97, SOUND_ICH6, SOUND_ICH9, SOUND_USB, SOUND_ICH7 };

static unsigned sound_audio(const QemuBuild *b, const VhSound *s)
{
        return s->audio_id ? s->audio_id : b->def->audios.n ? b->def->audios.items[0]->id : 0;
}

static int build_codec(QemuBuild *b, const VhSound *s, uint8_t type, unsigned number)
{
        static const char *const codecs[] = { "hda-duplex", "hda-duplex", "hda-micro", "hda-output" };
        json_t *o = json_object();

        qj_str(o, "driver", codecs[type]);
        qj_fmt(o, "id", "%s-codec%u", s->info.alias, number);
        qj_fmt(o, "bus", "%s.0", s->info.alias);
        qj_int(o, "cad", number);
        if (sound_audio(b, s))
                qj_fmt(o, "audiodev", "audio%u", sound_audio(b, s));
        return qemu_build_device(b, o);
}

static int build_codecs(QemuBuild *b, const VhSound *s)
{
        int r = 0;

        if (!s->codecs.n)
                return build_codec(b, s, 0, 0);
        for (uint32_t i = 0; r == 0 && i < s->codecs.n; i++)
                r = build_codec(b, s, s->codecs.items[i]->type, i);
        return r;
}

static int build_sound(QemuBuild *b, const VhSound *s)
{
        static const char *const drivers[] = {
                [SOUND_SB16] = "sb16",      [SOUND_ES1370] = "ES1370",       [SOUND_AC97] = "AC97",
                [SOUND_ICH6] = "intel-hda", [SOUND_ICH9] = "ich9-intel-hda", [SOUND_USB] = "usb-audio",
        };
        bool hda = s->model == SOUND_ICH6 || s->model == SOUND_ICH9;
        json_t *o;
        int r;

        if (s->model == SOUND_PCSPK) {
                qemu_build_arg(b, "-soundhw", "pcspk");
                return 0;
        }
        if (s->model >= VH_ARRAY_SIZE(drivers) || !drivers[s->model])
                return qemu_unsupported(b, "sound card model is not supported");
        o = json_object();
        qj_str(o, "driver", drivers[s->model]);
        qj_str(o, "id", s->info.alias);
        if (s->model == SOUND_USB && s->multichannel)
                qj_switch(o, "multi", s->multichannel);
        if (!hda && sound_audio(b, s))
                qj_fmt(o, "audiodev", "audio%u", sound_audio(b, s));
        r = qemu_address_props(b, &s->info, o);
        if (r < 0)
                json_decref(o);
        r = r < 0 ? r : qemu_build_device(b, o);
        return r < 0 || !hda ? r : build_codecs(b, s);
}

int qemu_build_sounds(QemuBuild *b)
{
        int r = 0;

        for (uint32_t i = 0; r == 0 && i < b->def->sounds.n; i++)
                r = build_sound(b, b->def->sounds.items[i]);
        return r;
}
