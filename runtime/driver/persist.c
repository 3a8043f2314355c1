/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Changing what is on disk; reading it back is persist-load.c.
 *
 * A rename has to touch content and name of one file. Content goes first, in place: from then on the old file defines
 * the object under its new name, and the loader knows how to finish (vh_persist_settle()). Writing the new file first
 * would leave two definitions of one object behind if we die in between. */

#include "driver/persist-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <libxml/xmlstring.h>
#include <sys/stat.h>

#include "base/buf.h"

enum { FILE_MODE = 0600 };

int vh_persist_open(VhPersist **ret, const VhPersistKind *kind, const char *dir, const char *autostart_dir,
                    VhError **err)
{
        VhPersist *p;
        int r = vh_mkdir_p(dir, kind->dir_mode);

        if (r < 0)
                return vh_error_sys(err, kind->domain, r, "cannot create config directory '%s'", dir);
        p = vh_new(VhPersist, 1);
        p->kind = kind;
        p->dir = vh_xstrdup(dir);
        p->autostart_dir = vh_xstrdup(autostart_dir);
        *ret = p;
        return 0;
}

VhPersist *vh_persist_free(VhPersist *p)
{
        if (!p)
                return NULL;
        vh_persist_drain(p);
        vh_pool_free(p->pool);
        free(p->dir);
        free(p->autostart_dir);
        free(p);
        return NULL;
}

/* XML has no way to keep them: the definition would have another name when it is read again. */
static bool has_control(const char *name)
{
        for (; *name; name++)
                if ((unsigned char)*name < ' ' && *name != '\t')
                        return true;
        return false;
}

int vh_persist_check_name(const char *name, int domain, VhError **err)
{
        if (*name == '\0')
                return vh_error_set(err, domain, VIR_ERR_NO_NAME, NULL);
        if (strchr(name, '/'))
                return vh_error_set(err, domain, VIR_ERR_XML_ERROR, "name %s cannot contain '/'", name);
        if (strchr(name, '\n'))
                return vh_error_set(err, domain, VIR_ERR_XML_DETAIL, "invalid char in name: \n");
        if (has_control(name))
                return vh_error_set(err, domain, VIR_ERR_XML_ERROR, "control character in name");
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
                return vh_error_set(err, domain, VIR_ERR_XML_ERROR, "name %s cannot be the name of a file", name);
        return 0;
}

char *vh_persist_entry(const char *dir, const char *name)
{
        return vh_xasprintf("%s/%s" VH_PERSIST_SUFFIX, dir, name);
}

char *vh_persist_path(const VhPersist *p, const char *name)
{
        return vh_persist_entry(p->dir, name);
}

static bool has_autostart(const VhPersist *p, const char *name)
{
        _vh_free_ char *link = NULL;
        struct stat st;

        if (!p->autostart_dir)
                return false;
        link = vh_persist_entry(p->autostart_dir, name);
        return lstat(link, &st) == 0 && S_ISLNK(st.st_mode);
}

/* A comment must not contain two hyphens, so such a name is left out. */
static char *with_warning(const VhPersist *p, const char *name, const char *xml, size_t *len)
{
        bool plain = !strstr(name, "--") && !vh_endswith(name, "-");
        VhBuf buf = { 0 };

        vh_buf_printf(&buf,
                      "<!--\n"
                      "The daemon writes this file anew with every change of the %s: what is edited here gets lost.\n"
                      "Change it with\n"
                      "  %s%s%s\n"
                      "or with another program that uses the libvirt API.\n"
                      "-->\n\n",
                      p->kind->noun, p->kind->edit, plain ? " " : "", plain ? name : "");
        vh_buf_adds(&buf, xml);
        if (buf.data[buf.len - 1] != '\n')
                vh_buf_addc(&buf, '\n');
        *len = buf.len;
        return vh_buf_take(&buf);
}

/* The new content of a file, beside it. */
static int draft_definition(VhPersist *p, const char *file, const char *name, const char *xml, VhFileDraft **ret,
                            VhError **err)
{
        _vh_free_ char *path = vh_persist_path(p, file);
        _vh_free_ char *text = NULL;
        size_t len;
        int r;

        /* What a client put in would keep the whole definition from being read again. */
        if (!xmlCheckUTF8((const xmlChar *)xml))
                return vh_error_set(err, p->kind->domain, VIR_ERR_XML_ERROR,
                                    "the definition of '%s' has bytes that are not UTF-8", name);
        text = with_warning(p, name, xml, &len);
        r = vh_file_draft(ret, path, text, len, FILE_MODE);
        if (r < 0)
                return vh_error_sys(err, p->kind->domain, r, "Failed to create file '%s'", path);
        return 0;
}

static int place(VhPersistOp *op, VhError **err)
{
        int r = vh_file_draft_place(op->draft);

        if (r == 0)
                return 0;
        return vh_error_sys(err, op->persist->kind->domain, r, "Failed to create file '%s/%s" VH_PERSIST_SUFFIX "'",
                            op->persist->dir, op->name);
}

