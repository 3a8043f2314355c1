/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any text as the status file of a guest. What is read is written, read again over the guest's stored definition, and
 * must be written the same. */

#include "security.h"
#include "status.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void forget(VhDomainObj *dom)
{
        qemu_process_forget(dom);
        vh_domain_obj_end_run(dom);
}

static VhDomainObj *read_status(QemuDriver *driver, const char *text)
{
        _vh_error_ VhError *err = NULL;
        VhDomainObj *dom = NULL;
        pid_t pid;
        int r = qemu_status_read(driver, text, "fuzz", &dom, &pid, &err);

        if ((r < 0) != !!err || (r == 0) != !!(dom && qemu_process(dom)))
                abort();
        return r < 0 ? NULL : dom;
}

static char *write_status(VhDomainObj *dom)
{
        return qemu_status_text(qemu_process(dom), dom->def);
}

/* The same guest, with a stored definition. */
static void define(QemuDriver *driver, const VhDomainDef *def)
{
        VhDomainObj *dom = vh_domain_list_add(&driver->domains, vh_domain_def_copy(def));

        if (!dom)
                abort();
        dom->persistent = true;
}

static void again(QemuDriver *driver, VhDomainObj *dom)
{
        _vh_free_ char *first = write_status(dom), *second = NULL;
        _vh_domain_def_ VhDomainDef *def = vh_domain_def_copy(dom->def);

        if (read_status(driver, first))
                abort(); /* it runs already */
        forget(dom);
        vh_domain_list_clear(&driver->domains);
        define(driver, def);
        dom = read_status(driver, first);
        if (!dom) {
                fprintf(stderr, "refused:\n%s\n", first);
                abort();
        }
        second = write_status(dom);
        if (strcmp(first, second) != 0) {
                fprintf(stderr, "%s\n---\n%s\n", first, second);
                abort();
        }
        forget(dom);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _vh_free_ char *text = vh_xstrndup((const char *)data, size);
        QemuDriver driver = {
                .run_dir = (char *)"/run/libvirt/qemu",
                .env = { .privileged = true, .state_dir = "/var/lib/libvirt", .log_dir = "/var/log/libvirt" },
                /* None of this machine's is run. */
                .emulators = qemu_emulators_new("/nowhere", "/nowhere", 0),
        };
        VhDomainObj *dom;

        if (vh_loop_new(&driver.env.loop) < 0)
                abort();
        dom = read_status(&driver, text);
        if (dom)
                again(&driver, dom);
        vh_domain_list_clear(&driver.domains);
        qemu_emulators_free(driver.emulators);
        vh_loop_free(driver.env.loop);
        return 0;
}
