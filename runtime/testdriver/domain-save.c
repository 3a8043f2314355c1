/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Domains: saving to files, restoring, managed save, core dumps. A saved domain is the magic, the length of its XML as
 * 32 bits in the host's order, and the XML. */

#include "testdriver/domain-ops.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

/* Files are opened with O_NONBLOCK: a pipe must not keep the loop waiting. */
static const char save_magic[] = "TestGuestMagic"; /* its NUL is part of it */

enum { IMAGE_XML_MAX = 65536 };

static int write_all(int fd, const void *data, size_t n)
{
        for (const char *p = data; n;) {
                ssize_t r = write(fd, p, n);

                if (r < 0)
                        return -errno;
                p += r;
                n -= (size_t)r;
        }
        return 0;
}

static int read_all(int fd, void *data, size_t n)
{
        for (char *p = data; n;) {
                ssize_t r = read(fd, p, n);

                if (r <= 0)
                        return r < 0 ? -errno : -ENODATA;
                p += r;
                n -= (size_t)r;
        }
        return 0;
}

static int write_image(const char *path, const char *name, const char *xml, VhError **err)
{
        _vh_close_ int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC | O_NONBLOCK, S_IRUSR | S_IWUSR);
        uint32_t len = strlen(xml);
        int r;

        if (fd < 0)
                return vh_error_sys(err, VIR_FROM_TEST, errno, "saving domain '%s' to '%s': open failed", name, path);
        r = write_all(fd, save_magic, sizeof(save_magic));
        if (r == 0)
                r = write_all(fd, &len, sizeof(len));
        if (r == 0)
                r = write_all(fd, xml, len);
        if (r < 0)
                vh_error_sys(err, VIR_FROM_TEST, r, "saving domain '%s' to '%s': write failed", name, path);
        return r;
}

/* Text of the image's XML; the caller frees it. A relative path is one from the root, where a daemon works. */
static int read_image(const char *from, char **xml, VhError **err)
{
        _vh_free_ char *path = *from == '/' ? vh_xstrdup(from) : vh_xasprintf("/%s", from);
        _vh_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        char magic[sizeof(save_magic)];
        uint32_t len;
        int r;

        if (fd < 0)
                return vh_error_sys(err, VIR_FROM_TEST, errno, "cannot read domain image '%s'", path);
        r = read_all(fd, magic, sizeof(magic));
        if (r < 0) {
                vh_error_sys(err, VIR_FROM_TEST, r == -ENODATA ? 0 : r, "incomplete save header in '%s'", path);
                return r;
        }
        if (memcmp(magic, save_magic, sizeof(magic)) != 0)
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_INTERNAL_ERROR, "mismatched header magic");
        r = read_all(fd, &len, sizeof(len));
        if (r < 0) {
                vh_error_sys(err, VIR_FROM_TEST, r == -ENODATA ? 0 : r, "failed to read metadata length in '%s'", path);
                return r;
        }
        if (len < 1 || len > IMAGE_XML_MAX)
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_INTERNAL_ERROR, "length of metadata out of range");
        *xml = vh_new(char, len + 1);
        r = read_all(fd, *xml, len);
        if (r < 0) {
                free(VH_TAKE_PTR(*xml));
                vh_error_sys(err, VIR_FROM_TEST, r == -ENODATA ? 0 : r, "incomplete metadata in '%s'", path);
        }
        return r;
}

static int read_image_def(const char *path, VhDomainDef **def, VhError **err)
{
        _vh_free_ char *xml = NULL;
        int r = read_image(path, &xml, err);

        return r < 0 ? r : test_domain_parse(xml, 0, def, err);
}

static char *format_live(const VhDomainObj *dom)
{
        VhBuf b = {};

        test_domain_format(dom, dom->def, VH_XML_SECURE, &b);
        return vh_buf_take(&b);
}

static int save(VhCall *call, const remote_nonnull_domain *handle, const char *to, const char *dxml, uint32_t flags,
                VhError **err)
{
        TestHost *host = test_host(call);
        _vh_free_ char *xml = NULL;
        VhDomainObj *dom;
        int r = test_check_flags(flags, 0, "testDomainSaveFlags", err);

        if (r == 0 && dxml)
                r = vh_error_set(err, VIR_FROM_TEST, VIR_ERR_ARGUMENT_UNSUPPORTED, "xml modification unsupported");
        if (r == 0)
                r = test_active_domain(call, handle, &dom, err);
        if (r < 0)
                return r;
        xml = format_live(dom);
        r = write_image(to, dom->node.name, xml, err);
        if (r < 0)
                return r;
        test_domain_halt(host, dom, VIR_DOMAIN_SHUTOFF_SAVED, VIR_DOMAIN_EVENT_STOPPED_SAVED);
        return 0;
}

TEST_OP_SHARED_DO(domain_save)
{
        return save(call, &args->dom, args->to, NULL, 0, err);
}

TEST_OP_SHARED_DO(domain_save_flags)
{
        return save(call, &args->dom, args->to, args->dxml, args->flags, err);
}

static int restore(VhCall *call, const char *from, const char *dxml, uint32_t flags, VhError **err)
{
        TestHost *host = test_host(call);
        VhDomainDef *def;
        VhDomainObj *dom;
        int r = test_check_flags(flags, 0, "testDomainRestoreFlags", err);

        if (r == 0 && dxml)
                r = vh_error_set(err, VIR_FROM_TEST, VIR_ERR_ARGUMENT_UNSUPPORTED, "xml modification unsupported");
        if (r == 0)
                r = read_image_def(from, &def, err);
        if (r == 0)
                r = test_domain_adopt(host, def, true, &dom, NULL, err);
        if (r < 0)
                return r;
        test_domain_start(host, dom, VIR_DOMAIN_RUNNING_RESTORED);
        test_domain_event(host, dom, VIR_DOMAIN_EVENT_STARTED, VIR_DOMAIN_EVENT_STARTED_RESTORED);
        return 0;
}

