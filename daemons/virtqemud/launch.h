/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a start decides before the command line is made, and the command line itself. */

#include <jansson.h>

#include "base/buf.h"
#include "conf/conf.h"
#include "driver/driver.h"

/* File in a run's own folder with the key of its secrets. */
#define QEMU_MASTER_KEY "master-key.aes"

/* What an inherited descriptor is for. */
typedef enum QemuFdRole {
        QEMU_FD_TAP,   /* one a queue */
        QEMU_FD_VHOST, /* one a queue; also of vsock and of SCSI host adapters */
        QEMU_FD_VDPA,
        QEMU_FD_TPM,
        QEMU_FD_TPM_CANCEL,
        QEMU_FD_CHR_LOG,    /* of a character device, from virtlogd: its log */
        QEMU_FD_CHR_FILE,   /* likewise: what it writes to */
        QEMU_FD_CHR_SOCKET, /* of a character device: it listens */
} QemuFdRole;

typedef struct QemuLaunchFd {
        QemuFdRole role;
        char *alias; /* of the device */
        int fd;
} QemuLaunchFd;

/* Everything that the command line takes from elsewhere than the definition. Strings belong to the caller. */
typedef struct QemuLaunch {
        const VhDriverEnv *env;
        const VhConf *conf;       /* qemu.conf with its defaults; NULL: none */
        const char *lib_dir;      /* STATE/qemu/domain-ID-NAME: private files of this run */
        const char *channel_dir;  /* STATE/qemu/channel/target/domain-ID-NAME */
        const char *monitor_path; /* where the monitor listens */
        int monitor_fd;           /* the listening socket to inherit; -1: QEMU makes it (domxml-to-native) */
        const char *master_key;   /* file with the key of this run's secrets; NULL: none */
        const char *loadvm;       /* argument of -loadvm, NULL: none; the guest begins in that snapshot */
        const char *incoming;     /* argument of -incoming, NULL: a fresh guest */
        QemuLaunchFd *fds;        /* of devices, made by who prepares them; numbers as QEMU will have them */
        size_t n_fds;
        json_t *secrets; /* by id: encrypted, as objects of QEMU; NULL: none */
        bool standalone; /* for domxml-to-native: no descriptors, no key of a run */
} QemuLaunch;

/* Adds a descriptor, which is taken over. */
void qemu_launch_give_fd(QemuLaunch *launch, QemuFdRole role, const char *alias, int fd);
/* Closes the descriptors that nobody took (-1: taken), and forgets secrets. */
void qemu_launch_done(QemuLaunch *launch);
/* How many sets of descriptors QEMU is given: they have the numbers from 0 on. */
unsigned qemu_launch_n_fdsets(const QemuLaunch *launch);
/* Whether a descriptor goes to QEMU in a set of its own. */
static inline bool qemu_fd_is_set(const QemuLaunchFd *fd)
{
        return fd->role == QEMU_FD_CHR_LOG || fd->role == QEMU_FD_CHR_FILE;
}
/* The nth (from 0) descriptor of that role and device, -1 if there is none. */
int qemu_launch_fd(const QemuLaunch *launch, QemuFdRole role, const char *alias, unsigned nth);

/* A program with its arguments. All zero is a valid empty one. */
typedef struct QemuCommand {
        char **argv; /* NULL-terminated once something was added */
        size_t n_argv;
        char **env; /* "NAME=value", NULL-terminated; complete, nothing is inherited */
        size_t n_env;
        int *fds; /* inherited under their own numbers; owned: closed when the command is freed */
        size_t n_fds;
} QemuCommand;

/* Appends a copy; formatted; taken over. */
void qemu_command_add(QemuCommand *cmd, const char *arg);
void qemu_command_addf(QemuCommand *cmd, const char *fmt, ...) _vh_printf_(2, 3);
void qemu_command_take(QemuCommand *cmd, char *arg);
void qemu_command_setenv(QemuCommand *cmd, const char *name, const char *value);
/* The child inherits fd; the command owns it now. Returns fd. */
int qemu_command_pass_fd(QemuCommand *cmd, int fd);
/* The same with all of a launch, the monitor's socket included. */
void qemu_command_pass_launch(QemuCommand *cmd, QemuLaunch *launch);
void qemu_command_done(QemuCommand *cmd);
#define _qemu_command_ _vh_cleanup_(qemu_command_done)
/* The command for shells, an option a line, as it goes to the guest's log. The caller frees it. */
char *qemu_command_text(const QemuCommand *cmd);
/* The same without line breaks. */
char *qemu_command_line(const QemuCommand *cmd);
