/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Asking a QEMU program over QMP. It is started without a machine and blocks the thread that asks; the driver does that
 * on a worker. */

#include "caps-probe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/nofile.h"
#include "json-link.h"

enum { ANSWER_MAX = 10 * 1024 * 1024, PROGRAM_OUTPUT_MAX = 1024 };

/* Classes whose properties decide about a command line. */
static const char *const probed_types[] = {
        "virtio-blk-pci",
        "virtio-net-pci",
        "virtio-scsi-pci",
        "virtio-balloon-pci",
        "virtio-rng-pci",
        "virtio-gpu-pci",
        "virtio-vga",
        "virtio-mem-pci",
        "virtio-pmem-pci",
        "virtio-iommu-pci",
        "virtio-serial-pci",
        "vhost-user-fs-pci",
        "vhost-vsock-pci",
        "scsi-hd",
        "scsi-cd",
        "scsi-block",
        "ide-hd",
        "ide-cd",
        "usb-storage",
        "usb-host",
        "pcie-root-port",
        "pxb-pcie",
        "intel-iommu",
        "vfio-pci",
        "isa-serial",
        "isa-debugcon",
        "ICH9-LPC",
        "PIIX4_PM",
        "q35-pcihost",
        "i440FX-pcihost",
        "nec-usb-xhci",
        "qemu-xhci",
        "piix3-ide",
        "qxl",
        "VGA",
        "vmware-svga",
        "ramfb",
        "tpm-crb",
        "nvdimm",
        "pc-dimm",
        "rtl8139",
        "e1000",
        "e1000e",
        "usb-audio",
        "max-x86_64-cpu",
};

/* A program that is being asked. */
typedef struct Probe {
        const char *binary;
        pid_t pid;
        int fd; /* of the monitor */
        int stderr_fd;
        VhBuf in;
        uint64_t deadline; /* ms, monotonic */
        json_int_t last_id;
} Probe;

static uint64_t now_ms(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* In the child. QEMU does not end when its monitor's other side is gone, so it is told to end with who started it. */
_Noreturn static void become(char *const argv[], char *const env[], pid_t parent, int fd, int err_fd)
{
        sigset_t none;
        const char *why;

        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent && dup2(fd, STDIN_FILENO) >= 0 &&
            dup2(fd, STDOUT_FILENO) >= 0 && dup2(err_fd, STDERR_FILENO) >= 0)
                execve(argv[0], argv, env);
        why = strerrordesc_np(errno);
        if (why && write(err_fd, why, strlen(why)) < 0)
                _exit(126);
        _exit(127);
}

static int spawn(Probe *p, const char *accel, int fd, int err_fd)
{
        _vh_free_ char *machine = vh_xasprintf("none,accel=%s", accel);
        char *const argv[] = { (char *)p->binary,
                               (char *)"-S",
                               (char *)"-no-user-config",
                               (char *)"-nodefaults",
                               (char *)"-nographic",
                               (char *)"-machine",
                               machine,
                               (char *)"-qmp",
                               (char *)"stdio",
                               NULL };
        char *const env[] = { (char *)"LC_ALL=C", (char *)"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin",
                              NULL };
        pid_t parent = getpid();
        pid_t pid = fork();

        if (pid == 0)
                become(argv, env, parent, fd, err_fd);
        p->pid = pid;
        return pid < 0 ? -errno : 0;
}

static int probe_start(Probe *p, const char *accel, uint64_t child_files, VhError **err)
{
        int sv[2], pipes[2], r;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0)
                return vh_error_sys(err, VIR_FROM_QEMU, errno, "cannot make a socket");
        if (pipe2(pipes, O_CLOEXEC | O_NONBLOCK) < 0) {
                r = errno;
                close(sv[0]);
                close(sv[1]);
                return vh_error_sys(err, VIR_FROM_QEMU, r, "cannot make a pipe");
        }
        r = spawn(p, accel, sv[1], pipes[1]);
        close(sv[1]);
        close(pipes[1]);
        p->fd = sv[0];
        p->stderr_fd = pipes[0];
        p->deadline = now_ms() + (uint64_t)QEMU_PROBE_SECONDS * 1000;
        if (r < 0)
                return vh_error_sys(err, VIR_FROM_QEMU, r, "cannot run '%s'", p->binary);
        (void)vh_nofile_give(p->pid, child_files);
        return 0;
}

