/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Choosing firmware by descriptor. */

#include "firmware.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "model/domain-cpu.h"

enum { FIRMWARE_BIOS = 1, FIRMWARE_EFI = 2 };
enum { LOADER_ROM = 1, LOADER_PFLASH = 2 };
enum { FORMAT_RAW = 1, FORMAT_QCOW2 = 2 };
enum { DESCRIPTOR_MAX = 1 << 20, DESCRIPTORS_MAX = 512, NVRAM_MAX = 64 << 20 };

/* Later folders take the place of files of the same name in earlier ones. */
static const char *const folders[] = { "/usr/share/qemu/firmware", "/etc/qemu/firmware" };

/* ---- descriptor files, sorted by name ---- */

typedef struct Descriptors {
        char *names[DESCRIPTORS_MAX];
        char *paths[DESCRIPTORS_MAX];
        size_t n;
} Descriptors;

static void descriptors_done(Descriptors *d)
{
        for (size_t i = 0; i < d->n; i++) {
                free(d->names[i]);
                free(d->paths[i]);
        }
}

static void put(Descriptors *d, const char *folder, const char *name)
{
        size_t i = 0;

        while (i < d->n && strcmp(d->names[i], name) < 0)
                i++;
        if (i < d->n && strcmp(d->names[i], name) == 0) {
                free(d->paths[i]);
                d->paths[i] = vh_xasprintf("%s/%s", folder, name);
                return;
        }
        if (d->n == DESCRIPTORS_MAX)
                return;
        memmove(d->names + i + 1, d->names + i, (d->n - i) * sizeof(*d->names));
        memmove(d->paths + i + 1, d->paths + i, (d->n - i) * sizeof(*d->paths));
        d->names[i] = vh_xstrdup(name);
        d->paths[i] = vh_xasprintf("%s/%s", folder, name);
        d->n++;
}

static void list_folder(Descriptors *d, const char *folder)
{
        DIR *dir = opendir(folder);
        const struct dirent *e;

        if (!dir)
                return;
        while ((e = readdir(dir)))
                if (e->d_name[0] != '.' && vh_endswith(e->d_name, ".json"))
                        put(d, folder, e->d_name);
        closedir(dir);
}

/* NULL: masked (empty), or not readable as a descriptor. */
static json_t *load(const char *path)
{
        _vh_free_ char *text = NULL;
        size_t len = 0;

        if (vh_file_read(path, DESCRIPTOR_MAX, &text, &len) < 0 || len == 0)
                return NULL;
        return json_loadb(text, len, 0, NULL);
}

/* ---- whether one fits ---- */

static bool has_word(const json_t *list, const char *word)
{
        size_t i;
        json_t *item;

        json_array_foreach((json_t *)list, i, item) if (vh_streq(json_string_value(item), word)) return true;
        return false;
}

static bool has_feature(const json_t *d, const char *feature)
{
        return has_word(json_object_get(d, "features"), feature);
}

static bool fits_machine(const json_t *d, const char *arch, const char *name)
{
        size_t i, j;
        json_t *target, *machine;

        json_array_foreach(json_object_get(d, "targets"), i, target)
        {
                if (!vh_streq(json_string_value(json_object_get(target, "architecture")), arch))
                        continue;
                json_array_foreach(json_object_get(target, "machines"), j, machine)
                {
                        const char *glob = json_string_value(machine);

                        if (glob && fnmatch(glob, name, 0) == 0)
                                return true;
                }
        }
        return false;
}

static uint8_t wanted_feature(const VhDomainDef *def, const char *name)
{
        for (uint32_t i = 0; i < def->os.firmware_features.n; i++)
                if (vh_streq(def->os.firmware_features.items[i]->name, name))
                        return def->os.firmware_features.items[i]->enabled;
        return 0;
}

static bool fits_wish(const json_t *d, const VhDomainDef *def, const char *feature)
{
        uint8_t wanted = wanted_feature(def, feature);

        return !wanted || has_feature(d, feature) == (wanted == VH_YES);
}

static bool fits_features(const json_t *d, const VhDomainDef *def)
{
        const VhOsLoader *loader = def->os.loader;
        uint8_t smm = def->features && def->features->smm ? def->features->smm->state : 0;
        bool needs_smm = has_feature(d, "requires-smm");

        if (def->pm_suspend_to_mem == VH_YES && !has_feature(d, "acpi-s3"))
                return false;
        if (def->pm_suspend_to_disk == VH_YES && !has_feature(d, "acpi-s4"))
                return false;
        if (needs_smm && smm == VH_OFF)
                return false;
        if (loader && loader->secure == VH_YES && !needs_smm)
                return false;
        if (loader && loader->secure == VH_NO && needs_smm)
                return false;
        return fits_wish(d, def, "secure-boot") && fits_wish(d, def, "enrolled-keys");
}

static const json_t *mapping(const json_t *d)
{
        return json_object_get(d, "mapping");
}

