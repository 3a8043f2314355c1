/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Answers of virthost explain, out of the tables that everything else is made of. */

#include "explain.h"
#include "lang.h"

/* Options */

static void put_paragraph(VhBuf *b, const char *text)
{
        vh_buf_adds(b, "  ");
        for (; *text; text++) {
                vh_buf_addc(b, *text);
                if (*text == '\n' && text[1] != '\0')
                        vh_buf_adds(b, "  ");
        }
        if (b->data[b->len - 1] != '\n')
                vh_buf_addc(b, '\n');
}

static const char *change_text(VhOptionChange change)
{
        static const char *const texts[] = {
                [VH_CHANGE_NONE] = "nothing: it counts from the next use on",
                [VH_CHANGE_LIVE] = "nothing but a call on the admin socket: the running daemon takes it",
                [VH_CHANGE_RELOAD] = "a reload of the daemon",
                [VH_CHANGE_RESTART] = "a restart of the daemon; guests go on",
        };

        return texts[change];
}

static const char *replaced_text(VhReplacedBy replaced)
{
        static const char *const texts[] = {
                [VH_REPLACED_NOT] = NULL,
                [VH_REPLACED_SOCKET_MODE] = "SocketMode= of the socket unit",
                [VH_REPLACED_SOCKET_GROUP] = "SocketGroup= of the socket units",
                [VH_REPLACED_LISTEN_STREAM] = "ListenStream= of the socket unit",
                [VH_REPLACED_LISTEN_STREAMS] = "ListenStream= of the socket units",
                [VH_REPLACED_UNIT] = "the socket unit being enabled",
        };

        return texts[replaced];
}

static const char *default_text(const VhOptionDesc *o)
{
        return o->value ? o->value : o->value_note ? o->value_note : "none";
}

static bool is_told(const VhConfDesc *const *told, size_t n, const VhOptionDesc *o)
{
        for (size_t i = 0; i < n; i++) {
                const VhOptionDesc *other = vh_conf_desc_option(told[i], o->name);

                if (other && vh_streq(default_text(other), default_text(o)))
                        return true;
        }
        return false;
}

/* "default: 5000 in libvirtd.conf, virtqemud.conf", a line for each value. */
static void put_defaults(VhBuf *b, const char *option)
{
        enum { FILES_MAX = 64 };
        const VhConfDesc *told[FILES_MAX];
        size_t n = 0;

        for (const VhConfDesc *const *c = vh_conf_descs; *c && n < FILES_MAX; c++) {
                const VhOptionDesc *o = vh_conf_desc_option(*c, option);

                if (o && !is_told(told, n, o)) {
                        vh_buf_printf(b, "  default: %s in", default_text(o));
                        for (const VhConfDesc *const *d = c; *d; d++) {
                                const VhOptionDesc *same = vh_conf_desc_option(*d, option);

                                if (same && vh_streq(default_text(same), default_text(o)))
                                        vh_buf_printf(b, "%s %s", d == c ? "" : ",", (*d)->file);
                        }
                        vh_buf_addc(b, '\n');
                        told[n++] = *c;
                }
        }
}

static void put_option(VhBuf *b, const VhOptionDesc *o)
{
        _vh_free_ char *expects = vh_option_expects(o);

        put_paragraph(b, o->help);
        vh_buf_printf(b, "  value: %s%s%s\n", expects, o->unit ? ", in " : "", o->unit ? o->unit : "");
        if (o->secret)
                vh_buf_adds(b, "  secret: write {file: PATH} with the name of a file that holds it\n");
        put_defaults(b, o->name);
        vh_buf_printf(b, "  a new value needs: %s\n", change_text(o->change));
        if (o->replaced_by)
                vh_buf_printf(b, "  with socket activation: %s takes its place, and virthost writes that\n",
                              replaced_text(o->replaced_by));
        if (o->at_most)
                vh_buf_printf(b, "  not above: %s\n", o->at_most);
        vh_buf_adds(b, "  leave it to the daemon: null\n");
}

/* Values */

static bool is_below(const char *path, const char *key)
{
        size_t len = strlen(key);

        return strncmp(path, key, len) == 0 && (path[len] == '\0' || path[len] == '.' || path[len] == '[');
}

static void put_place(VhBuf *b, const VhYamlNode *node, const char *path)
{
        vh_buf_printf(b, "  set in %s:%u:%u (%s)", node->file, node->line, node->column, path);
}

