/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The table of distributions, and how one is recognised. */

#include "distro.h"
#include "dirs.h"

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

const VhDistro vh_distros[] = {
        {
                .name = "debian",
                .title = "Debian, Ubuntu",
                .ids = WORDS("debian", "ubuntu"),
                .env_dir = "etc/default",
                .unit_dir = "lib/systemd/system",
                .access_group = "libvirt",
                .qemu_user = "libvirt-qemu",
                .qemu_group = "libvirt-qemu",
                .guests_at_shutdown = "shutdown",
                .guests_at_boot = "ignore",
                .polkit_rules_dir = "etc/polkit-1/rules.d",
                .libvirt_layouts = WORDS("monolithic"),
        },
        {
                .name = "fedora",
                .title = "Fedora, RHEL and its rebuilds",
                .ids = WORDS("fedora", "rhel", "centos", "rocky", "almalinux"),
                .env_dir = "etc/sysconfig",
                .unit_dir = "usr/lib/systemd/system",
                .access_group = "libvirt",
                .qemu_user = "qemu",
                .qemu_group = "qemu",
                .guests_at_shutdown = "suspend",
                .guests_at_boot = "start",
                .polkit_rules_dir = "etc/polkit-1/rules.d",
                .libvirt_layouts = WORDS("modular", "monolithic"),
        },
        {
                .name = "suse",
                .title = "SLES, openSUSE",
                .ids = WORDS("suse", "sles", "sled", "opensuse", "opensuse-leap", "opensuse-tumbleweed"),
                .env_dir = "etc/sysconfig",
                .unit_dir = "usr/lib/systemd/system",
                .access_group = "libvirt",
                .qemu_user = "qemu",
                .qemu_group = "qemu",
                .guests_at_shutdown = "suspend",
                .guests_at_boot = "start",
                .polkit_rules_dir = "etc/polkit-1/rules.d",
                .libvirt_layouts = WORDS("modular", "monolithic"),
        },
        { 0 },
};

static bool has_id(const VhDistro *d, const char *word, size_t len)
{
        for (const char *const *id = d->ids; *id; id++)
                if (strlen(*id) == len && memcmp(*id, word, len) == 0)
                        return true;
        return false;
}

static const VhDistro *find_id(const char *word, size_t len)
{
        for (const VhDistro *d = vh_distros; d->name; d++)
                if (has_id(d, word, len))
                        return d;
        return NULL;
}

const VhDistro *vh_distro_find(const char *name)
{
        return find_id(name, strlen(name));
}

const VhDistro *vh_distro_default(void)
{
        for (const VhDistro *d = vh_distros; d->name; d++)
                if (vh_streq(d->env_dir, VH_ENVDIR))
                        return d;
        return vh_distros;
}

/* The value of KEY= in the file's text, quotes left out; *len 0 if there is none. */
static const char *find_field(const char *text, const char *key, size_t *len)
{
        const char *line = text, *value;

        *len = 0;
        while (line && *line) {
                value = vh_startswith(line, key);
                if (value && *value == '=') {
                        value++;
                        value += *value == '"' || *value == '\'';
                        *len = strcspn(value, "\"'\n");
                        return value;
                }
                line = strchr(line, '\n');
                line += line != NULL;
        }
        return "";
}

const VhDistro *vh_distro_of_os_release(const char *text)
{
        static const char *const keys[] = { "ID", "ID_LIKE" };

        for (size_t i = 0; i < VH_ARRAY_SIZE(keys); i++) {
                size_t left, word;
                const char *s = find_field(text, keys[i], &left);

                for (; left > 0; s += word, left -= word) {
                        size_t blanks = strspn(s, " ");

                        if (blanks >= left)
                                break;
                        s += blanks;
                        left -= blanks;
                        word = VH_MIN(strcspn(s, " "), left);
                        if (find_id(s, word))
                                return find_id(s, word);
                }
        }
        return NULL;
}
