#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hand-made hosts become profiles, the profiles become files, and the files say what the host said: states of units by
systemctl, the sockets and arguments that count, and the keys that somebody obeys.

usage: test_import.py VIRTHOST UNIT-DIR (where the build has its units)"""

import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from roots import SYSTEM, Root

VIRTHOST, UNITS = sys.argv.pop(1), sys.argv.pop(1)
HELPERS = ["virtlogd", "virtlockd"]
DEAD = {"unix_sock_group", "unix_sock_ro_perms", "unix_sock_rw_perms", "unix_sock_admin_perms", "unix_sock_dir", "listen_tls",
        "listen_tcp", "tls_port", "tcp_port", "listen_addr"}


def systemctl(root, *arguments):
    return subprocess.run(["systemctl", "--root", root, *arguments], capture_output=True, text=True, check=False).stdout


def keys_of(path):
    """The keys of a .conf file as text, the first of each."""
    keys = {}
    with open(path, encoding="utf-8") as f:
        text = re.sub(r"^\s*#.*$", "", f.read(), flags=re.M)
    for key, value in re.findall(r"^\s*(\w+)\s*=\s*(\[[^]]*\]|[^\n#]*)", text, re.M):
        keys.setdefault(key, re.sub(r"[\s,]+(?=\])|(?<=\[)\s+", "", re.sub(r",\s*", ", ", value.strip())).replace("'", '"'))
    return keys


def directives(root, unit):
    """What counts of a unit: sockets, and what the drop-ins of the tests set."""
    lists, single = {"ListenStream": []}, {}
    for key, value in re.findall(r"^(\w+)\s*=[ \t]*(.*)$", text_of(root, unit), re.M):
        if key in lists:
            lists[key] = lists[key] + [value] if value else []
        elif key in ("SocketMode", "SocketGroup", "LimitNOFILE", "FreeBind"):
            single[key] = value
    return lists, single


def text_of(root, unit):
    """A unit with its drop-ins behind it."""
    own = [p for p in (f"{root}/{f}/systemd/system/{unit}" for f in ("usr/lib", "lib")) if os.path.exists(p)][:1]
    return "".join(read(p) + "\n" for p in own + sorted(glob.glob(f"{root}{SYSTEM}/{unit}.d/*.conf")))


def arguments(root, daemon):
    """The words that reach a daemon: of the environment file, else of the unit."""
    found = None
    sources = [text_of(root, daemon + ".service"), read(f"{root}/etc/default/{daemon}")]
    for text in sources:
        for value in re.findall(rf'^(?:Environment=)?{daemon.upper()}_ARGS="?([^"\n]*)"?$', text, re.M):
            found = value
    return (found or "").split()


def read(path):
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8") as f:
        return f.read()


def effective(root, activation):
    """What a host comes to, without us."""
    units = sorted({os.path.basename(p) for f in ("usr/lib", "lib") for p in glob.glob(f"{root}/{f}/systemd/system/*.s*")
                    if p.endswith((".socket", ".service"))})
    state = {u: systemctl(root, "is-enabled", u).strip() in ("enabled", "alias") for u in units}
    used = {re.sub(r"(-ro|-admin|-tcp|-tls)?\.\w+$", "", u) for u, on in state.items() if on}
    daemon_files = {re.sub(r"(-ro|-admin|-tcp|-tls)?\.\w+$", "", u) + ".conf" for u in units}
    confs = {}
    for path in glob.glob(f"{root}/etc/libvirt/*.conf"):
        name = os.path.basename(path)
        keys = keys_of(path)
        if name in daemon_files and name.removesuffix(".conf") not in used:
            continue
        if name in daemon_files and activation:
            keys = {k: v for k, v in keys.items() if k not in DEAD}
        if keys:
            confs[name] = keys
    return {"states": state, "files": confs, "units": {u: directives(root, u) for u in units if state[u]},
            "arguments": {d: arguments(root, d) for d in sorted(used)}, "guests": guests(root)}


def guests(root):
    """What libvirt-guests reads, as a shell reads it; None: it is not enabled."""
    if systemctl(root, "is-enabled", "libvirt-guests.service").strip() != "enabled":
        return None
    script = "unset URIS ON_BOOT START_DELAY; . \"$1\"; set"
    out = subprocess.run(["env", "-i", "sh", "-c", script, "sh", f"{root}/etc/default/libvirt-guests"], capture_output=True, text=True,
                         check=False).stdout
    return {k: v for k, v in re.findall(r"^(URIS|ON_\w+|START_DELAY|PARALLEL_SHUTDOWN|SHUTDOWN_TIMEOUT|BYPASS_CACHE|SYNC_TIME)='(.*)'$",
                                        out, re.M)}


def stock(root, names):
    for name in names:
        for unit in os.listdir(UNITS):
            if re.fullmatch(name + r"(-ro|-admin)?\.socket", unit) or unit == name + ".service":
                if "WantedBy=" in read(os.path.join(UNITS, unit)):
                    root.enable(unit)


def says(profile):
    """The lines of a profile; keys stand in the order of the files they come from."""
    return sorted(line for line in profile.splitlines() if not line.startswith("#"))


class Import(unittest.TestCase):
    maxDiff = None

    def host(self, names):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        root = Root(folder.name, UNITS, names, [])
        stock(root, names)
        return root

    def imported(self, root, status=0):
        run = root.run(VIRTHOST, "import")
        self.assertEqual(run.returncode, status, run.stderr)
        return run

    def copy_with(self, root, profile):
        """The same packages, configured by the profile alone."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        for name in ("usr", "lib"):
            if os.path.isdir(f"{root.path}/{name}"):
                shutil.copytree(f"{root.path}/{name}", f"{folder.name}/{name}", symlinks=True)
        os.makedirs(f"{folder.name}/etc")
        for name in ("os-release", "group"):
            shutil.copy(f"{root.path}/etc/{name}", f"{folder.name}/etc/{name}")
        run = subprocess.run([VIRTHOST, "compile", "-o", folder.name, "-"], input=profile, capture_output=True, text=True,
                             check=False)
        self.assertEqual(run.returncode, 0, run.stderr + profile)
        systemctl(folder.name, "preset-all")
        return folder.name

    def same(self, root, activation=True):
        run = self.imported(root)
        copy = self.copy_with(root, run.stdout)
        self.assertEqual(effective(copy, activation), effective(root.path, activation), run.stdout)
        # And the copy is imported as the same profile, with nothing lost.
        again = subprocess.run([VIRTHOST, "import", "--root", copy], capture_output=True, text=True, check=False)
        self.assertEqual(again.stderr, "")
        self.assertEqual(says(again.stdout), says(run.stdout))
        return run

    def test_modular(self):
        root = self.host(["virtqemud", "virtnetworkd", "virtsecretd", "virtproxyd", *HELPERS])
        root.write("/etc/libvirt/virtqemud.conf", "# c\nmax_clients = 6000 # many\nlog_level = 2\nauth_unix_rw = 'none'\n")
        root.write("/etc/libvirt/virtlogd.conf", "max_size = 1048576\n")
        root.write("/etc/libvirt/qemu.conf", 'user = "+1000"\nnamespaces = [ ]\ncgroup_device_acl = [\n "/dev/null",\n "/dev/kvm",\n]\n'
                   'max_core = "unlimited"\nseccomp_sandbox = -1\n')
        for name in ("virtqemud", "virtqemud-ro", "virtqemud-admin"):
            root.write(f"{SYSTEM}/{name}.socket.d/50.conf", "[Socket]\nSocketMode=0660\nSocketGroup=libvirt\n")
        root.write(f"{SYSTEM}/virtqemud.service.d/limits.conf", "[Service]\nLimitNOFILE=65536\n")
        root.write("/etc/default/virtqemud", 'VIRTQEMUD_ARGS="--timeout 300"\n')
        root.write("/etc/default/virtnetworkd", 'VIRTNETWORKD_ARGS=""\n')
        run = self.same(root)
        self.assertEqual(run.stderr, "")

    def test_modular_listening(self):
        root = self.host(["virtqemud", "virtproxyd", *HELPERS])
        root.enable("virtproxyd-tls.socket")
        root.write(f"{SYSTEM}/virtproxyd-tls.socket.d/a.conf",
                   "[Socket]\nListenStream=\nListenStream=192.0.2.1:17000\nListenStream=[2001:db8::1]:17000\nFreeBind=yes\n")
        self.same(root)

    def test_modular_listening_on_another_port(self):
        root = self.host(["virtqemud", "virtproxyd", *HELPERS])
        root.enable("virtproxyd-tls.socket")
        root.write(f"{SYSTEM}/virtproxyd-tls.socket.d/a.conf", "[Socket]\nListenStream=\nListenStream=17000\n")
        root.write("/etc/libvirt/virtproxyd.conf", 'tls_allowed_dn_list = ["CN=a,O=b", "CN=\\\\c"]\n')
        self.same(root)

    def test_monolithic(self):
        root = self.host(["libvirtd", *HELPERS])
        root.write("/etc/libvirt/libvirtd.conf", 'auth_unix_rw = "polkit"\nmax_client_requests = 50\n')
        self.same(root)

    def test_monolithic_without_sockets(self):
        root = self.host(["libvirtd", *HELPERS])
        for name in ("libvirtd", "libvirtd-ro", "libvirtd-admin"):
            root.remove(f"{SYSTEM}/sockets.target.wants/{name}.socket")
        root.write("/etc/libvirt/libvirtd.conf", 'unix_sock_group = "libvirt"\nunix_sock_rw_perms = "0770"\nlisten_tls = 1\n'
                   'listen_tcp = 0\nlisten_addr = "192.0.2.1"\n')
        root.write("/etc/default/libvirtd", 'LIBVIRTD_ARGS="--listen"\n')
        run = self.imported(root)
        copy = self.copy_with(root, run.stdout)
        ours, theirs = effective(copy, False), effective(root.path, False)
        self.assertEqual({k: v for k, v in ours["states"].items() if "libvirtd" in k},
                         {k: v for k, v in theirs["states"].items() if "libvirtd" in k})
        self.assertEqual((ours["files"], ours["arguments"]["libvirtd"]), (theirs["files"], theirs["arguments"]["libvirtd"]))

    def test_lean(self):
        root = self.host(["virtqemud", "virtsecretd", "virtproxyd", *HELPERS])
        root.remove(f"{SYSTEM}/multi-user.target.wants/virtsecretd.service")
        self.same(root)

    GUESTS_UNIT = "[Unit]\nDescription=x\n[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n"

    def test_guests(self):
        root = self.host(["libvirtd", *HELPERS])
        root.write("/usr/lib/systemd/system/libvirt-guests.service", self.GUESTS_UNIT)
        text = "# c\nURIS='default qemu:///system'\nON_BOOT=start\nON_BOOT=ignore\nSHUTDOWN_TIMEOUT=\"90\"\nSYNC_TIME=1\n"
        root.write("/etc/default/libvirt-guests", text + "ON_SHUTDOWN=explode\nOTHER=1\n")
        self.assertIn("/etc/default/libvirt-guests:2:1: warning: libvirt-guests.service is not enabled", self.imported(root).stderr)
        root.enable("libvirt-guests.service")
        run = self.imported(root)
        self.assertIn("libvirt-guests:7:1: warning: a value that profiles do not have", run.stderr)
        self.assertIn("libvirt-guests:8:1: warning: a variable that profiles do not have", run.stderr)
        root.write("/etc/default/libvirt-guests", text)
        run = self.same(root)
        self.assertEqual(run.stderr, "")
        self.assertIn('guests:\n  uris: ["default", "qemu:///system"]\n  at_boot: ignore\n  timeout: 90\n  sync_time: true\n', run.stdout)
        root.write("/etc/default/libvirt-guests", "# nothing\n")
        self.assertIn("guests:\n  at_shutdown: shutdown\n", self.imported(root).stdout)

    RULES = "/etc/polkit-1/rules.d"

    def test_polkit(self):
        """rules as people write them"""
        root = self.host(["libvirtd", *HELPERS])
        head = "polkit.addRule(function(action, subject) {\n"
        root.write(f"{self.RULES}/10-a.rules", "// c\n" + head + """\
    if (action.id == "org.libvirt.unix.manage" &&
        subject.isInGroup("virt-admins")) {
        return polkit.Result.YES;
    }
});
""" + head + """\
    /* nested */
    if (action.id === 'org.libvirt.unix.manage' || action.id == 'org.libvirt.unix.monitor') {
        if (subject.user == "anna" || subject.user == "bert") return polkit.Result.YES;
    }
});
""" + head + """\
    if (action.id == "org.libvirt.unix.manage" && subject.local && subject.active) return polkit.Result.YES;
});
""" + head + "    if (action.id == 'org.freedesktop.x') return polkit.Result.NO;\n});\n")
        run = self.imported(root)
        self.assertIn('access:\n  polkit:\n    manage:\n      users: ["anna", "bert"]\n      groups: ["virt-admins"]\n', run.stdout)
        self.assertNotIn("monitor", run.stdout)
        self.assertEqual(re.findall(r"rules:(\d+):1: warning: (.*) \[", run.stderr), [("14", "a rule for polkit that profiles cannot say")])

    def test_polkit_of_profiles(self):
        """the rules that a profile comes to are read back to the byte"""
        root = self.debian()
        root.write("/etc/libvirt/libvirtd.conf", 'access_drivers = ["polkit"]\n')
        profile = """\
profile: imported
target: {daemons: libvirt, distribution: debian}
layout: monolithic
access:
  permissions: [polkit]
  polkit:
    manage: {users: [anna], groups: [g1, g2]}
    monitor: {groups: [lookers]}
  rules:
    - {users: [anna], groups: [wheel], allow: ["domain.*", "connect.getattr"], deny: [domain.delete], where: {domain_name: "web-*"}}
    - {users: [ci], allow: ["*.read"]}
    - {groups: [all], deny: ["domain.*"], where: {domain_uuid: x}}
"""
        profile = profile.replace('    - {users: [ci], allow: ["*.read"]}\n', "")
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([VIRTHOST, "compile", "-q", "-o", folder, "-"], input=profile, text=True, check=True)
            rules = read(folder + self.RULES + "/50-virthost.rules")
        self.assertIn("lookers", rules)
        root.write(f"{self.RULES}/50-virthost.rules", rules)
        run = self.imported(root)
        self.assertEqual(run.stderr, "")
        copy = self.copy_with(root, run.stdout)
        self.assertEqual(read(copy + self.RULES + "/50-virthost.rules"), rules)

    def test_hostile_rules(self):
        root = self.host(["libvirtd", *HELPERS])
        start = "polkit.addRule(function(action, subject) { // org.libvirt\n"
        for number, text in enumerate(("(" * 5000, "{" * 5000, "if (" * 5000, "!" * 5000, "return;" * 500, 'if (action.id == "' + "x" * 5000, "/*", "")):
            root.write(f"{self.RULES}/{number}.rules", start + text)
        run = self.imported(root)
        self.assertEqual(run.stderr.count("a rule for polkit that profiles cannot say"), 8)

    def test_presets(self):
        """preset files say what would be enabled, not what is"""
        root = self.host(["virtqemud", "virtproxyd", *HELPERS])
        root.write("/etc/systemd/system-preset/10-mine.preset", "# c\ndisable virtqemud.socket\nenable virtproxyd.*\n")
        run = self.imported(root)
        self.assertEqual(re.findall(r"preset:(\d+):1: warning: this preset would have (\S+) (\w+)", run.stderr),
                         [("2", "virtqemud.socket", "disabled")])

    def debian(self):
        """A host with the packages of this machine."""
        if not os.path.exists("/lib/systemd/system/libvirtd.service"):
            self.skipTest("the distribution's libvirt is not installed")
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        root = Root(folder.name, UNITS, [], [])
        for path in glob.glob("/lib/systemd/system/libvirtd*") + glob.glob("/lib/systemd/system/virtlo*d*"):
            root.write(path, read(path))
        systemctl(folder.name, "preset-all")
        return root

    def test_debian(self):
        """The packages of this machine, as they are after installation."""
        root = self.debian()
        for path in glob.glob("/etc/libvirt/*.conf"):
            try:
                root.write(path, read(path))
            except PermissionError:
                pass
        run = self.same(root)
        self.assertEqual(run.stderr, "")
        self.assertIn("daemons: libvirt\n", run.stdout)
        self.assertIn("layout: monolithic\n", run.stdout)

    def test_what_is_lost(self):
        root = self.host(["virtqemud", "virtproxyd", *HELPERS])
        root.write("/etc/libvirt/virtqemud.conf", 'unix_sock_group = "wheel"\nno_such = 1\nlog_level = 2\nlog_level = 3\nmax_clients = "x"\n'
                   'keepalive_required = 1\n')
        root.write("/etc/libvirt/qemu.conf", 'vnc_password = "secret"\n')
        root.write("/etc/libvirt/libvirtd.conf", "log_level = 1\n")
        root.write("/etc/default/virtqemud", 'VIRTQEMUD_ARGS="-v --timeout 120"\nFOO=bar\n')
        root.write(f"{SYSTEM}/virtqemud.service.d/a.conf", "[Service]\nExecStart=\nExecStart=/opt/virtqemud $VIRTQEMUD_ARGS\n")
        run = self.imported(root)
        for place, words in (("virtqemud.conf:1:", "no effect"), ("virtqemud.conf:2:", "not a key"), ("virtqemud.conf:4:", "before"),
                             ("virtqemud.conf:5:", "does not fit"), ("virtqemud.conf:6:", "any more"), ("qemu.conf:1:", "password"),
                             ("libvirtd.conf:1:", "nobody reads"), ("virtqemud:1:", "-v"), ("virtqemud:2:", "variable"),
                             ("a.conf:2:", "program")):
            self.assertRegex(run.stderr, rf"{re.escape(place)}\d+: warning: .*{words}", words)
            self.assertRegex(run.stdout, rf"(?m)^# (not here|left out): \S*{re.escape(place)} .*{words}", words)
        self.assertNotIn("secret", run.stdout)

    def test_accounts(self):
        root = self.host(["libvirtd", *HELPERS])
        root.write(f"{SYSTEM}/libvirtd.socket.d/a.conf", "[Socket]\nSocketGroup=virt\n")
        for kind in ("ro", "admin"):
            root.write(f"{SYSTEM}/libvirtd-{kind}.socket.d/a.conf", "[Socket]\nSocketGroup=virt\n")
        root.write("/etc/sysusers.d/virt.conf", "# c\ng virt -\nm anna virt\nm bert virt\nm anna other\nu daemon - - /\n")
        run = self.same(root)
        self.assertIn('access:\n  create_group: true\n  members: ["anna", "bert"]\n', run.stdout)

    def test_nothing_enabled(self):
        """a host whose packages are only installed: each unit that the profile would enable is named"""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        run = self.imported(Root(folder.name, UNITS, ["libvirtd", *HELPERS], []))
        self.assertIn("startup: socket-activation\n", run.stdout)
        self.assertIn("libvirtd.socket: warning: libvirtd.socket is not enabled here; with the profile it is", run.stderr)

    def test_what_the_compiler_refuses(self):
        root = self.host(["virtqemud", "virtproxyd", *HELPERS])
        root.write("/etc/libvirt/virtqemud.conf", 'auth_unix_rw = "none"\n')
        self.assertIn("every local user", self.imported(root, 1).stderr)


if __name__ == "__main__":
    unittest.main()
