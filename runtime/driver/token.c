/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Two daemons may start at once: the file is locked while it is looked at, and is never empty once it is unlocked. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>

#include "base/file.h"
#include "driver/token.h"

enum { TOKEN_FILE_MODE = 0600, TOKEN_DIR_MODE = 0700 };

static int lock_whole_file(int fd)
{
        struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
        int r;

        do
                r = fcntl(fd, F_SETLKW, &l);
        while (r < 0 && errno == EINTR);
        return r < 0 ? -errno : 0;
}

static int generate(char token[VH_TOKEN_LEN + 1])
{
        uint8_t raw[VH_TOKEN_LEN / 2];

        if (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw))
                return -EIO;
        for (size_t i = 0; i < sizeof(raw); i++)
                snprintf(token + 2 * i, 3, "%02x", raw[i]);
        return 0;
}

/* Called with the lock held. */
static int read_or_make(int fd, char token[VH_TOKEN_LEN + 1])
{
        ssize_t n = pread(fd, token, VH_TOKEN_LEN, 0);
        int r;

        if (n < 0)
                return -errno;
        token[n] = '\0';
        if (n == VH_TOKEN_LEN)
                return 0;
        if (n > 0)
                return -EBADMSG;
        r = generate(token);
        if (r < 0)
                return r;
        n = pwrite(fd, token, VH_TOKEN_LEN, 0);
        if (n < 0)
                return -errno;
        return n == VH_TOKEN_LEN ? 0 : -EIO;
}

int vh_system_token(const char *run_dir, char **ret, VhError **err)
{
        _vh_free_ char *dir = vh_path_join(run_dir, "common");
        _vh_free_ char *path = vh_path_join(dir, "system.token");
        char token[VH_TOKEN_LEN + 1];
        _vh_close_ int fd = -1;
        int r = vh_mkdir_p(dir, TOKEN_DIR_MODE);

        if (r < 0)
                return vh_error_sys(err, VIR_FROM_IDENTITY, r, "cannot make directory %s", dir);
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, TOKEN_FILE_MODE);
        r = fd < 0 ? -errno : lock_whole_file(fd);
        if (r >= 0)
                r = read_or_make(fd, token);
        if (r == -EBADMSG)
                return vh_error_set(err, VIR_FROM_IDENTITY, VIR_ERR_INTERNAL_ERROR,
                                    "%s is shorter than %d characters, remove it and restart all daemons", path,
                                    VH_TOKEN_LEN);
        if (r < 0)
                return vh_error_sys(err, VIR_FROM_IDENTITY, r, "cannot read or make %s", path);
        *ret = vh_xstrdup(token);
        return 0;
}