static void put_value(VhBuf *b, const VhSetting *s)
{
        if (s->left)
                vh_buf_adds(b, ": left to the daemon");
        else if (s->option->secret)
                vh_buf_adds(b, ": a secret");
        else if (s->value.kind == VH_CONF_UINT)
                vh_buf_printf(b, ": %llu", (unsigned long long)s->value.u);
        else if (s->value.kind == VH_CONF_INT)
                vh_buf_printf(b, ": %lld", (long long)s->value.i);
        else if (s->value.kind == VH_CONF_STRING)
                vh_buf_printf(b, ": %s", s->value.str);
        vh_buf_addc(b, '\n');
}

/* All that the profile says about the option or below the key. */
static void put_settings(VhBuf *b, const VhProfile *p, const char *path, const char *option)
{
        _vh_free_ char *full = path ? vh_xasprintf("$.%s", path) : NULL;
        bool any = false;

        for (const VhSetting *s = p ? p->settings : NULL; s; s = s->next)
                if ((option && vh_streq(s->option->name, option)) || (full && is_below(s->path, full))) {
                        put_place(b, s->node, s->path);
                        put_value(b, s);
                        any = true;
                }
        if (p && !any && option)
                vh_buf_adds(b, "  the profile does not say it\n");
}

/* Keys */

static const char *const kind_texts[] = {
        [VH_KEY_SECTION] = "a map of further keys",
        [VH_KEY_BOOL] = "true or false",
        [VH_KEY_NUMBER] = "a whole number",
        [VH_KEY_TEXT] = "a text",
        [VH_KEY_CHOICE] = "one of",
        [VH_KEY_LIST] = "a list of texts",
        [VH_KEY_SECONDS] = "seconds, or never",
        [VH_KEY_INCLUDE] = "a file name, or a list of them",
        [VH_KEY_RULES] = "a list of rules",
        [VH_KEY_WHERE] = "a map of one attribute and its value",
        [VH_KEY_DAEMONS] = "a map of daemons",
        [VH_KEY_FILES] = "a map of files",
        [VH_KEY_UNITS] = "a map of units",
};

static void put_key(VhBuf *b, const VhKey *key, const char *path, const VhProfile *p)
{
        vh_buf_printf(b, "$.%s\n", path);
        if (key->option) {
                if (key->kind == VH_KEY_WORDS)
                        vh_buf_adds(b, "  a list here; the file has one text with blanks\n");
                vh_buf_printf(b, "  sets %s for %s\n", key->option,
                              key->scope == VH_SCOPE_ALL ? "all daemons" : "all daemons of the public API");
                put_option(b, vh_lang_option(key));
                put_settings(b, p, NULL, key->option);
                return;
        }
        put_paragraph(b, key->help);
        vh_buf_printf(b, "  value: %s", kind_texts[key->kind]);
        for (size_t i = 0; key->choices && key->choices[i]; i++)
                vh_buf_printf(b, "%s %s", i ? "," : "", key->choices[i]);
        vh_buf_addc(b, '\n');
        if (key->value)
                vh_buf_printf(b, "  default: %s\n", key->value);
        for (const VhKey *k = key->keys; k && k->name; k++)
                vh_buf_printf(b, "  %s.%s\n", path, k->name);
        put_settings(b, p, path, NULL);
}

static const VhKey *find_path(const char *path)
{
        const VhKey *keys = vh_lang_keys, *found = NULL;
        _vh_free_ char *copy = vh_xstrdup(path);
        char *rest = copy, *word;

        while ((word = strsep(&rest, "."))) {
                found = vh_lang_find(keys, word);
                if (!found)
                        return NULL;
                keys = found->keys;
        }
        return found;
}

/* "files.qemu.conf.user", "daemons.virtqemud.settings.max_clients": the file and its option. */
static const VhOptionDesc *find_in_file(const char *path, const VhConfDesc **conf)
{
        const char *rest = vh_startswith(path, "files."), *settings = vh_startswith(path, "daemons.");

        for (const VhConfDesc *const *c = vh_conf_descs; rest && *c; c++) {
                const char *option = vh_startswith(rest, (*c)->file);

                *conf = *c;
                if (option && *option == '.')
                        return vh_conf_desc_option(*c, option + 1);
        }
        for (const VhDaemonDesc *const *d = vh_daemon_descs; settings && *d; d++) {
                const char *option = vh_startswith(settings, (*d)->name);

                *conf = (*d)->conf;
                option = option ? vh_startswith(option, ".settings.") : NULL;
                if (option)
                        return vh_conf_desc_option((*d)->conf, option);
        }
        return NULL;
}

