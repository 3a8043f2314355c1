/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Files of snapshots and checkpoints. */

#include <dirent.h>
#include <errno.h>
#include <stdio.h>

#include "base/file.h"
#include "base/log.h"
#include "moment.h"

VH_LOG_SOURCE("qemu.moment");

enum {
        MOMENT_MAX = 8 * 1024 * 1024,
        FILE_MODE = 0600,
        DIR_MODE = 0700,
        TEXT_MORE = 4096, /* bytes that a text may get longer until it is written */
};

static const char *const folders[] = { [QEMU_SNAPSHOTS] = "snapshot", [QEMU_CHECKPOINTS] = "checkpoint" };

static char *folder_of(const QemuDriver *driver, QemuMomentKind kind, const char *name)
{
        return vh_xasprintf("%s/qemu/%s/%s", driver->env.state_dir, folders[kind], name);
}

static char *path_of(const QemuDriver *driver, const VhDomainObj *dom, QemuMomentKind kind, const char *name)
{
        _vh_free_ char *folder = folder_of(driver, kind, dom->node.name);

        return vh_xasprintf("%s/%s.xml", folder, name);
}

/* ---- writing ---- */

/* The document with the mark of the current one, which clients never see. */
static char *snapshot_file_text(VhDomainObj *dom, const VhMoment *m)
{
        _vh_free_ char *text = vh_snapshot_text(m, VH_XML_SECURE | VH_XML_STATUS);
        const char *end = strstr(text, "</domainsnapshot>");

        return vh_xasprintf("%.*s  <active>%d</active>\n%s", (int)(end - text), text, dom->snapshots.current == m, end);
}

static char *file_text(VhDomainObj *dom, QemuMomentKind kind, const VhMoment *m)
{
        static const char *const head =
                "<!--\nWARNING: THIS IS AN AUTO-GENERATED FILE. CHANGES TO IT ARE LIKELY TO BE\n"
                "OVERWRITTEN AND LOST.\n-->\n\n";
        _vh_free_ char *text = kind == QEMU_SNAPSHOTS
                                       ? snapshot_file_text(dom, m)
                                       : vh_checkpoint_text(m, vh_checkpoint_of(m)->def, true, VH_XML_SECURE);

        return vh_xasprintf("%s%s", head, text);
}

int qemu_moment_save(QemuDriver *driver, VhDomainObj *dom, QemuMomentKind kind, const VhMoment *m, VhError **err)
{
        _vh_free_ char *folder = folder_of(driver, kind, dom->node.name), *path = path_of(driver, dom, kind, m->name),
                       *text = file_text(dom, kind, m);
        int r = vh_mkdir_p(folder, DIR_MODE);

        if (r == 0)
                r = vh_file_write(path, text, strlen(text), FILE_MODE, (uid_t)VH_FILE_SAME_OWNER,
                                  (gid_t)VH_FILE_SAME_OWNER, 0);
        return r < 0 ? vh_error_sys(err, VIR_FROM_QEMU, r, "cannot write '%s'", path) : 0;
}

int qemu_moment_check_room(QemuDriver *driver, VhDomainObj *dom, QemuMomentKind kind, const VhMoment *m, VhError **err)
{
        _vh_free_ char *folder = folder_of(driver, kind, dom->node.name), *path = path_of(driver, dom, kind, m->name),
                       *text = file_text(dom, kind, m), *more = vh_xasprintf("%s%*s", text, TEXT_MORE, "");
        _vh_cleanup_(vh_file_draft_freep) VhFileDraft *draft = NULL;
        int r = vh_mkdir_p(folder, DIR_MODE);

        if (r == 0)
                r = vh_file_draft(&draft, path, more, strlen(more), FILE_MODE);
        if (r < 0)
                (void)rmdir(folder); /* unless there are others */
        return r < 0 ? vh_error_sys(err, VIR_FROM_QEMU, r, "cannot write '%s'", path) : 0;
}

static void save_logged(QemuDriver *driver, VhDomainObj *dom, QemuMomentKind kind, const VhMoment *m)
{
        _vh_error_ VhError *err = NULL;

        if (m && qemu_moment_save(driver, dom, kind, m, &err) < 0)
                vh_log_error("domain '%s': %s", dom->node.name, vh_error_text(err, -EIO));
}

void qemu_moment_set_current(QemuDriver *driver, VhDomainObj *dom, QemuMomentKind kind, VhMoment *m)
{
        VhMomentList *list = qemu_moment_list(dom, kind);
        VhMoment *before = list->current;

        list->current = m;
        if (kind != QEMU_SNAPSHOTS || before == m)
                return;
        save_logged(driver, dom, kind, before);
        save_logged(driver, dom, kind, m);
}