static void probe_stop(Probe *p)
{
        int status;

        if (p->fd >= 0)
                close(p->fd);
        if (p->stderr_fd >= 0)
                close(p->stderr_fd);
        if (p->pid > 0) {
                kill(p->pid, SIGKILL);
                while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
                        ;
        }
        vh_buf_done(&p->in);
        *p = (Probe){ .fd = -1, .stderr_fd = -1 };
}

/* The end of the conversation before its time, with what the program wrote. */
static int probe_died(Probe *p, const char *what, VhError **err)
{
        char text[PROGRAM_OUTPUT_MAX] = "";
        ssize_t n = read(p->stderr_fd, text, sizeof(text) - 1);

        while (n > 0 && text[n - 1] == '\n')
                text[--n] = '\0';
        return vh_error_set(err, VIR_FROM_QEMU, VIR_ERR_INTERNAL_ERROR,
                            "Failed to probe QEMU binary with QMP: '%s' %s%s%s", p->binary, what, n > 0 ? ": " : "",
                            n > 0 ? text : "");
}

/* Waits until more bytes are in p->in. */
static int receive(Probe *p, VhError **err)
{
        enum { PIECE = 64 * 1024 };
        struct pollfd pfd = { .fd = p->fd, .events = POLLIN };
        uint64_t now = now_ms();
        ssize_t n;

        if (now >= p->deadline || poll(&pfd, 1, (int)(p->deadline - now)) == 0)
                return probe_died(p, "does not answer", err);
        n = recv(p->fd, vh_buf_reserve(&p->in, PIECE), PIECE, 0);
        if (n <= 0 || p->in.len + (size_t)n > ANSWER_MAX)
                return probe_died(p, n <= 0 ? "ended" : "says too much", err);
        p->in.len += (size_t)n;
        return 0;
}

/* The next object. */
static int read_object(Probe *p, json_t **ret, VhError **err)
{
        char *end = NULL;
        json_error_t why;
        size_t n;
        int r;

        while (p->in.len == 0 || !(end = memchr(p->in.data, '\n', p->in.len))) {
                r = receive(p, err);
                if (r < 0)
                        return r;
        }
        n = (size_t)(end + 1 - p->in.data);
        *ret = qemu_json_parse(p->in.data, n, &why);
        p->in.len -= n;
        memmove(p->in.data, p->in.data + n, p->in.len);
        return *ret ? 0 : probe_died(p, "does not speak JSON", err);
}

/* Sends a command and waits for the "return" of its answer: *ret (owned by the caller) is NULL if QEMU refused. */
static int ask(Probe *p, const char *command, json_t *args, json_t **ret, VhError **err)
{
        json_t *cmd = json_pack("{s:s,s:I,s:o*}", "execute", command, "id", ++p->last_id, "arguments", args);
        char *text = json_dumps(cmd, JSON_COMPACT);
        json_t *answer = NULL;
        ssize_t n = send(p->fd, text, strlen(text), MSG_NOSIGNAL);
        int r = n < 0 ? probe_died(p, "ended", err) : 0;

        free(text);
        json_decref(cmd);
        while (r == 0) {
                r = read_object(p, &answer, err);
                if (r == 0 && json_integer_value(json_object_get(answer, "id")) == p->last_id)
                        break;
                json_decref(answer);
                answer = NULL;
        }
        *ret = answer ? json_incref(json_object_get(answer, "return")) : NULL;
        json_decref(answer);
        return r;
}

static void add_names(QemuCaps *caps, const char *kind, const json_t *list, const char *key)
{
        const json_t *item;
        size_t i;

        json_array_foreach((json_t *)list, i, item)
        {
                const char *name = json_string_value(json_object_get(item, key));

                if (name)
                        qemu_caps_add_word(caps, vh_xasprintf("%s:%s", kind, name));
        }
}

static void add_options(QemuCaps *caps, const json_t *list)
{
        const json_t *item;
        size_t i;

        add_names(caps, "option", list, "option");
        json_array_foreach((json_t *)list, i, item)
        {
                _vh_free_ char *prefix = vh_xasprintf("option:%s", json_string_value(json_object_get(item, "option")));
                const json_t *params = json_object_get(item, "parameters");
                const json_t *param;
                size_t k;

                json_array_foreach((json_t *)params, k, param) qemu_caps_add_word(
                        caps, vh_xasprintf("%s.%s", prefix, json_string_value(json_object_get(param, "name"))));
        }
}

