/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Profiles' files, and apparmor_parser. */

#include "aa-profile.h"

#include <errno.h>
#include <spawn.h>
#include <sys/wait.h>

#include "base/buf.h"
#include "base/file.h"

#define TEMPLATE_NAME "LIBVIRT_TEMPLATE"
#define LOADED        "/sys/kernel/security/apparmor/profiles"

enum { TEXT_MAX = 1024 * 1024, FILE_MODE = 0644, FOLDER_MODE = 0755 };

static char *path_of(const AaProfile *p, const char *suffix)
{
        return vh_xasprintf("%s/%s%s", p->folder, p->name, suffix);
}

static int write_file(const char *path, const char *text, size_t len, VhError **err)
{
        int r = vh_file_write(path, text, len, FILE_MODE, (uid_t)VH_FILE_SAME_OWNER, (gid_t)VH_FILE_SAME_OWNER, 0);

        return r < 0 ? vh_error_sys(err, VIR_FROM_SECURITY, r, "cannot write '%s'", path) : 0;
}

/* The template with the profile's name, and the rules before its end. */
static int fill_template(const AaProfile *p, const char *text, VhBuf *out)
{
        const char *name = strstr(text, TEMPLATE_NAME);
        const char *end = name ? strrchr(name, '}') : NULL;

        if (!end)
                return -EINVAL;
        vh_buf_add(out, text, (size_t)(name - text));
        vh_buf_adds(out, p->name);
        name += strlen(TEMPLATE_NAME);
        vh_buf_add(out, name, (size_t)(end - name));
        vh_buf_printf(out, "  #include <libvirt/%s.files>\n", p->name);
        vh_buf_adds(out, end);
        return 0;
}

int aa_profile_create(const AaProfile *p, const char *kind, VhError **err)
{
        _vh_free_ char *path = path_of(p, ""), *template = vh_xasprintf("%s/TEMPLATE.%s", p->folder, kind),
                       *text = NULL;
        _vh_buf_ VhBuf out = { 0 };
        size_t len;
        int r;

        if (access(path, F_OK) == 0)
                return 0;
        r = vh_file_read(template, TEXT_MAX, &text, &len);
        if (r < 0)
                return vh_error_sys(err, VIR_FROM_SECURITY, r, "cannot read the template '%s'", template);
        if (fill_template(p, text, &out) < 0)
                return vh_error_set(err, VIR_FROM_SECURITY, VIR_ERR_CONF_SYNTAX,
                                    "the template '%s' has no profile " TEMPLATE_NAME " { ... }", template);
        return write_file(path, out.data, out.len, err);
}

int aa_profile_write_rules(const AaProfile *p, const char *rules, bool append, VhError **err)
{
        _vh_free_ char *path = path_of(p, ".files"), *before = NULL;
        _vh_buf_ VhBuf out = { 0 };
        size_t len;
        int r = append ? vh_file_read(path, TEXT_MAX, &before, &len) : 0;

        if (r < 0 && r != -ENOENT)
                return vh_error_sys(err, VIR_FROM_SECURITY, r, "cannot read '%s'", path);
        if (before)
                vh_buf_adds(&out, before);
        else
                vh_buf_adds(&out, "# What one guest may open: made for each start, changes are lost.\n");
        vh_buf_adds(&out, rules);
        return write_file(path, out.data, out.len, err);
}

static int run_parser(const char *verb, const char *path, VhError **err)
{
        /* No cache: it goes by times, and rules change faster than those. */
        char *const argv[] = { (char *)"apparmor_parser", (char *)"-K", (char *)verb, (char *)path, NULL };
        char *const env[] = { (char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", (char *)"LC_ALL=C", NULL };
        int status, r;
        pid_t pid;

        r = posix_spawn(&pid, "/usr/sbin/apparmor_parser", NULL, NULL, argv, env);
        if (r == ENOENT)
                r = posix_spawn(&pid, "/sbin/apparmor_parser", NULL, NULL, argv, env);
        if (r != 0)
                return vh_error_sys(err, VIR_FROM_SECURITY, r, "cannot run apparmor_parser");
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return vh_error_sys(err, VIR_FROM_SECURITY, errno, "cannot wait for apparmor_parser");
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
                return 0;
        return vh_error_set(err, VIR_FROM_SECURITY, VIR_ERR_INTERNAL_ERROR, "apparmor_parser %s '%s' failed", verb,
                            path);
}

int aa_profile_load(const AaProfile *p, VhError **err)
{
        _vh_free_ char *path = path_of(p, "");

        return run_parser("-r", path, err);
}

static bool is_loaded(const AaProfile *p)
{
        _vh_free_ char *text = NULL, *line = vh_xasprintf("%s (", p->name);
        size_t len;

        return vh_file_read(LOADED, TEXT_MAX, &text, &len) < 0 || strstr(text, line);
}

int aa_profile_unload(const AaProfile *p, VhError **err)
{
        _vh_free_ char *path = path_of(p, "");

        return is_loaded(p) ? run_parser("-R", path, err) : 0;
}

int aa_profile_delete_rules(const AaProfile *p, VhError **err)
{
        _vh_free_ char *path = path_of(p, ".files");

        return unlink(path) < 0 && errno != ENOENT
                       ? vh_error_sys(err, VIR_FROM_SECURITY, errno, "cannot remove '%s'", path)
                       : 0;
}