void qemu_moment_remove(QemuDriver *driver, VhDomainObj *dom, QemuMomentKind kind, VhMoment *m)
{
        VhMomentList *list = qemu_moment_list(dom, kind);
        _vh_free_ char *path = path_of(driver, dom, kind, m->name), *folder = folder_of(driver, kind, dom->node.name);
        VhMoment *parent = m->parent;
        bool current = list->current == m;

        vh_moment_remove(list, m);
        /* The files of those that changed are written before its own goes: no child ever names a parent without one. */
        for (VhMoment *c = parent ? parent->first_child : list->roots; c; c = c->sibling)
                save_logged(driver, dom, kind, c);
        if (current)
                save_logged(driver, dom, kind, parent);
        if (unlink(path) < 0 && errno != ENOENT)
                vh_log_error("cannot remove '%s': %s", path, strerror(errno));
        if (!list->all)
                (void)rmdir(folder);
}

void qemu_moments_remove_all(QemuDriver *driver, VhDomainObj *dom, QemuMomentKind kind)
{
        VhMomentList *list = qemu_moment_list(dom, kind);
        _vh_free_ char *folder = folder_of(driver, kind, dom->node.name);

        for (VhMoment *m = vh_moment_next(list, NULL, NULL); m; m = vh_moment_next(list, NULL, m)) {
                _vh_free_ char *path = path_of(driver, dom, kind, m->name);

                (void)unlink(path);
        }
        (void)rmdir(folder);
        vh_moment_clear(list);
}

int qemu_moments_undefine(QemuDriver *driver, VhDomainObj *dom, uint32_t flags, VhError **err)
{
        static const struct {
                uint32_t flag;
                const char *what;
        } rules[] = {
                [QEMU_SNAPSHOTS] = { VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA, "snapshots" },
                [QEMU_CHECKPOINTS] = { VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA, "checkpoints" },
        };

        if (vh_domain_obj_active(dom))
                return 0;
        for (unsigned kind = 0; kind < VH_ARRAY_SIZE(rules); kind++) {
                unsigned n = vh_moment_count(qemu_moment_list(dom, kind));

                if (n && !(flags & rules[kind].flag))
                        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_INVALID,
                                            "cannot delete inactive domain with %u %s", n, rules[kind].what);
        }
        qemu_moments_remove_all(driver, dom, QEMU_SNAPSHOTS);
        qemu_moments_remove_all(driver, dom, QEMU_CHECKPOINTS);
        return 0;
}

int qemu_moments_rename(QemuDriver *driver, const char *from, const char *to, VhError **err)
{
        for (unsigned kind = 0; kind < VH_ARRAY_SIZE(folders); kind++) {
                _vh_free_ char *old = folder_of(driver, kind, from), *new = folder_of(driver, kind, to);

                if (rename(old, new) < 0 && errno != ENOENT)
                        return vh_error_sys(err, VIR_FROM_QEMU, errno, "failed to rename '%s' to '%s'", old, new);
        }
        return 0;
}

/* ---- reading ---- */

/* It is a domain under another name. */
int qemu_moment_parse_inactive(QemuDriver *driver, const char *xml, VhDomainDef **ret, VhError **err)
{
        static const char name[] = "inactiveDomain";
        const char *rest = vh_startswith(xml, "<inactiveDomain"), *tail = strrchr(xml, '<');
        _vh_free_ char *text = NULL;

        if (!rest || strncmp(tail, "</inactiveDomain", sizeof(name) + 1) != 0)
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_XML_ERROR, "unreadable <%s>", name);
        text = vh_xasprintf("<domain%.*s</domain>", (int)(tail - rest), rest);
        return qemu_parse(driver, text, 0, ret, err);
}

static int read_snapshot(QemuDriver *driver, const char *text, void **ret, char **name, char **parent, bool *current,
                         VhError **err)
{
        _vh_snapshot_obj_ VhSnapshot *snap = vh_new(VhSnapshot, 1);
        int r = vh_snapshot_parse(text, 0, &snap->def, err);

        if (r == 0)
                r = vh_moment_check_name(snap->def->name, "snapshot", VIR_FROM_DOMAIN_SNAPSHOT, err);
        if (r == 0 && snap->def->domain)
                r = qemu_parse(driver, snap->def->domain, 0, &snap->dom, err);
        if (r == 0 && snap->def->inactive_domain)
                r = qemu_moment_parse_inactive(driver, snap->def->inactive_domain, &snap->inactive, err);
        if (r < 0)
                return r;
        *name = vh_xstrdup(snap->def->name);
        *parent = vh_xstrdup(snap->def->parent);
        *current = snap->def->active.val;
        *ret = VH_TAKE_PTR(snap);
        return 0;
}