static void put_keys_that_set(VhBuf *b, const VhKey *keys, const char *path, const char *option)
{
        for (const VhKey *k = keys; k && k->name; k++) {
                _vh_free_ char *below = vh_xasprintf("%s.%s", path, k->name);

                if (vh_streq(k->option, option))
                        vh_buf_printf(b, "  set by %s\n", below);
                put_keys_that_set(b, k->keys, below, option);
        }
}

static bool explain_option(VhBuf *b, const char *name, const VhProfile *p)
{
        const VhOptionDesc *found = NULL;

        for (const VhConfDesc *const *c = vh_conf_descs; *c && !found; c++)
                found = vh_conf_desc_option(*c, name);
        if (!found)
                return false;
        vh_buf_printf(b, "%s\n", name);
        put_option(b, found);
        put_keys_that_set(b, vh_lang_keys, "$", name);
        put_settings(b, p, NULL, name);
        return true;
}

static const char *any_name(const void *unused, size_t i)
{
        for (const VhConfDesc *const *c = vh_conf_descs; *c; c++) {
                if (i < (*c)->n_options)
                        return (*c)->options[i]->name;
                i -= (*c)->n_options;
        }
        return vh_lang_keys[i].name;
}

bool vh_explain_key(VhBuf *b, const char *key, const VhProfile *p, const char **near)
{
        const char *path = vh_startswith(key, "$.") ? key + 2 : key;
        const VhConfDesc *conf = NULL;
        const VhKey *known = find_path(path);
        const VhOptionDesc *o = known ? NULL : find_in_file(path, &conf);

        *near = NULL;
        if (known) {
                put_key(b, known, path, p);
        } else if (o) {
                vh_buf_printf(b, "$.%s\n  goes to %s\n", path, conf->file);
                put_option(b, o);
                put_settings(b, p, path, NULL);
        } else if (!explain_option(b, path, p)) {
                *near = vh_did_you_mean(path, any_name, NULL);
                return false;
        }
        return true;
}

/* Lines */

static void put_line(VhBuf *b, const VhPlanFile *f, unsigned line)
{
        const char *text = f->content;

        for (unsigned i = 1; i < line && text; i++) {
                text = strchr(text, '\n');
                text += text != NULL;
        }
        if (f->secret)
                vh_buf_printf(b, "/%s:%u\n", f->path, line);
        else
                vh_buf_printf(b, "/%s:%u: %.*s\n", f->path, line, text ? (int)strcspn(text, "\n") : 0,
                              text ? text : "");
}

void vh_explain_file_line(VhBuf *b, const VhPlanFile *f, unsigned line)
{
        const VhPlanPlace *place = vh_plan_place(f, line);

        put_line(b, f, line);
        if (place) {
                put_place(b, place->node, place->path);
                vh_buf_addc(b, '\n');
        } else {
                vh_buf_adds(b, "  comes from no single value of the profile\n");
        }
}

static unsigned count_lines(const char *text)
{
        unsigned n = 0;

        for (; (text = strchr(text, '\n')); text++)
                n++;
        return n;
}

static bool is_at(const VhYamlNode *node, const char *file, unsigned line)
{
        return node && node->line == line && vh_streq(node->file, file);
}

size_t vh_explain_profile_line(VhBuf *b, const VhPlan *plan, const char *file, unsigned line)
{
        static const char *const states[] = { "disabled", "enabled", "masked" };
        size_t n = 0;

        for (size_t i = 0; i < plan->n; i++) {
                const VhPlanFile *f = &plan->files[i];
                unsigned lines = count_lines(f->content);

                for (unsigned at = 1; at <= lines; at++) {
                        const VhPlanPlace *place = vh_plan_place(f, at);

                        if (!place || !is_at(place->node, file, line))
                                continue;
                        put_line(b, f, at);
                        n++;
                }
        }
        for (size_t i = 0; i < plan->n_units; i++)
                if (is_at(plan->units[i].node, file, line)) {
                        vh_buf_printf(b, "%s is %s\n", plan->units[i].unit, states[plan->units[i].state]);
                        n++;
                }
        return n;
}