/* The entry of a name in QMP's description of itself. */
static const json_t *schema_entry(const json_t *schema, const char *name)
{
        const json_t *item;
        size_t i;

        json_array_foreach((json_t *)schema, i, item)
        {
                if (vh_streq(json_string_value(json_object_get(item, "name")), name))
                        return item;
        }
        return NULL;
}

/* The kinds of display that the program was built with: cases of what query-display-options answers. */
static void add_displays(QemuCaps *caps, const json_t *schema)
{
        const json_t *command = schema_entry(schema, "query-display-options");
        const json_t *answer = schema_entry(schema, json_string_value(json_object_get(command, "ret-type")));

        add_names(caps, "display", json_object_get(answer, "variants"), "case");
}

/* Interrupt controllers that guests can have: QEMU for ARM alone knows the question. */
static int ask_gic(Probe *p, QemuCaps *caps, VhError **err)
{
        json_t *list = NULL, *item;
        size_t i;
        int r = ask(p, "query-gic-capabilities", NULL, &list, err);

        json_array_foreach(list, i, item)
        {
                json_int_t version = json_integer_value(json_object_get(item, "version"));

                if (json_is_true(json_object_get(item, "kernel")))
                        qemu_caps_add_word(caps, vh_xasprintf("gic:%" JSON_INTEGER_FORMAT ":kernel", version));
                if (json_is_true(json_object_get(item, "emulated")))
                        qemu_caps_add_word(caps, vh_xasprintf("gic:%" JSON_INTEGER_FORMAT ":emulated", version));
        }
        json_decref(list);
        return r;
}

static int ask_props(Probe *p, QemuCaps *caps, VhError **err)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < VH_ARRAY_SIZE(probed_types); i++) {
                const char *type = probed_types[i];
                json_t *list = NULL, *item;
                size_t k;

                r = ask(p, "device-list-properties", json_pack("{s:s}", "typename", type), &list, err);
                json_array_foreach(list, k, item) qemu_caps_add_word(
                        caps, vh_xasprintf("prop:%s.%s", type, json_string_value(json_object_get(item, "name"))));
                json_decref(list);
        }
        return r;
}

/* Lists of names, one question each. */
static int ask_words(Probe *p, QemuCaps *caps, VhError **err)
{
        static const struct {
                const char *command, *kind, *key;
        } lists[] = {
                { "qom-list-types", "type", "name" },
                { "query-commands", "command", "name" },
        };
        json_t *ret;
        int r = 0;

        for (size_t i = 0; r == 0 && i < VH_ARRAY_SIZE(lists); i++) {
                r = ask(p, lists[i].command, NULL, &ret, err);
                if (r == 0) {
                        add_names(caps, lists[i].kind, ret, lists[i].key);
                        json_decref(ret);
                }
        }
        if (r == 0)
                r = ask(p, "query-command-line-options", NULL, &ret, err);
        if (r == 0) {
                add_options(caps, ret);
                json_decref(ret);
                r = ask(p, "query-qmp-schema", NULL, &ret, err);
        }
        if (r == 0) {
                add_displays(caps, ret);
                json_decref(ret);
                r = ask_props(p, caps, err);
        }
        if (r == 0)
                r = ask_gic(p, caps, err);
        return r;
}

/* Puts the answer to one question into an object under a key. */
static int ask_into(Probe *p, json_t *facts, const char *key, const char *command, VhError **err)
{
        json_t *ret = NULL;
        int r = ask(p, command, NULL, &ret, err);

        if (r == 0 && ret)
                json_object_set_new(facts, key, ret);
        return r;
}

/* What QEMU makes of a model: with what moves to other hosts only, and with words for Windows guests. NULL: it refuses.
 */
static int ask_expansion(Probe *p, const char *model, bool migratable, bool hyperv, json_t **ret, VhError **err)
{
        json_t *props = hyperv ? json_pack("{s:b,s:b}", "migratable", migratable, "hv-passthrough", true)
                               : json_pack("{s:b}", "migratable", migratable);

        return ask(p, "query-cpu-model-expansion",
                   json_pack("{s:s,s:{s:s,s:o}}", "type", hyperv ? "full" : "static", "model", "name", model, "props",
                             props),
                   ret, err);
}

