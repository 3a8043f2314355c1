/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reading all definitions at start-up. A host may have ten thousand: names are sorted once, each file costs one open
 * and one read into a buffer that is used again, and links are looked at only where there are any. */

#include "driver/persist-private.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/buf.h"

enum {
        /* Far above any real definition; keeps a wrong file from filling the memory. */
        DEFINITION_MAX = 16 * 1024 * 1024,
        READ_CHUNK = 16 * 1024,
        TEMP_DIGITS = 16, /* behind the last dot of what vh_file_write() leaves if it is killed */
};

/* The names (without suffix) that a directory holds, sorted. */
typedef struct NameList {
        char **names;
        size_t n;
        size_t cap;
} NameList;

static void name_list_done(NameList *list)
{
        for (size_t i = 0; i < list->n; i++)
                free(list->names[i]);
        free(list->names);
}

static void name_list_add(NameList *list, char *name)
{
        if (list->n == list->cap) {
                list->cap = list->cap ? list->cap * 2 : 64;
                list->names = vh_xrealloc(list->names, list->cap, sizeof(*list->names));
        }
        list->names[list->n++] = name;
}

static int compare_names(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool name_list_has(const NameList *list, const char *name)
{
        return list->n && bsearch(&name, list->names, list->n, sizeof(*list->names), compare_names);
}

bool vh_persist_is_leftover(const char *name)
{
        const char *dot = strrchr(name, '.');

        return name[0] == '.' && dot - name >= (ptrdiff_t)strlen(VH_PERSIST_SUFFIX) &&
               memcmp(dot - strlen(VH_PERSIST_SUFFIX), VH_PERSIST_SUFFIX, strlen(VH_PERSIST_SUFFIX)) == 0 &&
               strlen(dot + 1) == TEMP_DIGITS && strspn(dot + 1, "0123456789abcdef") == TEMP_DIGITS;
}

/* Returns a descriptor of the directory, or negative errno. */
static int read_names(const char *path, NameList *list)
{
        DIR *dir = opendir(path);
        struct dirent *e;
        int fd;

        if (!dir)
                return -errno;
        fd = fcntl(dirfd(dir), F_DUPFD_CLOEXEC, 3);
        while ((e = readdir(dir))) {
                size_t len = strlen(e->d_name);

                if (vh_persist_is_leftover(e->d_name))
                        (void)unlinkat(fd, e->d_name, 0);
                else if (e->d_type != DT_DIR && len > strlen(VH_PERSIST_SUFFIX) &&
                         vh_endswith(e->d_name, VH_PERSIST_SUFFIX))
                        name_list_add(list, vh_xstrndup(e->d_name, len - strlen(VH_PERSIST_SUFFIX)));
        }
        closedir(dir);
        if (list->n)
                qsort(list->names, list->n, sizeof(*list->names), compare_names);
        return fd;
}

/* Empties buf and fills it with the file. */
static int read_into(int dirfd, const char *file, VhBuf *buf)
{
        _vh_close_ int fd = openat(dirfd, file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        struct stat st;
        ssize_t n;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        if (st.st_size > DEFINITION_MAX)
                return -EFBIG;
        buf->len = 0;
        do {
                /* One byte more than the size: the read that fills it all shows the end, too, unless the file grows. */
                char *room = vh_buf_reserve(buf, VH_MAX((size_t)st.st_size + 2, (size_t)READ_CHUNK));

                n = read(fd, room, buf->cap - buf->len - 1);
                if (n < 0)
                        return -errno;
                buf->len += (size_t)n;
        } while (n > 0 && buf->len != (size_t)st.st_size && buf->len <= DEFINITION_MAX);
        buf->data[buf->len] = '\0';
        return buf->len > DEFINITION_MAX ? -EFBIG : 0;
}

static bool link_is_live(const VhPersist *p, const char *name, int fd)
{
        _vh_free_ char *link = vh_persist_entry(p->autostart_dir, name);
        _vh_free_ char *file = vh_xasprintf("%s" VH_PERSIST_SUFFIX, name);
        struct stat a, b;

        return stat(link, &a) == 0 && fstatat(fd, file, &b, 0) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

typedef struct LoadRun {
        VhPersist *p;
        const VhPersistLoader *loader;
        NameList names;
        NameList links;
        int dirfd;
        VhBuf text;
        VhBuf path;
} LoadRun;

static int load_one(LoadRun *run, const char *name, VhError **err)
{
        const char *entry = run->path.data + strlen(run->p->dir) + 1;
        VhPersistFile file = { .persist = run->p, .name = name, .path = run->path.data };
        int r = read_into(run->dirfd, entry, &run->text);

        if (r < 0)
                return vh_error_sys(err, run->p->kind->domain, r, "cannot read config file '%s'", file.path);
        file.text = run->text.data;
        file.len = run->text.len;
        file.autostart = name_list_has(&run->links, name) && link_is_live(run->p, name, run->dirfd);
        return run->loader->load(run->loader->userdata, &file, err);
}

static int load_names(LoadRun *run)
{
        int loaded = 0;

        for (size_t i = 0; i < run->names.n; i++) {
                _vh_error_ VhError *err = NULL;
                int r;

                run->path.len = 0;
                vh_buf_printf(&run->path, "%s/%s" VH_PERSIST_SUFFIX, run->p->dir, run->names.names[i]);
                r = load_one(run, run->names.names[i], &err);
                if (r >= 0)
                        loaded++;
                else if (run->loader->skipped)
                        run->loader->skipped(run->loader->userdata, run->path.data, r, err);
        }
        return loaded;
}

int vh_persist_load(VhPersist *p, const VhPersistLoader *loader, VhError **err)
{
        LoadRun run = { .p = p, .loader = loader };
        int r, fd;

        vh_persist_drain(p);
        run.dirfd = read_names(p->dir, &run.names);
        if (run.dirfd < 0)
                return vh_error_sys(err, p->kind->domain, run.dirfd, "Failed to open dir '%s'", p->dir);
        fd = p->autostart_dir ? read_names(p->autostart_dir, &run.links) : -1;
        vh_closep(&fd);
        r = load_names(&run);
        close(run.dirfd);
        name_list_done(&run.names);
        name_list_done(&run.links);
        vh_buf_done(&run.text);
        vh_buf_done(&run.path);
        return r;
}

/* A rename that was cut short left the link under the old name, the new one, or both. */
static bool renamed_autostart(const VhPersistFile *file, const char *name)
{
        _vh_free_ char *link =
                file->persist->autostart_dir ? vh_persist_entry(file->persist->autostart_dir, name) : NULL;
        struct stat st;

        return file->autostart || (link && lstat(link, &st) == 0);
}

int vh_persist_settle(VhPersistFile *file, const char *name, VhError **err)
{
        int domain = file->persist->kind->domain;
        bool autostart;
        int r;

        if (strcmp(file->name, name) == 0)
                return 0;
        r = vh_persist_check_name(name, domain, err);
        if (r < 0)
                return r;
        autostart = renamed_autostart(file, name);
        r = vh_persist_move(file->persist, file->name, name, err);
        if (r == 0)
                file->autostart = autostart;
        return r;
}
