/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables of what a user sees, hears and types at: graphics, video, sound, audio, input. */

#include "model/domain-tables.h"
#include "xml/rows.h"

/* ---- graphics ---- */

const VhXmlNames vh_graphics_type_names = {
        VH_GRAPHICS_DBUS + 1,
        (const char *const[]){
                [VH_GRAPHICS_SDL] = "sdl",
                [VH_GRAPHICS_VNC] = "vnc",
                [VH_GRAPHICS_RDP] = "rdp",
                [VH_GRAPHICS_DESKTOP] = "desktop",
                [VH_GRAPHICS_SPICE] = "spice",
                [VH_GRAPHICS_EGL_HEADLESS] = "egl-headless",
                [VH_GRAPHICS_DBUS] = "dbus",
        },
};

static const VhXmlNames listen_type_names = {
        VH_LISTEN_SOCKET + 1,
        (const char *const[]){
                [VH_LISTEN_NONE] = "none",
                [VH_LISTEN_ADDRESS] = "address",
                [VH_LISTEN_NETWORK] = "network",
                [VH_LISTEN_SOCKET] = "socket",
        },
};

#define S VhGraphicsListen
static const VhXmlTable table_listen = {
        "listen",
        sizeof(S),
        ROWS(ENUM("type", type, listen_type_names, .flags = VH_XML_KEY | VH_XML_REQUIRED),
             ATTR("address", address, string, WHEN(type, BIT(VH_LISTEN_ADDRESS)), .flags = VH_XML_NONEMPTY),
             ATTR("network", network, string, WHEN(type, BIT(VH_LISTEN_NETWORK))),
             ATTR("address", address, string, WHEN(type, BIT(VH_LISTEN_NETWORK)), LIVE),
             ATTR("socket", socket, string, WHEN(type, BIT(VH_LISTEN_SOCKET)))),
};
#undef S

#define S           VhSpiceChannel
#define SPICE_MODES NAMES("any", "secure", "insecure")
static const VhXmlTable table_spice_channel = {
        "channel",
        sizeof(S),
        ROWS(WORD("name", name,
                  NAMES("main", "display", "inputs", "cursor", "playback", "record", "smartcard", "usbredir"),
                  REQUIRED),
             WORD("mode", mode, SPICE_MODES, REQUIRED)),
};
#undef S

#define S         VhGraphics
#define IS(t)     WHEN(type, BIT(VH_GRAPHICS_##t))
#define SECURE    .show = VH_XML_SECURE
#define REMOTE    (BIT(VH_GRAPHICS_VNC) | BIT(VH_GRAPHICS_SPICE) | BIT(VH_GRAPHICS_RDP))
#define VNC_SPICE (BIT(VH_GRAPHICS_VNC) | BIT(VH_GRAPHICS_SPICE))
#define LOCAL     (BIT(VH_GRAPHICS_SDL) | BIT(VH_GRAPHICS_DESKTOP))
static const VhXmlRow rows_spice[] = {
        LIST("channel", channels, table_spice_channel),
        GROUP("image", ROWS(WORD("compression", image_compression,
                                 NAMES("auto_glz", "auto_lz", "quic", "glz", "lz", "off"), REQUIRED))),
        GROUP("jpeg", ROWS(WORD("compression", jpeg_compression, NAMES("auto", "never", "always"), REQUIRED))),
        GROUP("zlib", ROWS(WORD("compression", zlib_compression, NAMES("auto", "never", "always"), REQUIRED))),
        GROUP("playback", ROWS(ONOFF("compression", playback_compression, REQUIRED))),
        GROUP("streaming", ROWS(WORD("mode", streaming, NAMES("filter", "all", "off"), REQUIRED))),
        GROUP("mouse", ROWS(WORD("mode", mouse_mode, NAMES("server", "client"), REQUIRED))),
        GROUP("clipboard", ROWS(YESNO("copypaste", copypaste, REQUIRED))),
        GROUP("filetransfer", ROWS(YESNO("enable", filetransfer, REQUIRED))),
        {},
};

