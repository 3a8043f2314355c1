/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The peer's identity as the kernel knows it. */

#include "rpc/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/socket.h>

enum {
        STAT_START_TIME = 22, /* field of /proc/PID/stat, proc(5) */
        STAT_AFTER_NAME = 3,  /* number of the field behind the name */
        STAT_SIZE = 1024,
        LABEL_SIZE = 4096,
};

int vh_process_start_time(pid_t pid, uint64_t *ret)
{
        char path[64], text[STAT_SIZE];
        _vh_close_ int fd = -1;
        ssize_t n;
        char *p;

        snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        n = read(fd, text, sizeof(text) - 1);
        if (n < 0)
                return -errno;
        text[n] = 0;
        /* The name may hold blanks and parentheses; the last one ends it. */
        p = strrchr(text, ')');
        for (int field = STAT_AFTER_NAME - 1; p && field < STAT_START_TIME; field++)
                p = strchr(p + 1, ' ');
        if (!p || sscanf(p, " %lu", ret) != 1)
                return -EBADMSG;
        return 0;
}

static void read_label(VhIdentity *id, int fd)
{
        char label[LABEL_SIZE];
        socklen_t len = sizeof(label) - 1;

        if (getsockopt(fd, SOL_SOCKET, SO_PEERSEC, label, &len) == 0)
                id->selinux_context = vh_xstrndup(label, len);
}

int vh_identity_from_socket(VhIdentity **ret, int fd, bool is_unix)
{
        _vh_cleanup_(vh_identity_freep) VhIdentity *id = vh_new(VhIdentity, 1);
        socklen_t len = sizeof(struct ucred);
        struct ucred cred;

        if (is_unix) {
                if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
                        return -errno;
                id->has_unix = true;
                id->uid = cred.uid;
                id->gid = cred.gid;
                id->pid = cred.pid;
                /* Later the pid may be another process's. Nobody asks that about root, and /proc is slow. */
                if (cred.pid > 0 && cred.uid != 0)
                        vh_process_start_time(cred.pid, &id->start_time);
                read_label(id, fd);
        }
        *ret = VH_TAKE_PTR(id);
        return 0;
}

VhIdentity *vh_identity_copy(const VhIdentity *id)
{
        VhIdentity *copy = vh_new(VhIdentity, 1);

        *copy = *id;
        copy->user_name = vh_xstrdup(id->user_name);
        copy->group_name = vh_xstrdup(id->group_name);
        copy->selinux_context = vh_xstrdup(id->selinux_context);
        copy->sasl_user_name = vh_xstrdup(id->sasl_user_name);
        copy->x509_dname = vh_xstrdup(id->x509_dname);
        copy->system_token = vh_xstrdup(id->system_token);
        return copy;
}

VhIdentity *vh_identity_free(VhIdentity *id)
{
        if (id) {
                free(id->user_name);
                free(id->group_name);
                free(id->selinux_context);
                free(id->sasl_user_name);
                free(id->x509_dname);
                free(id->system_token);
                free(id);
        }
        return NULL;
}

void vh_identity_resolve(VhIdentity *id)
{
        struct passwd *pw = id->has_unix && !id->user_name ? getpwuid(id->uid) : NULL;
        struct group *gr = id->has_unix && !id->group_name ? getgrgid(id->gid) : NULL;

        if (pw)
                id->user_name = vh_xstrdup(pw->pw_name);
        if (gr)
                id->group_name = vh_xstrdup(gr->gr_name);
        if (id->has_unix && id->pid > 0 && !id->start_time)
                vh_process_start_time(id->pid, &id->start_time);
}