static bool is_flash(const json_t *d)
{
        return vh_streq(json_string_value(json_object_get(mapping(d), "device")), "flash");
}

static bool fits(const json_t *d, const VhDomainDef *def)
{
        const VhOsLoader *loader = def->os.loader;
        const char *interface = def->os.firmware == FIRMWARE_EFI ? "uefi" : "bios";

        if (!has_word(json_object_get(d, "interface-types"), interface))
                return false;
        if (loader && loader->type == LOADER_PFLASH && !is_flash(d))
                return false;
        if (loader && loader->type == LOADER_ROM && is_flash(d))
                return false;
        return fits_machine(d, def->os.arch, def->os.machine) && fits_features(d, def);
}

/* ---- taking one ---- */

static uint8_t format_of(const json_t *file)
{
        return vh_streq(json_string_value(json_object_get(file, "format")), "qcow2") ? FORMAT_QCOW2 : FORMAT_RAW;
}

static void take_flash(VhDomainDef *def, const json_t *d)
{
        const json_t *code = json_object_get(mapping(d), "executable");
        const json_t *vars = json_object_get(mapping(d), "nvram-template");
        VhOsLoader *loader = def->os.loader;

        loader->type = LOADER_PFLASH;
        loader->readonly = VH_YES;
        loader->format = format_of(code) == FORMAT_RAW ? loader->format : format_of(code);
        vh_strset(&loader->path, json_string_value(json_object_get(code, "filename")));
        if (loader->stateless == VH_YES || !vars)
                return;
        if (!def->os.nvram)
                def->os.nvram = vh_new(VhOsNvram, 1);
        if (!def->os.nvram->template_)
                vh_strset(&def->os.nvram->template_, json_string_value(json_object_get(vars, "filename")));
        if (format_of(vars) != FORMAT_RAW)
                def->os.nvram->format = format_of(vars);
}

static void need_smm(VhDomainDef *def)
{
        if (!def->features)
                def->features = vh_new(VhFeatures, 1);
        if (!def->features->smm)
                def->features->smm = vh_new(VhFeatureSmm, 1);
        def->features->smm->state = VH_ON;
        def->os.loader->secure = VH_YES;
}

static int take(VhDomainDef *def, const json_t *d)
{
        const char *rom = json_string_value(json_object_get(mapping(d), "filename"));

        if (!def->os.loader)
                def->os.loader = vh_new(VhOsLoader, 1);
        if (is_flash(d)) {
                take_flash(def, d);
        } else {
                def->os.loader->type = LOADER_ROM;
                vh_strset(&def->os.loader->path, rom);
        }
        if (has_feature(d, "requires-smm"))
                need_smm(def);
        return def->os.loader->path ? 0 : -EINVAL;
}

static bool choose(VhDomainDef *def, const Descriptors *list)
{
        for (size_t i = 0; i < list->n; i++) {
                json_t *d = load(list->paths[i]);
                bool taken = d && fits(d, def) && take(def, d) == 0;

                json_decref(d);
                if (taken)
                        return true;
        }
        return false;
}

/* ---- variables ---- */

void qemu_firmware_default_nvram(VhDomainDef *def, const char *state_dir)
{
        const VhOsLoader *loader = def->os.loader;

        if (!loader || loader->type != LOADER_PFLASH || loader->readonly != VH_YES || loader->stateless == VH_YES)
                return;
        if (!def->os.nvram)
                def->os.nvram = vh_new(VhOsNvram, 1);
        if (def->os.nvram->path || def->os.nvram->source.type)
                return;
        def->os.nvram->path = vh_xasprintf("%s/qemu/nvram/%s_VARS.%s", state_dir, def->name,
                                           def->os.nvram->format == FORMAT_QCOW2 ? "qcow2" : "fd");
}

int qemu_firmware_fill(VhDomainDef *def, const QemuLaunch *launch, VhError **err)
{
        _vh_cleanup_(descriptors_done) Descriptors list = {};

        if (def->os.firmware && !(def->os.loader && def->os.loader->path)) {
                for (size_t i = 0; i < VH_ARRAY_SIZE(folders); i++)
                        list_folder(&list, folders[i]);
                if (!choose(def, &list))
                        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED,
                                            "Unable to find any firmware to satisfy '%s'",
                                            def->os.firmware == FIRMWARE_EFI ? "efi" : "bios");
                /* From here on the images say which firmware it is: who reads the definition of the run need not
                 * choose. */
                def->os.firmware = 0;
        }
        qemu_firmware_default_nvram(def, launch->env->state_dir);
        return 0;
}

/* The template that a descriptor names for an image. The caller frees it. */
static char *template_by_loader(const char *loader)
{
        _vh_cleanup_(descriptors_done) Descriptors list = {};
        char *found = NULL;

        for (size_t i = 0; i < VH_ARRAY_SIZE(folders); i++)
                list_folder(&list, folders[i]);
        for (size_t i = 0; !found && i < list.n; i++) {
                json_t *d = load(list.paths[i]);
                const json_t *code = json_object_get(mapping(d), "executable");

                if (vh_streq(json_string_value(json_object_get(code, "filename")), loader))
                        found = vh_xstrdup(json_string_value(
                                json_object_get(json_object_get(mapping(d), "nvram-template"), "filename")));
                json_decref(d);
        }
        return found;
}