int vh_persist_save(VhPersist *p, const char *name, const char *xml, VhError **err)
{
        VhFileDraft *draft = NULL;
        VhPersistOp *op;
        int r = vh_persist_check_name(name, p->kind->domain, err);

        if (r == 0)
                r = draft_definition(p, name, name, xml, &draft, err);
        if (r < 0)
                return r;
        op = vh_persist_op_new(p, name, place);
        op->draft = draft;
        return vh_persist_op_do(op, err);
}

static int remove_entry(const VhPersist *p, const char *dir, const char *name, VhError **err)
{
        _vh_free_ char *path = vh_persist_entry(dir, name);
        int r = vh_file_remove(path);

        if (r < 0 && r != -ENOENT)
                return vh_error_sys(err, p->kind->domain, r, "cannot remove '%s'", path);
        return 0;
}

static int make_link(const VhPersist *p, const char *name, VhError **err)
{
        _vh_free_ char *link = vh_persist_entry(p->autostart_dir, name);
        _vh_free_ char *target = vh_persist_path(p, name);
        int r = vh_mkdir_p(p->autostart_dir, p->kind->dir_mode);

        if (r < 0)
                return vh_error_sys(err, p->kind->domain, r, "cannot create autostart directory %s", p->autostart_dir);
        r = vh_symlink_replace(target, link);
        if (r < 0)
                return vh_error_sys(err, p->kind->domain, r, "Failed to create symlink '%s to '%s'", link, target);
        return 0;
}

/* What would make a change of names fail, as far as it can be known without making it. */
static int check_writable(const VhPersist *p, VhError **err)
{
        if (access(p->dir, W_OK) == 0)
                return 0;
        return vh_error_sys(err, p->kind->domain, errno, "cannot change the directory '%s'", p->dir);
}

static int set_autostart(VhPersistOp *op, VhError **err)
{
        VhPersist *p = op->persist;

        return op->autostart ? make_link(p, op->name, err) : remove_entry(p, p->autostart_dir, op->name, err);
}

static void autostart_failed(VhPersistOp *op)
{
        if (op->persist->unlinked)
                op->persist->unlinked(op->persist->data, op->name, op->autostart);
}

int vh_persist_set_autostart(VhPersist *p, const char *name, bool autostart, VhError **err)
{
        VhPersistOp *op;
        int r;

        if (!p->autostart_dir)
                return vh_error_set(err, p->kind->domain, VIR_ERR_INTERNAL_ERROR,
                                    "a %s cannot be started automatically", p->kind->noun);
        r = check_writable(p, err);
        if (r < 0)
                return r;
        op = vh_persist_op_new(p, name, set_autostart);
        op->autostart = autostart;
        op->failed = autostart_failed;
        return vh_persist_op_do(op, err);
}

static int delete (VhPersistOp *op, VhError **err)
{
        VhPersist *p = op->persist;
        int r = p->autostart_dir ? remove_entry(p, p->autostart_dir, op->name, err) : 0;

        return r < 0 ? r : remove_entry(p, p->dir, op->name, err);
}

int vh_persist_delete(VhPersist *p, const char *name, VhError **err)
{
        int r = check_writable(p, err);

        return r < 0 ? r : vh_persist_op_do(vh_persist_op_new(p, name, delete), err);
}

static int sync_dir(const char *path)
{
        _vh_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

int vh_persist_move(VhPersist *p, const char *from, const char *to, VhError **err)
{
        _vh_free_ char *old_path = vh_persist_path(p, from);
        _vh_free_ char *new_path = vh_persist_path(p, to);
        bool autostart = has_autostart(p, from);
        int r = autostart ? make_link(p, to, err) : 0;

        if (r < 0)
                return r;
        if (renameat2(AT_FDCWD, old_path, AT_FDCWD, new_path, RENAME_NOREPLACE) < 0 || (r = sync_dir(p->dir)) < 0)
                return vh_error_sys(err, p->kind->domain, r < 0 ? r : errno, "cannot rename '%s' to '%s'", old_path,
                                    new_path);
        return autostart ? remove_entry(p, p->autostart_dir, from, err) : 0;
}

static int rename_definition(VhPersistOp *op, VhError **err)
{
        int r = place(op, err);

        return r < 0 ? r : vh_persist_move(op->persist, op->name, op->new_name, err);
}

int vh_persist_rename(VhPersist *p, const char *old_name, const char *new_name, const char *xml, VhError **err)
{
        VhFileDraft *draft = NULL;
        VhPersistOp *op;
        int r = vh_persist_check_name(new_name, p->kind->domain, err);

        if (r == 0)
                r = draft_definition(p, old_name, new_name, xml, &draft, err);
        if (r < 0)
                return r;
        op = vh_persist_op_new(p, old_name, rename_definition);
        op->new_name = vh_xstrdup(new_name);
        op->draft = draft;
        return vh_persist_op_do(op, err);
}
