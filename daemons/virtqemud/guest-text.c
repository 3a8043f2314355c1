/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the text of a guest has for clients and for other hosts. Readers add some devices by themselves, and the first
 * versions of the format did not know them: such text is without them. */

#include "guest-text.h"

#include "guest-cpu.h"
#include "guest-defaults.h"
#include "qemu-ops.h"

#include <errno.h>
#include <unistd.h>

#include "model/domain-tables.h"

/* ---- text for other hosts ---- */

static VhController *only_controller(const VhDomainDef *def, VhControllerType type, uint32_t *place)
{
        VhController *found = NULL;

        for (uint32_t i = 0; i < def->controllers.n; i++) {
                if (def->controllers.items[i]->type != type)
                        continue;
                if (found)
                        return NULL;
                found = def->controllers.items[i];
                *place = i;
        }
        return found && found->index.val == 0 ? found : NULL;
}

static void drop_controller(VhDomainDef *def, VhControllerType type, VhControllerModel model)
{
        uint32_t place;
        const VhController *c = only_controller(def, type, &place);

        if (c && c->model == model && !c->pcihole64 && !(c->info.alias && vh_startswith(c->info.alias, "ua-")))
                vh_xml_bind_free(&vh_table_controller, vh_list_take(&def->controllers, place));
}

static void drop_keyboard(VhDomainDef *def)
{
        for (uint32_t i = def->inputs.n; i-- > 0;)
                if (def->inputs.items[i]->type == VH_INPUT_KEYBOARD && def->inputs.items[i]->bus == VH_INPUT_BUS_PS2)
                        vh_xml_bind_free(&vh_table_input, vh_list_take(&def->inputs, i));
}

/* What a machine has anyway: its own kind of serial port is told without a name, its way to tell of a panic not at all.
 */
static void drop_platform(VhDomainDef *def)
{
        const QemuPlatform *p = qemu_platform(def);

        for (uint32_t i = 0; i < def->serials.n; i++)
                if (p->traits & (QEMU_HAS_OWN_SERIAL | QEMU_HAS_VIO) &&
                    def->serials.items[i]->target_type == p->serial) {
                        def->serials.items[i]->target_type = VH_CHR_TARGET_NONE;
                        def->serials.items[i]->target_model = 0;
                }
        for (uint32_t i = def->panics.n; p->panic && i-- > 0;)
                if (def->panics.items[i]->model == p->panic)
                        vh_xml_bind_free(&vh_table_panic, vh_list_take(&def->panics, i));
        for (uint32_t i = 0; p->traits & QEMU_HAS_HOST_BRIDGES && i < def->controllers.n; i++)
                if (def->controllers.items[i]->type == VH_CONTROLLER_PCI &&
                    def->controllers.items[i]->model == VH_CTRL_PCI_ROOT)
                        def->controllers.items[i]->pci_model_name = 0;
}

static void drop_audio(VhDomainDef *def)
{
        const VhAudio *audio = def->audios.n == 1 ? def->audios.items[0] : NULL;
        const VhAudio plain = { .id = 1, .type = audio ? audio->type : 0 };

        if (audio && (audio->type == VH_AUDIO_NONE || audio->type == VH_AUDIO_SPICE) &&
            vh_xml_bind_equal(&vh_table_audio, audio, &plain, NULL))
                vh_xml_bind_free(&vh_table_audio, vh_list_take(&def->audios, 0));
}

static void drop_listen(VhGraphics *g)
{
        const VhGraphicsListen *first = g->listens.n ? g->listens.items[0] : NULL;
        bool silent = first && g->type == VH_GRAPHICS_SPICE && first->type == VH_LISTEN_NONE;

        if (silent)
                g->autoport = VH_NO;
        /* It stands in an attribute too. */
        if (silent || (g->type == VH_GRAPHICS_VNC && g->socket))
                vh_graphics_drop_listens(g);
}

void qemu_make_migratable(VhDomainDef *def)
{
        vh_domain_sort(def);
        drop_keyboard(def);
        drop_audio(def);
        drop_platform(def);
        if (qemu_domain_is_i440fx(def))
                drop_controller(def, VH_CONTROLLER_USB, VH_CTRL_PIIX3_UHCI);
        drop_controller(def, VH_CONTROLLER_PCI, VH_CTRL_PCI_ROOT);
        for (uint32_t i = 0; i < def->graphics.n; i++)
                drop_listen(def->graphics.items[i]);
}

char *qemu_migratable_text(const VhDomainDef *def)
{
        _vh_domain_def_ VhDomainDef *copy = vh_domain_def_copy(def);

        qemu_make_migratable(copy);
        return vh_domain_def_format(copy, VH_XML_SECURE | VH_XML_INACTIVE | VH_XML_MIGRATABLE);
}

/* ---- text for clients ---- */

/* The definition that flags ask for. */
static const VhDomainDef *asked_def(VhDomainObj *dom, uint32_t flags)
{
        const VhDomainDef *stored = vh_domain_obj_persistent_def(dom); /* a transient one has none */
        bool active = vh_domain_obj_active(dom) && !(flags & VIR_DOMAIN_XML_INACTIVE);

        return active || !stored ? dom->def : stored;
}