/* nvram = ["CODE:VARS", ...] of qemu.conf. The caller frees it. */
static char *template_by_conf(const VhConf *conf, const char *loader)
{
        const char *const *pairs;
        size_t n = 0;

        if (!conf || vh_conf_get_strings(conf, "nvram", &pairs, &n, NULL) < 0)
                return NULL;
        for (size_t i = 0; i < n; i++) {
                const char *rest = vh_startswith(pairs[i], loader);

                if (rest && *rest == ':')
                        return vh_xstrdup(rest + 1);
        }
        return NULL;
}

int qemu_firmware_create_nvram(VhDomainDef *def, const QemuLaunch *launch, bool reset, VhError **err)
{
        VhOsNvram *nvram = def->os.nvram;
        _vh_free_ char *data = NULL;
        size_t len;
        int r;

        if (!nvram || !nvram->path || !def->os.loader || (!reset && access(nvram->path, F_OK) == 0))
                return 0;
        if (!nvram->template_)
                nvram->template_ = template_by_conf(launch->conf, def->os.loader->path);
        if (!nvram->template_)
                nvram->template_ = template_by_loader(def->os.loader->path);
        if (!nvram->template_)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED,
                                    "unable to find any master var store for loader: %s", def->os.loader->path);
        r = vh_file_read(nvram->template_, NVRAM_MAX, &data, &len);
        if (r < 0)
                return vh_error_sys(err, VIR_FROM_QEMU, r, "Failed to open file '%s'", nvram->template_);
        r = vh_file_write(nvram->path, data, len, S_IRUSR | S_IWUSR, (uid_t)-1, (gid_t)-1, 0);
        return r < 0 ? vh_error_sys(err, VIR_FROM_QEMU, r, "Failed to create file '%s'", nvram->path) : 0;
}

/* ---- what there is ---- */

static void offer_image(QemuFirmwareOffer *offer, const char *path)
{
        if (!path || access(path, F_OK) < 0)
                return;
        for (size_t i = 0; i < offer->n; i++)
                if (strcmp(offer->images[i], path) == 0)
                        return;
        offer->images = vh_xrealloc(offer->images, offer->n + 1, sizeof(char *));
        offer->images[offer->n++] = vh_xstrdup(path);
}

static void offer_descriptor(QemuFirmwareOffer *offer, const json_t *d)
{
        const json_t *image = is_flash(d) ? json_object_get(mapping(d), "executable") : mapping(d);

        offer->bios |= has_word(json_object_get(d, "interface-types"), "bios");
        offer->efi |= has_word(json_object_get(d, "interface-types"), "uefi");
        offer->secure |= has_feature(d, "requires-smm");
        offer_image(offer, json_string_value(json_object_get(image, "filename")));
}

/* Without descriptors: the list of the configuration, or where images used to be. */
static void offer_by_name(QemuFirmwareOffer *offer, const VhConf *conf)
{
        static const char *const usual[] = {
                "/usr/share/OVMF/OVMF_CODE.fd",
                "/usr/share/OVMF/OVMF_CODE.secboot.fd",
                "/usr/share/AAVMF/AAVMF_CODE.fd",
                "/usr/share/AAVMF/AAVMF32_CODE.fd",
        };
        const char *const *pairs;
        size_t n = 0;

        if (conf && vh_conf_get_strings(conf, "nvram", &pairs, &n, NULL) >= 0 && n > 0) {
                for (size_t i = 0; i < n; i++) {
                        _vh_free_ char *code = vh_xstrndup(pairs[i], strcspn(pairs[i], ":"));

                        offer_image(offer, code);
                }
                return;
        }
        for (size_t i = 0; i < VH_ARRAY_SIZE(usual); i++)
                offer_image(offer, usual[i]);
}

void qemu_firmware_offer(QemuFirmwareOffer *offer, const char *arch, const char *machine, const VhConf *conf)
{
        _vh_cleanup_(descriptors_done) Descriptors list = {};

        *offer = (QemuFirmwareOffer){};
        for (size_t i = 0; i < VH_ARRAY_SIZE(folders); i++)
                list_folder(&list, folders[i]);
        for (size_t i = 0; i < list.n; i++) {
                json_t *d = load(list.paths[i]);

                if (d && fits_machine(d, arch, machine))
                        offer_descriptor(offer, d);
                json_decref(d);
        }
        if (!offer->n)
                offer_by_name(offer, conf);
}

void qemu_firmware_offer_done(QemuFirmwareOffer *offer)
{
        for (size_t i = 0; i < offer->n; i++)
                free(offer->images[i]);
        free(offer->images);
}
