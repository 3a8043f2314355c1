/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A folder in place of the host's root: the units in it, and nothing else that they name. What systemd-analyze says
 * about that is passed over; what has a file and a line of ours is not. */

#include "host/unit-verify.h"
#include "base/file.h"
#include "plan.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum {
        OUTPUT_MAX = 4 * 1024 * 1024,
        ARGUMENTS_MAX = 128,
        TREE_FDS = 16,
};

static int remove_node(const char *path, const struct stat *st, int kind, struct FTW *place)
{
        return remove(path);
}

/* Plain units in the place of those that a distribution's packages bring. */
static int add_stub(const char *dir, const VhPlanUnit *u)
{
        static const char service[] = "[Service]\nExecStart=/bin/true\n",
                          socket[] = "[Socket]\nListenStream=/run/stub\n";
        _vh_free_ char *folder = vh_xasprintf("%s/etc/systemd/system", dir);
        _vh_free_ char *path = vh_xasprintf("%s/%s", folder, u->unit);
        const char *text = u->socket ? socket : service;
        int r = vh_mkdir_p(folder, 0700);

        return r < 0 ? r
                     : vh_file_write(path, text, strlen(text), 0600, (uid_t)VH_FILE_SAME_OWNER,
                                     (gid_t)VH_FILE_SAME_OWNER, 0);
}

static bool is_checked(const VhProfile *p, const VhPlanUnit *u)
{
        return u->daemon && vh_profile_has(p, u->daemon);
}

static int write_units(const VhProfile *p, const VhPlan *plan, const char *dir, VhError **err)
{
        int r = vh_plan_write(plan, dir, NULL, NULL, err);

        for (size_t i = 0; r >= 0 && p->software == VH_SOFTWARE_LIBVIRT && i < plan->n_units; i++)
                if (is_checked(p, &plan->units[i])) {
                        r = add_stub(dir, &plan->units[i]);
                        if (r < 0)
                                vh_error_sys(err, VIR_FROM_CONF, r, "cannot write %s below %s", plan->units[i].unit,
                                             dir);
                }
        return r;
}

static int start(const char *const *argv, int output, pid_t *pid)
{
        posix_spawn_file_actions_t actions;
        int r = posix_spawn_file_actions_init(&actions);

        if (r == 0) {
                posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
                posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
                r = posix_spawnp(pid, argv[0], &actions, NULL, (char *const *)argv, environ);
                posix_spawn_file_actions_destroy(&actions);
        }
        return -r;
}

/* Output of both kinds; the exit status says nothing that the output does not. */
static int run(const char *const *argv, char **text, VhError **err)
{
        _vh_free_ char *name = vh_xstrdup("/tmp/virthost-output-XXXXXX");
        _vh_close_ int fd = mkostemp(name, O_CLOEXEC);
        int r = fd < 0 ? -errno : 0, status;
        size_t len;
        pid_t pid;

        if (r == 0) {
                unlink(name);
                r = start(argv, fd, &pid);
        }
        if (r < 0)
                return vh_error_sys(err, VIR_FROM_CONF, r, "cannot run %s", argv[0]);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        if (lseek(fd, 0, SEEK_SET) < 0)
                r = -errno;
        else
                r = vh_file_read_fd(fd, OUTPUT_MAX, text, &len);
        return r < 0 ? vh_error_sys(err, VIR_FROM_CONF, r, "cannot read what %s says", argv[0]) : 0;
}

/* At the value of the profile that the line comes from. */
static void add(const VhPlan *plan, const char *path, unsigned line, const char *text, VhFindings *f)
{
        const VhPlanFile *file = vh_plan_find(plan, path + (*path == '/'));
        const VhPlanPlace *place = file ? vh_plan_place(file, line) : NULL;
        VhFinding *n = place ? vh_findings_add(f, VH_SEVERITY_ERROR, "unit-verify", place->node->file,
                                               place->node->line, place->node->column, "%s:%u: %s", path, line, text)
                             : vh_findings_add(f, VH_SEVERITY_ERROR, "unit-verify", path, line, 1, "%s", text);

        if (n && place) {
                n->width = place->node->width;
                n->path = vh_arena_strdup(&f->arena, place->path);
        }
}

/* "DIR/PATH:LINE: TEXT" */
static void take_line(const VhPlan *plan, const char *line, const char *dir, VhFindings *f)
{
        const char *path = vh_startswith(line, dir), *colon = path ? strchr(path, ':') : NULL;
        _vh_free_ char *file = colon ? vh_xstrndup(path, (size_t)(colon - path)) : NULL;
        unsigned number = 0;
        int used = 0;

        if (file && sscanf(colon, ":%u: %n", &number, &used) == 1 && used > 0)
                add(plan, file, number, colon + used, f);
}

static int verify(const VhProfile *p, const VhPlan *plan, const char *dir, VhFindings *f, VhError **err)
{
        _vh_free_ char *root = vh_xasprintf("--root=%s", dir), *text = NULL;
        const char *argv[ARGUMENTS_MAX] = { "systemd-analyze", "verify", "--man=no", "--recursive-errors=no", root };
        size_t n = 5;
        char *rest, *line;
        int r = write_units(p, plan, dir, err);

        for (size_t i = 0; i < plan->n_units && n < ARGUMENTS_MAX - 1; i++)
                if (is_checked(p, &plan->units[i]))
                        argv[n++] = plan->units[i].unit;
        if (r >= 0)
                r = run(argv, &text, err);
        rest = text;
        while (r >= 0 && (line = strsep(&rest, "\n")))
                take_line(plan, line, dir, f);
        return r;
}

int vh_unit_verify(const VhProfile *p, VhFindings *findings, VhError **err)
{
        char dir[] = "/tmp/virthost-verify-XXXXXX";
        VhPlan plan = { 0 };
        int r;

        if (!mkdtemp(dir))
                return vh_error_sys(err, VIR_FROM_CONF, -errno, "cannot make a folder in /tmp");
        vh_plan_make(&plan, p, &(VhPlanOptions){ .units = p->software == VH_SOFTWARE_OURS });
        r = verify(p, &plan, dir, findings, err);
        vh_plan_done(&plan);
        (void)nftw(dir, remove_node, TREE_FDS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
        return r < 0 ? r : 0;
}
