/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Guests at shutdown and boot: libvirt-guests.service and its variables. */

#include "host/import-priv.h"
#include "lang.h"
#include "plan.h"

#include <inttypes.h>

static const VhKey *key_of(const char *variable)
{
        for (const VhGuestVariable *v = vh_guest_variables; v->name; v++)
                if (vh_streq(v->name, variable))
                        return v->key;
        return NULL;
}

static bool is_choice(const VhKey *key, const char *value)
{
        for (const char *const *c = key->choices; c && *c; c++)
                if (vh_streq(*c, value))
                        return true;
        return false;
}

static void put_words(const Import *im, const char *value)
{
        bool any = false;

        vh_buf_addc(im->out, '[');
        for (size_t len; *(value += strspn(value, " \t")); value += len) {
                _vh_free_ char *word = NULL;

                len = strcspn(value, " \t");
                word = vh_xstrndup(value, len);
                vh_buf_adds(im->out, any ? ", " : "");
                vh_import_put_text(im, word);
                any = true;
        }
        vh_buf_addc(im->out, ']');
}

/* False if the profile has no such value. */
static bool put_value(const Import *im, const VhKey *key, const char *value)
{
        uint64_t number = 0;
        bool is_number = vh_parse_u64(value, 10, &number) == 0;

        switch (key->kind) {
        case VH_KEY_CHOICE:
                if (is_choice(key, value))
                        vh_buf_adds(im->out, value);
                return is_choice(key, value);
        case VH_KEY_NUMBER:
                if (is_number && number <= key->max)
                        vh_buf_printf(im->out, "%" PRIu64, number);
                return is_number && number <= key->max;
        case VH_KEY_BOOL: /* the script asks for a number that is not 0 */
                if (is_number)
                        vh_buf_adds(im->out, number ? "true" : "false");
                return is_number;
        case VH_KEY_LIST:
                put_words(im, value);
                return true;
        default:
                return false;
        }
}

static void put_variable(const Import *im, const VhUnitLine *v)
{
        const VhKey *key = key_of(v->key);
        _vh_buf_ VhBuf value = { 0 };
        Import inner = *im;

        inner.out = &value;
        if (!key)
                vh_import_lose_line(im, v, "a variable that profiles do not have");
        else if (!put_value(&inner, key, v->value))
                vh_import_lose_line(im, v, "a value that profiles do not have");
        else
                vh_buf_printf(im->out, "  %s: %s\n", key->name, value.data);
}

/* The script reads the file as a shell does: the last assignment counts. */
static bool is_last(const VhUnitLine *v)
{
        for (const VhUnitLine *later = v->next; later; later = later->next)
                if (vh_streq(later->key, v->key))
                        return false;
        return true;
}

static void count_link(void *data, const char *path, const char *target)
{
        ++*(unsigned *)data;
}

static bool is_enabled(const Import *im)
{
        _vh_free_ char *mask = vh_unit_mask(&im->host->view, VH_GUESTS_UNIT), *path = NULL;
        unsigned links = 0;

        return !mask && vh_unit_find(&im->host->view, VH_GUESTS_UNIT, &path) == 0 && path &&
               vh_unit_enabled(&im->host->view, VH_GUESTS_UNIT, count_link, &links) == 0 && links > 0;
}

void vh_import_guests(const Import *im)
{
        const char *path = vh_arena_printf(&im->host->arena, "%s/libvirt-guests", im->host->distro->env_dir);
        const char *text = vh_survey_read_text(im->host, path), *name = vh_arena_printf(&im->host->arena, "/%s", path);
        VhUnitLines variables = { 0 };
        size_t start;

        if (text)
                vh_env_parse(&im->host->arena, &variables, name, text, im->lost);
        if (!is_enabled(im)) {
                if (variables.first)
                        vh_import_lose(im, "import-dropped", name, variables.first->line, 1, variables.first->width,
                                       VH_GUESTS_UNIT " is not enabled: nobody reads this file");
                return;
        }
        vh_buf_adds(im->out, "guests:\n");
        start = im->out->len;
        for (const VhUnitLine *v = variables.first; v; v = v->next)
                if (is_last(v))
                        put_variable(im, v);
        /* Any key of the section enables the unit; this one says what counts anyway. */
        if (im->out->len == start)
                vh_buf_printf(im->out, "  at_shutdown: %s\n", im->host->distro->guests_at_shutdown);
}