static unsigned format_flags(const VhDomainObj *dom, uint32_t flags)
{
        return vh_domain_format_flags(flags, vh_domain_obj_active(dom) && !(flags & VIR_DOMAIN_XML_INACTIVE));
}

/* A copy as the flags want it. What runs is told as it would be started again; for a migration the CPU is the one that
 * was asked for. */
static VhDomainDef *asked_copy(const QemuDriver *driver, VhDomainObj *dom, uint32_t flags)
{
        const VhDomainDef *def = asked_def(dom, flags);
        VhDomainDef *copy = vh_domain_def_copy(def);
        bool runs = def == dom->def && vh_domain_obj_active(dom);

        if (runs && flags & VIR_DOMAIN_XML_MIGRATABLE)
                qemu_guest_cpu_original(dom, copy);
        if (runs && format_flags(dom, flags) & VH_XML_INACTIVE)
                qemu_drop_run(driver, copy);
        if (flags & VIR_DOMAIN_XML_MIGRATABLE)
                qemu_make_migratable(copy);
        else if (flags & VIR_DOMAIN_XML_UPDATE_CPU)
                vh_domain_sort(copy);
        return copy;
}

/* Text of a definition. Clients ask for the plain one again and again, so it is kept as long as there is room. The
 * result lives at least as long as the call. */
static char *definition_text(VhCall *call, VhDomainObj *dom, uint32_t xml_flags)
{
        enum { OF_COPIES = VIR_DOMAIN_XML_MIGRATABLE | VIR_DOMAIN_XML_UPDATE_CPU };
        unsigned flags = format_flags(dom, xml_flags);
        QemuDomain *priv = qemu_domain_priv(dom);
        QemuDriver *driver = qemu_driver(call);
        const VhDomainDef *def = asked_def(dom, xml_flags);
        char *text;

        if (xml_flags & OF_COPIES || (flags & VH_XML_INACTIVE && def == dom->def && vh_domain_obj_active(dom))) {
                _vh_domain_def_ VhDomainDef *copy = asked_copy(driver, dom, xml_flags);

                return vh_call_own(call, vh_domain_def_format(copy, flags));
        }
        if (flags == QEMU_SHOWN_XML && priv->text)
                return priv->text;
        text = vh_domain_def_format(def, flags);
        if (flags != QEMU_SHOWN_XML || driver->texts + strlen(text) >= QEMU_TEXTS_MAX)
                return vh_call_own(call, text);
        driver->texts += strlen(text) + 1;
        return priv->text = text;
}

/* A text whose CPU waits for what the program can do. */
typedef struct Wanted {
        VhCall *call;
        remote_domain_get_xml_desc_ret *ret;
        VhDomainDef *def;
        unsigned flags;
} Wanted;

static int show_updated(Wanted *w, const QemuCaps *caps, VhError **err)
{
        int r = caps ? qemu_guest_cpu_explain(w->def, caps, err) : 0;

        if (r == 0)
                w->ret->xml = vh_call_own(w->call, vh_domain_def_format(w->def, w->flags));
        vh_domain_def_free(w->def);
        return r;
}

static void program_known(void *data, QemuCaps *caps, int r, const VhError *error)
{
        _vh_free_ Wanted *w = data;
        VhError *err = vh_error_copy(error);

        if (r == 0)
                r = show_updated(w, caps, &err);
        else
                vh_domain_def_free(w->def);
        vh_call_finish(w->call, r, err);
}

static int show_with_cpu(VhCall *call, VhDomainObj *dom, uint32_t flags, remote_domain_get_xml_desc_ret *ret,
                         VhError **err)
{
        QemuDriver *driver = qemu_driver(call);
        Wanted w = { call, ret, asked_copy(driver, dom, flags), format_flags(dom, flags) };
        QemuCaps *caps = qemu_emulators_recall(driver->emulators, w.def->emulator);
        Wanted *later;

        if (caps || !driver->pool)
                return show_updated(&w, caps, err);
        later = vh_new(Wanted, 1);
        *later = w;
        qemu_emulators_ask(driver->emulators, driver->pool, w.def->emulator, program_known, later);
        return VH_LATER;
}

/* Of a guest that runs the CPU is known already. */
static bool updates_cpu(VhDomainObj *dom, uint32_t flags)
{
        const VhDomainDef *def = asked_def(dom, flags);

        return flags & VIR_DOMAIN_XML_UPDATE_CPU && def->cpu && def->emulator && access(def->emulator, X_OK) == 0 &&
               !(def == dom->def && vh_domain_obj_active(dom));
}

QEMU_OP_RET(domain_get_xml_desc)
{
        enum {
                KNOWN = VIR_DOMAIN_XML_SECURE | VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_UPDATE_CPU |
                        VIR_DOMAIN_XML_MIGRATABLE,
        };
        VhDomainObj *dom = qemu_domain(call, &args->dom, err);
        int r = dom ? vh_check_flags(args->flags, KNOWN, VIR_FROM_QEMU, "qemuDomainGetXMLDesc", err) : -ENOENT;

        if (r < 0)
                return r;
        if (updates_cpu(dom, args->flags))
                return show_with_cpu(call, dom, args->flags, ret, err);
        ret->xml = definition_text(call, dom, args->flags);
        return 0;
}
