#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""virthost diff, plan, apply, rollback and status on images (--root): what is written, that a second run does nothing, the
way back, and what goes wrong: full disk, read-only and immutable files, two at once, kill -9 at every step.

usage: test_apply.py VIRTHOST FAULT-LIBRARY SOURCE-DIR"""

import fcntl
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

VIRTHOST, FAULT, TOP = (os.path.abspath(path) for path in (sys.argv.pop(1), sys.argv.pop(1), sys.argv.pop(1)))
HOSTS = os.path.join(TOP, "profiles", "hosts")
ROOT_NEEDED = "needs root"
# The sanitizers' library wants to be the first one otherwise.
PRELOAD = {"LD_PRELOAD": FAULT, "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}

SMALL = """\
profile: small
layout: monolithic
limits: {max_clients: 100}
"""
OTHER = """\
profile: small
layout: monolithic
limits: {max_clients: 200}
logging: {level: 2}
idle_timeout: 300
files:
  qemu.conf: {max_core: unlimited}
"""
UNIT = "[Unit]\nDescription=x\n[Install]\nWantedBy=multi-user.target\nAlso={0}.socket {0}-ro.socket\n"
SOCKET = "[Socket]\nListenStream=/run/x\n[Install]\nWantedBy=sockets.target\n"


def snapshot(root, state=False):
    """Everything below root that apply may touch, as {path: (kind, mode, owner, content)}."""
    out = {}
    for folder, dirs, files in os.walk(root):
        for name in [*dirs, *files]:
            full = os.path.join(folder, name)
            path = os.path.relpath(full, root)
            if path.startswith("var/lib/virthost") and not state:
                continue
            st = os.lstat(full)
            if stat.S_ISLNK(st.st_mode):
                out[path] = ("link", os.readlink(full))
            elif stat.S_ISREG(st.st_mode):
                with open(full, "rb") as f:
                    out[path] = ("file", stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid, f.read())
    return out


class Root(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="vh-apply-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.root = os.path.join(self.folder, "root")
        self.small = self.profile("small.yaml", SMALL)
        self.other = self.profile("other.yaml", OTHER)
        os.mkdir(self.root)
        self.make_root(self.root)

    def make_root(self, root):
        units = os.path.join(root, "usr/lib/systemd/system")
        os.makedirs(units)
        os.makedirs(os.path.join(root, "etc/libvirt"))
        for name in ("libvirtd", "virtqemud", "virtlogd", "virtlockd"):
            self.put(f"usr/lib/systemd/system/{name}.service", UNIT.format(name), root)
            for kind in ("", "-ro", "-admin"):
                self.put(f"usr/lib/systemd/system/{name}{kind}.socket", SOCKET, root)

    def profile(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def put(self, path, text, root=None, mode=0o644):
        full = os.path.join(root or self.root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(full, mode)
        return full

    def read(self, path):
        with open(os.path.join(self.root, path), encoding="utf-8") as f:
            return f.read()

    def run_tool(self, *arguments, env=None, root=None):
        return subprocess.run([VIRTHOST, *arguments, "--root", root or self.root], capture_output=True, text=True, check=False,
                              timeout=60, env={**os.environ, **(env or {})})

    def good(self, *arguments, **more):
        done = self.run_tool(*arguments, **more)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def refused(self, *arguments, says, **more):
        """Fails, says why, and changes nothing."""
        before = snapshot(self.root)
        done = self.run_tool(*arguments, **more)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn(says, done.stdout + done.stderr)
        self.assertEqual(snapshot(self.root), before)
        return done


class Apply(Root):
    def test_files_links_and_masks(self):
        self.good("apply", self.small)
        self.assertIn("max_clients = 100", self.read("etc/libvirt/libvirtd.conf"))
        link = os.path.join(self.root, "etc/systemd/system/sockets.target.wants/libvirtd.socket")
        self.assertEqual(os.readlink(link), "/usr/lib/systemd/system/libvirtd.socket")
        self.assertEqual(os.readlink(os.path.join(self.root, "etc/systemd/system/virtqemud.socket")), "/dev/null")

    def test_second_run_does_nothing(self):
        self.good("apply", self.small)
        path = os.path.join(self.root, "etc/libvirt/libvirtd.conf")
        os.utime(path, (1000, 1000))
        before = snapshot(self.root, state=True)
        done = self.good("apply", self.small)
        self.assertIn("nothing to do", done.stderr)
        self.assertEqual(os.stat(path).st_mtime, 1000)
        after = snapshot(self.root, state=True)
        del before["var/lib/virthost/lock"], after["var/lib/virthost/lock"]
        self.assertEqual(after, before)

    def test_links_are_those_of_systemctl(self):
        """the same units enabled by systemctl --root have the same links"""
        self.good("apply", self.small)
        twin = os.path.join(self.folder, "twin")
        self.make_root(twin)
        units = ["libvirtd.service", *(f"{n}{k}.socket" for n in ("libvirtd", "virtlogd", "virtlockd") for k in ("", "-ro", "-admin")
                                       if not (k == "-ro" and n != "libvirtd"))]
        units += [f"{n}.service" for n in ("virtlogd", "virtlockd")]
        subprocess.run(["systemctl", "--root", twin, "--quiet", "enable", *units], check=True)
        subprocess.run(["systemctl", "--root", twin, "--quiet", "mask", "virtqemud.service", "virtqemud.socket",
                        "virtqemud-ro.socket", "virtqemud-admin.socket"], check=True)

        def links(root):
            return {p: v for p, v in snapshot(root).items() if v[0] == "link"}
        self.assertEqual(links(self.root), links(twin))

    def test_what_the_profile_no_longer_has_goes(self):
        self.good("apply", self.other)
        self.assertTrue(os.path.exists(os.path.join(self.root, "etc/libvirt/qemu.conf")))
        self.good("apply", self.small)
        self.assertFalse(os.path.exists(os.path.join(self.root, "etc/libvirt/qemu.conf")))

    def test_file_of_others_is_edited(self):
        """comments, order and keys of others stay; what the profile drops gets its value back"""
        mine = "# mine\nuser = \"me\"\n\nmax_core = 5 # small\n"
        self.put("etc/libvirt/qemu.conf", mine, mode=0o600)
        self.assertIn("only keys of the profile change", self.good("plan", self.other).stdout)
        self.good("apply", self.other)
        self.assertEqual(self.read("etc/libvirt/qemu.conf"), mine.replace("5", '"unlimited"'))
        self.assertIn("nothing to do", self.good("apply", self.other).stderr)
        more = self.profile("more.yaml", OTHER.replace("{max_core: unlimited}", "{max_files: 99}"))
        self.good("apply", more)
        text = self.read("etc/libvirt/qemu.conf")
        self.assertIn("max_core = 5 # small", text)
        self.assertIn("max_files = 99", text)
        self.put("etc/libvirt/qemu.conf", text + "# later\n", mode=0o600)
        self.good("apply", self.small)
        text = self.read("etc/libvirt/qemu.conf")
        self.assertNotIn("max_files", text)
        self.assertIn("# later", text)
        self.assertIn("# mine", text)
        self.assertEqual(stat.S_IMODE(os.stat(os.path.join(self.root, "etc/libvirt/qemu.conf")).st_mode), 0o600)

    def test_lines_of_others_are_edited(self):
        """environment files and drop-ins: what stands there, what it becomes, and what is left when the profile drops it"""
        env, unit = "etc/default/libvirtd", "etc/systemd/system/libvirtd.service.d/50-virthost.conf"
        more = self.profile("lines.yaml", SMALL + "idle_timeout: 300\nunits:\n  libvirtd.service:\n"
                                                  "    Service: {Nice: 3, Environment: [A=1, B=2]}\n")
        idle, nice = 'LIBVIRTD_ARGS="--timeout 300"\n', "Nice=3\n"
        rows = [
            (env, "# c\nFOO=1 # x\n\n", "# c\nFOO=1 # x\n\n" + idle, None),
            (env, "FOO=1", "FOO=1\n" + idle, "FOO=1\n"),
            (env, "# Arguments\n#LIBVIRTD_ARGS=\"-v\"\nFOO=1\n", "# Arguments\n#LIBVIRTD_ARGS=\"-v\"\n" + idle + "FOO=1\n", None),
            (env, "LIBVIRTD_ARGS='--verbose'\n# c\nBAR=2\n", idle + "# c\nBAR=2\n", None),
            (env, "A=1\nLIBVIRTD_ARGS=a\\\n  b\nB=2\nLIBVIRTD_ARGS=c\nC=3\n", "A=1\n" + idle + "B=2\nC=3\n",
             "A=1\nLIBVIRTD_ARGS=a\\\n  b\nLIBVIRTD_ARGS=c\nB=2\nC=3\n"),
            (env, "LIBVIRTD_ARGS='--timeout 300'\n", None, None),
            (unit, "; c\n[Service]\nNice=9\nLimitNOFILE=5\n\n[Unit]\nAfter=x.service\n",
             "; c\n[Service]\nNice=3\nLimitNOFILE=5\nEnvironment=A=1\nEnvironment=B=2\n\n[Unit]\nAfter=x.service\n", None),
            (unit, "[Unit]\nAfter=x.service\n", "[Unit]\nAfter=x.service\n\n[Service]\nNice=3\nEnvironment=A=1\nEnvironment=B=2\n",
             "[Unit]\nAfter=x.service\n\n[Service]\n"),
            (unit, "[Service]\nEnvironment=Z=1\nNice=3\nEnvironment=A=1\n",
             "[Service]\nEnvironment=A=1\nEnvironment=B=2\nNice=3\n", "[Service]\nEnvironment=Z=1\nEnvironment=A=1\nNice=3\n"),
        ]
        for path, before, during, after in rows:
            with self.subTest(before):
                self.put(path, before, mode=0o640)
                during, after = during or before, after or before
                self.good("apply", more)
                self.assertEqual(self.read(path), during)
                self.assertIn("nothing to do", self.good("apply", more).stderr)
                self.good("apply", self.small)
                self.assertEqual(self.read(path), after)
                self.good("apply", more)
                self.good("rollback")
                self.assertEqual(self.read(path), after)
                os.unlink(os.path.join(self.root, path))

    def test_rivals(self):
        """drop-ins of others that systemd reads after ours, and arguments that exclude sockets, are told"""
        modes = self.profile("modes.yaml", SMALL + "access:\n  read_write: {mode: '0660', auth: none}\n  group: root\n"
                                                   "units: {libvirtd.service: {Service: {Environment: A=1}}}\n")
        self.put("etc/systemd/system/libvirtd.socket.d/override.conf", "[Socket]\nSocketMode=0666\nSocketGroup=root\n")
        self.put("etc/systemd/system/libvirtd.socket.d/10-early.conf", "[Socket]\nSocketMode=0600\n")
        self.put("usr/lib/systemd/system/libvirtd.service.d/90-more.conf", "[Service]\nEnvironment=B=1\n")
        self.put("etc/default/libvirtd", "# c\nLIBVIRTD_ARGS=\"--listen\"\n")
        done = self.good("plan", "--json", modes)
        rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"severity"')]
        found = [(r["code"], os.path.basename(r["file"]), r["line"], r["column"], r["message"]) for r in rows]
        self.assertIn(("apply-overridden", "modes.yaml", 5, 22,
                       "/etc/systemd/system/libvirtd.socket.d/override.conf:2 has the last word about SocketMode= of libvirtd.socket"), found)
        self.assertEqual([r[:3] for r in found if r[0] == "apply-listen"], [("apply-listen", "libvirtd", 2)])
        self.assertEqual(len([r for r in found if r[0] == "apply-overridden"]), 1)
        quiet = self.good("plan", "--json", self.other)
        self.assertNotIn("apply-listen", quiet.stdout)

    def test_lines_that_cannot_be_edited(self):
        """what systemd would not understand either: replaced, kept, given back"""
        for mine in ("FOO = 1\nno assignment\n", "FOO=\x01\n=2\n"):
            self.put("etc/default/libvirtd", mine)
            self.assertIn("apply-not-edited", self.good("apply", self.other).stderr)
            self.assertIn("# Generated by virthost", self.read("etc/default/libvirtd"))
            self.good("apply", self.small)
            self.assertEqual(self.read("etc/default/libvirtd"), mine)

    def test_file_of_others_is_replaced_and_comes_back(self):
        """a file that cannot be edited, or is not to be: kept for when the profile drops it"""
        for options, mine in ((("--replace-foreign",), "# mine\nuser = \"me\"\n"), ((), "user = [ \"broken\n")):
            self.put("etc/libvirt/qemu.conf", mine)
            done = self.good("apply", *options, self.other)
            self.assertEqual("apply-not-edited" in done.stderr, not options)
            self.assertIn("# Generated by virthost", self.read("etc/libvirt/qemu.conf"))
            self.good("apply", self.small)
            self.assertEqual(self.read("etc/libvirt/qemu.conf"), mine)

    def test_file_of_others_may_be_refused(self):
        self.put("etc/libvirt/qemu.conf", "# mine\n")
        self.refused("apply", "--keep-foreign", self.other, says="apply-foreign-file")

    @unittest.skipUnless(os.geteuid() == 0, ROOT_NEEDED)
    def test_owner_mode_and_label_stay(self):
        path = self.put("etc/libvirt/libvirtd.conf", "max_clients = 7\n", mode=0o640)
        os.chown(path, 12, 34)
        os.setxattr(path, "security.selinux", b"system_u:object_r:virt_etc_t:s0\0")
        self.good("apply", self.small)
        st = os.stat(path)
        self.assertEqual((st.st_uid, st.st_gid, stat.S_IMODE(st.st_mode)), (12, 34, 0o640))
        self.assertEqual(os.getxattr(path, "security.selinux"), b"system_u:object_r:virt_etc_t:s0\0")
        self.good("rollback")
        st = os.stat(path)
        self.assertEqual((st.st_uid, st.st_gid, stat.S_IMODE(st.st_mode)), (12, 34, 0o640))
        self.assertEqual(os.getxattr(path, "security.selinux"), b"system_u:object_r:virt_etc_t:s0\0")
        self.assertEqual(self.read("etc/libvirt/libvirtd.conf"), "max_clients = 7\n")

    def test_links_do_not_lead_out_of_the_root(self):
        os.rmdir(os.path.join(self.root, "etc/libvirt"))
        os.symlink("/outside", os.path.join(self.root, "etc/libvirt"))
        os.mkdir(os.path.join(self.root, "outside"))
        self.good("apply", self.small)
        self.assertTrue(os.path.exists(os.path.join(self.root, "outside/libvirtd.conf")))
        self.assertFalse(os.path.exists("/outside"))

    def test_missing_unit_of_an_image_is_a_warning(self):
        os.unlink(os.path.join(self.root, "usr/lib/systemd/system/libvirtd-admin.socket"))
        done = self.good("apply", self.small)
        self.assertIn("apply-unit-missing", done.stderr)

    def test_unit_that_somebody_masked(self):
        os.makedirs(os.path.join(self.root, "etc/systemd/system"))
        mask = os.path.join(self.root, "etc/systemd/system/libvirtd.socket")
        os.symlink("/dev/null", mask)
        self.refused("apply", self.small, says="apply-unit-masked")
        self.good("apply", "--unmask", self.small)
        self.assertFalse(os.path.lexists(mask))
        self.good("rollback")
        self.assertEqual(os.readlink(mask), "/dev/null")

    def test_own_mask_goes_by_itself(self):
        self.good("apply", self.small)
        modular = self.profile("modular.yaml", "profile: m\nlayout: modular\nhypervisors: [qemu]\ndrivers: []\n")
        self.good("apply", modular)
        wants = os.path.join(self.root, "etc/systemd/system/sockets.target.wants/virtqemud.socket")
        self.assertTrue(os.path.islink(wants))
        self.assertFalse(os.path.lexists(os.path.join(self.root, "etc/systemd/system/virtqemud.socket")))
        self.assertEqual(os.readlink(os.path.join(self.root, "etc/systemd/system/libvirtd.socket")), "/dev/null")

    def test_root_that_is_not_there(self):
        done = subprocess.run([VIRTHOST, "apply", self.small, "--root", self.root + "x"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot open folder", done.stderr)


class Diff(Root):
    def test_exit_status(self):
        self.assertEqual(self.run_tool("diff", "--detailed-exitcode", self.small).returncode, 2)
        self.assertEqual(self.run_tool("diff", self.small).returncode, 0)
        self.good("apply", self.small)
        self.assertEqual(self.run_tool("diff", "--detailed-exitcode", self.small).returncode, 0)
        self.assertEqual(self.run_tool("diff", "--detailed-exitcode", self.small + "x").returncode, 1)

    def test_patch_takes_it(self):
        """the differences of files are ones that patch(1) understands, and lead to the same content"""
        self.put("etc/libvirt/libvirtd.conf", "".join(f"# line {i}\n" for i in range(40)) + "max_clients = 1\n")
        diff = self.good("diff", self.small).stdout
        copy = os.path.join(self.folder, "copy")
        shutil.copytree(self.root, copy, symlinks=True)
        start = diff.index("--- /etc/libvirt/libvirtd.conf")
        subprocess.run(["patch", "-s", os.path.join(copy, "etc/libvirt/libvirtd.conf")], input=diff[start:].split("\n--- ")[0] + "\n",
                       text=True, check=True)
        self.good("apply", self.small)
        with open(os.path.join(copy, "etc/libvirt/libvirtd.conf"), encoding="utf-8") as f:
            self.assertEqual(f.read(), self.read("etc/libvirt/libvirtd.conf"))

    def test_passwords_are_not_shown(self):
        self.put("etc/libvirt/qemu.conf", 'vnc_password = "topsecret"\n')
        for verb in ("diff", "plan"):
            for options in ((), ("--json",)):
                out = self.good(verb, *options, self.other).stdout
                self.assertIn("qemu.conf", out)
                self.assertNotIn("topsecret", out)

    def test_json(self):
        plan = json.loads(self.good("plan", "--json", self.other).stdout.splitlines()[-1])
        paths = {c["path"]: c["change"] for c in plan["changes"]}
        self.assertEqual(paths["/etc/libvirt/qemu.conf"], "create")
        self.assertEqual(plan["summary"]["actions"], 0)
        self.assertGreater(plan["summary"]["written"], 3)

    def test_nothing_is_written(self):
        before = snapshot(self.root, state=True)
        for verb in ("diff", "plan"):
            self.good(verb, self.small)
        self.good("apply", "-n", self.small)
        self.assertEqual(snapshot(self.root, state=True), before)


class SavedPlan(Root):
    def save(self, profile):
        path = os.path.join(self.folder, "plan")
        self.good("plan", "-o", path, profile)
        return path

    def test_is_applied(self):
        plan = self.save(self.small)
        self.assertEqual(stat.S_IMODE(os.stat(plan).st_mode), 0o600)
        self.good("apply", plan)
        self.assertIn("max_clients = 100", self.read("etc/libvirt/libvirtd.conf"))
        self.assertIn("nothing to do", self.good("apply", self.small).stderr)

    def test_stale_one_says_what_changed(self):
        plan = self.save(self.small)
        self.put("etc/libvirt/libvirtd.conf", "max_clients = 9\n")
        done = self.refused("apply", plan, says="plan-stale")
        self.assertIn("etc/libvirt/libvirtd.conf", done.stderr)

    def test_one_that_was_overtaken(self):
        plan = self.save(self.small)
        self.good("apply", self.other)
        self.refused("apply", plan, says="another profile was applied")

    def test_file_that_was_equal_counts_too(self):
        self.good("apply", self.small)
        plan = self.save(self.other)
        self.put("etc/libvirt/virtlogd.conf", "max_size = 1\n")
        self.assertIn("virtlogd.conf", self.refused("apply", plan, says="plan-stale").stderr)

    def test_damaged_one(self):
        plan = self.save(self.small)
        with open(plan, "rb") as f:
            text = f.read()
        for cut in range(30, len(text) - 1, len(text) // 17):
            with open(plan, "wb") as f:
                f.write(text[:cut])
            self.refused("apply", plan, says="not a set of changes")

    def test_path_that_leads_out(self):
        plan = self.save(self.small)
        with open(plan, encoding="utf-8") as f:
            text = f.read()
        with open(plan, "w", encoding="utf-8") as f:
            f.write(text.replace(" etc/libvirt/libvirtd.conf", " etc/../../libvirtd.conf"))
        self.refused("apply", plan, says="not a set of changes")


class Rollback(Root):
    def test_to_before(self):
        before = snapshot(self.root)
        self.good("apply", self.small)
        self.good("rollback")
        self.assertEqual(snapshot(self.root), before)

    def test_over_several_generations(self):
        states = [snapshot(self.root)]
        for profile in (self.small, self.other, self.small, self.other):
            self.good("apply", profile)
            states.append(snapshot(self.root))
        self.good("rollback", "2")
        self.assertEqual(snapshot(self.root), states[2])
        self.good("rollback")
        self.assertEqual(snapshot(self.root), states[1])
        self.good("rollback", "4")
        self.assertEqual(snapshot(self.root), states[4])
        self.good("rollback", "0")
        self.assertEqual(snapshot(self.root), states[0])

    def test_forward_again(self):
        self.good("apply", self.small)
        after = snapshot(self.root)
        self.good("rollback")
        self.good("apply", self.small)
        self.assertEqual(snapshot(self.root), after)

    def test_changed_by_hand(self):
        self.good("apply", self.small)
        self.put("etc/libvirt/libvirtd.conf", "max_clients = 3\n")
        self.refused("rollback", says="rollback-drift")

    def test_wrong_numbers(self):
        self.refused("rollback", says="nothing was applied")
        self.good("apply", self.small)
        self.refused("rollback", "7", says="generation")
        self.assertEqual(self.run_tool("rollback", "x").returncode, 2)


class Status(Root):
    def test_text_and_json(self):
        self.assertIn("no profile was applied", self.good("status").stdout)
        self.good("apply", self.small)
        self.assertIn("profile small, generation 1", self.good("status").stdout)
        self.put("etc/libvirt/libvirtd.conf", "max_clients = 3\n")
        os.unlink(os.path.join(self.root, "etc/systemd/system/sockets.target.wants/libvirtd.socket"))
        status = json.loads(self.good("status", "--json").stdout)
        self.assertEqual({(d["path"], d["missing"]) for d in status["drift"]},
                         {("/etc/libvirt/libvirtd.conf", False), ("/etc/systemd/system/sockets.target.wants/libvirtd.socket", True)})
        self.assertEqual([g["kind"] for g in status["generations"]], ["apply"])
        self.assertEqual(self.run_tool("status", "--detailed-exitcode").returncode, 2)

    def test_drift_is_put_right(self):
        self.good("apply", self.small)
        after = snapshot(self.root)
        self.put("etc/libvirt/libvirtd.conf", "max_clients = 3\n")
        self.good("apply", self.small)
        self.assertEqual(snapshot(self.root), after)


class Trouble(Root):
    def test_two_at_once(self):
        self.good("apply", self.small)
        with open(os.path.join(self.root, "var/lib/virthost/lock"), "r+", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.refused("apply", self.other, says="another virthost")
            self.refused("rollback", says="another virthost")
        self.good("apply", self.other)

    def test_folder_in_the_way(self):
        os.makedirs(os.path.join(self.root, "etc/libvirt/libvirtd.conf/x"))
        self.refused("apply", self.small, says="apply-in-the-way")

    def test_file_where_a_folder_should_be(self):
        os.rmdir(os.path.join(self.root, "etc/libvirt"))
        self.put("etc/libvirt", "")
        self.refused("apply", self.small, says="etc/libvirt")

    @unittest.skipUnless(os.geteuid() == 0, ROOT_NEEDED)
    def test_read_only_file_system(self):
        subprocess.run(["unshare", "-m", "sh", "-ec", f"""
            mount --bind {self.root}/etc {self.root}/etc; mount -o remount,ro,bind {self.root}/etc
            ! {VIRTHOST} apply {self.small} --root {self.root} 2> {self.folder}/err"""], check=True)
        with open(os.path.join(self.folder, "err"), encoding="utf-8") as f:
            self.assertIn("apply-read-only", f.read())
        self.assertEqual(os.listdir(os.path.join(self.root, "etc")), ["libvirt"])

    @unittest.skipUnless(os.geteuid() == 0, ROOT_NEEDED)
    def test_immutable_file(self):
        path = self.put("etc/libvirt/libvirtd.conf", "max_clients = 9\n")
        if subprocess.run(["chattr", "+i", path], check=False, capture_output=True).returncode != 0:
            self.skipTest("the file system has no immutable files")
        try:
            self.refused("apply", self.small, says="apply-immutable")
        finally:
            subprocess.run(["chattr", "-i", path], check=True)

    @unittest.skipUnless(os.geteuid() == 0, ROOT_NEEDED)
    def test_full_disk(self):
        """at every size of disk the profile is either applied or nothing has changed, and status works"""
        outcomes = set()
        mount = os.path.join(self.folder, "disk")
        os.mkdir(mount)
        script = f"""
            mount -t tmpfs -o size=$1 none {mount}
            cp -a {self.root}/. {mount}
            state() {{ find {mount}/etc {mount}/usr -not -type d -printf '%p %m %l\\n' | sort; find {mount}/etc -type f | sort | xargs -r cat; }}
            state > {self.folder}/before
            {VIRTHOST} apply {self.other} --root {mount} > {self.folder}/out 2>&1 && echo done || echo failed
            state > {self.folder}/after
            ! ls {mount}/var/lib/virthost/journal 2> /dev/null
            {VIRTHOST} status --root {mount} > /dev/null"""
        for kib in range(96, 700, 40):
            done = subprocess.run(["unshare", "-m", "sh", "-ec", script, "sh", f"{kib}k"], check=False, capture_output=True, text=True)
            with open(os.path.join(self.folder, "before"), encoding="utf-8") as a, \
                    open(os.path.join(self.folder, "after"), encoding="utf-8") as b, \
                    open(os.path.join(self.folder, "out"), encoding="utf-8") as c:
                said = c.read()
                if "cp:" in done.stderr:
                    continue
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr + said)
                outcomes.add(done.stdout.strip())
                if done.stdout.strip() == "failed":
                    self.assertEqual(a.read(), b.read())
                    self.assertIn("No space left", said)
        self.assertEqual(outcomes, {"done", "failed"})


class Faults(Root):
    """The process dies, or a call fails, at every call that changes the file system."""

    def count(self, *arguments):
        path = os.path.join(self.folder, "count")
        copy = os.path.join(self.folder, "counted")
        shutil.copytree(self.root, copy, symlinks=True)
        self.good(*arguments, root=copy, env={**PRELOAD, "FAULT_COUNT": path})
        shutil.rmtree(copy)
        with open(path, encoding="utf-8") as f:
            return int(f.read())

    def each(self, *arguments, env=None):
        """Runs it in a fresh copy of the root for every call; yields the copy and what the run said."""
        calls = self.count(*arguments)
        self.assertGreater(calls, 20)
        for at in range(1, calls + 1):
            copy = os.path.join(self.folder, f"copy-{at}")
            shutil.copytree(self.root, copy, symlinks=True)
            yield copy, self.run_tool(*arguments, root=copy, env={**PRELOAD, "FAULT_AT": str(at), **(env or {})})
            shutil.rmtree(copy)

    def expected(self, profile):
        copy = os.path.join(self.folder, "expected")
        shutil.copytree(self.root, copy, symlinks=True)
        self.good("apply", profile, root=copy)
        result = snapshot(copy)
        shutil.rmtree(copy)
        return result

    def test_killed_then_applied_again(self):
        self.good("apply", self.small)
        after = self.expected(self.other)
        for copy, done in self.each("apply", self.other):
            self.assertEqual(done.returncode, -9)
            self.good("apply", self.other, root=copy)
            self.assertEqual(snapshot(copy), after)
            self.assertEqual(self.run_tool("diff", "--detailed-exitcode", self.other, root=copy).returncode, 0)
            self.assertEqual(set(os.listdir(os.path.join(copy, "var/lib/virthost"))), {"applied", "generations", "lock", "manifest", "origins"})

    def test_killed_then_rolled_back(self):
        self.good("apply", self.small)
        before, after = snapshot(self.root), self.expected(self.other)
        seen = set()
        for copy, done in self.each("apply", self.other):
            self.assertEqual(done.returncode, -9)
            status = json.loads(self.good("status", "--json", root=copy).stdout)
            if status["run"]:
                self.good("rollback", root=copy)
                self.assertEqual(snapshot(copy), before)
                seen.add("interrupted")
            else:
                self.assertIn(snapshot(copy), (before, after))
                seen.add("whole")
        self.assertEqual(seen, {"interrupted", "whole"})

    def test_killed_on_the_way_back(self):
        """a second kill, while the interrupted run is taken back"""
        self.good("apply", self.small)
        before = snapshot(self.root)
        self.run_tool("apply", self.other, env={**PRELOAD, "FAULT_AT": str(self.count("apply", self.other) - 12)})
        self.assertTrue(json.loads(self.good("status", "--json").stdout)["run"])
        for copy, done in self.each("rollback"):
            self.assertEqual(done.returncode, -9)
            if json.loads(self.good("status", "--json", root=copy).stdout)["run"]:
                self.good("rollback", root=copy)
            self.assertEqual(snapshot(copy), before)

    def test_every_call_may_fail(self):
        """a call that fails once (no space): either all is done, or the host is as before and the reason was said"""
        self.good("apply", self.small)
        before, after = snapshot(self.root), self.expected(self.other)
        for copy, done in self.each("apply", self.other, env={"FAULT_ERRNO": "28"}):
            state = snapshot(copy)
            if done.returncode == 0:
                self.assertEqual(state, after)
            else:
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn("No space left", done.stderr)
                if "as before" in done.stderr or "journal" in done.stderr:
                    self.assertIn(state, (before, after))
                self.good("apply", self.other, root=copy)
                self.assertEqual(snapshot(copy), after)


class Verbs(Root):
    def test_try_needs_a_running_host(self):
        done = self.run_tool("try", self.small)
        self.assertEqual(done.returncode, 2)
        self.assertIn("image", done.stderr)

    def test_confirm_without_a_try(self):
        self.refused("confirm", says="nothing is being tried")

    def test_without_systemd(self):
        """no systemd on this machine: said before anything is done"""
        if os.path.isdir("/run/systemd/system"):
            self.skipTest("systemd runs here")
        for verb in ("apply", "try", "diff"):
            done = subprocess.run([VIRTHOST, verb, self.small], capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn("systemd does not run", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v", *sys.argv[1:]])