const VhXmlTable vh_table_graphics = {
        "graphics",
        sizeof(S),
        ROWS(ENUM("type", type, vh_graphics_type_names, .flags = VH_XML_KEY | VH_XML_REQUIRED),
             ATTR("socket", socket, string, IS(VNC)),
             ATTR("port", port, opt_int, IS(VNC), FAULT(VIR_ERR_INTERNAL_ERROR, "cannot parse vnc port ", NULL)),
             ATTR("port", port, opt_int, WHEN(type, BIT(VH_GRAPHICS_SPICE) | BIT(VH_GRAPHICS_RDP))),
             ATTR("tlsPort", tls_port, opt_int, IS(SPICE)), YESNO("autoport", autoport, WHEN(type, REMOTE)),
             ATTR("websocket", websocket, opt_int, IS(VNC)),
             YESNO("websocketGenerated", websocket_generated, IS(VNC), LIVE),
             ATTR("listen", listen, string, WHEN(type, REMOTE), .flags = VH_XML_NONEMPTY),
             ATTR("keymap", keymap, string, WHEN(type, VNC_SPICE)),
             WORD("defaultMode", default_mode, SPICE_MODES, IS(SPICE)),
             WORD("sharePolicy", share_policy, NAMES("allow-exclusive", "force-shared", "ignore"), IS(VNC)),
             YESNO("powerControl", power_control, IS(VNC)), YESNO("replaceUser", replace_user, IS(RDP)),
             YESNO("multiUser", multi_user, IS(RDP)), ATTR("display", display, string, WHEN(type, LOCAL)),
             ATTR("xauth", xauth, string, IS(SDL)), YESNO("fullscreen", fullscreen, WHEN(type, LOCAL)),
             YESNO("p2p", p2p, IS(DBUS)), ATTR("address", address, string, IS(DBUS)),
             ATTR("passwd", passwd, string, WHEN(type, VNC_SPICE), SECURE),
             ATTR("passwdValidTo", passwd_valid_to, string, WHEN(type, VNC_SPICE)),
             WORD("connected", connected, NAMES("fail", "disconnect", "keep"), WHEN(type, VNC_SPICE)),
             LIST("listen", listens, table_listen, WHEN(type, REMOTE)), EMBED(rows_spice, IS(SPICE)),
             GROUP("gl", ROWS(YESNO("enable", gl), ATTR("rendernode", rendernode, string)),
                   WHEN(type, BIT(VH_GRAPHICS_SPICE) | BIT(VH_GRAPHICS_SDL) | BIT(VH_GRAPHICS_EGL_HEADLESS) |
                                      BIT(VH_GRAPHICS_DBUS))),
             GROUP("audio", ROWS(ATTR("id", audio_id, uint)),
                   WHEN(type, BIT(VH_GRAPHICS_VNC) | BIT(VH_GRAPHICS_DBUS)))),
};
#undef IS
#undef S

void vh_graphics_drop_listens(VhGraphics *g)
{
        while (g->listens.n)
                vh_xml_bind_free(&table_listen, vh_list_take(&g->listens, 0));
}

/* ---- video ---- */

const VhXmlNames vh_video_type_names = {
        VH_VIDEO_RAMFB + 1,
        (const char *const[]){
                [VH_VIDEO_VGA] = "vga",
                [VH_VIDEO_CIRRUS] = "cirrus",
                [VH_VIDEO_VMVGA] = "vmvga",
                [VH_VIDEO_XEN] = "xen",
                [VH_VIDEO_VBOX] = "vbox",
                [VH_VIDEO_QXL] = "qxl",
                [VH_VIDEO_PARALLELS] = "parallels",
                [VH_VIDEO_VIRTIO] = "virtio",
                [VH_VIDEO_GOP] = "gop",
                [VH_VIDEO_NONE] = "none",
                [VH_VIDEO_BOCHS] = "bochs",
                [VH_VIDEO_RAMFB] = "ramfb",
        },
};