TEST_OP_SHARED_DO(domain_restore)
{
        return restore(call, args->from, NULL, 0, err);
}

TEST_OP_SHARED_DO(domain_restore_flags)
{
        return restore(call, args->from, args->dxml, args->flags, err);
}

TEST_OP_SHARED(domain_save_image_get_xml_desc)
{
        VhDomainDef *def;
        int r = test_check_flags(args->flags, VIR_DOMAIN_SAVE_IMAGE_XML_SECURE, "testDomainSaveImageGetXMLDesc", err);

        if (r == 0)
                r = read_image_def(args->file, &def, err);
        if (r < 0)
                return r;
        ret->xml = vh_call_own(call, vh_domain_def_format(def, VH_XML_SECURE | VH_XML_INACTIVE));
        vh_domain_def_free(def);
        return 0;
}

TEST_OP_SHARED_DO(domain_save_image_define_xml)
{
        _vh_free_ char *xml = NULL;
        VhDomainDef *old, *def;
        int r = test_check_flags(args->flags, VIR_DOMAIN_SAVE_RUNNING | VIR_DOMAIN_SAVE_PAUSED,
                                 "testDomainSaveImageDefineXML", err);

        if (r == 0)
                r = read_image_def(args->file, &old, err);
        if (r < 0)
                return r;
        vh_domain_def_free(old);
        r = test_domain_parse(args->dxml, 0, &def, err);
        if (r < 0)
                return r;
        xml = vh_domain_def_format(def, VH_XML_SECURE | VH_XML_INACTIVE);
        r = write_image(args->file, def->name, xml, err);
        vh_domain_def_free(def);
        return r;
}

TEST_OP_SHARED_DO(domain_managed_save)
{
        const uint32_t known = VIR_DOMAIN_SAVE_BYPASS_CACHE | VIR_DOMAIN_SAVE_RUNNING | VIR_DOMAIN_SAVE_PAUSED;
        TestHost *host = test_host(call);
        VhDomainObj *dom;
        int r = test_check_flags(args->flags, known, "testDomainManagedSave", err);

        if (r == 0)
                r = test_active_domain(call, &args->dom, &dom, err);
        if (r < 0)
                return r;
        if (!dom->persistent)
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_OPERATION_INVALID,
                                    "cannot do managed save for transient domain");
        test_domain_halt(host, dom, VIR_DOMAIN_SHUTOFF_SAVED, VIR_DOMAIN_EVENT_STOPPED_SAVED);
        dom->has_managed_save = true;
        return 0;
}

TEST_OP_SHARED(domain_has_managed_save_image)
{
        VhDomainObj *dom;
        int r = test_check_flags(args->flags, 0, "testDomainHasManagedSaveImage", err);

        if (r == 0)
                r = test_domain(call, &args->dom, &dom, err);
        if (r == 0)
                ret->result = dom->has_managed_save;
        return r;
}

TEST_OP_SHARED_DO(domain_managed_save_remove)
{
        VhDomainObj *dom;
        int r = test_check_flags(args->flags, 0, "testDomainManagedSaveRemove", err);

        if (r == 0)
                r = test_domain(call, &args->dom, &dom, err);
        if (r == 0)
                dom->has_managed_save = false;
        return r;
}

static int write_dump(const char *path, const char *name, VhError **err)
{
        _vh_close_ int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC | O_NONBLOCK, S_IRUSR | S_IWUSR);
        int r;

        if (fd < 0)
                return vh_error_sys(err, VIR_FROM_TEST, errno, "domain '%s' coredump: failed to open %s", name, path);
        r = write_all(fd, save_magic, sizeof(save_magic));
        if (r < 0)
                vh_error_sys(err, VIR_FROM_TEST, r, "domain '%s' coredump: failed to write header to %s", name, path);
        return r;
}

static int core_dump(VhCall *call, const remote_nonnull_domain *handle, const char *to, unsigned format, uint32_t flags,
                     VhError **err)
{
        TestHost *host = test_host(call);
        VhDomainObj *dom;
        int r = test_check_flags(flags, VIR_DUMP_CRASH, "testDomainCoreDumpWithFormat", err);

        if (r == 0)
                r = test_active_domain(call, handle, &dom, err);
        if (r == 0)
                r = write_dump(to, handle->name, err);
        if (r < 0)
                return r;
        if (format != VIR_DOMAIN_CORE_DUMP_FORMAT_RAW)
                return vh_error_set(err, VIR_FROM_TEST, VIR_ERR_OPERATION_UNSUPPORTED,
                                    "kdump-compressed format is not supported here");
        if (!(flags & VIR_DUMP_CRASH))
                return 0;
        test_domain_halt(host, dom, VIR_DOMAIN_SHUTOFF_CRASHED, VIR_DOMAIN_EVENT_STOPPED_CRASHED);
        return 0;
}

TEST_OP_SHARED_DO(domain_core_dump)
{
        return core_dump(call, &args->dom, args->to, VIR_DOMAIN_CORE_DUMP_FORMAT_RAW, args->flags, err);
}

TEST_OP_SHARED_DO(domain_core_dump_with_format)
{
        return core_dump(call, &args->dom, args->to, args->dumpformat, args->flags, err);
}