/* What a guest gets that takes all there is. */
static int ask_full_cpu(Probe *p, QemuCaps *caps, QemuAccel accel, VhError **err)
{
        const char *model = accel == QEMU_ACCEL_KVM ? "host" : "max";
        json_t *moving = NULL, *staying = NULL, *hyperv = NULL, *facts;
        int r = ask_expansion(p, model, true, false, &moving, err);

        if (r == 0)
                r = ask_expansion(p, model, false, false, &staying, err);
        if (r == 0)
                r = ask_expansion(p, model, false, true, &hyperv, err);
        facts = r == 0 ? qemu_caps_cpu_facts(moving, staying, hyperv) : NULL;
        qemu_caps_set_full_cpu(caps, accel, facts);
        json_decref(facts);
        json_decref(moving);
        json_decref(staying);
        json_decref(hyperv);
        return r;
}

static int greet(Probe *p, VhError **err)
{
        json_t *object = NULL;
        int r = read_object(p, &object, err);
        json_t *ret = NULL;

        json_decref(object);
        if (r == 0)
                r = ask(p, "qmp_capabilities", NULL, &ret, err);
        json_decref(ret);
        return r;
}

/* What does not depend on the accelerator. */
static int ask_facts(Probe *p, json_t *facts, VhError **err)
{
        static const struct {
                const char *key, *command;
        } questions[] = {
                { "version", "query-version" },
                { "target", "query-target" },
                { "machines", "query-machines" },
                { "kvm", "query-kvm" },
        };
        int r = greet(p, err);

        for (size_t i = 0; r == 0 && i < VH_ARRAY_SIZE(questions); i++)
                r = ask_into(p, facts, questions[i].key, questions[i].command, err);
        return r;
}

/* First with KVM if it is there; then once more for the CPU models without. */
static int ask_all(Probe *p, json_t *facts, uint64_t child_files, QemuCaps **ret, VhError **err)
{
        bool kvm;
        int r = probe_start(p, "kvm:tcg", child_files, err);

        if (r == 0)
                r = ask_facts(p, facts, err);
        if (r < 0)
                return r;
        kvm = json_is_true(json_object_get(json_object_get(facts, "kvm"), "enabled"));
        r = ask_into(p, facts, kvm ? "cpus-kvm" : "cpus-tcg", "query-cpu-definitions", err);
        if (r == 0)
                r = qemu_caps_from_json(ret, facts);
        if (r == 0)
                r = ask_full_cpu(p, *ret, kvm ? QEMU_ACCEL_KVM : QEMU_ACCEL_TCG, err);
        if (r == 0)
                r = ask_words(p, *ret, err);
        return r;
}

static int ask_tcg(Probe *p, json_t *facts, QemuCaps *caps, uint64_t child_files, VhError **err)
{
        int r = probe_start(p, "tcg", child_files, err);

        if (r == 0)
                r = greet(p, err);
        if (r == 0)
                r = ask_into(p, facts, "cpus-tcg", "query-cpu-definitions", err);
        if (r < 0)
                return r;
        qemu_caps_set_cpus(caps, QEMU_ACCEL_TCG, json_object_get(facts, "cpus-tcg"));
        return ask_full_cpu(p, caps, QEMU_ACCEL_TCG, err);
}

int qemu_caps_probe(QemuCaps **ret, const char *binary, uint64_t child_files, VhError **err)
{
        Probe p = { .binary = binary, .fd = -1, .stderr_fd = -1 };
        json_t *facts = json_pack("{s:s}", "binary", binary);
        QemuCaps *caps = NULL;
        int r = ask_all(&p, facts, child_files, &caps, err);

        probe_stop(&p);
        p.binary = binary;
        if (r == 0 && caps->accels[QEMU_ACCEL_KVM]) {
                r = ask_tcg(&p, facts, caps, child_files, err);
                probe_stop(&p);
        }
        json_decref(facts);
        if (r < 0) {
                qemu_caps_unref(caps);
                return r;
        }
        qemu_caps_sort_words(caps);
        *ret = caps;
        return 0;
}