#define S VhVideo
static const VhXmlRow rows_video_model[] = {
        ENUM("type", type, vh_video_type_names, .flags = VH_XML_KEY | VH_XML_REQUIRED,
             FAULT(VIR_ERR_CONFIG_UNSUPPORTED, "unknown video model '", "'")),
        ATTR("ram", ram, uint, WHEN(type, BIT(VH_VIDEO_QXL))),
        ATTR("vram", vram, uint),
        ATTR("vram64", vram64, uint, WHEN(type, BIT(VH_VIDEO_QXL))),
        ATTR("vgamem", vgamem, uint, WHEN(type, BIT(VH_VIDEO_QXL))),
        ATTR("heads", heads, uint),
        YESNO("primary", primary),
        ONOFF("blob", blob, WHEN(type, BIT(VH_VIDEO_VIRTIO))),
        GROUP("acceleration",
              ROWS(YESNO("accel3d", accel3d), YESNO("accel2d", accel2d), ATTR("rendernode", rendernode, string))),
        GROUP("resolution", ROWS(ATTR("x", res_x, uint, REQUIRED), ATTR("y", res_y, uint, REQUIRED))),
        {},
};

const VhXmlTable vh_table_video = {
        "video",
        sizeof(S),
        ROWS(GROUP("driver",
                   ROWS(WORD("vgaconf", vgaconf, NAMES("io", "on", "off")), EMBED_AT(virtio, vh_rows_virtio_opts),
                        WORD("name", driver_name, NAMES("qemu", "vhostuser")))),
             GROUP("model", rows_video_model), EMBED_AT(info, vh_rows_device_info)),
};
#undef S

/* ---- sound ---- */

#define S VhSoundCodec
static const VhXmlTable table_codec = {
        "codec",
        sizeof(S),
        ROWS(WORD("type", type, NAMES("duplex", "micro", "output"), REQUIRED,
                  FAULT(VIR_ERR_CONFIG_UNSUPPORTED, "unknown codec type '", "'"))),
};
#undef S

#define S VhSound
const VhXmlTable vh_table_sound = {
        "sound",
        sizeof(S),
        ROWS(WORD("model", model, NAMES("sb16", "es1370", "pcspk", "ac97", "ich6", "ich9", "usb", "ich7"), REQUIRED),
             YESNO("multichannel", multichannel), LIST("codec", codecs, table_codec),
             GROUP("audio", ROWS(ATTR("id", audio_id, uint))), EMBED_AT(info, vh_rows_device_info)),
};
#undef S

#define S VhAudioSettings
static const VhXmlTable table_audio_settings = {
        "settings",
        sizeof(S),
        ROWS(ATTR("frequency", frequency, uint), ATTR("channels", channels, uint),
             WORD("format", format, NAMES("s8", "u8", "s16", "u16", "s32", "u32", "f32"))),
};
#undef S

#define S VhAudioIo
static const VhXmlTable table_audio_io = {
        "input",
        sizeof(S),
        ROWS(YESNO("mixingEngine", mixing_engine), YESNO("fixedSettings", fixed_settings), ATTR("voices", voices, uint),
             ATTR("bufferLength", buffer_length, uint), ATTR("dev", dev, string),
             ATTR("bufferCount", buffer_count, uint), YESNO("tryPoll", try_poll), ATTR("name", name, string),
             ATTR("streamName", stream_name, string), ATTR("latency", latency, uint),
             ATTR("serverName", server, string), ATTR("clientName", client_name, string),
             ATTR("connectPorts", connect_ports, string), YESNO("exactName", exact),
             PTR("settings", settings, table_audio_settings)),
};
#undef S

