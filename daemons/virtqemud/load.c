/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Definitions from disk into memory, at start and at reload. */

#include "agent-link.h"
#include "qemu.h"

#include <errno.h>

#include "base/file.h"
#include "base/log.h"

VH_LOG_SOURCE("qemu.load");

static void jobs_free(QemuJobs *jobs)
{
        if (jobs)
                qemu_jobs_done(jobs);
        free(jobs);
}

static void priv_free(void *p)
{
        QemuDomain *priv = p;

        jobs_free(priv->jobs);
        jobs_free(priv->agent_jobs);
        free(priv->completed);
        vh_domain_def_free(priv->arriving);
        free(priv->foreign);
        free(priv->text);
        free(priv);
}

QemuDomain *qemu_domain_priv(VhDomainObj *dom)
{
        if (!dom->priv) {
                QemuDomain *priv = vh_new(QemuDomain, 1);

                priv->agent_timeout = QEMU_AGENT_BLOCK;
                dom->priv = priv;
                dom->priv_free = priv_free;
        }
        return dom->priv;
}

static QemuJobs *need_jobs(QemuDriver *driver, QemuJobs **jobs)
{
        if (!*jobs) {
                *jobs = vh_new(QemuJobs, 1);
                (*jobs)->loop = driver->env.loop;
        }
        return *jobs;
}

QemuJobs *qemu_jobs(QemuDriver *driver, VhDomainObj *dom)
{
        return need_jobs(driver, &qemu_domain_priv(dom)->jobs);
}

QemuJobs *qemu_agent_jobs(QemuDriver *driver, VhDomainObj *dom)
{
        return need_jobs(driver, &qemu_domain_priv(dom)->agent_jobs);
}

void qemu_drop_text(QemuDriver *driver, VhDomainObj *dom)
{
        QemuDomain *priv = qemu_domain_priv(dom);

        if (!priv->text)
                return;
        driver->texts -= strlen(priv->text) + 1;
        free(priv->text);
        priv->text = NULL;
}

void qemu_set_def(QemuDriver *driver, VhDomainObj *dom, VhDomainDef *def)
{
        qemu_drop_text(driver, dom);
        vh_domain_obj_set_persistent_def(dom, def);
}

/* Strictly if possible. What our model does not know is read over otherwise, and the reason is kept: such a file may be
 * shown, not rewritten. */
static int parse_file(QemuDriver *driver, const VhPersistFile *file, VhDomainDef **def, char **foreign, VhError **err)
{
        _vh_error_ VhError *strict = NULL;
        int r = qemu_parse(driver, file->text, VH_XML_STRICT, def, &strict);

        if (r == 0)
                return 0;
        r = qemu_parse(driver, file->text, 0, def, err);
        if (r < 0)
                return r;
        *foreign = vh_xstrdup(vh_error_text(strict, r));
        vh_log_warning("%s: %s; the guest can be used, its definition not be changed", file->path, *foreign);
        return 0;
}

/* Puts a definition into the list. A domain that is there already (reload) gets it as its new stored definition. */
static VhDomainObj *put(QemuDriver *driver, VhDomainDef **def, VhError **err)
{
        VhDomainObj *dom = vh_domain_by_uuid(&driver->domains, (*def)->uuid);

        if (dom && strcmp(dom->node.name, (*def)->name) == 0) {
                qemu_set_def(driver, dom, VH_TAKE_PTR(*def));
                return dom;
        }
        dom = vh_domain_list_add(&driver->domains, *def);
        if (!dom) {
                vh_error_set(err, VIR_FROM_DOMAIN, VIR_ERR_OPERATION_FAILED,
                             "domain '%s' or its uuid is defined by another file already", (*def)->name);
                return NULL;
        }
        (void)VH_TAKE_PTR(*def);
        return dom;
}

static bool has_saved_image(const QemuDriver *driver, const char *name)
{
        _vh_free_ char *path = vh_xasprintf("%s/%s.save", driver->save_dir, name);

        return access(path, F_OK) == 0;
}

static int load_file(void *userdata, VhPersistFile *file, VhError **err)
{
        QemuDriver *driver = userdata;
        _vh_domain_def_ VhDomainDef *def = NULL;
        _vh_free_ char *foreign = NULL;
        VhDomainObj *dom;
        int r = parse_file(driver, file, &def, &foreign, err);

        if (r == 0)
                r = vh_persist_settle(file, def->name, err);
        if (r < 0)
                return r;
        dom = put(driver, &def, err);
        if (!dom)
                return -EEXIST;
        dom->persistent = true;
        dom->autostart = file->autostart;
        dom->has_managed_save = has_saved_image(driver, dom->node.name);
        if (foreign || dom->priv) {
                QemuDomain *priv = qemu_domain_priv(dom);

                free(priv->foreign);
                priv->foreign = VH_TAKE_PTR(foreign);
        }
        return 0;
}

static void skipped(void *userdata, const char *path, int r, const VhError *err)
{
        vh_log_error("%s is no usable definition and was skipped: %s", path, vh_error_text(err, r));
}

int qemu_load(QemuDriver *driver, VhError **err)
{
        VhPersistLoader loader = { load_file, skipped, driver };
        int n = vh_persist_load(driver->persist, &loader, err);

        return n < 0 ? n : 0;
}