static int read_checkpoint(QemuDriver *driver, const char *text, void **ret, char **name, char **parent, bool *current,
                           VhError **err)
{
        _vh_checkpoint_obj_ VhCheckpoint *cp = vh_new(VhCheckpoint, 1);
        int r = vh_checkpoint_parse(text, 0, &cp->def, err);

        if (r == 0)
                r = vh_moment_check_name(cp->def->name, "checkpoint", VIR_FROM_DOMAIN_CHECKPOINT, err);
        if (r == 0 && cp->def->domain)
                r = qemu_parse(driver, cp->def->domain, 0, &cp->dom, err);
        if (r < 0)
                return r;
        *name = vh_xstrdup(cp->def->name);
        *parent = vh_xstrdup(cp->def->parent);
        *ret = VH_TAKE_PTR(cp);
        return 0;
}

static int load_file(QemuDriver *driver, VhDomainObj *dom, QemuMomentKind kind, const char *path, VhError **err)
{
        VhMomentList *list = qemu_moment_list(dom, kind);
        _vh_free_ char *text = NULL, *name = NULL, *parent = NULL;
        bool current = false;
        void *def = NULL;
        VhMoment *m;
        size_t n;
        int r = vh_file_read(path, MOMENT_MAX, &text, &n);

        if (r < 0)
                return vh_error_sys(err, VIR_FROM_QEMU, r, "cannot read '%s'", path);
        r = (kind == QEMU_SNAPSHOTS ? read_snapshot : read_checkpoint)(driver, text, &def, &name, &parent, &current,
                                                                       err);
        if (r < 0)
                return r;
        m = vh_moment_add(list, name, NULL, def);
        if (!m) {
                list->def_free(def);
                return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_OPERATION_FAILED, "'%s' is there twice", name);
        }
        if (current)
                list->current = m;
        return 0;
}

static const char *parent_name(QemuMomentKind kind, const VhMoment *m)
{
        return kind == QEMU_SNAPSHOTS ? vh_snapshot_of(m)->def->parent : vh_checkpoint_of(m)->def->parent;
}

/* Parents were not known when their children were read. One that would be below itself stays a root. */
static void link_parents(VhDomainObj *dom, QemuMomentKind kind)
{
        VhMomentList *list = qemu_moment_list(dom, kind);
        VhMoment *m, *next;

        HASH_ITER (hh, list->all, m, next) {
                const char *name = parent_name(kind, m);
                VhMoment *parent = name ? vh_moment_find(list, name) : NULL;

                if (name && !parent)
                        vh_log_warning("domain '%s': '%s' has lost its parent '%s'", dom->node.name, m->name, name);
                if (parent && !vh_moment_is_below(parent, m))
                        vh_moment_set_parent(list, m, parent);
        }
        /* The newest checkpoint is the current one: that is where the next one goes. */
        if (kind == QEMU_CHECKPOINTS)
                HASH_ITER (hh, list->all, m, next)
                        if (!m->first_child)
                                list->current = m;
}

static void load_folder(QemuDriver *driver, VhDomainObj *dom, QemuMomentKind kind)
{
        _vh_free_ char *folder = folder_of(driver, kind, dom->node.name);
        DIR *dir = opendir(folder);
        struct dirent *entry;

        if (!dir)
                return;
        vh_moments_init(dom);
        while ((entry = readdir(dir))) {
                _vh_free_ char *path = vh_path_join(folder, entry->d_name);
                _vh_error_ VhError *err = NULL;
                int r = vh_endswith(entry->d_name, ".xml") ? load_file(driver, dom, kind, path, &err) : 0;

                if (vh_persist_is_leftover(entry->d_name))
                        (void)unlink(path);
                if (r < 0)
                        vh_log_error("%s cannot be used: %s", path, vh_error_text(err, r));
        }
        closedir(dir);
        (void)rmdir(folder); /* if there was nothing else */
        link_parents(dom, kind);
}

void qemu_moments_load(QemuDriver *driver)
{
        VH_REGISTRY_FOREACH(&driver->domains.reg, node)
        {
                VhDomainObj *dom = VH_REG_OBJECT(node, VhDomainObj, node);

                load_folder(driver, dom, QEMU_SNAPSHOTS);
                load_folder(driver, dom, QEMU_CHECKPOINTS);
        }
}