static const VhXmlNames audio_type_names = {
        VH_AUDIO_DBUS + 1,
        (const char *const[]){
                [VH_AUDIO_NONE] = "none",
                [VH_AUDIO_ALSA] = "alsa",
                [VH_AUDIO_COREAUDIO] = "coreaudio",
                [VH_AUDIO_JACK] = "jack",
                [VH_AUDIO_OSS] = "oss",
                [VH_AUDIO_PULSEAUDIO] = "pulseaudio",
                [VH_AUDIO_SDL] = "sdl",
                [VH_AUDIO_SPICE] = "spice",
                [VH_AUDIO_FILE] = "file",
                [VH_AUDIO_DBUS] = "dbus",
        },
};

#define S VhAudio
const VhXmlTable vh_table_audio = {
        "audio",
        sizeof(S),
        ROWS(ATTR("id", id, uint, REQUIRED, .min = 1, .max = UINT32_MAX),
             ENUM("type", type, audio_type_names, .flags = VH_XML_REQUIRED), ATTR("timerPeriod", timer_period, uint),
             ATTR("serverName", server, string), ATTR("path", path, string),
             WORD("driver", driver, NAMES("esd", "alsa", "arts", "pulseaudio")), YESNO("tryMMap", try_mmap),
             YESNO("exclusive", exclusive), ATTR("dspPolicy", dsp_policy, opt_int), PTR("input", input, table_audio_io),
             PTR("output", output, table_audio_io)),
};
#undef S

/* ---- input ---- */

static const VhXmlNames input_type_names = {
        VH_INPUT_EVDEV + 1,
        (const char *const[]){
                [VH_INPUT_MOUSE] = "mouse",
                [VH_INPUT_TABLET] = "tablet",
                [VH_INPUT_KEYBOARD] = "keyboard",
                [VH_INPUT_PASSTHROUGH] = "passthrough",
                [VH_INPUT_EVDEV] = "evdev",
        },
};

const VhXmlNames vh_input_bus_names = {
        VH_INPUT_BUS_DEFAULT + 1,
        (const char *const[]){
                [VH_INPUT_BUS_PS2] = "ps2",
                [VH_INPUT_BUS_USB] = "usb",
                [VH_INPUT_BUS_XEN] = "xen",
                [VH_INPUT_BUS_PARALLELS] = "parallels",
                [VH_INPUT_BUS_VIRTIO] = "virtio",
                [VH_INPUT_BUS_DEFAULT] = "none",
        },
};

#define S VhInput
const VhXmlTable vh_table_input = {
        "input",
        sizeof(S),
        ROWS(ENUM("type", type, input_type_names, .flags = VH_XML_KEY | VH_XML_REQUIRED,
                  FAULT(VIR_ERR_CONFIG_UNSUPPORTED, "unknown input device type '", "'")),
             ENUM("bus", bus, vh_input_bus_names, FAULT(VIR_ERR_CONFIG_UNSUPPORTED, "unknown input bus type '", "'")),
             WORD("model", model, NAMES("virtio", "virtio-transitional", "virtio-non-transitional")),
             GROUP_AT("driver", virtio, vh_rows_virtio_opts),
             GROUP("source", ROWS(ATTR("evdev", source, string, REQUIRED)), WHEN(type, BIT(VH_INPUT_PASSTHROUGH))),
             GROUP("source",
                   ROWS(ATTR("dev", source, string, REQUIRED), WORD("grab", source_grab, NAMES("all")),
                        WORD("grabToggle", source_grab_toggle,
                             NAMES("ctrl-ctrl", "alt-alt", "shift-shift", "meta-meta", "scrolllock",
                                   "ctrl-scrolllock")),
                        ONOFF("repeat", source_repeat)),
                   WHEN(type, BIT(VH_INPUT_EVDEV))),
             EMBED_AT(info, vh_rows_device_info)),
};
#undef S
